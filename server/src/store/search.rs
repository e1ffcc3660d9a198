//! Messages by their words (`search`), in rooms of one's own; and those that mention somebody.

use std::collections::HashMap;

use protocol::limits::SEARCH_PAGE_MAX;
use protocol::{ErrorCode, MessageId, RoomId, UserId};
use sqlx::FromRow;

use super::files::{AttachmentRow, attachments_of};
use super::messages::message_id;
use super::people::user_id;
use super::pool::{Pool, Tx};
use super::rooms::room_id;
use super::{Store, StoreError, StoreResult, read};
use crate::search::{Document, Filter, Query};

/// Puts a message's words in the place of what was known of it.
pub(super) const REWRITE: &str =
    "INSERT INTO search (message_id, words) VALUES ($1, CAST($2 AS search_text))
     ON CONFLICT (message_id) DO UPDATE SET words = excluded.words";

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Words; maybe none.
    pub query: &'a Query,
    /// Only of this room.
    pub room: Option<&'a RoomId>,
    /// Only by this person.
    pub by: Option<&'a UserId>,
    /// Not before, in milliseconds since 1970.
    pub from: i64,
    /// Before.
    pub to: i64,
    /// Only with files.
    pub with_files: bool,
    /// Only what follows this place in the order of an earlier answer ([`Match::place`]).
    pub after: Option<i64>,
}

/// A message that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// Its place in the order, which begins with the greatest.
    pub place: i64,
    /// Room.
    pub room: RoomId,
    /// Message.
    pub id: MessageId,
    /// Its number.
    pub no: i64,
    /// Its position in the log.
    pub seq: i64,
    /// Sender.
    pub by: UserId,
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// Text.
    pub body: String,
    /// Names of its files.
    pub files: Vec<String>,
}

#[derive(FromRow)]
pub(super) struct MatchRow {
    place: i64,
    room_id: String,
    id: String,
    no: i64,
    seq: i64,
    sender_id: String,
    at: i64,
    body: String,
}

/// The rest of the question is the same. Members are asked again: nothing is told of a room that somebody has just left.
macro_rules! question {
    ($from:literal, $words:literal) => {
        concat!(
            "SELECT search.id AS place, m.room_id, m.id, m.no, m.seq, m.sender_id, m.at, m.body FROM ",
            $from,
            " JOIN messages m ON m.id = search.message_id
              JOIN members mine ON mine.room_id = m.room_id AND mine.person_id = $1
              WHERE ",
            $words,
            " AND m.deleted_at IS NULL AND m.at >= $4 AND m.at < $5
              AND ($6 = '' OR m.room_id = $6) AND ($7 = '' OR m.sender_id = $7)
              ORDER BY ",
        )
    };
}

const ON_SQLITE: &str = concat!(
    question!(
        "search_words CROSS JOIN search ON search.id = search_words.rowid",
        "search_words MATCH $2 AND search_words.rowid < $3"
    ),
    "search_words.rowid DESC LIMIT $8"
);

const ON_POSTGRES: &str = concat!(
    question!(
        "search",
        "search.words @@ CAST($2 AS tsquery) AND search.id < $3"
    ),
    "search.id DESC LIMIT $8"
);

impl Store {
    /// The newest messages that answer a question, at most [`SEARCH_PAGE_MAX`] and one more, which tells that there are more.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] when the person is not in the room.
    pub async fn search(&self, person: &UserId, asked: Asked<'_>) -> StoreResult<Vec<Match>> {
        let mut rooms = self.room_ids_of(person).await?;
        if let Some(room) = asked.room {
            if !rooms.contains(room) {
                return Err(ErrorCode::Forbidden.into());
            }
            rooms = vec![room.clone()];
        }
        if rooms.is_empty() {
            return Ok(Vec::new());
        }
        let filter = Filter {
            rooms: &rooms,
            by: asked.by,
            with_files: asked.with_files,
            from: asked.from,
            to: asked.to,
        };
        let (text, words) = match &self.pool {
            Pool::Sqlite { .. } => (ON_SQLITE, asked.query.for_sqlite(filter)),
            Pool::Postgres(_) => (ON_POSTGRES, asked.query.for_postgres(filter)),
        };
        let rows: Vec<MatchRow> = read!(self, db => {
            sqlx::query_as(text)
                .bind(person.as_str()).bind(&words).bind(asked.after.unwrap_or(i64::MAX))
                .bind(asked.from).bind(asked.to)
                .bind(asked.room.map_or("", RoomId::as_str)).bind(asked.by.map_or("", UserId::as_str))
                .bind(i64::from(SEARCH_PAGE_MAX) + 1)
                .fetch_all(db).await
        })?;
        self.with_names(rows).await
    }

