//! Bounds what a server may say to one command. Who parses it makes room for what is announced, so that counts, too.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A connection from which only so many bytes are read.
#[derive(Debug)]
pub(super) struct Meter<T> {
    inner: T,
    left: u64,
    announced: Announced,
}

/// What a line announces: `{100}` at its end are a hundred bytes (RFC 3501 §4.3).
#[derive(Debug, Default)]
struct Announced {
    /// Bytes that are still to come, and are no lines.
    literal: u64,
    /// A number in braces that may be at the end of a line, and whether they are closed.
    number: Option<(u64, bool)>,
}

impl Announced {
    /// Gives the largest that is announced in these bytes.
    fn read(&mut self, mut bytes: &[u8]) -> u64 {
        let mut most = 0;
        while let Some((byte, rest)) = bytes.split_first() {
            if self.literal > 0 {
                let skipped = bytes
                    .len()
                    .min(usize::try_from(self.literal).unwrap_or(usize::MAX));
                self.literal -= skipped as u64;
                bytes = &bytes[skipped..];
                continue;
            }
            bytes = rest;
            self.number = match (byte, self.number) {
                (b'{', _) => Some((0, false)),
                (b'0'..=b'9', Some((number, false))) => {
                    let digit = u64::from(byte - b'0');
                    Some((number.saturating_mul(10).saturating_add(digit), false))
                }
                (b'+', Some((number, false))) => Some((number, false)),
                (b'}', Some((number, false))) => Some((number, true)),
                (b'\r', Some((number, true))) => Some((number, true)),
                (b'\n', Some((number, true))) => {
                    self.literal = number;
                    most = most.max(number);
                    None
                }
                _ => None,
            };
        }
        most
    }
}

impl<T> Meter<T> {
    /// With so many bytes.
    pub(super) const fn new(inner: T, bytes: u64) -> Self {
        Self {
            inner,
            left: bytes,
            announced: Announced {
                literal: 0,
                number: None,
            },
        }
    }

    /// So many bytes may come from now on.
    pub(super) const fn allow(&mut self, bytes: u64) {
        self.left = bytes;
    }

    /// The connection itself.
    pub(super) fn into_inner(self) -> T {
        self.inner
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Meter<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.left == 0 {
            return Poll::Ready(Err(io::ErrorKind::FileTooLarge.into()));
        }
        let before = into.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(context, into))?;
        let read = &into.filled()[before..];
        if self.announced.read(read) > self.left {
            return Poll::Ready(Err(io::ErrorKind::FileTooLarge.into()));
        }
        self.left = self.left.saturating_sub(read.len() as u64);
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Meter<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

/// What a connection is: in the clear or not.
pub(super) trait Wire: AsyncRead + AsyncWrite + fmt::Debug + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + fmt::Debug + Send + Unpin> Wire for T {}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    #[tokio::test]
    async fn no_more_is_read_than_was_allowed() {
        let mut meter = Meter::new(&[7_u8; 100][..], 50);
        let mut bytes = [0; 40];
        assert_eq!(meter.read(&mut bytes).await.unwrap(), 40);
        // What has come already is taken; then it is over.
        assert_eq!(meter.read(&mut bytes).await.unwrap(), 40);
        assert!(meter.read(&mut bytes).await.is_err());
        meter.allow(1);
        assert_eq!(meter.read(&mut bytes).await.unwrap(), 20);
        assert_eq!(meter.into_inner().len(), 0);
    }

    #[tokio::test]
    async fn what_is_announced_counts_before_it_comes() {
        for (said, fits) in [
            ("* 1 FETCH (BODY[] {50}\r\n", true),
            ("* 1 FETCH (BODY[] {51}\r\n", false),
            ("* 1 FETCH (BODY[] {99999999999999999999999}\r\n", false),
            ("* OK {51} no end of a line\r\n", true),
            ("{5}\r\n{99}\r", true),
            ("{5}\r\n{9}\r\n{51}\r\n", false),
            ("{51+}\r\n", false),
            ("{}\r\n{x}\r\n", true),
        ] {
            // In one piece, and byte by byte.
            for piece in [said.len(), 1] {
                let mut meter = Meter::new(said.as_bytes(), 50);
                let mut bytes = vec![0; piece];
                let mut all = true;
                for _ in 0..said.len() / piece {
                    meter.allow(50);
                    all &= meter.read_exact(&mut bytes).await.is_ok();
                }
                assert_eq!(all, fits, "{said:?} in pieces of {piece}");
            }
        }
    }
}
