//! What a receiver can tell from RTP alone (RFC 3550, RFC 7741): packets, losses, the first whole key frame. Pure.

/// Positions behind the newest for which it is known whether they came; later ones count as lost.
const WINDOW: u64 = 2_048;

/// One stream, told apart by its SSRC.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    first: u64,
    newest: u64,
    packets: u64,
    repeats: u64,
    seen: Box<[bool]>,
    key_frame: KeyFrame,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum KeyFrame {
    None,
    Begun { timestamp: u32, next: u64 },
    Whole,
}

/// The fields of a packet that matter here.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packet<'a> {
    /// Sequence number.
    pub(super) seq: u16,
    /// RTP timestamp.
    pub(super) timestamp: u32,
    /// Whether it is the last of its frame.
    pub(super) marker: bool,
    /// Payload of a VP8 packet; `None` for sound.
    pub(super) vp8: Option<&'a [u8]>,
}

impl Stream {
    /// A stream that begins with this packet.
    #[must_use]
    pub(super) fn new(packet: Packet<'_>) -> Self {
        // Far enough from zero that packets from before the first one have a place.
        let first = 0x1_0000 + u64::from(packet.seq);
        let mut stream = Self {
            first,
            newest: first,
            packets: 0,
            repeats: 0,
            seen: vec![false; WINDOW as usize].into_boxed_slice(),
            key_frame: KeyFrame::None,
        };
        stream.take(packet);
        stream
    }

    /// Counts a packet. True when it completes the first key frame.
    pub(super) fn take(&mut self, packet: Packet<'_>) -> bool {
        let seq = self.extend(packet.seq);
        if seq > self.newest {
            for skipped in (self.newest + 1..=seq).rev().take(WINDOW as usize) {
                self.seen[place(skipped)] = false;
            }
            self.newest = seq;
        } else if seq + WINDOW <= self.newest || self.seen[place(seq)] {
            self.repeats += 1;
            return false;
        }
        self.first = self.first.min(seq);
        self.seen[place(seq)] = true;
        self.packets += 1;
        packet
            .vp8
            .is_some_and(|payload| self.watch(packet, seq, payload))
    }

    /// Different packets that came.
    #[must_use]
    pub(super) const fn packets(&self) -> u64 {
        self.packets
    }

    /// Packets between the first and the newest that did not come.
    #[must_use]
    pub(super) const fn lost(&self) -> u64 {
        self.newest - self.first + 1 - self.packets
    }

    /// Packets that had come before, or too late to tell.
    #[must_use]
    pub(super) const fn repeats(&self) -> u64 {
        self.repeats
    }

    // RFC 3550 §A.1: the difference to the newest, taken as a signed 16-bit number, tells the cycle.
    const fn extend(&self, seq: u16) -> u64 {
        let step = seq.wrapping_sub(self.newest as u16) as i16;
        self.newest.saturating_add_signed(step as i64)
    }

    fn watch(&mut self, packet: Packet<'_>, seq: u64, payload: &[u8]) -> bool {
        let goes_on = match self.key_frame {
            KeyFrame::Whole => return false,
            KeyFrame::Begun { timestamp, next } => timestamp == packet.timestamp && next == seq,
            KeyFrame::None => false,
        };
        self.key_frame = match (goes_on || begins_key_frame(payload), packet.marker) {
            (false, _) => KeyFrame::None,
            (true, true) => KeyFrame::Whole,
            (true, false) => KeyFrame::Begun {
                timestamp: packet.timestamp,
                next: seq + 1,
            },
        };
        self.key_frame == KeyFrame::Whole
    }
}

const fn place(seq: u64) -> usize {
    (seq % WINDOW) as usize
}

