//! Acknowledgements («Ознакомлен»). Whom a message asks is written down when it is stored, so that who comes or goes
//! afterwards changes nothing of it; an acknowledgement is an event, and stays.

use std::collections::HashMap;

use protocol::event::{Acked, Reminded};
use protocol::http::{Acks, Asked};
use protocol::limits::{ACKS_TOLD_MAX, REMIND_SECONDS, SEARCH_PAGE_MAX};
use protocol::model::{Ack, OpenAck};
use protocol::{ErrorCode, MessageId, RoomEvent, RoomId, UserId};

use super::messages::message_id;
use super::people::user_id;
use super::rooms::room_id;
use super::search::MatchRow;
use super::{Match, Store, StoreError, StoreResult, read, write};
use crate::time::rfc3339;

/// The kinds of these events in the log.
pub(super) const ACKED: &str = "msg.acked";
pub(super) const REMINDED: &str = "msg.reminded";

/// How many have acknowledged a message of the table `messages`; nothing where that was not asked for.
macro_rules! ack_done {
    () => {
        "CASE WHEN messages.ack_of IS NOT NULL THEN (SELECT COUNT(*) FROM acks
             WHERE acks.message_id = messages.id AND acks.at IS NOT NULL) END"
    };
}
pub(super) use ack_done;

/// Reads `ack_of` and what [`ack_done`] gives.
pub(super) fn ack(of: Option<i64>, done: Option<i64>) -> StoreResult<Option<Ack>> {
    let (Some(of), Some(done)) = (of, done) else {
        return Ok(None);
    };
    let (of, done) = (count(of)?, count(done)?);
    Ok(Some(Ack { done, of }))
}

fn count(n: i64) -> StoreResult<u32> {
    u32::try_from(n).map_err(|_| StoreError::Inconsistent("messages.ack_of"))
}

/// What became of the wish to remind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recalled {
    /// Those who have not acknowledged the message are to be told.
    Now(Box<RoomEvent>),
    /// Everybody has.
    Nobody,
    /// The last time was a short while ago: so many milliseconds are left.
    TooSoon(u32),
}

/// Of the message itself, once its room is locked.
#[derive(sqlx::FromRow)]
struct Before {
    no: i64,
    deleted_at: Option<i64>,
    ack_of: Option<i64>,
    reminded_at: Option<i64>,
    done: Option<i64>,
}

macro_rules! before {
    () => {
        concat!(
            "SELECT no, deleted_at, ack_of, reminded_at, ",
            ack_done!(),
            " AS done FROM messages WHERE id = $1"
        )
    };
}

/// An event of this feature in the log.
#[derive(sqlx::FromRow)]
struct EventRow {
    seq: i64,
    kind: String,
    id: String,
    by_id: Option<String>,
    at: i64,
    no: i64,
    done: Option<i64>,
}

impl EventRow {
    fn into_event(self, r: &RoomId) -> StoreResult<(i64, RoomEvent)> {
        let by = user_id(
            self.by_id
                .ok_or(StoreError::Inconsistent("events.person_id"))?,
        )?;
        let (id, no, s, r) = (message_id(self.id)?, self.no, self.seq, r.clone());
        let event = if self.kind == REMINDED {
            let at = rfc3339(self.at);
            let d = Reminded { id, no, by, at };
            RoomEvent::MsgReminded { r, s, d }
        } else {
            let done = count(self.done.unwrap_or(0))?;
            let d = Acked { id, no, by, done };
            RoomEvent::MsgAcked { r, s, d }
        };
        Ok((s, event))
    }
}

