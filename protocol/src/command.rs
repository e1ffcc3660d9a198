//! Client → server frames: `{"i":2,"m":"msg.send","p":{…}}`. A command without `i` gets no reply.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use ts_rs::TS;

use crate::call::{
    CallJoin, CallRef, CallRestart, CallSet, CallStart, CallStats, CallView, CallWatch,
};
use crate::error::{ErrorBody, ErrorCode};
use crate::ids::{ClientId, FileId, MessageId, RoomId, UserId};
use crate::later::{LaterRef, LaterSet};
use crate::model::{Person, RoomSummary};
use crate::notify::{Notify, NotifyHours, NotifyLessons, NotifyPause, NotifyRoom};
use crate::poll::{NewPoll, PollVote};
use crate::report::ReportNews;
use crate::room::{DirectPolicy, LearnerPolicy};

/// The outer form of a command, before its parameters are read. An empty object is the answer to a ping.
#[derive(Debug, Deserialize)]
pub struct Envelope<'a> {
    /// Request id, chosen by the client, unique on its connection.
    #[serde(default)]
    pub i: Option<u32>,
    /// Method.
    #[serde(borrow, default)]
    pub m: Option<Cow<'a, str>>,
    /// Parameters.
    #[serde(borrow, default)]
    pub p: Option<&'a RawValue>,
}

/// `hello`: the first command of a connection. The session comes with the cookie.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Hello {
    /// [`crate::VERSION`].
    pub v: u32,
    /// The device, made once by the client and kept.
    pub dev: ClientId,
    /// Client name and version, for the log.
    pub app: String,
    /// Last event that the client holds of each room: `[epoch, seq]`. At most
    /// [`crate::limits::POSITIONS_MAX`] rooms.
    #[serde(default)]
    #[ts(type = "Record<string, [string, number]>")]
    pub pos: Positions,
    /// Rooms whose every event is wanted, at most [`crate::limits::FOCUS_ROOMS_MAX`]; of the others `bump` tells.
    /// Without it all rooms are in focus.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub focus: Option<Vec<RoomId>>,
}

/// The last event that a client holds, by room: epoch and position.
pub type Positions = BTreeMap<RoomId, (String, i64)>;

/// `focus`: from now on these rooms' every event, and `bump` for the others. Rooms that come into focus are caught
/// up from the position that is told; without one, from where they stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct Focus {
    /// The rooms, at most [`crate::limits::FOCUS_ROOMS_MAX`].
    pub r: Vec<RoomId>,
    /// Last event that the client holds of them.
    #[serde(default)]
    #[ts(type = "Record<string, [string, number]>")]
    pub pos: Positions,
}

/// Answer to `hello`: the snapshot. Events after each room's `seq`, and those that the positions lack, follow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct HelloOk {
    /// Connection id, for reports and logs.
    pub sid: String,
    /// The server's time.
    pub srv: String,
    /// Seconds between pings.
    pub ping: u32,
    /// Seconds that a pong may take.
    pub pongto: u32,
    /// Bounds that the client should keep.
    pub lim: Limits,
    /// Who is signed in.
    pub me: Person,
    /// Who may have conversations of two.
    #[serde(default)]
    pub direct: DirectPolicy,
    /// What those between a learner and an adult are.
    #[serde(default, skip_serializing_if = "is_private")]
    #[ts(as = "Option<LearnerPolicy>", optional)]
    pub with_learners: LearnerPolicy,
    /// What this person wants to be told of.
    #[serde(default, skip_serializing_if = "Notify::is_default")]
    #[ts(as = "Option<Notify>", optional)]
    pub notify: Notify,
    /// What this person is told of reports.
    #[serde(default, skip_serializing_if = "ReportNews::is_empty")]
    #[ts(as = "Option<ReportNews>", optional)]
    pub reports: ReportNews,
    /// Everybody who shares a room with them or once was in one of their rooms.
    pub people: Vec<Person>,
    /// Who of those is online.
    pub online: Vec<UserId>,
    /// Who of those is in a lesson.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(as = "Option<Vec<UserId>>", optional)]
    pub lessons: Vec<UserId>,
    /// Their rooms.
    pub rooms: Vec<RoomSummary>,
}

