//! Rooms in which a learner is with one adult: what the settings say about them, and from when to when who is responsible for the
//! safety of children may read what is written there. Who that is is in `safeguarding`, how they read in `inspections`.

use std::collections::BTreeMap;

use protocol::audit::NamedRoom;
use protocol::limits::SAFEGUARDED_GROUPS_TOLD_MAX;
use protocol::model::Role;
use protocol::room::{DirectPolicy, LearnerPolicy, RoomKind};
use protocol::{RoomId, UserId};

use super::access::{kind_from, writers_text};
use super::audit::named_room;
use super::people::role_from;
use super::pool::{Tx, within};
use super::room_changes::{members, touch};
use super::rooms::room_id;
use super::{Store, StoreError, StoreResult, read};
use crate::rights::{self, Company, DirectRules, Writers, direct_writers, is_safeguarded};

/// Why a message for later waits: [`protocol::ErrorCode::NoticeUnseen`], as it is stored.
const HELD_BACK: &str = "notice_unseen";

/// Whether anything that was written in a room `r` may be read by who is responsible for the safety of children.
macro_rules! ever_safeguarded {
    () => {
        "(r.safeguarded_after IS NOT NULL OR EXISTS (SELECT 1 FROM safeguarded_before b WHERE b.room_id = r.id))"
    };
}
pub(super) use ever_safeguarded;

/// Up to which number messages of a room (`$1`) are not edited any more: they were written when others could read on than can now.
pub(super) const SETTLED: &str = "SELECT r.safeguarded_after, (SELECT MAX(b.until_no) FROM safeguarded_before b WHERE b.room_id = r.id) FROM rooms r WHERE r.id = $1";

const fn policy_text(policy: LearnerPolicy) -> &'static str {
    match policy {
        LearnerPolicy::Off => "off",
        LearnerPolicy::Visible => "visible",
        LearnerPolicy::Private => "private",
    }
}

fn policy_from(text: &str) -> StoreResult<LearnerPolicy> {
    match text {
        "off" => Ok(LearnerPolicy::Off),
        "visible" => Ok(LearnerPolicy::Visible),
        "private" => Ok(LearnerPolicy::Private),
        _ => Err(StoreError::Inconsistent("learner_policy.policy")),
    }
}

/// The policy, which stays what it is until the end of the transaction. Rooms are locked before it, and people after it.
pub(super) async fn hold_policy(tx: &mut Tx<'_>) -> StoreResult<LearnerPolicy> {
    let (policy,): (String,) = within!(tx, db => {
        sqlx::query_as("UPDATE learner_policy SET policy = policy WHERE one = 1 RETURNING policy").fetch_one(db).await?
    });
    policy_from(&policy)
}

/// Who is in a room, as far as the policy asks.
pub(super) fn company(people: &BTreeMap<UserId, Role>) -> Company {
    Company::of(people.values().copied())
}

/// What the policy asks of a room that is no conversation of two.
pub(super) struct Ruled {
    pub(super) kind: RoomKind,
    pub(super) company: Company,
    /// Whether an administrator brought its learners together.
    pub(super) course: bool,
    /// Whether it is safeguarded already.
    pub(super) safeguarded: bool,
}

impl Ruled {
    /// Who writes in it by this policy, and whether it is safeguarded.
    fn by(&self, policy: LearnerPolicy) -> (Writers, bool) {
        let is_close = self.company.is_close(self.kind, self.course);
        let writers = match is_close && policy == LearnerPolicy::Off {
            true => Writers::Nobody,
            false => rights::writers(self.kind),
        };
        let goes_on = self.safeguarded && self.company.stays_safeguarded(self.course);
        (
            writers,
            policy == LearnerPolicy::Visible && (is_close || goes_on),
        )
    }
}

/// Has a room that is no conversation of two follow the policy. It is locked. Gives whether anything of it changed.
pub(super) async fn follow(
    tx: &mut Tx<'_>,
    room: &RoomId,
    policy: LearnerPolicy,
    ruled: &Ruled,
) -> StoreResult<bool> {
    let (writers, safeguarded) = ruled.by(policy);
    set(tx, room, writers, safeguarded).await
}

