//! Parta behind nginx and HAProxy, as the samples in `config/reverse-proxy` set them up.

mod proxy;

use hyper::{Method, StatusCode};
use protocol::limits::PING_SECONDS;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::harness::{EventStream, Person, ROOM, Server, Socket, room_named};
use crate::school::School;
use crate::stream::{open, open_from};
use proxy::{KINDS, Kind, ORIGIN, Proxy};

const FILE_BYTES_MAX: usize = 2_000_000;

async fn start() -> Server {
    Server::start_as(tempfile::tempdir().unwrap(), true, |config| {
        config.origins = vec![ORIGIN.to_owned()];
        config.file_bytes_max = FILE_BYTES_MAX as u64;
    })
    .await
}

/// Somebody who writes without a proxy.
struct Writer {
    socket: Socket,
    room: Value,
}

impl Writer {
    async fn new(teacher: &Person<'_>) -> Self {
        let (socket, hello) = teacher.hello().await;
        let (_, room) = room_named(&hello, ROOM);
        Self { socket, room }
    }

    /// Gives the event.
    async fn write(&mut self, text: &str) -> Value {
        let send = message(&self.room["id"], text);
        self.socket.ask("msg.send", send).await.unwrap();
        self.socket.event("msg").await
    }

    /// For the `hello` of somebody who has everything up to `event`.
    fn positions(&self, event: &Value) -> Value {
        json!({ self.room["id"].as_str().unwrap(): [self.room["epoch"], event["s"]] })
    }
}

/// For `msg.send`.
fn message(room: &Value, text: &str) -> Value {
    json!({"r": room, "cid": Uuid::new_v4().to_string(), "body": text})
}

async fn next_message(stream: &mut EventStream) -> Value {
    stream.frame(|frame| frame["e"] == "msg").await
}

#[tokio::test]
async fn a_websocket_passes_a_proxy() {
    let server = start().await;
    for kind in KINDS {
        let proxy = Proxy::start(kind, &[server.address()]).await;
        let student = proxy.door().sign_in("student1").await;
        let mut teacher = Writer::new(&server.sign_in("teacher").await).await;
        let (mut socket, _) = student.hello().await;
        let told = teacher.write(&format!("{kind:?}")).await;
        assert_eq!(socket.event("msg").await, told);
        let answer = message(&told["r"], "слышно");
        socket.ask("msg.send", answer).await.unwrap();
        assert_eq!(teacher.socket.event("msg").await["d"]["body"], "слышно");

        let foreign = Some("https://evil.example");
        let refused = Socket::open(proxy.door(), foreign, &student.cookie).await;
        assert!(refused.err().unwrap().to_string().contains("403"));
    }
}

#[tokio::test]
async fn the_cookie_of_a_school_behind_a_proxy_travels_over_https_only() {
    let server = start().await;
    for kind in KINDS {
        let proxy = Proxy::start(kind, &[server.address()]).await;
        let login = json!({"login": "teacher", "password": "parta-demo"}).to_string();
        let headers = [("origin", ORIGIN), ("content-type", "application/json")];
        let answer = proxy
            .door()
            .raw(Method::POST, "/session", &headers, login.into())
            .await;
        assert!(answer.header("set-cookie").contains("; Secure"), "{kind:?}");
        let plain = proxy.plain("/room?a=1").await;
        assert_eq!(plain.status, StatusCode::PERMANENT_REDIRECT, "{kind:?}");
        assert_eq!(plain.header("location"), format!("{ORIGIN}/room?a=1"));
    }
}

#[tokio::test]
async fn a_proxy_holds_no_event_of_a_stream_back() {
    let server = start().await;
    let teacher = server.sign_in("teacher").await;
    for kind in KINDS {
        let proxy = Proxy::start(kind, &[server.address()]).await;
        for door in proxy.doors() {
            stream_passes(
                door.sign_in("student1").await,
                Writer::new(&teacher).await,
                &server,
            )
            .await;
        }
    }
}

