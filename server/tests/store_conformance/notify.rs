//! What people want to be told of.

use protocol::ErrorCode;
use protocol::mail::MailWhen;
use protocol::notify::{Notify, NotifyLevel, QuietHours, RoomNotify, Silence};
use protocol::room::RoomChange;
use server::notify::FOREVER;

use crate::mail::{reachable, wish};
use crate::push::subscribed;
use crate::school::{on_both, refusal, school};

#[tokio::test]
async fn what_is_set_is_told_until_it_is_over_and_changes_have_an_order() {
    on_both(|store| async move {
        let s = school(store).await;
        let (store, misha, room) = (&s.store, &s.misha, &s.room);
        assert!(store.notify_of(misha, 1).await.unwrap().is_default());
        let set = |level, until| store.set_room_notify(misha, room, level, until);
        set(NotifyLevel::All, Some(2_000)).await.unwrap();
        let now = store.notify_of(misha, 1_999).await.unwrap();
        let until = Some("1970-01-01T00:00:02.000Z".to_owned());
        let muted = RoomNotify {
            level: NotifyLevel::All,
            mute: Some(Silence { until }),
        };
        assert_eq!((now.v, now.rooms.get(room)), (1, Some(&muted)));
        let over = store.notify_of(misha, 2_000).await.unwrap();
        assert_eq!((over.v, over.rooms.len()), (1, 0));

        set(NotifyLevel::Mentions, Some(FOREVER)).await.unwrap();
        let hours = QuietHours {
            from: 1_320,
            to: 420,
            zone: "Europe/Moscow".to_owned(),
        };
        store.set_quiet_hours(misha, Some(&hours)).await.unwrap();
        store.set_pause(misha, Some(FOREVER)).await.unwrap();
        let all = store.notify_of(misha, 9_000).await.unwrap();
        let for_ever = Some(Silence { until: None });
        assert_eq!((all.v, &all.pause, all.hours), (4, &for_ever, Some(hours)));
        let wish = &all.rooms[room];
        assert_eq!((wish.level, &wish.mute), (NotifyLevel::Mentions, &for_ever));

        set(NotifyLevel::All, None).await.unwrap();
        store.set_quiet_hours(misha, None).await.unwrap();
        store.set_pause(misha, None).await.unwrap();
        let none = Notify {
            v: 7,
            ..Notify::default()
        };
        assert_eq!(store.notify_of(misha, 9_000).await.unwrap(), none);
        assert!(store.notify_of(&s.anna, 1).await.unwrap().is_default());
    })
    .await;
}

#[tokio::test]
async fn a_wish_for_a_room_is_a_members_and_goes_with_the_membership() {
    on_both(|store| async move {
        let s = school(store).await;
        let nothing = |who| {
            s.store
                .set_room_notify(who, &s.room, NotifyLevel::Nothing, None)
        };
        assert_eq!(refusal(nothing(&s.stranger).await), ErrorCode::Forbidden);
        let refused = s.store.notify_of(&s.stranger, 1).await.unwrap();
        assert!(refused.is_default(), "nothing of it stays");
        nothing(&s.misha).await.unwrap();
        let remove = RoomChange {
            remove: vec![s.misha.clone()],
            ..RoomChange::default()
        };
        s.store
            .change_room(&s.room, &s.anna, &remove, 1)
            .await
            .unwrap();
        s.store.add_member(&s.room, &s.misha).await.unwrap();
        let back = s.store.notify_of(&s.misha, 1).await.unwrap();
        assert!(back.rooms.is_empty());
    })
    .await;
}

#[tokio::test]
async fn in_a_lesson_nothing_is_told_unless_that_is_wanted() {
    on_both(|store| async move {
        let s = school(store).await;
        subscribed(&s, "s1", &s.misha, "a", 1).await;
        reachable(&s, &s.misha, "m@example.ru", MailWhen::Soon).await;
        s.write(&s.anna, "c1", "раз").await;
        let wishes = |now: i64| {
            let s = s.clone();
            async move {
                let pushes = s.store.push_candidates(&s.room, 1, now).await.unwrap();
                let mails = s.store.unread_by_mail(None, now).await.unwrap();
                let by_push = pushes[0].wishes.want(true, now);
                assert_eq!(by_push, mails[0].wishes.want(true, now));
                by_push
            }
        };
        assert!(wishes(10_000).await);
        let misha = std::slice::from_ref(&s.misha);
        let keep = |node, until| s.store.keep_in_lessons(node, misha, 1, until);
        keep("A", 20_000).await.unwrap();
        assert!(!wishes(10_000).await);
        assert!(s.store.in_lessons(19_999).await.unwrap().contains(&s.misha));
        // The server that said so is gone.
        assert!(wishes(20_000).await && s.store.in_lessons(20_000).await.unwrap().is_empty());
        keep("A", 30_000).await.unwrap();
        assert!(!wishes(20_000).await);
        s.store.set_told_in_lessons(&s.misha, true).await.unwrap();
        assert!(wishes(20_000).await);
        assert!(s.store.notify_of(&s.misha, 1).await.unwrap().lessons);
        s.store.set_told_in_lessons(&s.misha, false).await.unwrap();
        assert!(!wishes(20_000).await);
        // On another device, on another server: once, and until both are over.
        keep("B", 30_000).await.unwrap();
        let pushes = s.store.push_candidates(&s.room, 1, 20_000).await.unwrap();
        assert_eq!(pushes.len(), 1);
        assert_eq!(s.store.unread_by_mail(None, 20_000).await.unwrap().len(), 1);
        s.store.left_lessons("A", misha).await.unwrap();
        assert!(
            !wishes(20_000).await && s.store.in_lessons(20_000).await.unwrap().contains(&s.misha)
        );
        wish(&s, &s.misha, MailWhen::Digest, Some(1_000)).await;
        assert!(s.store.digests_due(20_000).await.unwrap().is_empty());
        s.store.left_lessons("B", misha).await.unwrap();
        assert_eq!(s.store.digests_due(20_000).await.unwrap().len(), 1);
        wish(&s, &s.misha, MailWhen::Soon, None).await;
        assert!(wishes(20_000).await);
        let known = s.store.roommates(misha).await.unwrap();
        assert_eq!(known[&s.misha].len(), 2, "anna, and misha");
        assert!(known[&s.misha].contains(&s.anna));
        keep("A", 40_000).await.unwrap();
        s.store.nobody_in_lessons().await.unwrap();
        assert!(wishes(20_000).await);
    })
    .await;
}
