//! Sound over links that lose packets: repeated where it is lost (RFC 2198), plain everywhere else.

use std::collections::BTreeSet;
use std::time::Duration;

use signalling::sfu::redundancy::CALM;
use signalling::{MediaEvent, PeerKey, Source};
use str0m::format::Codec;
use str0m::rtp::{RedDecoder, RtpPacket};

use crate::client::{assert_continuous, made_at};
use crate::net::{Link, Net};

const RED: [Codec; 2] = [Codec::Vp8, Codec::Red];
const STEP: u32 = 960;

/// What a decoder would have: RTP times of the packets themselves, and with those that later ones repeat.
fn times(packets: &[RtpPacket], red: Option<u8>) -> (BTreeSet<u32>, BTreeSet<u32>) {
    let (mut plain, mut repaired) = (BTreeSet::new(), BTreeSet::new());
    for packet in packets {
        let time = packet.header.timestamp;
        plain.insert(time);
        repaired.insert(time);
        if Some(*packet.header.payload_type) == red {
            let blocks = RedDecoder::decode(&packet.payload).unwrap();
            repaired.extend(blocks.iter().map(|block| time - block.timestamp_offset));
        }
    }
    (plain, repaired)
}

/// Pieces of 20 ms that are missing between the first and the last, of a thousand.
fn missing(times: &BTreeSet<u32>) -> usize {
    let (first, last) = (*times.first().unwrap(), *times.last().unwrap());
    let all = ((last - first) / STEP) as usize + 1;
    (all - times.len()) * 1_000 / all
}

/// What a receiver has of the last so many seconds.
fn heard(net: &mut Net, of: PeerKey, from: PeerKey, seconds: u64) -> (Vec<RtpPacket>, Option<u8>) {
    let mid = net.mid(of, from, Source::Mic).unwrap();
    net.client(of).received.remove(&mid);
    net.run(Duration::from_secs(seconds));
    let client = net.client(of);
    let red = client.red().map(|pt| *pt);
    (client.received.remove(&mid).unwrap_or_default(), red)
}

fn asked(net: &Net, sender: PeerKey) -> Vec<bool> {
    let mut asked = Vec::new();
    for event in &net.events {
        if let MediaEvent::Repeat {
            peer,
            source: Source::Mic,
            repeats,
            ..
        } = event
            && *peer == sender
        {
            asked.push(*repeats);
        }
    }
    asked
}

fn room(listeners: &[&[Codec]]) -> (Net, PeerKey, Vec<PeerKey>) {
    let mut net = Net::new();
    let speaker = net.join_taking(1, &[Source::Mic], 1, &RED);
    let listeners: Vec<PeerKey> = (2..)
        .zip(listeners)
        .map(|(key, codecs)| net.join_taking(key, &[], 1, codecs))
        .collect();
    for listener in &listeners {
        net.until("sound", |net| {
            net.mid(*listener, speaker, Source::Mic)
                .is_some_and(|mid| net.has(*listener, &mid))
        });
    }
    (net, speaker, listeners)
}

#[test]
fn who_loses_packets_gets_them_again_with_the_next_ones() {
    for (loss, plain_min, repaired_max) in [(10, 70, 15), (20, 150, 20)] {
        let (mut net, speaker, listeners) = room(&[&RED, &[Codec::Vp8], &RED]);
        let [lossy, old, well] = listeners[..] else {
            unreachable!()
        };
        for listener in [lossy, old] {
            net.links.insert(listener, Link::losing(loss));
        }
        // Until the first reports have come.
        net.run(Duration::from_secs(15));
        let (packets, red) = heard(&mut net, lossy, speaker, 60);
        let (plain, repaired) = times(&packets, red);
        let (plain, repaired) = (missing(&plain), missing(&repaired));
        println!("{loss} %: {plain} of 1000 are lost, {repaired} with what is repeated");
        assert!(plain >= plain_min && repaired <= repaired_max);

        // The others get nothing but Opus, with all its own numbers.
        for listener in [old, well] {
            let (packets, _) = heard(&mut net, listener, speaker, 5);
            let opus = net.client(listener).payload_type(Codec::Opus);
            assert!(
                packets
                    .iter()
                    .all(|packet| *packet.header.payload_type == opus)
            );
            if listener == well {
                assert_continuous(&packets);
            }
        }
        assert!(asked(&net, speaker).is_empty());
    }
}

#[test]
fn repeating_ends_when_nothing_has_been_lost_for_a_while() {
    let (mut net, speaker, listeners) = room(&[&RED]);
    net.links.insert(listeners[0], Link::losing(10));
    net.run(Duration::from_secs(20));
    net.links.clear();
    let (packets, red) = heard(&mut net, listeners[0], speaker, 15);
    let repeats = |packet: &&RtpPacket| Some(*packet.header.payload_type) == red;
    let count = packets.iter().filter(repeats).count();
    println!("{count} of {} repeat", packets.len());
    assert!(count * 10 > packets.len() * 9);
    net.run(3 * CALM);
    let (packets, red) = heard(&mut net, listeners[0], speaker, 5);
    assert!(
        packets
            .iter()
            .all(|packet| Some(*packet.header.payload_type) != red)
    );
    assert_continuous(&packets);
}

