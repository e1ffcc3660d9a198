//! Who comes back to a lesson, as by a reload, has on what the server knows and not what the page remembers.

use serde_json::{Value, json};

use crate::harness::{Person, ROOM, Server, Socket, room_named};

/// What Chromium offers: four ways up, four sounds and two pictures down.
const OFFER: &str = include_str!("../../../fuzz/corpus/sdp/chromium");

/// Joins, and gives what the answer and the list of everybody say is on.
async fn join(socket: &mut Socket, call: &Value, on: &[&str], back: bool) -> Value {
    let up = json!({"mic": "0", "camera": "1", "screen": "2", "screen_audio": "3"});
    let mut join = json!({"call": call, "sdp": OFFER, "up": up, "on": on,
        "down_audio": ["4", "5", "6", "7"], "down_video": ["8", "9"]});
    if back {
        join["back"] = json!(true);
    }
    let joined = socket.ask("call.join", join).await.unwrap();
    let mut people = joined["people"].as_array().unwrap().iter();
    people.find(|one| one["p"] == joined["p"]).unwrap()["on"].clone()
}

async fn set(socket: &mut Socket, call: &Value, source: &str, on: bool) {
    let set = json!({"call": call, "src": source, "on": on});
    socket.ask("call.set", set).await.unwrap();
}

async fn hello_of(person: &Person<'_>, device: &str) -> Socket {
    let mut socket = person.connect().await;
    let hello = json!({"v": 1, "dev": device, "app": "test", "pos": {}});
    socket.ask("hello", hello).await.unwrap();
    socket
}

const ALL: &[&str] = &["mic", "camera"];

#[tokio::test]
async fn who_reloads_is_as_muted_as_the_server_knows_whatever_the_page_remembers() {
    let server = Server::start().await;
    let (teacher, student) = (
        server.sign_in("teacher").await,
        server.sign_in("student1").await,
    );
    let (mut t, hello) = teacher.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let call = t.ask("call.start", json!({"r": room})).await.unwrap()["call"]["id"].clone();

    // Somebody who says they are back, and never was here, or is on another device.
    let mut s = hello_of(&student, "laptop").await;
    assert_eq!(join(&mut s, &call, ALL, true).await, json!([]));
    assert_eq!(join(&mut s, &call, ALL, false).await, json!(ALL));
    let mut phone = hello_of(&student, "phone").await;
    assert_eq!(join(&mut phone, &call, ALL, true).await, json!([]));

    // The page says goodbye when it goes.
    set(&mut s, &call, "mic", false).await;
    s.ask("call.leave", json!({"call": call})).await.unwrap();
    drop(s);
    let mut s = hello_of(&student, "laptop").await;
    assert_eq!(join(&mut s, &call, ALL, true).await, json!(["camera"]));

    // It dies, and the one before is still here.
    set(&mut s, &call, "camera", false).await;
    set(&mut s, &call, "mic", true).await;
    drop(s);
    let mut s = hello_of(&student, "laptop").await;
    assert_eq!(join(&mut s, &call, ALL, true).await, json!(["mic"]));

    // It was muted while the server could not be told.
    assert_eq!(join(&mut s, &call, &["camera"], true).await, json!([]));
    assert_eq!(join(&mut s, &call, ALL, true).await, json!([]));
    assert_eq!(join(&mut s, &call, &["mic"], false).await, json!(["mic"]));

    // A device that others know by the same name is another person's.
    let mut t = hello_of(&teacher, "laptop").await;
    assert_eq!(join(&mut t, &call, ALL, true).await, json!([]));
}
