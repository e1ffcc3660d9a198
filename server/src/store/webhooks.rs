//! Addresses to which a room's messages are sent. What waits for one is what the room's log has after its position, so nothing is
//! queued twice; whichever server has claimed it sends, in the log's order, and moves the position on.

use std::sync::LazyLock;

use axum::http::Uri;
use protocol::audit::{Act, Facts};
use protocol::limits::WEBHOOKS_PER_ROOM_MAX;
use protocol::webhook::{Webhook, WebhookFault};
use protocol::{ErrorCode, RoomId, UserId, WebhookId};

use super::access::lock_to_manage;
use super::audit::{Note, note};
use super::people::user_id;
use super::pool::{Tx, within};
use super::rooms::room_id;
use super::writer::{ROWS_MAX, Rows};
use super::{Store, StoreError, StoreResult, new_id, read, write};
use crate::time::rfc3339;

/// After so many milliseconds without a word of the server that has claimed it, another takes it up.
const CLAIM_MS: i64 = 60_000;

/// What is needed to make one. The address was checked before.
#[derive(Clone, Copy, Debug)]
pub struct NewWebhook<'a> {
    /// Whose messages.
    pub room: &'a RoomId,
    /// Who wants it.
    pub by: &'a UserId,
    /// Where to.
    pub url: &'a str,
    /// Signs what is sent.
    pub secret: &'a str,
}

/// One for which something waits, claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueWebhook {
    /// Which.
    pub id: WebhookId,
    /// Whose messages.
    pub room: RoomId,
    /// The room's name.
    pub room_name: String,
    /// Where to.
    pub url: String,
    /// Signs what is sent.
    pub secret: String,
    /// Up to where all was sent.
    pub position: i64,
    /// How often the next one was tried in vain.
    pub tries: i64,
    /// Since when, in milliseconds since 1970.
    pub failing_since: Option<i64>,
    /// By which this server is known to have it.
    pub claim: String,
}

/// A try in vain.
#[derive(Clone, Copy, Debug)]
pub struct Failed {
    /// Why.
    pub fault: WebhookFault,
    /// What it answered.
    pub status: Option<u16>,
    /// When to try again, in milliseconds since 1970; never when `None`.
    pub again: Option<i64>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    url: String,
    made_by: String,
    created_at: i64,
    sent_at: Option<i64>,
    failing_since: Option<i64>,
    fault: Option<String>,
    status: Option<i64>,
    off_at: Option<i64>,
}

impl Row {
    fn into_webhook(self) -> StoreResult<Webhook> {
        Ok(Webhook {
            id: webhook_id(self.id)?,
            url: self.url,
            by: user_id(self.made_by)?,
            at: rfc3339(self.created_at),
            sent: self.sent_at.map(rfc3339),
            fault: self.fault.as_deref().map(fault_from).transpose()?,
            status: self.status.and_then(|status| status.try_into().ok()),
            since: self.failing_since.map(rfc3339),
            off: self.off_at.is_some(),
        })
    }
}

#[derive(sqlx::FromRow)]
struct DueRow {
    id: String,
    room_id: String,
    name: String,
    url: String,
    secret: String,
    position: i64,
    tries: i64,
    failing_since: Option<i64>,
}

static URLS_BY: LazyLock<Rows> = LazyLock::new(|| {
    Rows::new(
        "SELECT url FROM webhooks WHERE (room_id, made_by) IN (VALUES ",
        "?, ?",
        ") ORDER BY created_at, id",
    )
});

static REMOVE_BY: LazyLock<Rows> = LazyLock::new(|| {
    Rows::new(
        "DELETE FROM webhooks WHERE (room_id, made_by) IN (VALUES ",
        "?, ?",
        ")",
    )
});

impl Store {
    /// Makes one, for what is written from now on, which is written down.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] for who may not, [`ErrorCode::TooLarge`] when the room has [`WEBHOOKS_PER_ROOM_MAX`] already.
    pub async fn add_webhook(&self, new: NewWebhook<'_>, now: i64) -> StoreResult<Webhook> {
        let id = new_id();
        let mut tx = self.pool.begin().await?;
        // Whoever else adds one to this room waits until this one is counted.
        lock_to_manage(&mut tx, new.room, new.by).await?;
        let (count,): (i64,) = within!(&mut tx, db => {
            sqlx::query_as("SELECT COUNT(*) FROM webhooks WHERE room_id = $1")
                .bind(new.room.as_str()).fetch_one(db).await?
        });
        if usize::try_from(count).is_ok_and(|count| count >= WEBHOOKS_PER_ROOM_MAX) {
            return Err(ErrorCode::TooLarge.into());
        }
        within!(&mut tx, db => {
            sqlx::query(
                "INSERT INTO webhooks (id, room_id, url, secret, made_by, created_at, position, due_at, tries)
                 SELECT $1, id, $3, $4, $5, $6, last_seq, $6, 0 FROM rooms WHERE id = $2",
            )
            .bind(&id).bind(new.room.as_str()).bind(new.url).bind(new.secret).bind(new.by.as_str()).bind(now)
            .execute(db).await?;
        });
        let made = Note::of(Act::WebhookMade, new.by, new.room, now);
        note(&mut tx, &[made.with(Facts::named(host_of(new.url)))]).await?;
        tx.commit().await?;
        Ok(Webhook {
            id: webhook_id(id)?,
            url: new.url.to_owned(),
            by: new.by.clone(),
            at: rfc3339(now),
            sent: None,
            fault: None,
            status: None,
            since: None,
            off: false,
        })
    }

