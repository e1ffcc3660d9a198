//! Passwords that take the place of others, and the sessions that end with them.

use protocol::audit::Act;
use protocol::limits::{PASSWORD_ONCE_DAYS, PASSWORD_RESETS_MAX, PASSWORD_RESETS_SECONDS};
use protocol::{ErrorCode, UserId};

use super::acting::lock_account;
use super::audit::{Note, act_text, note};
use super::keys::{Over, take_keys};
use super::people::{role_from, user_id};
use super::pool::{Tx, within};
use super::{DAY_MS, Store, StoreError, StoreResult, read};
use crate::rights;

/// Why a message for later is not sent: [`ErrorCode::Unauthorized`], as it is stored.
const HELD_BACK: &str = "unauthorized";

/// A password that its owner chose in a session of theirs.
#[derive(Clone, Copy, Debug)]
pub struct ChosenPassword<'a> {
    /// Whose.
    pub person: &'a UserId,
    /// The hash in whose place this one comes.
    pub was: &'a str,
    /// Argon2id hash in PHC form.
    pub hash: &'a str,
    /// Hash of the token of the session in which it was chosen.
    pub session: &'a str,
    /// What becomes of sessions.
    pub then: Then<'a>,
}

/// What becomes of a person's sessions when they have chosen a password.
#[derive(Clone, Copy, Debug)]
pub enum Then<'a> {
    /// They go on.
    Stay,
    /// All but this one end.
    OthersEnd,
    /// All end, and one begins.
    Begin {
        /// Hash of its token.
        token_hash: &'a str,
        /// When it ends, in milliseconds.
        expires_at: i64,
    },
}

/// A one-time password that somebody made for another person.
#[derive(Clone, Copy, Debug)]
pub struct ResetPassword<'a> {
    /// For whom.
    pub person: &'a UserId,
    /// Who made it.
    pub by: &'a UserId,
    /// Argon2id hash in PHC form.
    pub hash: &'a str,
    /// Until when it signs in, in milliseconds.
    pub until: i64,
    /// Whether what the person set up goes on: bots, devices and webhooks that they made, their address for mails, messages
    /// for later, and one-time passwords that they made for others.
    pub keep_keys: bool,
}

/// Whether `$1` and `$2` are in one room in which people write: a conversation of two is begun by anybody with anybody, and
/// whom one taught years ago is in the archive.
macro_rules! share_a_class {
    () => {
        "EXISTS (SELECT 1 FROM members mine
                 JOIN members theirs ON theirs.room_id = mine.room_id
                 JOIN rooms r ON r.id = mine.room_id AND r.kind <> 'direct' AND r.archived_at IS NULL
                 WHERE mine.person_id = $2 AND theirs.person_id = $1)"
    };
}

impl Store {
    /// Gives a person the password that they chose; a one-time password is none any more. Gives the hashes of the tokens of the
    /// sessions that ended.
    ///
    /// # Errors
    /// [`ErrorCode::Unauthorized`] when the session is over or there is another password meanwhile.
    pub async fn choose_password(
        &self,
        new: ChosenPassword<'_>,
        now: i64,
    ) -> StoreResult<Vec<String>> {
        let ChosenPassword {
            person, session, ..
        } = new;
        let mut tx = self.pool.begin().await?;
        lock_account(&mut tx, person).await?;
        let done = within!(&mut tx, db => {
            sqlx::query("UPDATE people SET password = $3, once_until = NULL WHERE id = $1 AND password = $2")
                .bind(person.as_str()).bind(new.was).bind(new.hash).execute(db).await?.rows_affected()
        });
        let open: Option<(String,)> = within!(&mut tx, db => {
            sqlx::query_as("SELECT token_hash FROM sessions WHERE token_hash = $1 AND person_id = $2 AND expires_at > $3")
                .bind(session).bind(person.as_str()).bind(now).fetch_optional(db).await?
        });
        if done == 0 || open.is_none() {
            return Err(ErrorCode::Unauthorized.into());
        }
        let ended = match new.then {
            Then::Stay => Vec::new(),
            Then::OthersEnd => end_sessions(&mut tx, person, Some(session)).await?,
            Then::Begin {
                token_hash,
                expires_at,
            } => {
                let ended = end_sessions(&mut tx, person, None).await?;
                within!(&mut tx, db => {
                    sqlx::query("INSERT INTO sessions (token_hash, person_id, created_at, expires_at) VALUES ($1, $2, $3, $4)")
                        .bind(token_hash).bind(person.as_str()).bind(now).bind(expires_at).execute(db).await?;
                });
                ended
            }
        };
        tx.commit().await?;
        Ok(ended)
    }

