//! Where people get mail, and when. An address counts once it is confirmed.

use protocol::limits::{
    MAIL_CODE_TRIES, MAIL_CONFIRM_HOURS, MAIL_CONFIRM_SECONDS, MAIL_CONFIRMS_PER_DAY,
};
use protocol::mail::{MailLanguage, MailWhen};
use protocol::{ErrorBody, ErrorCode, UserId};

use super::mail_queue::{NewMail, queue};
use super::people::user_id;
use super::{Store, StoreError, StoreResult, read, write};

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// When a digest comes as long as somebody has chosen nothing else, in minutes after midnight: at six in the evening.
pub const DIGEST_MINUTE: i64 = 18 * 60;

/// What a person has set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailPerson {
    /// A confirmed address.
    pub address: Option<String>,
    /// Whether its mail server refused it for good.
    pub failing: bool,
    /// One that waits to be confirmed.
    pub pending: Option<String>,
    /// Language.
    pub lang: MailLanguage,
    /// Zone.
    pub zone: String,
    /// When mails come.
    pub when: MailWhen,
    /// Minutes after midnight.
    pub digest: u16,
}

/// An address that is to be confirmed.
#[derive(Clone, Copy, Debug)]
pub struct NewAddress<'a> {
    /// Whose.
    pub person: &'a UserId,
    /// Which.
    pub address: &'a str,
    /// Of the link's token.
    pub token_hash: &'a str,
    /// Of the code.
    pub code_hash: &'a str,
    /// Language.
    pub lang: MailLanguage,
    /// Zone.
    pub zone: &'a str,
}

/// What somebody shows who has got the mail.
#[derive(Clone, Copy, Debug)]
pub enum Proof<'a> {
    /// The hash of the link's token.
    Token(&'a str),
    /// The hash of the code, and whose it is.
    Code(&'a UserId, &'a str),
}

#[derive(sqlx::FromRow)]
struct PersonRow {
    address: Option<String>,
    failing_at: Option<i64>,
    pending: Option<String>,
    pending_until: Option<i64>,
    lang: String,
    zone: String,
    told: String,
    digest_minute: i64,
}

impl PersonRow {
    fn into_person(self, now: i64) -> StoreResult<MailPerson> {
        let waits = self.pending_until.is_some_and(|until| until > now);
        Ok(MailPerson {
            failing: self.failing_at.is_some(),
            address: self.address,
            pending: self.pending.filter(|_| waits),
            lang: lang_from(&self.lang)?,
            zone: self.zone,
            when: when_from(&self.told)?,
            digest: u16::try_from(self.digest_minute)
                .map_err(|_| StoreError::Inconsistent("mail_people.digest_minute"))?,
        })
    }
}

