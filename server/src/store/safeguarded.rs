//! Rooms in which a learner is with one adult: what the settings say about them, and from when to when who is responsible for the
//! safety of children may read what is written there. Who that is is in `safeguarding`, how they read in `inspections`.

use std::collections::BTreeMap;

use protocol::audit::NamedRoom;
use protocol::limits::SAFEGUARDED_GROUPS_TOLD_MAX;
use protocol::model::Role;
use protocol::room::{LearnerPolicy, RoomKind};
use protocol::{RoomId, UserId};

use super::access::{kind_from, writers_text};
use super::audit::named_room;
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

/// Has a room that is no conversation of two follow the policy, as its members are now. It is locked. Gives whether anything of it
/// changed.
pub(super) async fn follow(
    tx: &mut Tx<'_>,
    room: &RoomId,
    kind: RoomKind,
    (policy, is_close): (LearnerPolicy, bool),
) -> StoreResult<bool> {
    let writers = match is_close && policy == LearnerPolicy::Off {
        true => Writers::Nobody,
        false => rights::writers(kind),
    };
    let stopped = within!(&mut *tx, db => {
        sqlx::query("UPDATE rooms SET writers = $2 WHERE id = $1 AND writers <> $2")
            .bind(room.as_str()).bind(writers_text(writers)).execute(db).await?.rows_affected()
    });
    let switched = safeguard(tx, room, is_close && policy == LearnerPolicy::Visible).await?;
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

#[derive(sqlx::FromRow)]
struct Place {
    kind: String,
    course: i64,
}

/// The same as [`follow`] for a room of any kind whose members are read; conversations of two follow `who` as well.
pub(super) async fn follow_as_is(
    tx: &mut Tx<'_>,
    room: &RoomId,
    rules: DirectRules,
) -> StoreResult<Option<Vec<UserId>>> {
    let place: Option<Place> = within!(&mut *tx, db => {
        sqlx::query_as("UPDATE rooms SET last_seq = last_seq WHERE id = $1 RETURNING kind, course")
            .bind(room.as_str()).fetch_optional(db).await?
    });
    let Some(place) = place else {
        return Ok(None);
    };
    let kind = kind_from(&place.kind)?;
    let people = members(tx, room).await?;
    let changed = if kind == RoomKind::Direct {
        let roles: Vec<Role> = people.values().copied().collect();
        let [one, two] = roles[..] else {
            return Ok(None);
        };
        let writers = writers_text(direct_writers(rules, one, two));
        let stopped = within!(&mut *tx, db => {
            sqlx::query("UPDATE rooms SET writers = $2 WHERE id = $1 AND writers <> $2")
                .bind(room.as_str()).bind(writers).execute(db).await?.rows_affected()
        });
        let switched = safeguard(tx, room, is_safeguarded(rules, one, two)).await?;
        stopped > 0 || switched
    } else {
        let is_close = company(&people).is_close(kind, place.course == 1);
        follow(tx, room, kind, (rules.with_learners, is_close)).await?
    };
    Ok(changed.then(|| people.into_keys().collect()))
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
        // Rooms that are made from here on follow it by themselves. Of the others those are asked in which it can matter.
        let rooms: Vec<(String,)> = read!(self, db => {
            sqlx::query_as(
                "SELECT r.id FROM rooms r WHERE r.kind = 'direct' OR r.writers = 'nobody' OR r.safeguarded_after IS NOT NULL
                   OR (r.kind <> 'guardians' AND 1 = (
                       SELECT COUNT(*) FROM members m JOIN people p ON p.id = m.person_id
                       WHERE m.room_id = r.id AND p.role <> 'student'))
                 ORDER BY r.id",
            )
            .fetch_all(db).await
        })?;
        let mut changed = Vec::new();
        for (room,) in rooms {
            let room = room_id(room)?;
            let mut tx = self.pool.begin().await?;
            let Some(people) = follow_as_is(&mut tx, &room, rules).await? else {
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