async fn stream_passes(student: Person<'_>, mut teacher: Writer, server: &Server) {
    let (mut stream, path, _) = open(&student).await;
    // Each arrives before there is another one that could push it.
    for k in 0..3 {
        let told = teacher.write(&k.to_string()).await;
        assert_eq!(next_message(&mut stream).await, told);
    }
    let answer = message(&teacher.room["id"], "слышно");
    let answer = json!({"i": 2, "m": "msg.send", "p": answer}).to_string();
    let sent = student.send(Method::POST, &path, &[], answer.into()).await;
    assert_eq!(sent.status, StatusCode::NO_CONTENT);
    let sent = stream.frame(|frame| frame["i"] == 2).await;
    assert_eq!(sent["ok"]["dup"], false);
    assert_eq!(teacher.socket.event("msg").await["d"]["body"], "слышно");

    // The server learns at once that somebody left, and not when it cannot write the next ping: the teacher's would
    // come before.
    let direct = student.on(server);
    drop(stream);
    tokio::select! {
        () = teacher.socket.answer_ping() => panic!("the stream of somebody who left is kept"),
        () = is_over(&direct, &path) => {}
    }
}

async fn is_over(student: &Person<'_>, path: &str) {
    let mut status = StatusCode::NO_CONTENT;
    while status == StatusCode::NO_CONTENT {
        let pong = student.send(Method::POST, path, &[], b"{}".to_vec());
        status = pong.await.status;
    }
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_proxy_leaves_it_to_the_server_which_files_are_too_large() {
    let server = start().await;
    for kind in KINDS {
        let proxy = Proxy::start(kind, &[server.address()]).await;
        for door in proxy.doors() {
            files_pass(door.sign_in("teacher").await).await;
        }
        // nginx says so when a file goes over its own disk.
        assert_eq!(proxy.log(), "", "{kind:?}");
    }
}

async fn files_pass(teacher: Person<'_>) {
    let (_, hello) = teacher.hello().await;
    let path = format!("/rooms/{}/files", room_named(&hello, ROOM).0);
    let file: Vec<u8> = (0..FILE_BYTES_MAX).map(|k| (k % 251) as u8).collect();
    let kept = teacher.send(Method::POST, &path, &[], file.clone()).await;
    let kept = kept.json();
    assert_eq!(kept["sha256"], hex::encode(Sha256::digest(&file)));
    let download = format!("/files/{}", kept["id"].as_str().unwrap());
    assert_eq!(teacher.get(&download).await.body, file);

    for bytes in [FILE_BYTES_MAX + 1, 8 * FILE_BYTES_MAX] {
        let refused = teacher.send(Method::POST, &path, &[], vec![7; bytes]).await;
        assert_eq!(
            (refused.status, &refused.json()["c"]),
            (StatusCode::PAYLOAD_TOO_LARGE, &json!("too_large"))
        );
    }
}

#[tokio::test]
async fn a_proxy_that_dies_costs_nobody_a_message() {
    let server = start().await;
    for kind in KINDS {
        let mut proxy = Proxy::start(kind, &[server.address()]).await;
        let door = proxy.door().clone();
        let student = door.sign_in("student1").await;
        let mut teacher = Writer::new(&server.sign_in("teacher").await).await;
        let (mut socket, _) = student.hello().await;
        let (mut stream, ..) = open(&student).await;
        let had = teacher.write(&format!("{kind:?} before")).await;
        assert_eq!(socket.event("msg").await, had);
        assert_eq!(next_message(&mut stream).await, had);

        proxy.kill();
        assert_eq!(socket.close_code().await, 1006);
        while stream.next().await.is_some() {}
        let missed = [
            teacher.write(&format!("{kind:?} without")).await,
            teacher.write(&format!("{kind:?} a proxy")).await,
        ];
        proxy.start_again().await;
        let (mut socket, _) = student.hello_from(teacher.positions(&had)).await;
        let (mut stream, ..) = open_from(&student, &teacher.positions(&had)).await;
        let after = teacher.write(&format!("{kind:?} after")).await;
        for event in missed.iter().chain([&after]) {
            assert_eq!(socket.event("msg").await, *event);
            assert_eq!(next_message(&mut stream).await, *event);
        }
    }
}

#[tokio::test]
async fn commands_of_a_stream_reach_its_own_server_and_go_on_when_that_is_lost() {
    let own_address =
        |config: &mut server::config::Config| config.origins = vec![ORIGIN.to_owned()];
    let Some(mut school) = School::open_as(2, own_address).await else {
        return;
    };
    let addresses = [school.nodes[0].address(), school.nodes[1].address()];
    let proxies = [
        Proxy::start(Kind::Nginx, &addresses).await,
        Proxy::start(Kind::Haproxy, &addresses).await,
    ];
    let mut on_first = Vec::new();
    for proxy in &proxies {
        // The session decides, and sessions are random: people come until each server has had one.
        let mut held = [None, None];
        for _ in 0..64 {
            let person = proxy.door().sign_in("student1").await;
            let (mut stream, path, _) = open(&person).await;
            for i in 2..6 {
                let sync = json!({"i": i, "m": "sync", "p": {"r": "none", "after": 0}});
                let sent = person.send(Method::POST, &path, &[], sync.to_string().into());
                assert_eq!(sent.await.status, StatusCode::NO_CONTENT);
                stream.frame(|frame| frame["i"] == i).await;
            }
            let node = node_of(&school, &person, &path).await;
            held[node] = Some((person, stream));
            if held.iter().all(Option::is_some) {
                break;
            }
        }
        let [Some(first), Some(_)] = held else {
            panic!("one server got everybody");
        };
        on_first.push(first);
    }

    school.nodes.remove(0).stop().await;
    for (person, mut stream) in on_first {
        while stream.next().await.is_some() {}
        let (_stream, path, _) = open(&person).await;
        assert_eq!(
            node_of(&school, &person, &path).await,
            0,
            "the one that is left"
        );
    }
}

/// The server that holds a stream: the others do not know it.
async fn node_of(school: &School, person: &Person<'_>, path: &str) -> usize {
    let mut holds = Vec::new();
    for (k, node) in school.nodes.iter().enumerate() {
        let there = person.on(node);
        let answer = there.send(Method::POST, path, &[], b"{}".to_vec()).await;
        if answer.status == StatusCode::NO_CONTENT {
            holds.push(k);
        }
    }
    assert_eq!(holds.len(), 1, "{path} is on {holds:?}");
    holds[0]
}

/// Seconds of each time-out that a sample names, with its name.
fn time_outs(sample: &str) -> Vec<(&str, u32)> {
    sample
        .lines()
        .filter_map(|line| line.trim().trim_end_matches(';').rsplit_once(' '))
        .filter(|(name, _)| !name.starts_with('#') && name.contains("timeout"))
        .map(|(name, value)| (name.trim(), value.trim_end_matches('s').parse().unwrap()))
        .collect()
}

#[test]
fn open_connections_are_never_silent_for_half_of_a_proxys_patience() {
    // nginx.org/r/proxy_read_timeout: the sample leaves it as it is.
    const NGINX_SECONDS: u32 = 60;
    assert_eq!(time_outs(&Kind::Nginx.sample()), []);
    let haproxy = Kind::Haproxy.sample();
    let haproxy = time_outs(&haproxy);
    let named = haproxy.iter().map(|(name, _)| *name);
    assert!(named.eq(["timeout connect", "timeout client", "timeout server"]));
    let silences = haproxy[1..].iter().map(|(_, seconds)| *seconds);
    for seconds in silences.chain([NGINX_SECONDS]) {
        assert!(2 * PING_SECONDS <= seconds, "{seconds} s");
    }
}

#[tokio::test]
#[ignore = "takes 75 s of doing nothing: to be run by hand when the samples or the pings change"]
async fn an_idle_connection_outlives_a_proxys_patience() {
    let server = start().await;
    let address = server.address();
    let both = KINDS.map(|kind| async move {
        let proxy = Proxy::start(kind, &[address]).await;
        let student = proxy.door().sign_in("student1").await;
        let (mut socket, _) = student.hello().await;
        let (mut stream, path, _) = open(&student).await;
        // Three times 25 s.
        for _ in 0..3 {
            socket.answer_ping().await;
            stream.frame(|frame| *frame == json!({})).await;
            let pong = student.send(Method::POST, &path, &[], b"{}".to_vec());
            assert_eq!(pong.await.status, StatusCode::NO_CONTENT);
        }
        (proxy, socket, stream)
    });
    let idle = futures_util::future::join_all(both).await;
    let mut teacher = Writer::new(&server.sign_in("teacher").await).await;
    let told = teacher.write("ещё здесь?").await;
    for (_proxy, mut socket, mut stream) in idle {
        assert_eq!(socket.event("msg").await, told);
        assert_eq!(next_message(&mut stream).await, told);
    }
}
