//! A person in the lesson: the WebSocket half that joins, and asks for everybody's camera.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use protocol::call::{
    CallJoin, CallJoined, CallStart, CallStarted, CallView, Participant, Source, View,
};
use protocol::limits::{AUDIO_SLOTS, VIDEO_SLOTS_MAX};
use protocol::{CallId, ClientId, Command, LiveEvent, PeerId};
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::sync::watch;
use tokio::time::Instant;

use super::browser::Browser;
use super::publish;
use crate::LoadError;
use crate::http::{Address, Session};
use crate::socket::{Incoming, Socket};

/// Width of a tile in pixels: the whole picture is wanted.
const TILE_WIDTH: u32 = 1_280;

/// Somebody who could join at once: connected, offer made.
pub(super) struct Guest {
    socket: Socket,
    browser: Browser,
    call: CallId,
}

/// Somebody in the lesson, whose media flows.
pub(super) struct Joined {
    pub(super) browser: Browser,
    /// When `call.join` was sent.
    pub(super) asked: Instant,
    /// From then until ICE and DTLS were done.
    pub(super) connecting: Duration,
    sent: Arc<AtomicU64>,
    down_kbps: Arc<AtomicU32>,
    stopped: watch::Receiver<bool>,
}

impl Guest {
    /// Connects, starts the lesson or finds the one that is on, and makes the offer.
    pub(super) async fn prepare(
        address: &Address,
        session: &Session,
        cameras: usize,
    ) -> Result<Self, LoadError> {
        let mut socket = Socket::open(address, session).await?;
        let device = ClientId::parse(format!("{:016x}", rand::random::<u64>()))
            .map_err(|kind| LoadError::Protocol(kind.to_owned()))?;
        let ok = socket.hello(device, BTreeMap::new()).await?;
        let [room] = &ok.rooms[..] else {
            return Err(LoadError::Protocol("not exactly one room".to_owned()));
        };
        let r = room.id.clone();
        let started: CallStarted = socket
            .call("call.start", &Command::CallStart(CallStart { r }))
            .await?;
        Ok(Self {
            socket,
            browser: Browser::new(AUDIO_SLOTS, cameras.clamp(1, VIDEO_SLOTS_MAX)).await?,
            call: started.call.id,
        })
    }

    /// Joins, and waits until media can flow; signalling goes on beside it until `stopped`.
    pub(super) async fn join(
        mut self,
        publishes: bool,
        stopped: watch::Receiver<bool>,
    ) -> Result<Joined, LoadError> {
        let (down_audio, down_video) = self.browser.down(AUDIO_SLOTS);
        let on = if publishes {
            vec![Source::Mic, Source::Camera]
        } else {
            Vec::new()
        };
        let join = CallJoin {
            call: self.call.clone(),
            sdp: self.browser.offer.clone(),
            up: self.browser.up(),
            down_audio,
            down_video,
            on,
        };
        let asked = Instant::now();
        let joined: CallJoined = self
            .socket
            .call("call.join", &Command::CallJoin(join))
            .await?;
        let down_kbps = Arc::new(AtomicU32::new(0));
        let watcher = Watcher {
            socket: self.socket,
            call: self.call,
            me: joined.p,
            watches: !publishes,
            cameras: Vec::new(),
            down_kbps: Arc::clone(&down_kbps),
        };
        tokio::spawn(watcher.run(joined.people, stopped.clone()));
        self.browser.connect(joined.sdp).await?;
        Ok(Joined {
            browser: self.browser,
            asked,
            connecting: asked.elapsed(),
            sent: Arc::default(),
            down_kbps,
            stopped,
        })
    }
}

impl Joined {
    /// Begins to send sound and pictures.
    pub(super) async fn publish(&mut self, seed: u64) -> Result<(), LoadError> {
        let (mic, camera) = self.browser.mic_and_camera().await?;
        let rng = || StdRng::seed_from_u64(seed);
        let sent = || Arc::clone(&self.sent);
        tokio::spawn(publish::sound(mic, rng(), sent(), self.stopped.clone()));
        let received = Arc::clone(&self.browser.received);
        tokio::spawn(publish::pictures(
            camera,
            received,
            rng(),
            sent(),
            self.stopped.clone(),
        ));
        Ok(())
    }

    /// What the server last told of this link, in kilobits per second; 0 before it told anything.
    pub(super) fn down_kbps(&self) -> u32 {
        self.down_kbps.load(Ordering::Relaxed)
    }

    /// Packets sent so far.
    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }
}

struct Watcher {
    socket: Socket,
    call: CallId,
    me: PeerId,
    watches: bool,
    cameras: Vec<PeerId>,
    down_kbps: Arc<AtomicU32>,
}

impl Watcher {
    // An end of the connection shows in the numbers of packets.
    async fn run(mut self, people: Vec<Participant>, mut stopped: watch::Receiver<bool>) {
        if self.view(&people).await.is_err() {
            return;
        }
        loop {
            let incoming = tokio::select! {
                incoming = self.socket.next() => incoming,
                _ = stopped.wait_for(|stopped| *stopped) => return,
            };
            let done = match incoming {
                Ok(Incoming::Live(LiveEvent::CallPeople { d, .. })) => self.view(&d).await,
                Ok(Incoming::Live(LiveEvent::CallQuality { d, .. })) => {
                    self.down_kbps.store(d.down_kbps, Ordering::Relaxed);
                    Ok(())
                }
                Ok(Incoming::Live(_) | Incoming::Room(_) | Incoming::Reply(..)) => Ok(()),
                Err(error) => Err(error),
            };
            if done.is_err() {
                return;
            }
        }
    }

    async fn view(&mut self, people: &[Participant]) -> Result<(), LoadError> {
        let films = |one: &&Participant| one.p != self.me && one.on.contains(&Source::Camera);
        let cameras: Vec<PeerId> = people
            .iter()
            .filter(films)
            .map(|one| one.p.clone())
            .collect();
        if !self.watches || cameras == self.cameras {
            return Ok(());
        }
        let views = cameras.iter().map(|p| View {
            p: p.clone(),
            src: Source::Camera,
            w: TILE_WIDTH,
            pin: false,
        });
        let view = CallView {
            call: self.call.clone(),
            views: views.collect(),
        };
        self.cameras = cameras;
        self.socket.send(&Command::CallView(view)).await?;
        Ok(())
    }
}
