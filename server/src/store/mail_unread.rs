//! What is unread by whom who wants to be told of it by mail.

use protocol::limits::{MAIL_AGAIN_MINUTES, MAIL_MESSAGES_MAX, MAIL_NEWS_HOURS};
use protocol::mail::{MailLanguage, MailWhen};
use protocol::{MessageId, RoomId, UserId};

use super::in_lessons::{in_lesson, lesson_until};
use super::mail_people::{lang_from, when_from};
use super::mail_queue::{NewMail, queue};
use super::messages::message_id;
use super::notify::{level_from, quiet_hours};
use super::people::user_id;
use super::rooms::room_id;
use super::{Store, StoreError, StoreResult, read, write};
use crate::notify::Wishes;

const MINUTE_MS: i64 = 60_000;

/// Where mails of somebody go, and how they are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reader {
    /// Who.
    pub person: UserId,
    /// Where to.
    pub address: String,
    /// Language.
    pub lang: MailLanguage,
    /// Zone.
    pub zone: String,
    /// When mails come.
    pub when: MailWhen,
    /// Minutes after midnight of the digest.
    pub digest: u16,
}

/// A room in which somebody has something unread that no mail has told of.
#[derive(Clone, Debug)]
pub struct Unread {
    /// Whose.
    pub reader: Reader,
    /// Where.
    pub room: RoomId,
    /// What they want to be told of.
    pub wishes: Wishes,
    /// When the oldest of the messages was written.
    pub since: i64,
    /// When the oldest of those was written that mention the person.
    pub mentioned_since: Option<i64>,
    /// When a mail told of the room, if it was not read since.
    pub told_at: Option<i64>,
}

/// Messages of a room of which a mail tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomNews {
    /// Where.
    pub room: RoomId,
    /// Its name, for this person.
    pub name: String,
    /// How many there are.
    pub count: i64,
    /// Whether one mentions the person.
    pub mentioned: bool,
    /// The number of the last.
    pub last_no: i64,
    /// The last.
    pub last: MessageId,
    /// The newest [`MAIL_MESSAGES_MAX`], oldest first.
    pub messages: Vec<Said>,
    /// The numbers of those that the person is to acknowledge and has not.
    pub asks: Vec<i64>,
    /// Whether who is responsible for the safety of children may read what is written there now.
    pub safeguarded: bool,
}

/// A message of which a mail tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The name of who wrote it.
    pub by: String,
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// What.
    pub body: String,
    /// How many files hang on it.
    pub files: i64,
}

/// An answer that a mail asks for: where it goes.
#[derive(Clone, Copy, Debug)]
pub struct NewReply<'a> {
    /// Of the address.
    pub id: &'a str,
    /// Where.
    pub room: &'a RoomId,
    /// What it answers.
    pub message: &'a MessageId,
    /// Until when.
    pub expires_at: i64,
    /// Whether the mail says that answers may be read by who is responsible for the safety of children.
    pub noticed: bool,
}

/// Of what a mail tells, so that no other tells of it again.
#[derive(Clone, Copy, Debug, Default)]
pub struct Told<'a> {
    /// Rooms, and up to which messages of them.
    pub rooms: &'a [(&'a RoomId, i64)],
    /// Messages that are to be acknowledged.
    pub asks: &'a [(&'a RoomId, i64)],
}

#[derive(sqlx::FromRow)]
struct UnreadRow {
    person_id: String,
    room_id: String,
    address: String,
    lang: String,
    mail_zone: String,
    told: String,
    digest_minute: i64,
    quiet_from: Option<i64>,
    quiet_to: Option<i64>,
    zone: Option<String>,
    paused_until: Option<i64>,
    level: Option<String>,
    muted_until: Option<i64>,
    lesson_until: Option<i64>,
    told_at: Option<i64>,
    since: Option<i64>,
    mentioned_since: Option<i64>,
}

