use std::time::Duration;

use signalling::{Source, View};

use crate::client::layer_of;
use crate::net::{Link, Net};

/// Layers of about 150, 270 and 510 kbit/s with the headers.
const SIZE: usize = 300;

fn layers_after(rate: Option<u64>) -> (Vec<usize>, usize) {
    let mut net = Net::new();
    let a = net.join(1, &[Source::Mic, Source::Camera], 1);
    net.client(a).ups.get_mut(&Source::Camera).unwrap().size = SIZE;
    let b = net.join(2, &[], 1);
    net.links.extend(rate.map(|rate| (b, Link::of(rate))));
    net.sfu.view(
        net.now,
        b,
        vec![View {
            peer: a,
            source: Source::Camera,
            width: 1280,
            pinned: false,
        }],
    );
    net.until("b sees a", |net| {
        net.mid(b, a, Source::Camera)
            .is_some_and(|mid| net.has(b, &mid))
    });
    net.run(Duration::from_secs(30));
    let mid = net.mid(b, a, Source::Camera).unwrap();
    let (from, lost) = (net.client(b).packets(&mid).len(), net.overflowed);
    net.run(Duration::from_secs(20));
    let mut counts = vec![0; 3];
    for packet in &net.client(b).packets(&mid)[from..] {
        counts[usize::from(layer_of(packet))] += 1;
    }
    (counts, net.overflowed - lost)
}

#[test]
fn an_open_link_gets_the_best_layer() {
    let (layers, _) = layers_after(None);
    assert!(layers[2] > 900, "{layers:?}");
}

#[test]
fn a_narrow_link_gets_what_fits_and_is_not_flooded() {
    let (layers, overflowed) = layers_after(Some(300_000));
    let (low, high): (usize, usize) = (layers[0] + layers[1], layers[2]);
    assert!(low > 800, "{layers:?}");
    assert!(high < 100, "{layers:?}");
    // The estimator's probes overflow now and then: that is how it learns.
    assert!(overflowed < 100, "{overflowed} datagrams overflowed");
}
