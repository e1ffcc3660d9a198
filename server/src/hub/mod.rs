//! Who gets which event. Pure: it is told what happened and says what to do; it knows no sockets, no SQL and no
//! clock. The shell (`ws`) owns one [`Hub`] per shard of rooms.
//!
//! Invariant: a connection receives a room's durable events in order of their position, each once, from the
//! position where its catch-up ended. What it cannot be given in order it is not given at all: the shell reads
//! the missing range from the database.

pub mod presence;
mod room;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::time::{Duration, Instant};

use protocol::limits::BUMP_MILLIS;
use room::Room;

/// How long an event waits for the ones before it (another task committed them first but published them later)
/// before the gap is read from the database.
pub const REORDER_WINDOW: Duration = Duration::from_millis(100);
/// Events kept for connections whose catch-up is under way, and events held because of a gap, per room.
pub const ROOM_EVENTS_MAX: usize = 1_024;

/// Before a gap that was read from the database, and is still there, is read again.
pub const FETCH_RETRY: Duration = Duration::from_secs(1);
/// Between two bumps of a room.
pub const BUMP_WINDOW: Duration = Duration::from_millis(BUMP_MILLIS);

/// An event, ready to be sent; cheap to clone.
pub trait Frame: Clone {
    /// What a connection that shows only a summary of the room is told of its events: bounded, however many they are.
    type News: Default + Debug;

    /// Adds this event, the room's `seq`-th. It may come after later ones and more than once.
    fn note(&self, seq: i64, news: &mut Self::News);
}

/// A connection, numbered by the shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub u64);