    /// The newest messages that mention a person, by name or as one of all, before this one if it is given; at most [`SEARCH_PAGE_MAX`] and one more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn mentions_of(
        &self,
        person: &UserId,
        before: Option<&MessageId>,
    ) -> StoreResult<Vec<Match>> {
        let most = SEARCH_PAGE_MAX as usize + 1;
        let to_all = self.mentions_of_all(person, before).await?;
        let mut rows: Vec<MatchRow> = read!(self, db => {
            sqlx::query_as(
                "SELECT CAST(0 AS BIGINT) AS place, m.room_id, m.id, m.no, m.seq, m.sender_id, m.at, m.body
                 FROM mentions x
                 JOIN members mine ON mine.room_id = x.room_id AND mine.person_id = x.person_id
                 JOIN messages m ON m.room_id = x.room_id AND m.no = x.no
                 WHERE x.person_id = $1 AND m.deleted_at IS NULL AND ($2 = '' OR m.id < $2)
                 ORDER BY m.id DESC LIMIT $3",
            )
            .bind(person.as_str()).bind(before.map_or("", MessageId::as_str))
            .bind(i64::from(SEARCH_PAGE_MAX) + 1)
            .fetch_all(db).await
        })?;
        // A message may do both.
        rows.extend(to_all);
        rows.sort_by(|one, other| other.id.cmp(&one.id));
        rows.dedup_by(|one, other| one.id == other.id);
        rows.truncate(most);
        self.with_names(rows).await
    }

    // Those that mention everybody. Room by room, in which an index has them: of all rooms together the databases like to
    // walk all messages.
    async fn mentions_of_all(
        &self,
        person: &UserId,
        before: Option<&MessageId>,
    ) -> StoreResult<Vec<MatchRow>> {
        let rooms: Vec<(String, i64)> = read!(self, db => {
            sqlx::query_as("SELECT room_id, joined_no FROM members WHERE person_id = $1")
                .bind(person.as_str()).fetch_all(db).await
        })?;
        let mut rows = Vec::new();
        for (room, joined) in rooms {
            let found: Vec<MatchRow> = read!(self, db => {
                sqlx::query_as(
                    "SELECT CAST(0 AS BIGINT) AS place, room_id, id, no, seq, sender_id, at, body FROM messages
                     WHERE room_id = $1 AND to_all = 1 AND no > $2 AND sender_id <> $3 AND deleted_at IS NULL
                       AND ($4 = '' OR id < $4)
                     ORDER BY no DESC LIMIT $5",
                )
                .bind(&room).bind(joined).bind(person.as_str()).bind(before.map_or("", MessageId::as_str))
                .bind(i64::from(SEARCH_PAGE_MAX) + 1)
                .fetch_all(db).await
            })?;
            rows.extend(found);
        }
        Ok(rows)
    }

    pub(super) async fn with_names(&self, rows: Vec<MatchRow>) -> StoreResult<Vec<Match>> {
        let ids: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
        let mut names = self.names_of_files(&ids).await?;
        rows.into_iter()
            .map(|row| {
                Ok(Match {
                    place: row.place,
                    room: room_id(row.room_id)?,
                    files: names.remove(&row.id).unwrap_or_default(),
                    id: message_id(row.id)?,
                    no: row.no,
                    seq: row.seq,
                    by: user_id(row.sender_id)?,
                    at: row.at,
                    body: row.body,
                })
            })
            .collect()
    }

    /// The names of these messages' files, in order.
    pub(super) async fn names_of_files(
        &self,
        messages: &[&str],
    ) -> StoreResult<HashMap<String, Vec<String>>> {
        let files = attachments_of(self, messages).await?;
        let names = |files: Vec<AttachmentRow>| files.into_iter().map(AttachmentRow::into_name);
        Ok(files
            .into_iter()
            .map(|(id, files)| (id, names(files).collect()))
            .collect())
    }

    /// Where in a room's log the message with this number is.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] when there is no such message.
    pub async fn position_of(&self, room: &RoomId, no: i64) -> StoreResult<i64> {
        let row: Option<(i64,)> = read!(self, db => {
            sqlx::query_as("SELECT seq FROM messages WHERE room_id = $1 AND no = $2")
                .bind(room.as_str()).bind(no).fetch_optional(db).await
        })?;
        let (seq,) = row.ok_or(StoreError::Refused(ErrorCode::NotFound))?;
        Ok(seq)
    }

    /// The position of the first event of a room that is not before this time; of its last when all are. Zero in an empty
    /// room. Times of a log follow each other as far as the clocks of the servers do.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] when there is no such room.
    pub async fn position_at(&self, room: &RoomId, time: i64) -> StoreResult<i64> {
        let (_, last, _) = self.position(room).await?;
        let (mut low, mut high) = (1, last);
        while low < high {
            let middle = low + (high - low) / 2;
            let (at,): (i64,) = read!(self, db => {
                sqlx::query_as("SELECT at FROM events WHERE room_id = $1 AND seq = $2")
                    .bind(room.as_str()).bind(middle).fetch_one(db).await
            })?;
            if at < time {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low.min(last))
    }

    /// A message's words as this database takes them.
    pub(super) fn words_text(&self, document: &Document) -> String {
        match &self.pool {
            Pool::Sqlite { .. } => document.for_sqlite(),
            Pool::Postgres(_) => document.for_postgres(),
        }
    }
}

/// As [`Store::words_text`], inside a transaction.
pub(super) fn words_text(tx: &Tx<'_>, document: &Document) -> String {
    match tx {
        Tx::Sqlite(..) => document.for_sqlite(),
        Tx::Postgres(_) => document.for_postgres(),
    }
}
