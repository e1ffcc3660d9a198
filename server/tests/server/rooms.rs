//! Rooms that the staff make and change, as their members see it, and who is refused.

use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use crate::door::Answer;
use crate::harness::{Person, ROOM, Server, Socket, room_named};
use crate::school::School;

const OTHER_ROOM: &str = "3D-моделирование, поток 2";

async fn ask(person: &Person<'_>, method: Method, path: &str, body: Value) -> Answer {
    let headers = [("content-type", "application/json")];
    person
        .send(method, path, &headers, body.to_string().into_bytes())
        .await
}

async fn change(person: &Person<'_>, room: &str, change: Value) {
    let answer = ask(person, Method::PATCH, &format!("/rooms/{room}"), change).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{:?}", answer.json());
}

fn refused(answer: &Answer) -> (u16, String) {
    let code = answer.json()["c"].as_str().unwrap_or_default().to_owned();
    (answer.status.as_u16(), code)
}

fn id_of(hello: &Value, name: &str) -> String {
    let people = hello["people"].as_array().unwrap();
    let person = people.iter().find(|one| one["name"] == name).unwrap();
    person["id"].as_str().unwrap().to_owned()
}

async fn say(socket: &mut Socket, room: &str, body: &str) -> Result<Value, String> {
    let send = json!({"r": room, "cid": uuid::Uuid::new_v4().to_string(), "body": body});
    socket.ask("msg.send", send).await
}

#[tokio::test]
async fn a_new_room_appears_and_who_is_taken_out_has_nothing_of_it_any_more() {
    let server = Server::start().await;
    let (teacher, misha, alina) = (
        server.sign_in("teacher").await,
        server.sign_in("student1").await,
        server.sign_in("student2").await,
    );
    let (mut t, hello) = teacher.hello().await;
    let (mut m, _) = misha.hello().await;
    let (mut a, _) = alina.hello().await;
    // One that chooses what it is told all of.
    let mut phone = misha.connect().await;
    let hello_from_phone = json!({"v": 1, "dev": "phone", "app": "test", "focus": []});
    phone.ask("hello", hello_from_phone).await.unwrap();
    let (misha_id, alina_id) = (
        id_of(&hello, "Миша Кузнецов"),
        id_of(&hello, "Алина Сафина"),
    );

    let people = teacher.get("/people").await.json();
    assert!(people["people"].as_array().unwrap().len() >= 6 && people["more"] == false);
    let new = json!({"cid": "wish", "name": "  Проект\u{202e}  «Луноход» ", "kind": "group", "people": [misha_id]});
    let made = ask(&teacher, Method::POST, "/rooms", new.clone())
        .await
        .json();
    let room = made["id"].as_str().unwrap().to_owned();
    assert_eq!(
        ask(&teacher, Method::POST, "/rooms", new).await.json(),
        made,
        "once"
    );
    for socket in [&mut t, &mut m, &mut phone] {
        let told = socket.event("u.room").await["d"].clone();
        assert_eq!(told["room"]["id"], room);
        assert_eq!(told["room"]["name"], "Проект «Луноход»");
        assert_eq!(told["people"].as_array().unwrap().len(), 2);
        assert_eq!(told["online"].as_array().unwrap().len(), 2);
    }
    say(&mut t, &room, "первое").await.unwrap();
    assert_eq!(m.event("msg").await["r"], room);
    assert_eq!(phone.event("bump").await["r"], room, "not in focus");
    phone.ask("focus", json!({"r": [room]})).await.unwrap();
    m.ask("typing", json!({"r": room})).await.unwrap();
    assert_eq!(phone.event("typing").await["r"], room);

    // Another joins, who sees what was written; everybody sees who it is.
    change(
        &teacher,
        &room,
        json!({"add": [alina_id], "name": "Луноход"}),
    )
    .await;
    let told = a.event("u.room").await["d"]["room"].clone();
    assert_eq!(
        (&told["name"], &told["no"], &told["read_no"]),
        (&json!("Луноход"), &json!(1), &json!(1))
    );
    let told = m.event("u.room").await["d"].clone();
    assert_eq!(
        (
            told["room"]["members"].as_array().unwrap().len(),
            &told["room"]["name"]
        ),
        (3, &json!("Луноход"))
    );
    let file = misha
        .send(
            Method::POST,
            &format!("/rooms/{room}/files"),
            &[],
            b"x".to_vec(),
        )
        .await
        .json();
    let with_file = json!({"r": room, "cid": "file", "body": "", "att": [file["id"]]});
    m.ask("msg.send", with_file).await.unwrap();
    a.event("msg").await;

    change(&teacher, &room, json!({"remove": [misha_id]})).await;
    for socket in [&mut m, &mut phone] {
        assert_eq!(socket.event("u.left").await["d"]["r"], room);
    }
    assert_eq!(
        a.event("u.room").await["d"]["people"]
            .as_array()
            .unwrap()
            .len(),
        3,
        "the one who left keeps a name"
    );
    say(&mut t, &room, "без Миши").await.unwrap();
    assert_eq!(a.event("msg").await["d"]["body"], "без Миши");
    let (elsewhere, _) = room_named(&hello, ROOM);
    say(&mut t, elsewhere.as_str(), "всем").await.unwrap();
    for socket in [&mut m, &mut phone] {
        let heard = socket.any_event().await;
        let kind = heard["e"].as_str().unwrap().to_owned();
        assert!(heard["r"] == elsewhere.as_str(), "{kind} of {}", heard["r"]);
    }
    for (method, params) in [
        ("msg.send", json!({"r": room, "cid": "c9", "body": "x"})),
        ("sync", json!({"r": room, "after": 0})),
        ("focus", json!({"r": [room]})),
        ("read", json!({"r": room, "no": 1})),
        ("recv", json!({"no": {room.as_str(): 1}})),
        ("typing", json!({"r": room})),
    ] {
        assert_eq!(
            m.ask(method, params).await,
            Err("forbidden".to_owned()),
            "{method}"
        );
    }
    for path in ["events", "readers", "devices"] {
        let answer = misha.get(&format!("/rooms/{room}/{path}")).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
    }
    let own = misha
        .get(&format!("/files/{}", file["id"].as_str().unwrap()))
        .await;
    assert_eq!(own.status, StatusCode::NOT_FOUND);
    let upload = misha
        .send(
            Method::POST,
            &format!("/rooms/{room}/files"),
            &[],
            b"x".to_vec(),
        )
        .await;
    assert_eq!(upload.status, StatusCode::FORBIDDEN);

    // And back again, on the same connections.
    change(&teacher, &room, json!({"add": [misha_id]})).await;
    assert_eq!(m.event("u.room").await["d"]["room"]["no"], 3);
    say(&mut t, &room, "снова").await.unwrap();
    assert_eq!(m.event("msg").await["d"]["no"], 4);
}

