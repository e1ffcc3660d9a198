//! How everybody's link does: told to the staff of the lesson and to nobody else; and figures for Prometheus, which name
//! nobody.

use std::net::TcpListener;

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Server, Socket, room_named};
use crate::page::get;

const ROOM: &str = "Робототехника, поток 1";
/// What Chromium offers: four ways up, four sounds and two pictures down.
const OFFER: &str = include_str!("../../../fuzz/corpus/sdp/chromium");

async fn join(socket: &mut Socket, call: &Value) -> String {
    let up = json!({"mic": "0", "camera": "1", "screen": "2", "screen_audio": "3"});
    let join = json!({"call": call, "sdp": OFFER, "up": up, "on": [],
        "down_audio": ["4", "5", "6", "7"], "down_video": ["8", "9"]});
    let joined = socket.ask("call.join", join).await.unwrap();
    joined["p"].as_str().unwrap().to_owned()
}

fn stats(call: &Value, freezes: u32) -> Value {
    json!({"call": call, "seconds": 10, "freezes": freezes, "frozen_ms": 900, "fps": 12,
        "join_ms": 1_500, "sound_only": true})
}

#[tokio::test]
async fn only_staff_in_the_lesson_are_told_how_the_links_of_others_do() {
    let server = Server::start().await;
    let (teacher, student) = (
        server.sign_in("teacher").await,
        server.sign_in("student1").await,
    );
    let admin = server.sign_in("admin").await;
    let (mut t, hello) = teacher.hello().await;
    let (mut s, _) = student.hello().await;
    let (mut a, _) = admin.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let call = t.ask("call.start", json!({"r": room})).await.unwrap()["call"]["id"].clone();
    let watch = |on: bool| json!({"call": call, "on": on});
    let forbidden = Err("forbidden".to_owned());

    let (of_teacher, of_student) = (join(&mut t, &call).await, join(&mut s, &call).await);
    assert_eq!(s.ask("call.watch", watch(true)).await, forbidden);
    // Staff of the room, but not in the lesson.
    assert_eq!(a.ask("call.watch", watch(true)).await, forbidden);
    assert_eq!(a.ask("call.stats", stats(&call, 1)).await, forbidden);
    let other = json!({"call": "another", "on": true});
    assert_eq!(t.ask("call.watch", other).await, forbidden);

    t.ask("call.watch", watch(true)).await.unwrap();
    s.ask("call.stats", stats(&call, 2)).await.unwrap();
    assert_eq!(
        s.ask("call.stats", stats(&call, 2)).await,
        Err("rate_limited".to_owned())
    );
    let told = loop {
        let told = t.event("call.links").await;
        if told["d"].as_array().unwrap().len() == 2 {
            break told;
        }
    };
    assert_eq!(told["call"], call);
    assert_eq!(
        told["d"],
        json!([
            {"p": of_teacher, "paused": 0, "freezes": 0, "frozen_ms": 0},
            {"p": of_student, "paused": 0, "freezes": 2, "frozen_ms": 900, "fps": 12,
                "join_ms": 1_500, "sound_only": true},
        ])
    );
    t.ask("call.watch", watch(false)).await.unwrap();

    // A marker that comes after everything that the others could have been told.
    let marker = json!({"r": room, "cid": "after", "body": "после"});
    t.ask("msg.send", marker).await.unwrap();
    for socket in [&mut s, &mut a] {
        let before = socket.events_until("msg").await;
        let links = |event: &Value| event["e"] == "call.links";
        assert!(!before.iter().any(links), "{before:?}");
    }
}

#[tokio::test]
async fn figures_are_at_an_address_of_their_own_and_name_nobody() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = free.local_addr().unwrap();
    drop(free);
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_as(folder, true, |config| {
        config.metrics_listen = at.to_string()
    })
    .await;
    let teacher = server.sign_in("teacher").await;
    let (mut t, hello) = teacher.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let call = t.ask("call.start", json!({"r": room})).await.unwrap()["call"]["id"].clone();
    let peer = join(&mut t, &call).await;
    t.ask("call.stats", stats(&call, 3)).await.unwrap();
    let message = json!({"r": room, "cid": "one", "body": "Здравствуйте"});
    t.ask("msg.send", message).await.unwrap();

    let (head, page) = get(at, "/metrics", "identity").await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    // In pieces, whose lengths are lines too.
    let text = String::from_utf8(page).unwrap();
    for line in [
        "parta_connections 1",
        "parta_messages_acknowledged_total 1",
        "parta_message_store_seconds_count 1",
        "parta_queue_left_out_total 0",
        "parta_lessons 1",
        "parta_lesson_participants 1",
        "parta_lesson_sound_only 1",
        "parta_video_freezes_total 3",
        "parta_video_frozen_seconds_total 0.9",
        "parta_media_peers 1",
        "parta_lesson_participants_by_way{via=\"udp\"} 0",
        "# EOF",
    ] {
        assert!(text.lines().any(|known| known == line), "{line}:\n{text}");
    }
    let me = hello["me"]["id"].as_str().unwrap();
    let room = room.as_str();
    for secret in ["Анна", "teacher", me, room, call.as_str().unwrap()] {
        assert!(!text.contains(secret), "{secret} in\n{text}");
    }
    assert!(!text.contains(&format!("\"{peer}\"")), "{text}");

    // Where everybody comes there are none.
    let (_, page) = get(server.address(), "/metrics", "identity").await;
    let text = String::from_utf8_lossy(&page);
    assert!(!text.contains("parta_connections"), "{text}");
    let page = server.raw(Method::GET, "/metrics", &[], Vec::new()).await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
}
