//! Records what one person sees: a snapshot, the events that follow, and the next snapshot. The web client's tests
//! replay it through its reducers. `UPDATE=1` writes the files anew.

use std::collections::HashMap;
use std::path::Path;

use hyper::Method;
use serde_json::{Value, json};

use crate::harness::{Person, ROOM, Server, Socket, room_named};

const OTHER_ROOM: &str = "3D-моделирование, поток 2";

/// A recording: who watches, and with how many rooms in focus.
struct Recorder {
    socket: Socket,
    before: Snapshot,
    events: Vec<Value>,
}

/// What `hello` tells, and how far the members of [`ROOM`] are.
struct Snapshot {
    hello: Value,
    marks: Value,
}

impl Snapshot {
    async fn take(person: &Person<'_>, socket: &mut Socket, device: &str) -> Self {
        let hello = json!({"v": 1, "dev": device, "app": "test"});
        let hello = socket.ask("hello", hello).await.unwrap();
        let (room, _) = room_named(&hello, ROOM);
        let marks = person.get(&format!("/rooms/{room}/readers")).await.json();
        let mut marks = marks["readers"].clone();
        // In the order of the people whom the snapshot names before.
        let people = hello["people"].as_array().unwrap().clone();
        let place = |one: &Value| people.iter().position(|person| person["id"] == one["u"]);
        marks.as_array_mut().unwrap().sort_by_key(place);
        Self { hello, marks }
    }
}

impl Recorder {
    async fn start(person: &Person<'_>, focus: Option<&[&str]>) -> Self {
        let mut socket = person.connect().await;
        let before = Snapshot::take(person, &mut socket, "device").await;
        socket.event("ready").await;
        if let Some(focus) = focus {
            let rooms: Vec<_> = focus
                .iter()
                .map(|name| room_named(&before.hello, name).0)
                .collect();
            socket.ask("focus", json!({"r": rooms})).await.unwrap();
        }
        Self {
            socket,
            before,
            events: Vec::new(),
        }
    }

    /// Takes everything up to an event of this kind.
    async fn hear(&mut self, kind: &str) {
        let event = loop {
            let event = self.socket.any_event().await;
            if event["e"] == kind {
                break event;
            }
            self.events.push(event);
        };
        self.events.push(event);
    }

    /// Takes an event of each of these two kinds, which may come in either order, in this one.
    async fn hear_both(&mut self, first: &str, second: &str) {
        let mut two = [self.socket.any_event().await, self.socket.any_event().await];
        if two[0]["e"] == second {
            two.reverse();
        }
        assert_eq!(
            (&two[0]["e"], &two[1]["e"]),
            (&json!(first), &json!(second))
        );
        self.events.extend(two);
    }

    async fn finish(self, name: &str, person: &Person<'_>) {
        let after = Snapshot::take(person, &mut person.connect().await, "another").await;
        let (room, _) = room_named(&after.hello, ROOM);
        let mut recording = json!({
            "before": self.before.hello,
            "room": room,
            "marks_before": self.before.marks,
            "events": self.events,
            "after": after.hello,
            "marks_after": after.marks,
        });
        Names::default().plain(&mut recording);
        let text = format!("{recording:#}\n");
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../protocol/fixtures-sync")
            .join(format!("{name}.json"));
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        let mut committed: Value = serde_json::from_str(&committed).unwrap_or_default();
        // Which names are the same is left to the client's tests: two things of one millisecond share their time.
        nameless(&mut committed);
        nameless(&mut recording);
        assert!(
            committed == recording,
            "{name} is not what the server says: run `make types`"
        );
    }
}

/// Names and times that differ from run to run become the same ones each time.
#[derive(Default)]
struct Names(HashMap<String, String>);

