//! A room's log, read by position.

use std::collections::HashMap;

use protocol::http::EventsPage;
use protocol::{RoomEvent, RoomId};

use super::acks::{ACKED, REMINDED};
use super::calls::{JoinedCall, call_columns};
use super::edits::CHANGED;
use super::files::{attachments_by_message, attachments_of};
use super::messages::{MessageRow, message_columns};
use super::pins::{PINNED, UNPINNED};
use super::polls::POLL;
use super::reactions::{REACTED, ReactedRow, UNREACTED};
use super::retention::EXPIRED;
use super::{Store, StoreError, StoreResult, polls, read};

#[derive(sqlx::FromRow)]
struct EventRow {
    seq: i64,
    kind: String,
    #[sqlx(flatten)]
    reacted: ReactedRow,
    #[sqlx(flatten)]
    call: JoinedCall,
}

const EVENTS: &str = concat!(
    "SELECT e.seq, e.kind, e.message_id, e.person_id, e.emoji, ",
    call_columns!(),
    " FROM events e LEFT JOIN calls c ON c.id = e.call_id
     WHERE e.room_id = $1 AND e.seq > $2 AND e.seq <= $3 ORDER BY e.seq",
);

impl Store {
    /// Up to `limit` events with `after < seq`, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn events_after(
        &self,
        room: &RoomId,
        after: i64,
        limit: u32,
    ) -> StoreResult<Vec<RoomEvent>> {
        self.events_between(room, after, after.saturating_add(i64::from(limit)))
            .await
    }

    /// Events with `after < seq <= upto`, oldest first. The log has no gaps, so a range of positions is a page.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn events_between(
        &self,
        room: &RoomId,
        after: i64,
        upto: i64,
    ) -> StoreResult<Vec<RoomEvent>> {
        let rows: Vec<EventRow> = read!(self, db => {
            sqlx::query_as(EVENTS)
            .bind(room.as_str()).bind(after).bind(upto).fetch_all(db).await
        })?;
        let (Some(first), Some(last)) = (rows.first().map(|r| r.seq), rows.last().map(|r| r.seq))
        else {
            return Ok(Vec::new());
        };
        let mut messages = self.messages_between(room, first, last).await?;
        let mut changes = if rows.iter().any(|row| row.kind == CHANGED) {
            self.changes_between(room, first, last).await?
        } else {
            HashMap::new()
        };
        let told = rows.iter().filter(|row| row.kind == POLL);
        let told: Vec<&str> = told
            .filter_map(|row| row.reacted.message_id.as_deref())
            .collect();
        let polls = self.polls_of(&told).await?;
        let is_of_acks = |row: &EventRow| row.kind == ACKED || row.kind == REMINDED;
        let mut acks = if rows.iter().any(is_of_acks) {
            self.ack_events_between(room, first, last).await?
        } else {
            HashMap::new()
        };
        let is_of_pins = |row: &EventRow| row.kind == PINNED || row.kind == UNPINNED;
        let mut pins = if rows.iter().any(is_of_pins) {
            self.pin_events_between(room, first, last).await?
        } else {
            HashMap::new()
        };
        let mut events = Vec::with_capacity(rows.len());
        for row in rows {
            let event = if row.kind == "msg" {
                messages
                    .remove(&row.seq)
                    .ok_or(StoreError::Inconsistent("events.message_id"))?
            } else if row.kind == CHANGED {
                match changes.remove(&row.seq) {
                    Some(event) => event,
                    None => self.gone_meanwhile(room, &row).await?,
                }
            } else if row.kind == POLL {
                let id = row.reacted.message_id.clone().unwrap_or_default();
                match polls.get(&id) {
                    Some(poll) => polls::event(room.clone(), row.seq, id, poll.tally.clone())?,
                    None => self.gone_meanwhile(room, &row).await?,
                }
            } else if is_of_acks(&row) {
                match acks.remove(&row.seq) {
                    Some(event) => event,
                    None => self.gone_meanwhile(room, &row).await?,
                }
            } else if is_of_pins(&row) {
                match pins.remove(&row.seq) {
                    Some(event) => event,
                    None => self.gone_meanwhile(room, &row).await?,
                }
            } else if row.kind == EXPIRED {
                self.gone_meanwhile(room, &row).await?
            } else if row.kind == REACTED || row.kind == UNREACTED {
                row.reacted.into_event(&row.kind, room.clone(), row.seq)?
            } else {
                row.call
                    .row()
                    .ok_or(StoreError::Inconsistent("events.call_id"))?
                    .into_event(&row.kind, room.clone(), row.seq)?
            };
            events.push(event);
        }
        Ok(events)
    }

    /// A page of history: the `limit` events before position `before` (from the end when `None`).
    ///
    /// # Errors
    /// `NotFound` when there is no such room.
    pub async fn page_before(
        &self,
        room: &RoomId,
        before: Option<i64>,
        limit: u32,
    ) -> StoreResult<EventsPage> {
        let (epoch, last, _) = self.position(room).await?;
        let upto = before.map_or(last, |s| s.saturating_sub(1)).clamp(0, last);
        let after = upto.saturating_sub(i64::from(limit)).max(0);
        let events = self.events_between(room, after, upto).await?;
        Ok(EventsPage {
            epoch,
            events,
            more: after > 0,
        })
    }

    /// A page of history: the `limit` events after position `after`.
    ///
    /// # Errors
    /// `NotFound` when there is no such room.
    pub async fn page_after(
        &self,
        room: &RoomId,
        after: i64,
        limit: u32,
    ) -> StoreResult<EventsPage> {
        let (epoch, last, _) = self.position(room).await?;
        let events = self.events_after(room, after.max(0), limit).await?;
        let more = events.last().is_some_and(|event| event.seq() < last);
        Ok(EventsPage {
            epoch,
            events,
            more,
        })
    }

    // A message may lose what its events told between the statements that read them.
    async fn gone_meanwhile(&self, room: &RoomId, row: &EventRow) -> StoreResult<RoomEvent> {
        let message = row.reacted.message_id.as_deref();
        self.expired_event(room.clone(), row.seq, message).await
    }

    async fn messages_between(
        &self,
        room: &RoomId,
        first: i64,
        last: i64,
    ) -> StoreResult<HashMap<i64, RoomEvent>> {
        #[derive(sqlx::FromRow)]
        struct Positioned {
            seq: i64,
            #[sqlx(flatten)]
            message: MessageRow,
        }
        let rows: Vec<Positioned> = read!(self, db => {
            sqlx::query_as(concat!(
                "SELECT seq, ", message_columns!(),
                " FROM messages WHERE room_id = $1 AND seq >= $2 AND seq <= $3",
            ))
            .bind(room.as_str()).bind(first).bind(last).fetch_all(db).await
        })?;
        let mut files = attachments_by_message(self, room, first, last).await?;
        let messages = rows.iter().map(|row| &row.message);
        let mut polls = self.polls_among(messages).await?;
        rows.into_iter()
            .map(|row| {
                let files = files.remove(row.message.id()).unwrap_or_default();
                let mut message = row.message.into_message(files)?;
                message.poll = polls.remove(message.id.as_str());
                Ok((
                    row.seq,
                    RoomEvent::Msg {
                        r: room.clone(),
                        s: row.seq,
                        d: message,
                    },
                ))
            })
            .collect()
    }

    // Each change with the message as it is now.
    async fn changes_between(
        &self,
        room: &RoomId,
        first: i64,
        last: i64,
    ) -> StoreResult<HashMap<i64, RoomEvent>> {
        #[derive(sqlx::FromRow)]
        struct Changed {
            change_seq: i64,
            #[sqlx(flatten)]
            message: MessageRow,
        }
        let rows: Vec<Changed> = read!(self, db => {
            sqlx::query_as(concat!(
                "SELECT change_seq, ", message_columns!(),
                " FROM (SELECT e.seq AS change_seq, e.message_id AS changed FROM events e
                        WHERE e.room_id = $1 AND e.seq >= $2 AND e.seq <= $3 AND e.kind = 'msg.changed') AS changes
                  JOIN messages ON messages.id = changed",
            ))
            .bind(room.as_str()).bind(first).bind(last).fetch_all(db).await
        })?;
        let ids: Vec<&str> = rows.iter().map(|row| row.message.id()).collect();
        let files = attachments_of(self, &ids).await?;
        let messages = rows.iter().map(|row| &row.message);
        let polls = self.polls_among(messages).await?;
        rows.into_iter()
            .map(|row| {
                let files = files.get(row.message.id()).cloned().unwrap_or_default();
                let mut message = row.message.into_message(files)?;
                message.poll = polls.get(message.id.as_str()).cloned();
                let event = RoomEvent::MsgChanged {
                    r: room.clone(),
                    s: row.change_seq,
                    d: message,
                };
                Ok((row.change_seq, event))
            })
            .collect()
    }
}
