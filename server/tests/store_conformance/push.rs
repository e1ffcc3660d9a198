//! Who is told of a message while their page is closed, and how often.

use protocol::UserId;
use protocol::limits::PUSH_BROWSERS_MAX;
use protocol::notify::NotifyLevel;
use protocol::push::PushNews;
use server::push::{AUTH_BYTES, POINT_BYTES, Recipient};
use server::store::{Browser, NewMessage};

use crate::school::{School, on_both, school};

fn browser(endpoint: &str) -> Browser {
    Browser {
        endpoint: endpoint.to_owned(),
        keys: Recipient {
            point: [4; POINT_BYTES],
            auth: [5; AUTH_BYTES],
        },
    }
}

pub(crate) async fn subscribed(
    s: &School,
    session: &str,
    person: &UserId,
    endpoint: &str,
    at: i64,
) {
    s.store
        .add_session(session, person, 1, 100_000_000)
        .await
        .unwrap();
    s.store
        .subscribe(session, person, &browser(endpoint), at)
        .await
        .unwrap();
}

/// The addresses at which a message is told of, in order.
async fn told(s: &School, no: i64, now: i64) -> Vec<String> {
    let candidates = s.store.push_candidates(&s.room, no, now).await.unwrap();
    let mut told: Vec<String> = candidates
        .into_iter()
        .map(|one| one.browser.endpoint)
        .collect();
    told.sort();
    told
}

#[tokio::test]
async fn the_schools_key_is_made_once() {
    on_both(|store| async move {
        assert_eq!(store.push_key(b"one", 1).await.unwrap(), b"one");
        assert_eq!(store.push_key(b"two", 2).await.unwrap(), b"one");
    })
    .await;
}

#[tokio::test]
async fn members_with_a_browser_are_told_once_until_they_have_read() {
    on_both(|store| async move {
        let s = school(store).await;
        for (session, person, at) in [
            ("s1", &s.anna, "a"),
            ("s2", &s.misha, "b"),
            ("s3", &s.misha, "c"),
            ("s4", &s.stranger, "d"),
        ] {
            subscribed(&s, session, person, at, 1).await;
        }
        s.write(&s.anna, "c1", "раз").await;
        assert_eq!(told(&s, 1, 10).await, ["b", "c"]);
        let people = [s.misha.clone(), s.stranger.clone()];
        let claimed = s.store.claim_pushes(&s.room, 1, &people, 10).await.unwrap();
        assert_eq!(
            claimed,
            std::slice::from_ref(&s.misha),
            "a stranger is told nothing"
        );
        s.write(&s.anna, "c2", "два").await;
        assert!(told(&s, 2, 10).await.is_empty());
        let again = s.store.claim_pushes(&s.room, 2, &people, 10).await.unwrap();
        assert!(again.is_empty());
        // It could not be told after all.
        s.store.release_push(&s.room, 1, &s.misha).await.unwrap();
        assert_eq!(told(&s, 2, 10).await, ["b", "c"]);
        s.store.claim_pushes(&s.room, 2, &people, 10).await.unwrap();
        s.store.mark_read(&s.room, &s.misha, 2).await.unwrap();
        s.write(&s.anna, "c3", "три").await;
        assert_eq!(told(&s, 3, 10).await, ["b", "c"]);
        s.store.mark_read(&s.room, &s.misha, 3).await.unwrap();
        assert!(told(&s, 3, 10).await.is_empty(), "read already");
        let news = s.store.push_news(&s.room, &s.misha).await.unwrap();
        let expected = PushNews {
            name: "Робототехника".to_owned(),
            unread: 0,
            mention: false,
            asks: 0,
        };
        assert_eq!(news, Some(expected));
        let strange = s.store.push_news(&s.room, &s.stranger).await.unwrap();
        assert_eq!(strange, None);
    })
    .await;
}

