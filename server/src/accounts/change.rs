//! Passwords that take the place of others: chosen by their owner, made for somebody who forgot theirs, or set by whoever runs
//! the server.

use protocol::limits::PASSWORD_ONCE_DAYS;
use protocol::model::Person;
use protocol::password::{ChoosePassword, OneTimePassword};
use protocol::{ErrorBody, ErrorCode, UserId};

use super::failures::Source;
use super::password::Hasher;
use super::sign_in::SignIns;
use super::{MayChoose, NewSession, SESSION_MS, SignedIn, chosen, once, random_token, token_hash};
use crate::store::{ChosenPassword, Over, ResetPassword, Store, StoreError, Then};
use crate::time::{now_ms, rfc3339};
use crate::ws::commands::to_user;

const DAY_MS: i64 = 86_400_000;
/// Milliseconds after which to come again when somebody has made too many one-time passwords.
const RESETS_AFTER_MS: u32 = 600_000;

/// A password became another one.
pub struct Changed<T> {
    /// What ended: connections are to be closed.
    pub ended: Over,
    /// What came of it.
    pub now: T,
}

impl SignIns {
    /// Gives a person the password that they chose. In a session that may only choose it takes the place of the one-time password,
    /// all sessions end and a new one begins; in any other the present one is asked, and failures are counted as of sign-ins.
    ///
    /// # Errors
    /// Those of [`chosen::check`]; [`ErrorCode::WeakPassword`] for the one-time password itself;
    /// [`ErrorCode::BadCredentials`] when the present one is wrong; [`ErrorCode::Unauthorized`] when the session is over
    /// meanwhile; [`ErrorCode::RateLimited`], [`ErrorCode::Overloaded`].
    pub async fn choose(
        &self,
        MayChoose { me, choose }: &MayChoose,
        new: &ChoosePassword,
        source: Source,
    ) -> Result<Changed<Option<NewSession>>, ErrorBody> {
        let account = self
            .store()
            .account_of(&me.person.id)
            .await
            .map_err(to_user)?;
        let account = account.ok_or(ErrorCode::Unauthorized)?;
        chosen::check(&new.password, &account.login)?;
        let key = self.key(&account.login);
        self.refuse_in_pause(key, source)?;
        if *choose {
            let turn = self.hasher().turn(source).await?;
            let same = turn.verify(once::typed(&new.password), Some(account.password.clone()));
            if same.await? {
                // It told that this is the one-time password.
                self.count_failure(key, source);
                return Err(ErrorCode::WeakPassword.into());
            }
        } else {
            let old = new.old.as_deref().unwrap_or_default();
            if !self.verify(old, Some(&account), key, source).await? {
                return Err(ErrorCode::BadCredentials.into());
            }
        }
        let turn = self.hasher().turn(source).await?;
        let hash = turn.hash(new.password.clone()).await?;
        let (token, now) = (random_token(), now_ms());
        let fresh = token_hash(&token);
        let then = match (choose, new.stay) {
            (true, _) => Then::Begin {
                token_hash: &fresh,
                expires_at: now + SESSION_MS,
            },
            (false, true) => Then::Stay,
            (false, false) => Then::OthersEnd,
        };
        let chosen = ChosenPassword {
            person: &me.person.id,
            was: &account.password,
            hash: &hash,
            session: &me.session,
            then,
        };
        let ended = self
            .store()
            .choose_password(chosen, now)
            .await
            .map_err(to_user)?;
        tracing::info!(user = %me.person.id, ended = ended.len(), "somebody chose another password");
        let session = choose.then_some(NewSession {
            person: account.person,
            token,
            choose: false,
        });
        Ok(Changed {
            ended: Over {
                sessions: ended,
                ..Over::default()
            },
            now: session,
        })
    }

    /// Makes a one-time password for somebody who forgot theirs. All their sessions end, and unless they are to be kept
    /// the keys of bots, devices and webhooks that they made.
    ///
    /// # Errors
    /// Those of [`Store::reset_password`], and [`ErrorCode::Overloaded`].
    pub async fn reset(
        &self,
        person: &UserId,
        by: &SignedIn,
        keep_keys: bool,
        source: Source,
    ) -> Result<Changed<OneTimePassword>, ErrorBody> {
        let (store, by) = (by.acting(self.store()), &by.person.id);
        // Nobody's hash is made for nothing.
        store
            .may_reset_password(person, by, now_ms())
            .await
            .map_err(refused)?;
        let account = store.account_of(person).await.map_err(to_user)?;
        let login = account.ok_or(ErrorCode::NotFound)?.login;
        let password = once::fresh();
        let turn = self.hasher().turn(source).await?;
        let hash = turn.hash(once::typed(&password)).await?;
        let now = now_ms();
        let until = now + PASSWORD_ONCE_DAYS * DAY_MS;
        let new = ResetPassword {
            person,
            by,
            hash: &hash,
            until,
            keep_keys,
        };
        let ended = store.reset_password(new, now).await.map_err(refused)?;
        tracing::info!(%person, %by, ended = ended.sessions.len(), "somebody got a one-time password");
        let until = rfc3339(until);
        Ok(Changed {
            ended,
            now: OneTimePassword {
                login,
                password,
                until,
            },
        })
    }
}

/// Sets somebody's password, for whoever runs the server, as [`SignIns::reset`] does; gives who it is, and what ended.
///
/// # Errors
/// `NotFound` without such a login, those of [`chosen::check`], `Internal`.
pub async fn set_password(
    store: &Store,
    hasher: &Hasher,
    login: &str,
    password: &str,
    keep_keys: bool,
) -> Result<(Person, Over), ErrorBody> {
    let login = super::names::login(login).ok_or(ErrorCode::NotFound)?;
    let account = store.account(&login).await.map_err(to_user)?;
    let account = account.ok_or(ErrorCode::NotFound)?;
    chosen::check(password, &account.login)?;
    let turn = hasher.turn(Source::HERE).await?;
    let hash = turn.hash(password.to_owned()).await?;
    let ended = store.set_password(&account.person.id, &hash, keep_keys, now_ms());
    let ended = ended.await.map_err(to_user)?;
    Ok((account.person, ended))
}

fn refused(error: StoreError) -> ErrorBody {
    let told = to_user(error);
    if told.c == ErrorCode::RateLimited {
        return told.after_ms(RESETS_AFTER_MS);
    }
    told
}
