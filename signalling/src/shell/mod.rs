//! The thread, the sockets and the clock around [`Sfu`]; and the handle to them.

mod streams;
mod udp;
mod wire;
mod worker;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, oneshot};

use crate::relay::{Credentials, Relay, Secret};
use crate::sfu::Sfu;
use crate::sfu::peer::{Candidates, Engine};
use crate::{
    MediaConfig, MediaError, MediaEvent, MediaStats, Offer, PeerKey, RoomKey, Source, View,
};
use streams::{News, StreamId};
use udp::Udp;
use worker::Worker;

pub use wire::{OPENING_BYTES, Opening, Wire};

/// Commands that may wait for the media thread; further callers wait in turn.
const COMMANDS_MAX: usize = 256;
/// Datagrams from connections that may wait for the media thread; then the connections wait.
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

/// A handle to the media thread. The thread ends with [`shutdown`](Media::shutdown) or with the
/// last handle.
#[derive(Debug, Clone)]
pub struct Media {
    commands: mpsc::Sender<Command>,
    news: mpsc::Sender<News>,
    serial: Arc<AtomicU64>,
    secret: Secret,
    local: SocketAddr,
}

impl Media {
    /// Opens the socket and starts the thread. Events go to `events`; when it is full, older news
    /// about the same thing is dropped for newer, but no [`MediaEvent::Gone`] is.
    ///
    /// # Errors
    /// [`MediaError::NoCandidates`], [`MediaError::Socket`], [`MediaError::Certificate`].
    pub async fn start(
        config: MediaConfig,
        events: mpsc::Sender<MediaEvent>,
    ) -> Result<Self, MediaError> {
        let socket = udp::bind(config.listen)?;
        let local = socket.local_addr()?;
        let port = config.announced_port.unwrap_or_else(|| local.port());
        let announced = config.candidates.iter();
        let candidates = Candidates {
            udp: announced.map(|ip| SocketAddr::new(*ip, port)).collect(),
            tcp: config.tcp_candidates,
        };
        let secret = secret()?;
        let relay = Relay::new(secret.clone(), candidates.udp.clone());
        let sfu = Sfu::new(Engine::new(candidates)?);
        let (commands, inbox) = mpsc::channel(COMMANDS_MAX);
        let (news, heard) = mpsc::channel(NEWS_MAX);
        let (ready, started) = oneshot::channel();
        std::thread::Builder::new()
            .name("media".to_owned())
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
                            Worker::new(sfu, udp, relay, events).run(inbox, heard).await;
                        }
                        Err(error) => drop(ready.send(Err(error))),
                    }
                });
            })?;
        started.await.map_err(|_| MediaError::Stopped)??;
        Ok(Self {
            commands,
            news,
            serial: Arc::default(),
            secret,
            local,
        })
    }

    /// The bound address.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Lets a peer into a room and answers its offer with SDP. A peer that is in already is
    /// replaced. The room exists as long as somebody is in it.
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
        self.ask(|reply| Command::Join(room, peer, offer, reply))
            .await?
    }

    /// Answers a new offer on a peer's connection: an ICE restart (RFC 8445 §9).
    ///
    /// # Errors
    /// [`MediaError::UnknownPeer`], [`MediaError::BadOffer`], [`MediaError::Stopped`].
    pub async fn restart(&self, peer: PeerKey, sdp: String) -> Result<String, MediaError> {
        self.ask(|reply| Command::Restart(peer, sdp, reply)).await?
    }

    /// Drops, or stops dropping, what a peer sends from a source, whatever its client believes.
    pub async fn set_muted(&self, peer: PeerKey, source: Source, muted: bool) {
        self.tell(Command::Mute(peer, source, muted)).await;
    }

    /// Says what a receiver sees; the first 64 count. Until the first call it is sent everyone.
    pub async fn view(&self, peer: PeerKey, views: Vec<View>) {
        self.tell(Command::View(peer, views)).await;
    }

    /// Takes a peer out. No [`MediaEvent::Gone`] follows.
    pub async fn leave(&self, peer: PeerKey) {
        self.tell(Command::Leave(peer)).await;
    }

    /// Carries media over a connection that began as [`Opening::Media`] says, from its first byte on, until either end
    /// closes it. It proves itself by STUN, as every path does; one that belongs to nobody is closed after 5 s.
    pub async fn carry(&self, wire: Wire, remote: SocketAddr, stream: impl AsyncRead + AsyncWrite) {
        let id = StreamId {
            remote: SocketAddr::new(remote.ip().to_canonical(), remote.port()),
            serial: self.serial.fetch_add(1, Ordering::Relaxed),
        };
        streams::carry(wire, id, stream, self.news.clone()).await;
    }

    /// What somebody signs in to the relay with, which leads to the media of this server and nowhere else. `person` is
    /// theirs alone; it cannot be read from what is returned.
    pub fn relay_credentials(&self, person: &str) -> Credentials {
        let unix = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        self.secret
            .credentials(unix.map_or(0, |unix| unix.as_secs()), person)
    }

    /// Counters; zeros once the thread has ended.
    pub async fn stats(&self) -> MediaStats {
        self.ask(Command::Stats).await.unwrap_or_default()
    }

    /// Ends the thread and closes the socket.
    pub async fn shutdown(self) {
        let _ = self.ask(Command::Stop).await;
    }

    async fn ask<T>(&self, command: impl FnOnce(Reply<T>) -> Command) -> Result<T, MediaError> {
        let (reply, answer) = oneshot::channel();
        self.commands
            .send(command(reply))
            .await
            .map_err(|_| MediaError::Stopped)?;
        answer.await.map_err(|_| MediaError::Stopped)
    }

    async fn tell(&self, command: Command) {
        // An error means that the thread has ended, and every peer with it.
        let _ = self.commands.send(command).await;
    }
}

fn secret() -> Result<Secret, MediaError> {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| MediaError::Certificate)?;
    Ok(Secret::new(&bytes))
}
