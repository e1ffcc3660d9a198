//! One room in several SFUs that say things to each other over ways that can be slow, full or lossy, in virtual time.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use signalling::sfu::branch::{Branch, Crossing, Worth};
use signalling::sfu::path::Path;
use signalling::sfu::peer::{Candidates, Engine};
use signalling::sfu::{Output, Sfu};
use signalling::{MediaEvent, PeerKey, RoomKey, Slot, Source, View};
use str0m::format::Codec;

use crate::client::{Client, Dice};

pub(crate) const ROOM: RoomKey = RoomKey(7);
const STEP: Duration = Duration::from_millis(5);
const LATENCY: Duration = Duration::from_millis(10);

/// What went from one SFU to another.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Crossed {
    pub(crate) pictures: usize,
    pub(crate) sounds: usize,
    pub(crate) levels: usize,
    pub(crate) key_frames: usize,
    pub(crate) digests: usize,
}

impl Crossed {
    fn count(&mut self, crossing: &Crossing) {
        match crossing {
            Crossing::Packet(_, packet) if packet.source.is_audio() => self.sounds += 1,
            Crossing::Packet(..) => self.pictures += 1,
            Crossing::Level(..) => self.levels += 1,
            Crossing::KeyFrame(..) => self.key_frames += 1,
            Crossing::Digest(_) => self.digests += 1,
            Crossing::Lost | Crossing::Bye => {}
        }
    }
}

type Ways<T> = BTreeMap<(usize, usize), T>;

pub(crate) struct House {
    pub(crate) now: Instant,
    pub(crate) sfus: Vec<Sfu>,
    pub(crate) clients: BTreeMap<PeerKey, Client>,
    /// Which SFU each is at.
    pub(crate) at: BTreeMap<PeerKey, usize>,
    /// What each SFU told the server.
    pub(crate) events: Vec<(usize, MediaEvent)>,
    pub(crate) crossed: Ways<Crossed>,
    /// How long a crossing takes.
    pub(crate) delay: Duration,
    /// Ways that take no pictures at present; what they lost is told when they do.
    pub(crate) full: Vec<(usize, usize)>,
    /// Per cent of crossings, of whatever kind, that are lost and not told.
    pub(crate) loses: usize,
    /// SFUs that have died.
    pub(crate) dead: Vec<usize>,
    /// Every how manieth datagram of or to a client is lost, if any.
    pub(crate) loss_every: Option<usize>,
    lost: Vec<(usize, usize)>,
    wire: BTreeMap<(Instant, usize), (SocketAddr, SocketAddr, Vec<u8>)>,
    seam: BTreeMap<(Instant, usize), (usize, usize, RoomKey, Crossing)>,
    sent: usize,
    dice: Dice,
}

impl House {
    pub(crate) fn of(sfus: usize) -> Self {
        let sfu = |nth| {
            let announced = Candidates {
                udp: vec![door(nth)],
                tcp: Vec::new(),
            };
            Sfu::at(Branch(nth as u16), Engine::new(announced).unwrap())
        };
        Self {
            now: Instant::now(),
            sfus: (0..sfus).map(sfu).collect(),
            clients: BTreeMap::new(),
            at: BTreeMap::new(),
            events: Vec::new(),
            crossed: Ways::new(),
            delay: Duration::from_millis(1),
            full: Vec::new(),
            loses: 0,
            dead: Vec::new(),
            loss_every: None,
            lost: Vec::new(),
            wire: BTreeMap::new(),
            seam: BTreeMap::new(),
            sent: 0,
            dice: Dice(0x5eed),
        }
    }

    /// Joins one that sends from `sources` at an SFU, with 4 audio and `video` video slots.
    pub(crate) fn join(
        &mut self,
        at: usize,
        key: u64,
        sources: &[Source],
        video: usize,
    ) -> PeerKey {
        self.join_taking(at, key, sources, video, &[Codec::Vp8])
    }

