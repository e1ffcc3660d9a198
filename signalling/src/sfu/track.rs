//! What a sender produces: which layers are alive, and what they cost.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::allocate::{Layer, Rung, sharp_from};
use super::codec::{Codec, SPATIAL_MAX, TEMPORAL_MAX};
use super::limits::{
    LAYER_DEAD_AFTER, LAYERS_MAX, SCREEN_DEAD_AFTER, SOUND_BPS_MAX, SOUND_BURST, STREAM_DEAD_AFTER,
};
use super::peer::Packet;
use super::temporal;
use crate::Source;

/// Time over which a layer's rate is measured.
const WINDOW: Duration = Duration::from_millis(500);
/// Bytes of a packet beside its payload, as it goes out: header, extensions and authentication. What a link carries is
/// estimated with them, and small packets consist of them.
const AROUND: usize = 36;
/// Cost of a layer not measured yet, bits per second, low to high.
const GUESS_BPS: [u64; 3] = [150_000, 500_000, 1_500_000];
/// Width of a layer not known yet, pixels, low to high.
const GUESS_WIDTH: [u32; 3] = [320, 640, 1280];

#[derive(Debug)]
struct Meter {
    last: Instant,
    since: Instant,
    bytes: u64,
    bps: Option<u64>,
    /// The same by temporal layer, and the rate of each.
    bytes_of: [u64; TEMPORAL_MAX],
    bps_of: [u64; TEMPORAL_MAX],
    width: Option<u32>,
}

impl Meter {
    fn new(now: Instant) -> Self {
        Self {
            last: now,
            since: now,
            bytes: 0,
            bps: None,
            bytes_of: [0; TEMPORAL_MAX],
            bps_of: [0; TEMPORAL_MAX],
            width: None,
        }
    }

    fn count(&mut self, now: Instant, packet: &Packet) {
        self.last = now;
        let size = (packet.len() + AROUND) as u64;
        self.bytes += size;
        let temporal = packet.coded.and_then(|coded| coded.temporal);
        if let Some(bytes) = temporal.and_then(|one| self.bytes_of.get_mut(usize::from(one.layer)))
        {
            *bytes += size;
        }
        let window = now.saturating_duration_since(self.since);
        if window < WINDOW {
            return;
        }
        let rate = |bytes: u64| bytes * 8 * 1_000 / (window.as_millis() as u64).max(1);
        // Half old, half new: key frames and pauses even out over about a second.
        let is_first = self.bps.is_none();
        let smooth = |old: u64, new: u64| if is_first { new } else { (old + new) / 2 };
        self.bps = Some(smooth(self.bps.unwrap_or(0), rate(self.bytes)));
        for (bps, bytes) in self.bps_of.iter_mut().zip(&mut self.bytes_of) {
            *bps = smooth(*bps, rate(std::mem::take(bytes)));
        }
        self.bytes = 0;
        self.since = now;
    }

    /// Highest temporal layer that is sent; [`temporal::ALL`] where none is told apart.
    fn fastest(&self) -> u8 {
        let sent = self.bps_of.iter().rposition(|bps| *bps > 0);
        sent.map_or(temporal::ALL, |layer| layer as u8)
    }

    /// What parts of the frame rate cost, below the whole of it: the highest temporal layer of each, and its rate.
    fn parts(&self) -> impl Iterator<Item = (u8, u64)> {
        let slower = &self.bps_of[..usize::from(self.fastest())];
        let mut below = 0;
        slower.iter().enumerate().filter_map(move |(layer, bps)| {
            below += bps;
            // Without the lowest nothing can be decoded.
            (*bps > 0 && below > 0 && self.bps_of[0] > 0).then_some((layer as u8, below))
        })
    }
}

/// One stream of one sender.
#[derive(Debug)]
pub(super) struct Track {
    source: Source,
    last: Instant,
    layers: BTreeMap<u8, Meter>,
    /// Codec of the pictures, and whether layers are spatial ones in one stream: each then needs all below it.
    coding: Option<(Codec, bool)>,
    /// Widths of the spatial layers in pixels, as far as the stream itself has told; 0 for unknown.
    widths: [u16; SPATIAL_MAX],
    /// Bytes of sound that time has not paid for, as of `last`.
    debt: f64,
}

impl Track {
    /// A stream whose first packet has come.
    pub(super) fn new(now: Instant, source: Source) -> Self {
        Self {
            source,
            last: now,
            layers: BTreeMap::new(),
            coding: None,
            widths: [0; SPATIAL_MAX],
            debt: 0.0,
        }
    }

    /// Whether a packet of sound keeps to [`SOUND_BPS_MAX`]; pictures always may, they are paced. To be asked before
    /// [`count`](Self::count).
    pub(super) fn admits(&mut self, now: Instant, packet: &Packet) -> bool {
        if !self.source.is_audio() {
            return true;
        }
        let seconds = now.saturating_duration_since(self.last).as_secs_f64();
        self.debt = (self.debt - seconds * SOUND_BPS_MAX as f64 / 8.0).max(0.0);
        self.last = now;
        let admits = self.debt <= SOUND_BURST as f64;
        if admits {
            self.debt += packet.len() as f64;
        }
        admits
    }

