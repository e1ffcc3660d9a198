//! A running server on free ports, people who sign in by HTTP, and their WebSocket connections.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use protocol::RoomId;
use serde_json::{Value, json};
use server::config::Config;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// A test that waits longer has failed; nothing is measured by it.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) const ROOM: &str = "Робототехника, поток 1";
pub(crate) const FILE_BYTES_MAX: u64 = 100_000;

pub(crate) struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    done: tokio::task::JoinHandle<()>,
    folder: tempfile::TempDir,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: hyper::HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), true).await
    }

    pub(crate) async fn start_empty() -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), false).await
    }

    async fn start_in(folder: tempfile::TempDir, demo: bool) -> Self {
        Self::start_as(folder, demo, |_| {}).await
    }

    /// With other settings than usual.
    pub(crate) async fn start_as(
        folder: tempfile::TempDir,
        demo: bool,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let mut config = Config {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            media_port: 0,
            data: folder.path().to_owned(),
            file_bytes_max: FILE_BYTES_MAX,
            drain_seconds: 0,
            ..Config::default()
        };
        change(&mut config);
        let (stop, stopped) = oneshot::channel::<()>();
        let (started, address) = oneshot::channel();
        let done = tokio::spawn(async move {
            let shutdown = async move { drop(stopped.await) };
            let tell = |_: &server::App, address| started.send(address).unwrap();
            server::run(config, demo, shutdown, tell).await.unwrap();
        });
        let address = address.await.unwrap();
        Self {
            address,
            stop: Some(stop),
            done,
            folder,
        }
    }

    /// Stops it and starts another on the same data.
    pub(crate) async fn restart(mut self) -> Self {
        drop(self.stop.take());
        self.done.await.unwrap();
        Self::start_in(self.folder, true).await
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn data(&self) -> &std::path::Path {
        self.folder.path()
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.address.port())
    }

    /// A request with these headers; `Origin` is not added.
    pub(crate) async fn raw(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Answer {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .unwrap();
        tokio::spawn(connection);
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"));
        request = request.header("host", self.address.to_string());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = sender
            .send_request(request.body(Full::new(Bytes::from(body))).unwrap())
            .await
            .unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    pub(crate) async fn sign_in(&self, login: &str) -> Person<'_> {
        self.sign_in_with(login, "parta-demo").await.unwrap()
    }

    pub(crate) async fn sign_in_with(
        &self,
        login: &str,
        password: &str,
    ) -> Result<Person<'_>, Answer> {
        let body = json!({"login": login, "password": password}).to_string();
        let headers = [
            ("origin", &*self.origin()),
            ("content-type", "application/json"),
        ];
        let answer = self
            .raw(Method::POST, "/session", &headers, body.into())
            .await;
        if answer.status != StatusCode::OK {
            return Err(answer);
        }
        let cookie = answer
            .header("set-cookie")
            .split(';')
            .next()
            .unwrap()
            .to_owned();
        Ok(Person {
            server: self,
            cookie,
        })
    }
}

pub(crate) struct Person<'a> {
    server: &'a Server,
    pub(crate) cookie: String,
}

impl Person<'_> {
    /// The same session on another server of the same school.
    pub(crate) fn on<'b>(&self, server: &'b Server) -> Person<'b> {
        Person {
            server,
            cookie: self.cookie.clone(),
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.server
            .raw(Method::GET, path, &[("cookie", &self.cookie)], Vec::new())
            .await
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Answer {
        let origin = self.server.origin();
        let mut all = vec![
            ("cookie", self.cookie.as_str()),
            ("origin", origin.as_str()),
        ];
        all.extend_from_slice(headers);
        self.server.raw(method, path, &all, body).await
    }

    /// The begin of the answer to a request that stays open.
    pub(crate) async fn stream(&self, path: &str, body: String) -> EventStream {
        let stream = TcpStream::connect(self.server.address).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .unwrap();
        let connection = tokio::spawn(connection);
        let request = Request::post(format!("/api/v1{path}"))
            .header("host", self.server.address.to_string())
            .header("origin", self.server.origin())
            .header("cookie", &self.cookie)
            .body(Full::new(Bytes::from(body)))
            .unwrap();
        let response = sender.send_request(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        EventStream {
            body: response.into_body(),
            text: String::new(),
            _connection: AbortOnDrop(connection.abort_handle()),
        }
    }

    /// A connection that has not said hello.
    pub(crate) async fn connect(&self) -> Socket {
        Socket::open(self.server, Some(&self.server.origin()), &self.cookie)
            .await
            .unwrap()
    }

    /// A connection that is ready, with the answer to its hello.
    pub(crate) async fn hello(&self) -> (Socket, Value) {
        self.hello_from(json!({})).await
    }

    /// The same with positions.
    pub(crate) async fn hello_from(&self, positions: Value) -> (Socket, Value) {
        let mut socket = self.connect().await;
        let hello = json!({"v": 1, "dev": "device", "app": "test", "pos": positions});
        let ok = socket.ask("hello", hello).await.unwrap();
        (socket, ok)
    }
}

/// `text/event-stream`, as it arrives. Dropping it ends the TCP connection.
pub(crate) struct EventStream {
    body: hyper::body::Incoming,
    text: String,
    _connection: AbortOnDrop,
}

struct AbortOnDrop(tokio::task::AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl EventStream {
    /// Name (empty for a frame) and data of the next event; `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| {
                    event
                        .lines()
                        .find_map(|line| line.strip_prefix(name))
                        .map(|value| value.trim_start().to_owned())
                        .unwrap_or_default()
                };
                let found = (
                    field("event:"),
                    serde_json::from_str(&field("data:")).unwrap(),
                );
                self.text = rest.to_owned();
                return Some(found);
            }
            let frame = tokio::time::timeout(PATIENCE, self.body.frame())
                .await
                .expect("the server says nothing")?;
            let data = frame.unwrap().into_data().unwrap();
            self.text += std::str::from_utf8(&data).unwrap();
        }
    }

    /// The first frame for which `fits`.
    pub(crate) async fn frame(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        loop {
            let (name, data) = self.next().await.unwrap();
            if name.is_empty() && fits(&data) {
                return data;
            }
        }
    }
}

