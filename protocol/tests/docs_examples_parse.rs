//! `docs/PROTOCOL.md` is true: its examples parse, and it leaves nothing out.

mod common;

use std::fs;
use std::path::Path;

use protocol::call::{CallIce, CallJoined, CallRestarted, CallStarted};
use protocol::command::{DraftKept, MsgSent};
use protocol::poll::OwnVote;
use protocol::{
    CloseCode, Command, Envelope, ErrorBody, ErrorCode, Event, HelloOk, LiveEvent, RoomEvent,
    SUBPROTOCOL, limits,
};
use serde_json::{Value, json};

use common::wire_names;

fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/PROTOCOL.md");
    fs::read_to_string(path).expect("docs/PROTOCOL.md")
}

/// The JSON blocks with the number of their first line.
fn examples(page: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (at, line) in page.lines().enumerate() {
        match &mut open {
            Some(_) if line == "```" => found.extend(open.take()),
            Some((_, text)) => *text += line,
            None if line == "```json" => open = Some((at + 2, String::new())),
            None => {}
        }
    }
    assert!(open.is_none(), "a block is not closed");
    found
}

fn check_reply(place: &str, method: &str, frame: &Value) {
    let read = |result: Result<(), serde_json::Error>| {
        result.unwrap_or_else(|e| panic!("{place}: not a reply to {method}: {e}"));
    };
    let ok = frame["ok"].clone();
    match method {
        "hello" => read(serde_json::from_value::<HelloOk>(ok).map(drop)),
        "msg.send" => read(serde_json::from_value::<MsgSent>(ok).map(drop)),
        "draft.set" => read(serde_json::from_value::<DraftKept>(ok).map(drop)),
        "poll.vote" => read(serde_json::from_value::<OwnVote>(ok).map(drop)),
        "call.start" => read(serde_json::from_value::<CallStarted>(ok).map(drop)),
        "call.ice" => read(serde_json::from_value::<CallIce>(ok).map(drop)),
        "call.join" => read(serde_json::from_value::<CallJoined>(ok).map(drop)),
        "call.restart" => read(serde_json::from_value::<CallRestarted>(ok).map(drop)),
        _ => assert_eq!(ok, json!({}), "{place}: {method} gives nothing"),
    }
}

#[test]
fn every_example_parses() {
    let page = page();
    let mut asked: Option<(Value, String)> = None;
    let mut seen = Vec::new();
    for (line, text) in examples(&page) {
        let place = format!("docs/PROTOCOL.md:{line}");
        let frame: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{place}: {e}"));
        if frame.get("m").is_some() {
            let envelope: Envelope<'_> = serde_json::from_str(&text).expect(&place);
            let method = envelope.m.expect(&place).into_owned();
            if let Err(e) = Command::parse(&method, envelope.p) {
                panic!("{place}: {e:?}");
            }
            seen.push(method.clone());
            asked = Some((frame["i"].clone(), method));
        } else if frame.get("e").is_some() {
            serde_json::from_str::<Event>(&text).unwrap_or_else(|e| panic!("{place}: {e}"));
            seen.push(frame["e"].as_str().expect(&place).to_owned());
        } else if frame.get("err").is_some() {
            serde_json::from_value::<ErrorBody>(frame["err"].clone())
                .unwrap_or_else(|e| panic!("{place}: {e}"));
        } else {
            let (i, method) = asked.as_ref().expect(&place);
            assert_eq!(&frame["i"], i, "{place}: the reply of another command");
            check_reply(&place, method, &frame);
        }
    }
    let commands = wire_names::<Command>(json!({"m": "?", "p": {}}));
    let stored = wire_names::<RoomEvent>(json!({"e": "?"}));
    let passing = wire_names::<LiveEvent>(json!({"e": "?"}));
    for name in commands.iter().chain(&stored).chain(&passing) {
        assert!(seen.contains(name), "no example of {name}");
    }
}

