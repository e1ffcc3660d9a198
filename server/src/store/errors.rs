//! What can go wrong in the store, and what the asker may hope for.

use std::sync::Arc;

use protocol::ErrorCode;
use sqlx::postgres::PgDatabaseError;
use sqlx::sqlite::SqliteError;

/// Why the store could not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The request is not allowed or does not fit what is stored; the asker is told this code.
    #[error("refused: {0:?}")]
    Refused(ErrorCode),
    /// The database failed. Shared, because one transaction may have carried the requests of many. Whether
    /// anything was stored is unknown when the commit itself failed; a repeated request finds out.
    #[error("database: {0}")]
    Database(Arc<sqlx::Error>),
    /// The schema could not be brought up to date.
    #[error("migration: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// A row that no code of ours can have written.
    #[error("inconsistent row: {0}")]
    Inconsistent(&'static str),
}

/// Result of every store method.
pub type StoreResult<T> = Result<T, StoreError>;

/// A state of the database in which the same request may succeed later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// No space is left for its files.
    DiskFull,
    /// Its files could not be read, written or flushed.
    DiskFailed,
    /// It takes no changes: a standby, or a file system that became read-only.
    ReadOnly,
    /// It is down, starting, going down, or has no connection free.
    Unreachable,
    /// Others held what was needed for too long.
    Busy,
}

impl From<ErrorCode> for StoreError {
    fn from(code: ErrorCode) -> Self {
        Self::Refused(code)
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(Arc::new(error))
    }
}

impl StoreError {
    /// The passing trouble behind this error; `None` when trying again is no use.
    #[must_use]
    pub fn trouble(&self) -> Option<Trouble> {
        match self {
            Self::Database(error) => trouble(error),
            Self::Refused(_) | Self::Migration(_) | Self::Inconsistent(_) => None,
        }
    }

    /// Whether the transaction was the loser of a deadlock or of a conflict, and is worth another try at once.
    pub(super) fn lost_a_conflict(&self) -> bool {
        let Self::Database(error) = self else {
            return false;
        };
        // serialization_failure, deadlock_detected.
        sqlstate(error).is_some_and(|code| matches!(code, "40001" | "40P01"))
    }

    /// The same error for another asker of the same transaction.
    pub(super) fn again(&self) -> Self {
        match self {
            Self::Refused(code) => Self::Refused(*code),
            Self::Database(error) => Self::Database(Arc::clone(error)),
            Self::Migration(_) => Self::Inconsistent("migration"),
            Self::Inconsistent(what) => Self::Inconsistent(what),
        }
    }
}

fn trouble(error: &sqlx::Error) -> Option<Trouble> {
    if matches!(
        error,
        sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::BeginFailed
    ) {
        return Some(Trouble::Unreachable);
    }
    if let Some(code) = sqlstate(error) {
        return trouble_of_postgres(code);
    }
    sqlite_code(error).and_then(trouble_of_sqlite)
}

// https://www.postgresql.org/docs/15/errcodes-appendix.html
fn trouble_of_postgres(code: &str) -> Option<Trouble> {
    match code {
        "53100" => Some(Trouble::DiskFull),
        "58030" => Some(Trouble::DiskFailed),
        "25006" => Some(Trouble::ReadOnly),
        // Deadlock, conflict, lock timeout, statement timeout.
        "40001" | "40P01" | "55P03" | "57014" => Some(Trouble::Busy),
        "57P01" | "57P02" | "57P03" | "57P05" | "25P03" => Some(Trouble::Unreachable),
        // 08: the connection broke. 53: out of memory or connections.
        _ if code.starts_with("08") || code.starts_with("53") => Some(Trouble::Unreachable),
        _ => None,
    }
}

// https://www.sqlite.org/rescode.html: the low byte of an extended code is the primary one.
fn trouble_of_sqlite(code: i32) -> Option<Trouble> {
    match code & 0xff {
        5 | 6 => Some(Trouble::Busy),
        8 => Some(Trouble::ReadOnly),
        10 | 14 => Some(Trouble::DiskFailed),
        13 => Some(Trouble::DiskFull),
        _ => None,
    }
}

fn sqlstate(error: &sqlx::Error) -> Option<&str> {
    let error = error
        .as_database_error()?
        .try_downcast_ref::<PgDatabaseError>()?;
    Some(error.code())
}

fn sqlite_code(error: &sqlx::Error) -> Option<i32> {
    let error = error.as_database_error()?;
    error.try_downcast_ref::<SqliteError>()?;
    error.code()?.parse().ok()
}

/// Whether SQLite may not write its files.
pub(super) fn is_read_only(error: &sqlx::Error) -> bool {
    sqlite_code(error).and_then(trouble_of_sqlite) == Some(Trouble::ReadOnly)
}

/// Whether SQLite could not write or flush its files.
pub(super) fn disk_failed(error: &sqlx::Error) -> bool {
    sqlite_code(error).and_then(trouble_of_sqlite) == Some(Trouble::DiskFailed)
}
