//! One person of a crowd: connects, comes back as `docs/PROTOCOL.md` says, sends what is due, notes what arrives.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use protocol::RoomId;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::link::Link;
use super::names::Names;
use super::outbox::Outbox;
use super::record::{Record, Room};
use super::schedule::Schedule;
use crate::LoadError;
use crate::http::{Address, Session};
use crate::reconnect::{STABLE, pause};

/// How long a connection may take to open: a server with a long queue of them answers late.
const OPEN_WITHIN: Duration = Duration::from_secs(30);

/// How far each room went.
pub(super) type Targets = BTreeMap<RoomId, i64>;

/// What everybody does now.
#[derive(Clone, Debug)]
pub(super) enum Plan {
    /// Connect and listen.
    Listen,
    /// Send, too.
    Send(Schedule),
    /// Listen until this has arrived, then leave.
    Finish(Arc<Targets>),
    /// Leave.
    Stop,
}

/// What a person tells the one who watches.
#[derive(Debug)]
pub(super) enum Told {
    /// A connection is ready.
    Ready { person: u32, at: Instant },
    /// Everything that was theirs to send was answered; so far their rooms went at least.
    Done(Vec<(RoomId, i64)>),
    /// They were told not to come back.
    Gone(String),
}

/// A person with a session.
pub(super) struct Member {
    pub(super) session: Session,
    pub(super) address: Address,
    pub(super) names: Arc<Names>,
    pub(super) record: Record,
    pub(super) outbox: Outbox,
    /// The server's last words on this connection.
    pub(super) bye: Option<Duration>,
    pub(super) told: mpsc::UnboundedSender<Told>,
    plan: watch::Receiver<Plan>,
    ending: Option<Arc<Targets>>,
    stopped: bool,
    done: bool,
    tries: u32,
    rng: StdRng,
}

impl Member {
    pub(super) fn new(
        person: u32,
        (session, address): (Session, Address),
        names: Arc<Names>,
        seed: u64,
        plan: watch::Receiver<Plan>,
        told: mpsc::UnboundedSender<Told>,
    ) -> Self {
        let record = Record {
            person,
            ..Record::default()
        };
        Self {
            session,
            address,
            names,
            record,
            outbox: Outbox::of(person),
            bye: None,
            told,
            plan,
            ending: None,
            stopped: false,
            done: false,
            tries: 0,
            rng: StdRng::seed_from_u64(
                seed.wrapping_mul(1_000_003).wrapping_add(u64::from(person)),
            ),
        }
    }

    /// Lives until the plan ends, over as many connections as it takes.
    pub(super) async fn run(mut self) -> Record {
        while let Err(error) = self.connection().await {
            self.record.counts.busy += usize::from(matches!(error, LoadError::Busy(_)));
            let uniform = self.rng.random_range(0.0..1.0);
            let Some(pause) = pause(&error, self.bye.take(), self.tries, uniform) else {
                self.record.counts.gone += 1;
                self.tell(Told::Gone(error.to_string()));
                break;
            };
            self.tries += 1;
            if self.wait(pause).await {
                break;
            }
        }
        self.record.counts.unsent += self.outbox.left();
        self.record
    }

    // Whether the plan ended meanwhile.
    async fn wait(&mut self, pause: Duration) -> bool {
        let until = sleep(pause);
        tokio::pin!(until);
        loop {
            if self.is_over() {
                return true;
            }
            tokio::select! {
                () = &mut until => return false,
                changed = self.plan.changed() => self.planned(changed.is_ok()),
            }
        }
    }

    async fn connection(&mut self) -> Result<(), LoadError> {
        let mut link = timeout(OPEN_WITHIN, Link::open(self))
            .await
            .map_err(|_| LoadError::TimedOut("a connection"))??;
        let ended = self.stay(&mut link).await;
        if link.ready.is_some_and(|since| since.elapsed() >= STABLE) {
            self.tries = 0;
        }
        ended
    }

    async fn stay(&mut self, link: &mut Link) -> Result<(), LoadError> {
        // One timer for the whole connection: making one for each delivery would be most of a client's work.
        let due = sleep_until(Instant::now());
        tokio::pin!(due);
        let mut armed = None;
        while !self.is_over() {
            let wanted = link.may_send().then(|| self.outbox.due()).flatten();
            if let Some(at) = wanted
                && wanted != armed
            {
                due.as_mut().reset(at);
            }
            armed = wanted;
            tokio::select! {
                biased;
                () = &mut due, if armed.is_some() => {
                    self.say(link).await?;
                    armed = None;
                }
                text = link.wire.next() => self.frame(link, &text?).await?,
                changed = self.plan.changed() => self.planned(changed.is_ok()),
            }
        }
        Ok(())
    }

    fn planned(&mut self, watched: bool) {
        let plan = self.plan.borrow_and_update().clone();
        match plan {
            Plan::Listen => {}
            Plan::Send(schedule) => {
                self.outbox.follow(schedule);
                self.tell_when_done();
            }
            Plan::Finish(targets) => self.ending = Some(targets),
            Plan::Stop => self.stopped = true,
        }
        self.stopped |= !watched;
    }

    fn is_over(&self) -> bool {
        let arrived = |targets: &Arc<Targets>| {
            let behind = |room: &Room| targets.get(&room.id).is_some_and(|to| room.last < *to);
            !self.record.rooms.iter().any(behind)
        };
        self.stopped || self.ending.as_ref().is_some_and(arrived)
    }

    /// Tells that everything was answered, once it was.
    pub(super) fn tell_when_done(&mut self) {
        if self.outbox.is_done() && !self.done {
            self.done = true;
            let rooms = &self.record.rooms;
            let acked = self.record.acked.iter();
            let acked = acked.map(|&(_, room, seq)| (rooms[room].id.clone(), seq));
            self.tell(Told::Done(acked.collect()));
        }
    }

    pub(super) fn tell(&self, told: Told) {
        // Nobody listens when the run is given up.
        let _ = self.told.send(told);
    }
}
