//! One person of the chat run.

use std::collections::BTreeMap;
use std::time::Duration;

use protocol::command::{MsgSend, MsgSent};
use protocol::model::Message;
use protocol::{ClientId, Command, HelloOk, RoomEvent, RoomId};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::Options;
use crate::LoadError;
use crate::history::{Ack, Entry, Key, View};
use crate::http::{Address, sign_in};
use crate::latency::Times;
use crate::server::PASSWORD;
use crate::socket::{Incoming, Socket, read};

/// How long acknowledgements, and after them deliveries, may lag behind.
const DRAIN_WITHIN: Duration = Duration::from_secs(15);
/// Length of a message's text in bytes.
const BODY_BYTES: usize = 300;

type Targets = watch::Receiver<Option<BTreeMap<RoomId, i64>>>;

/// A signed-in person who has said `hello`.
pub(super) struct Client {
    socket: Socket,
    rng: StdRng,
    me: HelloOk,
    tag: String,
    waiting: BTreeMap<u32, (RoomId, Key)>,
    record: Record,
}

/// What the person saw.
#[derive(Default)]
pub(super) struct Record {
    pub(super) views: BTreeMap<RoomId, View>,
    pub(super) acks: Vec<Ack>,
    pub(super) times: Times,
    pub(super) unsent: usize,
    pub(super) disconnected: bool,
}

impl Client {
    /// Signs in as `load{number}` and says `hello`.
    pub(super) async fn connect(
        address: &Address,
        number: usize,
        seed: u64,
    ) -> Result<Self, LoadError> {
        let login = format!("load{number}");
        let session = sign_in(address, &login, PASSWORD).await?;
        let mut socket = Socket::open(address, &session).await?;
        // Not seeded: a second run on the same server must not repeat the names of messages.
        let tag = format!("{:016x}", rand::random::<u64>());
        let device = ClientId::parse(tag.clone()).map_err(|e| LoadError::Protocol(e.to_owned()))?;
        let me = socket.hello(device, BTreeMap::new()).await?;
        let view = |room: &protocol::model::RoomSummary| View {
            client: login.clone(),
            room: room.id.clone(),
            after: room.seq,
            entries: Vec::new(),
        };
        let record = Record {
            views: me
                .rooms
                .iter()
                .map(|room| (room.id.clone(), view(room)))
                .collect(),
            ..Record::default()
        };
        Ok(Self {
            socket,
            rng: StdRng::seed_from_u64(seed.wrapping_mul(1_000_003).wrapping_add(number as u64)),
            me,
            tag,
            waiting: BTreeMap::new(),
            record,
        })
    }

    /// Sends for as long as asked, tells through `told` how far the acknowledgements went, and reads until
    /// everything that `targets` names has come.
    pub(super) async fn run(
        mut self,
        begin: Instant,
        options: Options,
        told: mpsc::UnboundedSender<(RoomId, i64)>,
        targets: Targets,
    ) -> Record {
        if self.send_and_read(begin, &options).await.is_err() {
            self.record.disconnected = true;
        }
        self.record.unsent += self.waiting.len();
        for ack in &self.record.acks {
            // The other end goes away only when the run is given up.
            let _ = told.send((ack.room.clone(), ack.seq));
        }
        drop(told);
        if !self.record.disconnected && self.drain(begin, targets).await.is_err() {
            self.record.disconnected = true;
        }
        self.record
    }

    async fn send_and_read(&mut self, begin: Instant, options: &Options) -> Result<(), LoadError> {
        let end = begin + Duration::from_secs(options.seconds);
        let mut next = begin + self.pause(options.rate);
        let mut count = 0_u32;
        while next < end || !self.waiting.is_empty() {
            tokio::select! {
                incoming = self.socket.next() => self.take(incoming?, begin)?,
                () = sleep_until(next), if next < end => {
                    self.say(begin, count).await?;
                    count += 1;
                    next += self.pause(options.rate);
                }
                () = sleep_until(end + DRAIN_WITHIN) => return Ok(()),
            }
        }
        Ok(())
    }

