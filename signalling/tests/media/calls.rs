//! Calls over real sockets, through the handle that the server holds.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use signalling::{Media, MediaConfig, MediaEvent, PeerKey, RoomKey, Slot, Source, Wire};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::mpsc;

use crate::client::Client;
use crate::turn::Turn;

pub(crate) const HOME: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
pub(crate) const ROOM: RoomKey = RoomKey(1);
/// Only to end a test that hangs; nothing is measured by it.
pub(crate) const HANG: Duration = Duration::from_secs(60);

/// How a caller's datagrams travel.
pub(crate) enum Line {
    Udp(UdpSocket),
    Relayed(Turn),
    Tcp(OwnedWriteHalf, mpsc::Receiver<(Vec<u8>, SocketAddr)>),
}

impl Line {
    async fn send(&mut self, to: SocketAddr, bytes: &[u8]) {
        match self {
            Self::Udp(socket) => drop(socket.send_to(bytes, to).await.unwrap()),
            Self::Relayed(turn) => turn.send(to, bytes).await,
            Self::Tcp(stream, _) => {
                stream.write_all(&framed(bytes)).await.unwrap();
            }
        }
    }

    async fn recv(&mut self) -> (Vec<u8>, SocketAddr) {
        match self {
            Self::Udp(socket) => {
                let mut buffer = vec![0; 2_000];
                let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
                buffer.truncate(length);
                (buffer, from)
            }
            Self::Relayed(turn) => turn.recv().await,
            Self::Tcp(_, datagrams) => datagrams.recv().await.unwrap(),
        }
    }
}

pub(crate) struct Caller {
    pub(crate) key: PeerKey,
    /// On the heap: it is large, and futures hold it.
    pub(crate) client: Box<Client>,
    pub(crate) line: Line,
    /// The SDP.
    pub(crate) answer: String,
}

impl Caller {
    async fn join(
        media: &Media,
        room: RoomKey,
        key: u64,
        mut client: Box<Client>,
        line: Line,
    ) -> Self {
        let offer = client.offer(4, 2);
        let key = PeerKey(key);
        let answer = media.join(room, key, offer).await.unwrap();
        client.answer(&answer);
        Self {
            key,
            client,
            line,
            answer,
        }
    }

    /// Waits for a datagram or the client's clock, whichever comes first, and handles it.
    async fn turn(&mut self) {
        let out: Vec<_> = self.client.out.drain(..).collect();
        for (to, bytes) in out {
            self.line.send(to, &bytes).await;
        }
        let wait = tokio::time::Instant::from_std(self.client.wait());
        tokio::select! {
            (bytes, from) = self.line.recv() => self.client.receive(Instant::now(), from, &bytes),
            () = tokio::time::sleep_until(wait) => self.client.tick(Instant::now()),
        }
    }
}

/// RFC 4571.
pub(crate) fn framed(datagram: &[u8]) -> Vec<u8> {
    let mut bytes = (datagram.len() as u16).to_be_bytes().to_vec();
    bytes.extend(datagram);
    bytes
}

async fn read_frames(mut stream: OwnedReadHalf, to: mpsc::Sender<(Vec<u8>, SocketAddr)>) {
    let from = stream.peer_addr().unwrap();
    while let Ok(length) = stream.read_u16().await {
        let mut datagram = vec![0; length.into()];
        if stream.read_exact(&mut datagram).await.is_err()
            || to.send((datagram, from)).await.is_err()
        {
            return;
        }
    }
}

pub(crate) struct Call {
    pub(crate) media: Media,
    pub(crate) door: SocketAddr,
    events: mpsc::Receiver<MediaEvent>,
    pub(crate) seen: Vec<MediaEvent>,
    pub(crate) callers: Vec<Caller>,
    /// Where whoever comes next goes.
    pub(crate) room: RoomKey,
    /// The address of this machine that all use.
    home: IpAddr,
}

impl Call {
    pub(crate) async fn start() -> Self {
        Self::with_workers(1).await
    }

    pub(crate) async fn with_workers(workers: u16) -> Self {
        Self::spread(workers, usize::MAX).await
    }

    /// Rooms go on to other workers when one has so many of their people.
    pub(crate) async fn spread(workers: u16, spread_from: usize) -> Self {
        Self::at(HOME, workers, spread_from).await
    }

