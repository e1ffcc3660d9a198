//! Datagrams to a connection, from strangers and from a participant: STUN with valid integrity, DTLS before and during
//! the handshake, RTP and RTCP without keys.
//!
//! Of a part's five bits the first says whether it comes from a second address, the second whether by TCP, the third
//! whether its sender knows the password, and the last two how much time passes before it.
#![no_main]

use std::time::{Duration, Instant};

use fuzz::{Credentials, contain_engine, drain, parts, wait, with_sfu};
use libfuzzer_sys::fuzz_target;
use signalling::sfu::path::Path;
use signalling::{Offer, PeerKey, RoomKey, Source};

const SDP: &str = include_str!("../corpus/sdp/one-of-each");
const PEER: PeerKey = PeerKey(1);
const PARTS_MAX: usize = 64;
/// The last is enough for a peer to count as lost.
const GAPS: [Duration; 4] = [
    Duration::ZERO,
    Duration::from_millis(20),
    Duration::from_secs(1),
    Duration::from_secs(11),
];

fn offer() -> Offer {
    Offer {
        sdp: SDP.to_owned(),
        up: vec![
            (Source::Mic, "0".to_owned()),
            (Source::Camera, "1".to_owned()),
        ],
        down_audio: vec!["4".to_owned()],
        down_video: vec!["8".to_owned()],
    }
}

fuzz_target!(init: contain_engine(), |data: &[u8]| {
    with_sfu(|sfu| {
        let mut now = Instant::now();
        let answer = sfu.join(now, RoomKey(1), PEER, offer()).expect("an answer");
        let credentials = Credentials::of(SDP, &answer).expect("credentials");
        for (how, bytes) in parts(data).take(PARTS_MAX) {
            let gap = GAPS[usize::from(how & 3)];
            let until = now + gap;
            wait(sfu, &mut now, until);
            let from = ([192, 0, 2, 1 + (how >> 4)], 7_000).into();
            let path = if how & 8 == 0 { Path::udp(from) } else { Path::tcp(from) };
            let is_signed = how & 4 != 0;
            // A connection that ends says so where it was, and its paths are forgotten.
            let is_stranger = !is_signed && !sfu.knows(path);
            if is_signed {
                sfu.datagram(now, path, &credentials.sign(bytes));
            } else {
                sfu.datagram(now, path, bytes);
            }
            sfu.flush(now);
            let answered = drain(sfu, |to| to == path);
            assert!(!(is_stranger && answered), "a stranger was answered");
        }
        assert!(sfu.stats().peers <= 1);
        sfu.leave(now, PEER);
        drain(sfu, |_| false);
        assert_eq!((sfu.stats().peers, sfu.stats().rooms), (0, 0));
    });
});