    /// Whether somebody may make a one-time password for a person now; [`Self::reset_password`] asks again.
    ///
    /// # Errors
    /// What [`rights::reset_password`] says, [`ErrorCode::Forbidden`] for who is responsible for the safety of children, and
    /// [`ErrorCode::RateLimited`] after too many.
    pub async fn may_reset_password(
        &self,
        person: &UserId,
        by: &UserId,
        now: i64,
    ) -> StoreResult<()> {
        let mut tx = self.pool.begin().await?;
        allow(&mut tx, person, by, now).await
    }

    /// Gives a person a one-time password, ends all their sessions and writes down who did it.
    ///
    /// # Errors
    /// The same as [`Self::may_reset_password`].
    pub async fn reset_password(&self, new: ResetPassword<'_>, now: i64) -> StoreResult<Over> {
        let mut tx = self.pool.begin().await?;
        // What others make at the same time is counted. Nobody is reset by whom they could reset, so two never wait for each
        // other.
        lock_account(&mut tx, new.by).await?;
        allow(&mut tx, new.person, new.by, now).await?;
        lock_account(&mut tx, new.person).await?;
        let reset = Note::by(Act::PasswordReset, new.by, now).about(new.person);
        note(&mut tx, &[reset]).await?;
        let keys = (!new.keep_keys).then_some(Some(new.by));
        let ended = replace(&mut tx, new.person, (new.hash, Some(new.until)), keys, now).await?;
        tx.commit().await?;
        Ok(ended)
    }

    /// Gives a person a password, as whoever runs the server wishes, ends all their sessions and writes it down.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] when there is no such person.
    pub async fn set_password(
        &self,
        person: &UserId,
        hash: &str,
        keep_keys: bool,
        now: i64,
    ) -> StoreResult<Over> {
        let mut tx = self.pool.begin().await?;
        lock_account(&mut tx, person).await?;
        let keys = (!keep_keys).then_some(None);
        let ended = replace(&mut tx, person, (hash, None), keys, now).await?;
        let set = Note {
            by: None,
            ..Note::by(Act::PasswordSet, person, now)
        }
        .about(person);
        note(&mut tx, &[set]).await?;
        tx.commit().await?;
        Ok(ended)
    }

    /// Grows whenever several sessions of a person are ended at once, by any server or the command line.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sessions_ended(&self) -> StoreResult<i64> {
        let (times,): (i64,) = read!(self, db => {
            sqlx::query_as("SELECT times FROM sessions_ended WHERE one = 1").fetch_one(db).await
        })?;
        Ok(times)
    }
}

// The account is locked: no session begins meanwhile, and what is done in one that is open is stored already or will be refused.
// Whoever was in the account may have begun to have another address confirmed, or got mails whose answers are messages of the
// person's.
async fn replace(
    tx: &mut Tx<'_>,
    person: &UserId,
    (hash, once_until): (&str, Option<i64>),
    keys: Option<Option<&UserId>>,
    now: i64,
) -> StoreResult<Over> {
    let (once, taken) = match keys {
        // Accounts are locked before everything else.
        Some(by) => (
            lock_one_time_passwords(tx, person, now).await?,
            take_keys(tx, person, by, now).await?,
        ),
        None => (Vec::new(), Over::default()),
    };
    let done = within!(&mut *tx, db => {
        // Whoever makes a one-time password can sign in with it: not as who reads alone.
        sqlx::query(
            "UPDATE people SET password = $2, once_until = $3
             WHERE id = $1 AND role <> 'bot' AND (CAST($3 AS BIGINT) IS NULL OR safeguarding_at IS NULL)",
        )
            .bind(person.as_str()).bind(hash).bind(once_until).execute(db).await?.rows_affected()
    });
    if done == 0 && once_until.is_some() {
        return Err(ErrorCode::Forbidden.into());
    }
    if done == 0 {
        return Err(ErrorCode::NotFound.into());
    }
    within!(&mut *tx, db => {
        sqlx::query(
            "UPDATE mail_people SET pending = NULL, token_hash = NULL, code_hash = NULL, pending_until = NULL
             WHERE person_id = $1",
        )
        .bind(person.as_str()).execute(&mut *db).await?;
        sqlx::query("DELETE FROM mail_replies WHERE person_id = $1").bind(person.as_str()).execute(db).await?;
    });
    if keys.is_some() {
        hold_back(tx, person).await?;
        end_one_time_passwords(tx, &once, now).await?;
    }
    Ok(Over {
        sessions: end_sessions(tx, person, None).await?,
        ..taken
    })
}

