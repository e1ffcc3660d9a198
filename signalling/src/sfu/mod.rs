//! The SFU itself: no sockets, no clock, no tasks.
//!
//! Call a method with the time, then take everything from [`Sfu::poll`], and call [`Sfu::tick`] at
//! [`Sfu::next`]. Datagrams come in batches, each ended by [`Sfu::flush`]. Datagrams find their connection by a path that has proved itself, or by the
//! user name of a STUN request whose integrity is valid; nothing else makes or moves a path.
//!
//! A room may have branches in other SFUs: what is said to them comes out as [`Output::Cross`], and goes in by
//! [`Sfu::cross`].

pub mod allocate;
pub mod branch;
pub mod clock;
pub mod codec;
pub mod congestion;
pub mod demux;
pub mod descriptor;
pub mod egress;
pub mod h264;
pub mod keyframe;
pub mod limits;
pub mod path;
pub mod pause;
pub mod payload;
pub mod peer;
pub mod red;
pub mod redundancy;
pub mod rewrite;
pub mod slots;
pub mod speaker;
pub mod temporal;
pub mod uplink;
pub mod vp8;
pub mod vp9;

mod agree;
mod early;
mod lane;
mod member;
mod reconcile;
mod room;
mod skips;
mod track;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::Instant;

use crate::{MediaError, MediaEvent, MediaStats, Offer, PeerKey, RoomKey, Source, View};
use branch::{Branch, Crossing};
use egress::run::Run;
use limits::{PEERS_PER_ROOM_MAX, ROOMS_MAX, VIEWS_MAX};
use member::Member;
use path::Path;
use peer::{Engine, Peer};
use room::Room;

/// One stream of one participant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stream {
    /// Who sends it.
    pub peer: PeerKey,
    /// Which of theirs.
    pub source: Source,
}

/// What the SFU wants done.
#[derive(Debug)]
pub enum Output {
    /// Send datagrams.
    Send(Path, Run),
    /// Tell the server.
    Event(MediaEvent),
    /// Tell another branch of a room.
    Cross(Branch, RoomKey, Crossing),
}

/// Where rooms put what is to go out.
#[derive(Debug, Default)]
struct Outbox {
    sends: VecDeque<(Path, Run)>,
    events: VecDeque<MediaEvent>,
    crossings: VecDeque<(Branch, RoomKey, Crossing)>,
    removed: Vec<(PeerKey, String, VecDeque<Path>)>,
    stats: MediaStats,
}

/// All rooms.
#[derive(Debug)]
pub struct Sfu {
    engine: Engine,
    branch: Branch,
    rooms: BTreeMap<RoomKey, Room>,
    /// Looked up only, never iterated: their order is random.
    peers: HashMap<PeerKey, RoomKey>,
    paths: HashMap<Path, PeerKey>,
    ufrags: HashMap<String, PeerKey>,
    /// Rooms with datagrams not carried out yet.
    touched: BTreeSet<RoomKey>,
    out: Outbox,
}

impl Sfu {
    /// An SFU without rooms, the only one that they may be on.
    pub fn new(engine: Engine) -> Self {
        Self::at(Branch::default(), engine)
    }

    /// An SFU without rooms, one of several that may have branches of a room.
    pub fn at(branch: Branch, engine: Engine) -> Self {
        Self {
            engine,
            branch,
            rooms: BTreeMap::new(),
            peers: HashMap::new(),
            paths: HashMap::new(),
            ufrags: HashMap::new(),
            touched: BTreeSet::new(),
            out: Outbox::default(),
        }
    }

