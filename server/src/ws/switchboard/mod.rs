//! The hub's shell: the registry of connections, one task per shard of rooms, presence, and what other nodes say.

mod hints;
mod lessons;
mod pictures;
mod presence;
mod receipts;
mod rooms;
mod shards;

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use dashmap::DashMap;
use protocol::event::Bye;
use protocol::limits::{CONNECTIONS_PER_USER, SENDS_BURST, SENDS_PER_SECOND};
use protocol::model::Person;
use protocol::{CallId, CloseCode, LiveEvent, RoomEvent, RoomId, UserId};
use rand::seq::SliceRandom;
use rand::{RngExt, rng};
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::frames::{Published, encode};
use super::queue::{Class, DropCounts, Drops, Queue};
use super::rate::Bucket;
use super::stream::Inlet;
use crate::bus::{Bus, Health, Hints, NodeId};
use crate::hub::presence::Presence;
use crate::hub::{ConnId, Input};
use crate::push;
use crate::store::{Receipts, Store};

pub(super) use rooms::{Rooms, Stale};

/// Inputs that may wait for a shard before its senders wait.
const SHARD_INPUTS: usize = 4_096;
/// News that a slow listener may leave unread before it misses some.
const NEWS_MAX: usize = 1_024;
/// Groups in which connections are closed at a restart, so that they do not all come back at once.
const WAVES: u32 = 20;

/// An open connection, as the registry knows it.
#[derive(Debug)]
pub struct Connection {
    /// Whose.
    pub user: UserId,
    /// Hash of its session's token: ending the session ends the connection.
    pub session: String,
    /// What waits to be written.
    pub queue: Queue,
    /// What of the person's rooms changed since it was told of them.
    pub(super) stale: Stale,
    /// Whether the page can be seen.
    visible: AtomicBool,
}

impl Connection {
    /// The page came into view, or went out of it.
    pub(super) fn seen(&self, visible: bool) {
        self.visible.store(visible, Ordering::Release);
    }
}

/// What a person has open here.
#[derive(Debug)]
struct Theirs {
    conns: Vec<ConnId>,
    /// Over all of them.
    sends: Bucket,
}

impl Default for Theirs {
    fn default() -> Self {
        Self {
            conns: Vec::new(),
            sends: Bucket::new(Instant::now(), SENDS_PER_SECOND, SENDS_BURST),
        }
    }
}

enum ShardInput {
    Hub(Input<RoomId, Published>),
    /// Somebody leaves a room, and wants to know when that is done.
    Leave(Input<RoomId, Published>, oneshot::Sender<()>),
    /// Which rooms have connections?
    Rooms(oneshot::Sender<Vec<RoomId>>),
}

/// How the switchboard works.
#[derive(Clone, Copy, Debug)]
pub struct SwitchboardSettings {
    /// Tasks among which rooms are divided.
    pub shards: usize,
    /// New connections that are let in, after twice as many at once.
    pub connections_per_second: u32,
}

/// What other parts of this server want to know of, on whichever node it happened.
#[derive(Clone, Debug)]
pub enum News {
    /// A session was ended; by the hash of its token.
    SessionEnded(String),
    /// A lesson was ended.
    CallEnded(CallId),
    /// Somebody may not be a member of this room any more.
    Left(RoomId),
}

/// Passes events from whoever makes them to the connections. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Switchboard(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    bus: Bus,
    shards: Vec<mpsc::Sender<ShardInput>>,
    connections: DashMap<ConnId, Arc<Connection>>,
    by_user: DashMap<UserId, Theirs>,
    presence: Mutex<Presence<UserId, NodeId>>,
    /// Who is in a lesson, on whichever node, as connections are told.
    lessons: Mutex<BTreeSet<UserId>>,
    streams: DashMap<String, Inlet>,
    /// What has arrived and is not stored yet.
    receipts: Mutex<Receipts>,
    receipts_noted: mpsc::Sender<()>,
    /// Who has another picture, and it is not told yet.
    pictures: Mutex<BTreeSet<UserId>>,
    pictures_noted: mpsc::Sender<()>,
    arrivals: Mutex<Bucket>,
    drops: Arc<Drops>,
    news: broadcast::Sender<News>,
    /// Who tells of messages those who are away, if anybody does.
    messages: OnceLock<mpsc::Sender<push::News>>,
    draining: AtomicBool,
    next: AtomicU64,
}

