//! What ends a run before it has a result.

use std::path::PathBuf;
use std::time::Duration;

use hyper::StatusCode;
use hyper::header::{HeaderMap, RETRY_AFTER};
use protocol::{CloseCode, ErrorBody};
use tokio_tungstenite::tungstenite::Error;

/// Pause for a busy server that does not say how long.
const BUSY_PAUSE: Duration = Duration::from_secs(1);

/// A run that could not be carried out. A server that breaks its promises is not an error but a result.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The address is not of the form `http://host:port`.
    #[error("not an http address: {0}")]
    Address(String),
    /// The server's binary could not be run.
    #[error("cannot run {path}: {error}")]
    Spawn {
        /// Which binary.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The server ended, or said nothing, before it was ready.
    #[error("the server did not start: {0}")]
    NotReady(String),
    /// The network or the disk failed.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// HTTP failed below the level of status codes.
    #[error("http: {0}")]
    Http(#[from] hyper::Error),
    /// A request was answered by a failure.
    #[error("{what} was answered {status}: {body}")]
    Status {
        /// The request.
        what: String,
        /// HTTP status.
        status: u16,
        /// Body of the answer.
        body: String,
    },
    /// The WebSocket failed.
    #[error("websocket: {0}")]
    Socket(String),
    /// The server closed the WebSocket, with this code if it told one.
    #[error("closed by the server: {0:?}")]
    Closed(Option<u16>),
    /// The server takes no further connection or sign-in just now (HTTP 503) and asks to wait this long.
    #[error("busy for {0:?}")]
    Busy(Duration),
    /// The server sent what the protocol does not have.
    #[error("not the protocol: {0}")]
    Protocol(String),
    /// A command was refused.
    #[error("{command} was refused: {body:?}")]
    Refused {
        /// Method.
        command: &'static str,
        /// The server's reason.
        body: ErrorBody,
    },
    /// Something that must come did not come in time.
    #[error("timed out: {0}")]
    TimedOut(&'static str),
    /// The media stack of the fake browser failed.
    #[error("media: {0}")]
    Media(String),
}

impl LoadError {
    /// Whether another connection may help: the network or the server failed, and nobody refused for good.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Io(_) | Self::Http(_) | Self::Socket(_) | Self::Busy(_) | Self::TimedOut(_) => {
                true
            }
            // docs/PROTOCOL.md: an unknown code is judged by its range, and none (1006) allows another try.
            Self::Closed(code) => code.is_none_or(|code| code < CloseCode::BadFrame.code()),
            Self::Status { status, .. } => *status >= 500,
            Self::Refused { body, .. } => body.tmp,
            Self::Address(_)
            | Self::Spawn { .. }
            | Self::NotReady(_)
            | Self::Protocol(_)
            | Self::Media(_) => false,
        }
    }
}

impl LoadError {
    /// An answer of 503 with these headers.
    pub(crate) fn busy(headers: &HeaderMap) -> Self {
        Self::Busy(retry_after(headers))
    }
}

impl From<Error> for LoadError {
    fn from(error: Error) -> Self {
        if let Error::Http(answer) = &error
            && answer.status() == StatusCode::SERVICE_UNAVAILABLE
        {
            return Self::busy(answer.headers());
        }
        Self::Socket(error.to_string())
    }
}

// RFC 9110 §10.2.3, of whose two forms Parta uses the number of seconds.
fn retry_after(headers: &HeaderMap) -> Duration {
    let seconds = headers
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.trim().parse().ok());
    seconds.map_or(BUSY_PAUSE, Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use tokio_tungstenite::tungstenite::http::Response;

    use super::*;

    fn refusal(status: u16, retry_after: Option<&str>) -> LoadError {
        let mut answer = Response::builder().status(status);
        if let Some(value) = retry_after {
            answer = answer.header(RETRY_AFTER, value);
        }
        Error::Http(Box::new(answer.body(None).unwrap())).into()
    }

    #[test]
    fn a_busy_server_is_told_from_one_that_refuses() {
        let wait = |retry_after| {
            let LoadError::Busy(wait) = refusal(503, retry_after) else {
                panic!("not told")
            };
            wait
        };
        assert_eq!(wait(Some(" 7 ")), Duration::from_secs(7));
        assert_eq!(wait(Some("Wed, 25 Nov 2026 09:00:00 GMT")), BUSY_PAUSE);
        assert_eq!(wait(None), BUSY_PAUSE);
        assert!(matches!(refusal(403, Some("7")), LoadError::Socket(_)));
    }

    #[test]
    fn close_codes_allow_another_connection_by_their_range() {
        let may_pass = |code| LoadError::Closed(code).may_pass();
        assert!(
            CloseCode::ALL
                .iter()
                .all(|code| may_pass(Some(code.code())) == code.reconnects())
        );
        assert!(may_pass(None) && may_pass(Some(1001)) && may_pass(Some(4499)));
        assert!(!may_pass(Some(4999)));
    }
}
