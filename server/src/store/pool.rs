//! Connections: how they are opened, and when one is no longer to be trusted.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{Connection, Postgres, Sqlite, Transaction};

use super::StoreResult;
use super::acting::Acting;
use super::errors::{disk_failed, is_read_only};

/// Readers of the embedded database.
const SQLITE_READERS: u32 = 4;
/// How long a statement waits for the embedded database's file lock.
const SQLITE_BUSY: Duration = Duration::from_secs(10);
/// Pages in the log after which SQLite carries them into the database file. Four times its default: a page that
/// changes often is carried over once for all its changes.
const SQLITE_LOG_PAGES: &str = "4000";
/// Connections to PostgreSQL from one node.
const POSTGRES_CONNECTIONS: u32 = 16;
/// How long a request waits for a connection, and for PostgreSQL to come back, before it is told to try later.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a writer waits for its turn at the embedded database.
const SQLITE_TURN_TIMEOUT: Duration = Duration::from_secs(10);
/// How long one statement may run on PostgreSQL, waiting for locks included. In milliseconds.
const STATEMENT_TIMEOUT_MS: u32 = 10_000;
/// After how long PostgreSQL gives up a transaction whose node has gone silent, and with it the locks on rooms. In
/// milliseconds.
const IDLE_TRANSACTION_TIMEOUT_MS: u32 = 10_000;
/// How long a connection may take to show that it is alive when it comes back to the pool.
const PING_TIMEOUT: Duration = Duration::from_secs(2);

// SQLite has one writer at a time; a pool of one connection makes writers queue here, in order, instead of
// fighting over the file lock.
#[derive(Clone, Debug)]
pub(super) enum Pool {
    Sqlite {
        read: SqlitePool,
        write: SqliteWrite,
    },
    Postgres(PostgresPool),
}

/// Connections to PostgreSQL.
#[derive(Clone, Debug)]
pub(super) struct PostgresPool {
    pub(super) pool: PgPool,
    acting: Option<Arc<Acting>>,
}

impl PostgresPool {
    pub(super) async fn begin(&self) -> StoreResult<Transaction<'static, Postgres>> {
        let mut tx = self.pool.begin().await?;
        if let Some(acting) = &self.acting {
            // Most transactions are nobody's, and what this needs is large.
            Box::pin(acting.holds_on_postgres(&mut tx)).await?;
        }
        Ok(tx)
    }
}

/// The one writing connection of the embedded database.
#[derive(Clone, Debug)]
pub(super) struct SqliteWrite {
    pool: SqlitePool,
    damaged: Arc<AtomicBool>,
    /// It was opened where nothing may be written, and stays so when that is over.
    read_only: Arc<AtomicBool>,
    acting: Option<Arc<Acting>>,
}

impl SqliteWrite {
    pub(super) async fn begin(&self) -> StoreResult<Transaction<'static, Sqlite>> {
        let begun = self.pool.begin_with("BEGIN IMMEDIATE").await;
        let mut tx = begun.inspect_err(|error| self.note(error))?;
        if let Some(acting) = &self.acting {
            Box::pin(acting.holds_on_sqlite(&mut tx)).await?;
        }
        Ok(tx)
    }

    pub(super) async fn commit(&self, tx: Transaction<'static, Sqlite>) -> sqlx::Result<()> {
        tx.commit().await.inspect_err(|error| self.note(error))
    }

    /// Remembers a failure after which the connection is not to be used again.
    fn note(&self, error: &sqlx::Error) {
        if disk_failed(error) {
            self.damaged.store(true, Ordering::Release);
        }
        if is_read_only(error) {
            self.read_only.store(true, Ordering::Release);
        }
    }

    pub(super) fn pool(&self) -> &SqlitePool {
        &self.pool
    }
}

/// An open transaction on either database. Dropped without [`Tx::commit`], it rolls back.
pub(super) enum Tx<'p> {
    Sqlite(Transaction<'static, Sqlite>, &'p SqliteWrite),
    Postgres(Transaction<'static, Postgres>),
}

impl Pool {
    pub(super) async fn begin(&self) -> StoreResult<Tx<'_>> {
        Ok(match self {
            Self::Sqlite { write, .. } => Tx::Sqlite(write.begin().await?, write),
            Self::Postgres(pool) => Tx::Postgres(pool.begin().await?),
        })
    }

    /// The same connections for what is done in a session: each transaction first looks whether it holds.
    pub(super) fn acting(&self, acting: Acting) -> Self {
        let mut pool = self.clone();
        let acting = Some(Arc::new(acting));
        match &mut pool {
            Self::Sqlite { write, .. } => write.acting = acting,
            Self::Postgres(postgres) => postgres.acting = acting,
        }
        pool
    }
}

impl Tx<'_> {
    pub(super) async fn commit(self) -> sqlx::Result<()> {
        match self {
            Self::Sqlite(tx, write) => write.commit(tx).await,
            Self::Postgres(tx) => tx.commit().await,
        }
    }
}

/// Runs the body once on whichever database it is, for reading.
macro_rules! read {
    ($store:expr, $db:ident => $body:expr) => {
        match &$store.pool {
            crate::store::pool::Pool::Sqlite { read: $db, .. } => $body,
            crate::store::pool::Pool::Postgres(postgres) => {
                let $db = &postgres.pool;
                $body
            }
        }
    };
}

