//! One room: takes packets from its members and hands them to the slots that hold their streams.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::branch::{Branch, Links};
use super::codec::SPATIAL_MAX;
use super::early::Early;
use super::keyframe::KeyFrames;
use super::limits::{GONE_AFTER, LOST_AFTER, ROOM_TICK, SPEAKING_INTERVAL};
use super::member::{Member, Sent};
use super::path::Path;
use super::peer::{Output, Packet};
use super::speaker::Speakers;
use super::{Outbox, Stream};
use crate::{MediaEvent, PeerKey, RoomKey, Source, View};

/// Slots and budgets are worked out anew at least this often,
const RECONCILE: Duration = Duration::from_millis(500);
/// and at most this often, so that a class that arrives together is not sorted once per stream.
const RECONCILE_GAP: Duration = Duration::from_millis(20);

#[derive(Debug)]
pub(super) struct Room {
    pub(super) key: RoomKey,
    pub(super) members: BTreeMap<PeerKey, Member>,
    pub(super) speakers: Speakers,
    pub(super) key_frames: KeyFrames,
    early: Early,
    /// The room's other branches.
    pub(super) links: Links,
    /// How many layers of each camera its receivers here have use for.
    pub(super) used: BTreeMap<PeerKey, u8>,
    /// Who receives a stream, and in which slot of its kind.
    routes: BTreeMap<Stream, Vec<(PeerKey, usize)>>,
    timers: BTreeSet<(Instant, PeerKey)>,
    /// Members whose engine was changed and must be polled.
    dirty: BTreeSet<PeerKey>,
    /// What a member sent, while it is handed on: empty otherwise, and kept for its memory.
    arrived: Vec<Packet>,
    next_tick: Instant,
    reconciled: Instant,
    pub(super) stale: bool,
    told: (Instant, Vec<PeerKey>, Option<PeerKey>),
}

impl Room {
    pub(super) fn new(now: Instant, key: RoomKey, branch: Branch) -> Self {
        Self {
            key,
            members: BTreeMap::new(),
            speakers: Speakers::default(),
            key_frames: KeyFrames::default(),
            early: Early::default(),
            links: Links::new(branch, now),
            used: BTreeMap::new(),
            routes: BTreeMap::new(),
            timers: BTreeSet::new(),
            dirty: BTreeSet::new(),
            arrived: Vec::new(),
            next_tick: now + ROOM_TICK,
            reconciled: now,
            stale: false,
            told: (now, Vec::new(), None),
        }
    }

    /// How many are in the room, in all its branches.
    pub(super) fn people(&self) -> usize {
        self.members.len() + self.links.members().count()
    }

    /// When [`tick`](Self::tick) wants to be called.
    pub(super) fn next(&self) -> Instant {
        self.timers
            .first()
            .map_or(self.next_tick, |(at, _)| self.next_tick.min(*at))
    }

    pub(super) fn join(&mut self, now: Instant, peer: PeerKey, member: Member, out: &mut Outbox) {
        self.timers.insert((member.wait, peer));
        let slots = member.slots();
        if !self.links.is_empty() {
            self.come_over(peer);
        }
        self.members.insert(peer, member);
        out.events.push_back(MediaEvent::Slots {
            room: self.key,
            peer,
            slots,
        });
        self.changed(now, peer, out);
    }

    /// Takes a member out and tells its engine to say goodbye.
    pub(super) fn leave(&mut self, now: Instant, peer: PeerKey, out: &mut Outbox) {
        if let Some(member) = self.members.get_mut(&peer) {
            member.peer.close(now);
            loop {
                match member.peer.poll() {
                    Output::Send(to, run) => out.sends.push_back((to, run)),
                    Output::Wait(_) | Output::Closed => break,
                    Output::Packet(_)
                    | Output::KeyFrameWanted(_)
                    | Output::Connected
                    | Output::Path(_)
                    | Output::Estimate(_)
                    | Output::Quality(..) => {}
                }
            }
        }
        self.remove(peer, out);
        self.settle(now, out);
    }

