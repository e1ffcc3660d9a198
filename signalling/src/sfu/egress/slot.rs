//! One outgoing m-line: its stream, its retransmissions and its counters.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lc_rs::error::Unspecified;

use super::header::{self, ExtensionIds, Extras, Fixed};
use super::history::{History, Sent};
use super::reports::{Ntp, Sender};
use super::srtp::Sealer;
use crate::sfu::codec::{Codec, Codecs};
use crate::sfu::limits::PAYLOAD_MAX;
use crate::sfu::payload::Payload;
use crate::sfu::redundancy::DEEPEST;
use crate::sfu::rewrite::{Outgoing, ticks};
use crate::sfu::{red, vp8, vp9};

/// A packet is not sent a third time before the second copy could have been missed.
const RESEND_GAP: Duration = Duration::from_millis(10);
/// Copies of one packet.
const COPIES_MAX: u8 = 10;

/// Payload types of one codec.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Format {
    /// Of the stream.
    pub payload_type: u8,
    /// Of retransmissions (RFC 4588), if they were agreed.
    pub resend: Option<u8>,
}

/// What a receiver's m-line takes.
#[derive(Debug, Clone, Copy)]
pub enum Formats {
    /// Opus.
    Sound {
        /// By itself.
        opus: Format,
        /// Payload type of Opus with what came before it (RFC 2198), if that was agreed.
        red: Option<u8>,
    },
    /// Pictures, by codec.
    Pictures([Option<Format>; Codec::COUNT]),
}

impl Formats {
    /// The format of a codec; sound has none.
    fn of(&self, codec: Option<Codec>) -> Option<Format> {
        match (self, codec) {
            (Self::Sound { opus, .. }, None) => Some(*opus),
            (Self::Pictures(formats), Some(codec)) => formats[codec as usize],
            (Self::Sound { .. }, Some(_)) | (Self::Pictures(_), None) => None,
        }
    }

    /// Payload type of sound with what came before it.
    fn red(&self) -> Option<u8> {
        match self {
            Self::Sound { red, .. } => *red,
            Self::Pictures(_) => None,
        }
    }

    /// The codecs of pictures that are taken.
    pub fn codecs(&self) -> Codecs {
        let takes = |codec: &Codec| self.of(Some(*codec)).is_some();
        Codec::ALL.into_iter().filter(takes).collect()
    }
}

/// What a slot is made of.
#[derive(Debug, Clone, Copy)]
pub struct SlotSpec {
    /// The stream.
    pub ssrc: u32,
    /// The stream of retransmissions (RFC 4588), if one was agreed.
    pub rtx: Option<u32>,
    /// What it may carry.
    pub formats: Formats,
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
    pub numbers: Outgoing,
    /// The marker bit.
    pub marker: bool,
    /// Shared with all receivers.
    pub payload: Payload,
    /// The codec of a picture.
    pub codec: Option<Codec>,
    /// Dependency descriptor, shared too.
    pub descriptor: Option<Arc<[u8]>>,
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
    /// Highest number sealed, and which of the 127 before it were.
    sealed: Option<(u64, u128)>,
    packets: u32,
    bytes: u32,
    /// Newest RTP time and when it was captured.
    newest: Option<(u32, Instant)>,
    /// The last packets of sound, the oldest first, where they may be repeated.
    last: VecDeque<(Outgoing, Payload)>,
    /// Packets when the last report was written.
    reported: u32,
}

impl Slot {
    pub(super) fn new(spec: SlotSpec) -> Self {
        Self {
            spec,
            history: History::default(),
            next_rtx: 1_000,
            sealed: None,
            packets: 0,
            bytes: 0,
            newest: None,
            last: VecDeque::new(),
            reported: 0,
        }
    }

