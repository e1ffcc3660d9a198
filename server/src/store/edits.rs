//! Messages that are changed or deleted after they were sent.

use protocol::audit::Act;
use protocol::http::Version;
use protocol::model::Message;
use protocol::room::Right;
use protocol::{ErrorCode, MessageId, RoomEvent, RoomId, UserId};

use super::access::{AccessRow, access_columns};
use super::audit::{Note, note_in};
use super::files::attachments_of;
use super::messages::{MessageRow, message_columns};
use super::people::user_id;
use super::polls;
use super::rooms::room_id;
use super::safeguarded::SETTLED;
use super::search::REWRITE;
use super::{Store, StoreError, StoreResult, read, write};
use crate::rights::Access;
use crate::search::Document;
use crate::time::rfc3339;

/// The kind of a change in the log.
pub(super) const CHANGED: &str = "msg.changed";

/// What is to become of a message.
#[derive(Clone, Copy, Debug)]
pub enum Change<'a> {
    /// Another text. The sender's alone to do.
    Edit(&'a str),
    /// No text and no files. The sender's to do, and the staff's.
    Delete {
        /// Whether whoever asks is staff.
        is_staff: bool,
    },
    /// The same, decided about a report, maybe by somebody who is not in the room. Who may is the caller's to judge.
    Moderate,
}

#[derive(sqlx::FromRow)]
pub(super) struct Found {
    pub(super) room_id: String,
    pub(super) no: i64,
    pub(super) sender_id: String,
    pub(super) at: i64,
}

/// Of the message itself, once its room is locked.
#[derive(sqlx::FromRow)]
struct Before {
    body: String,
    deleted_at: Option<i64>,
    files: i64,
    poll: Option<String>,
    forwarded_from: Option<String>,
}

impl Store {
    /// Changes a message, and takes the room's next position for that. `None` when it is that way already.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] when there is no such message for this person, or no text of it to change any more,
    /// [`ErrorCode::Forbidden`] when it is not theirs to change or a poll, [`ErrorCode::Archived`] and [`ErrorCode::ReadOnly`] where they
    /// may not write, unless they delete as staff, [`ErrorCode::RulesChanged`] to edit what was written when others could read on than can
    /// now, [`ErrorCode::Empty`] when nothing would be left of it.
    pub async fn change_message(
        &self,
        id: &MessageId,
        by: &UserId,
        change: Change<'_>,
        now: i64,
    ) -> StoreResult<Option<RoomEvent>> {
        let found = self.message_for(id, by).await?;
        let found = found.ok_or(StoreError::Refused(ErrorCode::NotFound))?;
        let may = match change {
            Change::Edit(_) => found.sender_id == by.as_str(),
            Change::Delete { is_staff } => is_staff || found.sender_id == by.as_str(),
            Change::Moderate => false,
        };
        if !may {
            return Err(ErrorCode::Forbidden.into());
        }
        self.change_found(id, found, by, change, now).await
    }

    /// The same of a message that was looked up, and which this person may change so.
    pub(super) async fn change_found(
        &self,
        id: &MessageId,
        found: Found,
        by: &UserId,
        change: Change<'_>,
        now: i64,
    ) -> StoreResult<Option<RoomEvent>> {
        let (room, sender) = (room_id(found.room_id)?, user_id(found.sender_id)?);
        let words = self
            .changed_words(id, &room, (&sender, found.at), change)
            .await?;
        let seq = write!(self, tx => {
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
            let access = access.map(|row| row.access()).transpose()?;
            may(change, access)?;
            let muted: Option<(i64,)> =
                sqlx::query_as("SELECT until_at FROM mutes WHERE room_id = $1 AND person_id = $2 AND until_at > $3")
                    .bind(room.as_str()).bind(by.as_str()).bind(now).fetch_optional(&mut *tx).await?;
            if matches!(change, Change::Edit(_)) && muted.is_some() {
                return Err(ErrorCode::Muted.into());
            }
            let before: Before = sqlx::query_as(
                "SELECT body, deleted_at, forwarded_from, (SELECT COUNT(*) FROM attachments WHERE message_id = messages.id) AS files,
                        (SELECT options FROM polls WHERE message_id = messages.id) AS poll
                 FROM messages WHERE id = $1",
            )
            .bind(id.as_str()).fetch_one(&mut *tx).await?;
            let settled: (Option<i64>, Option<i64>) =
                sqlx::query_as(SETTLED).bind(room.as_str()).fetch_one(&mut *tx).await?;
            // Another text of it would be seen by others than it was written for, or by nobody who is to see it.
            if matches!(change, Change::Edit(_)) && settled.0.max(settled.1) >= Some(found.no) {
                return Err(ErrorCode::RulesChanged.into());
            }
            if !judge(&before, change)? {
                tx.rollback().await?;
                return Ok(None);
            }
            sqlx::query(
                "INSERT INTO message_versions (message_id, version, body, until_at)
                 SELECT $1, COUNT(*) + 1, $2, $3 FROM message_versions WHERE message_id = $1",
            )
            .bind(id.as_str()).bind(polls::said(&before.body, before.poll.as_deref())?).bind(now).execute(&mut *tx).await?;
            match change {
                Change::Edit(body) => sqlx::query("UPDATE messages SET body = $2, edited_at = $3 WHERE id = $1")
                    .bind(id.as_str()).bind(body).bind(now).execute(&mut *tx).await?,
                Change::Delete { .. } | Change::Moderate => {
                    sqlx::query("DELETE FROM reactions WHERE message_id = $1").bind(id.as_str()).execute(&mut *tx).await?;
                    // The poll first, as who votes does: what is being voted now is seen, and nobody waits in a circle.
                    sqlx::query(polls::EMPTY).bind(id.as_str()).execute(&mut *tx).await?;
                    sqlx::query("DELETE FROM poll_votes WHERE message_id = $1").bind(id.as_str()).execute(&mut *tx).await?;
                    sqlx::query("DELETE FROM pins WHERE room_id = $1 AND message_id = $2")
                        .bind(room.as_str()).bind(id.as_str()).execute(&mut *tx).await?;
                    // Nothing is asked of anybody any more. Who had acknowledged what it said is kept, as the text is.
                    sqlx::query("DELETE FROM acks WHERE message_id = $1 AND at IS NULL").bind(id.as_str()).execute(&mut *tx).await?;
                    sqlx::query("UPDATE messages SET body = '', deleted_at = $2, deleted_by = $3 WHERE id = $1")
                        .bind(id.as_str()).bind(now).bind(by.as_str()).execute(&mut *tx).await?
                }
            };
            if !matches!(change, Change::Edit(_)) && sender != *by {
                note_in!(&mut *tx, &Note::of(Act::MessageDeleted, by, &room, now).about(&sender).message(id));
            }
            sqlx::query(REWRITE).bind(id.as_str()).bind(&words).execute(&mut *tx).await?;
            sqlx::query("INSERT INTO events (room_id, seq, kind, message_id, at) VALUES ($1, $2, 'msg.changed', $3, $4)")
                .bind(room.as_str()).bind(seq).bind(id.as_str()).bind(now).execute(&mut *tx).await?;
            seq
        });
        let d = self.message(&room, found.no).await?;
        Ok(Some(RoomEvent::MsgChanged { r: room, s: seq, d }))
    }

