//! The rate that delay allows: up slowly, down at once (draft-ietf-rmcat-gcc-02 §5.5).

use std::time::{Duration, Instant};

use super::trend::Usage;
use super::{BPS_MAX, BPS_MIN};

/// Share of what arrived that is tried after queues grew.
const BACK_OFF: f64 = 0.85;
/// Growth per second while the link's capacity is unknown.
const GROWTH: f64 = 0.08;
/// The rate may exceed what arrives by this factor, and a little: what was not used is not known to fit.
const AHEAD: f64 = 1.5;
const AHEAD_BPS: f64 = 10_000.0;
/// Least growth near the capacity, bits per second each second.
const STEP_MIN: f64 = 4_000.0;
const PACKET_BITS: f64 = 1_200.0 * 8.0;
const FRAMES: f64 = 30.0;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Hold,
    Increase,
}

/// Where queues began to grow the last times.
#[derive(Debug, Default)]
struct Capacity {
    bps: Option<f64>,
    deviation: f64,
}

impl Capacity {
    fn take(&mut self, sample: f64) {
        const WEIGHT: f64 = 0.05;
        let bps = self
            .bps
            .map_or(sample, |bps| (1.0 - WEIGHT) * bps + WEIGHT * sample);
        let error = (bps - sample) * (bps - sample) / bps.max(1.0);
        self.deviation = (1.0 - WEIGHT) * self.deviation + WEIGHT * error;
        self.bps = Some(bps);
    }

    /// Three deviations either way, at least a twentieth.
    fn contains(&self, bps: f64) -> Option<bool> {
        let at = self.bps?;
        let width = 3.0 * (self.deviation * at).sqrt().max(at / 20.0);
        Some((bps - at).abs() <= width)
    }
}

/// The controller.
#[derive(Debug)]
pub(super) struct Rate {
    bps: f64,
    state: State,
    capacity: Capacity,
    changed: Instant,
    lowered: Option<Instant>,
}

impl Rate {
    pub(super) fn new(now: Instant, initial: u64) -> Self {
        Self {
            bps: initial as f64,
            state: State::Hold,
            capacity: Capacity::default(),
            changed: now,
            lowered: None,
        }
    }

    pub(super) fn bps(&self) -> u64 {
        self.bps as u64
    }

    /// A probe has shown that more gets through.
    pub(super) fn raise(&mut self, now: Instant, bps: u64) {
        self.bps = bps as f64;
        self.changed = now;
        if self.capacity.contains(self.bps) == Some(false) {
            self.capacity = Capacity::default();
        }
    }

    /// What arrives is all there is.
    pub(super) fn hold_to(&mut self, bps: u64) {
        self.bps = self.bps.min(bps as f64).max(BPS_MIN as f64);
    }

    /// The receiver has fallen silent.
    pub(super) fn halve(&mut self, now: Instant) {
        self.bps = (self.bps / 2.0).max(BPS_MIN as f64);
        self.changed = now;
        self.state = State::Hold;
    }

    pub(super) fn update(
        &mut self,
        now: Instant,
        usage: Usage,
        delivered: Option<u64>,
        round_trip: Duration,
        most: u64,
    ) {
        let delivered = delivered.map(|bps| bps as f64);
        match usage {
            Usage::Over => self.lower(now, delivered, round_trip),
            Usage::Under => self.state = State::Hold,
            Usage::Normal if self.state == State::Hold => {
                self.state = State::Increase;
                self.changed = now;
            }
            Usage::Normal => self.increase(now, delivered, round_trip, most as f64),
        }
        self.bps = self.bps.clamp(BPS_MIN as f64, BPS_MAX as f64);
    }

    fn lower(&mut self, now: Instant, delivered: Option<f64>, round_trip: Duration) {
        // What was sent before the last cut is still arriving for a round trip.
        let pause = round_trip.clamp(Duration::from_millis(10), Duration::from_millis(200));
        let too_soon = self.lowered.is_some_and(|at| now < at + pause);
        let far_off = delivered.is_some_and(|bps| bps < self.bps / 2.0);
        if too_soon && !far_off {
            return;
        }
        let Some(delivered) = delivered else {
            self.bps *= 0.5;
            self.lowered = Some(now);
            return;
        };
        if self.capacity.contains(delivered) == Some(false) {
            self.capacity = Capacity::default();
        }
        self.capacity.take(delivered);
        self.bps = self.bps.min(BACK_OFF * delivered);
        self.lowered = Some(now);
        self.changed = now;
        self.state = State::Hold;
    }

    fn increase(&mut self, now: Instant, delivered: Option<f64>, round_trip: Duration, most: f64) {
        let seconds = now
            .saturating_duration_since(self.changed)
            .as_secs_f64()
            .min(1.0);
        self.changed = now;
        if let Some(delivered) = delivered
            && self.capacity.contains(delivered) == Some(false)
            && self.capacity.bps.is_some_and(|bps| delivered > bps)
        {
            self.capacity = Capacity::default();
        }
        let growth = if self.capacity.bps.is_some() {
            // About a packet in each response time: near the capacity a large step fills the queue.
            let frame = self.bps / FRAMES;
            let packet = frame / (frame / PACKET_BITS).ceil().max(1.0);
            let response = 2.0 * (round_trip.as_secs_f64() + 0.1);
            (packet / response).max(STEP_MIN) * seconds
        } else {
            (self.bps * ((1.0 + GROWTH).powf(seconds) - 1.0)).max(1_000.0 * seconds)
        };
        // What arrives while no queue grows does fit, also when more was sent than the estimate allowed: the most important
        // picture is, from the first moment.
        if let Some(delivered) = delivered {
            self.bps = self.bps.max(delivered.min(most));
        }
        let proven = delivered.map_or(f64::MAX, |bps| AHEAD * bps + AHEAD_BPS);
        let limit = proven.min(most);
        if self.bps < limit {
            self.bps = (self.bps + growth).min(limit);
        }
    }
}
