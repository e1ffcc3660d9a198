//! What crosses between the branches of a room, seen from one of them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use super::digest::{Digest, Far, Wanted};
use super::{Branch, Crossing};
use crate::sfu::peer::Packet;
use crate::sfu::room::Room;
use crate::sfu::speaker::{Floor, HEARD_MAX};
use crate::sfu::{Outbox, Stream};
use crate::{PeerKey, Source};

/// Microphones of which a root tells the order: those heard, one's own among them, and some to come after.
const RANKED_TOLD: usize = 2 * HEARD_MAX + 2;

impl Room {
    /// The room has branches there too.
    pub(in crate::sfu) fn link(&mut self, now: Instant, others: &[Branch], out: &mut Outbox) {
        for branch in others {
            if self.links.add(now, *branch) {
                self.stale = true;
                let digest = self.digest(now);
                self.say(*branch, Crossing::Digest(Arc::new(digest)), out);
            }
        }
        self.settle(now, out);
    }

    /// Takes what another branch says. What it causes waits for [`flush`](Room::flush).
    pub(in crate::sfu) fn cross(
        &mut self,
        now: Instant,
        from: Branch,
        crossing: &Crossing,
        out: &mut Outbox,
    ) {
        match crossing {
            Crossing::Packet(peer, packet) => {
                let (peer, source) = (*peer, packet.source);
                let stream = Stream { peer, source };
                if !self.is_of(from, stream) {
                    return;
                }
                if source == Source::Mic {
                    self.hear_far(now, peer, packet.loudness);
                }
                self.deliver(now, stream, packet, out);
            }
            Crossing::Level(peer, loudness) => {
                let (peer, source) = (*peer, Source::Mic);
                if self.is_of(from, Stream { peer, source }) {
                    self.hear_far(now, peer, *loudness);
                }
            }
            Crossing::KeyFrame(stream, layer) => {
                if self.members.contains_key(&stream.peer) {
                    self.key_frames.want(*stream, *layer);
                }
            }
            Crossing::Digest(digest) => self.learn(now, from, digest, out),
            Crossing::Lost => self.begin_anew(now, from),
            Crossing::Bye => self.unlink(now, from, out),
        }
    }

    fn hear_far(&mut self, now: Instant, peer: PeerKey, loudness: Option<u8>) {
        let known = self.speakers.knows(peer);
        self.speakers.heard(now, peer, loudness);
        if !known {
            self.stale |= self.speakers.tick(now);
        }
    }

    /// Whether a branch has told that a member of its own sends a stream.
    fn is_of(&self, branch: Branch, stream: Stream) -> bool {
        self.links.sends(branch, stream) && !self.members.contains_key(&stream.peer)
    }

    fn learn(&mut self, now: Instant, from: Branch, digest: &Arc<Digest>, out: &mut Outbox) {
        self.links.add(now, from);
        let before = self.links.hear(now, from, Arc::clone(digest));
        let Some(before) = before else {
            self.stale = true;
            // It may have got packets from here before, and missed some since.
            self.say(from, Crossing::Lost, out);
            let own = self.digest(now);
            self.say(from, Crossing::Digest(Arc::new(own)), out);
            return;
        };
        let mut ended = false;
        for (peer, old) in &before.members {
            let new = digest.members.get(peer);
            match new.filter(|new| new.joined == old.joined) {
                None => {
                    self.forget_far(*peer, old);
                    ended = true;
                }
                Some(new) => {
                    let ends = |source: &Source| !new.sends.contains_key(source);
                    if old.sends.keys().any(ends) {
                        ended = true;
                    }
                    if old.sends.contains_key(&Source::Mic) && ends(&Source::Mic) {
                        self.speakers.remove(*peer);
                    }
                }
            }
        }
        if ended {
            // At once: when it begins again soon, its slots must have begun anew.
            self.reconcile(now, out);
        }
        self.stale |= !digest.is_like(&before);
    }

    /// Forgets a branch and everybody there.
    fn unlink(&mut self, now: Instant, branch: Branch, out: &mut Outbox) {
        if let Some(told) = self.links.remove(branch) {
            self.forget_all(now, &told, out);
        }
    }

    /// Forgets whoever was in branches that have said nothing for long.
    pub(in crate::sfu) fn doubt_silent(&mut self, now: Instant, out: &mut Outbox) {
        for (branch, told) in self.links.doubt(now) {
            tracing::warn!(room = self.key.0, branch = branch.0, "a branch is silent");
            self.forget_all(now, &told, out);
        }
    }

