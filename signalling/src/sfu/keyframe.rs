//! Key frame requests, gathered: one round per source per interval, however many receivers ask. A key frame costs all who
//! see the source, so that a receiver whose pictures break again and again gets its own ever less often, and one that
//! changes what it sees all the time is held to a budget.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::Stream;
use super::limits::{
    BROKEN_FORGIVEN_AFTER, BROKEN_PAUSE_MAX, BROKEN_PAUSE_MIN, CHANGE_PAUSE, CHANGES_AT_ONCE,
    KEY_FRAME_INTERVAL,
};

#[derive(Debug, Default)]
struct Budget {
    last: Option<Instant>,
    wanted: BTreeSet<u8>,
}

/// The requests of one room.
#[derive(Debug, Default)]
pub struct KeyFrames {
    sources: BTreeMap<Stream, Budget>,
    /// Whether any wish is open: asked for after every datagram.
    open: bool,
}

impl KeyFrames {
    /// A receiver needs a key frame of `layer`.
    pub fn want(&mut self, stream: Stream, layer: u8) {
        self.sources.entry(stream).or_default().wanted.insert(layer);
        self.open = true;
    }

    /// A key frame of `layer` has come: the wish is fulfilled.
    pub fn arrived(&mut self, stream: Stream, layer: u8) {
        if let Some(budget) = self.sources.get_mut(&stream) {
            budget.wanted.remove(&layer);
        }
    }

    /// Forgets a stream that has ended.
    pub fn forget(&mut self, stream: Stream) {
        self.sources.remove(&stream);
    }

    /// The requests that may be sent at `now`. Each is returned once.
    pub fn due(&mut self, now: Instant) -> Vec<(Stream, u8)> {
        let mut due = Vec::new();
        if !self.open {
            return due;
        }
        self.open = false;
        for (stream, budget) in &mut self.sources {
            if budget.wanted.is_empty() {
                continue;
            }
            if budget
                .last
                .is_some_and(|last| now < last + KEY_FRAME_INTERVAL)
            {
                self.open = true;
            } else {
                budget.last = Some(now);
                due.extend(
                    std::mem::take(&mut budget.wanted)
                        .into_iter()
                        .map(|layer| (*stream, layer)),
                );
            }
        }
        due
    }
}

/// More key frames than these are not counted: the pause is the longest.
const COUNT_MAX: u32 = (BROKEN_PAUSE_MAX.as_millis() / BROKEN_PAUSE_MIN.as_millis()).ilog2() + 1;

/// What one receiver may ask for because its pictures of one source broke. To begin with a picture is another matter.
#[derive(Debug, Clone, Copy, Default)]
pub struct Patience {
    wish: Wish,
    /// When a key frame last came that was asked for, and how many came, each forgiven after a while.
    given: Option<(Instant, u32)>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Wish {
    #[default]
    None,
    Held,
    Asked,
}

impl Patience {
    /// The picture is broken.
    pub fn broken(&mut self) {
        if self.wish == Wish::None {
            self.wish = Wish::Held;
        }
    }

    /// Whether the picture is broken still.
    pub fn is_open(&self) -> bool {
        self.wish != Wish::None
    }

    /// Whether to ask for a key frame now. Again and again, until one has come.
    ///
    /// ## Picture: Whole => Broken => Asked for => Whole
    pub fn asks(&mut self, now: Instant) -> bool {
        let over = |(at, _)| now.saturating_duration_since(at) >= self.pause(now);
        let asks = self.is_open() && self.given.is_none_or(over);
        if asks {
            self.wish = Wish::Asked;
        }
        asks
    }

    /// A key frame came. One that came for others costs nothing.
    pub fn came(&mut self, now: Instant) {
        if self.wish == Wish::Asked {
            self.given = Some((now, (self.count(now) + 1).min(COUNT_MAX)));
        }
        self.wish = Wish::None;
    }

    /// The picture ends, or begins anew for another reason: what is asked for then is no repair.
    pub fn let_go(&mut self) {
        self.wish = Wish::None;
    }

