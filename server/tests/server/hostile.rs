//! Frames that no client of ours sends. Whatever happens to the sender, others go on.

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{PATIENCE, ROOM, Server, room_named};

#[tokio::test]
async fn broken_frames_close_their_connection_and_no_other() {
    let server = Server::start().await;
    let teacher = server.sign_in("teacher").await;
    let (mut healthy, hello) = teacher.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let deep = "[".repeat(30_000);
    for frame in [
        "{",
        "[]",
        "nonsense",
        "{\"i\":-1,\"m\":\"read\"}",
        "{\"i\":1,\"m\":5}",
        deep.as_str(),
    ] {
        let (mut socket, _) = teacher.hello().await;
        socket.write(frame).await;
        assert_eq!(socket.close_code().await, 4500, "{frame:.20}");
    }
    let (mut socket, _) = teacher.hello().await;
    socket.write_bytes(vec![0; 10]).await;
    assert_eq!(socket.close_code().await, 4500);
    healthy.ask("typing", json!({"r": room})).await.unwrap();
}

#[tokio::test]
async fn an_oversized_frame_ends_the_connection() {
    let server = Server::start().await;
    let teacher = server.sign_in("teacher").await;
    let (mut socket, _) = teacher.hello().await;
    socket
        .write(&"x".repeat(protocol::limits::FRAME_BYTES_MAX + 1))
        .await;
    assert_eq!(socket.close_code().await, 4500);
    let (mut socket, _) = teacher.hello().await;
    // Not even read: there may be no close frame.
    socket.try_write(&"x".repeat(20_000_000)).await;
    assert!([4500, 1006].contains(&socket.close_code().await));
}

/// A WebSocket that was opened by hand, for frames that no library writes.
async fn by_hand(server: &Server, cookie: &str, more: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    let request = format!(
        "GET /api/v1/ws HTTP/1.1\r\nHost: x\r\nOrigin: {}\r\nCookie: {cookie}\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n",
        server.origin()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    assert!(!head.to_lowercase().contains("extensions"), "{head}");
    stream
}

/// Everything up to the end; the close code is in the last frame.
async fn close_code_of(mut stream: TcpStream) -> u16 {
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    let at = rest.len().checked_sub(4).unwrap();
    assert_eq!(rest[at..at + 2], [0x88, 2], "a close frame with a code");
    u16::from_be_bytes([rest[at + 2], rest[at + 3]])
}

/// A masked frame of a client; the mask is zero.
fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let len = u8::try_from(payload.len()).unwrap();
    let mut frame = vec![first, 0x80 | len, 0, 0, 0, 0];
    frame.extend(payload);
    frame
}

#[tokio::test]
async fn fragmented_pings_and_compressed_frames_close_their_connection() {
    let server = Server::start().await;
    let teacher = server.sign_in("teacher").await;
    for broken in [
        // A ping without FIN, which RFC 6455 §5.4 forbids.
        masked(0x09, b"x"),
        // RSV1 (compressed), which was not agreed upon.
        masked(0xc1, &[0; 40]),
        // A reserved operation.
        masked(0x8b, b""),
        // Not masked (§5.1).
        vec![0x81, 2, b'{', b'}'],
        // A continuation of nothing.
        masked(0x80, b"x"),
        // Not UTF-8.
        masked(0x81, &[0xff, 0xfe]),
    ] {
        let mut stream = by_hand(&server, &teacher.cookie, "").await;
        stream.write_all(&broken).await.unwrap();
        assert_eq!(close_code_of(stream).await, 4500, "{broken:x?}");
    }
}

#[tokio::test]
async fn extensions_that_nobody_knows_are_ignored() {
    let server = Server::start().await;
    let teacher = server.sign_in("teacher").await;
    for name in ["constructor", "permessage-deflate", "__proto__; toString"] {
        let header = format!("Sec-WebSocket-Extensions: {name}\r\n");
        let mut stream = by_hand(&server, &teacher.cookie, &header).await;
        let hello = r#"{"i":1,"m":"hello","p":{"v":1,"dev":"d","app":"a"}}"#;
        stream
            .write_all(&masked(0x81, hello.as_bytes()))
            .await
            .unwrap();
        // A text frame, the last of its message or not, with none of the bits of an extension (RFC 6455 §5.2).
        assert_eq!(stream.read_u8().await.unwrap() & 0x7f, 0x01, "{name}");
    }
}

// Its first byte and what it carries. Servers do not mask (RFC 6455 §5.1).
async fn frame(stream: &mut TcpStream) -> (u8, Vec<u8>) {
    let first = stream.read_u8().await.unwrap();
    let length = match stream.read_u8().await.unwrap() {
        126 => usize::from(stream.read_u16().await.unwrap()),
        short => usize::from(short),
    };
    let mut payload = vec![0; length];
    stream.read_exact(&mut payload).await.unwrap();
    (first, payload)
}

