//! What answers to mails belong to.

use protocol::{ClientId, MessageId, RoomId, UserId};

use super::messages::message_id;
use super::people::user_id;
use super::rooms::room_id;
use super::{Store, StoreResult, read};

/// Where an answer goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplyTo {
    /// Whose it is.
    pub person: UserId,
    /// Their confirmed address now.
    pub address: Option<String>,
    /// Where it goes.
    pub room: RoomId,
    /// What it answers.
    pub message: MessageId,
    /// Until when, in milliseconds since 1970.
    pub expires_at: i64,
    /// Whether the mail said that answers may be read by who is responsible for the safety of children.
    pub noticed: bool,
}

impl Store {
    /// What the answer with this id belongs to.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn reply_to_mail(&self, id: &str) -> StoreResult<Option<ReplyTo>> {
        let row: Option<(String, Option<String>, String, String, i64, i64)> = read!(self, db => {
            sqlx::query_as(
                "SELECT a.person_id, p.address, a.room_id, a.message_id, a.expires_at, a.noticed
                 FROM mail_replies a LEFT JOIN mail_people p ON p.person_id = a.person_id WHERE a.id = $1",
            )
            .bind(id).fetch_optional(db).await
        })?;
        row.map(|(person, address, room, message, expires_at, noticed)| {
            Ok(ReplyTo {
                person: user_id(person)?,
                address,
                room: room_id(room)?,
                message: message_id(message)?,
                expires_at,
                noticed: noticed > 0,
            })
        })
        .transpose()
    }

    /// Whether this person has sent a message with this id of a client's.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn has_sent(&self, person: &UserId, cid: &ClientId) -> StoreResult<bool> {
        let row: Option<(String,)> = read!(self, db => {
            sqlx::query_as("SELECT id FROM messages WHERE sender_id = $1 AND client_id = $2")
                .bind(person.as_str()).bind(cid.as_str()).fetch_optional(db).await
        })?;
        Ok(row.is_some())
    }

    /// Whether this person has sent a message with this id of a client's to this room.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn has_sent_to(
        &self,
        person: &UserId,
        room: &RoomId,
        cid: &ClientId,
    ) -> StoreResult<bool> {
        let row: Option<(String,)> = read!(self, db => {
            sqlx::query_as("SELECT id FROM messages WHERE sender_id = $1 AND client_id = $2 AND room_id = $3")
                .bind(person.as_str()).bind(cid.as_str()).bind(room.as_str()).fetch_optional(db).await
        })?;
        Ok(row.is_some())
    }
}
