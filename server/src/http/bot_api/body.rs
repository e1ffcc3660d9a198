//! What bots send and get. It stays as it is within a version of the address: fields may be added.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::bots::told::Read;
use crate::store::BotRoom;

/// A message to write.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Text {
    /// Markdown.
    #[schema(
        min_length = 1,
        max_length = 16384,
        pattern = r"^[^\x00]*[^\s\x00][^\x00]*$",
        example = "Сервер **обновлён**."
    )]
    pub(super) text: String,
}

/// The message is stored.
#[derive(Serialize, ToSchema)]
pub(super) struct Posted {
    /// Its id.
    pub(super) id: String,
    /// Its number in the room.
    pub(super) number: i64,
    /// Its position in the room.
    pub(super) position: i64,
    /// Whether a request with the same key had stored it before.
    pub(super) repeated: bool,
}

/// Where a bot may write.
#[derive(Serialize, ToSchema)]
pub(super) struct Rooms {
    /// By name.
    pub(super) rooms: Vec<Room>,
}

/// A room.
#[derive(Serialize, ToSchema)]
pub(super) struct Room {
    /// Its id.
    id: String,
    /// Its name.
    name: String,
    /// Its last position: reading after it gives what comes from now on.
    position: i64,
}

impl From<BotRoom> for Room {
    fn from(room: BotRoom) -> Self {
        Self {
            id: room.id.to_string(),
            name: room.name,
            position: room.seq,
        }
    }
}

/// What was written, changed and deleted after a position.
#[derive(Serialize, ToSchema)]
pub(super) struct Messages {
    /// In order.
    pub(super) messages: Vec<Read>,
    /// After which position to ask next.
    pub(super) after: i64,
    /// Whether there is more already.
    pub(super) more: bool,
}

/// Why it was not done.
#[derive(Serialize, ToSchema)]
pub(super) struct Failure {
    /// A code of docs/PROTOCOL.md.
    c: String,
    /// Whether the same request may succeed later.
    #[serde(skip_serializing_if = "Option::is_none")]
    tmp: Option<bool>,
    /// Milliseconds to wait before another try.
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<u32>,
    /// For developers.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}
