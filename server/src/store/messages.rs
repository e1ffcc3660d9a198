//! Messages: stored once per (sender, client id), numbered in the transaction that stores them.

use protocol::command::MsgSend;
use protocol::model::Message;
use protocol::{ErrorCode, MessageId, RoomEvent, RoomId, UserId};

use super::files::{AttachmentRow, attachments_by_message};
use super::people::user_id;
use super::{Store, StoreError, StoreResult, new_id, read, write};
use crate::time::rfc3339;

/// A message to store: what the client asked for, and who it is.
#[derive(Clone, Debug)]
pub struct NewMessage<'a> {
    /// Sender.
    pub by: &'a UserId,
    /// The command; its sizes were checked.
    pub send: &'a MsgSend,
}

/// A stored message.
#[derive(Clone, Debug)]
pub struct Stored {
    /// As others see it.
    pub event: RoomEvent,
    /// The message.
    pub message: Message,
    /// True when an earlier try had stored it.
    pub dup: bool,
}

#[derive(sqlx::FromRow)]
pub(super) struct MessageRow {
    id: String,
    room_id: String,
    no: i64,
    seq: i64,
    sender_id: String,
    client_id: String,
    reply_to: Option<String>,
    body: String,
    at: i64,
}

impl MessageRow {
    pub(super) fn into_message(self, files: Vec<AttachmentRow>) -> StoreResult<Message> {
        let re = self.reply_to.map(message_id).transpose()?;
        Ok(Message {
            id: message_id(self.id)?,
            cid: protocol::ClientId::parse(self.client_id)
                .map_err(|_| StoreError::Inconsistent("messages.client_id"))?,
            no: self.no,
            by: user_id(self.sender_id)?,
            at: rfc3339(self.at),
            body: self.body,
            re,
            att: files
                .into_iter()
                .map(AttachmentRow::into_attachment)
                .collect::<StoreResult<_>>()?,
        })
    }
}

impl Store {
    /// Stores a message, takes the room's next numbers for it and moves the sender's read pointer to it; or finds
    /// the one that an earlier try stored.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] for a stranger, [`ErrorCode::NotFound`] for a reply or file that is not this
    /// person's to use here, [`ErrorCode::BadRequest`] when the client id named a message of another room.
    pub async fn add_message(&self, new: NewMessage<'_>, now: i64) -> StoreResult<Stored> {
        let MsgSend {
            r: room,
            cid,
            body,
            re,
            att,
        } = new.send;
        let id = new_id();
        let dup = write!(self, tx => {
            let member: Option<(i64,)> =
                sqlx::query_as("SELECT read_no FROM members WHERE room_id = $1 AND person_id = $2")
                    .bind(room.as_str()).bind(new.by.as_str()).fetch_optional(&mut *tx).await?;
            if member.is_none() {
                return Err(ErrorCode::Forbidden.into());
            }
            // Takes the room's row lock: from here on, retries of the same message wait for each other.
            let (seq, no): (i64, i64) = sqlx::query_as(
                "UPDATE rooms SET last_seq = last_seq + 1, last_no = last_no + 1 WHERE id = $1
                 RETURNING last_seq, last_no",
            )
            .bind(room.as_str()).fetch_one(&mut *tx).await?;
            let earlier: Option<(String,)> =
                sqlx::query_as("SELECT room_id FROM messages WHERE sender_id = $1 AND client_id = $2")
                    .bind(new.by.as_str()).bind(cid.as_str()).fetch_optional(&mut *tx).await?;
            if let Some((earlier_room,)) = earlier {
                tx.rollback().await?;
                if earlier_room != room.as_str() {
                    return Err(ErrorCode::BadRequest.into());
                }
                return self.stored_before(new.by, cid.as_str()).await;
            }
            if let Some(re) = re {
                let target: Option<(i64,)> =
                    sqlx::query_as("SELECT no FROM messages WHERE id = $1 AND room_id = $2")
                        .bind(re.as_str()).bind(room.as_str()).fetch_optional(&mut *tx).await?;
                if target.is_none() {
                    return Err(ErrorCode::NotFound.into());
                }
            }
            sqlx::query(
                "INSERT INTO messages (id, room_id, no, seq, sender_id, client_id, reply_to, body, at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            )
            .bind(&id).bind(room.as_str()).bind(no).bind(seq).bind(new.by.as_str()).bind(cid.as_str())
            .bind(re.as_ref().map(MessageId::as_str)).bind(body).bind(now)
            .execute(&mut *tx).await?;
            sqlx::query("INSERT INTO events (room_id, seq, kind, message_id, at) VALUES ($1, $2, 'msg', $3, $4)")
                .bind(room.as_str()).bind(seq).bind(&id).bind(now).execute(&mut *tx).await?;
            for (position, file) in (0_i64..).zip(att) {
                let done = sqlx::query(
                    "INSERT INTO attachments (message_id, position, file_id)
                     SELECT $1, $2, id FROM files WHERE id = $3 AND room_id = $4 AND owner_id = $5",
                )
                .bind(&id).bind(position).bind(file.as_str()).bind(room.as_str()).bind(new.by.as_str())
                .execute(&mut *tx).await?;
                if done.rows_affected() == 0 {
                    return Err(ErrorCode::NotFound.into());
                }
            }
            sqlx::query("UPDATE members SET read_no = $3 WHERE room_id = $1 AND person_id = $2 AND read_no < $3")
                .bind(room.as_str()).bind(new.by.as_str()).bind(no).execute(&mut *tx).await?;
            false
        });
        let mut stored = self.stored_before(new.by, cid.as_str()).await?;
        stored.dup = dup;
        Ok(stored)
    }

    async fn stored_before(&self, by: &UserId, cid: &str) -> StoreResult<Stored> {
        let row: MessageRow = read!(self, db => {
            sqlx::query_as(
                "SELECT id, room_id, no, seq, sender_id, client_id, reply_to, body, at
                 FROM messages WHERE sender_id = $1 AND client_id = $2",
            )
            .bind(by.as_str()).bind(cid).fetch_one(db).await
        })?;
        let room = super::rooms::room_id(row.room_id.clone())?;
        let seq = row.seq;
        let mut files = attachments_by_message(self, &room, seq, seq).await?;
        let files = files.remove(&row.id).unwrap_or_default();
        let message = row.into_message(files)?;
        let event = RoomEvent::Msg {
            r: room,
            s: seq,
            d: message.clone(),
        };
        Ok(Stored {
            event,
            message,
            dup: true,
        })
    }

    /// The message with this number.
    pub(super) async fn message_numbered(
        &self,
        room: &RoomId,
        no: i64,
    ) -> StoreResult<Option<Message>> {
        let row: Option<MessageRow> = read!(self, db => {
            sqlx::query_as(
                "SELECT id, room_id, no, seq, sender_id, client_id, reply_to, body, at
                 FROM messages WHERE room_id = $1 AND no = $2",
            )
            .bind(room.as_str()).bind(no).fetch_optional(db).await
        })?;
        let Some(row) = row else { return Ok(None) };
        let mut files = attachments_by_message(self, room, row.seq, row.seq).await?;
        let files = files.remove(&row.id).unwrap_or_default();
        row.into_message(files).map(Some)
    }
}

fn message_id(text: String) -> StoreResult<MessageId> {
    MessageId::parse(text).map_err(|_| StoreError::Inconsistent("messages.id"))
}
