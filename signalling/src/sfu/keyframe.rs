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
}

impl KeyFrames {
    /// A receiver needs a key frame of `layer`.
    pub fn want(&mut self, stream: Stream, layer: u8) {
        self.sources.entry(stream).or_default().wanted.insert(layer);
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
        for (stream, budget) in &mut self.sources {
            if budget
                .last
                .is_some_and(|last| now < last + KEY_FRAME_INTERVAL)
            {
                continue;
            }
            if !budget.wanted.is_empty() {
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
