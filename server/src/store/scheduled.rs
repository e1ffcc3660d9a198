//! Messages that are to be sent later.

use std::collections::HashMap;

use protocol::command::MsgSend;
use protocol::later::{Later, LaterSet};
use protocol::limits::LATER_MAX;
use protocol::room::Right;
use protocol::{ClientId, ErrorCode, FileId, MessageId, RoomId, UserId};

use super::messages::message_id;
use super::people::user_id;
use super::rooms::room_id;
use super::{Store, StoreError, StoreResult, read, write};
use crate::time::rfc3339;

/// After so many milliseconds another server takes up what one has claimed and not sent.
const CLAIM_MS: i64 = 60_000;
/// Most that are taken at once.
const AT_ONCE: i64 = 100;

/// A message that is to wait; its sizes were checked.
#[derive(Clone, Copy, Debug)]
pub struct NewLater<'a> {
    /// Author.
    pub by: &'a UserId,
    /// What they asked for.
    pub set: &'a LaterSet,
    /// When, in milliseconds since 1970.
    pub due: i64,
    /// By when it is to be acknowledged.
    pub ack_due: Option<i64>,
}

/// One whose time has come, claimed by this server.
#[derive(Clone, Debug)]
pub struct Due {
    /// Author.
    pub by: UserId,
    /// The message. Mentions are of those who are members still.
    pub send: MsgSend,
}

#[derive(sqlx::FromRow)]
struct Row {
    person_id: String,
    client_id: String,
    room_id: String,
    due_at: i64,
    body: String,
    reply_to: Option<String>,
    files: String,
    men: String,
    to_all: i64,
    ack: i64,
    ack_due: Option<i64>,
    refused: Option<String>,
    noticed: i64,
}

impl Row {
    fn into_later(self) -> StoreResult<Later> {
        let refused = self.refused.map(|code| serde_json::from_value(code.into()));
        Ok(Later {
            cid: client_id(self.client_id)?,
            at: rfc3339(self.due_at),
            body: self.body,
            re: self.reply_to.map(message_id).transpose()?,
            att: ids(&self.files, FileId::parse)?,
            men: ids(&self.men, UserId::parse)?,
            all: self.to_all > 0,
            ack: self.ack > 0,
            due: self.ack_due.map(rfc3339),
            refused: refused
                .transpose()
                .map_err(|_| StoreError::Inconsistent("scheduled.refused"))?,
        })
    }

    fn into_due(self) -> StoreResult<Due> {
        Ok(Due {
            by: user_id(self.person_id)?,
            send: MsgSend {
                r: room_id(self.room_id)?,
                cid: client_id(self.client_id)?,
                body: self.body,
                re: self.reply_to.map(message_id).transpose()?,
                att: ids(&self.files, FileId::parse)?,
                men: ids(&self.men, UserId::parse)?,
                poll: None,
                fwd: None,
                ack: self.ack > 0,
                due: self.ack_due.map(rfc3339),
                all: self.to_all > 0,
                noticed: self.noticed > 0,
            },
        })
    }
}

fn client_id(text: String) -> StoreResult<ClientId> {
    ClientId::parse(text).map_err(|_| StoreError::Inconsistent("scheduled.client_id"))
}

fn ids<T>(text: &str, parse: impl Fn(String) -> Result<T, &'static str>) -> StoreResult<Vec<T>> {
    let ids = text.split_terminator(' ').map(|id| parse(id.to_owned()));
    ids.collect::<Result<_, _>>()
        .map_err(StoreError::Inconsistent)
}

fn text<'i>(ids: impl Iterator<Item = &'i str>) -> String {
    ids.collect::<Vec<_>>().join(" ")
}

