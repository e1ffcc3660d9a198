//! Messages that are passed on to another room, and who may have their files.

use hyper::Method;
use serde_json::{Value, json};

use crate::harness::{ROOM, Server, room_named};

fn forward(room: &Value, cid: &str, id: &Value) -> Value {
    json!({"r": room, "cid": cid, "body": "", "fwd": id})
}

#[tokio::test]
async fn a_message_is_passed_on_with_its_files_to_people_who_are_not_in_its_room() {
    let server = Server::start().await;
    let teacher = server.sign_in("teacher").await;
    let (mut t, hello) = teacher.hello().await;
    let (inside, outside) = (
        server.sign_in("student1").await,
        server.sign_in("student2").await,
    );
    let headers = [("content-type", "application/json")];
    let make = async |name: &str, person: &Value| {
        let new = json!({"cid": name, "name": name, "kind": "group", "people": [person]});
        let new = new.to_string().into_bytes();
        let made = teacher.send(Method::POST, "/rooms", &headers, new).await;
        made.json()["id"].clone()
    };
    let (insider, outsider) = (
        inside.hello().await.1["me"]["id"].clone(),
        outside.hello().await.1["me"]["id"].clone(),
    );
    let (room, second) = (
        make("first", &insider).await,
        make("second", &outsider).await,
    );

    let upload = format!("/rooms/{}/files", room.as_str().unwrap());
    let file = teacher
        .send(
            Method::POST,
            &upload,
            &[("x-file-name", "plan.txt")],
            b"plan".to_vec(),
        )
        .await
        .json()["id"]
        .clone();
    let send = json!({"r": room, "cid": "c1", "body": "Смотрите план", "att": [file]});
    let id = t.ask("msg.send", send).await.unwrap()["id"].clone();
    let get = format!("/files/{}", file.as_str().unwrap());
    assert_eq!(outside.get(&get).await.status, 404);

    let (mut o, _) = outside.hello().await;
    t.ask("msg.send", forward(&second, "c2", &id))
        .await
        .unwrap();
    let event = o.event("msg").await;
    let message = &event["d"];
    assert_eq!(
        (&message["body"], &message["att"][0]["id"]),
        (&json!("Смотрите план"), &file)
    );
    assert_eq!(message["fwd"]["by"], hello["me"]["id"]);
    assert_eq!(message["fwd"]["name"], hello["me"]["name"]);
    assert!(
        !event.to_string().contains(room.as_str().unwrap()) && !event.to_string().contains("first")
    );
    assert_eq!(outside.get(&get).await.status, 200);
    assert_eq!(inside.get(&get).await.status, 200);
    // Passed on once more: whose words they are stays.
    let direct = json!({"u": hello["me"]["id"]});
    let direct = outside
        .send(
            Method::POST,
            "/direct",
            &headers,
            direct.to_string().into_bytes(),
        )
        .await
        .json()["id"]
        .clone();
    let again = forward(&direct, "c1", &message["id"]);
    let sent = o.ask("msg.send", again.clone()).await.unwrap();
    assert_eq!(
        o.ask("msg.send", again).await.unwrap()["id"],
        sent["id"],
        "once"
    );
    let page = outside
        .get(&format!("/rooms/{}/events", direct.as_str().unwrap()))
        .await
        .json();
    let last = &page["events"].as_array().unwrap().last().unwrap()["d"];
    assert_eq!(
        (&last["by"], &last["fwd"]["by"]),
        (&outsider, &hello["me"]["id"])
    );
    let edit = o
        .ask("msg.edit", json!({"id": sent["id"], "body": "не так"}))
        .await;
    assert_eq!(edit, Err("forbidden".to_owned()));

    // What is gone in one room stays in the other, with its file.
    t.ask("msg.delete", json!({"id": message["id"]}))
        .await
        .unwrap();
    // An answer that was lost on the way is given again, though there is nothing to pass on any more.
    let again = forward(&direct, "c1", &message["id"]);
    assert_eq!(o.ask("msg.send", again).await.unwrap()["id"], sent["id"]);
    let anew = forward(&direct, "c9", &message["id"]);
    let anew = o.ask("msg.send", anew).await;
    assert_eq!(anew, Err("not_found".to_owned()));
    o.ask("msg.delete", json!({"id": sent["id"]}))
        .await
        .unwrap();
    assert_eq!(outside.get(&get).await.status, 404);
    assert_eq!(inside.get(&get).await.status, 200);
}

#[tokio::test]
async fn nothing_is_passed_on_that_one_may_not_read_nor_to_where_one_may_not_write() {
    let server = Server::start().await;
    let (teacher, student) = (
        server.sign_in("teacher").await,
        server.sign_in("student1").await,
    );
    let (mut t, hello) = teacher.hello().await;
    let (mut s, theirs) = student.hello().await;
    let headers = [("content-type", "application/json")];
    let make = async |name: &str, kind: &str, people: Value| {
        let new = json!({"cid": name, "name": name, "kind": kind, "people": people});
        let made = teacher
            .send(
                Method::POST,
                "/rooms",
                &headers,
                new.to_string().into_bytes(),
            )
            .await;
        made.json()["id"].clone()
    };
    let apart = make("apart", "group", json!([])).await;
    let board = make("board", "announcements", json!([theirs["me"]["id"]])).await;
    let (room, _) = room_named(&hello, ROOM);
    let room = json!(room.as_str());
    let secret = json!({"r": apart, "cid": "c1", "body": "секрет"});
    let secret = t.ask("msg.send", secret).await.unwrap()["id"].clone();
    let open = json!({"r": room, "cid": "c2", "body": "открыто"});
    let open = t.ask("msg.send", open).await.unwrap()["id"].clone();
    let poll = json!({"r": room, "cid": "c3", "body": "?", "poll": {"options": ["а", "б"]}});
    let poll = t.ask("msg.send", poll).await.unwrap()["id"].clone();

    let unknown = s
        .ask("msg.send", forward(&room, "f1", &json!("none")))
        .await;
    assert_eq!(unknown, Err("not_found".to_owned()));
    assert_eq!(
        s.ask("msg.send", forward(&room, "f2", &secret)).await,
        unknown
    );
    assert_eq!(
        s.ask("msg.send", forward(&room, "f3", &poll)).await,
        unknown
    );
    let refused = s.ask("msg.send", forward(&board, "f4", &open)).await;
    assert_eq!(refused, Err("read_only".to_owned()));
    let refused = s.ask("msg.send", forward(&apart, "f5", &open)).await;
    assert_eq!(refused, Err("forbidden".to_owned()));
    let mut more = forward(&room, "f6", &open);
    more["body"] = json!("и от себя");
    assert_eq!(s.ask("msg.send", more).await, Err("bad_request".to_owned()));
    t.ask("msg.delete", json!({"id": open})).await.unwrap();
    let gone = s.ask("msg.send", forward(&room, "f7", &open)).await;
    assert_eq!(gone, Err("not_found".to_owned()));
}