// What would still act for whoever was in the account: mails to an address that they may have confirmed, whose answers are
// messages, and messages that they wrote for later, which wait until their author looks at them.
async fn hold_back(tx: &mut Tx<'_>, person: &UserId) -> StoreResult<()> {
    within!(tx, db => {
        sqlx::query("UPDATE mail_people SET address = NULL, failing_at = NULL WHERE person_id = $1")
            .bind(person.as_str()).execute(&mut *db).await?;
        sqlx::query("DELETE FROM mail_queue WHERE person_id = $1 AND done_at IS NULL")
            .bind(person.as_str()).execute(&mut *db).await?;
        // Also those that a server had begun to send when it died: nobody else would take them up.
        sqlx::query("UPDATE scheduled SET refused = $2, claimed_at = NULL WHERE person_id = $1 AND refused IS NULL")
            .bind(person.as_str()).bind(HELD_BACK).execute(db).await?;
    });
    Ok(())
}

// Whoever was in the account of a teacher may know the one-time passwords that it made for others: who they are, and their accounts
// are locked, so that nobody signs in with one of them meanwhile.
async fn lock_one_time_passwords(
    tx: &mut Tx<'_>,
    by: &UserId,
    now: i64,
) -> StoreResult<Vec<UserId>> {
    let reset = act_text(Act::PasswordReset);
    let made: Vec<(String,)> = within!(&mut *tx, db => {
        sqlx::query_as(
            "SELECT p.id FROM people p WHERE p.once_until > $3 AND p.id IN (
                 SELECT a.about_id FROM audit a WHERE a.by_id = $1 AND a.act = $2 AND a.at > $4
                   AND NOT EXISTS (SELECT 1 FROM audit b WHERE b.about_id = a.about_id AND b.act = $2
                                     AND b.by_id <> $1 AND b.at > a.at))
             ORDER BY p.id",
        )
        .bind(by.as_str()).bind(reset).bind(now).bind(now - PASSWORD_ONCE_DAYS * DAY_MS).fetch_all(db).await?
    });
    let mut people = Vec::with_capacity(made.len());
    for (person,) in made {
        let person = user_id(person)?;
        lock_account(tx, &person).await?;
        people.push(person);
    }
    Ok(people)
}

async fn end_one_time_passwords(tx: &mut Tx<'_>, people: &[UserId], now: i64) -> StoreResult<()> {
    for person in people {
        within!(&mut *tx, db => {
            let ended = sqlx::query("UPDATE people SET once_until = $2 WHERE id = $1 AND once_until > $2")
                .bind(person.as_str()).bind(now).execute(&mut *db).await?.rows_affected();
            // Whoever chose a password of their own just before the lock keeps their session.
            if ended > 0 {
                sqlx::query("DELETE FROM sessions WHERE person_id = $1")
                    .bind(person.as_str()).execute(db).await?;
            }
        });
    }
    Ok(())
}

async fn end_sessions(
    tx: &mut Tx<'_>,
    person: &UserId,
    but: Option<&str>,
) -> StoreResult<Vec<String>> {
    let ended: Vec<(String,)> = within!(tx, db => {
        sqlx::query_as("DELETE FROM sessions WHERE person_id = $1 AND token_hash <> $2 RETURNING token_hash")
            .bind(person.as_str()).bind(but.unwrap_or_default()).fetch_all(db).await?
    });
    within!(tx, db => {
        sqlx::query("UPDATE sessions_ended SET times = times + 1 WHERE one = 1").execute(db).await?;
    });
    Ok(ended.into_iter().map(|(session,)| session).collect())
}

async fn allow(tx: &mut Tx<'_>, person: &UserId, by: &UserId, now: i64) -> StoreResult<()> {
    let row: Option<(String, String, Option<i64>, i64)> = within!(&mut *tx, db => {
        sqlx::query_as(concat!(
            "SELECT b.role, p.role, p.safeguarding_at, CAST(CASE WHEN ", share_a_class!(), " THEN 1 ELSE 0 END AS BIGINT)
             FROM people p JOIN people b ON b.id = $2 WHERE p.id = $1",
        ))
        .bind(person.as_str()).bind(by.as_str()).fetch_optional(db).await?
    });
    let (role, whose, responsible, shares) = row.ok_or(StoreError::Refused(ErrorCode::NotFound))?;
    let (role, whose) = (role_from(&role)?, role_from(&whose)?);
    if person == by {
        return Err(ErrorCode::Forbidden.into());
    }
    rights::reset_password(role, whose, shares == 1).map_err(StoreError::Refused)?;
    if responsible.is_some() {
        return Err(ErrorCode::Forbidden.into());
    }
    let (made,): (i64,) = within!(tx, db => {
        sqlx::query_as("SELECT COUNT(*) FROM audit WHERE by_id = $1 AND act = $2 AND at > $3")
            .bind(by.as_str()).bind(act_text(Act::PasswordReset)).bind(now - PASSWORD_RESETS_SECONDS * 1_000)
            .fetch_one(db).await?
    });
    if made >= PASSWORD_RESETS_MAX {
        return Err(ErrorCode::RateLimited.into());
    }
    Ok(())
}
