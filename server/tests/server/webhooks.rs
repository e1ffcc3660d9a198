//! Outgoing webhooks: a receiver of our own takes what the server sends, checks it as a stranger would, and fails as it is told.

mod hard;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::header::HeaderMap;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;

use crate::door::Wire;
use crate::harness::{PATIENCE, Person, ROOM, Server, room_named};

const JSON: (&str, &str) = ("content-type", "application/json");

struct Came {
    headers: HeaderMap,
    body: String,
}

impl Came {
    fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    /// That it was signed with this secret, over its id, its time and its body; what it says.
    fn signed(&self, secret: &str) -> Value {
        let key = BASE64
            .decode(secret.strip_prefix("whsec_").unwrap())
            .unwrap();
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        let (id, at) = (self.header("webhook-id"), self.header("webhook-timestamp"));
        let content = format!("{id}.{at}.{}", self.body);
        let tag = self
            .header("webhook-signature")
            .strip_prefix("v1,")
            .unwrap();
        hmac::verify(&key, content.as_bytes(), &BASE64.decode(tag).unwrap()).unwrap();
        assert!(!id.contains('.'));
        serde_json::from_str(&self.body).unwrap()
    }
}

/// Answers 204, unless it was told other answers for what comes next, or [`NOTHING`].
struct Receiver {
    port: u16,
    came: mpsc::UnboundedReceiver<Came>,
    answers: Arc<Mutex<VecDeque<(u16, String)>>>,
}

/// In place of a status: it takes the request and says nothing.
const NOTHING: u16 = 0;

impl Receiver {
    async fn start() -> Self {
        Self::speaking(None).await
    }

    /// By TLS, if it has something to speak it with.
    async fn speaking(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (tell, came) = mpsc::unbounded_channel();
        let answers: Arc<Mutex<VecDeque<(u16, String)>>> = Arc::default();
        let next = Arc::clone(&answers);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (tell, next, tls) = (tell.clone(), Arc::clone(&next), tls.clone());
                tokio::spawn(async move {
                    let stream: Box<dyn Wire> = match tls {
                        None => Box::new(stream),
                        // Not everybody trusts it.
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => Box::new(stream),
                            Err(_) => return,
                        },
                    };
                    let answer = service_fn(|request| answer(request, &tell, &next));
                    let http = hyper::server::conn::http1::Builder::new();
                    // Fails when the server is stopped.
                    let _ = http.serve_connection(TokioIo::new(stream), answer).await;
                });
            }
        });
        Self {
            port,
            came,
            answers,
        }
    }

    fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    fn url(&self) -> String {
        format!("http://{}/in?key=1", self.host())
    }

    fn will_answer(&self, status: u16, location: &str) {
        self.answers
            .lock()
            .unwrap()
            .push_back((status, location.to_owned()));
    }

    async fn next(&mut self) -> Came {
        let next = tokio::time::timeout(PATIENCE, self.came.recv()).await;
        next.expect("nothing came").unwrap()
    }
}

async fn answer(
    request: Request<Incoming>,
    tell: &mpsc::UnboundedSender<Came>,
    next: &Mutex<VecDeque<(u16, String)>>,
) -> Result<Response<Empty<Bytes>>, Infallible> {
    assert_eq!(
        (request.method(), request.uri().path()),
        (&Method::POST, "/in")
    );
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let body = String::from_utf8(body.to_vec()).unwrap();
    let (status, location) = next
        .lock()
        .unwrap()
        .pop_front()
        .unwrap_or((204, String::new()));
    tell.send(Came {
        headers: head.headers,
        body,
    })
    .unwrap();
    if status == NOTHING {
        std::future::pending::<()>().await;
    }
    let answer = Response::builder()
        .status(status)
        .header("location", location);
    Ok(answer.body(Empty::new()).unwrap())
}

async fn start_with(folder: tempfile::TempDir, hosts: &[String]) -> Server {
    let hosts = hosts.to_vec();
    Server::start_as(folder, true, |config| config.webhooks.allowed_hosts = hosts).await
}

async fn start(hosts: &[String]) -> Server {
    start_with(tempfile::tempdir().unwrap(), hosts).await
}

async fn ask(person: &Person<'_>, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
    let answer = person
        .send(method, path, &[JSON], body.to_string().into())
        .await;
    (answer.status, answer.json())
}

