//! Bodies of the search over HTTP. What is looked for travels in bodies, never in addresses.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::ids::{MessageId, RoomId, UserId};

/// `POST /search`: messages of one's own rooms, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct Search {
    /// Words that must all be in the text or in the names of files, in any form; phrases in quotes. The last word may be
    /// the beginning of one, unless a space follows. May be empty when something else is asked for.
    #[serde(default)]
    #[ts(as = "Option<String>", optional)]
    pub q: String,
    /// Only of this room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub r: Option<RoomId>,
    /// Only by this person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub by: Option<UserId>,
    /// Not before this time, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub from: Option<String>,
    /// Before this time, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub to: Option<String>,
    /// Only with files.
    #[serde(default)]
    #[ts(as = "Option<bool>", optional)]
    pub file: bool,
    /// `next` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub after: Option<String>,
}

/// The answer to a [`Search`], and to `GET /mentions`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Found {
    /// A page, at most [`crate::limits::SEARCH_PAGE_MAX`], newest first.
    pub hits: Vec<Hit>,
    /// What to ask for the next page with, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub next: Option<String>,
    /// Nothing was found for what was asked, and these are the hits for the same keys in the other keyboard layout: this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub swapped: Option<String>,
    /// Older messages are still being made ready for the search.
    pub partial: bool,
}

/// A found message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Hit {
    /// Room.
    pub r: RoomId,
    /// Position of the message in the room's log.
    #[ts(type = "number")]
    pub s: i64,
    /// Number of the message.
    #[ts(type = "number")]
    pub no: i64,
    /// Message.
    pub id: MessageId,
    /// Sender.
    pub by: UserId,
    /// When, RFC 3339.
    pub at: String,
    /// The text around the first hit.
    pub text: Vec<Piece>,
    /// Names of its files with hits; where no words were asked for, and of a message without a text, all of them.
    pub files: Vec<Vec<Piece>>,
}

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Piece {
    /// Plain text.
    pub t: String,
    /// Whether it is what was asked for.
    pub hit: bool,
}

/// `GET /rooms/{id}/position?no=N` (or `at=` milliseconds since 1970): where in the room's log that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Position {
    /// Position of the message with this number; of the first event that is not before this time, or else of the last.
    #[ts(type = "number")]
    pub s: i64,
}
