//! Packets of a stream that are left out on purpose: what follows closes up, so that nobody asks for them.

use std::collections::VecDeque;

/// Left-out packets that are told apart. A packet from before the oldest of them comes too late to be placed.
const KEPT_MAX: usize = 512;

/// The left-out packets of one source.
#[derive(Debug, Default)]
pub(super) struct Skips {
    /// Ascending.
    recent: VecDeque<u64>,
    /// How many came before those.
    before: u64,
}

impl Skips {
    pub(super) fn clear(&mut self) {
        self.recent.clear();
        self.before = 0;
    }

    /// Leaves a packet out. Its number is above all that were left out or sent before.
    pub(super) fn add(&mut self, seq: u64) {
        if self.recent.len() == KEPT_MAX {
            self.recent.pop_front();
            self.before += 1;
        }
        self.recent.push_back(seq);
    }

    /// How many packets before `seq` are left out; `None` when it is so itself, or too old to tell.
    pub(super) fn below(&self, seq: u64) -> Option<u64> {
        let Some(newest) = self.recent.back() else {
            return Some(0);
        };
        if seq > *newest {
            return Some(self.before + self.recent.len() as u64);
        }
        match self.recent.binary_search(&seq) {
            Err(0) if self.before > 0 => None,
            Err(below) => Some(self.before + below as u64),
            Ok(_) => None,
        }
    }
}
