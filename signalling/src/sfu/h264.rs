//! Where an H.264 decoder can begin, read from RTP payloads (RFC 6184 §5).

/// Coded slice of an IDR picture (ITU-T H.264 table 7-1).
const IDR: u8 = 5;
/// Sequence parameter set.
const SPS: u8 = 7;
/// Single-time aggregation packet (RFC 6184 §5.7.1).
const STAP_A: u8 = 24;
/// Fragmentation unit (RFC 6184 §5.8).
const FU_A: u8 = 28;

/// Packets of a stream that are remembered: what a lost one takes to be sent again.
const KNOWN: usize = 64;
/// Packets that may stand in a picture before its first slice: a delimiter, parameters, supplemental information.
const BEFORE_MAX: u64 = 6;

/// What a payload begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Beginning {
    /// A sequence parameter set.
    Parameters,
    /// The first slice of an IDR picture.
    Slice,
}

/// Whether a payload begins a picture at which a decoder can begin: it holds a sequence parameter set, or the first slice
/// of an IDR picture, whose parameters may have come before. Later slices and fragments do not begin anything.
pub fn is_key_frame(payload: &[u8]) -> bool {
    beginning(payload).is_some()
}

fn beginning(payload: &[u8]) -> Option<Beginning> {
    let (&head, rest) = payload.split_first()?;
    match head & 0x1f {
        STAP_A => {
            let found = |wanted| units(rest).any(|unit| begins(unit) == Some(wanted));
            let slice = || found(Beginning::Slice).then_some(Beginning::Slice);
            let parameters = found(Beginning::Parameters).then_some(Beginning::Parameters);
            parameters.or_else(slice)
        }
        FU_A => {
            let (&fragment, rest) = rest.split_first()?;
            let starts = fragment & 0x80 != 0;
            can_begin(fragment & 0x1f, rest.first()).filter(|_| starts)
        }
        _ => begins(payload),
    }
}

/// What came of one stream, for a slice may overtake the parameters of its picture: a decoder that began with it would never
/// get them.
#[derive(Debug, Clone)]
pub struct Arrivals {
    /// Sequence number and RTP time, by the number.
    known: [Option<(u64, u32)>; KNOWN],
}

impl Default for Arrivals {
    fn default() -> Self {
        Self {
            known: [None; KNOWN],
        }
    }
}

impl Arrivals {
    /// Notes a packet by its sequence number, extended beyond 16 bits, and its RTP time. Returns whether it is the first of a
    /// key frame: the parameters, or the first slice where all that stands before it in its picture has come.
    pub fn begins(&mut self, seq: u64, time: u32, payload: &[u8]) -> bool {
        if let Some(known) = self.known.get_mut(place(seq)) {
            *known = Some((seq, time));
        }
        match beginning(payload) {
            Some(Beginning::Parameters) => true,
            Some(Beginning::Slice) => self.has_all_before(seq, time),
            None => false,
        }
    }

    /// Whether nothing is missing back to the picture before.
    fn has_all_before(&self, seq: u64, time: u32) -> bool {
        for before in (seq.saturating_sub(BEFORE_MAX)..seq).rev() {
            let known = self.known.get(place(before)).copied().flatten();
            match known.filter(|(known, _)| *known == before) {
                Some((_, of)) if of == time => {}
                other => return other.is_some(),
            }
        }
        true
    }
}

fn place(seq: u64) -> usize {
    (seq % KNOWN as u64) as usize
}

/// The NAL units of an aggregation packet. One that is cut short ends it.
fn units(mut rest: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (len, after) = rest.split_first_chunk::<2>()?;
        let len = usize::from(u16::from_be_bytes(*len));
        let (unit, after) = after.split_at_checked(len)?;
        rest = after;
        Some(unit)
    })
}

fn begins(unit: &[u8]) -> Option<Beginning> {
    let head = unit.first()?;
    can_begin(head & 0x1f, unit.get(1))
}

