//! Messages that are sent later, over a restart and through changes of rights.

use hyper::Method;
use serde_json::{Value, json};

use crate::harness::{ROOM, Server, room_named};

const FAR: &str = "2027-01-01T06:00:00Z";
const PAST: &str = "2020-01-01T00:00:00Z";

#[tokio::test]
async fn one_that_waits_is_changed_sent_now_and_taken_back() {
    let server = Server::start().await;
    let (teacher, student) = (
        server.sign_in("teacher").await,
        server.sign_in("student1").await,
    );
    let (mut t, hello) = teacher.hello().await;
    let (mut s, _) = student.hello().await;
    let (mut phone, _) = teacher.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let later =
        |cid: &str, at: &str, body: &str| json!({"r": room, "cid": cid, "at": at, "body": body});
    t.ask("later.set", later("c1", FAR, "с новым годом"))
        .await
        .unwrap();
    assert_eq!(
        phone.event("u.later").await["d"],
        json!({"r": room, "n": 1})
    );
    t.ask("later.set", later("c1", FAR, "С Новым годом!"))
        .await
        .unwrap();
    t.ask("later.set", later("c2", FAR, "лишнее"))
        .await
        .unwrap();
    let path = format!("/rooms/{room}/later");
    let list = teacher.get(&path).await.json();
    let bodies: Vec<&Value> = list["later"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["body"])
        .collect();
    assert_eq!(bodies, ["С Новым годом!", "лишнее"]);
    assert_eq!(
        student.get(&path).await.json(),
        json!({"later": []}),
        "nobody else's"
    );
    t.ask("later.delete", json!({"cid": "c2"})).await.unwrap();
    t.ask("later.now", json!({"cid": "c1"})).await.unwrap();
    let message = s.event("msg").await;
    assert_eq!(
        (&message["d"]["body"], &message["d"]["cid"]),
        (&json!("С Новым годом!"), &json!("c1"))
    );
    // What is past is sent at once; and once.
    t.ask("later.set", later("c3", PAST, "уже пора"))
        .await
        .unwrap();
    assert_eq!(s.event("msg").await["d"]["body"], "уже пора");
    let again = t.ask("later.set", later("c3", PAST, "уже пора")).await;
    assert_eq!(again, Err("sent".to_owned()));
    for (at, body, code) in [
        ("завтра", "х", "bad_request"),
        ("2999-01-01T00:00:00Z", "х", "bad_request"),
        (FAR, " ", "empty"),
    ] {
        assert_eq!(
            t.ask("later.set", later("c4", at, body)).await,
            Err(code.to_owned()),
            "{at}"
        );
    }
    assert_eq!(
        s.ask("later.now", json!({"cid": "c1"})).await,
        Err("not_found".to_owned())
    );
}

#[tokio::test]
async fn what_became_due_while_the_server_was_down_is_sent_once_and_rights_are_those_of_then() {
    let server = Server::start().await;
    let teacher = server.sign_in("teacher").await;
    let (mut t, hello) = teacher.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let headers = [("content-type", "application/json")];
    let new =
        json!({"cid": "w", "name": "Скоро в архив", "kind": "group", "people": []}).to_string();
    let made = teacher
        .send(Method::POST, "/rooms", &headers, new.into_bytes())
        .await
        .json();
    let closing = made["id"].clone();
    let soon = jiff::Timestamp::now().as_millisecond() + 1_500;
    let soon = jiff::Timestamp::from_millisecond(soon).unwrap().to_string();
    let set = json!({"r": room, "cid": "c1", "at": soon, "body": "после перерыва"});
    t.ask("later.set", set).await.unwrap();
    let set = json!({"r": closing, "cid": "c2", "at": FAR, "body": "не успеет"});
    t.ask("later.set", set).await.unwrap();
    let archive = json!({"archived": true}).to_string();
    let path = format!("/rooms/{}", closing.as_str().unwrap());
    assert!(
        teacher
            .send(Method::PATCH, &path, &headers, archive.into_bytes())
            .await
            .status
            .is_success()
    );
    drop(t);
    let server = server.restart().await;
    let (teacher, student) = (
        server.sign_in("teacher").await,
        server.sign_in("student1").await,
    );
    let (mut t, _) = teacher.hello().await;
    // Whether it was sent before this or after: it is there, and once.
    let events = format!("/rooms/{room}/events");
    let mut sent = 0;
    while sent == 0 {
        let page = student.get(&events).await.json();
        let all = page["events"].as_array().unwrap();
        sent = all
            .iter()
            .filter(|event| event["d"]["body"] == "после перерыва")
            .count();
        tokio::task::yield_now().await;
    }
    assert_eq!(sent, 1);
    t.ask("later.now", json!({"cid": "c2"})).await.unwrap();
    let told = loop {
        let event = t.event("u.later").await;
        if event["d"].get("refused").is_some() {
            break event;
        }
    };
    assert_eq!(
        told["d"],
        json!({"r": closing, "n": 1, "refused": "archived"})
    );
    let list = teacher.get(&format!("{path}/later")).await.json();
    assert_eq!(list["later"][0]["refused"], "archived");
}

#[tokio::test]
async fn one_that_asks_to_be_acknowledged_asks_when_it_is_sent_and_never_by_a_time_before() {
    let server = Server::start().await;
    let (teacher, student) = (
        server.sign_in("teacher").await,
        server.sign_in("student1").await,
    );
    let (mut t, hello) = teacher.hello().await;
    let (mut s, _) = student.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let set = |at: &str, due: &str| json!({"r": room, "cid": "c1", "at": at, "body": "Собрание", "ack": true, "due": due});
    let (before, after) = ("2026-12-31T00:00:00Z", "2027-01-02T00:00:00.000Z");
    for (asks, code) in [
        (set(FAR, before), "due_over"),
        (set(FAR, FAR), "due_over"),
        (set(PAST, PAST), "due_over"),
        (set(FAR, "2029-01-01T00:00:00Z"), "bad_request"),
        (set(FAR, "скоро"), "bad_request"),
        (
            json!({"r": room, "cid": "c1", "at": FAR, "body": "Собрание", "due": after}),
            "bad_request",
        ),
    ] {
        let refused = t.ask("later.set", asks.clone()).await;
        assert_eq!(refused, Err(code.to_owned()), "{asks}");
    }
    let refused = s.ask("later.set", set(FAR, after)).await;
    assert_eq!(refused, Err("forbidden".to_owned()));
    t.ask("later.set", set(FAR, after)).await.unwrap();
    let list = teacher.get(&format!("/rooms/{room}/later")).await.json();
    let one = &list["later"][0];
    assert_eq!((&one["ack"], &one["due"]), (&json!(true), &json!(after)));
    t.ask("later.now", json!({"cid": "c1"})).await.unwrap();
    let message = s.event("msg").await;
    assert_eq!(message["d"]["due"], after);
    assert_eq!(message["d"]["ack"]["done"], 0);
}