impl UnreadRow {
    fn into_unread(self) -> StoreResult<Option<Unread>> {
        let Some(since) = self.since else {
            return Ok(None);
        };
        let level = self.level.as_deref().map(level_from).transpose()?;
        Ok(Some(Unread {
            reader: Reader {
                person: user_id(self.person_id)?,
                address: self.address,
                lang: lang_from(&self.lang)?,
                zone: self.mail_zone,
                when: when_from(&self.told)?,
                digest: u16::try_from(self.digest_minute)
                    .map_err(|_| StoreError::Inconsistent("mail_people.digest_minute"))?,
            },
            room: room_id(self.room_id)?,
            wishes: Wishes {
                level: level.unwrap_or_default(),
                muted_until: self.muted_until,
                hours: quiet_hours(self.quiet_from, self.quiet_to, self.zone)?,
                paused_until: self.paused_until,
                in_lesson: self.lesson_until.is_some(),
            },
            since,
            mentioned_since: self.mentioned_since,
            told_at: self.told_at,
        }))
    }
}

/// Messages `g` of which the member `m` is to be told by mail, `d` being what was told: `$1` is the time before which they
/// are too old.
macro_rules! news {
    () => {
        "g.room_id = m.room_id AND g.no > m.read_no AND (d.no IS NULL OR g.no > d.no) AND g.sender_id <> m.person_id
         AND g.deleted_at IS NULL AND g.at > $1"
    };
}

