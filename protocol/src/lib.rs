//! Parta's wire protocol: the WebSocket frames, HTTP bodies, error codes and limits that the server,
//! the web client and the load generator share. Plain data and serde: no time, no I/O.
//!
//! `docs/PROTOCOL.md` is the prose; every example there is parsed by this crate's tests.

pub mod audit;
pub mod bot;
pub mod call;
pub mod close;
pub mod command;
pub mod device;
pub mod error;
pub mod event;
pub mod history;
pub mod http;
pub mod ids;
pub mod inspection;
pub mod later;
pub mod limits;
pub mod mail;
pub mod model;
pub mod mute;
pub mod notify;
pub mod overview;
pub mod password;
pub mod picture;
pub mod poll;
pub mod push;
pub mod quarantine;
pub mod recording;
pub mod report;
pub mod room;
pub mod rules;
pub mod search;
pub mod webhook;

pub use close::CloseCode;
pub use command::{Command, Envelope, Hello, HelloOk};
pub use error::{ErrorBody, ErrorCode};
pub use event::{Event, LiveEvent, Reply, RoomEvent};
pub use ids::{CallId, ClientId, DeviceId, FileId, MessageId, PeerId, RoomId, UserId, WebhookId};

/// WebSocket subprotocol (RFC 6455 §1.9) that both sides must agree on.
pub const SUBPROTOCOL: &str = "hub.v1.json";

/// Version carried by `hello`; a server refuses others with [`ErrorCode::UnsupportedVersion`].
pub const VERSION: u32 = 1;
