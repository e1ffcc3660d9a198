//! Web Push: a push service of our own takes what the server sends, as a browser's would, and opens it as a browser does.

mod service;

use hyper::header::HeaderValue;
use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Person, ROOM, Server, Socket, room_named};
use service::{Browser, Pushed, Service};

/// A school with push, and its push service.
async fn start() -> (Server, Service) {
    let mut service = Service::start().await;
    let server = start_in(tempfile::tempdir().unwrap(), &service).await;
    let key = server.sign_in("student1").await.get("/push").await.json();
    service.sender = key["key"].as_str().unwrap().to_owned();
    (server, service)
}

async fn start_in(folder: tempfile::TempDir, service: &Service) -> Server {
    let authorities = folder.path().join("authorities.pem");
    std::fs::write(&authorities, &service.certificate).unwrap();
    let host = service.host();
    Server::start_as(folder, true, |config| {
        config.push = server::config::PushMode::On;
        config.push_contact = "mailto:it@example.ru".to_owned();
        config.push_hosts = vec![host];
        config.push_authorities = authorities;
    })
    .await
}

async fn subscribe(person: &Person<'_>, body: Value) -> StatusCode {
    let json = [("content-type", "application/json")];
    let body = body.to_string().into_bytes();
    let answer = person.send(Method::POST, "/push", &json, body).await;
    answer.status
}

/// A browser of this person's whose page is closed, under a path at the push service.
async fn away(person: &Person<'_>, service: &Service, path: &str) -> Browser {
    let browser = Browser::new();
    let status = subscribe(person, browser.subscription(service, path)).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    browser
}

async fn say(socket: &mut Socket, room: &str, cid: &str, men: &[&Value]) {
    let send = json!({"r": room, "cid": cid, "body": "Секрет: завтра контрольная", "men": men});
    socket.ask("msg.send", send).await.unwrap();
}

#[tokio::test]
async fn a_closed_page_is_told_once_until_the_room_was_read_and_nothing_but_that() {
    let (server, mut service) = start().await;
    let (teacher, student) = (
        server.sign_in("teacher").await,
        server.sign_in("student1").await,
    );
    let (mut t, hello) = teacher.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let browser = away(&student, &service, "/one").await;
    // The sender's own browser is told nothing.
    away(&teacher, &service, "/teacher").await;
    say(&mut t, room.as_str(), "c1", &[]).await;
    say(&mut t, room.as_str(), "c2", &[]).await;
    let first = service.next().await;
    assert_eq!(first.path, "/one");
    assert_eq!(browser.open(&first.body), json!({ "r": room }));
    assert_eq!(first.header("content-encoding"), "aes128gcm");
    assert_eq!(first.header("urgency"), "normal");
    assert_eq!(first.header("ttl"), "86400");
    assert_eq!(first.header("topic").len(), 32);
    assert_eq!(service.signed_by_the_school(&first), "mailto:it@example.ru");
    // In the clear there is no room either.
    assert!(!first.head().contains(room.as_str()));

    let news = student.get(&format!("/push/{room}")).await.json();
    assert_eq!(
        (&news["name"], &news["mention"]),
        (&json!(ROOM), &json!(false))
    );
    assert!(news["unread"].as_i64().unwrap() >= 2);
    // Reading ends it; of the second message nothing was told.
    let (mut s, hello) = student.hello().await;
    let (_, at) = room_named(&hello, ROOM);
    s.ask("read", json!({"r": room, "no": at["no"]}))
        .await
        .unwrap();
    say(&mut t, room.as_str(), "c3", &[&hello["me"]["id"]]).await;
    let next = service.next().await;
    assert_eq!(next.header("urgency"), "high");
    assert_eq!(next.header("topic"), first.header("topic"));
    assert_eq!(service.taken(), 2);
}

#[tokio::test]
async fn nobody_is_told_who_looks_at_the_page_or_does_not_want_to_be() {
    let (server, mut service) = start().await;
    let teacher = server.sign_in("teacher").await;
    let (mut t, hello) = teacher.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let mut people = Vec::new();
    for n in 1..=4 {
        let person = server.sign_in(&format!("student{n}")).await;
        away(&person, &service, &format!("/{n}")).await;
        let (socket, hello) = person.hello().await;
        people.push((person, socket, hello["me"]["id"].clone()));
    }
    let [
        (_, muted, one),
        (_, paused, two),
        (_, looking, three),
        (gone, _, four),
    ] = &mut people[..]
    else {
        panic!("four")
    };
    let wish = json!({"r": room, "level": "all", "mute": {}});
    muted.ask("notify.room", wish).await.unwrap();
    paused
        .ask("notify.pause", json!({"pause": {}}))
        .await
        .unwrap();
    looking.ask("visible", json!({"on": true})).await.unwrap();
    say(&mut t, room.as_str(), "c1", &[]).await;
    let first = service.next().await;
    assert_eq!((&*first.path, first.header("urgency")), ("/4", "normal"));

    // Now each of them has a reason to be told, and whoever signed out is told no more.
    paused.ask("notify.pause", json!({})).await.unwrap();
    looking.ask("visible", json!({"on": false})).await.unwrap();
    let out = gone.send(Method::DELETE, "/session", &[], Vec::new()).await;
    assert_eq!(out.status, StatusCode::NO_CONTENT);
    say(&mut t, room.as_str(), "c2", &[one, two, three, four]).await;
    let mut told = Vec::new();
    for _ in 0..3 {
        let Pushed { path, headers, .. } = service.next().await;
        told.push((path, headers["urgency"].clone()));
    }
    told.sort_by(|a, b| a.0.cmp(&b.0));
    let high = |path: &str| (path.to_owned(), HeaderValue::from_static("high"));
    assert_eq!(told, [high("/1"), high("/2"), high("/3")]);
    assert_eq!(service.taken(), 4);
}

