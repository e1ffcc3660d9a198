//! What bots send and get. It stays as it is within a version of the address: fields may be added.

use protocol::RoomEvent;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::bots::told::{Happened, Read, Told, told};
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

/// What was written, changed and deleted after a position, and what else happened there.
#[derive(Serialize, ToSchema)]
pub(super) struct Messages {
    /// In order.
    pub(super) messages: Vec<Read>,
    /// In order: reactions, votes in polls, and messages whose time is over.
    pub(super) events: Vec<Happened>,
    /// After which position to ask next.
    pub(super) after: i64,
    /// Whether there is more already.
    pub(super) more: bool,
}

impl Messages {
    /// What these events are to a program.
    pub(super) fn of(events: Vec<RoomEvent>, after: i64, head: i64) -> Self {
        let mut page = Self {
            messages: Vec::new(),
            events: Vec::new(),
            after,
            more: after < head,
        };
        let mut expired = 0;
        for one in events.into_iter().filter_map(told) {
            match one {
                Told::Message(message) => page.messages.push(*message),
                Told::Event(event) => {
                    // Events of messages that are gone tell the same once more.
                    let upto = event.expired();
                    if upto.is_none_or(|upto| upto > expired) {
                        expired = upto.unwrap_or(expired);
                        page.events.push(event);
                    }
                }
            }
        }
        page
    }

    /// Whether there is nothing to tell.
    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty() && self.events.is_empty()
    }
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
