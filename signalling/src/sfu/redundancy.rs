//! How often sound is repeated on a link, by what is lost there: at once when it is lost, and for a while after.

use std::time::{Duration, Instant};

use super::egress::DownlinkTold;
use super::uplink::UplinkTold;

/// Packets lost, per cent, from which each packet repeats one earlier packet, and from which two. What Opus hides well
/// by itself is below.
const MORE_FROM: [u8; DEEPEST as usize] = [3, 12];
/// At this loss and below, one fewer will do.
const FEWER_FROM: [u8; DEEPEST as usize] = [1, 6];
/// How long it must have been so. Loss comes in spells, and a word that was lost is worth more than the bytes.
pub const CALM: Duration = Duration::from_secs(20);
/// Earlier packets that are repeated at most: what one in seven hundred packets needs at 20 % loss needs no third.
pub const DEEPEST: u8 = 2;

/// Packets of two seconds that say how a link does: sound alone is a hundred.
const TELLING: u64 = 20;

/// The state of one way, told its loss every two seconds or so.
#[derive(Debug)]
pub struct Redundancy {
    max: u8,
    /// Earlier packets to repeat in each.
    depth: u8,
    /// Since when one fewer would do.
    calm: Option<Instant>,
}

impl Redundancy {
    /// A link of which nothing is known, on which up to `max` earlier packets can be repeated.
    pub fn up_to(max: u8) -> Self {
        Self {
            max: max.min(DEEPEST),
            depth: 0,
            calm: None,
        }
    }

    /// Earlier packets to repeat in each now.
    pub fn depth(&self) -> u8 {
        self.depth
    }

    /// Takes what was lost of late, per cent; `None` when that is not known. Returns whether the depth is another one now.
    pub fn judge(&mut self, now: Instant, loss_pct: Option<u8>) -> bool {
        let Some(loss) = loss_pct else {
            return false;
        };
        let wanted = MORE_FROM.iter().filter(|from| loss >= **from).count() as u8;
        let wanted = wanted.min(self.max);
        if wanted > self.depth {
            (self.depth, self.calm) = (wanted, None);
            return true;
        }
        let fewer = self.depth.checked_sub(1);
        let calm = fewer.is_some_and(|fewer| loss <= FEWER_FROM[usize::from(fewer)]);
        if !calm {
            self.calm = None;
            return false;
        }
        let since = *self.calm.get_or_insert(now);
        if now < since + CALM {
            return false;
        }
        // The next one fewer has to prove itself anew.
        (self.depth, self.calm) = (fewer.unwrap_or(0), None);
        true
    }
}

/// How often sound is repeated on both ways of a participant's link.
#[derive(Debug)]
pub struct Repeats {
    up: Redundancy,
    down: Redundancy,
}

impl Default for Repeats {
    fn default() -> Self {
        Self {
            // How many a browser repeats is its own choice.
            up: Redundancy::up_to(1),
            down: Redundancy::up_to(DEEPEST),
        }
    }
}

impl Repeats {
    /// Takes what both ways did of late. Returns whether the participant is to send in another way now.
    pub fn judge(&mut self, now: Instant, up: &UplinkTold, down: &DownlinkTold) -> bool {
        self.down.judge(now, down.loss_pct);
        // One lost of the few packets of a pause says nothing.
        let told = (up.packets >= TELLING).then_some(up.loss_pct);
        self.up.judge(now, told)
    }

    /// Whether the participant is to repeat what it sends.
    pub fn up(&self) -> bool {
        self.up.depth > 0
    }

    /// Earlier packets to repeat towards the participant, when so much sound goes there and so much goes through without a
    /// queue, as far as that is known; bits per second. Where more would only wait, it would only be lost.
    pub fn down(&self, sound: u64, carried: Option<u64>) -> u8 {
        let fits = |depth: &u8| carried.is_none_or(|bps| sound * (1 + u64::from(*depth)) <= bps);
        (0..=self.down.depth).rev().find(fits).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STEP: Duration = Duration::from_secs(2);

    fn depths(max: u8, losses: &[u8]) -> Vec<u8> {
        let start = Instant::now();
        let mut link = Redundancy::up_to(max);
        let judge = |(nth, loss): (u32, &u8)| {
            link.judge(start + STEP * nth, Some(*loss));
            link.depth()
        };
        (0..).zip(losses).map(judge).collect()
    }

    #[test]
    fn loss_is_answered_at_once_and_calm_after_a_while() {
        assert_eq!(depths(2, &[0, 2, 3, 11, 12, 40]), [0, 0, 1, 1, 2, 2]);
        assert_eq!(depths(1, &[40, 2]), [1, 1]);
        let mut losses = vec![20];
        losses.extend([0; 25]);
        let told = depths(2, &losses);
        // The calm begins with the second: 20 s for each step.
        assert_eq!(told[..11], [2; 11]);
        assert_eq!(told[11..22], [1; 11]);
        assert_eq!(told[22..], [0; 4]);
    }

    #[test]
    fn a_link_at_the_edge_does_not_flap_and_one_that_says_nothing_changes_nothing() {
        let edge: Vec<u8> = [3, 2].into_iter().cycle().take(200).collect();
        assert!(depths(2, &edge).iter().all(|depth| *depth == 1));
        let spells: Vec<u8> = [0, 0, 0, 0, 0, 0, 0, 3]
            .into_iter()
            .cycle()
            .take(200)
            .collect();
        assert!(depths(2, &spells)[7..].iter().all(|depth| *depth == 1));
        let mut link = Redundancy::up_to(2);
        let now = Instant::now();
        link.judge(now, Some(5));
        for nth in 1..100 {
            assert!(!link.judge(now + STEP * nth, None));
        }
        assert_eq!(link.depth(), 1);
    }

    #[test]
    fn a_link_without_room_repeats_less_and_a_pause_says_nothing() {
        let now = Instant::now();
        let mut repeats = Repeats::default();
        let down = DownlinkTold {
            loss_pct: Some(30),
            round_trip: None,
            sent_bps: 0,
        };
        let up = |packets| UplinkTold {
            packets,
            bps: 0,
            loss_pct: 50,
        };
        assert!(!repeats.judge(now, &up(5), &down));
        assert!(!repeats.up());
        assert_eq!(repeats.down(40_000, None), 2);
        assert_eq!(repeats.down(40_000, Some(120_000)), 2);
        assert_eq!(repeats.down(40_000, Some(119_000)), 1);
        assert_eq!(repeats.down(40_000, Some(79_000)), 0);
        assert_eq!(repeats.down(40_000, Some(10_000)), 0);
        assert!(repeats.judge(now, &up(50), &down) && repeats.up());
    }

    proptest! {
        /// Whatever is lost, the depth keeps its bounds, and falls one step in 20 s at most.
        #[test]
        fn it_falls_slowly(losses in prop::collection::vec(0u8..=100, 0..300), max in 0u8..4) {
            let told = depths(max, &losses);
            prop_assert!(told.iter().all(|depth| *depth <= max.min(DEEPEST)));
            let falls: Vec<usize> = (1..told.len()).filter(|at| told[*at] < told[at - 1]).collect();
            prop_assert!(falls.iter().all(|at| told[at - 1] - told[*at] == 1));
            prop_assert!(falls.windows(2).all(|pair| pair[1] - pair[0] >= 10));
        }
    }
}