#[tokio::test]
async fn a_reminder_tells_those_who_have_not_acknowledged_whatever_they_have_read() {
    let (server, mut service) = start().await;
    let teacher = server.sign_in("teacher").await;
    let (mut t, hello) = teacher.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let send = json!({"r": room, "cid": "c1", "body": "Секрет: собрание", "ack": true});
    let message = t.ask("msg.send", send).await.unwrap();
    let mut people = Vec::new();
    for n in 1..=4 {
        let person = server.sign_in(&format!("student{n}")).await;
        let (mut socket, hello) = person.hello().await;
        let read = json!({"r": room, "no": message["no"]});
        socket.ask("read", read).await.unwrap();
        let browser = away(&person, &service, &format!("/{n}")).await;
        people.push((person, socket, browser, hello["me"]["id"].clone()));
    }
    let [(_, acked, ..), (_, paused, ..), (_, looking, ..), _] = &mut people[..] else {
        panic!("four")
    };
    let id = json!({"id": message["id"]});
    acked.ask("msg.ack", id.clone()).await.unwrap();
    paused
        .ask("notify.pause", json!({"pause": {}}))
        .await
        .unwrap();
    looking.ask("visible", json!({"on": true})).await.unwrap();
    t.ask("msg.remind", id).await.unwrap();
    let pushed = service.next().await;
    assert_eq!((&*pushed.path, pushed.header("urgency")), ("/4", "high"));
    let (last, _, browser, _) = &people[3];
    assert_eq!(browser.open(&pushed.body), json!({ "r": room }));
    let news = last.get(&format!("/push/{room}")).await.json();
    assert_eq!((&news["unread"], &news["asks"]), (&json!(0), &json!(1)));
    // What is told next is told of another message: of the reminder nobody else was.
    let all: Vec<&Value> = people.iter().map(|(.., id)| id).collect();
    say(&mut t, room.as_str(), "c2", &all).await;
    let mut paths = vec![service.next().await.path, service.next().await.path];
    paths.sort();
    assert_eq!(paths, ["/1", "/4"]);
    assert_eq!(service.taken(), 3);
}

#[tokio::test]
async fn who_could_not_be_told_when_they_were_reminded_is_told_later_and_after_a_restart() {
    let (server, mut service) = start().await;
    let teacher = server.sign_in("teacher").await;
    let (mut t, hello) = teacher.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let send = json!({"r": room, "cid": "c1", "body": "Секрет: собрание", "ack": true});
    let message = t.ask("msg.send", send).await.unwrap();
    let mut sockets = Vec::new();
    for n in 1..=2 {
        let person = server.sign_in(&format!("student{n}")).await;
        let (mut socket, _) = person.hello().await;
        let read = json!({"r": room, "no": message["no"]});
        socket.ask("read", read).await.unwrap();
        away(&person, &service, &format!("/{n}")).await;
        sockets.push(socket);
    }
    let pause = json!({"pause": {}});
    sockets[0].ask("notify.pause", pause).await.unwrap();
    let id = json!({"id": message["id"]});
    t.ask("msg.remind", id).await.unwrap();
    assert_eq!(service.next().await.path, "/2");
    // Now the first was passed over.
    sockets[0].ask("notify.pause", json!({})).await.unwrap();
    let again = start_in(server.stop().await, &service).await;
    let pushed = service.next().await;
    assert_eq!((&*pushed.path, pushed.header("urgency")), ("/1", "high"));
    assert_eq!(service.taken(), 2, "and the other once");
    again.stop().await;
}

/// What Chromium offers.
const OFFER: &str = include_str!("../../../fuzz/corpus/sdp/chromium");