    /// Appends the packet, encrypted, to `buffer`, where it begins at `start`. Sound repeats up to `depth` earlier packets.
    /// Returns the bytes of its payload.
    ///
    /// # Errors
    /// [`Unspecified`] also when its number was sealed before: a nonce that comes twice gives the key away.
    pub(super) fn write(
        &mut self,
        sealer: &Sealer,
        buffer: &mut Vec<u8>,
        start: usize,
        write: &Write,
        number: Option<u16>,
        depth: u8,
    ) -> Result<usize, Unspecified> {
        if !self.is_fresh(write.numbers.seq) {
            return Err(Unspecified);
        }
        let format = self.spec.formats.of(write.codec).ok_or(Unspecified)?;
        let repeats = self.spec.formats.red().zip(self.repeatable(write, depth));
        let payload_type = repeats
            .as_ref()
            .map_or(format.payload_type, |(payload_type, _)| *payload_type);
        let fixed = Fixed {
            payload_type,
            marker: write.marker,
            sequence: write.numbers.seq as u16,
            time: write.numbers.time,
            ssrc: self.spec.ssrc,
        };
        let numbers = write.numbers;
        let described = write.descriptor.as_deref();
        buffer.reserve(write.payload.len() + described.map_or(0, <[u8]>::len) + 64);
        let described = described.map(|bytes| (bytes, numbers.picture_id));
        let ids = &self.spec.ids;
        let head = header::write(buffer, fixed, ids, number, write.extras, described);
        let body = buffer.len();
        match repeats {
            Some((_, earlier)) => {
                red::write(buffer, format.payload_type, earlier, &write.payload);
            }
            None => {
                buffer.extend_from_slice(&write.payload);
                renumber(write.codec, &mut buffer[body..], numbers);
            }
        }
        let size = buffer.len() - body;
        sealer.rtp(buffer, start, head, self.spec.ssrc, numbers.seq)?;
        Ok(size)
    }