    /// How many key frames are not forgiven yet.
    fn count(&self, now: Instant) -> u32 {
        self.given.map_or(0, |(at, count)| {
            let whole = now.saturating_duration_since(at).as_secs();
            let forgiven = whole / BROKEN_FORGIVEN_AFTER.as_secs();
            count.saturating_sub(u32::try_from(forgiven).unwrap_or(u32::MAX))
        })
    }

    fn pause(&self, now: Instant) -> Duration {
        let Some(doubled) = self.count(now).checked_sub(1) else {
            return Duration::ZERO;
        };
        let factor = 1u32.checked_shl(doubled).unwrap_or(u32::MAX);
        BROKEN_PAUSE_MIN
            .saturating_mul(factor)
            .min(BROKEN_PAUSE_MAX)
    }
}

/// What one receiver may ask of one source in order to begin with its picture, or to have it in another layer. It outlives the
/// slot: a picture that is left and taken up again is another change.
#[derive(Debug, Clone, Copy, Default)]
pub struct Changes {
    /// When all that was asked for will have been earned.
    earned: Option<Instant>,
}

impl Changes {
    /// Takes one of the changes that are left, if one is.
    pub fn take(&mut self, now: Instant) -> bool {
        let left = self.owed(now) <= CHANGE_PAUSE * (CHANGES_AT_ONCE - 1);
        if left {
            self.charge(now);
        }
        left
    }

    /// Takes one that is not refused, in advance if need be.
    pub fn charge(&mut self, now: Instant) {
        self.earned = Some(now + self.owed(now) + CHANGE_PAUSE);
    }

    /// Whether some were taken that are not earned again.
    pub fn is_spent(&self, now: Instant) -> bool {
        self.owed(now) > Duration::ZERO
    }

