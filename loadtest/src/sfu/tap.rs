//! Counts what a fake browser receives, inside the WebRTC stack, before any queue of the stack's own could drop it.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use rtc::interceptor::{Interceptor, Packet, StreamInfo, TaggedPacket};
use rtc::rtcp::payload_feedbacks::full_intra_request::FullIntraRequest;
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::sansio::Protocol;
use rtc::shared::error::Error;

use super::receive::{self, Stream};

/// What came, and what was asked for.
#[derive(Debug, Default)]
pub(super) struct Received {
    streams: Mutex<BTreeMap<u32, Stream>>,
    first_frame: Mutex<Option<Instant>>,
    bytes: AtomicU64,
    key_wanted: AtomicBool,
    key_requests: AtomicU64,
}

/// Sums over all streams of a browser.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sums {
    /// Different packets.
    pub(super) packets: u64,
    /// Packets that did not come.
    pub(super) lost: u64,
    /// Packets that came again.
    pub(super) repeats: u64,
    /// Bytes of payload.
    pub(super) bytes: u64,
}

impl Sums {
    /// What has changed since.
    pub(super) const fn since(self, before: Self) -> Self {
        Self {
            packets: self.packets - before.packets,
            // A late packet takes a loss back.
            lost: self.lost.saturating_sub(before.lost),
            repeats: self.repeats - before.repeats,
            bytes: self.bytes - before.bytes,
        }
    }
}

impl Received {
    /// The sums now.
    pub(super) fn sums(&self) -> Sums {
        let bytes = self.bytes.load(Ordering::Relaxed);
        let sums = Sums {
            bytes,
            ..Sums::default()
        };
        lock(&self.streams)
            .values()
            .fold(sums, |sums, stream| Sums {
                packets: sums.packets + stream.packets(),
                lost: sums.lost + stream.lost(),
                repeats: sums.repeats + stream.repeats(),
                ..sums
            })
    }

    /// When the first key frame was whole.
    pub(super) fn first_frame(&self) -> Option<Instant> {
        *lock(&self.first_frame)
    }

    /// Whether a key frame was asked for since the last call.
    pub(super) fn take_key_wanted(&self) -> bool {
        self.key_wanted.swap(false, Ordering::Relaxed)
    }

    /// Key frames asked for (PLI, FIR).
    pub(super) fn key_requests(&self) -> u64 {
        self.key_requests.load(Ordering::Relaxed)
    }

    fn asked(&self, requests: u64) {
        if requests > 0 {
            self.key_requests.fetch_add(requests, Ordering::Relaxed);
            self.key_wanted.store(true, Ordering::Relaxed);
        }
    }

    fn rtp(&self, packet: &rtc::rtp::Packet) {
        let header = &packet.header;
        // Padding by which a sender probes the network before it has a stream to pad.
        if header.ssrc == 0 {
            return;
        }
        self.bytes
            .fetch_add(packet.payload.len() as u64, Ordering::Relaxed);
        let is_video = header.payload_type == super::track::VP8;
        let fields = receive::Packet {
            seq: header.sequence_number,
            timestamp: header.timestamp,
            marker: header.marker,
            vp8: is_video.then_some(&packet.payload[..]),
        };
        let mut streams = lock(&self.streams);
        let whole = match streams.get_mut(&header.ssrc) {
            Some(stream) => stream.take(fields),
            None => {
                streams.insert(header.ssrc, Stream::new(fields));
                false
            }
        };
        if whole {
            lock(&self.first_frame).get_or_insert_with(Instant::now);
        }
    }
}

// Nothing panics while it holds these; if it did, the numbers before are still good.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The part that sits in the stack.
pub(super) struct Tap {
    received: Arc<Received>,
    inbound: VecDeque<TaggedPacket>,
    outbound: VecDeque<TaggedPacket>,
}

impl Tap {
    /// A tap that counts into `received`.
    pub(super) const fn new(received: Arc<Received>) -> Self {
        Self {
            received,
            inbound: VecDeque::new(),
            outbound: VecDeque::new(),
        }
    }
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for Tap {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, message: TaggedPacket) -> Result<(), Error> {
        if let Packet::Rtp(packet) = &message.message.packet {
            self.received.rtp(packet);
        }
        if let Packet::Rtcp(packets) = &message.message.packet {
            let requests = packets.iter().filter(|packet| {
                let any = packet.as_any();
                any.is::<PictureLossIndication>() || any.is::<FullIntraRequest>()
            });
            self.received.asked(requests.count() as u64);
        }
        self.inbound.push_back(message);
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.inbound.pop_front()
    }

    fn handle_write(&mut self, message: TaggedPacket) -> Result<(), Error> {
        self.outbound.push_back(message);
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.outbound.pop_front()
    }
}

impl Interceptor for Tap {
    fn bind_local_stream(&mut self, _: &StreamInfo) {}
    fn unbind_local_stream(&mut self, _: &StreamInfo) {}
    fn bind_remote_stream(&mut self, _: &StreamInfo) {}
    fn unbind_remote_stream(&mut self, _: &StreamInfo) {}
}
