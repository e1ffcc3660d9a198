//! The threads, the sockets and the clock around [`Sfu`]; and the handle to them.

mod placement;
mod seam;
mod streams;
mod udp;
mod wire;
mod worker;

use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, oneshot};

use crate::relay::{Credentials, Relay, Secret};
use crate::sfu::peer::{Candidates, Engine};
use crate::sfu::{Sfu, demux};
use crate::{
    MediaConfig, MediaError, MediaEvent, MediaStats, Offer, PeerKey, RoomKey, Source, View,
};
use placement::Placement;
use seam::{Batch, seams};
use streams::{News, StreamId};
use udp::Udp;
use worker::{RELAY_WORKER, Ways, Worker};

pub use wire::{OPENING_BYTES, Opening, Wire};

/// Commands that may wait for a media thread; further callers wait in turn.
const COMMANDS_MAX: usize = 256;
/// Datagrams from connections that may wait for a media thread; then the connections wait.
const NEWS_MAX: usize = 256;
/// The longest datagram read; more than any path's MTU.
const DATAGRAM_MAX: usize = 2_000;

type Reply<T> = oneshot::Sender<T>;

#[derive(Debug)]
enum Command {
    Join(RoomKey, PeerKey, Offer, Reply<Result<String, MediaError>>),
    Restart(PeerKey, String, Reply<Result<String, MediaError>>),
    Mute(PeerKey, Source, bool),
    View(PeerKey, Vec<View>),
    Leave(PeerKey),
    Stats(Reply<MediaStats>),
    Stop(Reply<()>),
}

/// Where a media thread hears of things.
#[derive(Debug)]
struct Ears {
    inbox: mpsc::Receiver<Command>,
    news: mpsc::Receiver<News>,
    crossings: mpsc::UnboundedReceiver<Batch>,
}

/// A handle to the media threads. They end with [`shutdown`](Media::shutdown) or with the last handle.
#[derive(Debug, Clone)]
pub struct Media(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    workers: Vec<Way>,
    placement: Arc<Mutex<Placement>>,
    serial: AtomicU64,
    secret: Secret,
    local: SocketAddr,
}

/// The way to one worker.
#[derive(Debug)]
struct Way {
    commands: mpsc::Sender<Command>,
    news: mpsc::Sender<News>,
}

impl Media {
    /// Opens the sockets and starts the threads. Events go to `events`; when it is full, older news
    /// about the same thing is dropped for newer, but no [`MediaEvent::Gone`] is.
    ///
    /// # Errors
    /// [`MediaError::NoCandidates`], [`MediaError::Socket`], [`MediaError::Certificate`].
    pub async fn start(
        config: MediaConfig,
        events: mpsc::Sender<MediaEvent>,
    ) -> Result<Self, MediaError> {
        let mut sockets = Vec::new();
        for worker in 0..config.workers.max(1) {
            let listen = SocketAddr::new(config.listen.ip(), nth(config.listen.port(), worker)?);
            let socket = udp::bind(listen)?;
            let port = match config.announced_port {
                Some(port) => nth(port, worker)?,
                None => socket.local_addr()?.port(),
            };
            let announced = config.candidates.iter();
            let candidates = Candidates {
                udp: announced.map(|ip| SocketAddr::new(*ip, port)).collect(),
                tcp: config.tcp_candidates.clone(),
            };
            sockets.push((socket, candidates));
        }
        let local = match sockets.first() {
            Some((socket, _)) => socket.local_addr()?,
            None => config.listen,
        };
        let secret = secret()?;
        let placement = Placement::new(sockets.len(), config.spread_from);
        let placement = Arc::new(Mutex::new(placement));
        let (news, heard): (Vec<_>, Vec<_>) =
            sockets.iter().map(|_| mpsc::channel(NEWS_MAX)).unzip();
        let ways = Ways::new(
            &news,
            sockets.iter().map(|(_, candidates)| &*candidates.udp),
        );
        let mut workers = Vec::new();
        let seams = seams(config.workers.max(1));
        let ears = heard.into_iter().zip(seams);
        for ((worker, (socket, candidates)), (heard, (seam, crossings))) in
            sockets.into_iter().enumerate().zip(ears)
        {
            let (commands, inbox) = mpsc::channel(COMMANDS_MAX);
            let engine = Engine::new(candidates)?;
            let relay = (worker == RELAY_WORKER)
                .then(|| Relay::new(secret.clone(), ways.addresses().collect()));
            let make = {
                let (ways, placement, events) =
                    (ways.clone(), Arc::clone(&placement), events.clone());
                move |udp| {
                    Worker::new(
                        Sfu::at(seam.own(), engine),
                        seam,
                        udp,
                        relay,
                        ways,
                        placement,
                        events,
                    )
                }
            };
            let ears = Ears {
                inbox,
                news: heard,
                crossings,
            };
            start_thread(worker, socket, make, ears).await?;
            let news = news[worker].clone();
            workers.push(Way { commands, news });
        }
        Ok(Self(Arc::new(Shared {
            workers,
            placement,
            serial: AtomicU64::default(),
            secret,
            local,
        })))
    }

