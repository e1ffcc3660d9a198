//! Reading a conversation of two, as those see it who may and those who may not.

use hyper::{Method, StatusCode};
use protocol::model::Role;
use protocol::room::LearnerPolicy;
use serde_json::{Value, json};
use server::accounts::add_person;
use server::accounts::password::{Hasher, HasherLimits};
use server::store::Store;

use crate::export::look;
use crate::harness::{Person, Server};

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];
const PASSWORD: &str = "parta-second";

async fn post(person: &Person<'_>, path: &str, body: Value) -> StatusCode {
    let body = body.to_string().into_bytes();
    person.send(Method::POST, path, &JSON, body).await.status
}

/// Another administrator, as whoever runs the server makes one.
async fn second(server: &Server) -> Person<'_> {
    one_more(server, "second", "Сергей Громов", Role::Administrator).await
}

async fn one_more<'s>(server: &'s Server, login: &str, name: &str, role: Role) -> Person<'s> {
    let store = Store::open_sqlite(&server.data().join("parta.db"))
        .await
        .unwrap();
    let hasher = Hasher::new(HasherLimits::for_cores(1)).unwrap();
    add_person(&store, &hasher, login, name, role, PASSWORD)
        .await
        .unwrap();
    store.close().await;
    server.sign_in_with(login, PASSWORD).await.ok().unwrap()
}

