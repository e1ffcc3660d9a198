//! Devices of a room: a camera in the hall that publishes by WHIP (RFC 9725), a display that plays by WHEP
//! (draft-ietf-wish-whep). Each has a token that the staff made for it.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::ids::{DeviceId, UserId};

/// Which of the two protocols a device's token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum DeviceKind {
    /// Sends sound and picture into the lessons of its room (WHIP).
    Publish,
    /// Shows the lessons of its room (WHEP).
    Play,
}

/// A device as the staff of its room see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Device {
    /// Which.
    pub id: DeviceId,
    /// Shown name.
    pub name: String,
    /// What it does.
    pub does: DeviceKind,
    /// Who made its token.
    pub by: UserId,
    /// When.
    pub at: String,
    /// Whether it is connected to this server now.
    pub here: bool,
}

/// `GET /rooms/{id}/devices`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Devices {
    /// Every device of the room, by name.
    pub devices: Vec<Device>,
}

/// `POST /rooms/{id}/devices`: a token for one more device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct NewDevice {
    /// Shown name, at most [`crate::limits::NAME_BYTES_MAX`] bytes.
    pub name: String,
    /// What it may do.
    pub does: DeviceKind,
}

/// Answer to `POST /rooms/{id}/devices`.
#[derive(Clone, Serialize, Deserialize, TS)]
pub struct MadeDevice {
    /// The device.
    pub device: Device,
    /// Its bearer token (RFC 6750), told this once: the server keeps a hash.
    pub token: String,
}
