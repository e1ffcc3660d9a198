//! Requests whose body is held back until the password of whoever began them has become another one.

use hyper::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::harness::{PATIENCE, Person, ROOM, Server, room_named};

/// A request without its body, which the server is waiting for.
struct Held {
    stream: BufReader<TcpStream>,
    body: Vec<u8>,
    what: String,
}

impl Held {
    async fn begin(
        server: &Server,
        person: &Person<'_>,
        (method, path): (&str, &str),
        body: Vec<u8>,
    ) -> Self {
        let mut stream = BufReader::new(TcpStream::connect(server.address()).await.unwrap());
        // RFC 9110 §10.1.1: the server says `100 Continue` when it comes to the body.
        let head = format!(
            "{method} /api/v1{path} HTTP/1.1\r\nhost: x\r\ncookie: {}\r\norigin: {}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\nexpect: 100-continue\r\n\r\n",
            person.cookie,
            server.origin(),
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let what = format!("{method} {path}");
        let mut line = String::new();
        timeout(PATIENCE, stream.read_line(&mut line))
            .await
            .expect(&what)
            .unwrap();
        assert_eq!(line, "HTTP/1.1 100 Continue\r\n", "{what}");
        stream.read_line(&mut line).await.unwrap();
        Self { stream, body, what }
    }

    /// The answer's status line and the rest.
    async fn finish(mut self) -> (String, String) {
        self.stream.write_all(&self.body).await.unwrap();
        let mut line = String::new();
        timeout(PATIENCE, self.stream.read_line(&mut line))
            .await
            .expect(&self.what)
            .unwrap();
        let mut length = 0;
        loop {
            let mut header = String::new();
            self.stream.read_line(&mut header).await.unwrap();
            if header == "\r\n" {
                break;
            }
            if let Some(told) = header.to_lowercase().strip_prefix("content-length:") {
                length = told.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await.unwrap();
        let said = String::from_utf8(body).unwrap();
        (format!("{}: {}", self.what, line.trim_end()), said)
    }
}

#[tokio::test]
async fn a_request_whose_session_ended_before_its_body_came_changes_and_tells_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let hook = "127.0.0.1:9";
    let server = Server::start_as(folder, true, |config| {
        config.webhooks.allowed_hosts = vec![hook.to_owned()];
    })
    .await;
    let (admin, teacher) = (
        server.sign_in("admin").await,
        server.sign_in("teacher").await,
    );
    let (mut socket, hello) = teacher.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let people = hello["people"].as_array().unwrap();
    let named = |person: &&Value| person["name"] == "Миша Кузнецов";
    let misha = people.iter().find(named).unwrap()["id"].clone();
    let misha_id = misha.as_str().unwrap();

    let json = |value: Value| value.to_string().into_bytes();
    let requests = [
        (
            "POST",
            format!("/rooms/{room}/bots"),
            json(json!({"name": "Сторож", "reads": true})),
        ),
        (
            "POST",
            format!("/rooms/{room}/devices"),
            json(json!({"name": "Камера", "does": "publish"})),
        ),
        (
            "POST",
            format!("/rooms/{room}/webhooks"),
            json(json!({"url": format!("http://{hook}/")})),
        ),
        (
            "POST",
            format!("/people/{misha_id}/password"),
            json(json!({})),
        ),
        (
            "POST",
            "/password".to_owned(),
            json(json!({"old": "parta-demo", "password": "четыре синих кита"})),
        ),
        ("POST", "/search".to_owned(), json(json!({"q": "а"}))),
        // Of these the session is looked at before the body comes.
        (
            "POST",
            "/rooms".to_owned(),
            json(json!({"kind": "group", "name": "Тайная", "cid": "c1", "people": [misha]})),
        ),
        (
            "PATCH",
            format!("/rooms/{room}"),
            json(json!({"name": "Другая"})),
        ),
        ("POST", "/direct".to_owned(), json(json!({"u": misha}))),
        ("POST", format!("/rooms/{room}/files"), b"text".to_vec()),
    ];
    let mut held = Vec::new();
    for (method, path, body) in requests {
        held.push(Held::begin(&server, &teacher, (method, &path), body).await);
    }
    let me = hello["me"]["id"].as_str().unwrap();
    let path = format!("/people/{me}/password");
    let headers = [("content-type", "application/json")];
    let reset = admin
        .send(Method::POST, &path, &headers, b"{}".to_vec())
        .await;
    assert_eq!(reset.status, 200);
    assert_eq!(socket.close_code().await, 4503);
    for held in held {
        let (line, said) = held.finish().await;
        assert!(
            line.ends_with("401 Unauthorized") && said.contains("unauthorized"),
            "{line} {said}"
        );
    }

    let once = reset.json()["password"].as_str().unwrap().to_owned();
    let teacher = server.sign_in_with("teacher", &once).await.unwrap();
    let body = json!({"password": "зима близко, волки"}).to_string();
    let chosen = teacher
        .send(Method::POST, "/password", &headers, body.into())
        .await;
    assert_eq!(chosen.status, 204);
    let teacher = server
        .sign_in_with("teacher", "зима близко, волки")
        .await
        .unwrap();
    let (_, now) = teacher.hello().await;
    assert_eq!(
        now["rooms"].as_array().unwrap().len(),
        hello["rooms"].as_array().unwrap().len()
    );
    room_named(&now, ROOM);
    for (path, list) in [
        ("bots", "bots"),
        ("devices", "devices"),
        ("webhooks", "webhooks"),
    ] {
        let told = teacher.get(&format!("/rooms/{room}/{path}")).await.json();
        assert_eq!(told[list], json!([]), "{path}");
    }
    assert!(server.sign_in_with("student1", "parta-demo").await.is_ok());
}
