use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use signalling::sfu::limits::{PEERS_PER_ROOM_MAX, ROOMS_MAX};
use signalling::{MediaError, PeerKey, RoomKey, Source};

use crate::client::Client;
use crate::net::{Net, ROOM};

fn client(net: &Net) -> Client {
    Client::new(
        net.now,
        SocketAddr::from((Ipv4Addr::new(10, 0, 9, 9), 7_000)),
    )
}

/// The lines of each m-section.
pub(crate) fn sections(sdp: &str) -> Vec<Vec<&str>> {
    let mut sections: Vec<Vec<&str>> = Vec::new();
    for line in sdp.lines() {
        if line.starts_with("m=") {
            sections.push(Vec::new());
        }
        if let Some(section) = sections.last_mut() {
            section.push(line);
        }
    }
    sections
}

pub(crate) fn extensions<'a>(section: &[&'a str]) -> Vec<&'a str> {
    section
        .iter()
        .filter(|line| line.starts_with("a=extmap:"))
        .copied()
        .collect()
}

#[test]
fn the_answer_has_no_extension_that_the_offers_section_lacks() {
    let mut net = Net::new();
    let mut offer = client(&net).offer(2, 2);
    // The browser leaves different extensions out of different sections.
    let mut nth = 0;
    let keep = |line: &&str| {
        nth += usize::from(line.starts_with("m="));
        !(line.starts_with("a=extmap:") && (line.len() + nth).is_multiple_of(3))
    };
    offer.sdp = offer
        .sdp
        .lines()
        .filter(keep)
        .map(|line| format!("{line}\r\n"))
        .collect();
    let answer = net
        .sfu
        .join(net.now, ROOM, PeerKey(1), offer.clone())
        .unwrap();
    let (offered, answered) = (sections(&offer.sdp), sections(&answer));
    assert_eq!(offered.len(), answered.len());
    for (offered, answered) in offered.iter().zip(&answered) {
        for line in extensions(answered) {
            assert!(
                extensions(offered).contains(&line),
                "{line} was not offered there"
            );
        }
    }
}

#[test]
fn the_answer_declares_a_sender_with_retransmission_for_every_slot() {
    let mut net = Net::new();
    let offer = client(&net).offer(2, 3);
    let answer = net.sfu.join(net.now, ROOM, PeerKey(1), offer).unwrap();
    let sending: Vec<Vec<&str>> = sections(&answer)
        .into_iter()
        .filter(|section| section.contains(&"a=sendonly"))
        .collect();
    assert_eq!(sending.len(), 5);
    for section in &sending {
        assert!(section.iter().any(|line| line.starts_with("a=ssrc:")));
    }
    let repaired = sending.iter().filter(|section| {
        section
            .iter()
            .any(|line| line.starts_with("a=ssrc-group:FID"))
    });
    assert_eq!(repaired.count(), 3);
    assert!(answer.contains("a=ice-lite"));
    assert!(answer.contains("10.0.0.1 5000"));
}

#[test]
fn a_bad_offer_is_refused_with_a_reason_and_nothing_is_kept() {
    let mut net = Net::new();
    let good = client(&net).offer(1, 1);
    let mut offers = vec![good.clone(); 7];
    offers[0].sdp = String::new();
    offers[1].sdp = "v=0\r\nm=au\u{fffd}dio nonsense\r\n".to_owned();
    offers[2].sdp = "x".repeat(300 * 1024);
    offers[3].up[0].1 = "nowhere".to_owned();
    offers[4].down_video[0].clone_from(&good.down_audio[0]);
    offers[5].down_audio = vec![good.up[0].1.clone()];
    offers[6].up.push(good.up[0].clone());
    for (nth, offer) in offers.into_iter().enumerate() {
        let result = net.sfu.join(net.now, ROOM, PeerKey(1), offer);
        assert!(
            matches!(result, Err(MediaError::BadOffer(_))),
            "offer {nth}: {result:?}"
        );
    }
    assert_eq!((net.sfu.stats().peers, net.sfu.stats().rooms), (0, 0));
    assert!(matches!(
        net.sfu.restart(net.now, PeerKey(1), &good.sdp),
        Err(MediaError::UnknownPeer)
    ));
}

