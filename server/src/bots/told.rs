//! A message as programs are told of it, whether they ask or are sent it. Fields may be added.

use protocol::RoomEvent;
use protocol::model::{Attachment, Message};
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

/// What programs are told of an event, if anything.
pub(crate) fn told(event: RoomEvent) -> Option<Read> {
    let position = event.seq();
    match event {
        RoomEvent::Msg { d, .. } | RoomEvent::MsgChanged { d, .. } => Some(read(position, d)),
        RoomEvent::MsgReacted { .. }
        | RoomEvent::Poll { .. }
        | RoomEvent::MsgPinned { .. }
        | RoomEvent::MsgAcked { .. }
        | RoomEvent::MsgReminded { .. }
        | RoomEvent::MsgExpired { .. }
        | RoomEvent::CallStarted { .. }
        | RoomEvent::CallEnded { .. } => None,
    }
}

fn read(position: i64, message: Message) -> Read {
    Read {
        position,
        id: message.id.to_string(),
        number: message.no,
        at: message.at,
        by: message.by.to_string(),
        text: message.body,
        reply_to: message.re.map(|re| re.to_string()),
        files: message.att.into_iter().map(file).collect(),
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
