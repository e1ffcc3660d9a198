//! Frames that no client of ours sends. Whatever happens to the sender, others go on.

use serde_json::json;

use crate::harness::{ROOM, Server, room_named};

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
    assert!([4500, 1006].contains(&socket.close_code().await));
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
    for _ in 0..200 {
        if socket.ask("typing", json!({"r": room})).await == Err("rate_limited".to_owned()) {
            refused += 1;
        }
    }
    assert!(refused > 0);
}