    /// Lets a peer in and answers its offer. A peer that is in already is replaced.
    ///
    /// # Errors
    /// [`MediaError::BadOffer`], [`MediaError::RoomFull`], [`MediaError::TooManyRooms`]; nothing
    /// has changed then, except that the peer is out.
    pub fn join(
        &mut self,
        now: Instant,
        room: RoomKey,
        peer: PeerKey,
        offer: Offer,
    ) -> Result<String, MediaError> {
        self.leave(now, peer);
        match self.rooms.get(&room) {
            Some(room) if room.people() >= PEERS_PER_ROOM_MAX => {
                return Err(MediaError::RoomFull);
            }
            None if self.rooms.len() >= ROOMS_MAX => return Err(MediaError::TooManyRooms),
            Some(_) | None => {}
        }
        let (connection, answer) = Peer::accept(now, &self.engine, &offer)?;
        let member = Member::new(now, connection, offer);
        self.peers.insert(peer, room);
        self.ufrags.insert(member.ufrag.clone(), peer);
        let room = self
            .rooms
            .entry(room)
            .or_insert_with(|| Room::new(now, room, self.branch));
        room.join(now, peer, member, &mut self.out);
        self.tidy();
        Ok(answer)
    }

    /// Answers a peer's new offer on its connection: an ICE restart.
    ///
    /// # Errors
    /// [`MediaError::UnknownPeer`] and [`MediaError::BadOffer`].
    pub fn restart(
        &mut self,
        now: Instant,
        peer: PeerKey,
        sdp: &str,
    ) -> Result<String, MediaError> {
        let room = self
            .peers
            .get(&peer)
            .and_then(|room| self.rooms.get_mut(room));
        let Some((room, member)) = room.and_then(|room| {
            let key = room.key;
            room.members.get_mut(&peer).map(|member| (key, member))
        }) else {
            return Err(MediaError::UnknownPeer);
        };
        let answer = member.peer.restart(sdp);
        let ufrag = member.peer.ufrag();
        if ufrag != member.ufrag {
            self.ufrags.remove(&member.ufrag);
            self.ufrags.insert(ufrag.clone(), peer);
            member.restarted(ufrag);
        }
        if let Some(room) = self.rooms.get_mut(&room) {
            room.restarted(now, peer, &mut self.out);
        }
        self.tidy();
        answer
    }

    /// Takes a peer out, if it is in.
    pub fn leave(&mut self, now: Instant, peer: PeerKey) {
        self.in_room(peer, |room, out| room.leave(now, peer, out));
    }

    /// Drops, or stops dropping, what a peer sends from a source.
    pub fn set_muted(&mut self, now: Instant, peer: PeerKey, source: Source, muted: bool) {
        self.in_room(peer, |room, out| {
            room.set_muted(now, peer, source, muted, out)
        });
    }

    /// Says what a receiver sees. Only the first [`VIEWS_MAX`] count.
    pub fn view(&mut self, now: Instant, peer: PeerKey, mut views: Vec<View>) {
        views.truncate(VIEWS_MAX);
        self.in_room(peer, |room, out| room.view(now, peer, views, out));
    }

    /// Takes a datagram from the socket. [`flush`](Self::flush) must follow the last of a batch.
    pub fn datagram(&mut self, now: Instant, from: Path, bytes: &[u8]) {
        let Some(peer) = self.route(now, from, bytes) else {
            self.out.stats.dropped_garbage += 1;
            return;
        };
        if let Some(room) = self.peers.get(&peer) {
            self.touched.insert(*room);
        }
        self.in_room(peer, |room, out| room.datagram(now, peer, from, bytes, out));
    }

    /// Says that a room has branches in other SFUs. They need not be told as well.
    pub fn link(&mut self, now: Instant, room: RoomKey, others: &[Branch]) {
        if let Some(room) = self.rooms.get_mut(&room) {
            room.link(now, others, &mut self.out);
        }
        self.tidy();
    }

    /// Takes what another branch of a room says. [`flush`](Self::flush) must follow the last of a batch. What is said to a
    /// room that is not here is left alone: its last member has just gone.
    pub fn cross(&mut self, now: Instant, from: Branch, room: RoomKey, crossing: &Crossing) {
        if let Some(at) = self.rooms.get_mut(&room) {
            self.touched.insert(room);
            at.cross(now, from, crossing, &mut self.out);
        }
    }

