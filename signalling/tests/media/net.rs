//! Clients and an SFU on a virtual network in virtual time.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use signalling::sfu::path::Path;
use signalling::sfu::peer::{Candidates, Engine};
use signalling::sfu::{Output, Sfu};
use signalling::{MediaEvent, PeerKey, RoomKey, Slot, Source};

use crate::client::Client;

pub(crate) const ROOM: RoomKey = RoomKey(7);
const STEP: Duration = Duration::from_millis(5);
const LATENCY: Duration = Duration::from_millis(10);
const BUFFER: Duration = Duration::from_millis(500);
const SLOW: Duration = Duration::from_millis(60);

pub(crate) struct Net {
    pub(crate) now: Instant,
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
    /// A link of so many bits per second towards one client, with half a second of buffer.
    pub(crate) narrow: Option<(PeerKey, u64)>,
    /// When the narrow link has sent what it holds.
    busy: Instant,
    /// Datagrams that did not fit into its buffer.
    pub(crate) overflowed: usize,
    sent: usize,
    /// Datagrams towards the SFU, once recording.
    record: Option<Vec<Vec<u8>>>,
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
            sfu: Sfu::new(Engine::new(announced).unwrap()),
            sfu_addr,
            clients: BTreeMap::new(),
            events: Vec::new(),
            wire: BTreeMap::new(),
            cut: Vec::new(),
            loss_every: None,
            slow_above: None,
            narrow: None,
            busy: Instant::now(),
            overflowed: 0,
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
        let addr = SocketAddr::from((Ipv4Addr::new(10, 0, 1, key as u8), 6_000));
        let mut client = Client::new(self.now, addr);
        client.sending.extend(sources);
        let offer = client.offer(audio, video);
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
        self.now += STEP;
        let now = self.now;
        while let Some(entry) = self.wire.first_entry() {
            if entry.key().0 > now {
                break;
            }
            let (from, to, bytes) = entry.remove();
            if to == self.sfu_addr {
                self.sfu.datagram(now, Path::udp(from), &bytes);
            } else if let Some((key, client)) = self
                .clients
                .iter_mut()
                .find(|(_, client)| client.addr == to)
                && !self.cut.contains(key)
            {
                client.receive(now, from, &bytes);
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
                client
                    .out
                    .drain(..)
                    .filter(|_| !cut)
                    .map(|(to, bytes)| (client.addr, to, bytes)),
            );
        }
        for (from, to, bytes) in out {
            if let Some(record) = &mut self.record {
                record.push(bytes.clone());
            }
            self.send(from, to, bytes);
        }
        self.collect();
    }

    pub(crate) fn collect(&mut self) {
        while let Some(output) = self.sfu.poll() {
            match output {
                Output::Send(to, bytes) => self.send(self.sfu_addr, to.remote, bytes),
                Output::Event(event) => self.events.push(event),
            }
        }
    }

    fn send(&mut self, from: SocketAddr, to: SocketAddr, bytes: Vec<u8>) {
        self.sent += 1;
        if self
            .loss_every
            .is_none_or(|every| !self.sent.is_multiple_of(every))
        {
            let slow = to == self.sfu_addr && self.slow_above.is_some_and(|len| bytes.len() > len);
            let mut queue = Duration::ZERO;
            if let Some((key, rate)) = self.narrow
                && self.clients[&key].addr == to
            {
                let time = Duration::from_micros(bytes.len() as u64 * 8 * 1_000_000 / rate);
                self.busy = self.busy.max(self.now) + time;
                queue = self.busy - self.now;
                if queue > BUFFER {
                    self.busy -= time;
                    self.overflowed += 1;
                    return;
                }
            }
            let latency = if slow { LATENCY + SLOW } else { LATENCY };
            self.wire
                .insert((self.now + latency + queue, self.sent), (from, to, bytes));
        }
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
        record[nth % record.len()].clone()
    }

    pub(crate) fn recorded_where(&self, wanted: impl Fn(&[u8]) -> bool) -> Vec<u8> {
        self.record
            .as_ref()
            .unwrap()
            .iter()
            .find(|bytes| wanted(bytes))
            .unwrap()
            .clone()
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
            | MediaEvent::Connected { .. }
            | MediaEvent::Disconnected { .. }
            | MediaEvent::Gone { .. }
            | MediaEvent::Speaking { .. }
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