async fn set(
    tx: &mut Tx<'_>,
    room: &RoomId,
    writers: Writers,
    safeguarded: bool,
) -> StoreResult<bool> {
    let stopped = within!(&mut *tx, db => {
        sqlx::query("UPDATE rooms SET writers = $2 WHERE id = $1 AND writers <> $2")
            .bind(room.as_str()).bind(writers_text(writers)).execute(db).await?.rows_affected()
    });
    let switched = safeguard(tx, room, safeguarded).await?;
    Ok(stopped > 0 || switched)
}

/// From the next message on. The room is locked. Gives whether it was otherwise before.
pub(super) async fn safeguard(tx: &mut Tx<'_>, room: &RoomId, on: bool) -> StoreResult<bool> {
    if on {
        let begun = within!(&mut *tx, db => {
            sqlx::query("UPDATE rooms SET safeguarded_after = last_no WHERE id = $1 AND safeguarded_after IS NULL")
                .bind(room.as_str()).execute(db).await?.rows_affected()
        });
        if begun > 0 {
            // They were written for the two alone, and wait until their authors look at them.
            within!(tx, db => {
                sqlx::query(
                    "UPDATE scheduled SET refused = $2 WHERE room_id = $1 AND noticed = 0 AND refused IS NULL AND claimed_at IS NULL",
                )
                .bind(room.as_str()).bind(HELD_BACK).execute(db).await?;
            });
        }
        return Ok(begun > 0);
    }
    // Of a time in which nothing was written nothing is to be kept.
    within!(&mut *tx, db => {
        sqlx::query(
            "INSERT INTO safeguarded_before (room_id, from_no, until_no)
             SELECT id, safeguarded_after, last_no FROM rooms WHERE id = $1 AND last_no > safeguarded_after",
        )
        .bind(room.as_str()).execute(db).await?;
    });
    let ended = within!(tx, db => {
        sqlx::query("UPDATE rooms SET safeguarded_after = NULL WHERE id = $1 AND safeguarded_after IS NOT NULL")
            .bind(room.as_str()).execute(db).await?.rows_affected()
    });
    Ok(ended > 0)
}

// A room and who is in it, as far as the policy asks.
#[derive(sqlx::FromRow)]
struct Place {
    id: String,
    kind: String,
    course: i64,
    writers: String,
    safeguarded_after: Option<i64>,
    adults: i64,
    learners: i64,
    // The roles of a conversation of two, the first and the last by their names.
    people: i64,
    one: String,
    two: String,
}

impl Place {
    // Who writes in it by these rules, and whether it is safeguarded; nothing where nobody is left to write to.
    fn by(&self, rules: DirectRules) -> StoreResult<Option<(Writers, bool)>> {
        let kind = kind_from(&self.kind)?;
        if kind != RoomKind::Direct {
            let count = |number| usize::try_from(number).unwrap_or(0);
            let ruled = Ruled {
                kind,
                company: Company {
                    adults: count(self.adults),
                    learners: count(self.learners),
                },
                course: self.course == 1,
                safeguarded: self.safeguarded_after.is_some(),
            };
            return Ok(Some(ruled.by(rules.with_learners)));
        }
        if self.people != 2 {
            return Ok(None);
        }
        let (one, two) = (role_from(&self.one)?, role_from(&self.two)?);
        Ok(Some((
            direct_writers(rules, one, two),
            is_safeguarded(rules, one, two),
        )))
    }

    fn is_otherwise(&self, rules: DirectRules) -> StoreResult<bool> {
        Ok(self.by(rules)?.is_some_and(|(writers, safeguarded)| {
            self.writers != writers_text(writers) || self.safeguarded_after.is_some() != safeguarded
        }))
    }
}

macro_rules! places {
    ($which:literal) => {
        concat!(
            "SELECT r.id, r.kind, r.course, r.writers, r.safeguarded_after,
                    SUM(CASE WHEN p.role IN ('administrator', 'teacher', 'guardian') THEN 1 ELSE 0 END) AS adults,
                    SUM(CASE WHEN p.role = 'student' THEN 1 ELSE 0 END) AS learners,
                    COUNT(*) AS people, MIN(p.role) AS one, MAX(p.role) AS two
             FROM rooms r JOIN members m ON m.room_id = r.id JOIN people p ON p.id = m.person_id
             ",
            $which,
            " GROUP BY r.id, r.kind, r.course, r.writers, r.safeguarded_after ORDER BY r.id",
        )
    };
}

