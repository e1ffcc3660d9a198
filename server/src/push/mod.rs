//! Web Push: browsers whose page is closed are told that something is new, and nothing else; what it is they ask us, with
//! their session. Off unless the settings say otherwise, since it goes over the push services of the browsers' makers.

mod deliver;
mod endpoint;
mod seal;
mod vapid;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use futures_util::future::join_all;
use protocol::limits::PUSHES_WAITING_MAX;
use protocol::push::PushWord;
use protocol::{RoomId, UserId};
use sha2::{Digest, Sha256};
use tokio::sync::{Semaphore, SemaphorePermit, mpsc};
use tokio::time::{Instant, sleep, sleep_until};

use crate::config::{Config, PushMode};
use crate::store::{Browser, Candidate, Store, StoreError};
use crate::time::now_ms;
use crate::ws::Switchboard;
pub(crate) use deliver::client_tls;
pub use deliver::{Courier, Outcome, Word};
pub(crate) use endpoint::fits;
pub use endpoint::{Endpoint, is_host};
pub use seal::{AUTH_BYTES, POINT_BYTES, Recipient, seal};
pub use vapid::Vapid;

/// How long after a message others are told of it: whoever has it before them has read it then.
const AFTER: Duration = Duration::from_secs(3);
/// How often it looks whom a reminder has not reached.
const REMIND_EVERY: Duration = Duration::from_secs(60);
/// Requests to one push service at once: one that hangs holds up no other.
const AT_ONCE: usize = 16;
/// Waits before another try when a push service does not say how long.
const AGAIN: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(15)];
/// Characters of a topic, the most there may be (RFC 8030 §5.4).
const TOPIC_CHARS: usize = 32;

/// Why push cannot be on.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// The file of authorities cannot be read.
    #[error("authorities: {0}: {1}")]
    Authorities(PathBuf, tokio_rustls::rustls::pki_types::pem::Error),
    /// Nobody is trusted.
    #[error(
        "the system has no certificate authorities; name a file in `push_authorities`, and in `authorities` of [webhooks]"
    )]
    NoAuthorities,
    /// The library cannot do TLS.
    #[error("TLS: {0}")]
    Tls(#[from] tokio_rustls::rustls::Error),
    /// The key cannot be made or read.
    #[error("push: the key in the database is none")]
    Key,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why people are told of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Because {
    /// It was stored.
    New,
    /// Those who have not acknowledged it are reminded.
    Reminded,
}

/// A message of which people are to be told.
#[derive(Debug)]
pub struct News {
    /// Where.
    pub room: RoomId,
    /// Its number.
    pub no: i64,
    /// Why.
    pub because: Because,
    /// When.
    pub at: Instant,
}

/// Tells browsers whose page is closed. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Push(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    store: Store,
    switchboard: Switchboard,
    vapid: Vapid,
    courier: Courier,
    hosts: Vec<String>,
    turns: Turns,
}

/// Places for requests, by the name in `push_hosts` that allows them: so many as the settings name, and no more.
#[derive(Debug)]
struct Turns(BTreeMap<String, Semaphore>);

impl Turns {
    fn new(hosts: &[String]) -> Self {
        let place = |host: &String| (host.clone(), Semaphore::new(AT_ONCE));
        Self(hosts.iter().map(place).collect())
    }

    /// `None` when the settings know no such host, or the server is going down.
    async fn take(&self, to: &Endpoint) -> Option<SemaphorePermit<'_>> {
        self.0.get(to.allowed_by())?.acquire().await.ok()
    }
}

impl Push {
    /// Begins to tell, when the settings want it.
    ///
    /// # Errors
    /// See [`PushError`].
    pub async fn start(
        config: &Config,
        store: Store,
        switchboard: Switchboard,
    ) -> Result<Option<Self>, PushError> {
        if config.push == PushMode::Off {
            return Ok(None);
        }
        let fresh = Vapid::fresh().map_err(|_| PushError::Key)?;
        let key = store.push_key(&fresh, now_ms()).await?;
        let vapid = Vapid::new(&key, config.push_sender()).map_err(|_| PushError::Key)?;
        let (stored, waiting) = mpsc::channel(PUSHES_WAITING_MAX);
        switchboard.tell_of_messages(stored);
        let push = Self(Arc::new(Parts {
            store,
            switchboard,
            vapid,
            courier: Courier::new(&config.push_authorities)?,
            hosts: config.push_hosts.clone(),
            turns: Turns::new(&config.push_hosts),
        }));
        tokio::spawn(run(Arc::downgrade(&push.0), waiting));
        tokio::spawn(remind(Arc::downgrade(&push.0)));
        Ok(Some(push))
    }

    /// For browsers: `applicationServerKey`.
    #[must_use]
    pub fn key(&self) -> String {
        self.0.vapid.public()
    }

    /// Whether this is an address at which browsers may be told.
    #[must_use]
    pub fn knows(&self, endpoint: &str) -> bool {
        Endpoint::parse(endpoint, &self.0.hosts).is_some()
    }

    async fn tell(&self, room: &RoomId, no: i64, because: Because) -> Result<(), StoreError> {
        let now = now_ms();
        let store = &self.0.store;
        let mut candidates = match because {
            Because::New => store.push_candidates(room, no, now).await?,
            Because::Reminded => store.push_reminded(room, no, now).await?,
        };
        candidates.retain(|one| {
            one.wishes.want(one.mentioned, now) && !self.0.switchboard.is_watched_by(&one.person)
        });
        let mut people: Vec<UserId> = candidates.iter().map(|one| one.person.clone()).collect();
        people.sort();
        people.dedup();
        if people.is_empty() {
            return Ok(());
        }
        let claimed = match because {
            Because::New => store.claim_pushes(room, no, &people, now).await?,
            Because::Reminded => store.claim_reminders(room, no, &people, now).await?,
        };
        let mut browsers: BTreeMap<UserId, Vec<(Browser, bool)>> = BTreeMap::new();
        for Candidate {
            person,
            browser,
            mentioned,
            ..
        } in candidates
        {
            if claimed.contains(&person) {
                browsers
                    .entry(person)
                    .or_default()
                    .push((browser, mentioned));
            }
        }
        for (person, browsers) in browsers {
            let (push, room) = (self.clone(), room.clone());
            tokio::spawn(async move {
                let told = push.tell_person(&room, &person, browsers).await;
                push.note(&room, no, &person, (because, now), told).await;
            });
        }
        Ok(())
    }

