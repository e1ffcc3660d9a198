//! Packets that overtook the first one of a key frame. Nobody can begin with them; should the first one only be late, or
//! be sent again, they make the picture whole.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use super::Stream;
use super::peer::Packet;

/// How long a first packet may be late: a request for it and the answer, with patience.
const LATE_MAX: Duration = Duration::from_millis(500);
/// Packets kept of a stream: half a second of all its layers at 10 Mbit/s.
const KEPT_MAX: usize = 512;

/// The packets of one room that somebody waits to begin before.
#[derive(Debug, Default)]
pub(super) struct Early {
    /// In the order in which they came.
    streams: BTreeMap<Stream, VecDeque<(Instant, Packet)>>,
}

impl Early {
    /// Keeps a packet for a while.
    pub(super) fn keep(&mut self, now: Instant, stream: Stream, packet: &Packet) {
        let kept = self.streams.entry(stream).or_default();
        if kept.len() == KEPT_MAX {
            kept.pop_front();
        }
        kept.push_back((now, packet.clone()));
    }

    /// What is kept of the stream that begins with `first`, and comes after it, in order. It is kept no longer.
    pub(super) fn after(&mut self, now: Instant, stream: Stream, first: &Packet) -> Vec<Packet> {
        let kept = self.streams.remove(&stream).unwrap_or_default();
        let of_it = |(_, packet): &(Instant, Packet)| packet.numbers.ssrc == first.numbers.ssrc;
        let (taken, others): (VecDeque<_>, VecDeque<_>) = kept.into_iter().partition(of_it);
        if !others.is_empty() {
            self.streams.insert(stream, others);
        }
        let is_later = |(at, packet): &(Instant, Packet)| {
            is_fresh(now, *at) && packet.numbers.seq > first.numbers.seq
        };
        let later = taken.into_iter().filter(is_later);
        let mut later: Vec<Packet> = later.map(|(_, packet)| packet).collect();
        later.sort_by_key(|packet| packet.numbers.seq);
        later
    }

    /// Forgets what has waited for too long.
    pub(super) fn prune(&mut self, now: Instant) {
        self.streams.retain(|_, kept| {
            while kept.front().is_some_and(|(at, _)| !is_fresh(now, *at)) {
                kept.pop_front();
            }
            !kept.is_empty()
        });
    }
}

fn is_fresh(now: Instant, since: Instant) -> bool {
    now.saturating_duration_since(since) <= LATE_MAX
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PeerKey, Source};

    const CAMERA: Stream = Stream {
        peer: PeerKey(1),
        source: Source::Camera,
    };

    fn packet(ssrc: u32, seq: u64) -> Packet {
        let mut packet = Packet::picture(10);
        (packet.numbers.ssrc, packet.numbers.seq) = (ssrc, seq);
        packet
    }

    fn seqs(packets: &[Packet]) -> Vec<u64> {
        packets.iter().map(|packet| packet.numbers.seq).collect()
    }

    #[test]
    fn what_comes_after_the_first_packet_is_there_once_in_order() {
        let now = Instant::now();
        let mut early = Early::default();
        for (ssrc, seq) in [(1, 8), (1, 12), (2, 11), (1, 11)] {
            early.keep(now, CAMERA, &packet(ssrc, seq));
        }
        let first = packet(1, 10);
        assert_eq!(seqs(&early.after(now, CAMERA, &first)), [11, 12]);
        assert!(early.after(now, CAMERA, &first).is_empty());
        let other = packet(2, 1);
        assert_eq!(seqs(&early.after(now, CAMERA, &other)), [11]);
    }

    #[test]
    fn little_is_kept_and_not_for_long() {
        let start = Instant::now();
        let mut early = Early::default();
        for seq in 0..1_000 {
            early.keep(start, CAMERA, &packet(1, seq));
        }
        assert_eq!(early.streams[&CAMERA].len(), KEPT_MAX);
        let late = start + LATE_MAX + Duration::from_millis(1);
        early.keep(late, CAMERA, &packet(1, 1_000));
        early.prune(late);
        assert_eq!(early.streams[&CAMERA].len(), 1);
        assert_eq!(seqs(&early.after(late, CAMERA, &packet(1, 0))), [1_000]);
        early.prune(late);
        assert!(early.streams.is_empty());
    }
}
