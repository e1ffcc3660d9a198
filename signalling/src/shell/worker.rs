//! The media thread: what comes in goes to the SFU, what it wants done is done.

use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::mpsc;

use super::Command;
use super::streams::{News, STRANGER_FOR, StreamId, Streams, UNUSED_FOR};
use super::udp::Udp;
use super::wire::Wire;
use crate::events::Events;
use crate::relay::{Moment, Outcome, Relay};
use crate::sfu::egress::run::Run;
use crate::sfu::path::{Path, Transport, is_relayed};
use crate::sfu::{Output, Sfu};
use crate::{MediaEvent, MediaStats};

/// Datagrams of TCP connections taken before commands and timers get their turn.
const BATCH_MAX: usize = 64;

#[derive(Debug)]
pub(super) struct Worker {
    sfu: Sfu,
    udp: Udp,
    streams: Streams,
    relay: Relay,
    events: Events,
    dropped_sends: u64,
}

impl Worker {
    pub(super) fn new(sfu: Sfu, udp: Udp, relay: Relay, events: mpsc::Sender<MediaEvent>) -> Self {
        Self {
            sfu,
            udp,
            streams: Streams::default(),
            relay,
            events: Events::new(events),
            dropped_sends: 0,
        }
    }

    /// Works until it is told to stop or the last handle is gone.
    pub(super) async fn run(
        mut self,
        mut inbox: mpsc::Receiver<Command>,
        mut news: mpsc::Receiver<News>,
    ) {
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
                // A caller that no longer waits will not tell its client either.
                if reply.send(answer).is_err() {
                    self.sfu.leave(now, peer);
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
        let mut next = Some(first);
        for _ in 0..BATCH_MAX {
            let Some(news) = next else { break };
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
            }
            next = more.try_recv().ok();
        }
        self.flush(Instant::now());
    }

    fn relay(&mut self, now: Instant, id: StreamId, bytes: &[u8]) {
        let unix = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let at = Moment {
            now,
            unix: unix.map_or(0, |unix| unix.as_secs()),
        };
        match self.relay.receive(at, id.remote, bytes) {
            Outcome::Dropped => {}
            Outcome::Answer(answer) => {
                self.dropped_sends += self.streams.send(id.remote, &Run::single(answer));
            }
            Outcome::Datagram(from, bytes) => {
                self.sfu.datagram(now, Path::of_datagram(from), &bytes);
                // Now: an answer to STUN has to come from the address that was asked, and the next datagram may ask
                // another one.
                self.put_out();
            }
        }
    }

    // Returns how many of the datagrams are lost.
    fn send_relayed(&self, relayed: SocketAddr, run: &Run) -> u64 {
        let now = Instant::now();
        let lost = |datagram: &[u8]| match self.relay.wrap(now, relayed, datagram) {
            Some((client, wrapped)) => self.streams.send(client, &Run::single(wrapped)),
            None => 1,
        };
        run.datagrams().map(lost).sum()
    }

    // What came over a connection that is no more.
    fn forget(&mut self, remote: SocketAddr) {
        self.sfu.forget(Path::tcp(remote));
        if let Some(relayed) = self.relay.close(remote) {
            self.sfu.forget(Path::of_datagram(relayed));
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
        let (sfu, relay) = (&self.sfu, &self.relay);
        let patience = |remote| patience(sfu, relay, remote);
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
                        Transport::Relay => self.send_relayed(remote, &run),
                    };
                }
                Output::Event(event) => self.events.push(event),
            }
        }
        self.events.flush();
    }
}

/// How long a connection may stay that belongs to nobody; `None` when it belongs to somebody.
fn patience(sfu: &Sfu, relay: &Relay, remote: SocketAddr) -> Option<Duration> {
    let relayed = relay.relayed(remote).map(Path::of_datagram);
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
