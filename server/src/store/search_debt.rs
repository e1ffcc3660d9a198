//! Makes the words of messages that were stored before there was a search. In small transactions from the newest to the
//! oldest, each of which also writes down how far it came: a server that dies goes on from there.

use std::sync::LazyLock;

use protocol::{RoomId, UserId};
use sqlx::FromRow;

use super::people::user_id;
use super::rooms::room_id;
use super::writer::{ROWS_MAX, Rows};
use super::{Store, StoreResult, read, write};
use crate::search::Document;

/// Messages of one transaction: others wait for it some milliseconds at most.
const BATCH: i64 = 128;

#[derive(FromRow)]
struct OldRow {
    id: String,
    room_id: String,
    sender_id: String,
    body: String,
    at: i64,
    deleted_at: Option<i64>,
}

// Whoever changed one of them in the meantime has written its words.
static WORDS: LazyLock<Rows> = LazyLock::new(|| {
    Rows::new(
        "INSERT INTO search (id, message_id, words)
         SELECT column1, column2, CAST(column3 AS search_text) FROM (VALUES ",
        "CAST(? AS BIGINT), ?, ?",
        ") AS input WHERE column1 IS NOT NULL ON CONFLICT (message_id) DO NOTHING",
    )
});

impl Store {
    /// Whether messages from before the search are still to be made ready for it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn has_search_debt(&self) -> StoreResult<bool> {
        Ok(self.search_debt().await?.is_some())
    }

    /// Makes the next messages ready for the search. False when none are left.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn pay_search_debt(&self) -> StoreResult<bool> {
        let Some(upto) = self.search_debt().await? else {
            return Ok(false);
        };
        let mut rows: Vec<OldRow> = read!(self, db => {
            sqlx::query_as(
                "SELECT id, room_id, sender_id, body, at, deleted_at FROM messages WHERE id <= $1 ORDER BY id DESC LIMIT $2",
            )
            .bind(&upto).bind(BATCH + 1).fetch_all(db).await
        })?;
        let next = if i64::try_from(rows.len()).is_ok_and(|rows| rows > BATCH) {
            rows.pop().map(|row| row.id)
        } else {
            None
        };
        let words = self.words_of(rows).await?;
        write!(self, tx => {
            // Locks the row: of several servers one does it.
            let mine = match &next {
                Some(next) => sqlx::query("UPDATE search_debt SET upto = $2 WHERE upto = $1")
                    .bind(&upto).bind(next).execute(&mut *tx).await?.rows_affected(),
                None => sqlx::query("DELETE FROM search_debt WHERE upto = $1")
                    .bind(&upto).execute(&mut *tx).await?.rows_affected(),
            };
            if mine == 0 {
                tx.rollback().await?;
                return Ok(true);
            }
            let (first,): (i64,) = sqlx::query_as("SELECT COALESCE(MIN(id), 1) FROM search")
                .fetch_one(&mut *tx).await?;
            let numbered: Vec<(i64, &(String, String))> = (1..).map(|n| first.min(1) - n).zip(&words).collect();
            for chunk in numbered.chunks(ROWS_MAX) {
                let (text, rows) = WORDS.with(chunk);
                let mut query = sqlx::query(text);
                for row in rows {
                    query = query
                        .bind(row.map(|(id, _)| *id))
                        .bind(row.map(|(_, (message, _))| message.as_str()))
                        .bind(row.map(|(_, (_, words))| words.as_str()));
                }
                query.execute(&mut *tx).await?;
            }
        });
        Ok(next.is_some())
    }

    async fn search_debt(&self) -> StoreResult<Option<String>> {
        let row: Option<(String,)> = read!(self, db => {
            sqlx::query_as("SELECT upto FROM search_debt").fetch_optional(db).await
        })?;
        Ok(row.map(|(upto,)| upto))
    }

    // Ids of messages and their words; nothing of those that were deleted.
    async fn words_of(&self, rows: Vec<OldRow>) -> StoreResult<Vec<(String, String)>> {
        let ids: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
        let mut names = self.names_of_files(&ids).await?;
        let live = rows.into_iter().filter(|row| row.deleted_at.is_none());
        live.map(|row| {
            let (room, by): (RoomId, UserId) = (room_id(row.room_id)?, user_id(row.sender_id)?);
            let names = names.remove(&row.id).unwrap_or_default();
            let names = names.iter().map(String::as_str);
            let document = Document::new(&room, &by, row.at, [row.body.as_str()], names);
            Ok((row.id, self.words_text(&document)))
        })
        .collect()
    }
}