    /// Carries out what the datagrams since the last call have caused.
    pub fn flush(&mut self, now: Instant) {
        while let Some(room) = self.touched.pop_first() {
            if let Some(room) = self.rooms.get_mut(&room) {
                room.flush(now, &mut self.out);
            }
        }
        self.tidy();
    }

    /// Lets time pass in every room that waits for it.
    pub fn tick(&mut self, now: Instant) {
        for room in self.rooms.values_mut() {
            if room.next() <= now {
                room.tick(now, &mut self.out);
            }
        }
        self.tidy();
    }

    /// When to call [`tick`](Self::tick) next.
    pub fn next(&self) -> Option<Instant> {
        self.rooms.values().map(Room::next).min()
    }

    /// The next thing to do, or `None` when all is done.
    pub fn poll(&mut self) -> Option<Output> {
        if let Some((to, run)) = self.out.sends.pop_front() {
            return Some(Output::Send(to, run));
        }
        if let Some((to, room, crossing)) = self.out.crossings.pop_front() {
            return Some(Output::Cross(to, room, crossing));
        }
        self.out.events.pop_front().map(Output::Event)
    }

    /// Counters; `dropped_sends` is the shell's. A room with several branches is counted where its root is.
    pub fn stats(&self) -> MediaStats {
        let roots = self.rooms.values().filter(|room| room.links.is_root());
        let (peers, rooms) = (self.peers.len() as u64, roots.count() as u64);
        MediaStats {
            peers,
            rooms,
            ..self.out.stats
        }
    }

    /// Whether a path has proved itself and belongs to a peer still.
    pub fn knows(&self, path: Path) -> bool {
        self.paths.contains_key(&path)
    }

    /// A path is no more: what comes from there next must prove itself anew.
    pub fn forget(&mut self, path: Path) {
        self.paths.remove(&path);
    }

    /// The peer a datagram is for; remembers a path that proves itself.
    fn route(&mut self, now: Instant, from: Path, bytes: &[u8]) -> Option<PeerKey> {
        let known = self.paths.get(&from).copied();
        if !demux::is_stun(bytes) {
            return known;
        }
        // An ICE-lite agent sends no requests, so only requests have business here.
        let peer = self
            .ufrags
            .get(demux::stun_request_ufrag(bytes)?)
            .copied()?;
        if known == Some(peer) {
            return known;
        }
        let member = self
            .rooms
            .get_mut(self.peers.get(&peer)?)?
            .members
            .get_mut(&peer)?;
        if !member.takes_path(from) || !member.peer.admits(now, from, bytes) {
            return None;
        }
        if let Some(forgotten) = member.add_path(from)
            && self.paths.get(&forgotten) == Some(&peer)
        {
            self.paths.remove(&forgotten);
        }
        self.paths.insert(from, peer);
        Some(peer)
    }

    fn in_room(&mut self, peer: PeerKey, act: impl FnOnce(&mut Room, &mut Outbox)) {
        if let Some(room) = self
            .peers
            .get(&peer)
            .and_then(|room| self.rooms.get_mut(room))
        {
            act(room, &mut self.out);
        }
        if !self.out.removed.is_empty() {
            self.tidy();
        }
    }

    /// Forgets what belonged to removed members, and empty rooms.
    fn tidy(&mut self) {
        for (peer, ufrag, paths) in self.out.removed.drain(..) {
            if let Some(room) = self.peers.remove(&peer)
                && self
                    .rooms
                    .get(&room)
                    .is_some_and(|room| room.members.is_empty())
                && let Some(empty) = self.rooms.remove(&room)
            {
                let byes = empty.links.branches().map(|to| (to, room, Crossing::Bye));
                self.out.crossings.extend(byes);
            }
            self.ufrags.remove(&ufrag);
            for path in paths {
                if self.paths.get(&path) == Some(&peer) {
                    self.paths.remove(&path);
                }
            }
        }
    }
}
