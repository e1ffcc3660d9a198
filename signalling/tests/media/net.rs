//! Clients and an SFU on a virtual network in virtual time.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use signalling::sfu::demux;
use signalling::sfu::path::Path;
use signalling::sfu::peer::{Candidates, Engine};
use signalling::sfu::{Output, Sfu};
use signalling::{MediaEvent, Offer, PeerKey, RoomKey, Slot, Source};

use str0m::format::Codec;

use crate::client::{Client, Dice};

pub(crate) const ROOM: RoomKey = RoomKey(7);
const LATENCY: Duration = Duration::from_millis(10);
/// What a narrow link holds back before it drops.
const BUFFER: Duration = Duration::from_millis(500);
const SLOW: Duration = Duration::from_millis(60);

pub(crate) struct Net {
    pub(crate) now: Instant,
    /// How often anything happens at all.
    pub(crate) step: Duration,
    pub(crate) sfu: Sfu,
    pub(crate) sfu_addr: SocketAddr,
    pub(crate) clients: BTreeMap<PeerKey, Client>,
    pub(crate) events: Vec<MediaEvent>,
    /// Datagrams under way: arrival, from, to.
    wire: BTreeMap<(Instant, usize), (SocketAddr, SocketAddr, Vec<u8>)>,
    /// Clients whose cable is cut.
    pub(crate) cut: Vec<PeerKey>,
    /// Every how manieth datagram is lost, if any.
    pub(crate) loss_every: Option<usize>,
    /// Datagrams longer than this towards the SFU take 60 ms longer.
    pub(crate) slow_above: Option<usize>,
    /// Bad links towards clients.
    pub(crate) links: BTreeMap<PeerKey, Link>,
    /// Bad links from clients.
    pub(crate) uplinks: BTreeMap<PeerKey, Link>,
    /// Datagrams that did not fit into a narrow link's buffer.
    pub(crate) overflowed: usize,
    /// What a NAT makes of a client's address. What goes to the address itself is lost.
    pub(crate) nat: BTreeMap<PeerKey, SocketAddr>,
    /// Whose datagram with media from now on is lost: each one passed counts down.
    loses: BTreeMap<PeerKey, usize>,
    dice: Dice,
    sent: usize,
    /// Datagrams towards the SFU and from where, once recording.
    record: Option<Vec<(SocketAddr, Vec<u8>)>>,
}

/// A link towards one client. The default takes everything.
#[derive(Clone, Copy)]
pub(crate) struct Link {
    /// Bits per second, with half a second of buffer.
    bps: Option<u64>,
    /// Per cent of datagrams lost at random, besides those that do not fit.
    loss: usize,
    /// Each datagram takes up to this much longer, without overtaking another.
    jitter: Duration,
    /// How long it delivers nothing, and from when to when it begins to do so, after the first datagram.
    stall: (Duration, Duration),
    began: Option<Instant>,
    /// When it has sent what it holds, and when the last one arrives.
    busy: Option<Instant>,
    last: Option<Instant>,
}

impl Link {
    pub(crate) const OPEN: Self = Self {
        bps: None,
        loss: 0,
        jitter: Duration::ZERO,
        stall: (Duration::ZERO, Duration::MAX),
        began: None,
        busy: None,
        last: None,
    };

    pub(crate) const fn of(bps: u64) -> Self {
        Self {
            bps: Some(bps),
            ..Self::OPEN
        }
    }

    pub(crate) const fn losing(loss: usize) -> Self {
        Self { loss, ..Self::OPEN }
    }

    pub(crate) const fn jittery(jitter: Duration) -> Self {
        Self {
            jitter,
            ..Self::OPEN
        }
    }

    /// Delivers nothing for a while, again and again, and then all that came meanwhile.
    pub(crate) const fn stalling(time: Duration, every: Duration) -> Self {
        Self {
            stall: (time, every),
            ..Self::OPEN
        }
    }

    pub(crate) const fn and_losing(self, loss: usize) -> Self {
        Self { loss, ..self }
    }

