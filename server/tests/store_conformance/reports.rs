//! Reports of messages, and what is decided about them.

use protocol::audit::Act;
use protocol::limits::REPORTS_OPEN_MAX;
use protocol::model::{Attachment, Role};
use protocol::report::{Decision, NewReport, Reason};
use protocol::room::DirectPolicy;
use protocol::{ErrorCode, FileId, RoomEvent, UserId};
use server::store::{AuditFilter, Change, NewFile, NewMute, Store};

use crate::school::{School, on_both, person, refusal, school, text};

fn insult(words: &str) -> NewReport {
    NewReport {
        reason: Reason::Insult,
        words: words.to_owned(),
    }
}

async fn admin(store: &Store) -> UserId {
    let admin = person("admin", Role::Administrator);
    store.add_person(&admin, 1).await.unwrap().id
}

/// Another learner of the room.
async fn alina(s: &School) -> UserId {
    let alina = person("alina", Role::Student);
    let alina = s.store.add_person(&alina, 1).await.unwrap().id;
    s.store.add_member(&s.room, &alina).await.unwrap();
    alina
}

async fn open(s: &School, who: &UserId) -> Vec<String> {
    let reports = s.store.reports(who).await.unwrap();
    reports.open.into_iter().map(|report| report.body).collect()
}

#[tokio::test]
async fn a_report_keeps_what_the_message_said() {
    on_both(|store| async move {
        let s = school(store).await;
        let alina = alina(&s).await;
        let file = Attachment {
            id: FileId::parse("f1").unwrap(),
            name: "рисунок.png".to_owned(),
            size: 1,
            mime: "image/png".to_owned(),
            sha256: "00".repeat(32),
            preview: None,
            rec: None,
        };
        let new = NewFile {
            room: &s.room,
            owner: &s.misha,
            file: &file,
        };
        s.store.add_file(new, 1).await.unwrap();
        let mut send = text(&s.room, "c1", "обидное");
        send.att = vec![file.id.clone()];
        let message = s.send(&s.misha, &send).await.message;
        let new = insult("Он всех обижает");
        let made = s.store.report(&message.id, &alina, &new, 6_000).await;
        assert_eq!(made.unwrap().unwrap().about, s.misha);
        let again = s.store.report(&message.id, &alina, &new, 6_001).await;
        assert!(again.unwrap().is_none(), "one open report of a person");
        let edit = Change::Edit("ничего такого");
        let edited = s.store.change_message(&message.id, &s.misha, edit, 7_000);
        edited.await.unwrap();
        let delete = Change::Delete { is_staff: false };
        let deleted = s.store.change_message(&message.id, &s.misha, delete, 8_000);
        deleted.await.unwrap();
        let reports = s.store.reports(&s.anna).await.unwrap();
        let [report] = reports.open.as_slice() else {
            panic!("{reports:?}")
        };
        assert_eq!(
            (&*report.body, &*report.words),
            ("обидное", "Он всех обижает")
        );
        assert_eq!(report.files[0].name, "рисунок.png");
        assert_eq!(report.by.as_ref().unwrap().id, alina);
        assert_eq!(
            (&report.about.id, report.reason),
            (&s.misha, Reason::Insult)
        );
        assert!(
            s.store.file_for(&file.id, &s.anna).await.unwrap().is_some(),
            "who decides sees what it is about"
        );
        assert!(s.store.file_for(&file.id, &alina).await.unwrap().is_none());
        let late = s.store.report(&message.id, &s.anna, &new, 9_000).await;
        assert_eq!(refusal(late), ErrorCode::NotFound, "nothing is left of it");
    })
    .await;
}

