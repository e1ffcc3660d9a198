//! Sessions, by the hash of their token.

use std::collections::HashSet;
use std::sync::LazyLock;

use protocol::UserId;
use protocol::model::Person;

use super::acting::lock_account;
use super::people::{Account, PersonRow};
use super::pool::within;
use super::writer::{ROWS_MAX, Rows};
use super::{Store, StoreResult, read, write};

/// A session that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenSession {
    /// Whose.
    pub person: Person,
    /// Whether they can only choose a password: the present one is a one-time password.
    pub choose: bool,
}

static LIVE: LazyLock<Rows> = LazyLock::new(|| {
    Rows::new(
        "SELECT token_hash, expires_at FROM sessions WHERE token_hash IN (",
        "?",
        ")",
    )
});

impl Store {
    /// Keeps a new session until `expires_at` (milliseconds).
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_session(
        &self,
        token_hash: &str,
        person: &UserId,
        now: i64,
        expires_at: i64,
    ) -> StoreResult<()> {
        write!(self, tx => {
            sqlx::query("DELETE FROM sessions WHERE person_id = $1 AND expires_at <= $2")
                .bind(person.as_str()).bind(now).execute(&mut *tx).await?;
            sqlx::query("INSERT INTO sessions (token_hash, person_id, created_at, expires_at) VALUES ($1, $2, $3, $4)")
                .bind(token_hash).bind(person.as_str()).bind(now).bind(expires_at).execute(&mut *tx).await?;
        });
        Ok(())
    }

    /// The same for who signed in with the password of an account; false when it has another one meanwhile. With a one-time
    /// password the session ends no later than that.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn begin_session(
        &self,
        token_hash: &str,
        account: &Account,
        now: i64,
        expires_at: i64,
    ) -> StoreResult<bool> {
        let (person, password) = (account.person.id.as_str(), &account.password);
        let expires_at = account
            .once_until
            .map_or(expires_at, |until| until.min(expires_at));
        let mut tx = self.pool.begin().await?;
        // Whoever replaces the password waits for this, or this waits and finds another one.
        lock_account(&mut tx, &account.person.id).await?;
        let same: Option<(String,)> = within!(&mut tx, db => {
            sqlx::query_as(
                "SELECT id FROM people WHERE id = $1 AND password = $2 AND (once_until IS NULL OR once_until > $3)",
            )
            .bind(person).bind(password).bind(now).fetch_optional(db).await?
        });
        if same.is_none() {
            return Ok(false);
        }
        within!(&mut tx, db => {
            sqlx::query("DELETE FROM sessions WHERE person_id = $1 AND expires_at <= $2")
                .bind(person).bind(now).execute(&mut *db).await?;
            sqlx::query("INSERT INTO sessions (token_hash, person_id, created_at, expires_at) VALUES ($1, $2, $3, $4)")
                .bind(token_hash).bind(person).bind(now).bind(expires_at).execute(db).await?;
        });
        tx.commit().await?;
        Ok(true)
    }

    /// The session with this token, unless it has expired or ended.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn session(&self, token_hash: &str, now: i64) -> StoreResult<Option<OpenSession>> {
        let row: Option<(String, String, String, Option<i64>)> = read!(self, db => {
            sqlx::query_as(
                "SELECT p.id, p.name, p.role, p.once_until FROM sessions s JOIN people p ON p.id = s.person_id
                 WHERE s.token_hash = $1 AND s.expires_at > $2",
            )
            .bind(token_hash).bind(now).fetch_optional(db).await
        })?;
        row.map(|(id, name, role, once_until)| {
            Ok(OpenSession {
                person: PersonRow { id, name, role }.into_person()?,
                choose: once_until.is_some(),
            })
        })
        .transpose()
    }

    /// Those of these sessions that neither expired nor ended.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn live_sessions(
        &self,
        token_hashes: &[String],
        now: i64,
    ) -> StoreResult<HashSet<String>> {
        let mut live = HashSet::with_capacity(token_hashes.len());
        for chunk in token_hashes.chunks(ROWS_MAX) {
            let (text, hashes) = LIVE.with(chunk);
            let found: Vec<(String, i64)> = read!(self, db => {
                let mut query = sqlx::query_as(text);
                for hash in hashes {
                    query = query.bind(hash);
                }
                query.fetch_all(db).await
            })?;
            live.extend(
                found
                    .into_iter()
                    .filter(|(_, expires_at)| *expires_at > now)
                    .map(|(hash, _)| hash),
            );
        }
        Ok(live)
    }

    /// Ends a session. Nothing happens when there is none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_session(&self, token_hash: &str) -> StoreResult<()> {
        write!(self, tx => {
            sqlx::query("DELETE FROM sessions WHERE token_hash = $1").bind(token_hash).execute(&mut *tx).await?;
        });
        Ok(())
    }
}
