//! What people may do in rooms, by kind of room and role. Pure: the store and the page both follow it.

mod company;

pub use company::Company;

use protocol::ErrorCode;
use protocol::model::Role;
use protocol::room::{DirectPolicy, LearnerPolicy, Right, RoomKind};

/// Who may write in a room that is not in the archive. It is stored with the room, so that a message's transaction need
/// not know what kinds there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writers {
    /// Every member.
    Members,
    /// Members of the staff.
    Staff,
    /// Nobody.
    Nobody,
}

/// A member's situation in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// What the room is for.
    pub kind: RoomKind,
    /// Who may write in it.
    pub writers: Writers,
    /// Whether it is in the archive.
    pub archived: bool,
    /// The member's role in the organisation.
    pub role: Role,
}

impl Access {
    /// What the member may do beyond reading.
    #[must_use]
    pub fn rights(self) -> Vec<Right> {
        [Right::Write, Right::Lesson, Right::Manage]
            .into_iter()
            .filter(|right| self.has(*right))
            .collect()
    }

    /// Whether the member may do this.
    ///
    /// # Errors
    /// Why not: [`ErrorCode::Archived`], [`ErrorCode::ReadOnly`], [`ErrorCode::Forbidden`].
    pub fn may(self, right: Right) -> Result<(), ErrorCode> {
        if self.has(right) {
            return Ok(());
        }
        Err(match right {
            Right::Lesson | Right::Manage if !self.role.is_staff() => ErrorCode::Forbidden,
            Right::Write | Right::Lesson if self.archived => ErrorCode::Archived,
            Right::Write => ErrorCode::ReadOnly,
            Right::Lesson | Right::Manage => ErrorCode::Forbidden,
        })
    }

    /// Whether the member may answer messages with emoji: also where only the staff write.
    ///
    /// # Errors
    /// Why not: [`ErrorCode::Archived`], [`ErrorCode::ReadOnly`].
    pub fn may_react(self) -> Result<(), ErrorCode> {
        if self.archived {
            return Err(ErrorCode::Archived);
        }
        match self.writers {
            Writers::Members | Writers::Staff => Ok(()),
            Writers::Nobody => Err(ErrorCode::ReadOnly),
        }
    }

    /// Whether the member may ask the others to acknowledge a message, and remind them: the staff, and nobody in a
    /// conversation of two.
    ///
    /// # Errors
    /// Why not: [`ErrorCode::Forbidden`], [`ErrorCode::Archived`].
    pub fn may_ask(self) -> Result<(), ErrorCode> {
        if !self.role.is_staff() || self.kind == RoomKind::Direct {
            return Err(ErrorCode::Forbidden);
        }
        self.may(Right::Write)
    }

    /// Whether the member may pin messages and take them down: the staff; of two people both.
    ///
    /// # Errors
    /// Why not: [`ErrorCode::Forbidden`], [`ErrorCode::Archived`], [`ErrorCode::ReadOnly`].
    pub fn may_pin(self) -> Result<(), ErrorCode> {
        if !self.role.is_staff() && self.kind != RoomKind::Direct {
            return Err(ErrorCode::Forbidden);
        }
        self.may(Right::Write)
    }

    fn has(self, right: Right) -> bool {
        let is_staff = self.role.is_staff();
        let writes = match self.writers {
            Writers::Members => !self.archived,
            Writers::Staff => !self.archived && is_staff,
            Writers::Nobody => false,
        };
        match right {
            Right::Write => writes,
            Right::Lesson => writes && is_staff,
            Right::Manage => is_staff && self.kind != RoomKind::Direct,
        }
    }
}

/// What the settings say about conversations of two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DirectRules {
    /// Who may have them.
    pub who: DirectPolicy,
    /// What those between a learner and an adult are.
    pub with_learners: LearnerPolicy,
}

impl From<DirectPolicy> for DirectRules {
    fn from(who: DirectPolicy) -> Self {
        Self {
            who,
            with_learners: LearnerPolicy::Private,
        }
    }
}