// serde's `skip_serializing_if` passes a reference.
fn is_private(policy: &LearnerPolicy) -> bool {
    *policy == LearnerPolicy::Private
}

/// Bounds told to the client, in bytes unless named otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Limits {
    /// Longest frame.
    pub frame: u32,
    /// Longest text of a message.
    pub body: u32,
    /// Most files on a message (a count).
    pub att: u32,
    /// Most people mentioned in a message (a count).
    pub men: u32,
    /// Largest file.
    #[ts(type = "number")]
    pub file: u64,
}

/// `msg.send`: store a message. Safe to repeat with the same `cid`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct MsgSend {
    /// Room.
    pub r: RoomId,
    /// The client's id of it.
    pub cid: ClientId,
    /// Text; may be empty when there are files.
    pub body: String,
    /// The message that it answers; must be in the same room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub re: Option<MessageId>,
    /// Files that this person uploaded to this room.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(as = "Option<Vec<FileId>>", optional)]
    pub att: Vec<FileId>,
    /// Members of the room whom the text mentions, at most [`crate::limits::MENTIONS_MAX`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(as = "Option<Vec<UserId>>", optional)]
    pub men: Vec<UserId>,
    /// Makes it a poll that asks what the text says; it has no files then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub poll: Option<NewPoll>,
    /// Passes this message on, of any room of theirs: text and files are its, and nothing else is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub fwd: Option<MessageId>,
    /// Everybody else in the room is asked to acknowledge it. Staff only, and not in a conversation of two.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[ts(as = "Option<bool>", optional)]
    pub ack: bool,
    /// Until when, RFC 3339; only with `ack`, at most [`crate::limits::ACK_DUE_DAYS_MAX`] days ahead, and not past.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub due: Option<String>,
    /// Whoever wrote it was told that it may be read by who is responsible for the safety of children: needed where the room is
    /// `safeguarded`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[ts(as = "Option<bool>", optional)]
    pub noticed: bool,
    /// It mentions everybody else in the room. Staff only, not in a conversation of two, and at most
    /// [`crate::limits::ALLS_PER_HOUR_MAX`] times an hour.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[ts(as = "Option<bool>", optional)]
    pub all: bool,
}

/// `msg.edit`: change the text of one's own message, unless it is a poll. Files and mentions stay. Safe to repeat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct MsgEdit {
    /// Which message.
    pub id: MessageId,
    /// The new text; may be empty when the message has files.
    pub body: String,
}

/// `msg.delete`: delete a message for all: one's own, or, as staff, anybody's. `msg.ack`: acknowledge it. `msg.remind`, for
/// staff: recall it to those who have not. Safe to repeat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct MsgRef {
    /// Which message.
    pub id: MessageId,
}

/// `msg.react`: answer a message with an emoji, or take that back. Safe to repeat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct MsgReact {
    /// Which message.
    pub id: MessageId,
    /// One emoji of Unicode's list (UTS #51).
    pub emoji: String,
    /// False to take it back.
    pub on: bool,
}

/// `msg.pin`: pin a message in its room, or take it down. Safe to repeat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct MsgPin {
    /// Which message.
    pub id: MessageId,
    /// False to take it down.
    pub on: bool,
}

/// Answer to `msg.send`, sent after the commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct MsgSent {
    /// Server's id.
    pub id: MessageId,
    /// Position in the room.
    #[ts(type = "number")]
    pub s: i64,
    /// Message number.
    #[ts(type = "number")]
    pub no: i64,
    /// When it was stored.
    pub at: String,
    /// True when an earlier try had stored it already.
    pub dup: bool,
}

/// `sync`: send me the events of a room after a position, or `reset` when there are too many.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct Sync {
    /// Room.
    pub r: RoomId,
    /// The last position that the client holds, 0 or more.
    #[ts(type = "number")]
    pub after: i64,
}

/// `read`: everything up to this message number has been read. Never moves back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct Read {
    /// Room.
    pub r: RoomId,
    /// Message number.
    #[ts(type = "number")]
    pub no: i64,
}

