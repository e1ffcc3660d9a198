//! A media thread: what comes in goes to the SFU, what it wants done is done.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::mpsc;

use super::placement::Placement;
use super::seam::{Batch, Seam};
use super::streams::{News, Relayed, STRANGER_FOR, StreamId, Streams, UNUSED_FOR};
use super::udp::Udp;
use super::wire::Wire;
use super::{Command, Ears, lock};
use crate::events::Events;
use crate::relay::{Moment, Outcome, Relay};
use crate::sfu::egress::run::Run;
use crate::sfu::path::{Path, Transport, is_relayed};
use crate::sfu::{Output, Sfu};
use crate::{MediaEvent, MediaStats};

/// Datagrams of TCP connections taken before commands and timers get their turn.
const BATCH_MAX: usize = 64;
/// The same of what other threads say at once.
const SAID_MAX: usize = 16;

/// The thread that has the relay.
pub(super) const RELAY_WORKER: usize = 0;

/// The ways from any media thread to each, for what came through the relay.
#[derive(Debug, Clone)]
pub(super) struct Ways {
    news: Vec<mpsc::Sender<News>>,
    /// By announced address.
    owners: BTreeMap<SocketAddr, usize>,
}

impl Ways {
    /// `addresses` are those that each announces.
    pub(super) fn new<'a>(
        news: &[mpsc::Sender<News>],
        addresses: impl Iterator<Item = &'a [SocketAddr]>,
    ) -> Self {
        let of_each = addresses.enumerate();
        let owners = of_each.flat_map(|(worker, all)| all.iter().map(move |one| (*one, worker)));
        Self {
            news: news.to_vec(),
            owners: owners.collect(),
        }
    }

    /// All announced addresses.
    pub(super) fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.owners.keys().copied()
    }

    /// Never waits. Returns whether it was taken: what is not is lost, as a full router would lose it.
    fn tell(&self, worker: usize, news: News) -> bool {
        self.news
            .get(worker)
            .is_some_and(|way| way.try_send(news).is_ok())
    }
}

#[derive(Debug)]
pub(super) struct Worker {
    index: usize,
    sfu: Sfu,
    /// To rooms' branches on other threads.
    seam: Seam,
    udp: Udp,
    streams: Streams,
    /// With [`RELAY_WORKER`] only.
    relay: Option<Relay>,
    ways: Ways,
    /// Relayed addresses of other threads' peers, by when something was last sent to them.
    used: BTreeMap<SocketAddr, Instant>,
    /// The address that a relayed datagram was for, while it is handled.
    asked: Option<SocketAddr>,
    placement: Arc<Mutex<Placement>>,
    events: Events,
    dropped_sends: u64,
}

impl Worker {
    pub(super) fn new(
        sfu: Sfu,
        seam: Seam,
        udp: Udp,
        relay: Option<Relay>,
        ways: Ways,
        placement: Arc<Mutex<Placement>>,
        events: mpsc::Sender<MediaEvent>,
    ) -> Self {
        Self {
            index: seam.own().0.into(),
            sfu,
            seam,
            udp,
            streams: Streams::default(),
            relay,
            ways,
            used: BTreeMap::new(),
            asked: None,
            placement,
            events: Events::new(events),
            dropped_sends: 0,
        }
    }

    /// Works until it is told to stop or the last handle is gone.
    pub(super) async fn run(mut self, ears: Ears) {
        let Ears {
            mut inbox,
            mut news,
            mut crossings,
        } = ears;
        loop {
            self.put_out();
            let wake = self.sfu.next().into_iter().chain(self.streams.next()).min();
            let channel = self.events.channel();
            tokio::select! {
                command = inbox.recv() => match command {
                    Some(Command::Stop(reply)) => {
                        let _ = reply.send(());
                        return;
                    }
                    Some(command) => self.command(command),
                    None => return,
                },
                Some(first) = news.recv() => self.hear(first, &mut news),
                Some(first) = crossings.recv() => self.cross(first, &mut crossings),
                () = self.udp.readable() => self.read(),
                () = sleep_until(wake) => self.tick(Instant::now()),
                // Room in the channel, or its end: `put_out` sends or drops what waits.
                _ = channel.reserve(), if self.events.is_waiting() => {}
            }
        }
    }

