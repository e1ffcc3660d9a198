//! Messages that are passed on to another room.

use protocol::model::Forwarded;
use protocol::{ErrorCode, FileId, MessageId, UserId};

use super::files::{AttachmentRow, attachments_of};
use super::people::user_id;
use super::{Store, StoreError, StoreResult, read};

/// What is passed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forwarding {
    /// The text.
    pub body: String,
    /// Its files, in order.
    pub files: Vec<FileId>,
    /// Who wrote it, the first of them.
    pub from: Forwarded,
}

impl Store {
    /// What of a message this person may pass on.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] when there is no such message for them, or it was deleted, or is a poll.
    pub async fn forwarding(&self, id: &MessageId, person: &UserId) -> StoreResult<Forwarding> {
        let row: Option<(String, String, String)> = read!(self, db => {
            sqlx::query_as(
                "SELECT m.body, p.id, p.name FROM messages m
                 JOIN members mine ON mine.room_id = m.room_id AND mine.person_id = $2
                 JOIN people p ON p.id = COALESCE(m.forwarded_from, m.sender_id)
                 WHERE m.id = $1 AND m.deleted_at IS NULL
                   AND NOT EXISTS (SELECT 1 FROM polls WHERE polls.message_id = m.id)",
            )
            .bind(id.as_str()).bind(person.as_str()).fetch_optional(db).await
        })?;
        let (body, by, name) = row.ok_or(StoreError::Refused(ErrorCode::NotFound))?;
        let mut files = attachments_of(self, &[id.as_str()]).await?;
        let files = files.remove(id.as_str()).unwrap_or_default();
        let file = |row: &AttachmentRow| {
            FileId::parse(row.id()).map_err(|_| StoreError::Inconsistent("files.id"))
        };
        Ok(Forwarding {
            body,
            files: files.iter().map(file).collect::<StoreResult<_>>()?,
            from: Forwarded {
                by: user_id(by)?,
                name,
            },
        })
    }
}
