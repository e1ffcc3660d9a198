//! Messages that go when their time is over.

use std::collections::BTreeSet;

use protocol::history::LogKind;
use protocol::later::LaterSet;
use protocol::model::{Attachment, Role};
use protocol::poll::NewPoll;
use protocol::{ClientId, ErrorCode, FileId, RoomEvent};
use server::search::Query;
use server::store::{Asked, Change, DAY_MS, Infected, NewFile, NewLater, NewMessage, Rule, Voter};

use crate::school::{School, on_both, on_sqlite, person, refusal, school, text};

const NOW: i64 = 100 * DAY_MS;
/// In nothing that is left.
const SECRET: &str = "Сокровенное";

fn file(id: &str) -> Attachment {
    Attachment {
        id: FileId::parse(id).unwrap(),
        name: format!("{SECRET}.txt"),
        size: 7,
        mime: "text/plain".to_owned(),
        sha256: String::new(),
        preview: None,
        rec: None,
    }
}

async fn upload(s: &School, id: &str, at: i64) -> FileId {
    let file = file(id);
    let new = NewFile {
        room: &s.room,
        owner: &s.misha,
        file: &file,
    };
    s.store.add_file(new, at).await.unwrap();
    file.id
}

/// The rule of the room, set so that it is in force.
async fn keep(s: &School, days: i64) -> Rule {
    s.store
        .set_keeping(&s.room, &s.anna, Some(days), NOW, NOW)
        .await
        .unwrap();
    let rules = s.store.retention_rules(0, NOW).await.unwrap();
    assert_eq!(rules.len(), 1);
    rules[0].clone()
}

async fn write_now(s: &School, cid: &str, body: &str) {
    let send = text(&s.room, cid, body);
    let new = NewMessage {
        by: &s.anna,
        send: &send,
    };
    s.store.add_message(new, NOW).await.unwrap();
}