    /// When a datagram arrives, if it does; `None` when the buffer is full or chance takes it.
    fn take(&mut self, now: Instant, len: usize, dice: &mut Dice) -> Result<Instant, Dropped> {
        if self.loss > 0 && dice.roll(100) < self.loss {
            return Err(Dropped::Lost);
        }
        let mut at = now;
        if let Some(bps) = self.bps {
            let time = Duration::from_micros(len as u64 * 8 * 1_000_000 / bps);
            at = self.busy.map_or(now, |busy| busy.max(now)) + time;
            if at - now > BUFFER {
                return Err(Dropped::Overflowed);
            }
            self.busy = Some(at);
        }
        if !self.jitter.is_zero() {
            let late = self.jitter.as_micros() as usize;
            at += Duration::from_micros(dice.roll(late) as u64);
        }
        let (stall, every) = self.stall;
        let since = at - *self.began.get_or_insert(now);
        let into = Duration::from_micros((since.as_micros() % every.as_micros()) as u64);
        at += stall.saturating_sub(into);
        at = self.last.map_or(at, |last| last.max(at));
        self.last = Some(at);
        Ok(at)
    }
}

enum Dropped {
    Lost,
    Overflowed,
}

impl Net {
    pub(crate) fn new() -> Self {
        let sfu_addr = SocketAddr::from((Ipv4Addr::new(10, 0, 0, 1), 5_000));
        let announced = Candidates {
            udp: vec![sfu_addr],
            tcp: Vec::new(),
        };
        Self {
            now: Instant::now(),
            step: Duration::from_millis(5),
            sfu: Sfu::new(Engine::new(announced).unwrap()),
            sfu_addr,
            clients: BTreeMap::new(),
            events: Vec::new(),
            wire: BTreeMap::new(),
            cut: Vec::new(),
            loss_every: None,
            slow_above: None,
            links: BTreeMap::new(),
            uplinks: BTreeMap::new(),
            overflowed: 0,
            nat: BTreeMap::new(),
            loses: BTreeMap::new(),
            dice: Dice(0x5eed),
            sent: 0,
            record: None,
        }
    }

    /// Joins a client that sends from `sources`, with 4 audio and `video` video slots.
    pub(crate) fn join(&mut self, key: u64, sources: &[Source], video: usize) -> PeerKey {
        self.join_with(key, sources, 4, video)
    }

    pub(crate) fn join_with(
        &mut self,
        key: u64,
        sources: &[Source],
        audio: usize,
        video: usize,
    ) -> PeerKey {
        let client = Client::new(self.now, Self::address(key));
        self.join_as(key, client, sources, (audio, video))
    }

    /// Joins a client with 4 audio and `video` video slots that has these codecs.
    pub(crate) fn join_taking(
        &mut self,
        key: u64,
        sources: &[Source],
        video: usize,
        codecs: &[Codec],
    ) -> PeerKey {
        let client = Client::taking(self.now, Self::address(key), codecs);
        self.join_as(key, client, sources, (4, video))
    }

