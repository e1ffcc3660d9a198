//! Messages to everybody in a room, as members see them come.

use protocol::limits::ALLS_PER_HOUR_MAX;
use serde_json::{Value, json};

use crate::harness::{ROOM, Server, room_named};

#[tokio::test]
async fn a_message_to_all_is_a_mention_wherever_people_look() {
    let server = Server::start().await;
    let (teacher, student, other) = (
        server.sign_in("teacher").await,
        server.sign_in("student1").await,
        server.sign_in("student2").await,
    );
    let (mut t, hello) = teacher.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let (mut s, _) = student.hello().await;
    let (mut o, _) = other.hello().await;
    // One does not look at the room.
    o.ask("focus", json!({"r": []})).await.unwrap();
    let call = |cid: u32| json!({"r": room, "cid": format!("c{cid}"), "body": "@все, завтра в девять", "all": true});
    let denied = s.ask("msg.send", call(0)).await;
    assert_eq!(denied, Err("forbidden".to_owned()));

    let no = t.ask("msg.send", call(1)).await.unwrap()["no"].clone();
    let event = s.event("msg").await;
    assert_eq!((&event["d"]["all"], &event["d"]["no"]), (&json!(true), &no));
    assert_eq!(event["d"]["men"], Value::Null, "one mark for all of them");
    let bump = o.event("bump").await;
    assert_eq!(bump["d"]["men"], json!([no]));
    let (_, hello) = other.hello().await;
    let summary = hello["rooms"].as_array().unwrap();
    let summary = summary.iter().find(|one| one["id"] == json!(room)).unwrap();
    assert_eq!(summary["men"], json!([no]));
    let found = student.get("/mentions").await.json();
    assert_eq!(found["hits"][0]["no"], no);
    assert_eq!(teacher.get("/mentions").await.json()["hits"], json!([]));

    for k in 2..=ALLS_PER_HOUR_MAX {
        t.ask("msg.send", call(k)).await.unwrap();
    }
    let late = t.ask("msg.send", call(99)).await;
    assert_eq!(late, Err("all_limit".to_owned()));
    let plain = json!({"r": room, "cid": "plain", "body": "@все"});
    t.ask("msg.send", plain).await.unwrap();
    let fwd = json!({"r": room, "cid": "f1", "body": "", "fwd": event["d"]["id"], "all": true});
    let passed_on = t.ask("msg.send", fwd).await;
    assert_eq!(passed_on, Err("bad_request".to_owned()));
}
