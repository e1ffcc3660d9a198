//! How fast a receiver may be sent to: Google Congestion Control, as draft-ietf-rmcat-gcc-02 describes it and as
//! browsers have developed it since, with transport-wide feedback.
//!
//! Three voices are heard. *Delay*: queues that grow on the way ([`trend`]) lower the rate before anything is lost
//! ([`rate`]); where they stand and lose packets, what arrives is all there is ([`queue`]). *Loss*: what is lost although no queue grows ([`loss`]). *Probes*: short bursts that show whether more
//! would get through, since a rate that is not used proves nothing ([`probe`]).

pub mod probe;

mod delivered;
mod loss;
mod queue;
mod rate;
mod trend;

use std::time::{Duration, Instant};

use delivered::Delivered;
use loss::Loss;
use probe::{ProbeId, Prober};
use queue::Queue;
use rate::Rate;
use trend::Trend;

/// The estimate is never below this, bits per second: sound and reports go on.
pub const BPS_MIN: u64 = 50_000;
/// Nor above this.
pub const BPS_MAX: u64 = 50_000_000;
/// The estimate grows by itself to twice what is wanted, or to this, bits per second.
const WANTED_MIN: u64 = 1_000_000;
/// Average share of lost packets from which a queue that stands is taken to be full.
const FULL_LOSS: f64 = 0.05;
/// Silence of the receiver's feedback after which the estimate is halved, and again after each further one.
const SILENCE: Duration = Duration::from_millis(1_500);

/// One packet that the receiver says it got.
#[derive(Debug, Clone, Copy)]
pub struct Ack {
    /// When it was sent.
    pub sent: Instant,
    /// When it arrived, on the receiver's clock, from any fixed point.
    pub arrived: Duration,
    /// Its bytes.
    pub size: usize,
    /// The probe that it was part of.
    pub probe: Option<ProbeId>,
}

/// What one feedback message says.
#[derive(Debug)]
pub struct Feedback<'a> {
    /// Packets that arrived, in the order of sending.
    pub acks: &'a [Ack],
    /// Packets that did not.
    pub lost: usize,
    /// Packets among the first that an earlier message had told lost.
    pub found: usize,
    /// From sending the newest packet until this message came.
    pub round_trip: Duration,
}

/// The estimate of one receiver's link.
#[derive(Debug)]
pub struct Congestion {
    trend: Trend,
    queue: Queue,
    delivered: Delivered,
    rate: Rate,
    loss: Loss,
    prober: Prober,
    heard: Option<Instant>,
    /// When anything was sent after the last feedback.
    owed: Option<Instant>,
}

impl Congestion {
    /// `initial` is the first guess, bits per second.
    pub fn new(now: Instant, initial: u64) -> Self {
        Self {
            trend: Trend::default(),
            queue: Queue::default(),
            delivered: Delivered::default(),
            rate: Rate::new(now, initial),
            loss: Loss::default(),
            prober: Prober::new(now),
            heard: None,
            owed: None,
        }
    }

    /// Bits per second that may be sent.
    pub fn bps(&self) -> u64 {
        self.rate.bps().min(self.loss.cap()).clamp(BPS_MIN, BPS_MAX)
    }

    /// Bits per second that the delay of what was sent allows, whatever was lost; `None` before anything is known. Where a
    /// queue stands, or did of late, that is no more than what arrived then.
    pub fn by_delay(&self, now: Instant) -> Option<u64> {
        let full = self.queue.carries(now).unwrap_or(u64::MAX);
        self.is_informed().then(|| self.rate.bps().min(full))
    }

    /// Whether the receiver has said anything yet.
    pub fn is_informed(&self) -> bool {
        self.heard.is_some()
    }

    /// What would be sent if it could, bits per second: the estimate is probed up to it.
    pub fn set_desired(&mut self, desired: u64) {
        self.prober.set_desired(desired.min(BPS_MAX));
    }

    /// Probes: when their packets are due.
    pub fn probes(&self) -> &Prober {
        &self.prober
    }

    /// Probes, to be told of what was sent.
    pub fn probes_mut(&mut self) -> &mut Prober {
        &mut self.prober
    }

    /// Media goes another way from now on: its delay and its throughput are to be learnt anew.
    pub fn moved(&mut self) {
        self.trend = Trend::default();
        self.queue = Queue::default();
        self.delivered = Delivered::default();
    }

    /// Notes that a packet with a transport-wide number was sent.
    pub fn sent(&mut self, now: Instant) {
        self.owed.get_or_insert(now);
    }

    /// Takes a feedback message.
    pub fn feedback(&mut self, now: Instant, feedback: &Feedback<'_>) {
        self.heard = Some(now);
        self.owed = None;
        for ack in feedback.acks {
            self.delivered.take(ack.arrived, ack.size);
            self.trend.take(ack.sent, ack.arrived);
            self.prober.take(ack);
        }
        let delivered = self.delivered.bps();
        self.queue.take(now, feedback.acks, delivered);
        let before = self.bps();
        // What is wanted bounds it: packets sent twice must not count as a proof of a fast link.
        let most = self.prober.desired().saturating_mul(2).max(WANTED_MIN);
        // Where little is lost, another flow may fill the queue.
        let full = self.queue.stands() && self.loss.average() >= FULL_LOSS;
        let most = if full {
            delivered.map_or(most, |bps| bps.min(most))
        } else {
            most
        };
        self.rate.update(
            now,
            self.trend.usage(),
            delivered,
            feedback.round_trip,
            most,
        );
        if full {
            self.rate.hold_to(most);
        }
        self.loss.take(
            now,
            feedback.acks.len(),
            feedback.lost,
            feedback.found,
            feedback.round_trip,
            self.rate.bps(),
        );
        if let Some(proven) = self.prober.result()
            && proven > self.bps()
            && !self.trend.is_overused()
        {
            self.rate.raise(now, proven.min(BPS_MAX));
            self.loss.raise(proven);
        }
        self.prober.informed(now, before, self.bps());
    }

    /// Lets time pass: an estimate without feedback is not believed for long, and probes come due.
    pub fn tick(&mut self, now: Instant) {
        if let Some(owed) = self.owed
            && self.heard.is_some()
            && now >= owed + SILENCE
        {
            self.owed = Some(now);
            self.rate.halve(now);
        }
        let bps = self.bps();
        if self.heard.is_some() {
            self.prober.tick(now, bps);
        }
    }

    /// When [`tick`](Self::tick) has something to do.
    pub fn next(&self) -> Option<Instant> {
        let silence = self
            .owed
            .filter(|_| self.heard.is_some())
            .map(|at| at + SILENCE);
        let probe = self.heard.and_then(|_| self.prober.next(self.bps()));
        [silence, probe].into_iter().flatten().min()
    }
}
