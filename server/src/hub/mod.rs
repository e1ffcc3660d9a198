//! Who gets which event. Pure: it is told what happened and says what to do; it knows no sockets, no SQL and no
//! clock. The shell (`ws`) owns one [`Hub`] per shard of rooms.
//!
//! Invariant: a connection receives a room's durable events in order of their position, each once, from the
//! position where its catch-up ended. What it cannot be given in order it is not given at all: the shell reads
//! the missing range from the database.

pub mod presence;
mod room;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use room::Room;

/// How long an event waits for the ones before it (another task committed them first but published them later)
/// before the gap is read from the database.
pub const REORDER_WINDOW: Duration = Duration::from_millis(100);
/// Events kept for connections whose catch-up is under way, and events held because of a gap, per room.
pub const ROOM_EVENTS_MAX: usize = 1_024;

/// A connection, numbered by the shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub u64);

/// What happened. `R` names a room, `F` is an encoded frame, cheap to clone.
#[derive(Clone, Debug)]
pub enum Input<R, F> {
    /// A connection wants these rooms. Their events are kept for it until [`Input::Live`].
    Attach {
        /// Connection.
        conn: ConnId,
        /// Rooms.
        rooms: Vec<R>,
    },
    /// The connection now holds everything up to `upto` (it was read from the database after `Attach`).
    Live {
        /// Connection.
        conn: ConnId,
        /// Room.
        room: R,
        /// Position.
        upto: i64,
    },
    /// The connection is gone.
    Detach {
        /// Connection.
        conn: ConnId,
    },
    /// A durable event was committed.
    Event {
        /// Room.
        room: R,
        /// Position, 1 upwards.
        seq: i64,
        /// Encoded.
        frame: F,
    },
    /// Something passing happened; it may be lost.
    Passing {
        /// Room.
        room: R,
        /// Encoded.
        frame: F,
        /// A connection that need not hear of it.
        except: Option<ConnId>,
    },
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output<R, F> {
    /// Queue a durable frame.
    Durable {
        /// For these connections.
        to: Vec<ConnId>,
        /// Encoded.
        frame: F,
    },
    /// Queue a frame that may be left out.
    Passing {
        /// For these connections.
        to: Vec<ConnId>,
        /// Encoded.
        frame: F,
    },
    /// Read events `after < seq <= upto` and hand each in as [`Input::Event`].
    Fetch {
        /// Room.
        room: R,
        /// Last position that was passed on.
        after: i64,
        /// Last position that is known of.
        upto: i64,
    },
    /// Events passed by while the connection read the database: read on after this position, queue what is found
    /// and say [`Input::Live`] again.
    CatchUp {
        /// Connection.
        conn: ConnId,
        /// Room.
        room: R,
        /// Position.
        after: i64,
    },
}

/// One shard of rooms.
#[derive(Debug)]
pub struct Hub<R, F> {
    rooms: BTreeMap<R, Room<F>>,
    rooms_of: BTreeMap<ConnId, BTreeSet<R>>,
    outputs: Vec<Output<R, F>>,
}

impl<R, F> Default for Hub<R, F> {
    fn default() -> Self {
        Self {
            rooms: BTreeMap::new(),
            rooms_of: BTreeMap::new(),
            outputs: Vec::new(),
        }
    }
}

impl<R: Ord + Clone, F: Clone> Hub<R, F> {
    /// Takes an input.
    pub fn handle(&mut self, now: Instant, input: Input<R, F>) {
        match input {
            Input::Attach { conn, rooms } => self.attach(conn, rooms),
            Input::Live { conn, room, upto } => self.live(now, conn, &room, upto),
            Input::Detach { conn } => self.detach(conn),
            Input::Event { room, seq, frame } => self.event(now, &room, seq, frame),
            Input::Passing {
                room,
                frame,
                except,
            } => self.passing(&room, frame, except),
        }
    }

    /// Lets deadlines pass.
    pub fn timeout(&mut self, now: Instant) {
        for (name, room) in &mut self.rooms {
            if let Some((after, upto)) = room.gap_overdue(now) {
                self.outputs.push(Output::Fetch {
                    room: name.clone(),
                    after,
                    upto,
                });
            }
        }
    }

    /// When to call [`Self::timeout`] next.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Instant> {
        self.rooms.values().filter_map(Room::gap_deadline).min()
    }

    /// What is to be done, in order.
    pub fn poll(&mut self) -> Vec<Output<R, F>> {
        std::mem::take(&mut self.outputs)
    }

    fn attach(&mut self, conn: ConnId, rooms: Vec<R>) {
        for room in rooms {
            self.rooms.entry(room.clone()).or_default().attach(conn);
            self.rooms_of.entry(conn).or_default().insert(room);
        }
    }

    fn detach(&mut self, conn: ConnId) {
        for name in self.rooms_of.remove(&conn).unwrap_or_default() {
            if let Some(room) = self.rooms.get_mut(&name) {
                room.detach(conn);
                if room.is_empty() {
                    self.rooms.remove(&name);
                }
            }
        }
    }

    fn live(&mut self, now: Instant, conn: ConnId, name: &R, upto: i64) {
        let Some(room) = self.rooms.get_mut(name) else {
            return;
        };
        match room.live(now, conn, upto) {
            Ok(deliveries) => self.deliver(deliveries),
            Err(()) => self.outputs.push(Output::CatchUp {
                conn,
                room: name.clone(),
                after: upto,
            }),
        }
    }

    fn event(&mut self, now: Instant, name: &R, seq: i64, frame: F) {
        let Some(room) = self.rooms.get_mut(name) else {
            return;
        };
        let deliveries = room.event(now, seq, frame);
        room.shed();
        self.deliver(deliveries);
    }

    fn passing(&mut self, name: &R, frame: F, except: Option<ConnId>) {
        let Some(room) = self.rooms.get(name) else {
            return;
        };
        let to: Vec<ConnId> = room.conns().filter(|conn| Some(*conn) != except).collect();
        if !to.is_empty() {
            self.outputs.push(Output::Passing { to, frame });
        }
    }

    fn deliver(&mut self, deliveries: Vec<(Vec<ConnId>, F)>) {
        self.outputs.extend(
            deliveries
                .into_iter()
                .filter(|(to, _)| !to.is_empty())
                .map(|(to, frame)| Output::Durable { to, frame }),
        );
    }
}