    fn address(key: u64) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::new(10, 0, 1, key as u8), 6_000))
    }

    /// One who has not joined yet.
    pub(crate) fn stranger(&self, key: u64) -> Client {
        Client::new(self.now, Self::address(key))
    }

    fn join_as(
        &mut self,
        key: u64,
        mut client: Client,
        sources: &[Source],
        (audio, video): (usize, usize),
    ) -> PeerKey {
        client.sending.extend(sources);
        let offer = client.offer(audio, video);
        self.join_client(key, client, offer)
    }

    /// Joins a client with the offer that it has made.
    pub(crate) fn join_client(&mut self, key: u64, mut client: Client, offer: Offer) -> PeerKey {
        let answer = self.sfu.join(self.now, ROOM, PeerKey(key), offer).unwrap();
        client.answer(&answer);
        self.clients.insert(PeerKey(key), client);
        PeerKey(key)
    }

    pub(crate) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.step();
        }
    }

    /// Runs until `done`, at most a virtual minute.
    pub(crate) fn until(&mut self, what: &str, mut done: impl FnMut(&Self) -> bool) {
        let end = self.now + Duration::from_secs(60);
        while !done(self) {
            assert!(self.now < end, "never happened: {what}");
            self.step();
        }
    }

    pub(crate) fn step(&mut self) {
        self.now += self.step;
        let now = self.now;
        while let Some(entry) = self.wire.first_entry() {
            if entry.key().0 > now {
                break;
            }
            let (from, to, bytes) = entry.remove();
            if to == self.sfu_addr {
                self.sfu.datagram(now, Path::udp(from), &bytes);
            } else if let Some(key) = self.client_at(to)
                && !self.cut.contains(&key)
            {
                self.client(key).receive(now, from, &bytes);
            }
        }
        self.sfu.flush(now);
        for client in self.clients.values_mut() {
            client.tick(now);
        }
        if self.sfu.next().is_some_and(|at| at <= now) {
            self.sfu.tick(now);
        }
        let mut out = Vec::new();
        for (key, client) in &mut self.clients {
            let cut = self.cut.contains(key);
            out.extend(
                client.out.drain(..).filter(|_| !cut).map(|(to, bytes)| {
                    (self.nat.get(key).copied().unwrap_or(client.addr), to, bytes)
                }),
            );
        }
        for (from, to, bytes) in out {
            if let Some(record) = &mut self.record {
                record.push((from, bytes.clone()));
            }
            self.send(from, to, bytes);
        }
        self.collect();
    }

    /// Takes what is to go out. Returns how many datagrams go to an address.
    pub(crate) fn collect_to(&mut self, address: SocketAddr) -> usize {
        self.collect();
        let to = |(_, to, _): &&(SocketAddr, SocketAddr, Vec<u8>)| *to == address;
        self.wire.values().filter(to).count()
    }

    /// What is on its way to an address.
    pub(crate) fn under_way(&self, address: SocketAddr) -> impl Iterator<Item = &[u8]> {
        let to = move |(_, to, _): &&(SocketAddr, SocketAddr, Vec<u8>)| *to == address;
        self.wire
            .values()
            .filter(to)
            .map(|(_, _, bytes)| bytes.as_slice())
    }

    pub(crate) fn collect(&mut self) {
        while let Some(output) = self.sfu.poll() {
            match output {
                Output::Send(to, run) => {
                    for datagram in run.datagrams() {
                        self.send(self.sfu_addr, to.remote, datagram.to_vec());
                    }
                }
                Output::Event(event) => {
                    // As a browser does when it is told.
                    if let MediaEvent::Layers { peer, count, .. } = event
                        && let Some(client) = self.clients.get_mut(&peer)
                    {
                        client.layers = usize::from(count);
                    }
                    self.events.push(event);
                }
                Output::Cross(..) => panic!("there is no other branch"),
            }
        }
    }

    fn send(&mut self, from: SocketAddr, to: SocketAddr, bytes: Vec<u8>) {
        self.sent += 1;
        if self
            .loss_every
            .is_some_and(|every| self.sent.is_multiple_of(every))
        {
            return;
        }
        if self.is_nth_media(to, &bytes) {
            return;
        }
        let slow = to == self.sfu_addr && self.slow_above.is_some_and(|len| bytes.len() > len);
        let mut at = self.now;
        let (key, links) = if to == self.sfu_addr {
            (self.client_at(from), &mut self.uplinks)
        } else {
            (self.client_at(to), &mut self.links)
        };
        if let Some(link) = key.and_then(|key| links.get_mut(&key)) {
            match link.take(self.now, bytes.len(), &mut self.dice) {
                Ok(arrival) => at = arrival,
                Err(Dropped::Lost) => return,
                Err(Dropped::Overflowed) => {
                    self.overflowed += 1;
                    return;
                }
            }
        }
        at += if slow { LATENCY + SLOW } else { LATENCY };
        self.wire.insert((at, self.sent), (from, to, bytes));
    }

    /// Loses the `nth` datagram with media that goes to a client from now on.
    pub(crate) fn lose_nth_media(&mut self, key: PeerKey, nth: usize) {
        self.loses.insert(key, nth);
    }

    fn is_nth_media(&mut self, to: SocketAddr, bytes: &[u8]) -> bool {
        let is_media = bytes[0] >> 6 == 2 && !demux::is_rtcp(bytes);
        let Some(key) = self.client_at(to).filter(|_| is_media) else {
            return false;
        };
        let Some(left) = self.loses.get_mut(&key) else {
            return false;
        };
        *left -= 1;
        let is_it = *left == 0;
        if is_it {
            self.loses.remove(&key);
        }
        is_it
    }

    /// Whose address this is, as seen from outside.
    fn client_at(&self, address: SocketAddr) -> Option<PeerKey> {
        let outside = |(key, client): (&PeerKey, &Client)| {
            let seen = self.nat.get(key).copied().unwrap_or(client.addr);
            (seen == address).then_some(*key)
        };
        self.clients.iter().find_map(outside)
    }

    /// Gives a client another address, as a change of network does.
    pub(crate) fn move_client(&mut self, key: PeerKey, to: SocketAddr) {
        let client = self.client(key);
        client.addr = to;
        client
            .rtc
            .add_local_candidate(str0m::Candidate::host(to, "udp").unwrap());
    }

    /// Whether a client has received anything in a slot.
    pub(crate) fn has(&self, key: PeerKey, mid: &str) -> bool {
        !self.clients[&key].packets(mid).is_empty()
    }

    /// Begins to keep what clients send.
    pub(crate) fn record(&mut self) {
        self.record = Some(Vec::new());
        self.step();
        while self.record.as_ref().is_some_and(Vec::is_empty) {
            self.step();
        }
    }

    /// One of the kept datagrams.
    pub(crate) fn recorded(&self, nth: usize) -> Vec<u8> {
        let record = self.record.as_ref().unwrap();
        record[nth % record.len()].1.clone()
    }

    pub(crate) fn recorded_where(&self, wanted: impl Fn(&[u8]) -> bool) -> Vec<u8> {
        let record = self.record.as_ref().unwrap();
        let found = record.iter().find(|(_, bytes)| wanted(bytes));
        found.unwrap().1.clone()
    }

    /// The same, of what came from an address.
    pub(crate) fn recorded_from(
        &self,
        address: SocketAddr,
        wanted: impl Fn(&[u8]) -> bool,
    ) -> Vec<u8> {
        let record = self.record.as_ref().unwrap();
        let is_it = |(from, bytes): &&(SocketAddr, Vec<u8>)| *from == address && wanted(bytes);
        record.iter().find(is_it).unwrap().1.clone()
    }

    pub(crate) fn client(&mut self, key: PeerKey) -> &mut Client {
        self.clients.get_mut(&key).unwrap()
    }

    pub(crate) fn all_connected(&self) -> bool {
        self.clients.values().all(|client| client.connected)
    }

    /// The latest slot map of a receiver.
    pub(crate) fn slots(&self, of: PeerKey) -> Vec<Slot> {
        let maps = self.events.iter().rev().filter_map(|event| match event {
            MediaEvent::Slots { peer, slots, .. } if *peer == of => Some(slots.clone()),
            MediaEvent::Slots { .. }
            | MediaEvent::Untaken { .. }
            | MediaEvent::Connected { .. }
            | MediaEvent::Disconnected { .. }
            | MediaEvent::Gone { .. }
            | MediaEvent::Speaking { .. }
            | MediaEvent::Layers { .. }
            | MediaEvent::Codec { .. }
            | MediaEvent::Repeat { .. }
            | MediaEvent::Quality { .. } => None,
        });
        maps.into_iter().next().unwrap_or_default()
    }

    /// The `a=mid` in which a receiver gets a stream, if it does.
    pub(crate) fn mid(&self, of: PeerKey, peer: PeerKey, source: Source) -> Option<String> {
        self.slots(of)
            .into_iter()
            .find(|slot| slot.stream == Some((peer, source)))
            .map(|slot| slot.mid)
    }
}
