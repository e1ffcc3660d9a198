use std::time::Duration;

use signalling::sfu::demux;
use signalling::sfu::limits::{GONE_AFTER, LOST_AFTER};
use signalling::{MediaEvent, Source};

use crate::net::{Net, ROOM};

#[test]
fn leaving_empties_slots_and_moves_nobody_else() {
    let mut net = Net::new();
    let camera = [Source::Camera];
    let a = net.join(1, &camera, 4);
    let b = net.join(2, &camera, 4);
    let c = net.join(3, &camera, 4);
    net.until("a sees both", |net| {
        net.mid(a, b, Source::Camera).is_some() && net.mid(a, c, Source::Camera).is_some()
    });
    let kept = net.mid(a, c, Source::Camera);
    net.sfu.leave(net.now, b);
    net.run(Duration::from_secs(1));
    assert_eq!(net.mid(a, b, Source::Camera), None);
    assert_eq!(net.mid(a, c, Source::Camera), kept);
    let gone = MediaEvent::Gone {
        room: ROOM,
        peer: b,
    };
    assert!(!net.events.contains(&gone), "the server knows already");
    assert_eq!(net.sfu.stats().peers, 2);

    net.sfu.leave(net.now, a);
    net.sfu.leave(net.now, c);
    net.collect();
    assert_eq!((net.sfu.stats().peers, net.sfu.stats().rooms), (0, 0));
    assert_eq!(net.sfu.next(), None, "an empty house needs no clock");
}

#[test]
fn a_dead_peer_is_reported_and_then_removed() {
    let mut net = Net::new();
    let a = net.join(1, &[Source::Camera], 4);
    let b = net.join(2, &[Source::Camera], 4);
    net.until("a sees b", |net| net.mid(a, b, Source::Camera).is_some());
    net.cut.push(b);
    let lost = MediaEvent::Disconnected {
        room: ROOM,
        peer: b,
    };
    let gone = MediaEvent::Gone {
        room: ROOM,
        peer: b,
    };
    net.run(LOST_AFTER + Duration::from_secs(1));
    assert!(net.events.contains(&lost) && !net.events.contains(&gone));
    assert_eq!(
        net.mid(a, b, Source::Camera),
        None,
        "a dead picture is not kept"
    );
    net.run(GONE_AFTER - LOST_AFTER);
    assert!(net.events.contains(&gone));
    assert_eq!(net.sfu.stats().peers, 1);
}

#[test]
fn a_peer_that_comes_back_in_time_is_connected_again() {
    let mut net = Net::new();
    let a = net.join(1, &[Source::Camera], 4);
    let b = net.join(2, &[Source::Camera], 4);
    net.until("a sees b", |net| net.mid(a, b, Source::Camera).is_some());
    net.cut.push(b);
    net.run(LOST_AFTER + Duration::from_secs(2));
    net.cut.clear();
    net.events.clear();
    net.until("a sees b again", |net| {
        net.mid(a, b, Source::Camera).is_some()
    });
    assert!(net.events.contains(&MediaEvent::Connected {
        room: ROOM,
        peer: b
    }));
}

#[test]
fn one_that_never_connects_is_removed() {
    let mut net = Net::new();
    let a = net.join(1, &[], 1);
    net.cut.push(a);
    net.run(GONE_AFTER + Duration::from_secs(1));
    assert!(net.events.contains(&MediaEvent::Gone {
        room: ROOM,
        peer: a
    }));
    assert_eq!(net.sfu.stats().rooms, 0);
}

#[test]
fn one_to_whom_nobody_sends_anything_hears_of_the_server_every_second() {
    let mut net = Net::new();
    let a = net.join(1, &[Source::Mic], 1);
    let b = net.join(2, &[], 1);
    net.until("b hears a", |net| {
        net.mid(b, a, Source::Mic)
            .is_some_and(|mid| net.has(b, &mid))
    });
    net.client(a).sending.clear();
    net.run(Duration::from_secs(8));
    let (begin, address) = (net.now, net.clients[&b].addr);
    let mut heard = net.now;
    while net.now < begin + Duration::from_secs(10) {
        net.step();
        if net.under_way(address).any(demux::is_rtcp) {
            heard = net.now;
        }
        let silence = net.now - heard;
        assert!(silence < Duration::from_millis(1_100), "{silence:?}");
    }
    assert!(net.all_connected());
}
