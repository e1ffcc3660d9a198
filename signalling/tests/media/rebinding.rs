//! A NAT that gives a client's datagrams another address while the client goes on believing in its old one.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use signalling::sfu::demux;
use signalling::sfu::path::Path;
use signalling::{MediaEvent, Source};

use crate::net::Net;

fn outside(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::new(198, 51, 100, 7), port))
}

#[test]
fn media_follows_a_rebound_client_without_signalling() {
    let mut net = Net::new();
    let a = net.join(1, &[Source::Mic, Source::Camera], 1);
    let b = net.join(2, &[Source::Mic], 1);
    net.nat.insert(b, outside(40_001));
    net.until("b sees a", |net| {
        net.mid(b, a, Source::Camera)
            .is_some_and(|mid| net.has(b, &mid))
    });
    net.run(Duration::from_secs(10));
    let mid = net.mid(b, a, Source::Camera).unwrap();
    net.nat.insert(b, outside(40_777));
    net.run(Duration::from_millis(100));
    let (before, at) = (net.client(b).packets(&mid).len(), net.now);
    net.until("the picture goes on", |net| {
        net.clients[&b].packets(&mid).len() > before
    });
    let took = net.now - at;
    assert!(took < Duration::from_secs(5), "{took:?}");
    let mic = net.mid(a, b, Source::Mic).unwrap();
    let heard = net.client(a).packets(&mic).len();
    net.run(Duration::from_secs(2));
    assert!(net.client(a).packets(&mic).len() > heard + 90);
    let gone = |event: &MediaEvent| matches!(event, MediaEvent::Gone { .. });
    assert!(!net.events.iter().any(gone));
}

#[test]
fn a_listener_whom_nothing_reaches_is_followed_too() {
    let mut net = Net::new();
    let a = net.join(1, &[], 1);
    let b = net.join(2, &[], 1);
    net.nat.insert(b, outside(40_001));
    net.until("both are in", Net::all_connected);
    net.run(Duration::from_secs(10));
    net.nat.insert(b, outside(40_777));
    net.run(Duration::from_secs(10));
    net.client(a).sending.insert(Source::Mic);
    net.until("b hears a", |net| {
        net.mid(b, a, Source::Mic)
            .is_some_and(|mid| net.has(b, &mid))
    });
}

#[test]
fn a_forged_nomination_from_an_old_address_moves_nothing() {
    let mut net = Net::new();
    let a = net.join(1, &[Source::Camera], 1);
    let b = net.join(2, &[], 1);
    let old = outside(40_001);
    net.nat.insert(b, old);
    net.until("b sees a", |net| {
        net.mid(b, a, Source::Camera)
            .is_some_and(|mid| net.has(b, &mid))
    });
    net.nat.insert(b, outside(40_777));
    net.record();
    net.run(Duration::from_secs(10));
    let own = net.client(b).rtc.direct_api().local_ice_credentials().ufrag;
    let from_b = |bytes: &[u8]| bytes.windows(own.len()).any(|part| part == own.as_bytes());
    let mut check = net.recorded_where(|bytes| demux::nominates(bytes) && from_b(bytes));
    let last = check.len() - 10;
    check[last] ^= 1;
    net.sfu.datagram(net.now, Path::udp(old), &check);
    net.sfu.flush(net.now);
    net.collect();
    for _ in 0..20 {
        net.step();
        assert_eq!(net.collect_to(old), 0, "media for a forged check");
    }
}

#[test]
fn a_stranger_who_repeats_a_clients_check_does_not_get_its_media() {
    let mut net = Net::new();
    let a = net.join(1, &[Source::Mic, Source::Camera], 1);
    let b = net.join(2, &[Source::Mic], 1);
    net.until("b sees a", |net| {
        net.mid(b, a, Source::Camera)
            .is_some_and(|mid| net.has(b, &mid))
    });
    net.record();
    net.run(Duration::from_secs(10));
    let media = net.recorded_where(|bytes| bytes[0] == 0x90);
    let report = net.recorded_where(|bytes| bytes[0] >> 6 == 2 && bytes[1] > 199);
    let mut check = net.recorded_where(|bytes| bytes[0] == 0 && bytes[1] == 1);
    let last = check.len() - 10;
    check[last] ^= 1;
    let stranger = outside(666);
    for bytes in [media, report, check] {
        net.sfu.datagram(net.now, Path::udp(stranger), &bytes);
        net.sfu.flush(net.now);
        let towards = net.collect_to(stranger);
        assert_eq!(towards, 0, "sent to a stranger");
    }
    let mid = net.mid(b, a, Source::Camera).unwrap();
    let before = net.client(b).packets(&mid).len();
    net.run(Duration::from_secs(2));
    assert!(net.client(b).packets(&mid).len() > before + 90);
    assert_eq!(net.collect_to(stranger), 0);
}
