//! What ends a run before it has a result.

use std::path::PathBuf;

use protocol::ErrorBody;

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
    /// The WebSocket failed or was closed.
    #[error("websocket: {0}")]
    Socket(String),
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

impl From<tokio_tungstenite::tungstenite::Error> for LoadError {
    fn from(error: tokio_tungstenite::tungstenite::Error) -> Self {
        Self::Socket(error.to_string())
    }
}
