//! The engine's clockwork: datagrams and time go in, what it wants done comes out.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use str0m::Input;
use str0m::ice::StunMessage;
use str0m::net::{Protocol, Receive};

use super::{Output, Peer};
use crate::sfu::demux;
use crate::sfu::egress::run::Run;
use crate::sfu::egress::{News, Taken};
use crate::sfu::limits::STREAMS_PER_PEER_MAX;
use crate::sfu::path::{Path, Transport};

/// Silence of the address in use after which another that proves itself takes over. Browsers check the path in use
/// every 2.5 s at least.
const PATH_SILENT: Duration = Duration::from_secs(3);
/// Checks that are known again: those of some minutes, as browsers make them.
const CHECKS_KEPT: usize = 512;
/// Times that the engine may name a time already due before it has to wait a millisecond.
const SPINS_MAX: u8 = 8;

impl Peer {
    /// Whether a datagram on a path not seen before belongs here: only STUN whose integrity
    /// proves knowledge of this connection's password (RFC 8445 §7.3).
    pub fn admits(&mut self, now: Instant, from: Path, bytes: &[u8]) -> bool {
        self.accepts(now, from, bytes)
            && self.is_authentic(bytes)
            && !transaction(bytes).is_some_and(|id| self.checks.contains(&id))
    }

    /// Whether the engine would take a datagram.
    fn accepts(&self, now: Instant, from: Path, bytes: &[u8]) -> bool {
        let accepts = || match self.arrived(from, bytes) {
            Some(receive) => self.rtc.accepts(&Input::Receive(now, receive)),
            None => false,
        };
        contained(accepts).unwrap_or(false)
    }

    /// Whether STUN carries a MESSAGE-INTEGRITY made with our password. The engine does not look at it in what comes from
    /// where it sends to.
    fn is_authentic(&mut self, bytes: &[u8]) -> bool {
        let password = self.rtc.direct_api().local_ice_credentials().pass;
        let hmac = |key: &[u8], parts: &[&[u8]]| {
            let provider = self.crypto.sha1_hmac_provider;
            provider.sha1_hmac(key, parts)
        };
        let check = || {
            let message = StunMessage::parse(bytes);
            message.is_ok_and(|message| message.verify(password.as_bytes(), hmac))
        };
        contained(check).unwrap_or(false)
    }

    /// Whether STUN is not one of the last [`CHECKS_KEPT`] again. It is one of them then.
    fn is_new_check(&mut self, bytes: &[u8]) -> bool {
        let Some(id) = transaction(bytes).filter(|id| !self.checks.contains(id)) else {
            return false;
        };
        if self.checks.len() == CHECKS_KEPT {
            self.checks.pop_front();
        }
        self.checks.push_back(id);
        true
    }

    /// Takes a datagram on a path that [`admits`](Self::admits) let in. Returns whether it
    /// could be read; a bad one changes nothing. Whether it was the participant's own tells [`heard`](Self::heard), once
    /// all was polled.
    pub fn receive(&mut self, now: Instant, from: Path, bytes: &[u8]) -> bool {
        self.advance(now);
        if demux::is_stun(bytes) {
            if !self.is_authentic(bytes) {
                return false;
            }
            // Whoever sends it again, as the client does when no answer came, proves nothing by that.
            if self.is_new_check(bytes) {
                self.heard = self.now;
                self.follow(now, from, bytes);
            }
        } else if demux::is_rtcp(bytes) {
            self.egress_waits = true;
            let egress = &mut self.egress;
            match contained(|| egress.rtcp(now, bytes)) {
                Some(Taken::Yes { others, newest }) => {
                    self.heard = self.now;
                    // The client sends its reports to where it expects media from. One that was overtaken says nothing.
                    if newest {
                        self.move_to(now, from);
                    }
                    if !others {
                        return true;
                    }
                }
                Some(Taken::No) if self.egress.has_keys() => return false,
                Some(Taken::No) => {}
                None => {
                    self.rtc.disconnect();
                    return false;
                }
            }
        }
        if demux::is_media(bytes) && !demux::is_rtcp(bytes) && !self.admits_stream(bytes) {
            return false;
        }
        self.engine_wait = None;
        let read = contained(|| match self.arrived(from, bytes) {
            Some(receive) => self.rtc.handle_input(Input::Receive(now, receive)).is_ok(),
            None => false,
        });
        if read.is_none() {
            self.rtc.disconnect();
        }
        read.unwrap_or(false)
    }

    /// Whether the engine can take an RTP packet: of a known stream, or the first of one and made with the keys. The engine
    /// takes a stream's place in an m-line from any packet, forged ones too, and forgets no stream that it has ever seen.
    fn admits_stream(&mut self, packet: &[u8]) -> bool {
        let Some(ssrc) = packet.get(8..12).and_then(|ssrc| ssrc.try_into().ok()) else {
            return false;
        };
        let ssrc = u32::from_be_bytes(ssrc);
        if self.streams.contains(&ssrc) {
            return self.numbers.admits(packet);
        }
        let admits = self.streams.len() < STREAMS_PER_PEER_MAX
            && self.egress.is_authentic_first(packet)
            && self.numbers.admits(packet);
        if admits {
            self.streams.insert(ssrc);
        }
        admits
    }

