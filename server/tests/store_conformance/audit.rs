//! The log of who did what.

use protocol::audit::{Act, Entry};
use protocol::device::DeviceKind;
use protocol::limits::AUDIT_PAGE_MAX;
use protocol::model::Role;
use protocol::room::{DirectPolicy, RoomChange, RoomKind};
use protocol::{ClientId, ErrorCode, UserId};
use server::store::{AuditFilter, Change, MakeRoom, NewDevice, Store};
use sqlx::SqlitePool;

use crate::school::{on_both, on_postgres, on_sqlite, person, refusal, school};

async fn acts(store: &Store, filter: AuditFilter<'_>) -> Vec<Act> {
    let entries = store.audit(filter).await.unwrap();
    entries.into_iter().rev().map(|entry| entry.act).collect()
}

fn who(entry: &Entry) -> (Option<&UserId>, Option<&UserId>) {
    (
        entry.by.as_ref().map(|one| &one.id),
        entry.about.as_ref().map(|one| &one.id),
    )
}

#[tokio::test]
async fn what_becomes_of_a_room_is_written_down_with_it() {
    on_both(|store| async move {
        let s = school(store).await;
        assert!(acts(&s.store, AuditFilter::default()).await.is_empty());
        let make = MakeRoom {
            kind: RoomKind::Group,
            name: "Черчение",
            by: &s.anna,
            cid: &ClientId::parse("w1").unwrap(),
            people: std::slice::from_ref(&s.misha),
        };
        let room = s.store.make_room(&make, 1_000).await.unwrap().room;
        s.store.make_room(&make, 1_001).await.unwrap();
        let change = RoomChange {
            name: Some("Черчение, 7 класс".to_owned()),
            archived: Some(true),
            add: vec![s.stranger.clone()],
            remove: vec![s.misha.clone()],
            ..RoomChange::default()
        };
        for _ in 0..2 {
            s.store
                .change_room(&room, &s.anna, &change, 2_000)
                .await
                .unwrap();
        }
        let refused = s.store.change_room(&room, &s.stranger, &change, 3_000);
        assert_eq!(refusal(refused.await), ErrorCode::Forbidden);
        let here = AuditFilter {
            room: Some(&room),
            ..AuditFilter::default()
        };
        assert_eq!(
            acts(&s.store, here).await,
            [
                Act::RoomMade,
                Act::MemberAdded,
                Act::RoomRenamed,
                Act::RoomArchived,
                Act::MemberAdded,
                Act::MemberRemoved
            ],
            "each once, and nothing of what was refused"
        );
        let entries = s.store.audit(here).await.unwrap();
        let renamed = &entries[3];
        assert_eq!(renamed.facts.was.as_deref(), Some("Черчение"));
        assert_eq!(renamed.facts.name, change.name);
        assert_eq!(renamed.at, "1970-01-01T00:00:02.000Z");
        let shown = renamed.room.as_ref().unwrap();
        assert_eq!((&shown.id, &shown.name), (&room, &change.name.unwrap()));
        assert_eq!(who(&entries[0]), (Some(&s.anna), Some(&s.misha)));
        let restored = RoomChange {
            archived: Some(false),
            ..RoomChange::default()
        };
        let restored = s.store.change_room(&room, &s.anna, &restored, 4_000);
        restored.await.unwrap();
        let later = AuditFilter {
            from: Some(4_000),
            ..here
        };
        assert_eq!(acts(&s.store, later).await, [Act::RoomRestored]);
        let named = s.store.named_rooms().await.unwrap();
        assert_eq!(named.len(), 2, "{named:?}");
    })
    .await;
}