    fn remove(&mut self, peer: PeerKey, out: &mut Outbox) {
        let Some(member) = self.members.remove(&peer) else {
            return;
        };
        for other in self.members.values_mut() {
            other.forget(peer);
        }
        self.timers.remove(&(member.wait, peer));
        self.dirty.remove(&peer);
        self.speakers.remove(peer);
        for source in member.tracks.keys() {
            self.key_frames.forget(Stream {
                peer,
                source: *source,
            });
        }
        out.removed.push((peer, member.ufrag, member.paths));
        self.stale = true;
    }

    /// Takes a datagram. What it causes at other members waits for [`flush`](Self::flush): polling
    /// an engine costs more than writing to it.
    pub(super) fn datagram(
        &mut self,
        now: Instant,
        peer: PeerKey,
        from: Path,
        bytes: &[u8],
        out: &mut Outbox,
    ) {
        let Some(member) = self.members.get_mut(&peer) else {
            return;
        };
        if !member.peer.receive(now, from, bytes) {
            out.stats.dropped_garbage += 1;
        }
        self.drain(now, peer, out);
        self.note_heard(peer, out);
    }

    /// Notes that a member is there still, if its connection has heard of it.
    fn note_heard(&mut self, peer: PeerKey, out: &mut Outbox) {
        let Some(member) = self.members.get_mut(&peer) else {
            return;
        };
        let heard = member.peer.heard();
        if heard <= member.heard {
            return;
        }
        member.heard = heard;
        if std::mem::take(&mut member.lost) {
            out.events.push_back(MediaEvent::Connected {
                room: self.key,
                peer,
            });
        }
    }

    pub(super) fn set_muted(
        &mut self,
        now: Instant,
        peer: PeerKey,
        source: Source,
        muted: bool,
        out: &mut Outbox,
    ) {
        let Some(member) = self.members.get_mut(&peer) else {
            return;
        };
        if muted {
            member.muted.insert(source);
            if source == Source::Mic {
                self.speakers.remove(peer);
            }
        } else {
            member.muted.remove(&source);
        }
        // At once: when it is unmuted within the gap, its slots must have begun anew.
        self.reconcile(now, out);
        self.settle(now, out);
    }

    pub(super) fn view(&mut self, now: Instant, peer: PeerKey, views: Vec<View>, out: &mut Outbox) {
        let Some(member) = self.members.get_mut(&peer) else {
            return;
        };
        member.views = Some(views);
        self.stale = true;
        self.settle(now, out);
    }

    /// A member's engine was changed from outside.
    pub(super) fn changed(&mut self, now: Instant, peer: PeerKey, out: &mut Outbox) {
        self.dirty.insert(peer);
        self.settle(now, out);
    }

    /// A member negotiated again: its media goes on, its path may be a new one.
    pub(super) fn restarted(&mut self, now: Instant, peer: PeerKey, out: &mut Outbox) {
        if let Some(member) = self.members.get_mut(&peer) {
            member.heard = now;
        }
        self.changed(now, peer, out);
    }

    pub(super) fn tick(&mut self, now: Instant, out: &mut Outbox) {
        while let Some((at, peer)) = self.timers.first().copied() {
            if at > now {
                break;
            }
            self.timers.remove(&(at, peer));
            if let Some(member) = self.members.get_mut(&peer) {
                member.peer.tick(now);
                self.dirty.insert(peer);
            }
        }
        if now >= self.next_tick {
            self.next_tick = now + ROOM_TICK;
            self.bury(now, out);
            self.doubt_silent(now, out);
            self.early.prune(now);
            let moved = self.speakers.tick(now) && self.links.is_root();
            self.stale |= moved || now >= self.reconciled + RECONCILE;
            self.want_key_frames(now);
            self.tell_speaking(now, out);
        }
        self.settle(now, out);
    }

    /// Reports those silent for long, and removes those silent for too long.
    fn bury(&mut self, now: Instant, out: &mut Outbox) {
        let mut dead = Vec::new();
        for (peer, member) in &mut self.members {
            let silence = now.saturating_duration_since(member.heard);
            if silence >= GONE_AFTER {
                dead.push(*peer);
            } else if silence >= LOST_AFTER && member.connected && !member.lost {
                member.lost = true;
                out.events.push_back(MediaEvent::Disconnected {
                    room: self.key,
                    peer: *peer,
                });
            }
        }
        for peer in dead {
            self.gone(peer, out);
        }
    }