impl Names {
    fn plain(&mut self, value: &mut Value) {
        match value {
            Value::String(text) => {
                let is_time = text.len() == 24 && text.ends_with('Z');
                let is_id = uuid::Uuid::try_parse(text).is_ok();
                if !is_time && !is_id {
                    return;
                }
                let next = self.0.len() + 1;
                let name = self.0.entry(text.clone()).or_insert_with(|| {
                    if is_time {
                        format!("2026-11-25T09:{:02}:{:02}.000Z", next / 60, next % 60)
                    } else {
                        format!("id-{next}")
                    }
                });
                *text = name.clone();
            }
            Value::Array(values) => values.iter_mut().for_each(|value| self.plain(value)),
            Value::Object(fields) => {
                // Of the connection, not of what a person sees.
                if fields.contains_key("sid") {
                    fields.insert("sid".to_owned(), json!("1"));
                    fields.insert("srv".to_owned(), json!("2026-11-25T09:00:00.000Z"));
                }
                fields.values_mut().for_each(|value| self.plain(value));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

fn nameless(value: &mut Value) {
    match value {
        Value::String(text) if text.starts_with("id-") => "id".clone_into(text),
        Value::String(text) if text.starts_with("2026-11-25T") => "time".clone_into(text),
        Value::Array(values) => values.iter_mut().for_each(nameless),
        Value::Object(fields) => fields.values_mut().for_each(nameless),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[tokio::test]
async fn everything_in_focus() {
    let server = Server::start().await;
    let (teacher, student) = (
        server.sign_in("teacher").await,
        server.sign_in("student1").await,
    );
    let mut seen = Recorder::start(&student, None).await;
    let (mut a, hello) = teacher.hello().await;
    seen.hear("presence").await;
    let (room, _) = room_named(&hello, ROOM);
    let me = seen.before.hello["me"]["id"].clone();
    for k in 1..=2 {
        let send = json!({"r": room, "cid": format!("c{k}"), "body": format!("сообщение {k}"), "men": [me]});
        a.ask("msg.send", send).await.unwrap();
        seen.hear("msg").await;
    }
    let first = seen.events.last().unwrap()["d"]["id"].clone();
    a.ask("msg.edit", json!({"id": first, "body": "сообщение второе"}))
        .await
        .unwrap();
    seen.hear("msg.changed").await;
    let react = |emoji: &str, on: bool| json!({"id": first, "emoji": emoji, "on": on});
    for (emoji, on) in [("👍", true), ("🔥", true), ("👍", false)] {
        a.ask("msg.react", react(emoji, on)).await.unwrap();
        seen.hear("msg.reacted").await;
    }
    // Somebody else: nobody writes without end.
    let admin = server.sign_in("admin").await;
    let (mut b, _) = admin.hello().await;
    seen.hear("presence").await;
    let mut asked = Vec::new();
    for k in 0..3 {
        let send = json!({"r": room, "cid": format!("a{k}"), "body": format!("собрание {k}"), "ack": true});
        asked.push(b.ask("msg.send", send).await.unwrap()["id"].clone());
        seen.hear("msg").await;
    }
    for id in &asked[..2] {
        b.ask("msg.remind", json!({"id": id})).await.unwrap();
        seen.hear("msg.reminded").await;
    }
    b.ask("msg.delete", json!({"id": asked[2]})).await.unwrap();
    seen.hear("msg.changed").await;
    let quiz = json!({"options": ["да", "нет"], "quiz": {"right": 0, "why": "потому"}});
    let send = json!({"r": room, "cid": "c0", "body": "Готовы?", "poll": quiz});
    let poll = a.ask("msg.send", send).await.unwrap()["id"].clone();
    seen.hear("msg").await;
    let to_all = json!({"r": room, "cid": "all1", "body": "@все", "all": true, "re": asked[0]});
    b.ask("msg.send", to_all).await.unwrap();
    seen.hear("msg").await;
    for on in [true, false] {
        b.ask("msg.pin", json!({"id": asked[0], "on": on}))
            .await
            .unwrap();
        seen.hear("msg.pinned").await;
    }
    let (mut phone, _) = student.hello().await;
    phone.ask("msg.ack", json!({"id": asked[0]})).await.unwrap();
    seen.hear("msg.acked").await;
    phone
        .ask("poll.vote", json!({"id": poll, "opts": [1]}))
        .await
        .unwrap();
    seen.hear("u.voted").await;
    seen.hear("poll").await;
    a.ask("poll.close", json!({"id": poll})).await.unwrap();
    seen.hear("poll").await;
    phone
        .ask("read", json!({"r": room, "no": 3}))
        .await
        .unwrap();
    seen.hear("u.read").await;
    seen.hear("read").await;
    let begun = |body: &str| json!({"r": room, "body": body, "men": [hello["me"]["id"]]});
    let later =
        json!({"r": room, "cid": "l1", "at": "2027-01-01T06:00:00Z", "body": "с новым годом"});
    phone.ask("later.set", later).await.unwrap();
    seen.hear("u.later").await;
    for body in ["я", "я сам", "", "завтра"] {
        phone.ask("draft.set", begun(body)).await.unwrap();
        seen.hear("u.draft").await;
    }
    let third = server.sign_in("student2").await;
    let (mut third, _) = third.hello().await;
    seen.hear("presence").await;
    let all = json!({"no": {room.as_str(): 1_000_000}});
    third.ask("recv", all).await.unwrap();
    seen.hear("recv").await;
    let call = a.ask("call.start", json!({"r": room})).await.unwrap()["call"]["id"].clone();
    seen.hear("call.started").await;
    a.ask("call.end", json!({"call": call})).await.unwrap();
    seen.hear("call.ended").await;
    let send = json!({"r": room, "cid": "own", "body": "и моё"});
    phone.ask("msg.send", send).await.unwrap();
    seen.hear_both("msg", "u.read").await;
    a.ask("call.start", json!({"r": room})).await.unwrap();
    seen.hear("call.started").await;
    a.ask("msg.delete", json!({"id": first})).await.unwrap();
    seen.hear("msg.changed").await;
    seen.finish("everything-in-focus", &student).await;
}

#[tokio::test]
async fn one_room_in_focus() {
    let server = Server::start().await;
    let (teacher, student) = (
        server.sign_in("teacher").await,
        server.sign_in("student1").await,
    );
    let mut seen = Recorder::start(&student, Some(&[ROOM])).await;
    let (mut a, hello) = teacher.hello().await;
    seen.hear("presence").await;
    let (room, _) = room_named(&hello, ROOM);
    let (other, _) = room_named(&hello, OTHER_ROOM);
    let me = seen.before.hello["me"]["id"].clone();
    let send = |room: &str, k: u32| {
        let men = if k % 4 == 3 { Vec::new() } else { vec![&me] };
        json!({"r": room, "cid": format!("c{k}"), "body": k.to_string(), "men": men})
    };
    a.ask("msg.send", send(other.as_str(), 1)).await.unwrap();
    seen.hear("bump").await;
    a.ask("msg.send", send(room.as_str(), 2)).await.unwrap();
    seen.hear("msg").await;
    for k in 3..=5 {
        a.ask("msg.send", send(other.as_str(), k)).await.unwrap();
    }
    seen.hear("bump").await;
    a.ask("call.start", json!({"r": other})).await.unwrap();
    seen.hear("bump").await;
    let last = send(other.as_str(), 6);
    let id = a.ask("msg.send", last).await.unwrap()["id"].clone();
    seen.hear("bump").await;
    a.ask("msg.edit", json!({"id": id, "body": "шесть"}))
        .await
        .unwrap();
    seen.hear("bump").await;
    a.ask("msg.react", json!({"id": id, "emoji": "👍", "on": true}))
        .await
        .unwrap();
    seen.hear("bump").await;
    let mut asked = Vec::new();
    for k in 7..=9 {
        let send = json!({"r": other, "cid": format!("c{k}"), "body": k.to_string(), "ack": true});
        asked.push(a.ask("msg.send", send).await.unwrap()["id"].clone());
        seen.hear("bump").await;
    }
    for id in &asked[..2] {
        a.ask("msg.remind", json!({"id": id})).await.unwrap();
        seen.hear("bump").await;
    }
    a.ask("msg.delete", json!({"id": asked[2]})).await.unwrap();
    seen.hear("bump").await;
    let (mut phone, _) = student.hello().await;
    phone.ask("msg.ack", json!({"id": asked[0]})).await.unwrap();
    seen.hear("bump").await;
    seen.finish("one-room-in-focus", &student).await;
}

#[tokio::test]
async fn rooms_come_and_go() {
    let server = Server::start().await;
    let (teacher, student) = (
        server.sign_in("teacher").await,
        server.sign_in("student1").await,
    );
    let mut seen = Recorder::start(&student, None).await;
    let (mut a, hello) = teacher.hello().await;
    seen.hear("presence").await;
    let (room, _) = room_named(&hello, ROOM);
    let (other, _) = room_named(&hello, OTHER_ROOM);
    let me = seen.before.hello["me"]["id"].clone();
    let json = [("content-type", "application/json")];
    let send = async |method: Method, path: String, body: Value| {
        let answer = teacher
            .send(method, &path, &json, body.to_string().into_bytes())
            .await;
        assert!(answer.status.is_success(), "{:?}", answer.json());
        answer.json()
    };
    let new = json!({"cid": "wish", "name": "Объявления", "kind": "announcements", "people": [me]});
    let made = send(Method::POST, "/rooms".to_owned(), new).await["id"].clone();
    seen.hear("u.room").await;
    for (room, cid) in [(&json!(room), "c1"), (&made, "c2")] {
        let say = json!({"r": room, "cid": cid, "body": cid, "men": [me]});
        a.ask("msg.send", say).await.unwrap();
        seen.hear("msg").await;
    }
    let renamed = json!({"name": "Робототехника, поток 1", "archived": true});
    send(Method::PATCH, format!("/rooms/{room}"), renamed).await;
    seen.hear("u.room").await;
    send(
        Method::PATCH,
        format!("/rooms/{other}"),
        json!({"remove": [me]}),
    )
    .await;
    seen.hear("u.left").await;
    let say = json!({"r": other, "cid": "c3", "body": "без нас"});
    a.ask("msg.send", say).await.unwrap();
    send(
        Method::PATCH,
        format!("/rooms/{other}"),
        json!({"add": [me]}),
    )
    .await;
    seen.hear("u.room").await;
    let say = json!({"r": made, "cid": "c4", "body": "последнее"});
    a.ask("msg.send", say).await.unwrap();
    seen.hear("msg").await;
    seen.finish("rooms-come-and-go", &student).await;
}
