//! TCP connections with media. Each is read and written by a task of its caller's; the media thread holds the near end
//! of its queue, and never waits for it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::DATAGRAM_MAX;
use super::wire::Wire;
use crate::sfu::egress::run::Run;

/// Connections at once.
pub(super) const STREAMS_MAX: usize = 2_000;
/// Connections at once that have not proved anything.
pub(super) const STRANGERS_MAX: usize = 500;
/// How long a connection may belong to nobody: at its begin, and after its participant left,
pub(super) const STRANGER_FOR: Duration = Duration::from_secs(5);
/// and when somebody with credentials has an allocation and does not use it in a lesson.
pub(super) const UNUSED_FOR: Duration = Duration::from_secs(30);
/// Bytes that may wait for a slow connection; what comes on top is lost, as a full router would lose it. At the lowest
/// rate that a lesson works with it is about three seconds.
const QUEUE_BYTES_MAX: usize = 128 * 1024;
/// A connection that takes nothing this long is dead.
const WRITE_TIMEOUT: Duration = Duration::from_secs(20);
/// Datagrams written at once.
const WRITE_BATCH: usize = 32;
/// Time between looks for strangers.
const SWEEP: Duration = Duration::from_secs(1);

/// One connection. Another one may come from the same address later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StreamId {
    pub(super) remote: SocketAddr,
    pub(super) serial: u64,
}

/// What a media thread is told by the tasks of connections, and by other media threads about the relay, which one of
/// them has.
#[derive(Debug)]
pub(super) enum News {
    Opened(StreamId, Queue),
    Datagram(StreamId, Wire, Vec<u8>),
    Closed(StreamId),
    /// To a peer of yours.
    Relayed(Relayed),
    /// To the client of a relayed address; the second is the address that was asked, when this is the answer.
    Unrelayed(SocketAddr, Option<SocketAddr>, Run),
    /// The relayed address is nobody's any more.
    Unused(SocketAddr),
}

/// A datagram that came through the relay.
#[derive(Debug)]
pub(super) struct Relayed {
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    pub(super) bytes: Vec<u8>,
}

/// The way to a connection's task, which ends when this is dropped.
#[derive(Debug)]
pub(super) struct Queue {
    to: mpsc::UnboundedSender<Vec<u8>>,
    bytes: Arc<AtomicUsize>,
}

impl Queue {
    /// Whether the datagram will be written.
    fn push(&self, datagram: Vec<u8>) -> bool {
        let length = datagram.len();
        // Only the media thread adds.
        let waiting = self.bytes.load(Ordering::Relaxed);
        if length > DATAGRAM_MAX || waiting + length > QUEUE_BYTES_MAX {
            return false;
        }
        self.bytes.fetch_add(length, Ordering::Relaxed);
        self.to.send(datagram).is_ok()
    }
}

#[derive(Debug)]
struct Stream {
    serial: u64,
    queue: Queue,
    /// Since when it has belonged to nobody.
    stranger_since: Option<Instant>,
}

/// The media thread's connections, by where they come from.
#[derive(Debug, Default)]
pub(super) struct Streams {
    open: BTreeMap<SocketAddr, Stream>,
    next_sweep: Option<Instant>,
}

impl Streams {
    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    /// Takes a connection, unless there are too many.
    pub(super) fn open(&mut self, now: Instant, id: StreamId, queue: Queue) {
        let is_stranger = |stream: &&Stream| stream.stranger_since.is_some();
        let strangers = self.open.values().filter(is_stranger).count();
        if self.open.len() >= STREAMS_MAX || strangers >= STRANGERS_MAX {
            return;
        }
        let stream = Stream {
            serial: id.serial,
            queue,
            stranger_since: Some(now),
        };
        self.open.insert(id.remote, stream);
        self.next_sweep.get_or_insert(now + SWEEP);
    }

    /// Returns whether it was open.
    pub(super) fn close(&mut self, id: StreamId) -> bool {
        let is_open = self.has(id);
        if is_open {
            self.open.remove(&id.remote);
        }
        is_open
    }

