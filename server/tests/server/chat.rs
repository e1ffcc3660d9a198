use protocol::command::MsgSend;
use protocol::limits::READ_TOLD_MEMBERS_MAX;
use protocol::model::Role;
use protocol::{ClientId, UserId};
use serde_json::{Value, json};
use server::store::{NewMessage, NewPerson, Store};

use crate::harness::{ROOM, Server, room_named};

#[tokio::test]
async fn a_message_reaches_everybody_once_and_survives_a_restart() {
    let server = Server::start().await;
    let (teacher, student) = (
        server.sign_in("teacher").await,
        server.sign_in("student1").await,
    );
    let (mut a, hello) = teacher.hello().await;
    let (mut b, _) = student.hello().await;
    let (room, before) = room_named(&hello, ROOM);
    let seq = before["seq"].as_i64().unwrap();

    let send = json!({"r": room, "cid": "c1", "body": "  Здравствуйте!  "});
    let ok = a.ask("msg.send", send.clone()).await.unwrap();
    assert_eq!(
        (ok["s"].as_i64(), ok["dup"].as_bool()),
        (Some(seq + 1), Some(false))
    );
    let event = b.event("msg").await;
    assert_eq!(event["d"]["body"], "Здравствуйте!");
    assert_eq!(event["s"], ok["s"]);
    // The sender hears of it in the same way, and a repeated try changes nothing.
    assert_eq!(a.event("msg").await, event);
    let again = a.ask("msg.send", send).await.unwrap();
    assert_eq!(
        (again["id"].clone(), again["dup"].as_bool()),
        (ok["id"].clone(), Some(true))
    );

    drop((a, b));
    let server = server.restart().await;
    let student = server.sign_in("student1").await;
    let (mut b, hello) = student
        .hello_from(json!({ room.as_str(): [before["epoch"], seq] }))
        .await;
    assert_eq!(room_named(&hello, ROOM).1["seq"], seq + 1);
    let missed = b.events_until("ready").await;
    let missed: Vec<_> = missed
        .into_iter()
        .filter(|frame| frame["e"] == "msg")
        .collect();
    assert_eq!(missed, [event]);
}

#[tokio::test]
async fn positions_that_mean_nothing_are_reset() {
    let server = Server::start().await;
    let teacher = server.sign_in("teacher").await;
    let (_, hello) = teacher.hello().await;
    let (room, known) = room_named(&hello, ROOM);
    for position in [
        json!(["another epoch", 1]),
        json!([known["epoch"], 999]),
        json!([known["epoch"], -5]),
    ] {
        let (mut socket, _) = teacher.hello_from(json!({ room.as_str(): position })).await;
        let event = socket.event("reset").await;
        assert_eq!(
            (&event["r"], &event["d"]["s"]),
            (&known["id"], &known["seq"])
        );
    }
    let (mut socket, _) = teacher.hello().await;
    socket
        .ask("sync", json!({"r": room, "after": 12_345}))
        .await
        .unwrap();
    assert_eq!(socket.event("reset").await["d"]["ep"], known["epoch"]);
}

#[tokio::test]
async fn who_has_read_is_told_and_can_be_asked() {
    let server = Server::start().await;
    let (teacher, student) = (
        server.sign_in("teacher").await,
        server.sign_in("student1").await,
    );
    let (mut a, hello) = teacher.hello().await;
    let (mut b, mine) = student.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let send = json!({"r": room, "cid": "c1", "body": "Кто прочитал?"});
    let no = a.ask("msg.send", send).await.unwrap()["no"].clone();
    b.ask("read", json!({"r": room, "no": no})).await.unwrap();
    let read = a.event("read").await;
    assert_eq!(read["d"], json!({"u": mine["me"]["id"], "no": no}));
    let path = format!("/rooms/{room}/readers");
    let readers = teacher.get(&path).await.json();
    let who: Vec<_> = readers["readers"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|reader| reader["no"] == no)
        .map(|reader| reader["u"].clone())
        .collect();
    // The author has read what they wrote.
    assert_eq!(who.len(), 2, "{readers}");
    assert!(who.contains(&mine["me"]["id"]) && who.contains(&hello["me"]["id"]));
    let (staff_room, _) = room_named(&hello, "Учительская");
    let path = format!("/rooms/{staff_room}/readers");
    assert_eq!(
        student.get(&path).await.status,
        hyper::StatusCode::FORBIDDEN
    );
}