#[tokio::test]
async fn reports_are_for_administrators_and_the_rooms_staff_but_not_whom_they_are_about() {
    on_both(|store| async move {
        let s = school(store).await;
        let alina = alina(&s).await;
        let admin = admin(&s.store).await;
        let other = person("other", Role::Teacher);
        let other = s.store.add_person(&other, 1).await.unwrap().id;
        let theirs = s.write(&s.misha, "c1", "ученик").await.message.id;
        let teachers = s.write(&s.anna, "c1", "учитель").await.message.id;
        let policy = DirectPolicy::All;
        let direct = s.store.open_direct(&s.anna, &s.misha, policy, 1).await;
        let send = text(&direct.unwrap().room, "c2", "лично");
        let alone = s.send(&s.misha, &send).await.message.id;
        let report = async |message, by| {
            let made = s.store.report(message, by, &insult(""), 6_000).await;
            made.map(|made| made.unwrap())
        };
        report(&theirs, &alina).await.unwrap();
        let about_teacher = report(&teachers, &alina).await.unwrap();
        let about_direct = report(&alone, &s.anna).await.unwrap();
        assert_eq!(refusal(report(&alone, &alina).await), ErrorCode::NotFound);
        assert_eq!(
            refusal(report(&theirs, &s.misha).await),
            ErrorCode::Forbidden
        );

        assert_eq!(open(&s, &admin).await, ["ученик", "учитель", "лично"]);
        assert_eq!(open(&s, &s.anna).await, ["ученик"]);
        for nobody in [&other, &s.misha, &alina, &s.stranger] {
            assert_eq!(open(&s, nobody).await, [""; 0]);
        }
        let handlers = s.store.report_handlers(&about_teacher).await.unwrap();
        assert_eq!(handlers, std::slice::from_ref(&admin));
        let handlers = s.store.report_handlers(&about_direct).await.unwrap();
        assert_eq!(
            handlers,
            std::slice::from_ref(&admin),
            "not the teacher who is in it"
        );
        let news = s.store.report_news(&admin, true).await.unwrap();
        assert_eq!(news.open, 3);
        let news = s.store.report_news(&s.anna, true).await.unwrap();
        assert_eq!(news.open, 1);

        let all = s.store.reports(&admin).await.unwrap().open;
        for report in &all[1..] {
            for nobody in [&s.anna, &other, &alina] {
                let decided = s
                    .store
                    .decide_report(&report.id, nobody, Decision::Nothing, 7_000)
                    .await;
                assert_eq!(refusal(decided), ErrorCode::NotFound);
                let place = s.store.report_place(&report.id, nobody, 7_000).await;
                assert_eq!(refusal(place), ErrorCode::NotFound);
                let deleted = s.store.delete_reported(&report.id, nobody, 7_000).await;
                assert_eq!(refusal(deleted), ErrorCode::NotFound);
            }
        }
        let place = s.store.report_place(&all[2].id, &admin, 7_000).await;
        assert_eq!(place.unwrap()[0].body, "лично");
        let entries = s.store.audit(AuditFilter::default()).await.unwrap();
        assert_eq!(
            entries[0].act,
            Act::PlaceRead,
            "who reads in it is written down"
        );
        let here = s.store.report_place(&all[0].id, &s.anna, 7_000).await;
        assert_eq!(here.unwrap().len(), 2);
        let entries_then = s.store.audit(AuditFilter::default()).await.unwrap();
        assert_eq!(
            entries_then.len(),
            entries.len(),
            "a member reads there anyway"
        );
    })
    .await;
}

