//! One continuous RTP stream out of many: sequence numbers, times and VP8 numbers (RFC 3550 §5.1,
//! RFC 7741 §4.2) run on while sources and layers come and go underneath.

use std::time::{Duration, Instant};

/// First sequence number of an outgoing stream: below 2^15, so that loss of the first packets
/// cannot be mistaken for a roll-over (pion/rtp#277).
const FIRST_SEQ: u64 = 1_000;
/// First RTP time of an outgoing stream.
const FIRST_TIME: u32 = 90_000;
/// A step above this between packets of one stream is a restart of the sender, not a loss.
const STEP_MAX: u64 = 5_000;

/// The numbers of one packet as the sender wrote them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Incoming {
    /// The sender's stream; a change of it is a restart.
    pub ssrc: u32,
    /// Sequence number extended beyond 16 bits.
    pub seq: u64,
    /// RTP time.
    pub time: u32,
    /// VP8 picture number and whether it is 15 bits wide.
    pub picture_id: Option<(u16, bool)>,
    /// VP8 base-layer picture number.
    pub tl0_pic_idx: Option<u8>,
}

/// The numbers to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outgoing {
    /// Sequence number extended beyond 16 bits.
    pub seq: u64,
    /// RTP time.
    pub time: u32,
    /// VP8 picture number, of the width that came in.
    pub picture_id: Option<u16>,
    /// VP8 base-layer picture number.
    pub tl0_pic_idx: Option<u8>,
}

/// How the current source's numbers map.
#[derive(Debug, Clone, Copy)]
struct Base {
    ssrc: u32,
    /// First packet taken from this source, in and out. Earlier ones are not mapped.
    seq_in: u64,
    seq_out: u64,
    time: u32,
    picture_id: u16,
    tl0_pic_idx: u8,
    newest_in: u64,
}

/// The state of one outgoing stream.
#[derive(Debug)]
pub struct Rewriter {
    /// RTP clock, ticks per second.
    rate: u32,
    base: Option<Base>,
    next_seq: u64,
    /// Newest time sent and when it was captured.
    newest: Option<(u32, Instant)>,
    picture_id: u16,
    tl0_pic_idx: u8,
}

impl Rewriter {
    /// A stream that has sent nothing. `rate` is the RTP clock in ticks per second.
    pub fn new(rate: u32) -> Self {
        Self {
            rate,
            base: None,
            next_seq: FIRST_SEQ,
            newest: None,
            picture_id: 0,
            tl0_pic_idx: 0,
        }
    }

    /// Whether `packet` carries on the stream that the last [`switch`](Self::switch) began.
    pub fn continues(&self, packet: &Incoming) -> bool {
        self.base.is_some_and(|base| {
            base.ssrc == packet.ssrc && packet.seq.abs_diff(base.newest_in) <= STEP_MAX
        })
    }

    /// Begins a new source or layer at `packet`, which must be able to start a decoder: the first
    /// packet of a key frame, or any packet of sound. `captured` places it on the time line.
    pub fn switch(&mut self, packet: &Incoming, captured: Instant) {
        let time = match self.newest {
            None => FIRST_TIME,
            Some((time, at)) => {
                let gap = captured.saturating_duration_since(at);
                time.wrapping_add(ticks(gap, self.rate).max(1))
            }
        };
        let id = packet.picture_id.map_or(0, |(id, _)| id);
        self.base = Some(Base {
            ssrc: packet.ssrc,
            seq_in: packet.seq,
            seq_out: self.next_seq,
            time: time.wrapping_sub(packet.time),
            picture_id: self.picture_id.wrapping_add(1).wrapping_sub(id),
            tl0_pic_idx: self
                .tl0_pic_idx
                .wrapping_add(1)
                .wrapping_sub(packet.tl0_pic_idx.unwrap_or(0)),
            newest_in: packet.seq,
        });
    }

    /// Maps a packet of the current source; `None` for one from before the switch.
    pub fn map(&mut self, packet: &Incoming, captured: Instant) -> Option<Outgoing> {
        let base = self.base.as_mut()?;
        let ahead = packet.seq.checked_sub(base.seq_in)?;
        let out = Outgoing {
            seq: base.seq_out + ahead,
            time: packet.time.wrapping_add(base.time),
            picture_id: packet.picture_id.map(|(id, wide)| {
                id.wrapping_add(base.picture_id) & if wide { 0x7fff } else { 0x7f }
            }),
            tl0_pic_idx: packet
                .tl0_pic_idx
                .map(|id| id.wrapping_add(base.tl0_pic_idx)),
        };
        base.newest_in = base.newest_in.max(packet.seq);
        if out.seq >= self.next_seq {
            self.next_seq = out.seq + 1;
            self.newest = Some((out.time, captured));
            self.picture_id = out.picture_id.unwrap_or(self.picture_id);
            self.tl0_pic_idx = out.tl0_pic_idx.unwrap_or(self.tl0_pic_idx);
        }
        Some(out)
    }
}

fn ticks(gap: Duration, rate: u32) -> u32 {
    // A gap longer than the RTP clock's period wraps, as the clock itself would have.
    (gap.as_micros().wrapping_mul(u128::from(rate)) / 1_000_000) as u32
}