impl Switchboard {
    /// Starts the tasks; they end when the last handle is dropped.
    #[must_use]
    pub fn start(store: Store, settings: SwitchboardSettings, (bus, hints): (Bus, Hints)) -> Self {
        let rate = settings.connections_per_second.max(1);
        let (senders, receivers): (Vec<_>, Vec<_>) = (0..settings.shards.max(1))
            .map(|_| mpsc::channel(SHARD_INPUTS))
            .unzip();
        let (receipts_noted, receipts) = mpsc::channel(1);
        let (pictures_noted, pictures) = mpsc::channel(1);
        let switchboard = Self(Arc::new(Inner {
            store,
            bus,
            shards: senders,
            connections: DashMap::new(),
            by_user: DashMap::new(),
            presence: Mutex::default(),
            lessons: Mutex::default(),
            streams: DashMap::new(),
            receipts: Mutex::default(),
            receipts_noted,
            pictures: Mutex::default(),
            pictures_noted,
            arrivals: Mutex::new(Bucket::new(Instant::now(), rate, rate.saturating_mul(2))),
            drops: Arc::default(),
            news: broadcast::channel(NEWS_MAX).0,
            messages: OnceLock::new(),
            draining: AtomicBool::new(false),
            next: AtomicU64::new(1),
        }));
        let inner = &switchboard.0;
        for inputs in receivers {
            tokio::spawn(shards::run(Arc::downgrade(inner), inputs));
        }
        tokio::spawn(presence::run(Arc::downgrade(inner)));
        tokio::spawn(receipts::run(Arc::downgrade(inner), receipts));
        tokio::spawn(pictures::run(Arc::downgrade(inner), pictures));
        tokio::spawn(hints::run(Arc::downgrade(inner), hints));
        tokio::spawn(hints::end_with_sessions(Arc::downgrade(inner)));
        tokio::spawn(hints::keep_in_step(
            Arc::downgrade(inner),
            inner.bus.health(),
        ));
        switchboard
    }

    /// What happens from now on.
    #[must_use]
    pub fn news(&self) -> broadcast::Receiver<News> {
        self.0.news.subscribe()
    }

    /// Whether there are other nodes.
    #[must_use]
    pub fn is_alone(&self) -> bool {
        *self.0.bus.health().borrow() == Health::Alone
    }

    /// Whether there is room for one more connection just now.
    ///
    /// # Errors
    /// The milliseconds after which to come again.
    pub fn admit(&self) -> Result<(), u32> {
        let mut arrivals = self
            .0
            .arrivals
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        arrivals.take(Instant::now())
    }

    /// Registers a connection. The person's oldest is closed when there are too many.
    pub fn open(&self, user: &UserId, session: String) -> (ConnId, Arc<Connection>) {
        let id = ConnId(self.0.next.fetch_add(1, Ordering::Relaxed));
        let connection = Arc::new(Connection {
            user: user.clone(),
            session,
            queue: Queue::counting(Arc::clone(&self.0.drops)),
            stale: Stale::default(),
            visible: AtomicBool::new(false),
        });
        self.0.connections.insert(id, Arc::clone(&connection));
        let mut theirs = self.0.by_user.entry(user.clone()).or_default();
        theirs.conns.push(id);
        let oldest = (theirs.conns.len() > CONNECTIONS_PER_USER).then(|| theirs.conns.remove(0));
        drop(theirs);
        if let Some(oldest) = oldest.and_then(|id| self.0.connection(id)) {
            oldest.queue.close(CloseCode::TooManyConnections);
        }
        (id, connection)
    }

    /// The person is there, on this connection: those whom they know are told when that is news.
    pub fn came(&self, conn: ConnId, user: &UserId, knows: &[Person]) {
        let change = self.0.presence().connected(user);
        if change.here {
            self.0.bus.presence(user, true);
        }
        if change.anywhere {
            let knows = knows.iter().map(|person| &person.id);
            self.0.tell_presence(user, Some(conn), knows);
        }
    }

    /// Forgets a connection.
    pub async fn close(&self, id: ConnId, said_hello: bool) {
        let Some((_, connection)) = self.0.connections.remove(&id) else {
            return;
        };
        if let Some(mut theirs) = self.0.by_user.get_mut(&connection.user) {
            theirs.conns.retain(|conn| *conn != id);
        }
        self.0
            .by_user
            .remove_if(&connection.user, |_, theirs| theirs.conns.is_empty());
        if said_hello {
            self.0
                .presence()
                .disconnected(Instant::now(), &connection.user);
        }
        for shard in &self.0.shards {
            // Fails only when the server is going down.
            let _ = shard
                .send(ShardInput::Hub(Input::Detach { conn: id }))
                .await;
        }
    }

