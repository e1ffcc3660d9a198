//! One room in several parts. A large room has a *branch* on each of several workers: every branch has members of its own,
//! and streams of the others' members cross to it once each, decrypted, whoever gets them there.
//!
//! What crosses is a value, [`Crossing`]: an output of one SFU and an input of another. Packets may be lost on the way.
//! Everything else is state, told whole in a [`Digest`] whenever slots and budgets were worked out, so that the next one
//! repairs the loss of one.
//!
//! The oldest branch is the *root*: it chooses the speakers for all. Nothing is passed on: each branch tells every other.

mod digest;
mod links;
mod seam;

use std::sync::Arc;

use super::Stream;
use super::peer::Packet;
use crate::PeerKey;
pub use digest::Digest;
pub(super) use links::Links;

/// Where a branch is: a worker, as numbered by the shell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Branch(pub u16);

/// What one branch of a room says to another.
#[derive(Debug, Clone)]
pub enum Crossing {
    /// A packet of one of its members.
    Packet(PeerKey, Arc<Packet>),
    /// Loudness in a packet of a microphone that the other branch forwards to nobody, 0 to 127, if told.
    Level(PeerKey, Option<u8>),
    /// Somebody needs a key frame of a layer.
    KeyFrame(Stream, u8),
    /// How things stand.
    Digest(Arc<Digest>),
    /// Packets before this were lost: pictures must begin anew.
    Lost,
    /// It has no members any more.
    Bye,
}

/// What a crossing is worth when not everything can be carried: the later, the more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Worth {
    /// A packet of a picture.
    Picture,
    /// Sound.
    Sound,
    /// What must not be lost without need.
    State,
}

impl Crossing {
    /// What it is worth.
    pub fn worth(&self) -> Worth {
        match self {
            Self::Packet(_, packet) if !packet.source.is_audio() => Worth::Picture,
            Self::Packet(..) | Self::Level(..) => Worth::Sound,
            Self::KeyFrame(..) | Self::Digest(_) | Self::Lost | Self::Bye => Worth::State,
        }
    }

    /// About how much memory it takes, bytes.
    pub fn bytes(&self) -> usize {
        let more = match self {
            Self::Packet(_, packet) => size_of::<Packet>() + packet.len(),
            Self::Digest(digest) => digest.bytes(),
            Self::Level(..) | Self::KeyFrame(..) | Self::Lost | Self::Bye => 0,
        };
        size_of::<Self>() + more
    }
}
