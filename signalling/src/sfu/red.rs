//! Sound with a copy of what came before it (RFC 2198, `audio/red`): read, written, and gaps filled from it.

use std::collections::BTreeMap;
use std::ops::Range;

/// Earlier blocks read of one packet. Browsers send one, some two; a packet with more than this is taken for broken.
pub const BLOCKS_MAX: usize = 8;
/// Of those, how many may fill gaps: each becomes a packet to everybody.
pub const TAKEN_MAX: usize = 3;
/// How much earlier than its packet a block may be, RTP ticks (14 bits): 341 ms of Opus.
pub const OFFSET_MAX: u32 = 0x3fff;
/// Bytes of an earlier block (10 bits).
pub const LENGTH_MAX: usize = 0x3ff;
/// Packets of a stream remembered, to tell which are missing.
const REMEMBERED: usize = 32;
/// The bit of a block's first byte that says that another one follows.
const FOLLOWED: u8 = 0x80;

/// A block that repeats an earlier packet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Block {
    /// In which codec it is, by payload type.
    pub payload_type: u8,
    /// How much earlier than its packet it is, RTP ticks.
    pub offset: u32,
    /// Where it lies in the payload.
    pub part: Range<usize>,
}

/// What a payload holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocks {
    earlier: [Block; BLOCKS_MAX],
    count: usize,
    /// The packet's own codec, by payload type.
    pub payload_type: u8,
    /// Where the packet's own sound lies. Not empty.
    pub primary: Range<usize>,
}

impl Blocks {
    /// Repeated packets, the latest first.
    pub fn latest_first(&self) -> impl Iterator<Item = &Block> {
        self.earlier[..self.count].iter().rev()
    }
}

/// Reads a payload (RFC 2198 §3). `None` when it is cut off, has more than [`BLOCKS_MAX`] earlier blocks or no sound of
/// its own.
pub fn parse(payload: &[u8]) -> Option<Blocks> {
    let mut earlier: [Block; BLOCKS_MAX] = Default::default();
    let (mut count, mut at) = (0, 0);
    let payload_type = loop {
        let first = *payload.get(at)?;
        if first & FOLLOWED == 0 {
            break first;
        }
        let head: [u8; 4] = payload.get(at..at + 4)?.try_into().ok()?;
        let head = u32::from_be_bytes(head);
        *earlier.get_mut(count)? = Block {
            payload_type: first & !FOLLOWED,
            offset: head >> 10 & OFFSET_MAX,
            part: 0..head as usize & LENGTH_MAX,
        };
        (count, at) = (count + 1, at + 4);
    };
    at += 1;
    for block in &mut earlier[..count] {
        block.part = at..at + block.part.end;
        at = block.part.end;
    }
    (at < payload.len()).then_some(Blocks {
        earlier,
        count,
        payload_type,
        primary: at..payload.len(),
    })
}

/// Appends a payload: earlier packets of Opus by how many RTP ticks they are earlier, the oldest first, then the packet
/// itself. Those that the format has no room for are left out.
pub fn write<'a>(
    to: &mut Vec<u8>,
    opus: u8,
    earlier: impl Iterator<Item = (u32, &'a [u8])> + Clone,
    primary: &[u8],
) {
    let fit = earlier.filter(|(offset, bytes)| fits(*offset, bytes));
    for (offset, bytes) in fit.clone() {
        let head = u32::from(opus | FOLLOWED) << 24 | offset << 10 | bytes.len() as u32;
        to.extend_from_slice(&head.to_be_bytes());
    }
    to.push(opus & !FOLLOWED);
    for (_, bytes) in fit {
        to.extend_from_slice(bytes);
    }
    to.extend_from_slice(primary);
}

/// Whether an earlier packet can be repeated.
pub fn fits(offset: u32, bytes: &[u8]) -> bool {
    (1..=OFFSET_MAX).contains(&offset) && (1..=LENGTH_MAX).contains(&bytes.len())
}

/// Which packets of a stream have come, so that repeated ones fill gaps and nothing else.
#[derive(Debug, Default)]
pub struct Gaps {
    ssrc: u32,
    /// RTP times by sequence number.
    known: BTreeMap<u64, u32>,
}

impl Gaps {
    /// Notes a packet, also one that was taken from a later one.
    pub fn came(&mut self, ssrc: u32, seq: u64, time: u32) {
        if self.ssrc != ssrc {
            self.ssrc = ssrc;
            self.known.clear();
        }
        self.known.insert(seq, time);
        if self.known.len() > REMEMBERED {
            self.known.pop_first();
        }
    }

    /// The number of the packet that a block repeats, if it is missing. The block stands at `place` among those of packet
    /// `carrier`, the latest at 0, and is of `time`. Blocks have no numbers: a sender repeats its packets in order, and
    /// one that does not fit between its neighbours by its time is of another place.
    pub fn missing(&self, carrier: u64, place: usize, time: u32) -> Option<u64> {
        let seq = carrier.checked_sub(place as u64 + 1)?;
        let (before, earlier) = self.known.range(..=seq).next_back()?;
        let (_, later) = self.known.range(seq..).next()?;
        let fits = is_later(time, *earlier) && is_later(*later, time);
        (*before != seq && fits).then_some(seq)
    }
}