impl Store {
    /// Keeps a message for later, or changes the one that waits under its client id.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] for a stranger and for who may not ask for what it asks for, [`ErrorCode::Archived`] and
    /// [`ErrorCode::ReadOnly`] where they may not write now, [`ErrorCode::Sent`] when it was sent or is being sent,
    /// [`ErrorCode::TooLarge`] beyond [`LATER_MAX`].
    pub async fn keep_for_later(&self, new: NewLater<'_>) -> StoreResult<()> {
        let LaterSet {
            r,
            cid,
            body,
            re,
            att,
            men,
            all,
            ack,
            noticed,
            ..
        } = new.set;
        let access = self.access(r, new.by).await?;
        let access = access.ok_or(StoreError::Refused(ErrorCode::Forbidden))?;
        access.may(Right::Write).map_err(StoreError::Refused)?;
        if *ack {
            access.may_ask().map_err(StoreError::Refused)?;
        }
        write!(self, tx => {
            let (others,): (i64,) = sqlx::query_as("SELECT COUNT(*) FROM scheduled WHERE person_id = $1 AND client_id <> $2")
                .bind(new.by.as_str()).bind(cid.as_str()).fetch_one(&mut *tx).await?;
            if usize::try_from(others).is_ok_and(|others| others >= LATER_MAX) {
                return Err(ErrorCode::TooLarge.into());
            }
            let (sent,): (i64,) = sqlx::query_as("SELECT COUNT(*) FROM messages WHERE sender_id = $1 AND client_id = $2")
                .bind(new.by.as_str()).bind(cid.as_str()).fetch_one(&mut *tx).await?;
            let kept = sqlx::query(
                "INSERT INTO scheduled (person_id, client_id, room_id, due_at, body, reply_to, files, men, to_all, ack, ack_due, noticed)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
                 ON CONFLICT (person_id, client_id) DO UPDATE
                 SET due_at = excluded.due_at, body = excluded.body, reply_to = excluded.reply_to, files = excluded.files,
                     men = excluded.men, to_all = excluded.to_all, ack = excluded.ack, ack_due = excluded.ack_due,
                     noticed = excluded.noticed, refused = NULL
                 WHERE scheduled.claimed_at IS NULL AND scheduled.room_id = excluded.room_id",
            )
            .bind(new.by.as_str()).bind(cid.as_str()).bind(r.as_str()).bind(new.due).bind(body)
            .bind(re.as_ref().map(MessageId::as_str)).bind(text(att.iter().map(FileId::as_str)))
            .bind(text(men.iter().map(UserId::as_str))).bind(i64::from(*all)).bind(i64::from(*ack)).bind(new.ack_due)
            .bind(i64::from(*noticed)).execute(&mut *tx).await?;
            if sent > 0 || kept.rows_affected() == 0 {
                return Err(ErrorCode::Sent.into());
            }
        });
        Ok(())
    }

    /// Takes one away that waits; gives its room.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] when there is none, [`ErrorCode::Sent`] when it is being sent.
    pub async fn forget_later(&self, by: &UserId, cid: &ClientId) -> StoreResult<RoomId> {
        let gone: Option<(String,)> = write!(self, tx => {
            sqlx::query_as(
                "DELETE FROM scheduled WHERE person_id = $1 AND client_id = $2 AND claimed_at IS NULL RETURNING room_id",
            )
            .bind(by.as_str()).bind(cid.as_str()).fetch_optional(&mut *tx).await?
        });
        match gone {
            Some((room,)) => room_id(room),
            None => Err(self.none_waits(by, cid).await?.into()),
        }
    }

    /// Makes one due now, also one that was refused; gives its room. `noticed`: its author was told who may read it.
    ///
    /// # Errors
    /// The same; [`ErrorCode::DueOver`] when it was to be acknowledged by now.
    pub async fn make_due(
        &self,
        by: &UserId,
        cid: &ClientId,
        noticed: bool,
        now: i64,
    ) -> StoreResult<RoomId> {
        let due: Option<(String,)> = write!(self, tx => {
            sqlx::query_as(
                "UPDATE scheduled SET due_at = $3, refused = NULL, noticed = CASE WHEN $4 THEN 1 ELSE noticed END
                 WHERE person_id = $1 AND client_id = $2 AND claimed_at IS NULL
                     AND (ack_due IS NULL OR ack_due > $3) RETURNING room_id",
            )
            .bind(by.as_str()).bind(cid.as_str()).bind(now).bind(noticed).fetch_optional(&mut *tx).await?
        });
        if let Some((room,)) = due {
            return room_id(room);
        }
        if self.is_overdue(by, cid, now).await? {
            return Err(ErrorCode::DueOver.into());
        }
        Err(self.none_waits(by, cid).await?.into())
    }

    async fn is_overdue(&self, by: &UserId, cid: &ClientId, now: i64) -> StoreResult<bool> {
        let (overdue,): (i64,) = read!(self, db => {
            sqlx::query_as(
                "SELECT COUNT(*) FROM scheduled
                 WHERE person_id = $1 AND client_id = $2 AND claimed_at IS NULL AND ack_due <= $3",
            )
            .bind(by.as_str()).bind(cid.as_str()).bind(now).fetch_one(db).await
        })?;
        Ok(overdue > 0)
    }

    // Why there is none to change: it has gone its way, or never was.
    async fn none_waits(&self, by: &UserId, cid: &ClientId) -> StoreResult<ErrorCode> {
        let row: Option<(i64,)> = read!(self, db => {
            sqlx::query_as(
                "SELECT CAST(1 AS BIGINT) FROM scheduled WHERE person_id = $1 AND client_id = $2
                 UNION ALL SELECT CAST(1 AS BIGINT) FROM messages WHERE sender_id = $1 AND client_id = $2",
            )
            .bind(by.as_str()).bind(cid.as_str()).fetch_optional(db).await
        })?;
        Ok(if row.is_some() {
            ErrorCode::Sent
        } else {
            ErrorCode::NotFound
        })
    }

