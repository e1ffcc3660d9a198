//! Rules about how long a room keeps its messages, and what open pages see of them.

use hyper::{Method, StatusCode};
use protocol::command::MsgSend;
use protocol::{ClientId, RoomId, UserId};
use serde_json::{Value, json};
use server::store::{DAY_MS, NewMessage, Store};
use server::time::now_ms;
use sqlx::Connection;

use crate::harness::{Person, ROOM, Server, room_named};

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

async fn server(grace_hours: u32) -> Server {
    let folder = tempfile::tempdir().unwrap();
    Server::start_as(folder, true, |config| {
        config.retention_grace_hours = grace_hours
    })
    .await
}

/// Writes as if it had been so many days ago.
async fn write_long_ago(server: &Server, room: &RoomId, by: &Value, days: i64, att: Vec<Value>) {
    let store = Store::open_sqlite(&server.data().join("parta.db"))
        .await
        .unwrap();
    let send = MsgSend {
        r: room.clone(),
        cid: ClientId::parse(format!("old-{room}")).unwrap(),
        body: "давно".to_owned(),
        re: None,
        att: att
            .into_iter()
            .map(|id| serde_json::from_value(id).unwrap())
            .collect(),
        men: Vec::new(),
        poll: None,
        fwd: None,
        ack: false,
        due: None,
        all: false,
        noticed: false,
    };
    let by: UserId = serde_json::from_value(by.clone()).unwrap();
    let new = NewMessage {
        by: &by,
        send: &send,
    };
    store
        .add_message(new, now_ms() - days * DAY_MS)
        .await
        .unwrap();
    store.close().await;
}

async fn change(person: &Person<'_>, room: &RoomId, body: Value) -> StatusCode {
    let path = format!("/rooms/{room}/retention");
    person
        .send(Method::PATCH, &path, &JSON, body.to_string().into())
        .await
        .status
}