    /// Lets media follow the client to another address, by a check that is authentic: when it nominates that address
    /// (RFC 8445 §7.3.1.5), or proves itself there while nothing comes from the old one. The engine itself stays with the
    /// address of the beginning.
    fn follow(&mut self, now: Instant, from: Path, check: &[u8]) {
        let Some(to) = self.in_use.path else {
            return;
        };
        let silent = now.saturating_duration_since(self.in_use.heard) > PATH_SILENT;
        let moves = to == from || silent || demux::nominates(check);
        if moves && self.accepts(now, from, check) {
            self.move_to(now, from);
        }
    }

    fn move_to(&mut self, now: Instant, to: Path) {
        let old = self.in_use.path.replace(to);
        self.in_use.heard = now;
        if old.is_some_and(|old| old != to) {
            self.egress.moved();
        }
    }

    /// Notes the time for what follows, without work.
    pub fn advance(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }

    /// Begins an orderly end: a DTLS alert.
    pub fn close(&mut self, now: Instant) {
        self.advance(now);
        self.tick_engine();
        if self.rtc.close().is_err() {
            self.rtc.disconnect();
        }
    }

    /// Lets time pass.
    pub fn tick(&mut self, now: Instant) {
        self.advance(now);
        self.egress_waits = true;
        if self.engine_wait.is_none_or(|at| at <= now) {
            self.tick_engine();
        }
    }

    fn tick_engine(&mut self) {
        self.engine_wait = None;
        // An error here leaves the engine closed, which `poll` reports.
        let (rtc, now) = (&mut self.rtc, self.now);
        if contained(|| rtc.handle_input(Input::Timeout(now)).is_ok()).is_none() {
            self.rtc.disconnect();
        }
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Output {
        if let Some(packet) = self.restored.pop_front() {
            return Output::Packet(packet);
        }
        let engine_wait = match self.engine_wait {
            Some(at) => at,
            None => match self.poll_engine() {
                ControlFlow::Continue(at) => *self.engine_wait.insert(at),
                ControlFlow::Break(output) => return output,
            },
        };
        if !self.egress.has_keys()
            && let Some(keying) = self.keys.get()
            && !self.egress.set_keys(keying)
        {
            tracing::debug!("media keys do not fit their profile");
            return Output::Closed;
        }
        if std::mem::take(&mut self.egress_waits) {
            self.egress.pump(self.now);
        }
        while let Some(run) = self.egress.poll_run() {
            if let Some(to) = self.in_use.path {
                return Output::Send(to, run);
            }
        }
        while let Some(news) = self.egress.poll_news() {
            match news {
                News::KeyFrameWanted(at) => {
                    // There are none in sound.
                    if let Some(at) = at.checked_sub(self.audio.len()) {
                        return Output::KeyFrameWanted(at);
                    }
                }
                News::Estimate(bps) => return Output::Estimate(bps),
                News::Quality(told) => return Output::Quality(told),
            }
        }
        let at = engine_wait.min(self.egress.next(self.now));
        Output::Wait(at.max(self.now + Duration::from_millis(1)))
    }

    /// The next thing that the engine wants done, or when it wants to be called. Timeouts that are due already are
    /// handled inside.
    fn poll_engine(&mut self) -> ControlFlow<Output, Instant> {
        loop {
            if !self.rtc.is_alive() {
                return ControlFlow::Break(Output::Closed);
            }
            let rtc = &mut self.rtc;
            let Some(output) = contained(|| rtc.poll_output()) else {
                self.rtc.disconnect();
                return ControlFlow::Break(Output::Closed);
            };
            match output {
                Ok(str0m::Output::Transmit(send)) => {
                    let bytes: Vec<u8> = send.contents.into();
                    let path = match send.proto {
                        Protocol::Udp => Path::of_datagram(send.destination),
                        Protocol::Tcp | Protocol::SslTcp | Protocol::Tls => {
                            Path::tcp(send.destination)
                        }
                    };
                    // An answer to a check goes where the check came from, everything else where media goes.
                    let to = if demux::is_stun(&bytes) {
                        path
                    } else {
                        *self.in_use.path.get_or_insert(path)
                    };
                    return ControlFlow::Break(Output::Send(to, Run::single(bytes)));
                }
                Ok(str0m::Output::Event(event)) => {
                    if let Some(output) = self.event(event) {
                        return ControlFlow::Break(output);
                    }
                }
                Ok(str0m::Output::Timeout(at)) if at <= self.now && self.spins < SPINS_MAX => {
                    self.spins += 1;
                    self.tick_engine();
                }
                Ok(str0m::Output::Timeout(at)) => {
                    self.spins = 0;
                    return ControlFlow::Continue(at);
                }
                Err(error) => self.fail(&error),
            }
        }
    }

    fn arrived<'a>(&self, from: Path, bytes: &'a [u8]) -> Option<Receive<'a>> {
        let (transport, local) = match from.transport {
            Transport::Udp | Transport::Relay => (Protocol::Udp, self.local.0),
            Transport::Tcp => (Protocol::Tcp, self.local.1?),
        };
        Receive::new(transport, from.remote, local, bytes).ok()
    }

    fn fail(&mut self, error: &str0m::RtcError) {
        tracing::debug!(%error, "media connection failed");
        self.rtc.disconnect();
    }
}

/// The transaction of STUN (RFC 8489 §5).
fn transaction(stun: &[u8]) -> Option<[u8; 12]> {
    stun.get(8..20)?.try_into().ok()
}

/// Runs the engine on bytes from outside; `None` if it panicked. The connection must not be used
/// after that, but a bug in the engine then costs one participant the call, not everyone.
pub(super) fn contained<T>(run: impl FnOnce() -> T) -> Option<T> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).ok()
}
