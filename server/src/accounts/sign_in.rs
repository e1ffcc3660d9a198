//! Signing in: at the pace of the hasher, with pauses after failures, the same for logins that exist and others.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use protocol::http::Login;
use protocol::limits::PASSWORD_BYTES_MAX;
use protocol::{ErrorBody, ErrorCode};

use super::failures::{Failures, LoginKey, Source};
use super::password::Hasher;
use super::{NewSession, SESSION_MS, names, once, random_token, token_hash};
use crate::store::{Account, Store};
use crate::time::now_ms;
use crate::ws::commands::to_user;

/// Signs people in. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SignIns {
    store: Store,
    hasher: Hasher,
    failures: Arc<Mutex<Failures>>,
    keys: RandomState,
}

impl SignIns {
    /// No failures are known yet: each node counts its own, from its start.
    #[must_use]
    pub fn new(store: Store, hasher: Hasher) -> Self {
        Self {
            store,
            hasher,
            failures: Arc::default(),
            keys: RandomState::new(),
        }
    }

    /// Signs in.
    ///
    /// # Errors
    /// [`ErrorCode::BadCredentials`], the same and at the same cost whether the login or the password is wrong;
    /// [`ErrorCode::RateLimited`] during the pause after several of them, whatever the password;
    /// [`ErrorCode::PasswordExpired`] when it is right and was a one-time password; [`ErrorCode::Overloaded`] when too many sign
    /// in.
    pub async fn sign_in(&self, login: &Login, source: Source) -> Result<NewSession, ErrorBody> {
        let name = names::login(&login.login);
        // What cannot be a login is still told apart from other such texts.
        let key = self.key(name.as_ref().unwrap_or(&login.login));
        self.refuse_in_pause(key, source)?;
        let account = self.store.account(&name.unwrap_or_default()).await;
        let account = account.map_err(to_user)?;
        if !self
            .verify(&login.password, account.as_ref(), key, source)
            .await?
        {
            return Err(ErrorCode::BadCredentials.into());
        }
        // Only of somebody can a password be right.
        let account = account.ok_or(ErrorCode::BadCredentials)?;
        if account.once_until.is_some_and(|until| until <= now_ms()) {
            return Err(ErrorCode::PasswordExpired.into());
        }
        self.begin(account).await
    }

    /// Whether this is the password of the account, if there is one; failures are counted.
    ///
    /// # Errors
    /// [`ErrorCode::RateLimited`] during the pause after several of them, [`ErrorCode::Overloaded`] when too many sign in.
    pub(super) async fn verify(
        &self,
        given: &str,
        account: Option<&Account>,
        key: LoginKey,
        source: Source,
    ) -> Result<bool, ErrorBody> {
        // Longer than any stored password can be: not worth hashing, but hashed all the same.
        let mut given: String = given.chars().take(PASSWORD_BYTES_MAX).collect();
        if account.is_some_and(|account| account.once_until.is_some()) {
            given = once::typed(&given);
        }
        let turn = self.hasher.turn(source).await?;
        // Others may have failed meanwhile. From here on as many tries are under way as there are turns: hundreds at
        // once do not pass together.
        self.refuse_in_pause(key, source)?;
        let hash = account.map(|account| account.password.clone());
        if turn.verify(given, hash).await? {
            self.failures().succeeded(key, source);
            return Ok(true);
        }
        let pause = self.failures().failed(Instant::now(), key, source);
        let user = account.map(|account| account.person.id.to_string());
        tracing::info!(user, ?pause, "a wrong password");
        Ok(false)
    }

    async fn begin(&self, account: Account) -> Result<NewSession, ErrorBody> {
        let (token, now) = (random_token(), now_ms());
        let hash = token_hash(&token);
        let begun = self
            .store
            .begin_session(&hash, &account, now, now + SESSION_MS);
        if !begun.await.map_err(to_user)? {
            return Err(ErrorCode::BadCredentials.into());
        }
        tracing::info!(user = %account.person.id, "signed in");
        Ok(NewSession {
            choose: account.once_until.is_some(),
            person: account.person,
            token,
        })
    }

    /// Stands for a login in what is counted.
    pub(super) fn key(&self, login: &str) -> LoginKey {
        LoginKey(self.keys.hash_one(login))
    }

    pub(super) const fn store(&self) -> &Store {
        &self.store
    }

    pub(super) const fn hasher(&self) -> &Hasher {
        &self.hasher
    }

