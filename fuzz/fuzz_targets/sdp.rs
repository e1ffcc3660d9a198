//! A client's offer, and the same again as an ICE restart. The m-lines are used as the text says they are for.
#![no_main]

use std::time::Instant;

use fuzz::{contain_engine, drain, with_sfu};
use libfuzzer_sys::fuzz_target;
use signalling::{MediaError, Offer, PeerKey, RoomKey, Source};

const PEER: PeerKey = PeerKey(1);

/// Names every m-line in the field that its kind and direction are for.
fn offer(sdp: &str) -> Offer {
    let mut offer = Offer {
        sdp: sdp.to_owned(),
        up: Vec::new(),
        down_audio: Vec::new(),
        down_video: Vec::new(),
    };
    let mut sources = (
        [Source::Mic, Source::ScreenAudio].into_iter(),
        [Source::Camera, Source::Screen].into_iter(),
    );
    for section in sdp.split("m=").skip(1) {
        let mid = section.lines().find_map(|line| line.strip_prefix("a=mid:"));
        let Some(mid) = mid.map(ToOwned::to_owned) else {
            continue;
        };
        let audio = section.starts_with("audio");
        if section.contains("a=recvonly") {
            let down = if audio {
                &mut offer.down_audio
            } else {
                &mut offer.down_video
            };
            down.push(mid);
        } else if let Some(source) = if audio {
            sources.0.next()
        } else {
            sources.1.next()
        } {
            offer.up.push((source, mid));
        }
    }
    offer
}

fuzz_target!(init: contain_engine(), |data: &[u8]| {
    let Ok(sdp) = std::str::from_utf8(data) else {
        return;
    };
    with_sfu(|sfu| {
        let now = Instant::now();
        match sfu.join(now, RoomKey(1), PEER, offer(sdp)) {
            Ok(answer) => {
                assert!(answer.contains("a=ice-lite"));
                let again = sfu.restart(now, PEER, sdp);
                assert!(matches!(again, Ok(_) | Err(MediaError::BadOffer(_))), "{again:?}");
                sfu.tick(now);
                sfu.leave(now, PEER);
            }
            Err(error) => assert!(matches!(error, MediaError::BadOffer(_)), "{error:?}"),
        }
        drain(sfu, |_| false);
        assert_eq!((sfu.stats().peers, sfu.stats().rooms), (0, 0));
    });
});
