//! The rate that loss allows. Loss that goes away when less is sent is congestion without a queue, as at a policer;
//! loss that stays is the radio's, and sending less would help nobody.

use std::time::{Duration, Instant};

use super::BPS_MIN;

/// Packets that make a measurement.
const PACKETS_MIN: usize = 30;
/// Shares of lost packets: below the first the rate may grow, above the second it falls.
const LOW: f64 = 0.02;
const HIGH: f64 = 0.10;
/// Growth per second.
const GROWTH: f64 = 0.08;
const PAUSE: Duration = Duration::from_millis(300);
/// A cut to this share must have lowered the loss by as much, or the loss is not ours.
const TRIED: f64 = 0.7;
const STAYED: f64 = 0.7;
/// How long that cut must have been in force, and a round trip: layers are chosen anew twice a second, and what waited in a
/// queue arrives first.
const SETTLE: Duration = Duration::from_secs(1);
/// A larger share than this, now and on the average, is never taken for the radio's: a link that drops much of what it is
/// sent because its queue is full goes on doing so while cuts are too small to matter.
const INHERENT_MAX: f64 = 0.25;
/// Weight of a measurement in the average: about the last two seconds of sound and a small picture.
const WEIGHT: f64 = 0.2;
/// How long loss that is not ours is believed to be so.
const BELIEVED: Duration = Duration::from_secs(15);

/// The first cut of an episode.
#[derive(Debug, Clone, Copy)]
struct Cut {
    at: Instant,
    bps: f64,
    share: f64,
    /// Since when the rate is at most [`TRIED`] of that.
    tried: Option<Instant>,
}

impl Cut {
    /// Whether the loss stays although less has been sent for long enough.
    fn cured_nothing(&mut self, now: Instant, bps: f64, share: f64, round_trip: Duration) -> bool {
        if bps > self.bps * TRIED {
            return false;
        }
        let since = *self.tried.get_or_insert(now);
        now >= since + SETTLE + round_trip && share >= self.share * STAYED
    }
}

/// The limit that loss sets.
#[derive(Debug, Default)]
pub(super) struct Loss {
    cap: Option<f64>,
    got: usize,
    lost: usize,
    /// Average share of lost packets.
    average: f64,
    measured: Option<Instant>,
    lowered: Option<Instant>,
    cut: Option<Cut>,
    /// Loss that is there at any rate, and until when that is believed.
    inherent: Option<(f64, Instant)>,
}

impl Loss {
    /// Bits per second; the largest number when loss sets no limit.
    pub(super) fn cap(&self) -> u64 {
        self.cap.map_or(u64::MAX, |bps| bps as u64)
    }

    /// Average share of lost packets.
    pub(super) fn average(&self) -> f64 {
        self.average
    }

    /// A probe has shown that more gets through.
    pub(super) fn raise(&mut self, bps: u64) {
        if self.cap.is_some_and(|cap| cap < bps as f64) {
            self.cap = Some(bps as f64);
        }
    }

    /// Takes what one feedback message says; `rate` is what delay allows, bits per second.
    pub(super) fn take(
        &mut self,
        now: Instant,
        got: usize,
        lost: usize,
        found: usize,
        round_trip: Duration,
        rate: u64,
    ) {
        self.got += got;
        self.lost = (self.lost + lost).saturating_sub(found);
        let packets = self.got + self.lost;
        if packets < PACKETS_MIN {
            return;
        }
        let share = self.lost as f64 / packets as f64;
        (self.got, self.lost) = (0, 0);
        self.average += (share - self.average) * WEIGHT;
        let seconds = self.measured.map_or(0.0, |at| {
            now.saturating_duration_since(at).as_secs_f64().min(1.0)
        });
        self.measured = Some(now);
        self.judge(now, share, seconds, round_trip, rate as f64);
    }

