//! Messages that wait to be sent later.

use protocol::later::LaterSet;
use protocol::limits::LATER_MAX;
use protocol::room::RoomChange;
use protocol::{ClientId, ErrorCode, UserId};
use server::store::{NewLater, NewMessage, StoreResult};
use server::time::rfc3339;

use crate::school::{School, on_both, refusal, school};

fn cid(text: &str) -> ClientId {
    ClientId::parse(text).unwrap()
}

impl School {
    async fn later(&self, name: &str, body: &str, due: i64) -> StoreResult<()> {
        let set = LaterSet {
            r: self.room.clone(),
            cid: cid(name),
            at: String::new(),
            body: body.to_owned(),
            re: None,
            att: Vec::new(),
            men: vec![self.anna.clone()],
            all: false,
            ack: false,
            due: None,
            noticed: false,
        };
        let by = &self.misha;
        let new = NewLater {
            by,
            set: &set,
            due,
            ack_due: None,
        };
        self.store.keep_for_later(new).await
    }

    /// One of the teacher's that asks to be acknowledged by a time.
    async fn asking(&self, by: &UserId, due: i64, ack_due: Option<i64>) -> StoreResult<()> {
        let set = LaterSet {
            r: self.room.clone(),
            cid: cid("ask"),
            at: String::new(),
            body: "Собрание в четверг".to_owned(),
            re: None,
            att: Vec::new(),
            men: Vec::new(),
            all: false,
            ack: true,
            due: None,
            noticed: false,
        };
        let new = NewLater {
            by,
            set: &set,
            due,
            ack_due,
        };
        self.store.keep_for_later(new).await
    }

    /// Bodies of what waits.
    async fn waits(&self) -> Vec<String> {
        let later = self.store.later_in(&self.room, &self.misha).await.unwrap();
        later.into_iter().map(|one| one.body).collect()
    }
}

#[tokio::test]
async fn each_is_claimed_once_at_its_time_and_sent_once_whoever_dies() {
    on_both(|store| async move {
        let s = school(store).await;
        s.later("c2", "второе", 200).await.unwrap();
        s.later("c1", "первое", 100).await.unwrap();
        s.later("c2", "второе, иначе", 150).await.unwrap();
        assert_eq!(s.waits().await, ["первое", "второе, иначе"]);
        assert_eq!(s.store.rooms_of(&s.misha).await.unwrap()[0].later, 2);
        assert_eq!(s.store.rooms_of(&s.anna).await.unwrap()[0].later, 0);
        assert_eq!(s.store.next_due().await.unwrap(), Some(100));
        assert!(s.store.claim_due(99).await.unwrap().is_empty());
        // Two servers look at the same time.
        let (one, other) = tokio::join!(s.store.claim_due(120), s.store.claim_due(120));
        let claimed: Vec<_> = one.unwrap().into_iter().chain(other.unwrap()).collect();
        assert_eq!(claimed.len(), 1);
        let due = &claimed[0];
        assert_eq!((&due.by, due.send.body.as_str()), (&s.misha, "первое"));
        assert_eq!(due.send.men, std::slice::from_ref(&s.anna));
        for late in [
            s.later("c1", "нет", 900).await.map(|()| s.room.clone()),
            s.store.forget_later(&s.misha, &cid("c1")).await,
            s.store.make_due(&s.misha, &cid("c1"), false, 1).await,
        ] {
            assert_eq!(refusal(late), ErrorCode::Sent, "it is being sent");
        }
        // The server that claimed it stored it and died: another one finds it stored.
        let new = NewMessage {
            by: &due.by,
            send: &due.send,
        };
        assert!(!s.store.add_message(new, 130).await.unwrap().dup);
        assert!(
            s.store
                .claim_due(131)
                .await
                .unwrap()
                .iter()
                .all(|due| due.send.cid != cid("c1"))
        );
        let again = s.store.claim_due(60_121).await.unwrap();
        assert!(again.iter().any(|due| due.send.cid == cid("c1")));
        assert!(s.store.add_message(new, 60_122).await.unwrap().dup);
        s.store.sent_later(&s.misha, &cid("c1")).await.unwrap();
        assert_eq!(
            refusal(s.later("c1", "ещё раз", 900).await),
            ErrorCode::Sent
        );
        assert_eq!(
            refusal(s.store.forget_later(&s.misha, &cid("c1")).await),
            ErrorCode::Sent
        );
        assert_eq!(
            refusal(s.store.forget_later(&s.misha, &cid("none")).await),
            ErrorCode::NotFound
        );
        assert_eq!(
            refusal(s.store.forget_later(&s.anna, &cid("c2")).await),
            ErrorCode::NotFound
        );
    })
    .await;
}

