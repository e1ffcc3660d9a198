//! A TURN server (RFC 8656) that cannot reach anything but this server's own media plane: what clients send is handed
//! straight to the SFU, under a relayed address that exists only here. There are no sockets, so there is nothing to
//! abuse; TCP allocations (RFC 6062) do not exist.
//!
//! Pure: told the time. Nothing is kept about anybody who has not proved to know a password.

mod allocation;
mod answer;
mod credentials;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use turn_types::AddressFamily;
use turn_types::attribute::{
    ChannelNumber, Data, DontFragment, EvenPort, Lifetime, RequestedAddressFamily,
    RequestedTransport, ReservationToken, XorPeerAddress, XorRelayedAddress,
};
use turn_types::channel::ChannelData;
use turn_types::message::{ALLOCATE, CHANNEL_BIND, CREATE_PERMISSION, REFRESH, SEND};
use turn_types::stun::attribute::{
    Attribute as _, AttributeStaticType, AttributeType, ErrorCode, Fingerprint, MessageIntegrity,
    Nonce, Realm, Username, XorMappedAddress,
};
use turn_types::stun::message::{BINDING, Message, MessageClass, Method};

use crate::sfu::path::relayed_address;
use allocation::Allocation;
use answer::{Caller, refusal, unsigned_success};

pub use credentials::{CREDENTIALS_S, Credentials, Secret};

/// Allocations at once.
pub const ALLOCATIONS_MAX: usize = 1_000;
/// Allocations of one person at once: two per lesson's tab and way into the network, some left by a restart.
pub const ALLOCATIONS_PER_PERSON_MAX: usize = 16;
/// How long an allocation lives without a refresh, whatever a client asks for (RFC 8656 §3.2: the default).
pub const LIFETIME: Duration = Duration::from_secs(600);

/// The time, on both clocks.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// For what has begun here.
    pub now: Instant,
    /// Unix seconds, for what clients bring.
    pub unix: u64,
}

/// What is to be done with something that a client sent.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing.
    Dropped,
    /// Send it this.
    Answer(Vec<u8>),
    /// Take this datagram.
    Datagram {
        /// The relayed address that it comes from.
        from: SocketAddr,
        /// Which of the media plane's addresses it is for.
        to: SocketAddr,
        /// What it says.
        bytes: Vec<u8>,
    },
}

/// All allocations.
#[derive(Debug)]
pub struct Relay {
    secret: Secret,
    /// The only addresses that anything may be sent to: the media plane's own.
    peers: Vec<SocketAddr>,
    allocations: BTreeMap<SocketAddr, Allocation>,
    /// Clients by relayed address.
    clients: BTreeMap<SocketAddr, SocketAddr>,
    next: u32,
}

impl Relay {
    /// `peers` are the media plane's announced addresses.
    pub fn new(secret: Secret, peers: Vec<SocketAddr>) -> Self {
        // Who is on this machine needs no relay. It would reach nothing but the media plane there either.
        let (loopback, mut others): (Vec<_>, Vec<_>) =
            peers.into_iter().partition(|peer| peer.ip().is_loopback());
        if others.is_empty() {
            others = loopback;
        }
        Self {
            secret,
            peers: others,
            allocations: BTreeMap::new(),
            clients: BTreeMap::new(),
            next: 0,
        }
    }

    /// Takes a STUN message or ChannelData from a client.
    pub fn receive(&mut self, at: Moment, client: SocketAddr, bytes: &[u8]) -> Outcome {
        if let Ok(channel) = ChannelData::parse(bytes) {
            let allocation = self.allocation(at, client);
            return allocation.map_or(Outcome::Dropped, |allocation| {
                allocation.by_channel(at.now, channel.id(), channel.data())
            });
        }
        let Ok(message) = Message::from_bytes(bytes) else {
            return Outcome::Dropped;
        };
        match message.class() {
            MessageClass::Request => Outcome::Answer(self.request(at, client, &message)),
            MessageClass::Indication if message.method() == SEND => {
                self.send(at, client, &message).unwrap_or(Outcome::Dropped)
            }
            MessageClass::Indication | MessageClass::Success | MessageClass::Error => {
                Outcome::Dropped
            }
        }
    }

