//! Server → client frames: replies `{"i":2,"ok":{…}}` and events `{"e":"msg",…}`. `{}` is a ping; the client
//! answers `{}`. A client ignores events and fields that it does not know.

mod acks;
mod expired;
mod lesson;
mod pins;
mod rooms;

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::call::{CallSummary, Participant, Slot, SlotStream, SourceCodec};
use crate::error::ErrorBody;
use crate::ids::{CallId, MessageId, RoomId, UserId};
use crate::later::LaterTold;
use crate::model::{Draft, Message, OpenAck};
use crate::notify::Notify;
use crate::picture::PersonPicture;
use crate::poll::PollTold;

pub use acks::{Acked, Reminded};
pub use expired::Expired;
pub use lesson::{PeerLink, PeopleChange, Quality, Speaking};
pub use pins::Pinned;
pub use rooms::{NewRoom, RoomLeft};

/// Answer to a command with an `i`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Reply<T> {
    /// Done.
    Ok {
        /// The command's request id.
        i: u32,
        /// What the command gives.
        ok: T,
    },
    /// Not done.
    Err {
        /// The command's request id, or 0 when the frame had none that could be read.
        i: u32,
        /// Why.
        err: ErrorBody,
    },
}

/// A durable event of a room: stored, numbered by `s` without gaps, replayed to whoever lacks it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "e")]
pub enum RoomEvent {
    /// A message was stored.
    #[serde(rename = "msg")]
    Msg {
        /// Room.
        r: RoomId,
        /// Position.
        #[ts(type = "number")]
        s: i64,
        /// The message.
        d: Message,
    },
    /// A message was changed or deleted.
    #[serde(rename = "msg.changed")]
    MsgChanged {
        /// Room.
        r: RoomId,
        /// Position.
        #[ts(type = "number")]
        s: i64,
        /// The whole message as it is now. Who catches up may be told of a later state than this event made.
        d: Message,
    },
    /// Somebody answered a message with an emoji, or took that back.
    #[serde(rename = "msg.reacted")]
    MsgReacted {
        /// Room.
        r: RoomId,
        /// Position.
        #[ts(type = "number")]
        s: i64,
        /// What was done. It may be told on top of a later state, and gives the same then.
        d: Reacted,
    },
    /// People have voted in a poll, or it was closed. Votes of a second are told together.
    #[serde(rename = "poll")]
    Poll {
        /// Room.
        r: RoomId,
        /// Position.
        #[ts(type = "number")]
        s: i64,
        /// How it stands.
        d: PollTold,
    },
    /// Somebody acknowledged a message. That cannot be taken back.
    #[serde(rename = "msg.acked")]
    MsgAcked {
        /// Room.
        r: RoomId,
        /// Position.
        #[ts(type = "number")]
        s: i64,
        /// What was done.
        d: Acked,
    },
    /// Those who have not acknowledged a message were reminded of it.
    #[serde(rename = "msg.reminded")]
    MsgReminded {
        /// Room.
        r: RoomId,
        /// Position.
        #[ts(type = "number")]
        s: i64,
        /// Of what.
        d: Reminded,
    },
    /// A message was pinned in the room, or taken down.
    #[serde(rename = "msg.pinned")]
    MsgPinned {
        /// Room.
        r: RoomId,
        /// Position.
        #[ts(type = "number")]
        s: i64,
        /// What was done.
        d: Pinned,
    },
    /// The time is over for which the room keeps these messages: drop what is held of them.
    #[serde(rename = "msg.expired")]
    MsgExpired {
        /// Room.
        r: RoomId,
        /// Position.
        #[ts(type = "number")]
        s: i64,
        /// Which.
        d: Expired,
    },
    /// A lesson began.
    #[serde(rename = "call.started")]
    CallStarted {
        /// Room.
        r: RoomId,
        /// Position.
        #[ts(type = "number")]
        s: i64,
        /// The lesson.
        d: CallSummary,
    },
    /// A lesson ended.
    #[serde(rename = "call.ended")]
    CallEnded {
        /// Room.
        r: RoomId,
        /// Position.
        #[ts(type = "number")]
        s: i64,
        /// Which, and when.
        d: CallOver,
    },
}

