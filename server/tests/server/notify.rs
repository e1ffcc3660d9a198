//! What a person wants to be told of, as their devices learn it.

use serde_json::{Value, json};

use crate::harness::{ROOM, Server, room_named};

#[tokio::test]
async fn what_one_device_sets_all_devices_know_at_once_and_after_a_restart() {
    let server = Server::start().await;
    let student = server.sign_in("student1").await;
    let (mut phone, hello) = student.hello().await;
    let (mut tablet, _) = student.hello().await;
    let (mut other, _) = server.sign_in("student2").await.hello().await;
    assert_eq!(hello["notify"], Value::Null);
    let (room, _) = room_named(&hello, ROOM);
    let wish = json!({"r": room, "level": "all", "mute": {"minutes": 60}});
    phone.ask("notify.room", wish).await.unwrap();
    for device in [&mut phone, &mut tablet] {
        let told = device.event("u.notify").await["d"].clone();
        assert_eq!(
            (&told["v"], &told["rooms"][room.as_str()]["level"]),
            (&json!(1), &json!("all"))
        );
        let until = told["rooms"][room.as_str()]["mute"]["until"].as_str();
        let until: jiff::Timestamp = until.unwrap().parse().unwrap();
        let srv: jiff::Timestamp = hello["srv"].as_str().unwrap().parse().unwrap();
        let minutes = until.duration_since(srv).as_secs() / 60;
        assert!((59..=61).contains(&minutes), "{minutes}");
    }
    let hours = json!({"from": 1320, "to": 420, "zone": "Asia/Yekaterinburg"});
    let wish = json!({ "hours": hours });
    tablet.ask("notify.hours", wish).await.unwrap();
    let wish = json!({"pause": {}});
    tablet.ask("notify.pause", wish).await.unwrap();
    assert_eq!(phone.event("u.notify").await["d"]["hours"], hours);
    let told = phone.event("u.notify").await["d"].clone();
    assert_eq!((&told["v"], &told["pause"]), (&json!(3), &json!({})));

    // Nobody else is told: what comes next for them is something else.
    let typing = json!({ "r": room });
    phone.ask("typing", typing).await.unwrap();
    let before = other.events_until("typing").await;
    assert!(before.iter().all(|event| event["e"] != "u.notify"));

    let cookie = student.cookie.clone();
    let server = server.restart().await;
    let again = crate::harness::Person {
        door: server.door(),
        cookie,
    };
    assert_eq!(again.hello().await.1["notify"], told);
}

#[tokio::test]
async fn wishes_that_make_no_sense_are_refused_and_change_nothing() {
    let server = Server::start().await;
    let (teacher, student) = (
        server.sign_in("teacher").await,
        server.sign_in("student1").await,
    );
    let (mut s, hello) = student.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    for (method, params) in [
        ("notify.room", json!({"r": room, "level": "loud"})),
        (
            "notify.room",
            json!({"r": room, "level": "all", "mute": {"minutes": 0}}),
        ),
        (
            "notify.room",
            json!({"r": room, "level": "all", "mute": {"minutes": 44_641}}),
        ),
        ("notify.pause", json!({"pause": {"minutes": 44_641}})),
        (
            "notify.hours",
            json!({"hours": {"from": 60, "to": 60, "zone": "Europe/Moscow"}}),
        ),
        (
            "notify.hours",
            json!({"hours": {"from": 60, "to": 90, "zone": "../Moscow"}}),
        ),
    ] {
        let refused = s.ask(method, params.clone()).await;
        assert_eq!(refused, Err("bad_request".to_owned()), "{params}");
    }
    let body = json!({"cid": "c-own", "name": "Педсовет", "kind": "group", "people": []});
    let made = teacher
        .send(
            hyper::Method::POST,
            "/rooms",
            &[("content-type", "application/json")],
            body.to_string().into_bytes(),
        )
        .await
        .json();
    let foreign = json!({"r": made["id"], "level": "nothing"});
    let refused = s.ask("notify.room", foreign).await;
    assert_eq!(refused, Err("forbidden".to_owned()));
    assert_eq!(student.hello().await.1["notify"], Value::Null);
}
