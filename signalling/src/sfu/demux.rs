//! Which connection a datagram is for (RFC 9443 §2, RFC 8489 §5).

/// The user name fragment that a STUN binding request is addressed to.
///
/// The request's USERNAME is `ours:theirs` (RFC 8445 §7.2.2). `None` when the bytes are not a
/// well-formed binding request. Integrity is not checked here.
pub fn stun_request_ufrag(bytes: &[u8]) -> Option<&str> {
    const USERNAME: u16 = 6;
    let (_, value) = attributes(bytes)?.find(|(kind, _)| *kind == USERNAME)?;
    std::str::from_utf8(value).ok()?.split(':').next()
}

/// Whether a binding request carries USE-CANDIDATE (RFC 8445 §7.1.2): the client has chosen this path.
pub fn nominates(bytes: &[u8]) -> bool {
    const USE_CANDIDATE: u16 = 0x25;
    attributes(bytes).is_some_and(|mut all| all.any(|(kind, _)| kind == USE_CANDIDATE))
}

/// Kinds and values of a binding request's attributes, up to the first that is cut short.
fn attributes(bytes: &[u8]) -> Option<impl Iterator<Item = (u16, &[u8])>> {
    const BINDING_REQUEST: [u8; 2] = [0, 1];
    const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
    if bytes.get(..2)? != BINDING_REQUEST || bytes.get(4..8)? != MAGIC_COOKIE {
        return None;
    }
    let mut rest = bytes.get(20..)?;
    Some(std::iter::from_fn(move || {
        let kind = u16::from_be_bytes([*rest.first()?, *rest.get(1)?]);
        let len = usize::from(u16::from_be_bytes([*rest.get(2)?, *rest.get(3)?]));
        let value = rest.get(4..4 + len)?;
        rest = rest.get(4 + len.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    }))
}

/// Whether a datagram is RTP or RTCP: its first two bits are those of version 2.
pub fn is_media(bytes: &[u8]) -> bool {
    matches!(bytes, [128..=191, ..])
}

/// Whether a datagram on a path that carries RTP is RTCP (RFC 5761 §4).
pub fn is_rtcp(bytes: &[u8]) -> bool {
    matches!(bytes, [128..=191, 192..=223, ..])
}

/// Whether the datagram is STUN at all: its first two bits are zero.
pub fn is_stun(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|byte| *byte < 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(attributes: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0, 1, 0, attributes.len() as u8, 0x21, 0x12, 0xa4, 0x42];
        bytes.extend([7; 12]);
        bytes.extend(attributes);
        bytes
    }

    #[test]
    fn finds_the_user_behind_another_attribute() {
        let bytes = request(&[
            0x80, 0x22, 0, 1, b'x', 0, 0, 0, 0, 6, 0, 5, b'a', b'b', b':', b'c', b'd', 0, 0, 0,
        ]);
        assert_eq!(stun_request_ufrag(&bytes), Some("ab"));
    }

    #[test]
    fn nothing_cut_short_or_overlong_is_read() {
        let bytes = request(&[0, 6, 0, 5, b'a', b'b', b':', b'c', b'd', 0, 0, 0]);
        for len in 0..bytes.len() - 3 {
            assert_eq!(stun_request_ufrag(&bytes[..len]), None, "{len} bytes");
        }
        assert_eq!(
            stun_request_ufrag(&request(&[0, 6, 0xff, 0xff, b'a'])),
            None
        );
        assert_eq!(stun_request_ufrag(&request(&[0, 0, 0, 0])), None);
    }
}
