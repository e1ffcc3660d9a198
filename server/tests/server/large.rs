//! A lesson of many: who is in it is told as what changed, and everybody ends up with the same list.

use std::collections::BTreeMap;

use protocol::limits::{CALL_PEOPLE_WHOLE_MAX, CONNECTIONS_PER_USER};
use serde_json::{Value, json};

use crate::harness::{Person, ROOM, Server, Socket, room_named};

/// What Chromium offers: four ways up, four sounds and two pictures down.
const OFFER: &str = include_str!("../../../fuzz/corpus/sdp/chromium");
const LOGINS: [&str; 6] = [
    "teacher", "student1", "student2", "student3", "student4", "admin",
];

/// A browser in the lesson, and the list that it holds, by `docs/PROTOCOL.md`.
struct Browser {
    socket: Socket,
    me: String,
    people: BTreeMap<String, Value>,
    version: u64,
    /// Whether it was told of changes.
    changes: bool,
}

impl Browser {
    async fn enter(person: &Person<'_>, device: &str, call: &Value) -> Self {
        let mut socket = person.connect().await;
        let hello = json!({"v": 1, "dev": device, "app": "test", "pos": {}});
        socket.ask("hello", hello).await.unwrap();
        let up = json!({"mic": "0", "camera": "1", "screen": "2", "screen_audio": "3"});
        let join = json!({"call": call, "sdp": OFFER, "up": up, "on": [],
            "down_audio": ["4", "5", "6", "7"], "down_video": ["8", "9"]});
        let joined = socket.ask("call.join", join).await.unwrap();
        Self {
            socket,
            me: joined["p"].as_str().unwrap().to_owned(),
            people: by_peer(&joined["people"]),
            version: joined["v"].as_u64().unwrap(),
            changes: false,
        }
    }

    /// Takes what is told until the list has these people.
    async fn until(&mut self, expected: &BTreeMap<String, Value>) {
        while self.people != *expected {
            let event = self.socket.any_event().await;
            let newer = event["v"].as_u64().is_some_and(|v| v > self.version);
            match event["e"].as_str().unwrap() {
                "call.people" if newer => self.people = by_peer(&event["d"]),
                "call.changed" if newer => {
                    self.people.extend(by_peer(&event["d"]["set"]));
                    for gone in event["d"]["gone"].as_array().unwrap() {
                        self.people.remove(gone.as_str().unwrap());
                    }
                    self.changes = true;
                }
                _ => {}
            }
        }
    }
}

fn by_peer(list: &Value) -> BTreeMap<String, Value> {
    let list = list.as_array().unwrap().iter();
    list.map(|one| (one["p"].as_str().unwrap().to_owned(), one.clone()))
        .collect()
}

#[tokio::test]
async fn everybody_holds_the_same_list_of_many_people() {
    let server = Server::start().await;
    let mut people = Vec::new();
    for login in LOGINS {
        people.push(server.sign_in(login).await);
    }
    let (mut first, hello) = people[0].hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let call = first.ask("call.start", json!({"r": room})).await.unwrap()["call"]["id"].clone();
    let mut browsers = Vec::new();
    let each = CONNECTIONS_PER_USER - 1;
    for (person, device) in people
        .iter()
        .flat_map(|one| (0..each).map(move |n| (one, n)))
    {
        browsers.push(Browser::enter(person, &format!("device{device}"), &call).await);
    }
    assert!(browsers.len() > CALL_PEOPLE_WHOLE_MAX);

    // One switches its microphone on, another leaves, the last one to come has the list of the answer.
    let on = json!({"call": call, "src": "mic", "on": true});
    browsers[0].socket.ask("call.set", on).await.unwrap();
    let mut left = browsers.remove(1);
    left.socket
        .ask("call.leave", json!({"call": call}))
        .await
        .unwrap();
    let mut expected = browsers.last().unwrap().people.clone();
    expected.get_mut(&browsers[0].me).unwrap()["on"] = json!(["mic"]);
    expected.remove(&left.me);
    for browser in &mut browsers {
        browser.until(&expected).await;
    }
    assert!(browsers[0].changes, "the list was told whole each time");

    // Whoever comes back on another connection is told the whole list.
    let at = browsers.len() - 1;
    browsers[at].socket = people[5].connect().await;
    browsers[at].people.clear();
    browsers[at].version = 0;
    let device = format!("device{}", each - 1);
    let hello = json!({"v": 1, "dev": device, "app": "test", "pos": {}});
    browsers[at].socket.ask("hello", hello).await.unwrap();
    browsers[at].until(&expected).await;

    // Few again: they are told at once, and whole.
    let mut gone = browsers.split_off(3);
    for browser in &mut gone {
        let leave = json!({"call": call});
        browser.socket.ask("call.leave", leave).await.unwrap();
        expected.remove(&browser.me);
    }
    for browser in &mut browsers {
        browser.until(&expected).await;
    }
}

#[tokio::test]
async fn a_lesson_takes_as_many_as_its_setting_says() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_as(folder, true, |config| config.lesson_people_max = 2).await;
    let teacher = server.sign_in("teacher").await;
    let (mut first, hello) = teacher.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let call = first.ask("call.start", json!({"r": room})).await.unwrap()["call"]["id"].clone();
    for device in ["one", "two", "two"] {
        Browser::enter(&teacher, device, &call).await;
    }
    let up = json!({"mic": "0", "camera": "1", "screen": "2", "screen_audio": "3"});
    let join = json!({"call": call, "sdp": OFFER, "up": up, "on": [],
        "down_audio": ["4", "5", "6", "7"], "down_video": ["8", "9"]});
    assert_eq!(
        first.ask("call.join", join).await,
        Err("call_full".to_owned())
    );
}
