//! What is not acknowledged over all rooms, for administrators.

use protocol::audit::Act;
use protocol::command::MsgSend;
use protocol::limits::OVERVIEW_PAGE_MAX;
use protocol::model::{Ack, Message, Role};
use protocol::room::RoomChange;
use protocol::{ErrorCode, MessageId, RoomId, UserId};
use server::store::{AuditFilter, Change, NewMessage, OverviewFilter, Store};
use server::time::rfc3339;

use crate::school::{School, on_both, person, refusal, school, text};

const NOW: i64 = 50_000;

async fn ask(s: &School, room: &RoomId, cid: &str, due: Option<i64>) -> Message {
    let send = MsgSend {
        ack: true,
        due: due.map(rfc3339),
        ..text(
            room,
            cid,
            "  Собрание в четверг\nСекрет: приходите с паспортом",
        )
    };
    let new = NewMessage {
        by: &s.anna,
        send: &send,
    };
    s.store.add_message(new, 5_000).await.unwrap().message
}

async fn seen(s: &School, filter: OverviewFilter<'_>, by: &UserId) -> Vec<MessageId> {
    let found = s.store.acks_overview(filter, by, NOW).await.unwrap();
    found.into_iter().map(|one| one.id).collect()
}

/// What was written down, the oldest first.
async fn noted(store: &Store) -> Vec<(Act, Option<MessageId>)> {
    let mut entries = store.audit(AuditFilter::default()).await.unwrap();
    entries.reverse();
    let acts = entries.into_iter().map(|entry| (entry.act, entry.msg));
    acts.filter(|(act, _)| matches!(act, Act::AcksRead | Act::AcksTaken))
        .collect()
}

#[tokio::test]
async fn all_rooms_are_looked_over_and_every_look_is_written_down() {
    on_both(|store| async move {
        let s = school(store).await;
        let director = person("director", Role::Administrator);
        let director = s.store.add_person(&director, 1).await.unwrap().id;
        let elsewhere = [s.anna.clone(), s.misha.clone(), s.stranger.clone()];
        let elsewhere = s.store.add_room("Объявления", &elsewhere, 2).await.unwrap();
        let soon = ask(&s, &s.room, "c1", Some(NOW + 1)).await;
        let over = ask(&s, &elsewhere, "c2", Some(NOW)).await;
        let done = ask(&s, &s.room, "c3", None).await;
        s.write(&s.anna, "c4", "просто так").await;
        s.store
            .acknowledge(&done.id, &s.misha, 6_000)
            .await
            .unwrap();
        s.store
            .acknowledge(&over.id, &s.misha, 6_000)
            .await
            .unwrap();

        let all = OverviewFilter::default();
        let found = s.store.acks_overview(all, &director, NOW).await.unwrap();
        assert_eq!(
            found.iter().map(|one| &one.id).collect::<Vec<_>>(),
            [&over.id, &soon.id],
            "the newest first, and nothing that is done"
        );
        let one = &found[0];
        assert_eq!(
            (&*one.room.name, &*one.line),
            ("Объявления", "Собрание в четверг")
        );
        assert_eq!((one.ack, one.over), (Ack { done: 1, of: 2 }, true));
        assert!(one.waiting.is_empty() && !found[1].over);
        let overdue = OverviewFilter {
            overdue: true,
            ..all
        };
        assert_eq!(
            seen(&s, overdue, &director).await,
            std::slice::from_ref(&over.id)
        );
        let before = OverviewFilter {
            before: Some(&over.id),
            ..all
        };
        assert_eq!(
            seen(&s, before, &director).await,
            std::slice::from_ref(&soon.id)
        );

        let one = s.store.acks_overview_of(&over.id, &director, NOW).await;
        let waiting = one.unwrap().waiting;
        let names: Vec<_> = waiting
            .iter()
            .map(|one| (&one.person.id, one.left))
            .collect();
        assert_eq!(names, [(&s.stranger, false)]);
        let none = s.store.acks_overview_of(&done.id, &director, NOW).await;
        assert_eq!(refusal(none), ErrorCode::NotFound);
        let table = OverviewFilter { who: true, ..all };
        let found = s.store.acks_overview(table, &director, NOW).await.unwrap();
        assert_eq!(found[1].waiting[0].person.id, s.misha);
        // Nor does a look begin with a page that is no first one.
        let last = MessageId::parse("z").unwrap();
        let further = OverviewFilter {
            before: Some(&last),
            ..table
        };
        assert_eq!(seen(&s, further, &director).await.len(), 2);
        assert_eq!(
            noted(&s.store).await,
            [
                (Act::AcksRead, None),
                (Act::AcksRead, None),
                (Act::AcksRead, None),
                (Act::AcksRead, Some(over.id.clone())),
                (Act::AcksTaken, None),
                (Act::AcksTaken, None),
            ]
        );
    })
    .await;
}

#[tokio::test]
async fn what_nobody_waits_for_is_not_there() {
    on_both(|store| async move {
        let s = school(store).await;
        let room = s
            .store
            .add_room("Кружок", &[s.anna.clone(), s.misha.clone()], 2)
            .await
            .unwrap();
        let gone = ask(&s, &s.room, "c1", None).await;
        let left = ask(&s, &s.room, "c2", None).await;
        let archived = ask(&s, &room, "c3", None).await;
        let all = OverviewFilter::default();
        assert_eq!(seen(&s, all, &s.anna).await.len(), 3);
        let delete = Change::Delete { is_staff: true };
        let deleted = s.store.change_message(&gone.id, &s.anna, delete, 6_000);
        deleted.await.unwrap();
        let archive = RoomChange {
            archived: Some(true),
            ..RoomChange::default()
        };
        let changed = s.store.change_room(&room, &s.anna, &archive, 6_000);
        changed.await.unwrap();
        assert_eq!(seen(&s, all, &s.anna).await, std::slice::from_ref(&left.id));
        let remove = RoomChange {
            add: vec![s.stranger.clone()],
            remove: vec![s.misha.clone()],
            ..RoomChange::default()
        };
        let changed = s.store.change_room(&s.room, &s.anna, &remove, 7_000);
        changed.await.unwrap();
        assert!(
            seen(&s, all, &s.anna).await.is_empty(),
            "who came was not asked"
        );
        for id in [&gone.id, &left.id, &archived.id] {
            let none = s.store.acks_overview_of(id, &s.anna, NOW).await;
            assert_eq!(refusal(none), ErrorCode::NotFound);
        }

        let mut ids = Vec::new();
        for k in 0..=OVERVIEW_PAGE_MAX {
            ids.push(ask(&s, &s.room, &format!("p{k}"), None).await.id);
        }
        ids.reverse();
        assert_eq!(seen(&s, all, &s.anna).await, ids, "a page and one more");
    })
    .await;
}