    /// Up to `depth` packets of sound before this one that it can repeat, by how many ticks they are earlier, the oldest
    /// first; `None` when there is nothing to repeat.
    fn repeatable<'a>(
        &'a self,
        write: &Write,
        depth: u8,
    ) -> Option<impl Iterator<Item = (u32, &'a [u8])> + Clone + use<'a>> {
        let Outgoing { seq, time, .. } = write.numbers;
        let mut room = PAYLOAD_MAX.checked_sub(write.payload.len() + 1)?;
        let to = self.last.partition_point(|(of, _)| of.seq < seq);
        let mut from = to;
        for (of, bytes) in self.last.range(..to).rev().take(depth.into()) {
            let takes = bytes.len() + 4;
            if !red::fits(time.wrapping_sub(of.time), bytes) || takes > room {
                break;
            }
            (from, room) = (from - 1, room - takes);
        }
        let earlier = self.last.range(from..to);
        let earlier = earlier.map(move |(of, bytes)| (time.wrapping_sub(of.time), &**bytes));
        (from < to).then_some(earlier)
    }

    /// Keeps a packet of sound to be repeated.
    fn keep_last(&mut self, write: &Write) {
        let newest = self.last.back();
        if newest.is_none_or(|(newest, _)| newest.seq < write.numbers.seq) {
            if self.last.len() == usize::from(DEEPEST) {
                self.last.pop_front();
            }
            self.last.push_back((write.numbers, write.payload.clone()));
        }
    }

    /// Counts a packet that was written with so many bytes of payload, and keeps it if it may be wanted again.
    pub(super) fn sent(&mut self, now: Instant, write: Write, payload: usize) {
        self.packets = self.packets.wrapping_add(1);
        self.bytes = self.bytes.wrapping_add(payload as u32);
        if self.spec.formats.red().is_some() {
            self.keep_last(&write);
        }
        self.newest = Some((write.numbers.time, write.captured));
        let format = self.spec.formats.of(write.codec);
        if self.spec.rtx.is_some() && format.is_some_and(|format| format.resend.is_some()) {
            self.history.keep(Sent {
                numbers: write.numbers,
                marker: write.marker,
                payload: write.payload,
                codec: write.codec,
                descriptor: write.descriptor,
                extras: write.extras,
                at: now,
                resent: None,
                copies: 0,
                wanted: false,
            });
        }
    }

    /// Notes a number; `false` when it was noted before or is too old to tell.
    fn is_fresh(&mut self, seq: u64) -> bool {
        let Some((highest, mask)) = &mut self.sealed else {
            self.sealed = Some((seq, 1));
            return true;
        };
        if seq > *highest {
            let ahead = u32::try_from(seq - *highest).unwrap_or(u32::MAX);
            *mask = mask.checked_shl(ahead).unwrap_or(0) | 1;
            *highest = seq;
            return true;
        }
        let behind = u32::try_from(*highest - seq).unwrap_or(u32::MAX);
        let bit = 1u128.checked_shl(behind).unwrap_or(0);
        let fresh = bit != 0 && *mask & bit == 0;
        *mask |= bit;
        fresh
    }

    /// The packet with which a probe can be filled.
    pub(super) fn filler(&self) -> Option<u64> {
        self.history.newest()
    }

    /// Forgets what was sent.
    pub(super) fn clear(&mut self) {
        self.history = History::default();
    }

    /// The receiver misses a packet. Returns its number when it is kept and not asked for already.
    pub(super) fn want(&mut self, short: u16) -> Option<u64> {
        let seq = self.history.extend(short)?;
        let sent = self.history.get(seq)?;
        let new = !sent.wanted && sent.copies < COPIES_MAX;
        sent.wanted = true;
        new.then_some(seq)
    }

    /// Takes [`want`](Self::want) back.
    pub(super) fn unwant(&mut self, seq: u64) {
        if let Some(sent) = self.history.get(seq) {
            sent.wanted = false;
        }
    }

    /// Takes [`want`](Self::want) back; whether the packet is to be sent again now. The first time it is at once: the
    /// receiver has waited for long enough.
    pub(super) fn wanted(&mut self, now: Instant, seq: u64, round_trip: Duration) -> bool {
        self.unwant(seq);
        let pause = round_trip.max(RESEND_GAP);
        self.history.get(seq).is_some_and(|sent| {
            let since = |at: Instant| now.saturating_duration_since(at);
            sent.resent.is_none_or(|at| since(at) >= pause)
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
        let ssrc = self.spec.rtx.ok_or(Unspecified)?;
        let sent = self.history.get(seq).ok_or(Unspecified)?;
        let format = self.spec.formats.of(sent.codec).ok_or(Unspecified)?;
        let payload_type = format.resend.ok_or(Unspecified)?;
        sent.resent = Some(now);
        sent.copies = sent.copies.saturating_add(1);
        let fixed = Fixed {
            payload_type,
            marker: sent.marker,
            sequence: self.next_rtx as u16,
            time: sent.numbers.time,
            ssrc,
        };
        let numbers = sent.numbers;
        let described = sent.descriptor.as_deref();
        let described = described.map(|bytes| (bytes, numbers.picture_id));
        let ids = &self.spec.ids;
        let head = header::write(buffer, fixed, ids, number, sent.extras, described);
        buffer.extend_from_slice(&(numbers.seq as u16).to_be_bytes());
        let body = buffer.len();
        buffer.extend_from_slice(&sent.payload);
        renumber(sent.codec, &mut buffer[body..], numbers);
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

/// Writes the numbers of a picture into its payload. AV1 has them in the descriptor, H.264 has none.
fn renumber(codec: Option<Codec>, payload: &mut [u8], numbers: Outgoing) {
    match codec {
        Some(Codec::Vp8) => vp8::renumber(payload, numbers.picture_id, numbers.tl0_pic_idx),
        Some(Codec::Vp9) => vp9::renumber(payload, numbers.picture_id, numbers.tl0_pic_idx),
        Some(Codec::Av1 | Codec::H264) | None => {}
    }
}