#[tokio::test]
async fn a_server_that_died_before_it_told_somebody_leaves_no_silence() {
    on_both(|store| async move {
        let s = school(store).await;
        subscribed(&s, "s2", &s.misha, "b", 1).await;
        let people = std::slice::from_ref(&s.misha);
        let minutes = |n: i64| n * 60_000;
        s.write(&s.anna, "c1", "раз").await;
        let claimed = s.store.claim_pushes(&s.room, 1, people, minutes(1)).await;
        assert_eq!(claimed.unwrap(), people);
        s.write(&s.anna, "c2", "два").await;
        assert!(told(&s, 2, minutes(5)).await.is_empty(), "it may be at it");
        assert_eq!(told(&s, 2, minutes(7)).await, ["b"]);
        let claimed = s.store.claim_pushes(&s.room, 2, people, minutes(7)).await;
        assert_eq!(claimed.unwrap(), people);
        s.store.settle_push(&s.room, 2, &s.misha).await.unwrap();
        s.write(&s.anna, "c3", "три").await;
        assert!(told(&s, 3, minutes(60)).await.is_empty(), "told already");
        let claimed = s.store.claim_pushes(&s.room, 3, people, minutes(60)).await;
        assert!(claimed.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_candidate_comes_with_what_they_want_and_whether_they_are_mentioned() {
    on_both(|store| async move {
        let s = school(store).await;
        subscribed(&s, "s2", &s.misha, "b", 1).await;
        s.store
            .set_room_notify(&s.misha, &s.room, NotifyLevel::Mentions, Some(7))
            .await
            .unwrap();
        s.store.set_pause(&s.misha, Some(9)).await.unwrap();
        let send = protocol::command::MsgSend {
            r: s.room.clone(),
            cid: protocol::ClientId::parse("c1").unwrap(),
            body: "Миша?".to_owned(),
            re: None,
            att: Vec::new(),
            men: vec![s.misha.clone()],
            poll: None,
            fwd: None,
            ack: false,
            due: None,
            all: false,
            noticed: false,
        };
        let new = NewMessage {
            by: &s.anna,
            send: &send,
        };
        s.store.add_message(new, 1).await.unwrap();
        let one = s.store.push_candidates(&s.room, 1, 10).await.unwrap();
        let one = &one[0];
        assert!(one.mentioned);
        assert_eq!(one.browser, browser("b"));
        assert_eq!(one.wishes.level, NotifyLevel::Mentions);
        assert_eq!(one.wishes.muted_until, Some(7));
        assert_eq!(one.wishes.paused_until, Some(9));
        assert_eq!(one.wishes.hours, None);
    })
    .await;
}

#[tokio::test]
async fn a_browser_is_one_sessions_and_goes_with_it() {
    on_both(|store| async move {
        let s = school(store).await;
        s.write(&s.anna, "c1", "раз").await;
        subscribed(&s, "s1", &s.misha, "a", 1).await;
        let (store, misha) = (&s.store, &s.misha);
        // The browser took another address.
        store
            .subscribe("s1", misha, &browser("b"), 2)
            .await
            .unwrap();
        assert_eq!(told(&s, 1, 10).await, ["b"]);
        // Somebody else signed in there.
        subscribed(&s, "s9", &s.stranger, "b", 3).await;
        assert!(told(&s, 1, 10).await.is_empty());
        subscribed(&s, "s2", misha, "c", 4).await;
        assert_eq!(told(&s, 1, 99_999_999).await, ["c"]);
        assert!(
            told(&s, 1, 100_000_000).await.is_empty(),
            "the session is over"
        );
        store.forget_endpoint("c").await.unwrap();
        assert!(told(&s, 1, 10).await.is_empty());
        store
            .subscribe("s2", misha, &browser("c"), 5)
            .await
            .unwrap();
        store.unsubscribe("s2").await.unwrap();
        assert!(told(&s, 1, 10).await.is_empty());
        store
            .subscribe("s2", misha, &browser("c"), 6)
            .await
            .unwrap();
        store.end_session("s2").await.unwrap();
        assert!(told(&s, 1, 10).await.is_empty());
        let ended = store.subscribe("s2", misha, &browser("c"), 7).await;
        assert!(ended.is_err());
        for n in 0..=i64::from(PUSH_BROWSERS_MAX) {
            subscribed(&s, &format!("t{n}"), misha, &format!("n{n:02}"), 100 + n).await;
        }
        let all = told(&s, 1, 10).await;
        assert_eq!(all.len(), usize::try_from(PUSH_BROWSERS_MAX).unwrap());
        assert_eq!(all[0], "n01", "the oldest is forgotten");
    })
    .await;
}