#[tokio::test]
async fn what_has_arrived_is_told_once_for_many_and_can_be_asked() {
    let server = Server::start().await;
    let (teacher, student, other) = (
        server.sign_in("teacher").await,
        server.sign_in("student1").await,
        server.sign_in("student2").await,
    );
    let (mut a, hello) = teacher.hello().await;
    let (room, known) = room_named(&hello, ROOM);
    let (mut b, mine) = student.hello().await;
    let (mut c, theirs) = other.hello().await;
    // One does not look at the room; for one device it is the same as for the other.
    b.ask("focus", json!({"r": []})).await.unwrap();
    let send = json!({"r": room, "cid": "c1", "body": "Дошло?"});
    let no = a.ask("msg.send", send).await.unwrap()["no"].clone();
    b.event("bump").await;
    c.event("msg").await;
    let upto = |no: &Value| json!({"no": {room.as_str(): no}});
    b.ask("recv", upto(&known["no"])).await.unwrap();
    b.ask("recv", upto(&no)).await.unwrap();
    c.ask("recv", upto(&json!(1_000_000))).await.unwrap();
    let mut who = a.event("recv").await;
    assert_eq!(who["r"], json!(room));
    let people = who["d"].as_array_mut().unwrap();
    people.sort_by_key(|one| one["u"] != mine["me"]["id"]);
    let expected = json!([{"u": mine["me"]["id"], "no": no}, {"u": theirs["me"]["id"], "no": no}]);
    assert_eq!(json!(people), expected);

    let path = format!("/rooms/{room}/readers");
    let readers = teacher.get(&path).await.json();
    let of = |who: &Value| {
        let all = readers["readers"].as_array().unwrap();
        all.iter().find(|one| one["u"] == *who).unwrap().clone()
    };
    assert_eq!(of(&hello["me"]["id"])["recv"], no, "who wrote it has it");
    let reached = of(&mine["me"]["id"]);
    assert_eq!((&reached["no"], &reached["recv"]), (&json!(0), &no));
    let (_, again) = student.hello().await;
    assert_eq!(room_named(&again, ROOM).1["recv_no"], no);

    let (staff_room, _) = room_named(&hello, "Учительская");
    for (refused, code) in [
        (json!({"no": {staff_room.as_str(): 1}}), "forbidden"),
        (json!({"no": {room.as_str(): "1"}}), "bad_request"),
    ] {
        assert_eq!(b.ask("recv", refused).await, Err(code.to_owned()));
    }
}

#[tokio::test]
async fn in_a_large_room_it_is_neither_kept_nor_told_what_has_arrived() {
    let server = Server::start().await;
    let teacher = server.sign_in("teacher").await;
    let (_, hello) = teacher.hello().await;
    let store = Store::open_sqlite(&server.data().join("parta.db"))
        .await
        .unwrap();
    let me: UserId = serde_json::from_value(hello["me"]["id"].clone()).unwrap();
    let mut members = vec![me.clone()];
    for k in 0..READ_TOLD_MEMBERS_MAX {
        let new = NewPerson {
            login: format!("many{k}"),
            name: k.to_string(),
            role: Role::Student,
            password: String::new(),
        };
        members.push(store.add_person(&new, 1).await.unwrap().id);
    }
    let large = store.add_room("Весь поток", &members, 1).await.unwrap();
    members.pop();
    let small = store.add_room("Без одного", &members, 1).await.unwrap();
    for room in [&large, &small] {
        let send = MsgSend {
            r: room.clone(),
            cid: ClientId::parse(format!("c-{room}")).unwrap(),
            body: "всем".to_owned(),
            re: None,
            att: Vec::new(),
            men: Vec::new(),
            poll: None,
            fwd: None,
            ack: false,
            due: None,
            all: false,
            noticed: false,
        };
        let (by, send) = (&members[1], &send);
        store.add_message(NewMessage { by, send }, 1).await.unwrap();
    }
    let (mut socket, _) = teacher.hello().await;
    let upto = json!({"no": {large.as_str(): 1, small.as_str(): 1}});
    socket.ask("recv", upto).await.unwrap();
    assert_eq!(socket.event("recv").await["r"], json!(small));
    for (room, recv) in [(&large, 0), (&small, 1)] {
        let readers = store.readers(room).await.unwrap();
        assert_eq!(readers.iter().find(|one| one.u == me).unwrap().recv, recv);
    }
    store.close().await;
}

#[tokio::test]
async fn sync_gives_what_is_missing() {
    let server = Server::start().await;
    let teacher = server.sign_in("teacher").await;
    let (mut socket, hello) = teacher.hello().await;
    let (room, known) = room_named(&hello, ROOM);
    let seq = known["seq"].as_i64().unwrap();
    for k in 1..=3 {
        socket
            .ask(
                "msg.send",
                json!({"r": room, "cid": format!("c{k}"), "body": "текст"}),
            )
            .await
            .unwrap();
    }
    let (mut late, _) = teacher.hello().await;
    late.event("ready").await;
    late.ask("sync", json!({"r": room, "after": seq + 1}))
        .await
        .unwrap();
    assert_eq!(late.event("msg").await["s"], seq + 2);
    assert_eq!(late.event("msg").await["s"], seq + 3);
}