    /// Wraps a datagram for the client of a relayed address. `asked` is the address to which the request came that it
    /// answers; without it the latest that was asked is taken. `None` when there is no client, or it permits no answer.
    pub fn wrap(
        &self,
        now: Instant,
        relayed: SocketAddr,
        asked: Option<SocketAddr>,
        bytes: &[u8],
    ) -> Option<(SocketAddr, Vec<u8>)> {
        let client = self.clients.get(&relayed)?;
        let allocation = self.allocations.get(client)?;
        Some((*client, allocation.wrap(now, asked, bytes)?))
    }

    /// The relayed address of a client.
    pub fn relayed(&self, client: SocketAddr) -> Option<SocketAddr> {
        Some(self.allocations.get(&client)?.relayed)
    }

    /// The client's connection is gone. Returns the relayed address that is free now.
    pub fn close(&mut self, client: SocketAddr) -> Option<SocketAddr> {
        let relayed = self.allocations.remove(&client)?.relayed;
        self.clients.remove(&relayed);
        Some(relayed)
    }

    fn allocation(&mut self, at: Moment, client: SocketAddr) -> Option<&mut Allocation> {
        let allocation = self.allocations.get(&client)?;
        if allocation.until <= at.now {
            self.close(client);
            return None;
        }
        self.allocations.get_mut(&client)
    }

    fn request(&mut self, at: Moment, client: SocketAddr, message: &Message<'_>) -> Vec<u8> {
        let method = message.method();
        if method == BINDING {
            let mapped = XorMappedAddress::new(client, message.transaction_id());
            return unsigned_success(message, &mapped);
        }
        let known: &[Method] = &[ALLOCATE, REFRESH, CREATE_PERMISSION, CHANNEL_BIND];
        if !known.contains(&method) {
            return refusal(message, ErrorCode::BAD_REQUEST, None);
        }
        let caller = match self.authenticate(at, client, message) {
            Ok(caller) => caller,
            Err(answer) => return answer,
        };
        if message
            .iter_attributes()
            .any(|(_, one)| !is_known(one.get_type()))
        {
            return caller.error(message, ErrorCode::UNKNOWN_ATTRIBUTE);
        }
        let done = if method == ALLOCATE {
            self.allocate(at, client, message, &caller)
        } else if method == REFRESH {
            self.refresh(at, client, message, &caller)
        } else if method == CREATE_PERMISSION {
            self.permit(at, client, message, &caller)
        } else {
            self.bind(at, client, message, &caller)
        };
        done.unwrap_or_else(|code| caller.error(message, code))
    }

    // RFC 8489 §9.2.4.
    fn authenticate(
        &mut self,
        at: Moment,
        client: SocketAddr,
        message: &Message<'_>,
    ) -> Result<Caller, Vec<u8>> {
        let nonce = || self.secret.nonce(at.unix, client);
        let again = |code| refusal(message, code, Some(&nonce()));
        if !message.has_attribute(MessageIntegrity::TYPE) {
            return Err(again(ErrorCode::UNAUTHORIZED));
        }
        let (Ok(name), Ok(given), Ok(_)) = (
            message.attribute::<Username>(),
            message.attribute::<Nonce>(),
            message.attribute::<Realm>(),
        ) else {
            return Err(refusal(message, ErrorCode::BAD_REQUEST, None));
        };
        if !self.secret.accepts(given.nonce(), at.unix, client) {
            return Err(again(ErrorCode::STALE_NONCE));
        }
        let username = name.username();
        let Some(known) = self.secret.of(username) else {
            return Err(again(ErrorCode::UNAUTHORIZED));
        };
        let is_late = known.until < at.unix && message.method() == ALLOCATE;
        let caller = Caller::new(username, known.person, known.password);
        if is_late || message.validate_integrity(&caller.key).is_err() {
            return Err(again(ErrorCode::UNAUTHORIZED));
        }
        match self.allocation(at, client) {
            Some(allocation) if allocation.username != username => {
                Err(caller.error(message, ErrorCode::WRONG_CREDENTIALS))
            }
            Some(_) | None => Ok(caller),
        }
    }