fn is_later(time: u32, than: u32) -> bool {
    time != than && time.wrapping_sub(than) < 1 << 31
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OPUS: u8 = 111;

    #[test]
    fn a_packet_of_chromium_is_read() {
        // Header of a packet that repeats the one 20 ms before, of 3 bytes: 0xef is 111 with another to follow.
        let payload = [0xef, 0x0f, 0x00, 0x03, 0x6f, 1, 2, 3, 4, 5];
        let blocks = parse(&payload).unwrap();
        let block = Block {
            payload_type: OPUS,
            offset: 960,
            part: 5..8,
        };
        assert_eq!(blocks.latest_first().collect::<Vec<_>>(), [&block]);
        assert_eq!((blocks.payload_type, blocks.primary), (OPUS, 8..10));
    }

    #[test]
    fn what_is_cut_off_or_has_too_many_blocks_is_refused() {
        for broken in [
            &[][..],
            &[0xef],
            &[0xef, 0, 0],
            &[0xef, 0x0f, 0, 3, 0x6f, 1, 2],
            // Nothing of its own.
            &[0xef, 0x0f, 0, 3, 0x6f, 1, 2, 3],
            &[0x6f],
        ] {
            assert_eq!(parse(broken), None, "{broken:?}");
        }
        let packet = |blocks: usize| {
            let mut payload = [0xef, 0x0f, 0, 0].repeat(blocks);
            payload.extend([0x6f, 9]);
            payload
        };
        assert!(parse(&packet(BLOCKS_MAX)).is_some());
        assert!(parse(&packet(BLOCKS_MAX + 1)).is_none());
    }

    #[test]
    fn a_block_fills_the_gap_that_it_fits_into() {
        let mut gaps = Gaps::default();
        gaps.came(1, 10, 9_600);
        gaps.came(1, 13, 12_480);
        assert_eq!(gaps.missing(13, 0, 11_520), Some(12));
        assert_eq!(gaps.missing(13, 1, 10_560), Some(11));
        // Of a time that is known already, or of another stretch of sound.
        assert_eq!(gaps.missing(13, 0, 9_600), None);
        assert_eq!(gaps.missing(13, 1, 12_480), None);
        assert_eq!(gaps.missing(13, 1, 5_000), None);
        // Known, or from before the beginning.
        assert_eq!(gaps.missing(13, 2, 9_600), None);
        assert_eq!(gaps.missing(13, 5, 7_000), None);
        gaps.came(1, 12, 11_520);
        assert_eq!(gaps.missing(13, 0, 11_520), None);
        gaps.came(2, 14, 11_520);
        assert_eq!(gaps.missing(14, 0, 10_560), None);
    }

    #[test]
    fn gaps_are_told_over_the_wrap_of_times() {
        let mut gaps = Gaps::default();
        gaps.came(1, 70_000, u32::MAX - 500);
        gaps.came(1, 70_002, 1_419);
        assert_eq!(gaps.missing(70_002, 0, 459), Some(70_001));
    }

    proptest! {
        /// Whatever is written is read again, without what the format has no room for.
        #[test]
        fn what_is_written_is_read(
            earlier in prop::collection::vec((0u32..20_000, prop::collection::vec(any::<u8>(), 0..1_100)), 0..=BLOCKS_MAX),
            primary in prop::collection::vec(any::<u8>(), 1..300), opus in 0u8..128
        ) {
            let mut payload = Vec::new();
            let blocks = earlier.iter().map(|(offset, bytes)| (*offset, bytes.as_slice()));
            write(&mut payload, opus, blocks.clone(), &primary);
            let read = parse(&payload).unwrap();
            prop_assert_eq!(read.payload_type, opus);
            prop_assert_eq!(&payload[read.primary.clone()], &primary);
            let mut read: Vec<(u32, &[u8])> = read
                .latest_first()
                .map(|block| (block.offset, &payload[block.part.clone()]))
                .collect();
            read.reverse();
            let fit: Vec<(u32, &[u8])> = blocks.filter(|(offset, bytes)| fits(*offset, bytes)).collect();
            prop_assert_eq!(read, fit);
        }

        /// Whatever comes, all that is read lies inside, one after the other, and ends with the packet's own sound.
        #[test]
        fn anything_is_read_within_its_bounds(payload in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Some(blocks) = parse(&payload) {
                let mut end = 0;
                let mut oldest_first: Vec<&Block> = blocks.latest_first().collect();
                oldest_first.reverse();
                for block in oldest_first {
                    prop_assert!(block.part.start >= end && block.part.end >= block.part.start);
                    prop_assert!(block.offset <= OFFSET_MAX && block.part.len() <= LENGTH_MAX);
                    end = block.part.end;
                }
                prop_assert_eq!(blocks.primary.start, if end == 0 { 1 } else { end });
                prop_assert_eq!(blocks.primary.end, payload.len());
            }
        }

        /// Of any stream with any losses, every repeated packet that is taken is one that was lost, at its own place.
        #[test]
        fn only_what_was_lost_is_filled_in(
            lost in prop::collection::vec(any::<bool>(), 3..200), steps in prop::collection::vec(1u32..8, 200), depth in 1usize..4
        ) {
            let mut time = u32::MAX - 40_000;
            let times: Vec<u32> = steps.iter().map(|step| { time = time.wrapping_add(960 * step); time }).collect();
            let mut gaps = Gaps::default();
            let mut have = std::collections::BTreeSet::new();
            for (seq, _) in lost.iter().enumerate().filter(|(seq, lost)| *seq == 0 || !**lost) {
                gaps.came(1, seq as u64, times[seq]);
                have.insert(seq);
                for place in (0..depth.min(seq)).rev() {
                    let of = seq - 1 - place;
                    let found = gaps.missing(seq as u64, place, times[of]);
                    prop_assert_eq!(found, (!have.contains(&of)).then_some(of as u64));
                    if found.is_some() {
                        gaps.came(1, of as u64, times[of]);
                        have.insert(of);
                    }
                }
            }
        }
    }
}
