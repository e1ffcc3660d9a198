//! Bodies of `/api/v1/push`: being told while the page is closed (RFC 8030).

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// `GET /push`: push is on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct PushKey {
    /// The server's public key, for `applicationServerKey` (RFC 8292 §3.2): base64url without padding.
    pub key: String,
}

/// `POST /push`: tell this browser. Takes the place of what this session said before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct PushTo {
    /// Address at the browser's push service, at most [`crate::limits::PUSH_ENDPOINT_BYTES_MAX`] bytes.
    pub endpoint: String,
    /// The browser's public key (RFC 8291 §2): base64url without padding.
    pub p256dh: String,
    /// The browser's secret (RFC 8291 §2): base64url without padding.
    pub auth: String,
}

/// `GET /push/{room}`: what the browser shows of a room of which it was told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct PushNews {
    /// The room's name, for this person.
    pub name: String,
    /// How many messages are unread.
    #[ts(type = "number")]
    pub unread: i64,
    /// Whether one of them mentions this person.
    pub mention: bool,
    /// How many messages this person was reminded to acknowledge, and has not.
    #[serde(default, skip_serializing_if = "none")]
    #[ts(as = "Option<u32>", optional)]
    pub asks: u32,
}

// serde's `skip_serializing_if` passes a reference.
const fn none(count: &u32) -> bool {
    *count == 0
}

/// What a push carries: nothing about anybody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct PushWord {
    /// The room in which something is new.
    pub r: String,
}