    fn command(&mut self, command: Command) {
        let now = Instant::now();
        match command {
            Command::Join(room, peer, offer, reply) => {
                let answer = self.sfu.join(now, room, peer, offer);
                if answer.is_ok() {
                    // As of now: of two that begin at once, the later finds the other.
                    let others = lock(&self.placement).others(room, self.index);
                    self.sfu.link(now, room, &others);
                }
                // A caller that no longer waits will not tell its client either.
                if reply.send(answer).is_err() {
                    self.sfu.leave(now, peer);
                    lock(&self.placement).leave(peer);
                }
            }
            Command::Restart(peer, sdp, reply) => {
                drop(reply.send(self.sfu.restart(now, peer, &sdp)))
            }
            Command::Mute(peer, source, muted) => self.sfu.set_muted(now, peer, source, muted),
            Command::View(peer, views) => self.sfu.view(now, peer, views),
            Command::Leave(peer) => self.sfu.leave(now, peer),
            Command::Stats(reply) => {
                let stats = MediaStats {
                    dropped_sends: self.dropped_sends,
                    dropped_crossings: self.seam.dropped(),
                    streams: self.streams.len() as u64,
                    ..self.sfu.stats()
                };
                let _ = reply.send(stats);
            }
            // Handled by `run`, which ends.
            Command::Stop(_) => {}
        }
    }

    fn read(&mut self) {
        let sfu = &mut self.sfu;
        self.udp.read(|from, bytes| {
            // No network has the relay's addresses: somebody forged one.
            if !is_relayed(from.ip()) {
                sfu.datagram(Instant::now(), Path::udp(from), bytes);
            }
        });
        self.flush(Instant::now());
    }

    fn hear(&mut self, first: News, more: &mut mpsc::Receiver<News>) {
        let others = std::iter::from_fn(|| more.try_recv().ok());
        for news in std::iter::once(first).chain(others).take(BATCH_MAX) {
            let now = Instant::now();
            match news {
                News::Opened(id, queue) => self.streams.open(now, id, queue),
                News::Datagram(id, wire, bytes) if self.streams.has(id) => match wire {
                    Wire::Framed => self.sfu.datagram(now, Path::tcp(id.remote), &bytes),
                    Wire::Turn => self.relay(now, id, &bytes),
                },
                // It was closed from here meanwhile.
                News::Datagram(..) => {}
                News::Closed(id) => {
                    if self.streams.close(id) {
                        self.forget(id.remote);
                    }
                }
                News::Relayed(datagram) => self.take_relayed(now, datagram),
                News::Unrelayed(relayed, asked, run) => {
                    self.used.insert(relayed, now);
                    self.dropped_sends += self.send_relayed(relayed, asked, run);
                }
                News::Unused(relayed) => self.sfu.forget(Path::of_datagram(relayed)),
            }
        }
        self.flush(Instant::now());
    }

    fn cross(&mut self, first: Batch, more: &mut mpsc::UnboundedReceiver<Batch>) {
        let others = std::iter::from_fn(|| more.try_recv().ok());
        for batch in std::iter::once(first).chain(others).take(SAID_MAX) {
            let now = Instant::now();
            let (from, crossings) = batch.open();
            for (room, crossing) in &crossings {
                self.sfu.cross(now, from, *room, crossing);
            }
        }
        self.flush(Instant::now());
    }

    fn relay(&mut self, now: Instant, id: StreamId, bytes: &[u8]) {
        let Some(relay) = &mut self.relay else { return };
        let unix = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let at = Moment {
            now,
            unix: unix.map_or(0, |unix| unix.as_secs()),
        };
        match relay.receive(at, id.remote, bytes) {
            Outcome::Dropped => {}
            Outcome::Answer(answer) => {
                self.dropped_sends += self.streams.send(id.remote, &Run::single(answer));
            }
            Outcome::Datagram { from, to, bytes } => {
                let relayed = Relayed { from, to, bytes };
                match self.ways.owners.get(&to) {
                    Some(other) if *other != self.index => {
                        self.ways.tell(*other, News::Relayed(relayed));
                    }
                    Some(_) | None => self.take_relayed(now, relayed),
                }
            }
        }
    }

