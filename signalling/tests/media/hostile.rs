use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use signalling::Source;
use signalling::sfu::path::Path;

use crate::client::{Dice, assert_continuous};
use crate::net::Net;

#[test]
fn ten_thousand_bad_packets_do_not_end_a_call() {
    let mut net = Net::new();
    let a = net.join(1, &[Source::Mic, Source::Camera], 2);
    let b = net.join(2, &[Source::Mic, Source::Camera], 2);
    net.until("b sees a", |net| {
        net.mid(b, a, Source::Camera)
            .is_some_and(|mid| net.has(b, &mid))
    });
    net.run(Duration::from_secs(1));
    let mut dice = Dice(0x5eed);
    let stranger = SocketAddr::from((Ipv4Addr::new(203, 0, 113, 9), 4_444));
    let spoofed = net.client(a).addr;
    let garbage = net.sfu.stats().dropped_garbage;
    net.record();
    for nth in 0..10_000 {
        if nth % 50 == 0 {
            net.step();
        }
        // Half random bytes with a likely first byte, half real datagrams cut short or bent.
        let mut bytes = if nth % 2 == 0 {
            let first = [0, 1, 20, 22, 23, 63, 64, 128, 144, 191, 255][dice.roll(11)];
            let mut bytes: Vec<u8> = (0..dice.roll(300)).map(|_| dice.roll(256) as u8).collect();
            bytes.insert(0, first);
            bytes
        } else {
            net.recorded(dice.roll(100_000))
        };
        if nth % 2 == 1 {
            bytes.truncate(dice.roll(bytes.len()));
            if !bytes.is_empty() {
                let at = dice.roll(bytes.len());
                bytes[at] ^= 1 << dice.roll(8);
            }
        }
        let from = if nth % 4 < 2 { stranger } else { spoofed };
        net.sfu.datagram(net.now, Path::udp(from), &bytes);
        net.sfu.flush(net.now);
        net.collect();
    }
    assert!(net.sfu.stats().dropped_garbage >= garbage + 5_000);

    let mid = net.mid(b, a, Source::Camera).unwrap();
    let before = net.client(b).packets(&mid).len();
    net.run(Duration::from_secs(5));
    let packets = net.client(b).packets(&mid);
    assert!(packets.len() > before + 200, "the picture goes on");
    assert_continuous(packets);
    assert_eq!(net.sfu.stats().peers, 2);
}

#[test]
fn a_stranger_cannot_move_a_path_with_a_real_request_of_another_peer() {
    let mut net = Net::new();
    let a = net.join(1, &[Source::Camera], 2);
    let b = net.join(2, &[], 2);
    net.until("b sees a", |net| {
        net.mid(b, a, Source::Camera)
            .is_some_and(|mid| net.has(b, &mid))
    });
    net.record();
    net.run(Duration::from_secs(10));
    // A recorded STUN request with one bit of its integrity changed.
    let mut request = net.recorded_where(|bytes| bytes.starts_with(&[0, 1]));
    let at = request.len() - 12;
    request[at] ^= 1;
    let stranger = SocketAddr::from((Ipv4Addr::new(203, 0, 113, 9), 4_444));
    let garbage = net.sfu.stats().dropped_garbage;
    net.sfu.datagram(net.now, Path::udp(stranger), &request);
    assert_eq!(net.sfu.stats().dropped_garbage, garbage + 1);
    let mid = net.mid(b, a, Source::Camera).unwrap();
    let before = net.client(b).packets(&mid).len();
    net.run(Duration::from_secs(1));
    assert!(net.client(b).packets(&mid).len() > before);
}

