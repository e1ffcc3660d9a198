use std::time::{Duration, Instant};

use signalling::{MediaEvent, PeerKey, Source, View};

use crate::client::{assert_continuous, layer_of};
use crate::net::Net;

fn view(peer: PeerKey, width: u32) -> View {
    View {
        peer,
        source: Source::Camera,
        width,
        pinned: false,
    }
}

#[test]
fn the_tile_decides_the_layer_and_switches_fall_on_key_frames() {
    let mut net = Net::new();
    let a = net.join(1, &[Source::Camera], 1);
    let b = net.join(2, &[], 1);
    net.sfu.view(net.now, b, vec![view(a, 300)]);
    net.until("b sees a", |net| {
        net.mid(b, a, Source::Camera)
            .is_some_and(|mid| net.has(b, &mid))
    });
    let mid = net.mid(b, a, Source::Camera).unwrap();
    let mut expected = vec![0];
    for (width, layer) in [(1280, 2), (600, 1), (200, 0)] {
        net.run(Duration::from_secs(2));
        net.sfu.view(net.now, b, vec![view(a, width)]);
        expected.push(layer);
    }
    net.run(Duration::from_secs(2));

    let packets = net.client(b).packets(&mid);
    assert_continuous(packets);
    let mut seen = vec![layer_of(&packets[0])];
    for pair in packets.windows(2) {
        let id =
            |at: usize| u16::from_be_bytes([pair[at].payload[2], pair[at].payload[3]]) & 0x7fff;
        assert!(
            id(1).wrapping_sub(id(0)) & 0x7fff <= 1,
            "picture numbers run on"
        );
        if layer_of(&pair[0]) != layer_of(&pair[1]) {
            seen.push(layer_of(&pair[1]));
            assert_eq!(pair[1].payload[6] & 1, 0, "a switch without a key frame");
        }
    }
    assert_eq!(seen, expected);
}

#[test]
fn what_nobody_sees_is_not_sent() {
    let mut net = Net::new();
    let a = net.join(1, &[Source::Camera], 1);
    let b = net.join(2, &[], 1);
    net.sfu.view(net.now, b, vec![]);
    net.until("connected", Net::all_connected);
    net.run(Duration::from_secs(2));
    assert_eq!(net.mid(b, a, Source::Camera), None);
    assert_eq!(net.sfu.stats().forwarded_packets, 0);
    assert_eq!(net.sfu.stats().key_frame_requests, 0);
}

#[test]
fn a_class_that_joins_together_does_not_storm_the_teacher() {
    storm(30);
}

#[test]
fn a_hundred_who_join_together_do_not_storm_the_teacher() {
    storm(100);
}

/// `class` learners join within 2 s. All see the teacher, soon and for good, and the teacher is asked for few key frames.
fn storm(class: u32) {
    let mut net = Net::new();
    let teacher = net.join(1, &[Source::Camera, Source::Mic], 1);
    net.until("teacher", Net::all_connected);
    net.run(Duration::from_secs(2));
    let begin = net.now;
    // When each joined, and got the first packet of the picture.
    let mut learners: Vec<(PeerKey, Instant, Option<Instant>)> = Vec::new();
    let pictures = |net: &Net, key| {
        net.mid(key, teacher, Source::Camera)
            .map_or(0, |mid| net.clients[&key].packets(&mid).len())
    };
    while learners.len() < class as usize || learners.iter().any(|(_, _, saw)| saw.is_none()) {
        let due = (net.now - begin).as_millis() as u32 * class / 2_000;
        while learners.len() < class.min(due + 1) as usize {
            let key = net.join(learners.len() as u64 + 2, &[], 2);
            learners.push((key, net.now, None));
        }
        net.step();
        assert!(net.now - begin < Duration::from_secs(30), "{learners:?}");
        for (key, _, saw) in &mut learners {
            if saw.is_none() && pictures(&net, *key) > 0 {
                *saw = Some(net.now);
            }
        }
    }
    let waited = learners
        .iter()
        .map(|(_, joined, saw)| saw.unwrap() - *joined);
    let mut waited: Vec<Duration> = waited.collect();
    waited.sort();
    let nineteen_of_twenty = waited[waited.len() * 19 / 20];
    assert!(nineteen_of_twenty < Duration::from_secs(1), "{waited:?}");
    assert!(
        *waited.last().unwrap() < Duration::from_secs(2),
        "{waited:?}"
    );

    let before: Vec<usize> = learners
        .iter()
        .map(|(key, ..)| pictures(&net, *key))
        .collect();
    net.run(Duration::from_secs(1));
    for ((key, ..), before) in learners.iter().zip(before) {
        assert!(
            pictures(&net, *key) > before + 20,
            "{key:?} is left without"
        );
    }
    let camera = &net.client(teacher).ups[&Source::Camera];
    let mut rounds = camera.requested_at.clone();
    rounds.dedup();
    rounds.retain(|at| *at >= begin);
    for pair in rounds.windows(2) {
        assert!(pair[1] - pair[0] >= Duration::from_millis(495), "{pair:?}");
    }
    assert!((1..=8).contains(&rounds.len()), "{} rounds", rounds.len());
}

/// How many layers a sender was told to make, each time.
fn told(net: &Net, sender: PeerKey) -> Vec<u8> {
    let mut told = Vec::new();
    for event in &net.events {
        if let MediaEvent::Layers { peer, count, .. } = event
            && *peer == sender
        {
            told.push(*count);
        }
    }
    told
}

#[test]
fn layers_that_nobody_can_use_are_not_made_and_come_back_when_somebody_can() {
    let mut net = Net::new();
    let a = net.join(1, &[Source::Camera], 1);
    let b = net.join(2, &[], 1);
    let c = net.join(3, &[], 1);
    for viewer in [b, c] {
        net.sfu.view(net.now, viewer, vec![view(a, 300)]);
    }
    net.until("b sees a", |net| {
        net.mid(b, a, Source::Camera)
            .is_some_and(|mid| net.has(b, &mid))
    });
    net.run(Duration::from_secs(10));
    assert_eq!(told(&net, a), [1]);

    net.sfu.view(net.now, c, vec![view(a, 1280)]);
    let mid = net.mid(c, a, Source::Camera).unwrap();
    let at = net.now;
    net.until("c sees a sharply", |net| {
        let packets = net.clients[&c].packets(&mid);
        packets.last().is_some_and(|packet| layer_of(packet) == 2)
    });
    assert!(net.now - at < Duration::from_secs(3));
    assert_eq!(told(&net, a), [1, 3]);

    // A short look away changes nothing; a long one does.
    net.sfu.view(net.now, c, vec![view(a, 300)]);
    net.run(Duration::from_secs(2));
    net.sfu.view(net.now, c, vec![view(a, 1280)]);
    net.run(Duration::from_secs(5));
    assert_eq!(told(&net, a), [1, 3]);
    net.sfu.leave(net.now, c);
    net.run(Duration::from_secs(6));
    assert_eq!(told(&net, a), [1, 3, 1]);
}
