//! Counts what a fake browser receives, inside the WebRTC stack, before any queue of the stack's own could drop it.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rtc::interceptor::{Interceptor, Packet, StreamInfo, TaggedPacket};
use rtc::rtcp::payload_feedbacks::full_intra_request::FullIntraRequest;
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::sansio::Protocol;
use rtc::shared::error::Error;

use super::receive::{self, Stream};
use super::wire::Open;

/// What came, and what was asked for.
#[derive(Debug, Default)]
pub(super) struct Received {
    streams: Mutex<BTreeMap<u32, Stream>>,
    first_frame: Mutex<Option<Instant>>,
    sees: AtomicBool,
    arrivals: Mutex<Vec<Arrival>>,
    bytes: AtomicU64,
    key_wanted: AtomicBool,
    key_requests: AtomicU64,
    key_asked: Mutex<Asked>,
}

/// How close together key frames were asked for.
#[derive(Clone, Copy, Debug, Default)]
struct Asked {
    last: Option<Instant>,
    least_gap: Option<Duration>,
}

/// When a packet came that only the socket saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Arrival {
    /// Its stream.
    pub(super) ssrc: u32,
    /// Its number among all packets of the transport.
    pub(super) transport_seq: u16,
    /// When it came.
    pub(super) at: Instant,
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

    /// Whether the first key frame was whole: from then on nobody needs to look into packets.
    pub(super) fn sees(&self) -> bool {
        self.sees.load(Ordering::Relaxed)
    }

    /// What has arrived at the socket since the last call.
    pub(super) fn take_arrivals(&self) -> Vec<Arrival> {
        std::mem::take(&mut lock(&self.arrivals))
    }

    /// Whether a key frame was asked for since the last call.
    pub(super) fn take_key_wanted(&self) -> bool {
        self.key_wanted.swap(false, Ordering::Relaxed)
    }

    /// Key frames asked for (PLI, FIR).
    pub(super) fn key_requests(&self) -> u64 {
        self.key_requests.load(Ordering::Relaxed)
    }

    /// The least time between two of them.
    pub(super) fn key_requests_gap(&self) -> Option<Duration> {
        lock(&self.key_asked).least_gap
    }

    fn asked(&self, requests: u64, now: Instant) {
        if requests > 0 {
            let mut asked = lock(&self.key_asked);
            // Several in one packet are none apart.
            let gap = (requests > 1).then_some(Duration::ZERO);
            let gap = gap.or_else(|| asked.last.map(|last| now.saturating_duration_since(last)));
            asked.least_gap = asked.least_gap.into_iter().chain(gap).min();
            asked.last = Some(now);
            drop(asked);
            self.key_requests.fetch_add(requests, Ordering::Relaxed);
            self.key_wanted.store(true, Ordering::Relaxed);
        }
    }

    fn rtp(&self, packet: &rtc::rtp::Packet) {
        let header = &packet.header;
        let is_video = header.payload_type == super::track::VP8;
        let fields = receive::Packet {
            seq: header.sequence_number,
            timestamp: header.timestamp,
            marker: header.marker,
            vp8: is_video.then_some(&packet.payload[..]),
        };
        if self.take(header.ssrc, packet.payload.len(), fields) {
            lock(&self.first_frame).get_or_insert_with(Instant::now);
            self.sees.store(true, Ordering::Relaxed);
        }
    }

    /// Counts a packet that is not decrypted.
    pub(super) fn open(&self, packet: Open, at: Instant) {
        if let Some(transport_seq) = packet.transport_seq {
            lock(&self.arrivals).push(Arrival {
                ssrc: packet.ssrc,
                transport_seq,
                at,
            });
        }
        let fields = receive::Packet {
            seq: packet.seq,
            timestamp: packet.timestamp,
            marker: packet.marker,
            vp8: None,
        };
        self.take(packet.ssrc, packet.payload, fields);
    }

    fn take(&self, ssrc: u32, payload: usize, fields: receive::Packet<'_>) -> bool {
        // Padding by which a sender probes the network before it has a stream to pad.
        if ssrc == 0 {
            return false;
        }
        self.bytes.fetch_add(payload as u64, Ordering::Relaxed);
        let mut streams = lock(&self.streams);
        if let Some(stream) = streams.get_mut(&ssrc) {
            return stream.take(fields);
        }
        streams.insert(ssrc, Stream::new(fields));
        false
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
            self.received.asked(requests.count() as u64, message.now);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_time_between_requests_is_kept() {
        let received = Received::default();
        let start = Instant::now();
        for ms in [0, 600, 1_100, 1_900] {
            received.asked(1, start + Duration::from_millis(ms));
        }
        received.asked(0, start + Duration::from_millis(1_901));
        assert_eq!(received.key_requests(), 4);
        assert_eq!(
            received.key_requests_gap(),
            Some(Duration::from_millis(500))
        );
        received.asked(2, start + Duration::from_secs(9));
        assert_eq!(received.key_requests_gap(), Some(Duration::ZERO));
    }
}
