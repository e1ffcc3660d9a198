//! Who is in which lesson.

mod halls;
mod places;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use protocol::call::{
    CallStats, Codec, Participant, Slot, SlotStream, Source as WireSource, SourceCodec, Via, Whose,
};
use protocol::event::{PeerLink, Quality};
use protocol::{CallId, ClientId, DeviceId, LiveEvent, RoomId, UserId};
use signalling::{PeerKey, RoomKey, Source};

use super::links::{self, Link};
use super::roll::Roll;
use super::{LessonFigures, media};
use crate::hub::ConnId;
use halls::Hall;
pub(super) use halls::Present;
use places::Places;

/// Every lesson that is on.
#[derive(Debug)]
pub(super) struct State {
    /// Most people and devices in one lesson.
    people_max: usize,
    lessons: BTreeMap<CallId, Lesson>,
    /// Rooms with devices.
    halls: BTreeMap<RoomId, Hall>,
    last_key: u64,
}

#[derive(Debug)]
struct Lesson {
    room: RoomId,
    key: RoomKey,
    peers: BTreeMap<PeerKey, Peer>,
    /// What those had on who have left.
    places: Places,
    /// What the staff switched off of devices.
    off: BTreeMap<DeviceId, BTreeSet<Source>>,
    /// Begun on this node, so that nobody is in it elsewhere.
    ours: bool,
    empty_since: Option<Instant>,
    /// What everybody was told of who is here.
    roll: Roll,
}

/// A browser in a lesson.
#[derive(Debug)]
pub(super) struct Peer {
    user: UserId,
    device: ClientId,
    session: String,
    conn: Option<ConnId>,
    on: BTreeSet<Source>,
    here: bool,
    slots: Vec<Slot>,
    untaken: Vec<SlotStream>,
    layers: Option<u8>,
    codecs: BTreeMap<WireSource, Codec>,
    link: Link,
    /// Is told of everybody's link.
    watches: bool,
}

/// What a peer was told of its media, for a connection that comes back.
pub(super) struct Told {
    pub(super) slots: Vec<Slot>,
    pub(super) untaken: Vec<SlotStream>,
    pub(super) layers: Option<u8>,
    pub(super) codecs: Vec<SourceCodec>,
}

impl Peer {
    pub(super) fn new(
        user: UserId,
        device: ClientId,
        session: String,
        conn: ConnId,
        on: Vec<Source>,
    ) -> Self {
        let on = on.into_iter().collect();
        Self {
            user,
            device,
            session,
            conn: Some(conn),
            on,
            here: false,
            slots: Vec::new(),
            untaken: Vec::new(),
            layers: None,
            codecs: BTreeMap::new(),
            link: Link::new(Instant::now()),
            watches: false,
        }
    }
}

impl State {
    pub(super) const fn new(people_max: usize) -> Self {
        Self {
            people_max,
            lessons: BTreeMap::new(),
            halls: BTreeMap::new(),
            last_key: 0,
        }
    }

    pub(super) fn open(&mut self, call: CallId, room: RoomId, ours: bool, now: Instant) {
        // The devices that wait are in it at once.
        let fresh = RoomKey(self.fresh_key());
        let key = self.halls.get(&room).map_or(fresh, |hall| hall.key);
        self.lessons.entry(call).or_insert_with(|| Lesson {
            room,
            key,
            peers: BTreeMap::new(),
            places: Places::default(),
            off: BTreeMap::new(),
            ours,
            empty_since: Some(now),
            roll: Roll::default(),
        });
    }

    /// Forgets a lesson; gives who was in it.
    pub(super) fn close(&mut self, call: &CallId) -> Vec<PeerKey> {
        self.lessons
            .remove(call)
            .map(|lesson| lesson.peers.into_keys().collect())
            .unwrap_or_default()
    }

    pub(super) fn room_of(&self, call: &CallId) -> Option<RoomId> {
        self.lessons.get(call).map(|lesson| lesson.room.clone())
    }

    /// A key for a new peer, and the peers of the same device that it replaces, which are out from now on. `None`
    /// when the lesson is full or over.
    pub(super) fn admit(
        &mut self,
        call: &CallId,
        user: &UserId,
        device: &ClientId,
    ) -> Option<(RoomKey, PeerKey, Vec<PeerKey>)> {
        let peer = PeerKey(self.fresh_key());
        let devices = self.count_devices(&self.lessons.get(call)?.room);
        let lesson = self.lessons.get_mut(call)?;
        let before: Vec<PeerKey> = lesson
            .peers
            .iter()
            .filter(|(_, peer)| peer.user == *user && peer.device == *device)
            .map(|(key, _)| *key)
            .collect();
        for old in &before {
            lesson.take_out(*old);
        }
        (lesson.peers.len() + devices < self.people_max).then_some((lesson.key, peer, before))
    }

