//! The first look at a datagram or a connection: STUN attributes, RTP or RTCP, media or HTTP.
#![no_main]

use libfuzzer_sys::fuzz_target;
use signalling::Opening;
use signalling::sfu::demux;

fuzz_target!(|data: &[u8]| {
    let user = demux::stun_request_ufrag(data);
    if user.is_some() || demux::nominates(data) {
        assert!(demux::is_stun(data) && data.len() > 20);
    }
    if let Some(user) = user {
        assert!(!user.contains(':') && user.len() < data.len());
    }
    assert!(!(demux::is_stun(data) && demux::is_rtcp(data)));
    // What is cut short is not read as something else.
    for len in 0..data.len().min(256) {
        let short = demux::stun_request_ufrag(&data[..len]);
        assert!(short.is_none() || short == user);
    }
    let opening = Opening::of(data);
    assert_eq!(
        opening.is_none(),
        data.len() < 10 && data.first().is_none_or(|first| *first < 8)
    );
});