#[tokio::test]
async fn a_decision_holds_for_all_reports_of_a_message_and_is_told_to_who_made_them() {
    on_both(|store| async move {
        let s = school(store).await;
        let alina = alina(&s).await;
        let admin = admin(&s.store).await;
        let message = s.write(&s.misha, "c1", "обидное").await.message.id;
        for by in [&alina, &s.anna] {
            let made = s.store.report(&message, by, &insult(""), 6_000).await;
            made.unwrap().unwrap();
        }
        assert_eq!(s.store.report_news(&admin, true).await.unwrap().open, 1);
        let id = s.store.reports(&admin).await.unwrap().open[0].id.clone();
        let deleted = s.store.delete_reported(&id, &admin, 7_000).await.unwrap();
        let Some(RoomEvent::MsgChanged { d, .. }) = deleted else {
            panic!("an event")
        };
        assert_eq!(d.deleted.unwrap().by, Some(admin.clone()));
        let again = s.store.delete_reported(&id, &admin, 7_001).await.unwrap();
        assert!(again.is_none());
        let decided = s
            .store
            .decide_report(&id, &admin, Decision::Deleted, 8_000)
            .await
            .unwrap();
        let mut reporters = decided.reporters;
        reporters.sort();
        let mut expected = vec![alina.clone(), s.anna.clone()];
        expected.sort();
        assert_eq!(reporters, expected);
        let late = s
            .store
            .decide_report(&id, &s.anna, Decision::Nothing, 9_000);
        assert_eq!(refusal(late.await), ErrorCode::Handled);
        let late = s.store.mute_reported(&id, &s.anna, None, 9_000);
        assert_eq!(refusal(late.await), ErrorCode::Handled);
        let late = s.store.delete_reported(&id, &admin, 9_000);
        assert_eq!(refusal(late.await), ErrorCode::Handled);
        let reports = s.store.reports(&admin).await.unwrap();
        assert_eq!((reports.open.len(), reports.decided.len()), (0, 2));
        let how = reports.decided[0].decided.clone().unwrap();
        assert_eq!(
            (how.decision, how.by.id),
            (Decision::Deleted, admin.clone())
        );

        let news = s.store.report_news(&alina, false).await.unwrap();
        assert_eq!(news.handled[0].decision, Decision::Deleted);
        s.store.see_reports(&alina, 9_000).await.unwrap();
        assert!(s.store.report_news(&alina, false).await.unwrap().is_empty());
        let told = s.store.report_news(&s.anna, true).await.unwrap();
        assert_eq!(told.handled.len(), 1, "hers is hers to see");
        let entries = s.store.audit(AuditFilter::default()).await.unwrap();
        let acts: Vec<Act> = entries.iter().rev().map(|entry| entry.act).collect();
        let reported = Act::MessageReported;
        assert_eq!(
            acts,
            [reported, reported, Act::MessageDeleted, Act::ReportDecided]
        );
        assert_eq!(entries[0].facts.decision, Some(Decision::Deleted));
    })
    .await;
}

#[tokio::test]
async fn an_author_is_muted_over_a_report_unless_they_are_staff() {
    on_both(|store| async move {
        let s = school(store).await;
        let alina = alina(&s).await;
        let admin = admin(&s.store).await;
        let theirs = s.write(&s.misha, "c1", "ученик").await.message.id;
        let teachers = s.write(&s.anna, "c1", "учитель").await.message.id;
        for message in [&theirs, &teachers] {
            let made = s.store.report(message, &alina, &insult(""), 6_000).await;
            made.unwrap().unwrap();
        }
        let open = s.store.reports(&admin).await.unwrap().open;
        let muted = s.store.mute_reported(&open[0].id, &admin, Some(15), 7_000);
        assert_eq!(muted.await.unwrap(), (s.room.clone(), s.misha.clone()));
        assert!(s.store.is_muted(&s.room, &s.misha, 8_000).await.unwrap());
        let refused = s.store.mute_reported(&open[1].id, &admin, None, 7_000);
        assert_eq!(refusal(refused.await), ErrorCode::Forbidden);
        let stranger = NewMute {
            room: &s.room,
            person: &s.misha,
            by: &admin,
            minutes: None,
        };
        let without = s.store.mute(stranger, 7_000).await;
        assert_eq!(refusal(without), ErrorCode::Forbidden, "not in the room");
    })
    .await;
}

#[tokio::test]
async fn a_person_has_so_many_open_reports() {
    on_both(|store| async move {
        let s = school(store).await;
        let alina = alina(&s).await;
        for k in 0..=REPORTS_OPEN_MAX {
            let message = s.write(&s.misha, &format!("c{k}"), "обидное").await;
            let new = insult("");
            let made = s.store.report(&message.message.id, &alina, &new, 6_000);
            if k < REPORTS_OPEN_MAX {
                made.await.unwrap().unwrap();
            } else {
                assert_eq!(refusal(made.await), ErrorCode::RateLimited);
            }
        }
    })
    .await;
}
