//! The rate that loss allows. Loss that goes away when less is sent is congestion without a queue, as at a policer;
//! loss that stays is the radio's, and sending less would help nobody. Which of them it is, is tried out: by a cut.

use std::time::{Duration, Instant};

use super::BPS_MIN;

/// A measurement takes this long and so many packets: a tenth lost of fewer is a matter of luck. That of what a cut does takes
/// twice as long.
const STRETCH: Duration = Duration::from_secs(1);
const PACKETS_MIN: usize = 60;
/// So large a share is no matter of luck even of half as many.
const MOST: f64 = 0.5;
/// Shares of lost packets beyond the radio's: below the first the rate may grow, above the second it falls.
const LOW: f64 = 0.02;
const HIGH: f64 = 0.10;
/// Growth per second.
const GROWTH: f64 = 0.08;
/// A cut is to this share of what was sent, or to what of it got through.
const TRIED: f64 = 0.7;
/// It must have lowered the loss to this share of it, and by so much, or the loss is not ours. Where what was sent was
/// within [`INHERENT_MAX`] of what fits, less of it loses nothing.
const STAYED: f64 = 0.5;
const CURED: f64 = 0.08;
/// How long a cut must have been in force, and a round trip: layers are chosen anew twice a second, and what waited in a
/// queue arrives first.
const SETTLE: Duration = Duration::from_secs(1);
/// A larger share than this, on the average, is never taken for the radio's: a link that drops much of what it is sent
/// because its queue is full goes on doing so while cuts are too small to matter.
const INHERENT_MAX: f64 = 0.30;
/// Weight of a packet in the average: that of about the last two seconds of sound and a small picture.
const WEIGHT: f64 = 1.0 / 135.0;
/// How long the outcome of a cut is believed: twice as long each time that the next cut has the same outcome.
const BELIEVED: Duration = Duration::from_secs(15);
const BELIEVED_MAX: Duration = Duration::from_secs(120);

/// A cut whose outcome is not known yet.
#[derive(Debug, Clone, Copy)]
struct Cut {
    /// The limit before it, bits per second.
    before: f64,
    /// What got through of what was sent before it, bits per second.
    through: f64,
    share: f64,
}

/// What a cut has shown, for as long as it is believed.
#[derive(Debug, Default)]
struct Belief(Option<(f64, Instant, Duration)>);

impl Belief {
    fn at(&self, now: Instant) -> Option<f64> {
        let (value, until, _) = self.0?;
        (now < until).then_some(value)
    }

    fn renew(&mut self, now: Instant, value: f64) {
        let time = match self.0 {
            Some((_, until, time)) if now < until + BELIEVED => (time * 2).min(BELIEVED_MAX),
            Some(_) | None => BELIEVED,
        };
        self.0 = Some((value, now + time, time));
    }

    fn lower(&mut self, most: f64) {
        if let Some((value, ..)) = &mut self.0 {
            *value = value.min(most);
        }
    }
}

/// What one feedback message says of loss.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told {
    /// Packets that arrived.
    pub(super) got: usize,
    /// Packets that did not.
    pub(super) lost: usize,
    /// Packets among the first that an earlier message had told lost.
    pub(super) found: usize,
    /// How long feedback takes.
    pub(super) round_trip: Duration,
    /// What delay allows, bits per second.
    pub(super) rate: u64,
    /// What arrives, bits per second, if that is known.
    pub(super) delivered: Option<u64>,
}

/// The limit that loss sets.
#[derive(Debug, Default)]
pub(super) struct Loss {
    cap: Option<f64>,
    /// The measurement under way.
    since: Option<Instant>,
    got: usize,
    lost: usize,
    /// Average share of lost packets.
    average: f64,
    cut: Option<Cut>,
    /// Share that is lost at any rate.
    inherent: Belief,
    /// Bits per second above which a policer drops.
    policed: Belief,
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

    /// Takes what one feedback message says.
    pub(super) fn take(&mut self, now: Instant, told: &Told) {
        let since = *self.since.get_or_insert(now);
        // A cut that was made just now.
        let Some(time) = now.checked_duration_since(since) else {
            return;
        };
        self.got += told.got;
        self.lost = (self.lost + told.lost).saturating_sub(told.found);
        let packets = self.got + self.lost;
        let share = self.lost as f64 / packets.max(1) as f64;
        let stretch = if self.cut.is_some() {
            STRETCH * 2
        } else {
            STRETCH
        };
        let whole = time >= stretch && packets >= PACKETS_MIN;
        let plain = share >= MOST && packets >= PACKETS_MIN / 2;
        if !whole && !plain {
            return;
        }
        (self.got, self.lost, self.since) = (0, 0, Some(now));
        self.average += (share - self.average) * -(-(packets as f64) * WEIGHT).exp_m1();
        self.inherent.lower(self.average + LOW);
        self.conclude(now, share);
        self.judge(now, time, share, told);
    }

    /// Learns from a cut: what is still lost is lost at any rate; if that is as much as before, it was in vain.
    fn conclude(&mut self, now: Instant, share: f64) {
        let Some(cut) = self.cut.take() else { return };
        if self.average > INHERENT_MAX {
            return;
        }
        self.inherent.renew(now, share);
        if share > cut.share - CURED.max(cut.share * STAYED) {
            self.cap = Some(cut.before);
        } else {
            self.policed.renew(now, cut.through);
        }
    }