impl RoomEvent {
    /// The room.
    #[must_use]
    pub const fn room(&self) -> &RoomId {
        match self {
            Self::Msg { r, .. }
            | Self::MsgChanged { r, .. }
            | Self::MsgReacted { r, .. }
            | Self::Poll { r, .. }
            | Self::MsgAcked { r, .. }
            | Self::MsgReminded { r, .. }
            | Self::MsgPinned { r, .. }
            | Self::MsgExpired { r, .. }
            | Self::CallStarted { r, .. }
            | Self::CallEnded { r, .. } => r,
        }
    }

    /// The position in the room.
    #[must_use]
    pub const fn seq(&self) -> i64 {
        match self {
            Self::Msg { s, .. }
            | Self::MsgChanged { s, .. }
            | Self::MsgReacted { s, .. }
            | Self::Poll { s, .. }
            | Self::MsgAcked { s, .. }
            | Self::MsgReminded { s, .. }
            | Self::MsgPinned { s, .. }
            | Self::MsgExpired { s, .. }
            | Self::CallStarted { s, .. }
            | Self::CallEnded { s, .. } => *s,
        }
    }
}

/// A reaction that was set or taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Reacted {
    /// Which message.
    pub id: MessageId,
    /// Who.
    pub by: UserId,
    /// With what, as in [`crate::model::Reaction::emoji`].
    pub emoji: String,
    /// False when it was taken back.
    pub on: bool,
}

/// The end of a lesson.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct CallOver {
    /// Which lesson.
    pub id: CallId,
    /// When it ended.
    pub at: String,
    /// How long it was, in seconds.
    pub seconds: u32,
}

