//! From a thread that writes to a connection that takes its time.

use std::cell::Cell;
use std::io::{self, Write};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Bytes that travel together.
const PIECE_BYTES: usize = 64 * 1_024;
/// Pieces that may wait for the connection.
const PIECES_WAITING: usize = 4;
/// Whoever takes nothing for so long has gone away.
const SILENT_MAX: Duration = Duration::from_secs(120);

/// The end that is written to.
#[derive(Debug)]
pub struct PieceWriter {
    handle: Handle,
    pieces: mpsc::Sender<Bytes>,
    gathered: BytesMut,
    whole: Arc<AtomicBool>,
}

/// The end that is read. Unless the writer said that it is the whole, it ends with an error, so that nobody takes what has come
/// for that.
#[derive(Debug)]
pub struct Pieces {
    received: mpsc::Receiver<Bytes>,
    whole: Arc<AtomicBool>,
    over: bool,
}

/// Both ends.
#[must_use]
pub fn pieces(handle: Handle) -> (PieceWriter, Pieces) {
    let (pieces, received) = mpsc::channel(PIECES_WAITING);
    let whole = Arc::new(AtomicBool::new(false));
    let writer = PieceWriter {
        handle,
        pieces,
        gathered: BytesMut::with_capacity(PIECE_BYTES),
        whole: Arc::clone(&whole),
    };
    let over = false;
    (
        writer,
        Pieces {
            received,
            whole,
            over,
        },
    )
}

impl PieceWriter {
    /// What was written is the whole.
    pub fn seal(self) {
        self.whole.store(true, Ordering::Release);
    }

    fn send(&mut self) -> io::Result<()> {
        let piece = self.gathered.split().freeze();
        let sending = timeout(SILENT_MAX, self.pieces.send(piece));
        match self.handle.block_on(sending) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(io::ErrorKind::BrokenPipe.into()),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}

impl Write for PieceWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(PIECE_BYTES - self.gathered.len());
        self.gathered.extend_from_slice(&bytes[..taken]);
        if self.gathered.len() >= PIECE_BYTES {
            self.send()?;
            self.gathered.reserve(PIECE_BYTES);
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.gathered.is_empty() {
            return Ok(());
        }
        self.send()
    }
}

impl Stream for Pieces {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.over {
            return Poll::Ready(None);
        }
        if let Some(piece) = ready!(self.received.poll_recv(context)) {
            return Poll::Ready(Some(Ok(piece)));
        }
        self.over = true;
        let whole = self.whole.load(Ordering::Acquire);
        Poll::Ready((!whole).then(|| Err(io::ErrorKind::BrokenPipe.into())))
    }
}

/// Lets through what is written until it is shut: an archive that broke off would otherwise be closed as if it were whole.
pub(super) struct Valve<W> {
    out: W,
    shut: Rc<Cell<bool>>,
}

impl<W: Write> Valve<W> {
    pub(super) fn on(out: W) -> (Self, Rc<Cell<bool>>) {
        let shut = Rc::new(Cell::new(false));
        let valve = Self {
            out,
            shut: Rc::clone(&shut),
        };
        (valve, shut)
    }
}

impl<W: Write> Write for Valve<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.shut.get() {
            return Ok(bytes.len());
        }
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.shut.get() {
            return Ok(());
        }
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;

    use super::*;

    async fn read(sealed: bool) -> (usize, bool) {
        let (mut writer, pieces) = pieces(Handle::current());
        let writing = tokio::task::spawn_blocking(move || {
            writer.write_all(&vec![7; 3 * PIECE_BYTES + 5]).unwrap();
            writer.flush().unwrap();
            if sealed {
                writer.seal();
            }
        });
        let all: Vec<io::Result<Bytes>> = pieces.collect().await;
        writing.await.unwrap();
        let bytes = all.iter().flatten().map(Bytes::len).sum();
        (bytes, all.iter().any(Result::is_err))
    }

    #[tokio::test]
    async fn what_broke_off_does_not_look_whole() {
        assert_eq!(read(true).await, (3 * PIECE_BYTES + 5, false));
        assert_eq!(read(false).await, (3 * PIECE_BYTES + 5, true));
    }

    #[tokio::test]
    async fn whoever_has_gone_away_ends_the_writing() {
        let (mut writer, pieces) = pieces(Handle::current());
        drop(pieces);
        let wrote =
            tokio::task::spawn_blocking(move || writer.write_all(&vec![7; 2 * PIECE_BYTES]));
        assert_eq!(
            wrote.await.unwrap().unwrap_err().kind(),
            io::ErrorKind::BrokenPipe
        );
    }
}
