//! Encoding of what the server sends.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use protocol::event::{Bump, Expired};
use protocol::limits::{ACKS_TOLD_MAX, BUMP_TEXT_CHARS_MAX, MENTIONS_TOLD_MAX};
use protocol::model::{Message, OpenAck};
use protocol::{ErrorBody, LiveEvent, Reply, RoomEvent, RoomId, UserId};
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

/// What a `bump` of a room is made of.
#[derive(Clone, Debug, Default)]
pub struct News {
    message: Option<Arc<RoomEvent>>,
    /// The change of the message with the highest number.
    change: Option<(i64, Arc<RoomEvent>)>,
    lesson: Option<Arc<RoomEvent>>,
    /// Who was mentioned in which messages, at most [`MENTIONS_TOLD_MAX`] of each.
    mentions: BTreeMap<UserId, BTreeSet<i64>>,
    /// Which messages mention everybody, and who wrote them: as many.
    alls: BTreeMap<i64, UserId>,
    /// Which messages are to be acknowledged, and who wrote them: at most [`ACKS_TOLD_MAX`].
    asked: BTreeMap<i64, UserId>,
    /// Of which messages those who have not were reminded, and when: as many.
    reminded: BTreeMap<i64, String>,
    /// Who acknowledged which: as many of each.
    acked: BTreeMap<UserId, BTreeMap<i64, ()>>,
    /// Which were deleted: as many.
    deleted: BTreeMap<i64, ()>,
    /// Up to which nothing is left.
    expired: Option<Expired>,
}

impl Frame for Published {
    type News = News;

    fn note(&self, seq: i64, news: &mut News) {
        let Some(event) = &self.event else { return };
        let latest = match &**event {
            RoomEvent::Msg { d: message, .. } => {
                news.mention(message);
                if message.ack.is_some() {
                    news.asked.insert(message.no, message.by.clone());
                    keep_newest(&mut news.asked);
                }
                &mut news.message
            }
            RoomEvent::MsgChanged { d: message, .. } => {
                if message.deleted.is_some() {
                    news.deleted.insert(message.no, ());
                    keep_newest(&mut news.deleted);
                }
                let place = (message.no, seq);
                let before = news.change.as_ref();
                if before.is_none_or(|(no, change)| (*no, change.seq()) < place) {
                    news.change = Some((message.no, Arc::clone(event)));
                }
                return;
            }
            // Of these a list of rooms shows nothing.
            RoomEvent::MsgReacted { .. } | RoomEvent::Poll { .. } | RoomEvent::MsgPinned { .. } => {
                return;
            }
            RoomEvent::MsgAcked { d: acked, .. } => {
                let numbers = news.acked.entry(acked.by.clone()).or_default();
                numbers.insert(acked.no, ());
                keep_newest(numbers);
                return;
            }
            RoomEvent::MsgExpired { d: expired, .. } => {
                let before = news.expired.as_ref();
                if before.is_none_or(|before| before.no < expired.no) {
                    news.expired = Some(expired.clone());
                }
                return;
            }
            RoomEvent::MsgReminded { d: reminded, .. } => {
                let at = news.reminded.entry(reminded.no).or_default();
                // Times of this form are in their own order.
                if *at < reminded.at {
                    at.clone_from(&reminded.at);
                }
                keep_newest(&mut news.reminded);
                return;
            }
            RoomEvent::CallStarted { .. } | RoomEvent::CallEnded { .. } => &mut news.lesson,
        };
        if latest.as_ref().is_none_or(|before| before.seq() < seq) {
            *latest = Some(Arc::clone(event));
        }
    }
}

impl News {
    fn mention(&mut self, message: &Message) {
        for person in &message.men {
            let numbers = self.mentions.entry(person.clone()).or_default();
            numbers.insert(message.no);
            if numbers.len() > MENTIONS_TOLD_MAX {
                numbers.pop_first();
            }
        }
        if message.all {
            self.alls.insert(message.no, message.by.clone());
            if self.alls.len() > MENTIONS_TOLD_MAX {
                self.alls.pop_first();
            }
        }
    }

    /// Which messages mention this person, by name or as one of all, ascending; the newest [`MENTIONS_TOLD_MAX`].
    fn mentions_of(&self, person: Option<&UserId>) -> Vec<i64> {
        let named = person.and_then(|person| self.mentions.get(person));
        let alls = self.alls.iter().filter(|(_, by)| Some(*by) != person);
        let all: BTreeSet<i64> = named
            .into_iter()
            .flatten()
            .copied()
            .chain(alls.map(|(no, _)| *no))
            .collect();
        let more = all.len().saturating_sub(MENTIONS_TOLD_MAX);
        all.into_iter().skip(more).collect()
    }

