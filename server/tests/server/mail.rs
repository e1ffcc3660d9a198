//! Mail with a real mail server: addresses are confirmed, what is unread is told, answers become messages.

mod answers;
mod boxes;
mod fetched;
mod passwords;
mod post;

use std::future::Future;

use hyper::{Method, StatusCode};
use protocol::RoomId;
use serde_json::{Value, json};
use server::store::Store;
use sqlx::SqlitePool;

use crate::door::Answer;
use crate::harness::{PATIENCE, Person, ROOM, Server, Socket, room_named};
use post::{Came, Post};

const JSON: (&str, &str) = ("content-type", "application/json");

/// A school that sends by this mail server.
async fn school(post: &Post) -> Server {
    Server::start_as(tempfile::tempdir().unwrap(), true, |config| {
        post.set(config)
    })
    .await
}

async fn ask(person: &Person<'_>, method: Method, path: &str, body: Value) -> Answer {
    let body = body.to_string().into_bytes();
    person.send(method, path, &[JSON], body).await
}

async fn set_address(person: &Person<'_>, address: &str) -> Answer {
    let body = json!({"address": address, "lang": "ru", "zone": "Asia/Yekaterinburg"});
    ask(person, Method::POST, "/mail/address", body).await
}

async fn confirm(person: &Person<'_>, code: &str) -> StatusCode {
    let body = json!({ "code": code });
    ask(person, Method::POST, "/mail/confirm", body)
        .await
        .status
}

async fn wish(person: &Person<'_>, when: &str) {
    let body = json!({"when": when, "digest": 1080, "zone": "Asia/Yekaterinburg", "lang": "ru"});
    let answer = ask(person, Method::PATCH, "/mail", body).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
}

/// A confirmed address of this person's, from which nothing is told yet.
async fn reachable(person: &Person<'_>, post: &Post, address: &str) {
    assert_eq!(
        set_address(person, address).await.status,
        StatusCode::NO_CONTENT
    );
    let code = post.next().await.code();
    assert_eq!(confirm(person, &code).await, StatusCode::NO_CONTENT);
}

async fn say(socket: &mut Socket, room: &RoomId, cid: &str, body: &str, men: &[&Value]) {
    let send = json!({"r": room, "cid": cid, "body": body, "men": men});
    socket.ask("msg.send", send).await.unwrap();
}

/// Changes the database beside the server, for what only time would bring.
async fn turn_the_clock(server: &Server, sql: &'static str) {
    let path = server.data().join("parta.db");
    let pool = SqlitePool::connect(&format!("sqlite:{}", path.display()))
        .await
        .unwrap();
    sqlx::query(sql).execute(&pool).await.unwrap();
    pool.close().await;
}