#[tokio::test]
async fn what_is_over_goes_for_good_and_leaves_its_place() {
    on_both(|store| async move {
        let s = school(store).await;
        let (own, shared) = (upload(&s, "f1", 1).await, upload(&s, "f2", 1).await);
        let first = s.write(&s.anna, "c0", SECRET).await.message.id;
        let mut send = text(&s.room, "c1", SECRET);
        send.att = vec![own.clone(), shared.clone()];
        send.men = vec![s.anna.clone()];
        send.re = Some(first.clone());
        let id = s.send(&s.misha, &send).await.message.id;
        s.store
            .change_message(&id, &s.misha, Change::Edit("Сокровенное 2"), 6_000)
            .await
            .unwrap();
        s.store
            .react(&id, &s.anna, "👍", true, 6_000)
            .await
            .unwrap();
        let mut poll = text(&s.room, "c2", SECRET);
        poll.poll = Some(NewPoll {
            options: vec![SECRET.to_owned(), "нет".to_owned()],
            many: false,
            anon: false,
            quiz: None,
        });
        let poll = s.send(&s.anna, &poll).await.message.id;
        let voter = Voter {
            person: &s.misha,
            ballot: "b",
        };
        s.store.vote(&poll, voter, &[0]).await.unwrap();
        s.store.tell_poll(&poll, 6_000).await.unwrap();
        let mut ask = text(&s.room, "c3", SECRET);
        ask.ack = true;
        let ask = s.send(&s.anna, &ask).await.message.id;
        s.store.acknowledge(&ask, &s.misha, 6_000).await.unwrap();
        let gone = s.write(&s.misha, "c4", SECRET).await.message.id;
        s.store
            .change_message(&gone, &s.misha, Change::Delete { is_staff: false }, 6_000)
            .await
            .unwrap();
        // One of the files hangs in another room, too.
        let other = s
            .store
            .add_room("Другая", std::slice::from_ref(&s.misha), 1)
            .await
            .unwrap();
        let mut forward = text(&other, "c5", "");
        forward.att = vec![shared.clone()];
        let from = s.store.forwarding(&id, &s.misha).await.unwrap().from;
        let new = NewMessage {
            by: &s.misha,
            send: &forward,
        };
        s.store.add_forward(new, &from, NOW).await.unwrap();
        write_now(&s, "c6", "остаётся").await;

        assert_eq!(s.store.would_take(&s.room, 30, NOW).await.unwrap(), (5, 2));
        let rule = keep(&s, 30).await;
        let (_, before, _) = s.store.position(&s.room).await.unwrap();
        let done = s.store.expire_some(&rule, NOW).await.unwrap().unwrap();
        assert_eq!((done.messages, &done.files), (5, &vec![own.clone()]));
        let RoomEvent::MsgExpired { s: at, d, .. } = &done.event else {
            panic!("{:?}", done.event)
        };
        assert_eq!((*at, d.no), (before + 1, 5));
        assert_eq!(s.store.expire_some(&rule, NOW).await.unwrap(), None);

        let events = s.store.events_after(&s.room, 0, 100).await.unwrap();
        let positions: Vec<i64> = events.iter().map(RoomEvent::seq).collect();
        assert_eq!(positions, (1..=before + 1).collect::<Vec<_>>(), "no gaps");
        let told = serde_json::to_string(&events).unwrap();
        for word in [SECRET, "👍", "\"att\"", "options"] {
            assert!(!told.contains(word), "{word} in {told}");
        }
        assert!(told.contains("остаётся"));
        assert_eq!(
            told.matches("\"msg.changed\"").count() + told.matches("\"msg.acked\"").count(),
            0
        );
        assert!(
            s.store
                .message_versions(&id, &s.anna, 1)
                .await
                .unwrap()
                .is_empty()
        );
        assert!(s.store.file_for(&own, &s.misha).await.unwrap().is_none());
        assert!(s.store.file_for(&shared, &s.misha).await.unwrap().is_some());
        assert!(s.store.file_for(&shared, &s.anna).await.unwrap().is_none());
        let query = Query::parse(SECRET);
        let asked = Asked {
            query: &query,
            room: None,
            by: None,
            from: 0,
            to: i64::MAX,
            with_files: false,
            after: None,
        };
        assert!(s.store.search(&s.anna, asked).await.unwrap().is_empty());
        assert!(s.store.mentions_of(&s.anna, None).await.unwrap().is_empty());
        let edit = s
            .store
            .change_message(&id, &s.misha, Change::Edit("я"), NOW)
            .await;
        assert_eq!(refusal(edit), ErrorCode::NotFound);
        assert_eq!(
            refusal(s.store.vote(&poll, voter, &[1]).await),
            ErrorCode::NotFound
        );
        let page = s.store.export_page(&s.room, 0, 6, true).await.unwrap();
        assert!(!format!("{page:?}").contains(SECRET));
        let rooms = s.store.rooms_of(&s.anna).await.unwrap();
        assert_eq!(
            (
                rooms[0].expired,
                rooms[0].no,
                rooms[0].men.len(),
                rooms[0].acks.len()
            ),
            (5, 6, 0, 0)
        );
        // What was sent once is not sent again.
        assert!(s.send(&s.misha, &send).await.dup);

        let (log, more) = s.store.retention_log(Some(&s.room), None).await.unwrap();
        assert!(!more && log.len() == 2);
        let entry = &log[0];
        assert_eq!(
            (entry.kind, entry.days, entry.inherited),
            (LogKind::Deleted, Some(30), false)
        );
        assert_eq!(
            (entry.first, entry.last, entry.messages),
            (Some(1), Some(5), 5)
        );
        assert_eq!((entry.versions, entry.reactions), (2, 1));
        assert_eq!(
            (entry.files, entry.bytes, &entry.file_ids),
            (1, 7, &vec![own])
        );
        assert_eq!(
            (log[1].kind, log[1].by.as_ref()),
            (LogKind::Rule, Some(&s.anna))
        );
        let older = s
            .store
            .retention_log(None, Some(&entry.id))
            .await
            .unwrap()
            .0;
        assert_eq!(older, log[1..]);
    })
    .await;
}

