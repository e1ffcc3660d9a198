//! One room on several workers, in virtual time: nobody notices.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use signalling::sfu::limits::{BRANCH_SILENT, CODEC_BETTER_AFTER};
use signalling::{MediaEvent, PeerKey, Source};
use str0m::format::Codec;

use crate::client::{assert_continuous, layer_of};
use crate::house::House;

const SENDS: [Source; 2] = [Source::Mic, Source::Camera];
const SECOND: Duration = Duration::from_secs(1);

/// Everybody has got more than `some` packets of everybody else's sound and picture.
fn all_meet(house: &House, some: usize) -> bool {
    let mut pairs = house.clients.keys().flat_map(|of| {
        let others = house.clients.iter().filter(move |(peer, _)| *peer != of);
        others.map(move |(peer, client)| (of, peer, client))
    });
    pairs.all(|(of, peer, client)| {
        let mut sources = client.sending.iter();
        sources.all(|source| house.got(*of, *peer, *source) > some)
    })
}

#[test]
fn everybody_sees_and_hears_everybody_wherever_they_are() {
    for workers in [2, 3] {
        let mut house = House::of(workers);
        for at in 0..workers {
            house.join(at, at as u64 + 1, &SENDS, 4);
        }
        let listeners: Vec<PeerKey> = (0..workers)
            .map(|at| house.join(at, at as u64 + 11, &[], 4))
            .collect();
        house.until("all meet", |house| all_meet(house, 20));
        house.run(5 * SECOND);
        for listener in listeners {
            for (peer, source) in
                (1..=workers as u64).flat_map(|peer| SENDS.map(|source| (PeerKey(peer), source)))
            {
                let mid = house.mid(listener, peer, source).unwrap();
                assert_continuous(house.clients[&listener].packets(&mid));
            }
        }
        let rooms: u64 = house.sfus.iter().map(|sfu| sfu.stats().rooms).sum();
        assert_eq!(rooms, 1, "counted once");
    }
}

#[test]
fn a_packet_crosses_once_however_many_get_it_there_and_not_where_nobody_does() {
    let mut house = House::of(3);
    let teacher = house.join(0, 1, &SENDS, 1);
    let near = house.join(0, 2, &[], 1);
    let far: Vec<PeerKey> = (10..20).map(|key| house.join(1, key, &[], 1)).collect();
    // One who looks away, and listens.
    let blind = house.join(2, 30, &[], 1);
    house.sfus[2].view(house.now, blind, Vec::new());
    for viewer in far.iter().chain([&near]) {
        house.view(*viewer, teacher, 1280);
    }
    house.until("the last one sees", |house| {
        house.got(far[9], teacher, Source::Camera) > 0
    });
    house.run(10 * SECOND);
    house.crossed.clear();
    let before = house.got(near, teacher, Source::Camera);
    house.run(10 * SECOND);
    let got = house.got(near, teacher, Source::Camera) - before;
    let crossed = house.crossed(0, 1);
    // 25 pictures of two packets a second in the layer that all show.
    assert!(got.abs_diff(500) < 10, "{got}");
    assert!(crossed.pictures.abs_diff(500) < 10, "{crossed:?}");
    assert!(crossed.sounds.abs_diff(500) < 10, "{crossed:?}");
    // Twice a second, and when somebody comes or speaks.
    assert!(crossed.digests < 60, "{crossed:?}");
    assert_eq!(house.crossed(0, 2).pictures, 0);
    assert!(house.crossed(0, 2).sounds > 490);
    assert!(house.got(blind, teacher, Source::Mic) > 900);
    assert_eq!(house.crossed(1, 2).pictures, 0, "nothing is passed on");
    assert_eq!(house.crossed(1, 2).sounds, 0);
}

