//! Tells the server when packets arrived (transport-wide congestion control): the stack's own reports, fed also with
//! what only the socket saw.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rtc::interceptor::{
    AttributedPacket, Interceptor, Packet, RTPHeaderExtension, StreamInfo, TaggedPacket,
    TwccReceiverBuilder, TwccReceiverInterceptor,
};
use rtc::sansio::Protocol;
use rtc::sdp::extmap::TRANSPORT_CC_URI;
use rtc::shared::TransportContext;
use rtc::shared::error::Error;

use super::browser::TRANSPORT_CC_ID;
use super::tap::Received;

/// As often as the stack's own reports.
const INTERVAL: Duration = Duration::from_millis(100);

/// The part that sits in the stack.
pub(super) struct Reports {
    stack: TwccReceiverInterceptor,
    received: Arc<Received>,
    next: Instant,
}

impl Reports {
    /// Reports on what `received` counts.
    pub(super) fn new(received: Arc<Received>) -> Self {
        let mut stack = TwccReceiverBuilder::new().with_interval(INTERVAL).build();
        // The stack reports arrivals only once it knows a stream. A server that probes the network before its first
        // media packet, as browsers let it, would find all of that lost and hold its estimate down for many seconds.
        // SSRC 0 is what such probes carry.
        stack.bind_remote_stream(&StreamInfo {
            rtp_header_extensions: vec![RTPHeaderExtension {
                uri: TRANSPORT_CC_URI.to_owned(),
                id: TRANSPORT_CC_ID.into(),
            }],
            ..Default::default()
        });
        Self {
            stack,
            received,
            next: Instant::now() + INTERVAL,
        }
    }

    fn tell_arrivals(&mut self) -> Result<(), Error> {
        for arrival in self.received.take_arrivals() {
            let mut packet = rtc::rtp::Packet::default();
            packet.header.ssrc = arrival.ssrc;
            let number = Bytes::copy_from_slice(&arrival.transport_seq.to_be_bytes());
            packet.header.set_extension(TRANSPORT_CC_ID, number)?;
            self.stack.handle_read(TaggedPacket {
                now: arrival.at,
                transport: TransportContext::default(),
                message: AttributedPacket::new(Packet::Rtp(packet)),
            })?;
            // It has been counted; nothing above shall see it.
            drop(self.stack.poll_read());
        }
        Ok(())
    }
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for Reports {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, message: TaggedPacket) -> Result<(), Error> {
        self.stack.handle_read(message)
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.stack.poll_read()
    }

    fn handle_write(&mut self, message: TaggedPacket) -> Result<(), Error> {
        self.stack.handle_write(message)
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.stack.poll_write()
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        if now >= self.next {
            self.next = now + INTERVAL;
            self.tell_arrivals()?;
        }
        self.stack.handle_timeout(now)
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        let stack = self.stack.poll_timeout();
        Some(stack.map_or(self.next, |at| at.min(self.next)))
    }
}

impl Interceptor for Reports {
    fn bind_local_stream(&mut self, info: &StreamInfo) {
        self.stack.bind_local_stream(info);
    }

    fn unbind_local_stream(&mut self, info: &StreamInfo) {
        self.stack.unbind_local_stream(info);
    }

    fn bind_remote_stream(&mut self, info: &StreamInfo) {
        self.stack.bind_remote_stream(info);
    }

    fn unbind_remote_stream(&mut self, info: &StreamInfo) {
        self.stack.unbind_remote_stream(info);
    }
}