    // RFC 8656 §7.2.
    fn allocate(
        &mut self,
        at: Moment,
        client: SocketAddr,
        message: &Message<'_>,
        caller: &Caller,
    ) -> Result<Vec<u8>, u16> {
        if self.allocation(at, client).is_some() {
            return Err(ErrorCode::ALLOCATION_MISMATCH);
        }
        let transport = message.raw_attribute(RequestedTransport::TYPE);
        let transport = transport.ok_or(ErrorCode::BAD_REQUEST)?;
        if transport.value.first() != Some(&RequestedTransport::UDP) {
            return Err(ErrorCode::UNSUPPORTED_TRANSPORT_PROTOCOL);
        }
        // A second port is nothing that WebRTC needs.
        let reserves = message
            .attribute::<EvenPort>()
            .is_ok_and(|even| even.requested());
        if reserves || message.has_attribute(ReservationToken::TYPE) {
            return Err(ErrorCode::INSUFFICIENT_CAPACITY);
        }
        let is_v6 = message
            .attribute::<RequestedAddressFamily>()
            .is_ok_and(|family| family.family() == AddressFamily::IPV6);
        if !self.peers.iter().any(|peer| peer.is_ipv6() == is_v6) {
            return Err(ErrorCode::ADDRESS_FAMILY_NOT_SUPPORTED);
        }
        self.drop_expired(at.now);
        let of_person = |one: &&Allocation| one.person == caller.person;
        if self.allocations.values().filter(of_person).count() >= ALLOCATIONS_PER_PERSON_MAX {
            return Err(ErrorCode::ALLOCATION_QUOTA_REACHED);
        }
        if self.allocations.len() >= ALLOCATIONS_MAX {
            return Err(ErrorCode::INSUFFICIENT_CAPACITY);
        }
        let relayed = self.free_address(is_v6);
        let allocation = Allocation::new(relayed, caller, at.now + LIFETIME);
        self.allocations.insert(client, allocation);
        self.clients.insert(relayed, client);
        let transaction = message.transaction_id();
        Ok(caller.success(
            message,
            &[
                &XorRelayedAddress::new(relayed, transaction),
                &Lifetime::new(LIFETIME.as_secs() as u32),
                &XorMappedAddress::new(client, transaction),
            ],
        ))
    }

    fn free_address(&mut self, is_v6: bool) -> SocketAddr {
        loop {
            let address = relayed_address(self.next, is_v6);
            self.next = self.next.wrapping_add(1);
            if !self.clients.contains_key(&address) {
                return address;
            }
        }
    }

    fn drop_expired(&mut self, now: Instant) {
        self.allocations.retain(|_, one| one.until > now);
        self.clients
            .retain(|_, client| self.allocations.contains_key(client));
    }

    // RFC 8656 §8.2.
    fn refresh(
        &mut self,
        at: Moment,
        client: SocketAddr,
        message: &Message<'_>,
        caller: &Caller,
    ) -> Result<Vec<u8>, u16> {
        let allocation = self.allocation(at, client);
        let allocation = allocation.ok_or(ErrorCode::ALLOCATION_MISMATCH)?;
        let ends = message
            .attribute::<Lifetime>()
            .is_ok_and(|lifetime| lifetime.seconds() == 0);
        if ends {
            self.close(client);
            return Ok(caller.success(message, &[&Lifetime::new(0)]));
        }
        allocation.until = at.now + LIFETIME;
        Ok(caller.success(message, &[&Lifetime::new(LIFETIME.as_secs() as u32)]))
    }