/// `recv`: this device was told of the rooms' messages up to these numbers. Never moves back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct Recv {
    /// Message number by room, at most [`crate::limits::POSITIONS_MAX`] rooms.
    #[ts(type = "Record<string, number>")]
    pub no: BTreeMap<RoomId, i64>,
}

/// `typing`: this person is writing. Repeat every 3 s at most; shown for 5 s.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct Typing {
    /// Room.
    pub r: RoomId,
}

/// `draft.set`: what was written in a room and not sent, for the person's other devices. The one that comes last counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct DraftSet {
    /// Room.
    pub r: RoomId,
    /// The text; none when nothing is left of it.
    pub body: String,
    /// Whom it mentions, as in [`MsgSend::men`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(as = "Option<Vec<UserId>>", optional)]
    pub men: Vec<UserId>,
}

/// Answer to `draft.set`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct DraftKept {
    /// As [`crate::model::Draft::v`].
    #[ts(type = "number")]
    pub v: i64,
}

/// `visible`: whether the page can be seen now. Who has one before them is not told by push.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct Visible {
    /// False until the first such command of a connection.
    pub on: bool,
}

/// Every command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "m", content = "p")]
pub enum Command {
    /// First of a connection.
    #[serde(rename = "hello")]
    Hello(Hello),
    /// Store a message.
    #[serde(rename = "msg.send")]
    MsgSend(MsgSend),
    /// Change a message.
    #[serde(rename = "msg.edit")]
    MsgEdit(MsgEdit),
    /// Delete a message.
    #[serde(rename = "msg.delete")]
    MsgDelete(MsgRef),
    /// React to a message.
    #[serde(rename = "msg.react")]
    MsgReact(MsgReact),
    /// Vote in a poll.
    #[serde(rename = "poll.vote")]
    PollVote(PollVote),
    /// Close a poll.
    #[serde(rename = "poll.close")]
    PollClose(MsgRef),
    /// Acknowledge a message.
    #[serde(rename = "msg.ack")]
    MsgAck(MsgRef),
    /// Recall a message to those who have not acknowledged it.
    #[serde(rename = "msg.remind")]
    MsgRemind(MsgRef),
    /// Pin a message.
    #[serde(rename = "msg.pin")]
    MsgPin(MsgPin),
    /// Catch up.
    #[serde(rename = "sync")]
    Sync(Sync),
    /// Choose whose every event is sent.
    #[serde(rename = "focus")]
    Focus(Focus),
    /// Move the read pointer.
    #[serde(rename = "read")]
    Read(Read),
    /// Tell what has arrived.
    #[serde(rename = "recv")]
    Recv(Recv),
    /// Is writing.
    #[serde(rename = "typing")]
    Typing(Typing),
    /// Keep what is being written.
    #[serde(rename = "draft.set")]
    DraftSet(DraftSet),
    /// Send at a later time.
    #[serde(rename = "later.set")]
    LaterSet(LaterSet),
    /// Do not send it.
    #[serde(rename = "later.delete")]
    LaterDelete(LaterRef),
    /// Send it now.
    #[serde(rename = "later.now")]
    LaterNow(LaterRef),
    /// Tell whether the page can be seen.
    #[serde(rename = "visible")]
    Visible(Visible),
    /// Choose what is told of a room.
    #[serde(rename = "notify.room")]
    NotifyRoom(NotifyRoom),
    /// Choose quiet hours.
    #[serde(rename = "notify.hours")]
    NotifyHours(NotifyHours),
    /// Be told nothing for a while.
    #[serde(rename = "notify.pause")]
    NotifyPause(NotifyPause),
    /// Be told in lessons, or not.
    #[serde(rename = "notify.lessons")]
    NotifyLessons(NotifyLessons),
    /// Begin a lesson.
    #[serde(rename = "call.start")]
    CallStart(CallStart),
    /// Ask by which ways to enter a lesson.
    #[serde(rename = "call.ice")]
    CallIce(CallRef),
    /// Enter a lesson.
    #[serde(rename = "call.join")]
    CallJoin(CallJoin),
    /// Restart ICE.
    #[serde(rename = "call.restart")]
    CallRestart(CallRestart),
    /// Mute or unmute oneself.
    #[serde(rename = "call.set")]
    CallSet(CallSet),
    /// Tell what is visible.
    #[serde(rename = "call.view")]
    CallView(CallView),
    /// Tell how the call does here.
    #[serde(rename = "call.stats")]
    CallStats(CallStats),
    /// Ask how everybody's link does.
    #[serde(rename = "call.watch")]
    CallWatch(CallWatch),
    /// Leave a lesson.
    #[serde(rename = "call.leave")]
    CallLeave(CallRef),
    /// End a lesson for all.
    #[serde(rename = "call.end")]
    CallEnd(CallRef),
}

