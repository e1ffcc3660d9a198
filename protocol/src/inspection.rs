//! Reading a conversation of two that one is not in: an administrator asks and gives the reason, another one grants it. Where the
//! settings say so, who is responsible for the safety of children opens those between a learner and an adult alone.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::audit::NamedRoom;
use crate::http::Version;
use crate::ids::{RoomId, UserId};
use crate::model::{Message, Person};

/// Which conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Between {
    /// The one with this id.
    Room(RoomId),
    /// The one of these two.
    People([UserId; 2]),
}

/// `POST /inspections`: asks to read a conversation of two, or opens it. For who is not in it: administrators, and who is responsible
/// for the safety of children.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct NewInspection {
    /// Which.
    pub of: Between,
    /// Why, at most [`crate::limits::INSPECTION_REASON_CHARS_MAX`] characters. It goes into the log.
    pub reason: String,
    /// Whether it is opened at once, by who is responsible for the safety of children: only conversations between a learner and an
    /// adult, and of those what was written since both are told so in them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[ts(as = "Option<bool>", optional)]
    pub alone: bool,
}

/// What somebody does about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Lets the other one read, for [`crate::limits::INSPECTION_HOURS`]. Never one's own.
    Grant,
    /// Does not. Never one's own.
    Refuse,
    /// Ends the reading, or takes back a request of one's own.
    End,
}

/// `POST /inspections/{id}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct TakeStep {
    /// What.
    pub step: Step,
}

/// Somebody who is to be responsible for the safety of children.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Proposed {
    /// Who.
    pub who: Person,
    /// The administrator who wants it; another one confirms.
    pub by: Person,
}

/// `PUT /people/{id}/safeguarding`: wants somebody of the staff to be responsible for the safety of children, or confirms that another
/// administrator wants it within [`crate::limits::INSPECTION_WAIT_HOURS`]; or takes either back. For administrators, and never about
/// oneself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct SetSafeguarding {
    /// Which.
    pub on: bool,
}

/// How a request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Nobody has answered yet.
    Waiting,
    /// Whoever asked may read.
    Granted,
    /// Somebody has refused.
    Refused,
    /// It was taken back, or the reading was ended before its time.
    Ended,
    /// The time is over: of the reading, or for an answer.
    Over,
}

/// Who did something, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Signed {
    /// Who.
    pub by: Person,
    /// When.
    pub at: String,
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Inspection {
    /// Which.
    pub id: String,
    /// The conversation; its name is the names of both.
    pub room: NamedRoom,
    /// Who asks and reads.
    pub by: Person,
    /// When they asked.
    pub at: String,
    /// Why.
    pub reason: String,
    /// How it stands.
    pub stage: Stage,
    /// Who granted or refused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub decided: Option<Signed>,
    /// Until when it may be answered, or is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub until: Option<String>,
    /// Who ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub ended: Option<Signed>,
    /// Whether it was opened by who is responsible for the safety of children, alone. It is not taken out as an archive then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[ts(as = "Option<bool>", optional)]
    pub alone: bool,
    /// Whether deleting by rules is held in the conversation.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[ts(as = "Option<bool>", optional)]
    pub held: bool,
}

/// `GET /inspections`: all that concern no conversation of one's own, for administrators; for others who are responsible for the safety
/// of children those that they opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Inspections {
    /// Those that wait or are granted, the oldest first; at most [`crate::limits::INSPECTIONS_TOLD_MAX`].
    pub open: Vec<Inspection>,
    /// The others, the latest first; as many at most.
    pub past: Vec<Inspection>,
    /// Administrators besides oneself: without one nobody can grant anything.
    pub others: u32,
    /// Whether conversations between learners and adults may be read by who is responsible for the safety of children.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[ts(as = "Option<bool>", optional)]
    pub visible: bool,
    /// Who is responsible for the safety of children, by name; told to administrators alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(as = "Option<Vec<Person>>", optional)]
    pub responsible: Vec<Person>,
    /// Who is to become so when another administrator confirms it, by name; told to administrators alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(as = "Option<Vec<Proposed>>", optional)]
    pub proposed: Vec<Proposed>,
    /// Groups, and rooms of other kinds than conversations of two, that who is responsible for the safety of children may open alone, by
    /// name; told to them. At most [`crate::limits::SAFEGUARDED_GROUPS_TOLD_MAX`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(as = "Option<Vec<NamedRoom>>", optional)]
    pub groups: Vec<NamedRoom>,
}

/// A message as whoever inspects sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Inspected {
    /// As both see it.
    pub message: Message,
    /// What it said before it was changed or deleted, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(as = "Option<Vec<Version>>", optional)]
    pub versions: Vec<Version>,
}

/// `GET /inspections/{id}/messages?before=NO`: a page of the conversation. For who asked, while it is granted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct InspectedPage {
    /// In their order, at most [`crate::limits::INSPECTION_PAGE`]: the last ones before number `before`.
    pub messages: Vec<Inspected>,
    /// Those who wrote.
    pub people: Vec<Person>,
}
