//! Rules of words and links, over the real protocol.

use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Person, ROOM, Server, room_named};

async fn set(person: &Person<'_>, body: Value) -> StatusCode {
    let headers = [("content-type", "application/json")];
    let body = body.to_string().into_bytes();
    person
        .send(Method::POST, "/rules", &headers, body)
        .await
        .status
}

fn rules() -> Value {
    json!({
        "words": [" дурак ", "дурак", ""], "on_words": "refuse", "links": "none", "hosts": ["https://Rutube.ru/x"],
        "on_links": "report", "text": "Так не пишут."
    })
}

#[tokio::test]
async fn messages_are_judged_by_the_rules_of_the_administrators() {
    let server = Server::start().await;
    let (admin, teacher) = (
        server.sign_in("admin").await,
        server.sign_in("teacher").await,
    );
    let student = server.sign_in("student1").await;
    for nobody in [&teacher, &student] {
        assert_eq!(nobody.get("/rules").await.status, StatusCode::FORBIDDEN);
        assert_eq!(set(nobody, rules()).await, StatusCode::FORBIDDEN);
    }
    for (field, value, status) in [
        ("links", json!("some"), StatusCode::BAD_REQUEST),
        ("hosts", json!(["не адрес!"]), StatusCode::BAD_REQUEST),
        ("text", json!("\0"), StatusCode::BAD_REQUEST),
        (
            "text",
            json!("я".repeat(501)),
            StatusCode::PAYLOAD_TOO_LARGE,
        ),
        (
            "words",
            json!(["я".repeat(101)]),
            StatusCode::PAYLOAD_TOO_LARGE,
        ),
    ] {
        let mut wrong = rules();
        wrong[field] = value;
        assert_eq!(set(&admin, wrong).await, status, "{field}");
    }
    assert_eq!(set(&admin, rules()).await, StatusCode::NO_CONTENT);
    let kept = admin.get("/rules").await.json();
    assert_eq!(kept["words"], json!(["дурак"]));
    assert_eq!(
        student.get("/rules/text").await.json(),
        json!({"text": "Так не пишут."})
    );

    let (mut s, hello) = student.hello().await;
    let (mut t, _) = teacher.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let send = |cid: &str, body: &str| json!({"r": room, "cid": cid, "body": body});
    let refused = s.ask("msg.send", send("c1", "Ну дураки")).await;
    assert_eq!(refused, Err("bad_words".to_owned()));
    let id = s.ask("msg.send", send("c2", "Ну ладно")).await.unwrap()["id"].clone();
    let edit = s.ask("msg.edit", json!({"id": id, "body": "дурак"})).await;
    assert_eq!(edit, Err("bad_words".to_owned()));
    t.ask("msg.send", send("c1", "Слово «дурак» мы не пишем"))
        .await
        .unwrap();

    s.ask("msg.edit", json!({"id": id, "body": "см. evil.com"}))
        .await
        .unwrap();
    t.event("u.reports").await;
    s.ask("msg.send", send("c3", "и t.me/x")).await.unwrap();
    t.event("u.reports").await;
    let reports = teacher.get("/reports").await.json();
    let open = reports["open"].as_array().unwrap();
    let told: Vec<_> = open
        .iter()
        .map(|one| (&one["body"], &one["reason"], &one["by"]))
        .collect();
    let links = json!("links");
    assert_eq!(
        told,
        [
            (&json!("см. evil.com"), &links, &Value::Null),
            (&json!("и t.me/x"), &links, &Value::Null)
        ]
    );
}
