//! Between nodes: whatever happens on one is told to the others. The database is the truth; the bus only carries
//! hints, and each hint that is lost is found again by position. A server alone has nobody to tell.

mod partitions;
mod redis;
mod wire;

use protocol::{RoomId, UserId};
use tokio::sync::{mpsc, watch};

pub use self::redis::RedisSettings;
pub use wire::NodeId;

use crate::ws::Published;

/// Hints from other nodes that may wait for the switchboard. When there are more they are left out, and rooms are
/// read from the database instead.
const HINTS_MAX: usize = 8_192;

/// What another node, or the bus itself, says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hint {
    /// A durable event was committed. `text` is the event, encoded.
    Event {
        /// Room.
        room: RoomId,
        /// Position.
        seq: i64,
        /// Encoded event; empty when it was too long for the bus.
        text: String,
    },
    /// Something passing happened in a room.
    Passing {
        /// Room.
        room: RoomId,
        /// Encoded event.
        text: String,
    },
    /// For every connection of a person.
    User {
        /// Person.
        user: UserId,
        /// Encoded event.
        text: String,
    },
    /// A room was made, or its name, members or rights changed.
    RoomChanged {
        /// Room.
        room: RoomId,
        /// Members before or after.
        people: Vec<UserId>,
    },
    /// A person has another picture, or none any more.
    PictureChanged {
        /// Who.
        user: UserId,
    },
    /// A session was ended: its connections end too.
    SessionEnded {
        /// Hash of the session's token.
        session: String,
    },
    /// A person came to another node, or left it.
    Presence {
        /// Which node.
        node: NodeId,
        /// Who.
        user: UserId,
        /// Came, or left.
        on: bool,
    },
    /// Everybody who is on another node.
    PresenceAll {
        /// Which node.
        node: NodeId,
        /// Who.
        users: Vec<UserId>,
    },
    /// Another node is not heard of any more.
    NodeLost {
        /// Which node.
        node: NodeId,
    },
    /// Hints may have been lost: compare every room with the database.
    Resync,
    /// Time to tell the bus anew who is here, in case it forgot.
    Reintroduce,
}

/// How well hints travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// There are no other nodes.
    Alone,
    /// Hints arrive.
    Connected,
    /// Hints may be missing: the bus is away, or another node is not heard on it. Rooms and sessions are looked up
    /// in the database meanwhile.
    Degraded,
}

/// The way to the other nodes. Cheap to clone. Telling never waits and never fails.
#[derive(Clone, Debug)]
pub struct Bus {
    redis: Option<redis::Sender>,
    health: watch::Receiver<Health>,
}

/// What arrives from the other nodes.
pub type Hints = mpsc::Receiver<Hint>;

/// Why the bus could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// The address is not one of Redis.
    #[error("redis: {0}")]
    Address(#[from] ::redis::RedisError),
}

impl Bus {
    /// The bus of a server that has the database to itself.
    #[must_use]
    pub fn alone() -> (Self, Hints) {
        let (_, hints) = mpsc::channel(1);
        let (_, health) = watch::channel(Health::Alone);
        let redis = None;
        (Self { redis, health }, hints)
    }

    /// Joins the nodes that share a Redis. Redis need not be there yet: until it is, the node reads the database.
    ///
    /// # Errors
    /// When the address cannot be one of Redis.
    pub fn join(settings: RedisSettings) -> Result<(Self, Hints), BusError> {
        let (hints, received) = mpsc::channel(HINTS_MAX);
        let (sender, health) = redis::start(settings, hints)?;
        let redis = Some(sender);
        Ok((Self { redis, health }, received))
    }

    /// How well hints travel now, and when that changes.
    #[must_use]
    pub fn health(&self) -> watch::Receiver<Health> {
        self.health.clone()
    }

    /// Tells of an event that was committed here.
    pub fn event(&self, event: &Published) {
        if let (Some(redis), Some(of)) = (&self.redis, &event.event) {
            redis.event(of.room(), of.seq(), &event.text);
        }
    }

    /// Tells a room something that may be lost.
    pub fn passing(&self, room: &RoomId, text: &str) {
        if let Some(redis) = &self.redis {
            redis.passing(room, text);
        }
    }

    /// Tells all connections of a person.
    pub fn user(&self, user: &UserId, text: &str) {
        if let Some(redis) = &self.redis {
            redis.user(user, text);
        }
    }

    /// Tells that a room was made or changed.
    pub fn room_changed(&self, room: &RoomId, people: &[UserId]) {
        if let Some(redis) = &self.redis {
            redis.room_changed(room, people);
        }
    }

    /// Tells that a person has another picture, or none any more.
    pub fn picture_changed(&self, user: &UserId) {
        if let Some(redis) = &self.redis {
            redis.picture_changed(user);
        }
    }

    /// Tells that a session was ended.
    pub fn session_ended(&self, session: &str) {
        if let Some(redis) = &self.redis {
            redis.session_ended(session);
        }
    }

    /// Tells that a person came to this node or left it.
    pub fn presence(&self, user: &UserId, on: bool) {
        if let Some(redis) = &self.redis {
            redis.presence(user, on);
        }
    }

    /// Tells everybody who is on this node, in answer to [`Hint::Reintroduce`].
    pub fn everybody(&self, users: Vec<UserId>) {
        if let Some(redis) = &self.redis {
            redis.everybody(users);
        }
    }

    /// Says goodbye: the others need not wait for this node's people to come back to it.
    pub async fn leave(&self) {
        if let Some(redis) = &self.redis {
            redis.leave().await;
        }
    }
}
