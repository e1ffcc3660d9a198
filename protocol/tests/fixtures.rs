//! `protocol/fixtures` holds one frame or body of each kind. Whoever writes a client tests against them, so
//! they must be whole and true.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use protocol::audit::{Audit, AuditRooms};
use protocol::bot::{Bots, MadeBot, NewBot};
use protocol::call::{CallIce, CallJoined, CallRestarted, CallStarted};
use protocol::command::{DraftKept, MsgSent};
use protocol::device::{Devices, MadeDevice, NewDevice};
use protocol::history::{ExportAbout, Retention, RetentionChange, RetentionLog};
use protocol::http::{Acks, EventsPage, Login, Readers, Session, Setup, Start, Versions};
use protocol::inspection::{InspectedPage, Inspections, NewInspection, SetSafeguarding, TakeStep};
use protocol::later::Laters;
use protocol::mail::{Mail, MailAddress, MailProof, MailStop, MailWish};
use protocol::model::Attachment;
use protocol::mute::{Mute, Mutes};
use protocol::overview::{AcksOverview, AskingMessage};
use protocol::password::{ChoosePassword, GivePassword, OneTimePassword};
use protocol::picture::OwnPicture;
use protocol::poll::{OwnVote, Voters};
use protocol::push::{PushKey, PushNews, PushTo, PushWord};
use protocol::quarantine::Quarantine;
use protocol::report::{Decide, NewReport, Place, ReportNews, Reports};
use protocol::room::{MadeRoom, NewGroup, OpenDirect, People, RoomChange};
use protocol::rules::{Rules, RulesText};
use protocol::search::{Found, Position, Search};
use protocol::webhook::{MadeWebhook, NewWebhook, Webhooks};
use protocol::{Command, Envelope, ErrorBody, Event, HelloOk, LiveEvent, Reply, RoomEvent};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use common::wire_names;

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Fixture {
    name: String,
    direction: String,
    frame: Value,
}

fn fixtures() -> BTreeMap<String, Fixture> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    fs::read_dir(&folder)
        .expect("the folder of fixtures")
        .map(|entry| {
            let path = entry.expect("a fixture").path();
            let text = fs::read_to_string(&path).expect("a readable fixture");
            let fixture: Fixture =
                serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            let stem = path.file_stem().map(|stem| stem.to_string_lossy());
            assert_eq!(stem.as_deref(), Some(&*fixture.name), "file and name");
            (fixture.name.clone(), fixture)
        })
        .collect()
}

/// Reads the JSON into `T`, writes it again, and expects the same.
fn check<T: Serialize + DeserializeOwned>(name: &str, json: &Value) {
    let value: T =
        serde_json::from_value(json.clone()).unwrap_or_else(|e| panic!("{name}: {e}\n{json:#}"));
    assert_eq!(&serde_json::to_value(value).expect(name), json, "{name}");
}

fn check_command(name: &str, frame: &Value) {
    let text = frame.to_string();
    let envelope: Envelope<'_> = serde_json::from_str(&text).expect(name);
    if frame == &json!({}) {
        assert!(envelope.m.is_none() && envelope.i.is_none(), "{name}");
        return;
    }
    let method = envelope.m.expect(name);
    let command = Command::parse(&method, envelope.p)
        .unwrap_or_else(|e| panic!("{name} is refused: {e:?}\n{frame:#}"));
    let mut again = serde_json::to_value(command).expect(name);
    if let Some(i) = envelope.i {
        again["i"] = json!(i);
    }
    assert_eq!(&again, frame, "{name}");
}

fn check_server_frame(name: &str, frame: &Value) {
    if frame == &json!({}) {
        return;
    }
    if frame.get("e").is_some() {
        return check::<Event>(name, frame);
    }
    match name {
        "hello.ok" => check::<Reply<HelloOk>>(name, frame),
        "msg.send.ok" | "msg.send.ok.repeated" => check::<Reply<MsgSent>>(name, frame),
        "draft.set.ok" => check::<Reply<DraftKept>>(name, frame),
        "poll.vote.ok" => check::<Reply<OwnVote>>(name, frame),
        "call.start.ok" => check::<Reply<CallStarted>>(name, frame),
        "call.ice.ok" => check::<Reply<CallIce>>(name, frame),
        "call.join.ok" => check::<Reply<CallJoined>>(name, frame),
        "call.restart.ok" => check::<Reply<CallRestarted>>(name, frame),
        _ if frame.get("err").is_some() => check::<Reply<Value>>(name, frame),
        _ => panic!("{name} is neither an event nor a known reply"),
    }
}