    /// The first bound address.
    pub fn local_addr(&self) -> SocketAddr {
        self.0.local
    }

    /// Lets a peer into a room and answers its offer with SDP. A peer that is in already is
    /// replaced. The room exists as long as somebody is in it. The key of a peer that is gone is not used again.
    ///
    /// # Errors
    /// [`MediaError::BadOffer`], [`MediaError::RoomFull`], [`MediaError::TooManyRooms`],
    /// [`MediaError::Stopped`].
    pub async fn join(
        &self,
        room: RoomKey,
        peer: PeerKey,
        offer: Offer,
    ) -> Result<String, MediaError> {
        let (worker, before) = self.placement().join(room, peer);
        let seat = Seat {
            media: self,
            peer: Some(peer),
        };
        if let Some(before) = before {
            self.tell(before, Command::Leave(peer)).await;
        }
        let answer = self
            .ask(worker, |reply| Command::Join(room, peer, offer, reply))
            .await??;
        self.name(peer, &answer);
        seat.keep();
        Ok(answer)
    }

    /// Answers a new offer on a peer's connection: an ICE restart (RFC 8445 §9).
    ///
    /// # Errors
    /// [`MediaError::UnknownPeer`], [`MediaError::BadOffer`], [`MediaError::Stopped`].
    pub async fn restart(&self, peer: PeerKey, sdp: String) -> Result<String, MediaError> {
        let worker = self.placement().of_peer(peer);
        let worker = worker.ok_or(MediaError::UnknownPeer)?;
        let answer = self
            .ask(worker, |reply| Command::Restart(peer, sdp, reply))
            .await??;
        self.name(peer, &answer);
        Ok(answer)
    }

    /// Drops, or stops dropping, what a peer sends from a source, whatever its client believes.
    pub async fn set_muted(&self, peer: PeerKey, source: Source, muted: bool) {
        self.tell_of(peer, Command::Mute(peer, source, muted)).await;
    }

    /// Says what a receiver sees; the first 64 count. Until the first call it is sent everyone.
    pub async fn view(&self, peer: PeerKey, views: Vec<View>) {
        self.tell_of(peer, Command::View(peer, views)).await;
    }

    /// Takes a peer out. No [`MediaEvent::Gone`] follows.
    pub async fn leave(&self, peer: PeerKey) {
        let worker = self.placement().leave(peer);
        if let Some(worker) = worker {
            self.tell(worker, Command::Leave(peer)).await;
        }
    }

    /// Carries media over a connection that began as [`Opening::Media`] says, from its first byte on, until either end
    /// closes it. It proves itself by STUN, as every path does; one that belongs to nobody is closed after 5 s.
    pub async fn carry(&self, wire: Wire, remote: SocketAddr, stream: impl AsyncRead + AsyncWrite) {
        let id = StreamId {
            remote: SocketAddr::new(remote.ip().to_canonical(), remote.port()),
            serial: self.0.serial.fetch_add(1, Ordering::Relaxed),
        };
        let worker = |first: &[u8]| {
            let worker = match wire {
                // Of the worker that has the peer. A stranger is one anywhere.
                Wire::Framed => demux::stun_request_ufrag(first)
                    .and_then(|ufrag| self.placement().of_ufrag(ufrag))
                    .unwrap_or_default(),
                Wire::Turn => RELAY_WORKER,
            };
            self.0.workers[worker].news.clone()
        };
        streams::carry(wire, id, stream, worker).await;
    }