    fn judge(&mut self, now: Instant, time: Duration, share: f64, told: &Told) {
        let excess = share - self.inherent.at(now).unwrap_or(0.0);
        let rate = told.rate as f64;
        if excess > HIGH {
            let before = self.cap.unwrap_or(rate).min(rate);
            let through = 1.0 - share;
            let sent = told
                .delivered
                .map_or(before, |bps| before.min(bps as f64 / through.max(LOW)));
            self.since = Some(now + SETTLE + told.round_trip);
            self.cut = Some(Cut {
                before,
                through: sent * through,
                share,
            });
            self.cap = Some((sent * TRIED.min(through)).max(BPS_MIN as f64));
        } else if excess < LOW
            && let Some(cap) = &mut self.cap
        {
            let most = self
                .policed
                .at(now)
                .map_or(f64::INFINITY, |bps| bps.max(*cap));
            let seconds = time.as_secs_f64().min(2.0);
            *cap = (*cap * (1.0 + GROWTH).powf(seconds)).min(most);
            if *cap > rate * 1.5 {
                self.cap = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::rngs::SmallRng;
    use rand::{RngExt, SeedableRng};

    use super::*;

    const TENTH: Duration = Duration::from_millis(100);
    const DELAY_ALLOWS: u64 = 2_000_000;

    /// A camera of three layers and sound, as it is sent at a limit, bits per second.
    fn layers(cap: u64) -> f64 {
        [1_700_000, 500_000, 150_000]
            .into_iter()
            .find(|bps| bps + 50_000 <= cap)
            .map_or(60_000.0, |bps| bps as f64)
    }

    /// What was seen in so many seconds on a link that loses a share at random, and what is beyond `fits`, which may change.
    #[derive(Debug, Default)]
    struct Seen {
        /// Seconds without the largest layer.
        small: f64,
        /// Seconds in which more was sent than fits, and those of the first ten.
        over: f64,
        over_first: f64,
        /// Limit at the end.
        cap: u64,
    }

    fn see(seconds: usize, at_random: f64, fits: f64) -> Seen {
        let runs = 20;
        let mut all = Seen::default();
        for seed in 1..=runs {
            let mut dice = SmallRng::seed_from_u64(seed);
            let start = Instant::now();
            let mut loss = Loss::default();
            let mut seen = Seen::default();
            // Layers follow half a second late.
            let mut caps = vec![u64::MAX; 6];
            for nth in 0..seconds * 10 {
                let sent = layers(caps[nth].min(DELAY_ALLOWS));
                let share = at_random + (1.0 - at_random) * (1.0 - fits / sent).max(0.0);
                let packets = (sent / 96_000.0 + 5.0) as usize;
                let lost = (0..packets).filter(|_| dice.random_bool(share)).count();
                seen.small += if sent < 1e6 { 0.1 } else { 0.0 };
                let over = if sent > fits { 0.1 } else { 0.0 };
                seen.over += over;
                seen.over_first += if nth < 100 { over } else { 0.0 };
                let told = Told {
                    got: packets - lost,
                    lost,
                    found: 0,
                    round_trip: TENTH / 2,
                    rate: DELAY_ALLOWS,
                    delivered: Some((sent * (1.0 - share)) as u64),
                };
                loss.take(start + TENTH * nth as u32, &told);
                caps.push(loss.cap());
            }
            all.small += seen.small / runs as f64;
            all.over += seen.over / runs as f64;
            all.over_first += seen.over_first / runs as f64;
            all.cap = all.cap.max(loss.cap());
        }
        all
    }

    #[test]
    fn loss_that_sending_less_does_not_cure_costs_little_of_the_time() {
        for (share, small_max) in [
            (0.02, 0.1),
            (0.05, 1.0),
            (0.08, 18.0),
            (0.1, 18.0),
            (0.15, 18.0),
            (0.2, 18.0),
            (0.25, 30.0),
        ] {
            let seen = see(120, share, f64::INFINITY);
            assert!(seen.small <= small_max, "{share}: {seen:?}");
        }
    }

    #[test]
    fn a_policer_is_met_below_its_rate_and_seldom_tried_again() {
        for fits in [400_000.0, 1_200_000.0, 1_500_000.0] {
            for at_random in [0.0, 0.05] {
                let seen = see(120, at_random, fits);
                assert!(seen.over <= 9.0, "{fits} {at_random}: {seen:?}");
                assert!(seen.over_first <= 2.5, "{fits} {at_random}: {seen:?}");
            }
        }
    }

    #[test]
    fn a_link_that_drops_most_is_not_taken_for_a_bad_radio() {
        let seen = see(30, 0.0, 40_000.0);
        assert!(seen.cap < 200_000, "{seen:?}");
    }

    #[test]
    fn a_radio_that_gets_well_is_not_believed_to_be_bad() {
        let start = Instant::now();
        let mut loss = Loss::default();
        let mut now = start;
        let mut told = |loss: &mut Loss, seconds: u32, lost: usize, rate: u64| {
            for _ in 0..seconds * 10 {
                now += TENTH;
                let told = Told {
                    got: 20 - lost,
                    lost,
                    found: 0,
                    round_trip: TENTH,
                    rate,
                    delivered: Some(rate.min(loss.cap()) / 20 * (20 - lost as u64)),
                };
                loss.take(now, &told);
            }
        };
        told(&mut loss, 10, 4, DELAY_ALLOWS);
        assert!(loss.cap() >= DELAY_ALLOWS, "{loss:?}");
        told(&mut loss, 5, 0, DELAY_ALLOWS);
        // A policer from now on, while the radio's loss would still be believed.
        told(&mut loss, 2, 4, DELAY_ALLOWS);
        assert!(loss.cap() < DELAY_ALLOWS, "{loss:?}");
    }
}
