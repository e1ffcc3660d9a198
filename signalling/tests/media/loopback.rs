//! The same over real sockets, through the handle that the server holds.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Instant;

use signalling::{Media, MediaConfig, MediaError, MediaEvent, PeerKey, RoomKey, Source, Transport};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;

use crate::calls::{Call, HOME, ROOM};
use crate::client::{Client, assert_continuous};

#[tokio::test]
async fn a_call_over_loopback_from_join_to_shutdown() {
    let mut call = Call::start().await;
    let a = call.join(1, &[Source::Mic, Source::Camera]).await;
    let b = call.join(2, &[Source::Mic, Source::Camera]).await;
    let c = call.join(3, &[]).await;
    call.until("everyone hears and sees the others", |call| {
        [(a, b), (b, a), (c, a), (c, b)].iter().all(|(to, from)| {
            call.received(*to, (*from, Source::Mic)) > 20
                && call.received(*to, (*from, Source::Camera)) > 20
        })
    })
    .await;
    let stats = call.media.stats().await;
    assert_eq!((stats.peers, stats.rooms), (3, 1));
    assert!(stats.forwarded_packets > 160 && stats.received_packets > 80);
    for peer in [a, b, c] {
        assert!(
            call.seen
                .contains(&MediaEvent::Connected { room: ROOM, peer })
        );
    }
    let mid = call.mid(c, (a, Source::Camera)).unwrap();
    assert_continuous(call.callers[2].client.packets(&mid));

    call.media.set_muted(a, Source::Camera, true).await;
    call.until("a's camera leaves c's slots", |call| {
        call.mid(c, (a, Source::Camera)).is_none()
    })
    .await;
    call.media.leave(b).await;
    call.until("b leaves c's slots", |call| {
        call.mid(c, (b, Source::Mic)).is_none()
    })
    .await;
    assert!(call.mid(c, (a, Source::Mic)).is_some());
    assert_eq!(call.media.stats().await.peers, 2);

    let other = call.media.clone();
    call.media.shutdown().await;
    assert_eq!(other.stats().await.peers, 0);
    let offer = Client::new(Instant::now(), SocketAddr::from((HOME, 9))).offer(1, 1);
    assert!(matches!(
        other.join(ROOM, a, offer).await,
        Err(MediaError::Stopped)
    ));
}

#[tokio::test]
async fn the_quality_of_the_way_down_is_told() {
    let mut call = Call::start().await;
    let a = call.join(1, &[Source::Mic, Source::Camera]).await;
    let b = call.join(2, &[]).await;
    call.until("quality", |call| {
        call.seen.iter().any(|event| {
            matches!(event,
            MediaEvent::Quality { peer, link, .. } if *peer == b
                && link.down_bps > 0 && link.transport == Some(Transport::Udp))
        })
    })
    .await;
    assert!(call.received(b, (a, Source::Camera)) > 0);
}

#[tokio::test]
async fn a_start_without_candidates_or_on_a_taken_port_is_an_error() {
    let (to, _events) = mpsc::channel(1);
    let nothing = MediaConfig {
        listen: SocketAddr::from((HOME, 0)),
        workers: 1,
        spread_from: usize::MAX,
        candidates: vec![],
        announced_port: None,
        tcp_candidates: Vec::new(),
    };
    assert!(matches!(
        Media::start(nothing, to.clone()).await,
        Err(MediaError::NoCandidates)
    ));
    let taken = UdpSocket::bind((HOME, 0)).await.unwrap();
    let config = MediaConfig {
        listen: taken.local_addr().unwrap(),
        workers: 1,
        spread_from: usize::MAX,
        candidates: vec![HOME],
        announced_port: None,
        tcp_candidates: Vec::new(),
    };
    assert!(matches!(
        Media::start(config, to).await,
        Err(MediaError::Socket(_))
    ));
}

#[tokio::test]
async fn no_join_or_leave_is_lost_when_the_queue_is_full() {
    let call = Call::start().await;
    let offer = Client::new(Instant::now(), SocketAddr::from((HOME, 9))).offer(0, 0);
    let mut tasks = tokio::task::JoinSet::new();
    let keys: BTreeSet<u64> = (0..600).collect();
    for key in &keys {
        let (media, offer, key) = (call.media.clone(), offer.clone(), *key);
        tasks.spawn(async move {
            let peer = PeerKey(key);
            media.join(RoomKey(key % 50), peer, offer).await.unwrap();
            if key % 2 == 0 {
                media.leave(peer).await;
            }
        });
    }
    while let Some(result) = tasks.join_next().await {
        result.unwrap();
    }
    assert_eq!(call.media.stats().await.peers, 300);
}
