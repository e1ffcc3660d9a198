//! Polls, as members of a room see them.

use serde_json::{Value, json};

use crate::harness::{ROOM, Server, room_named};

fn vote(id: &Value, opts: &[u8]) -> Value {
    json!({"id": id, "opts": opts})
}

#[tokio::test]
async fn votes_come_to_the_room_together_and_a_persons_other_devices_ask_for_theirs() {
    let server = Server::start().await;
    let (teacher, student) = (
        server.sign_in("teacher").await,
        server.sign_in("student1").await,
    );
    let (mut t, hello) = teacher.hello().await;
    let (mut s, theirs) = student.hello().await;
    let (mut phone, _) = student.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let poll = json!({"options": [" да ", "нет"], "many": true});
    let send = json!({"r": room, "cid": "c1", "body": "Идём?", "poll": poll});
    let id = t.ask("msg.send", send).await.unwrap()["id"].clone();
    let message = s.event("msg").await;
    assert_eq!(message["d"]["poll"]["options"], json!(["да", "нет"]));
    let own = s.ask("poll.vote", vote(&id, &[1])).await.unwrap();
    assert_eq!(
        (&own["mine"], &own["tally"]["counts"]),
        (&json!([1]), &json!([0, 1]))
    );
    assert_eq!(phone.event("u.voted").await["d"], json!({"id": id}));
    t.ask("poll.vote", vote(&id, &[0, 1])).await.unwrap();
    let mine = student
        .get(&format!("/messages/{}/poll", id.as_str().unwrap()))
        .await
        .json();
    assert_eq!(mine["mine"], json!([1]));
    // Whatever came in which second: the last event has both.
    let mut seq = message["s"].as_i64().unwrap();
    let told = loop {
        let event = s.event("poll").await;
        seq += 1;
        assert_eq!((&event["s"], &event["d"]["id"]), (&json!(seq), &id));
        if event["d"]["tally"]["voters"] == 2 {
            break event;
        }
    };
    assert_eq!(told["d"]["tally"]["counts"], json!([1, 2]));
    let voters = student
        .get(&format!("/messages/{}/voters", id.as_str().unwrap()))
        .await
        .json();
    let (anna, misha) = (&hello["me"]["id"], &theirs["me"]["id"]);
    assert_eq!(voters["options"][0], json!([anna]));
    let both = voters["options"][1].as_array().unwrap();
    assert!(both.len() == 2 && both.contains(misha));

    assert_eq!(
        s.ask("poll.close", json!({"id": id})).await,
        Err("forbidden".to_owned())
    );
    t.ask("poll.close", json!({"id": id})).await.unwrap();
    let closed = s.event("poll").await;
    assert_eq!(closed["d"]["tally"]["closed"]["by"], *anna);
    let late = s.ask("poll.vote", vote(&id, &[0])).await;
    assert_eq!(late, Err("poll_closed".to_owned()));
}

#[tokio::test]
async fn what_cannot_be_a_poll_is_refused_and_a_stranger_finds_none() {
    let server = Server::start().await;
    let (teacher, stranger) = (
        server.sign_in("teacher").await,
        server.sign_in("student4").await,
    );
    let (mut t, hello) = teacher.hello().await;
    let (mut x, theirs) = stranger.hello().await;
    let rooms = hello["rooms"].as_array().unwrap();
    let not_theirs = |room: &&Value| {
        !theirs["rooms"]
            .to_string()
            .contains(room["id"].as_str().unwrap())
    };
    let room = rooms.iter().find(not_theirs).unwrap()["id"].clone();
    for (k, (body, poll, code)) in [
        ("", json!({"options": ["а", "б"]}), "empty"),
        ("?", json!({"options": ["а"]}), "bad_request"),
        ("?", json!({"options": ["а", "а "]}), "bad_request"),
        (
            "?",
            json!({"options": ["а", "б"], "quiz": {"right": 2}}),
            "bad_request",
        ),
        ("?", json!({"options": ["а", "б".repeat(200)]}), "too_large"),
        (
            "?",
            json!({"options": ["а", "б"], "surprise": 1}),
            "bad_request",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let send = json!({"r": room, "cid": format!("c{k}"), "body": body, "poll": poll});
        assert_eq!(
            t.ask("msg.send", send).await,
            Err(code.to_owned()),
            "{poll}"
        );
    }
    let poll = json!({"options": ["а", "б"]});
    let send = json!({"r": room, "cid": "c9", "body": "?", "poll": poll});
    let id = t.ask("msg.send", send).await.unwrap()["id"].clone();
    let nothing = Err("not_found".to_owned());
    assert_eq!(x.ask("poll.vote", vote(&id, &[0])).await, nothing);
    assert_eq!(x.ask("poll.close", json!({"id": id})).await, nothing);
    for what in ["poll", "voters"] {
        let path = format!("/messages/{}/{what}", id.as_str().unwrap());
        let known = stranger.get(&path).await;
        let unknown = stranger.get(&format!("/messages/none/{what}")).await;
        assert_eq!(
            (known.status, known.json()),
            (unknown.status, unknown.json())
        );
        assert_eq!(known.status, 404);
    }
}

#[tokio::test]
async fn an_anonymous_vote_is_told_to_nobody_and_votes_untold_at_a_stop_are_told_later() {
    let server = Server::start().await;
    let teacher = server.sign_in("teacher").await;
    let (mut t, hello) = teacher.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let poll = json!({"options": ["да", "нет"], "anon": true});
    let send = json!({"r": room, "cid": "c1", "body": "Идём?", "poll": poll});
    let id = t.ask("msg.send", send).await.unwrap()["id"].clone();
    let (seq, voter) = {
        let student = server.sign_in("student1").await;
        let (mut s, theirs) = student.hello().await;
        s.ask("poll.vote", vote(&id, &[1])).await.unwrap();
        (
            t.event("msg").await["s"].as_i64().unwrap(),
            theirs["me"]["id"].clone(),
        )
    };
    let path = format!("/messages/{}/voters", id.as_str().unwrap());
    assert_eq!(teacher.get(&path).await.json()["c"], "forbidden");
    drop(t);
    // At once: the second in which votes gather is not over. Or it is, and nothing is left to tell.
    let server = server.restart().await;
    let teacher = server.sign_in("teacher").await;
    let pos = json!({ room.as_str(): [room_named(&hello, ROOM).1["epoch"], seq] });
    let (mut t, _) = teacher.hello_from(pos).await;
    let told = t.event("poll").await;
    assert_eq!(
        (&told["s"], &told["d"]["tally"]["counts"]),
        (&json!(seq + 1), &json!([0, 1]))
    );
    let page = teacher
        .get(&format!("/rooms/{room}/events?limit=2"))
        .await
        .json();
    assert!(
        !page.to_string().contains(voter.as_str().unwrap()),
        "{page}"
    );
    let student = server.sign_in("student1").await;
    let mine = student
        .get(&format!("/messages/{}/poll", id.as_str().unwrap()))
        .await
        .json();
    assert_eq!(
        mine["mine"],
        json!([1]),
        "the key is the same after a restart"
    );
}
