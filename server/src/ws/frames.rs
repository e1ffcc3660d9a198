//! Encoding of what the server sends.

use std::sync::Arc;

use protocol::event::Bump;
use protocol::limits::BUMP_TEXT_CHARS_MAX;
use protocol::{ErrorBody, LiveEvent, Reply, RoomEvent, RoomId};
use serde::Serialize;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::hub::Frame;

/// A frame, encoded once for everybody who gets it.
pub fn encode<T: Serialize>(value: &T) -> Utf8Bytes {
    // Our wire types are plain structs with text keys, which always serialise.
    serde_json::to_string(value).unwrap_or_default().into()
}

/// A reply with a result.
pub(super) fn reply_ok<T: Serialize>(i: u32, ok: T) -> Utf8Bytes {
    encode(&Reply::Ok { i, ok })
}

/// A reply with an error.
pub(super) fn reply_err(i: u32, err: ErrorBody) -> Utf8Bytes {
    encode(&Reply::<()>::Err { i, err })
}

/// An event on its way to connections. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Published {
    /// Encoded.
    pub text: Utf8Bytes,
    /// What it says, when it is a durable one.
    pub event: Option<Arc<RoomEvent>>,
}

impl Published {
    /// A durable event.
    #[must_use]
    pub fn durable(event: RoomEvent) -> Self {
        Self {
            text: encode(&event),
            event: Some(Arc::new(event)),
        }
    }

    /// A passing event, encoded.
    #[must_use]
    pub const fn passing(text: Utf8Bytes) -> Self {
        Self { text, event: None }
    }
}

impl Frame for Published {
    fn outdates(&self, earlier: &Self) -> bool {
        let is_message =
            |frame: &Self| matches!(frame.event.as_deref(), Some(RoomEvent::Msg { .. }));
        is_message(self) == is_message(earlier)
    }
}

/// What is new in a room, for those who show a summary of it.
pub(super) fn bump(room: RoomId, seq: i64, news: &[Published]) -> Utf8Bytes {
    let mut d = Box::<Bump>::default();
    for event in news.iter().filter_map(|frame| frame.event.as_deref()) {
        match event {
            RoomEvent::Msg { d: message, .. } => {
                let mut message = message.clone();
                if let Some((cut, _)) = message.body.char_indices().nth(BUMP_TEXT_CHARS_MAX) {
                    message.body.truncate(cut);
                }
                d.last = Some(message);
            }
            RoomEvent::CallStarted { d: call, .. } => d.started = Some(call.clone()),
            RoomEvent::CallEnded { d: over, .. } => d.ended = Some(over.id.clone()),
        }
    }
    encode(&LiveEvent::Bump { r: room, s: seq, d })
}
