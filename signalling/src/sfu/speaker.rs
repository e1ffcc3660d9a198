//! Who is heard and who is shown: the loudest microphones by RFC 6464 levels.
//!
//! Levels are smoothed (quick up, slow down), those already heard have an advantage, and the active
//! speaker changes only when another has been clearly louder for a while. Coughs change nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use crate::PeerKey;

/// Microphones forwarded to each receiver.
pub const HEARD_MAX: usize = 3;

/// Loudness is 127 minus the RFC 6464 level: 0 is silence, 127 is overload.
const SPEECH_ON: f32 = 75.0;
const SPEECH_OFF: f32 = 66.0;
/// Advantage of those already heard, and what a new active speaker must exceed the old one by.
const MARGIN: f32 = 6.0;
const ATTACK: Duration = Duration::from_millis(60);
const RELEASE: Duration = Duration::from_millis(400);
/// A microphone that sends nothing this long (DTX) counts as silent.
const QUIET_AFTER: Duration = Duration::from_millis(200);
/// Pauses between words this short do not end a speech.
const PAUSE: Duration = Duration::from_millis(800);
/// How long another must be louder to become the active speaker.
const TAKE_OVER: Duration = Duration::from_millis(600);

#[derive(Debug)]
struct Mic {
    loudness: f32,
    updated: Instant,
    speaking: bool,
    spoke: Option<Instant>,
    /// Its sender tells levels.
    told: bool,
}

/// Who is heard and shown at a moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Floor {
    /// Microphones, the most important first.
    pub ranked: Vec<PeerKey>,
    /// Those speaking now or a moment ago, loudest first, at most [`HEARD_MAX`].
    pub speaking: Vec<PeerKey>,
    /// The speaker to show large, if anyone has spoken.
    pub active: Option<PeerKey>,
}

impl Floor {
    /// Whether the same people are heard, also by each other, speak and are shown, in whatever order.
    pub fn is_like(&self, other: &Self) -> bool {
        let first = |of: &Self, count| first(&of.ranked, count);
        let speaking = |of: &Self| of.speaking.iter().copied().collect::<BTreeSet<_>>();
        self.active == other.active
            && first(self, HEARD_MAX) == first(other, HEARD_MAX)
            && first(self, HEARD_MAX + 1) == first(other, HEARD_MAX + 1)
            && speaking(self) == speaking(other)
    }
}

fn first(ranked: &[PeerKey], count: usize) -> BTreeSet<PeerKey> {
    ranked.iter().copied().take(count).collect()
}

/// The microphones of one room.
#[derive(Debug, Default)]
pub struct Speakers {
    mics: BTreeMap<PeerKey, Mic>,
    ranked: Vec<PeerKey>,
    active: Option<PeerKey>,
    challenger: Option<(PeerKey, Instant)>,
}

impl Speakers {
    /// Takes one packet's level: 0 (silence) to 127, or `None` when the sender does not tell, which
    /// ranks just below those known to speak.
    pub fn heard(&mut self, now: Instant, peer: PeerKey, loudness: Option<u8>) {
        let mic = self.mics.entry(peer).or_insert_with(|| Mic {
            loudness: 0.0,
            updated: now,
            speaking: false,
            spoke: None,
            told: loudness.is_some(),
        });
        match loudness {
            Some(loudness) => mic.step(now, f32::from(loudness.min(127))),
            None => {
                mic.updated = now;
                mic.spoke = Some(now);
            }
        }
    }

    /// Whether anything was heard of a microphone since it was last removed.
    pub fn knows(&self, peer: PeerKey) -> bool {
        self.mics.contains_key(&peer)
    }

    /// Forgets a microphone that was muted or has gone.
    pub fn remove(&mut self, peer: PeerKey) {
        self.mics.remove(&peer);
        self.ranked.retain(|ranked| *ranked != peer);
        if self.active == Some(peer) {
            self.active = None;
        }
    }