impl Command {
    /// Reads the parameters of a method.
    ///
    /// # Errors
    /// [`ErrorCode::UnknownMethod`], or [`ErrorCode::BadRequest`] with the place of the fault.
    pub fn parse(method: &str, params: Option<&RawValue>) -> Result<Self, ErrorBody> {
        let json = params.map_or("{}", RawValue::get);
        Ok(match method {
            "hello" => Self::Hello(params_of(json)?),
            "msg.send" => Self::MsgSend(params_of(json)?),
            "msg.edit" => Self::MsgEdit(params_of(json)?),
            "msg.delete" => Self::MsgDelete(params_of(json)?),
            "msg.react" => Self::MsgReact(params_of(json)?),
            "poll.vote" => Self::PollVote(params_of(json)?),
            "poll.close" => Self::PollClose(params_of(json)?),
            "msg.ack" => Self::MsgAck(params_of(json)?),
            "msg.remind" => Self::MsgRemind(params_of(json)?),
            "msg.pin" => Self::MsgPin(params_of(json)?),
            "sync" => Self::Sync(params_of(json)?),
            "focus" => Self::Focus(params_of(json)?),
            "read" => Self::Read(params_of(json)?),
            "recv" => Self::Recv(params_of(json)?),
            "typing" => Self::Typing(params_of(json)?),
            "draft.set" => Self::DraftSet(params_of(json)?),
            "later.set" => Self::LaterSet(params_of(json)?),
            "later.delete" => Self::LaterDelete(params_of(json)?),
            "later.now" => Self::LaterNow(params_of(json)?),
            "visible" => Self::Visible(params_of(json)?),
            "notify.room" => Self::NotifyRoom(params_of(json)?),
            "notify.hours" => Self::NotifyHours(params_of(json)?),
            "notify.pause" => Self::NotifyPause(params_of(json)?),
            "notify.lessons" => Self::NotifyLessons(params_of(json)?),
            "call.start" => Self::CallStart(params_of(json)?),
            "call.ice" => Self::CallIce(params_of(json)?),
            "call.join" => Self::CallJoin(params_of(json)?),
            "call.restart" => Self::CallRestart(params_of(json)?),
            "call.set" => Self::CallSet(params_of(json)?),
            "call.view" => Self::CallView(params_of(json)?),
            "call.stats" => Self::CallStats(params_of(json)?),
            "call.watch" => Self::CallWatch(params_of(json)?),
            "call.leave" => Self::CallLeave(params_of(json)?),
            "call.end" => Self::CallEnd(params_of(json)?),
            _ => return Err(ErrorCode::UnknownMethod.into()),
        })
    }
}

fn params_of<'a, T: Deserialize<'a>>(json: &'a str) -> Result<T, ErrorBody> {
    // serde would read an array as an object's fields in order.
    if !json.trim_start().starts_with('{') {
        return Err(ErrorBody::from(ErrorCode::BadRequest).with_text("not an object"));
    }
    serde_json::from_str(json).map_err(|e| {
        ErrorBody::from(ErrorCode::BadRequest).with_text(format!(
            "column {}: {}",
            e.column(),
            kind(&e)
        ))
    })
}

// serde_json's own message can quote the input, which may be personal.
fn kind(error: &serde_json::Error) -> &'static str {
    match error.classify() {
        serde_json::error::Category::Syntax | serde_json::error::Category::Eof => "not JSON",
        serde_json::error::Category::Data => "a field is missing, unknown or of another type",
        serde_json::error::Category::Io => "unreadable",
    }
}
