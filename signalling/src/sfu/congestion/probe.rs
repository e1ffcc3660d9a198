//! Short bursts above the estimate that show whether more would get through.

use std::time::{Duration, Instant};

use super::Ack;

/// Length of a burst, and the least number of packets in it.
const LENGTH: Duration = Duration::from_millis(15);
const PACKETS_MIN: usize = 5;
/// Share of a burst that must have arrived for it to count.
const ARRIVED: f64 = 0.8;
/// A burst must have got this share of its rate through for a next one to try more.
const PASSED: f64 = 0.7;
/// The first burst tries this multiple of the first guess, later ones of the estimate.
const FIRST: u64 = 3;
const FURTHER: u64 = 2;
/// A burst that took less than this to leave or to arrive was held up and let go as a whole.
const SPAN_MIN: Duration = Duration::from_millis(1);
/// Wait for a burst's feedback before it counts as lost.
const WAIT: Duration = Duration::from_secs(1);
/// Time between bursts while more is wanted than the estimate allows: after one that showed nothing new,
const RETRY: Duration = Duration::from_secs(5);
/// and soon after a fall to less than this share, which may have been a passing one.
const SOON: Duration = Duration::from_millis(700);
const FELL: f64 = 0.66;
/// A burst tries no more than this multiple of what is wanted.
const ENOUGH: f64 = 1.2;

/// Names a burst.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProbeId(u32);

/// A burst: what of it was sent, and what of that has arrived.
#[derive(Debug)]
struct Burst {
    id: ProbeId,
    bps: u64,
    /// Bytes to send, at least.
    length: usize,
    begun: Option<Instant>,
    ended: Option<Instant>,
    packets: usize,
    bytes: usize,
    got: usize,
    got_bytes: usize,
    first: Option<Ack>,
    last: Option<Ack>,
    last_arrived: Duration,
}

impl Burst {
    fn new(id: u32, bps: u64) -> Self {
        Self {
            id: ProbeId(id),
            bps,
            length: (bps as f64 / 8.0 * LENGTH.as_secs_f64()) as usize,
            begun: None,
            ended: None,
            packets: 0,
            bytes: 0,
            got: 0,
            got_bytes: 0,
            first: None,
            last: None,
            last_arrived: Duration::ZERO,
        }
    }

    fn arrived_enough(&self) -> bool {
        let enough = |part: usize, whole: usize| part as f64 >= whole as f64 * ARRIVED;
        self.ended.is_some() && enough(self.got, self.packets) && enough(self.got_bytes, self.bytes)
    }
}

/// Plans bursts and reads their results.
#[derive(Debug)]
pub struct Prober {
    desired: u64,
    burst: Option<Burst>,
    count: u32,
    next: Instant,
    /// What the last burst tried, until it is judged.
    tried: Option<u64>,
}

