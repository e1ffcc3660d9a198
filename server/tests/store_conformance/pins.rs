//! Pinned messages.

use protocol::limits::PINS_MAX;
use protocol::room::{DirectPolicy, RoomChange};
use protocol::{ErrorCode, MessageId, RoomEvent, UserId};
use server::store::{Change, Store};

use crate::school::{School, on_both, refusal, school, text};

async fn pinned(s: &School) -> Vec<i64> {
    let pins = s.store.pins(&s.room).await.unwrap();
    pins.iter().map(|pin| pin.no).collect()
}

#[tokio::test]
async fn pins_are_events_the_newest_first_and_a_deleted_message_is_taken_down() {
    on_both(|store: Store| async move {
        let s = school(store).await;
        let mut ids = Vec::new();
        for k in 1..=3 {
            ids.push(
                s.write(&s.misha, &format!("c{k}"), &format!("{k}"))
                    .await
                    .message
                    .id,
            );
        }
        let pin = |id: &MessageId, on| {
            let (store, id, by) = (s.store.clone(), id.clone(), s.anna.clone());
            async move { store.pin(&id, &by, on, 9_000).await }
        };
        let Some(RoomEvent::MsgPinned { s: 4, d, .. }) = pin(&ids[1], true).await.unwrap() else {
            panic!("an event")
        };
        assert_eq!((d.no, &d.by, d.on), (2, &s.anna, true));
        assert_eq!(pin(&ids[1], true).await.unwrap(), None);
        assert_eq!(pin(&ids[2], false).await.unwrap(), None);
        for id in [&ids[0], &ids[2]] {
            pin(id, true).await.unwrap().unwrap();
        }
        assert_eq!(pinned(&s).await, [3, 1, 2]);
        pin(&ids[0], false).await.unwrap().unwrap();
        assert_eq!(pinned(&s).await, [3, 2]);
        // Who pins it again brings it to the top.
        pin(&ids[1], false).await.unwrap().unwrap();
        pin(&ids[1], true).await.unwrap().unwrap();
        assert_eq!(pinned(&s).await, [2, 3]);
        let delete = Change::Delete { is_staff: false };
        s.store
            .change_message(&ids[1], &s.misha, delete, 1)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(pinned(&s).await, [3]);
        assert_eq!(refusal(pin(&ids[1], true).await), ErrorCode::NotFound);
        // Neither repeats nor refusals took positions, and nothing became unread.
        let room = &s.store.rooms_of(&s.anna).await.unwrap()[0];
        assert_eq!((room.seq, room.no), (10, 3));
        let events = s.store.events_after(&s.room, 3, 9).await.unwrap();
        let done = events.iter().filter_map(|event| {
            if let RoomEvent::MsgPinned { s, d, .. } = event {
                Some((*s, d.no, d.on))
            } else {
                None
            }
        });
        let order = [
            (4, 2, true),
            (5, 1, true),
            (6, 3, true),
            (7, 1, false),
            (8, 2, false),
            (9, 2, true),
        ];
        assert_eq!(done.collect::<Vec<_>>(), order);
    })
    .await;
}

#[tokio::test]
async fn the_staff_pin_in_groups_and_both_of_two_people() {
    on_both(|store: Store| async move {
        let s = school(store).await;
        let id = s.write(&s.misha, "c1", "раз").await.message.id;
        let pin = |id: &MessageId, by: &UserId| {
            let (store, id, by) = (s.store.clone(), id.clone(), by.clone());
            async move { store.pin(&id, &by, true, 1).await }
        };
        assert_eq!(refusal(pin(&id, &s.misha).await), ErrorCode::Forbidden);
        assert_eq!(refusal(pin(&id, &s.stranger).await), ErrorCode::NotFound);
        let policy = DirectPolicy::Staff;
        let two = s
            .store
            .open_direct(&s.anna, &s.misha, policy, 1)
            .await
            .unwrap()
            .room;
        let direct = s.send(&s.anna, &text(&two, "c2", "два")).await.message.id;
        assert!(pin(&direct, &s.misha).await.unwrap().is_some());
        s.store.apply_direct_rules(DirectPolicy::Off).await.unwrap();
        assert_eq!(refusal(pin(&direct, &s.anna).await), ErrorCode::ReadOnly);

        let mut last = None;
        for k in 0..PINS_MAX {
            let one = s.write(&s.anna, &format!("p{k}"), "x").await.message.id;
            pin(&one, &s.anna).await.unwrap().unwrap();
            last = Some(one);
        }
        assert_eq!(refusal(pin(&id, &s.anna).await), ErrorCode::TooLarge);
        assert_eq!(
            pin(&last.unwrap(), &s.anna).await.unwrap(),
            None,
            "it is there already"
        );
        assert_eq!(pinned(&s).await.len(), PINS_MAX);
        let archive = RoomChange {
            archived: Some(true),
            ..RoomChange::default()
        };
        s.store
            .change_room(&s.room, &s.anna, &archive, 1)
            .await
            .unwrap();
        assert_eq!(refusal(pin(&id, &s.anna).await), ErrorCode::Archived);
    })
    .await;
}
