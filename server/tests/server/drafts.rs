//! Texts that were begun, on several devices of one person.

use protocol::limits::BODY_BYTES_MAX;
use serde_json::{Value, json};

use crate::harness::{ROOM, Server, room_named};

#[tokio::test]
async fn what_was_begun_comes_to_ones_other_devices_and_to_nobody_else() {
    let server = Server::start().await;
    let (teacher, student) = (
        server.sign_in("teacher").await,
        server.sign_in("student1").await,
    );
    let (mut t, hello) = teacher.hello().await;
    let (mut phone, _) = student.hello().await;
    let (mut tablet, _) = student.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let anna = &hello["me"]["id"];
    let begun = |body: &str| json!({"r": room, "body": body, "men": [anna]});
    let kept = phone.ask("draft.set", begun("секрет")).await.unwrap();
    assert_eq!(kept, json!({"v": 1}));
    let told = tablet.event("u.draft").await;
    let draft = json!({"v": 1, "body": "секрет", "men": [anna]});
    assert_eq!(told["d"], json!({"r": room, "draft": draft}));
    let (_, after) = student.hello().await;
    assert_eq!(room_named(&after, ROOM).1["draft"], draft);
    let (_, others) = teacher.hello().await;
    assert_eq!(room_named(&others, ROOM).1["draft"], Value::Null);

    // Both write: whoever came last to the server counts, for both.
    assert_eq!(
        tablet.ask("draft.set", begun("другое")).await.unwrap(),
        json!({"v": 2})
    );
    assert_eq!(phone.event("u.draft").await["d"]["draft"]["body"], "другое");
    assert_eq!(
        phone.ask("draft.set", begun(" \n")).await.unwrap(),
        json!({"v": 3})
    );
    assert_eq!(tablet.event("u.draft").await["d"]["draft"]["body"], "");
    let (_, after) = student.hello().await;
    assert_eq!(room_named(&after, ROOM).1["draft"], Value::Null);

    let long = "x".repeat(BODY_BYTES_MAX + 1);
    let refused = phone.ask("draft.set", begun(&long)).await;
    assert_eq!(refused, Err("too_large".to_owned()));
    let zero = phone.ask("draft.set", begun("\0")).await;
    assert_eq!(zero, Err("bad_request".to_owned()));
    let elsewhere = json!({"r": "none", "body": "я"});
    let refused = phone.ask("draft.set", elsewhere).await;
    assert_eq!(refused, Err("forbidden".to_owned()));
    // The teacher heard nothing of all that: the next that comes is this.
    let send = json!({"r": room, "cid": "c1", "body": "секрет"});
    phone.ask("msg.send", send).await.unwrap();
    loop {
        let event = t.any_event().await;
        assert_ne!(event["e"], "u.draft");
        if event["e"] == "msg" {
            break;
        }
    }
}
