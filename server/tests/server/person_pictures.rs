//! Pictures of people: who gives themselves one, who sees it, and who takes it away.

use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use server::config::people::Pictures;

use crate::harness::{Person, ROOM, Server, room_named};
use crate::room_pictures::picture;
use crate::school::School;

async fn put(person: &Person<'_>, bytes: Vec<u8>) -> (u16, Value) {
    let answer = person.send(Method::PUT, "/picture", &[], bytes).await;
    told(&answer)
}

async fn delete(person: &Person<'_>, path: &str) -> (u16, Value) {
    let answer = person.send(Method::DELETE, path, &[], Vec::new()).await;
    told(&answer)
}

fn told(answer: &crate::door::Answer) -> (u16, Value) {
    let status = answer.status.as_u16();
    let body = if status == 204 {
        Value::Null
    } else {
        answer.json()["c"].clone()
    };
    (status, body)
}

const DONE: (u16, Value) = (204, Value::Null);

fn no(status: u16, code: &str) -> (u16, Value) {
    (status, json!(code))
}

/// Which picture a person has, as somebody is told in this list of people.
fn told_of<'a>(people: &'a Value, who: &Value) -> &'a Value {
    let people = people.as_array().unwrap();
    let found = people.iter().find(|one| &one["id"] == who).unwrap();
    &found["picture"]
}

async fn change(teacher: &Person<'_>, room: &str, change: Value) {
    let path = format!("/rooms/{room}");
    let body = change.to_string().into_bytes();
    let json = [("content-type", "application/json")];
    let answer = teacher.send(Method::PATCH, &path, &json, body).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
}

fn path_of(who: &Value, picture: &Value) -> String {
    let [who, picture] = [who, picture].map(|id| id.as_str().unwrap());
    format!("/people/{who}/pictures/{picture}")
}

