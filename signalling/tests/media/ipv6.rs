//! A whole call over IPv6.

use std::io::{Write, stderr};
use std::net::{IpAddr, Ipv6Addr, UdpSocket};

use signalling::{MediaEvent, PeerKey, Source, Transport};

use crate::calls::Call;
use crate::client::assert_continuous;

const HOME: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

/// Whether this machine has IPv6 at all. A machine without it cannot tell anything; that is said, where nobody can miss it.
fn has_ipv6() -> bool {
    match UdpSocket::bind((HOME, 0)) {
        Ok(_) => true,
        Err(error) => {
            // Past the capture of what tests print.
            let _ = writeln!(
                stderr(),
                "NOT TESTED: IPv6 is missing on this machine: {error}"
            );
            false
        }
    }
}

async fn call(join: impl AsyncFn(&mut Call, u64, &[Source]) -> PeerKey, transport: Transport) {
    if !has_ipv6() {
        return;
    }
    let mut call = Call::at(HOME, 1, usize::MAX).await;
    let a = join(&mut call, 1, &[Source::Mic, Source::Camera]).await;
    let b = join(&mut call, 2, &[Source::Mic, Source::Camera]).await;
    for caller in &call.callers {
        let candidates = caller.answer.lines();
        let mut candidates = candidates.filter(|line| line.starts_with("a=candidate:"));
        assert!(
            candidates.all(|line| line.contains(" ::1 ")),
            "{}",
            caller.answer
        );
    }
    call.until("both hear and see each other", |call| {
        [(a, b), (b, a)].iter().all(|(to, from)| {
            call.received(*to, (*from, Source::Mic)) > 100
                && call.received(*to, (*from, Source::Camera)) > 100
        })
    })
    .await;
    let mid = call.mid(b, (a, Source::Camera)).unwrap();
    assert_continuous(call.callers[1].client.packets(&mid));
    call.until("the way is told", |call| {
        call.seen.iter().any(|event| {
            matches!(event,
            MediaEvent::Quality { link, .. } if link.transport == Some(transport))
        })
    })
    .await;
    call.media.leave(b).await;
    assert_eq!(call.media.stats().await.peers, 1);
}

#[tokio::test]
async fn a_call_over_ipv6_from_join_to_leave() {
    call(
        async |call, key, sources| call.join(key, sources).await,
        Transport::Udp,
    )
    .await;
}

#[tokio::test]
async fn a_call_over_tcp_over_ipv6() {
    call(
        async |call, key, sources| call.join_over_tcp(key, sources).await,
        Transport::Tcp,
    )
    .await;
}
