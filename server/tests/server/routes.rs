//! Every route and every command there is, as the sources name them: who has only a one-time password is refused by all but a few,
//! and what a person changes is changed in their session.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Person, ROOM, Server, room_named};

/// What needs no session, or means one in which nothing but a password can be chosen: a path, its methods, and what they answer here.
const OPEN: [(&str, &[(&str, u16)]); 15] = [
    ("/api/v1/start", &[("GET", 200)]),
    ("/api/v1/setup", &[("POST", 400)]),
    ("/api/v1/session", &[("GET", 200), ("POST", 400)]),
    ("/api/v1/password", &[("POST", 400)]),
    ("/api/v1/health", &[("GET", 200)]),
    ("/api/v1/ready", &[("GET", 200)]),
    // Proofs that came by mail.
    ("/api/v1/mail/confirm", &[("POST", 404)]),
    ("/api/v1/mail/stop", &[("POST", 400)]),
    ("/api/v1/mail/stop/{token}", &[("GET", 303), ("POST", 404)]),
    // A page cannot see how a WebSocket was refused: it is closed with a code.
    ("/api/v1/ws", &[("GET", 400)]),
    // What a client of tus may ask, and a description.
    ("/api/v1/rooms/{room}/uploads", &[("OPTIONS", 204)]),
    ("/api/v1/uploads/{upload}", &[("OPTIONS", 204)]),
    ("/api/openapi.json", &[("GET", 200)]),
    // Those of devices and bots, with tokens of their own.
    ("/api/hooks", &[("POST", 401)]),
    ("/api/hooks/{token}", &[("POST", 401)]),
];
/// Below these no cookie opens anything.
const TOKENS: [&str; 3] = ["/api/bot/v1/", "/api/v1/whip", "/api/v1/whep"];
/// What routes may change without a session: it ends, or the proof came by mail.
const SESSIONLESS: [&str; 4] = [
    "end_session",
    "confirm_address",
    "stop_mail",
    "add_quarantined",
];

fn sources(under: &str) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(under)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = fs::read_to_string(&path).unwrap();
                found.insert(path, text);
            }
        }
    }
    found
}

/// The paths of all routes. Each is a literal, whatever it leads to.
fn paths() -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    for (file, text) in sources("src") {
        // What Prometheus asks is at an address of its own.
        if file.ends_with("metrics/page.rs") {
            continue;
        }
        for after in text.split(".route(").skip(1) {
            let literal = after.trim_start().strip_prefix('"');
            let literal = literal.and_then(|rest| rest.split_once('"'));
            let (path, _) = literal.unwrap_or_else(|| panic!("{}: no literal", file.display()));
            paths.insert(if path.starts_with("/api/") {
                path.to_owned()
            } else {
                format!("/api/v1{path}")
            });
        }
        for other in [".route_service(", ".nest_service(", ".method_not_allowed"] {
            assert!(!text.contains(other), "{}: {other}", file.display());
        }
    }
    assert!(paths.len() > 70, "{paths:#?}");
    paths
}

fn is_open(path: &str, method: &Method, answer: (StatusCode, &Value)) -> bool {
    let (status, body) = answer;
    if TOKENS.iter().any(|tokens| path.starts_with(tokens)) {
        // Also OPTIONS, and what there is nothing to get of.
        return status == StatusCode::UNAUTHORIZED || body["c"].is_null();
    }
    let open = OPEN.iter().find(|(one, _)| *one == path);
    open.is_some_and(|(_, methods)| {
        // What can be got has a head, too.
        let name = if method == Method::HEAD {
            "GET"
        } else {
            method.as_str()
        };
        methods.contains(&(name, status.as_u16()))
    })
}

/// Somebody who has signed in with a one-time password.
async fn must_choose(server: &Server) -> Person<'_> {
    let (teacher, student) = (
        server.sign_in("teacher").await,
        server.sign_in("student1").await,
    );
    let me = student.get("/session").await.json()["me"]["id"].clone();
    let path = format!("/people/{}/password", me.as_str().unwrap());
    let headers = [("content-type", "application/json")];
    let made = teacher.send(Method::POST, &path, &headers, b"{}".to_vec());
    let made = made.await.json();
    let once = made["password"].as_str().unwrap();
    server.sign_in_with("student1", once).await.unwrap()
}