    /// Whether it says something else to this person than to others.
    pub(super) fn concerns(&self, person: &UserId) -> bool {
        self.mentions.contains_key(person)
            || self.acked.contains_key(person)
            || self.asked.values().any(|by| by == person)
            || self.alls.values().any(|by| by == person)
    }

    /// The `bump` of a room for those who show a summary of it, with what concerns this person.
    pub(super) fn bump(&self, r: RoomId, s: i64, person: Option<&UserId>) -> Utf8Bytes {
        let asked = self.asked.iter().filter(|(_, by)| Some(*by) != person);
        let own = person.and_then(|person| self.acked.get(person));
        let over: BTreeSet<i64> = own
            .into_iter()
            .chain([&self.deleted])
            .flat_map(BTreeMap::keys)
            .copied()
            .collect();
        let reminded = |(no, at): (&i64, &String)| OpenAck {
            no: *no,
            at: Some(at.clone()),
        };
        let mut d = Box::new(Bump {
            men: self.mentions_of(person),
            acks: asked.map(|(no, _)| *no).collect(),
            reminded: self.reminded.iter().map(reminded).collect(),
            acked: over.into_iter().collect(),
            expired: self.expired.clone(),
            ..Bump::default()
        });
        let change = self.change.as_ref().map(|(_, change)| change);
        let others = [self.message.as_ref(), self.lesson.as_ref()];
        for event in others.into_iter().chain([change]).flatten() {
            match &**event {
                RoomEvent::Msg { d: message, .. } => d.last = Some(shortened(message)),
                RoomEvent::MsgChanged { d: message, .. } => d.changed = Some(shortened(message)),
                RoomEvent::MsgReacted { .. }
                | RoomEvent::Poll { .. }
                | RoomEvent::MsgAcked { .. }
                | RoomEvent::MsgReminded { .. }
                | RoomEvent::MsgPinned { .. }
                | RoomEvent::MsgExpired { .. } => {}
                RoomEvent::CallStarted { d: call, .. } => d.started = Some(call.clone()),
                RoomEvent::CallEnded { d: over, .. } => d.ended = Some(over.id.clone()),
            }
        }
        encode(&LiveEvent::Bump { r, s, d })
    }
}

fn keep_newest<T>(numbers: &mut BTreeMap<i64, T>) {
    if numbers.len() > ACKS_TOLD_MAX {
        numbers.pop_first();
    }
}

fn shortened(message: &Message) -> Message {
    let mut message = message.clone();
    message.react = Vec::new();
    message.poll = None;
    message.fwd = None;
    message.ack = None;
    message.due = None;
    message.root = None;
    message.thread = None;
    if let Some((cut, _)) = message.body.char_indices().nth(BUMP_TEXT_CHARS_MAX) {
        message.body.truncate(cut);
    }
    message
}

#[cfg(test)]
mod tests {
    use protocol::{ClientId, MessageId};
    use serde_json::{Value, json};

    use super::*;

    fn person(name: &str) -> UserId {
        UserId::parse(name).unwrap()
    }

    fn message(no: i64, men: &[&str]) -> Published {
        let d = Message {
            id: MessageId::parse(format!("M{no}")).unwrap(),
            cid: ClientId::parse(format!("c{no}")).unwrap(),
            no,
            by: person("teacher"),
            at: String::new(),
            body: "я".repeat(BUMP_TEXT_CHARS_MAX + 1),
            re: None,
            root: None,
            thread: None,
            att: Vec::new(),
            men: men.iter().copied().map(person).collect(),
            all: false,
            react: Vec::new(),
            poll: None,
            fwd: None,
            ack: None,
            due: None,
            edited: None,
            deleted: None,
        };
        let r = RoomId::parse("R7").unwrap();
        Published::durable(RoomEvent::Msg { r, s: no, d })
    }