#[test]
fn the_same_three_are_heard_everywhere_and_the_server_is_told_once() {
    let mut house = House::of(2);
    let listeners = [house.join(0, 1, &[], 1), house.join(1, 2, &[], 1)];
    // Who is loudest sits on both workers.
    for (key, loudness) in [
        (10, -60),
        (11, -15),
        (12, -40),
        (13, -25),
        (14, -70),
        (15, -20),
    ] {
        let peer = house.join((key as usize + 1) % 2, key, &[Source::Mic], 1);
        house.client(peer).loudness = loudness;
    }
    house.run(5 * SECOND);
    let loudest = [PeerKey(11), PeerKey(13), PeerKey(15)];
    for listener in listeners {
        assert_eq!(house.hears(listener), loudest);
    }
    let told = house.speaking();
    assert!(told.iter().all(|(at, ..)| *at == 0), "{told:?}");
    assert!(told.len() <= 5, "{told:?}");
    assert_eq!(told.last().unwrap().2, Some(PeerKey(11)));

    // Those whom nobody hears cost a number, not their sound; the fourth is heard by the three.
    house.crossed.clear();
    house.run(2 * SECOND);
    let crossed = house.crossed(1, 0);
    assert!(crossed.levels.abs_diff(200) < 10, "{crossed:?}");
    assert!(crossed.sounds.abs_diff(100) < 10, "{crossed:?}");

    // Others take the floor, on the worker that does not choose.
    for (key, loudness) in [
        (11, -70),
        (13, -70),
        (15, -70),
        (14, -10),
        (12, -12),
        (10, -14),
    ] {
        house.client(PeerKey(key)).loudness = loudness;
    }
    let until = house.now + 3 * SECOND;
    let mut different = Duration::ZERO;
    while house.now < until {
        house.step();
        if house.hears(listeners[0]) != house.hears(listeners[1]) {
            different += Duration::from_millis(5);
        }
    }
    for listener in listeners {
        assert_eq!(
            house.hears(listener),
            [PeerKey(10), PeerKey(12), PeerKey(14)]
        );
    }
    assert!(different < Duration::from_millis(100), "{different:?}");
    assert_eq!(house.speaking().last().unwrap().2, Some(PeerKey(14)));
}

#[test]
fn a_storm_on_two_workers_is_no_storm_for_the_teacher() {
    let mut house = House::of(2);
    let teacher = house.join(0, 1, &SENDS, 1);
    house.run(3 * SECOND);
    let begin = house.now;
    let mut learners: Vec<(PeerKey, Instant, Option<Instant>)> = Vec::new();
    while learners.len() < 100 || learners.iter().any(|(_, _, saw)| saw.is_none()) {
        let due = (house.now - begin).as_millis() as usize / 20;
        while learners.len() < 100.min(due + 1) {
            let nth = learners.len();
            // The first half stays with the teacher.
            let key = house.join(nth / 50, nth as u64 + 2, &[], 2);
            learners.push((key, house.now, None));
        }
        house.step();
        assert!(house.now - begin < 30 * SECOND, "{learners:?}");
        for (key, _, saw) in &mut learners {
            if saw.is_none() && house.got(*key, teacher, Source::Camera) > 0 {
                *saw = Some(house.now);
            }
        }
    }
    let waited = learners
        .iter()
        .map(|(_, joined, saw)| saw.unwrap() - *joined);
    let mut waited: Vec<Duration> = waited.collect();
    waited.sort();
    assert!(waited[94] < SECOND, "{waited:?}");
    assert!(waited[99] < 2 * SECOND, "{waited:?}");
    let camera = &house.client(teacher).ups[&Source::Camera];
    let mut rounds = camera.requested_at.clone();
    rounds.dedup();
    rounds.retain(|at| *at >= begin);
    for pair in rounds.windows(2) {
        assert!(pair[1] - pair[0] >= Duration::from_millis(495), "{pair:?}");
    }
    assert!((1..=8).contains(&rounds.len()), "{} rounds", rounds.len());
    // At most two a second and layer, whoever asks.
    assert!(house.crossed(1, 0).key_frames <= 24, "{:?}", house.crossed);
}