/// Whether a VP8 payload (RFC 7741 §4.2, §4.3) is the first of a key frame.
#[must_use]
pub(super) fn begins_key_frame(payload: &[u8]) -> bool {
    let bit = |byte: u8, n: u8| byte >> n & 1 == 1;
    let byte = |at: usize| payload.get(at).copied().unwrap_or(0);
    let first = byte(0);
    let mut header = 1;
    if bit(first, 7) {
        let present = byte(1);
        header += 1;
        if bit(present, 7) {
            header += if bit(byte(header), 7) { 2 } else { 1 };
        }
        header += usize::from(bit(present, 6)) + usize::from(bit(present, 5) || bit(present, 4));
    }
    let starts_partition_0 = bit(first, 4) && first & 0x07 == 0;
    starts_partition_0 && payload.get(header).is_some_and(|tag| !bit(*tag, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound(seq: u16) -> Packet<'static> {
        Packet {
            seq,
            timestamp: 0,
            marker: false,
            vp8: None,
        }
    }

    fn counts(first: u16, others: &[u16]) -> (u64, u64, u64) {
        let mut stream = Stream::new(sound(first));
        for seq in others {
            stream.take(sound(*seq));
        }
        (stream.packets(), stream.lost(), stream.repeats())
    }

    #[test]
    fn losses_repeats_and_late_packets_are_told_apart() {
        assert_eq!(counts(1, &[2, 3]), (3, 0, 0));
        assert_eq!(counts(1, &[2, 5]), (3, 2, 0));
        assert_eq!(counts(1, &[3, 2]), (3, 0, 0));
        assert_eq!(counts(1, &[2, 2, 1]), (2, 0, 2));
        assert_eq!(counts(5, &[4, 6]), (3, 0, 0));
        assert_eq!(counts(65_534, &[65_535, 0, 2]), (4, 1, 0));
        assert_eq!(counts(0, &[65_535, 1]), (3, 0, 0));
    }

    #[test]
    fn a_jump_beyond_the_window_forgets_what_was_seen() {
        assert_eq!(counts(0, &[30_000, 29_999]), (3, 29_998, 0));
    }

    const KEY: &[u8] = &[0x90, 0x80, 0x80, 0x01, 0x10, 0, 0];
    const REST: &[u8] = &[0x80, 0x80, 0x80, 0x01, 0x10, 0, 0];
    const DELTA: &[u8] = &[0x90, 0x80, 0x80, 0x02, 0x11, 0, 0];

    fn video(seq: u16, timestamp: u32, marker: bool, payload: &[u8]) -> Packet<'_> {
        Packet {
            seq,
            timestamp,
            marker,
            vp8: Some(payload),
        }
    }

    #[test]
    fn a_key_frame_counts_when_it_is_whole() {
        let mut stream = Stream::new(video(1, 0, true, DELTA));
        assert!(!stream.take(video(2, 3_000, false, KEY)));
        assert!(stream.take(video(3, 3_000, true, REST)));
        assert!(
            !stream.take(video(4, 6_000, true, KEY)),
            "the first is told once"
        );
    }

    #[test]
    fn a_key_frame_with_a_hole_does_not_count() {
        let mut stream = Stream::new(video(1, 0, false, KEY));
        assert!(!stream.take(video(3, 0, true, REST)));
        assert!(!stream.take(video(4, 3_000, true, DELTA)));
        assert!(stream.take(video(5, 6_000, true, KEY)));
    }

    #[test]
    fn key_frames_are_told_by_their_first_byte_behind_the_descriptor() {
        assert!(begins_key_frame(&[0x10, 0x10]));
        assert!(begins_key_frame(&[0x90, 0xE0, 0x80, 1, 2, 3, 0x10]));
        assert!(begins_key_frame(&[0x90, 0x80, 0x01, 0x10]));
        assert!(!begins_key_frame(&[0x11, 0x10]), "another partition");
        assert!(!begins_key_frame(&[0x10, 0x11]));
        for cut in [
            &[][..],
            &[0x10],
            &[0x90],
            &[0x90, 0x80],
            &[0x90, 0xFF, 0xFF],
        ] {
            assert!(!begins_key_frame(cut));
        }
    }
}
