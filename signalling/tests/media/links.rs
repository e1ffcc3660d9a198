//! Bad links towards a receiver, in virtual time: what still gets through, how fast the picture adapts, how long it
//! stands still. The figures that the tests hold are those of `docs/BENCHMARKS.md`.

use std::time::{Duration, Instant};

use signalling::{PeerKey, Source, View};

use crate::client::layer_of;
use crate::net::{Link, Net};

/// Layers of about 150, 270 and 510 kbit/s with the headers.
const SIZE: usize = 300;
const SECOND: Duration = Duration::from_secs(1);

/// One who watches another's camera, large.
struct Watch {
    net: Net,
    from: PeerKey,
    by: PeerKey,
    mid: String,
}

/// What arrived within a while.
#[derive(Debug)]
struct Seen {
    /// Packets of each layer.
    layers: [usize; 3],
    /// Longest time without a packet.
    gap: Duration,
    /// Sequence numbers that never came.
    missing: u64,
}

impl Watch {
    fn begin(link: Link) -> Self {
        let mut net = Net::new();
        let from = net.join(1, &[Source::Mic, Source::Camera], 1);
        net.client(from).ups.get_mut(&Source::Camera).unwrap().size = SIZE;
        let by = net.join(2, &[], 1);
        net.links.insert(by, link);
        let view = View {
            peer: from,
            source: Source::Camera,
            width: 1280,
            pinned: false,
        };
        net.sfu.view(net.now, by, vec![view]);
        net.until("the picture comes", |net| {
            net.mid(by, from, Source::Camera)
                .is_some_and(|mid| net.has(by, &mid))
        });
        let mid = net.mid(by, from, Source::Camera).unwrap();
        Self { net, from, by, mid }
    }

    fn link(&mut self, link: Link) {
        self.net.links.insert(self.by, link);
    }

    fn see(&mut self, time: Duration) -> Seen {
        let from = self.net.now;
        let before = self.net.client(self.by).packets(&self.mid).len();
        self.net.run(time);
        let packets = &self.net.client(self.by).packets(&self.mid)[before..];
        let mut layers = [0; 3];
        let mut arrived: Vec<Instant> = vec![from, from + time];
        let mut numbers: Vec<u64> = Vec::new();
        for packet in packets {
            layers[usize::from(layer_of(packet))] += 1;
            arrived.push(packet.timestamp);
            numbers.push(*packet.seq_no);
        }
        arrived.sort();
        numbers.sort_unstable();
        numbers.dedup();
        let gaps = arrived.windows(2).map(|pair| pair[1] - pair[0]);
        let span = numbers.last().zip(numbers.first());
        Seen {
            layers,
            gap: gaps.max().unwrap_or_default(),
            missing: span.map_or(0, |(last, first)| last - first + 1 - numbers.len() as u64),
        }
    }

    /// Runs until packets of a layer come, and for how long.
    fn until_layer(&mut self, layer: u8) -> Duration {
        let start = self.net.now;
        let (by, mid) = (self.by, self.mid.clone());
        let before = self.net.client(by).packets(&mid).len();
        self.net.until("the layer comes", |net| {
            let packets = net.clients[&by].packets(&mid);
            packets[before..]
                .iter()
                .any(|packet| layer_of(packet) == layer)
        });
        self.net.now - start
    }
}

#[test]
fn random_loss_is_repaired_and_costs_no_quality() {
    for (loss, missing_max) in [(1, 5), (5, 20), (10, 60)] {
        let mut watch = Watch::begin(Link::losing(loss));
        watch.see(20 * SECOND);
        let seen = watch.see(20 * SECOND);
        assert!(seen.layers[2] > 900, "{loss} %: {seen:?}");
        assert!(seen.missing <= missing_max, "{loss} %: {seen:?}");
        assert!(seen.gap < SECOND / 2, "{loss} %: {seen:?}");
    }
}

#[test]
fn loss_is_repaired_where_delay_wanders_too() {
    let mut watch = Watch::begin(Link::jittery(Duration::from_millis(60)).and_losing(5));
    watch.see(20 * SECOND);
    let seen = watch.see(20 * SECOND);
    assert!(seen.layers[2] > 800, "{seen:?}");
    assert!(seen.missing <= 20, "{seen:?}");
}

#[test]
fn a_fifth_lost_at_random_does_not_end_in_the_lowest_layer_for_good() {
    let mut watch = Watch::begin(Link::losing(20));
    watch.see(30 * SECOND);
    let seen = watch.see(30 * SECOND);
    assert!(seen.layers[2] > seen.layers[0], "{seen:?}");
    assert!(seen.gap < SECOND, "{seen:?}");
}

#[test]
fn jitter_of_80_ms_is_not_taken_for_a_full_link() {
    let mut watch = Watch::begin(Link::jittery(Duration::from_millis(80)));
    watch.see(20 * SECOND);
    let seen = watch.see(20 * SECOND);
    assert!(seen.layers[2] > 900, "{seen:?}");
}

#[test]
fn after_a_burst_of_loss_the_picture_goes_on() {
    let mut watch = Watch::begin(Link::OPEN);
    watch.see(10 * SECOND);
    watch.link(Link::losing(100));
    watch.see(SECOND / 2);
    watch.link(Link::OPEN);
    let seen = watch.see(3 * SECOND);
    assert!(seen.gap < SECOND, "{seen:?}");
    assert!(seen.layers[2] > 100, "{seen:?}");
}

#[test]
fn a_link_that_narrows_is_followed_down_within_3_s_and_up_within_15_s() {
    let mut watch = Watch::begin(Link::of(5_000_000));
    assert!(watch.see(10 * SECOND).layers[2] > 400);
    watch.link(Link::of(400_000));
    watch.see(3 * SECOND);
    let overflowed = watch.net.overflowed;
    let narrow = watch.see(20 * SECOND);
    assert_eq!(narrow.layers[2], 0, "{narrow:?}");
    assert!(narrow.layers[1] > 700, "{narrow:?}");
    assert!(narrow.gap < SECOND, "{narrow:?}");
    assert!(watch.net.overflowed - overflowed < 60, "flooded");
    watch.link(Link::of(5_000_000));
    let back = watch.until_layer(2);
    assert!(back < 15 * SECOND, "{back:?}");
}

#[test]
fn a_link_below_the_lowest_layer_recovers() {
    let mut watch = Watch::begin(Link::OPEN);
    watch.see(5 * SECOND);
    watch.link(Link::of(80_000));
    watch.see(30 * SECOND);
    watch.link(Link::OPEN);
    let back = watch.until_layer(2);
    assert!(back < 20 * SECOND, "{back:?}");
    assert_eq!(
        watch.net.mid(watch.by, watch.from, Source::Camera),
        Some(watch.mid)
    );
}