    pub(super) fn refuse_in_pause(&self, key: LoginKey, source: Source) -> Result<(), ErrorBody> {
        match self.failures().pause(Instant::now(), key, source) {
            Some(pause) => Err(ErrorBody::from(ErrorCode::RateLimited).after_ms(millis(pause))),
            None => Ok(()),
        }
    }

    pub(super) fn count_failure(&self, key: LoginKey, source: Source) {
        self.failures().failed(Instant::now(), key, source);
    }

    fn failures(&self) -> MutexGuard<'_, Failures> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// Rounded up: who waits so long is not refused again.
fn millis(pause: Duration) -> u32 {
    u32::try_from(pause.as_micros().div_ceil(1_000)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::pin::pin;
    use std::task::Poll;

    use futures_util::poll;
    use protocol::model::Role;

    use super::super::add_person;
    use super::super::password::HasherLimits;
    use super::*;

    const PASSWORD: &str = "парта и доска";

    fn source(last: u8) -> Source {
        Source::from(std::net::IpAddr::from(Ipv4Addr::new(203, 0, 113, last)))
    }

    async fn with_a_teacher(folder: &tempfile::TempDir) -> SignIns {
        let file = folder.path().join("parta.db");
        let store = Store::open_sqlite(&file).await.unwrap();
        let limits = HasherLimits {
            at_once: 1,
            waiting: 1,
            wait: Duration::from_secs(600),
        };
        let hasher = Hasher::new(limits).unwrap();
        let name = "Анна Иванова";
        add_person(&store, &hasher, "anna", name, Role::Teacher, PASSWORD)
            .await
            .unwrap();
        SignIns::new(store, hasher)
    }

    async fn refused(sign_ins: &SignIns, login: &str, password: &str, from: Source) -> ErrorBody {
        let login = Login {
            login: login.to_owned(),
            password: password.to_owned(),
        };
        match sign_ins.sign_in(&login, from).await {
            Ok(_) => ErrorBody::from(ErrorCode::Taken).with_text("signed in"),
            Err(error) => error,
        }
    }

    // As if somebody had failed so often that the pause is a minute, which no test takes.
    fn fail_often(sign_ins: &SignIns, login: &str, from: Source) {
        let key = LoginKey(sign_ins.keys.hash_one(login.to_owned()));
        for _ in 0..12 {
            sign_ins.failures().failed(Instant::now(), key, from);
        }
    }

    #[tokio::test]
    async fn in_a_pause_the_right_password_is_refused_too_without_waiting_for_a_turn() {
        let folder = tempfile::tempdir().unwrap();
        let sign_ins = with_a_teacher(&folder).await;
        fail_often(&sign_ins, "anna", source(1));
        let turn = sign_ins.hasher.turn(source(1)).await.unwrap();
        let error = refused(&sign_ins, "ANNA", PASSWORD, source(1)).await;
        assert_eq!((error.c, error.tmp), (ErrorCode::RateLimited, true));
        let after = error.after.unwrap();
        assert!((1..=60_000).contains(&after), "{after}");
        drop(turn);
        let elsewhere = refused(&sign_ins, "anna", PASSWORD, source(2)).await;
        assert_eq!(elsewhere.text.as_deref(), Some("signed in"));
    }

    #[tokio::test]
    async fn a_login_that_nobody_has_pauses_like_any_other() {
        let folder = tempfile::tempdir().unwrap();
        let sign_ins = with_a_teacher(&folder).await;
        for login in ["anna", "nobody", "no login at all"] {
            let first = refused(&sign_ins, login, "wrong", source(1)).await;
            assert_eq!(first, ErrorCode::BadCredentials.into(), "{login}");
            fail_often(&sign_ins, login, source(1));
            let then = refused(&sign_ins, login, "wrong", source(1)).await;
            assert_eq!(then.c, ErrorCode::RateLimited, "{login}");
        }
    }

    #[tokio::test]
    async fn who_waited_while_others_failed_is_refused_too() {
        let folder = tempfile::tempdir().unwrap();
        let sign_ins = with_a_teacher(&folder).await;
        let turn = sign_ins.hasher.turn(source(1)).await.unwrap();
        let waits = refused(&sign_ins, "anna", PASSWORD, source(1));
        let (error, ()) = tokio::join!(waits, async {
            let full = async || {
                matches!(
                    poll!(pin!(sign_ins.hasher.turn(source(1)))),
                    Poll::Ready(Err(_))
                )
            };
            while !full().await {
                tokio::task::yield_now().await;
            }
            fail_often(&sign_ins, "anna", source(1));
            drop(turn);
        });
        assert_eq!(error.c, ErrorCode::RateLimited);
    }
}