    /// What waits of a person in a room, by time.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn later_in(&self, room: &RoomId, by: &UserId) -> StoreResult<Vec<Later>> {
        let rows: Vec<Row> = read!(self, db => {
            sqlx::query_as(
                "SELECT person_id, client_id, room_id, due_at, body, reply_to, files, men, to_all, ack, ack_due, refused, noticed FROM scheduled
                 WHERE person_id = $1 AND room_id = $2 ORDER BY due_at, client_id",
            )
            .bind(by.as_str()).bind(room.as_str()).fetch_all(db).await
        })?;
        rows.into_iter().map(Row::into_later).collect()
    }

    /// How many wait of a person, by room.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn waiting_of(&self, by: &UserId) -> StoreResult<HashMap<RoomId, u32>> {
        let rows: Vec<(String, i64)> = read!(self, db => {
            sqlx::query_as("SELECT room_id, COUNT(*) FROM scheduled WHERE person_id = $1 GROUP BY room_id")
                .bind(by.as_str()).fetch_all(db).await
        })?;
        rows.into_iter()
            .map(|(room, n)| Ok((room_id(room)?, u32::try_from(n).unwrap_or(u32::MAX))))
            .collect()
    }

    /// When the next is due that nobody sends.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn next_due(&self) -> StoreResult<Option<i64>> {
        let (due,): (Option<i64>,) = read!(self, db => {
            sqlx::query_as("SELECT MIN(due_at) FROM scheduled WHERE refused IS NULL AND claimed_at IS NULL")
                .fetch_one(db).await
        })?;
        Ok(due)
    }

    /// Claims those whose time has come, by time; also those that another server has claimed a minute ago and not sent.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn claim_due(&self, now: i64) -> StoreResult<Vec<Due>> {
        let mut rows: Vec<Row> = write!(self, tx => {
            sqlx::query_as(
                "UPDATE scheduled SET claimed_at = $1 WHERE refused IS NULL AND (person_id, client_id) IN (
                     SELECT person_id, client_id FROM scheduled
                     WHERE refused IS NULL AND due_at <= $1 AND (claimed_at IS NULL OR claimed_at < $2)
                     ORDER BY due_at LIMIT $3)
                   AND (claimed_at IS NULL OR claimed_at < $2)
                 RETURNING person_id, client_id, room_id, due_at, body, reply_to, files, men, to_all, ack, ack_due, refused, noticed",
            )
            .bind(now).bind(now - CLAIM_MS).bind(AT_ONCE).fetch_all(&mut *tx).await?
        });
        rows.sort_by(|one, other| {
            (one.due_at, &one.client_id).cmp(&(other.due_at, &other.client_id))
        });
        let mut due = Vec::with_capacity(rows.len());
        for row in rows {
            let mut one = row.into_due()?;
            let members = self.members(&one.send.r).await?;
            one.send
                .men
                .retain(|person| members.iter().any(|member| member.id == *person));
            due.push(one);
        }
        Ok(due)
    }

    /// It was sent.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sent_later(&self, by: &UserId, cid: &ClientId) -> StoreResult<()> {
        write!(self, tx => {
            sqlx::query("DELETE FROM scheduled WHERE person_id = $1 AND client_id = $2")
                .bind(by.as_str()).bind(cid.as_str()).execute(&mut *tx).await?;
        });
        Ok(())
    }

    /// It waits a little longer.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn postpone(&self, by: &UserId, cid: &ClientId, until: i64) -> StoreResult<()> {
        write!(self, tx => {
            sqlx::query("UPDATE scheduled SET claimed_at = NULL, due_at = $3 WHERE person_id = $1 AND client_id = $2")
                .bind(by.as_str()).bind(cid.as_str()).bind(until).execute(&mut *tx).await?;
        });
        Ok(())
    }

    /// It was refused, or, without a reason, could not be sent just now and is to be tried again, unless it was held back meanwhile.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn unclaim(
        &self,
        by: &UserId,
        cid: &ClientId,
        refused: Option<ErrorCode>,
    ) -> StoreResult<()> {
        let code = refused.and_then(|code| serde_json::to_value(code).ok());
        write!(self, tx => {
            sqlx::query(
                "UPDATE scheduled SET claimed_at = NULL, refused = COALESCE($3, refused) WHERE person_id = $1 AND client_id = $2",
            )
                .bind(by.as_str()).bind(cid.as_str()).bind(code.as_ref().and_then(|code| code.as_str()))
                .execute(&mut *tx).await?;
        });
        Ok(())
    }
}
