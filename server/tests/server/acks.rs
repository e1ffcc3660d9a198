//! Acknowledgements of messages, as members see them come.

use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{ROOM, Server, room_named};

#[tokio::test]
async fn an_acknowledgement_comes_to_everybody_and_who_it_is_is_for_the_staff() {
    let server = Server::start().await;
    let (teacher, student) = (
        server.sign_in("teacher").await,
        server.sign_in("student1").await,
    );
    let (mut t, hello) = teacher.hello().await;
    let (mut s, theirs) = student.hello().await;
    let (room, summary) = room_named(&hello, ROOM);
    let asked = summary["members"].as_array().unwrap().len() - 1;
    let path = format!("/rooms/{room}/files");
    let name = [("x-file-name", "rules.txt")];
    let file = teacher
        .send(Method::POST, &path, &name, b"1".to_vec())
        .await;
    let file = &file.json()["id"];
    let send = json!({"r": room, "cid": "c1", "body": "Собрание", "att": [file], "ack": true});
    assert_eq!(
        s.ask("msg.send", send.clone()).await,
        Err("forbidden".to_owned())
    );
    let sent = t.ask("msg.send", send).await.unwrap();
    let (id, no, seq) = (&sent["id"], &sent["no"], sent["s"].as_i64().unwrap());
    for socket in [&mut t, &mut s] {
        let message = socket.event("msg").await;
        assert_eq!(message["d"]["ack"], json!({"done": 0, "of": asked}));
    }
    let (_, now) = room_named(&student.hello().await.1, ROOM);
    assert_eq!(now["acks"], json!([{"no": no}]));
    let open = student.get("/acks").await.json();
    assert_eq!(open["hits"][0]["id"], *id);
    // Nobody acknowledges a file that they were not told of.
    assert_eq!(open["hits"][0]["files"][0][0]["t"], "rules.txt");

    assert_eq!(
        s.ask("msg.remind", json!({"id": id})).await,
        Err("forbidden".to_owned())
    );
    t.ask("msg.remind", json!({"id": id})).await.unwrap();
    assert_eq!(
        t.ask("msg.remind", json!({"id": id})).await,
        Err("rate_limited".to_owned())
    );
    let reminded = s.event("msg.reminded").await;
    assert_eq!(
        (&reminded["s"], &reminded["d"]["no"]),
        (&json!(seq + 1), no)
    );
    for _ in 0..2 {
        s.ask("msg.ack", json!({"id": id})).await.unwrap();
    }
    for socket in [&mut t, &mut s] {
        let event = socket.event("msg.acked").await;
        let d = json!({"id": id, "no": no, "by": theirs["me"]["id"], "done": 1});
        assert_eq!((&event["s"], &event["d"]), (&json!(seq + 2), &d));
    }
    let (_, now) = room_named(&student.hello().await.1, ROOM);
    assert_eq!(
        (&now["acks"], &now["seq"]),
        (&Value::Null, &json!(seq + 2)),
        "the second one took no position"
    );
    assert_eq!(student.get("/acks").await.json()["hits"], json!([]));

    let path = format!("/messages/{}/acks", id.as_str().unwrap());
    let refused = student.get(&path).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let acks = teacher.get(&path).await.json();
    let all = acks["asked"].as_array().unwrap();
    let done: Vec<_> = all.iter().filter(|one| one["at"] != Value::Null).collect();
    assert_eq!((all.len(), done.len()), (asked, 1));
    assert_eq!(done[0]["u"], theirs["me"]["id"]);
    assert_eq!(acks["reminded"], reminded["d"]["at"]);
}

