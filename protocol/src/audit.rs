//! The log of who did what to whom, for administrators. It has ids, kinds and small facts, and no texts of messages.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::ids::{MessageId, RoomId};
use crate::model::Person;
use crate::report::{Decision, Reason};
use crate::room::RoomKind;

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// Somebody else's message was deleted.
    MessageDeleted,
    /// What a message said before was read.
    VersionsRead,
    /// A room was made, or a conversation of two begun.
    RoomMade,
    /// A room got another name.
    RoomRenamed,
    /// A room went into the archive.
    RoomArchived,
    /// A room came out of the archive.
    RoomRestored,
    /// Somebody became a member.
    MemberAdded,
    /// Somebody is one no longer.
    MemberRemoved,
    /// A camera's or display's token was made.
    DeviceMade,
    /// It was revoked.
    DeviceRevoked,
    /// A message was reported.
    MessageReported,
    /// What stands around a reported message was read, by somebody who is not in the room.
    PlaceRead,
    /// A report was decided about.
    ReportDecided,
    /// Somebody was kept from writing in a room.
    PersonMuted,
    /// Somebody may write there again, before the time.
    PersonUnmuted,
    /// A room was made slow, or is so no longer.
    SlowSet,
    /// A room got another picture, or has none any more.
    PictureSet,
    /// Somebody's picture was taken away by another person.
    PersonPictureTaken,
    /// Somebody got a one-time password, made by another person.
    PasswordReset,
    /// Somebody's password was set on the command line.
    PasswordSet,
    /// A bot was made.
    BotMade,
    /// A bot was let into one more room.
    BotLetIn,
    /// A bot was taken out of a room, by somebody or with who made it.
    BotRemoved,
    /// An address was given to which a room's messages are sent.
    WebhookMade,
    /// It was taken away, by somebody or with who gave it.
    WebhookRemoved,
    /// The rules of words and links became others.
    RulesSet,
    /// Somebody asked to read a conversation of two.
    InspectionAsked,
    /// Somebody else granted it.
    InspectionGranted,
    /// Somebody else refused it.
    InspectionRefused,
    /// It was taken back, or the reading was ended before its time.
    InspectionEnded,
    /// A page of the conversation was read.
    InspectionRead,
    /// The conversation was taken out as an archive.
    InspectionExported,
    /// What is not acknowledged over all rooms was looked at; with a message, who has not acknowledged that.
    AcksRead,
    /// It was taken out as a table, with names.
    AcksTaken,
    /// Somebody responsible for the safety of children opened a conversation of two between a learner and an adult, alone.
    InspectionOpened,
    /// An administrator wants somebody to be responsible for the safety of children; another one has to confirm it.
    SafeguardingAsked,
    /// Somebody was made responsible for the safety of children: an administrator confirmed what another wants, or the command line.
    SafeguardingGiven,
    /// Somebody is so no longer.
    SafeguardingTaken,
}

/// A room, for whoever need not be in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct NamedRoom {
    /// Which.
    pub id: RoomId,
    /// Its name; of a conversation of two the names of both.
    pub name: String,
    /// What it is for.
    pub kind: RoomKind,
}

/// More of what was done. What does not fit an act is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(default)]
pub struct Facts {
    /// The name that a room or device got, or that a bot has; of a webhook the host.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub name: Option<String>,
    /// The name before.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub was: Option<String>,
    /// Members of a room that was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub people: Option<u32>,
    /// For how long somebody is kept from writing; without it until it is lifted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub minutes: Option<u32>,
    /// Seconds between two messages of a person in a slow room; 0 when it is not slow any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub seconds: Option<u32>,
    /// Why a message was reported.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub reason: Option<Reason>,
    /// What was decided about a report.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub decision: Option<Decision>,
    /// Why somebody wants to read a conversation of two, in their words.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub words: Option<String>,
    /// For how long it may be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub hours: Option<u32>,
    /// Number of the first message that was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(as = "Option<i32>", optional)]
    pub first: Option<i64>,
    /// Number of the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(as = "Option<i32>", optional)]
    pub last: Option<i64>,
    /// Whether a bot may read, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub reads: Option<bool>,
}

impl Facts {
    /// A name alone.
    #[must_use]
    pub fn named(name: String) -> Self {
        Self {
            name: Some(name),
            ..Self::default()
        }
    }

    /// Whether there is nothing more to tell.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// One thing that was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Entry {
    /// Later ones have greater ids.
    pub id: String,
    /// When.
    pub at: String,
    /// What.
    pub act: Act,
    /// Who; absent when the server did it by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub by: Option<Person>,
    /// To whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub about: Option<Person>,
    /// Where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub room: Option<NamedRoom>,
    /// To which message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub msg: Option<MessageId>,
    /// More of it.
    #[serde(default, skip_serializing_if = "Facts::is_empty")]
    #[ts(as = "Option<Facts>", optional)]
    pub facts: Facts,
}

/// `GET /audit`: a page of the log, the newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Audit {
    /// At most [`crate::limits::AUDIT_PAGE_MAX`].
    pub entries: Vec<Entry>,
    /// What to ask for the next page with, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub next: Option<String>,
}

/// `GET /audit/rooms`: the rooms that the log can be narrowed to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct AuditRooms {
    /// By name, at most [`crate::limits::AUDIT_ROOMS_MAX`]; conversations of two are not among them.
    pub rooms: Vec<NamedRoom>,
}
