//! Who is in a lesson that runs. The server whose media they have says so again and again, so that what it said ends with it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use protocol::UserId;

use super::people::user_id;
use super::writer::{ROWS_MAX, Rows};
use super::{Store, StoreResult, read, write};

/// What follows `SELECT … `: whether the member `m` is in a lesson and, by their settings `n`, is not to be told there. The
/// parameter is the time.
macro_rules! in_lesson {
    ($now:literal) => {
        concat!(
            "FROM in_lessons l WHERE l.person_id = m.person_id AND COALESCE(n.in_lessons, 0) = 0 AND l.until_at > ",
            $now
        )
    };
}
pub(super) use in_lesson;

/// Until when that holds, whichever server says so; `$3` is the time.
macro_rules! lesson_until {
    () => {
        concat!(
            "(SELECT MAX(l.until_at) ",
            $crate::store::in_lessons::in_lesson!("$3"),
            ")"
        )
    };
}
pub(super) use lesson_until;

static ROOMMATES: LazyLock<Rows> = LazyLock::new(|| {
    let before = "SELECT DISTINCT mine.person_id, theirs.person_id FROM members mine
                  JOIN members theirs ON theirs.room_id = mine.room_id WHERE mine.person_id IN (";
    Rows::new(before, "?", ")")
});

impl Store {
    /// These people are in a lesson of this server's, until this time unless it is said again.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn keep_in_lessons(
        &self,
        node: &str,
        people: &[UserId],
        now: i64,
        until: i64,
    ) -> StoreResult<()> {
        write!(self, tx => {
            // Of servers that are gone.
            sqlx::query("DELETE FROM in_lessons WHERE until_at <= $1").bind(now).execute(&mut *tx).await?;
            for person in people {
                sqlx::query(
                    "INSERT INTO in_lessons (person_id, node, until_at) VALUES ($1, $2, $3)
                     ON CONFLICT (person_id, node) DO UPDATE SET until_at = excluded.until_at",
                )
                .bind(person.as_str()).bind(node).bind(until).execute(&mut *tx).await?;
            }
        });
        Ok(())
    }

    /// These people are in no lesson of this server's any more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn left_lessons(&self, node: &str, people: &[UserId]) -> StoreResult<()> {
        write!(self, tx => {
            for person in people {
                sqlx::query("DELETE FROM in_lessons WHERE person_id = $1 AND node = $2")
                    .bind(person.as_str()).bind(node).execute(&mut *tx).await?;
            }
        });
        Ok(())
    }

    /// Nobody is in a lesson: this server has the database to itself, and begins.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn nobody_in_lessons(&self) -> StoreResult<()> {
        write!(self, tx => {
            sqlx::query("DELETE FROM in_lessons").execute(&mut *tx).await?;
        });
        Ok(())
    }

    /// Everybody who is in a lesson, on whichever server.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn in_lessons(&self, now: i64) -> StoreResult<BTreeSet<UserId>> {
        let rows: Vec<(String,)> = read!(self, db => {
            sqlx::query_as("SELECT DISTINCT person_id FROM in_lessons WHERE until_at > $1").bind(now).fetch_all(db).await
        })?;
        rows.into_iter().map(|(person,)| user_id(person)).collect()
    }

    /// Whom each of these people shares a room with, themselves among them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn roommates(&self, people: &[UserId]) -> StoreResult<BTreeMap<UserId, Vec<UserId>>> {
        let mut known: BTreeMap<UserId, Vec<UserId>> = BTreeMap::new();
        for chunk in people.chunks(ROWS_MAX) {
            let (text, ids) = ROOMMATES.with(chunk);
            let found: Vec<(String, String)> = read!(self, db => {
                let mut query = sqlx::query_as(text);
                for id in ids {
                    query = query.bind(id.map(UserId::as_str));
                }
                query.fetch_all(db).await
            })?;
            for (person, mate) in found {
                known
                    .entry(user_id(person)?)
                    .or_default()
                    .push(user_id(mate)?);
            }
        }
        Ok(known)
    }
}