    pub(super) fn has(&self, id: StreamId) -> bool {
        let stream = self.open.get(&id.remote);
        stream.is_some_and(|stream| stream.serial == id.serial)
    }

    /// Returns how many of the datagrams will not be written.
    pub(super) fn send(&self, remote: SocketAddr, run: &Run) -> u64 {
        let stream = self.open.get(&remote);
        let taken =
            |datagram: &[u8]| stream.is_some_and(|stream| stream.queue.push(datagram.to_vec()));
        let lost = run.datagrams().filter(|datagram| !taken(datagram));
        lost.count() as u64
    }

    /// When [`sweep`](Self::sweep) wants to be called.
    pub(super) fn next(&self) -> Option<Instant> {
        self.next_sweep
    }

    /// Ends connections that have belonged to nobody for too long; `patience` says how long that is, `None` for one that
    /// belongs to somebody. Returns those that it ended.
    pub(super) fn sweep(
        &mut self,
        now: Instant,
        patience: impl Fn(SocketAddr) -> Option<Duration>,
    ) -> Vec<SocketAddr> {
        let mut ended = Vec::new();
        if self.next_sweep.is_none_or(|at| at > now) {
            return ended;
        }
        self.open.retain(|remote, stream| {
            let Some(patience) = patience(*remote) else {
                stream.stranger_since = None;
                return true;
            };
            let since = *stream.stranger_since.get_or_insert(now);
            let stays = now.saturating_duration_since(since) < patience;
            if !stays {
                ended.push(*remote);
            }
            stays
        });
        self.next_sweep = (!self.open.is_empty()).then_some(now + SWEEP);
        ended
    }
}

/// Reads and writes a connection until either end closes it. `worker` says by the first datagram whose it is.
pub(super) async fn carry(
    wire: Wire,
    id: StreamId,
    stream: impl AsyncRead + AsyncWrite,
    worker: impl FnOnce(&[u8]) -> mpsc::Sender<News>,
) {
    let (reader, writer) = tokio::io::split(stream);
    let mut reader = BufReader::new(reader);
    let mut first = Vec::new();
    let begun = timeout(STRANGER_FOR, wire.read(&mut reader, &mut first)).await;
    let Ok(Ok(())) = begun else { return };
    let news = worker(&first);
    let (to, outgoing) = mpsc::unbounded_channel();
    let bytes = Arc::new(AtomicUsize::new(0));
    let queue = Queue {
        to,
        bytes: Arc::clone(&bytes),
    };
    for news_of_it in [News::Opened(id, queue), News::Datagram(id, wire, first)] {
        if news.send(news_of_it).await.is_err() {
            return;
        }
    }
    let error = tokio::select! {
        error = read(wire, id, reader, &news) => error,
        error = write(wire, writer, outgoing, &bytes) => error,
    };
    tracing::debug!(%error, "a media connection ended");
    // An error means that the media thread has ended.
    let _ = news.send(News::Closed(id)).await;
}

async fn read(
    wire: Wire,
    id: StreamId,
    mut stream: impl AsyncRead + Unpin,
    news: &mpsc::Sender<News>,
) -> std::io::Error {
    loop {
        let mut datagram = Vec::new();
        if let Err(error) = wire.read(&mut stream, &mut datagram).await {
            return error;
        }
        // While the media thread is busy the sender's own congestion control makes it wait.
        if news.send(News::Datagram(id, wire, datagram)).await.is_err() {
            return std::io::ErrorKind::NotConnected.into();
        }
    }
}

