//! What a TCP connection begins with, and where a datagram in it ends.

use std::io::{Error, ErrorKind, Result};

use tokio::io::{AsyncRead, AsyncReadExt};

use super::DATAGRAM_MAX;

/// Bytes after which [`Opening::of`] has always decided.
pub const OPENING_BYTES: usize = 10;
const STUN_HEADER: usize = 20;
/// Of ChannelData, and as much of a STUN message as tells its length.
const TURN_HEADER: usize = 4;
const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
/// Types of STUN messages, and lengths of frames that hold one, begin with a lower byte; the words of HTTP and the
/// records of TLS do not.
const FIRST_BYTE_MAX: u8 = 7;
const TLS_HANDSHAKE: u8 = 22;

/// How datagrams stand in a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    /// Each behind its length in two bytes (RFC 4571 §2): ICE-TCP (RFC 6544 §3).
    Framed,
    /// STUN messages and padded ChannelData, each with its own length (RFC 8656 §12.5): TURN.
    Turn,
}

/// What the first bytes of a connection say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// Media, to be given to [`Media::carry`](crate::Media::carry).
    Media(Wire),
    /// A TLS handshake (RFC 8446 §5.1); what is inside has an opening of its own.
    Tls,
    /// Something else.
    Other,
}

impl Opening {
    /// `None` until enough bytes are there.
    pub fn of(first: &[u8]) -> Option<Self> {
        match *first.first()? {
            TLS_HANDSHAKE => return Some(Self::Tls),
            0..=FIRST_BYTE_MAX => {}
            _ => return Some(Self::Other),
        }
        let bytes = first.get(..OPENING_BYTES)?;
        let is_request = bytes[2..4] == [0, 1];
        Some(if bytes[4..8] == MAGIC_COOKIE {
            Self::Media(Wire::Turn)
        } else if is_request && bytes[6..] == MAGIC_COOKIE {
            Self::Media(Wire::Framed)
        } else {
            Self::Other
        })
    }
}

impl Wire {
    /// Reads the next datagram into `into`, in place of what was there.
    ///
    /// # Errors
    /// When the stream ends or fails, or holds what is no datagram of this kind or a longer one than any path carries.
    pub async fn read(self, from: &mut (impl AsyncRead + Unpin), into: &mut Vec<u8>) -> Result<()> {
        match self {
            Self::Framed => {
                let length = usize::from(from.read_u16().await?);
                if !(1..=DATAGRAM_MAX).contains(&length) {
                    return Err(Error::from(ErrorKind::InvalidData));
                }
                into.resize(length, 0);
                from.read_exact(into).await?;
            }
            Self::Turn => {
                into.resize(TURN_HEADER, 0);
                from.read_exact(into).await?;
                let length = usize::from(u16::from_be_bytes([into[2], into[3]]));
                let (whole, padded) = match into[0] {
                    0..=0x3f if length.is_multiple_of(4) => {
                        (STUN_HEADER + length, STUN_HEADER + length)
                    }
                    0x40..=0x4f => {
                        let whole = TURN_HEADER + length;
                        (whole, whole.next_multiple_of(4))
                    }
                    _ => return Err(Error::from(ErrorKind::InvalidData)),
                };
                if whole > DATAGRAM_MAX {
                    return Err(Error::from(ErrorKind::InvalidData));
                }
                into.resize(padded, 0);
                from.read_exact(&mut into[TURN_HEADER..]).await?;
                into.truncate(whole);
            }
        }
        Ok(())
    }

    /// Adds a datagram, of at most 65,535 bytes, to what is to be written.
    pub fn write(self, datagram: &[u8], into: &mut Vec<u8>) {
        match self {
            Self::Framed => {
                // Longer ones are never queued.
                let length = u16::try_from(datagram.len()).unwrap_or(u16::MAX);
                into.extend(length.to_be_bytes());
                into.extend(&datagram[..usize::from(length)]);
            }
            Self::Turn => {
                into.extend(datagram);
                into.resize(
                    into.len() + datagram.len().next_multiple_of(4) - datagram.len(),
                    0,
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_and_media_are_told_apart() {
        let framed = [0, 100, 0, 1, 0, 80, 0x21, 0x12, 0xa4, 0x42];
        assert_eq!(Opening::of(&framed), Some(Opening::Media(Wire::Framed)));
        let turn = [0, 3, 0, 8, 0x21, 0x12, 0xa4, 0x42, 0, 0];
        assert_eq!(Opening::of(&turn), Some(Opening::Media(Wire::Turn)));
        for short in 0..framed.len() {
            assert_eq!(Opening::of(&framed[..short]), None);
        }
        assert_eq!(Opening::of(b"\x16\x03\x01"), Some(Opening::Tls));
        for other in [
            &b"GET / HTTP/1.1\r\n"[..],
            b"\r\nGET / HTTP/1.1",
            b"\x0d\x0a\x0d\x0a\x00",
            &[0; 10],
            &[0, 100, 0, 1, 0, 80, 0x21, 0x12, 0xa4, 0x43],
            &[0, 100, 1, 1, 0, 80, 0x21, 0x12, 0xa4, 0x42],
        ] {
            assert_eq!(Opening::of(other), Some(Opening::Other), "{other:?}");
        }
    }

    #[tokio::test]
    async fn messages_and_channel_data_come_as_they_went() {
        let mut stun = vec![0, 1, 0, 8, 0x21, 0x12, 0xa4, 0x42];
        stun.resize(28, 9);
        let sent = [
            stun,
            b"\x40\x00\x00\x01x".to_vec(),
            b"\x4f\xff\x00\x04four".to_vec(),
        ];
        let mut bytes = Vec::new();
        for datagram in &sent {
            Wire::Turn.write(datagram, &mut bytes);
        }
        assert_eq!(bytes.len(), 28 + 8 + 8);
        let (mut bytes, mut datagram) = (&bytes[..], Vec::new());
        for one in &sent {
            Wire::Turn.read(&mut bytes, &mut datagram).await.unwrap();
            assert_eq!(&datagram, one);
        }
        for bad in [
            &b"\x00\x01\x00\x01"[..],
            b"\x50\x00\x00\x00",
            b"\x40\x00\xff\xff",
            b"\x00\x01\xff\xfc",
        ] {
            let read = Wire::Turn.read(&mut &*bad, &mut datagram).await;
            assert_eq!(read.unwrap_err().kind(), ErrorKind::InvalidData);
        }
    }
}
