//! A room is another one for this person.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::ids::{RoomId, UserId};
use crate::model::{Person, RoomSummary};

/// A room that is new to this person, or has changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct NewRoom {
    /// The room.
    pub room: RoomSummary,
    /// Its members, and who was one before.
    pub people: Vec<Person>,
    /// Who of them is online.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(as = "Option<Vec<UserId>>", optional)]
    pub online: Vec<UserId>,
    /// Which of its members are in a lesson.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(as = "Option<Vec<UserId>>", optional)]
    pub lessons: Vec<UserId>,
}

/// A room that this person is not in any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RoomLeft {
    /// Which.
    pub r: RoomId,
}
