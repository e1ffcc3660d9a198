//! Bots: what their tokens open, and what they do not.

use hyper::{Method, StatusCode};
use protocol::RoomId;
use serde_json::{Value, json};

use crate::door::Answer;
use crate::harness::{Person, ROOM, Server, room_named};

const JSON: (&str, &str) = ("content-type", "application/json");

/// A bot that a person made: its id and its token.
async fn made(person: &Person<'_>, room: &RoomId, reads: bool) -> (String, String) {
    let body = json!({"name": "Сторож", "reads": reads}).to_string();
    let path = format!("/rooms/{room}/bots");
    let answer = person.send(Method::POST, &path, &[JSON], body.into()).await;
    assert_eq!(answer.status, StatusCode::OK);
    let made = answer.json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&made["bot"]["id"]), text(&made["token"]))
}

/// As a program asks, without a cookie or an origin.
async fn ask(
    server: &Server,
    method: Method,
    path: &str,
    token: &str,
    more: &[(&str, &str)],
    body: Value,
) -> Answer {
    let bearer = format!("Bearer {token}");
    let mut headers = vec![("authorization", bearer.as_str()), JSON];
    headers.extend_from_slice(more);
    let body = if body.is_null() {
        Vec::new()
    } else {
        body.to_string().into()
    };
    server.raw(method, path, &headers, body).await
}

#[tokio::test]
async fn a_webhook_writes_into_its_room_once_for_each_key_until_it_is_revoked() {
    let server = Server::start().await;
    let (teacher, student) = (
        server.sign_in("teacher").await,
        server.sign_in("student1").await,
    );
    let (mut s, hello) = student.hello().await;
    let (room, before) = room_named(&hello, ROOM);
    let (bot, token) = made(&teacher, &room, false).await;
    // Open pages know its name before it writes, and it is no member.
    let told = s.event("u.room").await;
    let people = told["d"]["people"].as_array().unwrap();
    let known = people
        .iter()
        .find(|person| person["id"] == json!(bot))
        .unwrap();
    assert_eq!(
        (&known["name"], &known["role"]),
        (&json!("Сторож"), &json!("bot"))
    );
    assert_eq!(told["d"]["room"]["members"], before["members"]);

    let text = json!({"text": " Дверь **открыта** "});
    let key = [("idempotency-key", "дверь-1")];
    let first = ask(
        &server,
        Method::POST,
        "/api/hooks",
        &token,
        &key,
        text.clone(),
    )
    .await;
    assert_eq!(first.status, StatusCode::OK, "{}", first.json());
    let event = s.event("msg").await;
    assert_eq!(
        (&event["d"]["body"], &event["d"]["by"]),
        (&json!("Дверь **открыта**"), &json!(bot))
    );
    assert_eq!(event["s"], first.json()["position"]);
    let again = ask(
        &server,
        Method::POST,
        "/api/hooks",
        &token,
        &key,
        text.clone(),
    )
    .await
    .json();
    assert_eq!(
        (&again["id"], &again["repeated"]),
        (&first.json()["id"], &json!(true))
    );
    let by_address = server
        .raw(
            Method::POST,
            &format!("/api/hooks/{token}"),
            &[JSON],
            text.to_string().into(),
        )
        .await;
    assert_eq!(
        by_address.json()["number"],
        again["number"].as_i64().unwrap() + 1,
        "the repeated one took no number"
    );

    let list = teacher.get(&format!("/rooms/{room}/bots")).await.json();
    assert_eq!(list["bots"][0]["name"], "Сторож");
    assert!(list["bots"][0]["used"].is_string());
    assert!(!list.to_string().contains(&token), "it is told once");
    // What it may not: read, and write elsewhere.
    let path = format!("/api/bot/v1/rooms/{room}/messages");
    assert_eq!(
        ask(&server, Method::GET, &path, &token, &[], Value::Null)
            .await
            .status,
        StatusCode::FORBIDDEN
    );
    let other = room_named(&hello, "3D-моделирование, поток 2").0;
    for elsewhere in [other.as_str(), "never", "a%20b"] {
        let path = format!("/api/bot/v1/rooms/{elsewhere}/messages");
        let answer = ask(&server, Method::POST, &path, &token, &[], text.clone()).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{elsewhere}");
    }
    let path = format!("/rooms/{room}/bots/{bot}");
    assert_eq!(
        student
            .send(Method::DELETE, &path, &[], Vec::new())
            .await
            .status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        teacher
            .send(Method::DELETE, &path, &[], Vec::new())
            .await
            .status,
        StatusCode::NO_CONTENT
    );
    let answer = ask(&server, Method::POST, "/api/hooks", &token, &[], text).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(answer.header("www-authenticate"), "Bearer");
}

