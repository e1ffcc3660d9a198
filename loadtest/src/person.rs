//! A person with an outbox: a message is repeated under its name until the server takes it, over as many
//! connections, to as many servers, as it takes.

mod link;

use std::collections::BTreeMap;
use std::time::Duration;

use protocol::{CloseCode, RoomId};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use self::link::Link;
use crate::LoadError;
use crate::company::{Board, Course};
use crate::history::{Ack, Entry, View};
use crate::http::{Address, Session};
use crate::reconnect::asked;

/// How long an answer, a page or a connection may take before another connection is tried.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// docs/PROTOCOL.md: silence before a ping and the time to answer it; a connection that is silent for longer is dead.
const SILENCE: Duration = Duration::from_secs(35);
/// Pause before another try at a server that is not there or too busy.
const PAUSE: Duration = Duration::from_millis(50);

/// How a person behaves.
#[derive(Clone, Copy, Debug)]
pub struct Habits {
    /// Messages that it writes, at most.
    pub messages: usize,
    /// Pause after each.
    pub pause: Duration,
    /// Length of their text in bytes, about.
    pub body_bytes: usize,
    /// Whether no WebSocket gets through to the server.
    pub over_http: bool,
}

/// What a person does at first.
#[derive(Debug)]
pub struct Person {
    /// Place on the board.
    pub number: usize,
    /// Before the names of its messages, which must be new to the server.
    pub tag: String,
    /// Whom it is for the server.
    pub session: Session,
    /// Where the servers are now.
    pub addresses: watch::Receiver<Vec<Address>>,
    /// The one that it goes to first.
    pub at: usize,
    /// Behaviour.
    pub habits: Habits,
}

/// What a person saw and was told.
#[derive(Debug)]
pub struct Record {
    /// Shown in faults.
    pub name: String,
    /// Whom it is for the server.
    pub session: Session,
    /// Events as the client's rule let them through: the next position only.
    pub view: View,
    /// What it was told to be stored.
    pub acks: Vec<Ack>,
    /// What else happened.
    pub counts: Counts,
}

/// What happened to a person, or to several.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Tries to send that were repeated because no answer had come, or a refusal that may pass.
    pub retries: usize,
    /// Repeated tries whose first had been stored.
    pub already_stored: usize,
    /// Connections on which `hello` was answered.
    pub connections: usize,
    /// `lag` events.
    pub lags: usize,
    /// Events of rooms that the person is not in.
    pub strangers: usize,
    /// Connections that the server closed, by its code.
    pub closed: BTreeMap<u16, usize>,
}

impl Counts {
    /// Adds another person's.
    pub fn add(&mut self, other: &Self) {
        self.retries += other.retries;
        self.already_stored += other.already_stored;
        self.connections += other.connections;
        self.lags += other.lags;
        self.strangers += other.strangers;
        for (code, count) in &other.closed {
            *self.closed.entry(*code).or_default() += count;
        }
    }
}

/// A person at work.
struct Writer<'a> {
    person: Person,
    name: String,
    board: &'a Board,
    course: watch::Receiver<Course>,
    room: Option<Joined>,
    live: Vec<Entry>,
    /// Events that came before those in front of them.
    held: BTreeMap<i64, Entry>,
    acks: Vec<Ack>,
    tries: usize,
    /// Nothing is sent before.
    not_before: Instant,
    /// How long the server asked to stay away.
    bye: Option<Duration>,
    counts: Counts,
}

/// The person's only room, known after the first `hello`.
struct Joined {
    id: RoomId,
    epoch: String,
    /// Where it stood then: the view begins there.
    after: i64,
}

impl Person {
    /// Follows the company's course until it is over.
    ///
    /// # Errors
    /// When the server refuses for good or breaks the protocol.
    pub(crate) async fn run(self, board: &Board) -> Result<Record, LoadError> {
        let mut writer = Writer {
            name: format!("load{}", self.number),
            course: board.course(),
            person: self,
            board,
            room: None,
            live: Vec::new(),
            held: BTreeMap::new(),
            acks: Vec::new(),
            tries: 0,
            not_before: Instant::now(),
            bye: None,
            counts: Counts::default(),
        };
        while let Err(error) = writer.connection().await {
            if !error.may_pass() {
                return Err(error);
            }
            if writer.is_over() {
                break;
            }
            writer.come_again(&error).await;
        }
        writer.record()
    }
}

impl Writer<'_> {
    async fn connection(&mut self) -> Result<(), LoadError> {
        let opened = timeout(ANSWER_WITHIN, self.open()).await;
        let mut link = opened.map_err(|_| LoadError::TimedOut("a connection"))??;
        self.tell();
        while !self.is_over() {
            if link.sending.is_none() && self.has_to_say() && self.not_before <= Instant::now() {
                self.say(&mut link).await?;
            }
            let wake = self.wake(&link);
            tokio::select! {
                incoming = link.socket.next() => {
                    link.heard = Instant::now();
                    self.take(&mut link, incoming?).await?;
                }
                () = sleep_until(wake) => self.look(&mut link).await?,
                // Never an error: the board has the other end.
                _ = self.course.changed() => {}
            }
            self.tell();
        }
        Ok(())
    }

    fn is_over(&self) -> bool {
        *self.course.borrow() == Course::Over
    }

    // An unanswered message comes first; the next one only while people write.
    fn has_to_say(&self) -> bool {
        self.owes()
            || (*self.course.borrow() == Course::Write
                && self.acks.len() < self.person.habits.messages)
    }

    fn owes(&self) -> bool {
        self.tries > self.acks.len() + self.counts.retries
    }

    fn wake(&self, link: &Link) -> Instant {
        let mut wake = link.heard + SILENCE;
        if link.sending.is_none() && self.has_to_say() {
            wake = wake.min(self.not_before);
        }
        wake.min(link.wake())
    }

    fn last(&self) -> i64 {
        let after = self.room.as_ref().map_or(0, |room| room.after);
        self.live.last().map_or(after, |entry| entry.seq)
    }

    fn tell(&self) {
        let Some(room) = &self.room else { return };
        self.board.tell(self.person.number, |progress| {
            progress.room.get_or_insert_with(|| room.id.clone());
            progress.owes = self.owes();
            progress.acked = self.acks.len();
            progress.upto = self.acks.last().map_or(0, |ack| ack.seq);
            progress.last = self.last();
            progress.lags = self.counts.lags;
            let slow = self.counts.closed.get(&CloseCode::Slow.code());
            progress.lost_for_lags = slow.copied().unwrap_or_default();
        });
    }

    async fn come_again(&mut self, error: &LoadError) {
        if let LoadError::Closed(Some(code)) = error {
            *self.counts.closed.entry(*code).or_default() += 1;
        }
        self.person.at += 1;
        // No longer than the server asks for: how soon it is back again is what the runs look at.
        sleep(PAUSE.max(asked(error, self.bye.take()))).await;
    }

    fn record(self) -> Result<Record, LoadError> {
        let room = self
            .room
            .ok_or_else(|| LoadError::Protocol(format!("{} saw no room", self.name)))?;
        Ok(Record {
            view: View {
                client: format!("{} live", self.name),
                room: room.id,
                after: room.after,
                entries: self.live,
            },
            name: self.name,
            session: self.person.session,
            acks: self.acks,
            counts: self.counts,
        })
    }
}
