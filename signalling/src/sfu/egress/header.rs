//! RTP headers as we write them (RFC 3550 §5.1, RFC 8285 §4.2).

use crate::sfu::descriptor;

/// Largest id that the one-byte form of header extensions can hold.
pub const ID_MAX: u8 = 14;
/// Bytes of a value that the one-byte form can hold.
const SHORT_MAX: usize = 16;

/// Ids of the header extensions that a receiver's m-line takes; `None` for those it does not.
#[derive(Debug, Clone, Copy, Default)]
pub struct ExtensionIds {
    /// draft-holmer-rmcat-transport-wide-cc-extensions-01.
    pub transport_cc: Option<u8>,
    /// RFC 6464.
    pub audio_level: Option<u8>,
    /// 3GPP TS 26.114, `urn:3gpp:video-orientation`.
    pub orientation: Option<u8>,
    /// Of the dependency descriptor, which may be longer than the one-byte form allows: only for those who take both
    /// forms (`a=extmap-allow-mixed`, RFC 8285 §4.1.2).
    pub descriptor: Option<u8>,
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

/// Appends a header. Returns its length. `dependencies` is a dependency descriptor and its frame number.
pub(super) fn write(
    to: &mut Vec<u8>,
    fixed: Fixed,
    ids: &ExtensionIds,
    transport_cc: Option<u16>,
    extras: Extras,
    dependencies: Option<(&[u8], Option<u16>)>,
) -> usize {
    let start = to.len();
    let descriptor = ids.descriptor.zip(dependencies);
    if let Some((id, (descriptor, frame))) = descriptor.filter(|(_, (bytes, _))| !bytes.is_empty())
    {
        let small = [
            transport_cc.map(|number| (ids.transport_cc, number)),
            extras
                .orientation
                .map(|turns| (ids.orientation, turns.into())),
        ];
        described(to, fixed, &small, (id, descriptor, frame));
        return to.len() - start;
    }
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
    twelve(to, fixed, words > 0);
    if words > 0 {
        to.extend_from_slice(&[0xbe, 0xde, 0, words as u8]);
        to.extend_from_slice(&block[..words * 4]);
    }
    to.len() - start
}

/// The fixed part.
fn twelve(to: &mut Vec<u8>, fixed: Fixed, extended: bool) {
    to.push(0x80 | if extended { 0x10 } else { 0 });
    to.push(fixed.payload_type & 0x7f | u8::from(fixed.marker) << 7);
    to.extend_from_slice(&fixed.sequence.to_be_bytes());
    to.extend_from_slice(&fixed.time.to_be_bytes());
    to.extend_from_slice(&fixed.ssrc.to_be_bytes());
}

/// A header with a dependency descriptor, in the two-byte form if the descriptor asks for it (RFC 8285 §4.3).
fn described(
    to: &mut Vec<u8>,
    fixed: Fixed,
    small: &[Option<(Option<u8>, u16)>; 2],
    (id, descriptor, frame): (u8, &[u8], Option<u16>),
) {
    let long = descriptor.len() > SHORT_MAX;
    twelve(to, fixed, true);
    to.extend_from_slice(if long {
        &[0x10, 0, 0, 0]
    } else {
        &[0xbe, 0xde, 0, 0]
    });
    let block = to.len();
    let mut put = |id: u8, value: &[u8]| {
        if long {
            to.extend_from_slice(&[id, value.len() as u8]);
        } else {
            to.push(id << 4 | (value.len() as u8 - 1));
        }
        to.extend_from_slice(value);
    };
    let [number, turns] = small;
    if let Some((Some(id), number)) = number {
        put(*id, &number.to_be_bytes());
    }
    if let Some((Some(id), turns)) = turns {
        put(*id, &[*turns as u8]);
    }
    put(id, descriptor);
    let at = to.len() - descriptor.len();
    if let Some(frame) = frame {
        descriptor::renumber(&mut to[at..], frame);
    }
    let words = (to.len() - block).div_ceil(4);
    to.resize(block + words * 4, 0);
    to[block - 1] = words as u8;
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
        let len = write(&mut out, FIXED, &ids, Some(1), Extras::default(), None);
        assert_eq!((len, &out[1..]), (12, &START[..]));
    }

    #[test]
    fn extensions_are_padded_to_words() {
        let ids = ExtensionIds {
            transport_cc: Some(3),
            audio_level: Some(1),
            orientation: Some(15),
            descriptor: None,
        };
        let extras = Extras {
            audio_level: Some(0x85),
            orientation: Some(1),
        };
        let mut out = Vec::new();
        let descriptor = Some((&[0xc0, 0, 1][..], Some(7)));
        let len = write(&mut out, FIXED, &ids, Some(0xabcd), extras, descriptor);
        assert_eq!(len, 24);
        assert_eq!(out[0], 0x90);
        let block = [0xbe, 0xde, 0, 2, 0x31, 0xab, 0xcd, 0x10, 0x85, 0, 0, 0];
        assert_eq!(out[12..], block);
    }

    #[test]
    fn a_descriptor_is_renumbered_and_a_long_one_takes_the_two_byte_form() {
        let ids = ExtensionIds {
            transport_cc: Some(3),
            orientation: Some(4),
            descriptor: Some(9),
            ..ExtensionIds::default()
        };
        let extras = Extras {
            orientation: Some(1),
            ..Extras::default()
        };
        let mut out = Vec::new();
        let descriptor = Some((&[0xc1, 0, 1][..], Some(0x0708)));
        write(&mut out, FIXED, &ids, Some(0xabcd), extras, descriptor);
        assert_eq!(out[..1], [0x90]);
        let block = [
            0xbe, 0xde, 0, 3, 0x31, 0xab, 0xcd, 0x40, 1, 0x92, 0xc1, 7, 8, 0, 0, 0,
        ];
        assert_eq!(out[12..], block);

        let mut long = vec![0x80; 17];
        let mut out = Vec::new();
        let descriptor = Some((&long[..], Some(0x0708)));
        let len = write(&mut out, FIXED, &ids, Some(0xabcd), extras, descriptor);
        long[1..3].copy_from_slice(&[7, 8]);
        assert_eq!(len, 44);
        let head = [0x10, 0, 0, 7, 3, 2, 0xab, 0xcd, 4, 1, 1, 9, 17];
        assert_eq!(out[12..25], head);
        assert_eq!(out[25..42], long);
        assert_eq!(out[42..], [0, 0]);
    }
}
