//! One outgoing m-line: its stream, its retransmissions and its counters.

use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lc_rs::error::Unspecified;

use super::Numbers;
use super::header::{self, ExtensionIds, Extras, Fixed};
use super::history::{History, Sent};
use super::reports::{Ntp, Sender};
use super::srtp::Sealer;
use crate::sfu::rewrite::ticks;
use crate::sfu::vp8;

/// A packet is not sent again before the last copy could have been missed.
const RESEND_GAP: Duration = Duration::from_millis(10);

/// What a slot is made of.
#[derive(Debug, Clone, Copy)]
pub struct SlotSpec {
    /// The stream.
    pub ssrc: u32,
    /// Its payload type.
    pub payload_type: u8,
    /// Stream and payload type of retransmissions (RFC 4588), if they were agreed.
    pub rtx: Option<(u32, u8)>,
    /// Header extensions that the m-line takes.
    pub ids: ExtensionIds,
    /// RTP clock, ticks per second.
    pub rate: u32,
    /// Whether it is paced and kept for retransmission: pictures are, sound is not.
    pub paced: bool,
}

/// A packet to send.
#[derive(Debug, Clone)]
pub struct Write {
    /// Its numbers.
    pub numbers: Numbers,
    /// The marker bit.
    pub marker: bool,
    /// Shared with all receivers.
    pub payload: Arc<[u8]>,
    /// Header extensions that are passed on.
    pub extras: Extras,
    /// When it was captured.
    pub captured: Instant,
}

#[derive(Debug)]
pub(super) struct Slot {
    pub(super) spec: SlotSpec,
    pub(super) history: History,
    next_rtx: u64,
    packets: u32,
    bytes: u32,
    /// Newest RTP time and when it was captured.
    newest: Option<(u32, Instant)>,
    /// Packets when the last report was written.
    reported: u32,
}

impl Slot {
    pub(super) fn new(spec: SlotSpec) -> Self {
        Self {
            spec,
            history: History::default(),
            next_rtx: 1_000,
            packets: 0,
            bytes: 0,
            newest: None,
            reported: 0,
        }
    }

    /// Appends the packet, encrypted, to `buffer`, where it begins at `start`.
    pub(super) fn write(
        &self,
        sealer: &Sealer,
        buffer: &mut Vec<u8>,
        start: usize,
        write: &Write,
        number: Option<u16>,
    ) -> Result<(), Unspecified> {
        let fixed = Fixed {
            payload_type: self.spec.payload_type,
            marker: write.marker,
            sequence: write.numbers.seq as u16,
            time: write.numbers.time,
            ssrc: self.spec.ssrc,
        };
        buffer.reserve(write.payload.len() + 64);
        let head = header::write(buffer, fixed, &self.spec.ids, number, write.extras);
        let body = buffer.len();
        buffer.extend_from_slice(&write.payload);
        let numbers = write.numbers;
        vp8::renumber(&mut buffer[body..], numbers.picture_id, numbers.tl0_pic_idx);
        sealer.rtp(buffer, start, head, self.spec.ssrc, numbers.seq)
    }

    /// Counts a packet that was written, and keeps it if it may be wanted again.
    pub(super) fn sent(&mut self, now: Instant, write: Write) {
        self.packets = self.packets.wrapping_add(1);
        self.bytes = self.bytes.wrapping_add(write.payload.len() as u32);
        self.newest = Some((write.numbers.time, write.captured));
        if self.spec.rtx.is_some() {
            self.history.keep(Sent {
                numbers: write.numbers,
                marker: write.marker,
                payload: write.payload,
                extras: write.extras,
                at: now,
            });
        }
    }

    /// Whether a probe can be filled from here.
    pub(super) fn can_fill(&self) -> bool {
        self.spec.rtx.is_some() && self.packets > 0
    }

    /// Whether a packet is kept, and its last copy was sent long enough ago.
    pub(super) fn may_resend(&mut self, now: Instant, seq: u64, round_trip: Duration) -> bool {
        self.history.get(seq).is_some_and(|sent| {
            now.saturating_duration_since(sent.at) >= round_trip.max(RESEND_GAP)
        })
    }

    /// Appends a retransmission (RFC 4588 §4).
    pub(super) fn write_again(
        &mut self,
        now: Instant,
        sealer: &Sealer,
        buffer: &mut Vec<u8>,
        start: usize,
        seq: u64,
        number: Option<u16>,
    ) -> Result<(), Unspecified> {
        let (ssrc, payload_type) = self.spec.rtx.ok_or(Unspecified)?;
        let sent = self.history.get(seq).ok_or(Unspecified)?;
        sent.at = now;
        let fixed = Fixed {
            payload_type,
            marker: sent.marker,
            sequence: self.next_rtx as u16,
            time: sent.numbers.time,
            ssrc,
        };
        let head = header::write(buffer, fixed, &self.spec.ids, number, sent.extras);
        buffer.extend_from_slice(&(sent.numbers.seq as u16).to_be_bytes());
        let body = buffer.len();
        buffer.extend_from_slice(&sent.payload);
        let numbers = sent.numbers;
        vp8::renumber(&mut buffer[body..], numbers.picture_id, numbers.tl0_pic_idx);
        sealer.rtp(buffer, start, head, ssrc, self.next_rtx)?;
        self.next_rtx += 1;
        Ok(())
    }

    /// What a sender report says, when something was sent since the last one.
    pub(super) fn sender<'a>(
        &mut self,
        now: Instant,
        clock: Ntp,
        cname: &'a str,
    ) -> Option<Sender<'a>> {
        let (time, captured) = self.newest.filter(|_| self.packets != self.reported)?;
        self.reported = self.packets;
        let since = ticks(now.saturating_duration_since(captured), self.spec.rate);
        Some(Sender {
            ssrc: self.spec.ssrc,
            now: clock,
            time: time.wrapping_add(since),
            packets: self.packets,
            bytes: self.bytes,
            cname,
        })
    }
}