    /// Which of these people are online.
    #[must_use]
    pub fn online<'a>(&self, people: impl Iterator<Item = &'a UserId>) -> Vec<UserId> {
        let presence = self.0.presence();
        people
            .filter(|person| presence.is_online(person))
            .cloned()
            .collect()
    }

    /// Begins to keep these rooms' events for a connection; see [`Input::Attach`].
    pub async fn attach(&self, conn: ConnId, rooms: &[RoomId]) {
        for (index, shard) in self.0.shards.iter().enumerate() {
            let rooms: Vec<RoomId> = rooms
                .iter()
                .filter(|room| self.0.shard_of(room) == index)
                .cloned()
                .collect();
            if !rooms.is_empty() {
                let _ = shard
                    .send(ShardInput::Hub(Input::Attach { conn, rooms }))
                    .await;
            }
        }
    }

    /// Ends a catch-up; see [`Input::Live`].
    pub async fn live(&self, conn: ConnId, room: RoomId, upto: i64) {
        let input = Input::Live { conn, room, upto };
        self.0.send(input).await;
    }

    /// From here on only a summary; see [`Input::Watch`].
    pub async fn watch(&self, conn: ConnId, room: RoomId, upto: i64) {
        let input = Input::Watch { conn, room, upto };
        self.0.send(input).await;
    }

    /// Whether this person may send another message now.
    ///
    /// # Errors
    /// The milliseconds to wait.
    pub fn may_send(&self, user: &UserId) -> Result<(), u32> {
        match self.0.by_user.get_mut(user) {
            Some(mut theirs) => theirs.sends.take(Instant::now()),
            // The connection that sends is being closed.
            None => Ok(()),
        }
    }

    /// From now on messages that are published here, and reminders of them, are told of there, unless too many wait.
    pub fn tell_of_messages(&self, to: mpsc::Sender<push::News>) {
        // Asked for once.
        let _ = self.0.messages.set(to);
    }

    /// Whether this person has a page of this node's before them.
    #[must_use]
    pub fn is_watched_by(&self, user: &UserId) -> bool {
        let connections = self.0.connections_of(user, None);
        connections
            .iter()
            .any(|connection| connection.visible.load(Ordering::Acquire))
    }

    /// Publishes an event that was committed, here and on the other nodes.
    pub async fn publish(&self, event: RoomEvent) {
        if let (Some(news), Some(messages)) = (push_news(&event), self.0.messages.get())
            && messages.try_send(news).is_err()
        {
            tracing::warn!("too many messages wait for push: of one nobody is told");
        }
        let event = Published::durable(event);
        self.0.bus.event(&event);
        self.0.deliver(event).await;
    }

    /// Tells a room something that may be lost.
    pub async fn tell_room(&self, room: &RoomId, event: &LiveEvent, except: Option<ConnId>) {
        let text = encode(event);
        self.0.bus.passing(room, &text);
        self.0.passing(room, Published::passing(text), except).await;
    }

    /// Queues a frame for one connection of this node.
    pub fn tell(&self, conn: ConnId, class: Class, frame: Utf8Bytes) {
        if let Some(connection) = self.0.connection(conn) {
            connection.queue.push(class, frame);
        }
    }

    /// Queues a frame for a person's other connections, on all nodes.
    pub fn tell_user(&self, user: &UserId, except: Option<ConnId>, event: &LiveEvent) {
        let text = encode(event);
        self.0.bus.user(user, &text);
        self.0.tell_user(user, except, &text);
    }

    /// Closes every connection of a session, on all nodes, and has its browsers leave their lessons.
    pub fn end_session(&self, session: &str) {
        self.0.bus.session_ended(session);
        self.0.end_session(session);
    }

    /// Closes every connection in waves, for a restart, over this time. Each is told how long to wait before it
    /// comes back.
    pub async fn drain(&self, over: Duration) {
        self.0.draining.store(true, Ordering::Release);
        self.0.bus.leave().await;
        let mut open: Vec<Arc<Connection>> = self
            .0
            .connections
            .iter()
            .map(|entry| Arc::clone(&entry))
            .collect();
        open.shuffle(&mut rng());
        let wave = open.len().div_ceil(WAVES as usize).max(1);
        for some in open.chunks(wave) {
            for connection in some {
                // Milliseconds of seconds: far below 2^32.
                let most = u32::try_from(over.as_millis()).unwrap_or(u32::MAX);
                let bye = Bye {
                    c: CloseCode::Restart.code(),
                    after: rng().random_range(0..=most),
                };
                let bye = encode(&LiveEvent::Bye { d: bye });
                connection.queue.push(Class::Kept, bye);
                connection.queue.close(CloseCode::Restart);
            }
            tokio::time::sleep(over / WAVES).await;
        }
        // Those that came meanwhile.
        for entry in &self.0.connections {
            entry.queue.close(CloseCode::Restart);
        }
    }

    /// Whether people are being sent away, for a restart.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.0.draining.load(Ordering::Acquire)
    }

    /// Connections over plain HTTP, by their secret names.
    pub(super) fn streams(&self) -> &DashMap<String, Inlet> {
        &self.0.streams
    }

    /// What was not sent to connections that read too slowly, since the start.
    #[must_use]
    pub fn drops(&self) -> DropCounts {
        self.0.drops.counts()
    }

    /// Open connections.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.connections.len()
    }
}

