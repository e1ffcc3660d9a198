use std::time::Duration;

use signalling::{MediaEvent, Source};

use crate::client::assert_continuous;
use crate::net::Net;

#[test]
fn three_microphones_of_six_and_the_sound_of_the_screen_are_heard() {
    let mut net = Net::new();
    let listener = net.join(9, &[], 4);
    let mut speakers = Vec::new();
    for key in 1..=6 {
        let peer = net.join(key, &[Source::Mic], 1);
        net.client(peer).loudness = -10 - 5 * key as i8;
        speakers.push(peer);
    }
    let screen = net.join(8, &[Source::Screen, Source::ScreenAudio], 1);
    net.until("connected", Net::all_connected);
    net.run(Duration::from_secs(4));
    let heard: Vec<bool> = speakers
        .iter()
        .map(|peer| net.mid(listener, *peer, Source::Mic).is_some())
        .collect();
    assert_eq!(heard, [true, true, true, false, false, false]);
    let slots = net.slots(listener);
    assert_eq!(
        slots[3].stream,
        Some((screen, Source::ScreenAudio)),
        "the reserved slot"
    );
    assert!(net.mid(listener, screen, Source::Screen).is_some());
    assert!(net.events.iter().any(|event| matches!(event,
        MediaEvent::Speaking { speakers: now, active, .. }
            if now.len() == 3 && *active == Some(speakers[0]))));

    // The quietest becomes the loudest: one slot changes hands, the stream in it runs on.
    net.client(speakers[5]).loudness = -3;
    let heard = speakers[5];
    net.until("a new voice", |net| {
        net.mid(listener, heard, Source::Mic).is_some()
    });
    net.run(Duration::from_secs(1));
    let mid = net.mid(listener, heard, Source::Mic).unwrap();
    assert_continuous(net.client(listener).packets(&mid));
    assert_eq!(
        net.slots(listener)[3].stream,
        Some((screen, Source::ScreenAudio))
    );
}

#[test]
fn more_cameras_than_slots_is_no_trouble() {
    let mut net = Net::new();
    let listener = net.join(9, &[], 2);
    for key in 1..=5 {
        net.join(key, &[Source::Camera], 1);
    }
    net.until("connected", Net::all_connected);
    net.run(Duration::from_secs(2));
    let filled = net
        .slots(listener)
        .iter()
        .filter(|slot| slot.stream.is_some())
        .count();
    assert_eq!(filled, 2);
}

#[test]
fn two_receivers_with_no_slots_at_all_are_fine() {
    let mut net = Net::new();
    let a = net.join_with(1, &[Source::Mic, Source::Camera], 0, 0);
    let b = net.join_with(2, &[Source::Mic, Source::Camera], 1, 0);
    net.until("connected", Net::all_connected);
    net.run(Duration::from_secs(1));
    assert!(net.slots(a).is_empty());
    assert!(
        net.mid(b, a, Source::Mic).is_some(),
        "a single audio slot is for voices"
    );
}

#[test]
fn one_with_a_single_slot_of_each_kind_gets_the_floor_and_in_pauses_the_sound_of_the_screen() {
    let mut net = Net::new();
    let display = net.join_with(9, &[], 1, 1);
    let voice = [Source::Mic, Source::Camera];
    let (first, second) = (net.join(1, &voice, 1), net.join(2, &voice, 1));
    let speaks = |net: &mut Net, who, silent| {
        net.client(who).loudness = -15;
        net.client(silent).loudness = -110;
    };
    let shows = |net: &Net, who| {
        let has = |source| net.mid(display, who, source).is_some();
        has(Source::Mic) && has(Source::Camera)
    };
    speaks(&mut net, first, second);
    net.until("the first one shown", |net| shows(net, first));
    net.run(Duration::from_secs(2));
    assert!(shows(&net, first), "and it stays");
    speaks(&mut net, second, first);
    net.until("the second one shown", |net| shows(net, second));

    let screen = net.join(8, &[Source::Screen, Source::ScreenAudio], 1);
    net.until("the screen shown", |net| {
        net.mid(display, screen, Source::Screen).is_some()
    });
    net.run(Duration::from_secs(2));
    let talks = net.mid(display, second, Source::Mic);
    assert!(talks.is_some(), "a speaker goes before the screen's sound");
    net.client(second).loudness = -110;
    net.until("the sound of the screen", |net| {
        net.mid(display, screen, Source::ScreenAudio).is_some()
    });
    net.run(Duration::from_secs(1));
    let mid = net.mid(display, screen, Source::ScreenAudio).unwrap();
    assert_continuous(net.client(display).packets(&mid));
}
