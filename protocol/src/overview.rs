//! What asks to be acknowledged over all rooms, for administrators. Of a message they see where it is, who wrote it and how it
//! begins, also where they are no members; conversations of two are never among them.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::audit::NamedRoom;
use crate::ids::MessageId;
use crate::model::{Ack, Person};

/// A message that somebody in its room has not acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct AskingMessage {
    /// Which.
    pub id: MessageId,
    /// Where.
    pub room: NamedRoom,
    /// Who wrote it.
    pub by: Person,
    /// When.
    pub at: String,
    /// The first line of its text, at most [`crate::limits::OVERVIEW_LINE_CHARS_MAX`] characters; empty when it has files alone.
    pub line: String,
    /// How many have acknowledged it.
    pub ack: Ack,
    /// By when it is to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub due: Option<String>,
    /// Whether that is over.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[ts(as = "Option<bool>", optional)]
    pub over: bool,
    /// When people were last reminded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub reminded: Option<String>,
    /// Who has not, by name, where that was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(as = "Option<Vec<NotYet>>", optional)]
    pub waiting: Vec<NotYet>,
}

/// Somebody who was asked to acknowledge a message and has not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct NotYet {
    /// Who.
    pub person: Person,
    /// Whether they have left the room since.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[ts(as = "Option<bool>", optional)]
    pub left: bool,
}

/// `GET /acks/overview`: a page of them, the newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct AcksOverview {
    /// At most [`crate::limits::OVERVIEW_PAGE_MAX`].
    pub messages: Vec<AskingMessage>,
    /// What to ask for the next page with, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub next: Option<MessageId>,
}