#[tokio::test]
async fn a_hold_and_another_rule_stop_it_and_the_organisations_is_for_rooms_without_one() {
    on_both(|store| async move {
        let s = school(store).await;
        let admin = person("admin", Role::Administrator);
        let admin = s.store.add_person(&admin, 1).await.unwrap().id;
        s.write(&s.misha, "c1", "раз").await;
        let rule = keep(&s, 30).await;
        s.store.hold(&s.room, &admin, true, NOW).await.unwrap();
        s.store.hold(&s.room, &admin, true, NOW + 1).await.unwrap();
        assert_eq!(
            s.store.keeping(&s.room).await.unwrap().held,
            Some((NOW, admin.clone()))
        );
        assert!(s.store.retention_rules(30, NOW).await.unwrap().is_empty());
        assert_eq!(s.store.expire_some(&rule, NOW).await.unwrap(), None);
        s.store.hold(&s.room, &admin, false, NOW).await.unwrap();
        let (_, before, _) = s.store.position(&s.room).await.unwrap();
        // Whoever looked at the rule before it was changed does nothing by it.
        s.store
            .set_keeping(&s.room, &s.anna, Some(40), NOW + 1, NOW)
            .await
            .unwrap();
        assert_eq!(s.store.expire_some(&rule, NOW).await.unwrap(), None);
        let next = Rule { days: 40, ..rule };
        assert_eq!(
            s.store.expire_some(&next, NOW).await.unwrap(),
            None,
            "not yet"
        );
        assert!(s.store.retention_rules(0, NOW).await.unwrap().is_empty());
        s.store
            .set_keeping(&s.room, &s.anna, Some(0), NOW, NOW)
            .await
            .unwrap();
        assert!(
            s.store.retention_rules(30, NOW).await.unwrap().is_empty(),
            "for ever"
        );
        s.store
            .set_keeping(&s.room, &s.anna, None, NOW, NOW)
            .await
            .unwrap();
        assert!(s.store.retention_rules(0, NOW).await.unwrap().is_empty());
        let rules = s.store.retention_rules(30, NOW).await.unwrap();
        assert_eq!(
            rules,
            [Rule {
                room: s.room.clone(),
                days: 30,
                inherited: true
            }]
        );
        assert_eq!(
            s.store.position(&s.room).await.unwrap().1,
            before,
            "refusals take no positions"
        );
        assert_eq!(
            s.store
                .expire_some(&rules[0], NOW)
                .await
                .unwrap()
                .unwrap()
                .messages,
            1
        );
        let kinds: Vec<LogKind> = s
            .store
            .retention_log(None, None)
            .await
            .unwrap()
            .0
            .iter()
            .map(|entry| entry.kind)
            .collect();
        use LogKind::{Deleted, Held, Released, Rule as Set};
        assert_eq!(kinds, [Deleted, Set, Set, Set, Released, Held, Set]);
    })
    .await;
}

#[tokio::test]
async fn two_servers_delete_every_message_once_and_go_on_where_one_was_killed() {
    on_both(|store| async move {
        let s = school(store).await;
        let many = 450;
        for k in 1..=many {
            s.write(&s.misha, &format!("c{k}"), "раз").await;
        }
        write_now(&s, "last", "остаётся").await;
        let rule = keep(&s, 30).await;
        // One of them gives up after its first transaction.
        assert_eq!(
            s.store
                .expire_some(&rule, NOW)
                .await
                .unwrap()
                .unwrap()
                .messages,
            200
        );
        let work = |store: server::store::Store, rule: Rule| async move {
            let mut events = Vec::new();
            while let Some(gone) = store.expire_some(&rule, NOW).await.unwrap() {
                events.push((gone.event.seq(), gone.messages));
            }
            events
        };
        let (one, two) = tokio::join!(
            tokio::spawn(work(s.store.clone(), rule.clone())),
            tokio::spawn(work(s.store.clone(), rule))
        );
        let all: BTreeSet<(i64, i64)> = one.unwrap().into_iter().chain(two.unwrap()).collect();
        assert_eq!(
            all.iter().map(|(_, messages)| messages).sum::<i64>(),
            many - 200
        );
        let seqs: Vec<i64> = all.iter().map(|(seq, _)| *seq).collect();
        assert_eq!(seqs, [many + 3, many + 4]);
        let log = s.store.retention_log(Some(&s.room), None).await.unwrap().0;
        let ranges: Vec<_> = log
            .iter()
            .filter_map(|entry| entry.first.zip(entry.last))
            .collect();
        assert_eq!(ranges, [(401, 450), (201, 400), (1, 200)]);
        assert_eq!(s.store.keeping(&s.room).await.unwrap().expired_no, many);
    })
    .await;
}