#[tokio::test]
async fn with_a_one_time_password_every_route_refuses_but_those_that_are_meant() {
    let server = Server::start().await;
    let misha = must_choose(&server).await;
    let methods = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::OPTIONS,
    ];
    let mut unmet: BTreeSet<String> = OPEN
        .iter()
        .flat_map(|(path, methods)| {
            methods
                .iter()
                .map(move |(method, _)| format!("{method} {path}"))
        })
        .collect();
    for path in paths() {
        let mut there = 0;
        let mut real = path.clone();
        while let (Some(from), Some(to)) = (real.find('{'), real.find('}')) {
            real.replace_range(from..=to, "x");
        }
        for method in &methods {
            if (path.as_str(), method) == ("/api/v1/session", &Method::DELETE) {
                continue;
            }
            let headers = [("content-type", "application/json")];
            let answer = misha
                .send(method.clone(), &real, &headers, b"{}".to_vec())
                .await;
            let (status, body) = (answer.status, answer.json());
            if status == StatusCode::METHOD_NOT_ALLOWED {
                continue;
            }
            there += 1;
            let refused = status == StatusCode::FORBIDDEN
                && (body["c"] == "choose_password" || *method == Method::HEAD);
            if !refused {
                assert!(
                    is_open(&path, method, (status, &body)),
                    "{method} {path}: {status} {body}"
                );
                unmet.remove(&format!("{method} {path}"));
            }
        }
        assert!(there > 0, "{path} is no route");
    }
    // The list is no longer than what there is.
    assert!(unmet.is_empty(), "{unmet:?}");
    let out = misha.send(Method::DELETE, "/session", &[], Vec::new());
    assert_eq!(out.await.status, StatusCode::NO_CONTENT);
}

/// A frame of each command, by what the documents show.
fn commands() -> BTreeMap<String, Value> {
    let protocol = Path::new(env!("CARGO_MANIFEST_DIR")).join("../protocol");
    let mut frames = BTreeMap::new();
    for entry in fs::read_dir(protocol.join("fixtures")).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        let frame = serde_json::from_str::<Value>(&text).unwrap()["frame"].take();
        if let Some(method) = frame["m"].as_str() {
            frames.insert(method.to_owned(), frame);
        }
    }
    let code = fs::read_to_string(protocol.join("src/command.rs")).unwrap();
    let (_, parse) = code.split_once("match method {").unwrap();
    let (parse, _) = parse.split_once("_ =>").unwrap();
    let known: BTreeSet<&str> = parse
        .lines()
        .filter_map(|line| line.trim().strip_prefix('"'))
        .filter_map(|line| line.split_once("\" =>"))
        .map(|(method, _)| method)
        .collect();
    assert!(known.len() > 25, "{known:?}");
    for method in known {
        assert!(frames.contains_key(method), "{method} has no fixture");
    }
    frames
}

#[tokio::test]
async fn with_a_one_time_password_no_command_is_heard() {
    let server = Server::start().await;
    let before = server.sign_in("student1").await;
    let (_, hello) = before.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let position = before.get(&format!("/rooms/{room}/events")).await.json();
    let misha = must_choose(&server).await;
    for (method, frame) in commands() {
        let mut socket = misha.connect().await;
        // The server may have closed it by now.
        socket
            .try_write(&json!({"i": 1, "m": "hello", "p": {"v": 1, "dev": "device", "app": "test", "pos": {}}}).to_string())
            .await;
        socket.try_write(&frame.to_string()).await;
        assert_eq!(socket.close_code_at_once().await, 4501, "{method}");
        for path in ["/stream", "/stream/x"] {
            let sent = misha.send(Method::POST, path, &[], frame.to_string().into());
            let answer = sent.await;
            assert_eq!(
                (answer.status, &answer.json()["c"]),
                (StatusCode::FORBIDDEN, &json!("choose_password")),
                "{method} {path}"
            );
        }
    }
    let teacher = server.sign_in("teacher").await;
    let now = teacher.get(&format!("/rooms/{room}/events")).await.json();
    assert_eq!(now["events"], position["events"]);
}

/// What changes something, by the store's sources: it begins a transaction.
fn changing() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for text in sources("src/store").into_values() {
        for method in text.split("    pub async fn ").skip(1) {
            let (name, _) = method.split_once(['(', '<']).unwrap();
            let body = method.split("\n    }\n").next().unwrap();
            if body.contains("write!(self") || body.contains("self.pool.begin()") {
                names.insert(name.to_owned());
            }
        }
    }
    assert!(names.len() > 50, "{names:?}");
    names
}

#[test]
fn what_a_route_changes_it_changes_in_a_session() {
    let changing = changing();
    for known in ["add_bot", "make_room", "step_inspection", "add_file"] {
        assert!(changing.contains(known), "{known}");
    }
    for (file, text) in sources("src/http") {
        let dense: String = text.split_whitespace().collect();
        for place in dense.split("app.store.").skip(1) {
            let name = place.split('(').next().unwrap();
            let may = !changing.contains(name) || SESSIONLESS.contains(&name);
            assert!(
                may || file.ends_with("bot_api/mod.rs"),
                "{}: {name} is for `me.acting(&app.store)`",
                file.display()
            );
        }
    }
}
