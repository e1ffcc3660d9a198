//! A running server on free ports, people who sign in by HTTP, and their WebSocket connections.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use http_body_util::BodyExt;
use hyper::{Method, StatusCode};
use protocol::RoomId;
use serde_json::{Value, json};
use server::accounts::password::Hasher;
use server::config::Config;
use tokio::sync::oneshot;
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::door::{Answer, Door, Line, Wire};

/// A test that waits longer has failed; nothing is measured by it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);

pub(crate) const ROOM: &str = "Робототехника, поток 1";
pub(crate) const FILE_BYTES_MAX: u64 = 100_000;

pub(crate) struct Server {
    address: SocketAddr,
    door: Door,
    stop: Option<oneshot::Sender<()>>,
    done: tokio::task::JoinHandle<()>,
    folder: tempfile::TempDir,
    pub(crate) hasher: Hasher,
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
        let origin = config.origins.first().cloned();
        let (stop, stopped) = oneshot::channel::<()>();
        let (started, address) = oneshot::channel();
        let done = tokio::spawn(async move {
            let shutdown = async move { drop(stopped.await) };
            let tell = |app: &server::App, address| {
                assert!(started.send((address, app.hasher.clone())).is_ok());
            };
            server::run(config, demo, shutdown, tell).await.unwrap();
        });
        let (address, hasher): (SocketAddr, _) = address.await.unwrap();
        let origin = origin.unwrap_or_else(|| format!("http://127.0.0.1:{}", address.port()));
        Self {
            address,
            door: Door::at(address, origin),
            stop: Some(stop),
            done,
            folder,
            hasher,
        }
    }

    /// Stops it and starts another on the same data.
    pub(crate) async fn restart(self) -> Self {
        Self::start_in(self.stop().await, true).await
    }

    /// Stops it; its data is left.
    pub(crate) async fn stop(mut self) -> tempfile::TempDir {
        drop(self.stop.take());
        self.done.await.unwrap();
        self.folder
    }

    /// Tells it to stop, and does not wait for that.
    pub(crate) fn begin_stop(&mut self) {
        drop(self.stop.take());
    }

    /// Ends it at once.
    pub(crate) fn abandon(self) {
        self.done.abort();
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn data(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Its own, without a proxy.
    pub(crate) fn door(&self) -> &Door {
        &self.door
    }

    pub(crate) fn origin(&self) -> String {
        self.door.origin().to_owned()
    }

    /// See [`Door::raw`].
    pub(crate) async fn raw(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Answer {
        self.door.raw(method, path, headers, body).await
    }

    pub(crate) async fn sign_in(&self, login: &str) -> Person<'_> {
        self.door.sign_in(login).await
    }

    pub(crate) async fn sign_in_with(
        &self,
        login: &str,
        password: &str,
    ) -> Result<Person<'_>, Answer> {
        self.door.sign_in_with(login, password).await
    }

    /// As through a proxy that tells where the person is.
    pub(crate) async fn sign_in_from(
        &self,
        address: &str,
        login: &str,
        password: &str,
    ) -> Result<Person<'_>, Answer> {
        let told = [("x-forwarded-for", address)];
        self.door.sign_in_as(login, password, &told).await
    }
}

pub(crate) struct Person<'a> {
    pub(crate) door: &'a Door,
    pub(crate) cookie: String,
}

impl Person<'_> {
    /// The same session on another server of the same school.
    pub(crate) fn on<'b>(&self, server: &'b Server) -> Person<'b> {
        Person {
            door: &server.door,
            cookie: self.cookie.clone(),
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.door
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
        let mut all = vec![
            ("cookie", self.cookie.as_str()),
            ("origin", self.door.origin()),
        ];
        all.extend_from_slice(headers);
        self.door.raw(method, path, &all, body).await
    }

    /// The begin of the answer to a request that stays open.
    pub(crate) async fn stream(&self, path: &str, body: String) -> EventStream {
        let headers = [
            ("cookie", self.cookie.as_str()),
            ("origin", self.door.origin()),
        ];
        let (response, line) = self
            .door
            .request(Method::POST, path, &headers, body.into())
            .await;
        assert_eq!(response.status(), StatusCode::OK);
        EventStream {
            body: response.into_body(),
            text: String::new(),
            _line: line,
        }
    }

    /// A connection that has not said hello.
    pub(crate) async fn connect(&self) -> Socket {
        Socket::open(self.door, Some(self.door.origin()), &self.cookie)
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
    _line: Line,
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
            // Broken off is over, too.
            let data = frame.ok()?.into_data().unwrap();
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
    inner: WebSocketStream<Box<dyn Wire>>,
    next: u32,
    /// Events that came while an answer was awaited.
    events: std::collections::VecDeque<Value>,
}

impl Socket {
    pub(crate) async fn open(
        door: &Door,
        origin: Option<&str>,
        cookie: &str,
    ) -> Result<Self, tokio_tungstenite::tungstenite::Error> {
        let mut request = format!("ws://{}/api/v1/ws", door.host()).into_client_request()?;
        let headers = request.headers_mut();
        headers.insert(
            "sec-websocket-protocol",
            protocol::SUBPROTOCOL.parse().unwrap(),
        );
        headers.insert("cookie", cookie.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert("origin", origin.parse().unwrap());
        }
        let (inner, _) = client_async(request, door.connect().await?).await?;
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

    /// The whole reply to a command that was written.
    pub(crate) async fn reply_to(&mut self, i: u32) -> Value {
        loop {
            let frame = self.frame().await.unwrap();
            if frame["i"] == json!(i) {
                return frame;
            }
            self.events.push_back(frame);
        }
    }

    /// Waits for a ping and answers it.
    pub(crate) async fn answer_ping(&mut self) {
        while self.frame().await.unwrap() != json!({}) {}
        self.write("{}").await;
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

    /// The same when it says nothing else before.
    pub(crate) async fn close_code_at_once(&mut self) -> u16 {
        match self.frame().await {
            Err(code) => code,
            Ok(frame) => panic!("{frame}"),
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
