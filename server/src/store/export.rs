//! A room's history as it is taken out of Parta, a page at a time.

use std::collections::HashMap;
use std::sync::LazyLock;

use protocol::http::{Asked, Version};
use protocol::model::Message;
use protocol::poll::Voters;
use protocol::room::RoomKind;
use protocol::{CallId, RoomId, UserId};

use super::access::kind_from;
use super::files::attachments_of;
use super::messages::{MessageRow, message_columns};
use super::people::user_id;
use super::writer::{ROWS_MAX, Rows};
use super::{Store, StoreError, StoreResult, read};
use crate::time::rfc3339;

/// A room, whoever asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomFacts {
    /// Which.
    pub id: RoomId,
    /// Its name; a conversation of two has an empty one.
    pub name: String,
    /// What it is for.
    pub kind: RoomKind,
    /// Whether it is in the archive.
    pub archived: bool,
    /// When it was made, in milliseconds since 1970.
    pub created_at: i64,
    /// Number of its last message.
    pub last_no: i64,
}

/// A lesson that was, or is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastLesson {
    /// Which.
    pub id: CallId,
    /// Who began it.
    pub by: UserId,
    /// When it began, in milliseconds since 1970.
    pub started_at: i64,
    /// When it ended.
    pub ended_at: Option<i64>,
}

/// A message with what the room's events do not tell of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportedMessage {
    /// As everybody in the room sees it.
    pub message: Message,
    /// Who chose what, of a poll that is not anonymous.
    pub voters: Option<Voters>,
    /// What it said before; for whoever may read that, otherwise empty.
    pub versions: Vec<Version>,
    /// Who was asked to acknowledge it; likewise.
    pub asked: Vec<Asked>,
}

/// What taking out a room would carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExportSize {
    /// Messages, those that were deleted included.
    pub messages: i64,
    /// Files on messages.
    pub files: i64,
    /// Their bytes.
    pub bytes: i64,
}

static VERSIONS: LazyLock<Rows> = LazyLock::new(|| {
    Rows::new(
        "SELECT message_id, body, until_at FROM message_versions WHERE message_id IN (",
        "?",
        ") ORDER BY message_id, version",
    )
});