    fn forget_all(&mut self, now: Instant, told: &Digest, out: &mut Outbox) {
        for (peer, far) in &told.members {
            self.forget_far(*peer, far);
        }
        self.reconcile(now, out);
    }

    fn forget_far(&mut self, peer: PeerKey, far: &Far) {
        if self.members.contains_key(&peer) {
            return;
        }
        for member in self.members.values_mut() {
            member.forget(peer);
        }
        self.speakers.remove(peer);
        for source in far.sends.keys().copied() {
            self.key_frames.forget(Stream { peer, source });
        }
    }

    /// One who was in another branch until now joins this one.
    pub(in crate::sfu) fn come_over(&mut self, peer: PeerKey) {
        for member in self.members.values_mut() {
            member.forget(peer);
        }
        self.speakers.remove(peer);
    }

    /// Pictures from a branch have a gap that nobody there knows of.
    fn begin_anew(&mut self, now: Instant, from: Branch) {
        let links = &self.links;
        for member in self.members.values_mut() {
            member.begin_anew(|stream| links.sends(from, stream));
        }
        self.want_key_frames(now);
    }

    /// Carries a packet to the other branches, where somebody gets it.
    pub(in crate::sfu) fn carry(&self, stream: Stream, packet: &Packet, out: &mut Outbox) {
        let root = self.links.root();
        let mut shared = None;
        for (branch, wanted) in self.links.wanting(stream, packet) {
            if wanted {
                let packet = shared.get_or_insert_with(|| Arc::new(packet.clone()));
                out.stats.carried_packets += 1;
                let packet = Crossing::Packet(stream.peer, Arc::clone(packet));
                self.say(branch, packet, out);
            } else if stream.source == Source::Mic && root == Some(branch) {
                self.say(branch, Crossing::Level(stream.peer, packet.loudness), out);
            }
        }
    }

    /// Asks the branch of a stream's sender for a key frame.
    pub(in crate::sfu) fn ask_far(&self, stream: Stream, layer: u8, out: &mut Outbox) {
        if let Some(branch) = self.links.of(stream.peer) {
            self.say(branch, Crossing::KeyFrame(stream, layer), out);
        }
    }

    /// Tells all other branches how things stand.
    pub(in crate::sfu) fn tell_branches(&self, now: Instant, out: &mut Outbox) {
        if self.links.is_empty() {
            return;
        }
        let digest = Arc::new(self.digest(now));
        for branch in self.links.branches() {
            self.say(branch, Crossing::Digest(Arc::clone(&digest)), out);
        }
    }

    fn say(&self, to: Branch, crossing: Crossing, out: &mut Outbox) {
        out.crossings.push_back((to, self.key, crossing));
    }

    fn digest(&self, now: Instant) -> Digest {
        let members = self.members.iter().map(|(peer, member)| {
            let far = Far {
                joined: member.joined,
                takes: member.peer.takes(),
                sends: member.published(now).collect(),
            };
            (*peer, far)
        });
        Digest {
            born: self.links.born(),
            members: members.collect(),
            wants: self.wants(),
            floor: self.links.is_root().then(|| self.floor_to_tell(now)),
        }
    }

    fn wants(&self) -> BTreeMap<Stream, Wanted> {
        let mut wants: BTreeMap<Stream, Wanted> = BTreeMap::new();
        let is_far = |peer: &PeerKey| !self.members.contains_key(peer);
        for (peer, used) in self.used.iter().filter(|(peer, _)| is_far(peer)) {
            let (peer, source) = (*peer, Source::Camera);
            wants.entry(Stream { peer, source }).or_default().used = *used;
        }
        let needs = self.members.values().flat_map(|member| member.needs());
        for (stream, layers) in needs.filter(|(stream, _)| is_far(&stream.peer)) {
            wants.entry(stream).or_default().layers |= layers;
        }
        wants
    }

    /// Who is heard, without those who send nothing at present.
    fn floor_to_tell(&self, now: Instant) -> Floor {
        let mut floor = self.speakers.floor(now);
        let far: BTreeMap<PeerKey, &Far> = self.links.members().collect();
        floor.ranked.retain(|peer| match self.members.get(peer) {
            Some(member) => member.sends(now, Source::Mic),
            None => far
                .get(peer)
                .is_some_and(|far| far.sends.contains_key(&Source::Mic)),
        });
        floor.ranked.truncate(RANKED_TOLD);
        floor
    }
}