impl Store {
    /// What is unread by those who want to be told soon, or, with a person, by that one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn unread_by_mail(
        &self,
        person: Option<&UserId>,
        now: i64,
    ) -> StoreResult<Vec<Unread>> {
        let rows: Vec<UnreadRow> = read!(self, db => {
            sqlx::query_as(concat!(
                "SELECT m.person_id, m.room_id, p.address, p.lang, p.zone AS mail_zone, p.told, p.digest_minute,
                     n.quiet_from, n.quiet_to, n.zone, n.paused_until, w.level, w.muted_until, ", lesson_until!(), " AS lesson_until,
                     CASE WHEN d.no > m.read_no THEN d.at END AS told_at,
                     (SELECT MIN(g.at) FROM messages g WHERE ", news!(), ") AS since,
                     (SELECT MIN(g.at) FROM messages g JOIN mentions q ON q.room_id = g.room_id AND q.no = g.no
                      WHERE q.person_id = m.person_id AND ", news!(), ") AS mentioned_since
                 FROM mail_people p
                 JOIN members m ON m.person_id = p.person_id
                 JOIN rooms r ON r.id = m.room_id AND r.last_no > m.read_no
                 LEFT JOIN mailed d ON d.room_id = m.room_id AND d.person_id = m.person_id
                 LEFT JOIN notify n ON n.person_id = m.person_id
                 LEFT JOIN notify_rooms w ON w.person_id = m.person_id AND w.room_id = m.room_id
                 WHERE p.address IS NOT NULL AND p.failing_at IS NULL AND (d.no IS NULL OR d.no < r.last_no)
                     AND ((CAST($2 AS TEXT) IS NULL AND p.told IN ('soon', 'hour')) OR p.person_id = $2)
                 ORDER BY m.person_id, m.room_id",
            ))
            .bind(now - MAIL_NEWS_HOURS * 60 * MINUTE_MS).bind(person.map(UserId::as_str)).bind(now).fetch_all(db).await
        })?;
        rows.into_iter()
            .filter_map(|row| row.into_unread().transpose())
            .collect()
    }

    /// What a mail tells of a room; `None` when there is nothing any more. `only_mentions`: only what mentions the person.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn mail_news(
        &self,
        room: &RoomId,
        person: &UserId,
        only_mentions: bool,
        now: i64,
    ) -> StoreResult<Option<RoomNews>> {
        let since = now - MAIL_NEWS_HOURS * 60 * MINUTE_MS;
        let head: Option<(String, i64, i64, Option<i64>, i64)> = read!(self, db => {
            sqlx::query_as(concat!(
                "SELECT CASE WHEN r.kind = 'direct' THEN COALESCE((
                     SELECT q.name FROM members other JOIN people q ON q.id = other.person_id
                     WHERE other.room_id = r.id AND other.person_id <> $3), r.name) ELSE r.name END,
                     COUNT(g.no), COUNT(q.no), MAX(g.no), CAST(CASE WHEN r.safeguarded_after IS NULL THEN 0 ELSE 1 END AS BIGINT)
                 FROM members m JOIN rooms r ON r.id = m.room_id
                 LEFT JOIN mailed d ON d.room_id = m.room_id AND d.person_id = m.person_id
                 LEFT JOIN messages g ON ", news!(), "
                 LEFT JOIN mentions q ON q.room_id = g.room_id AND q.no = g.no AND q.person_id = m.person_id
                 WHERE m.room_id = $2 AND m.person_id = $3 AND ($4 = 0 OR q.no IS NOT NULL)
                 GROUP BY r.id, r.kind, r.name, r.safeguarded_after",
            ))
            .bind(since).bind(room.as_str()).bind(person.as_str()).bind(i64::from(only_mentions))
            .fetch_optional(db).await
        })?;
        let Some((name, count, mentions, Some(last_no), safeguarded)) = head else {
            return Ok(None);
        };
        let rows: Vec<(String, String, i64, String, i64, i64)> = read!(self, db => {
            sqlx::query_as(concat!(
                "SELECT g.id, s.name, g.at, g.body,
                     (SELECT COUNT(*) FROM attachments a WHERE a.message_id = g.id), g.no
                 FROM members m
                 LEFT JOIN mailed d ON d.room_id = m.room_id AND d.person_id = m.person_id
                 JOIN messages g ON ", news!(), "
                 JOIN people s ON s.id = g.sender_id
                 LEFT JOIN mentions q ON q.room_id = g.room_id AND q.no = g.no AND q.person_id = m.person_id
                 WHERE m.room_id = $2 AND m.person_id = $3 AND ($4 = 0 OR q.no IS NOT NULL) AND g.no <= $5
                 ORDER BY g.no DESC LIMIT $6",
            ))
            .bind(since).bind(room.as_str()).bind(person.as_str()).bind(i64::from(only_mentions)).bind(last_no)
            .bind(MAIL_MESSAGES_MAX).fetch_all(db).await
        })?;
        let asks: Vec<(i64,)> = read!(self, db => {
            sqlx::query_as(concat!(
                "SELECT k.no FROM members m
                 LEFT JOIN mailed d ON d.room_id = m.room_id AND d.person_id = m.person_id
                 JOIN messages g ON ", news!(), "
                 JOIN acks k ON k.message_id = g.id AND k.person_id = m.person_id AND k.at IS NULL
                 LEFT JOIN mentions q ON q.room_id = g.room_id AND q.no = g.no AND q.person_id = m.person_id
                 WHERE m.room_id = $2 AND m.person_id = $3 AND ($4 = 0 OR q.no IS NOT NULL) AND g.no <= $5
                 ORDER BY k.no",
            ))
            .bind(since).bind(room.as_str()).bind(person.as_str()).bind(i64::from(only_mentions)).bind(last_no)
            .fetch_all(db).await
        })?;
        let Some((last, ..)) = rows.first() else {
            return Ok(None);
        };
        let last = message_id(last.clone())?;
        let said = |(_, by, at, body, files, _)| Said {
            by,
            at,
            body,
            files,
        };
        let messages = rows.into_iter().rev().map(said).collect();
        Ok(Some(RoomNews {
            room: room.clone(),
            name,
            count,
            mentioned: mentions > 0,
            last_no,
            last,
            messages,
            asks: asks.into_iter().map(|(no,)| no).collect(),
            safeguarded: safeguarded > 0,
        }))
    }

    /// Queues a mail, and notes of what it tells, unless another server has done so, or the person has read all of it and
    /// acknowledged what it asks. Gives whether it was queued.
    ///
    /// # Errors
    /// [`protocol::ErrorCode::Overloaded`] when too many wait.
    pub async fn tell_by_mail(
        &self,
        mail: &NewMail<'_>,
        told: Told<'_>,
        reply: Option<&NewReply<'_>>,
        now: i64,
    ) -> StoreResult<bool> {
        let mut is_news = false;
        write!(self, tx => {
            for (room, no) in told.rooms {
                let done = sqlx::query(
                    "INSERT INTO mailed (room_id, person_id, no, at)
                     SELECT room_id, person_id, $3, $4 FROM members
                     WHERE room_id = $1 AND person_id = $2 AND read_no < $3
                     ON CONFLICT (room_id, person_id) DO UPDATE SET no = excluded.no, at = excluded.at
                     WHERE mailed.no < excluded.no",
                )
                .bind(room.as_str()).bind(mail.person.as_str()).bind(*no).bind(now).execute(&mut *tx).await?;
                is_news |= done.rows_affected() > 0;
            }
            for (room, no) in told.asks {
                // Also of a message that nobody was reminded of: a mail that told of it is enough until somebody is.
                let done = sqlx::query(
                    "UPDATE acks SET mailed_at = $4 WHERE person_id = $2 AND room_id = $1 AND no = $3 AND at IS NULL
                         AND (mailed_at IS NULL
                              OR mailed_at < (SELECT g.reminded_at FROM messages g WHERE g.id = acks.message_id))",
                )
                .bind(room.as_str()).bind(mail.person.as_str()).bind(*no).bind(now).execute(&mut *tx).await?;
                is_news |= done.rows_affected() > 0;
            }
            if !is_news {
                return Ok(false);
            }
            queue!(tx, mail, now);
            if let Some(reply) = reply {
                sqlx::query(
                    "INSERT INTO mail_replies (id, person_id, room_id, message_id, expires_at, noticed)
                     VALUES ($1, $2, $3, $4, $5, $6)",
                )
                .bind(reply.id).bind(mail.person.as_str()).bind(reply.room.as_str()).bind(reply.message.as_str())
                .bind(reply.expires_at).bind(i64::from(reply.noticed)).execute(&mut *tx).await?;
            }
        });
        Ok(true)
    }

    /// People whose digest is due, with when it was. For those who do not want to be told in lessons it waits until they have
    /// left theirs.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn digests_due(&self, now: i64) -> StoreResult<Vec<(Reader, i64)>> {
        let rows: Vec<(String, String, String, String, String, i64, i64)> = read!(self, db => {
            sqlx::query_as(concat!(
                "SELECT m.person_id, address, lang, m.zone, told, digest_minute, digest_at FROM mail_people m
                 LEFT JOIN notify n ON n.person_id = m.person_id
                 WHERE digest_at <= $1 AND told = 'digest' AND address IS NOT NULL AND failing_at IS NULL
                     AND NOT EXISTS (SELECT 1 ", in_lesson!("$1"), ")
                 ORDER BY digest_at, m.person_id LIMIT 200",
            ))
            .bind(now).fetch_all(db).await
        })?;
        rows.into_iter()
            .map(|(person, address, lang, zone, told, minute, at)| {
                let reader = Reader {
                    person: user_id(person)?,
                    address,
                    lang: lang_from(&lang)?,
                    zone,
                    when: when_from(&told)?,
                    digest: u16::try_from(minute)
                        .map_err(|_| StoreError::Inconsistent("mail_people.digest_minute"))?,
                };
                Ok((reader, at))
            })
            .collect()
    }

    /// The digest that was due at `was` is this server's to write, and the next is due at `next`. False when another server
    /// took it, or the person has chosen otherwise.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn claim_digest(&self, person: &UserId, was: i64, next: i64) -> StoreResult<bool> {
        let claimed = write!(self, tx => {
            sqlx::query("UPDATE mail_people SET digest_at = $3 WHERE person_id = $1 AND digest_at = $2")
                .bind(person.as_str()).bind(was).bind(next).execute(&mut *tx).await?.rows_affected()
        });
        Ok(claimed > 0)
    }
}

impl Unread {
    /// Whether it is time for a mail, and then whether only of what mentions the person. Pure, told the time.
    #[must_use]
    pub fn is_due(&self, soon_minutes: u32, now: i64) -> Option<bool> {
        let wait = match self.reader.when {
            MailWhen::Soon => i64::from(soon_minutes) * MINUTE_MS,
            MailWhen::Hour => 60 * MINUTE_MS,
            MailWhen::Off | MailWhen::Digest => return None,
        };
        let old = |since: i64| since <= now - wait;
        let again = |at: i64| at <= now - MAIL_AGAIN_MINUTES * MINUTE_MS;
        if self.wishes.want(false, now) && old(self.since) && self.told_at.is_none_or(again) {
            return Some(false);
        }
        let mentioned = self.mentioned_since.is_some_and(old) && self.wishes.want(true, now);
        mentioned.then(|| !self.wishes.want(false, now))
    }
}