#[tokio::test]
async fn what_is_written_in_a_room_comes_signed_and_in_order_and_nothing_else() {
    let mut receiver = Receiver::start().await;
    let server = start(&[receiver.host()]).await;
    let teacher = server.sign_in("teacher").await;
    let (mut t, hello) = teacher.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let other = room_named(&hello, "3D-моделирование, поток 2").0;
    let path = format!("/rooms/{room}/webhooks");
    t.ask(
        "msg.send",
        json!({"r": room, "cid": "c0", "body": "до вебхука"}),
    )
    .await
    .unwrap();
    let (status, made) = ask(
        &teacher,
        Method::POST,
        &path,
        json!({"url": receiver.url()}),
    )
    .await;
    assert_eq!(status, StatusCode::OK, "{made}");
    let secret = made["secret"].as_str().unwrap();
    t.ask(
        "msg.send",
        json!({"r": other, "cid": "c1", "body": "в другой группе"}),
    )
    .await
    .unwrap();
    let sent = t
        .ask(
            "msg.send",
            json!({"r": room, "cid": "c2", "body": "**раз**"}),
        )
        .await
        .unwrap();
    let came = receiver.next().await;
    let said = came.signed(secret);
    assert_eq!(
        (&said["type"], &said["data"]["room"]),
        (
            &json!("message.created"),
            &json!({"id": room, "name": ROOM})
        )
    );
    assert_eq!(
        (
            &said["data"]["message"]["id"],
            &said["data"]["message"]["text"]
        ),
        (&sent["id"], &json!("**раз**"))
    );
    assert_eq!(
        said["data"]["author"]["name"],
        json!("Анна Сергеевна Иванова")
    );
    t.ask(
        "msg.react",
        json!({"id": sent["id"], "emoji": "👍", "on": true}),
    )
    .await
    .unwrap();
    let said = receiver.next().await.signed(secret);
    assert_eq!(
        (&said["type"], &said["data"]["event"]["emoji"]),
        (&json!("reaction.added"), &json!("👍"))
    );
    assert_eq!(said["data"]["event"]["message"], sent["id"]);
    assert_eq!(
        (&said["data"]["author"]["name"], &said["data"]["message"]),
        (&json!("Анна Сергеевна Иванова"), &Value::Null)
    );
    t.ask("msg.edit", json!({"id": sent["id"], "body": "два"}))
        .await
        .unwrap();
    let said = receiver.next().await.signed(secret);
    assert_eq!(
        (&said["type"], &said["data"]["message"]["text"]),
        (&json!("message.changed"), &json!("два"))
    );
    t.ask("msg.delete", json!({"id": sent["id"]}))
        .await
        .unwrap();
    let said = receiver.next().await.signed(secret);
    assert_eq!(
        (&said["type"], &said["data"]["message"]["text"]),
        (&json!("message.deleted"), &json!(""))
    );

    let (_, list) = ask(&teacher, Method::GET, &path, Value::Null).await;
    assert!(!list.to_string().contains(secret), "it is told once");
    assert_eq!(
        (&list["webhooks"][0]["url"], &list["hosts"]),
        (&json!(receiver.url()), &json!([receiver.host()]))
    );
    let one = format!("{path}/{}", made["webhook"]["id"].as_str().unwrap());
    let student = server.sign_in("student1").await;
    for (method, path, body) in [
        (Method::GET, &path, Value::Null),
        (Method::POST, &path, json!({"url": receiver.url()})),
        (Method::DELETE, &one, Value::Null),
    ] {
        assert_eq!(
            ask(&student, method, path, body).await.0,
            StatusCode::FORBIDDEN
        );
    }
    assert_eq!(
        ask(&teacher, Method::DELETE, &one, Value::Null).await.0,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        ask(&teacher, Method::DELETE, &one, Value::Null).await.0,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn what_failed_comes_again_under_its_name_and_first_also_after_a_restart() {
    let mut receiver = Receiver::start().await;
    let hosts = [receiver.host()];
    let server = start(&hosts).await;
    let teacher = server.sign_in("teacher").await;
    let (mut t, hello) = teacher.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let path = format!("/rooms/{room}/webhooks");
    let (_, made) = ask(
        &teacher,
        Method::POST,
        &path,
        json!({"url": receiver.url()}),
    )
    .await;
    let secret = made["secret"].as_str().unwrap().to_owned();
    // A redirection is a failure: nobody asks where it leads.
    let mut elsewhere = Receiver::start().await;
    receiver.will_answer(307, &elsewhere.url());
    receiver.will_answer(500, "");
    for k in 1..=2 {
        t.ask(
            "msg.send",
            json!({"r": room, "cid": format!("c{k}"), "body": format!("{k}")}),
        )
        .await
        .unwrap();
    }
    let first = receiver.next().await;
    let id = first.header("webhook-id").to_owned();
    assert_eq!(first.signed(&secret)["data"]["message"]["text"], "1");
    let again = receiver.next().await;
    assert_eq!(
        (
            again.header("webhook-id"),
            &again.signed(&secret)["data"]["message"]["text"]
        ),
        (&*id, &json!("1"))
    );
    let list = loop {
        let list = ask(&teacher, Method::GET, &path, Value::Null).await.1;
        if list["webhooks"][0]["status"] == json!(500) {
            break list;
        }
    };
    assert_eq!(
        (&list["webhooks"][0]["fault"], &list["webhooks"][0]["off"]),
        (&json!("status"), &json!(false))
    );
    assert!(
        elsewhere.came.try_recv().is_err(),
        "a redirection was followed"
    );

    receiver.will_answer(410, "");
    let server = start_with(server.stop().await, &hosts).await;
    let teacher = server.sign_in("teacher").await;
    assert_eq!(receiver.next().await.header("webhook-id"), id);
    // It wants nothing any more, until somebody says otherwise; then nothing is missing.
    let off = loop {
        let list = ask(&teacher, Method::GET, &path, Value::Null).await.1;
        if list["webhooks"][0]["off"] == json!(true) {
            break list;
        }
    };
    assert_eq!(off["webhooks"][0]["fault"], json!("gone"));
    let retry = format!("{path}/{}/retry", made["webhook"]["id"].as_str().unwrap());
    assert_eq!(
        ask(&teacher, Method::POST, &retry, Value::Null).await.0,
        StatusCode::NO_CONTENT
    );
    assert_eq!(receiver.next().await.header("webhook-id"), id);
    let second = receiver.next().await;
    assert_eq!(second.signed(&secret)["data"]["message"]["text"], "2");
    assert_ne!(second.header("webhook-id"), id);
}

#[tokio::test]
async fn nobody_is_called_whom_the_settings_do_not_name() {
    let receiver = Receiver::start().await;
    for (hosts, urls) in [
        (vec![], vec![receiver.url()]),
        (
            vec![receiver.host(), "169.254.169.254".to_owned()],
            vec![
                "http://127.0.0.1:1/in".to_owned(),
                format!("ftp://{}/in", receiver.host()),
                format!("http://{}@evil.example/in", receiver.host()),
                "https://169.254.169.254/latest".to_owned(),
                String::new(),
            ],
        ),
    ] {
        let server = start(&hosts).await;
        let teacher = server.sign_in("teacher").await;
        let (room, _) = room_named(&teacher.hello().await.1, ROOM);
        for url in urls {
            let path = format!("/rooms/{room}/webhooks");
            let (status, body) = ask(&teacher, Method::POST, &path, json!({"url": url})).await;
            assert_eq!(
                (status, &body["text"]),
                (StatusCode::BAD_REQUEST, &json!("url")),
                "{url}"
            );
        }
    }
}

#[tokio::test]
async fn a_name_that_leads_to_this_machine_is_not_called_and_the_staff_see_why() {
    let mut receiver = Receiver::start().await;
    let server = start(&[format!("localhost:{}", receiver.port)]).await;
    let teacher = server.sign_in("teacher").await;
    let (mut t, hello) = teacher.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let path = format!("/rooms/{room}/webhooks");
    let url = format!("http://localhost:{}/in", receiver.port);
    assert_eq!(
        ask(&teacher, Method::POST, &path, json!({"url": url}))
            .await
            .0,
        StatusCode::OK
    );
    t.ask("msg.send", json!({"r": room, "cid": "c1", "body": "тайна"}))
        .await
        .unwrap();
    loop {
        let list = ask(&teacher, Method::GET, &path, Value::Null).await.1;
        if list["webhooks"][0]["fault"] == json!("not_allowed") {
            break;
        }
        assert_eq!(list["webhooks"][0]["fault"], Value::Null);
        assert_eq!(list["webhooks"][0]["sent"], Value::Null, "it was called");
    }
    assert!(receiver.came.try_recv().is_err());
}
