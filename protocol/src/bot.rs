//! Programs that write into rooms, and read there if they may. Each has a token that the staff made for it.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::ids::UserId;

/// A bot as the staff of a room see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Bot {
    /// Which.
    pub id: UserId,
    /// Under which name its messages stand.
    pub name: String,
    /// Whether it may read, too.
    pub reads: bool,
    /// Who made its token.
    pub by: UserId,
    /// When.
    pub at: String,
    /// When it came last, to the minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub used: Option<String>,
}

/// `GET /rooms/{id}/bots`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Bots {
    /// Every bot of the room, by name.
    pub bots: Vec<Bot>,
    /// Those that the asker made and that are in other rooms alone: they can be let in.
    #[serde(default)]
    pub mine: Vec<Bot>,
}

/// `POST /rooms/{id}/bots`: a bot, with a token of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct NewBot {
    /// Shown name, at most [`crate::limits::NAME_BYTES_MAX`] bytes.
    pub name: String,
    /// Whether it may read, too.
    #[serde(default)]
    pub reads: bool,
}

/// Answer to `POST /rooms/{id}/bots`.
#[derive(Clone, Serialize, Deserialize, TS)]
pub struct MadeBot {
    /// The bot.
    pub bot: Bot,
    /// Its bearer token (RFC 6750), told this once: the server keeps a hash.
    pub token: String,
}