// Where only rooms that are no conversations of two are looked at.
impl From<LearnerPolicy> for DirectRules {
    fn from(with_learners: LearnerPolicy) -> Self {
        Self {
            who: DirectPolicy::default(),
            with_learners,
        }
    }
}

/// Who writes in rooms of a kind. Of conversations of two see [`direct_writers`].
#[must_use]
pub const fn writers(kind: RoomKind) -> Writers {
    match kind {
        RoomKind::Group | RoomKind::Guardians => Writers::Members,
        RoomKind::Announcements => Writers::Staff,
        RoomKind::Direct => Writers::Nobody,
    }
}

/// Who writes in the conversation of two people with these roles.
#[must_use]
pub const fn direct_writers(rules: DirectRules, one: Role, other: Role) -> Writers {
    if matches!(one, Role::Bot) || matches!(other, Role::Bot) {
        return Writers::Nobody;
    }
    if matches!(rules.with_learners, LearnerPolicy::Off) && is_with_learner(one, other) {
        return Writers::Nobody;
    }
    let with_staff = one.is_staff() || other.is_staff();
    let allowed = match rules.who {
        DirectPolicy::Off => false,
        DirectPolicy::Staff => with_staff,
        // A guardian is an adult whom other people's children do not know.
        DirectPolicy::All => {
            with_staff
                || matches!(
                    (one, other),
                    (Role::Student, Role::Student) | (Role::Guardian, Role::Guardian)
                )
        }
    };
    if allowed {
        Writers::Members
    } else {
        Writers::Nobody
    }
}

/// Whether who is responsible for the safety of children may read what is written in the conversation of two people with these roles.
#[must_use]
pub const fn is_safeguarded(rules: DirectRules, one: Role, other: Role) -> bool {
    matches!(rules.with_learners, LearnerPolicy::Visible) && is_with_learner(one, other)
}

/// Whether somebody with this role may be made responsible for the safety of children, by somebody with that one.
///
/// # Errors
/// [`ErrorCode::Forbidden`] for who is no administrator and about oneself, [`ErrorCode::BadRequest`] for who is not of the staff.
pub const fn give_safeguarding(by: Role, whose: Role, own: bool) -> Result<(), ErrorCode> {
    if !matches!(by, Role::Administrator) || own {
        return Err(ErrorCode::Forbidden);
    }
    if whose.is_staff() {
        Ok(())
    } else {
        Err(ErrorCode::BadRequest)
    }
}

// An adult and a learner.
const fn is_with_learner(one: Role, other: Role) -> bool {
    (matches!(one, Role::Student) && is_adult(other))
        || (is_adult(one) && matches!(other, Role::Student))
}

const fn is_adult(role: Role) -> bool {
    role.is_staff() || matches!(role, Role::Guardian)
}

/// Whether somebody with this role may be in a room of this kind.
#[must_use]
pub const fn fits(kind: RoomKind, role: Role) -> bool {
    !matches!(
        (kind, role),
        (RoomKind::Guardians, Role::Student) | (_, Role::Bot)
    )
}

/// Whether somebody may take another person's picture away: administrators everybody's, the rest of the staff those of
/// learners and guardians with whom they share a room.
///
/// # Errors
/// Why not: [`ErrorCode::Forbidden`], and [`ErrorCode::NotFound`] for who does not see it either.
pub const fn take_picture(by: Role, whose: Role, share_a_room: bool) -> Result<(), ErrorCode> {
    match by {
        Role::Administrator => Ok(()),
        _ if !share_a_room => Err(ErrorCode::NotFound),
        Role::Teacher if !whose.is_staff() => Ok(()),
        Role::Teacher | Role::Student | Role::Guardian | Role::Bot => Err(ErrorCode::Forbidden),
    }
}

