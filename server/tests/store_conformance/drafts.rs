//! Texts that were begun and not sent.

use protocol::ErrorCode;
use protocol::limits::{DRAFTS_CHARS_MAX, DRAFTS_MAX};
use protocol::model::Draft;
use protocol::room::RoomChange;

use crate::school::{on_both, refusal, school};

#[tokio::test]
async fn the_last_text_counts_and_one_that_is_gone_leaves_its_version() {
    on_both(|store| async move {
        let s = school(store).await;
        let keep = async |body: &str| {
            s.store
                .keep_draft(&s.room, &s.misha, body, &[], 1)
                .await
                .unwrap()
        };
        let shown = async || s.store.rooms_of(&s.misha).await.unwrap()[0].draft.clone();
        assert_eq!(keep("").await, None, "there was nothing");
        assert_eq!(s.store.draft_version(&s.room, &s.misha).await.unwrap(), 0);
        assert_eq!(keep("за").await, Some(1));
        assert_eq!(keep("за").await, None, "again");
        assert_eq!(keep("завтра").await, Some(2));
        let draft = |v, body: &str, men| {
            let body = body.to_owned();
            Some(Draft { v, body, men })
        };
        assert_eq!(shown().await, draft(2, "завтра", vec![]));
        let men = std::slice::from_ref(&s.anna);
        let named = s
            .store
            .keep_draft(&s.room, &s.misha, "завтра", men, 1)
            .await;
        assert_eq!(named.unwrap(), Some(3));
        assert_eq!(shown().await, draft(3, "завтра", vec![s.anna.clone()]));
        assert_eq!(
            s.store.rooms_of(&s.anna).await.unwrap()[0].draft,
            None,
            "of nobody else"
        );
        assert_eq!(keep("").await, Some(4));
        assert_eq!(shown().await, None);
        assert_eq!(s.store.draft_version(&s.room, &s.misha).await.unwrap(), 4);
        assert_eq!(keep("снова").await, Some(5));
        let stranger = s.store.keep_draft(&s.room, &s.stranger, "я", &[], 1).await;
        assert_eq!(refusal(stranger), ErrorCode::Forbidden);
    })
    .await;
}

#[tokio::test]
async fn drafts_are_bounded_and_go_where_nobody_writes() {
    on_both(|store| async move {
        let s = school(store).await;
        let both = [s.anna.clone(), s.misha.clone()];
        for k in 0..DRAFTS_MAX {
            let room = s
                .store
                .add_room(&format!("Группа {k}"), &both, 1)
                .await
                .unwrap();
            s.store
                .keep_draft(&room, &s.misha, "я", &[], 1)
                .await
                .unwrap()
                .unwrap();
        }
        let more = s.store.keep_draft(&s.room, &s.misha, "я", &[], 1).await;
        assert_eq!(refusal(more), ErrorCode::TooLarge);
        let long = "я".repeat(DRAFTS_CHARS_MAX);
        let room = s.store.add_room("Другая", &both, 1).await.unwrap();
        let whole = s.store.keep_draft(&room, &s.anna, &long, &[], 1).await;
        assert_eq!(whole.unwrap(), Some(1));
        let more = s.store.keep_draft(&s.room, &s.anna, "я", &[], 1).await;
        assert_eq!(refusal(more), ErrorCode::TooLarge, "all of them together");
        let less = s.store.keep_draft(&room, &s.anna, &long[2..], &[], 1).await;
        assert_eq!(less.unwrap(), Some(2));
        s.store
            .keep_draft(&s.room, &s.anna, "я", &[], 1)
            .await
            .unwrap()
            .unwrap();
        let archive = RoomChange {
            archived: Some(true),
            ..RoomChange::default()
        };
        s.store
            .change_room(&s.room, &s.anna, &archive, 1)
            .await
            .unwrap();
        let late = s.store.keep_draft(&s.room, &s.anna, "я сам", &[], 1).await;
        assert_eq!(refusal(late), ErrorCode::Archived);
        let gone = s
            .store
            .keep_draft(&s.room, &s.anna, "", &[], 1)
            .await
            .unwrap();
        assert_eq!(gone, Some(2), "it can be taken away there, too");
        // Somebody who leaves leaves nothing.
        let room = s.store.add_room("Уходят", &both, 1).await.unwrap();
        let before = s.store.rooms_of(&s.misha).await.unwrap();
        let full = before
            .iter()
            .find(|one| one.draft.is_some())
            .unwrap()
            .id
            .clone();
        let remove = RoomChange {
            remove: vec![s.misha.clone()],
            ..RoomChange::default()
        };
        s.store
            .change_room(&full, &s.anna, &remove, 1)
            .await
            .unwrap();
        let one = s.store.keep_draft(&room, &s.misha, "я", &[], 1).await;
        assert_eq!(one.unwrap(), Some(1));
    })
    .await;
}