pub(crate) struct Socket {
    inner: WebSocketStream<MaybeTlsStream<TcpStream>>,
    next: u32,
    /// Events that came while an answer was awaited.
    events: std::collections::VecDeque<Value>,
}

impl Socket {
    pub(crate) async fn open(
        server: &Server,
        origin: Option<&str>,
        cookie: &str,
    ) -> Result<Self, tokio_tungstenite::tungstenite::Error> {
        let mut request = format!("ws://{}/api/v1/ws", server.address).into_client_request()?;
        let headers = request.headers_mut();
        headers.insert(
            "sec-websocket-protocol",
            protocol::SUBPROTOCOL.parse().unwrap(),
        );
        headers.insert("cookie", cookie.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert("origin", origin.parse().unwrap());
        }
        let (inner, _) = connect_async(request).await?;
        Ok(Self {
            inner,
            next: 1,
            events: std::collections::VecDeque::new(),
        })
    }

    pub(crate) async fn write(&mut self, text: &str) {
        self.inner.send(Message::text(text)).await.unwrap();
    }

    /// Writes what the server may well refuse to read.
    pub(crate) async fn try_write(&mut self, text: &str) {
        let _ = self.inner.send(Message::text(text)).await;
    }

    pub(crate) async fn write_bytes(&mut self, bytes: Vec<u8>) {
        self.inner.send(Message::binary(bytes)).await.unwrap();
    }

    /// Sends a command and waits for its answer; `Err` has the error code.
    pub(crate) async fn ask(&mut self, method: &str, params: Value) -> Result<Value, String> {
        let i = self.next;
        self.next += 1;
        self.write(&json!({"i": i, "m": method, "p": params}).to_string())
            .await;
        loop {
            let frame = self.frame().await.unwrap();
            if frame["i"] != json!(i) {
                self.events.push_back(frame);
                continue;
            }
            return match frame["err"]["c"].as_str() {
                Some(code) => Err(code.to_owned()),
                None => Ok(frame["ok"].clone()),
            };
        }
    }

    /// The next event.
    pub(crate) async fn any_event(&mut self) -> Value {
        loop {
            let frame = match self.events.pop_front() {
                Some(frame) => frame,
                None => self.frame().await.unwrap(),
            };
            if frame["e"].is_string() {
                return frame;
            }
        }
    }

    /// The next event of this kind.
    pub(crate) async fn event(&mut self, kind: &str) -> Value {
        loop {
            let frame = match self.events.pop_front() {
                Some(frame) => frame,
                None => self.frame().await.unwrap(),
            };
            if frame["e"] == json!(kind) {
                return frame;
            }
        }
    }

    /// Every event up to this kind, without it.
    pub(crate) async fn events_until(&mut self, kind: &str) -> Vec<Value> {
        let mut events: Vec<Value> = self.events.drain(..).collect();
        if let Some(at) = events.iter().position(|event| event["e"] == json!(kind)) {
            self.events.extend(events.drain(at + 1..));
            events.truncate(at);
            return events;
        }
        loop {
            let frame = self.frame().await.unwrap();
            if frame["e"] == json!(kind) {
                return events;
            }
            events.push(frame);
        }
    }

    /// The code with which the server closes the connection.
    pub(crate) async fn close_code(&mut self) -> u16 {
        loop {
            if let Err(code) = self.frame().await {
                return code;
            }
        }
    }

    // `Err` has the close code, 1006 when there was none.
    async fn frame(&mut self) -> Result<Value, u16> {
        let next = tokio::time::timeout(PATIENCE, self.inner.next())
            .await
            .expect("the server says nothing");
        match next {
            Some(Ok(Message::Text(text))) => Ok(serde_json::from_str(&text).unwrap()),
            Some(Ok(Message::Close(Some(close)))) => Err(close.code.into()),
            _ => Err(1006),
        }
    }
}

/// A room in the answer to hello.
pub(crate) fn room_named(hello: &Value, name: &str) -> (RoomId, Value) {
    let rooms = hello["rooms"].as_array().unwrap();
    let room = rooms
        .iter()
        .find(|room| room["name"] == json!(name))
        .unwrap();
    (
        RoomId::parse(room["id"].as_str().unwrap()).unwrap(),
        room.clone(),
    )
}
