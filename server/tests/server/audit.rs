//! The log of who did what, over HTTP.

use hyper::StatusCode;
use serde_json::json;

use crate::harness::{ROOM, Server, room_named};

#[tokio::test]
async fn administrators_read_who_did_what_and_nobody_else_does() {
    let server = Server::start().await;
    let (admin, teacher, student) = (
        server.sign_in("admin").await,
        server.sign_in("teacher").await,
        server.sign_in("student1").await,
    );
    let (mut s, theirs) = student.hello().await;
    let (mut t, hello) = teacher.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let send = json!({"r": room, "cid": "c1", "body": "лишнее"});
    let id = s.ask("msg.send", send).await.unwrap()["id"].clone();
    t.ask("msg.delete", json!({"id": id})).await.unwrap();
    let path = format!("/messages/{}/versions", id.as_str().unwrap());
    assert_eq!(teacher.get(&path).await.status, StatusCode::OK);

    for (person, path) in [
        (&teacher, "/audit"),
        (&student, "/audit"),
        (&teacher, "/audit/rooms"),
    ] {
        assert_eq!(
            person.get(path).await.status,
            StatusCode::FORBIDDEN,
            "{path}"
        );
    }
    let log = admin.get("/audit").await.json();
    let entries = log["entries"].as_array().unwrap();
    let acts: Vec<_> = entries.iter().map(|entry| entry["act"].clone()).collect();
    // The demo's own come before.
    assert_eq!(acts[..2], ["versions_read", "message_deleted"]);
    assert_eq!(entries[1]["about"]["id"], theirs["me"]["id"]);
    assert_eq!(entries[1]["msg"], id);
    assert_eq!(entries[1]["room"]["name"], json!(ROOM));
    assert!(!log.to_string().contains("лишнее"));

    let me = theirs["me"]["id"].as_str().unwrap();
    let narrowed =
        format!("/audit?person={me}&act=message_deleted&room={room}&from=2020-01-01T00:00:00Z");
    let narrowed = admin.get(&narrowed).await.json();
    assert_eq!(narrowed["entries"], json!([entries[1]]));
    let past = admin.get("/audit?to=2020-01-01T00:00:00Z").await.json();
    assert_eq!(past, json!({"entries": []}));
    for wrong in [
        "act=nothing",
        "from=gestern",
        "person=a%20b",
        "else=1",
        "before=%00",
    ] {
        let refused = admin.get(&format!("/audit?{wrong}")).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
    let rooms = admin.get("/audit/rooms").await.json();
    assert!(rooms["rooms"].as_array().unwrap().len() >= 3);
}
