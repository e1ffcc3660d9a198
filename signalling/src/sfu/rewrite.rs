//! One continuous RTP stream out of many: sequence numbers, times and picture numbers (RFC 3550 §5.1, RFC 7741 §4.2,
//! RFC 9628 §4.2) run on while sources and layers come and go underneath, and over packets that are left out.

use std::time::{Duration, Instant};

use super::codec::Number;
use super::skips::Skips;

/// First sequence number of an outgoing stream: below 2^15, so that loss of the first packets
/// cannot be mistaken for a roll-over (pion/rtp#277).
const FIRST_SEQ: u64 = 1_000;
/// First RTP time of an outgoing stream.
const FIRST_TIME: u32 = 90_000;
/// Added to the number of a source's first picture, a multiple of every range, so that earlier ones have numbers too.
const PICTURES_BEFORE: u64 = 1 << 17;
/// A step above this between packets of one stream is a restart of the sender, not a loss.
const STEP_MAX: u64 = 500;

/// The numbers of one packet as the sender wrote them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Incoming {
    /// The sender's stream; a change of it is a restart.
    pub ssrc: u32,
    /// Sequence number extended beyond 16 bits.
    pub seq: u64,
    /// RTP time.
    pub time: u32,
    /// Picture number.
    pub picture_id: Option<Number>,
    /// Base-layer picture number, of VP8 and VP9.
    pub tl0_pic_idx: Option<u8>,
}

/// The numbers to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outgoing {
    /// Sequence number extended beyond 16 bits.
    pub seq: u64,
    /// RTP time.
    pub time: u32,
    /// Picture number, of the width that came in.
    pub picture_id: Option<u16>,
    /// Base-layer picture number, of VP8 and VP9.
    pub tl0_pic_idx: Option<u8>,
}

/// How the current source's numbers map.
#[derive(Debug, Clone, Copy)]
struct Base {
    ssrc: u32,
    /// First packet taken from this source, in and out. Earlier ones are not mapped.
    seq_in: u64,
    seq_out: u64,
    time: u32,
    picture_id: u16,
    tl0_pic_idx: u8,
    newest_in: u64,
    /// The newest picture, its number extended beyond its bits.
    newest_picture: u64,
}

/// The state of one outgoing stream.
#[derive(Debug)]
pub struct Rewriter {
    /// RTP clock, ticks per second.
    rate: u32,
    base: Option<Base>,
    skips: Skips,
    /// Pictures that are left out, of a codec whose decoders wait for a missing one.
    pictures: Skips,
    next_seq: u64,
    /// Newest time sent and when it was captured.
    newest: Option<(u32, Instant)>,
    picture_id: u16,
    tl0_pic_idx: u8,
}

impl Rewriter {
    /// A stream that has sent nothing. `rate` is the RTP clock in ticks per second.
    pub fn new(rate: u32) -> Self {
        Self {
            rate,
            base: None,
            skips: Skips::default(),
            pictures: Skips::default(),
            next_seq: FIRST_SEQ,
            newest: None,
            picture_id: 0,
            tl0_pic_idx: 0,
        }
    }

    /// Whether `packet` carries on the stream that the last [`switch`](Self::switch) began.
    pub fn continues(&self, packet: &Incoming) -> bool {
        self.base.is_some_and(|base| {
            base.ssrc == packet.ssrc && packet.seq.abs_diff(base.newest_in) <= STEP_MAX
        })
    }

    /// Whether `packet` comes after everything of its stream so far.
    pub fn is_ahead(&self, packet: &Incoming) -> bool {
        self.base
            .is_none_or(|base| base.ssrc != packet.ssrc || packet.seq > base.newest_in)
    }

    /// Ends the current source: nothing continues it.
    pub fn end(&mut self) {
        self.base = None;
    }

