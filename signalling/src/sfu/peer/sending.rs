//! What goes to the participant: packets in slots, requests for key frames, and what would be sent if it could.

use std::time::Instant;

use str0m::media::KeyframeRequestKind;

use super::{Packet, Peer, Unfit};
use crate::Source;
use crate::sfu::egress::Write;
use crate::sfu::rewrite::Outgoing;

impl Peer {
    /// Sends a packet in an audio or video slot, by its kind. `ends_picture` marks it as the last of its picture, whatever
    /// its sender said.
    pub fn write(
        &mut self,
        now: Instant,
        slot: usize,
        packet: &Packet,
        numbers: Outgoing,
        ends_picture: bool,
    ) -> Result<(), Unfit> {
        self.advance(now);
        self.egress_waits = true;
        let at = if packet.source.is_audio() {
            Some(slot).filter(|at| *at < self.audio.len())
        } else {
            Some(self.audio.len() + slot)
        };
        let write = Write {
            numbers,
            marker: packet.marker || ends_picture,
            payload: packet.payload.clone(),
            codec: packet.coded.map(|coded| coded.codec),
            descriptor: packet.descriptor.clone(),
            extras: packet.extras,
            captured: packet.captured.min(self.now),
        };
        let written = at.is_some_and(|at| self.egress.write(self.now, at, write));
        if written { Ok(()) } else { Err(Unfit) }
    }

    /// Whether pictures have waited too long to be added to.
    pub fn is_congested(&self) -> bool {
        self.egress.is_congested(self.now)
    }

    /// Forgets what waits in a video slot, which then begins anew with a key frame.
    pub fn drop_queued(&mut self, slot: usize) {
        self.egress.drop_queued(self.audio.len() + slot);
    }

    /// Forgets all of a video slot, which carries nobody any more.
    pub fn clear(&mut self, slot: usize) {
        self.egress.clear(self.audio.len() + slot);
    }

    /// Whether the estimate can grow while no picture is sent.
    pub fn can_probe(&self) -> bool {
        self.egress.can_probe()
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
        self.engine_wait = None;
        true
    }

    /// Bits per second that the link carries without a queue, whatever it loses; `None` before that is known.
    pub fn by_delay(&self, now: Instant) -> Option<u64> {
        self.egress.by_delay(now)
    }

    /// How many earlier packets each packet of sound repeats from now on, where that was agreed.
    pub fn set_redundancy(&mut self, depth: u8) {
        self.egress.set_redundancy(depth);
    }

    /// Tells the estimator what would be sent if it could, bits per second: it is probed for.
    pub fn set_desired(&mut self, desired: u64) {
        self.egress.set_desired(desired);
        self.egress_waits = true;
    }
}