/// Whether somebody may give another person a one-time password: administrators everybody but administrators, the rest of the
/// staff learners and guardians with whom they share a room in which people write. Whoever gives one can sign in with it, and two
/// administrators are what guards people's conversations; so theirs are replaced on the command line alone. Bots have none.
///
/// # Errors
/// Why not: [`ErrorCode::Forbidden`], and [`ErrorCode::NotFound`] for whom they share no room with.
pub const fn reset_password(by: Role, whose: Role, share_a_room: bool) -> Result<(), ErrorCode> {
    match (by, whose) {
        (Role::Administrator, Role::Teacher | Role::Student | Role::Guardian) => Ok(()),
        (Role::Administrator, Role::Administrator | Role::Bot) => Err(ErrorCode::Forbidden),
        _ if !share_a_room => Err(ErrorCode::NotFound),
        (Role::Teacher, Role::Student | Role::Guardian) => Ok(()),
        (Role::Teacher | Role::Student | Role::Guardian | Role::Bot, _) => {
            Err(ErrorCode::Forbidden)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLES: [Role; 5] = [
        Role::Administrator,
        Role::Teacher,
        Role::Student,
        Role::Guardian,
        Role::Bot,
    ];

    fn access(kind: RoomKind, archived: bool, role: Role) -> Access {
        Access {
            kind,
            writers: writers(kind),
            archived,
            role,
        }
    }

    #[test]
    fn announcements_are_written_by_the_staff_alone() {
        for role in ROLES {
            let here = access(RoomKind::Announcements, false, role);
            let expected = if role.is_staff() {
                Ok(())
            } else {
                Err(ErrorCode::ReadOnly)
            };
            assert_eq!(here.may(Right::Write), expected, "{role:?}");
            assert_eq!(
                access(RoomKind::Group, false, role).may(Right::Write),
                Ok(())
            );
        }
    }

    #[test]
    fn the_staff_ask_for_acknowledgements_where_there_are_several_people() {
        for role in ROLES {
            for kind in [
                RoomKind::Group,
                RoomKind::Announcements,
                RoomKind::Guardians,
            ] {
                assert_eq!(access(kind, false, role).may_ask().is_ok(), role.is_staff());
                assert!(access(kind, true, role).may_ask().is_err());
            }
            let two = Access {
                writers: Writers::Members,
                ..access(RoomKind::Direct, false, role)
            };
            assert_eq!(two.may_ask(), Err(ErrorCode::Forbidden));
        }
    }

    #[test]
    fn the_staff_pin_and_of_two_people_both() {
        for role in ROLES {
            let in_group = access(RoomKind::Group, false, role).may_pin();
            assert_eq!(in_group.is_ok(), role.is_staff());
            assert!(access(RoomKind::Group, true, role).may_pin().is_err());
            let two = |writers| Access {
                writers,
                ..access(RoomKind::Direct, false, role)
            };
            assert_eq!(two(Writers::Members).may_pin(), Ok(()));
            let refused = Err(ErrorCode::ReadOnly);
            assert_eq!(two(Writers::Nobody).may_pin(), refused);
        }
    }

    #[test]
    fn in_the_archive_nobody_writes_and_the_staff_can_take_it_out() {
        for role in ROLES {
            let here = access(RoomKind::Group, true, role);
            assert_eq!(here.may(Right::Write), Err(ErrorCode::Archived));
            let lesson = if role.is_staff() {
                ErrorCode::Archived
            } else {
                ErrorCode::Forbidden
            };
            assert_eq!(here.may(Right::Lesson), Err(lesson));
            assert_eq!(here.may(Right::Manage).is_ok(), role.is_staff());
        }
    }

    #[test]
    fn conversations_of_two_follow_the_policy() {
        let allowed = |who: DirectPolicy, one, other| {
            direct_writers(who.into(), one, other) == Writers::Members
        };
        for one in ROLES {
            for other in ROLES {
                let is_bot = one == Role::Bot || other == Role::Bot;
                let with_staff = !is_bot && (one.is_staff() || other.is_staff());
                assert!(!allowed(DirectPolicy::Off, one, other));
                assert_eq!(allowed(DirectPolicy::Staff, one, other), with_staff);
                assert_eq!(
                    allowed(DirectPolicy::All, one, other),
                    with_staff || (!is_bot && one == other)
                );
            }
        }
        let two = Access {
            kind: RoomKind::Direct,
            writers: Writers::Members,
            archived: false,
            role: Role::Teacher,
        };
        assert_eq!(
            two.may(Right::Manage),
            Err(ErrorCode::Forbidden),
            "nobody else comes in"
        );
    }

    #[test]
    fn what_adults_write_to_learners_follows_a_policy_of_its_own() {
        use Role::{Administrator, Guardian, Student, Teacher};
        let pairs =
            [Administrator, Teacher, Guardian].map(|adult| [(adult, Student), (Student, adult)]);
        let pairs: Vec<(Role, Role)> = pairs.concat();
        for who in [DirectPolicy::Off, DirectPolicy::Staff, DirectPolicy::All] {
            let rules = |with_learners| DirectRules { who, with_learners };
            for one in ROLES {
                for other in ROLES {
                    let at = format!("{who:?} {one:?} {other:?}");
                    let before = direct_writers(who.into(), one, other);
                    let writers = |policy| direct_writers(rules(policy), one, other);
                    let safeguarded = |policy| is_safeguarded(rules(policy), one, other);
                    let with_learner = pairs.contains(&(one, other));
                    let closed = if with_learner {
                        Writers::Nobody
                    } else {
                        before
                    };
                    assert_eq!(writers(LearnerPolicy::Off), closed, "{at}");
                    assert_eq!(writers(LearnerPolicy::Visible), before, "{at}");
                    assert_eq!(writers(LearnerPolicy::Private), before, "{at}");
                    assert_eq!(safeguarded(LearnerPolicy::Visible), with_learner, "{at}");
                    assert!(!safeguarded(LearnerPolicy::Off), "{at}");
                    assert!(!safeguarded(LearnerPolicy::Private), "{at}");
                }
            }
        }
        let off = DirectRules {
            who: DirectPolicy::All,
            with_learners: LearnerPolicy::Off,
        };
        for (one, other) in [
            (Teacher, Teacher),
            (Administrator, Teacher),
            (Teacher, Guardian),
            (Student, Student),
        ] {
            assert_eq!(
                direct_writers(off, one, other),
                Writers::Members,
                "{one:?} {other:?}"
            );
        }
    }

    #[test]
    fn administrators_make_others_of_the_staff_responsible_and_never_themselves() {
        for by in ROLES {
            for whose in ROLES {
                let expected = match (by, whose.is_staff()) {
                    (Role::Administrator, true) => Ok(()),
                    (Role::Administrator, false) => Err(ErrorCode::BadRequest),
                    _ => Err(ErrorCode::Forbidden),
                };
                assert_eq!(
                    give_safeguarding(by, whose, false),
                    expected,
                    "{by:?} {whose:?}"
                );
                let own = give_safeguarding(by, whose, true);
                assert_eq!(own, Err(ErrorCode::Forbidden), "{by:?} {whose:?}");
            }
        }
    }

    #[test]
    fn the_staff_take_away_pictures_of_learners_whom_they_know() {
        for by in ROLES {
            for whose in ROLES {
                let known = take_picture(by, whose, true);
                let strange = take_picture(by, whose, false);
                if by == Role::Administrator {
                    assert_eq!((known, strange), (Ok(()), Ok(())));
                    continue;
                }
                assert_eq!(strange, Err(ErrorCode::NotFound));
                let may = by == Role::Teacher && !whose.is_staff();
                assert_eq!(
                    known,
                    if may {
                        Ok(())
                    } else {
                        Err(ErrorCode::Forbidden)
                    }
                );
            }
        }
    }

    #[test]
    fn the_staff_replace_passwords_of_learners_whom_they_teach_and_of_nobody_else() {
        use ErrorCode::{Forbidden, NotFound};
        for by in ROLES {
            for whose in ROLES {
                let (known, strange) = (
                    reset_password(by, whose, true),
                    reset_password(by, whose, false),
                );
                let expected = match (by, whose) {
                    (Role::Administrator, Role::Administrator | Role::Bot) => {
                        (Err(Forbidden), Err(Forbidden))
                    }
                    (Role::Administrator, _) => (Ok(()), Ok(())),
                    (Role::Teacher, Role::Student | Role::Guardian) => (Ok(()), Err(NotFound)),
                    _ => (Err(Forbidden), Err(NotFound)),
                };
                assert_eq!((known, strange), expected, "{by:?} {whose:?}");
            }
        }
    }
}
