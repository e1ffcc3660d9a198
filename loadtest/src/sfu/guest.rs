//! A person in the lesson: the WebSocket half that joins, and asks for everybody's camera.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use protocol::call::{
    CallJoin, CallJoined, CallStart, CallStarted, CallView, Participant, Source, View,
};
use protocol::limits::{AUDIO_SLOTS, VIDEO_SLOTS_MAX};
use protocol::{CallId, ClientId, Command, LiveEvent, PeerId};
use tokio::sync::watch;
use tokio::time::Instant;

use super::browser::Browser;
use super::seat::Seat;
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
    role: Role,
}

/// What somebody does in the lesson.
#[derive(Clone, Copy, Debug)]
pub(super) struct Role {
    /// Whether microphone and camera are on.
    pub(super) sends: bool,
    /// So many cameras of others are looked at.
    pub(super) sees: usize,
}

impl Guest {
    /// Connects, starts the lesson or finds the one that is on, and makes the offer.
    pub(super) async fn prepare(
        address: &Address,
        session: &Session,
        role: Role,
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
            browser: Browser::new(AUDIO_SLOTS, role.sees.clamp(1, VIDEO_SLOTS_MAX)).await?,
            call: started.call.id,
            role,
        })
    }

    /// Joins, and waits until media can flow; signalling goes on beside it until `stopped`.
    pub(super) async fn join(mut self, stopped: watch::Receiver<bool>) -> Result<Seat, LoadError> {
        let (down_audio, down_video) = self.browser.down(AUDIO_SLOTS);
        let on = if self.role.sends {
            vec![Source::Mic, Source::Camera]
        } else {
            Vec::new()
        };
        let join = CallJoin {
            call: self.call.clone(),
            sdp: self.browser.sdp.clone(),
            up: self.browser.up(),
            down_audio,
            down_video,
            on,
            back: false,
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
            sees: self.role.sees,
            cameras: Vec::new(),
            down_kbps: Arc::clone(&down_kbps),
        };
        tokio::spawn(watcher.run(joined.people, joined.v, stopped.clone()));
        self.browser.connect(joined.sdp).await?;
        Ok(Seat::new(self.browser, asked, down_kbps, stopped))
    }
}

struct Watcher {
    socket: Socket,
    call: CallId,
    me: PeerId,
    sees: usize,
    cameras: Vec<PeerId>,
    down_kbps: Arc<AtomicU32>,
}

impl Watcher {
    // An end of the connection shows in the numbers of packets.
    async fn run(
        mut self,
        mut people: Vec<Participant>,
        since: u32,
        mut stopped: watch::Receiver<bool>,
    ) {
        if self.view(&people).await.is_err() {
            return;
        }
        loop {
            let incoming = tokio::select! {
                incoming = self.socket.next() => incoming,
                _ = stopped.wait_for(|stopped| *stopped) => return,
            };
            let done = match incoming {
                Ok(Incoming::Live(LiveEvent::CallPeople { v, d, .. })) if v > since => {
                    people = d;
                    self.view(&people).await
                }
                Ok(Incoming::Live(LiveEvent::CallChanged { v, d, .. })) if v > since => {
                    let is_there = |one: &Participant| d.set.iter().any(|set| set.p == one.p);
                    people.retain(|one| !is_there(one) && !d.gone.contains(&one.p));
                    people.extend(d.set);
                    self.view(&people).await
                }
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
            .take(self.sees)
            .map(|one| one.p.clone())
            .collect();
        if self.sees == 0 || cameras == self.cameras {
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
