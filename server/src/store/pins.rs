//! Messages that are pinned in their room. Pinning one and taking it down are events.

use std::collections::HashMap;

use protocol::event::Pinned;
use protocol::limits::PINS_MAX;
use protocol::{ErrorCode, MessageId, RoomEvent, RoomId, UserId};

use super::access::{AccessRow, access_columns};
use super::messages::message_id;
use super::people::user_id;
use super::rooms::room_id;
use super::search::MatchRow;
use super::{Match, Store, StoreError, StoreResult, read, write};
use crate::time::rfc3339;

/// The kinds of these events in the log: pinned, and taken down.
pub(super) const PINNED: &str = "msg.pinned";
pub(super) const UNPINNED: &str = "msg.unpinned";

/// An event of this feature in the log.
#[derive(sqlx::FromRow)]
struct EventRow {
    seq: i64,
    kind: String,
    id: String,
    by_id: Option<String>,
    at: i64,
    no: i64,
}

impl Store {
    /// Pins a message in its room or takes it down, and takes the room's next position for that. `None` when it is that way
    /// already.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] when there is no such message for this person, or it was deleted, [`ErrorCode::Forbidden`] for
    /// who may not, [`ErrorCode::Archived`] and [`ErrorCode::ReadOnly`] where nothing changes any more,
    /// [`ErrorCode::TooLarge`] beyond [`PINS_MAX`].
    pub async fn pin(
        &self,
        id: &MessageId,
        by: &UserId,
        on: bool,
        now: i64,
    ) -> StoreResult<Option<RoomEvent>> {
        let found = self.message_for(id, by).await?;
        let found = found.ok_or(StoreError::Refused(ErrorCode::NotFound))?;
        let room = room_id(found.room_id)?;
        let (seq, no) = write!(self, tx => {
            // The room is locked before the message is looked at: changes have an order.
            let (seq,): (i64,) =
                sqlx::query_as("UPDATE rooms SET last_seq = last_seq + 1 WHERE id = $1 RETURNING last_seq")
                    .bind(room.as_str()).fetch_one(&mut *tx).await?;
            let access: Option<AccessRow> = sqlx::query_as(concat!(
                "SELECT ", access_columns!(), " FROM members m
                 JOIN rooms r ON r.id = m.room_id JOIN people p ON p.id = m.person_id
                 WHERE m.room_id = $1 AND m.person_id = $2",
            ))
            .bind(room.as_str()).bind(by.as_str()).fetch_optional(&mut *tx).await?;
            let access = access.ok_or(StoreError::Refused(ErrorCode::NotFound))?.access()?;
            access.may_pin().map_err(StoreError::Refused)?;
            let (no, deleted_at): (i64, Option<i64>) = sqlx::query_as("SELECT no, deleted_at FROM messages WHERE id = $1")
                .bind(id.as_str()).fetch_one(&mut *tx).await?;
            let pins: Vec<(String,)> = sqlx::query_as("SELECT message_id FROM pins WHERE room_id = $1")
                .bind(room.as_str()).fetch_all(&mut *tx).await?;
            if deleted_at.is_some() {
                return Err(ErrorCode::NotFound.into());
            }
            if pins.iter().any(|(pinned,)| pinned == id.as_str()) == on {
                tx.rollback().await?;
                return Ok(None);
            }
            if on && pins.len() >= PINS_MAX {
                return Err(ErrorCode::TooLarge.into());
            }
            if on {
                sqlx::query("INSERT INTO pins (room_id, message_id, seq) VALUES ($1, $2, $3)")
                    .bind(room.as_str()).bind(id.as_str()).bind(seq).execute(&mut *tx).await?;
            } else {
                sqlx::query("DELETE FROM pins WHERE room_id = $1 AND message_id = $2")
                    .bind(room.as_str()).bind(id.as_str()).execute(&mut *tx).await?;
            }
            sqlx::query(
                "INSERT INTO events (room_id, seq, kind, message_id, person_id, at) VALUES ($1, $2, $3, $4, $5, $6)",
            )
            .bind(room.as_str()).bind(seq).bind(if on { PINNED } else { UNPINNED }).bind(id.as_str())
            .bind(by.as_str()).bind(now).execute(&mut *tx).await?;
            (seq, no)
        });
        let d = Pinned {
            id: id.clone(),
            no,
            by: by.clone(),
            at: rfc3339(now),
            on,
        };
        Ok(Some(RoomEvent::MsgPinned { r: room, s: seq, d }))
    }

    /// The messages that are pinned in a room, the one that was pinned last first; at most [`PINS_MAX`].
    ///
    /// # Errors
    /// When the database fails.
    pub async fn pins(&self, room: &RoomId) -> StoreResult<Vec<Match>> {
        let rows: Vec<MatchRow> = read!(self, db => {
            sqlx::query_as(
                "SELECT p.seq AS place, m.room_id, m.id, m.no, m.seq, m.sender_id, m.at, m.body FROM pins p
                 JOIN messages m ON m.id = p.message_id
                 WHERE p.room_id = $1 ORDER BY p.seq DESC",
            )
            .bind(room.as_str()).fetch_all(db).await
        })?;
        self.with_names(rows).await
    }

    /// The events of this feature in a range of positions.
    pub(super) async fn pin_events_between(
        &self,
        room: &RoomId,
        first: i64,
        last: i64,
    ) -> StoreResult<HashMap<i64, RoomEvent>> {
        let rows: Vec<EventRow> = read!(self, db => {
            sqlx::query_as(
                "SELECT e.seq, e.kind, m.id, e.person_id AS by_id, e.at, m.no FROM events e
                 JOIN messages m ON m.id = e.message_id
                 WHERE e.room_id = $1 AND e.seq >= $2 AND e.seq <= $3 AND e.kind IN ('msg.pinned', 'msg.unpinned')",
            )
            .bind(room.as_str()).bind(first).bind(last).fetch_all(db).await
        })?;
        let event = |row: EventRow| -> StoreResult<(i64, RoomEvent)> {
            let by = row
                .by_id
                .ok_or(StoreError::Inconsistent("events.person_id"))?;
            let d = Pinned {
                id: message_id(row.id)?,
                no: row.no,
                by: user_id(by)?,
                at: rfc3339(row.at),
                on: row.kind == PINNED,
            };
            let (r, s) = (room.clone(), row.seq);
            Ok((s, RoomEvent::MsgPinned { r, s, d }))
        };
        rows.into_iter().map(event).collect()
    }
}
