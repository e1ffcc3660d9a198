//! What each method does.

use std::collections::HashSet;

use protocol::device::DeviceKind;
use protocol::limits::{DEVICES_PER_ROOM_MAX, MENTIONS_TOLD_MAX};
use protocol::model::{Attachment, Preview, Role};
use protocol::{CallId, DeviceId, ErrorCode, FileId, RoomEvent, RoomId};
use server::store::{NewDevice, NewFile, NewMessage};

use crate::school::{on_both, person, refusal, school, text};

#[tokio::test]
async fn accounts_have_one_login_each() {
    on_both(|store| async move {
        assert!(!store.has_people().await.unwrap());
        let anna = store
            .add_person(&person("anna", Role::Teacher), 1)
            .await
            .unwrap();
        assert!(store.has_people().await.unwrap());
        assert_eq!(
            refusal(store.add_person(&person("anna", Role::Student), 2).await),
            ErrorCode::Taken
        );
        let account = store.account("anna").await.unwrap().unwrap();
        assert_eq!(account.person, anna);
        assert_eq!(account.password, "хэш");
        assert!(store.account("nobody").await.unwrap().is_none());
        store.check().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn sessions_end_by_time_and_by_hand() {
    on_both(|store| async move {
        let anna = store
            .add_person(&person("anna", Role::Teacher), 1)
            .await
            .unwrap();
        store.add_session("t1", &anna.id, 100, 200).await.unwrap();
        let open = store.session("t1", 199).await.unwrap().unwrap();
        assert_eq!((open.person, open.choose), (anna.clone(), false));
        assert_eq!(store.session("t1", 200).await.unwrap(), None);
        assert_eq!(store.session("t2", 100).await.unwrap(), None);
        store.add_session("t2", &anna.id, 100, 300).await.unwrap();
        let asked: Vec<String> = (1..=50).map(|k| format!("t{k}")).collect();
        let live = store.live_sessions(&asked, 199).await.unwrap();
        assert_eq!(live, HashSet::from(["t1".to_owned(), "t2".to_owned()]));
        let live = store.live_sessions(&asked, 200).await.unwrap();
        assert_eq!(live, HashSet::from(["t2".to_owned()]));
        store.end_session("t2").await.unwrap();
        assert!(store.live_sessions(&asked, 200).await.unwrap().is_empty());
        assert!(store.live_sessions(&[], 200).await.unwrap().is_empty());
        store.end_session("t1").await.unwrap();
        assert_eq!(store.session("t1", 150).await.unwrap(), None);
        store.end_session("t1").await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn messages_are_numbered_without_gaps_and_stored_once() {
    on_both(|store| async move {
        let s = school(store).await;
        let first = s.write(&s.anna, "c1", "раз").await;
        let second = s.write(&s.misha, "c1", "два: свой ключ у каждого").await;
        let again = s.write(&s.anna, "c1", "раз").await;
        assert!(!first.dup && again.dup);
        assert_eq!(again.message, first.message);
        let third = s.write(&s.anna, "c2", "три").await;
        let numbers = [&first, &second, &third].map(|m| (m.event.seq(), m.message.no));
        assert_eq!(numbers, [(1, 1), (2, 2), (3, 3)]);
        assert_eq!(third.message.at, "1970-01-01T00:00:05.000Z");
        let (_, seq, no) = s.store.position(&s.room).await.unwrap();
        assert_eq!((seq, no), (3, 3));
    })
    .await;
}

#[tokio::test]
async fn messages_that_may_not_be_leave_no_trace() {
    on_both(|store| async move {
        let s = school(store).await;
        let other = s
            .store
            .add_room("Другая", std::slice::from_ref(&s.anna), 1)
            .await
            .unwrap();
        let elsewhere = text(&other, "c9", "там");
        let elsewhere = s
            .store
            .add_message(
                NewMessage {
                    by: &s.anna,
                    send: &elsewhere,
                },
                1,
            )
            .await
            .unwrap();
        let mut reply = text(&s.room, "c1", "ответ чужому");
        reply.re = Some(elsewhere.message.id.clone());
        let mut file = text(&s.room, "c2", "файл, которого нет");
        file.att = vec![FileId::parse("nothing").unwrap()];
        let same_key = text(&s.room, "c9", "тот же ключ, другая группа");
        let mut mention = text(&s.room, "c3", "@Имя misha, @Имя stranger");
        mention.men = vec![s.misha.clone(), s.stranger.clone()];
        for (by, send, code) in [
            (
                &s.stranger,
                text(&s.room, "c0", "чужой"),
                ErrorCode::Forbidden,
            ),
            (&s.anna, reply, ErrorCode::NotFound),
            (&s.anna, file, ErrorCode::NotFound),
            (&s.anna, same_key, ErrorCode::BadRequest),
            (&s.anna, mention, ErrorCode::BadRequest),
        ] {
            assert_eq!(
                refusal(s.store.add_message(NewMessage { by, send: &send }, 1).await),
                code
            );
        }
        assert_eq!(s.store.position(&s.room).await.unwrap().1, 0);
        let unread = s.store.unread_mentions(&s.room, &s.misha).await;
        assert_eq!(unread.unwrap(), [0; 0]);
        assert_eq!(s.write(&s.anna, "c1", "без пропусков").await.event.seq(), 1);
        assert_eq!(
            refusal(s.store.position(&RoomId::parse("none").unwrap()).await),
            ErrorCode::NotFound
        );
    })
    .await;
}

#[tokio::test]
async fn mentions_are_stored_with_their_message_and_are_unread_beyond_the_pointer() {
    on_both(|store| async move {
        let s = school(store).await;
        let mut send = text(&s.room, "c1", "@Имя misha, @Имя anna, @Имя misha");
        send.men = vec![s.misha.clone(), s.anna.clone(), s.misha.clone()];
        let first = s.send(&s.anna, &send).await;
        assert_eq!(first.message.men, std::slice::from_ref(&s.misha));
        assert_eq!(s.send(&s.anna, &send).await.message, first.message);
        let second = s.write(&s.anna, "c2", "никого").await;
        send.cid = protocol::ClientId::parse("c3").unwrap();
        let third = s.send(&s.anna, &send).await;
        let events = [&first, &second, &third].map(|stored| stored.event.clone());
        assert_eq!(s.store.events_after(&s.room, 0, 9).await.unwrap(), events);

        let summary = async |person| s.store.rooms_of(person).await.unwrap().remove(0);
        assert_eq!(summary(&s.misha).await.men, [1, 3]);
        assert_eq!(summary(&s.misha).await.last, Some(third.message));
        assert_eq!(summary(&s.anna).await.men, [0; 0]);
        s.store.mark_read(&s.room, &s.misha, 1).await.unwrap();
        assert_eq!(summary(&s.misha).await.men, [3]);
        let unread = async |person| s.store.unread_mentions(&s.room, person).await.unwrap();
        assert_eq!(unread(&s.misha).await, [3]);
        assert_eq!(unread(&s.stranger).await, [0; 0]);
        s.write(&s.misha, "c1", "прочитал").await;
        assert_eq!(summary(&s.misha).await.men, [0; 0]);
        assert_eq!(unread(&s.misha).await, [0; 0]);
    })
    .await;
}

#[tokio::test]
async fn of_many_mentions_the_newest_are_told() {
    on_both(|store| async move {
        let s = school(store).await;
        let many = i64::try_from(MENTIONS_TOLD_MAX).unwrap() + 10;
        let sending = (1..=many).map(|k| {
            let s = s.clone();
            tokio::spawn(async move {
                let mut send = text(&s.room, &format!("c{k}"), "@Имя misha");
                send.men = vec![s.misha.clone()];
                s.send(&s.anna, &send).await
            })
        });
        for sent in sending.collect::<Vec<_>>() {
            assert_eq!(
                sent.await.unwrap().message.men,
                std::slice::from_ref(&s.misha)
            );
        }
        let newest: Vec<i64> = (11..=many).collect();
        assert_eq!(s.store.rooms_of(&s.misha).await.unwrap()[0].men, newest);
        assert_eq!(
            s.store.unread_mentions(&s.room, &s.misha).await.unwrap(),
            newest
        );
        s.store
            .mark_read(&s.room, &s.misha, many - 1)
            .await
            .unwrap();
        assert_eq!(s.store.rooms_of(&s.misha).await.unwrap()[0].men, [many]);
    })
    .await;
}

#[tokio::test]
async fn writers_at_the_same_time_get_consecutive_numbers() {
    on_both(|store| async move {
        let s = school(store).await;
        let mut tasks = tokio::task::JoinSet::new();
        for k in 0..40 {
            // Each message is sent twice at once, as by a client that is impatient.
            let (store, room) = (s.store.clone(), s.room.clone());
            let by = if k % 4 < 2 {
                s.anna.clone()
            } else {
                s.misha.clone()
            };
            tasks.spawn(async move {
                let send = text(&room, &format!("c{}", k / 2), "разом");
                store
                    .add_message(
                        NewMessage {
                            by: &by,
                            send: &send,
                        },
                        1,
                    )
                    .await
                    .unwrap()
                    .event
                    .seq()
            });
        }
        tasks.join_all().await;
        let events = s.store.events_after(&s.room, 0, 300).await.unwrap();
        let seqs: Vec<i64> = events.iter().map(RoomEvent::seq).collect();
        assert_eq!(seqs, (1..=20).collect::<Vec<i64>>());
    })
    .await;
}

#[tokio::test]
async fn history_is_paged_both_ways() {
    on_both(|store| async move {
        let s = school(store).await;
        for k in 1..=7 {
            s.write(&s.anna, &format!("c{k}"), &format!("№ {k}")).await;
        }
        let seqs = |events: &[RoomEvent]| events.iter().map(RoomEvent::seq).collect::<Vec<_>>();
        let last = s.store.page_before(&s.room, None, 3).await.unwrap();
        assert_eq!((seqs(&last.events), last.more), (vec![5, 6, 7], true));
        let first = s.store.page_before(&s.room, Some(3), 3).await.unwrap();
        assert_eq!((seqs(&first.events), first.more), (vec![1, 2], false));
        let after = s.store.page_after(&s.room, 5, 3).await.unwrap();
        assert_eq!((seqs(&after.events), after.more), (vec![6, 7], false));
        let after = s.store.page_after(&s.room, -4, 3).await.unwrap();
        assert_eq!((seqs(&after.events), after.more), (vec![1, 2, 3], true));
        for (before, limit) in [(Some(i64::MIN), 3), (Some(0), 3), (Some(1), u32::MAX)] {
            assert!(
                s.store
                    .page_before(&s.room, before, limit)
                    .await
                    .unwrap()
                    .events
                    .is_empty()
            );
        }
        assert!(
            s.store
                .page_after(&s.room, i64::MAX, 3)
                .await
                .unwrap()
                .events
                .is_empty()
        );
        assert_eq!(
            seqs(&s.store.events_between(&s.room, 2, 4).await.unwrap()),
            [3, 4]
        );
        let RoomEvent::Msg { d, .. } = &last.events[0] else {
            panic!("a message")
        };
        assert_eq!(d.body, "№ 5");
    })
    .await;
}

#[tokio::test]
async fn replies_and_files_hang_on_their_message() {
    on_both(|store| async move {
        let s = school(store).await;
        let first = s.write(&s.anna, "c1", "вопрос").await;
        let file = |id: &str, preview| Attachment {
            id: FileId::parse(id).unwrap(),
            name: "Отчёт №1 (финал).pdf".to_owned(),
            size: 5_000_000_000,
            mime: "application/pdf".to_owned(),
            sha256: "00".repeat(32),
            preview,
            rec: None,
        };
        let files = [file("f1", None), file("f2", Some(Preview { w: 3, h: 4 }))];
        for file in &files {
            let (room, owner) = (&s.room, &s.misha);
            let new = NewFile { room, owner, file };
            s.store.add_file(new, 1).await.unwrap();
        }
        // Before it hangs on a message, a file is its owner's alone.
        assert!(
            s.store
                .file_for(&files[0].id, &s.misha)
                .await
                .unwrap()
                .is_some()
        );
        assert!(
            s.store
                .file_for(&files[0].id, &s.anna)
                .await
                .unwrap()
                .is_none()
        );
        let mut send = text(&s.room, "c2", "");
        send.re = Some(first.message.id.clone());
        send.att = vec![files[1].id.clone(), files[0].id.clone()];
        let mut theft = text(&s.room, "c3", "чужой файл");
        theft.att.clone_from(&send.att);
        let theft = s
            .store
            .add_message(
                NewMessage {
                    by: &s.anna,
                    send: &theft,
                },
                1,
            )
            .await;
        assert_eq!(refusal(theft), ErrorCode::NotFound);
        let stored = s
            .store
            .add_message(
                NewMessage {
                    by: &s.misha,
                    send: &send,
                },
                1,
            )
            .await
            .unwrap();
        assert_eq!(stored.message.att, [files[1].clone(), files[0].clone()]);
        assert_eq!(stored.message.re, Some(first.message.id));
        assert_eq!(
            s.store.events_after(&s.room, 1, 9).await.unwrap(),
            [stored.event]
        );
        assert_eq!(
            s.store
                .file_for(&files[0].id, &s.anna)
                .await
                .unwrap()
                .unwrap()
                .file,
            files[0]
        );
        let asked = [files[0].id.clone(), FileId::parse("never").unwrap()];
        let known = s.store.known_files(&asked).await.unwrap();
        assert_eq!(known, [files[0].id.as_str().to_owned()].into());
        assert!(
            s.store
                .file_for(&files[0].id, &s.stranger)
                .await
                .unwrap()
                .is_none()
        );
    })
    .await;
}

#[tokio::test]
async fn a_restored_database_has_new_epochs() {
    on_both(|store| async move {
        let s = school(store).await;
        let (before, seq, _) = s.store.position(&s.room).await.unwrap();
        s.store.renew_epochs().await.unwrap();
        let (after, same, _) = s.store.position(&s.room).await.unwrap();
        assert_ne!(before, after);
        assert_eq!(seq, same);
    })
    .await;
}

#[tokio::test]
async fn rooms_show_what_their_members_may_see() {
    on_both(|store| async move {
        let s = school(store).await;
        s.write(&s.anna, "c1", "первое").await;
        s.write(&s.anna, "c2", "последнее").await;
        let rooms = s.store.rooms_of(&s.misha).await.unwrap();
        let [room] = rooms.as_slice() else {
            panic!("one room")
        };
        assert_eq!((room.seq, room.no, room.read_no), (2, 2, 0));
        assert_eq!(room.last.as_ref().unwrap().body, "последнее");
        assert!(room.members.contains(&s.anna) && room.members.contains(&s.misha));
        assert!(s.store.rooms_of(&s.stranger).await.unwrap().is_empty());
        assert!(s.store.acquaintances(&s.stranger).await.unwrap().is_empty());
        assert_eq!(s.store.acquaintances(&s.misha).await.unwrap().len(), 2);

        assert!(!s.store.is_member(&s.room, &s.stranger).await.unwrap());
        s.store.add_member(&s.room, &s.stranger).await.unwrap();
        s.store.add_member(&s.room, &s.stranger).await.unwrap();
        assert!(s.store.is_member(&s.room, &s.stranger).await.unwrap());
        assert_eq!(
            s.store.read_no(&s.room, &s.stranger).await.unwrap(),
            2,
            "the past counts as read"
        );
        assert_eq!(s.store.members(&s.room).await.unwrap().len(), 3);
        assert_eq!(
            s.store.room_named("Робототехника").await.unwrap().as_ref(),
            Some(&s.room)
        );
        assert_eq!(s.store.room_named("Нет такой").await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn many_rooms_are_read_as_one() {
    on_both(|store| async move {
        let s = school(store).await;
        let file = Attachment {
            id: FileId::parse("f1").unwrap(),
            name: "схема.png".to_owned(),
            size: 1,
            mime: "image/png".to_owned(),
            sha256: "00".repeat(32),
            preview: None,
            rec: None,
        };
        let mut expected = vec![(s.room.clone(), 0)];
        for k in 1..=40 {
            let members = [s.anna.clone(), s.misha.clone()];
            let name = format!("Группа {k:02}");
            let room = s.store.add_room(&name, &members, 1).await.unwrap();
            let mut send = text(&room, &format!("c{k}"), &name);
            if k == 40 {
                let (room, owner) = (&room, &s.anna);
                let new = NewFile {
                    room,
                    owner,
                    file: &file,
                };
                s.store.add_file(new, 1).await.unwrap();
                send.att = vec![file.id.clone()];
            }
            let by = &s.anna;
            let new = NewMessage { by, send: &send };
            s.store.add_message(new, 1).await.unwrap();
            expected.push((room, 1));
        }
        let rooms = s.store.rooms_of(&s.misha).await.unwrap();
        assert_eq!(rooms.len(), 41);
        for room in &rooms[..40] {
            let last = room.last.as_ref().unwrap();
            assert_eq!((&last.body, last.no, room.no), (&room.name, 1, 1));
            assert_eq!(room.members.len(), 2);
            let files: &[Attachment] = if room.name == "Группа 40" {
                std::slice::from_ref(&file)
            } else {
                &[]
            };
            assert_eq!(last.att, files);
        }
        assert_eq!(rooms[40].last, None);

        let mut asked: Vec<RoomId> = expected.iter().map(|(room, _)| room.clone()).collect();
        asked.push(RoomId::parse("none").unwrap());
        let mut positions = s.store.positions_of(&asked).await.unwrap();
        positions.sort();
        expected.sort();
        assert_eq!(positions, expected);
        assert!(s.store.positions_of(&[]).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_room_has_one_lesson_at_a_time() {
    on_both(|store| async move {
        let s = school(store).await;
        assert_eq!(
            refusal(s.store.start_call(&s.room, &s.stranger, 1).await),
            ErrorCode::Forbidden
        );
        let started = s.store.start_call(&s.room, &s.anna, 1_000).await.unwrap();
        let again = s.store.start_call(&s.room, &s.misha, 2_000).await.unwrap();
        assert_eq!(again.call, started.call);
        assert!(started.event.is_some() && again.event.is_none());
        assert_eq!(
            s.store.open_calls().await.unwrap(),
            [(s.room.clone(), started.call.clone())]
        );
        assert_eq!(
            s.store.rooms_of(&s.misha).await.unwrap()[0].call,
            Some(started.call.clone())
        );

        let ended = s.store.end_call(&started.call.id, 61_500).await.unwrap();
        let Some(RoomEvent::CallEnded { s: seq, d, .. }) = ended.event else {
            panic!("an event")
        };
        assert_eq!((seq, d.seconds), (2, 60));
        assert!(
            s.store
                .end_call(&started.call.id, 70_000)
                .await
                .unwrap()
                .event
                .is_none()
        );
        let never = CallId::parse("never").unwrap();
        assert_eq!(
            refusal(s.store.end_call(&never, 1).await),
            ErrorCode::CallEnded
        );
        assert!(s.store.open_calls().await.unwrap().is_empty());
        assert_eq!(s.store.rooms_of(&s.misha).await.unwrap()[0].call, None);
        let next = s.store.start_call(&s.room, &s.anna, 80_000).await.unwrap();
        assert_ne!(next.call.id, started.call.id);
        let kinds = s.store.events_after(&s.room, 0, 9).await.unwrap();
        assert!(matches!(
            kinds.as_slice(),
            [
                RoomEvent::CallStarted { .. },
                RoomEvent::CallEnded { .. },
                RoomEvent::CallStarted { .. }
            ]
        ));
    })
    .await;
}

#[tokio::test]
async fn devices_belong_to_one_room_and_are_known_by_their_token() {
    on_both(|store| async move {
        let s = school(store).await;
        let hashes: Vec<String> = (1..DEVICES_PER_ROOM_MAX)
            .map(|at| format!("more {at}"))
            .collect();
        let new = |name, does, token_hash| NewDevice {
            room: &s.room,
            by: &s.anna,
            name,
            does,
            token_hash,
        };
        let camera = new("Камера", DeviceKind::Publish, "h1");
        let camera = s.store.add_device(camera, 5_000).await.unwrap();
        let display = new("Display", DeviceKind::Play, "h2");
        let display = s.store.add_device(display, 6_000).await.unwrap();
        assert_eq!(camera.at, "1970-01-01T00:00:05.000Z");
        let listed = s.store.devices(&s.room).await.unwrap();
        assert_eq!(listed.len(), 2);
        assert!(listed.contains(&camera) && listed.contains(&display));
        let known = s.store.device_with_token("h1").await.unwrap().unwrap();
        assert_eq!((&known.id, &known.room), (&camera.id, &s.room));
        assert_eq!((&*known.name, known.does), ("Камера", DeviceKind::Publish));
        assert_eq!(s.store.device_with_token("h3").await.unwrap(), None);

        let elsewhere = s.store.add_room("Другая", &[], 1).await.unwrap();
        assert!(s.store.devices(&elsewhere).await.unwrap().is_empty());
        for (room, removed) in [(&elsewhere, false), (&s.room, true), (&s.room, false)] {
            let done = s.store.remove_device(room, &camera.id, &s.anna, 9_000);
            assert_eq!(done.await.unwrap(), removed);
        }
        assert_eq!(s.store.device_with_token("h1").await.unwrap(), None);
        let asked: Vec<String> = [&camera.id, &display.id].map(DeviceId::to_string).into();
        let live = s.store.live_devices(&asked).await.unwrap();
        assert_eq!(live, HashSet::from([display.id.to_string()]));
        assert!(s.store.live_devices(&[]).await.unwrap().is_empty());

        for hash in &hashes {
            let more = new("Ещё", DeviceKind::Play, hash);
            s.store.add_device(more, 7_000).await.unwrap();
        }
        let over = s
            .store
            .add_device(new("Лишняя", DeviceKind::Play, "over"), 8_000)
            .await;
        assert_eq!(refusal(over), ErrorCode::TooLarge);
    })
    .await;
}
