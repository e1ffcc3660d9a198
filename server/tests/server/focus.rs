use serde_json::json;

use crate::harness::{ROOM, Server, room_named};

#[tokio::test]
async fn a_room_out_of_focus_bumps_and_is_caught_up_when_it_is_opened() {
    let server = Server::start().await;
    let (teacher, student) = (
        server.sign_in("teacher").await,
        server.sign_in("student1").await,
    );
    let (mut a, hello) = teacher.hello().await;
    let (room, known) = room_named(&hello, ROOM);
    let position = json!({ room.as_str(): [known["epoch"], known["seq"]] });
    let seq = known["seq"].as_i64().unwrap();
    let mut b = student.connect().await;
    let hello = json!({"v": 1, "dev": "device", "app": "test", "pos": position, "focus": []});
    b.ask("hello", hello).await.unwrap();
    b.event("ready").await;

    let long = "ё".repeat(1_000);
    for k in 1..=3 {
        let send = json!({"r": room, "cid": format!("c{k}"), "body": format!("{k}{long}")});
        a.ask("msg.send", send).await.unwrap();
    }
    let first = b.event("bump").await;
    assert_eq!(
        (first["s"].as_i64(), first["r"].as_str()),
        (Some(seq + 1), Some(room.as_str()))
    );
    assert_eq!(
        first["d"]["last"]["body"].as_str().unwrap().chars().count(),
        160
    );
    let second = b.event("bump").await;
    assert_eq!(second["s"], seq + 3, "the rest at once");
    assert!(
        second["d"]["last"]["body"]
            .as_str()
            .unwrap()
            .starts_with('3')
    );
    let call = a.ask("call.start", json!({"r": room})).await.unwrap()["call"].clone();
    assert_eq!(b.event("bump").await["d"]["started"], call);

    b.ask("focus", json!({"r": [room], "pos": position}))
        .await
        .unwrap();
    for s in seq + 1..=seq + 3 {
        assert_eq!(b.event("msg").await["s"], s);
    }
    assert_eq!(b.event("call.started").await["s"], seq + 4);
    a.ask("msg.send", json!({"r": room, "cid": "c5", "body": "5"}))
        .await
        .unwrap();
    assert_eq!(b.event("msg").await["s"], seq + 5, "and live from there");

    b.ask("focus", json!({"r": []})).await.unwrap();
    a.ask("msg.send", json!({"r": room, "cid": "c6", "body": "6"}))
        .await
        .unwrap();
    assert_eq!(b.event("bump").await["s"], seq + 6);
}

#[tokio::test]
async fn focus_is_for_ones_own_rooms_and_few() {
    let server = Server::start().await;
    let (teacher, student) = (
        server.sign_in("teacher").await,
        server.sign_in("student1").await,
    );
    let (_, hello) = teacher.hello().await;
    let (staff_room, _) = room_named(&hello, "Учительская");
    let (mut b, hello) = student.hello().await;
    let foreign = b.ask("focus", json!({"r": [staff_room]})).await;
    assert_eq!(foreign.unwrap_err(), "forbidden");
    let (room, _) = room_named(&hello, ROOM);
    let many = b.ask("focus", json!({"r": vec![room; 9]})).await;
    assert_eq!(many.unwrap_err(), "too_large");
}

#[tokio::test]
async fn who_sends_too_fast_is_told_to_wait() {
    let server = Server::start().await;
    let teacher = server.sign_in("teacher").await;
    let (mut a, hello) = teacher.hello().await;
    let (mut other, _) = teacher.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let mut refused = 0;
    for k in 0..24 {
        // Over all connections of a person together.
        let socket = if k % 2 == 0 { &mut a } else { &mut other };
        let send = json!({"r": room, "cid": format!("c{k}"), "body": "x"});
        match socket.ask("msg.send", send).await {
            Ok(_) => {}
            Err(code) => {
                assert_eq!(code, "rate_limited");
                refused += 1;
            }
        }
    }
    assert!(refused > 0);
}