static ASKED: LazyLock<Rows> = LazyLock::new(|| {
    Rows::new(
        "SELECT a.message_id, a.person_id, a.at,
                CASE WHEN EXISTS (SELECT 1 FROM members m WHERE m.room_id = a.room_id AND m.person_id = a.person_id)
                     THEN CAST(0 AS BIGINT) ELSE CAST(1 AS BIGINT) END
         FROM acks a WHERE a.message_id IN (",
        "?",
        ") ORDER BY a.message_id, a.person_id",
    )
});

impl Store {
    /// What a room is, whoever asks: rights are the caller's question.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn room_facts(&self, room: &RoomId) -> StoreResult<Option<RoomFacts>> {
        let row: Option<(String, String, Option<i64>, i64, i64)> = read!(self, db => {
            sqlx::query_as("SELECT name, kind, archived_at, created_at, last_no FROM rooms WHERE id = $1")
                .bind(room.as_str()).fetch_optional(db).await
        })?;
        let Some((name, kind, archived_at, created_at, last_no)) = row else {
            return Ok(None);
        };
        Ok(Some(RoomFacts {
            id: room.clone(),
            name,
            kind: kind_from(&kind)?,
            archived: archived_at.is_some(),
            created_at,
            last_no,
        }))
    }

    /// How much there is to take out of a room.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn export_size(&self, room: &RoomId) -> StoreResult<ExportSize> {
        let (messages, files, bytes): (i64, i64, i64) = read!(self, db => {
            sqlx::query_as(
                "SELECT (SELECT COALESCE(MAX(last_no), 0) FROM rooms WHERE id = $1), COUNT(*),
                        CAST(COALESCE(SUM(f.size), 0) AS BIGINT)
                 FROM messages m JOIN attachments a ON a.message_id = m.id JOIN files f ON f.id = a.file_id
                 WHERE m.room_id = $1 AND m.deleted_at IS NULL",
            )
            .bind(room.as_str()).fetch_one(db).await
        })?;
        Ok(ExportSize {
            messages,
            files,
            bytes,
        })
    }

    /// The lessons of a room, in order.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn past_lessons(&self, room: &RoomId) -> StoreResult<Vec<PastLesson>> {
        let rows: Vec<(String, String, i64, Option<i64>)> = read!(self, db => {
            sqlx::query_as(
                "SELECT id, person_id, started_at, ended_at FROM calls WHERE room_id = $1 ORDER BY started_at, id",
            )
            .bind(room.as_str()).fetch_all(db).await
        })?;
        rows.into_iter()
            .map(|(id, by, started_at, ended_at)| {
                Ok(PastLesson {
                    id: CallId::parse(id).map_err(|_| StoreError::Inconsistent("calls.id"))?,
                    by: user_id(by)?,
                    started_at,
                    ended_at,
                })
            })
            .collect()
    }

    /// Messages with `after < no <= upto`, in order: numbers have no gaps, so that a range of them is a page. `details` adds
    /// what only the staff of the room may read.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn export_page(
        &self,
        room: &RoomId,
        after: i64,
        upto: i64,
        details: bool,
    ) -> StoreResult<Vec<ExportedMessage>> {
        let rows: Vec<MessageRow> = read!(self, db => {
            sqlx::query_as(concat!(
                "SELECT ", message_columns!(),
                " FROM messages WHERE room_id = $1 AND no > $2 AND no <= $3 ORDER BY no",
            ))
            .bind(room.as_str()).bind(after).bind(upto).fetch_all(db).await
        })?;
        let ids: Vec<String> = rows.iter().map(|row| row.id().to_owned()).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let mut files = attachments_of(self, &ids).await?;
        let mut polls = self.polls_among(&rows).await?;
        let (mut versions, mut asked) = if details {
            (
                self.versions_among(&ids).await?,
                self.asked_among(&ids).await?,
            )
        } else {
            (HashMap::new(), HashMap::new())
        };
        let mut page = Vec::with_capacity(rows.len());
        for row in rows {
            let id = row.id().to_owned();
            let mut message = row.into_message(files.remove(&id).unwrap_or_default())?;
            message.poll = polls.remove(&id);
            let told = message
                .poll
                .as_ref()
                .is_some_and(|poll| !poll.anon && !poll.options.is_empty());
            page.push(ExportedMessage {
                voters: if told {
                    Some(self.votes_of(&message).await?)
                } else {
                    None
                },
                versions: versions.remove(&id).unwrap_or_default(),
                asked: asked.remove(&id).unwrap_or_default(),
                message,
            });
        }
        Ok(page)
    }

    async fn votes_of(&self, message: &Message) -> StoreResult<Voters> {
        let answers = message.poll.as_ref().map_or(0, |poll| poll.options.len());
        let options = self.votes(&message.id, answers).await?;
        Ok(Voters { options })
    }

    async fn versions_among(&self, ids: &[&str]) -> StoreResult<HashMap<String, Vec<Version>>> {
        let mut versions: HashMap<String, Vec<Version>> = HashMap::new();
        for chunk in ids.chunks(ROWS_MAX) {
            let (text, ids) = VERSIONS.with(chunk);
            let rows: Vec<(String, String, i64)> = read!(self, db => {
                let mut query = sqlx::query_as(text);
                for id in ids {
                    query = query.bind(id.copied());
                }
                query.fetch_all(db).await
            })?;
            for (id, body, until) in rows {
                let until = rfc3339(until);
                versions
                    .entry(id)
                    .or_default()
                    .push(Version { body, until });
            }
        }
        Ok(versions)
    }

    async fn asked_among(&self, ids: &[&str]) -> StoreResult<HashMap<String, Vec<Asked>>> {
        let mut asked: HashMap<String, Vec<Asked>> = HashMap::new();
        for chunk in ids.chunks(ROWS_MAX) {
            let (text, ids) = ASKED.with(chunk);
            let rows: Vec<(String, String, Option<i64>, i64)> = read!(self, db => {
                let mut query = sqlx::query_as(text);
                for id in ids {
                    query = query.bind(id.copied());
                }
                query.fetch_all(db).await
            })?;
            for (id, person, at, left) in rows {
                asked.entry(id).or_default().push(Asked {
                    u: user_id(person)?,
                    at: at.map(rfc3339),
                    left: left != 0,
                });
            }
        }
        Ok(asked)
    }
}
