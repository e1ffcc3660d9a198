//! The WebSocket side of a fake client: frames in and out, pings answered. What the frames mean is the caller's.

pub mod events;
pub mod wire;

use std::borrow::{Borrow, Cow};
use std::collections::{BTreeMap, VecDeque};

use protocol::{
    ClientId, Command, ErrorBody, Hello, HelloOk, LiveEvent, RoomEvent, RoomId, VERSION,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use self::events::Events;
use self::wire::Wire;
use crate::LoadError;
use crate::http::{Address, Session};

/// Something that the server sent.
#[derive(Debug)]
pub enum Incoming {
    /// An answer to the command with this request id.
    Reply(u32, Result<Box<RawValue>, ErrorBody>),
    /// A durable event.
    Room(Box<RoomEvent>),
    /// A passing event.
    Live(LiveEvent),
}

/// A connection whose frames are read as the protocol's types.
#[derive(Debug)]
pub struct Socket {
    way: Way,
    next_id: u32,
    ready: VecDeque<Incoming>,
}

#[derive(Debug)]
enum Way {
    WebSocket(Box<Wire>),
    Events(Box<Events>),
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
    /// Those of [`Wire::open`].
    pub async fn open(address: &Address, session: &Session) -> Result<Self, LoadError> {
        let wire = Wire::open(address, session).await?;
        Ok(Self::over(Way::WebSocket(Box::new(wire))))
    }

    /// The same over plain HTTP, for networks that let no WebSocket through. Connects with the first command.
    #[must_use]
    pub fn over_http(address: &Address, session: &Session) -> Self {
        let events = Events::new(address.clone(), session.clone());
        Self::over(Way::Events(Box::new(events)))
    }

    const fn over(way: Way) -> Self {
        Self {
            way,
            next_id: 1,
            ready: VecDeque::new(),
        }
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
        let hello = hello(device, pos);
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
        let i = self.next_id;
        self.next_id += 1;
        match &mut self.way {
            Way::WebSocket(wire) => wire.send(i, command).await?,
            Way::Events(events) => events.send(i, command).await?,
        }
        Ok(i)
    }

    /// The next answer or event. Cancel safe.
    ///
    /// # Errors
    /// Those of [`Wire::next`] or [`Events::next`], and [`LoadError::Protocol`] for a frame of another form.
    pub async fn next(&mut self) -> Result<Incoming, LoadError> {
        loop {
            match &mut self.way {
                Way::WebSocket(wire) => wire.answer_ping().await?,
                Way::Events(events) => events.answer_ping().await?,
            }
            if let Some(incoming) = self.ready.pop_front() {
                return Ok(incoming);
            }
            match &mut self.way {
                Way::WebSocket(wire) => {
                    let text = wire.next().await?;
                    self.take(&text)?;
                }
                Way::Events(events) => {
                    let text = events.next().await?;
                    self.take(&text)?;
                }
            }
        }
    }

    fn take(&mut self, text: &str) -> Result<(), LoadError> {
        for line in text.split('\n').filter(|line| !line.is_empty()) {
            if line == "{}" {
                match &mut self.way {
                    Way::WebSocket(wire) => wire.owe_pong(),
                    Way::Events(events) => events.owe_pong(),
                }
                continue;
            }
            self.ready.extend(parse(line)?);
        }
        Ok(())
    }
}

/// The command that begins a connection.
#[must_use]
pub fn hello(device: ClientId, pos: BTreeMap<RoomId, (String, i64)>) -> Command {
    Command::Hello(Hello {
        v: VERSION,
        dev: device,
        app: concat!("parta-load/", env!("CARGO_PKG_VERSION")).to_owned(),
        pos,
        focus: None,
    })
}

/// Reads the body of an answer.
///
/// # Errors
/// [`LoadError::Refused`], or [`LoadError::Protocol`] when it has another form.
pub fn read<T: DeserializeOwned>(
    name: &'static str,
    answer: Result<impl Borrow<RawValue>, ErrorBody>,
) -> Result<T, LoadError> {
    let ok = answer.map_err(|body| LoadError::Refused {
        command: name,
        body,
    })?;
    serde_json::from_str(ok.borrow().get()).map_err(|e| LoadError::Protocol(format!("{name}: {e}")))
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
        Some(
            "msg" | "msg.changed" | "msg.reacted" | "msg.acked" | "msg.reminded" | "msg.pinned"
            | "call.started" | "call.ended",
        ) => Ok(Some(Incoming::Room(
            serde_json::from_str(line).map_err(fail)?,
        ))),
        Some(_) => Ok(serde_json::from_str(line).ok().map(Incoming::Live)),
        None => Err(LoadError::Protocol(line.to_owned())),
    }
}
