//! The other branches of a room, as far as they were heard of.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use super::Branch;
use super::digest::{Digest, Far};
use crate::PeerKey;
use crate::sfu::Stream;
use crate::sfu::limits::{BRANCH_SILENT, BRANCH_UNHEARD};
use crate::sfu::peer::Packet;
use crate::sfu::speaker::Floor;

#[derive(Debug)]
struct Link {
    /// When it last told, was added, or was doubted.
    heard: Instant,
    /// `None` until it has told.
    told: Option<Arc<Digest>>,
}

/// What a branch knows of the others of its room.
#[derive(Debug)]
pub(in crate::sfu) struct Links {
    own: Branch,
    born: Instant,
    others: BTreeMap<Branch, Link>,
}

impl Links {
    /// Of a branch that begins.
    pub(in crate::sfu) fn new(own: Branch, born: Instant) -> Self {
        Self {
            own,
            born,
            others: BTreeMap::new(),
        }
    }

    /// Adds another branch, if it is new.
    pub(super) fn add(&mut self, now: Instant, branch: Branch) -> bool {
        if branch == self.own || self.others.contains_key(&branch) {
            return false;
        }
        let link = Link {
            heard: now,
            told: None,
        };
        self.others.insert(branch, link);
        true
    }

    /// Takes what a branch tells. Returns what it had told before.
    pub(super) fn hear(
        &mut self,
        now: Instant,
        branch: Branch,
        digest: Arc<Digest>,
    ) -> Option<Arc<Digest>> {
        let link = self.others.get_mut(&branch)?;
        link.heard = now;
        link.told.replace(digest)
    }

    /// Forgets a branch. Returns what it had told.
    pub(super) fn remove(&mut self, branch: Branch) -> Option<Arc<Digest>> {
        self.others.remove(&branch)?.told
    }

    /// Doubts branches that have said nothing for [`BRANCH_SILENT`], or nothing at all for [`BRANCH_UNHEARD`]: what they had
    /// told counts no more, and is returned. They are told things still, should they only have been held up.
    ///
    /// ## Link: Unheard => (Heard | Doubted), Heard => Doubted, Doubted => Heard
    pub(super) fn doubt(&mut self, now: Instant) -> Vec<(Branch, Arc<Digest>)> {
        let mut doubted = Vec::new();
        for (branch, link) in &mut self.others {
            let patience = match link.told {
                Some(_) => BRANCH_SILENT,
                None => BRANCH_UNHEARD,
            };
            if now.saturating_duration_since(link.heard) >= patience {
                link.heard = now;
                doubted.extend(link.told.take().map(|told| (*branch, told)));
            }
        }
        doubted
    }

    /// Whether the room has no other branch.
    pub(in crate::sfu) fn is_empty(&self) -> bool {
        self.others.is_empty()
    }

    /// The other branches.
    pub(in crate::sfu) fn branches(&self) -> impl Iterator<Item = Branch> {
        self.others.keys().copied()
    }

    /// When this branch began.
    pub(super) fn born(&self) -> Instant {
        self.born
    }

    /// The oldest branch; `None` while one that was there before this one has told nothing.
    pub(super) fn root(&self) -> Option<Branch> {
        let mut oldest = (self.born, self.own);
        for (branch, link) in &self.others {
            match &link.told {
                Some(told) => oldest = oldest.min((told.born, *branch)),
                None if link.heard == self.born => return None,
                None => {}
            }
        }
        Some(oldest.1)
    }

    /// Whether this is the oldest branch.
    pub(in crate::sfu) fn is_root(&self) -> bool {
        self.root() == Some(self.own)
    }

    /// Who is heard and shown, as the root has told; `None` at the root itself.
    pub(in crate::sfu) fn floor(&self) -> Option<&Floor> {
        let root = self.others.get(&self.root()?)?;
        root.told.as_ref()?.floor.as_ref()
    }

    fn told(&self) -> impl Iterator<Item = (Branch, &Digest)> {
        let others = self.others.iter();
        others.filter_map(|(branch, link)| Some((*branch, link.told.as_deref()?)))
    }

    /// Everything that other branches have told.
    pub(in crate::sfu) fn digests(&self) -> impl Iterator<Item = &Digest> {
        self.told().map(|(_, digest)| digest)
    }

    /// Members of other branches.
    pub(in crate::sfu) fn members(&self) -> impl Iterator<Item = (PeerKey, &Far)> {
        let members = self.digests().flat_map(|digest| &digest.members);
        members.map(|(peer, far)| (*peer, far))
    }

    /// The branch that has a member.
    pub(super) fn of(&self, peer: PeerKey) -> Option<Branch> {
        let has = |(_, digest): &(Branch, &Digest)| digest.members.contains_key(&peer);
        self.told().find(has).map(|(branch, _)| branch)
    }

    /// Whether a branch has told that it sends a stream.
    pub(super) fn sends(&self, branch: Branch, stream: Stream) -> bool {
        let link = self.others.get(&branch);
        let told = link.and_then(|link| link.told.as_ref());
        told.is_some_and(|digest| digest.sends(stream))
    }

    /// The branches, and whether a packet is to be carried there.
    pub(super) fn wanting(
        &self,
        stream: Stream,
        packet: &Packet,
    ) -> impl Iterator<Item = (Branch, bool)> {
        // Spatial layers are needed all: what is left out of them is told from the packets.
        let nested = packet.coded.is_some_and(|coded| coded.spatial.is_some());
        let mask = if nested {
            u8::MAX
        } else {
            1u8.checked_shl(packet.layer.into()).unwrap_or(0)
        };
        self.told().map(move |(branch, digest)| {
            let want = digest.wants.get(&stream);
            (branch, want.is_some_and(|want| want.layers & mask != 0))
        })
    }
}
