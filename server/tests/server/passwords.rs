//! Passwords that are forgotten, replaced and chosen, and what ends with the one before.

use std::process::{Command, Stdio};

use hyper::{Method, StatusCode};
use protocol::model::Role;
use serde_json::{Value, json};
use server::accounts::add_person;
use server::accounts::password::{Hasher, HasherLimits};
use server::store::Store;
use sqlx::SqlitePool;

use crate::door::Answer;
use crate::harness::{Person, ROOM, Server, room_named};
use crate::school::School;
use crate::stream;

const JSON: (&str, &str) = ("content-type", "application/json");
const OLD: &str = "parta-demo";
const NEW: &str = "четыре синих кита";

async fn ask(person: &Person<'_>, method: Method, path: &str, body: Value) -> Answer {
    let body = body.to_string().into_bytes();
    person.send(method, path, &[JSON], body).await
}

fn told(answer: &Answer) -> (u16, Value) {
    let status = answer.status.as_u16();
    (
        status,
        if status == 204 {
            Value::Null
        } else {
            answer.json()["c"].clone()
        },
    )
}

fn no(status: u16, code: &str) -> (u16, Value) {
    (status, json!(code))
}

const DONE: (u16, Value) = (204, Value::Null);

async fn reset(by: &Person<'_>, who: &Value) -> Answer {
    let path = format!("/people/{}/password", who.as_str().unwrap());
    ask(by, Method::POST, &path, json!({})).await
}

/// The one-time password that somebody made.
async fn once(by: &Person<'_>, who: &Value) -> String {
    let answer = reset(by, who).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("cache-control"), "no-store");
    answer.json()["password"].as_str().unwrap().to_owned()
}

async fn choose(person: &Person<'_>, body: Value) -> Answer {
    ask(person, Method::POST, "/password", body).await
}

async fn id_of(person: &Person<'_>) -> Value {
    person.get("/session").await.json()["me"]["id"].clone()
}

async fn refused(server: &Server, login: &str, password: &str) -> (u16, Value) {
    match server.sign_in_with(login, password).await {
        Ok(_) => panic!("{login} signed in"),
        Err(answer) => told(&answer),
    }
}

async fn change(teacher: &Person<'_>, room: &str, change: Value) {
    let answer = ask(teacher, Method::PATCH, &format!("/rooms/{room}"), change).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
}

/// Somebody whom the demo lacks.
async fn add(server: &Server, login: &str, role: Role) -> Value {
    let store = Store::open_sqlite(&server.data().join("parta.db"))
        .await
        .unwrap();
    let hasher = Hasher::new(HasherLimits::for_cores(1)).unwrap();
    let person = add_person(&store, &hasher, login, login, role, OLD).await;
    store.close().await;
    json!(person.unwrap().id)
}

/// Changes the database beside the server, for what only time or bad luck would bring.
async fn beside(server: &Server, sql: &'static str) {
    let path = server.data().join("parta.db");
    let pool = SqlitePool::connect(&format!("sqlite:{}", path.display()))
        .await
        .unwrap();
    sqlx::query(sql).execute(&pool).await.unwrap();
    pool.close().await;
}