    /// Begins a new source or layer at `packet`, which must be able to start a decoder: the first
    /// packet of a key frame, or any packet of sound. `captured` places it on the time line.
    pub fn switch(&mut self, packet: &Incoming, captured: Instant) {
        let time = match self.newest {
            None => FIRST_TIME,
            Some((time, at)) => {
                let gap = captured.saturating_duration_since(at);
                time.wrapping_add(ticks(gap, self.rate).max(1))
            }
        };
        let id = packet.picture_id.map_or(0, |number| number.id);
        self.skips.clear();
        self.pictures.clear();
        self.base = Some(Base {
            ssrc: packet.ssrc,
            seq_in: packet.seq,
            seq_out: self.next_seq,
            time: time.wrapping_sub(packet.time),
            picture_id: self.picture_id.wrapping_add(1).wrapping_sub(id),
            tl0_pic_idx: self
                .tl0_pic_idx
                .wrapping_add(1)
                .wrapping_sub(packet.tl0_pic_idx.unwrap_or(0)),
            newest_in: packet.seq,
            newest_picture: PICTURES_BEFORE + u64::from(id),
        });
    }

    /// Leaves a packet of the current source out: the numbers of what follows close up. One that comes after a later
    /// packet was mapped leaves a gap.
    pub fn skip(&mut self, packet: &Incoming) {
        if let Some(base) = self
            .base
            .as_mut()
            .filter(|base| packet.seq > base.newest_in)
        {
            base.newest_in = packet.seq;
            self.skips.add(packet.seq);
        }
    }

    /// Leaves out a packet of a picture that is left out whole, and closes up the numbers of the pictures too: with a gap in
    /// them VP8's decoders wait for what is missing (RFC 7741 §4.2, `PictureID`).
    pub fn skip_picture(&mut self, packet: &Incoming) {
        let Some(base) = self
            .base
            .as_mut()
            .filter(|base| packet.seq > base.newest_in)
        else {
            return;
        };
        if let Some(number) = packet.picture_id {
            let picture = extended(base.newest_picture, number);
            // Its further packets, and one that comes late, are counted once.
            if picture > base.newest_picture {
                base.newest_picture = picture;
                self.pictures.add(picture);
            }
        }
        self.skip(packet);
    }

    /// Maps a packet of the current source; `None` for one from before the switch, and for one that was left out.
    pub fn map(&mut self, packet: &Incoming, captured: Instant) -> Option<Outgoing> {
        let base = self.base.as_mut()?;
        let ahead = packet.seq.checked_sub(base.seq_in)?;
        let skipped = self.skips.below(packet.seq)?;
        let mut pictures = 0;
        if let Some(number) = packet.picture_id {
            let picture = extended(base.newest_picture, number);
            pictures = self.pictures.below(picture)? as u16;
            base.newest_picture = base.newest_picture.max(picture);
        }
        let out = Outgoing {
            seq: base.seq_out + ahead - skipped,
            time: packet.time.wrapping_add(base.time),
            picture_id: packet.picture_id.map(|number| {
                number
                    .id
                    .wrapping_add(base.picture_id)
                    .wrapping_sub(pictures)
                    & number.mask
            }),
            tl0_pic_idx: packet
                .tl0_pic_idx
                .map(|id| id.wrapping_add(base.tl0_pic_idx)),
        };
        base.newest_in = base.newest_in.max(packet.seq);
        if out.seq >= self.next_seq {
            self.next_seq = out.seq + 1;
            self.newest = Some((out.time, captured));
            self.picture_id = out.picture_id.unwrap_or(self.picture_id);
            self.tl0_pic_idx = out.tl0_pic_idx.unwrap_or(self.tl0_pic_idx);
        }
        Some(out)
    }
}

/// The number of a picture beyond its bits, from that of the newest.
fn extended(newest: u64, number: Number) -> u64 {
    let mask = u64::from(number.mask);
    let ahead = u64::from(number.id).wrapping_sub(newest) & mask;
    if ahead <= mask / 2 {
        newest + ahead
    } else {
        (newest + ahead).saturating_sub(mask + 1)
    }
}

