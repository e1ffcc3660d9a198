//! The media thread: what comes in goes to the SFU, what it wants done is done.

use std::time::Instant;

use tokio::sync::mpsc;

use super::Command;
use super::streams::{News, Streams};
use super::udp::Udp;
use crate::events::Events;
use crate::sfu::path::{Path, Transport};
use crate::sfu::{Output, Sfu};
use crate::{MediaEvent, MediaStats};

/// Datagrams of TCP connections taken before commands and timers get their turn.
const BATCH_MAX: usize = 64;

#[derive(Debug)]
pub(super) struct Worker {
    sfu: Sfu,
    udp: Udp,
    streams: Streams,
    events: Events,
    dropped_sends: u64,
}

impl Worker {
    pub(super) fn new(sfu: Sfu, udp: Udp, events: mpsc::Sender<MediaEvent>) -> Self {
        Self {
            sfu,
            udp,
            streams: Streams::default(),
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
        self.udp
            .read(|from, bytes| sfu.datagram(Instant::now(), Path::udp(from), bytes));
        self.flush(Instant::now());
    }

    fn hear(&mut self, first: News, more: &mut mpsc::Receiver<News>) {
        let mut next = Some(first);
        for _ in 0..BATCH_MAX {
            let Some(news) = next else { break };
            let now = Instant::now();
            match news {
                News::Opened(id, queue) => self.streams.open(now, id, queue),
                News::Datagram(id, bytes) if self.streams.has(id) => {
                    self.sfu.datagram(now, Path::tcp(id.remote), &bytes);
                }
                // It was closed from here meanwhile.
                News::Datagram(..) => {}
                News::Closed(id) => {
                    if self.streams.close(id) {
                        self.sfu.forget(Path::tcp(id.remote));
                    }
                }
            }
            next = more.try_recv().ok();
        }
        self.flush(Instant::now());
    }

    fn flush(&mut self, now: Instant) {
        self.sfu.flush(now);
        if self.sfu.next().is_some_and(|at| at <= now) {
            self.sfu.tick(now);
        }
    }

    fn tick(&mut self, now: Instant) {
        self.sfu.tick(now);
        let sfu = &self.sfu;
        self.streams
            .sweep(now, |remote| sfu.knows(Path::tcp(remote)));
    }

    fn put_out(&mut self) {
        while let Some(output) = self.sfu.poll() {
            match output {
                Output::Send(Path { transport, remote }, run) => {
                    // A full buffer loses the datagram, as a full router would.
                    self.dropped_sends += match transport {
                        Transport::Udp => self.udp.send(remote, &run),
                        Transport::Tcp => self.streams.send(remote, &run),
                    };
                }
                Output::Event(event) => self.events.push(event),
            }
        }
        self.events.flush();
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