/// A room whose first message is old, with a file on it.
async fn old_room(server: &Server, teacher: &Person<'_>) -> (RoomId, String) {
    let with = json!({"cid": "r1", "name": "Прошлый год", "kind": "group", "people": []});
    let made = teacher
        .send(Method::POST, "/rooms", &JSON, with.to_string().into())
        .await
        .json();
    let room = RoomId::parse(made["id"].as_str().unwrap()).unwrap();
    let (socket, hello) = teacher.hello().await;
    drop(socket);
    let named = [("x-file-name", "old.txt")];
    let path = format!("/rooms/{room}/files");
    let file = teacher
        .send(Method::POST, &path, &named, b"old bytes".to_vec())
        .await
        .json();
    write_long_ago(
        server,
        &room,
        &hello["me"]["id"],
        40,
        vec![file["id"].clone()],
    )
    .await;
    (room, file["id"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn an_open_page_sees_messages_go_and_their_files_are_gone_from_the_disk() {
    let server = server(0).await;
    let (teacher, admin) = (
        server.sign_in("teacher").await,
        server.sign_in("admin").await,
    );
    let (room, file) = old_room(&server, &teacher).await;
    let (mut t, _) = teacher.hello().await;
    t.ask(
        "msg.send",
        json!({"r": room, "cid": "new", "body": "сегодня"}),
    )
    .await
    .unwrap();
    let path = format!("/rooms/{room}/retention");
    let known = teacher.get(&format!("{path}?days=30")).await.json();
    assert_eq!(
        (&known["takes"]["messages"], &known["takes"]["files"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(
        (&known["default"], &known["expired"], &known["days"]),
        (&json!(0), &json!(0), &Value::Null)
    );
    assert!(server.data().join("files").join(&file).exists());

    assert_eq!(
        change(&teacher, &room, json!({"keep": {"days": 30}})).await,
        StatusCode::NO_CONTENT
    );
    let event = t.event("msg.expired").await;
    assert_eq!((&event["s"], &event["d"]["no"]), (&json!(3), &json!(1)));
    // The entry of what hung on no message comes after the bytes went; here there is none, so the address is asked.
    let answer = teacher.get(&format!("/files/{file}")).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    let page = teacher.get(&format!("/rooms/{room}/events")).await.json();
    let events = page["events"].as_array().unwrap();
    assert_eq!(
        (&events[0]["d"]["body"], &events[0]["d"]["att"]),
        (&json!(""), &Value::Null)
    );
    assert!(
        events[0]["d"]["deleted"]["at"].is_string() && events[0]["d"]["deleted"]["by"].is_null()
    );
    assert_eq!(events[1]["d"]["body"], "сегодня");
    let hello = teacher.hello().await.1;
    assert_eq!(room_named(&hello, "Прошлый год").1["expired"], 1);

    let log = admin.get("/retention/log").await.json();
    let entry = &log["entries"][0];
    assert_eq!(
        (&entry["kind"], &entry["messages"], &entry["days"]),
        (&json!("deleted"), &json!(1), &json!(30))
    );
    assert_eq!(entry["file_ids"], json!([file]));
    assert!(!log.to_string().contains("давно"));
    let folder = server.stop().await;
    assert!(!folder.path().join("files").join(&file).exists());
}

#[tokio::test]
async fn a_rule_waits_and_a_hold_stops_it() {
    let server = server(24).await;
    let (teacher, admin) = (
        server.sign_in("teacher").await,
        server.sign_in("admin").await,
    );
    let (room, _) = old_room(&server, &teacher).await;
    let path = format!("/rooms/{room}/retention");
    assert_eq!(
        change(&teacher, &room, json!({"keep": {"days": 30}})).await,
        StatusCode::NO_CONTENT
    );
    let known = teacher.get(&path).await.json();
    let from: jiff::Timestamp = known["from"].as_str().unwrap().parse().unwrap();
    assert!(
        from.as_millisecond() > now_ms() + 23 * DAY_MS / 24,
        "{known}"
    );
    assert_eq!(
        change(&teacher, &room, json!({"hold": true})).await,
        StatusCode::FORBIDDEN
    );
    // The administrator is no member of this room.
    assert_eq!(
        change(&admin, &room, json!({"hold": true})).await,
        StatusCode::NO_CONTENT
    );
    let known = teacher.get(&path).await.json();
    assert!(known["held"]["by"].is_string());
    let folder = server.stop().await;
    // Long after, without the time in which one can change one's mind, and held.
    let server = Server::start_as(folder, true, |config| {
        config.retention_grace_hours = 0;
        config.retention_days = 10;
    })
    .await;
    let (teacher, admin) = (
        server.sign_in("teacher").await,
        server.sign_in("admin").await,
    );
    assert_eq!(
        change(&teacher, &room, json!({"keep": "default"})).await,
        StatusCode::NO_CONTENT
    );
    let (mut t, _) = teacher.hello().await;
    assert_eq!(teacher.get(&path).await.json()["expired"], 0);
    assert_eq!(
        change(&admin, &room, json!({"hold": false})).await,
        StatusCode::NO_CONTENT
    );
    assert_eq!(t.event("msg.expired").await["d"]["no"], 1);
}

#[tokio::test]
async fn a_room_in_which_nothing_can_be_deleted_holds_up_no_other() {
    let server = server(0).await;
    let teacher = server.sign_in("teacher").await;
    let me = teacher.hello().await.1["me"]["id"].clone();
    let mut rooms = Vec::new();
    for cid in ["r1", "r2"] {
        let with = json!({"cid": cid, "name": cid, "kind": "group", "people": []});
        let made = teacher
            .send(Method::POST, "/rooms", &JSON, with.to_string().into())
            .await;
        let room = RoomId::parse(made.json()["id"].as_str().unwrap()).unwrap();
        write_long_ago(&server, &room, &me, 40, Vec::new()).await;
        rooms.push(room);
    }
    // They have their turns in the order of their ids.
    rooms.sort();
    let folder = server.stop().await;
    let url = format!("sqlite://{}", folder.path().join("parta.db").display());
    let mut database = sqlx::SqliteConnection::connect(&url).await.unwrap();
    let broken = format!(
        "CREATE TRIGGER broken BEFORE UPDATE ON rooms WHEN old.id = '{}' AND new.expired_no <> old.expired_no
         BEGIN SELECT RAISE(ABORT, 'broken'); END",
        rooms[0]
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(broken))
        .execute(&mut database)
        .await
        .unwrap();
    database.close().await.unwrap();
    let server = Server::start_as(folder, true, |config| config.retention_days = 10).await;
    let teacher = server.sign_in("teacher").await;
    let (mut socket, hello) = teacher.hello().await;
    let expired = |room: &RoomId| {
        let all = hello["rooms"].as_array().unwrap().iter();
        let mut all = all.filter(|one| one["id"] == json!(room));
        all.next().unwrap()["expired"].clone()
    };
    // It may have happened before anybody was there to see it.
    if expired(&rooms[1]) != 1 {
        assert_eq!(socket.event("msg.expired").await["r"], json!(rooms[1]));
    }
    assert_ne!(expired(&rooms[0]), 1);
}

#[tokio::test]
async fn rules_are_set_by_those_who_manage_the_room() {
    let server = server(0).await;
    let (teacher, student) = (
        server.sign_in("teacher").await,
        server.sign_in("student1").await,
    );
    let (room, _) = room_named(&teacher.hello().await.1, ROOM);
    let never = RoomId::parse("never").unwrap();
    for person in [&teacher, &student] {
        assert_eq!(
            change(person, &never, json!({"keep": "ever"})).await,
            StatusCode::FORBIDDEN
        );
    }
    assert_eq!(
        change(&student, &room, json!({"keep": "ever"})).await,
        StatusCode::FORBIDDEN
    );
    for path in [
        format!("/rooms/{room}/retention"),
        format!("/rooms/{room}/retention/log"),
        "/retention/log".to_owned(),
    ] {
        assert_eq!(
            student.get(&path).await.status,
            StatusCode::FORBIDDEN,
            "{path}"
        );
    }
    assert_eq!(
        teacher.get("/retention/log").await.status,
        StatusCode::FORBIDDEN
    );
    let nowhere = format!("/rooms/{room}/retention/log?before=%00");
    assert_eq!(teacher.get(&nowhere).await.status, StatusCode::BAD_REQUEST);
    for bad in [
        json!({"keep": {"days": 0}}),
        json!({"keep": {"days": 36_501}}),
        json!({"keep": "never"}),
        json!({"keep": {"days": -1}}),
    ] {
        assert_eq!(
            change(&teacher, &room, bad.clone()).await,
            StatusCode::BAD_REQUEST,
            "{bad}"
        );
    }
    let path = format!("/rooms/{room}/retention?days=0");
    assert_eq!(teacher.get(&path).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(
        change(&teacher, &room, json!({"keep": "ever"})).await,
        StatusCode::NO_CONTENT
    );
    let log = teacher
        .get(&format!("/rooms/{room}/retention/log"))
        .await
        .json();
    assert_eq!(
        (&log["entries"][0]["kind"], &log["entries"][0]["days"]),
        (&json!("rule"), &json!(0))
    );
}
