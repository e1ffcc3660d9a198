//! RTP headers as we write them (RFC 3550 §5.1, RFC 8285 §4.2).

/// Largest id that the one-byte form of header extensions can hold.
pub const ID_MAX: u8 = 14;

/// Ids of the header extensions that a receiver's m-line takes; `None` for those it does not.
#[derive(Debug, Clone, Copy, Default)]
pub struct ExtensionIds {
    /// draft-holmer-rmcat-transport-wide-cc-extensions-01.
    pub transport_cc: Option<u8>,
    /// RFC 6464.
    pub audio_level: Option<u8>,
    /// 3GPP TS 26.114, `urn:3gpp:video-orientation`.
    pub orientation: Option<u8>,
}

/// What the sender wrote in its header extensions, as far as it is passed on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Extras {
    /// Voice activity (highest bit) and level.
    pub audio_level: Option<u8>,
    /// Rotation of the picture.
    pub orientation: Option<u8>,
}

/// The fixed part.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fixed {
    pub(super) payload_type: u8,
    pub(super) marker: bool,
    pub(super) sequence: u16,
    pub(super) time: u32,
    pub(super) ssrc: u32,
}

/// Appends a header. Returns its length.
pub(super) fn write(
    to: &mut Vec<u8>,
    fixed: Fixed,
    ids: &ExtensionIds,
    transport_cc: Option<u16>,
    extras: Extras,
) -> usize {
    let start = to.len();
    let mut block = [0; 12];
    let mut used = 0;
    let mut put = |id: Option<u8>, value: &[u8]| {
        let Some(id) = id.filter(|id| (1..=ID_MAX).contains(id)) else {
            return;
        };
        block[used] = id << 4 | (value.len() as u8 - 1);
        block[used + 1..=used + value.len()].copy_from_slice(value);
        used += 1 + value.len();
    };
    if let Some(number) = transport_cc {
        put(ids.transport_cc, &number.to_be_bytes());
    }
    if let Some(level) = extras.audio_level {
        put(ids.audio_level, &[level]);
    }
    if let Some(orientation) = extras.orientation {
        put(ids.orientation, &[orientation]);
    }
    let words = used.div_ceil(4);
    to.push(0x80 | if words > 0 { 0x10 } else { 0 });
    to.push(fixed.payload_type & 0x7f | u8::from(fixed.marker) << 7);
    to.extend_from_slice(&fixed.sequence.to_be_bytes());
    to.extend_from_slice(&fixed.time.to_be_bytes());
    to.extend_from_slice(&fixed.ssrc.to_be_bytes());
    if words > 0 {
        to.extend_from_slice(&[0xbe, 0xde, 0, words as u8]);
        to.extend_from_slice(&block[..words * 4]);
    }
    to.len() - start
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIXED: Fixed = Fixed {
        payload_type: 96,
        marker: true,
        sequence: 0x1234,
        time: 0x0506_0708,
        ssrc: 0x0a0b_0c0d,
    };
    const START: [u8; 12] = [0x80, 0xe0, 0x12, 0x34, 5, 6, 7, 8, 10, 11, 12, 13];

    #[test]
    fn without_extensions_there_are_twelve_bytes() {
        let mut out = vec![9];
        let ids = ExtensionIds::default();
        let len = write(&mut out, FIXED, &ids, Some(1), Extras::default());
        assert_eq!((len, &out[1..]), (12, &START[..]));
    }

    #[test]
    fn extensions_are_padded_to_words() {
        let ids = ExtensionIds {
            transport_cc: Some(3),
            audio_level: Some(1),
            orientation: Some(15),
        };
        let extras = Extras {
            audio_level: Some(0x85),
            orientation: Some(1),
        };
        let mut out = Vec::new();
        let len = write(&mut out, FIXED, &ids, Some(0xabcd), extras);
        assert_eq!(len, 24);
        assert_eq!(out[0], 0x90);
        let block = [0xbe, 0xde, 0, 2, 0x31, 0xab, 0xcd, 0x10, 0x85, 0, 0, 0];
        assert_eq!(out[12..], block);
    }
}
