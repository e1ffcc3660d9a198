//! Who is in a lesson that runs. The server whose media they have says so again and again, so that what it said ends with it.

use std::collections::BTreeSet;

use protocol::UserId;

use super::people::user_id;
use super::{Store, StoreResult, read, write};

impl Store {
    /// These people are in a lesson, until this time unless it is said again.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn keep_in_lessons(&self, people: &[UserId], until: i64) -> StoreResult<()> {
        write!(self, tx => {
            for person in people {
                sqlx::query(
                    "INSERT INTO in_lessons (person_id, until_at) VALUES ($1, $2)
                     ON CONFLICT (person_id) DO UPDATE SET until_at = excluded.until_at",
                )
                .bind(person.as_str()).bind(until).execute(&mut *tx).await?;
            }
        });
        Ok(())
    }

    /// These people are in no lesson any more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn left_lessons(&self, people: &[UserId]) -> StoreResult<()> {
        write!(self, tx => {
            for person in people {
                sqlx::query("DELETE FROM in_lessons WHERE person_id = $1")
                    .bind(person.as_str()).execute(&mut *tx).await?;
            }
        });
        Ok(())
    }

    /// Everybody who is in a lesson, on whichever server.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn in_lessons(&self, now: i64) -> StoreResult<BTreeSet<UserId>> {
        let rows: Vec<(String,)> = read!(self, db => {
            sqlx::query_as("SELECT person_id FROM in_lessons WHERE until_at > $1").bind(now).fetch_all(db).await
        })?;
        rows.into_iter().map(|(person,)| user_id(person)).collect()
    }
}