/// The same as [`follow`] for a room of any kind whose members are read; conversations of two follow `who` as well. Gives its people if
/// anything of it changed.
pub(super) async fn follow_as_is(
    tx: &mut Tx<'_>,
    room: &RoomId,
    who: DirectPolicy,
) -> StoreResult<Option<Vec<UserId>>> {
    // Rooms are locked before the policy. Not by what the caller was told once: all servers go by the same.
    within!(&mut *tx, db => {
        sqlx::query("UPDATE rooms SET last_seq = last_seq WHERE id = $1").bind(room.as_str()).execute(db).await?;
    });
    let with_learners = hold_policy(tx).await?;
    let place: Option<Place> = within!(&mut *tx, db => {
        sqlx::query_as(places!("WHERE r.id = $1")).bind(room.as_str()).fetch_optional(db).await?
    });
    let Some(place) = place else {
        return Ok(None);
    };
    let Some((writers, safeguarded)) = place.by(DirectRules { who, with_learners })? else {
        return Ok(None);
    };
    if !set(tx, room, writers, safeguarded).await? {
        return Ok(None);
    }
    Ok(Some(members(tx, room).await?.into_keys().collect()))
}

impl Store {
    /// What rooms of a learner and an adult are now, whichever server was told so.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn learner_policy(&self) -> StoreResult<LearnerPolicy> {
        let (policy,): (String,) = read!(self, db => {
            sqlx::query_as("SELECT policy FROM learner_policy WHERE one = 1").fetch_one(db).await
        })?;
        policy_from(&policy)
    }

    /// Has all servers go by these settings, and brings the conversations of two in line with them, and groups in which a learner is
    /// with one adult; gives those that changed, with their people. What was written before a room was safeguarded never is.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn apply_direct_rules(
        &self,
        rules: impl Into<DirectRules>,
    ) -> StoreResult<Vec<(RoomId, Vec<UserId>)>> {
        let rules = rules.into();
        let mut tx = self.pool.begin().await?;
        within!(&mut tx, db => {
            sqlx::query("UPDATE learner_policy SET policy = $1 WHERE one = 1")
                .bind(policy_text(rules.with_learners)).execute(db).await?;
        });
        tx.commit().await?;
        // Rooms that are made from here on follow it by themselves, and those that are as it says are left alone: a server starts
        // often, and a school has thousands of conversations.
        let places: Vec<Place> =
            read!(self, db => sqlx::query_as(places!("")).fetch_all(db).await)?;
        let mut changed = Vec::new();
        for place in places {
            if !place.is_otherwise(rules)? {
                continue;
            }
            let room = room_id(place.id)?;
            let mut tx = self.pool.begin().await?;
            let Some(people) = follow_as_is(&mut tx, &room, rules.who).await? else {
                continue;
            };
            touch(&mut tx, &people).await?;
            tx.commit().await?;
            changed.push((room, people));
        }
        Ok(changed)
    }

    /// Groups, and rooms of other kinds than conversations of two, of which this person may open something alone, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn safeguarded_groups(&self, me: &UserId) -> StoreResult<Vec<NamedRoom>> {
        let rows: Vec<(String, String, String)> = read!(self, db => {
            sqlx::query_as(concat!(
                "SELECT r.id, r.name, r.kind FROM rooms r WHERE r.kind <> 'direct' AND ", ever_safeguarded!(), "
                   AND EXISTS (SELECT 1 FROM people me WHERE me.id = $1 AND me.safeguarding_at IS NOT NULL
                                 AND me.role IN ('administrator', 'teacher'))
                   AND NOT EXISTS (SELECT 1 FROM members mine WHERE mine.room_id = r.id AND mine.person_id = $1)
                 ORDER BY r.name, r.id LIMIT $2",
            ))
            .bind(me.as_str()).bind(i64::from(SAFEGUARDED_GROUPS_TOLD_MAX)).fetch_all(db).await
        })?;
        rows.into_iter()
            .map(|(id, name, kind)| named_room(id, name, &kind))
            .collect()
    }
}