    fn gone(&mut self, peer: PeerKey, out: &mut Outbox) {
        let room = self.key;
        out.events.push_back(MediaEvent::Gone { room, peer });
        self.remove(peer, out);
    }

    fn tell_speaking(&mut self, now: Instant, out: &mut Outbox) {
        if !self.links.is_root() {
            // The root tells. Should this be the next one, it goes on from there.
            if let Some(floor) = self.links.floor() {
                self.told = (now, floor.speaking.clone(), floor.active);
            }
            return;
        }
        let (at, speakers, active) = &self.told;
        if now < *at + SPEAKING_INTERVAL {
            return;
        }
        let (speaking, now_active) = (self.speakers.speaking(now), self.speakers.active());
        // Who is the louder of two changes with every word, and is no news by itself.
        let same = speaking.len() == speakers.len()
            && speaking.iter().all(|peer| speakers.contains(peer))
            && now_active == *active;
        if !same {
            self.told = (now, speaking.clone(), now_active);
            out.events.push_back(MediaEvent::Speaking {
                room: self.key,
                speakers: speaking,
                active: now_active,
            });
        }
    }

    /// Carries out what datagrams have caused.
    pub(super) fn flush(&mut self, now: Instant, out: &mut Outbox) {
        self.settle(now, out);
    }

    /// Polls every engine that was changed, forwards what comes out, until nothing moves.
    pub(super) fn settle(&mut self, now: Instant, out: &mut Outbox) {
        loop {
            while let Some(peer) = self.dirty.pop_first() {
                self.drain(now, peer, out);
            }
            if self.stale && now >= self.reconciled + RECONCILE_GAP {
                self.reconcile(now, out);
            }
            self.ask_key_frames(now, out);
            if self.dirty.is_empty() {
                break;
            }
        }
    }

    fn drain(&mut self, now: Instant, peer: PeerKey, out: &mut Outbox) {
        let mut closed = false;
        let Some(member) = self.members.get_mut(&peer) else {
            return;
        };
        let mut packets = std::mem::take(&mut self.arrived);
        member.peer.advance(now);
        loop {
            match member.peer.poll() {
                Output::Send(to, run) => out.sends.push_back((to, run)),
                Output::Packet(packet) => packets.push(packet),
                Output::KeyFrameWanted(slot) => {
                    if let Some((stream, layer)) = member.broken(now, slot) {
                        self.key_frames.want(stream, layer);
                    }
                }
                Output::Connected => {
                    member.connected = true;
                    self.stale = true;
                    out.events.push_back(MediaEvent::Connected {
                        room: self.key,
                        peer,
                    });
                }
                // Media goes on while packets come: Firefox checks its path too rarely.
                Output::Path(up) => tracing::debug!(?peer, up, "ice path"),
                Output::Estimate(bps) => member.estimate = Some(bps),
                Output::Quality(down) => {
                    let room = self.key;
                    let up = member.uplink.tell(now);
                    if member.repeats.judge(now, &up, &down) {
                        for (source, repeats) in member.asked_to_repeat() {
                            out.events.push_back(MediaEvent::Repeat {
                                room,
                                peer,
                                source,
                                repeats,
                            });
                        }
                    }
                    if let Some(link) = member.link(up, down) {
                        out.events
                            .push_back(MediaEvent::Quality { room, peer, link });
                    }
                }
                Output::Closed => {
                    closed = true;
                    break;
                }
                Output::Wait(at) => {
                    if at != member.wait || !self.timers.contains(&(at, peer)) {
                        self.timers.remove(&(member.wait, peer));
                        self.timers.insert((at, peer));
                        member.wait = at;
                    }
                    break;
                }
            }
        }
        for packet in packets.drain(..) {
            self.forward(now, peer, &packet, out);
        }
        self.arrived = packets;
        if closed {
            self.gone(peer, out);
        }
    }

