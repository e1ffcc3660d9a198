//! Browsers that want to be told while the page is closed, and of what they were told.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use protocol::limits::PUSH_BROWSERS_MAX;
use protocol::push::PushNews;
use protocol::{RoomId, UserId};

use super::in_lessons::lesson_until;
use super::notify::{level_from, quiet_hours};
use super::people::user_id;
use super::rooms::room_id;
use super::{Store, StoreError, StoreResult, read, write};
use crate::notify::Wishes;
use crate::push::Recipient;

/// After so many milliseconds somebody may be told anew of a room when nobody knows whether they were: the server that was
/// about to died.
const CLAIM_MS: i64 = 300_000;
/// For so long a reminder is news for whoever could not be told of it, in milliseconds.
const REMINDER_HOLDS_MS: i64 = 24 * 3_600_000;

/// Of an acknowledgement `k` of the message `g`: nobody told its person by push since the last reminder, and nobody is about to.
macro_rules! untold {
    ($lapsed:literal) => {
        concat!(
            "(k.pushed_at IS NULL OR k.pushed_at < g.reminded_at)
                 AND (k.push_claimed_at IS NULL OR k.push_claimed_at < ",
            $lapsed,
            ")"
        )
    };
}

/// A browser that wants to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Browser {
    /// Its address at a push service.
    pub endpoint: String,
    /// Its keys.
    pub keys: Recipient,
}

/// Somebody who may be told of a message, with one of their browsers.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Who.
    pub person: UserId,
    /// Which browser.
    pub browser: Browser,
    /// What they want to be told of.
    pub wishes: Wishes,
    /// Whether the message mentions them.
    pub mentioned: bool,
}

#[derive(sqlx::FromRow)]
struct CandidateRow {
    person_id: String,
    endpoint: String,
    point: String,
    auth: String,
    quiet_from: Option<i64>,
    quiet_to: Option<i64>,
    zone: Option<String>,
    paused_until: Option<i64>,
    level: Option<String>,
    muted_until: Option<i64>,
    lesson_until: Option<i64>,
    mentioned: Option<i64>,
}

impl CandidateRow {
    fn into_candidate(self) -> StoreResult<Candidate> {
        let keys = Recipient {
            point: bytes(&self.point)?,
            auth: bytes(&self.auth)?,
        };
        let level = self.level.as_deref().map(level_from).transpose()?;
        Ok(Candidate {
            person: user_id(self.person_id)?,
            browser: Browser {
                endpoint: self.endpoint,
                keys,
            },
            wishes: Wishes {
                level: level.unwrap_or_default(),
                muted_until: self.muted_until,
                hours: quiet_hours(self.quiet_from, self.quiet_to, self.zone)?,
                paused_until: self.paused_until,
                in_lesson: self.lesson_until.is_some(),
            },
            mentioned: self.mentioned.is_some(),
        })
    }
}