#[tokio::test]
async fn typing_presence_and_read_pointers_are_told() {
    let server = Server::start().await;
    let (teacher, student) = (
        server.sign_in("teacher").await,
        server.sign_in("student1").await,
    );
    let (mut a, hello) = teacher.hello().await;
    let (room, known) = room_named(&hello, ROOM);
    assert!(
        hello["online"]
            .as_array()
            .unwrap()
            .contains(&hello["me"]["id"])
    );
    let (mut b, theirs) = student.hello().await;
    let came = a.event("presence").await;
    let misha = theirs["me"]["id"].clone();
    assert_eq!(came["d"], json!({"u": misha, "on": true}));

    b.ask("typing", json!({"r": room})).await.unwrap();
    let typing = a.event("typing").await;
    assert_eq!((&typing["r"], &typing["d"]["u"]), (&json!(room), &misha));

    // Another device of the same person.
    let (mut second, again) = student.hello().await;
    assert_eq!(room_named(&again, ROOM).1["read_no"], 0);
    b.ask("read", json!({"r": room, "no": known["no"]}))
        .await
        .unwrap();
    assert_eq!(
        second.event("u.read").await["d"],
        json!({"r": room, "no": known["no"]})
    );
}

#[tokio::test]
async fn who_is_mentioned_learns_it_wherever_they_look() {
    let server = Server::start().await;
    let (teacher, student, other) = (
        server.sign_in("teacher").await,
        server.sign_in("student1").await,
        server.sign_in("student2").await,
    );
    let (mut a, hello) = teacher.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let (mut looks, mine) = student.hello().await;
    let (mut lists, _) = student.hello().await;
    let (mut listens, _) = other.hello().await;
    for socket in [&mut lists, &mut listens] {
        socket.ask("focus", json!({"r": []})).await.unwrap();
    }
    let misha = &mine["me"]["id"];
    let me = &hello["me"]["id"];
    let mention = |k: u32| json!({"r": room, "cid": format!("c{k}"), "body": "@Миша Кузнецов", "men": [misha, me, misha]});
    let no = a.ask("msg.send", mention(1)).await.unwrap()["no"].clone();
    assert_eq!(looks.event("msg").await["d"]["men"], json!([misha]));
    assert_eq!(lists.event("bump").await["d"]["men"], json!([no]));
    assert_eq!(listens.event("bump").await["d"]["men"], json!(null));

    // Whether in one bump or in two.
    let again = a.ask("msg.send", mention(2)).await.unwrap()["no"].clone();
    let quiet = json!({"r": room, "cid": "c3", "body": "и всё"});
    let last = a.ask("msg.send", quiet).await.unwrap()["no"].clone();
    let mut told = Vec::new();
    loop {
        let bump = lists.event("bump").await;
        told.extend(bump["d"]["men"].as_array().into_iter().flatten().cloned());
        if bump["d"]["last"]["no"] == last {
            break;
        }
    }
    assert_eq!(told, std::slice::from_ref(&again));

    let (mut late, snapshot) = student.hello().await;
    assert_eq!(room_named(&snapshot, ROOM).1["men"], json!([no, again]));
    late.ask("read", json!({"r": room, "no": no}))
        .await
        .unwrap();
    assert_eq!(lists.event("u.read").await["d"]["no"], no);
    late.ask("sync", json!({"r": room, "after": 12_345}))
        .await
        .unwrap();
    assert_eq!(late.event("reset").await["d"]["men"], json!([again]));
}

#[tokio::test]
async fn messages_out_of_bounds_get_a_clear_answer() {
    let server = Server::start().await;
    let teacher = server.sign_in("teacher").await;
    let (mut socket, hello) = teacher.hello().await;
    let (room, known) = room_named(&hello, ROOM);
    for (body, code) in [
        (" \n ".to_owned(), "empty"),
        ("я".repeat(8_193), "too_large"),
        ("a\0b".to_owned(), "bad_request"),
    ] {
        let answer = socket
            .ask("msg.send", json!({"r": room, "cid": "c", "body": body}))
            .await;
        assert_eq!(answer, Err(code.to_owned()));
    }
    let files: Vec<String> = (0..21).map(|k| format!("f{k}")).collect();
    let answer = socket
        .ask(
            "msg.send",
            json!({"r": room, "cid": "c", "body": "x", "att": files}),
        )
        .await;
    assert_eq!(answer, Err("too_large".to_owned()));
    let people = vec!["u"; 21];
    for (men, code) in [(json!(people), "too_large"), (json!(["u"]), "bad_request")] {
        let send = json!({"r": room, "cid": "c", "body": "x", "men": men});
        assert_eq!(socket.ask("msg.send", send).await, Err(code.to_owned()));
    }
    let whole = "я".repeat(8_192);
    let ok = socket
        .ask("msg.send", json!({"r": room, "cid": "c", "body": whole}))
        .await
        .unwrap();
    assert_eq!(
        ok["s"],
        known["seq"].as_i64().unwrap() + 1,
        "refused messages take no number"
    );
}