#[tokio::test]
async fn rooms_are_made_and_changed_by_their_staff_alone() {
    let server = Server::start().await;
    let (admin, teacher, student) = (
        server.sign_in("admin").await,
        server.sign_in("teacher").await,
        server.sign_in("student1").await,
    );
    let (_, hello) = teacher.hello().await;
    let (_, mine) = student.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let (without_admin, _) = room_named(&hello, OTHER_ROOM);
    let me = mine["me"]["id"].clone();
    let forbidden = (403, "forbidden".to_owned());
    let new = |kind: &str, people: Value| json!({"cid": kind, "name": "Своя", "kind": kind, "people": people});
    assert_eq!(refused(&student.get("/people").await), forbidden);
    assert_eq!(
        refused(&ask(&student, Method::POST, "/rooms", new("group", json!([]))).await),
        forbidden
    );
    for body in [
        json!({"name": "Моя"}),
        json!({"archived": true}),
        json!({"add": [me]}),
        json!({"remove": [me]}),
    ] {
        for (who, room) in [(&student, &room), (&admin, &without_admin)] {
            let answer = ask(who, Method::PATCH, &format!("/rooms/{room}"), body.clone()).await;
            assert_eq!(refused(&answer), forbidden, "{body}");
        }
    }
    let bad = (400, "bad_request".to_owned());
    for body in [
        new("direct", json!([me])),
        new("guardians", json!([me])),
        new("school", json!([])),
        json!({"cid": "c", "name": " \u{200b} ", "kind": "group", "people": []}),
        json!({"cid": "c", "name": "x".repeat(200), "kind": "group", "people": []}),
        json!({"cid": "c", "name": "Лишнее", "kind": "group", "people": [], "colour": "red"}),
    ] {
        assert_eq!(
            refused(&ask(&teacher, Method::POST, "/rooms", body.clone()).await),
            bad,
            "{body}"
        );
    }
    let nobody = new("group", json!(["nobody"]));
    assert_eq!(
        refused(&ask(&teacher, Method::POST, "/rooms", nobody).await),
        (404, "not_found".to_owned())
    );
    let many = new(
        "group",
        json!((0..1_001).map(|n| format!("U{n}")).collect::<Vec<_>>()),
    );
    assert_eq!(
        refused(&ask(&teacher, Method::POST, "/rooms", many).await),
        (413, "too_large".to_owned())
    );
    let alone = json!({"remove": [hello["me"]["id"]]});
    let path = format!("/rooms/{without_admin}");
    assert_eq!(
        refused(&ask(&teacher, Method::PATCH, &path, alone).await),
        (409, "no_staff".to_owned())
    );
    let foreign = teacher
        .door
        .raw(
            Method::PATCH,
            &path,
            &[
                ("cookie", &teacher.cookie),
                ("origin", "https://evil.example"),
            ],
            b"{}".to_vec(),
        )
        .await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN);
    for (method, path) in [
        (Method::GET, "/people"),
        (Method::POST, "/rooms"),
        (Method::PATCH, "/rooms/x"),
        (Method::POST, "/direct"),
    ] {
        let answer = server
            .raw(
                method,
                path,
                &[("origin", &server.origin())],
                b"{}".to_vec(),
            )
            .await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
    }
}

