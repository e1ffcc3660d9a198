//! Queues that stand. One that is full all the time grows no more, so that [`trend`](super::trend) calls it well; its delay
//! tells it from a link that loses packets by itself.

use std::time::{Duration, Instant};

use super::Ack;

/// Delay beyond the least from which a queue stands. Clocks that drift apart by 100 ppm stay below that between two
/// renewals of the least.
const STANDING_MS: f64 = 120.0;
/// The least delay is that of this time and of as much before it.
const WINDOW: Duration = Duration::from_secs(300);
/// Jitter, of a radio above all, lets some packet through at once in this time; a queue none.
const LOOK: Duration = Duration::from_secs(1);
/// How long a queue is expected to stand again, should more be sent: longer than sound is repeated after it was lost.
const EXPECTED: Duration = Duration::from_secs(60);

/// Least delay, in ms and maybe negative, of a stretch of time and of the one before.
#[derive(Debug, Default)]
struct Least {
    since: Option<Instant>,
    now: Option<f64>,
    before: Option<f64>,
}

impl Least {
    fn take(&mut self, now: Instant, stretch: Duration, delay: f64) -> f64 {
        if now >= *self.since.get_or_insert(now) + stretch {
            self.since = Some(now);
            self.before = self.now.take();
        }
        let least = self.now.map_or(delay, |least| least.min(delay));
        self.now = Some(least);
        self.before.map_or(least, |before| before.min(least))
    }
}

/// The detector.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// From which both clocks are counted.
    origin: Option<(Instant, Duration)>,
    taken: Option<Instant>,
    ever: Least,
    of_late: Least,
    stands: bool,
    /// Bits per second that arrived while one stood, and when that was.
    full: Option<(Instant, u64)>,
}

impl Queue {
    /// Whether one stands now.
    pub(super) fn stands(&self) -> bool {
        self.stands
    }

    /// Bits per second that arrive when more is sent than fits, if that was seen of late.
    pub(super) fn carries(&self, now: Instant) -> Option<u64> {
        let (at, bps) = self.full?;
        (now < at + EXPECTED).then_some(bps)
    }

    /// Takes the packets of one feedback message, and how many bits per second arrive now.
    pub(super) fn take(&mut self, now: Instant, acks: &[Ack], delivered: Option<u64>) {
        let Some(first) = acks.first() else { return };
        // After a long silence the clocks are too far apart.
        if self.taken.is_some_and(|at| now >= at + WINDOW) {
            *self = Self::default();
        }
        self.taken = Some(now);
        let (sent, arrived) = *self.origin.get_or_insert((first.sent, first.arrived));
        let delay = |ack: &Ack| {
            let there = ack.arrived.as_secs_f64() - arrived.as_secs_f64();
            (there - signed_seconds(sent, ack.sent)) * 1e3
        };
        let delay = acks.iter().map(delay).fold(f64::INFINITY, f64::min);
        let ever = self.ever.take(now, WINDOW, delay);
        let of_late = self.of_late.take(now, LOOK, delay);
        self.stands = of_late - ever >= STANDING_MS;
        if self.stands {
            self.full = delivered.map(|bps| (now, bps)).or(self.full);
        }
    }
}

fn signed_seconds(from: Instant, to: Instant) -> f64 {
    let ahead = to.saturating_duration_since(from).as_secs_f64();
    ahead - from.saturating_duration_since(to).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const DELIVERED: u64 = 44_000;

    /// A link, told of ten times a second, that delays two packets of each message so many ms by then.
    struct Path {
        start: Instant,
        now: Instant,
        queue: Queue,
    }

    impl Path {
        fn new() -> Self {
            let now = Instant::now();
            Self {
                start: now,
                now,
                queue: Queue::default(),
            }
        }

        /// The receiver's clock may go slower; returns whether a queue was seen in the end.
        fn run(&mut self, time: Duration, delays_ms: [u64; 2], ppm: u32) -> bool {
            let end = self.now + time;
            while self.now < end {
                self.now += SECOND / 10;
                let acks = delays_ms.map(|delay| {
                    let arrived = self.now + Duration::from_millis(delay) - self.start;
                    Ack {
                        sent: self.now,
                        arrived: SECOND + arrived + arrived * ppm / 1_000_000,
                        size: 150,
                        probe: None,
                    }
                });
                self.queue.take(self.now, &acks, Some(DELIVERED));
            }
            self.queue.carries(self.now).is_some()
        }
    }

    #[test]
    fn a_queue_that_stands_is_seen_for_as_long_as_it_stands_and_a_minute_more() {
        let mut path = Path::new();
        assert!(!path.run(10 * SECOND, [20, 25], 0));
        assert!(path.run(3 * SECOND, [400, 410], 0));
        assert_eq!(path.queue.carries(path.now), Some(DELIVERED));
        assert!(path.run(200 * SECOND, [400, 410], 0));
        assert!(path.run(55 * SECOND, [20, 25], 0));
        assert!(!path.run(10 * SECOND, [20, 25], 0));
    }

    #[test]
    fn jitter_a_passing_wait_and_clocks_that_drift_are_no_queue() {
        let mut path = Path::new();
        for _ in 0..100 {
            assert!(!path.run(SECOND, [20, 180], 0));
            assert!(!path.run(SECOND, [150, 20], 0));
        }
        // A radio that lets little through at once.
        for _ in 0..100 {
            assert!(!path.run(SECOND * 9 / 10, [320, 330], 0));
            assert!(!path.run(SECOND / 10, [320, 25], 0));
        }
        assert!(!path.run(SECOND, [400, 400], 0));
        assert!(!path.run(2_000 * SECOND, [20, 30], 100));
    }
}
