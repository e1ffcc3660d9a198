//! The hub's shell: one task per shard of rooms, the registry of connections, presence.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::ws::Utf8Bytes;
use dashmap::DashMap;
use protocol::event::Presence as PresenceChange;
use protocol::limits::{BACKLOG_EVENTS_MAX, CONNECTIONS_PER_USER};
use protocol::{CloseCode, LiveEvent, RoomEvent, RoomId, UserId};
use tokio::sync::mpsc;

use super::frames::encode;
use super::queue::{Class, Queue};
use crate::hub::presence::Presence;
use crate::hub::{ConnId, Hub, Input, Output};
use crate::store::Store;

/// Inputs that may wait for a shard before its senders wait.
const SHARD_INPUTS: usize = 4_096;
/// How often presence looks for people whose grace is over.
const PRESENCE_TICK: Duration = Duration::from_secs(1);

/// An open connection, as the registry knows it.
#[derive(Debug)]
pub struct Connection {
    /// Whose.
    pub user: UserId,
    /// Hash of its session's token: ending the session ends the connection.
    pub session: String,
    /// What waits to be written.
    pub queue: Queue,
}

type Frame = Utf8Bytes;
type ShardInput = Input<RoomId, Frame>;

/// Passes events from whoever makes them to the connections. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Switchboard(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    shards: Vec<mpsc::Sender<ShardInput>>,
    connections: DashMap<ConnId, Arc<Connection>>,
    by_user: DashMap<UserId, Vec<ConnId>>,
    presence: Mutex<Presence<UserId>>,
    next: AtomicU64,
}

impl Switchboard {
    /// Starts the shards' tasks; they end when the last handle is dropped.
    #[must_use]
    pub fn start(store: Store, shards: usize) -> Self {
        let (senders, receivers): (Vec<_>, Vec<_>) = (0..shards.max(1))
            .map(|_| mpsc::channel(SHARD_INPUTS))
            .unzip();
        let switchboard = Self(Arc::new(Inner {
            store,
            shards: senders,
            connections: DashMap::new(),
            by_user: DashMap::new(),
            presence: Mutex::default(),
            next: AtomicU64::new(1),
        }));
        for inputs in receivers {
            tokio::spawn(run_shard(Arc::downgrade(&switchboard.0), inputs));
        }
        tokio::spawn(run_presence(Arc::downgrade(&switchboard.0)));
        switchboard
    }

    /// Registers a connection. The person's oldest is closed when there are too many.
    pub fn open(&self, user: &UserId, session: String) -> (ConnId, Arc<Connection>) {
        let id = ConnId(self.0.next.fetch_add(1, Ordering::Relaxed));
        let connection = Arc::new(Connection {
            user: user.clone(),
            session,
            queue: Queue::default(),
        });
        self.0.connections.insert(id, Arc::clone(&connection));
        let mut theirs = self.0.by_user.entry(user.clone()).or_default();
        theirs.push(id);
        let oldest = (theirs.len() > CONNECTIONS_PER_USER).then(|| theirs.remove(0));
        drop(theirs);
        if let Some(oldest) = oldest.and_then(|id| self.connection(id)) {
            oldest.queue.close(CloseCode::TooManyConnections);
        }
        (id, connection)
    }

    /// The person is there, on this connection: others are told when that is news.
    pub async fn came(&self, conn: ConnId, user: &UserId, rooms: &[RoomId]) {
        if self.presence().connected(user) {
            self.0.tell_presence(user, Some(conn), rooms).await;
        }
    }

    /// Forgets a connection.
    pub async fn close(&self, id: ConnId, said_hello: bool) {
        let Some((_, connection)) = self.0.connections.remove(&id) else {
            return;
        };
        if let Some(mut theirs) = self.0.by_user.get_mut(&connection.user) {
            theirs.retain(|conn| *conn != id);
        }
        self.0
            .by_user
            .remove_if(&connection.user, |_, theirs| theirs.is_empty());
        if said_hello {
            self.presence()
                .disconnected(Instant::now(), &connection.user);
        }
        for shard in &self.0.shards {
            // Fails only when the server is going down.
            let _ = shard.send(Input::Detach { conn: id }).await;
        }
    }

