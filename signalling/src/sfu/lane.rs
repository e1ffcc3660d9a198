//! One outgoing m-line: which stream it carries, in which layer, and what it still needs.

use std::collections::BTreeMap;
use std::time::Instant;

use super::Stream;
use super::codec::{Codec, Coded};
use super::keyframe::{Changes, Patience};
use super::pause::TOLD_AFTER;
use super::peer::Packet;
use super::rewrite::Rewriter;
use super::temporal::Ladder;

/// The budgets of a receiver, by what it sees.
pub(super) type ChangesOf = BTreeMap<Stream, Changes>;

/// One outgoing m-line at work.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) stream: Option<Stream>,
    /// Layer to send; `None` pauses.
    pub(super) target: Option<u8>,
    /// Layer being sent; `None` until a key frame starts it. In a stream with spatial layers, the highest of them.
    pub(super) current: Option<u8>,
    /// Codec of what is being sent, and whether it has spatial layers.
    pub(super) coding: (Codec, bool),
    pub(super) rewrite: Rewriter,
    /// How much of the frame rate is sent.
    pub(super) ladder: Ladder,
    /// How often its pictures broke.
    pub(super) patience: Patience,
    /// The layer that was asked for in order to begin or to change, until it has come.
    pub(super) asked: Option<u8>,
    /// Since when the link has no room for a stream that is held.
    pub(super) waits: Option<Instant>,
    /// The receiver knows that.
    pub(super) told: bool,
}

impl Lane {
    pub(super) fn new(rate: u32) -> Self {
        Self {
            stream: None,
            target: None,
            current: None,
            coding: (Codec::Vp8, false),
            rewrite: Rewriter::new(rate),
            ladder: Ladder::new(),
            patience: Patience::default(),
            asked: None,
            waits: None,
            told: false,
        }
    }

    pub(super) fn hold(&mut self, stream: Option<Stream>) {
        if self.stream != stream {
            self.stream = stream;
            self.target = None;
            self.current = None;
            self.waits = None;
            self.told = false;
            self.patience = Patience::default();
            self.asked = None;
        }
    }

    /// Whether the receiver is to know that the link has no room: after a while, and until the picture runs again.
    pub(super) fn is_paused(&self, now: Instant) -> bool {
        match self.waits {
            Some(since) => self.told || now >= since + TOLD_AFTER,
            None => self.told && self.current.is_none(),
        }
    }

    /// Whether a packet carries on what is being sent.
    pub(super) fn carries(&self, packet: &Packet, coded: &Coded) -> bool {
        self.coding.0 == coded.codec
            && self
                .current
                .is_some_and(|current| coded.spatial.is_some() || current == packet.layer)
    }

    /// Begins with a key frame.
    pub(super) fn begin(&mut self, target: u8, packet: &Packet, coded: &Coded) {
        self.rewrite.switch(&packet.numbers, packet.captured);
        self.ladder.begin();
        self.coding = (coded.codec, coded.spatial.is_some());
        // All layers of a key picture begin with it.
        self.current = Some(if coded.spatial.is_some() {
            target
        } else {
            packet.layer
        });
    }

    /// Waits for a key frame through no doing of the receiver's: its budget does not pay for it.
    pub(super) fn begin_anew(&mut self) {
        self.current = None;
        self.asked = self.target;
    }

    /// Moves to the layer to send, where the stream with spatial layers allows it: down with any picture, up where a
    /// layer needs no earlier picture. Returns whether the packet belongs to what is being sent, and ends its picture.
    pub(super) fn climb(&mut self, target: u8, coded: &Coded) -> Option<bool> {
        let (Some(spatial), Some(current)) = (coded.spatial, self.current) else {
            return Some(false);
        };
        let falls = target < current && spatial.starts && spatial.layer == 0;
        let rises = target > current && spatial.starts && spatial.fresh;
        let current = if coded.key_frame || falls {
            target
        } else if rises && spatial.layer == current + 1 {
            spatial.layer
        } else {
            current
        };
        self.current = Some(current);
        self.coding.1 = true;
        (spatial.layer <= current).then_some(spatial.ends && spatial.layer == current)
    }

    /// Whether a packet belongs to the frame rate being sent. If not, the numbers of what follows close up.
    pub(super) fn keeps_pace(&mut self, packet: &Packet, coded: &Coded) -> bool {
        let numbers = &packet.numbers;
        let ahead = self.rewrite.is_ahead(numbers);
        if coded.key_frame && ahead {
            self.ladder.begin();
        }
        let takes = self.ladder.takes(numbers.seq, ahead, coded.temporal);
        match coded.codec {
            _ if takes => {}
            Codec::Vp8 => self.rewrite.skip_picture(numbers),
            // References name the pictures that they mean.
            Codec::Vp9 | Codec::Av1 | Codec::H264 => self.rewrite.skip(numbers),
        }
        takes
    }

    /// The layers of which packets are needed, a bit for each.
    pub(super) fn needs(&self) -> u8 {
        let Some(target) = self.target else { return 0 };
        let bit = |layer: u8| 1u8.checked_shl(layer.into()).unwrap_or(0);
        match self.current {
            Some(_) if self.coding.1 => u8::MAX,
            current => bit(target) | current.map_or(0, bit),
        }
    }

    /// The key frame to ask for now, if one is needed: to begin, to change the layer, or because the picture broke.
    pub(super) fn asks(
        &mut self,
        now: Instant,
        changes_of: &mut ChangesOf,
    ) -> Option<(Stream, u8)> {
        let (stream, target) = (self.stream?, self.target?);
        let needed = self.needs_key_frame();
        if !needed {
            self.asked = None;
        }
        // What leads to another layer mends the picture too, and is asked for as seldom as layers change.
        let changes = needed && self.current.is_some();
        if self.patience.is_open() && !changes {
            let asks = self.patience.asks(now);
            asks.then_some((stream, if needed { target } else { self.current? }))
        } else {
            let asks =
                needed && self.may_change(now, target, changes_of.entry(stream).or_default());
            asks.then_some((stream, target))
        }
    }

    /// Whether the budget has the change of layer, which is asked for until it has come.
    pub(super) fn may_change(&mut self, now: Instant, target: u8, changes: &mut Changes) -> bool {
        if self.asked == Some(target) {
            return true;
        }
        // A link that has become narrow cannot wait. Who is to fall again must have risen before.
        if self.current.is_some_and(|current| target < current) {
            changes.charge(now);
        } else if !changes.take(now) {
            return false;
        }
        self.asked = Some(target);
        true
    }

    /// Whether only a key frame leads to the layer to send.
    pub(super) fn needs_key_frame(&self) -> bool {
        match (self.current, self.target) {
            (_, None) => false,
            (Some(current), Some(target)) if self.coding.1 => current < target,
            (current, target) => current != target,
        }
    }
}