    /// At another address of this machine.
    pub(crate) async fn at(home: IpAddr, workers: u16, spread_from: usize) -> Self {
        let listener = TcpListener::bind((home, 0)).await.unwrap();
        let door = listener.local_addr().unwrap();
        let (to, events) = mpsc::channel(64);
        let config = MediaConfig {
            listen: SocketAddr::from((home, 0)),
            workers,
            spread_from,
            candidates: vec![home],
            announced_port: None,
            tcp_candidates: vec![door],
        };
        let media = Media::start(config, to).await.unwrap();
        let carrier = media.clone();
        tokio::spawn(async move {
            while let Ok((stream, from)) = listener.accept().await {
                let media = carrier.clone();
                tokio::spawn(async move { media.carry(Wire::Framed, from, stream).await });
            }
        });
        Self {
            media,
            door,
            events,
            seen: Vec::new(),
            callers: Vec::new(),
            room: ROOM,
            home,
        }
    }

    pub(crate) async fn join(&mut self, key: u64, sources: &[Source]) -> PeerKey {
        let socket = UdpSocket::bind((self.home, 0)).await.unwrap();
        let client = Box::new(Client::new(Instant::now(), socket.local_addr().unwrap()));
        self.enter(key, client, sources, Line::Udp(socket)).await
    }

    pub(crate) async fn join_over_tcp(&mut self, key: u64, sources: &[Source]) -> PeerKey {
        let stream = TcpStream::connect(self.door).await.unwrap();
        let client = Box::new(Client::over_tcp(
            Instant::now(),
            stream.local_addr().unwrap(),
        ));
        let (reader, writer) = stream.into_split();
        let (to, datagrams) = mpsc::channel(64);
        tokio::spawn(read_frames(reader, to));
        self.enter(key, client, sources, Line::Tcp(writer, datagrams))
            .await
    }

    pub(crate) async fn join_relayed(&mut self, key: u64, sources: &[Source]) -> PeerKey {
        let (near, far) = tokio::io::duplex(64 * 1024);
        let media = self.media.clone();
        let from = SocketAddr::from(([192, 0, 2, 9], 9));
        tokio::spawn(async move { media.carry(Wire::Turn, from, far).await });
        let turn = Turn::allocate(near, &self.media.relay_credentials("anna")).await;
        let client = Box::new(Client::new(Instant::now(), turn.relayed));
        self.enter(key, client, sources, Line::Relayed(turn)).await
    }

    async fn enter(
        &mut self,
        key: u64,
        mut client: Box<Client>,
        sources: &[Source],
        line: Line,
    ) -> PeerKey {
        client.sending.extend(sources);
        let caller = Caller::join(&self.media, self.room, key, client, line).await;
        self.callers.push(caller);
        PeerKey(key)
    }

    pub(crate) async fn until(&mut self, what: &str, mut done: impl FnMut(&Self) -> bool) {
        let end = Instant::now() + HANG;
        while !done(self) {
            assert!(
                Instant::now() < end,
                "never happened: {what}; events {:?}",
                self.seen
            );
            let turns = self
                .callers
                .iter_mut()
                .map(|caller| Box::pin(caller.turn()));
            let turns: Vec<_> = turns.collect();
            tokio::select! {
                event = self.events.recv() => self.seen.extend(event),
                () = any(turns) => {}
            }
        }
    }

    pub(crate) fn slots(&self, of: PeerKey) -> Vec<Slot> {
        let mut slots = Vec::new();
        for event in &self.seen {
            if let MediaEvent::Slots {
                peer, slots: new, ..
            } = event
                && *peer == of
            {
                slots.clone_from(new);
            }
        }
        slots
    }

    pub(crate) fn mid(&self, of: PeerKey, stream: (PeerKey, Source)) -> Option<String> {
        self.slots(of)
            .into_iter()
            .find(|slot| slot.stream == Some(stream))
            .map(|slot| slot.mid)
    }

    pub(crate) fn received(&self, of: PeerKey, stream: (PeerKey, Source)) -> usize {
        let caller = self.callers.iter().find(|caller| caller.key == of).unwrap();
        self.mid(of, stream)
            .map_or(0, |mid| caller.client.packets(&mid).len())
    }
}

/// Ends with the first future that ends.
async fn any<F: Future<Output = ()> + Unpin>(mut futures: Vec<F>) {
    std::future::poll_fn(|context| {
        for future in &mut futures {
            if std::pin::Pin::new(future).poll(context).is_ready() {
                return std::task::Poll::Ready(());
            }
        }
        std::task::Poll::Pending
    })
    .await;
}
