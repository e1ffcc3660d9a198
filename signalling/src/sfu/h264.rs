//! Where an H.264 decoder can begin, read from RTP payloads (RFC 6184 §5).

/// Coded slice of an IDR picture (ITU-T H.264 table 7-1).
const IDR: u8 = 5;
/// Sequence parameter set.
const SPS: u8 = 7;
/// Single-time aggregation packet (RFC 6184 §5.7.1).
const STAP_A: u8 = 24;
/// Fragmentation unit (RFC 6184 §5.8).
const FU_A: u8 = 28;

/// Whether a payload begins a picture at which a decoder can begin: it holds a sequence parameter set, or the first slice
/// of an IDR picture, whose parameters may have come before. Later slices and fragments do not begin anything.
pub fn is_key_frame(payload: &[u8]) -> bool {
    let Some((&head, rest)) = payload.split_first() else {
        return false;
    };
    match head & 0x1f {
        STAP_A => units(rest).any(begins),
        FU_A => {
            let Some((&fragment, rest)) = rest.split_first() else {
                return false;
            };
            let starts = fragment & 0x80 != 0;
            starts && can_begin(fragment & 0x1f, rest.first())
        }
        _ => begins(payload),
    }
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

fn begins(unit: &[u8]) -> bool {
    unit.first()
        .is_some_and(|head| can_begin(head & 0x1f, unit.get(1)))
}

/// `body` is the first byte after the NAL unit's head: a slice begins with the number of its first macroblock, where a 1
/// in the highest bit is 0 (ITU-T H.264 §7.3.3, §9.1).
fn can_begin(kind: u8, body: Option<&u8>) -> bool {
    match kind {
        SPS => true,
        IDR => body.is_some_and(|body| body & 0x80 != 0),
        _ => false,
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

    proptest! {
        #[test]
        fn anything_is_read(payload in prop::collection::vec(any::<u8>(), 0..64)) {
            is_key_frame(&payload);
        }
    }
}