async fn until<F: Future<Output = bool>>(what: &str, is: impl Fn() -> F) {
    let waiting = async {
        while !is().await {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect(what);
}

#[tokio::test]
async fn an_address_counts_once_what_was_mailed_there_came_back() {
    let post = Post::start().await;
    let server = school(&post).await;
    let student = server.sign_in("student1").await;
    let before = student.get("/mail").await.json();
    assert_eq!(
        (&before["when"], &before["texts"]),
        (&json!("off"), &json!(false))
    );
    assert!(before["address"].is_null());

    let asked = set_address(&student, "  misha@Example.Test ").await;
    assert_eq!(asked.status, StatusCode::NO_CONTENT);
    let came = post.next().await;
    assert_eq!(came.to(), "misha@example.test");
    assert!(
        came.parsed()
            .subject()
            .unwrap()
            .contains("подтвердите адрес")
    );
    assert!(
        came.text().contains("Миша Кузнецов") && came.text().contains("Asia/Yekaterinburg, UTC+5")
    );
    assert_eq!(
        student.get("/mail").await.json()["pending"],
        "misha@example.test"
    );
    let again = set_address(&student, "misha@example.test").await;
    assert_eq!(again.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(again.header("retry-after").parse::<u32>().unwrap() <= 60);

    let code = came.code();
    let wrong = if code == "111111" { "222222" } else { "111111" };
    assert_eq!(confirm(&student, wrong).await, StatusCode::NOT_FOUND);
    let other = server.sign_in("student2").await;
    assert_eq!(confirm(&other, &code).await, StatusCode::NOT_FOUND);
    let spaced = format!("{} {}", &code[..3], &code[3..]);
    assert_eq!(confirm(&student, &spaced).await, StatusCode::NO_CONTENT);
    assert_eq!(confirm(&student, &code).await, StatusCode::NOT_FOUND);
    let after = student.get("/mail").await.json();
    assert_eq!(
        (&after["address"], &after["when"]),
        (&json!("misha@example.test"), &json!("hour"))
    );
    assert!(after["pending"].is_null());
    // The link of the same mail is spent with the code.
    let origin = server.origin();
    let headers = [JSON, ("origin", origin.as_str())];
    let link = json!({"token": came.behind("#confirm=")}).to_string();
    let spent = server.raw(Method::POST, "/mail/confirm", &headers, link.into_bytes());
    assert_eq!(spent.await.status, StatusCode::NOT_FOUND);

    // A link is enough, also where nobody is signed in.
    set_address(&other, "alina@example.test").await;
    let link = json!({"token": post.next().await.behind("#confirm=")}).to_string();
    let used = server.raw(Method::POST, "/mail/confirm", &headers, link.into_bytes());
    assert_eq!(used.await.status, StatusCode::NO_CONTENT);
    assert_eq!(
        other.get("/mail").await.json()["address"],
        "alina@example.test"
    );

    let gone = student
        .send(Method::DELETE, "/mail/address", &[], Vec::new())
        .await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    assert!(student.get("/mail").await.json()["address"].is_null());
}

#[tokio::test]
async fn only_oneself_and_administrators_set_an_address_and_codes_cannot_be_guessed() {
    let post = Post::start().await;
    let server = school(&post).await;
    let (student, teacher, admin) = (
        server.sign_in("student1").await,
        server.sign_in("teacher").await,
        server.sign_in("admin").await,
    );
    let (_, hello) = student.hello().await;
    let body = json!({"address": "m@example.test", "person": hello["me"]["id"], "lang": "en", "zone": "Europe/Moscow"});
    let refused = ask(&teacher, Method::POST, "/mail/address", body.clone()).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let done = ask(&admin, Method::POST, "/mail/address", body.clone()).await;
    assert_eq!(done.status, StatusCode::NO_CONTENT);
    let came = post.next().await;
    assert!(
        came.parsed()
            .subject()
            .unwrap()
            .contains("confirm your e-mail")
    );
    let mut stranger = body;
    stranger["person"] = json!("nobody");
    let unknown = ask(&admin, Method::POST, "/mail/address", stranger).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    for wrong in [
        "misha",
        "a@b",
        "a@b.ru, c@d.ru",
        "a@b.ru\r\nBcc: x@y.ru",
        "",
    ] {
        assert_eq!(
            set_address(&teacher, wrong).await.status,
            StatusCode::BAD_REQUEST,
            "{wrong}"
        );
    }

    let code = came.code();
    let wrong = if code == "111111" { "222222" } else { "111111" };
    for _ in 0..5 {
        assert_eq!(confirm(&student, wrong).await, StatusCode::NOT_FOUND);
    }
    assert_eq!(
        confirm(&student, &code).await,
        StatusCode::NOT_FOUND,
        "tried too often"
    );

    let quiet = Server::start().await;
    let answer = quiet.sign_in("student1").await.get("/mail").await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND, "where mail is off");
}

#[tokio::test]
async fn what_is_unread_comes_in_one_mail_that_says_who_and_where_and_not_what() {
    let post = Post::start().await;
    let server = school(&post).await;
    let (teacher, student) = (
        server.sign_in("teacher").await,
        server.sign_in("student1").await,
    );
    let (mut t, hello) = teacher.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let (mut s, own) = student.hello().await;
    for room in own["rooms"].as_array().unwrap() {
        let read = json!({"r": room["id"], "no": room["no"]});
        s.ask("read", read).await.unwrap();
    }
    reachable(&student, &post, "misha@example.test").await;
    say(&mut t, &room, "c1", "Секрет: контрольная в среду", &[]).await;
    say(&mut t, &room, "c2", "и в четверг", &[&own["me"]["id"]]).await;
    wish(&student, "soon").await;
    let came = post.next().await;
    let text = came.text();
    for part in [
        "Ответ пишите выше этой строки",
        &format!("{ROOM}: 2 новых сообщения"),
        "Пишут: Анна Сергеевна Иванова (2)",
        "Вас упомянули.",
        &format!("/room/{room}\n"),
        "Asia/Yekaterinburg, UTC+5",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let all = String::from_utf8_lossy(&came.bytes).into_owned();
    let html = came.parsed().body_html(0).unwrap().into_owned();
    for form in [&text, &html, &all] {
        assert!(!form.contains("Секрет") && !form.contains("четверг"));
    }
    assert_eq!(came.header("Auto-Submitted"), "auto-generated");
    assert_eq!(came.header("Precedence"), "bulk");
    assert!(came.reply_to().starts_with("reply+"));
    assert_eq!(
        came.header("List-Unsubscribe-Post"),
        "List-Unsubscribe=One-Click"
    );

    // The next one, after the room was read, belongs to the same thread.
    let (mut s, own) = student.hello().await;
    let (_, now) = room_named(&own, ROOM);
    s.ask("read", json!({"r": room, "no": now["no"]}))
        .await
        .unwrap();
    say(&mut t, &room, "c3", "ещё", &[]).await;
    let next = post.next().await;
    assert!(next.text().contains(&format!("{ROOM}: 1 новое сообщение")));
    assert_eq!(next.header("References"), came.header("References"));
    assert_eq!(next.parsed().subject(), came.parsed().subject());
    assert_ne!(next.header("Message-ID"), came.header("Message-ID"));

    // One press in a mail program, without a page and without a session.
    let stop = came.header("List-Unsubscribe");
    let path = stop
        .trim_matches(['<', '>'])
        .split_once("/api/v1")
        .unwrap()
        .1
        .to_owned();
    let looked = server.raw(Method::GET, &path, &[], Vec::new()).await;
    assert_eq!(looked.status, StatusCode::SEE_OTHER);
    assert_eq!(student.get("/mail").await.json()["when"], "soon");
    let bent = server
        .raw(Method::POST, &format!("{path}x"), &[], Vec::new())
        .await;
    assert_eq!(bent.status, StatusCode::NOT_FOUND);
    let stopped = server.raw(
        Method::POST,
        &path,
        &[],
        b"List-Unsubscribe=One-Click".to_vec(),
    );
    assert_eq!(stopped.await.status, StatusCode::NO_CONTENT);
    assert_eq!(student.get("/mail").await.json()["when"], "off");
}

#[tokio::test]
async fn nobody_is_mailed_who_sits_before_the_page_or_wants_quiet() {
    let post = Post::start().await;
    let server = school(&post).await;
    let teacher = server.sign_in("teacher").await;
    let (mut t, hello) = teacher.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let mut people = Vec::new();
    for n in 1..=4 {
        let person = server.sign_in(&format!("student{n}")).await;
        reachable(&person, &post, &format!("s{n}@example.test")).await;
        let (mut socket, hello) = person.hello().await;
        for one in hello["rooms"].as_array().unwrap() {
            let read = json!({"r": one["id"], "no": one["no"]});
            socket.ask("read", read).await.unwrap();
        }
        people.push((person, socket, hello["me"]["id"].clone()));
    }
    let [(_, muted, _), (_, paused, _), (_, looking, _), _] = &mut people[..] else {
        panic!("four")
    };
    let wish_of = json!({"r": room, "level": "all", "mute": {}});
    muted.ask("notify.room", wish_of).await.unwrap();
    paused
        .ask("notify.pause", json!({"pause": {}}))
        .await
        .unwrap();
    looking.ask("visible", json!({"on": true})).await.unwrap();
    for (person, ..) in &people {
        wish(person, "soon").await;
    }
    say(&mut t, &room, "c1", "раз", &[]).await;
    assert_eq!(post.next().await.to(), "s4@example.test");
    let [(_, _, _), (_, paused, _), (_, looking, _), _] = &mut people[..] else {
        panic!("four")
    };
    // Each of them has a reason to be told now; nobody was before.
    assert!(post.take().is_none());
    looking.ask("visible", json!({"on": false})).await.unwrap();
    assert_eq!(post.next().await.to(), "s3@example.test");
    paused.ask("notify.pause", json!({})).await.unwrap();
    assert_eq!(post.next().await.to(), "s2@example.test");
    let one = people[0].2.clone();
    say(&mut t, &room, "c2", "два", &[&one]).await;
    let came = post.next().await;
    assert_eq!(came.to(), "s1@example.test");
    assert!(
        came.text().contains("1 новое сообщение"),
        "of a muted room only the mention"
    );
}

#[tokio::test]
async fn a_reminder_is_mailed_to_those_who_have_not_acknowledged_and_once() {
    let post = Post::start().await;
    let server = school(&post).await;
    let teacher = server.sign_in("teacher").await;
    let (mut t, hello) = teacher.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let send = json!({"r": room, "cid": "c1", "body": "Секрет: собрание", "ack": true});
    let message = t.ask("msg.send", send).await.unwrap();
    let id = json!({"id": message["id"]});
    for n in 1..=2 {
        let person = server.sign_in(&format!("student{n}")).await;
        reachable(&person, &post, &format!("s{n}@example.test")).await;
        let (mut socket, hello) = person.hello().await;
        for one in hello["rooms"].as_array().unwrap() {
            let read = json!({"r": one["id"], "no": one["no"]});
            socket.ask("read", read).await.unwrap();
        }
        if n == 1 {
            socket.ask("msg.ack", id.clone()).await.unwrap();
        }
        wish(&person, "soon").await;
    }
    t.ask("msg.remind", id).await.unwrap();
    let came = post.next().await;
    assert_eq!(came.to(), "s2@example.test");
    assert!(came.parsed().subject().unwrap().contains("вам напоминают"));
    let text = came.text();
    assert!(
        text.contains(&format!("{ROOM}: ждёт ознакомления")),
        "{text}"
    );
    assert!(text.contains(&format!("/room/{room}\n")) && !text.contains("Секрет"));
    // What comes next is something else: of the reminder nothing more.
    say(&mut t, &room, "c2", "раз", &[]).await;
    for _ in 0..2 {
        assert!(post.next().await.text().contains("1 новое сообщение"));
    }
}

#[tokio::test]
async fn a_digest_tells_of_all_rooms_once_a_day() {
    let post = Post::start().await;
    let server = school(&post).await;
    let (teacher, student) = (
        server.sign_in("teacher").await,
        server.sign_in("student1").await,
    );
    let (mut t, hello) = teacher.hello().await;
    reachable(&student, &post, "misha@example.test").await;
    wish(&student, "digest").await;
    for name in [ROOM, "3D-моделирование, поток 2"] {
        let (room, _) = room_named(&hello, name);
        say(&mut t, &room, name.len().to_string().as_str(), "текст", &[]).await;
    }
    turn_the_clock(&server, "UPDATE mail_people SET digest_at = 1").await;
    let came = post.next().await;
    let text = came.text();
    assert!(
        text.contains(ROOM) && text.contains("3D-моделирование, поток 2"),
        "{text}"
    );
    assert!(
        came.parsed().reply_to().is_none(),
        "of several rooms none can be answered"
    );
    // The next day nothing is new but what came since.
    let (room, _) = room_named(&hello, ROOM);
    say(&mut t, &room, "more", "ещё", &[]).await;
    turn_the_clock(&server, "UPDATE mail_people SET digest_at = 1").await;
    let next = post.next().await.text();
    assert!(
        next.contains(ROOM) && next.contains("1 новое") && !next.contains("3D"),
        "{next}"
    );
}

#[tokio::test]
async fn what_was_to_be_sent_outlives_both_servers_and_comes_once() {
    let mut post = Post::start().await;
    let server = school(&post).await;
    post.stop();
    let student = server.sign_in("student1").await;
    assert_eq!(
        set_address(&student, "misha@example.test").await.status,
        StatusCode::NO_CONTENT
    );
    let path = server.data().join("parta.db");
    let waits = || async {
        let store = Store::open_sqlite(&path).await.unwrap();
        let waiting = store.mails_waiting().await.unwrap();
        store.close().await;
        waiting == 1
    };
    until("the mail waits", waits).await;
    let folder = server.stop().await;
    post.begin_anew().await;
    let server = Server::start_as(folder, true, |config| post.set(config)).await;
    turn_the_clock(
        &server,
        "UPDATE mail_queue SET due_at = 1, claimed_at = NULL",
    )
    .await;
    let came = post.next().await;
    let student = server.sign_in("student1").await;
    assert_eq!(
        confirm(&student, &came.code()).await,
        StatusCode::NO_CONTENT
    );
    assert!(post.take().is_none());
}

#[tokio::test]
async fn an_address_that_is_refused_for_good_is_told_in_the_settings() {
    let post = Post::start().await;
    let server = school(&post).await;
    let student = server.sign_in("student1").await;
    set_address(&student, "nobody@example.test").await;
    until("the refusal is known", || async {
        let now = student.get("/mail").await.json();
        now["pending"].is_null() && now["failing"] == json!(true)
    })
    .await;
    // One that was good once, and is none any more.
    let other = server.sign_in("student2").await;
    reachable(&other, &post, "alina@example.test").await;
    turn_the_clock(
        &server,
        "UPDATE mail_people SET address = 'nobody@example.test' WHERE address IS NOT NULL",
    )
    .await;
    let (mut t, hello) = server.sign_in("teacher").await.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    say(&mut t, &room, "c1", "раз", &[]).await;
    wish(&other, "soon").await;
    until("the settings say so", || async {
        other.get("/mail").await.json()["failing"] == json!(true)
    })
    .await;
    // Confirmed anew it counts again.
    turn_the_clock(&server, "UPDATE mail_people SET asked_at = 0").await;
    reachable(&other, &post, "alina@example.test").await;
    assert_eq!(other.get("/mail").await.json()["failing"], false);
}

/// The mail about what is unread in a room, that can be answered; with the address that it went to.
async fn told(server: &Server, post: &Post, login: &str, address: &str) -> (RoomId, Came) {
    let person = server.sign_in(login).await;
    let (mut socket, hello) = person.hello().await;
    for one in hello["rooms"].as_array().unwrap() {
        let read = json!({"r": one["id"], "no": one["no"]});
        socket.ask("read", read).await.unwrap();
    }
    let (room, _) = room_named(&hello, ROOM);
    reachable(&person, post, address).await;
    wish(&person, "soon").await;
    let writer = if login == "teacher" {
        "student4"
    } else {
        "teacher"
    };
    let writer = server.sign_in(writer).await;
    let (mut t, _) = writer.hello().await;
    say(&mut t, &room, &format!("to-{login}"), "Кто придёт?", &[]).await;
    let came = post.next().await;
    assert_eq!(came.to(), address);
    (room, came)
}
