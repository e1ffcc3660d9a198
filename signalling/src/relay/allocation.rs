//! One client's allocation: permissions, channels, and which of the media plane's addresses it talks to.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use turn_types::attribute::{Data, XorPeerAddress};
use turn_types::message::DATA;
use turn_types::stun::message::{Message, MessageWrite, MessageWriteExt, MessageWriteVec};

use super::Outcome;
use super::answer::Caller;
use crate::sfu::demux;

/// RFC 8656 §9.
const PERMISSION_FOR: Duration = Duration::from_secs(300);
/// RFC 8656 §12.
const CHANNEL_FOR: Duration = Duration::from_secs(600);
const CHANNELS: std::ops::RangeInclusive<u16> = 0x4000..=0x4fff;
const CHANNEL_HEADER: usize = 4;

/// Its permissions and channels are as many as the media plane has addresses, at most.
#[derive(Debug)]
pub(super) struct Allocation {
    pub(super) relayed: SocketAddr,
    pub(super) username: String,
    pub(super) person: String,
    pub(super) until: Instant,
    permitted: BTreeMap<IpAddr, Instant>,
    channels: BTreeMap<u16, (SocketAddr, Instant)>,
    /// To which of our addresses it sent its latest STUN request: the answer must come from there.
    asked: Option<SocketAddr>,
    /// To which it sent the latest of everything else.
    used: Option<SocketAddr>,
}

impl Allocation {
    pub(super) fn new(relayed: SocketAddr, caller: &Caller, until: Instant) -> Self {
        Self {
            relayed,
            username: caller.username.clone(),
            person: caller.person.clone(),
            until,
            permitted: BTreeMap::new(),
            channels: BTreeMap::new(),
            asked: None,
            used: None,
        }
    }

    pub(super) fn permit(&mut self, now: Instant, peer: IpAddr) {
        self.permitted.insert(peer, now + PERMISSION_FOR);
    }

    /// Returns false when the channel or the address has another partner.
    pub(super) fn bind(&mut self, now: Instant, channel: u16, peer: SocketAddr) -> bool {
        self.channels.retain(|_, (_, until)| *until > now);
        let mut channels = self.channels.iter();
        let clashes = channels.any(|(number, (bound, _))| (*number == channel) != (*bound == peer));
        if clashes || !CHANNELS.contains(&channel) {
            return false;
        }
        self.channels.insert(channel, (peer, now + CHANNEL_FOR));
        self.permit(now, peer.ip());
        true
    }

    pub(super) fn by_channel(&mut self, now: Instant, channel: u16, bytes: &[u8]) -> Outcome {
        match self.channels.get(&channel) {
            Some((peer, until)) if *until > now => self.inward(*peer, bytes),
            Some(_) | None => Outcome::Dropped,
        }
    }

    pub(super) fn by_indication(
        &mut self,
        now: Instant,
        peer: SocketAddr,
        bytes: &[u8],
    ) -> Outcome {
        if self.permits(now, peer.ip()) {
            self.inward(peer, bytes)
        } else {
            Outcome::Dropped
        }
    }

    /// As ChannelData if there is a channel, else as a Data indication.
    pub(super) fn wrap(
        &self,
        now: Instant,
        asked: Option<SocketAddr>,
        bytes: &[u8],
    ) -> Option<Vec<u8>> {
        let peer = if demux::is_stun(bytes) {
            asked.or(self.asked)
        } else {
            self.used.or(self.asked)
        }?;
        if !self.permits(now, peer.ip()) {
            return None;
        }
        let mut channels = self.channels.iter();
        if let Some((number, _)) =
            channels.find(|(_, (bound, until))| *bound == peer && *until > now)
        {
            let length = u16::try_from(bytes.len()).ok()?;
            let mut wrapped = Vec::with_capacity(CHANNEL_HEADER + bytes.len() + 3);
            wrapped.extend(number.to_be_bytes());
            wrapped.extend(length.to_be_bytes());
            wrapped.extend(bytes);
            return Some(wrapped);
        }
        let mut data = Message::builder_indication(DATA, MessageWriteVec::new());
        let transaction = data.transaction_id();
        data.add_attribute(&XorPeerAddress::new(peer, transaction))
            .ok()?;
        data.add_attribute(&Data::new(bytes)).ok()?;
        Some(data.finish())
    }

    fn permits(&self, now: Instant, peer: IpAddr) -> bool {
        self.permitted.get(&peer).is_some_and(|until| *until > now)
    }

    fn inward(&mut self, peer: SocketAddr, bytes: &[u8]) -> Outcome {
        let latest = if demux::is_stun(bytes) {
            &mut self.asked
        } else {
            &mut self.used
        };
        *latest = Some(peer);
        Outcome::Datagram {
            from: self.relayed,
            to: peer,
            bytes: bytes.to_vec(),
        }
    }
}
