//! Key frame requests, gathered: one round per source per interval, however many receivers ask.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use super::Stream;
use super::limits::KEY_FRAME_INTERVAL;

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

#[cfg(test)]
mod tests {
    use std::time::Duration;

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
}
