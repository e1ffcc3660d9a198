//! People, rooms, messages and files as clients see them. Times are RFC 3339 in UTC with milliseconds,
//! always the server's.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::call::CallSummary;
use crate::ids::{ClientId, FileId, MessageId, RoomId, UserId};
use crate::notify::Silence;
use crate::poll::Poll;
use crate::recording::Recording;
use crate::room::{Right, RoomKind};

/// What a person may do in the whole organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Runs the server.
    Administrator,
    /// Teaches: starts and ends lessons.
    Teacher,
    /// Learns.
    Student,
    /// Parent or other legal representative of learners.
    Guardian,
    /// A program: it is no member of rooms and never signs in.
    Bot,
}

impl Role {
    /// Whether the person works for the organisation.
    #[must_use]
    pub const fn is_staff(self) -> bool {
        matches!(self, Self::Administrator | Self::Teacher)
    }
}

/// A person as others see them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Person {
    /// Who.
    pub id: UserId,
    /// Shown name.
    pub name: String,
    /// Role, from the server's records.
    pub role: Role,
    /// Their picture, a square JPEG at `/api/v1/people/{id}/pictures/{picture}`; another one has another name. Told by
    /// `hello` and `u.room`, of those with whom one shares a room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub picture: Option<String>,
}

/// A file on a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Attachment {
    /// Address it by `/api/v1/files/{id}`.
    pub id: FileId,
    /// The name that its owner gave it, made safe to show.
    pub name: String,
    /// Bytes.
    #[ts(type = "number")]
    pub size: u64,
    /// Media type, judged by the content.
    pub mime: String,
    /// SHA-256 of the content, lower-case hexadecimal.
    pub sha256: String,
    /// There when `/api/v1/files/{id}/preview` has a picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub preview: Option<Preview>,
    /// There when it was recorded in the page, to be played in place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub rec: Option<Recording>,
}

/// Size of a preview picture, in pixels, so that the page can leave room for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Preview {
    /// Width in pixels.
    pub w: u32,
    /// Height in pixels.
    pub h: u32,
}

/// A chat message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Message {
    /// Server's id.
    pub id: MessageId,
    /// The sender's id of it.
    pub cid: ClientId,
    /// Number among the room's messages, 1 upwards without gaps.
    #[ts(type = "number")]
    pub no: i64,
    /// Sender.
    pub by: UserId,
    /// When the server stored it.
    pub at: String,
    /// Text; may be empty when there are attachments.
    pub body: String,
    /// The message that this one answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub re: Option<MessageId>,
    /// The message at which the thread began that an answer belongs to. A list of rooms does without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub root: Option<MessageId>,
    /// The thread that began at it, once there are answers. A list of rooms does without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub thread: Option<Thread>,
    /// Files, in the sender's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(as = "Option<Vec<Attachment>>", optional)]
    pub att: Vec<Attachment>,
    /// Who is mentioned in it, by id, each once and never the sender.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(as = "Option<Vec<UserId>>", optional)]
    pub men: Vec<UserId>,
    /// Whether it mentions everybody who was in the room then, save the sender.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[ts(as = "Option<bool>", optional)]
    pub all: bool,
    /// With which emoji it was answered, in the order in which they came first. A list of rooms does without.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(as = "Option<Vec<Reaction>>", optional)]
    pub react: Vec<Reaction>,
    /// Whose words it passes on. A list of rooms does without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub fwd: Option<Forwarded>,
    /// What makes it a poll. A list of rooms does without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub poll: Option<Poll>,
    /// How many have acknowledged it, where that was asked for. A list of rooms does without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub ack: Option<Ack>,
    /// Until when it is to be acknowledged, where that was said. A list of rooms does without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub due: Option<String>,
    /// When its text was last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub edited: Option<String>,
    /// Set when it was deleted: it has neither text nor files then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub deleted: Option<Deleted>,
}

/// How a thread stands: all answers to a message, and the answers to those. Deleted ones count, since they are shown as such.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Thread {
    /// How many answers, those up to number `no`.
    pub n: u32,
    /// Number of the last one.
    #[ts(type = "number")]
    pub no: i64,
    /// Who wrote it.
    pub by: UserId,
}

/// Who wrote what a message passes on. Where that was is told to nobody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Forwarded {
    /// Who.
    pub by: UserId,
    /// Their name: readers may not know them otherwise.
    pub name: String,
}