    /// Those of a room, the oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn webhooks(&self, room: &RoomId) -> StoreResult<Vec<Webhook>> {
        let rows: Vec<Row> = read!(self, db => {
            sqlx::query_as(
                "SELECT id, url, made_by, created_at, sent_at, failing_since, fault, status, off_at
                 FROM webhooks WHERE room_id = $1 ORDER BY created_at, id",
            )
            .bind(room.as_str()).fetch_all(db).await
        })?;
        rows.into_iter().map(Row::into_webhook).collect()
    }

    /// Takes one away, which is written down; false when the room has no such one.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] for who may not.
    pub async fn remove_webhook(
        &self,
        room: &RoomId,
        id: &WebhookId,
        by: &UserId,
        now: i64,
    ) -> StoreResult<bool> {
        let mut tx = self.pool.begin().await?;
        lock_to_manage(&mut tx, room, by).await?;
        let url: Option<(String,)> = within!(&mut tx, db => {
            sqlx::query_as("SELECT url FROM webhooks WHERE id = $1 AND room_id = $2")
                .bind(id.as_str()).bind(room.as_str()).fetch_optional(db).await?
        });
        let Some((url,)) = url else {
            return Ok(false);
        };
        within!(&mut tx, db => {
            sqlx::query("DELETE FROM webhooks WHERE id = $1").bind(id.as_str()).execute(db).await?;
        });
        let removed = Note::of(Act::WebhookRemoved, by, room, now);
        note(&mut tx, &[removed.with(Facts::named(host_of(&url)))]).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Tries one again at once, also one that was switched off, from where it stood; false when the room has no such one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn retry_webhook(
        &self,
        room: &RoomId,
        id: &WebhookId,
        now: i64,
    ) -> StoreResult<bool> {
        let found = write!(self, tx => {
            sqlx::query(
                "UPDATE webhooks SET off_at = NULL, due_at = $3, tries = 0, failing_since = NULL, fault = NULL, status = NULL
                 WHERE id = $1 AND room_id = $2",
            )
            .bind(id.as_str()).bind(room.as_str()).bind(now).execute(&mut *tx).await?.rows_affected()
        });
        Ok(found > 0)
    }

    /// Claims one for which something waits, if its time has come; also one that another server has claimed and not spoken of
    /// for a minute.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn claim_webhook(&self, now: i64) -> StoreResult<Option<DueWebhook>> {
        // Most of the time there is none, and the writers are left alone.
        let found: Option<(String,)> = read!(self, db => {
            sqlx::query_as(
                "SELECT w.id FROM webhooks w JOIN rooms r ON r.id = w.room_id
                 WHERE w.off_at IS NULL AND w.due_at <= $1 AND w.position < r.last_seq
                   AND (w.claimed_at IS NULL OR w.claimed_at < $2)
                 ORDER BY w.due_at, w.id LIMIT 1",
            )
            .bind(now).bind(now - CLAIM_MS).fetch_optional(db).await
        })?;
        let Some((id,)) = found else {
            return Ok(None);
        };
        let claim = new_id();
        let row: Option<DueRow> = write!(self, tx => {
            let claimed = sqlx::query(
                "UPDATE webhooks SET claim = $2, claimed_at = $3
                 WHERE id = $1 AND off_at IS NULL AND due_at <= $3 AND (claimed_at IS NULL OR claimed_at < $4)",
            )
            .bind(&id).bind(&claim).bind(now).bind(now - CLAIM_MS).execute(&mut *tx).await?.rows_affected();
            if claimed == 0 {
                return Ok(None);
            }
            sqlx::query_as(
                "SELECT w.id, w.room_id, r.name, w.url, w.secret, w.position, w.tries, w.failing_since
                 FROM webhooks w JOIN rooms r ON r.id = w.room_id WHERE w.id = $1",
            )
            .bind(&id).fetch_optional(&mut *tx).await?
        });
        row.map(|row| {
            Ok(DueWebhook {
                id: webhook_id(row.id)?,
                room: room_id(row.room_id)?,
                room_name: row.name,
                url: row.url,
                secret: row.secret,
                position: row.position,
                tries: row.tries,
                failing_since: row.failing_since,
                claim,
            })
        })
        .transpose()
    }

    /// Everything up to this position was sent, or needs no sending when `sent` is false. False when it is not this server's any
    /// more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn move_webhook(
        &self,
        due: &DueWebhook,
        position: i64,
        sent: bool,
        now: i64,
    ) -> StoreResult<bool> {
        let moved = write!(self, tx => {
            sqlx::query(
                "UPDATE webhooks SET position = $3, claimed_at = $4, tries = CASE WHEN $5 = 1 THEN 0 ELSE tries END,
                     sent_at = CASE WHEN $5 = 1 THEN $4 ELSE sent_at END,
                     failing_since = CASE WHEN $5 = 1 THEN NULL ELSE failing_since END,
                     fault = CASE WHEN $5 = 1 THEN NULL ELSE fault END,
                     status = CASE WHEN $5 = 1 THEN NULL ELSE status END
                 WHERE id = $1 AND claim = $2",
            )
            .bind(due.id.as_str()).bind(&due.claim).bind(position).bind(now).bind(i64::from(sent))
            .execute(&mut *tx).await?.rows_affected()
        });
        Ok(moved > 0)
    }

    /// Nothing waits any more: whatever comes next is anybody's.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn release_webhook(&self, due: &DueWebhook) -> StoreResult<()> {
        write!(self, tx => {
            sqlx::query("UPDATE webhooks SET claim = NULL, claimed_at = NULL WHERE id = $1 AND claim = $2")
                .bind(due.id.as_str()).bind(&due.claim).execute(&mut *tx).await?;
        });
        Ok(())
    }

    /// It did not take what is next.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn fail_webhook(
        &self,
        due: &DueWebhook,
        failed: Failed,
        now: i64,
    ) -> StoreResult<()> {
        let off = failed.again.is_none().then_some(now);
        write!(self, tx => {
            sqlx::query(
                "UPDATE webhooks SET claim = NULL, claimed_at = NULL, tries = tries + 1, fault = $3, status = $4, off_at = $5,
                     failing_since = COALESCE(failing_since, $6), due_at = $7
                 WHERE id = $1 AND claim = $2",
            )
            .bind(due.id.as_str()).bind(&due.claim).bind(fault_text(failed.fault)).bind(failed.status.map(i64::from)).bind(off)
            .bind(now).bind(failed.again.unwrap_or(now)).execute(&mut *tx).await?;
        });
        Ok(())
    }
}

