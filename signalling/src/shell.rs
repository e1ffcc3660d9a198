//! The thread, the socket and the clock around [`Sfu`]; and the handle to them.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Instant;

use tokio::net::UdpSocket;
use tokio::sync::{mpsc, oneshot};

use crate::events::Events;
use crate::sfu::path::{Path, Transport};
use crate::sfu::peer::{Candidates, Engine};
use crate::sfu::{Output, Sfu};
use crate::{
    MediaConfig, MediaError, MediaEvent, MediaStats, Offer, PeerKey, RoomKey, Source, View,
};

/// Commands that may wait for the media thread; further callers wait in turn.
const COMMANDS_MAX: usize = 256;
/// Datagrams read before commands and timers get their turn.
const BATCH_MAX: usize = 64;
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
        let socket = std::net::UdpSocket::bind(config.listen)?;
        socket.set_nonblocking(true)?;
        let local = socket.local_addr()?;
        let udp = config
            .candidates
            .iter()
            .map(|ip| SocketAddr::new(*ip, local.port()))
            .collect();
        let sfu = Sfu::new(Engine::new(Candidates {
            udp,
            tcp: Vec::new(),
        })?);
        let (commands, inbox) = mpsc::channel(COMMANDS_MAX);
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
                    match UdpSocket::from_std(socket) {
                        Ok(socket) => {
                            let _ = ready.send(Ok(()));
                            Worker {
                                sfu,
                                socket,
                                events: Events::new(events),
                                dropped_sends: 0,
                            }
                            .run(inbox)
                            .await;
                        }
                        Err(error) => drop(ready.send(Err(error))),
                    }
                });
            })?;
        started.await.map_err(|_| MediaError::Stopped)??;
        Ok(Self { commands, local })
    }

    /// The bound address; its port is the announced one.
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

#[derive(Debug)]
struct Worker {
    sfu: Sfu,
    socket: UdpSocket,
    events: Events,
    dropped_sends: u64,
}

impl Worker {
    async fn run(mut self, mut inbox: mpsc::Receiver<Command>) {
        let mut buffer = [0; DATAGRAM_MAX];
        loop {
            self.put_out();
            let wake = self.sfu.next().map(tokio::time::Instant::from_std);
            let channel = self.events.channel();
            tokio::select! {
                command = inbox.recv() => match command {
                    Some(Command::Stop(reply)) => {
                        let _ = reply.send(());
                        return;
                    }
                    Some(command) => self.command(command),
                    None => return,
                },
                _ = self.socket.readable() => self.read(&mut buffer),
                () = sleep_until(wake) => self.sfu.tick(Instant::now()),
                // Room in the channel, or its end: `put_out` sends or drops what waits.
                _ = channel.reserve(), if self.events.is_waiting() => {}
            }
        }
    }

    fn command(&mut self, command: Command) {
        let now = Instant::now();
        match command {
            Command::Join(room, peer, offer, reply) => {
                let answer = self.sfu.join(now, room, peer, offer);
                // A caller that no longer waits will not tell its client either.
                if reply.send(answer).is_err() {
                    self.sfu.leave(now, peer);
                }
            }
            Command::Restart(peer, sdp, reply) => {
                drop(reply.send(self.sfu.restart(now, peer, &sdp)))
            }
            Command::Mute(peer, source, muted) => self.sfu.set_muted(now, peer, source, muted),
            Command::View(peer, views) => self.sfu.view(now, peer, views),
            Command::Leave(peer) => self.sfu.leave(now, peer),
            Command::Stats(reply) => {
                let stats = MediaStats {
                    dropped_sends: self.dropped_sends,
                    ..self.sfu.stats()
                };
                let _ = reply.send(stats);
            }
            // Handled by `run`, which ends.
            Command::Stop(_) => {}
        }
    }

    fn read(&mut self, buffer: &mut [u8]) {
        for _ in 0..BATCH_MAX {
            match self.socket.try_recv_from(buffer) {
                Ok((len, from)) => {
                    self.sfu
                        .datagram(Instant::now(), Path::udp(from), &buffer[..len])
                }
                // An ICMP error of an earlier send; nothing to read in this one.
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => {}
                Err(_) => break,
            }
        }
        let now = Instant::now();
        self.sfu.flush(now);
        if self.sfu.next().is_some_and(|at| at <= now) {
            self.sfu.tick(now);
        }
    }

    fn put_out(&mut self) {
        while let Some(output) = self.sfu.poll() {
            match output {
                Output::Send(Path { transport, remote }, bytes) => {
                    // A full socket buffer loses the datagram, as a full router would.
                    let sent = match transport {
                        Transport::Udp => self.socket.try_send_to(&bytes, remote).is_ok(),
                        Transport::Tcp => false,
                    };
                    if !sent {
                        self.dropped_sends += 1;
                    }
                }
                Output::Event(event) => self.events.push(event),
            }
        }
        self.events.flush();
    }
}

async fn sleep_until(at: Option<tokio::time::Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
