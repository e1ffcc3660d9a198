//! A room's history as an archive: who gets it, and what another program finds in it.

use std::process::Command;

use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Person, ROOM, Server, Socket, room_named};

/// Opens an archive as anybody would, and tells what is in it.
const LOOK: &str = r#"
import json, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as z:
    assert z.testzip() is None
    infos = z.infolist()
    print(json.dumps({
        "names": [i.filename for i in infos],
        "utf8": all(i.flag_bits & 0x800 or i.filename.isascii() for i in infos),
        "history": json.loads(z.read("history.json")),
        "html": z.read("history.html").decode("utf-8"),
        "files": {i.filename: z.read(i).decode("utf-8") for i in infos if i.filename.startswith("files/")},
    }))
"#;

/// What Python's zipfile finds in an archive.
pub(crate) fn look(bytes: &[u8]) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("export.zip");
    std::fs::write(&path, bytes).unwrap();
    look_at(&path)
}

fn look_at(path: &std::path::Path) -> Value {
    let said = Command::new("python3")
        .args(["-c", LOOK])
        .arg(path)
        .output()
        .unwrap();
    let complaint = String::from_utf8_lossy(&said.stderr);
    assert!(said.status.success(), "{complaint}");
    serde_json::from_slice(&said.stdout).unwrap()
}

async fn upload(person: &Person<'_>, room: &str, name: &str, bytes: &str) -> Value {
    let headers = [("x-file-name", name)];
    let path = format!("/rooms/{room}/files");
    person
        .send(Method::POST, &path, &headers, bytes.into())
        .await
        .json()
}

async fn say(socket: &mut Socket, message: Value) -> Value {
    socket.ask("msg.send", message).await.unwrap()
}

#[tokio::test]
async fn staff_take_a_rooms_history_out_whole() {
    let server = Server::start().await;
    let (teacher, student) = (
        server.sign_in("teacher").await,
        server.sign_in("student1").await,
    );
    let (mut t, hello) = teacher.hello().await;
    let (mut s, theirs) = student.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    // Two of one name, one in Cyrillic with a letter that comes apart, and one that wants to be elsewhere.
    let lecture = "%D0%9B%D0%B5%D0%BA%D1%86%D0%B8%D1%8F%20%E2%84%961%20(%D0%B5%CC%88).txt";
    let mut files = Vec::new();
    for (name, bytes) in [
        ("a.txt", "one"),
        ("a.txt", "two"),
        (lecture, "three"),
        ("..%2F..%2Fetc%2Fpasswd", "four"),
    ] {
        files.push(upload(&student, room.as_str(), name, bytes).await["id"].clone());
    }
    let hostile = "<img src=x onerror=alert(1)>\n</article><script>alert(2)</script>";
    let sent = say(
        &mut s,
        json!({"r": room, "cid": "c1", "body": hostile, "att": files}),
    )
    .await;
    let gone = say(
        &mut s,
        json!({"r": room, "cid": "c2", "body": "не надо было"}),
    )
    .await;
    s.ask("msg.delete", json!({"id": gone["id"]}))
        .await
        .unwrap();
    let poll = json!({"options": ["да", "нет"], "anon": true});
    let poll = say(
        &mut t,
        json!({"r": room, "cid": "c3", "body": "Тайный", "poll": poll}),
    )
    .await;
    s.ask("poll.vote", json!({"id": poll["id"], "opts": [1]}))
        .await
        .unwrap();
    let open = json!({"options": ["да", "нет"]});
    let open = say(
        &mut t,
        json!({"r": room, "cid": "c4", "body": "Открытый", "poll": open}),
    )
    .await;
    s.ask("poll.vote", json!({"id": open["id"], "opts": [0]}))
        .await
        .unwrap();
    t.ask(
        "msg.react",
        json!({"id": sent["id"], "emoji": "👍", "on": true}),
    )
    .await
    .unwrap();

    let about = teacher
        .get(&format!("/rooms/{room}/export/about"))
        .await
        .json();
    assert_eq!(about, json!({"messages": 5, "files": 4, "bytes": 15}));
    let answer = teacher.get(&format!("/rooms/{room}/export")).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("content-type"), "application/zip");
    assert!(
        answer
            .header("content-disposition")
            .starts_with("attachment; ")
    );
    let found = look(&answer.body);
    assert_eq!(found["utf8"], true);
    let files = found["files"].as_object().unwrap();
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "files/000002-01 a.txt",
            "files/000002-02 a.txt",
            "files/000002-03 Лекция №1 (ё).txt",
            "files/000002-04 passwd"
        ]
    );
    let bytes: Vec<&str> = files
        .values()
        .map(|bytes| bytes.as_str().unwrap())
        .collect();
    assert_eq!(bytes, ["one", "two", "three", "four"]);

    let history = &found["history"];
    assert_eq!(
        (&history["format"], &history["version"]),
        (&json!("parta-history"), &json!(1))
    );
    let messages = history["messages"].as_array().unwrap();
    assert_eq!(messages.len(), 5);
    assert_eq!(
        (&messages[1]["text"], &messages[1]["by"]),
        (&json!(hostile), &theirs["me"]["id"])
    );
    assert_eq!(messages[1]["files"][2]["path"], names[2]);
    assert_eq!(messages[1]["reactions"][0]["emoji"], "👍");
    assert_eq!(
        (&messages[2]["text"], &messages[2]["deleted"]["by"]),
        (&json!(""), &theirs["me"]["id"])
    );
    assert_eq!(
        messages[2]["versions"][0]["text"], "не надо было",
        "the staff of the room may read it"
    );
    let secret = &messages[3]["poll"]["options"][1];
    assert_eq!(
        (&secret["votes"], &secret["by"]),
        (&json!(1), &Value::Null),
        "{secret}"
    );
    let told = &messages[4]["poll"]["options"][0];
    assert_eq!(told["by"], json!([theirs["me"]["id"]]));

    let html = found["html"].as_str().unwrap();
    assert!(
        !html.contains("<script") && !html.contains("<img src=x"),
        "{html}"
    );
    assert!(html.contains("&lt;script&gt;"));
    assert!(html.contains("href=\"files/000002-03%20"), "{html}");
}

