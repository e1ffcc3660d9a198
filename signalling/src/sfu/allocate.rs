//! Splits a receiver's bandwidth: sound, then screens, then the speaker, then tiles by size.

/// What a stream is to a receiver; earlier goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// A shared screen.
    Screen,
    /// The pinned or speaking participant.
    Speaker,
    /// Another participant.
    Tile,
}

/// One simulcast or spatial layer that its sender produces now, or part of its frame rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layer {
    /// Number of the layer, low to high.
    pub index: u8,
    /// Highest temporal layer of it.
    pub temporal: u8,
    /// What it costs, bits per second, as measured.
    pub bps: u64,
    /// Width of its pictures in pixels.
    pub width: u32,
}

/// How much of a stream is sent: of layers the higher goes first, then the frame rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rung {
    /// Number of the layer.
    pub layer: u8,
    /// Highest temporal layer of it.
    pub temporal: u8,
}

impl Layer {
    /// Its place among all.
    pub const fn rung(&self) -> Rung {
        Rung {
            layer: self.index,
            temporal: self.temporal,
        }
    }
}

/// One stream that has a slot.
#[derive(Debug, Clone)]
pub struct Want {
    /// Its importance.
    pub class: Class,
    /// Width at which it is shown, device pixels.
    pub width: u32,
    /// What its sender offers, low to high: the lowest layer perhaps with part of its frame rate first. Empty: nothing to send.
    pub offers: Vec<Layer>,
    /// What is sent now.
    pub current: Option<Rung>,
}

/// The outcome.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Allocation {
    /// What to send of each want, in the order given; `None` pauses it.
    pub rungs: Vec<Option<Rung>>,
    /// What everything wanted would cost together with sound, bits per second.
    pub desired: u64,
}

/// A stream is not moved up unless this much more than its cost is free: 1/8.
const HEADROOM: u64 = 8;
/// A layer may be this much narrower than its tile (in 1/8) and still count as sharp enough.
const SHARP: u32 = 6;

/// Chooses layers for `wants` within `budget` bits per second, of which `sound` go first.
///
/// First everyone gets the lowest layer, in order of importance, where it does not fit with part of its frame rate: a shared
/// screen keeps its sharpness. Then everyone is raised to what their tile deserves, in the same order. The most important stream is sent even if it does not fit, so that a dip of the
/// estimate does not interrupt it; unless `narrow`, which [`Pause`](super::pause::Pause) tells.
pub fn allocate(budget: u64, sound: u64, narrow: bool, wants: &[Want]) -> Allocation {
    let mut order: Vec<usize> = (0..wants.len())
        .filter(|at| !wants[*at].offers.is_empty())
        .collect();
    order.sort_by_key(|at| (wants[*at].class, std::cmp::Reverse(wants[*at].width)));
    let mut chosen: Vec<Option<usize>> = vec![None; wants.len()];
    let mut used = sound;

    for (nth, at) in order.iter().enumerate() {
        let want = &wants[*at];
        let fits = |offer: &usize| used + with_headroom(want, *offer) <= budget;
        let fitting = (0..whole(want, 0) + 1).rev().find(fits);
        chosen[*at] = fitting.or_else(|| (nth == 0 && !narrow).then_some(0));
        used += chosen[*at].map_or(0, |offer| want.offers[offer].bps);
    }
    let mut desired = sound;
    for at in &order {
        let want = &wants[*at];
        let best = best_offer(want);
        desired += want.offers[best].bps;
        let Some(low) = chosen[*at] else { continue };
        let base = want.offers[low].bps;
        let fits = |at: &usize| used + with_headroom(want, *at).saturating_sub(base) <= budget;
        let highest = (low + 1..=best).rev().find(fits).unwrap_or(low);
        chosen[*at] = Some(highest);
        used += want.offers[highest].bps.saturating_sub(base);
    }
    let rungs = chosen
        .iter()
        .zip(wants)
        .map(|(at, want)| at.map(|at| want.offers[at].rung()))
        .collect();
    Allocation {
        rungs,
        desired: desired.max(used),
    }
}

