//! What asks to be acknowledged over all rooms but conversations of two, for administrators. That somebody looks is written
//! down in the transaction before they see it.

use protocol::audit::Act;
use protocol::limits::{OVERVIEW_LINE_CHARS_MAX, OVERVIEW_PAGE_MAX};
use protocol::overview::{AskingMessage, NotYet};
use protocol::{ErrorCode, MessageId, UserId};

use super::acks::{ack, ack_done};
use super::audit::{Note, named_room, note_in};
use super::messages::message_id;
use super::people::PersonRow;
use super::rooms::room_id;
use super::{Store, StoreError, StoreResult, read, write};
use crate::time::rfc3339;

/// What is looked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct OverviewFilter<'a> {
    /// Messages before this one.
    pub before: Option<&'a MessageId>,
    /// Only those whose time is over.
    pub overdue: bool,
    /// With the names of who has not: for a table.
    pub who: bool,
}

#[derive(sqlx::FromRow)]
struct AskingRow {
    id: String,
    at: i64,
    body: String,
    ack_of: Option<i64>,
    ack_due: Option<i64>,
    reminded_at: Option<i64>,
    done: Option<i64>,
    room_id: String,
    room_name: String,
    room_kind: String,
    author_id: String,
    author_name: String,
    author_role: String,
}

impl AskingRow {
    fn into_message(self, now: i64) -> StoreResult<AskingMessage> {
        let author = PersonRow {
            id: self.author_id,
            name: self.author_name,
            role: self.author_role,
        };
        Ok(AskingMessage {
            id: message_id(self.id)?,
            room: named_room(self.room_id, self.room_name, &self.room_kind)?,
            by: author.into_person()?,
            at: rfc3339(self.at),
            line: first_line(&self.body),
            ack: ack(self.ack_of, self.done)?.ok_or(StoreError::Inconsistent("messages.ack_of"))?,
            due: self.ack_due.map(rfc3339),
            over: self.ack_due.is_some_and(|due| due <= now),
            reminded: self.reminded_at.map(rfc3339),
            waiting: Vec::new(),
        })
    }
}

/// As much of a text as the order needs.
fn first_line(body: &str) -> String {
    let line = body.lines().map(str::trim).find(|line| !line.is_empty());
    let line = line.unwrap_or_default();
    match line.char_indices().nth(OVERVIEW_LINE_CHARS_MAX) {
        Some(_) => {
            let kept: String = line.chars().take(OVERVIEW_LINE_CHARS_MAX - 1).collect();
            format!("{}…", kept.trim_end())
        }
        None => line.to_owned(),
    }
}

// A message whose missing people have all left its room waits for nobody.
macro_rules! asking {
    ($more:literal) => {
        concat!(
            "SELECT messages.id, messages.at, body, ack_of, ack_due, reminded_at, ",
            ack_done!(),
            " AS done, r.id AS room_id, r.name AS room_name, r.kind AS room_kind,
                 s.id AS author_id, s.name AS author_name, s.role AS author_role
             FROM messages JOIN rooms r ON r.id = messages.room_id JOIN people s ON s.id = messages.sender_id
             WHERE ack_of IS NOT NULL AND deleted_at IS NULL AND r.archived_at IS NULL AND r.kind <> 'direct'
                 AND EXISTS (SELECT 1 FROM acks k JOIN members z ON z.room_id = k.room_id AND z.person_id = k.person_id
                     WHERE k.message_id = messages.id AND k.at IS NULL) AND ",
            $more
        )
    };
}

impl Store {
    /// A page of what somebody in its room has not acknowledged, the newest first; one more than [`OVERVIEW_PAGE_MAX`] if
    /// there are more. Every page is written down. Whether their role allows it is the caller's question.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn acks_overview(
        &self,
        filter: OverviewFilter<'_>,
        me: &UserId,
        now: i64,
    ) -> StoreResult<Vec<AskingMessage>> {
        let act = if filter.who {
            Act::AcksTaken
        } else {
            Act::AcksRead
        };
        write!(self, tx => {
            note_in!(&mut *tx, &Note::by(act, me, now));
        });
        let rows: Vec<AskingRow> = read!(self, db => {
            sqlx::query_as(asking!(
                "($1 = '' OR messages.id < $1) AND ($2 = 0 OR ack_due <= $3) ORDER BY messages.id DESC LIMIT $4"
            ))
            .bind(filter.before.map_or("", MessageId::as_str)).bind(i64::from(filter.overdue)).bind(now)
            .bind(i64::from(OVERVIEW_PAGE_MAX) + 1).fetch_all(db).await
        })?;
        let mut messages = Vec::with_capacity(rows.len());
        for row in rows {
            let mut message = row.into_message(now)?;
            if filter.who {
                message.waiting = self.not_yet(&message.id).await?;
            }
            messages.push(message);
        }
        Ok(messages)
    }

    /// One of them, with who has not acknowledged it. That is written down.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] when there is no such message among them.
    pub async fn acks_overview_of(
        &self,
        id: &MessageId,
        me: &UserId,
        now: i64,
    ) -> StoreResult<AskingMessage> {
        let row: Option<AskingRow> = read!(self, db => {
            sqlx::query_as(asking!("messages.id = $1")).bind(id.as_str()).fetch_optional(db).await
        })?;
        let row = row.ok_or(StoreError::Refused(ErrorCode::NotFound))?;
        let room = room_id(row.room_id.clone())?;
        write!(self, tx => {
            note_in!(&mut *tx, &Note::of(Act::AcksRead, me, &room, now).message(id));
        });
        Ok(AskingMessage {
            waiting: self.not_yet(id).await?,
            ..row.into_message(now)?
        })
    }

    async fn not_yet(&self, id: &MessageId) -> StoreResult<Vec<NotYet>> {
        let rows: Vec<(String, String, String, i64)> = read!(self, db => {
            sqlx::query_as(
                "SELECT p.id, p.name, p.role, CAST(CASE WHEN m.person_id IS NULL THEN 1 ELSE 0 END AS BIGINT)
                 FROM acks k JOIN people p ON p.id = k.person_id
                 LEFT JOIN members m ON m.room_id = k.room_id AND m.person_id = k.person_id
                 WHERE k.message_id = $1 AND k.at IS NULL ORDER BY p.name, p.id",
            )
            .bind(id.as_str()).fetch_all(db).await
        })?;
        let people = rows.into_iter().map(|(id, name, role, left)| {
            Ok(NotYet {
                person: PersonRow { id, name, role }.into_person()?,
                left: left > 0,
            })
        });
        people.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_text_its_first_line_is_shown_and_not_all_of_a_long_one() {
        assert_eq!(first_line("\n  Собрание  \nСекрет"), "Собрание");
        assert_eq!(first_line(""), "");
        let exact = "я".repeat(OVERVIEW_LINE_CHARS_MAX);
        assert_eq!(first_line(&exact), exact);
        let long = first_line(&format!("{exact}я"));
        assert_eq!(long.chars().count(), OVERVIEW_LINE_CHARS_MAX);
        assert!(long.ends_with("я…"));
    }
}