    /// Works out the order anew. Returns whether the first [`HEARD_MAX`] + 1 are other people now.
    pub fn tick(&mut self, now: Instant) -> bool {
        for mic in self.mics.values_mut() {
            if now.saturating_duration_since(mic.updated) > QUIET_AFTER {
                mic.step(now, 0.0);
            }
        }
        let heard: Vec<PeerKey> = self.ranked.iter().copied().take(HEARD_MAX).collect();
        let mut order: Vec<PeerKey> = self.mics.keys().copied().collect();
        order.sort_by(|a, b| {
            self.rank(*b, &heard)
                .total_cmp_with(&self.rank(*a, &heard))
                .then(a.cmp(b))
        });
        let before = first(&self.ranked, HEARD_MAX + 1);
        self.ranked = order;
        self.choose_active(now);
        before != first(&self.ranked, HEARD_MAX + 1)
    }

    /// Who is heard and shown now.
    pub fn floor(&self, now: Instant) -> Floor {
        Floor {
            ranked: self.ranked.clone(),
            speaking: self.speaking(now),
            active: self.active,
        }
    }

    /// All microphones, the most important first.
    pub fn ranked(&self) -> &[PeerKey] {
        &self.ranked
    }

    /// Those speaking now or a moment ago, loudest first, at most [`HEARD_MAX`].
    pub fn speaking(&self, now: Instant) -> Vec<PeerKey> {
        let recent = |mic: &Mic| {
            mic.spoke
                .is_some_and(|spoke| now.saturating_duration_since(spoke) <= PAUSE)
        };
        let mut loud: Vec<(PeerKey, f32)> = self
            .mics
            .iter()
            .filter(|(_, mic)| mic.told && recent(mic))
            .map(|(peer, mic)| (*peer, mic.loudness))
            .collect();
        loud.sort_by(|a, b| b.1.total_cmp(&a.1));
        loud.into_iter()
            .map(|(peer, _)| peer)
            .take(HEARD_MAX)
            .collect()
    }

    /// The speaker to show large, if anyone has spoken.
    pub fn active(&self) -> Option<PeerKey> {
        self.active
    }

    fn rank(&self, peer: PeerKey, heard: &[PeerKey]) -> Rank {
        let Some(mic) = self.mics.get(&peer) else {
            return Rank {
                speaking: f32::MIN,
                spoke: None,
                heard: false,
            };
        };
        let heard = heard.contains(&peer);
        let bonus = if heard { MARGIN } else { 0.0 };
        let speaking = if mic.speaking {
            mic.loudness + bonus
        } else {
            f32::MIN
        };
        Rank {
            speaking,
            spoke: mic.spoke,
            heard,
        }
    }

    fn choose_active(&mut self, now: Instant) {
        let speaking = self.mics.iter().filter(|(_, mic)| mic.speaking);
        let loudest = speaking.max_by(|a, b| a.1.loudness.total_cmp(&b.1.loudness));
        let Some(loudest) = loudest.map(|(peer, _)| *peer) else {
            self.challenger = None;
            return;
        };
        let Some(active) = self
            .active
            .filter(|active| self.mics.get(active).is_some_and(|mic| mic.speaking))
        else {
            self.active = Some(loudest);
            self.challenger = None;
            return;
        };
        let level = |peer| self.mics.get(&peer).map_or(0.0, |mic: &Mic| mic.loudness);
        if loudest == active || level(loudest) < level(active) + MARGIN {
            self.challenger = None;
            return;
        }
        match self.challenger {
            Some((peer, since)) if peer == loudest => {
                if now.saturating_duration_since(since) >= TAKE_OVER {
                    self.active = Some(loudest);
                    self.challenger = None;
                }
            }
            Some(_) | None => self.challenger = Some((loudest, now)),
        }
    }
}

impl Mic {
    fn step(&mut self, now: Instant, target: f32) {
        // The first packet after a pause stands for one packet's time, not for the pause.
        let gap = now
            .saturating_duration_since(self.updated)
            .clamp(Duration::from_millis(20), QUIET_AFTER);
        let tau = if target > self.loudness {
            ATTACK
        } else {
            RELEASE
        };
        let share = 1.0 - (-gap.as_secs_f32() / tau.as_secs_f32()).exp();
        self.loudness += (target - self.loudness) * share;
        self.updated = now;
        self.speaking = self.loudness >= if self.speaking { SPEECH_OFF } else { SPEECH_ON };
        if self.speaking {
            self.spoke = Some(now);
        }
    }
}

/// Those speaking by loudness, then those who spoke last, then those heard already.
struct Rank {
    speaking: f32,
    spoke: Option<Instant>,
    heard: bool,
}