    async fn tell_reminders(&self) -> Result<(), StoreError> {
        for (room, no) in self.0.store.reminders_to_push(now_ms()).await? {
            self.tell(&room, no, Because::Reminded).await?;
        }
        Ok(())
    }

    // Whether a push service took it.
    async fn tell_person(
        &self,
        room: &RoomId,
        person: &UserId,
        browsers: Vec<(Browser, bool)>,
    ) -> bool {
        // At the same time: one push service that hangs keeps nothing from another.
        let tries = browsers
            .iter()
            .map(|(browser, mentioned)| self.tell_browser(room, person, browser, *mentioned));
        let mut told = false;
        for outcome in join_all(tries).await {
            match outcome {
                Ok(taken) => told |= taken,
                Err(error) => tracing::warn!(%error, "a browser could not be forgotten"),
            }
        }
        told
    }

    async fn note(
        &self,
        room: &RoomId,
        no: i64,
        person: &UserId,
        (because, claimed): (Because, i64),
        told: bool,
    ) {
        let store = &self.0.store;
        let noted = match (because, told) {
            (Because::New, true) => store.settle_push(room, no, person).await,
            (Because::New, false) => store.release_push(room, no, person).await,
            (Because::Reminded, true) => store.settle_reminder(room, no, person, claimed).await,
            // The claim lapses, and then it is tried again: a push service that is away is not called every minute.
            (Because::Reminded, false) => Ok(()),
        };
        if let Err(error) = noted {
            tracing::warn!(%error, "what became of a push could not be noted");
        }
    }

    // Whether its push service took it.
    async fn tell_browser(
        &self,
        room: &RoomId,
        person: &UserId,
        browser: &Browser,
        urgent: bool,
    ) -> Result<bool, StoreError> {
        // The list of hosts may have become another one since.
        let Some(to) = Endpoint::parse(&browser.endpoint, &self.0.hosts) else {
            return Ok(false);
        };
        let mut pauses = AGAIN.iter();
        loop {
            let Some(word) = self.word(room, person, &to, &browser.keys, urgent) else {
                return Ok(false);
            };
            let outcome = {
                let Some(_turn) = self.0.turns.take(&to).await else {
                    return Ok(false);
                };
                self.0.courier.send(word).await
            };
            match outcome {
                Outcome::Taken => return Ok(true),
                Outcome::Gone => {
                    tracing::info!(
                        service = to.origin(),
                        "a browser is not told any more: it is gone"
                    );
                    self.0.store.forget_endpoint(&browser.endpoint).await?;
                    return Ok(false);
                }
                Outcome::Refused(status) => {
                    tracing::warn!(service = to.origin(), %status, "a push service refused a push");
                    return Ok(false);
                }
                Outcome::Later(asked) => {
                    let Some(wait) = pauses.next() else {
                        tracing::warn!(service = to.origin(), "a push service did not take a push");
                        return Ok(false);
                    };
                    sleep(asked.unwrap_or(*wait)).await;
                }
            }
        }
    }

    fn word<'a>(
        &self,
        room: &RoomId,
        person: &UserId,
        to: &'a Endpoint,
        keys: &Recipient,
        urgent: bool,
    ) -> Option<Word<'a>> {
        let plain = PushWord {
            r: room.to_string(),
        };
        let plain = serde_json::to_vec(&plain).ok()?;
        Some(Word {
            authorization: self.0.vapid.authorization(to.origin(), now_ms()).ok()?,
            body: seal(keys, &plain).ok()?,
            topic: topic(&self.0.vapid.public(), room, person),
            urgent,
            to,
        })
    }
}

// Ends with the last handle.
async fn run(parts: Weak<Parts>, mut waiting: mpsc::Receiver<News>) {
    while let Some(news) = waiting.recv().await {
        sleep_until(news.at + AFTER).await;
        let Some(push) = parts.upgrade().map(Push) else {
            return;
        };
        let News {
            room, no, because, ..
        } = news;
        if let Err(error) = push.tell(&room, no, because).await {
            tracing::warn!(%error, "who is to be told of a message could not be read");
        }
    }
}

// Tells whoever could not be told when they were reminded: they were in a lesson, it was their quiet hours, the push service
// was away, or the server died over it. Ends with the last handle.
async fn remind(parts: Weak<Parts>) {
    let mut times = tokio::time::interval(REMIND_EVERY);
    loop {
        times.tick().await;
        let Some(push) = parts.upgrade().map(Push) else {
            return;
        };
        if let Err(error) = push.tell_reminders().await {
            tracing::warn!(%error, "who is to be reminded could not be read");
        }
    }
}

// One for each room and person, by which a push service cannot tell who is in a room with whom.
fn topic(key: &str, room: &RoomId, person: &UserId) -> String {
    let mut hash = Sha256::new();
    for part in [key, room.as_str(), person.as_str()] {
        hash.update(part);
        hash.update([0]);
    }
    let mut topic = BASE64.encode(hash.finalize());
    topic.truncate(TOPIC_CHARS);
    topic
}
