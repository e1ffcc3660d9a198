//! Threads, as members see them come.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::harness::{ROOM, Server, room_named};

#[tokio::test]
async fn an_answer_tells_its_thread_and_the_thread_is_read_over_http() {
    let server = Server::start().await;
    let (teacher, student) = (
        server.sign_in("teacher").await,
        server.sign_in("student1").await,
    );
    let (mut t, hello) = teacher.hello().await;
    let (mut s, _) = student.hello().await;
    let (room, before) = room_named(&hello, ROOM);
    let unread = before["no"].as_i64().unwrap();
    let send = |cid: &str, re: &Value| json!({"r": room, "cid": cid, "body": cid, "re": re});
    let root = json!({"r": room, "cid": "c0", "body": "Вопрос"});
    let root = t.ask("msg.send", root).await.unwrap()["id"].clone();
    s.event("msg").await;
    let one = s.ask("msg.send", send("c1", &root)).await.unwrap()["id"].clone();
    assert_eq!(t.event("msg").await["d"]["id"], root);
    let event = t.event("msg").await;
    assert_eq!((&event["d"]["root"], &event["d"]["re"]), (&root, &root));
    t.ask("msg.send", send("c2", &one)).await.unwrap();
    s.event("msg").await;
    let event = s.event("msg").await;
    assert_eq!((&event["d"]["root"], &event["d"]["re"]), (&root, &one));

    let (root, one) = (root.as_str().unwrap(), one.as_str().unwrap());
    for id in [root, one] {
        let page = student.get(&format!("/messages/{id}/thread")).await.json();
        let events = page["events"].as_array().unwrap();
        let bodies: Vec<&Value> = events.iter().map(|event| &event["d"]["body"]).collect();
        assert_eq!(bodies, ["Вопрос", "c1", "c2"]);
        assert_eq!(events[0]["d"]["thread"]["n"], 2);
        assert_eq!(page["more"], false);
    }
    // They are messages of the room as any other.
    let (_, hello) = student.hello().await;
    assert_eq!(room_named(&hello, ROOM).1["no"], json!(unread + 3));
    assert_eq!(room_named(&hello, ROOM).1["last"]["root"], Value::Null);

    let bad = student
        .get(&format!("/messages/{root}/thread?before=x"))
        .await;
    assert_eq!(bad.status, StatusCode::BAD_REQUEST);
}