/// What happened. `R` names a room, `F` is a [`Frame`].
#[derive(Clone, Debug)]
pub enum Input<R, F> {
    /// A connection wants these rooms. Their events are kept for it until [`Input::Live`].
    Attach {
        /// Connection.
        conn: ConnId,
        /// Rooms.
        rooms: Vec<R>,
    },
    /// The connection shows only a summary of this room, as it stood at `upto` (read from the database after
    /// `Attach`, unless the connection was live).
    Watch {
        /// Connection.
        conn: ConnId,
        /// Room.
        room: R,
        /// Position.
        upto: i64,
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
    /// The connection has no part in this room any more. From here on nothing of it is delivered there.
    Leave {
        /// Connection.
        conn: ConnId,
        /// Room.
        room: R,
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
    /// The database says that the room has come this far. What was not published yet is read.
    Known {
        /// Room.
        room: R,
        /// Position.
        seq: i64,
    },
    /// Something passing happened, which only those care for who look at the room; it may be lost.
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
pub enum Output<R, F: Frame> {
    /// Queue a durable frame.
    Durable {
        /// For these connections.
        to: Vec<ConnId>,
        /// Encoded.
        frame: F,
    },
    /// Tell connections that show a summary of the room what is new in it.
    Bump {
        /// For these connections.
        to: Vec<ConnId>,
        /// The room.
        room: R,
        /// Its last position.
        seq: i64,
        /// What is new since the last bump, up to that position.
        news: F::News,
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
pub struct Hub<R, F: Frame> {
    rooms: BTreeMap<R, Room<F>>,
    rooms_of: BTreeMap<ConnId, BTreeSet<R>>,
    /// Rooms by the time at which they want to be looked at.
    deadlines: BTreeSet<(Instant, R)>,
    outputs: Vec<Output<R, F>>,
}

impl<R, F: Frame> Default for Hub<R, F> {
    fn default() -> Self {
        Self {
            rooms: BTreeMap::new(),
            rooms_of: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            outputs: Vec::new(),
        }
    }
}

impl<R: Ord + Clone, F: Frame> Hub<R, F> {
    /// Takes an input.
    pub fn handle(&mut self, now: Instant, input: Input<R, F>) {
        match input {
            Input::Attach { conn, rooms } => self.attach(conn, rooms),
            Input::Watch { conn, room, upto } => self.at(now, &room, |room| {
                let (deliveries, fetch) = room.watch(now, conn, upto);
                Changes {
                    deliveries,
                    fetch,
                    catch_up: None,
                }
            }),
            Input::Live { conn, room, upto } => self.live(now, conn, &room, upto),
            Input::Leave { conn, room } => {
                if let Some(rooms) = self.rooms_of.get_mut(&conn) {
                    rooms.remove(&room);
                }
                self.take_out(conn, &room);
            }
            Input::Detach { conn } => self.detach(conn),
            Input::Event { room, seq, frame } => self.at(now, &room, |room| {
                let deliveries = room.event(now, seq, frame);
                room.shed();
                deliveries.into()
            }),
            Input::Known { room, seq } => self.at(now, &room, |room| Changes {
                fetch: room.known(now, seq),
                ..Changes::default()
            }),
            Input::Passing {
                room,
                frame,
                except,
            } => self.passing(&room, frame, except),
        }
    }

    /// Lets deadlines pass.
    pub fn timeout(&mut self, now: Instant) {
        while let Some((_, name)) = self.deadlines.first().filter(|(at, _)| *at <= now).cloned() {
            // Whatever is due is done here, so the room's next deadline lies in the future.
            self.at(now, &name, |room| Changes {
                fetch: room.gap_overdue(now),
                ..Changes::default()
            });
        }
    }

    /// When to call [`Self::timeout`] next.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Instant> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    /// What is to be done, in order.
    pub fn poll(&mut self) -> Vec<Output<R, F>> {
        std::mem::take(&mut self.outputs)
    }

    /// Rooms in which somebody is.
    pub fn rooms(&self) -> impl Iterator<Item = &R> {
        self.rooms.keys()
    }

    fn attach(&mut self, conn: ConnId, rooms: Vec<R>) {
        for room in rooms {
            self.rooms.entry(room.clone()).or_default().attach(conn);
            self.rooms_of.entry(conn).or_default().insert(room);
        }
    }

    fn detach(&mut self, conn: ConnId) {
        for name in self.rooms_of.remove(&conn).unwrap_or_default() {
            self.take_out(conn, &name);
        }
    }

    fn take_out(&mut self, conn: ConnId, name: &R) {
        let Some(room) = self.rooms.get_mut(name) else {
            return;
        };
        room.detach(conn);
        if room.is_empty() {
            if let Some(at) = room.deadline() {
                self.deadlines.remove(&(at, name.clone()));
            }
            self.rooms.remove(name);
        }
    }

    fn live(&mut self, now: Instant, conn: ConnId, name: &R, upto: i64) {
        self.at(now, name, |room| match room.live(now, conn, upto) {
            Ok(deliveries) => deliveries.into(),
            Err(()) => Changes {
                catch_up: Some((conn, upto)),
                ..Changes::default()
            },
        });
    }

    // Changes a room, and keeps its deadline in the index.
    fn at(&mut self, now: Instant, name: &R, change: impl FnOnce(&mut Room<F>) -> Changes<F>) {
        let Some(room) = self.rooms.get_mut(name) else {
            return;
        };
        let before = room.deadline();
        let changes = change(room);
        let bump = room.bump_due(now);
        let after = room.deadline();
        if before != after {
            if let Some(at) = before {
                self.deadlines.remove(&(at, name.clone()));
            }
            if let Some(at) = after {
                self.deadlines.insert((at, name.clone()));
            }
        }
        self.deliver(changes.deliveries);
        if let Some((to, seq, news)) = bump {
            let room = name.clone();
            self.outputs.push(Output::Bump {
                to,
                room,
                seq,
                news,
            });
        }
        if let Some((after, upto)) = changes.fetch {
            let room = name.clone();
            self.outputs.push(Output::Fetch { room, after, upto });
        }
        if let Some((conn, after)) = changes.catch_up {
            let room = name.clone();
            self.outputs.push(Output::CatchUp { conn, room, after });
        }
    }

    fn passing(&mut self, name: &R, frame: F, except: Option<ConnId>) {
        let Some(room) = self.rooms.get(name) else {
            return;
        };
        let to: Vec<ConnId> = room
            .listeners()
            .filter(|conn| Some(*conn) != except)
            .collect();
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

/// What a change of a room brings about.
struct Changes<F> {
    deliveries: Vec<(Vec<ConnId>, F)>,
    fetch: Option<(i64, i64)>,
    catch_up: Option<(ConnId, i64)>,
}

impl<F> Default for Changes<F> {
    fn default() -> Self {
        Self {
            deliveries: Vec::new(),
            fetch: None,
            catch_up: None,
        }
    }
}

impl<F> From<Vec<(Vec<ConnId>, F)>> for Changes<F> {
    fn from(deliveries: Vec<(Vec<ConnId>, F)>) -> Self {
        Self {
            deliveries,
            fetch: None,
            catch_up: None,
        }
    }
}