    fn bump(news: &News, of: Option<&str>) -> Value {
        let of = of.map(person);
        let text = news.bump(RoomId::parse("R7").unwrap(), 99, of.as_ref());
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn a_bump_has_the_latest_message_and_ones_own_mentions_in_any() {
        let mut news = News::default();
        for (no, men) in [
            (3, &["misha"][..]),
            (5, &[]),
            (4, &["misha", "anna"]),
            (3, &["misha"]),
        ] {
            message(no, men).note(no, &mut news);
        }
        let shared = bump(&news, None);
        assert_eq!(shared["d"]["last"]["no"], 5);
        let text = shared["d"]["last"]["body"].as_str().unwrap();
        assert_eq!(text.chars().count(), BUMP_TEXT_CHARS_MAX);
        assert_eq!(shared["d"]["men"], Value::Null);
        assert_eq!(bump(&news, Some("misha"))["d"]["men"], json!([3, 4]));
        assert_eq!(bump(&news, Some("anna"))["d"]["men"], json!([4]));
        assert!(news.concerns(&person("anna")) && !news.concerns(&person("teacher")));
    }

    #[test]
    fn a_bump_has_the_change_that_may_be_of_the_latest_message() {
        let changed = |no: i64, s: i64| {
            let Some(event) = message(no, &[]).event else {
                panic!("durable")
            };
            let RoomEvent::Msg { r, d, .. } = &*event else {
                panic!("a message")
            };
            let (r, d) = (
                r.clone(),
                Message {
                    edited: Some(s.to_string()),
                    ..d.clone()
                },
            );
            Published::durable(RoomEvent::MsgChanged { r, s, d })
        };
        let mut news = News::default();
        for (no, s) in [(3, 10), (5, 11), (4, 12), (5, 14), (5, 13)] {
            changed(no, s).note(s, &mut news);
        }
        let changed = &bump(&news, None)["d"]["changed"];
        assert_eq!(
            (&changed["no"], &changed["edited"]),
            (&json!(5), &json!("14"))
        );
        let text = changed["body"].as_str().unwrap();
        assert_eq!(text.chars().count(), BUMP_TEXT_CHARS_MAX);
    }

    #[test]
    fn a_bump_has_what_is_to_be_acknowledged_and_what_is_not_any_more() {
        let r = || RoomId::parse("R7").unwrap();
        let asks = |no: i64| {
            let Some(event) = message(no, &[]).event else {
                panic!("durable")
            };
            let RoomEvent::Msg { d, .. } = &*event else {
                panic!("a message")
            };
            Message {
                ack: Some(protocol::model::Ack { done: 0, of: 2 }),
                ..d.clone()
            }
        };
        let mut news = News::default();
        for no in [3, 5] {
            let d = asks(no);
            Published::durable(RoomEvent::Msg { r: r(), s: no, d }).note(no, &mut news);
        }
        let d = protocol::event::Acked {
            id: asks(3).id,
            no: 3,
            by: person("misha"),
            done: 1,
        };
        Published::durable(RoomEvent::MsgAcked { r: r(), s: 6, d }).note(6, &mut news);
        let d = protocol::event::Reminded {
            id: asks(3).id,
            no: 3,
            by: person("teacher"),
            at: "later".to_owned(),
        };
        Published::durable(RoomEvent::MsgReminded { r: r(), s: 7, d }).note(7, &mut news);
        let mut d = asks(5);
        d.deleted = Some(protocol::model::Deleted {
            by: Some(person("teacher")),
            at: String::new(),
        });
        Published::durable(RoomEvent::MsgChanged { r: r(), s: 8, d }).note(8, &mut news);

        let told = |of: Option<&str>| {
            let d = bump(&news, of)["d"].take();
            (d["acks"].clone(), d["acked"].clone())
        };
        assert_eq!(told(None), (json!([3, 5]), json!([5])));
        assert_eq!(told(Some("misha")), (json!([3, 5]), json!([3, 5])));
        assert_eq!(told(Some("teacher")), (Value::Null, json!([5])));
        assert!(news.concerns(&person("teacher")) && news.concerns(&person("misha")));
        assert!(!news.concerns(&person("anna")));
        let shared = &bump(&news, None)["d"];
        assert_eq!(shared["reminded"], json!([{"no": 3, "at": "later"}]));
        assert_eq!(shared["last"]["ack"], Value::Null);
    }

    #[test]
    fn a_bump_of_a_message_to_all_mentions_everybody_but_its_author() {
        let mut news = News::default();
        message(3, &["misha"]).note(3, &mut news);
        let event = message(4, &["misha"]).event.unwrap();
        let RoomEvent::Msg { r, d, .. } = &*event else {
            panic!("a message")
        };
        let (r, d) = (
            r.clone(),
            Message {
                all: true,
                ..d.clone()
            },
        );
        Published::durable(RoomEvent::Msg { r, s: 4, d }).note(4, &mut news);
        assert_eq!(bump(&news, None)["d"]["men"], json!([4]));
        assert_eq!(bump(&news, Some("misha"))["d"]["men"], json!([3, 4]));
        assert_eq!(bump(&news, Some("teacher"))["d"]["men"], Value::Null);
        assert!(news.concerns(&person("teacher")) && !news.concerns(&person("anna")));
    }

    #[test]
    fn of_many_mentions_a_bump_has_the_newest() {
        let mut news = News::default();
        let many = i64::try_from(MENTIONS_TOLD_MAX).unwrap() + 10;
        for no in 1..=many {
            message(no, &["misha"]).note(no, &mut news);
        }
        let newest: Vec<i64> = (11..=many).collect();
        assert_eq!(bump(&news, Some("misha"))["d"]["men"], json!(newest));
    }
}