#[test]
fn layers_that_nobody_anywhere_can_use_are_not_made() {
    let mut house = House::of(2);
    let a = house.join(0, 1, &[Source::Camera], 1);
    let near = house.join(0, 2, &[], 1);
    let far = house.join(1, 3, &[], 1);
    for viewer in [near, far] {
        house.view(viewer, a, 300);
    }
    house.until("the far one sees", |house| {
        house.got(far, a, Source::Camera) > 0
    });
    house.run(10 * SECOND);
    assert_eq!(house.layers(a), [1]);

    house.view(far, a, 1280);
    let (mid, at) = (house.mid(far, a, Source::Camera).unwrap(), house.now);
    house.until("it sees sharply", |house| {
        let packets = house.clients[&far].packets(&mid);
        packets.last().is_some_and(|packet| layer_of(packet) == 2)
    });
    assert!(house.now - at < 3 * SECOND);
    assert_eq!(house.layers(a), [1, 3]);
    house.leave(far);
    house.run(6 * SECOND);
    assert_eq!(house.layers(a), [1, 3, 1]);
}

#[test]
fn mute_holds_everywhere_at_once_and_what_comes_back_begins_with_a_key_frame() {
    let mut house = House::of(2);
    let a = house.join(0, 1, &SENDS, 2);
    let far = house.join(1, 2, &[], 2);
    house.until("the far one sees", |house| {
        house.got(far, a, Source::Camera) > 0 && house.got(far, a, Source::Mic) > 0
    });
    let mids = SENDS.map(|source| house.mid(far, a, source).unwrap());
    let count = |house: &House| {
        let of = |mid: &String| house.clients[&far].packets(mid).len();
        [of(&mids[0]), of(&mids[1])]
    };
    for source in SENDS {
        house.mute(a, source, true);
    }
    house.run(Duration::from_millis(30));
    assert!(house.slots(far).iter().all(|slot| slot.stream.is_none()));
    let before = count(&house);
    house.run(3 * SECOND);
    assert_eq!(count(&house), before);

    // On and off and on again within a moment.
    for muted in [false, true, false] {
        for source in SENDS {
            house.mute(a, source, muted);
        }
        house.step();
    }
    house.run(2 * SECOND);
    assert_eq!(house.mid(far, a, Source::Camera).as_ref(), Some(&mids[1]));
    let packets = house.clients[&far].packets(&mids[1]);
    assert!(packets.len() > before[1] + 20);
    assert_continuous(packets);
    assert_eq!(packets[before[1]].payload[6] & 1, 0, "not a key frame");
    assert_continuous(house.clients[&far].packets(&mids[0]));
}

#[test]
fn who_leaves_leaves_everywhere_and_the_last_one_turns_off_the_light() {
    let mut house = House::of(2);
    let peers: Vec<PeerKey> = (0..4)
        .map(|nth| house.join(nth / 2, nth as u64 + 1, &SENDS, 4))
        .collect();
    house.until("all meet", |house| all_meet(house, 5));
    let kept = house.mid(peers[2], peers[0], Source::Camera);
    house.leave(peers[1]);
    house.run(Duration::from_millis(200));
    assert_eq!(house.mid(peers[2], peers[1], Source::Camera), None);
    assert_eq!(house.mid(peers[2], peers[0], Source::Camera), kept);

    // The worker on which it began goes on without anybody; the other one has it all.
    house.leave(peers[0]);
    house.run(Duration::from_millis(200));
    assert_eq!(house.hears(peers[2]), [peers[3]]);
    assert_eq!(house.sfus[0].next(), None, "an empty house needs no clock");
    let before = house.speaking().len();
    house.client(peers[2]).loudness = -80;
    house.client(peers[3]).loudness = -10;
    house.run(4 * SECOND);
    let told = house.speaking();
    assert!(told.len() > before);
    assert_eq!(told.last().unwrap(), &(1, vec![peers[3]], Some(peers[3])));
    let crossed = house.crossed(1, 0);
    house.run(2 * SECOND);
    assert_eq!(house.crossed(1, 0), crossed, "nobody is there to hear");

    house.leave(peers[2]);
    house.leave(peers[3]);
    house.collect();
    let sizes = |nth: usize| (house.sfus[nth].stats().peers, house.sfus[nth].stats().rooms);
    assert_eq!((sizes(0), sizes(1)), ((0, 0), (0, 0)));
    assert_eq!(house.sfus[1].next(), None);
}