#[tokio::test]
async fn who_may_replace_whose_password() {
    let server = Server::start().await;
    let (admin, teacher) = (
        server.sign_in("admin").await,
        server.sign_in("teacher").await,
    );
    let (misha, varya) = (
        server.sign_in("student1").await,
        server.sign_in("student4").await,
    );
    let (admin_id, teacher_id) = (id_of(&admin).await, id_of(&teacher).await);
    let (misha_id, varya_id) = (id_of(&misha).await, id_of(&varya).await);
    let colleague = add(&server, "colleague", Role::Teacher).await;
    let mother = add(&server, "mother", Role::Guardian).await;
    let deputy = add(&server, "deputy", Role::Administrator).await;
    let (_, hello) = teacher.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let talk = ask(&teacher, Method::POST, "/direct", json!({"u": varya_id})).await;
    assert_eq!(talk.status, StatusCode::OK);
    let (room, people) = (room.as_str(), json!([colleague, mother]));
    change(&teacher, room, json!({"add": people, "remove": [varya_id]})).await;
    let bot = json!({"name": "Сторож", "reads": false});
    let bot = ask(&teacher, Method::POST, &format!("/rooms/{room}/bots"), bot).await;
    let bot = bot.json()["bot"]["id"].clone();

    for (by, who) in [
        (&misha, &teacher_id),
        (&misha, &admin_id),
        (&misha, &mother),
    ] {
        assert_eq!(told(&reset(by, who).await), no(403, "forbidden"));
    }
    for who in [&colleague, &admin_id, &teacher_id] {
        assert_eq!(
            told(&reset(&teacher, who).await),
            no(403, "forbidden"),
            "the staff, and oneself"
        );
    }
    let nobody = reset(&teacher, &json!("nobody")).await;
    assert_eq!(told(&nobody), no(404, "not_found"));

    // Neither a conversation of two nor the archive makes somebody one's learner.
    let new = json!({"kind": "group", "name": "Прошлый год", "cid": "past", "people": [varya_id]});
    let past = ask(&teacher, Method::POST, "/rooms", new).await.json()["id"].clone();
    change(&teacher, past.as_str().unwrap(), json!({"archived": true})).await;
    let strange = reset(&teacher, &varya_id).await;
    assert_eq!(
        (strange.status, &strange.body),
        (StatusCode::NOT_FOUND, &nobody.body)
    );
    assert_eq!(told(&reset(&misha, &varya_id).await), no(404, "not_found"));

    for who in [&bot, &admin_id, &deputy] {
        assert_eq!(
            told(&reset(&admin, who).await),
            no(403, "forbidden"),
            "bots, oneself, and other administrators"
        );
    }
    let path = format!("/people/{}/password", misha_id.as_str().unwrap());
    let origin = server.origin();
    let stranger = server
        .raw(Method::POST, &path, &[("origin", &origin)], Vec::new())
        .await;
    assert_eq!(told(&stranger), no(401, "unauthorized"));
    let page = [
        ("cookie", teacher.cookie.as_str()),
        ("origin", "https://evil.example"),
    ];
    let foreign = server.raw(Method::POST, &path, &page, Vec::new()).await;
    assert_eq!(told(&foreign), no(403, "foreign_origin"));
    for login in [
        "admin",
        "teacher",
        "student1",
        "student4",
        "colleague",
        "mother",
        "deputy",
    ] {
        assert!(
            server.sign_in_with(login, OLD).await.is_ok(),
            "{login} noticed nothing"
        );
    }

    for who in [&misha_id, &mother] {
        once(&teacher, who).await;
    }
    for who in [&varya_id, &mother, &colleague, &teacher_id] {
        once(&admin, who).await;
    }
    assert_eq!(
        teacher.get("/session").await.status,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn a_reset_ends_all_that_is_open_of_the_person_and_the_log_says_who_did_it() {
    let server = Server::start().await;
    let (admin, teacher) = (
        server.sign_in("admin").await,
        server.sign_in("teacher").await,
    );
    let (phone, laptop) = (
        server.sign_in("student1").await,
        server.sign_in("student1").await,
    );
    let alina = server.sign_in("student2").await;
    let misha_id = id_of(&phone).await;
    let (mut on_phone, _) = phone.hello().await;
    let (mut on_laptop, way, _) = stream::open(&laptop).await;
    let (mut others, _) = alina.hello().await;
    let password = once(&teacher, &misha_id).await;

    assert_eq!(on_phone.close_code().await, 4503);
    loop {
        let (name, data) = on_laptop.next().await.unwrap();
        if name == "close" {
            assert_eq!(data["c"], 4503);
            break;
        }
    }
    for one in [&phone, &laptop] {
        assert_eq!(told(&one.get("/session").await), no(401, "unauthorized"));
        assert_eq!(one.connect().await.close_code().await, 4501);
    }
    let late = laptop.send(Method::POST, &way, &[], b"{}".to_vec()).await;
    assert_eq!(told(&late), no(401, "unauthorized"));
    assert_eq!(
        refused(&server, "student1", OLD).await,
        no(401, "bad_credentials")
    );
    assert!(
        others
            .ask("read", json!({"r": "none", "no": 1}))
            .await
            .is_err(),
        "still answers"
    );

    let log = admin.get("/audit?act=password_reset").await;
    let entries = log.json()["entries"].as_array().unwrap().clone();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0]["by"]["id"], id_of(&teacher).await);
    assert_eq!(entries[0]["about"]["id"], misha_id);
    let text = String::from_utf8(log.body.to_vec()).unwrap();
    assert!(!text.contains(&password) && !text.contains(&password.replace('-', "")));

    // The next one takes the place of this one.
    let next = once(&teacher, &misha_id).await;
    assert_eq!(
        refused(&server, "student1", &password).await,
        no(401, "bad_credentials")
    );
    assert!(server.sign_in_with("student1", &next).await.is_ok());
}

