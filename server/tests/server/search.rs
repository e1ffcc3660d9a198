//! Search, mentions and places in a log over HTTP.

use hyper::{Method, StatusCode};
use protocol::limits::{SEARCH_BYTES_MAX, SEARCHES_BURST};
use serde_json::{Value, json};

use crate::door::Answer;
use crate::harness::{Person, ROOM, Server, room_named};

/// A room that the students are not in.
const STAFF: &str = "Учительская";

async fn search(person: &Person<'_>, body: Value) -> Answer {
    let json = [("content-type", "application/json")];
    let body = body.to_string().into_bytes();
    person.send(Method::POST, "/search", &json, body).await
}

fn texts(found: &Value) -> Vec<String> {
    let pieces = |hit: &Value| -> String {
        let pieces = hit["text"].as_array().unwrap().iter();
        let mark = |piece: &Value| match (piece["t"].as_str().unwrap(), piece["hit"] == true) {
            (text, true) => format!("[{text}]"),
            (text, false) => text.to_owned(),
        };
        pieces.map(mark).collect()
    };
    found["hits"]
        .as_array()
        .unwrap()
        .iter()
        .map(pieces)
        .collect()
}

#[tokio::test]
async fn people_find_what_was_said_in_their_rooms_and_nothing_else() {
    let server = Server::start().await;
    let (teacher, student) = (
        server.sign_in("teacher").await,
        server.sign_in("student1").await,
    );
    let (mut t, hello) = teacher.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let (staff, _) = room_named(&hello, STAFF);
    for (cid, r, body) in [
        ("c1", &room, "Контрольную <b>переносим</b>"),
        ("c2", &staff, "Контрольная готова"),
    ] {
        let send = json!({"r": r, "cid": cid, "body": body});
        t.ask("msg.send", send).await.unwrap();
    }
    let found = search(&student, json!({"q": "контрольные"})).await.json();
    assert_eq!(texts(&found), ["[Контрольную] <b>переносим</b>"]);
    assert_eq!(found["hits"][0]["r"], room.as_str());
    let found = search(&teacher, json!({"q": "контрольные"})).await.json();
    assert_eq!(found["hits"].as_array().unwrap().len(), 2);
    // The other layout, and that this was so.
    let found = search(&student, json!({"q": "rjynhjkmyfz"})).await.json();
    assert_eq!(found["swapped"], "контрольная");
    assert_eq!(texts(&found).len(), 1);
    let found = search(&student, json!({"q": "xyzzy"})).await.json();
    assert_eq!((found["swapped"].is_null(), texts(&found).len()), (true, 0));

    let stranger = search(&student, json!({"q": "контрольная", "r": staff})).await;
    assert_eq!(stranger.status, StatusCode::FORBIDDEN);
    let position = student.get(&format!("/rooms/{staff}/position?no=1")).await;
    assert_eq!(position.status, StatusCode::FORBIDDEN);
    let position = teacher.get(&format!("/rooms/{staff}/position?no=2")).await;
    assert_eq!(position.json()["s"], 2);
    let early = teacher.get(&format!("/rooms/{staff}/position?at=0")).await;
    assert_eq!(early.json()["s"], 1);
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused_and_so_is_too_much() {
    let server = Server::start().await;
    let person = server.sign_in("student1").await;
    for (body, status) in [
        (json!({"q": ""}), StatusCode::BAD_REQUEST),
        (json!({"q": " ?! "}), StatusCode::BAD_REQUEST),
        (json!({"q": "?!", "file": true}), StatusCode::BAD_REQUEST),
        (
            json!({"q": "a", "from": "yesterday"}),
            StatusCode::BAD_REQUEST,
        ),
        (json!({"q": "a", "after": "x"}), StatusCode::BAD_REQUEST),
        (json!({"q": "a", "unknown": 1}), StatusCode::BAD_REQUEST),
        (
            json!({"q": "а".repeat(SEARCH_BYTES_MAX)}),
            StatusCode::PAYLOAD_TOO_LARGE,
        ),
        (json!({"q": "", "file": true}), StatusCode::OK),
        (json!({"q": "\" * ( : ^ NEAR(a b)"}), StatusCode::OK),
    ] {
        assert_eq!(search(&person, body.clone()).await.status, status, "{body}");
    }
    let nobody = server
        .raw(
            Method::POST,
            "/search",
            &[("origin", &server.origin())],
            b"{\"q\":\"a\"}".to_vec(),
        )
        .await;
    assert_eq!(nobody.status, StatusCode::UNAUTHORIZED);
    let mut refused = None;
    for _ in 0..SEARCHES_BURST * 4 {
        let answer = search(&person, json!({"q": "привет"})).await;
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            refused = Some(answer);
            break;
        }
    }
    assert!(refused.unwrap().json()["after"].as_u64().unwrap() > 0);
    // Others are not held up.
    let other = server.sign_in("student2").await;
    assert_eq!(
        search(&other, json!({"q": "привет"})).await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn mentions_of_oneself_are_a_list() {
    let server = Server::start().await;
    let (teacher, student) = (
        server.sign_in("teacher").await,
        server.sign_in("student1").await,
    );
    let (mut t, hello) = teacher.hello().await;
    let (_, theirs) = student.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    for k in 0..2 {
        let send = json!({"r": room, "cid": format!("c{k}"), "body": format!("@Миша, {k}"), "men": [theirs["me"]["id"]]});
        t.ask("msg.send", send).await.unwrap();
    }
    let found = student.get("/mentions").await.json();
    assert_eq!(texts(&found), ["@Миша, 1", "@Миша, 0"]);
    let after = found["hits"][0]["id"].as_str().unwrap();
    let rest = student
        .get(&format!("/mentions?after={after}"))
        .await
        .json();
    assert_eq!(texts(&rest), ["@Миша, 0"]);
    assert_eq!(teacher.get("/mentions").await.json()["hits"], json!([]));
}
