//! Who was reminded to acknowledge a message, has not, and wants to be told of it by mail.

use protocol::limits::MAIL_NEWS_HOURS;
use protocol::mail::MailWhen;
use protocol::{RoomId, UserId};

use super::in_lessons::lesson_until;
use super::mail_people::{lang_from, when_from};
use super::mail_unread::Reader;
use super::notify::{level_from, quiet_hours};
use super::people::user_id;
use super::rooms::room_id;
use super::{Store, StoreError, StoreResult, read};
use crate::notify::Wishes;

const MINUTE_MS: i64 = 60_000;

/// A message of which somebody was reminded, and no mail has told since.
#[derive(Clone, Debug)]
pub struct Recall {
    /// Who.
    pub reader: Reader,
    /// What they want to be told of.
    pub wishes: Wishes,
    /// Where.
    pub room: RoomId,
    /// Its name.
    pub name: String,
    /// The number of the message.
    pub no: i64,
    /// The name of who wrote it.
    pub by: String,
    /// What.
    pub body: String,
    /// By when it is to be acknowledged, in milliseconds since 1970.
    pub due: Option<i64>,
    /// When they were reminded.
    pub at: i64,
}

#[derive(sqlx::FromRow)]
struct RecallRow {
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
    room_name: String,
    no: i64,
    author: String,
    body: String,
    ack_due: Option<i64>,
    reminded_at: i64,
}

impl RecallRow {
    fn into_recall(self) -> StoreResult<Recall> {
        let level = self.level.as_deref().map(level_from).transpose()?;
        Ok(Recall {
            reader: Reader {
                person: user_id(self.person_id)?,
                address: self.address,
                lang: lang_from(&self.lang)?,
                zone: self.mail_zone,
                when: when_from(&self.told)?,
                digest: u16::try_from(self.digest_minute)
                    .map_err(|_| StoreError::Inconsistent("mail_people.digest_minute"))?,
            },
            wishes: Wishes {
                level: level.unwrap_or_default(),
                muted_until: self.muted_until,
                hours: quiet_hours(self.quiet_from, self.quiet_to, self.zone)?,
                paused_until: self.paused_until,
                in_lesson: self.lesson_until.is_some(),
            },
            room: room_id(self.room_id)?,
            name: self.room_name,
            no: self.no,
            by: self.author,
            body: self.body,
            due: self.ack_due,
            at: self.reminded_at,
        })
    }
}

impl Store {
    /// Reminders of which no mail has told those who want to be told soon, or, with a person, that one. Whoever has
    /// acknowledged the message or left the room is not reminded any more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn reminders_by_mail(
        &self,
        person: Option<&UserId>,
        now: i64,
    ) -> StoreResult<Vec<Recall>> {
        let rows: Vec<RecallRow> = read!(self, db => {
            sqlx::query_as(concat!(
                "SELECT k.person_id, k.room_id, p.address, p.lang, p.zone AS mail_zone, p.told, p.digest_minute,
                     n.quiet_from, n.quiet_to, n.zone, n.paused_until, w.level, w.muted_until, ", lesson_until!(), " AS lesson_until,
                     r.name AS room_name, g.no, s.name AS author, g.body, g.ack_due, g.reminded_at
                 FROM messages g
                 JOIN rooms r ON r.id = g.room_id AND r.archived_at IS NULL
                 JOIN people s ON s.id = g.sender_id
                 JOIN acks k ON k.message_id = g.id AND k.at IS NULL
                 JOIN members m ON m.room_id = k.room_id AND m.person_id = k.person_id
                 JOIN mail_people p ON p.person_id = k.person_id
                 LEFT JOIN notify n ON n.person_id = k.person_id
                 LEFT JOIN notify_rooms w ON w.person_id = k.person_id AND w.room_id = k.room_id
                 WHERE g.reminded_at > $1 AND g.deleted_at IS NULL AND p.address IS NOT NULL AND p.failing_at IS NULL
                     AND (k.mailed_at IS NULL OR k.mailed_at < g.reminded_at)
                     AND ((CAST($2 AS TEXT) IS NULL AND p.told IN ('soon', 'hour')) OR p.person_id = $2)
                 ORDER BY k.person_id, k.room_id, g.no",
            ))
            .bind(now - MAIL_NEWS_HOURS * 60 * MINUTE_MS).bind(person.map(UserId::as_str)).bind(now).fetch_all(db).await
        })?;
        rows.into_iter().map(RecallRow::into_recall).collect()
    }
}

impl Recall {
    /// Whether it is time for a mail: a reminder is told as a mention is. Pure, told the time.
    #[must_use]
    pub fn is_due(&self, soon_minutes: u32, now: i64) -> bool {
        let wait = match self.reader.when {
            MailWhen::Soon => i64::from(soon_minutes) * MINUTE_MS,
            MailWhen::Hour => 60 * MINUTE_MS,
            MailWhen::Off | MailWhen::Digest => return false,
        };
        self.at <= now - wait && self.wishes.want(true, now)
    }
}