#[tokio::test]
async fn who_is_in_a_lesson_is_told_nothing_unless_they_want_to_be_and_others_see_it() {
    let (server, mut service) = start().await;
    let teacher = server.sign_in("teacher").await;
    let (mut t, hello) = teacher.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let call = t.ask("call.start", json!({"r": room})).await.unwrap()["call"]["id"].clone();
    let up = json!({"mic": "0", "camera": "1", "screen": "2", "screen_audio": "3"});
    let join = json!({"call": call, "sdp": OFFER, "up": up, "on": [],
        "down_audio": ["4", "5", "6", "7"], "down_video": ["8", "9"]});
    let mut people = Vec::new();
    for n in 1..=3 {
        let person = server.sign_in(&format!("student{n}")).await;
        away(&person, &service, &format!("/{n}")).await;
        let (socket, hello) = person.hello().await;
        people.push((person, socket, hello["me"]["id"].clone()));
    }
    let [(_, quiet, id), (_, wants, other), _] = &mut people[..] else {
        panic!("three")
    };
    wants
        .ask("notify.lessons", json!({"on": true}))
        .await
        .unwrap();
    assert_eq!(wants.event("u.notify").await["d"]["lessons"], true);
    let mut told = Vec::new();
    for socket in [&mut *quiet, wants] {
        socket.ask("call.join", join.clone()).await.unwrap();
        let event = t.event("lesson").await;
        assert_eq!(event["d"]["on"], true);
        told.push(event["d"]["u"].clone());
    }
    assert_eq!(told, [id.clone(), other.clone()]);
    let (_, again) = teacher.hello().await;
    let mut known = again["lessons"].as_array().unwrap().clone();
    known.sort_by_key(ToString::to_string);
    told.sort_by_key(ToString::to_string);
    assert_eq!(known, told);

    say(&mut t, room.as_str(), "c1", &[id]).await;
    let mut paths = vec![service.next().await.path, service.next().await.path];
    paths.sort();
    assert_eq!(paths, ["/2", "/3"], "not even of a mention");
    // When it is over it is as ever.
    quiet
        .ask("call.leave", json!({ "call": call }))
        .await
        .unwrap();
    let event = t.event("lesson").await;
    assert_eq!(event["d"], json!({"u": id, "on": false}));
    say(&mut t, room.as_str(), "c2", &[]).await;
    let last = service.next().await;
    // Not of the mention from before.
    assert_eq!((&*last.path, last.header("urgency")), ("/1", "normal"));
    assert_eq!(service.taken(), 3);
}

#[tokio::test]
async fn a_browser_that_is_gone_is_forgotten_and_a_busy_service_is_asked_again() {
    let (server, mut service) = start().await;
    let teacher = server.sign_in("teacher").await;
    let (mut t, hello) = teacher.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let (one, two) = (
        server.sign_in("student1").await,
        server.sign_in("student2").await,
    );
    away(&one, &service, "/gone").await;
    away(&two, &service, "/busy").await;
    say(&mut t, room.as_str(), "c1", &[]).await;
    let mut paths = Vec::new();
    for _ in 0..3 {
        paths.push(service.next().await.path);
    }
    paths.sort();
    assert_eq!(paths, ["/busy", "/busy", "/gone"], "first 429, then taken");
    // The first could not be told: the next message would be another try, if there were a browser.
    let (mut s, hello) = two.hello().await;
    let (_, at) = room_named(&hello, ROOM);
    s.ask("read", json!({"r": room, "no": at["no"]}))
        .await
        .unwrap();
    say(&mut t, room.as_str(), "c2", &[]).await;
    assert_eq!(service.next().await.path, "/busy");
    // Subscribed anew it is told of the next message, though it never read the room.
    away(&one, &service, "/anew").await;
    say(&mut t, room.as_str(), "c3", &[]).await;
    assert_eq!(service.next().await.path, "/anew");
}

#[tokio::test]
async fn only_known_push_services_are_called_and_only_where_push_is_on() {
    let (server, service) = start().await;
    let student = server.sign_in("student1").await;
    let browser = Browser::new();
    let good = browser.subscription(&service, "/x");
    for endpoint in [
        "https://127.0.0.1/x",
        "https://localhost/x",
        "http://push.example/x",
        "https://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "",
    ] {
        let mut wrong = good.clone();
        wrong["endpoint"] = json!(endpoint);
        let status = subscribe(&student, wrong).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{endpoint}");
    }
    for (field, value) in [("p256dh", "AAAA"), ("auth", "!"), ("auth", "")] {
        let mut wrong = good.clone();
        wrong[field] = json!(value);
        let status = subscribe(&student, wrong).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{field}: {value}");
    }
    let stranger = student.get("/push/nowhere").await;
    assert_eq!(stranger.status, StatusCode::FORBIDDEN);
    let out = [("content-type", "application/json")];
    let foreign = server.raw(Method::POST, "/push", &out, good.to_string().into_bytes());
    assert_eq!(foreign.await.status, StatusCode::FORBIDDEN);

    let plain = Server::start().await;
    let student = plain.sign_in("student1").await;
    assert_eq!(student.get("/push").await.status, StatusCode::NOT_FOUND);
    assert_eq!(subscribe(&student, good).await, StatusCode::NOT_FOUND);
}
