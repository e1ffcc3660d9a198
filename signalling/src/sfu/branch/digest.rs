//! How things stand in one branch, as the others are told.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::sfu::Stream;
use crate::sfu::codec::Codecs;
use crate::sfu::speaker::Floor;
use crate::sfu::track::Published;
use crate::{PeerKey, Source};

/// A branch's members, what they send, and what they want of others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    /// When the branch began: the oldest is the root.
    pub(in crate::sfu) born: Instant,
    pub(in crate::sfu) members: BTreeMap<PeerKey, Far>,
    /// What its members get, or should get, of other branches' streams.
    pub(in crate::sfu) wants: BTreeMap<Stream, Wanted>,
    /// Who is heard and shown, when it is the root.
    pub(in crate::sfu) floor: Option<Floor>,
}

/// A member of another branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sfu) struct Far {
    /// When it joined: one that left and came back is another.
    pub(in crate::sfu) joined: Instant,
    /// Codecs that it takes.
    pub(in crate::sfu) takes: Codecs,
    /// What it sends.
    pub(in crate::sfu) sends: BTreeMap<Source, Published>,
}

/// What a branch wants of a stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::sfu) struct Wanted {
    /// Layers to carry, a bit for each.
    pub(in crate::sfu) layers: u8,
    /// How many layers from the lowest are of use at the sizes shown.
    pub(in crate::sfu) used: u8,
}

impl Digest {
    pub(super) fn bytes(&self) -> usize {
        let far = size_of::<(PeerKey, Far)>() + 2 * size_of::<(Source, Published)>();
        self.members.len() * far + self.wants.len() * size_of::<(Stream, Wanted)>()
    }

    pub(in crate::sfu) fn sends(&self, stream: Stream) -> bool {
        let far = self.members.get(&stream.peer);
        far.is_some_and(|far| far.sends.contains_key(&stream.source))
    }

    /// Whether nothing is different that slots, layers and codecs depend on, besides what streams cost.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let used = |of: &Self| -> BTreeMap<Stream, u8> {
            let wants = of.wants.iter();
            wants.map(|(stream, want)| (*stream, want.used)).collect()
        };
        let floors = match (&self.floor, &other.floor) {
            (Some(one), Some(another)) => one.is_like(another),
            (one, another) => one == another,
        };
        floors
            && self.members.len() == other.members.len()
            && self
                .members
                .iter()
                .zip(&other.members)
                .all(|((peer, one), (as_peer, another))| peer == as_peer && one.is_like(another))
            && used(self) == used(other)
    }
}

impl Far {
    fn is_like(&self, other: &Self) -> bool {
        let mut sends = self.sends.iter().zip(&other.sends);
        self.joined == other.joined
            && self.takes == other.takes
            && self.sends.len() == other.sends.len()
            && sends.all(|((of, one), (as_of, another))| of == as_of && one.is_like(another))
    }
}
