//! The hub against a naive model: whatever the order in which commits are published, catch-ups end and gaps are
//! read, every connection gets each event of its rooms once and in order.

#![expect(clippy::unwrap_used, reason = "what is not there fails the test")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use server::hub::{ConnId, Hub, Input, Output, REORDER_WINDOW};

#[derive(Clone, Copy, Debug)]
enum Op {
    /// A message is committed; its publication waits in a queue.
    Commit,
    /// One of the waiting publications happens (they may overtake each other), or is lost.
    Publish { which: usize, lost: bool },
    /// A connection opens and attaches.
    Attach,
    /// A connection in catch-up reads the database now.
    Read { which: usize },
    /// A connection that has read the database goes live.
    GoLive { which: usize },
    /// A connection ends.
    Detach { which: usize },
    /// Time passes, so that gaps are read.
    Wait,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        5 => Just(Op::Commit),
        5 => (0..8_usize, prop::bool::weighted(0.1)).prop_map(|(which, lost)| Op::Publish { which, lost }),
        2 => Just(Op::Attach),
        3 => (0..8_usize).prop_map(|which| Op::Read { which }),
        3 => (0..8_usize).prop_map(|which| Op::GoLive { which }),
        1 => (0..8_usize).prop_map(|which| Op::Detach { which }),
        2 => Just(Op::Wait),
    ];
    prop::collection::vec(op, 1..120)
}

/// What a connection holds: the position that it read from the database, and what the hub gave it.
#[derive(Debug, Default)]
struct Client {
    read: Option<i64>,
    live: bool,
    got: Vec<i64>,
}

struct World {
    hub: Hub<&'static str, i64>,
    now: Instant,
    committed: i64,
    waiting: Vec<i64>,
    clients: BTreeMap<ConnId, Client>,
    next: u64,
}

const ROOM: &str = "room";

impl World {
    fn new() -> Self {
        Self {
            hub: Hub::default(),
            now: Instant::now(),
            committed: 0,
            waiting: Vec::new(),
            clients: BTreeMap::new(),
            next: 0,
        }
    }

    fn pick(&self, which: usize, fits: impl Fn(&Client) -> bool) -> Option<ConnId> {
        let fitting: Vec<ConnId> = self
            .clients
            .iter()
            .filter(|(_, c)| fits(c))
            .map(|(id, _)| *id)
            .collect();
        fitting.get(which % fitting.len().max(1)).copied()
    }

    fn run(&mut self, op: Op) {
        match op {
            Op::Commit => {
                self.committed += 1;
                self.waiting.push(self.committed);
            }
            Op::Publish { which, lost } => {
                if !self.waiting.is_empty() {
                    let seq = self.waiting.remove(which % self.waiting.len());
                    if !lost {
                        self.tell(Input::Event {
                            room: ROOM,
                            seq,
                            frame: seq,
                        });
                    }
                }
            }
            Op::Attach => {
                let conn = ConnId(self.next);
                self.next += 1;
                self.clients.insert(conn, Client::default());
                self.tell(Input::Attach {
                    conn,
                    rooms: vec![ROOM],
                });
            }
            Op::Read { which } => {
                if let Some(conn) = self.pick(which, |c| c.read.is_none()) {
                    let committed = self.committed;
                    self.clients.get_mut(&conn).unwrap().read = Some(committed);
                }
            }
            Op::GoLive { which } => {
                if let Some(conn) = self.pick(which, |c| c.read.is_some() && !c.live) {
                    let client = self.clients.get_mut(&conn).unwrap();
                    client.live = true;
                    let upto = client.read.unwrap();
                    self.tell(Input::Live {
                        conn,
                        room: ROOM,
                        upto,
                    });
                }
            }
            Op::Detach { which } => {
                if let Some(conn) = self.pick(which, |_| true) {
                    self.clients.remove(&conn);
                    self.tell(Input::Detach { conn });
                }
            }
            Op::Wait => {
                self.now += REORDER_WINDOW + Duration::from_millis(1);
                self.hub.timeout(self.now);
                self.carry_out();
            }
        }
    }

    fn tell(&mut self, input: Input<&'static str, i64>) {
        self.hub.handle(self.now, input);
        self.carry_out();
    }

    fn carry_out(&mut self) {
        for output in self.hub.poll() {
            match output {
                Output::Durable { to, frame } => {
                    for conn in to {
                        self.clients.get_mut(&conn).unwrap().got.push(frame);
                    }
                }
                Output::Passing { .. } => {}
                Output::Fetch { room, after, upto } => {
                    for seq in after + 1..=upto {
                        self.hub.handle(
                            self.now,
                            Input::Event {
                                room,
                                seq,
                                frame: seq,
                            },
                        );
                    }
                    self.carry_out();
                }
                Output::CatchUp { conn, room, after } => {
                    let committed = self.committed;
                    let client = self.clients.get_mut(&conn).unwrap();
                    client.got.extend(after + 1..=committed);
                    self.tell(Input::Live {
                        conn,
                        room,
                        upto: committed,
                    });
                }
            }
        }
    }

    fn settle(&mut self) {
        while !self.waiting.is_empty() {
            self.run(Op::Publish {
                which: 0,
                lost: false,
            });
        }
        // A lost publication is found by the next event of the room.
        self.run(Op::Commit);
        self.run(Op::Publish {
            which: 0,
            lost: false,
        });
        self.run(Op::Wait);
    }

    fn check(&self, complete: bool) {
        for (conn, client) in self.clients.iter().filter(|(_, client)| client.live) {
            let from = client.read.unwrap() + 1;
            let upto = from - 1 + i64::try_from(client.got.len()).unwrap();
            assert_eq!(client.got, (from..=upto).collect::<Vec<_>>(), "{conn:?}");
            if complete {
                assert_eq!(upto, self.committed, "{conn:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn each_event_once_and_in_order(ops in ops()) {
        let mut world = World::new();
        for op in ops {
            world.run(op);
            world.check(false);
        }
        world.settle();
        world.check(true);
    }
}

#[test]
fn passing_events_reach_the_room_but_not_their_sender() {
    let mut hub: Hub<&str, &str> = Hub::default();
    let now = Instant::now();
    for conn in [1, 2].map(ConnId) {
        hub.handle(
            now,
            Input::Attach {
                conn,
                rooms: vec!["a"],
            },
        );
    }
    hub.handle(
        now,
        Input::Attach {
            conn: ConnId(3),
            rooms: vec!["b"],
        },
    );
    hub.handle(
        now,
        Input::Passing {
            room: "a",
            frame: "typing",
            except: Some(ConnId(1)),
        },
    );
    assert_eq!(
        hub.poll(),
        [Output::Passing {
            to: vec![ConnId(2)],
            frame: "typing"
        }]
    );
    hub.handle(now, Input::Detach { conn: ConnId(2) });
    hub.handle(
        now,
        Input::Passing {
            room: "a",
            frame: "typing",
            except: Some(ConnId(1)),
        },
    );
    assert!(hub.poll().is_empty());
}
