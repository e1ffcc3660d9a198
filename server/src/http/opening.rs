//! What a new connection is for, by its first bytes, which are not lost by looking at them.

use std::io::{IoSlice, Result};
use std::pin::Pin;
use std::task::{Context, Poll};

use signalling::{OPENING_BYTES, Opening};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

/// A stream of which some bytes have been read already; they are read again first.
#[derive(Debug)]
pub(super) struct Rewound<S> {
    first: [u8; OPENING_BYTES],
    /// Which of them are to be read again.
    begin: usize,
    end: usize,
    stream: S,
}

/// Waits for as many bytes as it takes.
///
/// # Errors
/// When the stream fails before.
pub(super) async fn opening<S: AsyncRead + Unpin>(mut stream: S) -> Result<(Opening, Rewound<S>)> {
    let mut first = [0; OPENING_BYTES];
    let mut end = 0;
    let opening = loop {
        if let Some(opening) = Opening::of(&first[..end]) {
            break opening;
        }
        match stream.read(&mut first[end..]).await? {
            0 => break Opening::Other,
            more => end += more,
        }
    };
    let rewound = Rewound {
        first,
        begin: 0,
        end,
        stream,
    };
    Ok((opening, rewound))
}

impl<S: AsyncRead + Unpin> AsyncRead for Rewound<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        if self.begin == self.end {
            return Pin::new(&mut self.stream).poll_read(context, into);
        }
        let end = self.end.min(self.begin + into.remaining());
        into.put_slice(&self.first[self.begin..end]);
        self.begin = end;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Rewound<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    #[tokio::test]
    async fn no_byte_is_lost_however_they_come() {
        let framed = b"\x00\x64\x00\x01\x00\x50\x21\x12\xa4\x42 and more";
        for (bytes, is_media) in [
            (&framed[..], true),
            (b"GET /api/v1/health HTTP/1.1\r\n\r\n", false),
            (b"G", false),
            (b"\x00\x01", false),
            (b"", false),
        ] {
            for step in 1..=bytes.len().max(1) {
                let (near, mut far) = tokio::io::duplex(8);
                let sent = bytes.to_vec();
                let writer = tokio::spawn(async move {
                    for part in sent.chunks(step) {
                        far.write_all(part).await.unwrap();
                        far.flush().await.unwrap();
                    }
                });
                let (opening, mut stream) = opening(near).await.unwrap();
                assert_eq!(matches!(opening, Opening::Media(_)), is_media, "{bytes:?}");
                let mut read = Vec::new();
                stream.read_to_end(&mut read).await.unwrap();
                assert_eq!(read, bytes);
                writer.await.unwrap();
            }
        }
    }
}
