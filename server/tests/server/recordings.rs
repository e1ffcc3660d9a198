//! Voice messages: what the sender's device says of one travels with it, within bounds.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::{Method, StatusCode};
use protocol::RoomId;
use serde_json::{Value, json};

use crate::door::Answer;
use crate::harness::{Person, ROOM, Server, room_named};

/// The begin of an MP4 (ISO/IEC 14496-12 §4.3), and something after it.
const MP4: &[u8] = b"\0\0\0\x18ftypisom\0\0\x02\0isomiso2sound";

async fn begin(person: &Person<'_>, room: &RoomId, size: usize, recording: &str) -> Answer {
    let size = size.to_string();
    let (name, recording) = (STANDARD.encode("Голос.m4a"), STANDARD.encode(recording));
    let metadata = format!("filename {name},recording {recording}");
    let headers = [
        ("tus-resumable", "1.0.0"),
        ("upload-length", size.as_str()),
        ("upload-metadata", metadata.as_str()),
    ];
    let path = format!("/rooms/{room}/uploads");
    person.send(Method::POST, &path, &headers, Vec::new()).await
}

/// The file that is made of these bytes.
async fn record(person: &Person<'_>, room: &RoomId, bytes: &[u8], recording: &Value) -> Value {
    let begun = begin(person, room, bytes.len(), &recording.to_string()).await;
    assert_eq!(begun.status, StatusCode::CREATED);
    let path = begun.header("location").replacen("/api/v1", "", 1);
    let headers = [
        ("tus-resumable", "1.0.0"),
        ("content-type", "application/offset+octet-stream"),
        ("upload-offset", "0"),
    ];
    let sent = person
        .send(Method::PATCH, &path, &headers, bytes.to_vec())
        .await;
    assert_eq!(sent.status, StatusCode::NO_CONTENT);
    person.get(&path).await.json()
}

#[tokio::test]
async fn a_voice_message_comes_with_its_length_and_its_waveform() {
    let server = Server::start().await;
    let (teacher, student) = (
        server.sign_in("teacher").await,
        server.sign_in("student1").await,
    );
    let (mut socket, hello) = teacher.hello().await;
    let (mut others, _) = student.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let told = json!({"kind": "voice", "ms": 7_420, "wave": [0, 5, 31, 12]});
    let file = record(&teacher, &room, MP4, &told).await;
    assert_eq!(file["rec"], told);
    let send = json!({"r": room, "cid": "c", "body": "", "att": [file["id"]]});
    socket.ask("msg.send", send).await.unwrap();
    let event = others.event("msg").await;
    assert_eq!(event["d"]["att"][0]["rec"], told);
    let page = student.get(&format!("/rooms/{room}/events?limit=1")).await;
    assert_eq!(page.json()["events"][0]["d"]["att"][0]["rec"], told);
}

#[tokio::test]
async fn what_is_told_of_a_recording_has_bounds_and_makes_no_recording_of_a_text() {
    let server = Server::start().await;
    let teacher = server.sign_in("teacher").await;
    let (_, hello) = teacher.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    for wrong in [
        "null",
        "{}",
        r#"{"kind":"voice","ms":0}"#,
        r#"{"kind":"voice","ms":1800001}"#,
        r#"{"kind":"voice","ms":1,"wave":[32]}"#,
        r#"{"kind":"<b>","ms":1}"#,
    ] {
        let answer = begin(&teacher, &room, 10, wrong).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
    let told = json!({"kind": "voice", "ms": 1, "wave": []});
    let text = record(&teacher, &room, b"no sound at all", &told).await;
    assert_eq!(
        (&text["mime"], text.get("rec")),
        (&json!("text/plain"), None)
    );
}
