//! What is taken out of a room.

use jiff::tz::TimeZone;
use protocol::poll::NewPoll;
use server::export::{self, ExportError, Language, Order};
use server::files::Files;
use server::store::{Change, ExportSize, Voter};
use tokio::runtime::Handle;

use crate::school::{on_both, on_sqlite, school, text};

#[tokio::test]
async fn pages_have_every_message_once_and_earlier_texts_only_for_who_may_read_them() {
    on_both(|store| async move {
        let s = school(store).await;
        for k in 1..=5 {
            s.write(&s.misha, &format!("c{k}"), &format!("было {k}"))
                .await;
        }
        let changed = s.write(&s.anna, "c6", "черновик").await.message.id;
        let edit = Change::Edit("чистовик");
        s.store
            .change_message(&changed, &s.anna, edit, 9_000)
            .await
            .unwrap();
        let mut poll = text(&s.room, "c7", "Когда?");
        poll.poll = Some(NewPoll {
            options: vec!["да".to_owned(), "нет".to_owned()],
            many: false,
            anon: false,
            quiz: None,
        });
        let open = s.send(&s.anna, &poll).await.message.id;
        poll.cid = protocol::ClientId::parse("c8").unwrap();
        if let Some(poll) = &mut poll.poll {
            poll.anon = true;
        }
        let secret = s.send(&s.anna, &poll).await.message.id;
        for poll in [&open, &secret] {
            let voter = Voter {
                person: &s.misha,
                ballot: "ballot",
            };
            s.store.vote(poll, voter, &[1]).await.unwrap();
        }
        let facts = s.store.room_facts(&s.room).await.unwrap().unwrap();
        assert_eq!(
            (facts.name.as_str(), facts.last_no, facts.archived),
            ("Робототехника", 8, false)
        );
        assert_eq!(
            s.store.export_size(&s.room).await.unwrap(),
            ExportSize {
                messages: 8,
                files: 0,
                bytes: 0
            }
        );
        let mut all = Vec::new();
        for after in [0, 3, 6] {
            all.extend(
                s.store
                    .export_page(&s.room, after, (after + 3).min(8), true)
                    .await
                    .unwrap(),
            );
        }
        let numbers: Vec<i64> = all.iter().map(|one| one.message.no).collect();
        assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(all[5].message.body, "чистовик");
        assert_eq!(all[5].versions[0].body, "черновик");
        let voters = all[6].voters.as_ref().unwrap();
        assert_eq!(voters.options, [vec![], vec![s.misha.clone()]]);
        assert_eq!(all[7].voters, None);
        assert_eq!(all[7].message.poll.as_ref().unwrap().tally.counts, [0, 1]);
        let plain = s.store.export_page(&s.room, 5, 6, false).await.unwrap();
        assert!(plain[0].versions.is_empty());
        assert!(s.store.past_lessons(&s.room).await.unwrap().is_empty());
        let call = s
            .store
            .start_call(&s.room, &s.anna, 10_000)
            .await
            .unwrap()
            .call
            .id;
        s.store.end_call(&call, 20_000).await.unwrap();
        let lessons = s.store.past_lessons(&s.room).await.unwrap();
        assert_eq!(
            (lessons[0].started_at, lessons[0].ended_at),
            (10_000, Some(20_000))
        );
    })
    .await;
}

#[tokio::test]
async fn an_archive_breaks_off_when_the_session_in_which_it_was_asked_for_is_over() {
    on_sqlite(|store, file| async move {
        let s = school(store).await;
        s.write(&s.misha, "c1", "раз").await;
        s.store
            .add_session("open", &s.anna, 1, i64::MAX)
            .await
            .unwrap();
        for (session, done) in [("open", true), ("over", false)] {
            let files = Files::in_folder(&file.with_extension("files")).unwrap();
            let order = Order {
                room: s.room.clone(),
                by: None,
                session: Some(session.to_owned()),
                details: true,
                language: Language::Russian,
                organisation: String::new(),
                zone: TimeZone::UTC,
                now: 9_000,
            };
            let store = s.store.clone();
            let written = tokio::task::spawn_blocking(move || {
                export::write(&Handle::current(), &store, &files, &order, Vec::new())
            });
            match written.await.unwrap() {
                Ok(_) => assert!(done, "{session}"),
                Err(error) => assert!(!done && matches!(error, ExportError::Over), "{error}"),
            }
        }
    })
    .await;
}
