//! Who changes something does so in a session, and sessions end: with the password, at once. What was begun before then and
//! would be stored afterwards is refused, whatever held it up.
//!
//! Whatever makes or ends a person's rights takes their row of `account_locks` first, before rooms, bots and people: signing
//! in, choosing and replacing a password, and each transaction of a person's ([`super::Store::in_session`]). So either a key
//! is stored before the password is replaced, and is there to be taken away, or its session is found to be over.

use protocol::{ErrorCode, UserId};
use sqlx::{PgConnection, SqliteConnection};

use super::StoreResult;
use super::pool::Tx;
use crate::time::now_ms;

/// On PostgreSQL; SQLite has one writer at a time.
const LOCK: &str =
    "INSERT INTO account_locks (person_id, taken) SELECT id, 1 FROM people WHERE id = $1
                    ON CONFLICT (person_id) DO UPDATE SET taken = account_locks.taken + 1";
const HOLDS: &str = "SELECT p.once_until FROM sessions s JOIN people p ON p.id = s.person_id
                     WHERE s.token_hash = $1 AND s.person_id = $2 AND s.expires_at > $3";

/// Somebody in a session of theirs.
#[derive(Debug)]
pub(super) struct Acting {
    person: String,
    /// Hash of its token.
    session: String,
}

impl Acting {
    pub(super) fn new(person: &UserId, session: &str) -> Self {
        Self {
            person: person.to_string(),
            session: session.to_owned(),
        }
    }

    pub(super) async fn holds_on_sqlite(&self, tx: &mut SqliteConnection) -> StoreResult<()> {
        let found: Option<(Option<i64>,)> = sqlx::query_as(HOLDS)
            .bind(&self.session)
            .bind(&self.person)
            .bind(now_ms())
            .fetch_optional(tx)
            .await?;
        Ok(judge(found)?)
    }

    pub(super) async fn holds_on_postgres(&self, tx: &mut PgConnection) -> StoreResult<()> {
        sqlx::query(LOCK)
            .bind(&self.person)
            .execute(&mut *tx)
            .await?;
        // A statement of its own: it sees what was committed while the lock was awaited.
        let found: Option<(Option<i64>,)> = sqlx::query_as(HOLDS)
            .bind(&self.session)
            .bind(&self.person)
            .bind(now_ms())
            .fetch_optional(tx)
            .await?;
        Ok(judge(found)?)
    }
}

fn judge(found: Option<(Option<i64>,)>) -> Result<(), ErrorCode> {
    match found {
        Some((None,)) => Ok(()),
        Some((Some(_),)) => Err(ErrorCode::ChoosePassword),
        None => Err(ErrorCode::Unauthorized),
    }
}

/// Waits until nobody else makes or ends rights of this person, and keeps others waiting until the end of the transaction. Nothing
/// happens when there is no such person.
pub(super) async fn lock_account(tx: &mut Tx<'_>, person: &UserId) -> StoreResult<()> {
    if let Tx::Postgres(tx) = tx {
        sqlx::query(LOCK)
            .bind(person.as_str())
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}