    /// What a message of a room said before, oldest first. That it was looked at is written down first.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] when there is no such message for this person. Whether their role allows it is the caller's
    /// question.
    pub async fn message_versions(
        &self,
        id: &MessageId,
        person: &UserId,
        now: i64,
    ) -> StoreResult<Vec<Version>> {
        let found = self.message_for(id, person).await?;
        let found = found.ok_or(StoreError::Refused(ErrorCode::NotFound))?;
        let (room, sender) = (room_id(found.room_id)?, user_id(found.sender_id)?);
        write!(self, tx => {
            note_in!(&mut *tx, &Note::of(Act::VersionsRead, person, &room, now).about(&sender).message(id));
        });
        let rows: Vec<(String, i64)> = read!(self, db => {
            sqlx::query_as("SELECT body, until_at FROM message_versions WHERE message_id = $1 ORDER BY version")
                .bind(id.as_str()).fetch_all(db).await
        })?;
        let version = |(body, until)| Version {
            body,
            until: rfc3339(until),
        };
        Ok(rows.into_iter().map(version).collect())
    }

    // What it will be found by. Its files stay what they are.
    async fn changed_words(
        &self,
        id: &MessageId,
        room: &RoomId,
        (sender, at): (&UserId, i64),
        change: Change<'_>,
    ) -> StoreResult<String> {
        let document = match change {
            Change::Edit(body) => {
                let names = self.names_of_files(&[id.as_str()]).await?;
                let names = names.values().flatten().map(String::as_str);
                Document::new(room, sender, at, [body], names)
            }
            Change::Delete { .. } | Change::Moderate => Document::empty(),
        };
        Ok(self.words_text(&document))
    }

    // For members of its room only.
    pub(super) async fn message_for(
        &self,
        id: &MessageId,
        person: &UserId,
    ) -> StoreResult<Option<Found>> {
        Ok(read!(self, db => {
            sqlx::query_as(
                "SELECT messages.room_id, messages.no, messages.sender_id, messages.at FROM messages
                 JOIN members ON members.room_id = messages.room_id AND members.person_id = $2
                 WHERE messages.id = $1",
            )
            .bind(id.as_str()).bind(person.as_str()).fetch_optional(db).await
        })?)
    }

    async fn message(&self, room: &RoomId, no: i64) -> StoreResult<Message> {
        let row: MessageRow = read!(self, db => {
            sqlx::query_as(concat!(
                "SELECT ", message_columns!(), " FROM messages WHERE room_id = $1 AND no = $2",
            ))
            .bind(room.as_str()).bind(no).fetch_one(db).await
        })?;
        let mut files = attachments_of(self, &[row.id()]).await?;
        let files = files.remove(row.id()).unwrap_or_default();
        let mut polls = self.polls_among([&row]).await?;
        let mut message = row.into_message(files)?;
        message.poll = polls.remove(message.id.as_str());
        Ok(message)
    }
}

/// Whether this is allowed now, when the room is locked.
fn may(change: Change<'_>, access: Option<Access>) -> StoreResult<()> {
    let not_found = StoreError::Refused(ErrorCode::NotFound);
    match change {
        Change::Moderate => Ok(()),
        Change::Delete { is_staff: true } => access.map(drop).ok_or(not_found),
        Change::Edit(_) | Change::Delete { is_staff: false } => access
            .ok_or(not_found)?
            .may(Right::Write)
            .map_err(StoreError::Refused),
    }
}

/// Whether there is anything to do.
fn judge(before: &Before, change: Change<'_>) -> StoreResult<bool> {
    match change {
        Change::Edit(_) if before.deleted_at.is_some() => Err(ErrorCode::NotFound.into()),
        // What people voted on stays what it was, and what somebody else said.
        Change::Edit(_) if before.poll.is_some() || before.forwarded_from.is_some() => {
            Err(ErrorCode::Forbidden.into())
        }
        Change::Edit("") if before.files == 0 => Err(ErrorCode::Empty.into()),
        Change::Edit(body) => Ok(body != before.body),
        Change::Delete { .. } | Change::Moderate => Ok(before.deleted_at.is_none()),
    }
}
