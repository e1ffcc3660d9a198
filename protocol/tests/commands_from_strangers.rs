//! What the reader of commands does with input that no client of ours sends.

mod common;

use proptest::prelude::*;
use protocol::call::{
    CallJoin, CallRef, CallRestart, CallSet, CallStart, CallStats, CallView, CallWatch, Source,
    UpMids, View,
};
use protocol::command::{
    Focus, MsgEdit, MsgPin, MsgReact, MsgRef, MsgSend, Positions, Read, Recv, Sync, Typing, Visible,
};
use protocol::limits::ID_BYTES_MAX;
use protocol::notify::{
    NotifyHours, NotifyLessons, NotifyLevel, NotifyPause, NotifyRoom, QuietHours, SilenceFor,
};
use protocol::{
    CallId, ClientId, Command, Envelope, ErrorCode, Event, FileId, Hello, MessageId, PeerId,
    RoomId, UserId,
};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

fn parse(method: &str, params: &Value) -> Result<Command, ErrorCode> {
    let raw = to_raw_value(params).expect("JSON");
    Command::parse(method, Some(&raw)).map_err(|e| e.c)
}

fn example(method: &str) -> Value {
    match method {
        "hello" => json!({"v": 1, "dev": "d1", "app": "web/0.1.0"}),
        "msg.send" => json!({"r": "R7", "cid": "c1", "body": "Привет"}),
        "msg.edit" => json!({"id": "M1", "body": "Пока"}),
        "msg.delete" | "msg.ack" | "msg.remind" => json!({"id": "M1"}),
        "msg.react" => json!({"id": "M1", "emoji": "👍", "on": true}),
        "draft.set" => json!({"r": "R7", "body": "Завтра"}),
        "later.set" => {
            json!({"r": "R7", "cid": "c1", "at": "2026-11-26T06:00:00.000Z", "body": "Привет"})
        }
        "later.delete" | "later.now" => json!({"cid": "c1"}),
        "poll.vote" => json!({"id": "M1", "opts": [0]}),
        "poll.close" => json!({"id": "M1"}),
        "msg.pin" => json!({"id": "M1", "on": true}),
        "sync" => json!({"r": "R7", "after": 0}),
        "focus" => json!({"r": ["R7"]}),
        "read" => json!({"r": "R7", "no": 1}),
        "recv" => json!({"no": {"R7": 1}}),
        "visible" => json!({"on": true}),
        "notify.room" => json!({"r": "R7", "level": "mentions", "mute": {"minutes": 60}}),
        "notify.hours" => json!({"hours": {"from": 1320, "to": 420, "zone": "Europe/Moscow"}}),
        "notify.pause" => json!({"pause": {}}),
        "notify.lessons" => json!({"on": true}),
        "typing" | "call.start" => json!({"r": "R7"}),
        "call.join" => {
            json!({"call": "C1", "sdp": "v=0", "down_audio": [], "down_video": [], "on": [],
            "up": {"mic": "0", "camera": "1", "screen": "2", "screen_audio": "3"}})
        }
        "call.restart" => json!({"call": "C1", "sdp": "v=0"}),
        "call.set" => json!({"call": "C1", "src": "mic", "on": true}),
        "call.view" => json!({"call": "C1", "views": [{"p": "P1", "src": "camera", "w": 320}]}),
        "call.stats" => json!({"call": "C1", "seconds": 10, "freezes": 0, "frozen_ms": 0}),
        "call.watch" => json!({"call": "C1", "on": true}),
        "call.ice" | "call.leave" | "call.end" => json!({"call": "C1"}),
        other => panic!("give {other} an example here"),
    }
}

fn methods() -> Vec<String> {
    common::wire_names::<Command>(json!({"m": "?", "p": {}}))
}

#[test]
fn the_reader_knows_every_method_of_the_enum() {
    for method in methods() {
        let command = parse(&method, &example(&method));
        let written = command.map(|c| serde_json::to_value(c).expect("JSON")["m"].clone());
        assert_eq!(written, Ok(json!(method)));
    }
}

#[test]
fn a_field_that_is_not_in_the_protocol_is_refused() {
    for method in methods() {
        let mut params = example(&method);
        params["colour"] = json!("red");
        // A newer client may tell more about itself; the version decides, not the field.
        let expected = method == "hello";
        assert_eq!(parse(&method, &params).is_ok(), expected, "{method}");
    }
    let mut nested = example("call.view");
    nested["views"][0]["colour"] = json!("red");
    assert_eq!(parse("call.view", &nested), Err(ErrorCode::BadRequest));
}