/// The conversation of the teacher and a learner.
async fn direct(teacher: &Person<'_>, learner: &Value) -> String {
    let body = json!({"u": learner}).to_string().into_bytes();
    let made = teacher.send(Method::POST, "/direct", &JSON, body).await;
    made.json()["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn two_administrators_read_a_conversation_without_being_in_it() {
    let server = Server::start().await;
    let (admin, teacher) = (
        server.sign_in("admin").await,
        server.sign_in("teacher").await,
    );
    let student = server.sign_in("student1").await;
    let (mut s, theirs) = student.hello().await;
    let (mut t, hers) = teacher.hello().await;
    let room = direct(&teacher, &theirs["me"]["id"]).await;
    t.event("u.room").await;
    let send = json!({"r": room, "cid": "c1", "body": "тайное"});
    let id = t.ask("msg.send", send).await.unwrap()["id"].clone();
    t.ask("msg.delete", json!({"id": id})).await.unwrap();
    let send = json!({"r": room, "cid": "c2", "body": "явное"});
    let shown = t.ask("msg.send", send).await.unwrap()["id"].clone();

    let ask = json!({"of": {"people": [hers["me"]["id"], theirs["me"]["id"]]}, "reason": " Жалоба мамы "});
    let alone = post(&admin, "/inspections", ask.clone()).await;
    assert_eq!(alone, StatusCode::FORBIDDEN, "nobody could grant it");
    assert_eq!(admin.get("/inspections").await.json()["others"], json!(0));
    let second = second(&server).await;
    let (mut a, _) = admin.hello().await;
    let (mut b, _) = second.hello().await;
    for (reason, refused) in [
        (" \n ".to_owned(), StatusCode::BAD_REQUEST),
        ("a\0b".to_owned(), StatusCode::BAD_REQUEST),
        ("я".repeat(1_001), StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        let body = json!({"of": {"room": room}, "reason": reason});
        assert_eq!(post(&admin, "/inspections", body).await, refused);
    }
    let unknown = json!({"of": {"room": "missing"}, "reason": "Проверка"});
    let unknown = post(&admin, "/inspections", unknown).await;
    assert_eq!(unknown, StatusCode::NOT_FOUND);
    for nobody in [&teacher, &student] {
        for room in [&*room, "missing"] {
            let body = json!({"of": {"room": room}, "reason": "Проверка"});
            assert_eq!(
                post(nobody, "/inspections", body).await,
                StatusCode::FORBIDDEN
            );
        }
        assert_eq!(
            nobody.get("/inspections").await.status,
            StatusCode::FORBIDDEN
        );
    }
    assert_eq!(
        post(&admin, "/inspections", ask).await,
        StatusCode::NO_CONTENT
    );
    b.event("u.reports").await;
    assert_eq!(
        second.get("/reports/news").await.json(),
        json!({"asked": 1})
    );
    assert_eq!(second.hello().await.1["reports"], json!({"asked": 1}));
    assert_eq!(admin.get("/reports/news").await.json(), json!({}));
    let open = second.get("/inspections").await.json()["open"][0].clone();
    assert_eq!(
        (&open["stage"], &open["reason"]),
        (&json!("waiting"), &json!("Жалоба мамы"))
    );
    let path = format!("/inspections/{}", open["id"].as_str().unwrap());
    let (messages, export) = (format!("{path}/messages"), format!("{path}/export?lang=ru"));
    assert_eq!(admin.get(&messages).await.status, StatusCode::NOT_FOUND);
    let grant = json!({"step": "grant"});
    assert_eq!(
        post(&admin, &path, grant.clone()).await,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        post(&teacher, &path, grant.clone()).await,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        post(&second, &path, grant.clone()).await,
        StatusCode::NO_CONTENT
    );
    assert_eq!(post(&second, &path, grant).await, StatusCode::CONFLICT);
    a.event("u.reports").await;

    let page = admin.get(&messages).await.json();
    let read = page["messages"].as_array().unwrap();
    assert_eq!(
        read[0]["versions"][0]["body"],
        json!("тайное"),
        "deleted, and kept for this"
    );
    assert_eq!(read[1]["message"]["body"], json!("явное"));
    assert_eq!(page["people"].as_array().unwrap().len(), 2);
    let archive = admin.get(&export).await;
    assert_eq!(archive.status, StatusCode::OK);
    let html = look(&archive.body)["html"].to_string();
    assert!(html.contains("тайное") && html.contains("явное"));
    for (nobody, status) in [
        (&second, StatusCode::NOT_FOUND),
        (&teacher, StatusCode::FORBIDDEN),
    ] {
        assert_eq!(nobody.get(&messages).await.status, status);
        assert_eq!(nobody.get(&export).await.status, status);
    }
    assert_eq!(
        admin.get("/inspections/none/messages").await.status,
        StatusCode::NOT_FOUND
    );

    // Reading is all that they can do, and nobody in the conversation sees them.
    let send = json!({"r": room, "cid": "a1", "body": "вмешаюсь"});
    assert_eq!(a.ask("msg.send", send).await.unwrap_err(), "forbidden");
    let react = json!({"id": shown, "emoji": "👍", "on": true});
    assert_eq!(a.ask("msg.react", react).await.unwrap_err(), "not_found");
    let read = json!({"r": room, "no": 2});
    assert_eq!(a.ask("read", read).await.unwrap_err(), "forbidden");
    let events = format!("/rooms/{room}/events?after=0");
    assert_eq!(admin.get(&events).await.status, StatusCode::FORBIDDEN);
    let readers = teacher.get(&format!("/rooms/{room}/readers")).await.json();
    let admins = admin.hello().await.1["me"]["id"].clone();
    assert!(!readers.to_string().contains(admins.as_str().unwrap()));
    let rooms = student.hello().await.1["rooms"].clone();
    let here = rooms
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["id"] == json!(room));
    assert!(!here.unwrap().to_string().contains(admins.as_str().unwrap()));

    let hold = json!({"hold": true}).to_string().into_bytes();
    let retention = format!("/rooms/{room}/retention");
    let held = admin
        .send(Method::PATCH, &retention, &JSON, hold.clone())
        .await;
    assert_eq!(held.status, StatusCode::NO_CONTENT);
    let held = teacher.send(Method::PATCH, &retention, &JSON, hold).await;
    assert_eq!(held.status, StatusCode::FORBIDDEN);
    let rule = json!({"keep": "ever"}).to_string().into_bytes();
    let rule = admin.send(Method::PATCH, &retention, &JSON, rule).await;
    assert_eq!(rule.status, StatusCode::FORBIDDEN, "holding is all");

    assert_eq!(
        post(&second, &path, json!({"step": "end"})).await,
        StatusCode::NO_CONTENT
    );
    assert_eq!(admin.get(&messages).await.status, StatusCode::NOT_FOUND);
    assert_eq!(admin.get(&export).await.status, StatusCode::NOT_FOUND);
    let log = admin.get(&format!("/audit?room={room}")).await.json();
    let acts = log["entries"].as_array().unwrap().iter().rev();
    let acts: Vec<&str> = acts.map(|one| one["act"].as_str().unwrap()).collect();
    let expected = ["asked", "granted", "read", "exported", "ended"];
    let expected = expected.map(|act| format!("inspection_{act}"));
    assert_eq!(acts[1..], expected);
    assert!(!log.to_string().contains("тайное"));
    // Nothing of it was told to the two, who wait for the next event as before.
    let send = json!({"r": room, "cid": "c3", "body": "дальше"});
    s.ask("msg.send", send).await.unwrap();
}

/// What is set about conversations of learners with adults.
fn visible(config: &mut server::config::Config) {
    config.people.direct_with_learners = LearnerPolicy::Visible;
}

#[tokio::test]
async fn who_is_responsible_for_the_safety_of_children_reads_what_both_know_of() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_as(folder, true, visible).await;
    let (admin, teacher) = (
        server.sign_in("admin").await,
        server.sign_in("teacher").await,
    );
    let student = server.sign_in("student1").await;
    let (_, theirs) = student.hello().await;
    let (mut t, hers) = teacher.hello().await;
    assert_eq!(hers["with_learners"], "visible");
    let room = direct(&teacher, &theirs["me"]["id"]).await;
    for person in [&teacher, &student] {
        let rooms = person.hello().await.1["rooms"].clone();
        let mut rooms = rooms.as_array().unwrap().iter();
        let told = |one: &&Value| one["safeguarded"] == json!(true);
        let here = rooms.clone().filter(told).count();
        assert_eq!(here, 1, "and no other room of theirs");
        assert!(rooms.any(|one| one["id"] == json!(room) && told(&one)));
    }
    // A page of before, or what was written before both were told, says nothing of it.
    let send = json!({"r": room, "cid": "c0", "body": "никто не узнает"});
    assert_eq!(t.ask("msg.send", send).await.unwrap_err(), "notice_unseen");
    let send = json!({"r": room, "cid": "c1", "body": "приходи после урока", "noticed": true});
    t.ask("msg.send", send).await.unwrap();
    let at = "2020-01-01T00:00:00Z";
    let later = json!({"r": room, "cid": "l1", "body": "и завтра", "at": at});
    t.ask("later.set", later).await.unwrap();
    let told = t.event("u.later").await;
    assert_eq!(told["d"]["n"], json!(1));
    let refused = t.event("u.later").await;
    assert_eq!(refused["d"]["refused"], json!("notice_unseen"));
    let now = json!({"cid": "l1", "noticed": true});
    t.ask("later.now", now).await.unwrap();

    // The only administrator names nobody, and nobody themselves.
    let admins = admin.hello().await.1["me"]["id"].clone();
    let put = async |by: &Person<'_>, whose: &Value, on: bool| {
        let path = format!("/people/{}/safeguarding", whose.as_str().unwrap());
        let body = json!({"on": on}).to_string().into_bytes();
        by.send(Method::PUT, &path, &JSON, body).await.status
    };
    assert_eq!(put(&admin, &admins, true).await, StatusCode::FORBIDDEN);
    let vera = one_more(&server, "vera", "Вера Носова", Role::Teacher).await;
    let veras = vera.hello().await.1["me"]["id"].clone();
    assert_eq!(put(&admin, &veras, true).await, StatusCode::FORBIDDEN);
    let second = second(&server).await;
    for nobody in [&teacher, &student] {
        let set = put(nobody, &hers["me"]["id"], true).await;
        assert_eq!(set, StatusCode::FORBIDDEN);
    }
    let learner = put(&admin, &theirs["me"]["id"], true).await;
    assert_eq!(learner, StatusCode::BAD_REQUEST);
    let missing = put(&admin, &json!("missing"), true).await;
    assert_eq!(missing, StatusCode::NOT_FOUND);

    let open = json!({"of": {"room": room}, "reason": "Мама просит", "alone": true});
    for nobody in [&teacher, &student] {
        let opened = post(nobody, "/inspections", open.clone()).await;
        assert_eq!(opened, StatusCode::FORBIDDEN);
    }
    let unnamed = post(&second, "/inspections", open.clone()).await;
    assert_eq!(unnamed, StatusCode::NOT_FOUND, "not responsible");
    let (mut s, _) = vera.hello().await;
    let (mut other, _) = second.hello().await;
    assert_eq!(put(&admin, &veras, true).await, StatusCode::NO_CONTENT);
    other.event("u.reports").await;
    let early = post(&vera, "/inspections", open.clone()).await;
    assert_eq!(early, StatusCode::FORBIDDEN, "one wants it");
    let all = second.get("/inspections").await.json();
    let proposed = &all["proposed"][0];
    assert_eq!(
        (&proposed["who"]["id"], &proposed["by"]["id"]),
        (&veras, &admins)
    );
    s.event("u.reports").await;
    assert_eq!(put(&second, &veras, true).await, StatusCode::NO_CONTENT);
    s.event("u.reports").await;
    let news = vera.get("/reports/news").await.json();
    assert_eq!(news, json!({"safeguards": true}));
    let reset = format!("/people/{}/password", veras.as_str().unwrap());
    let reset = post(&admin, &reset, json!({"keep_keys": true})).await;
    assert_eq!(reset, StatusCode::FORBIDDEN, "nobody signs in as them");
    let group =
        json!({"name": "Вдвоём", "cid": "g1", "people": [theirs["me"]["id"]], "kind": "group"});
    assert_eq!(
        post(&teacher, "/rooms", group.clone()).await,
        StatusCode::OK
    );
    let groups = vera.get("/inspections").await.json()["groups"].clone();
    assert_eq!(groups[0]["name"], json!("Вдвоём"));
    let empty = json!({"of": {"room": room}, "reason": " ", "alone": true});
    let empty = post(&vera, "/inspections", empty).await;
    assert_eq!(empty, StatusCode::BAD_REQUEST, "never without a reason");
    let (mut a, _) = admin.hello().await;
    let opened = post(&vera, "/inspections", open.clone()).await;
    assert_eq!(opened, StatusCode::NO_CONTENT);
    a.event("u.reports").await;
    let again = post(&vera, "/inspections", open).await;
    assert_eq!(again, StatusCode::CONFLICT);
    let all = admin.get("/inspections").await.json();
    assert_eq!(
        (&all["visible"], &all["responsible"][0]["id"]),
        (&json!(true), &veras)
    );
    let one = &all["open"][0];
    assert_eq!(
        (
            &one["alone"],
            &one["stage"],
            &one["reason"],
            &one["by"]["id"]
        ),
        (
            &json!(true),
            &json!("granted"),
            &json!("Мама просит"),
            &veras
        )
    );
    let path = format!("/inspections/{}", one["id"].as_str().unwrap());
    let (messages, export) = (format!("{path}/messages"), format!("{path}/export?lang=ru"));
    let page = vera.get(&messages).await.json();
    assert_eq!(
        page["messages"][0]["message"]["body"],
        json!("приходи после урока")
    );
    for (person, at, status) in [
        (&vera, &export, StatusCode::FORBIDDEN),
        (&admin, &messages, StatusCode::NOT_FOUND),
        (&teacher, &messages, StatusCode::FORBIDDEN),
        (&student, &messages, StatusCode::FORBIDDEN),
    ] {
        assert_eq!(person.get(at).await.status, status, "{at}");
    }
    let end = json!({"step": "end"});
    assert_eq!(
        post(&teacher, &path, end.clone()).await,
        StatusCode::FORBIDDEN
    );
    assert_eq!(post(&admin, &path, end).await, StatusCode::NO_CONTENT);
    s.event("u.reports").await;
    assert_eq!(vera.get(&messages).await.status, StatusCode::NOT_FOUND);
    let log = admin.get("/audit").await.json();
    let acts: Vec<&str> = log["entries"]
        .as_array()
        .unwrap()
        .iter()
        .rev()
        .map(|one| one["act"].as_str().unwrap())
        .filter(|act| act.starts_with("inspection") || act.starts_with("safeguarding"))
        .collect();
    let expected = [
        "safeguarding_asked",
        "safeguarding_given",
        "inspection_opened",
        "inspection_read",
        "inspection_ended",
    ];
    assert_eq!(acts, expected);

    // At the next start there are none any more.
    let folder = server.stop().await;
    let off = |config: &mut server::config::Config| {
        config.people.direct_with_learners = LearnerPolicy::Off;
    };
    let server = Server::start_as(folder, true, off).await;
    let (teacher, student) = (
        server.sign_in("teacher").await,
        server.sign_in("student1").await,
    );
    let (mut t, hers) = teacher.hello().await;
    let rooms = hers["rooms"].as_array().unwrap();
    let here = rooms.iter().find(|one| one["id"] == json!(room)).unwrap();
    assert_eq!(
        (&here["can"], &here["safeguarded"]),
        (&json!([]), &Value::Null)
    );
    let group =
        json!({"name": "Вдвоём", "cid": "g2", "people": [theirs["me"]["id"]], "kind": "group"});
    let group = group.to_string().into_bytes();
    let made = teacher.send(Method::POST, "/rooms", &JSON, group).await;
    assert_eq!(made.json()["c"], json!("alone_with_learners"));
    let send = json!({"r": room, "cid": "c2", "body": "ещё"});
    assert_eq!(t.ask("msg.send", send).await.unwrap_err(), "read_only");
    let with = json!({"u": hers["me"]["id"]});
    for (person, other, status) in [
        (&student, with, StatusCode::FORBIDDEN),
        (&teacher, json!({"u": admins}), StatusCode::OK),
    ] {
        assert_eq!(post(person, "/direct", other).await, status);
    }
}