#[tokio::test]
async fn with_a_one_time_password_one_chooses_another_and_can_do_nothing_else() {
    let server = Server::start().await;
    let teacher = server.sign_in("teacher").await;
    let misha_id = id_of(&server.sign_in("student1").await).await;
    let (_, hello) = teacher.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let password = once(&teacher, &misha_id).await;
    let typed = password.replace('-', " ").to_uppercase();
    let misha = server.sign_in_with("student1", &typed).await.unwrap();
    let other = server.sign_in_with("student1", &password).await.unwrap();
    let session = misha.get("/session").await.json();
    assert_eq!(
        (&session["me"]["id"], &session["choose"]),
        (&misha_id, &json!(true))
    );

    let person = misha_id.as_str().unwrap();
    for (method, path) in [
        (Method::GET, format!("/rooms/{room}/events")),
        (Method::GET, format!("/rooms/{room}/readers")),
        (Method::GET, "/mentions".to_owned()),
        (Method::GET, "/picture".to_owned()),
        (Method::GET, "/people".to_owned()),
        (Method::GET, "/mail".to_owned()),
        (Method::GET, "/push".to_owned()),
        (Method::GET, "/files/x".to_owned()),
        (Method::GET, "/rules/text".to_owned()),
        (Method::POST, "/search".to_owned()),
        (Method::POST, "/stream".to_owned()),
        (Method::POST, "/mail/address".to_owned()),
        (Method::POST, format!("/rooms/{room}/files")),
        (Method::POST, format!("/rooms/{room}/uploads")),
        (Method::POST, format!("/people/{person}/password")),
        (Method::DELETE, "/picture".to_owned()),
        (Method::DELETE, "/push".to_owned()),
    ] {
        let answer = ask(&misha, method.clone(), &path, json!({})).await;
        assert_eq!(told(&answer), no(403, "choose_password"), "{method} {path}");
    }
    let code = json!({"code": "123456"});
    let answer = ask(&misha, Method::POST, "/mail/confirm", code).await;
    assert!(answer.status.is_client_error());
    assert_eq!(misha.connect().await.close_code().await, 4501);

    for (new, answer) in [
        ("коротко", no(400, "bad_request")),
        ("qwertyuiop", no(422, "weak_password")),
        ("student1", no(422, "weak_password")),
        (&password, no(422, "weak_password")),
        (&typed, no(422, "weak_password")),
    ] {
        let told = told(&choose(&misha, json!({"password": new})).await);
        assert_eq!(told, answer, "{new}");
    }
    let chosen = choose(&misha, json!({ "password": NEW })).await;
    assert_eq!(told(&chosen), DONE);
    let cookie = chosen.header("set-cookie");
    let now = Person {
        door: server.door(),
        cookie: cookie.split(';').next().unwrap().to_owned(),
    };
    for ended in [&misha, &other] {
        assert_eq!(told(&ended.get("/session").await), no(401, "unauthorized"));
    }
    let session = now.get("/session").await.json();
    assert_eq!(
        (&session["me"]["id"], &session["choose"]),
        (&misha_id, &Value::Null)
    );
    now.hello().await;
    assert_eq!(
        refused(&server, "student1", &password).await,
        no(401, "bad_credentials")
    );
    server
        .sign_in_with("student1", NEW)
        .await
        .unwrap()
        .hello()
        .await;

    // Signing out is the other thing that one can do.
    let password = once(&teacher, &misha_id).await;
    let misha = server.sign_in_with("student1", &password).await.unwrap();
    let out = misha
        .send(Method::DELETE, "/session", &[], Vec::new())
        .await;
    assert_eq!(told(&out), DONE);
    assert_eq!(told(&misha.get("/session").await), no(401, "unauthorized"));
}

