//! What a TCP connection begins with, and where a datagram in it ends.

use std::io::{Error, ErrorKind, Result};

use tokio::io::{AsyncRead, AsyncReadExt};

use super::DATAGRAM_MAX;

/// Bytes after which [`Opening::of`] has always decided.
pub const OPENING_BYTES: usize = 10;
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
        Some(if is_request && bytes[6..] == MAGIC_COOKIE {
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
    pub(super) async fn read(
        self,
        from: &mut (impl AsyncRead + Unpin),
        into: &mut Vec<u8>,
    ) -> Result<()> {
        match self {
            Self::Framed => {
                let length = usize::from(from.read_u16().await?);
                if !(1..=DATAGRAM_MAX).contains(&length) {
                    return Err(Error::from(ErrorKind::InvalidData));
                }
                into.resize(length, 0);
                from.read_exact(into).await?;
            }
        }
        Ok(())
    }

    /// Adds a datagram to what is to be written.
    pub(super) fn write(self, datagram: &[u8], into: &mut Vec<u8>) {
        match self {
            Self::Framed => {
                // Longer ones are never queued.
                let length = u16::try_from(datagram.len()).unwrap_or(u16::MAX);
                into.extend(length.to_be_bytes());
                into.extend(&datagram[..usize::from(length)]);
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
}
