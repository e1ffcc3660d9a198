//! The template dependency structure: what the frames of a stream can be, told with its key frames (§A.8.3 of the
//! AV1 RTP specification).

use super::bits::Bits;
use crate::sfu::codec::SPATIAL_MAX;

/// Templates that the numbering allows.
const TEMPLATES_MAX: usize = 64;
/// Decode targets that the count allows.
pub(super) const TARGETS_MAX: usize = 32;

/// Decode targets, a bit for each.
pub(super) type Targets = u32;

/// What one kind of frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Template {
    pub(super) spatial: u8,
    pub(super) temporal: u8,
    /// What such a frame is for the targets.
    pub(super) indications: Indications,
    /// How far back the frames lie that it needs: the farthest, in frames; 0 when it needs none.
    pub(super) farthest: u16,
}

/// What a frame is for each decode target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Indications {
    /// Targets for which it is present at all.
    pub(super) present: Targets,
    /// Targets that can be taken up with it.
    pub(super) switches: Targets,
}

/// All kinds of frames of one stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Structure {
    /// Number of the first template.
    offset: u8,
    templates: Vec<Template>,
    /// How many decode targets there are, 1 to 32.
    pub(super) targets: usize,
    /// Chains that frames may be told of.
    pub(super) chains: usize,
    /// Highest spatial layer of each target.
    spatial_of: [u8; TARGETS_MAX],
    /// Highest temporal layer of each target.
    temporal_of: [u8; TARGETS_MAX],
    /// Widths of the spatial layers in pixels; 0 for unknown.
    pub(super) widths: [u16; SPATIAL_MAX],
}

impl Structure {
    pub(super) fn read(bits: &mut Bits<'_>) -> Option<Self> {
        let offset = bits.number(6)? as u8;
        let targets = bits.number(5)? as usize + 1;
        let mut templates = layers(bits)?;
        for template in &mut templates {
            template.indications = indications(bits, targets)?;
        }
        for template in &mut templates {
            while bits.flag()? {
                let back = bits.number(4)? as u16 + 1;
                template.farthest = template.farthest.max(back);
            }
        }
        let chains = bits.below(targets as u32 + 1)? as usize;
        if chains > 0 {
            for _ in 0..targets {
                bits.below(chains as u32)?;
            }
            for _ in 0..templates.len() * chains {
                bits.number(4)?;
            }
        }
        let mut widths = [0; SPATIAL_MAX];
        if bits.flag()? {
            let highest = templates.iter().map(|template| template.spatial).max()?;
            for layer in 0..=usize::from(highest) {
                let width = bits.number(16)? as u16;
                bits.number(16)?;
                if let Some(known) = widths.get_mut(layer) {
                    *known = width.saturating_add(1);
                }
            }
        }
        let mut structure = Self {
            offset,
            templates,
            targets,
            chains,
            spatial_of: [0; TARGETS_MAX],
            temporal_of: [0; TARGETS_MAX],
            widths,
        };
        for template in &structure.templates {
            for target in 0..targets {
                if template.indications.present & 1 << target != 0 {
                    let highest = &mut structure.spatial_of[target];
                    *highest = template.spatial.max(*highest);
                    let highest = &mut structure.temporal_of[target];
                    *highest = template.temporal.max(*highest);
                }
            }
        }
        Some(structure)
    }

    pub(super) fn template(&self, id: u8) -> Option<Template> {
        let at = id.wrapping_sub(self.offset) % TEMPLATES_MAX as u8;
        self.templates.get(usize::from(at)).copied()
    }

    /// The lowest spatial layer that somebody must watch to need a frame that is present for `targets`. `None` when
    /// nobody needs it.
    pub(super) fn lowest_of(&self, targets: Targets) -> Option<u8> {
        self.of(targets).map(|target| self.spatial_of[target]).min()
    }

    /// The lowest temporal layer that somebody must watch to need a frame that is present for `targets`.
    pub(super) fn slowest_of(&self, targets: Targets) -> Option<u8> {
        self.of(targets)
            .map(|target| self.temporal_of[target])
            .min()
    }

    /// The highest temporal layer of `targets`.
    pub(super) fn fastest_of(&self, targets: Targets) -> Option<u8> {
        self.of(targets)
            .map(|target| self.temporal_of[target])
            .max()
    }

    fn of(&self, targets: Targets) -> impl Iterator<Item = usize> {
        (0..self.targets).filter(move |target| targets & 1 << target != 0)
    }
}

/// The layers of every template: each says how the next one differs from it.
fn layers(bits: &mut Bits<'_>) -> Option<Vec<Template>> {
    let mut templates = Vec::new();
    let (mut spatial, mut temporal) = (0, 0);
    loop {
        if templates.len() == TEMPLATES_MAX {
            return None;
        }
        templates.push(Template {
            spatial,
            temporal,
            ..Template::default()
        });
        match bits.number(2)? {
            1 => temporal += 1,
            2 => (spatial, temporal) = (spatial + 1, 0),
            3 => return Some(templates),
            // The same layer.
            _ => {}
        }
    }
}

/// A decode target indication for each target: 0 is "not present", 2 "switch".
pub(super) fn indications(bits: &mut Bits<'_>, targets: usize) -> Option<Indications> {
    let mut all = Indications::default();
    for target in 0..targets {
        match bits.number(2)? {
            0 => {}
            2 => {
                all.present |= 1 << target;
                all.switches |= 1 << target;
            }
            _ => all.present |= 1 << target,
        }
    }
    Some(all)
}
