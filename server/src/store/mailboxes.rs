//! How far mailboxes with answers to mails have been read, and by which server. What a mail became is not kept here: that an
//! answer is one message is the writer's doing, however often it is fetched.

use super::mail_queue::{NewMail, queue};
use super::{Store, StoreResult, read, write};

/// Events of mails that tell of a refused answer lie between these.
const REFUSED: [&str; 2] = ["refused/", "refused0"];

impl Store {
    /// Takes or keeps hold of a mailbox until then. `false` when another server holds it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn hold_mailbox(
        &self,
        name: &str,
        server: &str,
        until: i64,
        now: i64,
    ) -> StoreResult<bool> {
        let held = write!(self, tx => {
            sqlx::query(
                "INSERT INTO mailboxes (name, validity, uid, held_by, held_until) VALUES ($1, 0, 0, $2, $3)
                 ON CONFLICT (name) DO UPDATE SET held_by = excluded.held_by, held_until = excluded.held_until
                 WHERE mailboxes.held_by = excluded.held_by OR mailboxes.held_until <= $4",
            )
            .bind(name).bind(server).bind(until).bind(now).execute(&mut *tx).await?.rows_affected()
        });
        Ok(held > 0)
    }

    /// Lets go of a mailbox, if this server holds it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn leave_mailbox(&self, name: &str, server: &str) -> StoreResult<()> {
        write!(self, tx => {
            sqlx::query("UPDATE mailboxes SET held_until = 0 WHERE name = $1 AND held_by = $2")
                .bind(name).bind(server).execute(&mut *tx).await?;
        });
        Ok(())
    }

    /// Up to which number a mailbox has been read, and under which UIDVALIDITY.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn mailbox_read(&self, name: &str) -> StoreResult<(i64, i64)> {
        let row: Option<(i64, i64)> = read!(self, db => {
            sqlx::query_as("SELECT validity, uid FROM mailboxes WHERE name = $1")
                .bind(name).fetch_optional(db).await
        })?;
        Ok(row.unwrap_or_default())
    }

    /// It has been read so far, by the server that holds it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_mailbox_read(
        &self,
        name: &str,
        server: &str,
        (validity, uid): (i64, i64),
    ) -> StoreResult<()> {
        write!(self, tx => {
            sqlx::query("UPDATE mailboxes SET validity = $3, uid = $4 WHERE name = $1 AND held_by = $2")
                .bind(name).bind(server).bind(validity).bind(uid).execute(&mut *tx).await?;
        });
        Ok(())
    }

    /// Queues a mail that tells somebody of an answer that was refused, unless they were told of so many since then, or of
    /// this one. Gives whether it was queued.
    ///
    /// # Errors
    /// [`protocol::ErrorCode::Overloaded`] when too many mails wait.
    pub async fn queue_refusal(
        &self,
        mail: &NewMail<'_>,
        since: i64,
        most: i64,
        now: i64,
    ) -> StoreResult<bool> {
        let queued = write!(self, tx => {
            let (told,): (i64,) = sqlx::query_as(
                "SELECT COUNT(*) FROM mail_queue
                 WHERE event >= $1 AND event < $2 AND person_id = $3 AND created_at > $4",
            )
            .bind(REFUSED[0]).bind(REFUSED[1]).bind(mail.person.as_str()).bind(since)
            .fetch_one(&mut *tx).await?;
            if told < most {
                queue!(tx, mail, now);
            }
            told < most
        });
        Ok(queued)
    }
}