#[test]
fn rooms_and_peers_are_bounded() {
    let mut net = Net::new();
    let offer = client(&net).offer(0, 0);
    for room in 0..ROOMS_MAX as u64 {
        net.sfu
            .join(net.now, RoomKey(room), PeerKey(room), offer.clone())
            .unwrap();
    }
    let result = net
        .sfu
        .join(net.now, RoomKey(9_999), PeerKey(9_999), offer.clone());
    assert!(matches!(result, Err(MediaError::TooManyRooms)));
    for peer in 1..PEERS_PER_ROOM_MAX as u64 {
        net.sfu
            .join(net.now, RoomKey(0), PeerKey(10_000 + peer), offer.clone())
            .unwrap();
    }
    let result = net.sfu.join(net.now, RoomKey(0), PeerKey(9_999), offer);
    assert!(matches!(result, Err(MediaError::RoomFull)));
}

#[test]
fn an_ice_restart_from_another_address_keeps_the_call() {
    let mut net = Net::new();
    let a = net.join(1, &[Source::Camera], 1);
    let b = net.join(2, &[], 1);
    net.until("b sees a", |net| {
        net.mid(b, a, Source::Camera)
            .is_some_and(|mid| net.has(b, &mid))
    });
    let mid = net.mid(b, a, Source::Camera).unwrap();
    // The phone moves from Wi-Fi to the mobile network.
    net.move_client(b, SocketAddr::from((Ipv4Addr::new(10, 0, 77, 1), 6_100)));
    net.run(Duration::from_secs(2));
    let before = net.client(b).packets(&mid).len();
    let offer = net.client(b).restart_offer();
    let answer = net.sfu.restart(net.now, b, &offer).unwrap();
    net.client(b).answer(&answer);
    net.until("pictures on the new path", |net| {
        net.clients[&b].packets(&mid).len() > before + 50
    });
    assert_eq!(net.mid(b, a, Source::Camera), Some(mid), "the same slot");
    assert_eq!(net.sfu.stats().peers, 2);
}

#[test]
fn joining_again_replaces_the_old_connection() {
    let mut net = Net::new();
    let a = net.join(1, &[Source::Camera], 1);
    let b = net.join(2, &[], 1);
    net.until("b sees a", |net| {
        net.mid(b, a, Source::Camera)
            .is_some_and(|mid| net.has(b, &mid))
    });
    net.clients.remove(&a);
    let a = net.join(1, &[Source::Camera], 1);
    assert_eq!(net.sfu.stats().peers, 2);
    net.events.clear();
    net.until("b sees a again", |net| {
        net.mid(b, a, Source::Camera).is_some()
    });
    net.run(Duration::from_secs(1));
    let mid = net.mid(b, a, Source::Camera).unwrap();
    crate::client::assert_continuous(net.client(b).packets(&mid));
}

#[test]
fn browsers_are_asked_for_sound_that_bears_loss_and_for_little_in_pauses() {
    let mut net = Net::new();
    let mut client = client(&net);
    let offer = client.offer(4, 1);
    let (now, key) = (net.now, PeerKey(1));
    let answer = net.sfu.join(now, ROOM, key, offer).unwrap();
    let sections = sections(&answer);
    let sound = sections
        .iter()
        .filter(|section| section[0].starts_with("m=audio"));
    let asks = |section: &&Vec<&str>| {
        let format = section.iter().find(|line| line.starts_with("a=fmtp:"));
        format.is_some_and(|line| line.contains("useinbandfec=1") && line.contains("usedtx=1"))
    };
    assert_eq!((sound.clone().count(), sound.filter(asks).count()), (6, 6));
}