impl Store {
    /// What a person has set; `None` when they never had an address.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn mail_of(&self, person: &UserId, now: i64) -> StoreResult<Option<MailPerson>> {
        let row: Option<PersonRow> = read!(self, db => {
            sqlx::query_as(
                "SELECT address, failing_at, pending, pending_until, lang, zone, told, digest_minute
                 FROM mail_people WHERE person_id = $1",
            )
            .bind(person.as_str()).fetch_optional(db).await
        })?;
        row.map(|row| row.into_person(now)).transpose()
    }

    /// An address waits to be confirmed from now on, in place of any other that waits; the mail with link and code is
    /// queued with it.
    ///
    /// # Errors
    /// [`ErrorCode::RateLimited`] with the wait after too many, [`ErrorCode::NotFound`] when there is no such person,
    /// [`ErrorCode::Overloaded`] when too many mails wait.
    pub async fn await_address(
        &self,
        new: NewAddress<'_>,
        mail: &NewMail<'_>,
        now: i64,
    ) -> StoreResult<Result<(), ErrorBody>> {
        write!(self, tx => {
            let there: Option<(String,)> = sqlx::query_as("SELECT id FROM people WHERE id = $1")
                .bind(new.person.as_str()).fetch_optional(&mut *tx).await?;
            if there.is_none() {
                return Err(ErrorCode::NotFound.into());
            }
            let done = sqlx::query(
                "INSERT INTO mail_people (person_id, pending, token_hash, code_hash, code_tries, pending_until,
                     asked_from, asked_at, asked, lang, zone, told, digest_minute)
                 VALUES ($1, $2, $3, $4, 0, $5, $6, $6, 1, $7, $8, 'off', $9)
                 ON CONFLICT (person_id) DO UPDATE SET pending = excluded.pending,
                     token_hash = excluded.token_hash, code_hash = excluded.code_hash, code_tries = 0,
                     pending_until = excluded.pending_until, asked_at = excluded.asked_at,
                     asked_from = CASE WHEN mail_people.asked_from > $10 THEN mail_people.asked_from ELSE $6 END,
                     asked = CASE WHEN mail_people.asked_from > $10 THEN mail_people.asked + 1 ELSE 1 END,
                     failing_at = CASE WHEN mail_people.address IS NULL THEN NULL ELSE mail_people.failing_at END,
                     lang = excluded.lang, zone = excluded.zone
                 WHERE mail_people.asked_at <= $11 AND (mail_people.asked_from <= $10 OR mail_people.asked < $12)",
            )
            .bind(new.person.as_str()).bind(new.address).bind(new.token_hash).bind(new.code_hash)
            .bind(now + MAIL_CONFIRM_HOURS * HOUR_MS).bind(now).bind(lang_text(new.lang)).bind(new.zone)
            .bind(DIGEST_MINUTE).bind(now - DAY_MS).bind(now - MAIL_CONFIRM_SECONDS * 1_000)
            .bind(MAIL_CONFIRMS_PER_DAY)
            .execute(&mut *tx).await?;
            if done.rows_affected() == 0 {
                let (at, from, asked): (i64, i64, i64) = sqlx::query_as(
                    "SELECT asked_at, asked_from, asked FROM mail_people WHERE person_id = $1",
                )
                .bind(new.person.as_str()).fetch_one(&mut *tx).await?;
                let soon = at + MAIL_CONFIRM_SECONDS * 1_000 - now;
                let late = if asked < MAIL_CONFIRMS_PER_DAY { 0 } else { from + DAY_MS - now };
                let after = u32::try_from(soon.max(late).max(1)).unwrap_or(u32::MAX);
                return Ok(Err(ErrorBody::from(ErrorCode::RateLimited).after_ms(after)));
            }
            queue!(tx, mail, now);
        });
        Ok(Ok(()))
    }

    /// Somebody has shown that they get mail at the address that waits: from now on it counts, and the first
    /// one is told of what is unread for an hour. Gives whose and which.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] when nothing waits for this proof any more.
    pub async fn confirm_address(
        &self,
        proof: Proof<'_>,
        now: i64,
    ) -> StoreResult<(UserId, String)> {
        let (token, person, code) = match proof {
            Proof::Token(hash) => (Some(hash), None, None),
            Proof::Code(person, hash) => (None, Some(person.as_str()), Some(hash)),
        };
        let found: Option<(String, String)> = write!(self, tx => {
            // Each try counts, the right one too.
            if let Some(person) = person {
                sqlx::query("UPDATE mail_people SET code_tries = code_tries + 1 WHERE person_id = $1")
                    .bind(person).execute(&mut *tx).await?;
            }
            sqlx::query_as(
                "UPDATE mail_people SET told = CASE WHEN address IS NULL AND told = 'off' THEN 'hour' ELSE told END,
                     address = pending, failing_at = NULL, pending = NULL, token_hash = NULL, code_hash = NULL,
                     pending_until = NULL
                 WHERE pending IS NOT NULL AND pending_until > $1
                   AND (token_hash = $2 OR (person_id = $3 AND code_hash = $4 AND code_tries <= $5))
                 RETURNING person_id, address",
            )
            .bind(now).bind(token).bind(person).bind(code).bind(MAIL_CODE_TRIES)
            .fetch_optional(&mut *tx).await?
        });
        let (person, address) = found.ok_or(ErrorCode::NotFound)?;
        Ok((user_id(person)?, address))
    }

    /// An address counts at once: for whoever runs the server and knows that it is right.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] when there is no such person.
    pub async fn set_address(&self, person: &UserId, address: &str, zone: &str) -> StoreResult<()> {
        write!(self, tx => {
            let done = sqlx::query(
                "INSERT INTO mail_people (person_id, address, code_tries, asked_from, asked_at, asked, lang, zone, told,
                     digest_minute)
                 SELECT id, $2, 0, 0, 0, 0, 'ru', $3, 'off', $4 FROM people WHERE id = $1
                 ON CONFLICT (person_id) DO UPDATE SET address = excluded.address, failing_at = NULL, pending = NULL,
                     token_hash = NULL, code_hash = NULL, pending_until = NULL",
            )
            .bind(person.as_str()).bind(address).bind(zone).bind(DIGEST_MINUTE).execute(&mut *tx).await?;
            if done.rows_affected() == 0 {
                return Err(ErrorCode::NotFound.into());
            }
        });
        Ok(())
    }

    /// A person gets no mail any more, and no address of theirs is left, nor anything that waits to be sent there.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_address(&self, person: &UserId) -> StoreResult<()> {
        write!(self, tx => {
            sqlx::query(
                "UPDATE mail_people SET address = NULL, failing_at = NULL, pending = NULL, token_hash = NULL,
                     code_hash = NULL, pending_until = NULL, told = 'off', digest_at = NULL WHERE person_id = $1",
            )
            .bind(person.as_str()).execute(&mut *tx).await?;
            sqlx::query("DELETE FROM mail_queue WHERE person_id = $1").bind(person.as_str()).execute(&mut *tx).await?;
            sqlx::query("DELETE FROM mail_replies WHERE person_id = $1").bind(person.as_str()).execute(&mut *tx).await?;
        });
        Ok(())
    }

    /// Sets when a person gets mail; `digest_at` is when their next digest is due.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] when they never had an address.
    pub async fn set_mail_wish(
        &self,
        person: &UserId,
        wish: &protocol::mail::MailWish,
        digest_at: Option<i64>,
    ) -> StoreResult<()> {
        write!(self, tx => {
            let done = sqlx::query(
                "UPDATE mail_people SET told = $2, digest_minute = $3, zone = $4, lang = $5, digest_at = $6
                 WHERE person_id = $1",
            )
            .bind(person.as_str()).bind(when_text(wish.when)).bind(i64::from(wish.digest))
            .bind(&wish.zone).bind(lang_text(wish.lang)).bind(digest_at).execute(&mut *tx).await?;
            if done.rows_affected() == 0 {
                return Err(ErrorCode::NotFound.into());
            }
        });
        Ok(())
    }

    /// A person wants no more mails, by a link in one that went to this address; at a later one they do.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn stop_mail(&self, person: &UserId) -> StoreResult<()> {
        write!(self, tx => {
            sqlx::query("UPDATE mail_people SET told = 'off', digest_at = NULL WHERE person_id = $1")
                .bind(person.as_str()).execute(&mut *tx).await?;
        });
        Ok(())
    }

    /// The mail server refused an address for good: nothing goes there until it is confirmed anew.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn address_fails(&self, person: &UserId, address: &str, now: i64) -> StoreResult<()> {
        write!(self, tx => {
            sqlx::query("UPDATE mail_people SET failing_at = $3 WHERE person_id = $1 AND address = $2")
                .bind(person.as_str()).bind(address).bind(now).execute(&mut *tx).await?;
            // One that waits to be confirmed is none, then.
            sqlx::query(
                "UPDATE mail_people SET pending = NULL, token_hash = NULL, code_hash = NULL, pending_until = NULL,
                     failing_at = CASE WHEN address IS NULL THEN $3 ELSE failing_at END
                 WHERE person_id = $1 AND pending = $2",
            )
            .bind(person.as_str()).bind(address).bind(now).execute(&mut *tx).await?;
        });
        Ok(())
    }
}

pub(super) const fn when_text(when: MailWhen) -> &'static str {
    match when {
        MailWhen::Off => "off",
        MailWhen::Soon => "soon",
        MailWhen::Hour => "hour",
        MailWhen::Digest => "digest",
    }
}

pub(super) fn when_from(text: &str) -> StoreResult<MailWhen> {
    match text {
        "off" => Ok(MailWhen::Off),
        "soon" => Ok(MailWhen::Soon),
        "hour" => Ok(MailWhen::Hour),
        "digest" => Ok(MailWhen::Digest),
        _ => Err(StoreError::Inconsistent("mail_people.told")),
    }
}

pub(super) const fn lang_text(lang: MailLanguage) -> &'static str {
    match lang {
        MailLanguage::Ru => "ru",
        MailLanguage::En => "en",
    }
}

pub(super) fn lang_from(text: &str) -> StoreResult<MailLanguage> {
    match text {
        "ru" => Ok(MailLanguage::Ru),
        "en" => Ok(MailLanguage::En),
        _ => Err(StoreError::Inconsistent("mail_people.lang")),
    }
}