#[test]
fn a_missing_field_is_refused() {
    // Without anything these take back what was set.
    let may_be_empty = ["notify.hours", "notify.pause"];
    for method in methods() {
        if may_be_empty.contains(&method.as_str()) {
            continue;
        }
        assert_eq!(
            parse(&method, &json!({})),
            Err(ErrorCode::BadRequest),
            "{method}"
        );
        assert_eq!(
            Command::parse(&method, None).map_err(|e| e.c),
            Err(ErrorCode::BadRequest),
            "{method}"
        );
    }
}

#[test]
fn an_identifier_is_never_a_path_a_script_or_a_book() {
    let longest = "x".repeat(ID_BYTES_MAX);
    assert!(parse("typing", &json!({ "r": longest })).is_ok());
    for hostile in [
        json!(""),
        json!(" "),
        json!("x".repeat(ID_BYTES_MAX + 1)),
        json!("../../etc/passwd"),
        json!("R7\0"),
        json!("R7\n"),
        json!("R7' OR '1'='1"),
        json!("<img src=x>"),
        json!("комната"),
        // Looks like R7, is not.
        json!("R\u{200b}7"),
        json!("R\u{202e}7"),
        json!(7),
        json!(null),
        json!(["R7"]),
        json!({"r": "R7"}),
    ] {
        for (method, field) in [("typing", "r"), ("msg.send", "cid"), ("call.leave", "call")] {
            let mut params = example(method);
            params[field] = hostile.clone();
            assert_eq!(
                parse(method, &params),
                Err(ErrorCode::BadRequest),
                "{method} {field} {hostile}"
            );
        }
    }
}

