//! The log of who did what: rows are added in the transaction of the act, and never changed.

use std::sync::LazyLock;

use protocol::audit::{Act, Entry, Facts, NamedRoom};
use protocol::limits::{AUDIT_PAGE_MAX, AUDIT_ROOMS_MAX};
use protocol::model::Person;
use protocol::{MessageId, RoomId, UserId};

use super::access::kind_from;
use super::messages::message_id;
use super::people::{role_from, user_id};
use super::pool::{Tx, within};
use super::rooms::room_id;
use super::writer::{ROWS_MAX, Rows};
use super::{Store, StoreError, StoreResult, new_id, read};
use crate::time::rfc3339;

/// What is to be written down.
#[derive(Clone, Debug)]
pub(super) struct Note<'a> {
    pub(super) act: Act,
    pub(super) by: Option<&'a UserId>,
    pub(super) about: Option<&'a UserId>,
    pub(super) room: Option<&'a RoomId>,
    pub(super) message: Option<&'a MessageId>,
    pub(super) facts: Facts,
    pub(super) at: i64,
}

impl<'a> Note<'a> {
    /// Something that a person did.
    pub(super) fn by(act: Act, by: &'a UserId, at: i64) -> Self {
        Self {
            act,
            by: Some(by),
            about: None,
            room: None,
            message: None,
            facts: Facts::default(),
            at,
        }
    }

    /// Something that a person did in a room.
    pub(super) fn of(act: Act, by: &'a UserId, room: &'a RoomId, at: i64) -> Self {
        Self {
            room: Some(room),
            ..Self::by(act, by, at)
        }
    }

    pub(super) fn about(self, person: &'a UserId) -> Self {
        Self {
            about: Some(person),
            ..self
        }
    }

    pub(super) fn message(self, message: &'a MessageId) -> Self {
        Self {
            message: Some(message),
            ..self
        }
    }

    pub(super) fn with(self, facts: Facts) -> Self {
        Self { facts, ..self }
    }
}

/// An act as the database has it: its name on the wire.
pub(super) fn act_text(act: Act) -> String {
    match serde_json::to_value(act) {
        Ok(serde_json::Value::String(text)) => text,
        Ok(_) | Err(_) => String::new(),
    }
}

pub(super) fn facts_text(facts: &Facts) -> StoreResult<String> {
    serde_json::to_string(facts).map_err(|_| StoreError::Inconsistent("audit.facts"))
}

static NOTES: LazyLock<Rows> = LazyLock::new(|| {
    Rows::new(
        "INSERT INTO audit (id, at, act, by_id, about_id, room_id, message_id, facts)
         SELECT column1, column2, column3, column4, column5, column6, column7, column8 FROM (VALUES ",
        "?, CAST(? AS BIGINT), ?, ?, ?, ?, ?, ?",
        ") AS input WHERE column1 IS NOT NULL",
    )
});

/// Writes notes down, in the order given.
pub(super) async fn note(tx: &mut Tx<'_>, notes: &[Note<'_>]) -> StoreResult<()> {
    let mut texts = Vec::with_capacity(notes.len());
    for note in notes {
        texts.push((new_id(), act_text(note.act), facts_text(&note.facts)?, note));
    }
    for chunk in texts.chunks(ROWS_MAX) {
        let (text, rows) = NOTES.with(chunk);
        within!(tx, db => {
            let mut query = sqlx::query(text);
            for row in rows {
                query = query
                    .bind(row.map(|(id, ..)| id.as_str()))
                    .bind(row.map(|(.., note)| note.at))
                    .bind(row.map(|(_, act, ..)| act.as_str()))
                    .bind(row.and_then(|(.., note)| note.by).map(UserId::as_str))
                    .bind(row.and_then(|(.., note)| note.about).map(UserId::as_str))
                    .bind(row.and_then(|(.., note)| note.room).map(RoomId::as_str))
                    .bind(row.and_then(|(.., note)| note.message).map(MessageId::as_str))
                    .bind(row.map(|(_, _, facts, _)| facts.as_str()));
            }
            query.execute(db).await?;
        });
    }
    Ok(())
}

pub(super) const NOTE: &str =
    "INSERT INTO audit (id, at, act, by_id, about_id, room_id, message_id, facts)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";

/// The same for one note, in a transaction of either database.
macro_rules! note_in {
    ($db:expr, $note:expr) => {{
        let note: &crate::store::audit::Note<'_> = $note;
        sqlx::query(crate::store::audit::NOTE)
            .bind(crate::store::new_id())
            .bind(note.at)
            .bind(crate::store::audit::act_text(note.act))
            .bind(note.by.map(protocol::UserId::as_str))
            .bind(note.about.map(protocol::UserId::as_str))
            .bind(note.room.map(protocol::RoomId::as_str))
            .bind(note.message.map(protocol::MessageId::as_str))
            .bind(crate::store::audit::facts_text(&note.facts)?)
            .execute($db)
            .await?
    }};
}
pub(super) use note_in;