#[test]
fn the_worker_that_takes_over_goes_on_where_the_other_was() {
    let mut house = House::of(2);
    let first = house.join(0, 1, &[], 1);
    let [a, b] = [2, 3].map(|key| house.join(1, key, &[Source::Mic], 1));
    let listener = house.join(1, 4, &[], 1);
    house.until("both are heard", |house| house.hears(listener) == [a, b]);
    house.run(2 * SECOND);
    let told = house.speaking();
    let mid = house.mid(listener, a, Source::Mic).unwrap();
    house.leave(first);
    house.run(2 * SECOND);
    assert_eq!(house.hears(listener), [a, b]);
    assert_eq!(house.mid(listener, a, Source::Mic), Some(mid.clone()));
    assert_continuous(house.clients[&listener].packets(&mid));
    assert_eq!(house.speaking(), told, "no news");
}

#[test]
fn what_does_not_fit_between_workers_is_lost_and_the_picture_begins_anew() {
    let mut house = House::of(2);
    let a = house.join(0, 1, &SENDS, 2);
    let far = house.join(1, 2, &[], 2);
    house.until("the far one sees", |house| {
        house.got(far, a, Source::Camera) > 0 && house.got(far, a, Source::Mic) > 0
    });
    house.run(5 * SECOND);
    let [sound, picture] = SENDS.map(|source| house.mid(far, a, source).unwrap());
    house.full.push((0, 1));
    house.run(2 * Duration::from_millis(50));
    let held = house.clients[&far].packets(&picture).len();
    let heard = house.clients[&far].packets(&sound).len();
    house.run(SECOND);
    assert_eq!(house.clients[&far].packets(&picture).len(), held);
    assert!(house.clients[&far].packets(&sound).len() > heard + 45);
    house.full.clear();
    let at = house.now;
    house.until("the picture goes on", |house| {
        house.clients[&far].packets(&picture).len() > held
    });
    assert!(house.now - at < SECOND, "{:?}", house.now - at);
    house.run(2 * SECOND);
    let packets = house.clients[&far].packets(&picture);
    assert_eq!(packets[held].payload[6] & 1, 0, "not a key frame");
    // No gap is left for the receiver to ask about.
    assert_continuous(packets);
    assert_continuous(house.clients[&far].packets(&sound));
}

#[test]
fn whatever_is_lost_between_workers_everything_comes_right() {
    let mut house = House::of(3);
    house.loses = 30;
    for nth in 0..6 {
        house.join(nth % 3, nth as u64 + 1, &SENDS, 6);
    }
    house.run(10 * SECOND);
    house.leave(PeerKey(2));
    house.mute(PeerKey(3), Source::Mic, true);
    house.loses = 0;
    house.run(3 * SECOND);
    let meet: BTreeSet<PeerKey> = house.clients.keys().copied().collect();
    for of in &meet {
        let streams = house.slots(*of).into_iter().filter_map(|slot| slot.stream);
        let seen: BTreeSet<PeerKey> = streams
            .filter(|(_, source)| *source == Source::Camera)
            .map(|(peer, _)| peer)
            .collect();
        let mut others = meet.clone();
        others.remove(of);
        assert_eq!(seen, others, "{of:?}");
        assert!(!house.hears(*of).contains(&PeerKey(3)));
    }
    let heard: Vec<_> = meet.iter().map(|of| house.hears(*of).len()).collect();
    assert!(heard.iter().all(|count| *count == 3), "{heard:?}");
}

