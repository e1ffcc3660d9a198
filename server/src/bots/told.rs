//! A message as programs are told of it, whether they ask or are sent it. Fields may be added.

use protocol::RoomEvent;
use protocol::model::{Attachment, Message, Reaction};
use protocol::poll::{Poll, Tally};
use serde::Serialize;
use utoipa::ToSchema;

/// A message as it is now.
#[derive(Serialize, ToSchema)]
pub(crate) struct Read {
    /// Where in the room it was written or changed.
    position: i64,
    /// Its id.
    id: String,
    /// Its number in the room.
    number: i64,
    /// When it was written (RFC 3339, UTC).
    at: String,
    /// Id of who wrote it.
    by: String,
    /// Markdown; empty when it was deleted.
    text: String,
    /// Id of the message that it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_to: Option<String>,
    /// Its files.
    files: Vec<FileTold>,
    /// With which emoji it was answered.
    reactions: Vec<ReactedWith>,
    /// What makes it a poll; the question is the text.
    #[serde(skip_serializing_if = "Option::is_none")]
    poll: Option<PollRead>,
    /// When its text was last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    edited_at: Option<String>,
    /// Whether it was deleted.
    deleted: bool,
}

/// A file on a message.
#[derive(Serialize, ToSchema)]
pub(crate) struct FileTold {
    name: String,
    /// Bytes.
    size: u64,
    /// Media type.
    #[serde(rename = "type")]
    mime: String,
}

/// An emoji with which a message was answered.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReactedWith {
    emoji: String,
    /// Ids of who did, the first one first.
    by: Vec<String>,
}

/// A poll.
#[derive(Serialize, ToSchema)]
pub(crate) struct PollRead {
    /// The answers.
    options: Vec<String>,
    /// Whether several may be chosen.
    several: bool,
    /// Whether nobody can see who chose what. Programs are told of nobody's vote in any poll.
    anonymous: bool,
    /// Whether it is a quiz.
    quiz: bool,
    #[serde(flatten)]
    standing: Standing,
}

/// How a poll stands now.
#[derive(Serialize, ToSchema)]
pub(crate) struct Standing {
    /// Grows: of two the one with the greater version is the later.
    version: i64,
    /// How many people have voted.
    voters: u32,
    /// How many of them chose each answer.
    votes: Vec<u32>,
    /// When it was closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    closed_at: Option<String>,
    /// The right answer of a quiz that is closed: its place, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    right: Option<u8>,
    /// Why it is right.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

impl From<Tally> for Standing {
    fn from(tally: Tally) -> Self {
        Self {
            version: tally.v,
            voters: tally.voters,
            votes: tally.counts,
            closed_at: tally.closed.map(|closed| closed.at),
            right: tally.right,
            why: tally.why,
        }
    }
}

impl From<Poll> for PollRead {
    fn from(poll: Poll) -> Self {
        Self {
            options: poll.options,
            several: poll.many,
            anonymous: poll.anon,
            quiz: poll.quiz,
            standing: poll.tally.into(),
        }
    }
}

/// What happened to messages that were written before.
#[derive(Serialize, ToSchema)]
#[serde(tag = "type")]
pub(crate) enum Happened {
    /// Somebody answered a message with an emoji.
    #[serde(rename = "reaction.added")]
    ReactionAdded(ReactionTold),
    /// Somebody took that back.
    #[serde(rename = "reaction.removed")]
    ReactionRemoved(ReactionTold),
    /// People voted in a poll, or took their votes back; those of a second come together.
    #[serde(rename = "poll.voted")]
    PollVoted(PollTold),
    /// A poll is closed.
    #[serde(rename = "poll.closed")]
    PollClosed(PollTold),
    /// The time is over for which the room keeps messages: forget what you hold of them.
    #[serde(rename = "messages.expired")]
    MessagesExpired(ExpiredTold),
}

impl Happened {
    /// By which it is known to programs.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::ReactionAdded(_) => "reaction.added",
            Self::ReactionRemoved(_) => "reaction.removed",
            Self::PollVoted(_) => "poll.voted",
            Self::PollClosed(_) => "poll.closed",
            Self::MessagesExpired(_) => "messages.expired",
        }
    }

    /// Id of who did it, where it was one person.
    pub(crate) fn author(&self) -> Option<&str> {
        match self {
            Self::ReactionAdded(one) | Self::ReactionRemoved(one) => Some(&one.by),
            Self::PollVoted(_) | Self::PollClosed(_) | Self::MessagesExpired(_) => None,
        }
    }

    /// Up to which number messages are gone, if that is what happened.
    pub(crate) const fn expired(&self) -> Option<i64> {
        match self {
            Self::MessagesExpired(one) => Some(one.up_to),
            Self::ReactionAdded(_)
            | Self::ReactionRemoved(_)
            | Self::PollVoted(_)
            | Self::PollClosed(_) => None,
        }
    }
}