    /// Counts a packet. Returns whether its layer was not alive before.
    pub(super) fn count(&mut self, now: Instant, packet: &Packet) -> bool {
        self.last = now;
        // Once told, it stays: a descriptor that cannot be read says nothing of layers.
        let nested = |codec| self.coding == Some((codec, true));
        let coding = packet
            .coded
            .map(|coded| (coded.codec, coded.spatial.is_some() || nested(coded.codec)));
        if coding != self.coding {
            // Other layers, and of another cost.
            self.coding = coding;
            self.layers.clear();
            self.widths = [0; SPATIAL_MAX];
        }
        let mut new = !self.layers.contains_key(&packet.layer);
        let meter = self
            .layers
            .entry(packet.layer)
            .or_insert_with(|| Meter::new(now));
        if now.saturating_duration_since(meter.last) > LAYER_DEAD_AFTER {
            let width = meter.width;
            *meter = Meter {
                width,
                ..Meter::new(now)
            };
            new = true;
        }
        meter.count(now, packet);
        if let Some(coded) = packet
            .coded
            .filter(|coded| coded.widths != [0; SPATIAL_MAX])
        {
            if coded.spatial.is_some() {
                self.widths = coded.widths;
            } else {
                meter.width = Some(u32::from(coded.widths[0]));
            }
        }
        new
    }

    /// Whether the stream counts as present.
    pub(super) fn is_alive(&self, now: Instant) -> bool {
        let patience = match self.source {
            Source::Screen | Source::ScreenAudio => SCREEN_DEAD_AFTER,
            Source::Mic | Source::Camera => STREAM_DEAD_AFTER,
        };
        now.saturating_duration_since(self.last) <= patience
    }

    /// What the stream offers now, of a sender that can make `count` layers of it.
    pub(super) fn published(&self, now: Instant, count: u8) -> Published {
        let width = |at: usize| self.width(at as u8).unwrap_or(GUESS_WIDTH[at]);
        Published {
            codec: self.coding.map(|(codec, _)| codec),
            layers: self.offers(now),
            widths: std::array::from_fn(width),
            count,
        }
    }

    /// Width of a layer as it was told, pixels.
    fn width(&self, index: u8) -> Option<u32> {
        let told = self.widths.get(usize::from(index)).copied().unwrap_or(0);
        let measured = self.layers.get(&index).and_then(|meter| meter.width);
        measured.or_else(|| (told > 0).then_some(told.into()))
    }

    /// The layers alive now, low to high, of the lowest parts of the frame rate before the whole. A stream that is alive always offers one.
    fn offers(&self, now: Instant) -> Vec<Layer> {
        let single = self.layers.len() == 1;
        let alive =
            |meter: &Meter| single || now.saturating_duration_since(meter.last) <= LAYER_DEAD_AFTER;
        let newest = self
            .layers
            .iter()
            .max_by_key(|(_, meter)| meter.last)
            .map(|(index, _)| *index);
        let nested = self.coding.is_some_and(|(_, nested)| nested);
        let mut below = 0;
        let mut offers = Vec::new();
        let layers = self.layers.iter();
        for (index, meter) in
            layers.filter(|(index, meter)| alive(meter) || Some(**index) == newest)
        {
            let guess = usize::from(*index).min(GUESS_BPS.len() - 1);
            let whole = Layer {
                index: *index,
                temporal: meter.fastest(),
                bps: meter.bps.unwrap_or(GUESS_BPS[guess]).max(1_000) + below,
                width: self.width(*index).unwrap_or(GUESS_WIDTH[guess]),
            };
            if offers.is_empty() {
                offers.extend(meter.parts().map(|(temporal, bps)| Layer {
                    temporal,
                    bps,
                    ..whole
                }));
            }
            if nested {
                below = whole.bps;
            }
            offers.push(whole);
        }
        offers
    }
}

/// What a stream offers to whoever receives it, as of a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Published {
    /// Codec of the pictures.
    pub(super) codec: Option<Codec>,
    /// The layers alive, low to high.
    pub(super) layers: Vec<Layer>,
    /// Width of each layer in pixels, whether it is sent now or not.
    widths: [u32; LAYERS_MAX],
    /// Layers that the sender can make.
    count: u8,
}

impl Published {
    /// How many layers, from the lowest, are of use at a width in device pixels, whether they are sent now or not.
    pub(super) fn layers_for(&self, width: u32) -> u8 {
        let highest = self.count.saturating_sub(1);
        let of = |index: u8| self.widths[usize::from(index).min(LAYERS_MAX - 1)];
        let sharp = (0..highest).find(|index| of(*index) >= sharp_from(width));
        sharp.unwrap_or(highest) + 1
    }

    /// What a stream of one layer costs, bits per second.
    pub(super) fn bps(&self) -> u64 {
        self.layers.last().map_or(0, |layer| layer.bps)
    }

    /// Whether the same layers are there, whatever they cost.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let rungs = |of: &Self| -> Vec<Rung> { of.layers.iter().map(Layer::rung).collect() };
        (self.codec, self.widths, self.count) == (other.codec, other.widths, other.count)
            && rungs(self) == rungs(other)
    }
}