impl Store {
    /// Acknowledges a message, and takes the room's next position for that. `None` when this person has already.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] when there is no such message for this person, or it was deleted, [`ErrorCode::Forbidden`] when
    /// they are not asked to, [`ErrorCode::Archived`].
    pub async fn acknowledge(
        &self,
        id: &MessageId,
        by: &UserId,
        now: i64,
    ) -> StoreResult<Option<RoomEvent>> {
        let found = self.message_for(id, by).await?;
        let found = found.ok_or(StoreError::Refused(ErrorCode::NotFound))?;
        let room = room_id(found.room_id)?;
        let access = self.access(&room, by).await?;
        let access = access.ok_or(StoreError::Refused(ErrorCode::NotFound))?;
        access.may_react().map_err(StoreError::Refused)?;
        let (seq, before) = write!(self, tx => {
            // The room is locked before the message is looked at: changes have an order.
            let (seq,): (i64,) =
                sqlx::query_as("UPDATE rooms SET last_seq = last_seq + 1 WHERE id = $1 RETURNING last_seq")
                    .bind(room.as_str()).fetch_one(&mut *tx).await?;
            let own: Option<(Option<i64>,)> =
                sqlx::query_as("SELECT at FROM acks WHERE message_id = $1 AND person_id = $2")
                    .bind(id.as_str()).bind(by.as_str()).fetch_optional(&mut *tx).await?;
            let before: Before = sqlx::query_as(before!()).bind(id.as_str()).fetch_one(&mut *tx).await?;
            if before.deleted_at.is_some() {
                return Err(ErrorCode::NotFound.into());
            }
            match own {
                None => return Err(ErrorCode::Forbidden.into()),
                Some((Some(_),)) => {
                    tx.rollback().await?;
                    return Ok(None);
                }
                Some((None,)) => {}
            }
            sqlx::query("UPDATE acks SET at = $3 WHERE message_id = $1 AND person_id = $2")
                .bind(id.as_str()).bind(by.as_str()).bind(now).execute(&mut *tx).await?;
            sqlx::query(
                "INSERT INTO events (room_id, seq, kind, message_id, person_id, at) VALUES ($1, $2, $3, $4, $5, $6)",
            )
            .bind(room.as_str()).bind(seq).bind(ACKED).bind(id.as_str()).bind(by.as_str()).bind(now)
            .execute(&mut *tx).await?;
            (seq, before)
        });
        let d = Acked {
            id: id.clone(),
            no: before.no,
            by: by.clone(),
            done: count(before.done.unwrap_or(0) + 1)?,
        };
        Ok(Some(RoomEvent::MsgAcked { r: room, s: seq, d }))
    }