#[tokio::test]
async fn who_does_not_manage_a_room_gets_nothing_and_an_administrator_no_earlier_texts() {
    let server = Server::start().await;
    let (teacher, student, admin) = (
        server.sign_in("teacher").await,
        server.sign_in("student1").await,
        server.sign_in("admin").await,
    );
    let (mut t, hello) = teacher.hello().await;
    // The administrator is no member of this one.
    let (room, _) = room_named(&hello, "3D-моделирование, поток 2");
    let sent = say(&mut t, json!({"r": room, "cid": "c1", "body": "черновик"})).await;
    t.ask("msg.edit", json!({"id": sent["id"], "body": "чистовик"}))
        .await
        .unwrap();
    for path in ["export", "export/about"] {
        let never = student.get(&format!("/rooms/never/{path}")).await;
        let theirs = student.get(&format!("/rooms/{room}/{path}")).await;
        assert_eq!(
            (never.status, theirs.status),
            (StatusCode::FORBIDDEN, StatusCode::FORBIDDEN)
        );
        assert_eq!(never.body, theirs.body);
    }
    let with = json!({"u": student_id(&hello)});
    let headers = [("content-type", "application/json")];
    let direct = teacher
        .send(Method::POST, "/direct", &headers, with.to_string().into())
        .await
        .json();
    let direct = direct["id"].as_str().unwrap();
    for person in [&admin, &teacher, &student] {
        let answer = person.get(&format!("/rooms/{direct}/export")).await;
        assert_eq!(
            answer.status,
            StatusCode::FORBIDDEN,
            "of a conversation of two"
        );
    }
    let texts = |found: &Value| {
        let message = found["history"]["messages"]
            .as_array()
            .unwrap()
            .last()
            .unwrap()
            .clone();
        (message["text"].clone(), message["versions"].clone())
    };
    let mine = look(&teacher.get(&format!("/rooms/{room}/export")).await.body);
    assert_eq!(texts(&mine).0, "чистовик");
    assert_eq!(texts(&mine).1[0]["text"], "черновик");
    let theirs = look(
        &admin
            .get(&format!("/rooms/{room}/export?lang=en"))
            .await
            .body,
    );
    assert_eq!(texts(&theirs), (json!("чистовик"), Value::Null));
    assert!(!theirs["html"].as_str().unwrap().contains("черновик"));
    assert!(theirs["html"].as_str().unwrap().contains("lang=\"en\""));
}

fn student_id(hello: &Value) -> Value {
    let people = hello["people"].as_array().unwrap();
    people
        .iter()
        .find(|person| person["role"] == "student")
        .unwrap()["id"]
        .clone()
}

#[tokio::test]
async fn a_file_whose_bytes_are_lost_is_named_and_the_rest_is_whole() {
    let server = Server::start().await;
    let teacher = server.sign_in("teacher").await;
    let (mut t, hello) = teacher.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let mut files = Vec::new();
    for name in ["lost.txt", "kept.txt"] {
        files.push(upload(&teacher, room.as_str(), name, name).await["id"].clone());
    }
    say(
        &mut t,
        json!({"r": room, "cid": "c1", "body": "", "att": files}),
    )
    .await;
    let lost = server.data().join("files").join(files[0].as_str().unwrap());
    std::fs::remove_dir_all(lost).unwrap();
    let found = look(&teacher.get(&format!("/rooms/{room}/export")).await.body);
    let names = found["names"].as_array().unwrap();
    assert!(names.contains(&json!("missing.txt")), "{names:?}");
    assert_eq!(
        found["files"],
        json!({"files/000002-02 kept.txt": "kept.txt"})
    );
}
