//! Lessons: when they began and ended. Who is in one lives in memory, with the media.

use protocol::call::CallSummary;
use protocol::event::CallOver;
use protocol::room::Right;
use protocol::{CallId, ErrorCode, RoomEvent, RoomId, UserId};

use super::people::user_id;
use super::rooms::room_id;
use super::{Store, StoreError, StoreResult, new_id, read, write};
use crate::time::rfc3339;

/// Result of starting a lesson.
#[derive(Clone, Debug)]
pub struct Started {
    /// The lesson that is on now.
    pub call: CallSummary,
    /// The event to publish, when this started it.
    pub event: Option<RoomEvent>,
}

/// Result of ending a lesson.
#[derive(Clone, Debug)]
pub struct Ended {
    /// The room.
    pub room: RoomId,
    /// The event to publish, when this ended it.
    pub event: Option<RoomEvent>,
}

#[derive(Clone, sqlx::FromRow)]
pub(super) struct CallRow {
    id: String,
    room_id: String,
    person_id: String,
    started_at: i64,
    ended_at: Option<i64>,
}

impl CallRow {
    pub(super) fn summary(&self) -> StoreResult<CallSummary> {
        Ok(CallSummary {
            id: call_id(self.id.clone())?,
            by: user_id(self.person_id.clone())?,
            at: rfc3339(self.started_at),
        })
    }

    pub(super) fn into_event(self, kind: &str, room: RoomId, seq: i64) -> StoreResult<RoomEvent> {
        match (kind, self.ended_at) {
            ("call.started", _) => Ok(RoomEvent::CallStarted {
                r: room,
                s: seq,
                d: self.summary()?,
            }),
            ("call.ended", Some(ended_at)) => {
                let seconds =
                    u32::try_from((ended_at - self.started_at).max(0) / 1_000).unwrap_or(u32::MAX);
                let over = CallOver {
                    id: call_id(self.id)?,
                    at: rfc3339(ended_at),
                    seconds,
                };
                Ok(RoomEvent::CallEnded {
                    r: room,
                    s: seq,
                    d: over,
                })
            }
            _ => Err(StoreError::Inconsistent("events.kind")),
        }
    }
}

/// The columns of [`JoinedCall`], of a table `c` that may have no row.
macro_rules! call_columns {
    () => {
        "c.id AS c_id, c.room_id AS c_room_id, c.person_id AS c_person_id, c.started_at AS c_started_at, \
         c.ended_at AS c_ended_at"
    };
}
pub(super) use call_columns;

/// A lesson beside another row, if there is one.
#[derive(sqlx::FromRow)]
pub(super) struct JoinedCall {
    c_id: Option<String>,
    c_room_id: Option<String>,
    c_person_id: Option<String>,
    c_started_at: Option<i64>,
    c_ended_at: Option<i64>,
}

impl JoinedCall {
    pub(super) fn row(self) -> Option<CallRow> {
        Some(CallRow {
            id: self.c_id?,
            room_id: self.c_room_id?,
            person_id: self.c_person_id?,
            started_at: self.c_started_at?,
            ended_at: self.c_ended_at,
        })
    }
}

const COLUMNS_OPEN: &str = "SELECT id, room_id, person_id, started_at, ended_at FROM calls WHERE room_id = $1 AND ended_at IS NULL";