impl Store {
    /// The key that is kept, or this one, which is kept from now on.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn push_key(&self, fresh: &[u8], now: i64) -> StoreResult<Vec<u8>> {
        write!(self, tx => {
            sqlx::query("INSERT INTO push_key (one, pkcs8, created_at) VALUES (1, $1, $2) ON CONFLICT (one) DO NOTHING")
                .bind(BASE64.encode(fresh)).bind(now).execute(&mut *tx).await?;
        });
        let (kept,): (String,) = read!(self, db => {
            sqlx::query_as("SELECT pkcs8 FROM push_key WHERE one = 1").fetch_one(db).await
        })?;
        let kept = BASE64.decode(kept);
        kept.map_err(|_| StoreError::Inconsistent("push_key.pkcs8"))
    }

    /// A session's browser wants to be told, instead of the one that it named before. Beyond [`PUSH_BROWSERS_MAX`] the
    /// person's oldest is forgotten.
    ///
    /// # Errors
    /// When the database fails, or the session has ended.
    pub async fn subscribe(
        &self,
        session: &str,
        person: &UserId,
        browser: &Browser,
        now: i64,
    ) -> StoreResult<()> {
        write!(self, tx => {
            // Whoever signed in on this browser before is not told there any more.
            sqlx::query("DELETE FROM push_subscriptions WHERE endpoint = $1 OR session_hash = $2")
                .bind(&browser.endpoint).bind(session).execute(&mut *tx).await?;
            sqlx::query(
                "INSERT INTO push_subscriptions (session_hash, person_id, endpoint, point, auth, created_at)
                 VALUES ($1, $2, $3, $4, $5, $6)",
            )
            .bind(session).bind(person.as_str()).bind(&browser.endpoint)
            .bind(BASE64.encode(browser.keys.point)).bind(BASE64.encode(browser.keys.auth)).bind(now)
            .execute(&mut *tx).await?;
            sqlx::query(
                "DELETE FROM push_subscriptions WHERE person_id = $1 AND session_hash NOT IN (
                     SELECT session_hash FROM push_subscriptions WHERE person_id = $1
                     ORDER BY created_at DESC, session_hash LIMIT $2)",
            )
            .bind(person.as_str()).bind(i64::from(PUSH_BROWSERS_MAX)).execute(&mut *tx).await?;
        });
        Ok(())
    }

    /// A session's browser does not want to be told any more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn unsubscribe(&self, session: &str) -> StoreResult<()> {
        write!(self, tx => {
            sqlx::query("DELETE FROM push_subscriptions WHERE session_hash = $1")
                .bind(session).execute(&mut *tx).await?;
        });
        Ok(())
    }

    /// The push service knows this address no more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_endpoint(&self, endpoint: &str) -> StoreResult<()> {
        write!(self, tx => {
            sqlx::query("DELETE FROM push_subscriptions WHERE endpoint = $1")
                .bind(endpoint).execute(&mut *tx).await?;
        });
        Ok(())
    }

    /// Who may be told of a message: members other than its sender who have not read it, were not told of the room since
    /// they read it (or nobody knows whether they were), and have a browser whose session holds.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn push_candidates(
        &self,
        room: &RoomId,
        no: i64,
        now: i64,
    ) -> StoreResult<Vec<Candidate>> {
        let rows: Vec<CandidateRow> = read!(self, db => {
            sqlx::query_as(concat!(
                "SELECT b.person_id, b.endpoint, b.point, b.auth, n.quiet_from, n.quiet_to, n.zone, n.paused_until,
                     w.level, w.muted_until, ", lesson_until!(), " AS lesson_until, COALESCE(q.no, NULLIF(g.to_all, 0)) AS mentioned
                 FROM messages g
                 JOIN members m ON m.room_id = g.room_id AND m.person_id <> g.sender_id
                 JOIN push_subscriptions b ON b.person_id = m.person_id
                 JOIN sessions s ON s.token_hash = b.session_hash AND s.expires_at > $3
                 LEFT JOIN pushed p ON p.room_id = m.room_id AND p.person_id = m.person_id
                 LEFT JOIN notify n ON n.person_id = m.person_id
                 LEFT JOIN notify_rooms w ON w.person_id = m.person_id AND w.room_id = m.room_id
                 LEFT JOIN mentions q ON q.room_id = g.room_id AND q.no = g.no AND q.person_id = m.person_id
                 WHERE g.room_id = $1 AND g.no = $2 AND g.deleted_at IS NULL
                     AND m.read_no < g.no
                     AND (p.no IS NULL OR p.no <= m.read_no OR (p.taken = 0 AND p.at < $4))",
            ))
            .bind(room.as_str()).bind(no).bind(now).bind(now - CLAIM_MS).fetch_all(db).await
        })?;
        rows.into_iter().map(CandidateRow::into_candidate).collect()
    }

    /// Messages of which people were reminded within [`REMINDER_HOLDS_MS`], and somebody with a browser was not told since.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn reminders_to_push(&self, now: i64) -> StoreResult<Vec<(RoomId, i64)>> {
        let rows: Vec<(String, i64)> = read!(self, db => {
            sqlx::query_as(concat!(
                "SELECT g.room_id, g.no FROM messages g
                 WHERE g.reminded_at > $1 AND g.deleted_at IS NULL
                     AND EXISTS (SELECT 1 FROM acks k JOIN push_subscriptions b ON b.person_id = k.person_id
                         WHERE k.message_id = g.id AND k.at IS NULL AND ", untold!("$2"), ")
                 ORDER BY g.reminded_at, g.id",
            ))
            .bind(now - REMINDER_HOLDS_MS).bind(now - CLAIM_MS).fetch_all(db).await
        })?;
        rows.into_iter()
            .map(|(room, no)| Ok((room_id(room)?, no)))
            .collect()
    }

    /// Who may be reminded of a message: those who were asked to acknowledge it, have not, are members still, and were not told
    /// since the last reminder, and no server is telling them. They are told as if it mentioned them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn push_reminded(
        &self,
        room: &RoomId,
        no: i64,
        now: i64,
    ) -> StoreResult<Vec<Candidate>> {
        let rows: Vec<CandidateRow> = read!(self, db => {
            sqlx::query_as(concat!(
                "SELECT b.person_id, b.endpoint, b.point, b.auth, n.quiet_from, n.quiet_to, n.zone, n.paused_until,
                     w.level, w.muted_until, ", lesson_until!(), " AS lesson_until, CAST(1 AS BIGINT) AS mentioned
                 FROM messages g
                 JOIN rooms r ON r.id = g.room_id AND r.archived_at IS NULL
                 JOIN acks k ON k.message_id = g.id AND k.at IS NULL
                 JOIN members m ON m.room_id = g.room_id AND m.person_id = k.person_id
                 JOIN push_subscriptions b ON b.person_id = m.person_id
                 JOIN sessions s ON s.token_hash = b.session_hash AND s.expires_at > $3
                 LEFT JOIN notify n ON n.person_id = m.person_id
                 LEFT JOIN notify_rooms w ON w.person_id = m.person_id AND w.room_id = m.room_id
                 WHERE g.room_id = $1 AND g.no = $2 AND g.deleted_at IS NULL AND g.reminded_at > $5
                     AND ", untold!("$4"),
            ))
            .bind(room.as_str()).bind(no).bind(now).bind(now - CLAIM_MS).bind(now - REMINDER_HOLDS_MS)
            .fetch_all(db).await
        })?;
        rows.into_iter().map(CandidateRow::into_candidate).collect()
    }

    /// Notes that these people are being told of a reminder. Gives those who were not told of it already, are not being told by
    /// another server, and still have to acknowledge the message. Whoever is not told in the end ([`Store::settle_reminder`]) is
    /// told anew when the note has lapsed.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn claim_reminders(
        &self,
        room: &RoomId,
        no: i64,
        people: &[UserId],
        now: i64,
    ) -> StoreResult<Vec<UserId>> {
        let mut claimed = Vec::with_capacity(people.len());
        write!(self, tx => {
            for person in people {
                let done = sqlx::query(
                    "UPDATE acks SET push_claimed_at = $4 WHERE person_id = $3 AND room_id = $1 AND no = $2 AND at IS NULL
                         AND (push_claimed_at IS NULL OR push_claimed_at < $5)
                         AND (pushed_at IS NULL
                              OR pushed_at < (SELECT g.reminded_at FROM messages g WHERE g.id = acks.message_id))",
                )
                .bind(room.as_str()).bind(no).bind(person.as_str()).bind(now).bind(now - CLAIM_MS)
                .execute(&mut *tx).await?;
                if done.rows_affected() > 0 {
                    claimed.push(person.clone());
                }
            }
        });
        Ok(claimed)
    }

    /// A push service took the reminder that was claimed then.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn settle_reminder(
        &self,
        room: &RoomId,
        no: i64,
        person: &UserId,
        claimed: i64,
    ) -> StoreResult<()> {
        write!(self, tx => {
            // As of the claim: of a reminder since then nothing was told. The claim is over.
            sqlx::query(
                "UPDATE acks SET pushed_at = $4, push_claimed_at = NULL
                 WHERE person_id = $3 AND room_id = $1 AND no = $2 AND push_claimed_at = $4",
            )
            .bind(room.as_str()).bind(no).bind(person.as_str()).bind(claimed).execute(&mut *tx).await?;
        });
        Ok(())
    }

    /// Notes that these people are told of a room now. Gives those who were not told of it already, since they read it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn claim_pushes(
        &self,
        room: &RoomId,
        no: i64,
        people: &[UserId],
        now: i64,
    ) -> StoreResult<Vec<UserId>> {
        let mut claimed = Vec::with_capacity(people.len());
        write!(self, tx => {
            for person in people {
                let done = sqlx::query(
                    "INSERT INTO pushed (room_id, person_id, no, at, taken)
                     SELECT room_id, person_id, $3, $4, CAST(0 AS BIGINT) FROM members
                     WHERE room_id = $1 AND person_id = $2 AND read_no < $3
                     ON CONFLICT (room_id, person_id) DO UPDATE SET no = excluded.no, at = excluded.at, taken = 0
                     WHERE pushed.no <= (SELECT m.read_no FROM members m WHERE m.room_id = $1 AND m.person_id = $2)
                        OR (pushed.taken = 0 AND pushed.at < $5)",
                )
                .bind(room.as_str()).bind(person.as_str()).bind(no).bind(now).bind(now - CLAIM_MS)
                .execute(&mut *tx).await?;
                if done.rows_affected() > 0 {
                    claimed.push(person.clone());
                }
            }
        });
        Ok(claimed)
    }

    /// A push service took it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn settle_push(&self, room: &RoomId, no: i64, person: &UserId) -> StoreResult<()> {
        write!(self, tx => {
            sqlx::query("UPDATE pushed SET taken = 1 WHERE room_id = $1 AND person_id = $2 AND no = $3")
                .bind(room.as_str()).bind(person.as_str()).bind(no).execute(&mut *tx).await?;
        });
        Ok(())
    }

    /// Somebody could not be told: the next message is another try.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn release_push(&self, room: &RoomId, no: i64, person: &UserId) -> StoreResult<()> {
        write!(self, tx => {
            sqlx::query("DELETE FROM pushed WHERE room_id = $1 AND person_id = $2 AND no = $3")
                .bind(room.as_str()).bind(person.as_str()).bind(no).execute(&mut *tx).await?;
        });
        Ok(())
    }

    /// A room as somebody is told of it; `None` for a stranger.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn push_news(&self, room: &RoomId, person: &UserId) -> StoreResult<Option<PushNews>> {
        let row: Option<(String, i64, Option<i64>, i64)> = read!(self, db => {
            sqlx::query_as(
                "SELECT CASE WHEN r.kind = 'direct' THEN COALESCE((
                     SELECT q.name FROM members other JOIN people q ON q.id = other.person_id
                     WHERE other.room_id = r.id AND other.person_id <> $2), r.name) ELSE r.name END,
                     r.last_no - m.read_no,
                     COALESCE((SELECT MAX(x.no) FROM mentions x
                      WHERE x.person_id = m.person_id AND x.room_id = m.room_id AND x.no > m.read_no),
                      (SELECT MAX(x.no) FROM messages x
                      WHERE x.room_id = m.room_id AND x.to_all = 1 AND x.sender_id <> m.person_id AND x.no > m.read_no)),
                     (SELECT COUNT(*) FROM acks k JOIN messages g ON g.id = k.message_id
                      WHERE k.person_id = m.person_id AND k.room_id = m.room_id AND k.at IS NULL
                         AND g.reminded_at IS NOT NULL)
                 FROM members m JOIN rooms r ON r.id = m.room_id WHERE m.room_id = $1 AND m.person_id = $2",
            )
            .bind(room.as_str()).bind(person.as_str()).fetch_optional(db).await
        })?;
        Ok(row.map(|(name, unread, mention, asks)| PushNews {
            name,
            unread: unread.max(0),
            mention: mention.is_some(),
            asks: u32::try_from(asks).unwrap_or(u32::MAX),
        }))
    }
}

fn bytes<const N: usize>(text: &str) -> StoreResult<[u8; N]> {
    let bytes = BASE64.decode(text).ok();
    bytes
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or(StoreError::Inconsistent("push_subscriptions.point"))
}
