//! Packets kept for retransmission (RFC 4588): shared payloads and the numbers under which they were sent.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::header::Extras;
use crate::sfu::codec::Codec;
use crate::sfu::payload::Payload;
use crate::sfu::rewrite::Outgoing;

/// Packets kept of one slot: about 3 s at 2.5 Mbit/s. A power of two.
const KEPT_MAX: usize = 1_024;
/// The ring begins this small; a slot that shows a thumbnail needs no more.
const KEPT_MIN: usize = 64;
/// A younger packet is not overwritten while the ring may grow.
const YOUNG: Duration = Duration::from_secs(1);

/// One packet as it was sent.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    pub(super) numbers: Outgoing,
    pub(super) marker: bool,
    pub(super) payload: Payload,
    pub(super) codec: Option<Codec>,
    pub(super) descriptor: Option<Arc<[u8]>>,
    pub(super) extras: Extras,
    /// When it was first sent.
    pub(super) at: Instant,
    /// When it was last sent again, and how often.
    pub(super) resent: Option<Instant>,
    pub(super) copies: u8,
    /// Whether the receiver has asked for it and was not answered yet.
    pub(super) wanted: bool,
}

/// A ring by sequence number.
#[derive(Debug, Default)]
pub(super) struct History {
    ring: Vec<Option<Sent>>,
    newest: Option<u64>,
}

impl History {
    /// Keeps a packet.
    pub(super) fn keep(&mut self, sent: Sent) {
        let seq = sent.numbers.seq;
        self.newest = Some(self.newest.map_or(seq, |newest| newest.max(seq)));
        if self.ring.is_empty() {
            self.ring.resize_with(KEPT_MIN, || None);
        }
        let young = |kept: &Option<Sent>| {
            kept.as_ref()
                .is_some_and(|kept| sent.at.saturating_duration_since(kept.at) < YOUNG)
        };
        while self.ring.len() < KEPT_MAX && young(&self.ring[self.place(seq)]) {
            self.grow();
        }
        let place = self.place(seq);
        // A late packet does not push a newer one out.
        let newer = |kept: &Sent| kept.numbers.seq > seq;
        if !self.ring[place].as_ref().is_some_and(newer) {
            self.ring[place] = Some(sent);
        }
    }

    fn place(&self, seq: u64) -> usize {
        seq as usize & (self.ring.len() - 1)
    }

    fn grow(&mut self) {
        let mut ring: Vec<Option<Sent>> = Vec::new();
        ring.resize_with(self.ring.len() * 2, || None);
        for kept in self.ring.drain(..).flatten() {
            let place = kept.numbers.seq as usize & (ring.len() - 1);
            ring[place] = Some(kept);
        }
        self.ring = ring;
    }

    /// The full number of a packet that the receiver names by 16 bits.
    pub(super) fn extend(&self, short: u16) -> Option<u64> {
        let newest = self.newest?;
        let back = (newest as u16).wrapping_sub(short);
        newest.checked_sub(u64::from(back))
    }

    /// A packet, if it is still kept.
    pub(super) fn get(&mut self, seq: u64) -> Option<&mut Sent> {
        if self.ring.is_empty() {
            return None;
        }
        let place = self.place(seq);
        self.ring[place]
            .as_mut()
            .filter(|kept| kept.numbers.seq == seq)
    }

    /// The newest packet: what a probe is filled with.
    pub(super) fn newest(&self) -> Option<u64> {
        self.newest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(seq: u64, at: Instant) -> Sent {
        Sent {
            numbers: Outgoing {
                seq,
                time: 0,
                picture_id: None,
                tl0_pic_idx: None,
            },
            marker: false,
            payload: Payload::from(Arc::from([seq as u8].as_slice())),
            codec: None,
            descriptor: None,
            extras: Extras::default(),
            at,
            resent: None,
            copies: 0,
            wanted: false,
        }
    }

    #[test]
    fn a_thousand_packets_of_a_fast_stream_are_found_by_their_short_numbers() {
        let start = Instant::now();
        let mut history = History::default();
        for nth in 0..5_000u64 {
            let at = start + Duration::from_micros(500) * nth as u32;
            history.keep(sent(65_000 + nth, at));
        }
        assert_eq!(history.ring.len(), KEPT_MAX);
        let newest = 65_000 + 4_999;
        for back in 0..KEPT_MAX as u64 {
            let seq = history.extend((newest - back) as u16).unwrap();
            assert_eq!(history.get(seq).unwrap().numbers.seq, newest - back);
        }
        let older = history.extend((newest - 2_000) as u16).unwrap();
        assert!(history.get(older).is_none());
    }

    #[test]
    fn a_slow_stream_takes_little_memory_and_late_packets_are_kept() {
        let start = Instant::now();
        let mut history = History::default();
        assert!(history.extend(5).is_none());
        for nth in [1_000, 1_002, 1_001, 1_003] {
            history.keep(sent(nth, start));
        }
        assert_eq!(history.get(1_001).unwrap().numbers.seq, 1_001);
        for nth in 0..10_000u64 {
            let at = start + Duration::from_millis(40) * nth as u32;
            history.keep(sent(1_004 + nth, at));
        }
        assert_eq!(history.ring.len(), KEPT_MIN);
    }
}