/// A passing event: not stored, may be lost or merged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "e")]
pub enum LiveEvent {
    /// The catch-up after `hello` is complete.
    #[serde(rename = "ready")]
    Ready {},
    /// Too much to send: drop what is held of the room and page it over HTTP.
    #[serde(rename = "reset")]
    Reset {
        /// Room.
        r: RoomId,
        /// Where it stands.
        d: ResetTo,
    },
    /// Something happened in a room that is not in focus. At most one a second and room, and several events may be in one.
    #[serde(rename = "bump")]
    Bump {
        /// Room.
        r: RoomId,
        /// Its last event.
        #[ts(type = "number")]
        s: i64,
        /// What a list of rooms shows of it.
        d: Box<Bump>,
    },
    /// Events of a room were left out because this client read too slowly: ask for them with `sync`.
    #[serde(rename = "lag")]
    Lag {
        /// Room.
        r: RoomId,
        /// The first event that was left out.
        #[ts(type = "number")]
        s: i64,
    },
    /// Someone is writing.
    #[serde(rename = "typing")]
    Typing {
        /// Room.
        r: RoomId,
        /// Who.
        d: Who,
    },
    /// Someone came online or went.
    #[serde(rename = "presence")]
    Presence {
        /// Who, and which of the two.
        d: Presence,
    },
    /// Someone, or this person, is in a lesson now, or is not any more.
    #[serde(rename = "lesson")]
    Lesson {
        /// Who, and which of the two.
        d: Presence,
    },
    /// Somebody with whom this person shares a room, or this person, has another picture.
    #[serde(rename = "picture")]
    Picture {
        /// Who, and which.
        d: PersonPicture,
    },
    /// This person read further, maybe on another device.
    #[serde(rename = "u.read")]
    URead {
        /// How far.
        d: ReadTo,
    },
    /// This person voted in a poll on another device: what the page knows of their vote is to be asked anew.
    #[serde(rename = "u.voted")]
    UVoted {
        /// In which.
        d: VotedIn,
    },
    /// This person wrote, or sent, something on another device.
    #[serde(rename = "u.draft")]
    UDraft {
        /// What is begun now.
        d: DraftIn,
    },
    /// What waits of this person in a room to be sent later has changed.
    #[serde(rename = "u.later")]
    ULater {
        /// How many.
        d: LaterTold,
    },
    /// What this person wants to be told of became something else, maybe on another device.
    #[serde(rename = "u.notify")]
    UNotify {
        /// All of it.
        d: Box<Notify>,
    },
    /// What this person is told of reports has changed: ask with `GET /reports/news`.
    #[serde(rename = "u.reports")]
    UReports {},
    /// Somebody in a room read further. Told in rooms of at most
    /// [`crate::limits::READ_TOLD_MEMBERS_MAX`] members; in others ask over HTTP.
    #[serde(rename = "read")]
    Read {
        /// Room.
        r: RoomId,
        /// Who, and how far.
        d: Reader,
    },
    /// Messages have arrived on devices of these members. Told where `read` is.
    #[serde(rename = "recv")]
    Recv {
        /// Room.
        r: RoomId,
        /// Who, and up to which message.
        d: Vec<Reader>,
    },
    /// This person became a member of a room, or its name, members or the rights in it changed. Of a room that was known
    /// before only these are told anew: its position and what comes with it go by the room's own events.
    #[serde(rename = "u.room")]
    URoom {
        /// The room and its people.
        d: Box<NewRoom>,
    },
    /// This person is not a member of a room any more: drop what is held of it.
    #[serde(rename = "u.left")]
    ULeft {
        /// Which.
        d: RoomLeft,
    },
    /// Who is in the lesson: the whole list, while at most [`crate::limits::CALL_PEOPLE_WHOLE_MAX`] are, and to a connection
    /// that comes back.
    #[serde(rename = "call.people")]
    CallPeople {
        /// Lesson.
        call: CallId,
        /// Which telling of the lesson's list this is. They grow.
        v: u32,
        /// Everybody in it.
        d: Vec<Participant>,
    },
    /// What changed in the list since the telling before this one, in a lesson of many.
    #[serde(rename = "call.changed")]
    CallChanged {
        /// Lesson.
        call: CallId,
        /// Which telling of the lesson's list this is.
        v: u32,
        /// What changed.
        d: PeopleChange,
    },
    /// What this browser's downlink sections carry: the whole map each time.
    #[serde(rename = "call.slots")]
    CallSlots {
        /// Lesson.
        call: CallId,
        /// Every section.
        d: Vec<Slot>,
    },
    /// Pictures that this browser asked for and has no decoder for: all of them each time.
    #[serde(rename = "call.untaken")]
    CallUntaken {
        /// Lesson.
        call: CallId,
        /// None before the first such event of a join.
        d: Vec<SlotStream>,
    },
    /// How many layers of this browser's camera somebody can use.
    #[serde(rename = "call.layers")]
    CallLayers {
        /// Lesson.
        call: CallId,
        /// From the lowest; 1 or more. All of them until the first such event of a join.
        d: u8,
    },
    /// In which codec this browser's pictures can be seen by everybody.
    #[serde(rename = "call.codec")]
    CallCodec {
        /// Lesson.
        call: CallId,
        /// VP8 for every source until the first such event of a join.
        d: SourceCodec,
    },
    /// Who speaks.
    #[serde(rename = "call.speaking")]
    CallSpeaking {
        /// Lesson.
        call: CallId,
        /// Loudest first.
        d: Speaking,
    },
    /// How this browser's link does.
    #[serde(rename = "call.quality")]
    CallQuality {
        /// Lesson.
        call: CallId,
        /// Measured by the server.
        d: Quality,
    },
    /// How everybody's link does: each [`crate::limits::CALL_LINKS_SECONDS`] to staff who asked with `call.watch`.
    #[serde(rename = "call.links")]
    CallLinks {
        /// Lesson.
        call: CallId,
        /// One of each participant.
        d: Vec<PeerLink>,
    },
    /// The server gave this browser up; it may join again.
    #[serde(rename = "call.gone")]
    CallGone {
        /// Lesson.
        call: CallId,
    },
    /// The server is about to close the connection.
    #[serde(rename = "bye")]
    Bye {
        /// Code, and how long to wait.
        d: Bye,
    },
}