/// Runs the body inside one transaction and commits it. Leaving early by `return` or `?` rolls back.
macro_rules! write {
    ($store:expr, $tx:ident => $body:block) => {
        match &$store.pool {
            crate::store::pool::Pool::Sqlite { write, .. } => {
                let mut $tx = write.begin().await?;
                let value = $body;
                write.commit($tx).await?;
                value
            }
            crate::store::pool::Pool::Postgres(pool) => {
                let mut $tx = pool.begin().await?;
                let value = $body;
                $tx.commit().await?;
                value
            }
        }
    };
}

/// Runs the body on the connection of a [`Tx`].
macro_rules! within {
    ($tx:expr, $db:ident => $body:expr) => {
        match $tx {
            crate::store::pool::Tx::Sqlite(tx, _) => {
                let $db = &mut **tx;
                $body
            }
            crate::store::pool::Tx::Postgres(tx) => {
                let $db = &mut **tx;
                $body
            }
        }
    };
}
pub(crate) use {read, within, write};

pub(super) async fn open_sqlite(file: &Path) -> StoreResult<Pool> {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .pragma("wal_autocheckpoint", SQLITE_LOG_PAGES)
        // A statement of many rows notes what it changes, to take it back when one row is refused; that needs no
        // file.
        .pragma("temp_store", "memory")
        // What is deleted is overwritten: rules about how long things are kept are meant for the file, too.
        .pragma("secure_delete", "on")
        .busy_timeout(SQLITE_BUSY);
    let damaged = Arc::new(AtomicBool::new(false));
    let (at_connect, at_acquire) = (Arc::clone(&damaged), Arc::clone(&damaged));
    let read_only = Arc::new(AtomicBool::new(false));
    let another = Arc::clone(&read_only);
    let write = SqlitePoolOptions::new()
        .max_connections(1)
        .acquire_timeout(SQLITE_TURN_TIMEOUT)
        .after_connect(move |connection, _| Box::pin(rescue(connection, Arc::clone(&at_connect))))
        // A full disk makes SQLite roll back by itself; the driver then believes in a transaction that is no more,
        // and could never begin another one. There is no peer that could have died: no ping is needed.
        .test_before_acquire(false)
        .before_acquire(move |connection, _| {
            let usable = !connection.is_in_transaction()
                && !at_acquire.load(Ordering::Acquire)
                // The next one is judged anew.
                && !another.swap(false, Ordering::AcqRel);
            Box::pin(async move { Ok(usable) })
        })
        .connect_with(options.clone())
        .await?;
    sqlx::migrate!("migrations/sqlite").run(&write).await?;
    let read = SqlitePoolOptions::new()
        .max_connections(SQLITE_READERS)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .connect_with(options)
        .await?;
    let write = SqliteWrite {
        pool: write,
        damaged,
        read_only,
        acting: None,
    };
    Ok(Pool::Sqlite { read, write })
}

// After a failed flush SQLite answers SQLITE_IOERR_FSYNC and takes the transaction back; it promises nothing more. The
// kernel may have marked the pages as clean that it could not write, so that a second fsync succeeds without
// them (https://www.sqlite.org/atomiccommit.html, "fsync"). Among them may be one that also holds the end of an
// earlier, acknowledged transaction. Therefore nothing is written after such a failure until a new connection has
// carried the whole log into the database file, flushed that, and begun the log anew; while it cannot, writers
// are told to try later.
async fn rescue(connection: &mut SqliteConnection, damaged: Arc<AtomicBool>) -> sqlx::Result<()> {
    if !damaged.load(Ordering::Acquire) {
        return Ok(());
    }
    let (busy, _, _): (i64, i64, i64) = sqlx::query_as("PRAGMA wal_checkpoint(TRUNCATE)")
        .fetch_one(connection)
        .await?;
    if busy == 0 {
        damaged.store(false, Ordering::Release);
        tracing::warn!("the database's log was written anew after a failed flush");
        return Ok(());
    }
    Err(sqlx::Error::Io(std::io::Error::other(
        "the log could not be carried over",
    )))
}

pub(super) async fn open_postgres(url: &str) -> StoreResult<Pool> {
    let plain = url.parse::<PgConnectOptions>()?;
    // Without the time limits: on a large database a change of the schema takes as long as it takes.
    let patient = PgPoolOptions::new()
        .max_connections(1)
        .connect_with(plain.clone())
        .await?;
    sqlx::migrate!("migrations/postgres").run(&patient).await?;
    patient.close().await;
    let options = plain.options([
        ("statement_timeout", STATEMENT_TIMEOUT_MS),
        (
            "idle_in_transaction_session_timeout",
            IDLE_TRANSACTION_TIMEOUT_MS,
        ),
    ]);
    let pool = PgPoolOptions::new()
        .max_connections(POSTGRES_CONNECTIONS)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // After a restart of the server the dead connections are found here and replaced.
        .test_before_acquire(true)
        // A connection whose peer has gone silent must not keep its place in the pool.
        .after_release(|connection, _| {
            Box::pin(async move {
                match tokio::time::timeout(PING_TIMEOUT, connection.ping()).await {
                    Ok(alive) => alive.map(|()| true),
                    Err(_) => Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())),
                }
            })
        })
        .connect_with(options)
        .await?;
    Ok(Pool::Postgres(PostgresPool { pool, acting: None }))
}
