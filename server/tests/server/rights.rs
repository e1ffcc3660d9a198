//! Every command and route of a room, by somebody who is not in it.

use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{ROOM, Server, room_named};

/// A room that the students are not in.
const STAFF: &str = "Учительская";

fn join(call: &Value) -> Value {
    json!({
        "call": call, "sdp": "v=0", "up": {"mic": "0", "camera": "1", "screen": "2", "screen_audio": "3"},
        "down_audio": ["4", "5", "6", "7"], "down_video": ["8"], "on": []
    })
}

#[tokio::test]
async fn a_stranger_gets_nothing_of_a_room() {
    let server = Server::start().await;
    let (admin, student) = (
        server.sign_in("admin").await,
        server.sign_in("student1").await,
    );
    let (mut a, hello) = admin.hello().await;
    let (room, _) = room_named(&hello, STAFF);
    let call = a.ask("call.start", json!({"r": room})).await.unwrap()["call"]["id"].clone();
    let upload = admin
        .send(
            Method::POST,
            &format!("/rooms/{room}/files"),
            &[],
            b"x".to_vec(),
        )
        .await
        .json();
    let att = [upload["id"].clone()];
    a.ask(
        "msg.send",
        json!({"r": room, "cid": "c1", "body": "тайна", "att": att}),
    )
    .await
    .unwrap();

    let (mut s, theirs) = student.hello().await;
    assert!(
        theirs["rooms"]
            .as_array()
            .unwrap()
            .iter()
            .all(|one| one["name"] != STAFF)
    );
    for (method, params) in [
        ("msg.send", json!({"r": room, "cid": "c2", "body": "x"})),
        ("sync", json!({"r": room, "after": 0})),
        ("read", json!({"r": room, "no": 1})),
        ("recv", json!({"no": {room.as_str(): 1}})),
        ("typing", json!({"r": room})),
        ("call.start", json!({"r": room})),
        ("call.ice", json!({"call": call})),
        ("call.join", join(&call)),
        ("call.restart", json!({"call": call, "sdp": "v=0"})),
        ("call.set", json!({"call": call, "src": "mic", "on": true})),
        ("call.view", json!({"call": call, "views": []})),
        ("call.leave", json!({"call": call})),
        ("call.end", json!({"call": call})),
    ] {
        assert_eq!(
            s.ask(method, params).await,
            Err("forbidden".to_owned()),
            "{method}"
        );
    }
    let events = student.get(&format!("/rooms/{room}/events")).await;
    assert_eq!(
        (events.status, events.json()["c"].as_str()),
        (StatusCode::FORBIDDEN, Some("forbidden"))
    );
    let post = student
        .send(
            Method::POST,
            &format!("/rooms/{room}/files"),
            &[],
            b"x".to_vec(),
        )
        .await;
    assert_eq!(post.status, StatusCode::FORBIDDEN);
    for path in ["", "/preview"] {
        let file = student
            .get(&format!("/files/{}{path}", upload["id"].as_str().unwrap()))
            .await;
        assert_eq!(
            file.status,
            StatusCode::NOT_FOUND,
            "a stranger does not learn that it exists"
        );
    }
}

#[tokio::test]
async fn only_staff_start_and_end_lessons() {
    let server = Server::start().await;
    let (teacher, student) = (
        server.sign_in("teacher").await,
        server.sign_in("student1").await,
    );
    let (mut t, hello) = teacher.hello().await;
    let (mut s, _) = student.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    assert_eq!(
        s.ask("call.start", json!({"r": room})).await,
        Err("forbidden".to_owned())
    );
    let call = t.ask("call.start", json!({"r": room})).await.unwrap()["call"].clone();
    assert_eq!(s.event("call.started").await["d"], call);
    assert_eq!(
        s.ask("call.end", json!({"call": call["id"]})).await,
        Err("forbidden".to_owned())
    );
    // Not in the lesson yet.
    let set = json!({"call": call["id"], "src": "mic", "on": true});
    assert_eq!(s.ask("call.set", set).await, Err("forbidden".to_owned()));
    assert_eq!(
        s.ask("call.join", join(&call["id"])).await,
        Err("media_refused".to_owned())
    );
    t.ask("call.end", json!({"call": call["id"]}))
        .await
        .unwrap();
    assert_eq!(s.event("call.ended").await["d"]["id"], call["id"]);
    assert_eq!(
        s.ask("call.join", join(&call["id"])).await,
        Err("call_ended".to_owned())
    );
}

#[tokio::test]
async fn nobody_gets_anything_without_a_session() {
    let server = Server::start().await;
    for path in [
        "/session",
        "/rooms/x/events",
        "/files/x",
        "/files/x/preview",
    ] {
        let answer = server
            .raw(
                Method::GET,
                path,
                &[("cookie", "parta_session=guess")],
                Vec::new(),
            )
            .await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
    }
    let origin = server.origin();
    let headers = [("origin", origin.as_str())];
    let answer = server
        .raw(Method::POST, "/rooms/x/files", &headers, b"x".to_vec())
        .await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
}
