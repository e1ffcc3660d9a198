//! When pictures give way to sound. A link that cannot carry a picture shows it in jerks and breaks up the sound as well;
//! sound alone gets through. Both ways are slow, so that a link on the edge does not flap.

use std::time::{Duration, Instant};

/// How long the link must have been too narrow for the most important picture before it waits. A passing dip of the
/// estimate, or one large frame of a screen, is not worth it.
pub const PAUSE_AFTER: Duration = Duration::from_secs(4);
/// How long it must have been wide enough before the picture comes back, at first;
pub const RESUME_AFTER: Duration = Duration::from_secs(3);
/// and at most: each time the picture had come back in vain doubles it.
pub const RESUME_AFTER_MAX: Duration = Duration::from_secs(24);
/// A picture that has to wait again this soon had come back in vain.
const IN_VAIN: Duration = Duration::from_secs(20);
/// Where nothing can be sent as a probe, the picture itself is tried after this.
const BLIND_AFTER: Duration = Duration::from_secs(30);
/// What must be free beyond the picture's cost before it comes back, as a share of it: 1/4.
const MARGIN: u64 = 4;
/// How long any other picture that had to wait goes on doing so.
pub const OTHERS_AFTER: Duration = Duration::from_secs(2);
/// How long a picture must have waited before the receiver is told.
pub const TOLD_AFTER: Duration = Duration::from_secs(1);

/// Whether a receiver's most important picture waits for a wider link.
#[derive(Debug, Default)]
pub struct Pause {
    paused: bool,
    /// Since when the link has been too narrow for a picture that is sent, or wide enough for one that waits.
    turning: Option<Instant>,
    /// When the last pause began and when it ended.
    began: Option<Instant>,
    ended: Option<Instant>,
    vain: u32,
}

impl Pause {
    /// Takes what the link carries (`None` until the receiver has told), what sound and the most important picture in
    /// its lowest layer cost together (`None` without any picture), both in bits per second, and whether probes can be
    /// sent. Returns whether the picture waits.
    ///
    /// ## Plays => (Plays | Waits), Waits => (Waits | Plays)
    pub fn judge(
        &mut self,
        now: Instant,
        estimate: Option<u64>,
        least: Option<u64>,
        can_probe: bool,
    ) -> bool {
        let (Some(estimate), Some(least)) = (estimate, least) else {
            self.paused = false;
            self.turning = None;
            return false;
        };
        let (turns, after) = if self.paused {
            (estimate >= least + least / MARGIN, self.resume_after())
        } else {
            (estimate < least, PAUSE_AFTER)
        };
        self.turning = turns.then(|| self.turning.unwrap_or(now));
        let long = |since: Instant, time: Duration| now >= since + time;
        let blind = |since: Instant| !can_probe && long(since, BLIND_AFTER);
        let turned = self.turning.is_some_and(|since| long(since, after));
        if turned || (self.paused && self.began.is_some_and(blind)) {
            self.turn(now);
        }
        self.paused
    }

    fn resume_after(&self) -> Duration {
        let doubled = RESUME_AFTER.saturating_mul(1 << self.vain.min(8));
        doubled.min(RESUME_AFTER_MAX)
    }

    fn turn(&mut self, now: Instant) {
        self.paused = !self.paused;
        self.turning = None;
        if !self.paused {
            self.ended = Some(now);
            return;
        }
        self.began = Some(now);
        let in_vain = self.ended.is_some_and(|ended| now < ended + IN_VAIN);
        self.vain = if in_vain { self.vain + 1 } else { 0 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const LEAST: Option<u64> = Some(200_000);

    struct Link {
        now: Instant,
        pause: Pause,
        can_probe: bool,
    }

    impl Link {
        fn new() -> Self {
            Self {
                now: Instant::now(),
                pause: Pause::default(),
                can_probe: true,
            }
        }

        /// Seconds, of so many, in which the picture waited at a width of the link.
        fn waits(&mut self, bps: u64, seconds: u32) -> u32 {
            let mut waited = 0;
            for _ in 0..seconds * 2 {
                self.now += SECOND / 2;
                let waits = self.pause.judge(self.now, Some(bps), LEAST, self.can_probe);
                waited += u32::from(waits);
            }
            waited / 2
        }
    }

    #[test]
    fn a_passing_dip_pauses_nothing_and_a_lasting_one_does() {
        let mut link = Link::new();
        assert_eq!(link.waits(1_000_000, 10), 0);
        assert_eq!(link.waits(100_000, 3), 0);
        assert_eq!(link.waits(1_000_000, 10), 0);
        assert_eq!(link.waits(100_000, 10), 6);
    }

    #[test]
    fn on_the_edge_it_stays_as_it_is() {
        let mut link = Link::new();
        assert_eq!(link.waits(210_000, 60), 0);
        link.waits(100_000, 10);
        assert_eq!(link.waits(210_000, 60), 60);
        assert_eq!(link.waits(260_000, 10), 3);
    }

    #[test]
    fn a_picture_that_comes_back_in_vain_waits_longer_each_time_to_a_bound() {
        let mut link = Link::new();
        let mut resumed = Vec::new();
        for _ in 0..6 {
            link.waits(100_000, 5);
            resumed.push(link.waits(1_000_000, 30));
        }
        // Each time it played for long enough to be no try in vain.
        assert!(resumed.iter().all(|waited| *waited <= 4), "{resumed:?}");
        let mut vain = Vec::new();
        for _ in 0..6 {
            link.waits(100_000, 5);
            let mut waited = 0;
            while link.waits(1_000_000, 1) > 0 {
                waited += 1;
            }
            vain.push(waited);
        }
        assert!(vain.is_sorted(), "{vain:?}");
        assert_eq!(vain.last(), Some(&24));
    }

    #[test]
    fn where_nothing_can_be_probed_the_picture_is_tried() {
        let mut link = Link::new();
        link.can_probe = false;
        let waited = link.waits(100_000, 60);
        assert!((30..57).contains(&waited), "{waited}");
    }

    #[test]
    fn without_pictures_or_feedback_nothing_waits() {
        let mut link = Link::new();
        link.waits(100_000, 10);
        assert!(!link.pause.judge(link.now, Some(100_000), None, true));
        link.waits(100_000, 10);
        assert!(!link.pause.judge(link.now, None, LEAST, true));
    }
}