#[tokio::test]
async fn a_one_time_password_is_over_after_its_days_and_so_is_what_began_with_it() {
    let server = Server::start().await;
    let teacher = server.sign_in("teacher").await;
    let misha_id = id_of(&server.sign_in("student1").await).await;
    let made = reset(&teacher, &misha_id).await.json();
    let until: jiff::Timestamp = made["until"].as_str().unwrap().parse().unwrap();
    let days = until.duration_since(jiff::Timestamp::now()).as_hours();
    assert!((7 * 24 - 1..=7 * 24).contains(&days), "{days}");
    let password = made["password"].as_str().unwrap();
    let misha = server.sign_in_with("student1", password).await.unwrap();
    beside(
        &server,
        "UPDATE sessions SET expires_at = expires_at - 604800000 WHERE person_id IN (SELECT id FROM people WHERE once_until > 0)",
    )
    .await;
    beside(
        &server,
        "UPDATE people SET once_until = once_until - 604800000 WHERE once_until > 0",
    )
    .await;
    assert_eq!(told(&misha.get("/session").await), no(401, "unauthorized"));
    let late = choose(&misha, json!({ "password": NEW })).await;
    assert_eq!(told(&late), no(401, "unauthorized"));
    assert_eq!(
        refused(&server, "student1", password).await,
        no(401, "password_expired")
    );
    assert_eq!(
        refused(&server, "student1", "k7m-4wd-h9t").await,
        no(401, "bad_credentials")
    );
    let next = once(&teacher, &misha_id).await;
    assert!(server.sign_in_with("student1", &next).await.is_ok());
}

#[tokio::test]
async fn ones_own_password_is_changed_with_the_old_one_and_other_devices_sign_in_anew() {
    let server = Server::start().await;
    let (here, there) = (
        server.sign_in("student1").await,
        server.sign_in("student1").await,
    );
    let (mut h, _) = here.hello().await;
    let (mut t, _) = there.hello().await;
    for (body, answer) in [
        (json!({"password": NEW}), no(401, "bad_credentials")),
        (
            json!({"old": "не тот пароль", "password": NEW}),
            no(401, "bad_credentials"),
        ),
        (
            json!({"old": OLD, "password": "коротко"}),
            no(400, "bad_request"),
        ),
        (
            json!({"old": OLD, "password": "12345678"}),
            no(422, "weak_password"),
        ),
        (
            json!({"old": OLD, "password": NEW, "more": 1}),
            no(400, "bad_request"),
        ),
    ] {
        assert_eq!(told(&choose(&here, body.clone()).await), answer, "{body}");
    }
    let body = json!({"old": OLD, "password": NEW, "stay": true});
    assert_eq!(told(&choose(&here, body).await), DONE);
    for socket in [&mut h, &mut t] {
        assert!(
            socket
                .ask("read", json!({"r": "none", "no": 1}))
                .await
                .is_err(),
            "still answers"
        );
    }
    assert_eq!(
        refused(&server, "student1", OLD).await,
        no(401, "bad_credentials")
    );

    let body = json!({"old": NEW, "password": "зима близко, волки"});
    assert_eq!(told(&choose(&here, body).await), DONE);
    assert_eq!(t.close_code().await, 4503);
    assert_eq!(told(&there.get("/session").await), no(401, "unauthorized"));
    assert!(
        h.ask("read", json!({"r": "none", "no": 1})).await.is_err(),
        "still answers"
    );
    assert_eq!(here.get("/session").await.status, StatusCode::OK);
}

#[tokio::test]
async fn guessing_the_old_password_in_a_session_is_as_slow_as_signing_in() {
    let server = Server::start().await;
    let misha = server.sign_in("student1").await;
    let mut answers = Vec::new();
    for _ in 0..7 {
        let guess = json!({"old": "guess", "password": NEW});
        answers.push(told(&choose(&misha, guess).await));
    }
    let wrong = no(401, "bad_credentials");
    assert!(
        answers[..5].iter().all(|answer| *answer == wrong),
        "five are free: {answers:?}"
    );
    assert!(answers.contains(&no(429, "rate_limited")), "{answers:?}");
}

