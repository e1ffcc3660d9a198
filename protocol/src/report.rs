//! Messages that people report, and what the staff decide about them.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::audit::NamedRoom;
use crate::ids::{FileId, MessageId, RoomId};
use crate::model::Person;

/// Why a message is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// It insults or hounds somebody.
    Insult,
    /// It threatens, or shows violence.
    Violence,
    /// It is indecent.
    Indecent,
    /// It tells what is somebody's private affair.
    Private,
    /// Advertising or fraud.
    Spam,
    /// Something else, which the words say.
    Other,
    /// It has words that do not belong: only the server reports so.
    Words,
    /// It links to where it should not: only the server reports so.
    Links,
}

/// What became of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// There is nothing wrong with the message.
    Nothing,
    /// The message was deleted for all.
    Deleted,
    /// Its author may not write in the room for a while.
    Muted,
}

/// `POST /messages/{id}/reports`. Safe to repeat: a person has one open report of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct NewReport {
    /// Why.
    pub reason: Reason,
    /// In their own words, at most [`crate::limits::REPORT_CHARS_MAX`] characters.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[ts(as = "Option<String>", optional)]
    pub words: String,
}

/// A file of a message that was reported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ReportedFile {
    /// Address it by `/api/v1/files/{id}`.
    pub id: FileId,
    /// Its name.
    pub name: String,
}

/// Who decided what, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Decided {
    /// What.
    pub decision: Decision,
    /// Who.
    pub by: Person,
    /// When.
    pub at: String,
}

/// A report, for whoever may decide about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Report {
    /// Which.
    pub id: String,
    /// When it was made.
    pub at: String,
    /// Who reports; absent when the server does by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub by: Option<Person>,
    /// Why.
    pub reason: Reason,
    /// In the reporter's words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[ts(as = "Option<String>", optional)]
    pub words: String,
    /// Who wrote the message.
    pub about: Person,
    /// Where.
    pub room: NamedRoom,
    /// The message.
    pub msg: MessageId,
    /// Its position in the room's log.
    #[ts(type = "number")]
    pub s: i64,
    /// What it said when it was reported.
    pub body: String,
    /// Its files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(as = "Option<Vec<ReportedFile>>", optional)]
    pub files: Vec<ReportedFile>,
    /// Whether deleting by rules is held in the room.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[ts(as = "Option<bool>", optional)]
    pub held: bool,
    /// What was decided, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub decided: Option<Decided>,
}

/// `GET /reports`: those that the asker may decide about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Reports {
    /// Not decided yet, the oldest first; at most [`crate::limits::REPORTS_TOLD_MAX`].
    pub open: Vec<Report>,
    /// Decided, the latest first; at most [`crate::limits::REPORTS_DECIDED_TOLD_MAX`].
    pub decided: Vec<Report>,
}

/// A message beside one that was reported, as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Neighbour {
    /// Which.
    pub id: MessageId,
    /// Who wrote it.
    pub by: Person,
    /// When.
    pub at: String,
    /// What it says; nothing when it was deleted.
    pub body: String,
    /// Whether it was deleted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[ts(as = "Option<bool>", optional)]
    pub deleted: bool,
}

/// `GET /reports/{id}/place`: a report's message among its neighbours, for whoever is not in the room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Place {
    /// In their order; at most [`crate::limits::REPORT_NEIGHBOURS`] on each side.
    pub messages: Vec<Neighbour>,
}

/// `POST /reports/{id}`: what is decided. It holds for all open reports of the message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct Decide {
    /// What.
    pub decision: Decision,
    /// Of `muted`: for how many minutes, as in [`crate::mute::Mute::minutes`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub minutes: Option<u32>,
}

/// What became of a report of one's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Handled {
    /// Which.
    pub id: String,
    /// In which room.
    pub r: RoomId,
    /// What was decided.
    pub decision: Decision,
}

/// What a person is told of reports, whole each time: in `hello`, and by `GET /reports/news` after `u.reports`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ReportNews {
    /// Messages whose reports wait for somebody like this person to decide.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[ts(as = "Option<u32>", optional)]
    pub open: u32,
    /// Requests to read a conversation of two that wait for this person's answer.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[ts(as = "Option<u32>", optional)]
    pub asked: u32,
    /// Whether they are responsible for the safety of children, and conversations of two between learners and adults may be read for
    /// that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[ts(as = "Option<bool>", optional)]
    pub safeguards: bool,
    /// Reports of their own that were decided and whose outcome they have not seen; the latest first, at most
    /// [`crate::limits::REPORTS_HANDLED_TOLD_MAX`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(as = "Option<Vec<Handled>>", optional)]
    pub handled: Vec<Handled>,
}

impl ReportNews {
    /// Whether there is nothing to tell.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

// serde's `skip_serializing_if` passes a reference.
const fn is_zero(count: &u32) -> bool {
    *count == 0
}
