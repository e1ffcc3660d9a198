//! What goes to the participant: packets in slots, requests for key frames, and what would be sent if it could.

use std::time::Instant;

use str0m::bwe::Bitrate;
use str0m::media::KeyframeRequestKind;
use str0m::rtp::{RtpWrite, Vp8Descriptor};

use super::negotiation::declare;
use super::{Packet, Peer, Unfit};
use crate::Source;
use crate::sfu::limits::QUEUE_MAX;
use crate::sfu::rewrite::Outgoing;

impl Peer {
    /// Sends a packet in an audio or video slot, by its kind.
    pub fn write(
        &mut self,
        now: Instant,
        slot: usize,
        packet: &Packet,
        numbers: Outgoing,
    ) -> Result<(), Unfit> {
        self.advance(now);
        let downs = if packet.source.is_audio() {
            &mut self.audio
        } else {
            &mut self.video
        };
        let down = downs.get_mut(slot).ok_or(Unfit)?;
        if !down.used {
            declare(&mut self.rtc, down);
            down.used = true;
        }
        let mut write = RtpWrite::new(
            down.pt,
            numbers.seq.into(),
            numbers.time,
            packet.captured.min(self.now),
            packet.payload.clone(),
        )
        .marker(packet.marker)
        .nackable(!packet.source.is_audio())
        .ext_vals(packet.extensions.clone());
        if let Some(patch) = patch(&packet.payload, numbers)? {
            write = write.vp8_patch(patch);
        }
        self.rtc
            .direct_api()
            .stream_tx(&down.ssrc)
            .ok_or(Unfit)?
            .write_rtp(write);
        Ok(())
    }

    /// Whether a video slot's paced queue is too old to add to. The engine cannot empty a queue,
    /// so after a fall of the estimate the slot pauses until it has drained.
    pub fn is_congested(&mut self, slot: usize) -> bool {
        let Some(ssrc) = self.video.get(slot).map(|down| down.ssrc) else {
            return false;
        };
        let now = self.now;
        let mut api = self.rtc.direct_api();
        let oldest = api
            .stream_tx(&ssrc)
            .and_then(|stream| stream.queue_info().and_then(|queue| queue.first_unsent()));
        oldest.is_some_and(|oldest| now.saturating_duration_since(oldest) > QUEUE_MAX)
    }

    /// Asks the sender for a key frame (PLI, RFC 4585 §6.3.1). Returns whether there is such a layer.
    pub fn request_key_frame(&mut self, source: Source, layer: u8) -> bool {
        let Some(up) = self.ups.iter().find(|up| up.source == source) else {
            return false;
        };
        let (mid, rid) = (up.mid, up.rids.get(usize::from(layer)).copied());
        let mut api = self.rtc.direct_api();
        let Some(stream) = api.stream_rx_by_mid(mid, rid) else {
            return false;
        };
        stream.request_keyframe(KeyframeRequestKind::Pli);
        true
    }

    /// Tells the estimator what would be sent if it could: `next` is filled up with padding as far
    /// as the estimate allows, `desired` is probed for. Bits per second.
    pub fn set_demand(&mut self, next: u64, desired: u64) {
        self.rtc
            .bwe()
            .set_bitrate(Bitrate::bps(next), Bitrate::bps(desired));
    }
}

fn patch(payload: &[u8], numbers: Outgoing) -> Result<Option<str0m::rtp::Vp8Patch>, Unfit> {
    if numbers.picture_id.is_none() && numbers.tl0_pic_idx.is_none() {
        return Ok(None);
    }
    let descriptor = Vp8Descriptor::parse(payload).map_err(|_| Unfit)?;
    let mut patch = descriptor.patch();
    if let Some(id) = numbers.picture_id {
        patch = patch.picture_id(id);
    }
    if let Some(id) = numbers.tl0_pic_idx {
        patch = patch.tl0_pic_idx(id);
    }
    patch.build().map(Some).map_err(|_| Unfit)
}