/// Takes the addresses that these people gave out of a room, which is locked, as they do not manage it any more; gives the
/// hosts.
pub(super) async fn remove_webhooks_of(
    tx: &mut Tx<'_>,
    room: &RoomId,
    makers: &[UserId],
) -> StoreResult<Vec<String>> {
    let mut hosts = Vec::new();
    for chunk in makers.chunks(ROWS_MAX) {
        let (text, ids) = URLS_BY.with(chunk);
        let urls: Vec<(String,)> = within!(tx, db => {
            let mut query = sqlx::query_as(text);
            for id in ids {
                query = query.bind(room.as_str()).bind(id.map(UserId::as_str));
            }
            query.fetch_all(db).await?
        });
        hosts.extend(urls.iter().map(|(url,)| host_of(url)));
        let (text, ids) = REMOVE_BY.with(chunk);
        within!(tx, db => {
            let mut query = sqlx::query(text);
            for id in ids {
                query = query.bind(room.as_str()).bind(id.map(UserId::as_str));
            }
            query.execute(db).await?;
        });
    }
    Ok(hosts)
}

// The rest of an address may be secret.
pub(super) fn host_of(url: &str) -> String {
    let url = url.parse::<Uri>().ok();
    let host = url.as_ref().and_then(Uri::host);
    host.unwrap_or_default().to_owned()
}

fn webhook_id(text: String) -> StoreResult<WebhookId> {
    WebhookId::parse(text).map_err(StoreError::Inconsistent)
}

const fn fault_text(fault: WebhookFault) -> &'static str {
    match fault {
        WebhookFault::Unreachable => "unreachable",
        WebhookFault::Slow => "slow",
        WebhookFault::Status => "status",
        WebhookFault::Gone => "gone",
        WebhookFault::NotAllowed => "not_allowed",
    }
}

fn fault_from(text: &str) -> StoreResult<WebhookFault> {
    match text {
        "unreachable" => Ok(WebhookFault::Unreachable),
        "slow" => Ok(WebhookFault::Slow),
        "status" => Ok(WebhookFault::Status),
        "gone" => Ok(WebhookFault::Gone),
        "not_allowed" => Ok(WebhookFault::NotAllowed),
        _ => Err(StoreError::Inconsistent("webhooks.fault")),
    }
}
