//! The database: the only truth. One `Store` over two pools, SQLite (embedded, the default) and PostgreSQL (for
//! several nodes), with one SQL text per query. `server/tests/store_conformance.rs` runs every method on both.

mod calls;
mod events;
mod files;
mod messages;
mod people;
mod rooms;
mod sessions;

use std::path::Path;
use std::time::Duration;

use protocol::ErrorCode;
use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

pub use calls::{Ended, Started};
pub use files::{FileAccess, NewFile};
pub use messages::{NewMessage, Stored};
pub use people::{Account, NewPerson};

/// Readers of the embedded database.
const SQLITE_READERS: u32 = 4;
/// Connections to PostgreSQL from one node.
const POSTGRES_CONNECTIONS: u32 = 16;
/// How long a statement waits for the embedded database's file lock.
const SQLITE_BUSY: Duration = Duration::from_secs(10);

/// Why the store could not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The request is not allowed or does not fit what is stored; the asker is told this code.
    #[error("refused: {0:?}")]
    Refused(ErrorCode),
    /// The database failed.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    /// The schema could not be brought up to date.
    #[error("migration: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// A row that no code of ours can have written.
    #[error("inconsistent row: {0}")]
    Inconsistent(&'static str),
}

impl From<ErrorCode> for StoreError {
    fn from(code: ErrorCode) -> Self {
        Self::Refused(code)
    }
}

/// Result of every store method.
pub type StoreResult<T> = Result<T, StoreError>;

/// The database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    pool: Pool,
}

// SQLite has one writer at a time; a pool of one connection makes writers queue here, in order, instead of
// fighting over the file lock.
#[derive(Clone, Debug)]
enum Pool {
    Sqlite { read: SqlitePool, write: SqlitePool },
    Postgres(PgPool),
}

/// Runs the body once on whichever database it is, for reading.
macro_rules! read {
    ($store:expr, $db:ident => $body:expr) => {
        match &$store.pool {
            crate::store::Pool::Sqlite { read: $db, .. } => $body,
            crate::store::Pool::Postgres($db) => $body,
        }
    };
}

/// Runs the body inside one transaction and commits it. Leaving early by `return` or `?` rolls back.
macro_rules! write {
    ($store:expr, $tx:ident => $body:block) => {
        match &$store.pool {
            crate::store::Pool::Sqlite { write, .. } => {
                let mut $tx = write.begin_with("BEGIN IMMEDIATE").await?;
                let value = $body;
                $tx.commit().await?;
                value
            }
            crate::store::Pool::Postgres(pool) => {
                let mut $tx = pool.begin().await?;
                let value = $body;
                $tx.commit().await?;
                value
            }
        }
    };
}
pub(crate) use {read, write};

impl Store {
    /// Opens the embedded database in a file, which is made when missing. Every commit is on disk before it
    /// returns (`synchronous=FULL`).
    ///
    /// # Errors
    /// When the file cannot be opened or the schema not be brought up to date.
    pub async fn open_sqlite(file: &Path) -> StoreResult<Self> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(SQLITE_BUSY);
        let write = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_with(options.clone())
            .await?;
        sqlx::migrate!("migrations/sqlite").run(&write).await?;
        let read = SqlitePoolOptions::new()
            .max_connections(SQLITE_READERS)
            .connect_with(options)
            .await?;
        Ok(Self {
            pool: Pool::Sqlite { read, write },
        })
    }

    /// Connects to PostgreSQL.
    ///
    /// # Errors
    /// When it cannot be reached or the schema not be brought up to date.
    pub async fn open_postgres(url: &str) -> StoreResult<Self> {
        let pool = PgPoolOptions::new()
            .max_connections(POSTGRES_CONNECTIONS)
            .connect(url)
            .await?;
        sqlx::migrate!("migrations/postgres").run(&pool).await?;
        Ok(Self {
            pool: Pool::Postgres(pool),
        })
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn check(&self) -> StoreResult<()> {
        read!(self, db => sqlx::query("SELECT 1").execute(db).await.map(drop))?;
        Ok(())
    }

    /// Ends all connections after what is under way.
    pub async fn close(&self) {
        match &self.pool {
            Pool::Sqlite { read, write } => {
                read.close().await;
                write.close().await;
            }
            Pool::Postgres(pool) => pool.close().await,
        }
    }
}

/// A fresh id: UUIDv7, so that rows made together lie together.
pub(crate) fn new_id() -> String {
    uuid::Uuid::now_v7().to_string()
}
