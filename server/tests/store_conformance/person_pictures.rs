//! Pictures of people: whoever shares a room with somebody sees theirs.

use std::collections::HashMap;

use protocol::audit::Act;
use protocol::model::Role;
use protocol::{ErrorCode, UserId};
use server::store::{AuditFilter, Store};

use crate::school::{on_both, person, refusal, school};

async fn seen(store: &Store, whose: &UserId, id: &str, by: &UserId) -> Option<(Role, Vec<u8>)> {
    match store.person_picture(whose, id, by).await {
        Ok(found) => Some(found),
        Err(error) => {
            assert_eq!(refusal::<()>(Err(error)), ErrorCode::NotFound);
            None
        }
    }
}

#[tokio::test]
async fn a_picture_is_seen_by_those_who_share_a_room_and_the_last_one_counts() {
    on_both(|store| async move {
        let s = school(store).await;
        assert_eq!(s.store.picture_of(&s.misha).await.unwrap(), None);
        s.store.set_person_picture(&s.misha, b"one").await.unwrap();
        s.store
            .set_person_picture(&s.stranger, b"strange")
            .await
            .unwrap();
        let first = s.store.picture_of(&s.misha).await.unwrap().unwrap();
        for viewer in [&s.anna, &s.misha] {
            let found = seen(&s.store, &s.misha, &first, viewer).await;
            assert_eq!(found, Some((Role::Student, b"one".to_vec())));
            assert_eq!(
                s.store.pictures_for(viewer).await.unwrap(),
                HashMap::from([(s.misha.clone(), first.clone())])
            );
        }
        assert_eq!(seen(&s.store, &s.misha, &first, &s.stranger).await, None);
        let theirs = s.store.pictures_for(&s.stranger).await.unwrap();
        assert_eq!(theirs.keys().collect::<Vec<_>>(), [&s.stranger]);
        let mut viewers = s.store.viewers_of(&s.misha).await.unwrap();
        viewers.sort();
        let mut both = vec![s.anna.clone(), s.misha.clone()];
        both.sort();
        assert_eq!(viewers, both);

        s.store.set_person_picture(&s.misha, b"two").await.unwrap();
        let second = s.store.picture_of(&s.misha).await.unwrap().unwrap();
        assert_ne!(first, second);
        assert_eq!(seen(&s.store, &s.misha, &first, &s.misha).await, None);
        assert!(
            seen(&s.store, &s.misha, &second, &s.anna).await.is_some(),
            "the last one counts"
        );

        // Whoever left saw it once, and sees it no longer.
        let change = protocol::room::RoomChange {
            remove: vec![s.misha.clone()],
            ..protocol::room::RoomChange::default()
        };
        let changed = s.store.change_room(&s.room, &s.anna, &change, 6_000);
        changed.await.unwrap();
        assert_eq!(seen(&s.store, &s.misha, &second, &s.anna).await, None);
        assert!(s.store.pictures_for(&s.anna).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_picture_is_taken_away_by_those_who_may_and_that_is_written_down() {
    on_both(|store| async move {
        let s = school(store).await;
        let admin = person("olga", Role::Administrator);
        let admin = s.store.add_person(&admin, 1).await.unwrap().id;
        let take = |whose: UserId, by: UserId| {
            let store = s.store.clone();
            async move { store.remove_person_picture(&whose, &by, 7_000).await }
        };
        for whose in [&s.misha, &s.anna, &s.stranger] {
            s.store.set_person_picture(whose, b"one").await.unwrap();
        }
        for (whose, by, code) in [
            (&s.anna, &s.misha, ErrorCode::Forbidden),
            (&s.misha, &s.stranger, ErrorCode::NotFound),
            (&s.stranger, &s.anna, ErrorCode::NotFound),
            (
                &UserId::parse("nobody").unwrap(),
                &admin,
                ErrorCode::NotFound,
            ),
        ] {
            let refused = take(whose.clone(), by.clone()).await;
            assert_eq!(refusal(refused), code);
        }
        for (whose, by) in [
            (&s.misha, &s.anna),
            (&s.anna, &admin),
            (&s.stranger, &s.stranger),
        ] {
            assert!(take(whose.clone(), by.clone()).await.unwrap());
            assert_eq!(s.store.picture_of(whose).await.unwrap(), None);
            let again = take(whose.clone(), by.clone()).await;
            assert!(!again.unwrap(), "it is gone already");
        }
        let log = s.store.audit(AuditFilter::default()).await.unwrap();
        let told: Vec<_> = log
            .into_iter()
            .map(|entry| (entry.act, entry.by.unwrap().id, entry.about.unwrap().id))
            .collect();
        let act = Act::PersonPictureTaken;
        assert_eq!(
            told,
            [
                (act, admin, s.anna.clone()),
                (act, s.anna.clone(), s.misha.clone())
            ],
            "one's own is nobody's business"
        );
    })
    .await;
}