    pub(crate) fn join_taking(
        &mut self,
        at: usize,
        key: u64,
        sources: &[Source],
        video: usize,
        codecs: &[Codec],
    ) -> PeerKey {
        let [high, low] = (key as u16).to_be_bytes();
        let address = SocketAddr::from((Ipv4Addr::new(10, 1, high, low), 6_000));
        let mut client = Client::taking(self.now, address, codecs);
        client.sending.extend(sources);
        let offer = client.offer(4, video);
        let peer = PeerKey(key);
        // As the shell does: the room is where somebody is, as far as placement knows.
        let others: Vec<Branch> = (0..self.sfus.len())
            .filter(|other| *other != at && self.at.values().any(|of| of == other))
            .map(|other| Branch(other as u16))
            .collect();
        let sfu = &mut self.sfus[at];
        let answer = sfu.join(self.now, ROOM, peer, offer).unwrap();
        sfu.link(self.now, ROOM, &others);
        client.answer(&answer);
        self.clients.insert(peer, client);
        self.at.insert(peer, at);
        peer
    }

    pub(crate) fn leave(&mut self, peer: PeerKey) {
        if let Some(at) = self.at.remove(&peer) {
            self.sfus[at].leave(self.now, peer);
        }
        self.clients.remove(&peer);
    }

    pub(crate) fn view(&mut self, peer: PeerKey, of: PeerKey, width: u32) {
        let view = View {
            peer: of,
            source: Source::Camera,
            width,
            pinned: false,
        };
        self.sfus[self.at[&peer]].view(self.now, peer, vec![view]);
    }

    pub(crate) fn mute(&mut self, peer: PeerKey, source: Source, muted: bool) {
        self.sfus[self.at[&peer]].set_muted(self.now, peer, source, muted);
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
        while let Some(entry) = self.wire.first_entry().filter(|entry| entry.key().0 <= now) {
            let (from, to, bytes) = entry.remove();
            if let Some(nth) = (0..self.sfus.len()).find(|nth| door(*nth) == to) {
                self.sfus[nth].datagram(now, Path::udp(from), &bytes);
            } else if let Some(client) = self.clients.values_mut().find(|client| client.addr == to)
            {
                client.receive(now, from, &bytes);
            }
        }
        while let Some(entry) = self.seam.first_entry().filter(|entry| entry.key().0 <= now) {
            let (from, to, room, crossing) = entry.remove();
            self.sfus[to].cross(now, Branch(from as u16), room, &crossing);
        }
        for client in self.clients.values_mut() {
            client.tick(now);
        }
        for (nth, sfu) in self.sfus.iter_mut().enumerate() {
            if !self.dead.contains(&nth) {
                sfu.flush(now);
                if sfu.next().is_some_and(|at| at <= now) {
                    sfu.tick(now);
                }
            }
        }
        let mut out = Vec::new();
        for client in self.clients.values_mut() {
            let from = client.addr;
            out.extend(client.out.drain(..).map(|(to, bytes)| (from, to, bytes)));
        }
        for (from, to, bytes) in out {
            self.send(from, to, bytes);
        }
        self.collect();
    }

    pub(crate) fn collect(&mut self) {
        for nth in 0..self.sfus.len() {
            while let Some(output) = self.sfus[nth].poll() {
                match output {
                    Output::Send(to, run) => {
                        for datagram in run.datagrams() {
                            self.send(door(nth), to.remote, datagram.to_vec());
                        }
                    }
                    Output::Event(event) => {
                        // As a browser does when it is told.
                        if let MediaEvent::Layers { peer, count, .. } = event
                            && let Some(client) = self.clients.get_mut(&peer)
                        {
                            client.layers = usize::from(count);
                        }
                        self.events.push((nth, event));
                    }
                    Output::Cross(to, room, crossing) => {
                        self.cross(nth, usize::from(to.0), room, crossing);
                    }
                }
            }
        }
    }