#[tokio::test]
async fn what_is_done_to_messages_and_devices_is_written_down() {
    on_both(|store| async move {
        let s = school(store).await;
        let first = s.write(&s.misha, "c1", "раз").await.message.id;
        let own = s.write(&s.anna, "c2", "два").await.message.id;
        let delete = Change::Delete { is_staff: true };
        for (id, by) in [(&first, &s.anna), (&first, &s.anna), (&own, &s.anna)] {
            s.store.change_message(id, by, delete, 6_000).await.unwrap();
        }
        s.store
            .message_versions(&first, &s.anna, 7_000)
            .await
            .unwrap();
        let theirs = s.store.message_versions(&first, &s.stranger, 7_000).await;
        assert_eq!(refusal(theirs), ErrorCode::NotFound);
        let new = NewDevice {
            room: &s.room,
            by: &s.anna,
            name: "Камера",
            does: DeviceKind::Publish,
            token_hash: "h1",
        };
        let device = s.store.add_device(new, 8_000).await.unwrap().id;
        for _ in 0..2 {
            let removed = s.store.remove_device(&s.room, &device, &s.anna, 9_000);
            removed.await.unwrap();
        }
        let entries = s.store.audit(AuditFilter::default()).await.unwrap();
        let told: Vec<Act> = entries.iter().rev().map(|entry| entry.act).collect();
        assert_eq!(
            told,
            [
                Act::MessageDeleted,
                Act::VersionsRead,
                Act::DeviceMade,
                Act::DeviceRevoked
            ],
            "one's own messages are one's own affair"
        );
        let deleted = &entries[3];
        assert_eq!(who(deleted), (Some(&s.anna), Some(&s.misha)));
        assert_eq!(deleted.msg.as_ref(), Some(&first));
        assert_eq!(entries[0].facts.name.as_deref(), Some("Камера"));
        let whole = serde_json::to_string(&entries).unwrap();
        assert!(!whole.contains("раз"), "no texts of messages: {whole}");
    })
    .await;
}

#[tokio::test]
async fn the_log_is_narrowed_and_paged() {
    on_both(|store| async move {
        let s = school(store).await;
        let admin = person("admin", Role::Administrator);
        let admin = s.store.add_person(&admin, 1).await.unwrap().id;
        let policy = DirectPolicy::All;
        let direct = s.store.open_direct(&s.misha, &s.anna, policy, 1).await;
        let direct = direct.unwrap().room;
        let message = s.write(&s.misha, "c1", "раз").await.message.id;
        let count = AUDIT_PAGE_MAX + 1;
        for at in 1..=count {
            let read = s.store.message_versions(&message, &s.anna, i64::from(at));
            read.await.unwrap();
        }
        let mut filter = AuditFilter {
            act: Some(Act::VersionsRead),
            person: Some(&s.misha),
            ..AuditFilter::default()
        };
        let page = s.store.audit(filter).await.unwrap();
        assert_eq!(page.len(), AUDIT_PAGE_MAX as usize);
        let last = page.last().unwrap().id.clone();
        filter.before = Some(&last);
        let rest = s.store.audit(filter).await.unwrap();
        assert_eq!(rest.len(), 1);
        assert_eq!(rest[0].at, "1970-01-01T00:00:00.001Z");
        let nobody = AuditFilter {
            person: Some(&admin),
            ..AuditFilter::default()
        };
        assert!(s.store.audit(nobody).await.unwrap().is_empty());
        let bounds = AuditFilter {
            from: Some(10),
            to: Some(12),
            ..AuditFilter::default()
        };
        assert_eq!(s.store.audit(bounds).await.unwrap().len(), 2);
        let begun = AuditFilter {
            room: Some(&direct),
            ..AuditFilter::default()
        };
        let begun = s.store.audit(begun).await.unwrap();
        let shown = begun[0].room.as_ref().unwrap();
        assert_eq!(shown.kind, RoomKind::Direct);
        assert!(shown.name.contains("Имя anna") && shown.name.contains("Имя misha"));
    })
    .await;
}

#[tokio::test]
async fn nobody_changes_the_log() {
    let statements = ["UPDATE audit SET at = 0", "DELETE FROM audit"];
    on_sqlite(|store, file| async move {
        let s = school(store).await;
        let id = s.write(&s.misha, "c1", "раз").await.message.id;
        s.store.message_versions(&id, &s.anna, 1).await.unwrap();
        let url = format!("sqlite://{}", file.display());
        let beside = SqlitePool::connect(&url).await.unwrap();
        for statement in statements {
            let done = sqlx::query(statement).execute(&beside).await;
            assert!(done.is_err(), "{statement}");
        }
        beside.close().await;
        let left = s.store.audit(AuditFilter::default()).await.unwrap();
        assert_eq!(left.len(), 1);
    })
    .await;
    on_postgres(|store, beside| async move {
        let s = school(store).await;
        let id = s.write(&s.misha, "c1", "раз").await.message.id;
        s.store.message_versions(&id, &s.anna, 1).await.unwrap();
        for statement in statements.into_iter().chain(["TRUNCATE audit"]) {
            let done = sqlx::query(statement).execute(&beside).await;
            assert!(done.is_err(), "{statement}");
        }
        let left = s.store.audit(AuditFilter::default()).await.unwrap();
        assert_eq!(left.len(), 1);
    })
    .await;
}