#[tokio::test]
async fn a_bot_that_reads_hears_what_comes_in_its_rooms_alone() {
    let server = Server::start().await;
    let teacher = server.sign_in("teacher").await;
    let (mut t, hello) = teacher.hello().await;
    let (room, summary) = room_named(&hello, ROOM);
    let (other, _) = room_named(&hello, "3D-моделирование, поток 2");
    let (bot, token) = made(&teacher, &room, true).await;
    let rooms = ask(
        &server,
        Method::GET,
        "/api/bot/v1/rooms",
        &token,
        &[],
        Value::Null,
    )
    .await
    .json();
    assert_eq!(
        rooms["rooms"],
        json!([{"id": room, "name": ROOM, "position": summary["seq"]}])
    );
    let path = format!("/api/bot/v1/rooms/{room}/messages");
    let later = format!("{path}?after={}&wait=25", summary["seq"]);
    let waiting = ask(&server, Method::GET, &later, &token, &[], Value::Null);
    let sending = t.ask(
        "msg.send",
        json!({"r": room, "cid": "c1", "body": "вопрос"}),
    );
    let (heard, sent) = tokio::join!(waiting, sending);
    let (heard, sent) = (heard.json(), sent.unwrap());
    assert_eq!(
        (&heard["messages"][0]["id"], &heard["messages"][0]["text"]),
        (&sent["id"], &json!("вопрос"))
    );
    assert_eq!(
        (&heard["after"], &heard["more"]),
        (&sent["s"], &json!(false))
    );
    t.ask("msg.delete", json!({"id": sent["id"]}))
        .await
        .unwrap();
    let next = format!("{path}?after={}", heard["after"]);
    let heard = ask(&server, Method::GET, &next, &token, &[], Value::Null)
        .await
        .json();
    assert_eq!(
        (
            &heard["messages"][0]["text"],
            &heard["messages"][0]["deleted"]
        ),
        (&json!(""), &json!(true))
    );
    let nothing = ask(
        &server,
        Method::GET,
        &format!("{path}?after={}", heard["after"]),
        &token,
        &[],
        Value::Null,
    )
    .await;
    assert_eq!(nothing.json()["messages"], json!([]));
    for bad in ["after=-1", "after=x", "wait=26"] {
        let answer = ask(
            &server,
            Method::GET,
            &format!("{path}?{bad}"),
            &token,
            &[],
            Value::Null,
        )
        .await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{bad}");
    }

    let elsewhere = format!("/api/bot/v1/rooms/{other}/messages");
    assert_eq!(
        ask(&server, Method::GET, &elsewhere, &token, &[], Value::Null)
            .await
            .status,
        StatusCode::FORBIDDEN
    );
    // Whoever made it lets it into another room; somebody else may not, and to them there is no such bot.
    let path = format!("/rooms/{other}/bots/{bot}");
    let admin = server.sign_in("admin").await;
    let staff_room = room_named(&hello, "Учительская").0;
    let theirs = admin
        .send(
            Method::PUT,
            &format!("/rooms/{staff_room}/bots/{bot}"),
            &[],
            Vec::new(),
        )
        .await;
    assert_eq!(theirs.status, StatusCode::NOT_FOUND);
    assert_eq!(
        teacher
            .send(Method::PUT, &path, &[], Vec::new())
            .await
            .status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        ask(&server, Method::GET, &elsewhere, &token, &[], Value::Null)
            .await
            .status,
        StatusCode::OK
    );
    let hook = ask(
        &server,
        Method::POST,
        "/api/hooks",
        &token,
        &[],
        json!({"text": "куда?"}),
    )
    .await;
    assert_eq!(
        hook.status,
        StatusCode::BAD_REQUEST,
        "two rooms: it has to say which"
    );
    assert_eq!(
        teacher
            .send(Method::DELETE, &path, &[], Vec::new())
            .await
            .status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        ask(&server, Method::GET, &elsewhere, &token, &[], Value::Null)
            .await
            .status,
        StatusCode::FORBIDDEN
    );
    // The administrator sees it all, the newest first.
    let log = admin.get("/audit").await.json();
    let told = |entry: &Value| {
        assert_eq!(entry["facts"]["name"], json!("Сторож"));
        let (act, room) = (entry["act"].clone(), entry["room"]["id"].clone());
        (act, room, entry["facts"]["reads"].clone())
    };
    let entries = log["entries"].as_array().unwrap();
    // The demo's own come before.
    let told: Vec<_> = entries.iter().take(3).map(told).collect();
    assert_eq!(
        told,
        [
            (json!("bot_removed"), json!(other), Value::Null),
            (json!("bot_let_in"), json!(other), json!(true)),
            (json!("bot_made"), json!(room), json!(true)),
        ]
    );
    assert!(!log.to_string().contains(&token));
}