    fn forward(&mut self, now: Instant, peer: PeerKey, packet: &Packet, out: &mut Outbox) {
        let Some(member) = self.members.get_mut(&peer) else {
            return;
        };
        out.stats.received_packets += 1;
        if packet.restored {
            member.uplink.restored(now, &packet.numbers);
        } else {
            member.uplink.count(now, &packet.numbers, packet.len());
        }
        if member.muted.contains(&packet.source) {
            return;
        }
        let source = packet.source;
        let known = member.sends(now, source);
        let track = member
            .tracks
            .entry(source)
            .or_insert_with(|| super::track::Track::new(now, source));
        if !track.admits(now, packet) {
            return;
        }
        let layer_is_new = track.count(now, packet);
        if !known || layer_is_new {
            self.stale = true;
        }
        if source == Source::Mic && !packet.restored {
            self.speakers.heard(now, peer, packet.loudness);
            if !known {
                self.speakers.tick(now);
            }
        }
        let stream = Stream { peer, source };
        if !self.links.is_empty() {
            self.carry(stream, packet, out);
        }
        self.deliver(now, stream, packet, out);
    }

    /// Hands a packet to the members that have a slot for its stream.
    pub(super) fn deliver(
        &mut self,
        now: Instant,
        stream: Stream,
        packet: &Packet,
        out: &mut Outbox,
    ) {
        if let Some(coded) = packet.coded.filter(|coded| coded.key_frame) {
            self.key_frames.arrived(stream, packet.layer);
            if coded.spatial.is_some() {
                // A key picture is one in every layer.
                (1..SPATIAL_MAX as u8).for_each(|layer| self.key_frames.arrived(stream, layer));
            }
        }
        let Some(route) = self.routes.get(&stream) else {
            return;
        };
        let mut early = false;
        let mut began = Vec::new();
        for (to, slot) in route {
            let Some(receiver) = self.members.get_mut(to) else {
                continue;
            };
            let sent = if stream.source.is_audio() {
                receiver.send_audio(now, *slot, packet)
            } else {
                receiver.send_video(now, *slot, packet)
            };
            match sent {
                Sent::Yes | Sent::Began => {
                    out.stats.forwarded_packets += 1;
                    self.dirty.insert(*to);
                    if sent == Sent::Began {
                        began.push((*to, *slot));
                    }
                }
                Sent::KeyFrame(layer) => {
                    self.key_frames.want(stream, layer);
                    early = true;
                }
                Sent::Early => early = true,
                Sent::No => {}
            }
        }
        if early {
            self.early.keep(now, stream, packet);
        }
        if !began.is_empty() {
            self.catch_up(now, stream, packet, &began, out);
        }
    }

    /// Hands on what had overtaken the first packet of a key frame, to those that begin with it.
    fn catch_up(
        &mut self,
        now: Instant,
        stream: Stream,
        first: &Packet,
        began: &[(PeerKey, usize)],
        out: &mut Outbox,
    ) {
        let later = self.early.after(now, stream, first);
        for (to, slot) in began {
            let Some(receiver) = self.members.get_mut(to) else {
                continue;
            };
            for packet in &later {
                if receiver.send_video(now, *slot, packet) == Sent::Yes {
                    out.stats.forwarded_packets += 1;
                }
            }
        }
    }

    fn ask_key_frames(&mut self, now: Instant, out: &mut Outbox) {
        for (stream, layer) in self.key_frames.due(now) {
            let Some(member) = self.members.get_mut(&stream.peer) else {
                self.ask_far(stream, layer, out);
                continue;
            };
            if member.connected && member.peer.request_key_frame(stream.source, layer) {
                out.stats.key_frame_requests += 1;
                self.dirty.insert(stream.peer);
            }
        }
    }

    /// Wants key frames for all slots that wait for one and may have it.
    pub(super) fn want_key_frames(&mut self, now: Instant) {
        for member in self.members.values_mut() {
            for (stream, layer) in member.waiting(now) {
                self.key_frames.want(stream, layer);
            }
        }
    }

    /// Notes that slots and budgets are up to date.
    pub(super) fn fresh(&mut self, now: Instant) {
        self.stale = false;
        self.reconciled = now;
    }

    /// Notes that a member's engine must be polled.
    pub(super) fn touch(&mut self, peer: PeerKey) {
        self.dirty.insert(peer);
    }

    /// Rebuilds who gets what.
    pub(super) fn reroute(&mut self) {
        self.routes.clear();
        for (peer, member) in &self.members {
            for (slot, stream) in member.held() {
                self.routes.entry(stream).or_default().push((*peer, slot));
            }
        }
    }
}
