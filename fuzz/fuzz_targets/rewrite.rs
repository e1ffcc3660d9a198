//! Packets of up to four streams through one slot, in any order and in part of their frame rate, as `member.rs` passes them
//! on.
#![no_main]

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use signalling::sfu::codec::{Number, TEMPORAL_MAX, Temporal};
use signalling::sfu::rewrite::{Incoming, Outgoing, Rewriter};
use signalling::sfu::temporal::Ladder;

#[derive(Debug, Arbitrary)]
struct Packet {
    stream: u8,
    step: i16,
    time: u32,
    picture_id: Option<(u16, Width)>,
    tl0_pic_idx: Option<u8>,
    key_frame: bool,
    /// Of a spatial layer that is left out.
    skipped: bool,
    after_ms: u16,
    temporal: Option<Layer>,
    /// How much of the frame rate is sent from now on.
    aim: Option<u8>,
    /// Whether the numbers of pictures close up over what is left out, as VP8's do.
    closes_up: bool,
}

/// Where a picture stands in the frame rate.
#[derive(Debug, Clone, Copy, Arbitrary)]
struct Layer {
    layer: u8,
    starts: bool,
    sync: bool,
    opens: u8,
}

impl From<Layer> for Temporal {
    fn from(of: Layer) -> Self {
        let known = Self::of(of.layer, of.starts);
        Self {
            sync: of.sync,
            // As the readers of descriptors tell it: not below its own layer, and none that there is not.
            opens: of.opens.min(TEMPORAL_MAX as u8 - 1).max(known.layer),
            ..known
        }
    }
}

/// Bits of a picture number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Arbitrary)]
enum Width {
    Seven,
    Fifteen,
    Sixteen,
}

impl Width {
    fn mask(self) -> u16 {
        match self {
            Self::Seven => 0x7f,
            Self::Fifteen => 0x7fff,
            Self::Sixteen => 0xffff,
        }
    }
}

/// What the receiver has seen.
#[derive(Default)]
struct Seen {
    /// The last switch: in, and out.
    base: Option<(u64, u64)>,
    newest: Option<Outgoing>,
    mask: Option<u16>,
    /// Left out since the switch.
    skipped: BTreeSet<u64>,
    /// Highest number in since the switch.
    highest: u64,
}

impl Seen {
    fn check(&mut self, packet: &Incoming, out: &Outgoing, switched: bool) {
        let next = self.newest.map_or(1_000, |newest| newest.seq + 1);
        if switched {
            assert_eq!(
                out.seq, next,
                "a switch goes on where the old stream stopped"
            );
            self.base = Some((packet.seq, out.seq));
            self.skipped.clear();
            self.highest = packet.seq;
            if let Some(newest) = self.newest {
                let step = out.time.wrapping_sub(newest.time);
                assert!((1..1 << 31).contains(&step), "time ran backwards: {step}");
                self.pictures_go_on(&newest, packet, out);
            }
        }
        let (seq_in, seq_out) = self.base.expect("a switch");
        assert!(!self.skipped.contains(&packet.seq));
        let below = self.skipped.range(..packet.seq).count() as u64;
        assert_eq!(
            out.seq - seq_out,
            packet.seq - seq_in - below,
            "gaps stay as they are, and what is left out makes none"
        );
        self.highest = self.highest.max(packet.seq);
        assert_eq!(out.picture_id.is_some(), packet.picture_id.is_some());
        assert_eq!(out.tl0_pic_idx.is_some(), packet.tl0_pic_idx.is_some());
        if let (Some(id), Some(number)) = (out.picture_id, packet.picture_id) {
            assert!(id <= number.mask);
        }
        if out.seq >= next {
            self.newest = Some(*out);
            self.mask = packet.picture_id.map(|number| number.mask);
        }
    }

    fn pictures_go_on(&self, newest: &Outgoing, packet: &Incoming, out: &Outgoing) {
        if let (Some(before), Some(id), Some(Number { mask, .. })) =
            (newest.picture_id, out.picture_id, packet.picture_id)
            && self.mask == Some(mask)
        {
            assert_eq!(id, before.wrapping_add(1) & mask);
        }
        if let (Some(before), Some(id)) = (newest.tl0_pic_idx, out.tl0_pic_idx) {
            assert_eq!(id, before.wrapping_add(1));
        }
    }
}

fuzz_target!(|packets: Vec<Packet>| {
    let mut now = Instant::now();
    let mut rewriter = Rewriter::new(90_000);
    let mut seen = Seen::default();
    let mut seqs = [0, 1_000, 65_000, 1 << 40];
    let mut running = false;
    let mut ladder = Ladder::new();
    for packet in packets {
        now += Duration::from_millis(u64::from(packet.after_ms));
        let at = usize::from(packet.stream & 3);
        seqs[at] = u64::saturating_add_signed(seqs[at], packet.step.into());
        let incoming = Incoming {
            ssrc: at as u32,
            seq: seqs[at],
            time: packet.time,
            picture_id: packet.picture_id.map(|(id, width)| Number {
                id: id & width.mask(),
                mask: width.mask(),
            }),
            tl0_pic_idx: packet.tl0_pic_idx,
        };
        let switched = !running || !rewriter.continues(&incoming);
        if switched {
            running = packet.key_frame;
            if !running {
                continue;
            }
            rewriter.switch(&incoming, now);
        }
        if let Some(target) = packet.aim {
            ladder.aim(target % TEMPORAL_MAX as u8);
        }
        let ahead = rewriter.is_ahead(&incoming);
        if switched || packet.key_frame && ahead {
            ladder.begin();
        }
        let before = ladder.current();
        let temporal = packet.temporal.map(Temporal::from);
        let takes = ladder.takes(incoming.seq, ahead, temporal);
        assert!(usize::from(ladder.current()) < TEMPORAL_MAX);
        assert!(
            takes || temporal.is_some(),
            "a stream without layers is sent whole"
        );
        let changes = temporal.is_some_and(|temporal| temporal.starts && ahead);
        assert!(
            changes || ladder.current() == before,
            "changed within a picture"
        );
        if (packet.skipped || !takes) && !switched {
            if packet.closes_up && !takes {
                rewriter.skip_picture(&incoming);
            } else {
                rewriter.skip(&incoming);
            }
            if incoming.seq > seen.highest {
                seen.highest = incoming.seq;
                seen.skipped.insert(incoming.seq);
            }
            continue;
        }
        match rewriter.map(&incoming, now) {
            Some(out) => seen.check(&incoming, &out, switched),
            None => assert!(!switched, "the first packet of a stream is sent"),
        }
    }
});
