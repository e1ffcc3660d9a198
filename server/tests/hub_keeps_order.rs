//! The hub against a naive model: whatever the order in which commits are published, catch-ups end and gaps are
//! read, every connection gets each event of its rooms once and in order, and every summary comes to show the last
//! and is told of every mention.

#![expect(clippy::unwrap_used, reason = "what is not there fails the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use server::hub::{BUMP_WINDOW, ConnId, FETCH_RETRY, Frame, Hub, Input, Output, ROOM_EVENTS_MAX};

/// Most events that one reading of the database gives.
const FETCH_MAX: i64 = 3;

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
    /// A connection that has read the database, or is live, shows a summary from now on.
    Watch { which: usize },
    /// A connection that shows a summary wants every event again.
    Focus { which: usize },
    /// A connection's person is taken out of the room.
    Leave { which: usize },
    /// And becomes a member again: it begins anew, on the same connection.
    Join { which: usize },
    /// A connection ends.
    Detach { which: usize },
    /// Somebody reads the room's position in the database.
    Known,
    /// Time passes.
    Wait { millis: u64 },
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        5 => Just(Op::Commit),
        5 => (0..8_usize, prop::bool::weighted(0.1)).prop_map(|(which, lost)| Op::Publish { which, lost }),
        2 => Just(Op::Attach),
        3 => (0..8_usize).prop_map(|which| Op::Read { which }),
        3 => (0..8_usize).prop_map(|which| Op::GoLive { which }),
        2 => (0..8_usize).prop_map(|which| Op::Watch { which }),
        1 => (0..8_usize).prop_map(|which| Op::Focus { which }),
        1 => (0..8_usize).prop_map(|which| Op::Leave { which }),
        1 => (0..8_usize).prop_map(|which| Op::Join { which }),
        1 => (0..8_usize).prop_map(|which| Op::Detach { which }),
        1 => Just(Op::Known),
        2 => (1..3_000_u64).prop_map(|millis| Op::Wait { millis }),
    ];
    prop::collection::vec(op, 1..120)
}

/// The room and the event's position.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Event(i64);

impl Frame for Event {
    type News = News;

    fn note(&self, seq: i64, news: &mut News) {
        assert_eq!(seq, self.0);
        news.last = news.last.max(seq);
        news.mentions.extend(mentions(seq..=seq));
    }
}

/// What a summary is told.
#[derive(Clone, Debug, Default, PartialEq)]
struct News {
    last: i64,
    mentions: BTreeSet<i64>,
}

