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

/// One simulcast layer that its sender produces now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layer {
    /// Number of the layer, low to high.
    pub index: u8,
    /// What it costs, bits per second, as measured.
    pub bps: u64,
    /// Width of its pictures in pixels.
    pub width: u32,
}

/// One stream that has a slot.
#[derive(Debug, Clone)]
pub struct Want {
    /// Its importance.
    pub class: Class,
    /// Width at which it is shown, device pixels.
    pub width: u32,
    /// What its sender offers, low to high. Empty: nothing to send.
    pub offers: Vec<Layer>,
    /// The layer sent now.
    pub current: Option<u8>,
}

/// The outcome.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Allocation {
    /// Layer for each want, in the order given; `None` pauses it.
    pub layers: Vec<Option<u8>>,
    /// What everything wanted would cost together with sound, bits per second.
    pub desired: u64,
}

/// A stream is not moved up unless this much more than its cost is free: 1/8.
const HEADROOM: u64 = 8;
/// A layer may be this much narrower than its tile (in 1/8) and still count as sharp enough.
const SHARP: u32 = 6;

/// Chooses layers for `wants` within `budget` bits per second, of which `sound` go first.
///
/// First everyone gets the lowest layer, in order of importance, then everyone is raised to what
/// their tile deserves, in the same order. The most important stream is sent even if it does not fit, so that a dip of the
/// estimate does not interrupt it; unless `narrow`, which [`Pause`](super::pause::Pause) tells.
pub fn allocate(budget: u64, sound: u64, narrow: bool, wants: &[Want]) -> Allocation {
    let mut order: Vec<usize> = (0..wants.len())
        .filter(|at| !wants[*at].offers.is_empty())
        .collect();
    order.sort_by_key(|at| (wants[*at].class, std::cmp::Reverse(wants[*at].width)));
    let mut chosen: Vec<Option<usize>> = vec![None; wants.len()];
    let mut used = sound;

    for (nth, at) in order.iter().enumerate() {
        let cost = wants[*at].offers[0].bps;
        if (nth == 0 && !narrow) || used + with_headroom(&wants[*at], 0) <= budget {
            chosen[*at] = Some(0);
            used += cost;
        }
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
    let layers = chosen
        .iter()
        .zip(wants)
        .map(|(at, want)| at.map(|at| want.offers[at].index))
        .collect();
    Allocation {
        layers,
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

/// The lowest layer that is sharp at the want's width, or the highest there is.
fn best_offer(want: &Want) -> usize {
    want.offers
        .iter()
        .position(|layer| layer.width >= sharp_from(want.width))
        .unwrap_or(want.offers.len() - 1)
}

/// Cost of an offer; higher for one above the layer sent now, so that a budget on the edge does
/// not make the picture flap.
fn with_headroom(want: &Want, at: usize) -> u64 {
    let layer = want.offers[at];
    let rises = want.current.is_none_or(|current| layer.index > current);
    layer.bps + if rises { layer.bps / HEADROOM } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn camera(class: Class, width: u32) -> Want {
        let layer = |index, bps, width| Layer { index, bps, width };
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
        allocate(budget, sound, false, wants).layers
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
        assert_eq!(of(300_000).layers, [Some(0), None]);
        assert_eq!(of(100_000).layers, [None, None]);
        assert_eq!(least(50_000, &wants), Some(1_050_000));
    }

    #[test]
    fn a_budget_on_the_edge_does_not_flap() {
        let mut want = camera(Class::Speaker, 640);
        assert_eq!(layers(420_000, 0, std::slice::from_ref(&want)), [Some(0)]);
        want.current = Some(1);
        assert_eq!(layers(420_000, 0, std::slice::from_ref(&want)), [Some(1)]);
        assert_eq!(layers(390_000, 0, &[want]), [Some(0)]);
    }

    #[test]
    fn what_is_missing_is_told_to_the_estimator() {
        let wants = [camera(Class::Speaker, 1280), camera(Class::Tile, 320)];
        let all = allocate(250_000, 0, false, &wants);
        assert_eq!(all.layers, [Some(0), Some(0)]);
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
                layers: vec![],
                desired: 5,
            }
        );
    }
}