impl Store {
    /// Starts a lesson in a room, or gives the one that is on.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] for a stranger, [`ErrorCode::Archived`] and [`ErrorCode::ReadOnly`] where nothing may be begun.
    /// Whether the person's role allows it is the caller's question.
    pub async fn start_call(&self, room: &RoomId, by: &UserId, now: i64) -> StoreResult<Started> {
        let access = self.access(room, by).await?;
        let access = access.ok_or(StoreError::Refused(ErrorCode::Forbidden))?;
        access.may(Right::Write).map_err(StoreError::Refused)?;
        let id = new_id();
        let seq = write!(self, tx => {
            let locked: Option<(i64,)> = sqlx::query_as(
                "UPDATE rooms SET last_seq = last_seq + 1 WHERE id = $1 AND archived_at IS NULL RETURNING last_seq",
            )
            .bind(room.as_str()).fetch_optional(&mut *tx).await?;
            let (seq,) = locked.ok_or(StoreError::Refused(ErrorCode::Archived))?;
            let open: Option<CallRow> =
                sqlx::query_as(COLUMNS_OPEN).bind(room.as_str()).fetch_optional(&mut *tx).await?;
            if let Some(open) = open {
                tx.rollback().await?;
                return Ok(Started { call: open.summary()?, event: None });
            }
            sqlx::query("INSERT INTO calls (id, room_id, person_id, started_at) VALUES ($1, $2, $3, $4)")
                .bind(&id).bind(room.as_str()).bind(by.as_str()).bind(now).execute(&mut *tx).await?;
            sqlx::query("INSERT INTO events (room_id, seq, kind, call_id, at) VALUES ($1, $2, 'call.started', $3, $4)")
                .bind(room.as_str()).bind(seq).bind(&id).bind(now).execute(&mut *tx).await?;
            seq
        });
        let call = CallSummary {
            id: call_id(id)?,
            by: by.clone(),
            at: rfc3339(now),
        };
        let event = RoomEvent::CallStarted {
            r: room.clone(),
            s: seq,
            d: call.clone(),
        };
        Ok(Started {
            call,
            event: Some(event),
        })
    }

    /// Ends a lesson.
    ///
    /// # Errors
    /// [`ErrorCode::CallEnded`] when there was never one of this id.
    pub async fn end_call(&self, call: &CallId, now: i64) -> StoreResult<Ended> {
        let row = self
            .call_row(call.as_str())
            .await?
            .ok_or(StoreError::Refused(ErrorCode::CallEnded))?;
        let room = room_id(row.room_id.clone())?;
        let seq = write!(self, tx => {
            let (seq,): (i64,) =
                sqlx::query_as("UPDATE rooms SET last_seq = last_seq + 1 WHERE id = $1 RETURNING last_seq")
                    .bind(room.as_str()).fetch_one(&mut *tx).await?;
            let done = sqlx::query("UPDATE calls SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL")
                .bind(call.as_str()).bind(now).execute(&mut *tx).await?;
            if done.rows_affected() == 0 {
                tx.rollback().await?;
                return Ok(Ended { room, event: None });
            }
            sqlx::query("INSERT INTO events (room_id, seq, kind, call_id, at) VALUES ($1, $2, 'call.ended', $3, $4)")
                .bind(room.as_str()).bind(seq).bind(call.as_str()).bind(now).execute(&mut *tx).await?;
            seq
        });
        let ended = CallRow {
            ended_at: Some(now),
            ..row
        };
        let event = ended.into_event("call.ended", room.clone(), seq)?;
        Ok(Ended {
            room,
            event: Some(event),
        })
    }

    /// Every lesson that is on, with its room.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn open_calls(&self) -> StoreResult<Vec<(RoomId, CallSummary)>> {
        let rows: Vec<CallRow> = read!(self, db => {
            sqlx::query_as(
                "SELECT id, room_id, person_id, started_at, ended_at FROM calls WHERE ended_at IS NULL ORDER BY id",
            )
            .fetch_all(db).await
        })?;
        rows.into_iter()
            .map(|row| Ok((room_id(row.room_id.clone())?, row.summary()?)))
            .collect()
    }

    async fn call_row(&self, id: &str) -> StoreResult<Option<CallRow>> {
        Ok(read!(self, db => {
            sqlx::query_as("SELECT id, room_id, person_id, started_at, ended_at FROM calls WHERE id = $1")
                .bind(id).fetch_optional(db).await
        })?)
    }
}

fn call_id(text: String) -> StoreResult<CallId> {
    CallId::parse(text).map_err(|_| StoreError::Inconsistent("calls.id"))
}