#[tokio::test]
async fn what_hangs_on_no_message_goes_too() {
    on_both(|store| async move {
        let s = school(store).await;
        let (old, young, waits) = (
            upload(&s, "f1", 1).await,
            upload(&s, "f2", NOW).await,
            upload(&s, "f3", 1).await,
        );
        s.store
            .keep_draft(&s.room, &s.misha, SECRET, &[], 1)
            .await
            .unwrap();
        s.store
            .keep_draft(&s.room, &s.anna, "свежее", &[], NOW)
            .await
            .unwrap();
        for (cid, att) in [("l1", None), ("l2", Some(&waits))] {
            let set = LaterSet {
                r: s.room.clone(),
                cid: ClientId::parse(cid).unwrap(),
                at: String::new(),
                body: SECRET.to_owned(),
                re: None,
                att: att.into_iter().cloned().collect(),
                men: Vec::new(),
                all: false,
                ack: false,
                due: None,
                noticed: false,
            };
            let new = NewLater {
                by: &s.misha,
                set: &set,
                due: if att.is_some() { NOW + 1 } else { 1 },
                ack_due: None,
            };
            s.store.keep_for_later(new).await.unwrap();
        }
        let late = ClientId::parse("l1").unwrap();
        s.store.claim_due(2).await.unwrap();
        s.store
            .unclaim(&s.misha, &late, Some(ErrorCode::Archived))
            .await
            .unwrap();
        let infected = Infected {
            id: FileId::parse("q1").unwrap(),
            name: SECRET.to_owned(),
            size: 3,
            sha256: String::new(),
            virus: "Eicar".to_owned(),
        };
        s.store
            .add_quarantined(&s.room, &s.misha, &infected, 1)
            .await
            .unwrap();
        let rule = keep(&s, 30).await;
        let gone = s.store.expire_beside(&rule, NOW).await.unwrap();
        assert_eq!(
            (&gone.files, &gone.quarantined),
            (&vec![old], &vec![infected.id])
        );
        assert_eq!(
            (&gone.drafts, &gone.scheduled),
            (&vec![(s.misha.clone(), 2)], &vec![s.misha.clone()])
        );
        for file in [&young, &waits] {
            assert!(s.store.file_for(file, &s.misha).await.unwrap().is_some());
        }
        assert_eq!(s.store.draft_version(&s.room, &s.misha).await.unwrap(), 2);
        let again = s.store.expire_beside(&rule, NOW).await.unwrap();
        assert_eq!(again, server::store::GoneBeside::default());
        let log = s.store.retention_log(None, None).await.unwrap().0;
        let entry = &log[0];
        assert_eq!(
            (entry.kind, entry.drafts, entry.scheduled),
            (LogKind::Beside, 1, 1)
        );
        assert_eq!((entry.files, entry.bytes, entry.file_ids.len()), (2, 10, 2));
        assert_eq!(log.len(), 2, "nothing is noted when nothing went");
    })
    .await;
}

#[tokio::test]
async fn the_databases_file_does_not_keep_the_texts() {
    on_sqlite(|store, path| async move {
        let s = school(store).await;
        let short = "кратко-и-тайно-4711";
        let long = "долго-и-тайно-4712 ".repeat(400);
        s.write(&s.misha, "c1", short).await;
        let id = s.write(&s.misha, "c2", &long).await.message.id;
        s.store
            .change_message(&id, &s.misha, Change::Edit("другое-тайное-4713"), 6_000)
            .await
            .unwrap();
        let holds = |word: &str| {
            let mut bytes = std::fs::read(&path).unwrap();
            bytes.extend(std::fs::read(path.with_extension("db-wal")).unwrap_or_default());
            bytes
                .windows(word.len())
                .any(|part| part == word.as_bytes())
        };
        let words = [
            "кратко-и-тайно",
            "долго-и-тайно",
            "другое-тайное",
            "4711",
            "4712",
            "4713",
        ];
        for word in words {
            assert!(holds(word), "{word}");
        }
        let rule = keep(&s, 30).await;
        s.store.expire_some(&rule, NOW).await.unwrap().unwrap();
        // The log is carried over and begins anew.
        s.store.close().await;
        for word in words {
            assert!(!holds(word), "{word}");
        }
    })
    .await;
}