#[test]
fn every_code_is_explained() {
    let page = page();
    for code in wire_names::<ErrorCode>(json!("?")) {
        let row = page
            .lines()
            .any(|line| line.starts_with(&format!("| `{code}` |")));
        assert!(row, "error code {code} has no row");
    }
    let names = wire_names::<CloseCode>(json!("?"));
    assert_eq!(names.len(), CloseCode::ALL.len(), "CloseCode::ALL is whole");
    for code in CloseCode::ALL {
        let name = serde_json::to_value(code).expect("a name");
        let start = format!("| {} | `{}` |", code.code(), name.as_str().expect("text"));
        assert!(
            page.lines().any(|line| line.starts_with(&start)),
            "no row that starts {start:?}"
        );
    }
}

#[test]
fn an_error_that_may_pass_is_marked_so() {
    let page = page();
    let sentence = page
        .lines()
        .find(|line| line.ends_with("carry `tmp`."))
        .expect("the sentence about tmp");
    for name in wire_names::<ErrorCode>(json!("?")) {
        let code: ErrorCode = serde_json::from_value(json!(name)).expect("a code");
        assert_eq!(
            ErrorBody::from(code).tmp,
            sentence.contains(&format!("`{name}`")),
            "{name}"
        );
    }
}

#[test]
fn the_limits_are_those_of_the_code() {
    let page = page();
    let thousands = |number: usize| {
        let digits = number.to_string();
        let mut text = String::new();
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) {
                text.push(',');
            }
            text.push(digit);
        }
        text
    };
    for (what, bounds) in [
        ("frame, either way", vec![limits::FRAME_BYTES_MAX]),
        ("text of a message", vec![limits::BODY_BYTES_MAX]),
        (
            "answers of a poll",
            vec![
                limits::POLL_OPTIONS_MIN,
                limits::POLL_OPTIONS_MAX,
                limits::POLL_OPTION_CHARS_MAX,
            ],
        ),
        (
            "question of a poll, explanation of a quiz",
            vec![limits::POLL_QUESTION_CHARS_MAX],
        ),
        (
            "texts begun and not sent",
            vec![limits::DRAFTS_MAX, limits::DRAFTS_CHARS_MAX],
        ),
        (
            "messages that wait to be sent later",
            vec![
                limits::LATER_MAX,
                limits::LATER_DAYS_MAX.unsigned_abs() as usize,
            ],
        ),
        ("files on a message", vec![limits::ATTACHMENTS_MAX]),
        ("people mentioned in a message", vec![limits::MENTIONS_MAX]),
        (
            "unread mentions that are told of, by room",
            vec![limits::MENTIONS_TOLD_MAX],
        ),
        ("words of a report", vec![limits::REPORT_CHARS_MAX]),
        (
            "open reports of a person",
            vec![limits::REPORTS_OPEN_MAX as usize],
        ),
        (
            "reason for reading a conversation of two",
            vec![limits::INSPECTION_REASON_CHARS_MAX],
        ),
        (
            "such a request, waiting and granted",
            vec![
                limits::INSPECTION_WAIT_HOURS.unsigned_abs() as usize,
                limits::INSPECTION_HOURS.unsigned_abs() as usize,
            ],
        ),
        (
            "such requests of a person, open",
            vec![limits::INSPECTIONS_OPEN_MAX as usize],
        ),
        (
            "messages of a page that is read so",
            vec![limits::INSPECTION_PAGE as usize],
        ),
        (
            "not to write in a room, with an end",
            vec![limits::MUTE_MINUTES_MAX as usize],
        ),
        (
            "slow room",
            vec![
                limits::SLOW_SECONDS_MIN as usize,
                limits::SLOW_SECONDS_MAX as usize,
            ],
        ),
        (
            "words that do not belong, and addresses that are named",
            vec![
                limits::RULE_WORDS_MAX,
                limits::RULE_HOSTS_MAX,
                limits::RULE_CHARS_MAX,
            ],
        ),
        ("file name", vec![limits::FILE_NAME_BYTES_MAX]),
        ("identifier", vec![limits::ID_BYTES_MAX]),
        ("shown name", vec![limits::NAME_BYTES_MAX]),
        ("login", vec![limits::LOGIN_BYTES_MAX]),
        (
            "password",
            vec![limits::PASSWORD_CHARS_MIN, limits::PASSWORD_BYTES_MAX],
        ),
        (
            "sign-ins that wait",
            vec![
                limits::SIGN_INS_WAITING_PER_HASH,
                limits::HASHES_AT_ONCE_MAX,
                usize::try_from(limits::SIGN_IN_WAIT_SECONDS).expect("seconds"),
            ],
        ),
        (
            "failed sign-ins without a pause",
            vec![
                limits::SIGN_INS_FAILED_FREE as usize,
                limits::SIGN_INS_FAILED_ANYWHERE_FREE as usize,
                limits::SIGN_INS_FAILED_SOURCE_FREE as usize,
            ],
        ),
        (
            "pause after failed sign-ins",
            vec![
                usize::try_from(limits::SIGN_IN_PAUSE_SECONDS).expect("seconds"),
                usize::try_from(limits::SIGN_IN_PAUSE_SECONDS_MAX).expect("seconds"),
            ],
        ),
        (
            "events of a catch-up, or of one `sync`",
            vec![limits::BACKLOG_EVENTS_MAX as usize],
        ),
        (
            "events of an HTTP page",
            vec![limits::PAGE_EVENTS_MAX as usize],
        ),
        (
            "rooms in the positions of `hello`",
            vec![limits::POSITIONS_MAX],
        ),
        (
            "room in which everybody is told who has read",
            vec![limits::READ_TOLD_MEMBERS_MAX],
        ),
        (
            "time between two `recv` of a connection",
            vec![usize::try_from(limits::RECV_SECONDS).expect("seconds")],
        ),
        ("rooms in focus", vec![limits::FOCUS_ROOMS_MAX]),
        ("SDP", vec![limits::SDP_BYTES_MAX]),
        (
            "receiving sections",
            vec![limits::AUDIO_SLOTS, limits::VIDEO_SLOTS_MAX],
        ),
        ("devices of a room", vec![limits::DEVICES_PER_ROOM_MAX]),
        (
            "receiving sections of a display",
            vec![limits::AUDIO_SLOTS, limits::DISPLAY_VIDEO_MAX],
        ),
        ("tiles in `call.view`", vec![limits::VIEWS_MAX]),
        (
            "time between two `call.stats`",
            vec![limits::CALL_STATS_SECONDS as usize],
        ),
        (
            "time that one `call.stats` tells of",
            vec![usize::from(limits::CALL_STATS_SPAN_SECONDS_MAX)],
        ),
        (
            "time between two `call.links`",
            vec![limits::CALL_LINKS_SECONDS as usize],
        ),
        (
            "commands per connection",
            vec![
                limits::COMMANDS_PER_SECOND as usize,
                limits::COMMANDS_BURST as usize,
            ],
        ),
        (
            "refused commands before 4008",
            vec![
                limits::REFUSED_PER_SECOND as usize,
                limits::REFUSED_BURST as usize,
            ],
        ),
        (
            "messages per person",
            vec![
                limits::SENDS_PER_SECOND as usize,
                limits::SENDS_BURST as usize,
            ],
        ),
        ("connections per person", vec![limits::CONNECTIONS_PER_USER]),
        ("silence before a ping", vec![limits::PING_SECONDS as usize]),
        ("answer to a ping", vec![limits::PONG_SECONDS as usize]),
        ("first `hello`", vec![limits::HELLO_SECONDS as usize]),
        (
            "unread bytes queued for a connection",
            vec![limits::QUEUE_BYTES_MAX, limits::QUEUE_BYTES_SOFT],
        ),
        (
            "time after a `lag` within which the next one closes the connection",
            vec![usize::try_from(limits::LAG_SECONDS).expect("seconds")],
        ),
    ] {
        let start = format!("| {what} | ");
        let row = page
            .lines()
            .find_map(|line| line.strip_prefix(&start))
            .unwrap_or_else(|| panic!("no row {what}"));
        let numbers: Vec<&str> = row
            .split(|c: char| !c.is_ascii_digit() && c != ',')
            .map(|word| word.trim_matches(','))
            .filter(|word| !word.is_empty())
            .collect();
        let expected: Vec<String> = bounds.into_iter().map(thousands).collect();
        assert_eq!(numbers, expected, "{what}");
    }
    assert!(page.contains(&format!("subprotocol `{SUBPROTOCOL}`")));
}