#[tokio::test]
async fn long_messages_come_in_fragments_and_pings_are_answered() {
    let server = Server::start().await;
    let teacher = server.sign_in("teacher").await;
    let mut stream = by_hand(&server, &teacher.cookie, "").await;
    let hello = r#"{"i":1,"m":"hello","p":{"v":1,"dev":"d","app":"a"}}"#;
    let written = [masked(0x81, hello.as_bytes()), masked(0x89, b"there?")].concat();
    stream.write_all(&written).await.unwrap();
    let (mut answer, mut fragments, mut ponged) = (Vec::new(), 0, false);
    let everything = async {
        while answer.is_empty() || fragments > 0 || !ponged {
            let (first, payload) = frame(&mut stream).await;
            match first {
                0x8a => {
                    assert_eq!(payload, b"there?");
                    ponged = true;
                }
                // The begin, or more, of a message in pieces.
                0x01 | 0x00 => {
                    assert_eq!(first == 0x01, fragments == 0);
                    fragments += 1;
                    answer.extend(payload);
                }
                0x80 => {
                    assert!(fragments > 0);
                    answer.extend(payload);
                    let ok: serde_json::Value = serde_json::from_slice(&answer).unwrap();
                    assert_eq!(ok["i"], 1);
                    fragments = 0;
                }
                // Short events.
                first => assert_eq!(first, 0x81),
            }
        }
    };
    tokio::time::timeout(PATIENCE, everything).await.unwrap();
}

#[tokio::test]
async fn endless_fragments_and_headers_end_their_connection() {
    let server = Server::start().await;
    let teacher = server.sign_in("teacher").await;
    let mut stream = by_hand(&server, &teacher.cookie, "").await;
    let mut piece = masked(0x00, &[b'x'; 100]);
    stream.write_all(&masked(0x01, b"{")).await.unwrap();
    // Fails as soon as the server has had enough.
    while stream.write_all(&piece).await.is_ok() {
        piece[0] = 0x00;
    }

    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream
        .write_all(b"GET /api/v1/start HTTP/1.1\r\nHost: x\r\nX-Long: ")
        .await
        .unwrap();
    let piece = vec![b'a'; 65_536];
    let mut sent = 0;
    while sent < 20_000_000 && stream.write_all(&piece).await.is_ok() {
        sent += piece.len();
    }
    assert!(sent < 20_000_000, "the server took all of it");

    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream
        .write_all(b"GET /api/v1/start HTTP/1.1\r\nHost:")
        .await
        .unwrap();
    // Nothing more comes, and the server does not wait for it for ever.
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    // Others are served all the while.
    assert_eq!(teacher.get("/session").await.status, hyper::StatusCode::OK);
}

#[tokio::test]
async fn commands_that_do_not_fit_get_an_answer_and_the_connection_goes_on() {
    let server = Server::start().await;
    let teacher = server.sign_in("teacher").await;
    let (mut socket, _) = teacher.hello().await;
    for (method, params, code) in [
        ("no.such", json!({}), "unknown_method"),
        ("read", json!({"r": "a/../b", "no": 1}), "bad_request"),
        ("read", json!({"r": "r"}), "bad_request"),
        (
            "read",
            json!({"r": "r", "no": 1, "surplus": true}),
            "bad_request",
        ),
        ("sync", json!({"r": "none", "after": 0}), "forbidden"),
        ("call.leave", json!({"call": "none"}), "forbidden"),
        ("call.join", json!({}), "bad_request"),
    ] {
        assert_eq!(
            socket.ask(method, params).await,
            Err(code.to_owned()),
            "{method}"
        );
    }
}

#[tokio::test]
async fn only_hello_opens_a_connection_and_only_once() {
    let server = Server::start().await;
    let teacher = server.sign_in("teacher").await;
    let mut socket = teacher.connect().await;
    socket.write(r#"{"i":1,"m":"typing","p":{"r":"r"}}"#).await;
    assert_eq!(socket.close_code().await, 4500);
    let (mut socket, _) = teacher.hello().await;
    socket
        .write(r#"{"i":9,"m":"hello","p":{"v":1,"dev":"d","app":"a"}}"#)
        .await;
    assert_eq!(socket.close_code().await, 4500);
    let mut socket = teacher.connect().await;
    let answer = socket
        .ask("hello", json!({"v": 99, "dev": "d", "app": "old"}))
        .await;
    assert_eq!(answer, Err("unsupported_version".to_owned()));
    assert_eq!(socket.close_code().await, 4510);
}

#[tokio::test]
async fn a_flood_of_commands_is_told_to_wait() {
    let server = Server::start().await;
    let teacher = server.sign_in("teacher").await;
    let (mut socket, hello) = teacher.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let mut refused = 0;
    for _ in 0..100 {
        if socket.ask("typing", json!({"r": room})).await == Err("rate_limited".to_owned()) {
            refused += 1;
        }
    }
    assert!(refused > 0);
}

#[tokio::test]
async fn who_does_not_listen_to_that_is_cut_off() {
    let server = Server::start().await;
    let teacher = server.sign_in("teacher").await;
    let (mut socket, _) = teacher.hello().await;
    // Many commands in a frame, so that they are there at once.
    let many = vec![r#"{"i":2,"m":"no.such"}"#; 100].join("\n");
    for _ in 0..3 {
        socket.write(&many).await;
    }
    assert_eq!(socket.close_code().await, 4008);
}
