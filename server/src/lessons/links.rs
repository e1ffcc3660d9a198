//! How one participant's link does: the latest measurement, and a minute of what their browser told. In memory alone, and
//! gone with the participant.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use protocol::PeerId;
use protocol::call::{CallStats, Slot};
use protocol::event::{PeerLink, Quality};
use protocol::limits::{CALL_STATS_SECONDS, CALL_STATS_SPAN_SECONDS_MAX};

/// How long what a browser told counts.
const KEPT: Duration = Duration::from_secs(60);
/// A picture cannot stand still more often than this each second.
const FREEZES_PER_SECOND_MAX: u16 = 5;
/// Pictures that stand still at the same time, each for as long as is told of.
const PICTURES_MAX: u32 = 16;
/// Browsers that give up sooner would not tell.
const JOIN_MILLIS_MAX: u32 = 120_000;

#[derive(Debug)]
pub(super) struct Link {
    /// When the browser asked to join; taken once media could flow.
    pub(super) joining: Option<Instant>,
    pub(super) quality: Option<Quality>,
    told: VecDeque<(Instant, u16, u32)>,
    fps: Option<u8>,
    join_ms: Option<u32>,
    pub(super) sound_only: bool,
}

impl Link {
    pub(super) const fn new(now: Instant) -> Self {
        Self {
            joining: Some(now),
            quality: None,
            told: VecDeque::new(),
            fps: None,
            join_ms: None,
            sound_only: false,
        }
    }

    /// Takes what the browser tells. Gives how often and for how long pictures stood still, as far as that can be.
    ///
    /// # Errors
    /// The milliseconds to wait, when it has told just now.
    pub(super) fn tell(&mut self, now: Instant, stats: &CallStats) -> Result<(u16, u32), u32> {
        let pause = Duration::from_secs(CALL_STATS_SECONDS);
        if let Some((at, ..)) = self.told.back() {
            let since = now.saturating_duration_since(*at);
            if since < pause {
                // At most some seconds.
                let wait = u32::try_from((pause - since).as_millis()).unwrap_or(u32::MAX);
                return Err(wait);
            }
        }
        let seconds = stats.seconds.min(CALL_STATS_SPAN_SECONDS_MAX);
        let most = u32::from(seconds) * 1_000 * PICTURES_MAX;
        let freezes = stats
            .freezes
            .min(u16::from(seconds) * FREEZES_PER_SECOND_MAX);
        let frozen = stats.frozen_ms.min(most);
        self.forget(now);
        self.told.push_back((now, freezes, frozen));
        self.fps = stats.fps;
        let join_ms = stats.join_ms.map(|millis| millis.min(JOIN_MILLIS_MAX));
        self.join_ms = join_ms.or(self.join_ms);
        self.sound_only = stats.sound_only;
        Ok((freezes, frozen))
    }

    /// For the staff.
    pub(super) fn summary(&mut self, now: Instant, p: PeerId, slots: &[Slot]) -> PeerLink {
        self.forget(now);
        let (freezes, frozen_ms) = self.told.iter().fold((0u16, 0u32), |sum, (_, n, millis)| {
            (sum.0.saturating_add(*n), sum.1.saturating_add(*millis))
        });
        PeerLink {
            p,
            q: self.quality.clone(),
            paused: paused(slots),
            freezes,
            frozen_ms,
            fps: self.fps,
            join_ms: self.join_ms,
            sound_only: self.sound_only,
        }
    }

    fn forget(&mut self, now: Instant) {
        let old = |at: Instant| now.saturating_duration_since(at) > KEPT;
        while self.told.front().is_some_and(|(at, ..)| old(*at)) {
            self.told.pop_front();
        }
    }
}

/// Pictures that wait for a wider link.
pub(super) fn paused(slots: &[Slot]) -> u8 {
    let paused = slots.iter().filter(|slot| slot.paused).count();
    u8::try_from(paused).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::CallId;

    fn stats(seconds: u8, freezes: u16, frozen_ms: u32) -> CallStats {
        CallStats {
            call: CallId::parse("C1").unwrap(),
            seconds,
            freezes,
            frozen_ms,
            fps: Some(20),
            join_ms: None,
            sound_only: false,
        }
    }

    fn summary(link: &mut Link, now: Instant) -> PeerLink {
        link.summary(now, PeerId::parse("1").unwrap(), &[])
    }

    #[test]
    fn a_minute_of_freezes_is_told_and_no_more_than_can_be() {
        let start = Instant::now();
        let mut link = Link::new(start);
        let mut now = start;
        for nth in 0..12 {
            now = start + Duration::from_secs(10) * nth;
            assert_eq!(link.tell(now, &stats(10, 1, 500)), Ok((1, 500)));
        }
        let told = summary(&mut link, now);
        assert_eq!((told.freezes, told.frozen_ms), (7, 3_500));
        let later = summary(&mut link, now + Duration::from_secs(61));
        assert_eq!((later.freezes, later.frozen_ms), (0, 0));

        let lie = stats(u8::MAX, u16::MAX, u32::MAX);
        let later = now + Duration::from_secs(100);
        assert_eq!(link.tell(later, &lie), Ok((300, 960_000)));
        assert_eq!(link.tell(later, &lie), Err(5_000));
        assert_eq!(summary(&mut link, later).freezes, 300);
    }

    #[test]
    fn the_time_of_joining_stays_when_it_is_not_told_again() {
        let start = Instant::now();
        let mut link = Link::new(start);
        let first = CallStats {
            join_ms: Some(1_200),
            ..stats(10, 0, 0)
        };
        link.tell(start, &first).unwrap();
        link.tell(start + KEPT, &stats(10, 0, 0)).unwrap();
        assert_eq!(summary(&mut link, start + KEPT).join_ms, Some(1_200));
    }
}