impl Prober {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            desired: 0,
            burst: None,
            count: 0,
            next: now,
            tried: None,
        }
    }

    pub(super) fn desired(&self) -> u64 {
        self.desired
    }

    pub(super) fn set_desired(&mut self, desired: u64) {
        self.desired = desired;
    }

    /// When the next packet of a burst is due, if there is one to send.
    pub fn due(&self, now: Instant) -> Option<Instant> {
        let burst = self.burst.as_ref().filter(|burst| burst.ended.is_none())?;
        let micros = burst.bytes as u64 * 8 * 1_000_000 / burst.bps.max(1);
        Some(burst.begun.unwrap_or(now) + Duration::from_micros(micros))
    }

    /// Notes a packet sent as part of the burst that is [`due`](Self::due); returns its name.
    pub fn sent(&mut self, now: Instant, size: usize) -> Option<ProbeId> {
        let burst = self.burst.as_mut().filter(|burst| burst.ended.is_none())?;
        burst.begun.get_or_insert(now);
        burst.bytes += size;
        burst.packets += 1;
        if burst.bytes >= burst.length && burst.packets >= PACKETS_MIN {
            burst.ended = Some(now);
        }
        Some(burst.id)
    }

    pub(super) fn take(&mut self, ack: &Ack) {
        let Some(burst) = self.burst.as_mut() else {
            return;
        };
        if ack.probe != Some(burst.id) {
            return;
        }
        burst.got += 1;
        burst.got_bytes += ack.size;
        burst.first.get_or_insert(*ack);
        burst.last = Some(*ack);
        burst.last_arrived = burst.last_arrived.max(ack.arrived);
    }

    /// What a burst has proven to get through, once, bits per second.
    pub(super) fn result(&mut self) -> Option<u64> {
        let burst = self.burst.as_ref().filter(|burst| burst.arrived_enough())?;
        let (first, last) = (burst.first?, burst.last?);
        // n packets span n - 1 gaps: the last one's bytes left after the span, the first one's arrived before it.
        let bps = |bytes: usize, time: Duration| bytes as f64 * 8.0 / time.as_secs_f64();
        let sent = last.sent.saturating_duration_since(first.sent);
        let arrived = burst.last_arrived.saturating_sub(first.arrived);
        let out = bps(burst.got_bytes - last.size, sent);
        let through = bps(burst.got_bytes - first.size, arrived);
        let tried = burst.bps;
        self.burst = None;
        self.tried = Some(tried);
        // What left or arrived in one lump says nothing about the link.
        if sent < SPAN_MIN || arrived < SPAN_MIN {
            return None;
        }
        // A link that slowed the burst down is full at that rate; a little less leaves its queue empty.
        let proven = if through < 0.9 * out {
            0.95 * through
        } else {
            out
        };
        Some((proven as u64).min(tried))
    }

    /// The estimate before and after a feedback message decides when to try again.
    pub(super) fn informed(&mut self, now: Instant, before: u64, after: u64) {
        if let Some(tried) = self.tried.take() {
            let passed = after as f64 >= tried as f64 * PASSED;
            self.next = now + if passed { Duration::ZERO } else { RETRY };
        } else if (after as f64) < before as f64 * FELL {
            self.next = now + SOON;
        }
    }

    pub(super) fn tick(&mut self, now: Instant, bps: u64) {
        let ended = self.burst.as_ref().and_then(|burst| burst.ended);
        if ended.is_some_and(|ended| now >= ended + WAIT) {
            self.burst = None;
            self.next = now + RETRY;
        }
        if self.wants(bps) && now >= self.next {
            let multiple = if self.count == 0 { FIRST } else { FURTHER };
            self.count += 1;
            let rate = (bps * multiple).min((self.desired as f64 * ENOUGH) as u64);
            self.burst = Some(Burst::new(self.count, rate));
            self.next = now + RETRY;
        }
    }

    /// When [`tick`](Self::tick) has something to do.
    pub(super) fn next(&self, bps: u64) -> Option<Instant> {
        match &self.burst {
            Some(burst) => burst.ended.map(|ended| ended + WAIT),
            None => self.wants(bps).then_some(self.next),
        }
    }

    fn wants(&self, bps: u64) -> bool {
        self.burst.is_none() && self.desired > bps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The result of a burst whose packets arrive with these gaps.
    fn result(gap: Duration) -> Option<u64> {
        let start = Instant::now();
        let mut prober = Prober::new(start);
        prober.set_desired(10_000_000);
        prober.tick(start, 600_000);
        let mut nth = 0u32;
        while let Some(due) = prober.due(start) {
            let sent = due.max(start);
            let probe = prober.sent(sent, 500);
            prober.take(&Ack {
                sent,
                arrived: Duration::from_secs(9) + gap * nth,
                size: 500,
                probe,
            });
            nth += 1;
        }
        prober.result()
    }

    #[test]
    fn a_burst_proves_the_slower_of_what_left_and_what_arrived() {
        // 1.8 Mbit/s, as it left.
        let same = result(Duration::from_micros(2_222)).unwrap();
        assert!((1_750_000..=1_800_000).contains(&same), "{same}");
        let half = result(Duration::from_micros(4_444)).unwrap();
        assert!((800_000..900_000).contains(&half), "{half}");
    }

    #[test]
    fn what_arrives_in_one_lump_proves_nothing() {
        assert_eq!(result(Duration::ZERO), None);
    }
}