/// `body` is the first byte after the NAL unit's head: a slice begins with the number of its first macroblock, where a 1
/// in the highest bit is 0 (ITU-T H.264 §7.3.3, §9.1).
fn can_begin(kind: u8, body: Option<&u8>) -> Option<Beginning> {
    match kind {
        SPS => Some(Beginning::Parameters),
        IDR => body
            .is_some_and(|body| body & 0x80 != 0)
            .then_some(Beginning::Slice),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn begins_at_parameters_and_at_the_first_slice_of_an_idr_picture() {
        let cases: [(&[u8], bool); 14] = [
            (&[0x67, 0x42, 0xe0, 0x1f], true),
            (&[0x68, 0xce, 0x38, 0x80], false),
            (&[0x65, 0xb8, 0x00], true),
            (&[0x65, 0x03, 0x00], false),
            (&[0x61, 0xe0, 0x00], false),
            (&[0x7c, 0x85, 0xb8], true),
            (&[0x7c, 0x05, 0xb8], false),
            (&[0x7c, 0x45, 0xb8], false),
            (&[0x7c, 0x85, 0x03], false),
            (&[0x7c, 0x81, 0xe0], false),
            (&[0x78, 0, 2, 0x67, 0x42, 0, 2, 0x68, 0xce], true),
            (&[0x78, 0, 2, 0x09, 0xf0, 0, 2, 0x65, 0x88], true),
            (&[0x78, 0, 2, 0x09, 0xf0, 0, 9, 0x65, 0x88], false),
            (&[0x65], false),
        ];
        for (payload, expected) in cases {
            assert_eq!(is_key_frame(payload), expected, "{payload:02x?}");
        }
    }

    const SPS_ALONE: &[u8] = &[0x67, 0x42, 0xe0, 0x1f];
    const PPS_ALONE: &[u8] = &[0x68, 0xce, 0x38, 0x80];
    const BOTH: &[u8] = &[0x78, 0, 2, 0x67, 0x42, 0, 2, 0x68, 0xce];
    const FIRST_SLICE: &[u8] = &[0x7c, 0x85, 0xb8];
    const DELTA: &[u8] = &[0x61, 0xe0, 0x00];

    /// What begins a key frame, of packets as they come: number, picture and payload.
    fn beginnings(packets: &[(u64, u32, &[u8])]) -> Vec<u64> {
        let mut arrivals = Arrivals::default();
        let begins = packets
            .iter()
            .filter(|(seq, time, payload)| arrivals.begins(*seq, *time, payload));
        begins.map(|(seq, ..)| *seq).collect()
    }

    #[test]
    fn a_slice_that_overtook_its_parameters_begins_nothing() {
        let before = (99, 1, DELTA);
        let [both, slice] = [(100, 2, BOTH), (101, 2, FIRST_SLICE)];
        assert_eq!(beginnings(&[before, both, slice]), [100, 101]);
        assert_eq!(beginnings(&[before, slice, both]), [100]);
        // In packets of their own, in every order.
        let [sps, pps, slice] = [
            (100, 2, SPS_ALONE),
            (101, 2, PPS_ALONE),
            (102, 2, FIRST_SLICE),
        ];
        assert_eq!(beginnings(&[before, sps, pps, slice]), [100, 102]);
        for order in [[slice, pps, sps], [slice, sps, pps], [pps, slice, sps]] {
            assert_eq!(beginnings(&[&[before][..], &order].concat()), [100]);
        }
        assert_eq!(beginnings(&[before, sps, slice, pps]), [100]);
        // The first that ever comes, and the first after a loss.
        assert_eq!(beginnings(&[slice, pps, sps]), [100]);
        assert_eq!(beginnings(&[(98, 1, DELTA), (101, 2, FIRST_SLICE)]), []);
    }

    #[test]
    fn a_slice_without_parameters_before_it_begins_where_its_sender_tells_them_once() {
        let once = [(0, 1, BOTH), (1, 1, FIRST_SLICE), (2, 2, DELTA)];
        let again = [(3, 3, FIRST_SLICE), (4, 4, DELTA)];
        assert_eq!(beginnings(&[&once[..], &again].concat()), [0, 1, 3]);
        let behind = [(3, 3, &[0x09, 0xf0][..]), (4, 3, FIRST_SLICE)];
        assert_eq!(beginnings(&[&once[..], &behind].concat()), [0, 1, 4]);
        // Of a picture before, far back and long gone from memory.
        let far = (KNOWN as u64 + 3, 9, FIRST_SLICE);
        assert_eq!(beginnings(&[&once[..], &[far]].concat()), [0, 1]);
    }

    proptest! {
        #[test]
        fn anything_is_read(payload in prop::collection::vec(any::<u8>(), 0..64), seq: u64, time: u32) {
            let begins = Arrivals::default().begins(seq, time, &payload);
            assert!(!begins || is_key_frame(&payload));
        }
    }
}