    fn take_relayed(&mut self, now: Instant, Relayed { from, to, bytes }: Relayed) {
        self.sfu.datagram(now, Path::of_datagram(from), &bytes);
        // Now: an answer to STUN has to come from the address that was asked, and the next datagram may ask another one.
        self.asked = Some(to);
        self.put_out();
        self.asked = None;
    }

    // Returns how many of the datagrams are lost.
    fn send_relayed(&self, relayed: SocketAddr, asked: Option<SocketAddr>, run: Run) -> u64 {
        let count = run.datagrams().count() as u64;
        let Some(relay) = &self.relay else {
            let news = News::Unrelayed(relayed, asked, run);
            return if self.ways.tell(RELAY_WORKER, news) {
                0
            } else {
                count
            };
        };
        let now = Instant::now();
        let lost = |datagram: &[u8]| match relay.wrap(now, relayed, asked, datagram) {
            Some((client, wrapped)) => self.streams.send(client, &Run::single(wrapped)),
            None => 1,
        };
        run.datagrams().map(lost).sum()
    }

    // What came over a connection that is no more.
    fn forget(&mut self, remote: SocketAddr) {
        self.sfu.forget(Path::tcp(remote));
        let Some(relayed) = self.relay.as_mut().and_then(|relay| relay.close(remote)) else {
            return;
        };
        self.sfu.forget(Path::of_datagram(relayed));
        if self.used.remove(&relayed).is_some() {
            // A path that stays known where this is not taken leads to nobody, and goes with its peer.
            for other in (0..self.ways.news.len()).filter(|other| *other != self.index) {
                self.ways.tell(other, News::Unused(relayed));
            }
        }
    }

    fn flush(&mut self, now: Instant) {
        self.sfu.flush(now);
        if self.sfu.next().is_some_and(|at| at <= now) {
            self.sfu.tick(now);
        }
    }

    fn tick(&mut self, now: Instant) {
        self.sfu.tick(now);
        let is_recent = |at: &Instant| now.saturating_duration_since(*at) < UNUSED_FOR;
        self.used.retain(|_, at| is_recent(at));
        let (sfu, relay, used) = (&self.sfu, self.relay.as_ref(), &self.used);
        let patience = |remote| {
            let relayed = relay.and_then(|relay| relay.relayed(remote));
            if relayed.is_some_and(|relayed| used.contains_key(&relayed)) {
                return None;
            }
            patience(sfu, relayed, remote)
        };
        for remote in self.streams.sweep(now, patience) {
            self.forget(remote);
        }
    }

    fn put_out(&mut self) {
        while let Some(output) = self.sfu.poll() {
            match output {
                Output::Send(Path { transport, remote }, run) => {
                    // A full buffer loses the datagram, as a full router would.
                    self.dropped_sends += match transport {
                        Transport::Udp => self.udp.send(remote, &run),
                        Transport::Tcp => self.streams.send(remote, &run),
                        Transport::Relay => self.send_relayed(remote, self.asked, run),
                    };
                }
                Output::Event(event) => {
                    if let MediaEvent::Gone { peer, .. } = event {
                        lock(&self.placement).leave(peer);
                    }
                    self.events.push(event);
                }
                Output::Cross(to, room, crossing) => self.seam.put(to, room, crossing),
            }
        }
        self.seam.send();
        self.events.flush();
    }
}

/// How long a connection may stay that belongs to nobody; `None` when it belongs to somebody.
fn patience(sfu: &Sfu, relayed: Option<SocketAddr>, remote: SocketAddr) -> Option<Duration> {
    let relayed = relayed.map(Path::of_datagram);
    let is_used = |path: Path| sfu.knows(path);
    if is_used(Path::tcp(remote)) || relayed.is_some_and(is_used) {
        return None;
    }
    Some(match relayed {
        Some(_) => UNUSED_FOR,
        None => STRANGER_FOR,
    })
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