/// What the most important of `wants` costs in its lowest layer, with `sound`; `None` when nothing is wanted.
pub fn least(sound: u64, wants: &[Want]) -> Option<u64> {
    let offering = wants.iter().filter(|want| !want.offers.is_empty());
    let first = offering.min_by_key(|want| (want.class, std::cmp::Reverse(want.width)))?;
    Some(sound + first.offers[0].bps)
}

/// Width from which on a layer counts as sharp in a tile, both in pixels.
pub fn sharp_from(tile: u32) -> u32 {
    tile.saturating_mul(SHARP) / 8
}

/// The lowest layer that is sharp at the want's width, or the highest there is; with its whole frame rate.
fn best_offer(want: &Want) -> usize {
    let sharp = |layer: &Layer| layer.width >= sharp_from(want.width);
    let first = want.offers.iter().position(sharp);
    first.map_or(want.offers.len() - 1, |at| whole(want, at))
}

/// The offer of an offer's layer that has its whole frame rate.
fn whole(want: &Want, at: usize) -> usize {
    let index = want.offers[at].index;
    let same = want.offers.iter().rposition(|layer| layer.index == index);
    same.unwrap_or(at)
}

/// Cost of an offer; higher for one above the layer sent now, so that a budget on the edge does
/// not make the picture flap.
fn with_headroom(want: &Want, at: usize) -> u64 {
    let layer = want.offers[at];
    let rises = want.current.is_none_or(|current| layer.rung() > current);
    layer.bps + if rises { layer.bps / HEADROOM } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn camera(class: Class, width: u32) -> Want {
        let layer = |index, bps, width| Layer {
            index,
            temporal: 0,
            bps,
            width,
        };
        let offers = vec![
            layer(0, 100_000, 320),
            layer(1, 400_000, 640),
            layer(2, 1_500_000, 1280),
        ];
        Want {
            class,
            width,
            offers,
            current: None,
        }
    }

    fn screen() -> Want {
        let offers = vec![Layer {
            index: 0,
            temporal: 0,
            bps: 1_000_000,
            width: 1920,
        }];
        Want {
            class: Class::Screen,
            width: 1920,
            offers,
            current: None,
        }
    }

    fn layers(budget: u64, sound: u64, wants: &[Want]) -> Vec<Option<u8>> {
        layers_of(&allocate(budget, sound, false, wants))
    }

    fn layers_of(all: &Allocation) -> Vec<Option<u8>> {
        let rungs = all.rungs.iter();
        rungs.map(|rung| rung.map(|rung| rung.layer)).collect()
    }

    /// A screen in three temporal layers.
    fn smooth_screen() -> Want {
        let layer = |temporal, bps| Layer {
            temporal,
            bps,
            ..screen().offers[0]
        };
        Want {
            offers: vec![layer(0, 500_000), layer(1, 700_000), layer(2, 1_000_000)],
            ..screen()
        }
    }

    #[test]
    fn with_plenty_everyone_gets_what_their_tile_deserves() {
        let wants = [
            camera(Class::Tile, 300),
            camera(Class::Speaker, 1280),
            screen(),
        ];
        assert_eq!(
            layers(10_000_000, 100_000, &wants),
            [Some(0), Some(2), Some(0)]
        );
        assert_eq!(
            allocate(10_000_000, 100_000, false, &wants).desired,
            2_700_000
        );
    }

    #[test]
    fn screens_go_before_speakers_before_tiles_by_size() {
        let wants = [
            camera(Class::Tile, 200),
            camera(Class::Tile, 640),
            camera(Class::Speaker, 1280),
            screen(),
        ];
        assert_eq!(
            layers(1_200_000, 100_000, &wants),
            [None, None, None, Some(0)]
        );
        assert_eq!(
            layers(1_300_000, 100_000, &wants),
            [None, None, Some(0), Some(0)]
        );
        assert_eq!(
            layers(1_400_000, 100_000, &wants),
            [None, Some(0), Some(0), Some(0)]
        );
        assert_eq!(
            layers(1_800_000, 100_000, &wants),
            [Some(0), Some(0), Some(1), Some(0)]
        );
    }

    #[test]
    fn sound_is_never_sold_for_pictures() {
        let wants = [screen(), camera(Class::Tile, 320)];
        assert_eq!(layers(1_200_000, 150_000, &wants), [Some(0), None]);
    }

    #[test]
    fn below_everything_the_most_important_stays() {
        let wants = [camera(Class::Tile, 300), camera(Class::Speaker, 1280)];
        assert_eq!(layers(0, 100_000, &wants), [None, Some(0)]);
    }

    #[test]
    fn on_a_narrow_link_only_what_fits_is_sent() {
        let wants = [camera(Class::Tile, 300), screen()];
        let of = |budget| allocate(budget, 50_000, true, &wants);
        assert_eq!(layers_of(&of(300_000)), [Some(0), None]);
        assert_eq!(layers_of(&of(100_000)), [None, None]);
        assert_eq!(least(50_000, &wants), Some(1_050_000));
    }

    #[test]
    fn a_budget_on_the_edge_does_not_flap() {
        let mut want = camera(Class::Speaker, 640);
        assert_eq!(layers(420_000, 0, std::slice::from_ref(&want)), [Some(0)]);
        want.current = Some(Rung {
            layer: 1,
            temporal: 0,
        });
        assert_eq!(layers(420_000, 0, std::slice::from_ref(&want)), [Some(1)]);
        assert_eq!(layers(390_000, 0, &[want]), [Some(0)]);
    }

    #[test]
    fn a_screen_loses_frames_and_not_its_place() {
        let temporal = |budget, wants: &[Want]| {
            let chosen = allocate(budget, 0, false, wants);
            chosen.rungs[0].map(|rung| rung.temporal)
        };
        let mut wants = [smooth_screen(), camera(Class::Speaker, 1280)];
        assert_eq!(temporal(3_000_000, &wants), Some(2));
        assert_eq!(temporal(1_000_000, &wants), Some(1));
        assert_eq!(temporal(600_000, &wants), Some(0));
        assert_eq!(temporal(100_000, &wants), Some(0));
        // What is left over is the speaker's, as before.
        let with_rest = allocate(700_000, 0, false, &wants);
        assert_eq!(layers_of(&with_rest), [Some(0), Some(0)]);
        assert_eq!(allocate(600_000, 0, false, &wants).desired, 2_500_000);
        assert_eq!(least(10_000, &wants), Some(510_000));
        // On the edge it stays as it is.
        wants[0].current = Some(Rung {
            layer: 0,
            temporal: 1,
        });
        assert_eq!(temporal(750_000, &wants), Some(1));
        assert_eq!(temporal(1_050_000, &wants), Some(1));
        assert_eq!(temporal(1_130_000, &wants), Some(2));
    }

    #[test]
    fn what_is_missing_is_told_to_the_estimator() {
        let wants = [camera(Class::Speaker, 1280), camera(Class::Tile, 320)];
        let all = allocate(250_000, 0, false, &wants);
        assert_eq!(layers_of(&all), [Some(0), Some(0)]);
        assert_eq!(all.desired, 1_600_000);
    }

    #[test]
    fn a_stream_that_offers_nothing_gets_nothing() {
        let mut silent = camera(Class::Screen, 640);
        silent.offers.clear();
        assert_eq!(
            layers(1_000_000, 0, &[silent, camera(Class::Tile, 320)]),
            [None, Some(0)]
        );
        assert_eq!(
            allocate(1_000, 5, false, &[]),
            Allocation {
                rungs: vec![],
                desired: 5,
            }
        );
    }
}
