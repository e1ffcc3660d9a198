//! Several media threads: a room is on one of them, whichever way its people come, and on several when it is large.

use std::collections::BTreeSet;

use signalling::{PeerKey, RoomKey, Source, View};

use crate::calls::Call;

const SENDS: [Source; 2] = [Source::Mic, Source::Camera];

fn see_each_other(call: &Call, a: PeerKey, b: PeerKey) -> bool {
    [(a, b), (b, a)].iter().all(|(to, from)| {
        SENDS
            .iter()
            .all(|source| call.received(*to, (*from, *source)) > 10)
    })
}

/// The UDP ports that an answer announces.
fn ports(answer: &str) -> BTreeSet<u16> {
    let candidates = answer
        .lines()
        .filter(|line| line.starts_with("a=candidate:"));
    let fields = candidates.map(|line| line.split(' ').collect::<Vec<_>>());
    fields
        .filter(|fields| fields[2].eq_ignore_ascii_case("udp"))
        .map(|fields| fields[5].parse().unwrap())
        .collect()
}

#[tokio::test]
async fn rooms_spread_over_ports_and_each_stays_together() {
    let mut call = Call::with_workers(2).await;
    let a = call.join(1, &SENDS).await;
    call.room = RoomKey(2);
    let c = call.join(3, &SENDS).await;
    call.room = RoomKey(1);
    let b = call.join(2, &SENDS).await;
    call.room = RoomKey(2);
    let d = call.join(4, &SENDS).await;
    let [of_a, of_c, of_b, of_d] = &call.callers[..] else {
        panic!("four came");
    };
    assert_eq!(ports(&of_a.answer), ports(&of_b.answer));
    assert_eq!(ports(&of_c.answer), ports(&of_d.answer));
    assert!(ports(&of_a.answer).is_disjoint(&ports(&of_c.answer)));

    call.until("both rooms are at work", |call| {
        see_each_other(call, a, b) && see_each_other(call, c, d)
    })
    .await;
    let stats = call.media.stats().await;
    assert_eq!((stats.peers, stats.rooms), (4, 2));
    // Commands find the worker of a peer.
    call.media.set_muted(c, Source::Camera, true).await;
    call.until("c's camera leaves d's slots", |call| {
        call.mid(d, (c, Source::Camera)).is_none()
    })
    .await;
    for peer in [a, b, c, d] {
        call.media.leave(peer).await;
    }
    assert_eq!(call.media.stats().await.peers, 0);
}

#[tokio::test]
async fn tcp_and_the_relay_lead_to_the_worker_that_has_the_room() {
    let mut call = Call::with_workers(3).await;
    // One room on each worker; only the last one's people meet.
    for room in 1..=3 {
        call.room = RoomKey(room);
        call.join(room, &SENDS).await;
    }
    let there = PeerKey(3);
    let by_tcp = call.join_over_tcp(11, &SENDS).await;
    let relayed = call.join_relayed(12, &SENDS).await;
    call.until("all three hear and see each other", |call| {
        see_each_other(call, there, by_tcp)
            && see_each_other(call, there, relayed)
            && see_each_other(call, by_tcp, relayed)
    })
    .await;
    assert_eq!(call.media.stats().await.streams, 2);
}

#[tokio::test]
async fn a_large_room_is_on_several_workers_and_nobody_notices() {
    let mut call = Call::spread(2, 2).await;
    let mut peers = Vec::new();
    for key in 1..=3 {
        peers.push(call.join(key, &SENDS).await);
    }
    peers.push(call.join_over_tcp(4, &SENDS).await);
    let ports: Vec<_> = call
        .callers
        .iter()
        .map(|caller| ports(&caller.answer))
        .collect();
    assert_eq!(ports[0], ports[1]);
    assert_eq!(ports[2], ports[3]);
    assert!(ports[0].is_disjoint(&ports[2]));

    // Two video slots each: everybody looks at one of the others' pictures from here, and at one from there.
    let [a, b, c, d] = peers[..] else {
        panic!("four came");
    };
    for (peer, of) in [(a, [b, c]), (b, [a, d]), (c, [a, d]), (d, [b, c])] {
        let views = of.map(|peer| View {
            peer,
            source: Source::Camera,
            width: 300,
            pinned: false,
        });
        call.media.view(peer, views.to_vec()).await;
    }
    call.until("all see and hear each other", |call| {
        let seen = [(a, c), (b, d), (c, a), (d, b), (a, b), (c, d)];
        let sees =
            |(to, from): &(PeerKey, PeerKey)| call.received(*to, (*from, Source::Camera)) > 10;
        let mut pairs = peers.iter().flat_map(|to| {
            let others = peers.iter().filter(move |from| *from != to);
            others.map(move |from| (*to, *from))
        });
        seen.iter().all(sees) && pairs.all(|(to, from)| call.received(to, (from, Source::Mic)) > 10)
    })
    .await;
    let stats = call.media.stats().await;
    assert_eq!((stats.peers, stats.rooms), (4, 1));
    assert!(stats.carried_packets > 0);
    assert_eq!(stats.dropped_crossings, 0);

    call.media.set_muted(a, Source::Camera, true).await;
    call.until("a's camera leaves c's slots", |call| {
        call.mid(c, (a, Source::Camera)).is_none()
    })
    .await;
    call.media.leave(d).await;
    call.until("d leaves b's slots", |call| {
        [Source::Camera, Source::Mic]
            .iter()
            .all(|source| call.mid(b, (d, *source)).is_none())
    })
    .await;
    for peer in [a, b, c] {
        call.media.leave(peer).await;
    }
    let stats = call.media.stats().await;
    assert_eq!((stats.peers, stats.rooms), (0, 0));
}