async fn write(
    wire: Wire,
    mut stream: impl AsyncWrite + Unpin,
    mut outgoing: mpsc::UnboundedReceiver<Vec<u8>>,
    bytes: &AtomicUsize,
) -> std::io::Error {
    let (mut batch, mut buffer) = (Vec::new(), Vec::new());
    loop {
        if outgoing.recv_many(&mut batch, WRITE_BATCH).await == 0 {
            return std::io::ErrorKind::NotConnected.into();
        }
        buffer.clear();
        let mut taken = 0;
        for datagram in batch.drain(..) {
            taken += datagram.len();
            wire.write(&datagram, &mut buffer);
        }
        let written = async {
            stream.write_all(&buffer).await?;
            stream.flush().await
        };
        match timeout(WRITE_TIMEOUT, written).await {
            Ok(Ok(())) => bytes.fetch_sub(taken, Ordering::Relaxed),
            Ok(Err(error)) => return error,
            Err(_) => return std::io::ErrorKind::TimedOut.into(),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(serial: u64) -> StreamId {
        StreamId {
            remote: SocketAddr::from(([192, 0, 2, 1], 5_000)),
            serial,
        }
    }

    async fn opened(news: &mut mpsc::Receiver<News>) -> Queue {
        match news.recv().await {
            Some(News::Opened(_, queue)) => queue,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn a_connection_that_takes_nothing_holds_no_more_than_its_share() {
        let (near, mut far) = tokio::io::duplex(64);
        let (to, mut news) = mpsc::channel(8);
        far.write_all(&[0, 1, 9]).await.unwrap();
        let task = tokio::spawn(carry(Wire::Framed, id(1), near, |first| {
            assert_eq!(first, [9]);
            to
        }));
        let mut streams = Streams::default();
        streams.open(Instant::now(), id(1), opened(&mut news).await);
        let sent = (0..1_000)
            .filter(|_| streams.send(id(1).remote, &Run::single(vec![7; 1_000])) == 0)
            .count();
        assert_eq!(sent, QUEUE_BYTES_MAX / 1_000);
        // What was taken arrives, and nothing else; then there is room again.
        let mut datagram = Vec::new();
        for _ in 0..sent {
            Wire::Framed.read(&mut far, &mut datagram).await.unwrap();
            assert_eq!(datagram, [7; 1_000]);
        }
        assert_eq!(streams.send(id(1).remote, &Run::single(vec![8; 10])), 0);
        Wire::Framed.read(&mut far, &mut datagram).await.unwrap();
        assert_eq!(datagram, [8; 10]);
        assert!(streams.close(id(1)));
        task.await.unwrap();
    }

    #[tokio::test]
    async fn strangers_go_and_the_number_of_connections_is_bounded() {
        let mut streams = Streams::default();
        let now = Instant::now();
        let remote = |port| SocketAddr::from(([192, 0, 2, 1], port));
        for port in 0..600 {
            let (to, _) = mpsc::unbounded_channel();
            let queue = Queue {
                to,
                bytes: Arc::default(),
            };
            let remote = remote(port);
            streams.open(now, StreamId { remote, serial: 0 }, queue);
        }
        assert_eq!(streams.len(), STRANGERS_MAX);
        let of_the_third = |from| (from != remote(3)).then_some(STRANGER_FOR);
        streams.sweep(now + SWEEP, of_the_third);
        assert_eq!(streams.len(), STRANGERS_MAX);
        let ended = streams.sweep(now + SWEEP + STRANGER_FOR, of_the_third);
        assert_eq!((streams.len(), ended.len()), (1, STRANGERS_MAX - 1));
        // Its participant leaves.
        let left = now + STRANGER_FOR * 3;
        streams.sweep(left, |_| Some(STRANGER_FOR));
        assert_eq!(streams.len(), 1);
        streams.sweep(left + STRANGER_FOR, |_| Some(STRANGER_FOR));
        assert_eq!((streams.len(), streams.next()), (0, None));
    }

    #[tokio::test]
    async fn the_end_of_an_old_connection_is_not_that_of_a_new_one() {
        let mut streams = Streams::default();
        for serial in [1, 2] {
            let (to, _) = mpsc::unbounded_channel();
            let queue = Queue {
                to,
                bytes: Arc::default(),
            };
            streams.open(Instant::now(), id(serial), queue);
        }
        assert!(!streams.close(id(1)));
        assert!(streams.has(id(2)));
    }
}
