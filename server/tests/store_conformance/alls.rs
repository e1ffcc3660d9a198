//! Messages to everybody in a room.

use protocol::later::LaterSet;
use protocol::limits::{ALLS_PER_HOUR_MAX, ALLS_SECONDS, MENTIONS_TOLD_MAX};
use protocol::room::DirectPolicy;
use protocol::{ClientId, ErrorCode, RoomId, UserId};
use server::store::{NewLater, NewMessage, Store, StoreResult, Stored};

use crate::school::{School, on_both, refusal, school, text};

const HOUR_MS: i64 = ALLS_SECONDS as i64 * 1_000;

impl School {
    async fn call(&self, by: &UserId, room: &RoomId, cid: &str, now: i64) -> StoreResult<Stored> {
        let mut send = text(room, cid, "@все, завтра в девять");
        send.all = true;
        let new = NewMessage { by, send: &send };
        self.store.add_message(new, now).await
    }

    async fn unread(&self, person: &UserId) -> Vec<i64> {
        let unread = self.store.unread_mentions(&self.room, person).await;
        let rooms = self.store.rooms_of(person).await.unwrap();
        let in_list = rooms.into_iter().find(|room| room.id == self.room);
        assert_eq!(
            unread.as_ref().ok(),
            in_list.map(|room| room.men).as_ref(),
            "the list says the same"
        );
        unread.unwrap()
    }

    async fn page(&self, person: &UserId) -> Vec<i64> {
        let page = self.store.mentions_of(person, None).await.unwrap();
        page.iter().map(|one| one.no).collect()
    }
}

#[tokio::test]
async fn a_message_to_all_is_an_unread_mention_of_everybody_who_was_there() {
    on_both(|store: Store| async move {
        let s = school(store).await;
        let stored = s.call(&s.anna, &s.room, "c1", 1).await.unwrap();
        assert!(stored.message.all && stored.message.men.is_empty());
        assert!(!s.write(&s.anna, "c2", "без").await.message.all);
        let mut both = text(&s.room, "c3", "@все, @Имя misha");
        (both.all, both.men) = (true, vec![s.misha.clone()]);
        s.send(&s.anna, &both).await;
        assert_eq!(s.unread(&s.misha).await, [1, 3], "each once");
        assert_eq!(s.unread(&s.anna).await, [] as [i64; 0], "not its author");
        let news = s.store.push_news(&s.room, &s.misha).await.unwrap();
        assert_eq!(
            news.map(|news| (news.unread, news.mention)),
            Some((3, true))
        );

        // Who comes afterwards was not meant, and is meant by the next.
        s.store.add_member(&s.room, &s.stranger).await.unwrap();
        assert_eq!(s.page(&s.stranger).await, [] as [i64; 0]);
        s.call(&s.anna, &s.room, "c4", 1).await.unwrap();
        assert_eq!(s.unread(&s.stranger).await, [4]);
        assert_eq!(s.page(&s.stranger).await, [4]);
        assert_eq!(s.page(&s.misha).await, [4, 3, 1]);
        assert_eq!(s.page(&s.anna).await, [] as [i64; 0]);

        s.store.mark_read(&s.room, &s.misha, 3).await.unwrap();
        assert_eq!(s.unread(&s.misha).await, [4]);
        let again = s.call(&s.anna, &s.room, "c4", 1).await.unwrap();
        assert!(again.dup && again.message.all, "as it was stored");
        let log = s.store.events_after(&s.room, 0, 9).await.unwrap();
        let alls = log.iter().filter_map(|event| {
            let protocol::RoomEvent::Msg { d, .. } = event else {
                return None;
            };
            d.all.then_some(d.no)
        });
        assert_eq!(alls.collect::<Vec<_>>(), [1, 3, 4]);
    })
    .await;
}

#[tokio::test]
async fn of_many_messages_to_all_the_newest_are_told() {
    on_both(|store: Store| async move {
        let s = school(store).await;
        let many = i64::try_from(MENTIONS_TOLD_MAX).unwrap() + 5;
        for k in 1..=many {
            // Every other one by name.
            if k % 2 == 0 {
                let mut send = text(&s.room, &format!("c{k}"), "@Имя misha");
                send.men = vec![s.misha.clone()];
                s.send(&s.anna, &send).await;
            } else {
                let at = k * HOUR_MS;
                s.call(&s.anna, &s.room, &format!("c{k}"), at)
                    .await
                    .unwrap();
            }
        }
        let newest: Vec<i64> = (6..=many).collect();
        assert_eq!(s.unread(&s.misha).await, newest);
        let page = s.page(&s.misha).await;
        assert_eq!(page[..3], [many, many - 1, many - 2]);
    })
    .await;
}

#[tokio::test]
async fn only_the_staff_write_to_all_and_not_too_often() {
    on_both(|store: Store| async move {
        let s = school(store).await;
        let denied = s.call(&s.misha, &s.room, "m1", 1).await;
        assert_eq!(refusal(denied), ErrorCode::Forbidden);
        let denied = s.call(&s.stranger, &s.room, "s1", 1).await;
        assert_eq!(refusal(denied), ErrorCode::Forbidden);
        let policy = DirectPolicy::Staff;
        let two = s.store.open_direct(&s.anna, &s.misha, policy, 1).await;
        let denied = s.call(&s.anna, &two.unwrap().room, "d1", 1).await;
        assert_eq!(refusal(denied), ErrorCode::Forbidden);

        // At once, so that they are of one transaction: no more than may be come through.
        let tries = (0..ALLS_PER_HOUR_MAX + 2).map(|k| {
            let s = s.clone();
            tokio::spawn(async move { s.call(&s.anna, &s.room, &format!("c{k}"), 10).await })
        });
        let mut stored = 0;
        for one in tries.collect::<Vec<_>>() {
            match one.await.unwrap() {
                Ok(_) => stored += 1,
                refused => assert_eq!(refusal(refused), ErrorCode::AllLimit),
            }
        }
        assert_eq!(stored, ALLS_PER_HOUR_MAX);
        // In another room, and later, there is room again; and the others are not counted along.
        let other = [s.anna.clone(), s.misha.clone()];
        let other = s.store.add_room("Другая", &other, 1).await.unwrap();
        s.call(&s.anna, &other, "o1", 10).await.unwrap();
        let late = s.call(&s.anna, &s.room, "x1", 9 + HOUR_MS).await;
        assert_eq!(refusal(late), ErrorCode::AllLimit);
        s.call(&s.anna, &s.room, "x2", 10 + HOUR_MS).await.unwrap();
        assert!(!s.write(&s.anna, "x3", "@все").await.message.all);
    })
    .await;
}

#[tokio::test]
async fn one_that_waits_is_to_all_when_it_is_sent() {
    on_both(|store: Store| async move {
        let s = school(store).await;
        let set = |all| LaterSet {
            r: s.room.clone(),
            cid: ClientId::parse("l1").unwrap(),
            at: String::new(),
            body: "@все".to_owned(),
            re: None,
            att: Vec::new(),
            men: Vec::new(),
            all,
            ack: false,
            due: None,
            noticed: false,
        };
        for all in [true, false, true] {
            let new = NewLater {
                by: &s.anna,
                set: &set(all),
                due: 10,
                ack_due: None,
            };
            s.store.keep_for_later(new).await.unwrap();
            let waits = s.store.later_in(&s.room, &s.anna).await.unwrap();
            assert_eq!(waits[0].all, all);
        }
        let due = s.store.claim_due(10).await.unwrap();
        assert!(due[0].send.all);
    })
    .await;
}
