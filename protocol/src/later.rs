//! Messages that the server sends at a time of their author's choice.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::error::ErrorCode;
use crate::ids::{ClientId, FileId, MessageId, RoomId, UserId};

/// `later.set`: send this at that time, or change what waits under the same `cid`. Safe to repeat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct LaterSet {
    /// Room.
    pub r: RoomId,
    /// The client's id of the message, as in `msg.send`.
    pub cid: ClientId,
    /// When, RFC 3339; at most [`crate::limits::LATER_DAYS_MAX`] days ahead. What is past is sent at once.
    pub at: String,
    /// Text; may be empty when there are files.
    pub body: String,
    /// The message that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub re: Option<MessageId>,
    /// Files that this person uploaded to this room.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(as = "Option<Vec<FileId>>", optional)]
    pub att: Vec<FileId>,
    /// Whom it mentions. Who is not a member any more when it is sent is left out then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(as = "Option<Vec<UserId>>", optional)]
    pub men: Vec<UserId>,
    /// Whether it mentions everybody else in the room, as in `msg.send`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[ts(as = "Option<bool>", optional)]
    pub all: bool,
    /// Whether everybody else in the room is asked to acknowledge it, as in `msg.send`. Only the staff may.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[ts(as = "Option<bool>", optional)]
    pub ack: bool,
    /// By when, RFC 3339, with `ack`: after `at`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub due: Option<String>,
    /// As in `msg.send`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[ts(as = "Option<bool>", optional)]
    pub noticed: bool,
}

/// `later.delete`, `later.now`: one of those that wait.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct LaterRef {
    /// Which.
    pub cid: ClientId,
    /// With `later.now`, as in `msg.send`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[ts(as = "Option<bool>", optional)]
    pub noticed: bool,
}

/// A message that waits, as its author sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Later {
    /// The client's id of it.
    pub cid: ClientId,
    /// When it is to be sent.
    pub at: String,
    /// Text.
    pub body: String,
    /// The message that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub re: Option<MessageId>,
    /// Its files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(as = "Option<Vec<FileId>>", optional)]
    pub att: Vec<FileId>,
    /// Whom it mentions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(as = "Option<Vec<UserId>>", optional)]
    pub men: Vec<UserId>,
    /// Whether it mentions everybody else in the room, as in `msg.send`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[ts(as = "Option<bool>", optional)]
    pub all: bool,
    /// Whether everybody else in the room is asked to acknowledge it, as in `msg.send`. Only the staff may.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[ts(as = "Option<bool>", optional)]
    pub ack: bool,
    /// By when, RFC 3339, with `ack`: after `at`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub due: Option<String>,
    /// Why it was not sent at its time. It waits until its author does something about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub refused: Option<ErrorCode>,
}

/// `GET /rooms/{id}/later`: what waits of oneself in a room, by time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Laters {
    /// At most [`crate::limits::LATER_MAX`].
    pub later: Vec<Later>,
}

/// What the event `u.later` tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct LaterTold {
    /// Room.
    pub r: RoomId,
    /// How many messages of this person wait there, those that were refused too.
    pub n: u32,
    /// Why one was not sent just now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub refused: Option<ErrorCode>,
}