/// What is looked for in the log.
#[derive(Clone, Copy, Debug, Default)]
pub struct AuditFilter<'a> {
    /// Who did it, or to whom.
    pub person: Option<&'a UserId>,
    /// What.
    pub act: Option<Act>,
    /// Where.
    pub room: Option<&'a RoomId>,
    /// From this time on, in milliseconds since 1970.
    pub from: Option<i64>,
    /// Before this time.
    pub to: Option<i64>,
    /// Entries before this one.
    pub before: Option<&'a str>,
    /// Who reads it: of what concerns reading their own conversations nothing is told. `None`: everything.
    pub reader: Option<&'a UserId>,
}

#[derive(sqlx::FromRow)]
struct EntryRow {
    id: String,
    at: i64,
    act: String,
    by_id: Option<String>,
    by_name: Option<String>,
    by_role: Option<String>,
    about_id: Option<String>,
    about_name: Option<String>,
    about_role: Option<String>,
    room_id: Option<String>,
    room_name: Option<String>,
    room_kind: Option<String>,
    message_id: Option<String>,
    facts: String,
}

impl EntryRow {
    fn into_entry(self) -> StoreResult<Entry> {
        let wrong = StoreError::Inconsistent;
        let room = match (self.room_id, self.room_name, self.room_kind) {
            (Some(id), Some(name), Some(kind)) => Some(named_room(id, name, &kind)?),
            _ => None,
        };
        Ok(Entry {
            id: self.id,
            at: rfc3339(self.at),
            act: serde_json::from_value(self.act.into()).map_err(|_| wrong("audit.act"))?,
            by: person(self.by_id, self.by_name, self.by_role)?,
            about: person(self.about_id, self.about_name, self.about_role)?,
            room,
            msg: self.message_id.map(message_id).transpose()?,
            facts: serde_json::from_str(&self.facts).map_err(|_| wrong("audit.facts"))?,
        })
    }
}

pub(super) fn person(
    id: Option<String>,
    name: Option<String>,
    role: Option<String>,
) -> StoreResult<Option<Person>> {
    let (Some(id), Some(name), Some(role)) = (id, name, role) else {
        return Ok(None);
    };
    Ok(Some(Person {
        id: user_id(id)?,
        name,
        role: role_from(&role)?,
        picture: None,
    }))
}

pub(super) fn named_room(id: String, name: String, kind: &str) -> StoreResult<NamedRoom> {
    Ok(NamedRoom {
        id: room_id(id)?,
        name,
        kind: kind_from(kind)?,
    })
}

/// The name of a room `r` for whoever need not be in it.
macro_rules! room_name {
    () => {
        "CASE WHEN r.kind = 'direct' THEN (
             SELECT string_agg(q.name, ', ') FROM members z JOIN people q ON q.id = z.person_id WHERE z.room_id = r.id)
         ELSE r.name END"
    };
}
pub(super) use room_name;

impl Store {
    /// A page of the log, the newest first; at most [`AUDIT_PAGE_MAX`].
    ///
    /// # Errors
    /// When the database fails.
    pub async fn audit(&self, filter: AuditFilter<'_>) -> StoreResult<Vec<Entry>> {
        let act = filter.act.map(act_text);
        let rows: Vec<EntryRow> = read!(self, db => {
            sqlx::query_as(concat!(
                "SELECT a.id, a.at, a.act, a.by_id, p.name AS by_name, p.role AS by_role,
                        a.about_id, o.name AS about_name, o.role AS about_role,
                        a.room_id, ", room_name!(), " AS room_name, r.kind AS room_kind, a.message_id, a.facts
                 FROM audit a LEFT JOIN people p ON p.id = a.by_id LEFT JOIN people o ON o.id = a.about_id
                 LEFT JOIN rooms r ON r.id = a.room_id
                 WHERE ($1 IS NULL OR a.by_id = $1 OR a.about_id = $1) AND ($2 IS NULL OR a.act = $2)
                   AND ($3 IS NULL OR a.room_id = $3)
                   AND (CAST($4 AS BIGINT) IS NULL OR a.at >= $4) AND (CAST($5 AS BIGINT) IS NULL OR a.at < $5)
                   AND ($6 IS NULL OR a.id < $6)
                   AND ($8 IS NULL OR a.act NOT LIKE 'inspection%' OR NOT EXISTS (
                       SELECT 1 FROM members own WHERE own.room_id = a.room_id AND own.person_id = $8))
                 ORDER BY a.id DESC LIMIT $7",
            ))
            .bind(filter.person.map(UserId::as_str)).bind(act.as_deref()).bind(filter.room.map(RoomId::as_str))
            .bind(filter.from).bind(filter.to).bind(filter.before).bind(i64::from(AUDIT_PAGE_MAX))
            .bind(filter.reader.map(UserId::as_str))
            .fetch_all(db).await
        })?;
        rows.into_iter().map(EntryRow::into_entry).collect()
    }

    /// Rooms by name, but for conversations of two; at most [`AUDIT_ROOMS_MAX`].
    ///
    /// # Errors
    /// When the database fails.
    pub async fn named_rooms(&self) -> StoreResult<Vec<NamedRoom>> {
        let rows: Vec<(String, String, String)> = read!(self, db => {
            sqlx::query_as("SELECT id, name, kind FROM rooms WHERE kind <> 'direct' ORDER BY name, id LIMIT $1")
                .bind(i64::from(AUDIT_ROOMS_MAX)).fetch_all(db).await
        })?;
        rows.into_iter()
            .map(|(id, name, kind)| named_room(id, name, &kind))
            .collect()
    }
}