#[tokio::test]
async fn whoever_shares_a_room_sees_a_picture_and_nobody_else() {
    let server = Server::start().await;
    let (teacher, misha, varya) = (
        server.sign_in("teacher").await,
        server.sign_in("student1").await,
        server.sign_in("student4").await,
    );
    let (mut t, hello) = teacher.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let (mut m, mishas) = misha.hello().await;
    let (mut v, varyas) = varya.hello().await;
    let (misha_id, varya_id) = (&mishas["me"]["id"], &varyas["me"]["id"]);
    assert_eq!(misha.get("/picture").await.json(), json!({"may": true}));

    assert_eq!(put(&misha, picture()).await, DONE);
    let told = t.event("picture").await["d"].clone();
    assert_eq!(&told["u"], misha_id);
    let path = path_of(misha_id, &told["picture"]);
    for socket in [&mut m, &mut v] {
        assert_eq!(socket.event("picture").await["d"], told);
    }
    let own = misha.get("/picture").await.json();
    assert_eq!(own, json!({"may": true, "picture": told["picture"]}));
    for person in [&teacher, &misha, &varya] {
        let answer = person.get(&path).await;
        assert_eq!(answer.header("content-type"), "image/jpeg");
        let cache = answer.header("cache-control");
        assert!(cache.starts_with("private, "), "{cache}");
        let seen = image::load_from_memory(&answer.body).unwrap().to_rgb8();
        assert_eq!(seen.dimensions(), (192, 192));
        for (x, y) in [(4, 4), (187, 96), (96, 187)] {
            let [red, _, blue] = seen.get_pixel(x, y).0;
            assert!(red > 200 && blue < 60, "the middle fills it: {x} {y}");
        }
    }
    let (_, hello) = teacher.hello().await;
    assert_eq!(told_of(&hello["people"], misha_id), &told["picture"]);

    // Who is in none of their rooms any more is a stranger.
    assert_eq!(put(&varya, picture()).await, DONE);
    let varyas_picture = m.event("picture").await["d"]["picture"].clone();
    change(&teacher, room.as_str(), json!({"remove": [varya_id]})).await;
    v.event("u.left").await;
    let left = m.event("u.room").await["d"]["people"].clone();
    assert_eq!(told_of(&left, varya_id), &Value::Null);
    assert_eq!(told_of(&left, misha_id), &told["picture"]);
    let unknown = path.replace(misha_id.as_str().unwrap(), "nobody");
    let unknown = varya.get(&unknown).await;
    for (person, path) in [
        (&varya, path.clone()),
        (&misha, path_of(varya_id, &varyas_picture)),
    ] {
        let answer = person.get(&path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        assert_eq!(answer.body, unknown.body, "as if it were not there");
    }
    let (_, hello) = misha.hello().await;
    assert_eq!(told_of(&hello["people"], varya_id), &Value::Null);
    change(&teacher, room.as_str(), json!({"add": [varya_id]})).await;
    let back = v.event("u.room").await["d"]["people"].clone();
    assert_eq!(told_of(&back, misha_id), &told["picture"]);
    assert_eq!(told_of(&back, varya_id), &varyas_picture);

    // Another picture has another name, and of the one before nothing is left.
    assert_eq!(put(&misha, picture()).await, DONE);
    let next = loop {
        let next = t.event("picture").await["d"].clone();
        if &next["u"] == misha_id {
            break next;
        }
    };
    assert_ne!(next["picture"], told["picture"]);
    assert_eq!(teacher.get(&path).await.status, StatusCode::NOT_FOUND);
    assert_eq!(delete(&misha, "/picture").await, DONE);
    let none = json!({"u": misha_id});
    assert_eq!(t.event("picture").await["d"], none);
    let path = path_of(misha_id, &next["picture"]);
    assert_eq!(teacher.get(&path).await.status, StatusCode::NOT_FOUND);
    assert_eq!(misha.get("/picture").await.json(), json!({"may": true}));
    assert_eq!(delete(&misha, "/picture").await, DONE, "it is gone already");
}

#[tokio::test]
async fn the_staff_take_an_unsuitable_picture_away_and_the_log_says_so() {
    let server = Server::start().await;
    let (admin, teacher) = (
        server.sign_in("admin").await,
        server.sign_in("teacher").await,
    );
    let (misha, alina) = (
        server.sign_in("student1").await,
        server.sign_in("student2").await,
    );
    let (mut m, hello) = misha.hello().await;
    let misha_id = hello["me"]["id"].clone();
    let (_, hello) = teacher.hello().await;
    let teacher_id = hello["me"]["id"].clone();
    for person in [&misha, &teacher] {
        assert_eq!(put(person, picture()).await, DONE);
    }
    let of = |who: &Value| format!("/people/{}/picture", who.as_str().unwrap());
    assert_eq!(delete(&alina, &of(&misha_id)).await, no(403, "forbidden"));
    assert_eq!(delete(&misha, &of(&teacher_id)).await, no(403, "forbidden"));
    let nobody = delete(&alina, "/people/nobody/picture").await;
    assert_eq!(nobody, no(404, "not_found"));
    let given = misha.get("/picture").await.json();
    assert!(given["picture"].is_string());

    assert_eq!(delete(&teacher, &of(&misha_id)).await, DONE);
    while m.event("picture").await["d"] != json!({"u": misha_id}) {}
    let path = path_of(&misha_id, &given["picture"]);
    for person in [&misha, &teacher] {
        assert_eq!(person.get(&path).await.status, StatusCode::NOT_FOUND);
    }
    assert_eq!(delete(&teacher, &of(&misha_id)).await, DONE);
    assert_eq!(delete(&admin, &of(&teacher_id)).await, DONE);
    let log = admin.get("/audit?act=person_picture_taken").await.json();
    let entries = log["entries"].as_array().unwrap();
    let about: Vec<_> = entries.iter().map(|one| &one["about"]["id"]).collect();
    assert_eq!(about, [&teacher_id, &misha_id]);
    assert_eq!(entries[1]["by"]["id"], teacher_id);
    assert_eq!(entries[0]["by"]["role"], "administrator");
}

#[tokio::test]
async fn what_is_no_picture_is_refused_and_the_person_keeps_theirs() {
    let server = Server::start().await;
    let misha = server.sign_in("student1").await;
    assert_eq!(put(&misha, picture()).await, DONE);
    let before = misha.get("/picture").await.json();
    let cut = picture()[..60].to_vec();
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>".to_vec();
    for bytes in [Vec::new(), cut, svg, b"GIF89a".to_vec()] {
        assert_eq!(put(&misha, bytes).await, no(400, "bad_request"));
    }
    let large = vec![0; protocol::limits::PERSON_PICTURE_BYTES_MAX + 1];
    assert_eq!(put(&misha, large).await, no(413, "too_large"));
    assert_eq!(misha.get("/picture").await.json(), before);
    let stranger = server.raw(Method::GET, "/picture", &[], Vec::new()).await;
    assert_eq!(stranger.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn only_those_have_a_picture_whom_the_settings_allow_it() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_as(folder, true, |_| {}).await;
    let (teacher, misha) = (
        server.sign_in("teacher").await,
        server.sign_in("student1").await,
    );
    for person in [&teacher, &misha] {
        assert_eq!(put(person, picture()).await, DONE);
    }
    let theirs = misha.get("/picture").await.json()["picture"].clone();
    let teachers = teacher.get("/picture").await.json()["picture"].clone();

    let mut folder = server.stop().await;
    for (policy, staff) in [(Pictures::Staff, true), (Pictures::None, false)] {
        let server = Server::start_as(folder, true, |config| config.people.pictures = policy).await;
        let (teacher, misha) = (
            server.sign_in("teacher").await,
            server.sign_in("student1").await,
        );
        assert_eq!(put(&misha, picture()).await, no(403, "forbidden"));
        let own = misha.get("/picture").await.json();
        assert_eq!(own, json!({"may": false, "picture": theirs}));
        let (_, hello) = teacher.hello().await;
        let (_, mishas) = misha.hello().await;
        let (misha_id, teacher_id) = (&mishas["me"]["id"], &hello["me"]["id"]);
        assert_eq!(told_of(&hello["people"], misha_id), &Value::Null);
        let path = path_of(misha_id, &theirs);
        for person in [&teacher, &misha] {
            assert_eq!(person.get(&path).await.status, StatusCode::NOT_FOUND);
        }
        let shown = told_of(&mishas["people"], teacher_id);
        let path = path_of(teacher_id, &teachers);
        let seen = misha.get(&path).await.status == StatusCode::OK;
        assert_eq!((seen, shown == &teachers), (staff, staff));
        folder = server.stop().await;
    }

    // What nobody sees, its owner can take away all the same.
    let server = Server::start_as(folder, true, |config| {
        config.people.pictures = Pictures::None;
    })
    .await;
    let misha = server.sign_in("student1").await;
    assert_eq!(delete(&misha, "/picture").await, DONE);
    assert_eq!(misha.get("/picture").await.json(), json!({"may": false}));
}

#[tokio::test]
async fn a_picture_is_told_on_the_other_servers_too() {
    let Some(school) = School::open(2).await else {
        return;
    };
    let (teacher, misha) = (
        school.sign_in("teacher", 0).await,
        school.sign_in("student1", 1).await,
    );
    let (mut t, _) = teacher.hello().await;
    let (_, hello) = misha.hello().await;
    // What one server tells the other hears once they are in touch.
    assert_eq!(t.event("presence").await["d"]["on"], true);
    assert_eq!(put(&misha, picture()).await, DONE);
    let told = t.event("picture").await["d"].clone();
    assert_eq!(told["u"], hello["me"]["id"]);
    let path = path_of(&told["u"], &told["picture"]);
    assert_eq!(teacher.get(&path).await.status, StatusCode::OK);
}
