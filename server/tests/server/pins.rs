//! Pinned messages, as members see them come.

use serde_json::json;

use crate::harness::{ROOM, Server, room_named};

#[tokio::test]
async fn a_pin_comes_to_everybody_and_the_list_has_it() {
    let server = Server::start().await;
    let (teacher, student) = (
        server.sign_in("teacher").await,
        server.sign_in("student1").await,
    );
    let (mut t, hello) = teacher.hello().await;
    let (mut s, _) = student.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let send = json!({"r": room, "cid": "c1", "body": "Расписание: среда, 16:00"});
    let sent = t.ask("msg.send", send).await.unwrap();
    let (id, seq) = (&sent["id"], sent["s"].as_i64().unwrap());
    let pin = |on: bool| json!({"id": id, "on": on});
    let refused = s.ask("msg.pin", pin(true)).await;
    assert_eq!(refused, Err("forbidden".to_owned()));
    for on in [true, true, false, true] {
        t.ask("msg.pin", pin(on)).await.unwrap();
    }
    for socket in [&mut t, &mut s] {
        for (k, on) in (1..).zip([true, false, true]) {
            let event = socket.event("msg.pinned").await;
            assert_eq!(
                (&event["s"], &event["d"]["id"], &event["d"]["on"]),
                (&json!(seq + k), id, &json!(on))
            );
        }
    }
    let pins = student.get(&format!("/rooms/{room}/pins")).await.json();
    assert_eq!(pins["hits"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&pins["hits"][0]["id"], &pins["hits"][0]["s"]),
        (id, &json!(seq))
    );
}
