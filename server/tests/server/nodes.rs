//! Several servers on one PostgreSQL and one Redis. Both are real; each test has a Redis of its own to ill-treat.

use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{ROOM, Socket, room_named};
use crate::school::School;

/// Two people, each on another node.
struct Pair {
    room: String,
    seq: i64,
    a: Socket,
    b: Socket,
    sent: u32,
}

impl Pair {
    async fn open(school: &School) -> Self {
        let (teacher, student) = (
            school.sign_in("teacher", 0).await,
            school.sign_in("student1", 1).await,
        );
        let (a, hello) = teacher.hello().await;
        let (b, _) = student.hello().await;
        let (room, known) = room_named(&hello, ROOM);
        Self {
            room: room.as_str().to_owned(),
            seq: known["seq"].as_i64().unwrap(),
            a,
            b,
            sent: 0,
        }
    }

    /// Each writes a message, and both get both, in the same place.
    async fn talk(&mut self) {
        for from_a in [true, false] {
            self.sent += 1;
            self.seq += 1;
            let send = json!({"r": self.room, "cid": format!("c{}", self.sent), "body": self.sent.to_string()});
            let sender = if from_a { &mut self.a } else { &mut self.b };
            let sent = sender.ask("msg.send", send).await.unwrap();
            assert_eq!(sent["s"], self.seq);
        }
        for socket in [&mut self.a, &mut self.b] {
            for s in [self.seq - 1, self.seq] {
                let event = socket.event("msg").await;
                assert_eq!((&event["s"], &event["r"]), (&json!(s), &json!(self.room)));
            }
        }
    }
}

#[tokio::test]
async fn people_on_different_nodes_meet() {
    let Some(school) = School::open(2).await else {
        return;
    };
    let mut pair = Pair::open(&school).await;
    assert_eq!(pair.a.event("presence").await["d"]["on"], true);
    pair.talk().await;
    let typing = json!({"m": "typing", "p": {"r": pair.room}}).to_string();
    pair.b.write(&typing).await;
    assert_eq!(pair.a.event("typing").await["r"], pair.room);
    let arrived = json!({"no": {pair.room.as_str(): 1_000_000}});
    pair.a.ask("recv", arrived).await.unwrap();
    assert_eq!(pair.b.event("recv").await["r"], pair.room);

    // The teacher's other device is on the other node.
    let laptop = school.sign_in("teacher", 1).await;
    let (mut laptop, hello) = laptop.hello().await;
    let online: Vec<&Value> = hello["online"].as_array().unwrap().iter().collect();
    assert_eq!(online.len(), 2, "{online:?}");
    pair.b
        .ask("msg.send", json!({"r": pair.room, "cid": "x", "body": "x"}))
        .await
        .unwrap();
    let no = laptop.event("msg").await["d"]["no"].clone();
    pair.a
        .ask("read", json!({"r": pair.room, "no": no}))
        .await
        .unwrap();
    loop {
        let read = laptop.event("u.read").await;
        if read["d"]["no"] == no {
            break;
        }
    }
}

#[tokio::test]
async fn signing_out_on_one_node_ends_the_connections_on_all() {
    let Some(school) = School::open(2).await else {
        return;
    };
    let teacher = school.sign_in("teacher", 0).await;
    let (mut elsewhere, _) = teacher.on(&school.nodes[1]).hello().await;
    let out = teacher
        .send(Method::DELETE, "/session", &[], Vec::new())
        .await;
    assert_eq!(out.status, StatusCode::NO_CONTENT);
    assert_eq!(elsewhere.close_code().await, 4503);
}

#[tokio::test]
async fn without_redis_sessions_end_on_all_nodes_too() {
    let Some(school) = School::open(2).await else {
        return;
    };
    let teacher = school.sign_in("teacher", 0).await;
    school.redis.stop();
    let (mut elsewhere, _) = teacher.on(&school.nodes[1]).hello().await;
    teacher
        .send(Method::DELETE, "/session", &[], Vec::new())
        .await;
    assert_eq!(elsewhere.close_code().await, 4503);
}

#[tokio::test]
async fn messages_flow_while_redis_is_away_and_when_it_comes_back_empty() {
    let Some(school) = School::open(2).await else {
        return;
    };
    let mut pair = Pair::open(&school).await;
    pair.talk().await;
    school.redis.stop();
    pair.talk().await;
    pair.talk().await;
    school.redis.start_again();
    pair.talk().await;
    school.redis.tell(&["PING"]).await;
    pair.talk().await;
    pair.talk().await;
}

#[tokio::test]
async fn messages_flow_when_redis_loses_its_memory_its_listeners_or_its_scripts() {
    let Some(school) = School::open(2).await else {
        return;
    };
    let mut pair = Pair::open(&school).await;
    for harm in [
        &["FLUSHALL"][..],
        &["CLIENT", "KILL", "TYPE", "pubsub"],
        &["SCRIPT", "FLUSH"],
        &["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"],
        &["CLIENT", "PAUSE", "4000", "ALL"],
    ] {
        pair.talk().await;
        school.redis.tell(harm).await;
        pair.talk().await;
    }
    pair.talk().await;
}

#[tokio::test]
async fn an_event_that_is_too_long_for_the_bus_arrives_by_the_database() {
    let Some(school) = School::open(2).await else {
        return;
    };
    let mut pair = Pair::open(&school).await;
    let body = "\"".repeat(16_384);
    let send = json!({"r": pair.room, "cid": "long", "body": body});
    pair.a.ask("msg.send", send).await.unwrap();
    assert_eq!(pair.b.event("msg").await["d"]["body"], body);
}

#[tokio::test]
async fn a_lesson_can_be_ended_on_another_node_than_it_was_begun() {
    let Some(school) = School::open(2).await else {
        return;
    };
    let teacher = school.sign_in("teacher", 0).await;
    let (mut here, hello) = teacher.hello().await;
    let (mut there, _) = teacher.on(&school.nodes[1]).hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let started = here.ask("call.start", json!({"r": room})).await.unwrap();
    let call = started["call"]["id"].clone();
    assert_eq!(there.event("call.started").await["d"]["id"], call);
    there.ask("call.end", json!({"call": call})).await.unwrap();
    assert_eq!(here.event("call.ended").await["d"]["id"], call);
    let over = here.ask("call.end", json!({"call": call})).await;
    assert_eq!(over.unwrap_err(), "call_ended");
}
