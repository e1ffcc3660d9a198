//! One line of a frame, read as cheaply as its use allows. The load generator shares its processor with the server
//! that it measures, so of a message it reads room, position and name and leaves the rest unread.

use std::borrow::Cow;
use std::time::Duration;

use protocol::ErrorBody;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::LoadError;

/// What a line says.
#[derive(Debug)]
pub(super) enum Line<'a> {
    Ping,
    Ready,
    Message {
        room: Cow<'a, str>,
        seq: i64,
        cid: Cow<'a, str>,
    },
    /// A durable event that is not a message.
    Event {
        room: Cow<'a, str>,
        seq: i64,
    },
    Reset {
        room: Cow<'a, str>,
    },
    Bye {
        after: Duration,
    },
    Reply(u32, Result<&'a RawValue, ErrorBody>),
    /// An event that the run does not need, or does not know.
    Other,
}

/// Reads a line.
///
/// # Errors
/// [`LoadError::Protocol`] when it has not the outer form of a frame.
pub(super) fn read(line: &str) -> Result<Line<'_>, LoadError> {
    if line == "{}" {
        return Ok(Line::Ping);
    }
    match quick_message(line) {
        Some(message) => Ok(message),
        None => slow(line),
    }
}

// The form in which Parta's server writes a message. Whatever looks different goes the slow way.
fn quick_message(line: &str) -> Option<Line<'_>> {
    let (room, rest) = line.strip_prefix(r#"{"e":"msg","r":""#)?.split_once('"')?;
    let (seq, rest) = rest.strip_prefix(r#","s":"#)?.split_once(',')?;
    let (id, rest) = rest.strip_prefix(r#""d":{"id":""#)?.split_once('"')?;
    let (cid, _) = rest.strip_prefix(r#","cid":""#)?.split_once('"')?;
    // Identifiers have no escapes; a text with one is not an identifier.
    if [room, id, cid].iter().any(|id| id.contains('\\')) {
        return None;
    }
    Some(Line::Message {
        room: room.into(),
        seq: seq.parse().ok()?,
        cid: cid.into(),
    })
}

fn slow(line: &str) -> Result<Line<'_>, LoadError> {
    #[derive(Deserialize)]
    struct Outer<'a> {
        #[serde(borrow, default)]
        e: Option<Cow<'a, str>>,
        #[serde(borrow, default)]
        r: Option<Cow<'a, str>>,
        #[serde(default)]
        s: Option<i64>,
        #[serde(borrow, default)]
        d: Option<&'a RawValue>,
        #[serde(default)]
        i: Option<u32>,
        #[serde(borrow, default)]
        ok: Option<&'a RawValue>,
        #[serde(default)]
        err: Option<ErrorBody>,
    }
    let strange = || LoadError::Protocol(line.to_owned());
    let outer: Outer<'_> = serde_json::from_str(line).map_err(|_| strange())?;
    if let Some(i) = outer.i {
        return match (outer.ok, outer.err) {
            (Some(ok), None) => Ok(Line::Reply(i, Ok(ok))),
            (None, Some(err)) => Ok(Line::Reply(i, Err(err))),
            _ => Err(strange()),
        };
    }
    match (outer.e.as_deref().ok_or_else(strange)?, outer.r, outer.s) {
        ("msg", Some(room), Some(seq)) => {
            let cid = inner(outer.d, |body: Named<'_>| body.cid).ok_or_else(strange)?;
            Ok(Line::Message { room, seq, cid })
        }
        ("reset", Some(room), _) => Ok(Line::Reset { room }),
        ("ready", ..) => Ok(Line::Ready),
        ("bye", ..) => {
            let after = inner(outer.d, |bye: Goodbye| bye.after).ok_or_else(strange)?;
            let after = Duration::from_millis(after);
            Ok(Line::Bye { after })
        }
        (_, Some(room), Some(seq)) => Ok(Line::Event { room, seq }),
        _ => Ok(Line::Other),
    }
}

#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow)]
    cid: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Goodbye {
    after: u64,
}

fn inner<'a, T: Deserialize<'a>, U>(body: Option<&'a RawValue>, of: fn(T) -> U) -> Option<U> {
    serde_json::from_str(body?.get()).ok().map(of)
}

#[cfg(test)]
mod tests {
    use protocol::model::Message;
    use protocol::{ClientId, MessageId, RoomEvent, RoomId, UserId};

    use super::*;

    fn event() -> RoomEvent {
        RoomEvent::Msg {
            r: RoomId::parse("R7").unwrap(),
            s: 1_042,
            d: Message {
                id: MessageId::parse("M56").unwrap(),
                cid: ClientId::parse("0192-7").unwrap(),
                no: 311,
                by: UserId::parse("U1").unwrap(),
                at: "2026-11-25T09:00:07.456Z".to_owned(),
                body: r#"","cid":"elsewhere"#.to_owned(),
                re: None,
                root: None,
                thread: None,
                att: Vec::new(),
                men: Vec::new(),
                all: false,
                react: Vec::new(),
                poll: None,
                fwd: None,
                ack: None,
                due: None,
                edited: None,
                deleted: None,
            },
        }
    }

    fn message(line: Line<'_>) -> (String, i64, String) {
        let Line::Message { room, seq, cid } = line else {
            panic!("{line:?}")
        };
        (room.into_owned(), seq, cid.into_owned())
    }

    #[test]
    fn the_quick_way_reads_what_the_protocol_writes_as_the_slow_way_does() {
        let text = serde_json::to_string(&event()).unwrap();
        let expected = ("R7".to_owned(), 1_042, "0192-7".to_owned());
        assert_eq!(message(quick_message(&text).unwrap()), expected);
        assert_eq!(message(slow(&text).unwrap()), expected);
    }

    #[test]
    fn a_message_in_another_order_is_read_too() {
        let text = r#"{"s":9,"d":{"no":1,"cid":"a"},"e":"msg","r":"R\u0037"}"#;
        assert!(quick_message(text).is_none());
        assert_eq!(message(read(text).unwrap()), ("R7".into(), 9, "a".into()));
        let escaped = r#"{"e":"msg","r":"R\u0037","s":9,"d":{"id":"M","cid":"a"}}"#;
        assert_eq!(message(read(escaped).unwrap()).0, "R7");
    }

    #[test]
    fn everything_else_is_told_apart() {
        assert!(matches!(read("{}").unwrap(), Line::Ping));
        assert!(matches!(read(r#"{"e":"ready"}"#).unwrap(), Line::Ready));
        let started = r#"{"e":"call.started","r":"R7","s":3,"d":{"id":"C1"}}"#;
        assert!(matches!(read(started).unwrap(), Line::Event { seq: 3, .. }));
        let reset = r#"{"e":"reset","r":"R7","d":{"ep":"e","s":5,"no":2,"read":1}}"#;
        assert!(matches!(read(reset).unwrap(), Line::Reset { room } if room == "R7"));
        let bye = r#"{"e":"bye","d":{"c":4000,"after":3500}}"#;
        assert!(
            matches!(read(bye).unwrap(), Line::Bye { after } if after == Duration::from_millis(3_500))
        );
        for passing in [
            r#"{"e":"presence","d":{"u":"U4","on":true}}"#,
            r#"{"e":"typing","r":"R7","d":{"u":"U4"}}"#,
            r#"{"e":"new.in.2027"}"#,
        ] {
            assert!(matches!(read(passing).unwrap(), Line::Other), "{passing}");
        }
    }

    #[test]
    fn answers_carry_their_result_or_reason() {
        let ok = read(r#"{"i":2,"ok":{"s":1}}"#).unwrap();
        assert!(matches!(ok, Line::Reply(2, Ok(body)) if body.get() == r#"{"s":1}"#));
        let err = read(r#"{"i":3,"err":{"c":"rate_limited","tmp":true,"after":2000}}"#).unwrap();
        assert!(matches!(err, Line::Reply(3, Err(body)) if body.after == Some(2_000)));
    }

    #[test]
    fn what_is_no_frame_is_an_error() {
        for text in ["", "[]", "{", r#"{"i":1}"#, r#"{"d":{}}"#, r#"{"e":"bye"}"#] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
