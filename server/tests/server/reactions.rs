//! Emoji with which messages are answered, as members see them come.

use serde_json::{Value, json};

use crate::harness::{ROOM, Server, room_named};

fn react(id: &Value, emoji: &str, on: bool) -> Value {
    json!({"id": id, "emoji": emoji, "on": on})
}

#[tokio::test]
async fn a_reaction_comes_to_everybody_once_and_whoever_was_away_catches_up() {
    let server = Server::start().await;
    let (teacher, student) = (
        server.sign_in("teacher").await,
        server.sign_in("student1").await,
    );
    let (mut t, hello) = teacher.hello().await;
    let (mut s, theirs) = student.hello().await;
    let (room, known) = room_named(&hello, ROOM);
    let (_, before) = room_named(&theirs, ROOM);
    let send = json!({"r": room, "cid": "c1", "body": "Кто готов?"});
    let id = t.ask("msg.send", send).await.unwrap()["id"].clone();
    let message = s.event("msg").await;
    for wrong in ["", "+1", "👍👍", "спасибо", "<img>"] {
        let refused = s.ask("msg.react", react(&id, wrong, true)).await;
        assert_eq!(refused, Err("bad_request".to_owned()), "{wrong:?}");
    }
    // Without the variation selector, as some keyboards write it.
    for (emoji, on) in [("❤", true), ("❤️", true), ("👍🏽", true), ("❤️", false)] {
        s.ask("msg.react", react(&id, emoji, on)).await.unwrap();
    }
    let seq = message["s"].as_i64().unwrap();
    for (k, (emoji, on)) in (1..).zip([("❤️", true), ("👍🏽", true), ("❤️", false)]) {
        for socket in [&mut t, &mut s] {
            let event = socket.event("msg.reacted").await;
            let d = json!({"id": id, "by": theirs["me"]["id"], "emoji": emoji, "on": on});
            assert_eq!((&event["s"], &event["d"]), (&json!(seq + k), &d));
        }
    }

    let (_, now) = room_named(&student.hello().await.1, ROOM);
    assert_eq!(
        (&now["seq"], &now["no"]),
        (&json!(seq + 3), &message["d"]["no"])
    );
    assert_eq!(now["read_no"], before["read_no"], "nothing was read by it");
    assert_eq!(now["last"]["react"], Value::Null);

    let page = student.get(&format!("/rooms/{room}/events?limit=4")).await;
    let page = page.json();
    let of_message = json!([{"emoji": "👍🏽", "by": [theirs["me"]["id"]]}]);
    assert_eq!(page["events"][0]["d"]["react"], of_message);

    let mut back = teacher.connect().await;
    let pos = json!({ room.as_str(): [known["epoch"], seq + 1] });
    let hello = json!({"v": 1, "dev": "another", "app": "test", "pos": pos});
    back.ask("hello", hello).await.unwrap();
    for (s, on) in [(seq + 2, true), (seq + 3, false)] {
        let event = back.event("msg.reacted").await;
        assert_eq!((&event["s"], &event["d"]["on"]), (&json!(s), &json!(on)));
    }
}

#[tokio::test]
async fn a_room_out_of_focus_moves_on_by_reactions_and_shows_nothing_of_them() {
    let server = Server::start().await;
    let (teacher, student) = (
        server.sign_in("teacher").await,
        server.sign_in("student1").await,
    );
    let (mut t, hello) = teacher.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let send = json!({"r": room, "cid": "c1", "body": "Кто готов?"});
    let sent = t.ask("msg.send", send).await.unwrap();
    let mut s = student.connect().await;
    let hello = json!({"v": 1, "dev": "device", "app": "test", "focus": []});
    s.ask("hello", hello).await.unwrap();
    s.event("ready").await;
    t.ask("msg.react", react(&sent["id"], "👍", true))
        .await
        .unwrap();
    let bump = s.event("bump").await;
    let seq = sent["s"].as_i64().unwrap();
    assert_eq!((&bump["s"], &bump["d"]), (&json!(seq + 1), &json!({})));
}
