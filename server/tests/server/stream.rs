use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{EventStream, Person, ROOM, Server, room_named};

fn hello() -> String {
    hello_from(&json!({}))
}

fn hello_from(positions: &Value) -> String {
    let hello = json!({"v": 1, "dev": "device", "app": "test", "pos": positions});
    json!({"i": 1, "m": "hello", "p": hello}).to_string()
}

/// A stream that is ready, where its commands go, and the answer to its hello.
pub(crate) async fn open(person: &Person<'_>) -> (EventStream, String, Value) {
    let (mut stream, path, ok) = open_from(person, &json!({})).await;
    stream.frame(|frame| frame["e"] == "ready").await;
    (stream, path, ok)
}

/// A stream whose catch-up from these positions has yet to be read.
pub(crate) async fn open_from(
    person: &Person<'_>,
    positions: &Value,
) -> (EventStream, String, Value) {
    let mut stream = person.stream("/stream", hello_from(positions)).await;
    let (name, data) = stream.next().await.unwrap();
    assert_eq!(name, "open");
    let path = format!("/stream/{}", data["c"].as_str().unwrap());
    let ok = stream.frame(|frame| frame["i"] == 1).await["ok"].clone();
    (stream, path, ok)
}

#[tokio::test]
async fn a_chat_works_without_websockets() {
    let server = Server::start().await;
    let (teacher, student) = (
        server.sign_in("teacher").await,
        server.sign_in("student1").await,
    );
    let (mut a, path, ok) = open(&teacher).await;
    let (mut b, _) = student.hello().await;
    let (room, _) = room_named(&ok, ROOM);
    let send = |k: u32| json!({"i": k, "m": "msg.send", "p": {"r": room, "cid": format!("c{k}"), "body": k.to_string()}});
    let both = format!("{}\n{}", send(2), send(3));
    let answer = teacher.send(Method::POST, &path, &[], both.into()).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    for k in [2, 3] {
        let sent = a.frame(|frame| frame["i"] == k).await;
        assert_eq!(sent["ok"]["dup"], false);
        assert_eq!(b.event("msg").await["d"]["body"], k.to_string());
    }
    let reply = json!({"r": room, "cid": "c4", "body": "слышно"});
    b.ask("msg.send", reply).await.unwrap();
    let event = a
        .frame(|frame| frame["e"] == "msg" && frame["d"]["cid"] == "c4")
        .await;
    assert_eq!(event["d"]["body"], "слышно");
}

#[tokio::test]
async fn a_stream_is_its_sessions_own_and_ends_with_it() {
    let server = Server::start().await;
    let (teacher, student) = (
        server.sign_in("teacher").await,
        server.sign_in("student1").await,
    );
    let (mut stream, path, _) = open(&teacher).await;
    let other = student.send(Method::POST, &path, &[], b"{}".to_vec()).await;
    assert_eq!(other.status, StatusCode::NOT_FOUND);
    let headers = [
        ("cookie", &*teacher.cookie),
        ("origin", "http://evil.example"),
    ];
    let foreign = server
        .raw(Method::POST, "/stream", &headers, hello().into())
        .await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN);
    let nobody = [("origin", &*server.origin())];
    let nobody = server
        .raw(Method::POST, "/stream", &nobody, hello().into())
        .await;
    assert_eq!(nobody.status, StatusCode::UNAUTHORIZED);
    let long = vec![b' '; 70_000];
    let long = teacher.send(Method::POST, &path, &[], long).await;
    assert_eq!(long.status, StatusCode::PAYLOAD_TOO_LARGE);

    let out = teacher
        .send(Method::DELETE, "/session", &[], Vec::new())
        .await;
    assert_eq!(out.status, StatusCode::NO_CONTENT);
    loop {
        match stream.next().await {
            Some((name, data)) if name == "close" => {
                assert_eq!(data["c"], 4503);
                break;
            }
            Some(_) => {}
            None => panic!("no close"),
        }
    }
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn who_goes_away_without_a_word_is_offline_for_the_others() {
    let server = Server::start().await;
    let (teacher, student) = (
        server.sign_in("teacher").await,
        server.sign_in("student1").await,
    );
    let (mut a, _) = teacher.hello().await;
    let (stream, path, ok) = open(&student).await;
    assert_eq!(a.event("presence").await["d"]["on"], true);
    drop(stream);
    let gone = a.event("presence").await;
    assert_eq!(
        (&gone["d"]["u"], &gone["d"]["on"]),
        (&ok["me"]["id"], &json!(false))
    );
    let answer = student.send(Method::POST, &path, &[], b"{}".to_vec()).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
}
