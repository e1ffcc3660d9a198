//! The WebSocket side of a fake client: frames in and out, pings answered. What the frames mean is the caller's.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};

use futures_util::{SinkExt, StreamExt};
use hyper::header::{COOKIE, HeaderValue, ORIGIN, SEC_WEBSOCKET_PROTOCOL};
use protocol::{
    ClientId, Command, ErrorBody, Hello, HelloOk, LiveEvent, RoomEvent, RoomId, SUBPROTOCOL,
    VERSION,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

use crate::LoadError;
use crate::http::{Address, Session};

/// Something that the server sent.
#[derive(Debug)]
pub enum Incoming {
    /// An answer to the command with this request id.
    Reply(u32, Result<Box<RawValue>, ErrorBody>),
    /// A durable event.
    Room(RoomEvent),
    /// A passing event.
    Live(LiveEvent),
}

/// A connection. Dropping it closes the TCP connection without a word, as a lost network does.
#[derive(Debug)]
pub struct Socket {
    stream: WebSocketStream<TcpStream>,
    next_id: u32,
    ready: VecDeque<Incoming>,
    pong_owed: bool,
}

#[derive(Deserialize)]
struct Outer<'a> {
    #[serde(borrow, default)]
    e: Option<Cow<'a, str>>,
    #[serde(default)]
    i: Option<u32>,
    #[serde(borrow, default)]
    ok: Option<&'a RawValue>,
    #[serde(default)]
    err: Option<ErrorBody>,
}

impl Socket {
    /// Opens a connection.
    ///
    /// # Errors
    /// [`LoadError::Socket`] when the server refuses it, and those of the network.
    pub async fn open(address: &Address, session: &Session) -> Result<Self, LoadError> {
        let mut request = format!("ws://{}/api/v1/ws", address.authority).into_client_request()?;
        let header = |text: &str| {
            HeaderValue::from_str(text).map_err(|e| LoadError::Protocol(e.to_string()))
        };
        let headers = request.headers_mut();
        headers.insert(ORIGIN, header(&address.origin)?);
        headers.insert(COOKIE, header(&session.0)?);
        headers.insert(SEC_WEBSOCKET_PROTOCOL, header(SUBPROTOCOL)?);
        let stream = address.connect().await?;
        let (stream, _) = tokio_tungstenite::client_async(request, stream).await?;
        Ok(Self {
            stream,
            next_id: 1,
            ready: VecDeque::new(),
            pong_owed: false,
        })
    }

    /// Says `hello` and gives the snapshot; what comes after it waits for [`Socket::next`].
    ///
    /// # Errors
    /// [`LoadError::Refused`], and those of [`Socket::next`].
    pub async fn hello(
        &mut self,
        device: ClientId,
        pos: BTreeMap<RoomId, (String, i64)>,
    ) -> Result<HelloOk, LoadError> {
        let hello = Command::Hello(Hello {
            v: VERSION,
            dev: device,
            app: concat!("parta-load/", env!("CARGO_PKG_VERSION")).to_owned(),
            pos,
        });
        self.call("hello", &hello).await
    }

    /// Sends a command and waits for its answer. Events that come first wait for [`Socket::next`].
    ///
    /// # Errors
    /// [`LoadError::Refused`], and those of [`Socket::next`].
    pub async fn call<T: DeserializeOwned>(
        &mut self,
        name: &'static str,
        command: &Command,
    ) -> Result<T, LoadError> {
        let id = self.send(command).await?;
        let mut others = VecDeque::new();
        let answer = loop {
            match self.next().await? {
                Incoming::Reply(i, answer) if i == id => break answer,
                other @ (Incoming::Reply(..) | Incoming::Room(_) | Incoming::Live(_)) => {
                    others.push_back(other);
                }
            }
        };
        others.append(&mut self.ready);
        self.ready = others;
        read(name, answer)
    }

    /// Sends a command; gives its request id.
    ///
    /// # Errors
    /// [`LoadError::Socket`].
    pub async fn send(&mut self, command: &Command) -> Result<u32, LoadError> {
        #[derive(serde::Serialize)]
        struct Framed<'a> {
            i: u32,
            #[serde(flatten)]
            command: &'a Command,
        }
        let i = self.next_id;
        self.next_id += 1;
        let text = serde_json::to_string(&Framed { i, command })
            .map_err(|e| LoadError::Protocol(e.to_string()))?;
        self.stream.send(Message::text(text)).await?;
        Ok(i)
    }

    /// The next answer or event. Cancel safe.
    ///
    /// # Errors
    /// [`LoadError::Socket`] when the connection is over, [`LoadError::Protocol`] for a frame of another form.
    pub async fn next(&mut self) -> Result<Incoming, LoadError> {
        loop {
            if self.pong_owed {
                self.stream.send(Message::text("{}")).await?;
                self.pong_owed = false;
            }
            if let Some(incoming) = self.ready.pop_front() {
                return Ok(incoming);
            }
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => self.take(&text)?,
                Some(Ok(Message::Close(frame))) => {
                    let why = frame.map_or_else(|| "closed".to_owned(), |f| format!("closed: {f}"));
                    return Err(LoadError::Socket(why));
                }
                Some(Ok(
                    Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_),
                )) => {}
                Some(Err(error)) => return Err(error.into()),
                None => return Err(Error::ConnectionClosed.into()),
            }
        }
    }

    fn take(&mut self, text: &Utf8Bytes) -> Result<(), LoadError> {
        for line in text.split('\n').filter(|line| !line.is_empty()) {
            if line == "{}" {
                self.pong_owed = true;
                continue;
            }
            self.ready.extend(parse(line)?);
        }
        Ok(())
    }
}

/// Reads the body of an answer.
///
/// # Errors
/// [`LoadError::Refused`], or [`LoadError::Protocol`] when it has another form.
pub fn read<T: DeserializeOwned>(
    name: &'static str,
    answer: Result<Box<RawValue>, ErrorBody>,
) -> Result<T, LoadError> {
    let ok = answer.map_err(|body| LoadError::Refused {
        command: name,
        body,
    })?;
    serde_json::from_str(ok.get()).map_err(|e| LoadError::Protocol(format!("{name}: {e}")))
}

// Events that this version does not know are left out, as the protocol asks of every client.
fn parse(line: &str) -> Result<Option<Incoming>, LoadError> {
    let fail = |e: serde_json::Error| LoadError::Protocol(format!("{e} in {line}"));
    let outer: Outer<'_> = serde_json::from_str(line).map_err(fail)?;
    if let Some(i) = outer.i {
        let answer = match (outer.ok, outer.err) {
            (Some(ok), None) => Ok(ok.to_owned()),
            (None, Some(err)) => Err(err),
            _ => return Err(LoadError::Protocol(line.to_owned())),
        };
        return Ok(Some(Incoming::Reply(i, answer)));
    }
    match outer.e.as_deref() {
        Some("msg" | "call.started" | "call.ended") => Ok(Some(Incoming::Room(
            serde_json::from_str(line).map_err(fail)?,
        ))),
        Some(_) => Ok(serde_json::from_str(line).ok().map(Incoming::Live)),
        None => Err(LoadError::Protocol(line.to_owned())),
    }
}
