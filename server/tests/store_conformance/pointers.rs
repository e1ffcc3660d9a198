//! How far members have read, and what has arrived for them.

use protocol::{ErrorCode, RoomId, UserId};
use server::store::Receipts;

use crate::school::{on_both, refusal, school};

#[tokio::test]
async fn read_pointers_only_move_forward() {
    on_both(|store| async move {
        let s = school(store).await;
        for k in 1..=3 {
            s.write(&s.anna, &format!("c{k}"), "текст").await;
        }
        assert_eq!(
            s.store.read_no(&s.room, &s.anna).await.unwrap(),
            3,
            "one's own messages are read"
        );
        assert_eq!(
            s.store.mark_read(&s.room, &s.misha, 2).await.unwrap(),
            Some(2)
        );
        assert_eq!(s.store.mark_read(&s.room, &s.misha, 1).await.unwrap(), None);
        assert_eq!(
            s.store.mark_read(&s.room, &s.misha, 99).await.unwrap(),
            Some(3)
        );
        let mut readers = s.store.readers(&s.room).await.unwrap();
        readers.sort_by_key(|reader| reader.no);
        let far: Vec<i64> = readers.iter().map(|reader| reader.no).collect();
        assert_eq!(far, [3, 3]);
        assert_eq!(
            refusal(s.store.mark_read(&s.room, &s.stranger, 1).await),
            ErrorCode::Forbidden
        );
        assert_eq!(
            refusal(s.store.read_no(&s.room, &s.stranger).await),
            ErrorCode::Forbidden
        );
    })
    .await;
}

#[tokio::test]
async fn what_has_arrived_only_moves_forward_and_is_never_behind_what_was_read() {
    on_both(|store| async move {
        let s = school(store).await;
        let other = s
            .store
            .add_room("Другая", std::slice::from_ref(&s.misha), 1)
            .await
            .unwrap();
        for k in 1..=3 {
            s.write(&s.anna, &format!("c{k}"), "текст").await;
        }
        let mark = |no: i64| {
            let of = |room: &RoomId, person: &UserId| (room.clone(), person.clone());
            let receipts = Receipts::from([
                (of(&s.room, &s.misha), no),
                (of(&s.room, &s.stranger), no),
                (of(&other, &s.misha), no),
            ]);
            let store = s.store.clone();
            async move { store.mark_received(&receipts).await.unwrap() }
        };
        let misha = (s.room.clone(), s.misha.clone());
        let moved = |no: i64| Receipts::from([(misha.clone(), no)]);
        assert_eq!(mark(2).await, moved(2), "no stranger, and no empty room");
        assert_eq!(mark(1).await, Receipts::new());
        assert_eq!(mark(99).await, moved(3), "never past the last message");
        assert_eq!(
            s.store.mark_received(&Receipts::new()).await.unwrap(),
            Receipts::new()
        );

        s.write(&s.anna, "c4", "текст").await;
        s.store.mark_read(&s.room, &s.misha, 4).await.unwrap();
        assert_eq!(mark(4).await, Receipts::new(), "what was read has arrived");
        s.write(&s.misha, "c5", "моё").await;
        s.write(&s.anna, "c6", "текст").await;
        let mut marks = s.store.readers(&s.room).await.unwrap();
        marks.sort_by_key(|mark| mark.no);
        let far: Vec<_> = marks.iter().map(|mark| (mark.no, mark.recv)).collect();
        assert_eq!(far, [(5, 5), (6, 6)]);
        s.store.add_member(&s.room, &s.stranger).await.unwrap();
        assert_eq!(s.store.rooms_of(&s.stranger).await.unwrap()[0].recv_no, 6);
        assert_eq!(mark(6).await, moved(6));
        let rooms = s.store.rooms_of(&s.misha).await.unwrap();
        let room = rooms.iter().find(|room| room.id == s.room).unwrap();
        assert_eq!((room.read_no, room.recv_no), (5, 6));
    })
    .await;
}
