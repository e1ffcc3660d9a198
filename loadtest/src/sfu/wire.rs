//! What a datagram tells without its key: RFC 3550 §5.1, RFC 5761 §4, RFC 7983, RFC 8285. Pure.

/// The one-byte form of header extensions (RFC 8285 §4.2).
const ONE_BYTE_FORM: u16 = 0xBEDE;
/// What AES-GCM adds to a packet (RFC 7714), in bytes.
const TAG_BYTES: usize = 16;

/// The open part of a protected RTP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Open {
    /// Whether it is the last of its frame.
    pub(super) marker: bool,
    /// Sequence number.
    pub(super) seq: u16,
    /// RTP timestamp.
    pub(super) timestamp: u32,
    /// Stream.
    pub(super) ssrc: u32,
    /// Number among all packets of the transport, when it has one.
    pub(super) transport_seq: Option<u16>,
    /// Length of the payload in bytes.
    pub(super) payload: usize,
}

/// Reads a datagram; `None` when it is no RTP packet. `transport_cc` is the number of the extension that
/// carries the transport's sequence number, when there is one.
#[must_use]
pub(super) fn open(datagram: &[u8], transport_cc: Option<u8>) -> Option<Open> {
    let first = *datagram.first()?;
    let second = *datagram.get(1)?;
    // RFC 7983 §7, RFC 5761 §4: neither STUN nor DTLS nor RTCP.
    if first >> 6 != 2 || (192..=223).contains(&second) {
        return None;
    }
    let mut at = 12 + 4 * usize::from(first & 0x0F);
    let mut transport_seq = None;
    if first & 0x10 != 0 {
        let form = u16_at(datagram, at)?;
        let end = at + 4 + 4 * usize::from(u16_at(datagram, at + 2)?);
        let extensions = datagram.get(at + 4..end)?;
        if form == ONE_BYTE_FORM {
            let value = transport_cc.and_then(|id| find(extensions, id));
            transport_seq = value.and_then(|value| u16_at(value, 0));
        }
        at = end;
    }
    Some(Open {
        marker: second & 0x80 != 0,
        seq: u16_at(datagram, 2)?,
        timestamp: u32_at(datagram, 4)?,
        ssrc: u32_at(datagram, 8)?,
        transport_seq,
        payload: datagram.len().checked_sub(at + TAG_BYTES)?,
    })
}

fn find(mut extensions: &[u8], id: u8) -> Option<&[u8]> {
    while let Some((head, rest)) = extensions.split_first() {
        if *head == 0 {
            extensions = rest;
            continue;
        }
        let length = usize::from(head & 0x0F) + 1;
        let value = rest.get(..length)?;
        if head >> 4 == id {
            return Some(value);
        }
        extensions = &rest[length..];
    }
    None
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let bytes = bytes.get(at..at + 2)?;
    Some(u16::from_be_bytes([bytes[0], bytes[1]]))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from(u16_at(bytes, at)?) << 16 | u32::from(u16_at(bytes, at + 2)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_open_part_is_read_behind_sources_and_extensions() {
        let mut packet = vec![
            0x91, 0xE0, 0x12, 0x34, 0, 0, 0, 7, 0, 0, 0, 9, 1, 1, 1, 1, // one source
            0xBE, 0xDE, 0, 2, 0x10, 0x55, 0x51, 0xAB, 0xCD, 0, 0,
            0, // level, transport's number, padding
        ];
        packet.extend([0; 100 + TAG_BYTES]);
        let expected = Open {
            marker: true,
            seq: 0x1234,
            timestamp: 7,
            ssrc: 9,
            transport_seq: Some(0xABCD),
            payload: 100,
        };
        assert_eq!(open(&packet, Some(5)), Some(expected));
        assert_eq!(open(&packet, Some(4)).unwrap().transport_seq, None);
    }

    #[test]
    fn what_is_no_rtp_and_what_is_cut_off_is_none() {
        let mut packet = vec![0x90, 96, 0, 1, 0, 0, 0, 7, 0, 0, 0, 9, 0xBE, 0xDE, 0, 1];
        packet.extend([0x51, 1, 2, 0]);
        packet.extend([0; TAG_BYTES]);
        assert!(open(&packet, Some(5)).is_some());
        for cut in 0..packet.len() {
            assert_eq!(open(&packet[..cut], Some(5)), None, "{cut} bytes");
        }
        for (first, second) in [(0x00, 1), (0x16, 0xFE), (0x80, 200), (0x81, 206)] {
            packet[..2].copy_from_slice(&[first, second]);
            assert_eq!(open(&packet, Some(5)), None);
        }
    }
}