    /// Which of these people are online.
    #[must_use]
    pub fn online<'a>(&self, people: impl Iterator<Item = &'a UserId>) -> Vec<UserId> {
        let presence = self.presence();
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
                let _ = shard.send(Input::Attach { conn, rooms }).await;
            }
        }
    }

    /// Ends a catch-up; see [`Input::Live`].
    pub async fn live(&self, conn: ConnId, room: RoomId, upto: i64) {
        self.0
            .send(
                Input::Live {
                    conn,
                    room: room.clone(),
                    upto,
                },
                &room,
            )
            .await;
    }

    /// Publishes an event that was committed.
    pub async fn publish(&self, event: &RoomEvent) {
        self.0.publish(event).await;
    }

    /// Tells a room something that may be lost.
    pub async fn tell_room(&self, room: &RoomId, event: &LiveEvent, except: Option<ConnId>) {
        let input = Input::Passing {
            room: room.clone(),
            frame: encode(event),
            except,
        };
        self.0.send(input, room).await;
    }

    /// Queues a frame for one connection.
    pub fn tell(&self, conn: ConnId, class: Class, frame: Utf8Bytes) {
        if let Some(connection) = self.connection(conn) {
            connection.queue.push(class, frame);
        }
    }

    /// Queues a frame for a person's other connections.
    pub fn tell_user(&self, user: &UserId, except: Option<ConnId>, event: &LiveEvent) {
        let frame = encode(event);
        let theirs = self
            .0
            .by_user
            .get(user)
            .map(|conns| conns.clone())
            .unwrap_or_default();
        for conn in theirs.into_iter().filter(|conn| Some(*conn) != except) {
            self.tell(conn, Class::Kept, frame.clone());
        }
    }

    /// Closes every connection of a session.
    pub fn end_session(&self, session: &str) {
        for entry in &self.0.connections {
            if entry.session == session {
                entry.queue.close(CloseCode::LoggedOut);
            }
        }
    }

    /// Closes every connection, for a restart.
    pub fn close_all(&self, bye: &LiveEvent) {
        let frame = encode(bye);
        for entry in &self.0.connections {
            entry.queue.push(Class::Kept, frame.clone());
            entry.queue.close(CloseCode::Restart);
        }
    }

    /// Open connections.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.connections.len()
    }

    fn connection(&self, id: ConnId) -> Option<Arc<Connection>> {
        self.0.connections.get(&id).map(|entry| Arc::clone(&entry))
    }

    fn presence(&self) -> std::sync::MutexGuard<'_, Presence<UserId>> {
        self.0
            .presence
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn shard_of(&self, room: &RoomId) -> usize {
        let mut hasher = DefaultHasher::new();
        room.hash(&mut hasher);
        let shards = self.shards.len() as u64;
        usize::try_from(hasher.finish() % shards).unwrap_or_default()
    }

    async fn send(&self, input: ShardInput, room: &RoomId) {
        // Fails only when the server is going down.
        let _ = self.shards[self.shard_of(room)].send(input).await;
    }

    async fn publish(&self, event: &RoomEvent) {
        let input = Input::Event {
            room: event.room().clone(),
            seq: event.seq(),
            frame: encode(event),
        };
        self.send(input, event.room()).await;
    }

    // `conn` is the connection that brings the person online; none takes them offline.
    async fn tell_presence(&self, user: &UserId, conn: Option<ConnId>, rooms: &[RoomId]) {
        let frame = encode(&LiveEvent::Presence {
            d: PresenceChange {
                u: user.clone(),
                on: conn.is_some(),
            },
        });
        for room in rooms {
            let input = Input::Passing {
                room: room.clone(),
                frame: frame.clone(),
                except: conn,
            };
            self.send(input, room).await;
        }
    }

    fn push(&self, to: &[ConnId], class: Class, frame: &Frame) {
        for conn in to {
            if let Some(connection) = self.connections.get(conn) {
                connection.queue.push(class, frame.clone());
            }
        }
    }

    // Reads a range that was not published in time and hands it in as if it had been.
    async fn fetch(&self, room: RoomId, after: i64, upto: i64) {
        let upto = upto.min(after.saturating_add(i64::from(BACKLOG_EVENTS_MAX)));
        match self.store.events_between(&room, after, upto).await {
            Ok(events) => {
                for event in events {
                    self.publish(&event).await;
                }
            }
            // The gap stays open and the hub asks again.
            Err(error) => tracing::warn!(%room, %error, "a gap could not be read"),
        }
    }

    async fn catch_up(&self, conn: ConnId, room: RoomId, after: i64) {
        match self
            .store
            .events_after(&room, after, BACKLOG_EVENTS_MAX)
            .await
        {
            Ok(events) => {
                let upto = events.last().map_or(after, RoomEvent::seq);
                for event in &events {
                    self.push(&[conn], Class::Kept, &encode(event));
                }
                self.send(
                    Input::Live {
                        conn,
                        room: room.clone(),
                        upto,
                    },
                    &room,
                )
                .await;
            }
            Err(error) => {
                tracing::warn!(%room, %error, "a catch-up could not be read");
                if let Some(connection) = self.connections.get(&conn) {
                    connection.queue.close(CloseCode::Overloaded);
                }
            }
        }
    }
}

async fn run_shard(inner: std::sync::Weak<Inner>, mut inputs: mpsc::Receiver<ShardInput>) {
    let mut hub: Hub<RoomId, Frame> = Hub::default();
    loop {
        let deadline = hub.next_timeout().map(tokio::time::Instant::from_std);
        let input = tokio::select! {
            input = inputs.recv() => match input {
                Some(input) => Some(input),
                None => return,
            },
            () = sleep_until(deadline) => None,
        };
        let now = Instant::now();
        match input {
            Some(input) => hub.handle(now, input),
            None => hub.timeout(now),
        }
        let Some(inner) = inner.upgrade() else { return };
        for output in hub.poll() {
            carry_out(&inner, output);
        }
    }
}

fn carry_out(inner: &Arc<Inner>, output: Output<RoomId, Frame>) {
    match output {
        Output::Durable { to, frame } => inner.push(&to, Class::Kept, &frame),
        Output::Passing { to, frame } => inner.push(&to, Class::Passing, &frame),
        // Reading the database must not hold up the shard.
        Output::Fetch { room, after, upto } => {
            let inner = Arc::clone(inner);
            tokio::spawn(async move { inner.fetch(room, after, upto).await });
        }
        Output::CatchUp { conn, room, after } => {
            let inner = Arc::clone(inner);
            tokio::spawn(async move { inner.catch_up(conn, room, after).await });
        }
    }
}

async fn run_presence(inner: std::sync::Weak<Inner>) {
    let mut ticks = tokio::time::interval(PRESENCE_TICK);
    loop {
        ticks.tick().await;
        let Some(inner) = inner.upgrade() else { return };
        let gone = inner
            .presence
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .timeout(Instant::now());
        for user in gone {
            match inner.store.rooms_of(&user).await {
                Ok(rooms) => {
                    let rooms: Vec<RoomId> = rooms.into_iter().map(|room| room.id).collect();
                    inner.tell_presence(&user, None, &rooms).await;
                }
                Err(error) => tracing::warn!(%user, %error, "rooms could not be read"),
            }
        }
    }
}

async fn sleep_until(deadline: Option<tokio::time::Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