    /// False when the lesson ended meanwhile.
    pub(super) fn enter(&mut self, call: &CallId, key: PeerKey, peer: Peer) -> bool {
        let Some(lesson) = self.lessons.get_mut(call) else {
            return false;
        };
        lesson.peers.insert(key, peer);
        lesson.empty_since = None;
        true
    }

    pub(super) fn leave(&mut self, call: &CallId, peer: PeerKey, now: Instant) {
        if let Some(lesson) = self.lessons.get_mut(call) {
            lesson.take_out(peer);
            if lesson.peers.is_empty() {
                lesson.empty_since = Some(now);
            }
        }
    }

    pub(super) fn set(&mut self, call: &CallId, peer: PeerKey, source: Source, on: bool) {
        if let Some(peer) = self.peer_mut(call, peer) {
            if on {
                peer.on.insert(source);
            } else {
                peer.on.remove(&source);
            }
        }
    }

    /// The lesson that a peer is in.
    pub(super) fn call_of(&self, peer: PeerKey) -> Option<CallId> {
        self.lessons
            .iter()
            .find(|(_, lesson)| lesson.peers.contains_key(&peer))
            .map(|(call, _)| call.clone())
            .or_else(|| self.call_of_device(peer))
    }

    pub(super) fn call_with_key(&self, room: RoomKey) -> Option<CallId> {
        // With devices a key outlives its lesson; the latest one has it.
        self.lessons
            .iter()
            .rev()
            .find(|(_, lesson)| lesson.key == room)
            .map(|(call, _)| call.clone())
    }

    /// Gives when the peer asked to join, once: when its media can flow for the first time.
    pub(super) fn set_here(&mut self, call: &CallId, peer: PeerKey, here: bool) -> Option<Instant> {
        let peer = self.peer_mut(call, peer)?;
        peer.here = here;
        peer.link.joining.take_if(|_| here)
    }

    /// Keeps how a peer's link does; gives its connection.
    pub(super) fn set_quality(
        &mut self,
        call: &CallId,
        peer: PeerKey,
        quality: Quality,
    ) -> Option<ConnId> {
        let peer = self.peer_mut(call, peer)?;
        peer.link.quality = Some(quality);
        peer.conn
    }

    /// Takes what a peer's browser tells; see [`Link::tell`].
    pub(super) fn tell_stats(
        &mut self,
        peer: PeerKey,
        stats: &CallStats,
        now: Instant,
    ) -> Option<Result<(u16, u32), u32>> {
        let peer = self.peer_mut(&stats.call, peer)?;
        Some(peer.link.tell(now, stats))
    }

    pub(super) fn set_watches(&mut self, call: &CallId, peer: PeerKey, watches: bool) {
        if let Some(peer) = self.peer_mut(call, peer) {
            peer.watches = watches;
        }
    }

    /// The links of each lesson in which somebody watches, and who.
    pub(super) fn links(&mut self, now: Instant) -> Vec<(CallId, Vec<ConnId>, Vec<PeerLink>)> {
        let mut all = Vec::new();
        for (call, lesson) in &mut self.lessons {
            let watchers = lesson.peers.values().filter(|peer| peer.watches);
            let conns: Vec<ConnId> = watchers.filter_map(|peer| peer.conn).collect();
            if conns.is_empty() {
                continue;
            }
            let links = lesson
                .peers
                .iter_mut()
                .map(|(key, peer)| peer.link.summary(now, media::peer_id(*key), &peer.slots));
            all.push((call.clone(), conns, links.collect()));
        }
        all
    }

    /// For Prometheus.
    pub(super) fn figures(&self) -> LessonFigures {
        let mut figures = LessonFigures {
            open: self.lessons.len() as u64,
            ..LessonFigures::default()
        };
        for peer in self.lessons.values().flat_map(|one| one.peers.values()) {
            figures.participants += 1;
            figures.paused += u64::from(links::paused(&peer.slots));
            figures.sound_only += u64::from(peer.link.sound_only);
            match peer.link.quality.as_ref().and_then(|quality| quality.via) {
                Some(Via::Udp) => figures.by_way[0] += 1,
                Some(Via::Tcp) => figures.by_way[1] += 1,
                Some(Via::Relay) => figures.by_way[2] += 1,
                None => {}
            }
        }
        figures
    }

