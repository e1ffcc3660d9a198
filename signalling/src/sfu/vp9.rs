//! The VP9 payload descriptor (RFC 9628 §4.2).

use super::codec::{Codec, Coded, Number, SPATIAL_MAX, Spatial, TEMPORAL_MAX, Temporal};

/// References that a picture names (RFC 9628 §4.2: at most three).
const DIFFS_MAX: usize = 3;

/// Reads a payload; `None` when its descriptor is cut short or breaks a rule.
pub fn parse(payload: &[u8]) -> Option<Coded> {
    let mut coded = Coded::new(Codec::Vp9);
    let first = *payload.first()?;
    let has = |bit: u8| first & bit != 0;
    let (predicted, flexible) = (has(0x40), has(0x10));
    let (starts, ends) = (has(0x08), has(0x04));
    let mut at = 1;
    if has(0x80) {
        let high = take(payload, &mut at)?;
        let wide = high & 0x80 != 0;
        let id = if wide {
            u16::from(high & 0x7f) << 8 | u16::from(take(payload, &mut at)?)
        } else {
            u16::from(high)
        };
        let mask = if wide { 0x7fff } else { 0x7f };
        coded.number = Some(Number { id, mask });
    }
    let mut layer = 0;
    if has(0x20) {
        let indices = take(payload, &mut at)?;
        layer = indices >> 1 & 0x07;
        let mut temporal = Temporal::of(indices >> 5, starts && layer == 0);
        // A switching up point: later pictures need none of a higher layer from before it.
        if indices & 0x10 != 0 || !predicted {
            temporal.opens = TEMPORAL_MAX as u8 - 1;
        }
        coded.temporal = Some(temporal);
        coded.spatial = Some(Spatial {
            layer,
            starts,
            ends,
            fresh: !predicted,
        });
        if !flexible {
            coded.tl0_pic_idx = Some(take(payload, &mut at)?);
        }
    }
    if flexible && predicted {
        let mut named = 0;
        loop {
            named += 1;
            let diff = take(payload, &mut at)?;
            if diff & 1 == 0 {
                break;
            }
            if named == DIFFS_MAX {
                return None;
            }
        }
    }
    if has(0x02) {
        structure(payload, &mut at, &mut coded.widths)?;
    }
    // A descriptor without a picture is nothing.
    payload.get(at)?;
    coded.key_frame = starts && !predicted && layer == 0;
    Some(coded)
}

/// The scalability structure (RFC 9628 §4.2.1), of which only the widths are of use.
fn structure(payload: &[u8], at: &mut usize, widths: &mut [u16; SPATIAL_MAX]) -> Option<()> {
    let head = take(payload, at)?;
    let layers = usize::from(head >> 5) + 1;
    if head & 0x10 != 0 {
        for layer in 0..layers {
            let width = u16::from_be_bytes([take(payload, at)?, take(payload, at)?]);
            *at += 2;
            if let Some(known) = widths.get_mut(layer) {
                *known = width;
            }
        }
    }
    if head & 0x08 != 0 {
        for _ in 0..take(payload, at)? {
            let picture = take(payload, at)?;
            *at += usize::from(picture >> 2 & 0x03);
        }
    }
    Some(())
}

fn take(payload: &[u8], at: &mut usize) -> Option<u8> {
    let byte = *payload.get(*at)?;
    *at += 1;
    Some(byte)
}

