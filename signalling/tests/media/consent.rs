//! A receiver that is gone is sent nothing for long, whatever others send in its name (RFC 7675).

use std::net::SocketAddr;
use std::time::Duration;

use signalling::sfu::limits::{GONE_AFTER, LOST_AFTER};
use signalling::sfu::path::Path;
use signalling::{MediaEvent, PeerKey, Source};

use crate::client::Dice;
use crate::net::Net;

/// A sends to B, whose cable is cut once B has sent what can be recorded.
fn with_a_dead_receiver() -> (Net, PeerKey, SocketAddr) {
    let mut net = Net::new();
    let a = net.join(1, &[Source::Mic, Source::Camera], 1);
    let b = net.join(2, &[Source::Mic], 1);
    net.until("b sees a", |net| {
        net.mid(b, a, Source::Camera)
            .is_some_and(|mid| net.has(b, &mid))
    });
    net.record();
    net.run(Duration::from_secs(6));
    net.cut.push(b);
    let address = net.client(b).addr;
    (net, b, address)
}

/// Sends `forged` from the dead receiver's address, one every 20 ms, and checks that the receiver is given up in time.
fn assert_given_up(
    (mut net, b, address): (Net, PeerKey, SocketAddr),
    mut forged: impl FnMut(u64) -> Vec<u8>,
) {
    let dead = net.now;
    let mut nth = 0;
    while net.now < dead + GONE_AFTER + Duration::from_secs(1) {
        net.sfu.datagram(net.now, Path::udp(address), &forged(nth));
        nth += 1;
        for _ in 0..4 {
            net.step();
        }
        let lost = net.events.contains(&MediaEvent::Disconnected {
            room: crate::net::ROOM,
            peer: b,
        });
        let silence = net.now - dead;
        assert!(
            lost || silence < LOST_AFTER + Duration::from_secs(1),
            "{silence:?}"
        );
    }
    assert!(net.events.contains(&MediaEvent::Gone {
        room: crate::net::ROOM,
        peer: b
    }));
    // What is still under way.
    net.run(Duration::from_millis(100));
    for _ in 0..40 {
        net.step();
        assert_eq!(net.collect_to(address), 0, "a dead receiver is sent to");
    }
}

#[test]
fn garbage_from_its_address_does_not_keep_a_dead_receiver_alive() {
    let mut dice = Dice(0x5eed);
    assert_given_up(with_a_dead_receiver(), |nth| {
        // As STUN, DTLS, RTP and RTCP begin.
        let first: &[u8] = [
            &[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..],
            &[22, 0xfe, 0xfd],
            &[23, 0xfe, 0xfd],
            &[0x80, 111],
            &[0x90, 96],
            &[0x81, 201],
            &[0x80, 200],
        ][nth as usize % 7];
        let rest = (0..dice.roll(200)).map(|_| dice.roll(256) as u8);
        first.iter().copied().chain(rest).collect()
    });
}

#[test]
fn forged_checks_do_not_keep_a_dead_receiver_alive() {
    let (net, b, address) = with_a_dead_receiver();
    let check = net.recorded_from(address, |bytes| bytes.starts_with(&[0, 1]));
    assert_given_up((net, b, address), |nth| {
        let mut check = check.clone();
        // Another transaction, so that the integrity does not belong to it.
        check[8..16].copy_from_slice(&nth.to_be_bytes());
        check
    });
}

#[test]
fn its_own_packets_sent_again_do_not_keep_a_dead_receiver_alive() {
    let (net, b, address) = with_a_dead_receiver();
    let kinds: [fn(&[u8]) -> bool; 3] = [
        |bytes| bytes.starts_with(&[0, 1]),
        |bytes| bytes[0] == 0x90,
        |bytes| bytes[0] >> 6 == 2 && (192..224).contains(&bytes[1]),
    ];
    let old = kinds.map(|kind| net.recorded_from(address, kind));
    assert_given_up((net, b, address), |nth| old[nth as usize % 3].clone());
}

#[test]
fn checks_of_its_own_keep_it_alive() {
    let (mut net, b, address) = with_a_dead_receiver();
    let recorded = net.recorded_from(address, |bytes| bytes.starts_with(&[0, 1]));
    let end = net.now + GONE_AFTER + Duration::from_secs(5);
    while net.now < end {
        let check = net.client(b).check_like(&recorded);
        net.sfu.datagram(net.now, Path::udp(address), &check);
        net.run(Duration::from_secs(1));
    }
    let (room, peer) = (crate::net::ROOM, b);
    for gone in [
        MediaEvent::Disconnected { room, peer },
        MediaEvent::Gone { room, peer },
    ] {
        assert!(!net.events.contains(&gone), "{gone:?}");
    }
}
