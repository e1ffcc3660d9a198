//! The protocol over plain HTTP: frames from the server as server-sent events, commands as requests.

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::Method;
use protocol::Command;
use serde::Deserialize;

use super::wire::framed;
use crate::LoadError;
use crate::http::{Address, Answer, Session, ask, request};

/// A connection, open once its first command was sent. Dropping it ends it without a word.
pub struct Events {
    address: Address,
    session: Session,
    open: Option<Open>,
    pong_owed: bool,
}

struct Open {
    name: String,
    answer: Answer,
    /// What arrived and is not a whole event yet.
    rest: Vec<u8>,
}

#[derive(Debug, PartialEq, Eq)]
struct Event {
    name: String,
    data: String,
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The name of the connection is its secret.
        f.debug_struct("Events")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Events {
    pub(super) const fn new(address: Address, session: Session) -> Self {
        Self {
            address,
            session,
            open: None,
            pong_owed: false,
        }
    }

    /// Sends a command under a request id; the first one opens the connection.
    ///
    /// # Errors
    /// Those of HTTP.
    pub async fn send(&mut self, i: u32, command: &Command) -> Result<(), LoadError> {
        let text = framed(i, command)?;
        if self.open.is_some() {
            return self.post(text).await;
        }
        let head = request(&self.address, Method::POST, "/stream", Some(&self.session));
        let answer = ask(&self.address, head, text.into()).await?;
        let mut open = Open {
            name: String::new(),
            answer,
            rest: Vec::new(),
        };
        let first = open.next().await?;
        if first.name != "open" {
            return Err(LoadError::Protocol(format!("{first:?} instead of open")));
        }
        open.name = read::<String>(&first.data)?;
        self.open = Some(open);
        Ok(())
    }

    async fn post(&self, text: String) -> Result<(), LoadError> {
        let Some(open) = &self.open else {
            return Err(LoadError::Closed(None));
        };
        let path = format!("/stream/{}", open.name);
        let head = request(&self.address, Method::POST, &path, Some(&self.session));
        match ask(&self.address, head, text.into()).await {
            Ok(_) => Ok(()),
            // docs/PROTOCOL.md: the stream is over.
            Err(LoadError::Status { status: 404, .. }) => Err(LoadError::Closed(None)),
            Err(error) => Err(error),
        }
    }

    /// Has the server's ping answered before the next frame is read.
    pub const fn owe_pong(&mut self) {
        self.pong_owed = true;
    }

    /// Pays an owed pong.
    ///
    /// # Errors
    /// Those of HTTP.
    pub async fn answer_ping(&mut self) -> Result<(), LoadError> {
        if self.pong_owed {
            self.post("{}".to_owned()).await?;
            self.pong_owed = false;
        }
        Ok(())
    }

    /// The next frame. Cancel safe.
    ///
    /// # Errors
    /// [`LoadError::Closed`] with the server's close code, and those of the network.
    pub async fn next(&mut self) -> Result<String, LoadError> {
        let Some(open) = &mut self.open else {
            return Err(LoadError::Closed(None));
        };
        let event = open.next().await?;
        match event.name.as_str() {
            "" => Ok(event.data),
            "close" => Err(LoadError::Closed(Some(read(&event.data)?))),
            _ => Err(LoadError::Protocol(format!("{event:?}"))),
        }
    }
}

impl Open {
    async fn next(&mut self) -> Result<Event, LoadError> {
        loop {
            if let Some(event) = take(&mut self.rest)? {
                return Ok(event);
            }
            let Some(frame) = self.answer.body.frame().await else {
                return Err(LoadError::Closed(None));
            };
            let data: Bytes = frame?.into_data().unwrap_or_default();
            self.rest.extend_from_slice(&data);
        }
    }
}

// The first whole event (https://html.spec.whatwg.org/multipage/server-sent-events.html), in the form that Parta
// uses: lines end with a line feed. Comments are left out.
fn take(rest: &mut Vec<u8>) -> Result<Option<Event>, LoadError> {
    while let Some(end) = memchr::memmem::find(rest, b"\n\n") {
        let block: Vec<u8> = rest.drain(..end + 2).collect();
        let text = String::from_utf8(block).map_err(|e| LoadError::Protocol(e.to_string()))?;
        let (mut name, mut data) = (String::new(), Vec::new());
        for line in text.lines() {
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "event" => value.clone_into(&mut name),
                "data" => data.push(value),
                _ => {}
            }
        }
        if !data.is_empty() {
            let data = data.join("\n");
            return Ok(Some(Event { name, data }));
        }
    }
    Ok(None)
}

fn read<T: for<'a> Deserialize<'a>>(data: &str) -> Result<T, LoadError> {
    #[derive(Deserialize)]
    struct About<T> {
        c: T,
    }
    serde_json::from_str(data)
        .map(|about: About<T>| about.c)
        .map_err(|e| LoadError::Protocol(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_however_they_are_cut() {
        let whole =
            b"event: open\ndata: {\"c\":\"x\"}\n\n:\n\ndata: {\"e\":\"ready\"}\ndata: {}\n\ndata: ";
        let event = |name: &str, data: &str| Event {
            name: name.to_owned(),
            data: data.to_owned(),
        };
        for cut in 0..whole.len() {
            let mut rest = Vec::new();
            let mut events = Vec::new();
            for part in [&whole[..cut], &whole[cut..]] {
                rest.extend_from_slice(part);
                while let Some(event) = take(&mut rest).unwrap() {
                    events.push(event);
                }
            }
            assert_eq!(
                events,
                [
                    event("open", r#"{"c":"x"}"#),
                    event("", "{\"e\":\"ready\"}\n{}")
                ]
            );
            assert_eq!(rest, b"data: ");
        }
    }
}