#[test]
fn loss_on_the_way_up_and_down_is_repaired_across_workers() {
    let mut house = House::of(2);
    let a = house.join(0, 1, &SENDS, 1);
    let far = house.join(1, 2, &[], 1);
    house.view(far, a, 1280);
    house.until("the far one sees", |house| {
        house.got(far, a, Source::Camera) > 0
    });
    house.loss_every = Some(19);
    house.run(20 * SECOND);
    let mid = house.mid(far, a, Source::Camera).unwrap();
    let packets = house.clients[&far].packets(&mid);
    let mut numbers: Vec<u64> = packets.iter().map(|packet| *packet.seq_no).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let span = numbers.last().unwrap() - numbers[0] + 1;
    let missing = span as usize - numbers.len();
    assert!(numbers.len() > 800, "{}", numbers.len());
    assert!(missing < 15, "{missing} of {span}");
}

#[test]
fn a_worker_that_says_nothing_is_taken_for_gone() {
    let mut house = House::of(2);
    let a = house.join(0, 1, &SENDS, 2);
    let b = house.join(0, 2, &SENDS, 2);
    let far = house.join(1, 3, &SENDS, 2);
    house.until("all meet", |house| all_meet(house, 5));
    house.dead.push(1);
    house.run(BRANCH_SILENT + SECOND);
    assert_eq!(house.mid(a, far, Source::Camera), None);
    assert_eq!(house.hears(a), [b]);
    // It was only held up.
    house.dead.clear();
    house.until("all meet again", |house| {
        house.mid(a, far, Source::Camera).is_some() && house.mid(far, a, Source::Camera).is_some()
    });
}

#[test]
fn one_who_comes_back_on_another_worker_is_there_and_nowhere_else() {
    let mut house = House::of(2);
    let a = house.join(0, 1, &SENDS, 2);
    let far = house.join(1, 2, &SENDS, 2);
    let moves = house.join(0, 3, &SENDS, 2);
    house.until("all meet", |house| all_meet(house, 5));
    house.leave(moves);
    house.join(1, 3, &SENDS, 2);
    house.until("all meet again", |house| all_meet(house, 20));
    house.run(SECOND);
    for of in [a, far] {
        let streams = house.slots(of).into_iter().filter_map(|slot| slot.stream);
        let twice = streams.filter(|stream| *stream == (moves, Source::Camera));
        assert_eq!(twice.count(), 1);
        let mid = house.mid(of, moves, Source::Camera).unwrap();
        assert_continuous(house.clients[&of].packets(&mid));
    }
}

#[test]
fn the_codec_is_one_that_everybody_takes_on_whatever_worker() {
    let mut house = House::of(2);
    let new = [Codec::Vp8, Codec::Av1];
    let screen = [Source::Screen];
    let a = house.join_taking(0, 1, &screen, 1, &new);
    house.join_taking(1, 2, &[], 1, &new);
    let told = |house: &House| {
        let mut told = Vec::new();
        for (at, event) in &house.events {
            if let MediaEvent::Codec {
                peer,
                source,
                codec,
                ..
            } = event
            {
                assert!(house.at.get(peer).is_none_or(|of| of == at));
                if (*peer, *source) == (a, Source::Screen) {
                    told.push(*codec);
                }
            }
        }
        told
    };
    house.run(CODEC_BETTER_AFTER + 2 * SECOND);
    assert_eq!(told(&house), [signalling::Codec::Av1]);
    let old = house.join(1, 3, &[], 1);
    house.run(SECOND);
    assert_eq!(
        told(&house),
        [signalling::Codec::Av1, signalling::Codec::Vp8]
    );
    house.leave(old);
    house.run(CODEC_BETTER_AFTER + 2 * SECOND);
    assert_eq!(told(&house).len(), 3);
}
