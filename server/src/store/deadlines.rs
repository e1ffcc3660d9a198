//! By when messages are to be acknowledged: those who have not are reminded once before that.

use jiff::tz::TimeZone;
use protocol::event::Reminded;
use protocol::limits::ACK_DUE_REMINDER_SECONDS;
use protocol::{RoomEvent, RoomId};

use super::acks::{REMINDED, ack_done};
use super::messages::message_id;
use super::people::user_id;
use super::rooms::room_id;
use super::{Store, StoreResult, read, write};
use crate::deadlines::{is_daytime, reminder_at};
use crate::time::rfc3339;

/// Messages that are seen to at once.
const AT_ONCE: i64 = 50;
const BEFORE_MS: i64 = ACK_DUE_REMINDER_SECONDS * 1_000;
/// So long before its time somebody is reminded at the earliest: the hour may lie a day before that, and a day be longer by one.
const EARLIEST_MS: i64 = BEFORE_MS + 25 * 3_600_000;
/// What was written less than so long before the reminder is news still.
const NEWS_MS: i64 = 6 * 3_600_000;

/// Of the message, once its room is locked.
#[derive(sqlx::FromRow)]
struct Before {
    no: i64,
    sender_id: String,
    at: i64,
    deleted_at: Option<i64>,
    ack_of: Option<i64>,
    ack_due: Option<i64>,
    due_seen_at: Option<i64>,
    archived_at: Option<i64>,
    done: Option<i64>,
}

impl Before {
    /// Whether anybody is to be reminded. What was written shortly before that is news still, and what is over is not changed by
    /// a reminder.
    fn is_worth_it(&self, zone: &TimeZone, now: i64) -> bool {
        let due = self.ack_due.unwrap_or(i64::MIN);
        self.deleted_at.is_none()
            && self.archived_at.is_none()
            && self.done < self.ack_of
            && now < due
            && reminder_at(due, zone).saturating_sub(self.at) > NEWS_MS
    }
}

impl Store {
    /// Reminds, in the name of their authors, of messages whose [`reminder_at`] has come, and only in daytime there; of each
    /// once, whichever server does it. Gives the events, which are to be published.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn remind_of_deadlines(
        &self,
        zone: &TimeZone,
        now: i64,
    ) -> StoreResult<Vec<RoomEvent>> {
        if !is_daytime(now, zone) {
            return Ok(Vec::new());
        }
        let near: Vec<(String, String, i64)> = read!(self, db => {
            sqlx::query_as(
                "SELECT id, room_id, ack_due FROM messages
                 WHERE ack_due IS NOT NULL AND due_seen_at IS NULL AND ack_due <= $1 ORDER BY ack_due LIMIT $2",
            )
            .bind(now + EARLIEST_MS).bind(AT_ONCE).fetch_all(db).await
        })?;
        let mut events = Vec::new();
        for (id, room, due) in near {
            if reminder_at(due, zone) <= now {
                let room = room_id(room)?;
                events.extend(self.remind_of_deadline(&id, room, zone, now).await?);
            }
        }
        Ok(events)
    }

    async fn remind_of_deadline(
        &self,
        id: &str,
        room: RoomId,
        zone: &TimeZone,
        now: i64,
    ) -> StoreResult<Option<RoomEvent>> {
        let (seq, before) = write!(self, tx => {
            // The room is locked before the message is looked at, as by whoever changes one.
            sqlx::query("UPDATE rooms SET last_seq = last_seq WHERE id = $1").bind(room.as_str()).execute(&mut *tx).await?;
            let before: Before = sqlx::query_as(concat!(
                "SELECT messages.no, sender_id, at, deleted_at, ack_of, ack_due, due_seen_at, rooms.archived_at, ", ack_done!(), " AS done
                 FROM messages JOIN rooms ON rooms.id = messages.room_id WHERE messages.id = $1",
            ))
            .bind(id).fetch_one(&mut *tx).await?;
            if before.due_seen_at.is_some() {
                tx.rollback().await?;
                return Ok(None);
            }
            let reminds = before.is_worth_it(zone, now);
            sqlx::query("UPDATE messages SET due_seen_at = $2, reminded_at = CASE WHEN $3 = 1 THEN $2 ELSE reminded_at END WHERE id = $1")
                .bind(id).bind(now).bind(i64::from(reminds)).execute(&mut *tx).await?;
            let mut taken = None;
            if reminds {
                let (seq,): (i64,) =
                    sqlx::query_as("UPDATE rooms SET last_seq = last_seq + 1 WHERE id = $1 RETURNING last_seq")
                        .bind(room.as_str()).fetch_one(&mut *tx).await?;
                sqlx::query(
                    "INSERT INTO events (room_id, seq, kind, message_id, person_id, at) VALUES ($1, $2, $3, $4, $5, $6)",
                )
                .bind(room.as_str()).bind(seq).bind(REMINDED).bind(id).bind(&before.sender_id).bind(now)
                .execute(&mut *tx).await?;
                taken = Some(seq);
            }
            (taken, before)
        });
        let Some(seq) = seq else { return Ok(None) };
        let d = Reminded {
            id: message_id(id.to_owned())?,
            no: before.no,
            by: user_id(before.sender_id)?,
            at: rfc3339(now),
        };
        Ok(Some(RoomEvent::MsgReminded { r: room, s: seq, d }))
    }
}