    /// Keeps what a peer's slots carry; gives its connection.
    pub(super) fn set_slots(
        &mut self,
        call: &CallId,
        peer: PeerKey,
        slots: Vec<Slot>,
    ) -> Option<ConnId> {
        let peer = self.peer_mut(call, peer)?;
        peer.slots = slots;
        peer.conn
    }

    /// Keeps which pictures a peer has no decoder for; gives its connection.
    pub(super) fn set_untaken(
        &mut self,
        call: &CallId,
        peer: PeerKey,
        untaken: Vec<SlotStream>,
    ) -> Option<ConnId> {
        let peer = self.peer_mut(call, peer)?;
        peer.untaken = untaken;
        peer.conn
    }

    /// Keeps how many layers of a peer's camera are of use; gives its connection.
    pub(super) fn set_layers(&mut self, call: &CallId, peer: PeerKey, count: u8) -> Option<ConnId> {
        let peer = self.peer_mut(call, peer)?;
        peer.layers = Some(count);
        peer.conn
    }

    /// Keeps in which codec a peer's source is to be sent; gives its connection.
    pub(super) fn set_codec(
        &mut self,
        call: &CallId,
        peer: PeerKey,
        d: &SourceCodec,
    ) -> Option<ConnId> {
        let peer = self.peer_mut(call, peer)?;
        peer.codecs.insert(d.src, d.codec);
        peer.conn
    }

    /// What a connection's peer was told of its slots, of its camera's layers and of its codecs.
    pub(super) fn told(&self, call: &CallId, conn: ConnId) -> Option<Told> {
        let lesson = self.lessons.get(call)?;
        let peer = lesson.peers.values().find(|peer| peer.conn == Some(conn))?;
        let codec = |(src, codec): (&WireSource, &Codec)| SourceCodec {
            src: *src,
            codec: *codec,
        };
        Some(Told {
            slots: peer.slots.clone(),
            untaken: peer.untaken.clone(),
            layers: peer.layers,
            codecs: peer.codecs.iter().map(codec).collect(),
        })
    }

    pub(super) fn conn_of(&self, call: &CallId, peer: PeerKey) -> Option<ConnId> {
        self.lessons.get(call)?.peers.get(&peer)?.conn
    }

    pub(super) fn peer_of(&self, call: &CallId, conn: ConnId) -> Option<PeerKey> {
        let lesson = self.lessons.get(call)?;
        lesson
            .peers
            .iter()
            .find(|(_, peer)| peer.conn == Some(conn))
            .map(|(key, _)| *key)
    }

    pub(super) fn conns(&self, call: &CallId) -> Vec<ConnId> {
        self.lessons
            .get(call)
            .map(|lesson| lesson.peers.values().filter_map(|peer| peer.conn).collect())
            .unwrap_or_default()
    }

    /// The list for somebody who comes, or comes back, and which telling is contained in it.
    pub(super) fn give_people(&mut self, call: &CallId) -> (Vec<Participant>, u32) {
        let given = self.people(call);
        if let Some(lesson) = self.lessons.get_mut(call) {
            lesson.roll.give(&given.0);
        }
        given
    }

    /// Who is in a lesson, and which telling of that is contained in it.
    pub(super) fn people(&self, call: &CallId) -> (Vec<Participant>, u32) {
        let lesson = self.lessons.get(call);
        lesson.map_or_else(Default::default, |lesson| {
            (self.people_in(lesson), lesson.roll.version())
        })
    }

    /// Who is in the lesson has changed: what to tell everybody at once.
    pub(super) fn people_changed(&mut self, call: &CallId) -> Option<LiveEvent> {
        let people = self.people(call).0;
        let roll = &mut self.lessons.get_mut(call)?.roll;
        roll.changed(call, people)
    }

    /// Lessons of many, in which something waits to be told.
    pub(super) fn with_changes(&self) -> Vec<CallId> {
        let lessons = self.lessons.iter();
        let waiting = lessons.filter(|(_, lesson)| lesson.roll.waits());
        waiting.map(|(call, _)| call.clone()).collect()
    }

    /// What waited to be told.
    pub(super) fn changes(&mut self, call: &CallId) -> Option<LiveEvent> {
        let people = self.people(call).0;
        let roll = &mut self.lessons.get_mut(call)?.roll;
        roll.tell_waiting(call, people)
    }

    fn people_in(&self, lesson: &Lesson) -> Vec<Participant> {
        lesson
            .peers
            .iter()
            .map(|(key, peer)| Participant {
                p: media::peer_id(*key),
                whose: Whose::Person(peer.user.clone()),
                on: peer
                    .on
                    .iter()
                    .map(|source| media::to_wire(*source))
                    .collect(),
                here: peer.here,
            })
            .chain(self.devices_in(lesson))
            .collect()
    }

