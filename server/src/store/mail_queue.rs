//! Mails that wait to be sent. What is told once has a name, `event`, that stays after it was sent.

use protocol::UserId;
use protocol::limits::MAIL_TRY_DAYS;

use super::people::user_id;
use super::{Store, StoreResult, read, write};

/// After so many milliseconds another server takes up a mail that one has claimed and not sent.
const CLAIM_MS: i64 = 300_000;
const DAY_MS: i64 = 86_400_000;
/// For so long it is known what was sent, in milliseconds.
const KNOWN_MS: i64 = 30 * DAY_MS;
/// The time over which mails to a domain are counted, in milliseconds.
const RATE_MS: i64 = 60_000;

/// A mail that is to be sent.
#[derive(Clone, Copy, Debug)]
pub struct NewMail<'a> {
    /// Of a Message-ID; a UUID.
    pub id: &'a str,
    /// To whom.
    pub person: &'a UserId,
    /// What it tells: to one person once.
    pub event: &'a str,
    /// Where to.
    pub address: &'a str,
    /// What it says; JSON.
    pub letter: &'a str,
}

/// One whose time has come, claimed by this server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueMail {
    /// Of its Message-ID.
    pub id: String,
    /// To whom.
    pub person: UserId,
    /// Where to.
    pub address: String,
    /// What it says; JSON.
    pub letter: String,
    /// How often it was tried in vain.
    pub tries: i64,
    /// Since when it waits.
    pub created_at: i64,
}

/// Queues a [`NewMail`] in a transaction; one that tells the same again is left out.
macro_rules! queue {
    ($tx:ident, $mail:expr, $now:expr) => {{
        let mail: &crate::store::NewMail<'_> = $mail;
        let (waiting,): (i64,) =
            sqlx::query_as("SELECT COUNT(*) FROM mail_queue WHERE done_at IS NULL")
                .fetch_one(&mut *$tx)
                .await?;
        if waiting >= protocol::limits::MAILS_WAITING_MAX {
            return Err(protocol::ErrorCode::Overloaded.into());
        }
        sqlx::query(
            "INSERT INTO mail_queue (id, person_id, event, address, domain, letter, created_at, due_at, tries)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $7, 0) ON CONFLICT (event, person_id) DO NOTHING",
        )
        .bind(mail.id)
        .bind(mail.person.as_str())
        .bind(mail.event)
        .bind(mail.address)
        .bind(crate::mail::address::domain(mail.address))
        .bind(mail.letter)
        .bind($now)
        .execute(&mut *$tx)
        .await?;
    }};
}

pub(super) use queue;

#[derive(sqlx::FromRow)]
struct DueRow {
    id: String,
    person_id: String,
    address: String,
    letter: String,
    tries: i64,
    created_at: i64,
}

impl Store {
    /// Claims the mail that waits longest, if its time has come and its domain has not had `per_minute` of them within a
    /// minute; also one that another server has claimed five minutes ago and not sent.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn claim_mail(&self, per_minute: u32, now: i64) -> StoreResult<Option<DueMail>> {
        let row: Option<DueRow> = write!(self, tx => {
            sqlx::query_as(
                "UPDATE mail_queue SET claimed_at = $1 WHERE id = (
                     SELECT id FROM mail_queue
                     WHERE done_at IS NULL AND due_at <= $1 AND (claimed_at IS NULL OR claimed_at < $2)
                       AND domain NOT IN (
                           SELECT domain FROM mail_queue WHERE done_at > $3 OR claimed_at > $3
                           GROUP BY domain HAVING COUNT(*) >= $4)
                     ORDER BY due_at, id LIMIT 1)
                   AND done_at IS NULL AND (claimed_at IS NULL OR claimed_at < $2)
                 RETURNING id, person_id, address, letter, tries, created_at",
            )
            .bind(now).bind(now - CLAIM_MS).bind(now - RATE_MS).bind(i64::from(per_minute))
            .fetch_optional(&mut *tx).await?
        });
        row.map(|row| {
            Ok(DueMail {
                id: row.id,
                person: user_id(row.person_id)?,
                address: row.address,
                letter: row.letter,
                tries: row.tries,
                created_at: row.created_at,
            })
        })
        .transpose()
    }

    /// It was sent, or is given up: what it said goes.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn mail_done(&self, id: &str, now: i64) -> StoreResult<()> {
        write!(self, tx => {
            sqlx::query("UPDATE mail_queue SET done_at = $2, claimed_at = NULL, letter = '', address = '' WHERE id = $1")
                .bind(id).bind(now).execute(&mut *tx).await?;
        });
        Ok(())
    }

    /// It could not be sent and is tried again then.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn mail_later(&self, id: &str, due: i64) -> StoreResult<()> {
        write!(self, tx => {
            sqlx::query(
                "UPDATE mail_queue SET due_at = $2, claimed_at = NULL, tries = tries + 1 WHERE id = $1 AND done_at IS NULL",
            )
            .bind(id).bind(due).execute(&mut *tx).await?;
        });
        Ok(())
    }

    /// Queues a mail that belongs to nothing else that is stored.
    ///
    /// # Errors
    /// [`protocol::ErrorCode::Overloaded`] when too many wait.
    pub async fn queue_mail(&self, mail: &NewMail<'_>, now: i64) -> StoreResult<()> {
        write!(self, tx => { queue!(tx, mail, now); });
        Ok(())
    }

    /// How many mails wait.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn mails_waiting(&self) -> StoreResult<i64> {
        let (waiting,): (i64,) = read!(self, db => {
            sqlx::query_as("SELECT COUNT(*) FROM mail_queue WHERE done_at IS NULL").fetch_one(db).await
        })?;
        Ok(waiting)
    }

    /// Gives up mails that wait too long, and forgets what was sent long ago and answers that are too late. Gives how many
    /// were given up.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sweep_mail(&self, now: i64) -> StoreResult<u64> {
        let given_up = write!(self, tx => {
            sqlx::query("DELETE FROM mail_queue WHERE done_at < $1").bind(now - KNOWN_MS).execute(&mut *tx).await?;
            sqlx::query("DELETE FROM mail_replies WHERE expires_at < $1").bind(now).execute(&mut *tx).await?;
            let done = sqlx::query(
                "UPDATE mail_queue SET done_at = $1, claimed_at = NULL, letter = '', address = ''
                 WHERE done_at IS NULL AND created_at < $2",
            )
            .bind(now).bind(now - MAIL_TRY_DAYS * DAY_MS).execute(&mut *tx).await?;
            done.rows_affected()
        });
        Ok(given_up)
    }
}