#[test]
fn lost_packets_are_sent_again_on_both_legs() {
    let mut net = Net::new();
    let a = net.join(1, &[Source::Camera], 1);
    let b = net.join(2, &[], 1);
    net.until("b sees a", |net| {
        net.mid(b, a, Source::Camera)
            .is_some_and(|mid| net.has(b, &mid))
    });
    net.run(Duration::from_secs(1));
    net.loss_every = Some(20);
    net.run(Duration::from_secs(10));
    net.loss_every = None;
    net.run(Duration::from_secs(2));
    let mid = net.mid(b, a, Source::Camera).unwrap();
    let mut seqs: Vec<u64> = net
        .client(b)
        .packets(&mid)
        .iter()
        .map(|packet| *packet.seq_no)
        .collect();
    seqs.sort_unstable();
    seqs.dedup();
    let missing = seqs[seqs.len() - 1] - seqs[0] + 1 - seqs.len() as u64;
    assert!(seqs.len() > 500);
    assert!(
        missing * 200 < seqs.len() as u64,
        "{missing} of {} missing",
        seqs.len()
    );
}

#[test]
fn packets_too_long_for_any_path_are_dropped() {
    let mut net = Net::new();
    let a = net.join(1, &[Source::Mic], 1);
    let b = net.join(2, &[], 1);
    net.until("b hears a", |net| {
        net.mid(b, a, Source::Mic)
            .is_some_and(|mid| net.has(b, &mid))
    });
    net.client(a).ups.get_mut(&Source::Mic).unwrap().size = 1_900;
    net.run(Duration::from_secs(1));
    net.client(a).ups.get_mut(&Source::Mic).unwrap().size = 40;
    let mid = net.mid(b, a, Source::Mic).unwrap();
    let before = net.client(b).packets(&mid).len();
    net.run(Duration::from_secs(1));
    let packets = net.client(b).packets(&mid);
    assert!(packets.len() > before + 40);
    assert!(packets.iter().all(|packet| packet.payload.len() < 1_500));
}

#[test]
fn payloads_that_are_no_pictures_harm_nobody() {
    let mut net = Net::new();
    let a = net.join(1, &[Source::Camera], 1);
    let b = net.join(2, &[Source::Mic], 1);
    net.until("b sees a", |net| {
        net.mid(b, a, Source::Camera)
            .is_some_and(|mid| net.has(b, &mid))
    });
    net.client(a).garbage = Some(0x5eed);
    net.run(Duration::from_secs(20));
    net.client(a).garbage = None;
    let mid = net.mid(b, a, Source::Camera).unwrap();
    let before = net.client(b).packets(&mid).len();
    net.run(Duration::from_secs(3));
    assert!(net.client(b).packets(&mid).len() > before + 100);
    assert_eq!(net.sfu.stats().peers, 2);
}

/// A DTLS record with a ClientHello that offers only `TLS_NULL_WITH_NULL_NULL` (CVE-2023-49786 and its kin).
fn null_hello() -> Vec<u8> {
    let mut body = vec![0xfe, 0xfd];
    body.extend([7; 32]);
    // No session, no cookie, one cipher suite, one compression method.
    body.extend([0, 0, 0, 2, 0, 0, 1, 0]);
    let [_, high, mid, low] = (body.len() as u32).to_be_bytes();
    let mut handshake = vec![1, high, mid, low, 0, 0, 0, 0, 0, high, mid, low];
    handshake.extend(&body);
    let mut record = vec![22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0];
    record.extend((handshake.len() as u16).to_be_bytes());
    record.extend(handshake);
    record
}

#[test]
fn hellos_from_strangers_during_the_handshake_do_not_cost_a_call() {
    let hello = null_hello();
    for round in 0..25 {
        let mut net = Net::new();
        for key in 1..=4 {
            net.join(key, &[Source::Mic], 1);
        }
        let stranger = SocketAddr::from((Ipv4Addr::new(203, 0, 113, 9), 4_000 + round));
        let mut steps = 0;
        while !net.all_connected() {
            net.sfu.datagram(net.now, Path::udp(stranger), &hello);
            net.sfu.flush(net.now);
            assert_eq!(net.collect_to(stranger), 0, "a stranger was answered");
            net.step();
            steps += 1;
            assert!(steps < 2_000, "round {round}: no connection within 10 s");
        }
    }
}
