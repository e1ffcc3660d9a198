//! When pictures and retransmissions may go out.

use std::time::{Duration, Instant};

/// They may go out this much faster than the estimate.
const PACE: f64 = 2.5;
/// What may go out at once, as time at the paced rate.
const BURST: Duration = Duration::from_millis(40);
/// After a burst, packets gather for this long, so that they still leave in runs.
const GATHER: Duration = Duration::from_millis(5);

/// A leaky bucket: what was sent is a debt that time pays.
#[derive(Debug)]
pub(super) struct Pacer {
    /// Bytes.
    debt: f64,
    paid: Instant,
    /// Bytes per second.
    rate: f64,
    /// Whether the last burst was spent, so that the next one waits a little longer.
    spent: bool,
}

impl Pacer {
    pub(super) fn new(now: Instant, bps: u64) -> Self {
        Self {
            debt: 0.0,
            paid: now,
            rate: bps as f64 / 8.0 * PACE,
            spent: false,
        }
    }

    /// Lets time pay, at a rate of `bps` bits per second from now on.
    pub(super) fn pay(&mut self, now: Instant, bps: u64) {
        let seconds = now.saturating_duration_since(self.paid).as_secs_f64();
        self.debt = (self.debt - seconds * self.rate).max(0.0);
        self.paid = now;
        self.rate = bps as f64 / 8.0 * PACE;
        self.spent &= self.debt > self.burst() - GATHER.as_secs_f64() * self.rate;
    }

    /// Counts bytes that were sent.
    pub(super) fn sent(&mut self, bytes: usize) {
        self.debt += bytes as f64;
        self.spent |= self.debt > self.burst();
    }

    /// When something may go out: not after the last payment when it may at once.
    pub(super) fn ready_at(&self) -> Instant {
        if !self.spent {
            return self.paid;
        }
        let over = self.debt - self.burst() + GATHER.as_secs_f64() * self.rate;
        self.paid + Duration::from_secs_f64((over / self.rate).clamp(0.0, 1.0))
    }

    /// Bytes per second that go out.
    pub(super) fn rate(&self) -> f64 {
        self.rate
    }

    /// Another path: what is on the old one is nobody's debt.
    pub(super) fn forget(&mut self) {
        self.debt = 0.0;
        self.spent = false;
    }

    fn burst(&self) -> f64 {
        BURST.as_secs_f64() * self.rate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_goes_at_once_and_the_rest_at_the_paced_rate() {
        let start = Instant::now();
        let mut pacer = Pacer::new(start, 400_000);
        // 125,000 bytes a second: 5,000 at once.
        let mut sent = Vec::new();
        let mut now = start;
        while sent.len() < 100 {
            pacer.pay(now, 400_000);
            if pacer.ready_at() <= now {
                pacer.sent(1_000);
                sent.push(now);
            } else {
                now = pacer.ready_at() + Duration::from_micros(1);
            }
        }
        assert_eq!(sent.iter().filter(|at| **at == start).count(), 6);
        let took = (sent[99] - start).as_millis();
        assert!((730..780).contains(&took), "{took} ms for 94,000 bytes");
    }
}