/// Of what people are to be told whose page is closed.
fn push_news(event: &RoomEvent) -> Option<push::News> {
    let (room, no, because) = match event {
        RoomEvent::Msg { r, d, .. } => (r, d.no, push::Because::New),
        RoomEvent::MsgReminded { r, d, .. } => (r, d.no, push::Because::Reminded),
        RoomEvent::MsgChanged { .. }
        | RoomEvent::MsgReacted { .. }
        | RoomEvent::Poll { .. }
        | RoomEvent::MsgAcked { .. }
        | RoomEvent::MsgPinned { .. }
        | RoomEvent::MsgExpired { .. }
        | RoomEvent::CallStarted { .. }
        | RoomEvent::CallEnded { .. } => return None,
    };
    Some(push::News {
        room: room.clone(),
        no,
        because,
        at: tokio::time::Instant::now(),
    })
}

impl Inner {
    fn shard_of(&self, room: &RoomId) -> usize {
        let mut hasher = DefaultHasher::new();
        room.hash(&mut hasher);
        let shards = self.shards.len() as u64;
        usize::try_from(hasher.finish() % shards).unwrap_or_default()
    }

    async fn send(&self, input: Input<RoomId, Published>) {
        let shard = match &input {
            Input::Watch { room, .. }
            | Input::Live { room, .. }
            | Input::Event { room, .. }
            | Input::Known { room, .. }
            | Input::Passing { room, .. } => self.shard_of(room),
            // These concern several shards and are sent to each, or are answered.
            Input::Attach { .. } | Input::Leave { .. } | Input::Detach { .. } => return,
        };
        // Fails only when the server is going down.
        let _ = self.shards[shard].send(ShardInput::Hub(input)).await;
    }

    // To this node's connections.
    async fn deliver(&self, frame: Published) {
        let Some(event) = &frame.event else { return };
        if let RoomEvent::CallEnded { d, .. } = &**event {
            self.tell_others(News::CallEnded(d.id.clone()));
        }
        let (room, seq) = (event.room().clone(), event.seq());
        self.send(Input::Event { room, seq, frame }).await;
    }

    async fn passing(&self, room: &RoomId, frame: Published, except: Option<ConnId>) {
        let room = room.clone();
        self.send(Input::Passing {
            room,
            frame,
            except,
        })
        .await;
    }

    fn connection(&self, id: ConnId) -> Option<Arc<Connection>> {
        self.connections.get(&id).map(|entry| Arc::clone(&entry))
    }

    fn tell_user(&self, user: &UserId, except: Option<ConnId>, text: &Utf8Bytes) {
        for connection in self.connections_of(user, except) {
            connection.queue.push(Class::Kept, text.clone());
        }
    }

    fn connections_of(&self, user: &UserId, except: Option<ConnId>) -> Vec<Arc<Connection>> {
        let Some(theirs) = self.by_user.get(user) else {
            return Vec::new();
        };
        theirs
            .conns
            .iter()
            .filter(|conn| Some(**conn) != except)
            .filter_map(|conn| self.connection(*conn))
            .collect()
    }

    fn tell_others(&self, news: News) {
        // Fails only when nobody listens.
        let _ = self.news.send(news);
    }

    fn end_session(&self, session: &str) {
        self.tell_others(News::SessionEnded(session.to_owned()));
        for entry in &self.connections {
            if entry.session == session {
                entry.queue.close(CloseCode::LoggedOut);
            }
        }
    }

    // The guarded code cannot panic, so a poisoned lock still holds a sound value.
    fn presence(&self) -> std::sync::MutexGuard<'_, Presence<UserId, NodeId>> {
        self.presence.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