#[test]
fn a_link_too_narrow_for_more_gets_no_more() {
    let (mut net, speaker, listeners) = room(&[&RED]);
    net.client(speaker).ups.get_mut(&Source::Mic).unwrap().size = 150;
    net.links
        .insert(listeners[0], Link::of(100_000).and_losing(8));
    net.run(Duration::from_secs(60));
    let (packets, red) = heard(&mut net, listeners[0], speaker, 20);
    let repeated = packets
        .iter()
        .filter(|packet| Some(*packet.header.payload_type) == red);
    let blocks = repeated.map(|packet| RedDecoder::decode(&packet.payload).unwrap().len() - 1);
    // Sound of 63 kbit/s has room once, and not twice: now and then it is tried.
    let blocks = blocks.sum::<usize>();
    println!("{blocks} of {} repeated", packets.len());
    assert!(blocks * 4 < packets.len());
}

#[test]
fn who_loses_on_the_way_up_is_asked_to_repeat_and_everybody_gets_it_whole() {
    for (loss, plain_min, repaired_max) in [(10, 70, 20), (20, 150, 60)] {
        let (mut net, speaker, listeners) = room(&[&[Codec::Vp8], &RED]);
        net.uplinks.insert(speaker, Link::losing(loss));
        let (packets, _) = heard(&mut net, listeners[0], speaker, 30);
        let before = missing(&times(&packets, None).0);
        assert!(before >= plain_min);
        assert_eq!(asked(&net, speaker), [true]);
        // As a browser does when it is asked.
        net.client(speaker)
            .ups
            .get_mut(&Source::Mic)
            .unwrap()
            .repeats = 1;
        net.run(Duration::from_secs(1));
        for listener in &listeners {
            let (packets, red) = heard(&mut net, *listener, speaker, 60);
            let after = missing(&times(&packets, None).0);
            println!("{loss} %: {before} of 1000 are lost, {after} with what is repeated");
            assert!(after <= repaired_max);
            assert!(
                packets
                    .iter()
                    .all(|packet| Some(*packet.header.payload_type) != red)
            );
            for pair in packets.windows(2) {
                let numbers = *pair[1].seq_no - *pair[0].seq_no;
                let times = pair[1]
                    .header
                    .timestamp
                    .wrapping_sub(pair[0].header.timestamp);
                assert_eq!(
                    u64::from(times),
                    numbers * u64::from(STEP),
                    "a packet in the place of another"
                );
                assert!(made_at(&pair[1], true) > made_at(&pair[0], true));
            }
        }
        // What was repaired still counts as lost: it is asked for as long as it is needed.
        assert_eq!(asked(&net, speaker), [true]);
        net.uplinks.clear();
        net.run(CALM + Duration::from_secs(6));
        assert_eq!(asked(&net, speaker), [true, false]);
    }
}

#[test]
fn broken_redundancy_is_dropped_and_the_call_goes_on() {
    let (mut net, speaker, listeners) = room(&[&RED]);
    let mid = net.mid(listeners[0], speaker, Source::Mic).unwrap();
    let mut seed = 0x5eed_u64;
    for round in 0..200 {
        let mut payload = Vec::new();
        for _ in 0..round % 40 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            payload.push((seed >> 33) as u8);
        }
        net.client(speaker).send_red(payload);
        net.run(Duration::from_millis(20));
    }
    let before = net.client(listeners[0]).packets(&mid).len();
    net.run(Duration::from_secs(1));
    assert!(net.client(listeners[0]).packets(&mid).len() >= before + 45);
}

#[test]
fn a_link_with_room_for_plain_sound_is_not_filled_with_what_is_repeated() {
    let mut net = Net::new();
    let speaker = net.join_taking(1, &[Source::Mic, Source::Camera], 1, &RED);
    net.client(speaker)
        .ups
        .get_mut(&Source::Camera)
        .unwrap()
        .size = 300;
    net.client(speaker).ups.get_mut(&Source::Mic).unwrap().size = 80;
    let listener = net.join_taking(2, &[], 1, &RED);
    net.until("sound and picture", |net| {
        [Source::Mic, Source::Camera].iter().all(|source| {
            let mid = net.mid(listener, speaker, *source);
            mid.is_some_and(|mid| net.has(listener, &mid))
        })
    });
    net.run(Duration::from_secs(10));
    // The picture fills it at first, so that sound is lost and would be repeated. It has room for sound, once.
    net.links.insert(listener, Link::of(60_000));
    net.run(Duration::from_secs(20));
    let (packets, red) = heard(&mut net, listener, speaker, 60);
    let lost = missing(&times(&packets, None).0);
    let repeats = packets
        .iter()
        .filter(|packet| Some(*packet.header.payload_type) == red);
    println!(
        "{lost} of 1000 are lost, {} of {} repeat",
        repeats.count(),
        packets.len()
    );
    assert!(lost < 20);
}
