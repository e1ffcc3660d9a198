//! Who may have key frames, which everybody who sees the source pays for.

use std::time::{Duration, Instant};

use signalling::{PeerKey, Source, View};
use str0m::media::{KeyframeRequestKind, Mid};

use crate::client::layer_of;
use crate::net::Net;

/// A sends a picture, which B and C see.
fn two_viewers() -> (Net, PeerKey, [PeerKey; 2]) {
    let mut net = Net::new();
    let a = net.join(1, &[Source::Camera], 1);
    let viewers = [net.join(2, &[], 1), net.join(3, &[], 1)];
    net.until("both see a", |net| {
        viewers.iter().all(|viewer| sees(net, *viewer, a))
    });
    // Whatever belongs to the beginning is over.
    net.run(Duration::from_secs(10));
    (net, a, viewers)
}

fn sees(net: &Net, viewer: PeerKey, of: PeerKey) -> bool {
    net.mid(viewer, of, Source::Camera)
        .is_some_and(|mid| net.has(viewer, &mid))
}

/// Reports a broken picture, as a browser does.
fn break_picture(net: &mut Net, viewer: PeerKey, of: PeerKey) {
    let mid = net.mid(viewer, of, Source::Camera).unwrap();
    let mut api = net.client(viewer).rtc.direct_api();
    let stream = api.stream_rx_by_mid(Mid::from(mid.as_str()), None);
    stream.unwrap().request_keyframe(KeyframeRequestKind::Pli);
}

/// When the sender was asked, in rounds.
fn rounds(net: &mut Net, sender: PeerKey, since: Instant) -> Vec<Instant> {
    let mut rounds = net.client(sender).ups[&Source::Camera].requested_at.clone();
    rounds.retain(|at| *at >= since);
    rounds.dedup();
    rounds
}

#[test]
fn a_receiver_who_breaks_all_the_time_changes_the_layer_at_once() {
    let (mut net, a, [b, _]) = two_viewers();
    let mid = net.mid(b, a, Source::Camera).unwrap();
    let end = net.now + Duration::from_secs(20);
    while net.now < end {
        break_picture(&mut net, b, a);
        net.run(Duration::from_millis(100));
    }
    for (width, layer) in [(200, 0), (1_280, 2)] {
        let view = View {
            peer: a,
            source: Source::Camera,
            width,
            pinned: false,
        };
        net.sfu.view(net.now, b, vec![view]);
        let at = net.now;
        while layer_of(net.client(b).packets(&mid).last().unwrap()) != layer {
            break_picture(&mut net, b, a);
            net.run(Duration::from_millis(100));
            assert!(
                net.now - at < Duration::from_millis(1_500),
                "layer {layer} waits for its turn"
            );
        }
    }
}

#[test]
fn a_receiver_who_breaks_all_the_time_is_given_ever_fewer_and_the_others_are_served_at_once() {
    let (mut net, a, [b, c]) = two_viewers();
    let begin = net.now;
    let storm = |net: &mut Net, time: Duration| {
        let end = net.now + time;
        while net.now < end {
            break_picture(net, b, a);
            net.run(Duration::from_millis(100));
        }
    };
    storm(&mut net, Duration::from_secs(20));
    let asked = rounds(&mut net, a, begin);
    assert!((4..=9).contains(&asked.len()), "{} in 20 s", asked.len());

    // Between two that B may have.
    storm(&mut net, Duration::from_secs(1));
    let at = net.now;
    break_picture(&mut net, c, a);
    net.run(Duration::from_millis(600));
    assert!(!rounds(&mut net, a, at).is_empty(), "c has to wait for b");

    let d = net.join(4, &[], 1);
    let at = net.now;
    while !sees(&net, d, a) {
        storm(&mut net, Duration::from_millis(100));
        assert!(
            net.now - at < Duration::from_secs(1),
            "a joiner has to wait for b"
        );
    }

    // A good link for a while, and B is served like everybody.
    net.run(Duration::from_secs(25));
    let at = net.now;
    break_picture(&mut net, b, a);
    net.run(Duration::from_millis(300));
    assert_eq!(rounds(&mut net, a, at).len(), 1);
}

/// Shows A's picture at a width; at none, not at all.
fn show(net: &mut Net, viewer: PeerKey, of: PeerKey, width: Option<u32>) {
    let view = |width| View {
        peer: of,
        source: Source::Camera,
        width,
        pinned: false,
    };
    let views = width.map(view).into_iter().collect();
    net.sfu.view(net.now, viewer, views);
}

#[test]
fn a_receiver_who_changes_its_view_all_the_time_is_held_to_a_budget() {
    let changes: [[Option<u32>; 2]; 2] = [[Some(1_280), Some(200)], [Some(200), None]];
    for (turns, every) in changes.into_iter().zip([700, 250]) {
        let (mut net, a, [b, c]) = two_viewers();
        // C sees the lowest layer, which nobody asks for.
        show(&mut net, c, a, Some(200));
        net.run(Duration::from_secs(40));
        let begin = net.now;
        for width in turns.iter().cycle().take(60_000 / every) {
            show(&mut net, b, a, *width);
            net.run(Duration::from_millis(every as u64));
        }
        let asked = rounds(&mut net, a, begin).len();
        // Without the budget nearly every change, or one in half a second.
        assert!((4..=26).contains(&asked), "{asked} in a minute: {turns:?}");

        let at = net.now;
        let mid = net.mid(c, a, Source::Camera).unwrap();
        show(&mut net, c, a, Some(1_280));
        while layer_of(net.client(c).packets(&mid).last().unwrap()) != 2 {
            net.run(Duration::from_millis(10));
            assert!(
                net.now - at < Duration::from_millis(700),
                "c has to wait for b"
            );
        }
    }
}

#[test]
fn a_receiver_who_rearranges_the_page_is_served_at_once_each_time() {
    let (mut net, a, [b, _]) = two_viewers();
    net.run(Duration::from_secs(40));
    let mid = net.mid(b, a, Source::Camera).unwrap();
    for (width, layer) in [(200, 0), (1_280, 2)].into_iter().cycle().take(6) {
        show(&mut net, b, a, Some(width));
        let at = net.now;
        while layer_of(net.client(b).packets(&mid).last().unwrap()) != layer {
            net.run(Duration::from_millis(10));
            assert!(
                net.now - at < Duration::from_millis(700),
                "layer {layer} waits for its turn"
            );
        }
    }
}
