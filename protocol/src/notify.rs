//! What a person wants to be told of: by room, at which hours, and for how long nothing at all.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::ids::RoomId;

/// Everything that a person has set, told whole each time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Notify {
    /// Grows with every change: of two the higher one is the later.
    #[ts(type = "number")]
    pub v: i64,
    /// Rooms in which something else than everything is told.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[ts(as = "Option<BTreeMap<String, RoomNotify>>", optional)]
    pub rooms: BTreeMap<RoomId, RoomNotify>,
    /// Every day nothing is told in these hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub hours: Option<QuietHours>,
    /// Nothing is told now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub pause: Option<Silence>,
    /// Whether something is told while they are in a lesson, too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[ts(as = "Option<bool>", optional)]
    pub lessons: bool,
}

impl Notify {
    /// Whether nothing was ever set.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// What is told of a room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum NotifyLevel {
    /// Every message.
    #[default]
    All,
    /// Messages that mention this person.
    Mentions,
    /// Nothing.
    Nothing,
}

/// What a person wants to be told of a room.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RoomNotify {
    /// What.
    pub level: NotifyLevel,
    /// The room is muted: while it is, messages that mention this person are told at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub mute: Option<Silence>,
}

/// Silence that is on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Silence {
    /// Until when; without it, until it is taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub until: Option<String>,
}

/// Silence that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct SilenceFor {
    /// For how many minutes from now, 1 to [`crate::limits::SILENCE_MINUTES_MAX`]; without it, until it is taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub minutes: Option<u32>,
}

/// Hours of every day, as the clock shows them where the person is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct QuietHours {
    /// Minutes after midnight at which they begin, 0 to 1439.
    pub from: u16,
    /// Minutes after midnight at which they end; less than `from` is on the next day, and the same is not allowed.
    pub to: u16,
    /// Where: a name of the IANA time zone database, such as `Europe/Moscow`.
    pub zone: String,
}

/// `notify.room`: what this person wants to be told of a room. Takes the place of what was set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct NotifyRoom {
    /// Room.
    pub r: RoomId,
    /// What.
    pub level: NotifyLevel,
    /// Mute it; without it, it is not muted any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub mute: Option<SilenceFor>,
}

/// `notify.hours`: quiet hours, or none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct NotifyHours {
    /// Which; without it there are none any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub hours: Option<QuietHours>,
}

/// `notify.pause`: tell nothing for a while, or tell again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct NotifyPause {
    /// For how long; without it, not any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub pause: Option<SilenceFor>,
}

/// `notify.lessons`: whether to be told of messages while one is in a lesson.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct NotifyLessons {
    /// Be told.
    pub on: bool,
}