#[tokio::test]
async fn a_room_out_of_focus_tells_what_is_asked_and_what_is_done() {
    let server = Server::start().await;
    let (teacher, student) = (
        server.sign_in("teacher").await,
        server.sign_in("student1").await,
    );
    let (mut t, hello) = teacher.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let mut s = student.connect().await;
    let hello = json!({"v": 1, "dev": "device", "app": "test", "focus": []});
    s.ask("hello", hello).await.unwrap();
    s.event("ready").await;
    let send = json!({"r": room, "cid": "c1", "body": "Собрание", "ack": true});
    let sent = t.ask("msg.send", send).await.unwrap();
    let bump = s.event("bump").await;
    assert_eq!(bump["d"]["acks"], json!([sent["no"]]));
    t.ask("msg.remind", json!({"id": sent["id"]}))
        .await
        .unwrap();
    let bump = s.event("bump").await;
    assert_eq!(bump["d"]["reminded"][0]["no"], sent["no"]);
    let (mut phone, _) = student.hello().await;
    phone
        .ask("msg.ack", json!({"id": sent["id"]}))
        .await
        .unwrap();
    let bump = s.event("bump").await;
    assert_eq!(bump["d"], json!({"acked": [sent["no"]]}));
}

#[tokio::test]
async fn a_deadline_comes_with_the_message_and_must_be_one() {
    let server = Server::start().await;
    let (teacher, student) = (
        server.sign_in("teacher").await,
        server.sign_in("student1").await,
    );
    let (mut t, hello) = teacher.hello().await;
    let (mut s, _) = student.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let due = |days: i64| {
        let now = server::time::now_ms();
        server::time::rfc3339(now + days * 24 * 3_600 * 1_000)
    };
    let wrong = [
        (json!({"ack": true, "due": due(-1)}), "due_over"),
        (json!({"ack": true, "due": due(400)}), "bad_request"),
        (json!({"ack": true, "due": "завтра"}), "bad_request"),
        (json!({"due": due(3)}), "bad_request"),
    ];
    for (k, (more, code)) in (0..).zip(wrong) {
        let mut send = json!({"r": room, "cid": format!("w{k}"), "body": "Согласие"});
        send.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let refused = t.ask("msg.send", send).await;
        assert_eq!(refused, Err(code.to_owned()));
    }
    let day = due(3);
    let send = json!({"r": room, "cid": "c1", "body": "Согласие", "ack": true, "due": day});
    t.ask("msg.send", send).await.unwrap();
    assert_eq!(s.event("msg").await["d"]["due"], json!(day));
}

#[tokio::test]
async fn administrators_look_over_all_rooms_and_nobody_else_does() {
    let server = Server::start().await;
    let (admin, teacher, student) = (
        server.sign_in("admin").await,
        server.sign_in("teacher").await,
        server.sign_in("student1").await,
    );
    let (mut t, hello) = teacher.hello().await;
    let (mut s, own) = student.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let send = json!({"r": room, "cid": "c1", "body": "Собрание\nСекрет", "ack": true});
    let id = t.ask("msg.send", send).await.unwrap()["id"].clone();
    s.ask("msg.ack", json!({"id": id})).await.unwrap();
    let one = format!("/acks/overview/{}", id.as_str().unwrap());
    for person in [&teacher, &student] {
        for path in ["/acks/overview", &one] {
            let refused = person.get(path).await;
            assert_eq!(refused.status, StatusCode::FORBIDDEN, "{path}");
        }
    }
    let all = admin.get("/acks/overview").await.json();
    let shown = &all["messages"][0];
    assert_eq!((&shown["id"], &shown["line"]), (&id, &json!("Собрание")));
    assert_eq!(shown["ack"]["done"], 1);
    assert!(all.get("next").is_none() && !all.to_string().contains("Секрет"));
    let overdue = admin.get("/acks/overview?overdue=true").await.json();
    assert_eq!(overdue, json!({"messages": []}));
    let one = admin.get(&one).await.json();
    let waiting = one["waiting"].as_array().unwrap();
    let of = shown["ack"]["of"].as_u64().unwrap();
    assert_eq!(u64::try_from(waiting.len()).unwrap(), of - 1);
    assert!(
        waiting
            .iter()
            .all(|who| who["person"]["id"] != own["me"]["id"])
    );
    for wrong in ["overdue=yes", "else=1", "before=%00"] {
        let refused = admin.get(&format!("/acks/overview?{wrong}")).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
    let none = admin.get("/acks/overview/nothing").await;
    assert_eq!(none.status, StatusCode::NOT_FOUND);
    let log = admin.get("/audit?act=acks_read").await.json();
    let messages: Vec<_> = log["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["msg"])
        .collect();
    assert_eq!(messages, [&id, &Value::Null, &Value::Null]);
}