    /// What somebody signs in to the relay with, which leads to the media of this server and nowhere else. `person` is
    /// theirs alone; it cannot be read from what is returned.
    pub fn relay_credentials(&self, person: &str) -> Credentials {
        let unix = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        self.0
            .secret
            .credentials(unix.map_or(0, |unix| unix.as_secs()), person)
    }

    /// Counters of all threads together; zeros once they have ended.
    pub async fn stats(&self) -> MediaStats {
        let mut sum = MediaStats::default();
        for worker in 0..self.0.workers.len() {
            sum += self.ask(worker, Command::Stats).await.unwrap_or_default();
        }
        sum
    }

    /// Ends the threads and closes the sockets.
    pub async fn shutdown(self) {
        for worker in 0..self.0.workers.len() {
            let _ = self.ask(worker, Command::Stop).await;
        }
    }

    // Never held across an await.
    fn placement(&self) -> MutexGuard<'_, Placement> {
        lock(&self.0.placement)
    }

    fn name(&self, peer: PeerKey, answer: &str) {
        let mut lines = answer.lines();
        if let Some(ufrag) = lines.find_map(|line| line.strip_prefix("a=ice-ufrag:")) {
            self.placement().name(peer, ufrag.trim_end());
        }
    }

    async fn ask<T>(
        &self,
        worker: usize,
        command: impl FnOnce(Reply<T>) -> Command,
    ) -> Result<T, MediaError> {
        let (reply, answer) = oneshot::channel();
        self.0.workers[worker]
            .commands
            .send(command(reply))
            .await
            .map_err(|_| MediaError::Stopped)?;
        answer.await.map_err(|_| MediaError::Stopped)
    }

    async fn tell(&self, worker: usize, command: Command) {
        // An error means that the thread has ended, and every peer with it.
        let _ = self.0.workers[worker].commands.send(command).await;
    }

    async fn tell_of(&self, peer: PeerKey, command: Command) {
        let worker = self.placement().of_peer(peer);
        if let Some(worker) = worker {
            self.tell(worker, command).await;
        }
    }
}

/// A place in a room, given back unless the peer got in: also when whoever waited for that waits no more.
struct Seat<'a> {
    media: &'a Media,
    peer: Option<PeerKey>,
}

impl Seat<'_> {
    fn keep(mut self) {
        self.peer = None;
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        if let Some(peer) = self.peer {
            self.media.placement().leave(peer);
        }
    }
}

fn lock(placement: &Mutex<Placement>) -> MutexGuard<'_, Placement> {
    placement.lock().unwrap_or_else(PoisonError::into_inner)
}

// The port of a worker, counted from the first one's. 0 is any port for all of them.
fn nth(first: u16, worker: u16) -> Result<u16, MediaError> {
    if first == 0 {
        return Ok(0);
    }
    first
        .checked_add(worker)
        .ok_or_else(|| std::io::Error::from(std::io::ErrorKind::AddrNotAvailable).into())
}

// Returns when the thread has its socket.
async fn start_thread(
    worker: usize,
    socket: UdpSocket,
    make: impl FnOnce(Udp) -> Worker + Send + 'static,
    ears: Ears,
) -> Result<(), MediaError> {
    let (ready, started) = oneshot::channel();
    std::thread::Builder::new()
        .name(format!("media-{worker}"))
        .spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            let runtime = match runtime {
                Ok(runtime) => runtime,
                Err(error) => return drop(ready.send(Err(error))),
            };
            runtime.block_on(async move {
                match Udp::from_std(socket) {
                    Ok(udp) => {
                        let _ = ready.send(Ok(()));
                        make(udp).run(ears).await;
                    }
                    Err(error) => drop(ready.send(Err(error))),
                }
            });
        })?;
    started.await.map_err(|_| MediaError::Stopped)??;
    Ok(())
}

fn secret() -> Result<Secret, MediaError> {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| MediaError::Certificate)?;
    Ok(Secret::new(&bytes))
}
