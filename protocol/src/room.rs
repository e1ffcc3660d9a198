//! Kinds of rooms, what people may do in them, and the HTTP bodies by which rooms are made and changed.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::ids::{ClientId, RoomId, UserId};
use crate::model::Person;

/// What a room is for.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS,
)]
#[serde(rename_all = "snake_case")]
pub enum RoomKind {
    /// A course, or any other group of people: all members write.
    #[default]
    Group,
    /// Two people.
    Direct,
    /// Only the staff write.
    Announcements,
    /// The guardians of a group's learners, and staff.
    Guardians,
}

/// Something that a person may do in a room beyond reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Right {
    /// Write messages, change their own, upload files.
    Write,
    /// Begin and end lessons, connect devices.
    Lesson,
    /// Change name and members, archive.
    Manage,
}

/// Who may have conversations of two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum DirectPolicy {
    /// Nobody.
    Off,
    /// Everybody with the staff.
    #[default]
    Staff,
    /// Everybody, save guardians with learners.
    All,
}

/// What conversations of two between a learner and an adult are: somebody of the staff, or a guardian.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum LearnerPolicy {
    /// There are none.
    Off,
    /// Who is responsible for the safety of children may read them, and both are told so in them.
    Visible,
    /// As conversations of others.
    #[default]
    Private,
}

/// `GET /people`: everybody in the organisation, for its staff.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct People {
    /// By name, at most [`crate::limits::PEOPLE_LISTED_MAX`].
    pub people: Vec<Person>,
    /// Whether there are more.
    pub more: bool,
}

/// `POST /rooms`: make a room. Safe to repeat with the same `cid`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct NewGroup {
    /// The client's id of it.
    pub cid: ClientId,
    /// Shown name, at most [`crate::limits::NAME_BYTES_MAX`] bytes.
    pub name: String,
    /// Any but `direct`.
    pub kind: RoomKind,
    /// Members beside whoever makes it, at most [`crate::limits::ROOM_MEMBERS_MAX`] in all.
    pub people: Vec<UserId>,
}

/// `PATCH /rooms/{id}`: change a room. What is left out stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(default, deny_unknown_fields)]
pub struct RoomChange {
    /// Another name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub name: Option<String>,
    /// Into the archive, or out of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub archived: Option<bool>,
    /// Seconds between two messages of a person, the staff excepted: 0, or [`crate::limits::SLOW_SECONDS_MIN`] to
    /// [`crate::limits::SLOW_SECONDS_MAX`].
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub slow: Option<u32>,
    /// Who becomes a member.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[ts(as = "Option<Vec<UserId>>", optional)]
    pub add: Vec<UserId>,
    /// Who is one no longer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[ts(as = "Option<Vec<UserId>>", optional)]
    pub remove: Vec<UserId>,
}

/// `POST /direct`: the conversation with this person, which is made when there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct OpenDirect {
    /// The other one.
    pub u: UserId,
}

/// Answer to `POST /rooms` and `POST /direct`. `u.room` tells the rest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct MadeRoom {
    /// The room.
    pub id: RoomId,
}
