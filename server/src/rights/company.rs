//! What it means for children who is together in a room: a class, or one adult alone with learners.

use protocol::model::Role;
use protocol::room::{LearnerPolicy, RoomKind};

use super::is_adult;

/// Who is in a room: adults (the staff and guardians) and learners.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Company {
    /// How many of the staff and of the guardians.
    pub adults: usize,
    /// How many learners.
    pub learners: usize,
}

impl Company {
    /// Of people with these roles.
    pub fn of(roles: impl Iterator<Item = Role>) -> Self {
        roles.fold(Self::default(), |Self { adults, learners }, role| Self {
            adults: adults + usize::from(is_adult(role)),
            learners: learners + usize::from(matches!(role, Role::Student)),
        })
    }

    /// Whether it is a class: several learners whom an administrator has brought together (`course`). Of other people nobody knows who
    /// they are.
    #[must_use]
    pub const fn is_class(self, course: bool) -> bool {
        course && self.learners > 1
    }

    /// Whether one adult is alone with learners in a room of this kind that is no class, so that it is to be as a conversation of two.
    #[must_use]
    pub const fn is_close(self, kind: RoomKind, course: bool) -> bool {
        let is_shared = matches!(kind, RoomKind::Group | RoomKind::Announcements);
        is_shared && self.adults == 1 && self.learners > 0 && !self.is_class(course)
    }

    /// Whether a room of these people that is safeguarded goes on being so under [`LearnerPolicy::Visible`]. Another adult does not end
    /// it: anybody could be added for as long as something is written that nobody else is to read.
    #[must_use]
    pub const fn stays_safeguarded(self, course: bool) -> bool {
        self.learners > 0 && !self.is_class(course)
    }

    /// Whether somebody with this role may make a room with this company, in which one adult is alone with learners, out of one that
    /// was not so and not safeguarded. What was written before would otherwise have been read by nobody else.
    #[must_use]
    pub const fn may_become_close(self, was: Self, policy: LearnerPolicy, by: Role) -> bool {
        match policy {
            LearnerPolicy::Off => false,
            LearnerPolicy::Visible => {
                matches!(by, Role::Administrator) || self.adults >= was.adults
            }
            LearnerPolicy::Private => true,
        }
    }

    /// Whether learners whom an administrator had brought together or not (`course`) still are, once somebody with this role has made
    /// this company out of that one: whom an administrator adds they know, and a class of whom the others have taken out all but two is
    /// none any more.
    #[must_use]
    pub const fn is_course(self, was: Self, course: bool, by: Role, adds: bool) -> bool {
        if matches!(by, Role::Administrator) {
            return course || adds;
        }
        course && (self.learners >= was.learners || self.learners > 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_adult_alone_with_learners_is_as_in_a_conversation_of_two() {
        use Role::{Guardian, Student, Teacher};
        let close = |roles: &[Role], kind, course| {
            Company::of(roles.iter().copied()).is_close(kind, course)
        };
        for kind in [RoomKind::Group, RoomKind::Announcements] {
            for adult in [Teacher, Role::Administrator, Guardian] {
                assert!(close(&[adult, Student], kind, true), "{adult:?}");
                assert!(close(&[adult, Student], kind, false), "{adult:?}");
                // A class.
                assert!(!close(&[adult, Student, Student], kind, true));
                assert!(close(&[adult, Student, Student], kind, false));
            }
            for course in [true, false] {
                assert!(!close(&[Teacher, Teacher, Student], kind, course));
                assert!(!close(&[Teacher, Guardian, Student], kind, course));
                assert!(!close(&[Teacher], kind, course), "nobody to write to");
                assert!(!close(&[Teacher, Guardian], kind, course));
                assert!(!close(&[Student, Student], kind, course));
                assert!(close(&[Teacher, Role::Bot, Student], kind, course));
            }
        }
        for kind in [RoomKind::Direct, RoomKind::Guardians] {
            assert!(!close(&[Teacher, Student], kind, false), "{kind:?}");
        }
    }

    #[test]
    fn nobody_but_administrators_makes_a_class_or_leaves_one_adult_with_what_nobody_read() {
        use Role::{Administrator, Teacher};
        let of = |adults, learners| Company { adults, learners };
        assert!(of(2, 1).stays_safeguarded(false));
        assert!(of(2, 1).stays_safeguarded(true));
        assert!(!of(1, 2).stays_safeguarded(true), "a class");
        assert!(!of(2, 0).stays_safeguarded(false));

        let (before, after) = (of(2, 1), of(1, 1));
        for (policy, by, may) in [
            (LearnerPolicy::Off, Administrator, false),
            (LearnerPolicy::Visible, Teacher, false),
            (LearnerPolicy::Visible, Administrator, true),
            (LearnerPolicy::Private, Teacher, true),
        ] {
            assert_eq!(
                after.may_become_close(before, policy, by),
                may,
                "{policy:?} {by:?}"
            );
        }
        // A learner who leaves was there before.
        assert!(of(1, 1).may_become_close(of(1, 2), LearnerPolicy::Visible, Teacher));

        assert!(of(1, 3).is_course(of(1, 30), true, Teacher, false));
        assert!(!of(1, 2).is_course(of(1, 3), true, Teacher, true));
        assert!(of(1, 2).is_course(of(2, 2), true, Teacher, false));
        assert!(!of(1, 3).is_course(of(1, 2), false, Teacher, true));
        assert!(of(1, 3).is_course(of(1, 2), false, Administrator, true));
        assert!(!of(1, 2).is_course(of(2, 2), false, Administrator, false));
    }
}
