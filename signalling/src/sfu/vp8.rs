//! The parts of a VP8 payload that forwarding needs (RFC 7741 §4.2, RFC 6386 §9.1).

/// What one packet's payload says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Vp8 {
    /// Picture number and whether it is 15 bits wide (else 7).
    pub picture_id: Option<(u16, bool)>,
    /// Number of the last base-layer picture.
    pub tl0_pic_idx: Option<u8>,
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
            at += 1;
        }
    }
    let frame = payload.get(at..)?;
    let tag = *frame.first()?;
    let starts_frame = first & 0x10 != 0 && first & 0x07 == 0;
    info.key_frame = starts_frame && tag & 0x01 == 0;
    if info.key_frame
        && frame.get(3..6) == Some(&[0x9d, 0x01, 0x2a])
        && let (Some(low), Some(high)) = (frame.get(6), frame.get(7))
    {
        info.width = Some(u16::from_le_bytes([*low, *high]) & 0x3fff);
    }
    Some(info)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_key_frame_with_its_width() {
        let payload = [
            0x90, 0xe0, 0x81, 0x02, 7, 0x20, 0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x42, 0, 0,
        ];
        let info = parse(&payload).unwrap();
        assert_eq!(info.picture_id, Some((0x102, true)));
        assert_eq!(info.tl0_pic_idx, Some(7));
        assert!(info.key_frame);
        assert_eq!(info.width, Some(0x280));
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
