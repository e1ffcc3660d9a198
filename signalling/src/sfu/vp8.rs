//! The parts of a VP8 payload that forwarding needs (RFC 7741 §4.2, RFC 6386 §9.1).

/// What one packet's payload says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Vp8 {
    /// Picture number and whether it is 15 bits wide (else 7).
    pub picture_id: Option<(u16, bool)>,
    /// Number of the last base-layer picture.
    pub tl0_pic_idx: Option<u8>,
    /// Temporal layer, and whether the frame needs nothing but the lowest one (`Y`).
    pub temporal: Option<(u8, bool)>,
    /// First packet of a frame.
    pub starts: bool,
    /// First packet of a key frame.
    pub key_frame: bool,
    /// Width in pixels, on the first packet of a key frame.
    pub width: Option<u16>,
}

/// Reads a payload; `None` when it is cut short.
pub fn parse(payload: &[u8]) -> Option<Vp8> {
    let mut info = Vp8::default();
    let first = *payload.first()?;
    let mut at = 1;
    if first & 0x80 != 0 {
        let flags = *payload.get(at)?;
        at += 1;
        if flags & 0x80 != 0 {
            let high = *payload.get(at)?;
            at += 1;
            if high & 0x80 != 0 {
                let low = *payload.get(at)?;
                at += 1;
                let id = (u16::from(high & 0x7f) << 8) | u16::from(low);
                info.picture_id = Some((id, true));
            } else {
                info.picture_id = Some((u16::from(high), false));
            }
        }
        if flags & 0x40 != 0 {
            info.tl0_pic_idx = Some(*payload.get(at)?);
            at += 1;
        }
        if flags & 0x30 != 0 {
            let layer = *payload.get(at)?;
            if flags & 0x20 != 0 {
                info.temporal = Some((layer >> 6, layer & 0x20 != 0));
            }
            at += 1;
        }
    }
    let frame = payload.get(at..)?;
    let tag = *frame.first()?;
    info.starts = first & 0x10 != 0 && first & 0x07 == 0;
    info.key_frame = info.starts && tag & 0x01 == 0;
    if info.key_frame
        && frame.get(3..6) == Some(&[0x9d, 0x01, 0x2a])
        && let (Some(low), Some(high)) = (frame.get(6), frame.get(7))
    {
        info.width = Some(u16::from_le_bytes([*low, *high]) & 0x3fff);
    }
    Some(info)
}

/// Writes other numbers into a payload that [`parse`] could read. A number that the payload has no room for is left out.
pub fn renumber(payload: &mut [u8], picture_id: Option<u16>, tl0_pic_idx: Option<u8>) {
    let (Some(first), Some(flags)) = (payload.first().copied(), payload.get(1).copied()) else {
        return;
    };
    if first & 0x80 == 0 {
        return;
    }
    let mut at = 2;
    if flags & 0x80 != 0 {
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
    if flags & 0x40 != 0
        && let (Some(id), Some(byte)) = (tl0_pic_idx, payload.get_mut(at))
    {
        *byte = id;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rewritten_in_their_own_width_and_nothing_else() {
        let wide = [0x90, 0xe0, 0x81, 0x02, 7, 0x20, 0x10, 1, 2];
        let mut payload = wide;
        renumber(&mut payload, Some(0x7ffe), Some(200));
        assert_eq!(payload, [0x90, 0xe0, 0xff, 0xfe, 200, 0x20, 0x10, 1, 2]);
        let mut payload = [0x90, 0x80, 0x05, 0x10, 1];
        renumber(&mut payload, Some(0x7f), Some(9));
        assert_eq!(payload, [0x90, 0x80, 0x7f, 0x10, 1]);
        for len in 0..wide.len() {
            renumber(&mut wide.to_vec()[..len], Some(1), Some(1));
        }
        let mut plain = [0x10, 0xff, 0xff];
        renumber(&mut plain, Some(1), Some(1));
        assert_eq!(plain, [0x10, 0xff, 0xff]);
    }

    #[test]
    fn reads_a_key_frame_with_its_width() {
        let payload = [
            0x90, 0xe0, 0x81, 0x02, 7, 0x20, 0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x42, 0, 0,
        ];
        let info = parse(&payload).unwrap();
        assert_eq!(info.picture_id, Some((0x102, true)));
        assert_eq!(info.tl0_pic_idx, Some(7));
        assert_eq!(info.temporal, Some((0, true)));
        assert!(info.key_frame && info.starts);
        assert_eq!(info.width, Some(0x280));
    }

    #[test]
    fn reads_the_temporal_layer_where_there_is_one() {
        let temporal = |payload: &[u8]| parse(payload).unwrap().temporal;
        assert_eq!(
            temporal(&[0x90, 0xe0, 0x81, 0x02, 7, 0x80, 0x11, 1]),
            Some((2, false))
        );
        assert_eq!(temporal(&[0x90, 0x20, 0x60, 0x11, 1]), Some((1, true)));
        // A key frame index alone.
        assert_eq!(temporal(&[0x90, 0x10, 0xe1, 0x11, 1]), None);
    }

    #[test]
    fn a_later_packet_of_a_key_frame_does_not_start_one() {
        assert!(!parse(&[0x00, 0x10, 0, 0]).unwrap().key_frame);
        assert!(!parse(&[0x11, 0x10, 0, 0]).unwrap().key_frame);
        assert!(!parse(&[0x10, 0x11, 0, 0]).unwrap().key_frame);
    }

    #[test]
    fn every_truncation_is_refused_or_read_without_panic() {
        let payload = [
            0x90, 0xf0, 0x81, 0x02, 7, 0x20, 0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02,
        ];
        for len in 0..payload.len() {
            let parsed = parse(&payload[..len]);
            assert_eq!(parsed.is_some(), len > 6, "{len} bytes");
        }
    }
}
