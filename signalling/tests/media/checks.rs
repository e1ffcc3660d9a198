//! STUN as a participant writes it who knows the password, and whose browser has faults.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use aws_lc_rs::hmac;
use signalling::sfu::path::Path;
use signalling::{PeerKey, Source};

use crate::net::{Net, ROOM};

const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const ERROR_CODE: u16 = 0x0009;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const PRIORITY: u16 = 0x0024;
const ICE_CONTROLLING: u16 = 0x802a;
const HEAD: usize = 20;

fn add(to: &mut Vec<u8>, kind: u16, value: &[u8]) {
    to.extend(kind.to_be_bytes());
    to.extend((value.len() as u16).to_be_bytes());
    to.extend(value);
    to.resize(to.len().next_multiple_of(4), 0);
    let length = (to.len() - HEAD) as u16;
    to[2..4].copy_from_slice(&length.to_be_bytes());
}

/// A binding request with valid integrity. `inside` is under the integrity, `behind` is not.
fn check(user: &str, password: &str, inside: &[(u16, &[u8])], behind: &[(u16, &[u8])]) -> Vec<u8> {
    let mut bytes = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
    bytes.extend([7; 12]);
    add(&mut bytes, USERNAME, user.as_bytes());
    add(&mut bytes, PRIORITY, &[0x6e, 0, 1, 0xff]);
    add(&mut bytes, ICE_CONTROLLING, &[1; 8]);
    for (kind, value) in inside {
        add(&mut bytes, *kind, value);
    }
    // The integrity covers a length that counts itself.
    let length = (bytes.len() - HEAD + 24) as u16;
    bytes[2..4].copy_from_slice(&length.to_be_bytes());
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes());
    let tag = hmac::sign(&key, &bytes);
    add(&mut bytes, MESSAGE_INTEGRITY, tag.as_ref());
    for (kind, value) in behind {
        add(&mut bytes, *kind, value);
    }
    bytes
}

fn value<'a>(sdp: &'a str, name: &str) -> &'a str {
    sdp.lines()
        .find_map(|line| line.strip_prefix(name))
        .unwrap()
}

/// One who is about to connect: the SFU, the user name, and the password.
fn about_to_connect() -> (Net, String, String) {
    let mut net = Net::new();
    let offer = net.stranger(1).offer(1, 1);
    let answer = net
        .sfu
        .join(net.now, ROOM, PeerKey(1), offer.clone())
        .unwrap();
    let ufrag = "a=ice-ufrag:";
    let user = format!("{}:{}", value(&answer, ufrag), value(&offer.sdp, ufrag));
    (net, user, value(&answer, "a=ice-pwd:").to_owned())
}

fn answers(net: &mut Net, request: &[u8]) -> usize {
    let from = SocketAddr::from((Ipv4Addr::new(192, 0, 2, 7), 7_000));
    let before = net.collect_to(from);
    net.sfu.datagram(net.now, Path::udp(from), request);
    net.sfu.flush(net.now);
    net.collect_to(from) - before
}

/// U3 (pion/stun#278): an address of no bytes at the end. U4 (kvs-webrtc#2305): an error of no bytes. Neither has any
/// business in a request: it is answered as if they were not there, or dropped, and the next one is answered.
#[test]
fn attributes_of_no_bytes_harm_nobody() {
    for kind in [XOR_MAPPED_ADDRESS, ERROR_CODE] {
        for value in [&[][..], &[0], &[0, 1], &[0, 1, 2], &[0, 2, 3, 4, 5]] {
            let (mut net, user, password) = about_to_connect();
            let odd = [(kind, value)];
            for (inside, behind) in [(&odd[..], &[][..]), (&[], &odd), (&odd, &odd)] {
                answers(&mut net, &check(&user, &password, inside, behind));
            }
            let plain = check(&user, &password, &[], &[]);
            assert_eq!(answers(&mut net, &plain), 1, "{kind:#x} {value:?}");
            assert_eq!(net.sfu.stats().peers, 1);
        }
    }
}

/// The same as responses, which nobody has asked for: an ICE-lite agent sends no requests (RFC 8445 §2.5).
#[test]
fn responses_are_dropped_unread() {
    let (mut net, user, password) = about_to_connect();
    assert_eq!(answers(&mut net, &check(&user, &password, &[], &[])), 1);
    let garbage = net.sfu.stats().dropped_garbage;
    let mut sent = 0;
    for class in [[1, 1], [1, 0x11], [0, 0x11]] {
        for kind in [XOR_MAPPED_ADDRESS, ERROR_CODE] {
            let mut response = check(&user, &password, &[(kind, &[])], &[]);
            response[..2].copy_from_slice(&class);
            assert_eq!(answers(&mut net, &response), 0);
            sent += 1;
        }
    }
    assert_eq!(net.sfu.stats().dropped_garbage, garbage + sent);
}

/// U1 (str0m#709): the first bytes of a valid request, any number of them.
#[test]
fn a_request_that_is_cut_short_is_dropped() {
    let (mut net, user, password) = about_to_connect();
    let whole = check(&user, &password, &[], &[]);
    for length in 0..whole.len() {
        assert_eq!(answers(&mut net, &whole[..length]), 0, "{length} bytes");
    }
    assert_eq!(answers(&mut net, &whole), 1);
}

/// U7 (libdatachannel#1554): the DTLS object is there before the first datagram can come, so that no ClientHello waits
/// for it, and none has to be sent again after a second: 10 ms each way, and a call is up in a fifth of a second.
#[test]
fn the_first_hello_is_answered() {
    let mut net = Net::new();
    let start = net.now;
    net.join(1, &[Source::Mic], 1);
    net.until("a connection", Net::all_connected);
    let took = net.now - start;
    assert!(took < Duration::from_millis(500), "{took:?}");
}