#[test]
fn a_number_that_does_not_fit_is_refused() {
    for number in ["9223372036854775808", "1e3", "1.5", "\"7\"", "null"] {
        let raw = RawValue::from_string(format!(r#"{{"r":"R7","no":{number}}}"#)).expect("JSON");
        let refused = Command::parse("read", Some(&raw)).map_err(|e| e.c);
        assert_eq!(refused, Err(ErrorCode::BadRequest), "{number}");
    }
    for i in ["-1", "4294967296", "1.0", "\"1\""] {
        let text = format!(r#"{{"i":{i},"m":"typing"}}"#);
        assert!(
            serde_json::from_str::<Envelope<'_>>(&text).is_err(),
            "{text}"
        );
    }
}

#[test]
fn a_repeated_field_is_refused() {
    let raw = RawValue::from_string(r#"{"r":"R7","r":"R8"}"#.to_owned()).expect("JSON");
    let refused = Command::parse("typing", Some(&raw)).map_err(|e| e.c);
    assert_eq!(refused, Err(ErrorCode::BadRequest));
}

#[test]
fn an_unknown_method_is_told_apart_from_a_bad_one() {
    for method in ["", "Hello", "msg.send ", "constructor", "call.explode"] {
        assert_eq!(
            parse(method, &json!({})),
            Err(ErrorCode::UnknownMethod),
            "{method:?}"
        );
    }
}

#[test]
fn the_error_never_quotes_the_input() {
    let params = json!({"r": "R7", "cid": "c1", "body": 5, "пароль": "секрет"});
    let raw = to_raw_value(&params).expect("JSON");
    let error = Command::parse("msg.send", Some(&raw)).expect_err("refused");
    let text = error.text.expect("a place");
    assert!(text.is_ascii() && text.starts_with("column "), "{text}");
}

#[test]
fn an_event_of_a_later_version_is_an_error_that_a_client_can_skip() {
    let later = json!({"e": "poll.opened", "r": "R7", "s": 5, "d": {}});
    assert!(serde_json::from_value::<Event>(later).is_err());
    // More fields in an event that is known do not harm.
    let known = json!({"e": "u.read", "d": {"r": "R7", "no": 5, "later": true}, "later": 1});
    assert!(serde_json::from_value::<Event>(known).is_ok());
}

fn id() -> impl Strategy<Value = String> {
    proptest::collection::vec(0_usize..64, 1..=ID_BYTES_MAX).prop_map(|places| {
        const LETTERS: &[u8; 64] =
            b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
        places
            .into_iter()
            .map(|at| char::from(LETTERS[at]))
            .collect()
    })
}

fn text() -> impl Strategy<Value = String> {
    proptest::collection::vec(any::<char>(), 0..40).prop_map(|chars| chars.into_iter().collect())
}

fn room() -> impl Strategy<Value = RoomId> {
    id().prop_map(|id| RoomId::parse(id).expect("an id"))
}

fn call() -> impl Strategy<Value = CallId> {
    id().prop_map(|id| CallId::parse(id).expect("an id"))
}

fn client_id() -> impl Strategy<Value = ClientId> {
    id().prop_map(|id| ClientId::parse(id).expect("an id"))
}

fn source() -> impl Strategy<Value = Source> {
    prop_oneof![
        Just(Source::Mic),
        Just(Source::Camera),
        Just(Source::Screen),
        Just(Source::ScreenAudio)
    ]
}

fn hello() -> impl Strategy<Value = Command> {
    let focus = proptest::option::of(proptest::collection::vec(room(), 0..5));
    (any::<u32>(), client_id(), text(), positions(), focus).prop_map(|(v, dev, app, pos, focus)| {
        Command::Hello(Hello {
            v,
            dev,
            app,
            pos,
            focus,
        })
    })
}

fn positions() -> impl Strategy<Value = Positions> {
    proptest::collection::vec((room(), text(), any::<i64>()), 0..5).prop_map(|positions| {
        positions
            .into_iter()
            .map(|(room, epoch, seq)| (room, (epoch, seq)))
            .collect()
    })
}

fn focus() -> impl Strategy<Value = Command> {
    (proptest::collection::vec(room(), 0..5), positions())
        .prop_map(|(r, pos)| Command::Focus(Focus { r, pos }))
}

fn msg_send() -> impl Strategy<Value = Command> {
    let ids = || proptest::collection::vec(id(), 0..5);
    (
        room(),
        client_id(),
        text(),
        proptest::option::of(id()),
        ids(),
        ids(),
        (any::<bool>(), any::<bool>(), proptest::option::of(text())),
    )
        .prop_map(|(r, cid, body, re, files, people, (ack, all, due))| {
            Command::MsgSend(MsgSend {
                r,
                cid,
                body,
                re: re.map(|id| MessageId::parse(id).expect("an id")),
                att: files
                    .into_iter()
                    .map(|id| FileId::parse(id).expect("an id"))
                    .collect(),
                men: people
                    .into_iter()
                    .map(|id| UserId::parse(id).expect("an id"))
                    .collect(),
                poll: None,
                fwd: None,
                ack,
                due,
                all,
                noticed: false,
            })
        })
}

fn call_join() -> impl Strategy<Value = Command> {
    let mids = || proptest::collection::vec(text(), 0..5);
    let up =
        (text(), text(), text(), text()).prop_map(|(mic, camera, screen, screen_audio)| UpMids {
            mic,
            camera,
            screen,
            screen_audio,
        });
    let on = proptest::collection::vec(source(), 0..5);
    (call(), text(), up, mids(), mids(), on, any::<bool>()).prop_map(
        |(call, sdp, up, down_audio, down_video, on, back)| {
            Command::CallJoin(CallJoin {
                call,
                sdp,
                up,
                down_audio,
                down_video,
                on,
                back,
            })
        },
    )
}

fn peer() -> impl Strategy<Value = PeerId> {
    id().prop_map(|p| PeerId::parse(p).expect("an id"))
}

fn call_view() -> impl Strategy<Value = Command> {
    let view = (id(), source(), any::<u32>(), any::<bool>()).prop_map(|(p, src, w, pin)| View {
        p: PeerId::parse(p).expect("an id"),
        src,
        w,
        pin,
    });
    (call(), proptest::collection::vec(view, 0..5))
        .prop_map(|(call, views)| Command::CallView(CallView { call, views }))
}

fn call_stats() -> impl Strategy<Value = Command> {
    let seen = (any::<u8>(), any::<u16>(), any::<u32>(), any::<bool>());
    let maybe = (any::<Option<u8>>(), any::<Option<u32>>());
    (call(), seen, maybe).prop_map(
        |(call, (seconds, freezes, frozen_ms, sound_only), (fps, join_ms))| {
            Command::CallStats(CallStats {
                call,
                seconds,
                freezes,
                frozen_ms,
                fps,
                join_ms,
                sound_only,
            })
        },
    )
}

fn silence() -> impl Strategy<Value = Option<SilenceFor>> {
    any::<Option<Option<u32>>>().prop_map(|asked| asked.map(|minutes| SilenceFor { minutes }))
}

fn notify_room() -> impl Strategy<Value = Command> {
    let level = prop_oneof![
        Just(NotifyLevel::All),
        Just(NotifyLevel::Mentions),
        Just(NotifyLevel::Nothing)
    ];
    (room(), level, silence())
        .prop_map(|(r, level, mute)| Command::NotifyRoom(NotifyRoom { r, level, mute }))
}

fn notify_hours() -> impl Strategy<Value = Command> {
    prop::option::of((any::<u16>(), any::<u16>(), text())).prop_map(|hours| {
        let hours = hours.map(|(from, to, zone)| QuietHours { from, to, zone });
        Command::NotifyHours(NotifyHours { hours })
    })
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        hello(),
        focus(),
        msg_send(),
        call_join(),
        call_view(),
        call_stats(),
        (call(), any::<bool>()).prop_map(|(call, on)| Command::CallWatch(CallWatch { call, on })),
        (room(), any::<i64>()).prop_map(|(r, after)| Command::Sync(Sync { r, after })),
        (room(), any::<i64>()).prop_map(|(r, no)| Command::Read(Read { r, no })),
        prop::collection::btree_map(room(), any::<i64>(), 0..4)
            .prop_map(|no| Command::Recv(Recv { no })),
        (id(), text()).prop_map(|(id, body)| {
            let id = MessageId::parse(id).expect("an id");
            Command::MsgEdit(MsgEdit { id, body })
        }),
        id().prop_map(|id| {
            let id = MessageId::parse(id).expect("an id");
            Command::MsgDelete(MsgRef { id })
        }),
        (id(), any::<bool>()).prop_map(|(id, on)| {
            let id = MessageId::parse(id).expect("an id");
            Command::MsgPin(MsgPin { id, on })
        }),
        (id(), any::<bool>()).prop_map(|(id, reminds)| {
            let id = MessageId::parse(id).expect("an id");
            if reminds {
                Command::MsgRemind(MsgRef { id })
            } else {
                Command::MsgAck(MsgRef { id })
            }
        }),
        (id(), text(), any::<bool>()).prop_map(|(id, emoji, on)| {
            let id = MessageId::parse(id).expect("an id");
            Command::MsgReact(MsgReact { id, emoji, on })
        }),
        room().prop_map(|r| Command::Typing(Typing { r })),
        notify_room(),
        notify_hours(),
        silence().prop_map(|pause| Command::NotifyPause(NotifyPause { pause })),
        any::<bool>().prop_map(|on| Command::NotifyLessons(NotifyLessons { on })),
        any::<bool>().prop_map(|on| Command::Visible(Visible { on })),
        room().prop_map(|r| Command::CallStart(CallStart { r })),
        (call(), text()).prop_map(|(call, sdp)| Command::CallRestart(CallRestart { call, sdp })),
        (call(), source(), any::<bool>(), prop::option::of(peer()))
            .prop_map(|(call, src, on, p)| Command::CallSet(CallSet { call, src, on, p })),
        call().prop_map(|call| Command::CallIce(CallRef { call })),
        call().prop_map(|call| Command::CallLeave(CallRef { call })),
        call().prop_map(|call| Command::CallEnd(CallRef { call })),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_what_is_read(command in command(), i in any::<u32>()) {
        let mut frame = serde_json::to_value(&command).expect("JSON");
        frame["i"] = json!(i);
        let text = frame.to_string();
        let envelope: Envelope<'_> = serde_json::from_str(&text).expect("a frame");
        prop_assert_eq!(envelope.i, Some(i));
        let read = Command::parse(&envelope.m.expect("a method"), envelope.p);
        prop_assert_eq!(read, Ok(command));
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in text(), at in 0_usize..17) {
        let _ = serde_json::from_str::<Envelope<'_>>(&text);
        let methods = methods();
        if let Ok(raw) = RawValue::from_string(text) {
            let _ = Command::parse(&methods[at % methods.len()], Some(&raw));
        }
    }
}
