//! The dependency descriptor, an RTP header extension that tells what a frame is needed for without a look into it
//! (AV1 RTP specification of the Alliance for Open Media, appendix A).

mod bits;
mod structure;

use bits::Bits;
use structure::{Indications, Structure, indications};

use super::codec::{Codec, Coded, Number, SPATIAL_MAX, Spatial, TEMPORAL_MAX, Temporal};

/// The name under which it is negotiated.
pub const URI: &str =
    "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension";
/// Bytes of a descriptor that is taken. One of nine layers with everything in it has about 200.
pub const BYTES_MAX: usize = 255;

/// Bytes that every descriptor has.
const MANDATORY: usize = 3;
/// A packet older than this is no late one, in RTP time: 10 s.
const LATE_MAX: u32 = 900_000;

/// Reads the descriptors of one stream: what they mean is told with its key frames.
#[derive(Debug, Clone, Default)]
pub struct Reader {
    structure: Option<Structure>,
    /// RTP time of the newest picture and the number of the first of its frames.
    picture: Option<(u32, u16)>,
}

impl Reader {
    /// Reads the descriptor of a packet with an RTP time; `None` when it is cut short. Without a structure that fits it
    /// says nothing but the frame's number.
    pub fn read(&mut self, descriptor: &[u8], time: u32) -> Option<Coded> {
        let mut bits = Bits::new(descriptor);
        let (starts, ends) = (bits.flag()?, bits.flag()?);
        let template = bits.number(6)? as u8;
        let frame = bits.number(16)? as u16;
        let mut coded = Coded {
            number: Some(Number {
                id: frame,
                mask: u16::MAX,
            }),
            ..Coded::new(Codec::Av1)
        };
        let Some(meaning) = self.meaning(&mut bits, descriptor.len() > MANDATORY, template, time)
        else {
            return Some(coded);
        };
        let first = self.first_of_picture(time, frame);
        if meaning.structured && starts {
            coded.key_frame = meaning.base;
            coded.widths = meaning.widths;
        }
        coded.spatial = Some(Spatial {
            layer: meaning.layer,
            starts,
            ends,
            fresh: meaning.farthest <= frame.wrapping_sub(first),
        });
        let mut temporal = Temporal::of(meaning.temporal, starts && meaning.layer == 0);
        let opens = meaning.opens.unwrap_or(0).min(TEMPORAL_MAX as u8 - 1);
        temporal.opens = opens.max(temporal.layer);
        coded.temporal = Some(temporal);
        Some(coded)
    }

    /// What the template of a frame says, and what the descriptor says in its place.
    fn meaning(
        &mut self,
        bits: &mut Bits<'_>,
        extended: bool,
        template: u8,
        time: u32,
    ) -> Option<Meaning> {
        let [mut structured, mut active] = [false; 2];
        let [mut targets, mut diffs, mut chains] = [false; 3];
        if extended {
            for flag in [
                &mut structured,
                &mut active,
                &mut targets,
                &mut diffs,
                &mut chains,
            ] {
                *flag = bits.flag()?;
            }
        }
        if structured {
            let structure = Structure::read(bits)?;
            if self.structure.is_none() || !self.is_late(time) {
                self.structure = Some(structure);
            }
        }
        let structure = self.structure.as_ref()?;
        if active {
            bits.number(structure.targets)?;
        }
        let mut frame = structure.template(template)?;
        if targets {
            frame.indications = indications(bits, structure.targets)?;
        }
        if diffs {
            frame.farthest = farthest(bits)?;
        }
        if chains {
            for _ in 0..structure.chains {
                bits.number(8)?;
            }
        }
        let Indications { present, switches } = frame.indications;
        Some(Meaning {
            structured,
            base: frame.spatial == 0,
            widths: structure.widths,
            layer: structure.lowest_of(present).unwrap_or(frame.spatial),
            temporal: structure.slowest_of(present).unwrap_or(frame.temporal),
            opens: structure.fastest_of(switches),
            farthest: frame.farthest,
        })
    }

    /// Whether a packet comes after some of a later picture. One that lies far back begins the stream anew.
    fn is_late(&self, time: u32) -> bool {
        self.picture
            .is_some_and(|(newest, _)| (1..LATE_MAX).contains(&newest.wrapping_sub(time)))
    }

    /// The first frame of the picture that a packet belongs to, as far as it was seen.
    fn first_of_picture(&mut self, time: u32, frame: u16) -> u16 {
        let late = self.is_late(time);
        match &mut self.picture {
            Some((newest, first)) if *newest == time => {
                if (frame.wrapping_sub(*first) as i16) < 0 {
                    *first = frame;
                }
                *first
            }
            Some(_) if late => frame,
            newest => newest.insert((time, frame)).1,
        }
    }
}

/// What a frame is.
struct Meaning {
    structured: bool,
    /// Of the lowest spatial layer.
    base: bool,
    widths: [u16; SPATIAL_MAX],
    layer: u8,
    temporal: u8,
    /// The highest temporal layer that can be taken up with it.
    opens: Option<u8>,
    farthest: u16,
}

/// How far back the farthest frame lies that a frame needs, when the frame does not go by its template; 0 for none.
fn farthest(bits: &mut Bits<'_>) -> Option<u16> {
    let mut farthest = 0;
    loop {
        let nibbles = bits.number(2)? as usize;
        if nibbles == 0 {
            return Some(farthest);
        }
        farthest = farthest.max(bits.number(4 * nibbles)? as u16 + 1);
    }
}

/// Writes another frame number into a descriptor.
pub fn renumber(descriptor: &mut [u8], frame: u16) {
    if let Some(number) = descriptor.get_mut(1..3) {
        number.copy_from_slice(&frame.to_be_bytes());
    }
}

/// Whether an AV1 payload begins a coded video sequence, by its aggregation header (AV1 RTP specification §4.4): for
/// streams without descriptors.
pub fn begins_sequence(payload: &[u8]) -> bool {
    const CONTINUES: u8 = 0x80;
    const NEW: u8 = 0x08;
    payload.len() > 1 && payload[0] & (CONTINUES | NEW) == NEW
}

#[cfg(test)]
mod tests;