#[tokio::test]
async fn a_token_opens_nothing_else_and_a_session_no_bots_door() {
    let server = Server::start().await;
    let (teacher, student) = (
        server.sign_in("teacher").await,
        server.sign_in("student1").await,
    );
    let (room, _) = room_named(&teacher.hello().await.1, ROOM);
    let (bot, token) = made(&teacher, &room, true).await;
    for path in ["/session", "/people", &format!("/rooms/{room}/events")] {
        let answer = ask(&server, Method::GET, path, &token, &[], Value::Null).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
    }
    let cookie = [("cookie", teacher.cookie.as_str())];
    assert_eq!(
        server
            .raw(Method::GET, "/api/bot/v1/rooms", &cookie, Vec::new())
            .await
            .status,
        StatusCode::UNAUTHORIZED
    );
    for token in ["", "wrong", &format!("{token}0")] {
        let answer = ask(
            &server,
            Method::POST,
            "/api/hooks",
            token,
            &[],
            json!({"text": "я"}),
        )
        .await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{token:?}");
    }
    for (body, status) in [
        (json!({"text": "  "}), StatusCode::BAD_REQUEST),
        (json!({"txt": "я"}), StatusCode::BAD_REQUEST),
        (json!([]), StatusCode::BAD_REQUEST),
        (json!({"text": "a\0b"}), StatusCode::BAD_REQUEST),
        (
            json!({"text": "я".repeat(9_000)}),
            StatusCode::PAYLOAD_TOO_LARGE,
        ),
    ] {
        let answer = ask(
            &server,
            Method::POST,
            "/api/hooks",
            &token,
            &[],
            body.clone(),
        )
        .await;
        assert_eq!(answer.status, status, "{body:.60}");
    }
    // Nobody chooses it: not as a member, not to talk to.
    let people = teacher.get("/people").await.json();
    assert!(!people.to_string().contains(&bot));
    let change = json!({"add": [bot]}).to_string();
    let answer = teacher
        .send(
            Method::PATCH,
            &format!("/rooms/{room}"),
            &[JSON],
            change.into(),
        )
        .await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let talk = json!({"u": bot}).to_string();
    let answer = teacher
        .send(Method::POST, "/direct", &[JSON], talk.into())
        .await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(
        server
            .sign_in_with(&format!("BOT:{bot}"), "")
            .await
            .is_err()
    );
    for (method, path) in [
        (Method::GET, format!("/rooms/{room}/bots")),
        (Method::GET, "/rooms/never/bots".to_owned()),
    ] {
        let answer = student.send(method, &path, &[], Vec::new()).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
    }
    let mut refused = 0;
    for k in 0..=protocol::limits::BOT_SENDS_BURST + 5 {
        let answer = ask(
            &server,
            Method::POST,
            "/api/hooks",
            &token,
            &[],
            json!({"text": format!("раз {k}")}),
        )
        .await;
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            refused += 1;
            assert!(answer.json()["after"].as_u64().unwrap() > 0);
        }
    }
    assert!(
        refused > 0,
        "a program that writes too much is told to wait"
    );
    let described = server
        .raw(Method::GET, "/api/openapi.json", &[], Vec::new())
        .await
        .json();
    let paths = described["paths"].as_object().unwrap();
    assert_eq!(paths.len(), 4);
    for path in paths.keys() {
        assert!(
            path == "/api/hooks"
                || path.starts_with("/api/hooks/")
                || path.starts_with("/api/bot/v1/"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_bot_that_reads_hears_of_reactions_and_polls() {
    let server = Server::start().await;
    let (teacher, student) = (
        server.sign_in("teacher").await,
        server.sign_in("student1").await,
    );
    let (mut t, hello) = teacher.hello().await;
    let (mut s, me) = student.hello().await;
    let (room, summary) = room_named(&hello, ROOM);
    let (_, token) = made(&teacher, &room, true).await;
    let poll = json!({"options": ["да", "нет"], "many": false, "anon": false});
    let sent = t
        .ask(
            "msg.send",
            json!({"r": room, "cid": "c1", "body": "Когда?", "poll": poll}),
        )
        .await
        .unwrap();
    let path = format!("/api/bot/v1/rooms/{room}/messages");
    let hear = async |after: &Value| {
        let path = format!("{path}?after={after}&wait=25");
        let heard = ask(&server, Method::GET, &path, &token, &[], Value::Null);
        heard.await.json()
    };
    let heard = hear(&summary["seq"]).await;
    let message = &heard["messages"][0];
    assert_eq!(
        message["poll"],
        json!({
            "options": ["да", "нет"], "several": false, "anonymous": false, "quiz": false,
            "version": message["poll"]["version"], "voters": 0, "votes": [0, 0],
        })
    );
    assert_eq!(
        (&message["reactions"], &heard["events"]),
        (&json!([]), &json!([]))
    );

    for on in [true, false, true] {
        let react = json!({"id": sent["id"], "emoji": "👍", "on": on});
        s.ask("msg.react", react).await.unwrap();
    }
    let heard = hear(&heard["after"]).await;
    assert_eq!(heard["messages"], json!([]));
    let events = heard["events"].as_array().unwrap();
    let kinds: Vec<&Value> = events.iter().map(|event| &event["type"]).collect();
    assert_eq!(
        kinds,
        ["reaction.added", "reaction.removed", "reaction.added"]
    );
    assert_eq!(
        events[0],
        json!({
            "type": "reaction.added", "position": events[0]["position"], "message": sent["id"],
            "by": me["me"]["id"], "emoji": "👍",
        })
    );

    s.ask("poll.vote", json!({"id": sent["id"], "opts": [1]}))
        .await
        .unwrap();
    let heard = hear(&heard["after"]).await;
    let event = &heard["events"][0];
    assert_eq!(
        (&event["type"], &event["message"]),
        (&json!("poll.voted"), &sent["id"])
    );
    assert_eq!(
        (&event["poll"]["voters"], &event["poll"]["votes"]),
        (&json!(1), &json!([0, 1]))
    );
    assert!(!heard.to_string().contains(me["me"]["id"].as_str().unwrap()));
    t.ask("poll.close", json!({"id": sent["id"]}))
        .await
        .unwrap();
    let heard = hear(&heard["after"]).await;
    assert_eq!(heard["events"][0]["type"], "poll.closed");
    assert!(heard["events"][0]["poll"]["closed_at"].is_string());

    // As it is now.
    let whole = hear(&summary["seq"]).await;
    let message = &whole["messages"][0];
    assert_eq!(
        message["reactions"],
        json!([{"emoji": "👍", "by": [me["me"]["id"]]}])
    );
    assert_eq!(message["poll"]["votes"], json!([0, 1]));
}

#[tokio::test]
async fn a_bot_bears_nobodys_name_and_its_maker_lets_it_into_another_room() {
    let server = Server::start().await;
    let teacher = server.sign_in("teacher").await;
    let (_, hello) = teacher.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let (other, _) = room_named(&hello, "3D-моделирование, поток 2");
    let make = async |room: &RoomId, name: &str| {
        let body = json!({"name": name, "reads": false}).to_string();
        let path = format!("/rooms/{room}/bots");
        teacher
            .send(Method::POST, &path, &[JSON], body.into())
            .await
    };
    // A learner, with a Latin "a"; the staff, also of elsewhere.
    for name in [
        "мишa кузнецов",
        "Анна  Сергеевна ИВАНОВА",
        "Ольга Петровна администратор",
    ] {
        let answer = make(&room, name).await;
        assert_eq!(
            (answer.status, &answer.json()["c"]),
            (StatusCode::CONFLICT, &json!("taken")),
            "{name}"
        );
    }
    // Nobody of the other room has this name, but somebody here.
    let answer = make(&other, "Варвара Константинопольская-Белоцерковская").await;
    assert_eq!(answer.status, StatusCode::OK);
    let varvara = answer.json()["bot"]["id"].as_str().unwrap().to_owned();
    let answer = make(&other, "Сторож").await;
    let guard = answer.json()["bot"]["id"].as_str().unwrap().to_owned();

    let list = teacher.get(&format!("/rooms/{room}/bots")).await.json();
    assert_eq!(list["bots"], json!([]));
    let mine: Vec<&Value> = list["mine"]
        .as_array()
        .unwrap()
        .iter()
        .map(|bot| &bot["id"])
        .collect();
    assert_eq!(mine, [&varvara, &guard]);
    let admin = server.sign_in("admin").await;
    let theirs = admin.get(&format!("/rooms/{room}/bots")).await.json();
    assert_eq!(theirs["mine"], json!([]), "somebody else's are not");
    for (bot, status) in [
        (&varvara, StatusCode::CONFLICT),
        (&guard, StatusCode::NO_CONTENT),
    ] {
        let path = format!("/rooms/{room}/bots/{bot}");
        let answer = teacher.send(Method::PUT, &path, &[], Vec::new()).await;
        assert_eq!(answer.status, status);
    }
    let list = teacher.get(&format!("/rooms/{room}/bots")).await.json();
    assert_eq!(list["bots"][0]["id"], json!(guard));
    assert_eq!(list["mine"].as_array().unwrap().len(), 1);
}