    // RFC 8656 §10.2.
    fn permit(
        &mut self,
        at: Moment,
        client: SocketAddr,
        message: &Message<'_>,
        caller: &Caller,
    ) -> Result<Vec<u8>, u16> {
        let peers = peers_in(message)?;
        if !peers
            .iter()
            .all(|peer| self.peers.iter().any(|ours| ours.ip() == peer.ip()))
        {
            return Err(ErrorCode::FORBIDDEN);
        }
        let allocation = self.allocation(at, client);
        let allocation = allocation.ok_or(ErrorCode::ALLOCATION_MISMATCH)?;
        if !peers
            .iter()
            .all(|peer| peer.is_ipv6() == allocation.relayed.is_ipv6())
        {
            return Err(ErrorCode::PEER_ADDRESS_FAMILY_MISMATCH);
        }
        for peer in peers {
            allocation.permit(at.now, peer.ip());
        }
        Ok(caller.success(message, &[]))
    }

    // RFC 8656 §12.2.
    fn bind(
        &mut self,
        at: Moment,
        client: SocketAddr,
        message: &Message<'_>,
        caller: &Caller,
    ) -> Result<Vec<u8>, u16> {
        let channel = message.attribute::<ChannelNumber>();
        let channel = channel.map_err(|_| ErrorCode::BAD_REQUEST)?.channel();
        let [peer] = peers_in(message)?[..] else {
            return Err(ErrorCode::BAD_REQUEST);
        };
        if !self.peers.contains(&peer) {
            return Err(ErrorCode::FORBIDDEN);
        }
        let allocation = self.allocation(at, client);
        let allocation = allocation.ok_or(ErrorCode::ALLOCATION_MISMATCH)?;
        if peer.is_ipv6() != allocation.relayed.is_ipv6() {
            return Err(ErrorCode::PEER_ADDRESS_FAMILY_MISMATCH);
        }
        if !allocation.bind(at.now, channel, peer) {
            return Err(ErrorCode::BAD_REQUEST);
        }
        Ok(caller.success(message, &[]))
    }

    // RFC 8656 §11.2. `None`: dropped in silence.
    fn send(&mut self, at: Moment, client: SocketAddr, message: &Message<'_>) -> Option<Outcome> {
        let [peer] = peers_in(message).ok()?[..] else {
            return None;
        };
        if !self.peers.contains(&peer) {
            return None;
        }
        let data = message.attribute::<Data<'_>>().ok()?;
        let allocation = self.allocation(at, client)?;
        Some(allocation.by_indication(at.now, peer, data.data()))
    }
}

// At least one.
fn peers_in(message: &Message<'_>) -> Result<Vec<SocketAddr>, u16> {
    let transaction = message.transaction_id();
    let peers: Result<Vec<_>, _> = message
        .iter_attributes()
        .filter(|(_, one)| one.get_type() == XorPeerAddress::TYPE)
        .map(|(_, one)| XorPeerAddress::try_from(&one).map(|peer| peer.addr(transaction)))
        .collect();
    match peers {
        Ok(peers) if !peers.is_empty() => Ok(peers),
        Ok(_) | Err(_) => Err(ErrorCode::BAD_REQUEST),
    }
}

fn is_known(attribute: AttributeType) -> bool {
    let known = [
        Username::TYPE,
        Realm::TYPE,
        Nonce::TYPE,
        MessageIntegrity::TYPE,
        Fingerprint::TYPE,
        Lifetime::TYPE,
        RequestedTransport::TYPE,
        RequestedAddressFamily::TYPE,
        EvenPort::TYPE,
        ReservationToken::TYPE,
        // Nothing is fragmented in memory.
        DontFragment::TYPE,
        XorPeerAddress::TYPE,
        ChannelNumber::TYPE,
    ];
    known.contains(&attribute) || !attribute.comprehension_required()
}