#[tokio::test]
async fn announcements_are_read_by_all_and_written_by_the_staff() {
    let server = Server::start().await;
    let (teacher, student) = (
        server.sign_in("teacher").await,
        server.sign_in("student1").await,
    );
    let (mut t, hello) = teacher.hello().await;
    let (mut s, _) = student.hello().await;
    let people = json!([id_of(&hello, "Миша Кузнецов")]);
    let new = json!({"cid": "c", "name": "Объявления", "kind": "announcements", "people": people});
    let made = ask(&teacher, Method::POST, "/rooms", new).await.json();
    let room = made["id"].as_str().unwrap().to_owned();
    assert_eq!(
        t.event("u.room").await["d"]["room"]["can"],
        json!(["write", "lesson", "manage"])
    );
    assert_eq!(s.event("u.room").await["d"]["room"]["can"], json!([]));
    say(&mut t, &room, "Завтра выходной").await.unwrap();
    assert_eq!(s.event("msg").await["d"]["body"], "Завтра выходной");
    s.ask("read", json!({"r": room, "no": 1})).await.unwrap();
    let read_only = Err("read_only".to_owned());
    assert_eq!(say(&mut s, &room, "ура").await, read_only);
    assert_eq!(s.ask("typing", json!({"r": room})).await, read_only);
    let upload = student
        .send(
            Method::POST,
            &format!("/rooms/{room}/files"),
            &[],
            b"x".to_vec(),
        )
        .await;
    assert_eq!(refused(&upload), (403, "read_only".to_owned()));
    // So it is for a connection that comes later.
    let (mut later, hello) = student.hello().await;
    assert_eq!(room_named(&hello, "Объявления").1["kind"], "announcements");
    assert_eq!(later.ask("typing", json!({"r": room})).await, read_only);
}

#[tokio::test]
async fn in_the_archive_a_room_is_only_read_and_its_lesson_ends() {
    let server = Server::start().await;
    let (teacher, student) = (
        server.sign_in("teacher").await,
        server.sign_in("student1").await,
    );
    let (mut t, hello) = teacher.hello().await;
    let (mut s, _) = student.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let room = room.as_str();
    let said = say(&mut s, room, "успел").await.unwrap();
    let call = t.ask("call.start", json!({"r": room})).await.unwrap()["call"]["id"].clone();
    change(&teacher, room, json!({"archived": true})).await;
    assert_eq!(s.event("call.ended").await["d"]["id"], call);
    let (mut later, hello) = student.hello().await;
    let told = room_named(&hello, ROOM).1;
    assert_eq!(
        (&told["archived"], &told["can"]),
        (&json!(true), &json!([]))
    );
    let archived = || Err("archived".to_owned());
    assert_eq!(say(&mut later, room, "поздно").await, archived());
    assert_eq!(say(&mut t, room, "и учителю").await, archived());
    assert_eq!(t.ask("call.start", json!({"r": room})).await, archived());
    assert_eq!(
        s.ask("call.start", json!({"r": room})).await,
        Err("forbidden".to_owned())
    );
    let edit = json!({"id": said["id"], "body": "иначе"});
    assert_eq!(s.ask("msg.edit", edit).await, archived());
    let device = json!({"name": "Камера", "does": "publish"});
    let device = ask(
        &teacher,
        Method::POST,
        &format!("/rooms/{room}/devices"),
        device,
    )
    .await;
    assert_eq!(refused(&device), (409, "archived".to_owned()));
    let page = student.get(&format!("/rooms/{room}/events")).await;
    assert_eq!(page.status, StatusCode::OK, "it is still read");
    change(&teacher, room, json!({"archived": false})).await;
    // Told of both changes, or, when the second came soon enough, of the last alone.
    while s.event("u.room").await["d"]["room"]["archived"] != Value::Null {}
    say(&mut s, room, "снова можно").await.unwrap();
}

