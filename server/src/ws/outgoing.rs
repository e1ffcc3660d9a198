//! What is written gathers here until it is flushed, and leaves no buffer behind.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes that gather before they are written without a flush.
const GATHERED_MAX: usize = 16_384;

/// A stream whose small writes go out together. Unlike with `tokio::io::BufWriter`, the buffer is there only while
/// something is in it: most connections are idle.
pub(super) struct Outgoing<S> {
    stream: S,
    gathered: Vec<u8>,
    /// How much of it was written.
    written: usize,
}

impl<S> Outgoing<S> {
    pub(super) const fn over(stream: S) -> Self {
        Self {
            stream,
            gathered: Vec::new(),
            written: 0,
        }
    }
}

impl<S: AsyncWrite + Unpin> Outgoing<S> {
    fn poll_empty(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = self.gathered.get(self.written..)
            && !rest.is_empty()
        {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, rest))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.written += written;
        }
        self.gathered = Vec::new();
        self.written = 0;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Outgoing<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.gathered.len() >= GATHERED_MAX {
            ready!(self.poll_empty(cx))?;
        }
        self.gathered.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_empty(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_empty(cx))?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Outgoing<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test]
    async fn everything_comes_in_order_through_a_narrow_stream() {
        let (near, mut far) = duplex(7);
        let mut outgoing = Outgoing::over(near);
        let bytes: Vec<u8> = (0..=250).cycle().take(3 * GATHERED_MAX).collect();
        let (expected, sent) = (bytes.clone(), bytes);
        let writes = async move {
            for piece in sent.chunks(1_000) {
                outgoing.write_all(piece).await.unwrap();
            }
            outgoing.flush().await.unwrap();
            assert_eq!(outgoing.gathered.capacity(), 0);
            outgoing.shutdown().await.unwrap();
        };
        let mut arrived = Vec::new();
        let (_, read) = tokio::join!(writes, far.read_to_end(&mut arrived));
        assert_eq!(read.unwrap(), expected.len());
        assert!(arrived == expected);
    }
}
