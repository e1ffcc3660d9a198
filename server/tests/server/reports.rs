//! Reports of messages, as the people concerned see them.

use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Person, ROOM, Server, room_named};

async fn post(person: &Person<'_>, path: &str, body: Value) -> StatusCode {
    let headers = [("content-type", "application/json")];
    let body = body.to_string().into_bytes();
    person.send(Method::POST, path, &headers, body).await.status
}

#[tokio::test]
async fn a_report_goes_to_the_staff_and_its_outcome_back_to_who_made_it() {
    let server = Server::start().await;
    let (admin, teacher) = (
        server.sign_in("admin").await,
        server.sign_in("teacher").await,
    );
    let (one, two) = (
        server.sign_in("student1").await,
        server.sign_in("student2").await,
    );
    let (mut t, hello) = teacher.hello().await;
    let (mut a, _) = admin.hello().await;
    let (mut s1, _) = one.hello().await;
    let (mut s2, theirs) = two.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    assert_eq!(hello["reports"], Value::Null, "nothing to tell is not told");
    let send = json!({"r": room, "cid": "c1", "body": "обидное"});
    let id = s2.ask("msg.send", send).await.unwrap()["id"].clone();
    let path = format!("/messages/{}/reports", id.as_str().unwrap());
    for wrong in [
        json!({"reason": "words"}),
        json!({"reason": "other", "words": "\0"}),
        json!({"reason": "nothing"}),
        json!({}),
    ] {
        assert_eq!(post(&one, &path, wrong).await, StatusCode::BAD_REQUEST);
    }
    let long = json!({"reason": "other", "words": "я".repeat(501)});
    assert_eq!(post(&one, &path, long).await, StatusCode::PAYLOAD_TOO_LARGE);
    let insult = json!({"reason": "insult", "words": "Обидно"});
    assert_eq!(
        post(&two, &path, insult.clone()).await,
        StatusCode::FORBIDDEN
    );
    for _ in 0..2 {
        assert_eq!(
            post(&one, &path, insult.clone()).await,
            StatusCode::NO_CONTENT
        );
    }
    t.event("u.reports").await;
    a.event("u.reports").await;
    let news = teacher.get("/reports/news").await.json();
    assert_eq!(news, json!({"open": 1}));
    assert_eq!(admin.hello().await.1["reports"], json!({"open": 1}));
    let reports = teacher.get("/reports").await.json();
    let report = reports["open"][0].clone();
    assert_eq!(report["about"]["id"], theirs["me"]["id"]);
    assert_eq!((&report["body"], &report["msg"]), (&json!("обидное"), &id));
    let path = format!("/reports/{}", report["id"].as_str().unwrap());
    for nobody in [&one, &two] {
        assert_eq!(nobody.get("/reports").await.status, StatusCode::FORBIDDEN);
        let place = nobody.get(&format!("{path}/place")).await;
        assert_eq!(place.status, StatusCode::FORBIDDEN);
        let decided = post(nobody, &path, json!({"decision": "deleted"})).await;
        assert_eq!(decided, StatusCode::FORBIDDEN);
        assert_eq!(nobody.get("/reports/news").await.json(), json!({}));
    }
    let place = teacher.get(&format!("{path}/place")).await.json();
    assert_eq!(place["messages"][1]["id"], id);

    let muted = json!({"decision": "muted", "minutes": 100_000});
    assert_eq!(post(&teacher, &path, muted).await, StatusCode::BAD_REQUEST);
    let deleted = json!({"decision": "deleted"});
    assert_eq!(
        post(&teacher, &path, deleted.clone()).await,
        StatusCode::NO_CONTENT
    );
    // They come by different ways, in either order.
    let (mut changed, mut is_told) = (Value::Null, false);
    while changed.is_null() || !is_told {
        let event = s1.any_event().await;
        match event["e"].as_str().unwrap() {
            "msg.changed" => changed = event,
            "u.reports" => is_told = true,
            _ => {}
        }
    }
    assert_eq!(changed["d"]["id"], id);
    assert_eq!(changed["d"]["body"], json!(""));
    assert_eq!(post(&admin, &path, deleted).await, StatusCode::CONFLICT);
    let told = one.hello().await.1["reports"].clone();
    assert_eq!(told["handled"][0]["decision"], json!("deleted"));
    assert_eq!(told["handled"][0]["r"], json!(room));
    assert_eq!(
        two.hello().await.1["reports"],
        Value::Null,
        "nothing to the author"
    );
    assert_eq!(
        post(&one, "/reports/seen", json!({})).await,
        StatusCode::NO_CONTENT
    );
    assert_eq!(one.get("/reports/news").await.json(), json!({}));
    assert_eq!(teacher.get("/reports/news").await.json(), json!({}));
    let unknown = post(&teacher, "/reports/none", json!({"decision": "nothing"})).await;
    assert_eq!(unknown, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_conversation_of_two_is_looked_at_by_administrators_alone() {
    let server = Server::start().await;
    let (admin, teacher) = (
        server.sign_in("admin").await,
        server.sign_in("teacher").await,
    );
    let student = server.sign_in("student1").await;
    let (mut s, theirs) = student.hello().await;
    let me = theirs["me"]["id"].clone();
    let headers = [("content-type", "application/json")];
    let body = json!({"u": me}).to_string().into_bytes();
    let made = teacher.send(Method::POST, "/direct", &headers, body).await;
    let room = made.json()["id"].clone();
    s.event("u.room").await;
    let send = json!({"r": room, "cid": "c1", "body": "лично обидное"});
    let id = s.ask("msg.send", send).await.unwrap()["id"].clone();
    let path = format!("/messages/{}/reports", id.as_str().unwrap());
    let stranger = server.sign_in("student2").await;
    let insult = json!({"reason": "insult"});
    assert_eq!(
        post(&stranger, &path, insult.clone()).await,
        StatusCode::NOT_FOUND
    );
    assert_eq!(post(&teacher, &path, insult).await, StatusCode::NO_CONTENT);
    assert_eq!(teacher.get("/reports").await.json()["open"], json!([]));
    let reports = admin.get("/reports").await.json();
    let report = &reports["open"][0];
    assert_eq!(report["room"]["kind"], json!("direct"));
    let path = format!("/reports/{}", report["id"].as_str().unwrap());
    let refused = post(&teacher, &path, json!({"decision": "nothing"})).await;
    assert_eq!(refused, StatusCode::NOT_FOUND);
    let place = admin.get(&format!("{path}/place")).await.json();
    assert_eq!(place["messages"][0]["body"], json!("лично обидное"));
    let muted = json!({"decision": "muted", "minutes": 15});
    assert_eq!(post(&admin, &path, muted).await, StatusCode::NO_CONTENT);
    let send = json!({"r": room, "cid": "c2", "body": "ещё"});
    assert_eq!(s.ask("msg.send", send).await, Err("muted".to_owned()));
    let log = admin.get("/audit").await.json();
    let acts: Vec<_> = log["entries"].as_array().unwrap().iter().collect();
    let acts: Vec<_> = acts
        .iter()
        .map(|entry| entry["act"].as_str().unwrap())
        .collect();
    // The demo's own come before.
    assert_eq!(
        acts[..5],
        [
            "report_decided",
            "person_muted",
            "place_read",
            "message_reported",
            "room_made"
        ]
    );
}
