//! People who may not write in a room for a while.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::ids::UserId;

/// `POST /rooms/{id}/mutes`: somebody may not write here for a while. The last one counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct Mute {
    /// Who; nobody of the staff.
    pub u: UserId,
    /// For how many minutes, at most [`crate::limits::MUTE_MINUTES_MAX`]; without it until it is lifted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub minutes: Option<u32>,
}

/// Somebody who may not write in a room now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Muted {
    /// Who.
    pub u: UserId,
    /// Who decided so.
    pub by: UserId,
    /// Until when; without it until it is lifted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub until: Option<String>,
}

/// `GET /rooms/{id}/mutes`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Mutes {
    /// Everybody who may not write there now.
    pub people: Vec<Muted>,
}