/// An emoji, and who answered a message with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Reaction {
    /// One emoji of Unicode's list, fully qualified (UTS #51).
    pub emoji: String,
    /// Who, the first one first; at least one.
    pub by: Vec<UserId>,
}

/// How far the acknowledgement of a message is. Asked were those who were members when it was written, but its sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Ack {
    /// How many have acknowledged it.
    pub done: u32,
    /// How many were asked.
    pub of: u32,
}

/// A message that a person is asked to acknowledge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct OpenAck {
    /// Number of the message.
    #[ts(type = "number")]
    pub no: i64,
    /// When the staff last reminded of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub at: Option<String>,
}

/// Who deleted a message, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Deleted {
    /// Who; absent when the time for which the room keeps messages was over. Nothing else is left of it then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub by: Option<UserId>,
    /// When.
    pub at: String,
}

/// A text that was begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Draft {
    /// Grows with each change: of two the one with the greater is the later.
    #[ts(type = "number")]
    pub v: i64,
    /// The text; empty when nothing is left of it.
    pub body: String,
    /// Whom it mentions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(as = "Option<Vec<UserId>>", optional)]
    pub men: Vec<UserId>,
}

/// A room as the list of rooms shows it. `seq` is the position that the rest of it is true for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RoomSummary {
    /// Which room.
    pub id: RoomId,
    /// Shown name; of a conversation of two the other one's.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub kind: RoomKind,
    /// Whether it is in the archive: it is read, and nothing is written there any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[ts(as = "Option<bool>", optional)]
    pub archived: bool,
    /// Whether, of a conversation of two, who is responsible for the safety of children may read what is written from now on; both are
    /// to be told so in it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[ts(as = "Option<bool>", optional)]
    pub safeguarded: bool,
    /// What this person may do there beyond reading.
    #[serde(default)]
    pub can: Vec<Right>,
    /// Changes only when the database was restored from a backup: drop what is cached.
    pub epoch: String,
    /// Last event.
    #[ts(type = "number")]
    pub seq: i64,
    /// Last message number.
    #[ts(type = "number")]
    pub no: i64,
    /// Highest message number that this person has read; unread = `no - read_no`.
    #[ts(type = "number")]
    pub read_no: i64,
    /// Highest message number that has arrived on a device of this person, as far as was told with `recv`; `read_no` or
    /// more.
    #[ts(type = "number")]
    pub recv_no: i64,
    /// Numbers of the unread messages that mention this person, ascending; of more than
    /// [`crate::limits::MENTIONS_TOLD_MAX`] the newest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(as = "Option<Vec<i32>>", optional)]
    pub men: Vec<i64>,
    /// Messages that this person is asked to acknowledge and has not, ascending; of more than
    /// [`crate::limits::ACKS_TOLD_MAX`] the newest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(as = "Option<Vec<OpenAck>>", optional)]
    pub acks: Vec<OpenAck>,
    /// Of messages up to this number nothing is left: their time is over. Drop what is held of them.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[ts(as = "Option<i32>", optional)]
    pub expired: i64,
    /// This person may not write here for now, whatever `can` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub muted: Option<Silence>,
    /// Seconds that lie between two messages of a person here, the staff excepted; 0 when the room is not slow.
    #[serde(default, skip_serializing_if = "is_none_yet")]
    #[ts(as = "Option<u32>", optional)]
    pub slow: u32,
    /// Its picture, a square JPEG at `/api/v1/rooms/{id}/pictures/{picture}`; another one has another name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub picture: Option<String>,
    /// When this person may write again in a slow room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub next: Option<String>,
    /// Members.
    pub members: Vec<UserId>,
    /// What this person has written here and not sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub draft: Option<Draft>,
    /// How many messages of this person wait here to be sent later.
    #[serde(default, skip_serializing_if = "is_none_yet")]
    #[ts(as = "Option<u32>", optional)]
    pub later: u32,
    /// Latest message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub last: Option<Message>,
    /// The lesson that is on now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub call: Option<CallSummary>,
}

// serde's `skip_serializing_if` passes a reference.
const fn is_none_yet(count: &u32) -> bool {
    *count == 0
}

// The same.
const fn is_zero(number: &i64) -> bool {
    *number == 0
}