    // Pauses between messages of people who do not know of each other are distributed exponentially.
    fn pause(&mut self, per_minute: f64) -> Duration {
        let uniform: f64 = self.rng.random_range(f64::EPSILON..1.0);
        Duration::from_secs_f64((-uniform.ln() * 60.0 / per_minute).min(1e6))
    }

    async fn say(&mut self, begin: Instant, count: u32) -> Result<(), LoadError> {
        if self.me.rooms.is_empty() {
            return Ok(());
        }
        let room = self.rng.random_range(0..self.me.rooms.len());
        let room = self.me.rooms[room].id.clone();
        let cid = ClientId::parse(format!("{}-{count}", self.tag))
            .map_err(|e| LoadError::Protocol(e.to_owned()))?;
        let key = Key {
            by: self.me.me.id.clone(),
            cid: cid.clone(),
        };
        let body = format!(
            "{:.<BODY_BYTES$}",
            format!("{} ", begin.elapsed().as_nanos())
        );
        let (re, att, men) = (None, Vec::new(), Vec::new());
        let send = MsgSend {
            r: room.clone(),
            cid,
            body,
            re,
            att,
            men,
            poll: None,
            fwd: None,
            ack: false,
            due: None,
            all: false,
            noticed: false,
        };
        let id = self.socket.send(&Command::MsgSend(send)).await?;
        self.waiting.insert(id, (room, key));
        Ok(())
    }

    fn take(&mut self, incoming: Incoming, begin: Instant) -> Result<(), LoadError> {
        match incoming {
            Incoming::Room(event) => self.see(&event, begin),
            Incoming::Reply(i, answer) => {
                let Some((room, key)) = self.waiting.remove(&i) else {
                    return Err(LoadError::Protocol(format!(
                        "an answer to {i}, which was not asked"
                    )));
                };
                match read::<MsgSent>("msg.send", answer) {
                    Ok(MsgSent { s: seq, .. }) => self.record.acks.push(Ack { room, key, seq }),
                    Err(LoadError::Refused { .. }) => self.record.unsent += 1,
                    Err(error) => return Err(error),
                }
            }
            Incoming::Live(_) => {}
        }
        Ok(())
    }

    fn see(&mut self, event: &RoomEvent, begin: Instant) {
        let now = begin.elapsed();
        if let RoomEvent::Msg { d, .. } = event
            && d.by != self.me.me.id
            && let Some(sent) = sent_at(d)
        {
            self.record.times.push(now.saturating_sub(sent));
        }
        if let Some(view) = self.record.views.get_mut(event.room()) {
            view.entries.push(Entry::from(event));
        }
    }

    async fn drain(&mut self, begin: Instant, mut targets: Targets) -> Result<(), LoadError> {
        let targets = loop {
            tokio::select! {
                incoming = self.socket.next() => self.take(incoming?, begin)?,
                all = targets.wait_for(Option::is_some) => {
                    let all = all.map_err(|_| LoadError::TimedOut("the end of the run"))?;
                    break all.clone().unwrap_or_default();
                }
            }
        };
        let deadline = Instant::now() + DRAIN_WITHIN;
        let behind = |view: &View| {
            let last = view.entries.last().map_or(view.after, |entry| entry.seq);
            targets.get(&view.room).is_some_and(|target| last < *target)
        };
        while self.record.views.values().any(behind) {
            tokio::select! {
                incoming = self.socket.next() => self.take(incoming?, begin)?,
                () = sleep_until(deadline) => break,
            }
        }
        Ok(())
    }
}

fn sent_at(message: &Message) -> Option<Duration> {
    message
        .body
        .split(' ')
        .next()?
        .parse()
        .ok()
        .map(Duration::from_nanos)
}