/// An emoji was set on a message or taken back.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReactionTold {
    /// Where in the room that was.
    position: i64,
    /// Id of the message.
    message: String,
    /// Id of who did it.
    by: String,
    emoji: String,
}

/// How a poll stands.
#[derive(Serialize, ToSchema)]
pub(crate) struct PollTold {
    /// Where in the room that was told.
    position: i64,
    /// Id of the message.
    message: String,
    /// As it is now.
    poll: Standing,
}

/// Messages whose time is over.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExpiredTold {
    /// Where in the room that was.
    position: i64,
    /// All messages up to this number are gone.
    up_to: i64,
    /// Since when.
    at: String,
}

impl Read {
    /// Id of who wrote it.
    pub(crate) fn author(&self) -> &str {
        &self.by
    }

    /// Whether it was deleted.
    pub(crate) const fn is_deleted(&self) -> bool {
        self.deleted
    }
}

/// What programs are told of an event.
pub(crate) enum Told {
    /// A message was written, changed or deleted.
    Message(Box<Read>),
    /// Something happened to what was written.
    Event(Happened),
}

/// What programs are told of an event, if anything.
pub(crate) fn told(event: RoomEvent) -> Option<Told> {
    let position = event.seq();
    let happened = match event {
        RoomEvent::Msg { d, .. } | RoomEvent::MsgChanged { d, .. } => {
            return Some(Told::Message(Box::new(read(position, d))));
        }
        RoomEvent::MsgReacted { d, .. } => {
            let reaction = ReactionTold {
                position,
                message: d.id.to_string(),
                by: d.by.to_string(),
                emoji: d.emoji,
            };
            if d.on {
                Happened::ReactionAdded(reaction)
            } else {
                Happened::ReactionRemoved(reaction)
            }
        }
        RoomEvent::Poll { d, .. } => {
            let is_closed = d.tally.closed.is_some();
            let poll = PollTold {
                position,
                message: d.id.to_string(),
                poll: Standing::from(d.tally),
            };
            if is_closed {
                Happened::PollClosed(poll)
            } else {
                Happened::PollVoted(poll)
            }
        }
        RoomEvent::MsgExpired { d, .. } => Happened::MessagesExpired(ExpiredTold {
            position,
            up_to: d.no,
            at: d.at,
        }),
        RoomEvent::MsgPinned { .. }
        | RoomEvent::MsgAcked { .. }
        | RoomEvent::MsgReminded { .. }
        | RoomEvent::CallStarted { .. }
        | RoomEvent::CallEnded { .. } => return None,
    };
    Some(Told::Event(happened))
}

fn read(position: i64, message: Message) -> Read {
    let reaction = |one: Reaction| ReactedWith {
        emoji: one.emoji,
        by: one.by.iter().map(ToString::to_string).collect(),
    };
    Read {
        position,
        id: message.id.to_string(),
        number: message.no,
        at: message.at,
        by: message.by.to_string(),
        text: message.body,
        reply_to: message.re.map(|re| re.to_string()),
        files: message.att.into_iter().map(file).collect(),
        reactions: message.react.into_iter().map(reaction).collect(),
        poll: message.poll.map(PollRead::from),
        edited_at: message.edited,
        deleted: message.deleted.is_some(),
    }
}

fn file(file: Attachment) -> FileTold {
    FileTold {
        name: file.name,
        size: file.size,
        mime: file.mime,
    }
}