    fn cross(&mut self, from: usize, to: usize, room: RoomKey, crossing: Crossing) {
        let way = (from, to);
        let is_dead = |of: &usize| self.dead.contains(of);
        if is_dead(&from) || is_dead(&to) || self.dice.roll(100) < self.loses {
            return;
        }
        if crossing.worth() == Worth::Picture {
            if self.full.contains(&way) {
                self.lost.push(way);
                return;
            }
            if self.lost.contains(&way) {
                self.lost.retain(|of| *of != way);
                self.under_way(from, to, room, Crossing::Lost);
            }
        }
        self.under_way(from, to, room, crossing);
    }

    fn under_way(&mut self, from: usize, to: usize, room: RoomKey, crossing: Crossing) {
        self.crossed.entry((from, to)).or_default().count(&crossing);
        self.sent += 1;
        let at = self.now + self.delay;
        self.seam
            .insert((at, self.sent), (from, to, room, crossing));
    }

    fn send(&mut self, from: SocketAddr, to: SocketAddr, bytes: Vec<u8>) {
        self.sent += 1;
        let lost = |every: usize| self.sent.is_multiple_of(every);
        if !self.loss_every.is_some_and(lost) {
            let at = self.now + LATENCY;
            self.wire.insert((at, self.sent), (from, to, bytes));
        }
    }

    /// The latest slot map of a receiver.
    pub(crate) fn slots(&self, of: PeerKey) -> Vec<Slot> {
        let mut maps = self.events.iter().rev().filter_map(|(_, event)| {
            if let MediaEvent::Slots { peer, slots, .. } = event
                && *peer == of
            {
                Some(slots.clone())
            } else {
                None
            }
        });
        maps.next().unwrap_or_default()
    }

    /// The `a=mid` in which a receiver gets a stream, if it does.
    pub(crate) fn mid(&self, of: PeerKey, peer: PeerKey, source: Source) -> Option<String> {
        let mut slots = self.slots(of).into_iter();
        let slot = slots.find(|slot| slot.stream == Some((peer, source)));
        slot.map(|slot| slot.mid)
    }

    /// How many packets of a stream a receiver has got in the slot that has it now.
    pub(crate) fn got(&self, of: PeerKey, peer: PeerKey, source: Source) -> usize {
        let mid = self.mid(of, peer, source);
        mid.map_or(0, |mid| self.clients[&of].packets(&mid).len())
    }

    /// Whose microphones a receiver has in its slots, ascending.
    pub(crate) fn hears(&self, of: PeerKey) -> Vec<PeerKey> {
        let streams = self.slots(of).into_iter().filter_map(|slot| slot.stream);
        let mut heard: Vec<PeerKey> = streams
            .filter(|(_, source)| *source == Source::Mic)
            .map(|(peer, _)| peer)
            .collect();
        heard.sort();
        heard
    }

    /// What the server was told of who speaks: by which SFU, the loudest first, and who is to be shown.
    pub(crate) fn speaking(&self) -> Vec<(usize, Vec<PeerKey>, Option<PeerKey>)> {
        let mut told = Vec::new();
        for (at, event) in &self.events {
            if let MediaEvent::Speaking {
                speakers, active, ..
            } = event
            {
                told.push((*at, speakers.clone(), *active));
            }
        }
        told
    }

    /// How many layers a sender was told to make, each time.
    pub(crate) fn layers(&self, sender: PeerKey) -> Vec<u8> {
        let mut told = Vec::new();
        for (_, event) in &self.events {
            if let MediaEvent::Layers { peer, count, .. } = event
                && *peer == sender
            {
                told.push(*count);
            }
        }
        told
    }

    pub(crate) fn client(&mut self, key: PeerKey) -> &mut Client {
        self.clients.get_mut(&key).unwrap()
    }

    pub(crate) fn crossed(&self, from: usize, to: usize) -> Crossed {
        self.crossed.get(&(from, to)).copied().unwrap_or_default()
    }
}

fn door(sfu: usize) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::new(10, 0, 0, sfu as u8 + 1), 5_000))
}
