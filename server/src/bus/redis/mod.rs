//! The bus over Redis 7. Three tasks, each with a connection of its own that it makes anew when it fails:
//! one publishes, one listens, one says twice a second that the node lives and compares the counters.
//!
//! The library's own reconnecting connections are not used: after some tries they wait for a command before they try
//! again, and they do not tell whether a subscription was taken up again. Here a listener that does not hear its own
//! node's beat connects anew, whatever the reason.

mod beat;
mod keys;
mod listen;
mod publish;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use protocol::{RoomId, UserId};
use redis::{AsyncConnectionConfig, Client, RedisError};
use tokio::sync::{mpsc, oneshot, watch};

use self::keys::Keys;
use super::partitions::Partitions;
use super::{Health, Hint, NodeId, wire};

/// Hints that may wait to be published. When there are more, rooms are told apart only by their positions.
const OUTBOX_MAX: usize = 8_192;
/// Longest hint that is published whole, in bytes; of longer events only the position travels.
const HINT_BYTES_MAX: usize = 32_768;
/// Time for Redis to accept a connection, and to answer.
const PATIENCE: Duration = Duration::from_millis(500);
/// Between tries to reach Redis.
const RETRY: Duration = Duration::from_millis(500);
/// Between beats.
const BEAT: Duration = Duration::from_millis(500);
/// A node that was not heard for so long may be cut off: the database is asked until it is heard again. Short, since
/// that costs little, and who signs out there must be gone here within 2 s.
const LATE: Duration = Duration::from_secs(1);
/// A subscription that did not carry this node's own beat for so long is made anew.
const DEAF: Duration = Duration::from_secs(3);

/// Where the bus is.
#[derive(Clone, Debug)]
pub struct RedisSettings {
    /// `redis://host:port/`.
    pub address: String,
    /// Begin of every key and channel.
    pub prefix: String,
}

/// Tells the other nodes. Never waits.
#[derive(Clone, Debug)]
pub(super) struct Sender {
    shared: Arc<Shared>,
    outbox: mpsc::Sender<Outgoing>,
}

#[derive(Debug)]
enum Outgoing {
    Durable {
        room: RoomId,
        seq: i64,
        text: String,
    },
    Passing(String),
    Presence {
        user: UserId,
        on: bool,
    },
    /// Everybody who is here.
    Everybody(Vec<UserId>),
    Leave(oneshot::Sender<()>),
}

#[derive(Debug)]
struct Shared {
    me: NodeId,
    client: Client,
    keys: Keys,
    hints: mpsc::Sender<Hint>,
    partitions: Mutex<Partitions>,
    /// Rooms whose last events could not be published, with the last position.
    unsent: Mutex<BTreeMap<RoomId, i64>>,
    /// When each node was heard last.
    heard: Mutex<BTreeMap<NodeId, Instant>>,
    /// Hints were left out, here or on the way.
    overflowed: AtomicBool,
}

/// Starts the tasks; they end when the switchboard no longer takes hints.
pub(super) fn start(
    settings: RedisSettings,
    hints: mpsc::Sender<Hint>,
) -> Result<(Sender, watch::Receiver<Health>), RedisError> {
    let (outbox, outgoing) = mpsc::channel(OUTBOX_MAX);
    // Until Redis was reached, rooms are looked up in the database.
    let (health, watching) = watch::channel(Health::Degraded);
    let shared = Arc::new(Shared {
        me: NodeId::fresh(),
        client: Client::open(settings.address)?,
        keys: Keys(settings.prefix),
        hints,
        partitions: Mutex::default(),
        unsent: Mutex::default(),
        heard: Mutex::default(),
        overflowed: AtomicBool::new(false),
    });
    tracing::info!(node = %shared.me.0, "joining the bus");
    tokio::spawn(publish::run(Arc::clone(&shared), outgoing));
    tokio::spawn(listen::run(Arc::clone(&shared)));
    tokio::spawn(beat::run(Arc::clone(&shared), health));
    Ok((Sender { shared, outbox }, watching))
}

impl Sender {
    pub(super) fn event(&self, room: &RoomId, seq: i64, text: &str) {
        let text = if text.len() > HINT_BYTES_MAX {
            String::new()
        } else {
            text.to_owned()
        };
        let room = room.clone();
        let event = Outgoing::Durable { room, seq, text };
        if let Err(
            mpsc::error::TrySendError::Full(event) | mpsc::error::TrySendError::Closed(event),
        ) = self.outbox.try_send(event)
        {
            self.shared.remember_unsent(&event);
        }
    }

    pub(super) fn passing(&self, room: &RoomId, text: &str) {
        self.hint(&Hint::Passing {
            room: room.clone(),
            text: text.to_owned(),
        });
    }

    pub(super) fn user(&self, user: &UserId, text: &str) {
        self.hint(&Hint::User {
            user: user.clone(),
            text: text.to_owned(),
        });
    }

    pub(super) fn room_changed(&self, room: &RoomId, people: &[UserId]) {
        self.hint(&Hint::RoomChanged {
            room: room.clone(),
            people: people.to_vec(),
        });
    }

    pub(super) fn picture_changed(&self, user: &UserId) {
        let user = user.clone();
        self.hint(&Hint::PictureChanged { user });
    }

    pub(super) fn session_ended(&self, session: &str) {
        self.hint(&Hint::SessionEnded {
            session: session.to_owned(),
        });
    }

    pub(super) fn presence(&self, user: &UserId, on: bool) {
        let user = user.clone();
        // When it is lost, the regular list of everybody corrects it.
        let _ = self.outbox.try_send(Outgoing::Presence { user, on });
    }

    pub(super) fn everybody(&self, users: Vec<UserId>) {
        let _ = self.outbox.try_send(Outgoing::Everybody(users));
    }

    pub(super) async fn leave(&self) {
        let (done, left) = oneshot::channel();
        if self.outbox.send(Outgoing::Leave(done)).await.is_ok() {
            // Without Redis nobody can be told.
            let _ = tokio::time::timeout(PATIENCE, left).await;
        }
    }

    fn hint(&self, hint: &Hint) {
        let message = wire::encode(&self.shared.me, hint);
        let _ = self.outbox.try_send(Outgoing::Passing(message));
    }
}

impl Shared {
    // Passes a hint on without waiting; the listener must not stand still.
    fn tell(&self, hint: Hint) {
        if self.hints.try_send(hint).is_err() {
            self.overflowed.store(true, Ordering::Relaxed);
        }
    }

    fn remember_unsent(&self, outgoing: &Outgoing) {
        if let Outgoing::Durable { room, seq, .. } = outgoing {
            let mut unsent = lock(&self.unsent);
            let last = unsent.entry(room.clone()).or_insert(*seq);
            *last = (*last).max(*seq);
        }
    }

    async fn connect(&self) -> Result<redis::aio::MultiplexedConnection, RedisError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE));
        self.client
            .get_multiplexed_async_connection_with_config(&config)
            .await
    }
}

// The guarded code cannot panic, so a poisoned lock still holds a sound value.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
