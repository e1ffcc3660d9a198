//! People who may not write for a while, and slow rooms, over the real protocol.

use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Person, ROOM, Server, room_named};

async fn call(person: &Person<'_>, method: Method, path: &str, body: Value) -> StatusCode {
    let headers = [("content-type", "application/json")];
    let body = body.to_string().into_bytes();
    person.send(method, path, &headers, body).await.status
}

#[tokio::test]
async fn whoever_is_muted_is_told_at_once_and_is_heard_again_when_it_is_lifted() {
    let server = Server::start().await;
    let (teacher, student) = (
        server.sign_in("teacher").await,
        server.sign_in("student1").await,
    );
    let (mut s, theirs) = student.hello().await;
    let (room, before) = room_named(&theirs, ROOM);
    assert_eq!(
        (&before["muted"], &before["slow"]),
        (&Value::Null, &Value::Null)
    );
    let me = theirs["me"]["id"].clone();
    let (mut t, hello) = teacher.hello().await;
    let path = format!("/rooms/{room}/mutes");
    let mute = json!({"u": me, "minutes": 15});
    for (body, status) in [
        (json!({"u": hello["me"]["id"]}), StatusCode::FORBIDDEN),
        (json!({"u": "nobody"}), StatusCode::NOT_FOUND),
        (json!({"u": me, "minutes": 0}), StatusCode::BAD_REQUEST),
        (json!({"u": me, "minutes": 1_441}), StatusCode::BAD_REQUEST),
        (json!({"minutes": 15}), StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(call(&teacher, Method::POST, &path, body).await, status);
    }
    assert_eq!(
        call(&student, Method::POST, &path, mute.clone()).await,
        StatusCode::FORBIDDEN
    );
    assert_eq!(student.get(&path).await.status, StatusCode::FORBIDDEN);
    assert_eq!(
        call(&teacher, Method::POST, &path, mute).await,
        StatusCode::NO_CONTENT
    );
    let told = s.event("u.room").await["d"]["room"].clone();
    assert!(told["muted"]["until"].is_string(), "{told}");
    assert_eq!(told["can"], before["can"], "it is for a while");
    let send = json!({"r": room, "cid": "c1", "body": "слышно?"});
    assert_eq!(
        s.ask("msg.send", send.clone()).await,
        Err("muted".to_owned())
    );
    let listed = teacher.get(&path).await.json();
    assert_eq!(listed["people"][0]["u"], me);

    let lift = format!("{path}/{}", me.as_str().unwrap());
    assert_eq!(
        call(&student, Method::DELETE, &lift, json!({})).await,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        call(&teacher, Method::DELETE, &lift, json!({})).await,
        StatusCode::NO_CONTENT
    );
    assert_eq!(s.event("u.room").await["d"]["room"]["muted"], Value::Null);
    s.ask("msg.send", send).await.unwrap();
    assert_eq!(t.event("msg").await["d"]["body"], json!("слышно?"));
}

#[tokio::test]
async fn a_slow_room_says_how_long_to_wait() {
    let server = Server::start().await;
    let (teacher, student) = (
        server.sign_in("teacher").await,
        server.sign_in("student1").await,
    );
    let (mut s, theirs) = student.hello().await;
    let (room, _) = room_named(&theirs, ROOM);
    let path = format!("/rooms/{room}");
    for seconds in [1, 301] {
        let wrong = call(&teacher, Method::PATCH, &path, json!({"slow": seconds})).await;
        assert_eq!(wrong, StatusCode::BAD_REQUEST);
    }
    let slow = json!({"slow": 300});
    assert_eq!(
        call(&student, Method::PATCH, &path, slow.clone()).await,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        call(&teacher, Method::PATCH, &path, slow).await,
        StatusCode::NO_CONTENT
    );
    assert_eq!(s.event("u.room").await["d"]["room"]["slow"], json!(300));
    let send = |cid: &str| json!({"r": room, "cid": cid, "body": "быстро"});
    s.ask("msg.send", send("c1")).await.unwrap();
    s.write(&json!({"i": 900, "m": "msg.send", "p": send("c2")}).to_string())
        .await;
    let refused = s.reply_to(900).await["err"].clone();
    assert_eq!(
        (&refused["c"], &refused["tmp"]),
        (&json!("slow"), &json!(true))
    );
    let after = refused["after"].as_i64().unwrap();
    assert!((200_000..=300_000).contains(&after), "{after}");
    let again = s.ask("msg.send", send("c1")).await.unwrap();
    assert_eq!(again["dup"], json!(true), "what was stored is there");
    let (_, now) = room_named(&student.hello().await.1, ROOM);
    assert!(now["next"].is_string());
    let (mut t, _) = teacher.hello().await;
    for cid in ["c1", "c2"] {
        t.ask("msg.send", send(cid)).await.unwrap();
    }
}
