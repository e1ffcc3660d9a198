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
    let secret = json!({"r": room, "cid": "c1", "body": "тайна", "att": att});
    let secret = a.ask("msg.send", secret).await.unwrap()["id"].clone();

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
        (
            "call.stats",
            json!({"call": call, "seconds": 10, "freezes": 0, "frozen_ms": 0}),
        ),
        ("call.watch", json!({"call": call, "on": true})),
        ("call.leave", json!({"call": call})),
        ("call.end", json!({"call": call})),
    ] {
        assert_eq!(
            s.ask(method, params).await,
            Err("forbidden".to_owned()),
            "{method}"
        );
    }
    // Nor whether there is such a message.
    for (method, params) in [
        ("msg.edit", json!({"id": secret, "body": "x"})),
        ("msg.delete", json!({"id": secret})),
        ("msg.ack", json!({"id": secret})),
        ("msg.remind", json!({"id": secret})),
        ("msg.pin", json!({"id": secret, "on": true})),
        (
            "msg.react",
            json!({"id": secret, "emoji": "👍", "on": true}),
        ),
    ] {
        assert_eq!(
            s.ask(method, params).await,
            Err("not_found".to_owned()),
            "{method}"
        );
    }
    let events = student.get(&format!("/rooms/{room}/events")).await;
    assert_eq!(
        (events.status, events.json()["c"].as_str()),
        (StatusCode::FORBIDDEN, Some("forbidden"))
    );
    let secret_id = secret.as_str().unwrap_or_default();
    let thread = student.get(&format!("/messages/{secret_id}/thread")).await;
    assert_eq!(thread.status, StatusCode::NOT_FOUND);
    let pins = student.get(&format!("/rooms/{room}/pins")).await;
    assert_eq!(pins.status, StatusCode::FORBIDDEN);
    let post = student
        .send(
            Method::POST,
            &format!("/rooms/{room}/files"),
            &[],
            b"x".to_vec(),
        )
        .await;
    assert_eq!(post.status, StatusCode::FORBIDDEN);
    for path in ["", "/pdf", "/preview"] {
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

#[tokio::test]
async fn messages_are_changed_by_their_authors_and_deleted_by_the_staff_too() {
    let server = Server::start().await;
    let (teacher, student) = (
        server.sign_in("teacher").await,
        server.sign_in("student1").await,
    );
    let (mut t, hello) = teacher.hello().await;
    let (mut s, _) = student.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let mut say = Vec::new();
    for (socket, cid) in [(&mut t, "t"), (&mut s, "s")] {
        let send = json!({"r": room, "cid": cid, "body": "как есть"});
        say.push(socket.ask("msg.send", send).await.unwrap()["id"].clone());
    }
    let [teachers, students] = &say[..] else {
        panic!("two messages");
    };
    let edit = |id: &Value, body: &str| json!({"id": id, "body": body});
    let refused = |code: &str| Err(code.to_owned());
    assert_eq!(
        t.ask("msg.edit", edit(students, "иначе")).await,
        refused("forbidden")
    );
    assert_eq!(
        s.ask("msg.edit", edit(teachers, "иначе")).await,
        refused("forbidden")
    );
    assert_eq!(
        s.ask("msg.delete", json!({"id": teachers})).await,
        refused("forbidden")
    );
    assert_eq!(
        s.ask("msg.edit", edit(students, " ")).await,
        refused("empty")
    );
    assert_eq!(
        s.ask("msg.edit", edit(students, "а\0")).await,
        refused("bad_request")
    );
    let long = "я".repeat(8_193);
    assert_eq!(
        s.ask("msg.edit", edit(students, &long)).await,
        refused("too_large")
    );
    s.ask("msg.edit", edit(students, " иначе ")).await.unwrap();
    let changed = t.event("msg.changed").await;
    assert_eq!(changed["d"]["body"], "иначе");
    t.ask("msg.delete", json!({"id": students})).await.unwrap();
    let gone = s.event("msg.changed").await;
    let gone = if gone["d"]["body"] == "иначе" {
        s.event("msg.changed").await
    } else {
        gone
    };
    assert_eq!(
        (&gone["d"]["body"], &gone["d"]["deleted"]["by"]),
        (&json!(""), &hello["me"]["id"])
    );

    let path = format!("/messages/{}/versions", students.as_str().unwrap());
    assert_eq!(student.get(&path).await.status, StatusCode::FORBIDDEN);
    let versions = teacher.get(&path).await.json();
    let said = versions["versions"].as_array().unwrap().iter();
    let said: Vec<_> = said
        .map(|version| version["body"].as_str().unwrap())
        .collect();
    assert_eq!(said, ["как есть", "иначе"]);
}