#[tokio::test]
async fn one_that_asks_to_be_acknowledged_still_does_when_it_is_sent() {
    on_both(|store| async move {
        let s = school(store).await;
        let forbidden = s.asking(&s.misha, 100, None).await;
        assert_eq!(refusal(forbidden), ErrorCode::Forbidden, "only the staff");
        s.asking(&s.anna, 100, None).await.unwrap();
        s.asking(&s.anna, 200, Some(9_000)).await.unwrap();
        let waits = s.store.later_in(&s.room, &s.anna).await.unwrap();
        assert_eq!(
            (waits[0].ack, waits[0].due.clone()),
            (true, Some(rfc3339(9_000)))
        );
        let over = s.store.make_due(&s.anna, &cid("ask"), false, 9_000).await;
        assert_eq!(refusal(over), ErrorCode::DueOver);
        s.store
            .make_due(&s.anna, &cid("ask"), false, 8_999)
            .await
            .unwrap();
        let due = s.store.claim_due(8_999).await.unwrap();
        let new = NewMessage {
            by: &due[0].by,
            send: &due[0].send,
        };
        let late = s.store.add_message(new, 9_000).await;
        assert_eq!(refusal(late), ErrorCode::DueOver, "it was kept up");
        let sent = s.store.add_message(new, 8_999).await.unwrap().message;
        assert_eq!((sent.ack.unwrap().of, sent.due), (1, Some(rfc3339(9_000))));
        // A server that comes to it once more finds it stored, whatever time it is.
        assert!(s.store.add_message(new, 9_001).await.unwrap().dup);
    })
    .await;
}

#[tokio::test]
async fn what_was_refused_waits_for_its_author() {
    on_both(|store| async move {
        let s = school(store).await;
        s.later("c1", "первое", 100).await.unwrap();
        s.store.claim_due(100).await.unwrap();
        s.store
            .unclaim(&s.misha, &cid("c1"), Some(ErrorCode::Archived))
            .await
            .unwrap();
        assert!(s.store.claim_due(999_999).await.unwrap().is_empty());
        assert_eq!(s.store.next_due().await.unwrap(), None);
        let later = s.store.later_in(&s.room, &s.misha).await.unwrap();
        assert_eq!(later[0].refused, Some(ErrorCode::Archived));
        s.store
            .make_due(&s.misha, &cid("c1"), false, 500)
            .await
            .unwrap();
        assert_eq!(s.store.next_due().await.unwrap(), Some(500));
        s.store.claim_due(500).await.unwrap();
        // Something passing: it is tried again.
        s.store.unclaim(&s.misha, &cid("c1"), None).await.unwrap();
        assert_eq!(s.store.claim_due(501).await.unwrap().len(), 1);
        s.store.unclaim(&s.misha, &cid("c1"), None).await.unwrap();
        assert_eq!(
            s.store.forget_later(&s.misha, &cid("c1")).await.unwrap(),
            s.room
        );
        assert!(s.waits().await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn they_are_bounded_and_for_those_who_may_write() {
    on_both(|store| async move {
        let s = school(store).await;
        for k in 0..LATER_MAX {
            s.later(&format!("c{k}"), "позже", 100).await.unwrap();
        }
        assert_eq!(
            refusal(s.later("more", "позже", 100).await),
            ErrorCode::TooLarge
        );
        s.later("c0", "ещё позже", 200).await.unwrap();
        let archive = RoomChange {
            archived: Some(true),
            ..RoomChange::default()
        };
        s.store
            .change_room(&s.room, &s.anna, &archive, 1)
            .await
            .unwrap();
        assert_eq!(
            refusal(s.later("c0", "нет", 100).await),
            ErrorCode::Archived
        );
        let mut s = s;
        s.misha = s.stranger.clone();
        assert_eq!(
            refusal(s.later("x", "нет", 100).await),
            ErrorCode::Forbidden
        );
    })
    .await;
}
