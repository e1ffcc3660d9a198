//! Media over TCP connections, as from where UDP is blocked.

use signalling::{MediaEvent, Source, Transport};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::calls::{Call, HANG, Line, framed};
use crate::client::assert_continuous;

#[tokio::test]
async fn one_without_udp_and_one_with_it_hear_and_see_each_other() {
    let mut call = Call::start().await;
    let a = call.join_over_tcp(1, &[Source::Mic, Source::Camera]).await;
    let b = call.join(2, &[Source::Mic, Source::Camera]).await;
    call.until("both hear and see each other", |call| {
        [(a, b), (b, a)].iter().all(|(to, from)| {
            call.received(*to, (*from, Source::Mic)) > 20
                && call.received(*to, (*from, Source::Camera)) > 20
        })
    })
    .await;
    let mid = call.mid(a, (b, Source::Camera)).unwrap();
    assert_continuous(call.callers[0].client.packets(&mid));
    assert_eq!(call.media.stats().await.streams, 1);
    call.until("how they are reached", |call| {
        [(a, Transport::Tcp), (b, Transport::Udp)]
            .iter()
            .all(|(of, transport)| {
                call.seen.iter().any(|event| {
                    matches!(event, MediaEvent::Quality { peer, link, .. }
                        if peer == of && link.transport == Some(*transport))
                })
            })
    })
    .await;

    call.media.leave(a).await;
    call.until("a leaves b's slots", |call| {
        call.mid(b, (a, Source::Mic)).is_none()
    })
    .await;
    // It belongs to nobody now, though its browser keeps it open.
    let Line::Tcp(_, datagrams) = &mut call.callers[0].line else {
        unreachable!("it came over TCP");
    };
    let closed = async { while datagrams.recv().await.is_some() {} };
    tokio::time::timeout(HANG, closed)
        .await
        .expect("open still");
}

#[tokio::test]
async fn a_connection_that_proves_nothing_is_closed() {
    let call = Call::start().await;
    let mut stream = TcpStream::connect(call.door).await.unwrap();
    // A STUN request for nobody, and what could be DTLS and RTP.
    let mut request = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
    request.resize(20, 7);
    for bytes in [&request[..], &[22, 254, 253, 0], &[0x80, 111, 0, 1]] {
        stream.write_all(&framed(bytes)).await.unwrap();
    }
    assert_eq!(left(&mut stream).await, 0, "an answer to a stranger");
    assert_eq!(call.media.stats().await.streams, 0);
}

#[tokio::test]
async fn frames_that_no_path_carries_end_the_connection_at_once() {
    let call = Call::start().await;
    for length in [0_u16, 2_001, u16::MAX] {
        let mut stream = TcpStream::connect(call.door).await.unwrap();
        stream.write_u16(length).await.unwrap();
        assert_eq!(left(&mut stream).await, 0);
    }
}

/// Bytes until the other end closes.
async fn left(stream: &mut TcpStream) -> usize {
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(HANG, stream.read_to_end(&mut bytes));
    // A reset is an end, too.
    read.await.expect("the connection stays open").unwrap_or(0)
}