/// Writes other numbers into a payload that [`parse`] could read. A number that the payload has no room for is left out.
pub fn renumber(payload: &mut [u8], picture_id: Option<u16>, tl0_pic_idx: Option<u8>) {
    let Some(first) = payload.first().copied() else {
        return;
    };
    let mut at = 1;
    if first & 0x80 != 0 {
        let wide = payload.get(at).is_some_and(|high| high & 0x80 != 0);
        if let Some(id) = picture_id {
            let [high, low] = id.to_be_bytes();
            match payload.get_mut(at..at + 1 + usize::from(wide)) {
                Some([narrow]) => *narrow = low & 0x7f,
                Some([first, second]) => (*first, *second) = (high | 0x80, low),
                Some(_) | None => {}
            }
        }
        at += 1 + usize::from(wide);
    }
    let has_index = first & 0x20 != 0 && first & 0x10 == 0;
    if has_index && let (Some(id), Some(byte)) = (tl0_pic_idx, payload.get_mut(at + 1)) {
        *byte = id;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A key picture of three spatial layers, non-flexible, with its scalability structure.
    const KEY: [u8; 19] = [
        0xaa, 0x81, 0x02, 0x00, 0x07, // I L B V, picture 0x102, base-layer picture 7
        0x50, // three layers, widths told
        0x01, 0x40, 0x00, 0xb4, 0x02, 0x80, 0x01, 0x68, 0x05, 0x00, 0x02,
        0xd0, // 320, 640, 1280
        0x82,
    ];

    #[test]
    fn reads_a_key_picture_with_its_layers() {
        let coded = parse(&KEY).unwrap();
        let number = Number {
            id: 0x102,
            mask: 0x7fff,
        };
        assert_eq!(coded.number, Some(number));
        assert_eq!(coded.tl0_pic_idx, Some(7));
        assert!(coded.key_frame);
        assert_eq!(coded.widths, [320, 640, 1280]);
        let spatial = Spatial {
            layer: 0,
            starts: true,
            ends: false,
            fresh: true,
        };
        assert_eq!(coded.spatial, Some(spatial));
    }

    #[test]
    fn a_higher_layer_of_a_key_picture_is_fresh_and_no_key_frame() {
        // I L B E, layer 1 that depends on layer 0.
        let coded = parse(&[0xac, 0x05, 0x03, 0x09, 0x55]).unwrap();
        assert!(!coded.key_frame);
        let spatial = coded.spatial.unwrap();
        assert_eq!((spatial.layer, spatial.fresh), (1, true));
        assert!(spatial.starts && spatial.ends);
        // The same, predicted from its own past too.
        let coded = parse(&[0xec, 0x05, 0x03, 0x09, 0x55]).unwrap();
        assert!(!coded.spatial.unwrap().fresh);
    }

    #[test]
    fn a_switching_up_point_opens_the_higher_temporal_layers() {
        let temporal = |indices: u8| {
            let coded = parse(&[0xec, 0x05, indices, 0x09, 0x55]).unwrap();
            coded.temporal.unwrap()
        };
        let of = |layer, starts, opens| Temporal {
            layer,
            starts,
            sync: false,
            opens,
        };
        assert_eq!(temporal(0x00), of(0, true, 0));
        assert_eq!(temporal(0x50), of(2, true, 3));
        assert_eq!(
            temporal(0x22),
            of(1, false, 1),
            "not the lowest spatial layer"
        );
        assert_eq!(temporal(0xe0).layer, 3);
    }

    #[test]
    fn a_stream_without_layers_has_none() {
        let coded = parse(&[0x88, 0x05, 0x82]).unwrap();
        assert!(coded.key_frame);
        assert_eq!((coded.spatial, coded.number.unwrap().mask), (None, 0x7f));
    }

    #[test]
    fn flexible_mode_names_references_and_no_base_layer_picture() {
        let coded = parse(&[0xf8, 0x05, 0x00, 0x03, 0x02, 0x55]).unwrap();
        assert_eq!(coded.tl0_pic_idx, None);
        assert!(!coded.key_frame);
        assert_eq!(
            parse(&[0xf8, 0x05, 0x00, 0x03, 0x03, 0x03, 0x02, 0x55]),
            None
        );
    }

    #[test]
    fn every_truncation_is_refused() {
        for len in 0..KEY.len() {
            assert_eq!(parse(&KEY[..len]), None, "{len} bytes");
            renumber(&mut KEY.to_vec()[..len], Some(1), Some(1));
        }
    }

    proptest! {
        #[test]
        fn only_the_numbers_change(mut payload in prop::collection::vec(any::<u8>(), 0..40), id: u16, tl0: u8) {
            let Some(before) = parse(&payload) else {
                renumber(&mut payload, Some(id), Some(tl0));
                return Ok(());
            };
            let original = payload.clone();
            renumber(&mut payload, Some(id), Some(tl0));
            let after = parse(&payload).unwrap();
            let number = before.number.map(|number| Number { id: id & number.mask, ..number });
            let expected = Coded { number, tl0_pic_idx: before.tl0_pic_idx.map(|_| tl0), ..before };
            prop_assert_eq!(after, expected);
            renumber(&mut payload, before.number.map(|number| number.id), before.tl0_pic_idx);
            prop_assert_eq!(payload, original);
        }
    }
}
