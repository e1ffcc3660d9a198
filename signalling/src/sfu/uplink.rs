//! What arrives from one sender, and what was lost on the way, as the server sees it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::rewrite::Incoming;

/// A packet that comes this much after one that was sent later had been lost and was sent again; sooner it was only
/// overtaken.
const OVERTAKEN: Duration = Duration::from_millis(20);
/// A jump of more numbers than this is a stream that began anew.
const JUMP_MAX: u64 = 1_000;
/// Streams counted at once: a sender has four sources, one of them with three layers, and each may begin anew.
const STREAMS_MAX: usize = 12;

#[derive(Debug)]
struct Counted {
    highest: u64,
    /// When numbers were last skipped.
    skipped: Instant,
    heard: Instant,
}

/// Counters since they were last told.
#[derive(Debug)]
pub struct Uplink {
    streams: BTreeMap<u32, Counted>,
    got: u64,
    lost: u64,
    bytes: u64,
    since: Instant,
}

/// What was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UplinkTold {
    /// Packets that came, and were not sent for the second time.
    pub packets: u64,
    /// Payload, bits per second.
    pub bps: u64,
    /// Packets lost on the way, per cent, 0 to 100. Those that came when they were sent again had been lost.
    pub loss_pct: u8,
}

impl Uplink {
    /// Nothing counted yet.
    pub fn new(now: Instant) -> Self {
        Self {
            streams: BTreeMap::new(),
            got: 0,
            lost: 0,
            bytes: 0,
            since: now,
        }
    }

    /// Counts a packet with so many bytes of payload.
    pub fn count(&mut self, now: Instant, numbers: &Incoming, bytes: usize) {
        self.bytes += bytes as u64;
        let seq = numbers.seq;
        let Some(stream) = self.streams.get_mut(&numbers.ssrc) else {
            if self.streams.len() < STREAMS_MAX {
                let counted = Counted {
                    highest: seq,
                    skipped: now,
                    heard: now,
                };
                self.streams.insert(numbers.ssrc, counted);
                self.got += 1;
            }
            return;
        };
        stream.heard = now;
        let ahead = seq.saturating_sub(stream.highest);
        if ahead > JUMP_MAX || stream.highest - seq.min(stream.highest) > JUMP_MAX {
            stream.highest = seq;
            self.got += 1;
        } else if ahead > 0 {
            stream.highest = seq;
            self.got += 1;
            if ahead > 1 {
                self.lost += ahead - 1;
                stream.skipped = now;
            }
        } else if now < stream.skipped + OVERTAKEN {
            self.got += 1;
            self.lost = self.lost.saturating_sub(1);
        }
    }

    /// Counts a packet that a later one repeated: it was lost on the way.
    pub fn restored(&mut self, now: Instant, numbers: &Incoming) {
        if let Some(stream) = self.streams.get_mut(&numbers.ssrc) {
            let ahead = numbers.seq.saturating_sub(stream.highest);
            if (1..=JUMP_MAX).contains(&ahead) {
                (stream.highest, stream.skipped) = (numbers.seq, now);
                self.lost += ahead;
            }
        }
    }

    /// What was counted since the last time; begins anew.
    pub fn tell(&mut self, now: Instant) -> UplinkTold {
        let since = self.since;
        let time = now.saturating_duration_since(since).as_millis().max(1) as u64;
        let told = UplinkTold {
            packets: self.got,
            bps: self.bytes * 8 * 1_000 / time,
            loss_pct: (self.lost * 100)
                .checked_div(self.got + self.lost)
                .map_or(0, |loss| loss.min(100) as u8),
        };
        self.streams.retain(|_, stream| stream.heard >= since);
        (self.got, self.lost, self.bytes, self.since) = (0, 0, 0, now);
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Duration = Duration::from_millis(10);

    fn run(uplink: &mut Uplink, start: Instant, ssrc: u32, packets: &[(u64, u32)]) {
        for (seq, at) in packets {
            let numbers = Incoming {
                ssrc,
                seq: *seq,
                time: 0,
                picture_id: None,
                tl0_pic_idx: None,
            };
            uplink.count(start + STEP * *at, &numbers, 1_000);
        }
    }

    #[test]
    fn what_is_missing_and_what_had_to_be_sent_again_counts_as_lost() {
        let start = Instant::now();
        let mut uplink = Uplink::new(start);
        // 13 never comes, 15 is sent again, 17 is only overtaken.
        let packets = [
            (10, 0),
            (11, 1),
            (12, 2),
            (14, 4),
            (16, 6),
            (15, 12),
            (18, 13),
            (17, 14),
        ];
        run(&mut uplink, start, 1, &packets);
        let told = uplink.tell(start + Duration::from_secs(1));
        assert_eq!((told.packets, told.loss_pct), (7, 22));
        assert_eq!(told.bps, 64_000);
        assert_eq!(uplink.tell(start + Duration::from_secs(2)).packets, 0);
    }

    #[test]
    fn what_a_later_packet_repeats_was_lost_unless_it_comes_after_all() {
        let start = Instant::now();
        let mut uplink = Uplink::new(start);
        let numbers = |seq| Incoming {
            ssrc: 1,
            seq,
            time: 0,
            picture_id: None,
            tl0_pic_idx: None,
        };
        run(&mut uplink, start, 1, &[(10, 0)]);
        uplink.restored(start + STEP * 2, &numbers(11));
        run(&mut uplink, start, 1, &[(12, 2)]);
        // Not heard of before, known, and far away.
        for seq in [11, 12, 5_000] {
            uplink.restored(start + STEP * 2, &numbers(seq));
        }
        let told = uplink.tell(start + STEP * 3);
        assert_eq!((told.packets, told.loss_pct), (2, 33));
        uplink.restored(start + STEP * 4, &numbers(13));
        run(&mut uplink, start, 1, &[(14, 4), (13, 5)]);
        assert_eq!(uplink.tell(start + STEP * 6).loss_pct, 0);
    }

    #[test]
    fn a_stream_that_begins_anew_or_pauses_has_lost_nothing() {
        let start = Instant::now();
        let mut uplink = Uplink::new(start);
        run(
            &mut uplink,
            start,
            1,
            &[(10, 0), (50_000, 1), (50_001, 2), (3, 3), (4, 900)],
        );
        assert_eq!(uplink.tell(start + STEP * 901).loss_pct, 0);
    }

    #[test]
    fn ever_new_streams_are_not_remembered() {
        let start = Instant::now();
        let mut uplink = Uplink::new(start);
        for ssrc in 0..1_000 {
            run(&mut uplink, start, ssrc, &[(1, 0)]);
        }
        assert!(uplink.streams.len() <= STREAMS_MAX);
        uplink.tell(start + STEP);
        uplink.tell(start + STEP * 2);
        assert!(uplink.streams.is_empty());
    }
}