    pub(super) fn unbind(&mut self, conn: ConnId) {
        for peer in self
            .lessons
            .values_mut()
            .flat_map(|lesson| lesson.peers.values_mut())
        {
            if peer.conn == Some(conn) {
                peer.conn = None;
                peer.watches = false;
            }
        }
    }

    /// Gives the lessons that the device is in.
    pub(super) fn bind(&mut self, user: &UserId, device: &ClientId, conn: ConnId) -> Vec<CallId> {
        let mut calls = Vec::new();
        for (call, lesson) in &mut self.lessons {
            for peer in lesson
                .peers
                .values_mut()
                .filter(|peer| peer.user == *user && peer.device == *device)
            {
                peer.conn = Some(conn);
                peer.watches = false;
                calls.push(call.clone());
            }
        }
        calls
    }

    pub(super) fn peers_of_session(&self, session: &str) -> Vec<(CallId, PeerKey)> {
        self.lessons
            .iter()
            .flat_map(|(call, lesson)| {
                lesson
                    .peers
                    .iter()
                    .filter(|(_, peer)| peer.session == session)
                    .map(|(key, _)| (call.clone(), *key))
            })
            .collect()
    }

    /// Everybody whose media is in a lesson here.
    pub(super) fn everybody(&self) -> BTreeSet<UserId> {
        let peers = self
            .lessons
            .values()
            .flat_map(|lesson| lesson.peers.values());
        peers.map(|peer| peer.user.clone()).collect()
    }

    /// Everybody who is in a lesson of this room here.
    pub(super) fn peers_in(&self, room: &RoomId) -> Vec<(CallId, PeerKey, UserId)> {
        let lessons = self
            .lessons
            .iter()
            .filter(|(_, lesson)| lesson.room == *room);
        lessons
            .flat_map(|(call, lesson)| {
                let peers = lesson.peers.iter();
                peers.map(|(key, peer)| (call.clone(), *key, peer.user.clone()))
            })
            .collect()
    }

    /// Sessions of those who are in a lesson without a connection, each once.
    pub(super) fn sessions_without_connection(&self) -> Vec<String> {
        let peers = self
            .lessons
            .values()
            .flat_map(|lesson| lesson.peers.values());
        let sessions: BTreeSet<&String> = peers
            .filter(|peer| peer.conn.is_none())
            .map(|peer| &peer.session)
            .collect();
        sessions.into_iter().cloned().collect()
    }

    /// Lessons of this node in which nobody was for so long.
    pub(super) fn empty_for(&self, now: Instant, time: Duration) -> Vec<CallId> {
        let long_empty = |lesson: &Lesson| {
            let since = lesson.empty_since;
            since.is_some_and(|since| now.duration_since(since) >= time)
        };
        self.lessons
            .iter()
            .filter(|(_, lesson)| lesson.ours && long_empty(lesson))
            .map(|(call, _)| call.clone())
            .collect()
    }

    fn peer_mut(&mut self, call: &CallId, peer: PeerKey) -> Option<&mut Peer> {
        self.lessons.get_mut(call)?.peers.get_mut(&peer)
    }

    fn fresh_key(&mut self) -> u64 {
        self.last_key += 1;
        self.last_key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lessons_of_this_node_end_by_themselves() {
        let mut state = State::new(10);
        let call = |name: &str| CallId::parse(name).unwrap();
        let start = Instant::now();
        for (name, ours) in [("here", true), ("elsewhere", false)] {
            state.open(call(name), RoomId::parse("R1").unwrap(), ours, start);
        }
        let minute = Duration::from_secs(60);
        assert!(state.empty_for(start, minute).is_empty());
        assert_eq!(state.empty_for(start + minute, minute), [call("here")]);
    }

    #[test]
    fn sessions_are_looked_up_for_those_who_are_here_by_media_alone() {
        let mut state = State::new(10);
        let call = CallId::parse("C1").unwrap();
        state.open(
            call.clone(),
            RoomId::parse("R1").unwrap(),
            true,
            Instant::now(),
        );
        let user = UserId::parse("anna").unwrap();
        for (device, conn) in [("phone", 1), ("laptop", 2)] {
            let device = ClientId::parse(device).unwrap();
            let (_, key, _) = state.admit(&call, &user, &device).unwrap();
            let session = format!("of {}", device.as_str());
            let peer = Peer::new(user.clone(), device, session, ConnId(conn), Vec::new());
            assert!(state.enter(&call, key, peer));
        }
        assert!(state.sessions_without_connection().is_empty());
        state.unbind(ConnId(1));
        assert_eq!(state.sessions_without_connection(), ["of phone"]);
    }
}