fn check_body(name: &str, body: &Value) {
    match name {
        "post-session" => check::<Login>(name, body),
        "session" | "session.choose" => check::<Session>(name, body),
        "post-password" | "post-password.stay" | "post-password.choose" => {
            check::<ChoosePassword>(name, body);
        }
        "give-password" => check::<GivePassword>(name, body),
        "one-time-password" => check::<OneTimePassword>(name, body),
        "start" => check::<Start>(name, body),
        "post-setup" => check::<Setup>(name, body),
        "readers" => check::<Readers>(name, body),
        "versions" => check::<Versions>(name, body),
        "own-vote" => check::<OwnVote>(name, body),
        "laters" => check::<Laters>(name, body),
        "mail" => check::<Mail>(name, body),
        "post-mail-address" => check::<MailAddress>(name, body),
        "post-mail-confirm" => check::<MailProof>(name, body),
        "post-mail-stop" => check::<MailStop>(name, body),
        "patch-mail" => check::<MailWish>(name, body),
        "voters" => check::<Voters>(name, body),
        "acks" => check::<Acks>(name, body),
        "acks-overview" => check::<AcksOverview>(name, body),
        "acks-overview.message" => check::<AskingMessage>(name, body),
        "events-page" => check::<EventsPage>(name, body),
        "devices" => check::<Devices>(name, body),
        "post-device" => check::<NewDevice>(name, body),
        "made-device" => check::<MadeDevice>(name, body),
        "post-search" => check::<Search>(name, body),
        "found" => check::<Found>(name, body),
        "position" => check::<Position>(name, body),
        "people" => check::<People>(name, body),
        "own-picture" => check::<OwnPicture>(name, body),
        "post-room" => check::<NewGroup>(name, body),
        "patch-room" => check::<RoomChange>(name, body),
        "post-direct" => check::<OpenDirect>(name, body),
        "made-room" => check::<MadeRoom>(name, body),
        "push-key" => check::<PushKey>(name, body),
        "post-push" => check::<PushTo>(name, body),
        "push-news" => check::<PushNews>(name, body),
        "push-word" => check::<PushWord>(name, body),
        "quarantine" => check::<Quarantine>(name, body),
        "export-about" => check::<ExportAbout>(name, body),
        "retention" => check::<Retention>(name, body),
        "webhooks" => check::<Webhooks>(name, body),
        "post-webhook" => check::<NewWebhook>(name, body),
        "made-webhook" => check::<MadeWebhook>(name, body),
        "bots" => check::<Bots>(name, body),
        "post-bot" => check::<NewBot>(name, body),
        "made-bot" => check::<MadeBot>(name, body),
        "patch-retention" | "patch-retention.hold" => check::<RetentionChange>(name, body),
        "retention-log" => check::<RetentionLog>(name, body),
        "audit" => check::<Audit>(name, body),
        "audit-rooms" => check::<AuditRooms>(name, body),
        "rules" => check::<Rules>(name, body),
        "rules-text" => check::<RulesText>(name, body),
        "post-mute" => check::<Mute>(name, body),
        "mutes" => check::<Mutes>(name, body),
        "post-report" => check::<NewReport>(name, body),
        "reports" => check::<Reports>(name, body),
        "report-news" => check::<ReportNews>(name, body),
        "report-place" => check::<Place>(name, body),
        "post-decision" => check::<Decide>(name, body),
        "post-inspection" | "post-inspection.people" | "post-inspection.alone" => {
            check::<NewInspection>(name, body);
        }
        "put-safeguarding" => check::<SetSafeguarding>(name, body),
        "post-step" => check::<TakeStep>(name, body),
        "inspections" => check::<Inspections>(name, body),
        "inspected-page" => check::<InspectedPage>(name, body),
        "attachment" | "attachment.voice" => check::<Attachment>(name, body),
        "error" => check::<ErrorBody>(name, body),
        _ => panic!("{name} is not a known body"),
    }
}

#[test]
fn every_fixture_reads_and_writes_back_the_same() {
    for (name, fixture) in fixtures() {
        match fixture.direction.as_str() {
            "client" => check_command(&name, &fixture.frame),
            "server" => check_server_frame(&name, &fixture.frame),
            "http" => check_body(&name, &fixture.frame),
            other => panic!("{name}: no such direction as {other}"),
        }
    }
}

#[test]
fn no_kind_is_without_a_fixture() {
    let fixtures = fixtures();
    let has = |direction: &str, tag: &str, kind: &str| {
        fixtures
            .values()
            .any(|f| f.direction == direction && f.frame[tag] == kind)
    };
    for method in wire_names::<Command>(json!({"m": "?", "p": {}})) {
        assert!(has("client", "m", &method), "no fixture of {method}");
    }
    let stored = wire_names::<RoomEvent>(json!({"e": "?"}));
    let passing = wire_names::<LiveEvent>(json!({"e": "?"}));
    for event in stored.iter().chain(&passing) {
        assert!(has("server", "e", event), "no fixture of {event}");
    }
    for name in [
        "hello.ok",
        "msg.send.ok",
        "poll.vote.ok",
        "draft.set.ok",
        "call.start.ok",
        "call.ice.ok",
        "call.join.ok",
        "call.restart.ok",
        "ping",
        "pong",
        "post-session",
        "session",
        "session.choose",
        "post-password",
        "post-password.stay",
        "post-password.choose",
        "give-password",
        "one-time-password",
        "start",
        "post-setup",
        "readers",
        "versions",
        "own-vote",
        "voters",
        "laters",
        "acks",
        "acks-overview",
        "acks-overview.message",
        "devices",
        "post-device",
        "made-device",
        "people",
        "post-room",
        "own-picture",
        "patch-room",
        "post-direct",
        "made-room",
        "events-page",
        "post-search",
        "found",
        "position",
        "push-key",
        "post-push",
        "push-news",
        "mail",
        "post-mail-address",
        "post-mail-confirm",
        "post-mail-stop",
        "patch-mail",
        "push-word",
        "attachment",
        "attachment.voice",
        "quarantine",
        "export-about",
        "retention",
        "bots",
        "webhooks",
        "post-webhook",
        "made-webhook",
        "post-bot",
        "made-bot",
        "patch-retention",
        "patch-retention.hold",
        "retention-log",
        "audit",
        "audit-rooms",
        "rules",
        "rules-text",
        "post-mute",
        "mutes",
        "post-report",
        "reports",
        "report-news",
        "report-place",
        "post-decision",
        "post-inspection",
        "post-inspection.people",
        "post-inspection.alone",
        "put-safeguarding",
        "post-step",
        "inspections",
        "inspected-page",
        "error",
    ] {
        assert!(fixtures.contains_key(name), "no fixture {name}");
    }
}