    fn owed(&self, now: Instant) -> Duration {
        self.earned
            .map_or(Duration::ZERO, |at| at.saturating_duration_since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PeerKey, Source};

    const CAMERA: Stream = Stream {
        peer: PeerKey(1),
        source: Source::Camera,
    };
    const OTHER: Stream = Stream {
        peer: PeerKey(2),
        source: Source::Camera,
    };

    #[test]
    fn a_class_that_joins_together_costs_two_requests_a_second() {
        let mut requests = KeyFrames::default();
        let start = Instant::now();
        let mut sent = Vec::new();
        for ms in 0..2_000 {
            let now = start + Duration::from_millis(ms);
            requests.want(CAMERA, 0);
            sent.extend(requests.due(now).into_iter().map(|request| (now, request)));
        }
        assert_eq!(sent.len(), 4);
        for pair in sent.windows(2) {
            assert!(pair[1].0 - pair[0].0 >= KEY_FRAME_INTERVAL);
        }
    }

    #[test]
    fn sources_do_not_wait_for_each_other_and_layers_go_together() {
        let mut requests = KeyFrames::default();
        let now = Instant::now();
        requests.want(CAMERA, 2);
        requests.want(CAMERA, 0);
        requests.want(OTHER, 0);
        assert_eq!(requests.due(now), [(CAMERA, 0), (CAMERA, 2), (OTHER, 0)]);
        assert_eq!(requests.due(now), []);
    }

    #[test]
    fn a_key_frame_that_comes_by_itself_answers_the_wish() {
        let mut requests = KeyFrames::default();
        let now = Instant::now();
        requests.want(CAMERA, 0);
        requests.due(now);
        requests.want(CAMERA, 0);
        requests.arrived(CAMERA, 0);
        assert_eq!(requests.due(now + KEY_FRAME_INTERVAL), []);
    }

    #[test]
    fn a_wish_in_the_interval_is_kept_until_its_end() {
        let mut requests = KeyFrames::default();
        let now = Instant::now();
        requests.want(CAMERA, 0);
        requests.due(now);
        requests.want(CAMERA, 1);
        assert_eq!(requests.due(now + KEY_FRAME_INTERVAL / 2), []);
        assert_eq!(requests.due(now + KEY_FRAME_INTERVAL), [(CAMERA, 1)]);
    }

    const STEP: Duration = Duration::from_millis(10);

    /// When a receiver that breaks as soon as it has a key frame asks for one, each of which comes 60 ms later.
    fn asked(patience: &mut Patience, from: Instant, time: Duration) -> Vec<Duration> {
        let mut asked: Vec<Duration> = Vec::new();
        let mut now = from;
        let mut comes = None;
        while now < from + time {
            patience.broken();
            if patience.asks(now) && comes.is_none() {
                asked.push(now - from);
                comes = Some(now + Duration::from_millis(60));
            }
            if comes.is_some_and(|at| at <= now) {
                comes = None;
                patience.came(now);
            }
            now += STEP;
        }
        asked
    }

    #[test]
    fn who_breaks_again_and_again_is_given_ever_fewer() {
        let mut patience = Patience::default();
        let asked = asked(&mut patience, Instant::now(), Duration::from_secs(30));
        let gaps: Vec<u128> = asked
            .windows(2)
            .map(|pair| (pair[1] - pair[0]).as_millis() / 100)
            .collect();
        assert_eq!(asked[0], Duration::ZERO);
        assert_eq!(gaps, [5, 10, 20, 40, 40, 40, 40, 40, 40]);
    }

    #[test]
    fn who_stayed_whole_for_a_while_is_served_at_once() {
        let mut patience = Patience::default();
        let start = Instant::now();
        let time = Duration::from_secs(30);
        asked(&mut patience, start, time);
        patience.came(start + time);
        for (quiet, pause) in [(6, 2_000), (11, 1_000), (16, 500), (21, 0)] {
            let mut patience = patience;
            let given = patience.given.unwrap().0;
            let again = given + Duration::from_secs(quiet);
            assert_eq!(patience.pause(again).as_millis(), pause, "{quiet} s");
            patience.broken();
            assert!(patience.asks(again), "longer whole than any pause");
        }
    }

    #[test]
    fn key_frames_that_came_for_others_are_free_and_end_the_wish() {
        let mut patience = Patience::default();
        let now = Instant::now();
        patience.broken();
        patience.came(now);
        assert!(!patience.asks(now), "the picture is whole");
        patience.broken();
        assert!(patience.asks(now));
        patience.came(now);
        patience.broken();
        assert!(!patience.asks(now + BROKEN_PAUSE_MIN / 2));
        patience.came(now + BROKEN_PAUSE_MIN / 2);
        patience.broken();
        assert!(patience.asks(now + BROKEN_PAUSE_MIN));
    }

    #[test]
    fn a_request_that_is_lost_is_repeated_without_a_longer_pause() {
        let mut patience = Patience::default();
        let now = Instant::now();
        patience.broken();
        for nth in 0..100 {
            assert!(patience.asks(now + STEP * nth));
        }
    }

    #[test]
    fn who_changes_all_the_time_is_given_one_in_four_seconds_after_the_first_eight() {
        let mut changes = Changes::default();
        let start = Instant::now();
        let given: Vec<u64> = (0..600)
            .map(|step| (step, start + Duration::from_millis(100 * step)))
            .filter(|(_, now)| changes.take(*now))
            .map(|(step, _)| step)
            .collect();
        assert_eq!(given[..8], [0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(given[8..10], [40, 80]);
        assert_eq!(given.len(), 8 + 14);
    }

    #[test]
    fn who_changes_now_and_then_never_waits() {
        let mut changes = Changes::default();
        let start = Instant::now();
        for nth in 0..100 {
            assert!(changes.take(start + CHANGE_PAUSE * nth));
        }
        let later = start + CHANGE_PAUSE * 100;
        assert!(!changes.is_spent(later));
        for _ in 0..CHANGES_AT_ONCE {
            assert!(changes.take(later));
        }
        assert!(!changes.take(later));
    }

    #[test]
    fn what_is_not_refused_is_counted() {
        let mut changes = Changes::default();
        let now = Instant::now();
        for _ in 0..CHANGES_AT_ONCE + 2 {
            changes.charge(now);
        }
        assert!(!changes.take(now + CHANGE_PAUSE * 2));
        assert!(changes.take(now + CHANGE_PAUSE * 3));
    }
}