#[tokio::test]
async fn trying_the_one_time_password_as_ones_own_counts_as_a_wrong_password() {
    let server = Server::start().await;
    let teacher = server.sign_in("teacher").await;
    let misha_id = id_of(&server.sign_in("student1").await).await;
    let password = once(&teacher, &misha_id).await;
    let misha = server.sign_in_with("student1", &password).await.unwrap();
    let mut answers = Vec::new();
    for _ in 0..7 {
        answers.push(told(&choose(&misha, json!({"password": password})).await));
    }
    assert_eq!(answers[0], no(422, "weak_password"));
    assert!(answers.contains(&no(429, "rate_limited")), "{answers:?}");
}

#[tokio::test]
async fn a_connection_does_not_outlive_a_session_that_ended_while_it_was_made() {
    let server = Server::start().await;
    let misha = server.sign_in("student1").await;
    let mut early = misha.connect().await;
    beside(&server, "DELETE FROM sessions").await;
    let hello =
        json!({"i": 1, "m": "hello", "p": {"v": 1, "dev": "device", "app": "test", "pos": {}}});
    early.write(&hello.to_string()).await;
    assert_eq!(early.close_code().await, 4503);
}

#[tokio::test]
async fn the_command_line_replaces_a_password_beside_the_running_server() {
    let server = Server::start().await;
    let (admin, misha) = (
        server.sign_in("admin").await,
        server.sign_in("student1").await,
    );
    let (mut m, hello) = misha.hello().await;
    let (mut a, _) = admin.hello().await;
    let data = server.data().to_owned();
    let set = move |login: &'static str, password: &'static str| {
        let data = data.clone();
        tokio::task::spawn_blocking(move || {
            let mut command = Command::new(env!("CARGO_BIN_EXE_parta"));
            let command = command
                .args(["user", "password", login, "--data"])
                .arg(data);
            let pipes = command
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped());
            let mut child = pipes.spawn().unwrap();
            let mut stdin = child.stdin.take().unwrap();
            std::io::Write::write_all(&mut stdin, password.as_bytes()).unwrap();
            drop(stdin);
            child.wait_with_output().unwrap()
        })
    };
    for (login, password) in [
        ("nobody", NEW),
        ("student1", "коротко\n"),
        ("student1", "qwertyuiop\n"),
    ] {
        let output = set(login, password).await.unwrap();
        assert!(
            !output.status.success() && !output.stderr.is_empty(),
            "{login} {password}"
        );
    }
    assert!(server.sign_in_with("student1", OLD).await.is_ok());
    let output = set("Student1", "четыре синих кита\n").await.unwrap();
    assert!(output.status.success());
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.contains("Миша Кузнецов") && said.contains("2 sessions"),
        "{said}"
    );
    // The server is not told; it looks.
    assert_eq!(m.close_code().await, 4503);
    assert!(
        a.ask("read", json!({"r": "none", "no": 1})).await.is_err(),
        "still answers"
    );
    assert_eq!(
        refused(&server, "student1", OLD).await,
        no(401, "bad_credentials")
    );
    server
        .sign_in_with("student1", NEW)
        .await
        .unwrap()
        .hello()
        .await;
    let log = admin.get("/audit?act=password_set").await.json();
    let entry = &log["entries"][0];
    assert_eq!(
        (&entry["about"]["id"], &entry["by"]),
        (&hello["me"]["id"], &Value::Null)
    );
}

#[tokio::test]
async fn a_reset_on_one_server_ends_the_connections_on_all() {
    let Some(school) = School::open(2).await else {
        return;
    };
    let (teacher, misha) = (
        school.sign_in("teacher", 0).await,
        school.sign_in("student1", 1).await,
    );
    let (mut m, hello) = misha.hello().await;
    once(&teacher, &hello["me"]["id"]).await;
    assert_eq!(m.close_code().await, 4503);
}