/// Which of these events mention somebody.
fn mentions(of: std::ops::RangeInclusive<i64>) -> impl Iterator<Item = i64> {
    of.filter(|seq| seq % 3 == 0)
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Phase {
    #[default]
    Attached,
    HasRead,
    Live,
    Watching,
    Outside,
}

/// What a connection holds.
#[derive(Debug, Default)]
struct Client {
    phase: Phase,
    /// The position of its first read of the database; what came after it is in `got`.
    base: Option<i64>,
    got: Vec<i64>,
    /// The furthest that it knows of, and the event that its summary shows.
    head: i64,
    shown: i64,
    /// Mentions of which it knows.
    mentioned: BTreeSet<i64>,
}

impl Client {
    fn position(&self) -> i64 {
        self.base.unwrap() + i64::try_from(self.got.len()).unwrap()
    }

    fn knows_mentions(&self, upto: i64) -> bool {
        mentions(1..=upto).all(|seq| self.mentioned.contains(&seq))
    }
}

struct World {
    hub: Hub<&'static str, Event>,
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
                        self.tell(event(seq));
                    }
                }
            }
            Op::Attach => {
                let conn = ConnId(self.next);
                self.next += 1;
                self.clients.insert(conn, Client::default());
                self.attach(conn);
            }
            Op::Read { which } => {
                if let Some(conn) = self.pick(which, |c| c.phase == Phase::Attached) {
                    let committed = self.committed;
                    let client = self.clients.get_mut(&conn).unwrap();
                    if client.base.is_some() {
                        client.got.extend(client.position() + 1..=committed);
                    }
                    client.base.get_or_insert(committed);
                    // What it was told of before is not told again.
                    client
                        .mentioned
                        .extend(mentions(client.head + 1..=committed));
                    client.phase = Phase::HasRead;
                }
            }
            Op::GoLive { which } => {
                if let Some(conn) = self.pick(which, |c| c.phase == Phase::HasRead) {
                    let client = self.clients.get_mut(&conn).unwrap();
                    client.phase = Phase::Live;
                    let upto = client.position();
                    self.tell(Input::Live {
                        conn,
                        room: ROOM,
                        upto,
                    });
                }
            }
            Op::Watch { which } => {
                let ready = |c: &Client| [Phase::HasRead, Phase::Live].contains(&c.phase);
                if let Some(conn) = self.pick(which, ready) {
                    let client = self.clients.get_mut(&conn).unwrap();
                    client.phase = Phase::Watching;
                    let upto = client.position();
                    (client.head, client.shown) = (upto, upto);
                    self.tell(Input::Watch {
                        conn,
                        room: ROOM,
                        upto,
                    });
                }
            }
            Op::Focus { which } => {
                if let Some(conn) = self.pick(which, |c| c.phase == Phase::Watching) {
                    self.clients.get_mut(&conn).unwrap().phase = Phase::Attached;
                    self.attach(conn);
                }
            }
            Op::Leave { which } => {
                if let Some(conn) = self.pick(which, |c| c.phase != Phase::Outside) {
                    let phase = Phase::Outside;
                    self.clients.insert(
                        conn,
                        Client {
                            phase,
                            ..Client::default()
                        },
                    );
                    self.tell(Input::Leave { conn, room: ROOM });
                }
            }
            Op::Join { which } => {
                if let Some(conn) = self.pick(which, |c| c.phase == Phase::Outside) {
                    self.clients.insert(conn, Client::default());
                    self.attach(conn);
                }
            }
            Op::Detach { which } => {
                if let Some(conn) = self.pick(which, |_| true) {
                    self.clients.remove(&conn);
                    self.tell(Input::Detach { conn });
                }
            }
            Op::Known => {
                let seq = self.committed;
                self.tell(Input::Known { room: ROOM, seq });
            }
            Op::Wait { millis } => {
                self.now += Duration::from_millis(millis);
                self.hub.timeout(self.now);
                self.carry_out();
                let next = self.hub.next_timeout();
                assert!(next.is_none_or(|next| next > self.now), "a deadline stays");
            }
        }
    }

    fn attach(&mut self, conn: ConnId) {
        self.tell(Input::Attach {
            conn,
            rooms: vec![ROOM],
        });
    }

    fn tell(&mut self, input: Input<&'static str, Event>) {
        self.hub.handle(self.now, input);
        self.carry_out();
    }

    fn carry_out(&mut self) {
        for output in self.hub.poll() {
            match output {
                Output::Durable { to, frame } => {
                    for conn in to {
                        let client = self.clients.get_mut(&conn).unwrap();
                        client.got.push(frame.0);
                        client.mentioned.extend(mentions(frame.0..=frame.0));
                    }
                }
                Output::Bump { to, seq, news, .. } => {
                    for conn in to {
                        let client = self.clients.get_mut(&conn).unwrap();
                        client.mentioned.extend(&news.mentions);
                        if client.head < seq {
                            (client.head, client.shown) = (seq, news.last);
                        }
                        assert!(client.knows_mentions(client.head), "{client:?}");
                    }
                }
                Output::Passing { .. } => {}
                Output::Fetch { after, upto, .. } => {
                    for seq in after + 1..=upto.min(after + FETCH_MAX) {
                        self.hub.handle(self.now, event(seq));
                    }
                    self.carry_out();
                }
                Output::CatchUp { conn, room, after } => {
                    let committed = self.committed;
                    assert_ne!(self.clients[&conn].phase, Phase::Outside);
                    let client = self.clients.get_mut(&conn).unwrap();
                    client.got.extend(after + 1..=committed);
                    client.mentioned.extend(mentions(after + 1..=committed));
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
        // A publication that was lost is found by reading the room's position.
        self.run(Op::Known);
        let reads = self.committed / FETCH_MAX + 1;
        let reads = std::iter::repeat_n(FETCH_RETRY, usize::try_from(reads).unwrap());
        for window in reads.chain([BUMP_WINDOW, BUMP_WINDOW]) {
            self.run(Op::Wait {
                millis: u64::try_from(window.as_millis()).unwrap(),
            });
        }
    }

    fn check(&self, complete: bool) {
        for (conn, client) in &self.clients {
            if client.phase == Phase::Outside {
                assert!(
                    client.got.is_empty(),
                    "{conn:?} got {:?} from outside",
                    client.got
                );
            }
            let Some(base) = client.base else { continue };
            let upto = client.position();
            assert_eq!(
                client.got,
                (base + 1..=upto).collect::<Vec<_>>(),
                "{conn:?}"
            );
            assert!(client.knows_mentions(upto), "{conn:?} {client:?}");
            if complete && client.phase == Phase::Live {
                assert_eq!(upto, self.committed, "{conn:?}");
            }
            if complete && client.phase == Phase::Watching {
                assert_eq!(client.shown, self.committed, "{conn:?}");
                assert!(client.knows_mentions(self.committed), "{conn:?} {client:?}");
            }
        }
    }
}

const fn event(seq: i64) -> Input<&'static str, Event> {
    Input::Event {
        room: ROOM,
        seq,
        frame: Event(seq),
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
fn summaries_are_told_once_a_second_and_only_the_latest() {
    let mut world = World::new();
    world.run(Op::Attach);
    world.run(Op::Read { which: 0 });
    world.run(Op::Watch { which: 0 });
    let mut bumps = Vec::new();
    for seq in 1..=3 {
        world.hub.handle(world.now, event(seq));
        bumps.extend(world.hub.poll());
    }
    world.hub.timeout(world.now + BUMP_WINDOW);
    bumps.extend(world.hub.poll());
    let bump = |seq| Output::Bump {
        to: vec![ConnId(0)],
        room: ROOM,
        seq,
        news: News {
            last: seq,
            mentions: mentions(seq..=seq).collect(),
        },
    };
    assert_eq!(bumps, [bump(1), bump(3)]);
}

#[test]
fn a_summary_is_told_of_every_mention_that_passed_by_while_it_was_read() {
    let mut world = World::new();
    for _ in 0..2 {
        world.run(Op::Attach);
        world.run(Op::Read { which: 0 });
    }
    world.run(Op::GoLive { which: 0 });
    let many = i64::try_from(ROOM_EVENTS_MAX).unwrap() + 100;
    for _ in 0..many {
        world.run(Op::Commit);
        world.run(Op::Publish {
            which: 0,
            lost: false,
        });
    }
    world.run(Op::Watch { which: 1 });
    assert_eq!(world.clients[&ConnId(1)].phase, Phase::Watching);
    world.settle();
    world.check(true);
}

#[test]
fn nothing_reaches_who_has_left_the_room() {
    let mut world = World::new();
    for _ in 0..3 {
        world.run(Op::Attach);
        world.run(Op::Read { which: 0 });
    }
    world.run(Op::GoLive { which: 0 });
    world.run(Op::Watch { which: 1 });
    world.run(Op::Commit);
    // The first is live, the second shows a summary, the third is catching up.
    for which in 0..3 {
        let conn = ConnId(which);
        world
            .hub
            .handle(world.now, Input::Leave { conn, room: ROOM });
    }
    world.hub.handle(world.now, event(1));
    let passing = Input::Passing {
        room: ROOM,
        frame: Event(0),
        except: None,
    };
    world.hub.handle(world.now, passing);
    world.hub.handle(
        world.now,
        Input::Live {
            conn: ConnId(2),
            room: ROOM,
            upto: 0,
        },
    );
    world.hub.timeout(world.now + BUMP_WINDOW);
    assert!(world.hub.poll().is_empty());
    assert_eq!(world.hub.rooms().count(), 0, "an empty room costs nothing");
}

#[test]
fn passing_events_reach_the_room_but_not_their_sender() {
    let mut world = World::new();
    for _ in 0..3 {
        world.run(Op::Attach);
    }
    world.run(Op::Read { which: 2 });
    world.run(Op::Watch { which: 0 });
    let told = |world: &mut World| {
        let input = Input::Passing {
            room: ROOM,
            frame: Event(0),
            except: Some(ConnId(0)),
        };
        world.hub.handle(world.now, input);
        world.hub.poll()
    };
    let to_the_second = Output::Passing {
        to: vec![ConnId(1)],
        frame: Event(0),
    };
    assert_eq!(told(&mut world), [to_the_second], "the third only watches");
    world.run(Op::Detach { which: 1 });
    assert!(told(&mut world).is_empty());
}