#[tokio::test]
async fn two_people_talk_alone_as_far_as_the_policy_allows() {
    let server = Server::start().await;
    let (teacher, misha) = (
        server.sign_in("teacher").await,
        server.sign_in("student1").await,
    );
    let (mut t, hello) = teacher.hello().await;
    let (mut m, mine) = misha.hello().await;
    assert_eq!(mine["direct"], "staff");
    let with = |name: &str| json!({"u": id_of(&hello, name)});
    let direct =
        async |who: &Person<'_>, with: Value| ask(who, Method::POST, "/direct", with).await;
    let made = direct(&misha, with("Анна Сергеевна Иванова")).await.json();
    assert_eq!(
        direct(&teacher, with("Миша Кузнецов")).await.json(),
        made,
        "both have the same"
    );
    let room = made["id"].as_str().unwrap();
    let told = m.event("u.room").await["d"]["room"].clone();
    assert_eq!(
        (&told["name"], &told["kind"]),
        (&json!("Анна Сергеевна Иванова"), &json!("direct"))
    );
    assert_eq!(
        t.event("u.room").await["d"]["room"]["name"],
        "Миша Кузнецов"
    );
    say(&mut m, room, "Можно вопрос?").await.unwrap();
    assert_eq!(t.event("msg").await["r"], room);
    let forbidden = (403, "forbidden".to_owned());
    assert_eq!(
        refused(&direct(&misha, with("Алина Сафина")).await),
        forbidden
    );
    assert_eq!(
        refused(&direct(&misha, json!({"u": "nobody"})).await),
        forbidden
    );
    assert_eq!(
        refused(&direct(&misha, json!({"u": mine["me"]["id"]})).await),
        (400, "bad_request".to_owned())
    );
    let path = format!("/rooms/{room}");
    for body in [with("Алина Сафина")["u"].clone()].map(|id| json!({"add": [id]})) {
        assert_eq!(
            refused(&ask(&teacher, Method::PATCH, &path, body).await),
            forbidden
        );
    }
    // Nobody else finds it, the administrator neither.
    let admin = server.sign_in("admin").await;
    let (_, theirs) = admin.hello().await;
    assert!(
        theirs["rooms"]
            .as_array()
            .unwrap()
            .iter()
            .all(|one| one["id"] != room)
    );
    assert_eq!(
        refused(&admin.get(&format!("/rooms/{room}/events")).await),
        forbidden
    );

    // Another policy holds from the next start on, also for what was begun.
    let folder = server.stop().await;
    let off = |config: &mut server::config::Config| {
        config.direct_messages = protocol::room::DirectPolicy::Off
    };
    let server = Server::start_as(folder, true, off).await;
    let (mut m, mine) = server.sign_in("student1").await.hello().await;
    assert_eq!(mine["direct"], "off");
    assert_eq!(
        say(&mut m, room, "А теперь?").await,
        Err("read_only".to_owned())
    );
}

#[tokio::test]
async fn rooms_change_on_all_nodes_also_while_redis_is_away() {
    let Some(school) = School::open(2).await else {
        return;
    };
    let teacher = school.sign_in("teacher", 0).await;
    let student = school.sign_in("student1", 1).await;
    let (mut t, hello) = teacher.hello().await;
    let (mut s, _) = student.hello().await;
    let misha = id_of(&hello, "Миша Кузнецов");
    let (elsewhere, _) = room_named(&hello, ROOM);
    for away in [false, true] {
        if away {
            school.redis.stop();
        }
        let cid = format!("wish-{away}");
        let new = json!({"cid": cid, "name": cid, "kind": "group", "people": [misha]});
        let made = ask(&teacher, Method::POST, "/rooms", new).await.json();
        let room = made["id"].as_str().unwrap().to_owned();
        let told = loop {
            let told = s.event("u.room").await["d"]["room"].clone();
            if told["id"] == room {
                break told;
            }
        };
        assert_eq!(told["name"], cid);
        say(&mut t, &room, &format!("c-{away}")).await.unwrap();
        assert_eq!(s.event("msg").await["r"], room);
        change(&teacher, &room, json!({"remove": [misha]})).await;
        assert_eq!(s.event("u.left").await["d"]["r"], room);
        say(&mut t, &room, &format!("without-{away}"))
            .await
            .unwrap();
        say(&mut t, elsewhere.as_str(), &format!("all-{away}"))
            .await
            .unwrap();
        let heard = s.event("msg").await;
        assert_eq!(
            heard["d"]["body"],
            format!("all-{away}"),
            "of the room that is theirs"
        );
    }
}