impl Rank {
    fn total_cmp_with(&self, other: &Self) -> std::cmp::Ordering {
        self.speaking
            .total_cmp(&other.speaking)
            .then(self.spoke.cmp(&other.spoke))
            .then(self.heard.cmp(&other.heard))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKET: Duration = Duration::from_millis(20);

    struct Talk {
        now: Instant,
        speakers: Speakers,
    }

    impl Talk {
        fn new() -> Self {
            Self {
                now: Instant::now(),
                speakers: Speakers::default(),
            }
        }

        /// Everyone sends at their level for a time.
        fn run(&mut self, ms: u64, levels: &[(u64, u8)]) {
            for nth in 0..ms / 20 {
                self.now += PACKET;
                for (peer, loudness) in levels {
                    self.speakers
                        .heard(self.now, PeerKey(*peer), Some(*loudness));
                }
                if nth % 5 == 4 {
                    self.speakers.tick(self.now);
                }
            }
        }

        fn heard(&self) -> Vec<u64> {
            let mut heard: Vec<u64> = self
                .speakers
                .ranked()
                .iter()
                .take(HEARD_MAX)
                .map(|peer| peer.0)
                .collect();
            heard.sort_unstable();
            heard
        }

        fn active(&self) -> Option<u64> {
            self.speakers.active().map(|peer| peer.0)
        }
    }

    #[test]
    fn the_loudest_three_are_heard() {
        let mut talk = Talk::new();
        talk.run(1_000, &[(1, 80), (2, 100), (3, 40), (4, 95), (5, 90)]);
        assert_eq!(talk.heard(), [2, 4, 5]);
        assert_eq!(
            talk.speakers.speaking(talk.now),
            [PeerKey(2), PeerKey(4), PeerKey(5)]
        );
        assert_eq!(talk.active(), Some(2));
    }

    #[test]
    fn a_slightly_louder_fourth_does_not_push_in() {
        let mut talk = Talk::new();
        talk.run(1_000, &[(1, 90), (2, 92), (3, 94)]);
        talk.run(2_000, &[(1, 90), (2, 92), (3, 94), (4, 94)]);
        assert_eq!(talk.heard(), [1, 2, 3]);
        talk.run(1_000, &[(1, 90), (2, 92), (3, 94), (4, 105)]);
        assert_eq!(talk.heard(), [2, 3, 4]);
    }

    #[test]
    fn a_cough_does_not_change_the_active_speaker() {
        let mut talk = Talk::new();
        talk.run(2_000, &[(1, 95), (2, 30)]);
        talk.run(300, &[(1, 95), (2, 120)]);
        talk.run(2_000, &[(1, 95), (2, 30)]);
        assert_eq!(talk.active(), Some(1));
    }

    #[test]
    fn the_active_speaker_changes_when_another_goes_on_louder_or_alone() {
        let mut talk = Talk::new();
        talk.run(1_000, &[(1, 90), (2, 30)]);
        talk.run(2_000, &[(1, 90), (2, 110)]);
        assert_eq!(talk.active(), Some(2));
        talk.run(3_000, &[(1, 90), (2, 20)]);
        assert_eq!(talk.active(), Some(1));
    }

    #[test]
    fn silence_keeps_the_last_speaker_and_leaving_ends_it() {
        let mut talk = Talk::new();
        talk.run(1_000, &[(1, 95)]);
        talk.run(4_000, &[(1, 10)]);
        assert_eq!(talk.active(), Some(1));
        assert_eq!(talk.speakers.speaking(talk.now), []);
        talk.speakers.remove(PeerKey(1));
        assert_eq!(talk.active(), None);
        assert_eq!(talk.speakers.ranked(), []);
    }

    #[test]
    fn a_microphone_that_stops_sending_falls_silent() {
        let mut talk = Talk::new();
        talk.run(1_000, &[(1, 95), (2, 20)]);
        talk.run(3_000, &[(2, 20)]);
        assert_eq!(talk.speakers.speaking(talk.now), []);
    }

    #[test]
    fn without_levels_everyone_who_sends_can_be_heard() {
        let mut speakers = Speakers::default();
        let now = Instant::now();
        speakers.heard(now, PeerKey(1), None);
        speakers.heard(now, PeerKey(2), None);
        speakers.tick(now);
        assert_eq!(speakers.ranked().len(), 2);
        assert_eq!(speakers.speaking(now), []);
    }
}