/// Any event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(untagged)]
#[expect(
    clippy::large_enum_variant,
    reason = "the server makes none, and of those that are read most are of the large kind"
)]
pub enum Event {
    /// Stored.
    Room(RoomEvent),
    /// Passing.
    Live(LiveEvent),
}

/// Where a room stands after `reset`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ResetTo {
    /// Epoch.
    pub ep: String,
    /// Last event.
    #[ts(type = "number")]
    pub s: i64,
    /// Last message number.
    #[ts(type = "number")]
    pub no: i64,
    /// This person's read pointer.
    #[ts(type = "number")]
    pub read: i64,
    /// Unread messages that mention this person, as in [`RoomSummary::men`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(as = "Option<Vec<i32>>", optional)]
    pub men: Vec<i64>,
    /// Messages that this person is asked to acknowledge, as in [`RoomSummary::acks`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(as = "Option<Vec<OpenAck>>", optional)]
    pub acks: Vec<OpenAck>,
}

/// News of a room that is not in focus.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Bump {
    /// The latest message since the last `bump`, its text cut to [`crate::limits::BUMP_TEXT_CHARS_MAX`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub last: Option<Message>,
    /// Of the messages that were changed since the last `bump`, the one with the highest number, cut likewise. It is news
    /// for a list of rooms when it is the room's latest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub changed: Option<Message>,
    /// The lesson that began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub started: Option<CallSummary>,
    /// The lesson that ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub ended: Option<CallId>,
    /// Numbers of the messages since the last `bump` that mention this person, ascending; of more than
    /// [`crate::limits::MENTIONS_TOLD_MAX`] the newest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(as = "Option<Vec<i32>>", optional)]
    pub men: Vec<i64>,
    /// Numbers of the messages since the last `bump` that this person is asked to acknowledge, ascending; of more than
    /// [`crate::limits::ACKS_TOLD_MAX`] the newest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(as = "Option<Vec<i32>>", optional)]
    pub acks: Vec<i64>,
    /// Messages of which those who have not acknowledged them were reminded since the last `bump`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(as = "Option<Vec<OpenAck>>", optional)]
    pub reminded: Vec<OpenAck>,
    /// Numbers of the messages that this person acknowledged, and of those that were deleted, since the last `bump`: nothing
    /// is asked of them any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(as = "Option<Vec<i32>>", optional)]
    pub acked: Vec<i64>,
    /// Of messages up to this number nothing is left, if that is news since the last `bump`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub expired: Option<Expired>,
}

/// A person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Who {
    /// Who.
    pub u: UserId,
}

/// Online or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Presence {
    /// Who.
    pub u: UserId,
    /// True when online; of a lesson, when in one.
    pub on: bool,
}

/// A read pointer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ReadTo {
    /// Room.
    pub r: RoomId,
    /// Message number.
    #[ts(type = "number")]
    pub no: i64,
}

/// What is begun in a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct DraftIn {
    /// Room.
    pub r: RoomId,
    /// The text.
    pub draft: Draft,
}

/// A poll in which somebody voted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct VotedIn {
    /// The message.
    pub id: MessageId,
}

/// How far a member has read, or was told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Reader {
    /// Who.
    pub u: UserId,
    /// Message number: this one and all before it.
    #[ts(type = "number")]
    pub no: i64,
}

/// Notice before a close.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Bye {
    /// Close code that follows, see [`crate::CloseCode`].
    pub c: u16,
    /// Milliseconds to wait before connecting again.
    pub after: u32,
}