    /// Recalls a message to those who have not acknowledged it, at most once in [`REMIND_SECONDS`].
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] when there is no such message for this person, or it was deleted or asks for nothing,
    /// [`ErrorCode::Forbidden`] for who is not staff, [`ErrorCode::Archived`].
    pub async fn remind(&self, id: &MessageId, by: &UserId, now: i64) -> StoreResult<Recalled> {
        let found = self.message_for(id, by).await?;
        let found = found.ok_or(StoreError::Refused(ErrorCode::NotFound))?;
        let room = room_id(found.room_id)?;
        let access = self.access(&room, by).await?;
        let access = access.ok_or(StoreError::Refused(ErrorCode::NotFound))?;
        access.may_ask().map_err(StoreError::Refused)?;
        let (seq, no) = write!(self, tx => {
            let (seq,): (i64,) =
                sqlx::query_as("UPDATE rooms SET last_seq = last_seq + 1 WHERE id = $1 RETURNING last_seq")
                    .bind(room.as_str()).fetch_one(&mut *tx).await?;
            let before: Before = sqlx::query_as(before!()).bind(id.as_str()).fetch_one(&mut *tx).await?;
            if before.deleted_at.is_some() || before.ack_of.is_none() {
                return Err(ErrorCode::NotFound.into());
            }
            if before.done >= before.ack_of {
                tx.rollback().await?;
                return Ok(Recalled::Nobody);
            }
            if let Some(left) = too_soon(before.reminded_at, now) {
                tx.rollback().await?;
                return Ok(Recalled::TooSoon(left));
            }
            sqlx::query("UPDATE messages SET reminded_at = $2 WHERE id = $1")
                .bind(id.as_str()).bind(now).execute(&mut *tx).await?;
            sqlx::query(
                "INSERT INTO events (room_id, seq, kind, message_id, person_id, at) VALUES ($1, $2, $3, $4, $5, $6)",
            )
            .bind(room.as_str()).bind(seq).bind(REMINDED).bind(id.as_str()).bind(by.as_str()).bind(now)
            .execute(&mut *tx).await?;
            (seq, before.no)
        });
        let d = Reminded {
            id: id.clone(),
            no,
            by: by.clone(),
            at: rfc3339(now),
        };
        let event = RoomEvent::MsgReminded { r: room, s: seq, d };
        Ok(Recalled::Now(Box::new(event)))
    }

    /// Who was asked to acknowledge a message and who has, and who came since.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] when there is no such message for this person, or it was deleted or asks for nothing. Whether
    /// their role allows it is the caller's question.
    pub async fn acks_of(&self, id: &MessageId, person: &UserId) -> StoreResult<Acks> {
        let missing = || StoreError::Refused(ErrorCode::NotFound);
        let found = self.message_for(id, person).await?.ok_or_else(missing)?;
        let message: Option<(Option<i64>, String)> = read!(self, db => {
            sqlx::query_as(
                "SELECT reminded_at, sender_id FROM messages
                 WHERE id = $1 AND ack_of IS NOT NULL AND deleted_at IS NULL",
            )
            .bind(id.as_str()).fetch_optional(db).await
        })?;
        let (reminded, sender) = message.ok_or_else(missing)?;
        let rows: Vec<(String, Option<i64>)> = read!(self, db => {
            sqlx::query_as("SELECT person_id, at FROM acks WHERE message_id = $1")
                .bind(id.as_str()).fetch_all(db).await
        })?;
        let mut members = self.members(&room_id(found.room_id)?).await?;
        let mut asked = Vec::with_capacity(rows.len());
        for (u, at) in rows {
            let u = user_id(u)?;
            let before = members.len();
            members.retain(|member| member.id != u);
            asked.push(Asked {
                left: members.len() == before,
                u,
                at: at.map(rfc3339),
            });
        }
        members.retain(|member| member.id.as_str() != sender);
        Ok(Acks {
            asked,
            later: members.into_iter().map(|member| member.id).collect(),
            reminded: reminded.map(rfc3339),
        })
    }

    /// What of each of their rooms a person is asked to acknowledge and has not: ascending, and of more than
    /// [`ACKS_TOLD_MAX`] the newest. Rooms without any are left out.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn open_acks(&self, person: &UserId) -> StoreResult<HashMap<RoomId, Vec<OpenAck>>> {
        let rows: Vec<(String, i64, Option<i64>)> = read!(self, db => {
            sqlx::query_as(
                "SELECT a.room_id, a.no, m.reminded_at FROM acks a
                 JOIN members mine ON mine.room_id = a.room_id AND mine.person_id = a.person_id
                 JOIN messages m ON m.id = a.message_id
                 WHERE a.person_id = $1 AND a.at IS NULL ORDER BY a.room_id, a.no",
            )
            .bind(person.as_str()).fetch_all(db).await
        })?;
        let mut open: HashMap<RoomId, Vec<OpenAck>> = HashMap::new();
        for (room, no, reminded) in rows {
            let at = reminded.map(rfc3339);
            open.entry(room_id(room)?)
                .or_default()
                .push(OpenAck { no, at });
        }
        for acks in open.values_mut() {
            acks.drain(..acks.len().saturating_sub(ACKS_TOLD_MAX));
        }
        Ok(open)
    }

    /// The messages that a person is asked to acknowledge and has not, in rooms that are not in the archive; the newest
    /// first, before this one if it is given; at most [`SEARCH_PAGE_MAX`] and one more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn unacknowledged(
        &self,
        person: &UserId,
        before: Option<&MessageId>,
    ) -> StoreResult<Vec<Match>> {
        let rows: Vec<MatchRow> = read!(self, db => {
            sqlx::query_as(
                "SELECT CAST(0 AS BIGINT) AS place, m.room_id, m.id, m.no, m.seq, m.sender_id, m.at, m.body FROM acks a
                 JOIN members mine ON mine.room_id = a.room_id AND mine.person_id = a.person_id
                 JOIN rooms r ON r.id = a.room_id
                 JOIN messages m ON m.id = a.message_id
                 WHERE a.person_id = $1 AND a.at IS NULL AND r.archived_at IS NULL AND ($2 = '' OR m.id < $2)
                 ORDER BY m.id DESC LIMIT $3",
            )
            .bind(person.as_str()).bind(before.map_or("", MessageId::as_str))
            .bind(i64::from(SEARCH_PAGE_MAX) + 1)
            .fetch_all(db).await
        })?;
        self.with_names(rows).await
    }

    /// The events of this feature in a range of positions. Who catches up is told how many have acknowledged it by now.
    pub(super) async fn ack_events_between(
        &self,
        room: &RoomId,
        first: i64,
        last: i64,
    ) -> StoreResult<HashMap<i64, RoomEvent>> {
        let rows: Vec<EventRow> = read!(self, db => {
            sqlx::query_as(
                "SELECT e.seq, e.kind, m.id, e.person_id AS by_id, e.at, m.no, c.done FROM events e
                 JOIN messages m ON m.id = e.message_id
                 LEFT JOIN (
                     SELECT acks.message_id, COUNT(acks.at) AS done FROM acks WHERE acks.message_id IN (
                         SELECT x.message_id FROM events x
                         WHERE x.room_id = $1 AND x.seq >= $2 AND x.seq <= $3 AND x.kind = 'msg.acked')
                     GROUP BY acks.message_id) AS c ON c.message_id = m.id
                 WHERE e.room_id = $1 AND e.seq >= $2 AND e.seq <= $3 AND e.kind IN ('msg.acked', 'msg.reminded')",
            )
            .bind(room.as_str()).bind(first).bind(last).fetch_all(db).await
        })?;
        rows.into_iter().map(|row| row.into_event(room)).collect()
    }
}

/// Milliseconds until a message may be recalled again.
fn too_soon(last: Option<i64>, now: i64) -> Option<u32> {
    let pause = i64::try_from(REMIND_SECONDS).ok()?.saturating_mul(1_000);
    let left = last?.saturating_add(pause).saturating_sub(now);
    u32::try_from(left).ok().filter(|left| *left > 0)
}
