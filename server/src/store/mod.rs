//! The database: the only truth. One `Store` over two pools, SQLite (embedded, the default) and PostgreSQL (for
//! several nodes), with one SQL text per query. `server/tests/store_conformance` runs every method on both.

mod access;
mod acks;
mod acting;
mod audit;
mod bots;
mod calls;
mod deadlines;
mod devices;
mod drafts;
mod edits;
mod errors;
mod events;
mod export;
mod files;
mod forwards;
mod in_lessons;
mod inspections;
mod keys;
mod mail_people;
mod mail_queue;
mod mail_reminders;
mod mail_replies;
mod mail_unread;
mod mailboxes;
mod mentions;
mod messages;
mod mutes;
mod notify;
mod overview;
mod passwords;
mod people;
mod person_pictures;
mod pins;
mod polls;
mod pool;
mod push;
mod quarantine;
mod reactions;
mod receipts;
mod recordings;
mod reports;
mod retention;
mod retention_log;
mod room_changes;
mod room_pictures;
mod rooms;
mod rules;
mod safeguarded;
mod safeguarding;
mod scheduled;
mod search;
mod search_debt;
mod sessions;
mod threads;
mod webhooks;
mod writer;

use std::path::Path;

use protocol::UserId;

pub use acks::Recalled;
pub use audit::AuditFilter;
pub use bots::{BotRoom, KnownBot, NewBot};
pub use calls::{Ended, Started};
pub use devices::{KnownDevice, NewDevice};
pub use edits::Change;
pub use errors::{StoreError, StoreResult, Trouble};
pub use export::{ExportSize, ExportedMessage, PastLesson, RoomFacts};
pub use files::{FileAccess, NewFile};
pub use forwards::Forwarding;
pub use keys::Over;
pub use mail_people::{DIGEST_MINUTE, MailPerson, NewAddress, Proof};
pub use mail_queue::{DueMail, NewMail};
pub use mail_reminders::Recall;
pub use mail_replies::ReplyTo;
pub use mail_unread::{NewReply, Reader, RoomNews, Said, Told, Unread};
pub use messages::{NewMessage, Stored};
pub use mutes::NewMute;
pub use overview::OverviewFilter;
pub use passwords::{ChosenPassword, ResetPassword, Then};
pub use people::{Account, NameInUse, NewPerson};
pub use polls::Voter;
pub use push::{Browser, Candidate};
pub use quarantine::Infected;
pub use receipts::Receipts;
pub use reports::Concerned;
pub use retention::{DAY_MS, Gone, GoneBeside, Keeping, Rule};
pub use room_changes::{Changed, Made, MakeRoom};
pub use safeguarding::Wished;
pub use scheduled::{Due, NewLater};
pub use search::{Asked, Match};
pub use sessions::OpenSession;
pub use webhooks::{DueWebhook, Failed, NewWebhook};

use acting::Acting;
use pool::{Pool, read, write};
use rules::RulesKept;
use writer::Writers;

/// The database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    pool: Pool,
    writers: Writers,
    rules: RulesKept,
}

impl Store {
    /// Opens the embedded database in a file, which is made when missing. Every commit is on disk before it
    /// returns (`synchronous=FULL`).
    ///
    /// # Errors
    /// When the file cannot be opened or the schema not be brought up to date.
    pub async fn open_sqlite(file: &Path) -> StoreResult<Self> {
        Self::over(pool::open_sqlite(file).await?)
    }

    /// Connects to PostgreSQL.
    ///
    /// # Errors
    /// When it cannot be reached or the schema not be brought up to date.
    pub async fn open_postgres(url: &str) -> StoreResult<Self> {
        Self::over(pool::open_postgres(url).await?)
    }

    fn over(pool: Pool) -> StoreResult<Self> {
        let rules = RulesKept::default();
        let writers = Writers::start(&pool, &rules).map_err(sqlx::Error::Io)?;
        Ok(Self {
            pool,
            writers,
            rules,
        })
    }

    /// The same database for what this person changes in this session, which is named by the hash of its token: each transaction
    /// looks first whether the session still holds, and is refused with [`ErrorCode::Unauthorized`] when it is over and with
    /// [`ErrorCode::ChoosePassword`] when nothing but a password may be chosen in it. What is only read is not judged, nor
    /// are messages and read pointers, which share their transactions with those of others.
    ///
    /// [`ErrorCode::Unauthorized`]: protocol::ErrorCode::Unauthorized
    /// [`ErrorCode::ChoosePassword`]: protocol::ErrorCode::ChoosePassword
    #[must_use]
    pub fn in_session(&self, person: &UserId, session: &str) -> Self {
        let acting = Acting::new(person, session);
        Self {
            pool: self.pool.acting(acting),
            writers: self.writers.clone(),
            rules: self.rules.clone(),
        }
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
        self.writers.stop().await;
        match &self.pool {
            Pool::Sqlite { read, write } => {
                read.close().await;
                write.pool().close().await;
            }
            Pool::Postgres(postgres) => postgres.pool.close().await,
        }
    }
}

/// A fresh id: UUIDv7, so that rows made together lie together.
pub(crate) fn new_id() -> String {
    uuid::Uuid::now_v7().to_string()
}