    fn judge(&mut self, now: Instant, share: f64, seconds: f64, round_trip: Duration, rate: f64) {
        let inherent = match self.inherent {
            Some((inherent, until)) if now < until => inherent,
            Some(_) | None => 0.0,
        };
        let excess = share - inherent;
        let current = self.cap.unwrap_or(rate).min(rate);
        if excess > HIGH {
            if self.lowered.is_some_and(|at| now < at + PAUSE + round_trip) {
                return;
            }
            self.lowered = Some(now);
            self.cut = self.cut.filter(|cut| now < cut.at + BELIEVED);
            let lower = (current * (1.0 - 0.5 * share)).max(BPS_MIN as f64);
            let Some(cut) = &mut self.cut else {
                self.cut = Some(Cut {
                    at: now,
                    bps: current,
                    share,
                    tried: None,
                });
                self.cap = Some(lower);
                return;
            };
            let cured_nothing = cut.cured_nothing(now, current, share, round_trip);
            if cured_nothing && share.max(self.average) <= INHERENT_MAX {
                self.inherent = Some((share, now + BELIEVED));
                self.cap = Some(cut.bps);
                self.cut = None;
            } else {
                self.cap = Some(lower);
            }
        } else if excess < LOW {
            self.cut = None;
            if let Some(cap) = &mut self.cap {
                *cap *= (1.0 + GROWTH).powf(seconds);
                if *cap > rate * 1.5 {
                    self.cap = None;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The limit after `seconds`, with 100 packets a second at 1 Mbit/s, of which `share` says how many are lost.
    fn after(seconds: u32, share: impl Fn(u64) -> f64) -> u64 {
        let start = Instant::now();
        let mut loss = Loss::default();
        let mut due = 0.0;
        for nth in 0..seconds * 10 {
            due += 10.0 * share(loss.cap().min(1_000_000));
            let lost = due as usize;
            due -= lost as f64;
            let now = start + Duration::from_millis(100) * nth;
            loss.take(
                now,
                10 - lost.min(10),
                lost,
                0,
                Duration::from_millis(50),
                1_000_000,
            );
        }
        loss.cap().min(1_000_000)
    }

    #[test]
    fn a_policer_is_met_below_its_rate() {
        let bps = after(30, |bps| {
            if bps > 500_000 {
                1.0 - 500_000.0 / bps as f64
            } else {
                0.0
            }
        });
        assert!((300_000..650_000).contains(&bps), "{bps}");
    }

    #[test]
    fn loss_that_sending_less_does_not_cure_costs_no_rate() {
        let bps = after(30, |_| 0.2);
        assert!(bps > 600_000, "{bps}");
    }

    #[test]
    fn a_link_that_drops_most_is_not_taken_for_a_bad_radio() {
        let full = |bps: u64| (1.0 - 140_000.0 / bps as f64).max(0.0);
        let bps = after(30, full);
        assert!(bps < 200_000, "{bps}");
    }

    #[test]
    fn a_full_queue_is_not_taken_for_a_bad_radio_while_layers_follow_late() {
        let start = Instant::now();
        let mut loss = Loss::default();
        let (mut due, mut lossy, mut longest) = (0.0, 0, 0);
        let mut caps = vec![u64::MAX; 13];
        for nth in 0..600 {
            // What is sent follows 1.3 s late, in steps.
            let cap = caps[nth];
            let fits = |bps: &u64| *bps <= cap;
            let sent = [248_000, 170_000, 110_000]
                .into_iter()
                .find(fits)
                .unwrap_or(110_000);
            let share = (1.0 - 200_000.0 / sent as f64).max(0.0);
            lossy = if share > 0.0 { lossy + 1 } else { 0 };
            longest = longest.max(lossy);
            due += 10.0 * share;
            let lost = due as usize;
            due -= lost as f64;
            let now = start + Duration::from_millis(100) * nth as u32;
            let round_trip = Duration::from_millis(500);
            loss.take(now, 10 - lost, lost, 0, round_trip, 300_000);
            caps.push(loss.cap().min(300_000));
        }
        assert!(longest < 60, "lossy for {longest} tenths of a second");
    }

    #[test]
    fn little_loss_costs_nothing() {
        assert_eq!(after(30, |_| 0.05), 1_000_000);
    }
}