pub(super) fn ticks(gap: Duration, rate: u32) -> u32 {
    // A gap longer than the RTP clock's period wraps, as the clock itself would have.
    (gap.as_micros().wrapping_mul(u128::from(rate)) / 1_000_000) as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RATE: u32 = 90_000;

    fn packet(ssrc: u32, seq: u64, time: u32, picture: u16) -> Incoming {
        let picture_id = Some(Number {
            id: picture & 0x7fff,
            mask: 0x7fff,
        });
        Incoming {
            ssrc,
            seq,
            time,
            picture_id,
            tl0_pic_idx: Some(picture as u8),
        }
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn numbers_run_on_over_every_wrap() {
        let start = Instant::now();
        let mut rewrite = Rewriter::new(RATE);
        let first = packet(1, 65_530, u32::MAX - 4_000, 0x7ffe);
        rewrite.switch(&first, start);
        let mut last = rewrite.map(&first, start).unwrap();
        for nth in 1..200u64 {
            let time = (u32::MAX - 4_000).wrapping_add(3_000 * nth as u32);
            let next = packet(1, 65_530 + nth, time, 0x7ffe_u16.wrapping_add(nth as u16));
            assert!(rewrite.continues(&next));
            let out = rewrite.map(&next, start + ms(33 * nth)).unwrap();
            assert_eq!(out.seq, last.seq + 1);
            assert_eq!(out.time.wrapping_sub(last.time), 3_000);
            let step = out
                .picture_id
                .unwrap()
                .wrapping_sub(last.picture_id.unwrap())
                & 0x7fff;
            assert_eq!(step, 1);
            assert_eq!(
                out.tl0_pic_idx
                    .unwrap()
                    .wrapping_sub(last.tl0_pic_idx.unwrap()),
                1
            );
            last = out;
        }
    }

    #[test]
    fn a_switch_of_layer_goes_on_where_the_old_one_stopped() {
        let start = Instant::now();
        let mut rewrite = Rewriter::new(RATE);
        let low = packet(1, 100, 5_000, 10);
        rewrite.switch(&low, start);
        let before = rewrite.map(&low, start).unwrap();
        let high = packet(2, 60_000, 4_000_000_000, 900);
        assert!(!rewrite.continues(&high));
        rewrite.switch(&high, start + ms(100));
        let after = rewrite.map(&high, start + ms(100)).unwrap();
        assert_eq!(after.seq, before.seq + 1);
        assert_eq!(after.time.wrapping_sub(before.time), 9_000);
        assert_eq!(after.picture_id.unwrap(), before.picture_id.unwrap() + 1);
        assert_eq!(after.tl0_pic_idx.unwrap(), before.tl0_pic_idx.unwrap() + 1);
    }

    #[test]
    fn a_late_packet_from_before_the_switch_is_dropped_and_one_after_it_fits_in() {
        let start = Instant::now();
        let mut rewrite = Rewriter::new(RATE);
        rewrite.switch(&packet(1, 1_002, 0, 5), start);
        assert_eq!(rewrite.map(&packet(1, 1_001, 0, 4), start), None);
        let ahead = rewrite.map(&packet(1, 1_004, 0, 5), start).unwrap();
        let late = rewrite.map(&packet(1, 1_003, 0, 5), start).unwrap();
        assert_eq!(ahead.seq, late.seq + 1);
    }

    #[test]
    fn a_sender_that_starts_again_is_noticed() {
        let start = Instant::now();
        let mut rewrite = Rewriter::new(RATE);
        rewrite.switch(&packet(1, 10, 0, 0), start);
        assert!(rewrite.continues(&packet(1, 11, 0, 0)));
        assert!(!rewrite.continues(&packet(1, 11 + 2 * STEP_MAX, 0, 0)));
        assert!(!rewrite.continues(&packet(2, 11, 0, 0)));
    }

    #[test]
    fn a_narrow_picture_number_stays_narrow() {
        let start = Instant::now();
        let mut rewrite = Rewriter::new(RATE);
        let narrow = |seq, id| Incoming {
            picture_id: Some(Number { id, mask: 0x7f }),
            ..packet(1, seq, 0, 0)
        };
        rewrite.switch(&narrow(1, 120), start);
        for seq in 1..400 {
            let id = (120 + seq as u16 - 1) & 0x7f;
            let out = rewrite.map(&narrow(seq, id), start).unwrap();
            assert!(out.picture_id.unwrap() < 128);
        }
    }

    #[test]
    fn what_is_left_out_leaves_no_gap_and_a_late_packet_still_has_its_place() {
        let start = Instant::now();
        let mut rewrite = Rewriter::new(RATE);
        rewrite.switch(&packet(1, 100, 0, 5), start);
        let first = rewrite.map(&packet(1, 100, 0, 5), start).unwrap().seq;
        for seq in [101, 102, 105] {
            rewrite.skip(&packet(1, seq, 0, 5));
        }
        let mut out = |seq| rewrite.map(&packet(1, seq, 0, 5), start).map(|out| out.seq);
        assert_eq!(out(106), Some(first + 3));
        assert_eq!(out(103), Some(first + 1));
        assert_eq!(out(104), Some(first + 2));
        assert_eq!(out(102), None);
        assert_eq!(out(107), Some(first + 4));
    }

    #[test]
    fn pictures_that_are_left_out_leave_no_gap_in_the_numbers_of_the_others() {
        let start = Instant::now();
        let mut rewrite = Rewriter::new(RATE);
        // Two packets a picture, every second picture is left out, over the end of the numbers.
        let picture = |nth: u64| 0x7ff0_u16.wrapping_add(nth as u16);
        let first = packet(1, 0, 0, picture(0));
        rewrite.switch(&first, start);
        let mut last = rewrite.map(&first, start).unwrap();
        for seq in 1..200 {
            let next = packet(1, seq, 0, picture(seq / 2));
            if seq / 2 % 2 == 1 {
                rewrite.skip_picture(&next);
                continue;
            }
            let out = rewrite.map(&next, start).unwrap();
            assert_eq!(out.seq, last.seq + 1);
            let step = out
                .picture_id
                .unwrap()
                .wrapping_sub(last.picture_id.unwrap())
                & 0x7fff;
            assert_eq!(u64::from(step), 1 - seq % 2);
            last = out;
        }
        // One that comes late has the number of its picture.
        let late = rewrite.map(&packet(1, 193, 0, picture(96)), start).unwrap();
        let behind = last
            .picture_id
            .unwrap()
            .wrapping_sub(late.picture_id.unwrap())
            & 0x7fff;
        assert_eq!(behind, 1);
        assert_eq!(rewrite.map(&packet(1, 194, 0, picture(97)), start), None);
    }

    proptest! {
        /// Whatever is left out, what is sent in order has no gap, and no number comes twice.
        #[test]
        fn left_out_packets_close_up(
            takes in prop::collection::vec(any::<bool>(), 1..2_000), late in prop::collection::vec(0usize..2_000, 0..50)
        ) {
            let start = Instant::now();
            let mut rewrite = Rewriter::new(RATE);
            rewrite.switch(&packet(1, 0, 0, 0), start);
            let mut sent = vec![rewrite.map(&packet(1, 0, 0, 0), start).unwrap().seq];
            for (seq, taken) in (1..).zip(&takes) {
                if *taken {
                    let out = rewrite.map(&packet(1, seq, 0, 0), start).unwrap();
                    prop_assert_eq!(out.seq, sent.last().unwrap() + 1);
                    sent.push(out.seq);
                } else {
                    rewrite.skip(&packet(1, seq, 0, 0));
                }
            }
            // Again, out of order: the same number as before, or none.
            for seq in late {
                let taken = seq == 0 || takes.get(seq - 1).copied().unwrap_or(false);
                if seq <= takes.len() && let Some(out) = rewrite.map(&packet(1, seq as u64, 0, 0), start) {
                    prop_assert!(taken);
                    let before = takes[..seq].iter().filter(|taken| **taken).count();
                    prop_assert_eq!(out.seq, sent[before]);
                }
            }
        }

        /// Whatever is switched when, what goes out is one stream without gaps or steps back.
        #[test]
        fn any_chain_of_switches_is_one_stream(
            sources in prop::collection::vec((any::<u32>(), 0u64..200_000, any::<u32>(), any::<u16>(), 1u64..40, 0u64..90_000), 1..30)
        ) {
            let mut now = Instant::now();
            let mut rewrite = Rewriter::new(RATE);
            let mut last: Option<Outgoing> = None;
            for (ssrc, seq, time, picture, count, pause) in sources {
                now += ms(pause);
                rewrite.switch(&packet(ssrc, seq, time, picture), now);
                for nth in 0..count {
                    now += ms(33);
                    let time = time.wrapping_add(nth as u32 * 3_000);
                    let next = packet(ssrc, seq + nth, time, picture.wrapping_add(nth as u16));
                    let out = rewrite.map(&next, now).unwrap();
                    if let Some(last) = last {
                        prop_assert_eq!(out.seq, last.seq + 1);
                        let step = out.time.wrapping_sub(last.time);
                        prop_assert!(step > 0 && step <= 91 * RATE);
                        let step = out.picture_id.unwrap().wrapping_sub(last.picture_id.unwrap());
                        prop_assert_eq!(step & 0x7fff, 1);
                    }
                    last = Some(out);
                }
            }
        }
    }
}
