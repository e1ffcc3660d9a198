//! The client's wire types are made from the Rust ones and committed. Run with `UPDATE=1` to write them anew.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use protocol::{
    audit, bot, call, close, command, device, error, event, history, http, inspection, later, mail,
    mute, overview, password, picture, poll, push, quarantine, report, room, rules, search,
    webhook,
};
use ts_rs::{Config, TS};

#[test]
fn committed_types_match_the_crate() {
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../client-web/src/core/wire");
    let fresh = tempfile::tempdir().expect("the folder of types");
    export(fresh.path());
    if std::env::var_os("UPDATE").is_some() {
        let _ = fs::remove_dir_all(&committed);
        fs::create_dir_all(&committed).expect("the folder of types");
        for (name, text) in files(fresh.path()) {
            fs::write(committed.join(name), text).expect("the folder of types");
        }
    }
    assert_eq!(files(&committed), files(fresh.path()), "run `make types`");
}

fn export(folder: &Path) {
    let config = Config::new().with_out_dir(folder);
    macro_rules! export {
        ($($type:ty),* $(,)?) => { $(<$type>::export_all(&config).expect("the folder of types");)* };
    }
    export!(
        command::Command,
        command::HelloOk,
        command::MsgSent,
        command::DraftKept,
        call::CallStarted,
        call::CallIce,
        call::CallJoined,
        call::CallRestarted,
        close::CloseCode,
        error::ErrorBody,
        event::Event,
        http::Login,
        http::Session,
        password::ChoosePassword,
        password::GivePassword,
        password::OneTimePassword,
        http::Start,
        http::Setup,
        http::EventsPage,
        http::Readers,
        http::Versions,
        http::Acks,
        device::Devices,
        device::NewDevice,
        device::MadeDevice,
        quarantine::Quarantine,
        history::ExportAbout,
        bot::Bots,
        bot::NewBot,
        bot::MadeBot,
        webhook::Webhooks,
        webhook::NewWebhook,
        webhook::MadeWebhook,
        history::Retention,
        history::RetentionChange,
        history::RetentionLog,
        audit::Audit,
        audit::AuditRooms,
        rules::Rules,
        rules::RulesText,
        mute::Mute,
        mute::Mutes,
        report::NewReport,
        report::Reports,
        report::Place,
        report::Decide,
        inspection::NewInspection,
        inspection::SetSafeguarding,
        inspection::TakeStep,
        inspection::Inspections,
        inspection::InspectedPage,
        search::Search,
        search::Found,
        search::Position,
        room::People,
        picture::OwnPicture,
        room::NewGroup,
        room::RoomChange,
        room::OpenDirect,
        room::MadeRoom,
        later::Laters,
        overview::AcksOverview,
        mail::Mail,
        mail::MailAddress,
        mail::MailProof,
        mail::MailStop,
        mail::MailWish,
        poll::OwnVote,
        poll::Voters,
        push::PushKey,
        push::PushTo,
        push::PushNews,
        push::PushWord,
    );
}

fn files(folder: &Path) -> BTreeMap<String, String> {
    let Ok(entries) = fs::read_dir(folder) else {
        return BTreeMap::new();
    };
    entries
        .map(|entry| {
            let path = entry.expect("the folder of types").path();
            (
                path.file_name()
                    .expect("the folder of types")
                    .to_string_lossy()
                    .into_owned(),
                fs::read_to_string(&path).expect("the folder of types"),
            )
        })
        .collect()
}
