//! The engine's clockwork: datagrams and time go in, what it wants done comes out.

use std::time::{Duration, Instant};

use str0m::Input;
use str0m::net::{Protocol, Receive};

use super::{Output, Peer};
use crate::sfu::path::{Path, Transport};

/// Times that the engine may name a time already due before it has to wait a millisecond.
const SPINS_MAX: u8 = 8;

impl Peer {
    /// Whether a datagram on a path not seen before belongs here: only STUN whose integrity
    /// proves knowledge of this connection's password (RFC 8445 §7.3).
    pub fn admits(&self, now: Instant, from: Path, bytes: &[u8]) -> bool {
        let admits = || match self.arrived(from, bytes) {
            Some(receive) => self.rtc.accepts(&Input::Receive(now, receive)),
            None => false,
        };
        contained(admits).unwrap_or(false)
    }

    /// Takes a datagram on a path that [`admits`](Self::admits) let in. Returns whether it
    /// could be read; a bad one changes nothing.
    pub fn receive(&mut self, now: Instant, from: Path, bytes: &[u8]) -> bool {
        self.advance(now);
        let read = contained(|| match self.arrived(from, bytes) {
            Some(receive) => self.rtc.handle_input(Input::Receive(now, receive)).is_ok(),
            None => false,
        });
        if read.is_none() {
            self.rtc.disconnect();
        }
        read.unwrap_or(false)
    }

    /// Notes the time for what follows, without work.
    pub fn advance(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }

    /// Begins an orderly end: RTCP BYE and a DTLS alert.
    pub fn close(&mut self, now: Instant) {
        self.tick(now);
        if self.rtc.close().is_err() {
            self.rtc.disconnect();
        }
    }

    /// Lets time pass.
    pub fn tick(&mut self, now: Instant) {
        self.advance(now);
        // An error here leaves the engine closed, which `poll` reports.
        let rtc = &mut self.rtc;
        if contained(|| rtc.handle_input(Input::Timeout(now)).is_ok()).is_none() {
            self.rtc.disconnect();
        }
    }

    /// The next thing to do. Timeouts that are due already are handled inside.
    pub fn poll(&mut self) -> Output {
        loop {
            if !self.rtc.is_alive() {
                return Output::Closed;
            }
            let rtc = &mut self.rtc;
            let Some(output) = contained(|| rtc.poll_output()) else {
                self.rtc.disconnect();
                return Output::Closed;
            };
            match output {
                Ok(str0m::Output::Transmit(send)) => {
                    let path = match send.proto {
                        Protocol::Udp => Path::udp(send.destination),
                        Protocol::Tcp | Protocol::SslTcp | Protocol::Tls => {
                            Path::tcp(send.destination)
                        }
                    };
                    return Output::Send(path, send.contents.into());
                }
                Ok(str0m::Output::Event(event)) => {
                    if let Some(output) = self.event(event) {
                        return output;
                    }
                }
                Ok(str0m::Output::Timeout(at)) if at <= self.now && self.spins < SPINS_MAX => {
                    self.spins += 1;
                    let now = self.now;
                    self.tick(now);
                }
                Ok(str0m::Output::Timeout(at)) => {
                    self.spins = 0;
                    return Output::Wait(at.max(self.now + Duration::from_millis(1)));
                }
                Err(error) => self.fail(&error),
            }
        }
    }

    fn arrived<'a>(&self, from: Path, bytes: &'a [u8]) -> Option<Receive<'a>> {
        let (transport, local) = match from.transport {
            Transport::Udp => (Protocol::Udp, self.local.0),
            Transport::Tcp => (Protocol::Tcp, self.local.1?),
        };
        Receive::new(transport, from.remote, local, bytes).ok()
    }

    fn fail(&mut self, error: &str0m::RtcError) {
        tracing::debug!(%error, "media connection failed");
        self.rtc.disconnect();
    }
}

/// Runs the engine on bytes from outside; `None` if it panicked. The connection must not be used
/// after that, but a bug in the engine then costs one participant the call, not everyone.
pub(super) fn contained<T>(run: impl FnOnce() -> T) -> Option<T> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).ok()
}
