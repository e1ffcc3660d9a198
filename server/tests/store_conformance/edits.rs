//! Messages that are changed and deleted.

use protocol::model::Attachment;
use protocol::{ErrorCode, FileId, MessageId, RoomEvent};
use server::store::{Change, NewFile};

use crate::school::{on_both, refusal, school, text};

const MINE: Change<'_> = Change::Delete { is_staff: false };
const STAFF: Change<'_> = Change::Delete { is_staff: true };

#[tokio::test]
async fn a_message_is_changed_by_its_author_alone_and_its_texts_are_kept() {
    on_both(|store| async move {
        let s = school(store).await;
        let first = s.write(&s.misha, "c1", "Превет").await.message;
        let second = s.write(&s.anna, "c2", "…").await.message;
        let change = |by, change| s.store.change_message(&first.id, by, change, 9_000);
        assert_eq!(
            refusal(change(&s.anna, Change::Edit("x")).await),
            ErrorCode::Forbidden
        );
        assert_eq!(
            refusal(change(&s.stranger, Change::Edit("x")).await),
            ErrorCode::NotFound
        );
        assert_eq!(
            refusal(change(&s.misha, Change::Edit("")).await),
            ErrorCode::Empty
        );
        let never = MessageId::parse("never").unwrap();
        let nothing = s
            .store
            .change_message(&never, &s.misha, Change::Edit("x"), 1)
            .await;
        assert_eq!(refusal(nothing), ErrorCode::NotFound);

        let changed = change(&s.misha, Change::Edit("Привет"))
            .await
            .unwrap()
            .unwrap();
        let RoomEvent::MsgChanged { s: 3, d, .. } = &changed else {
            panic!("{changed:?}")
        };
        assert_eq!(
            (d.body.as_str(), d.no, d.edited.is_some()),
            ("Привет", 1, true)
        );
        // Again, because the answer was lost.
        assert_eq!(
            change(&s.misha, Change::Edit("Привет")).await.unwrap(),
            None
        );
        change(&s.misha, Change::Edit("Привет всем")).await.unwrap();
        // Refusals took no positions, and who catches up sees the text of now.
        let events = s.store.events_after(&s.room, 0, 9).await.unwrap();
        let bodies = events.iter().map(|event| match event {
            RoomEvent::Msg { s, d, .. } | RoomEvent::MsgChanged { s, d, .. } => {
                (*s, d.body.clone())
            }
            other @ (RoomEvent::MsgReacted { .. }
            | RoomEvent::Poll { .. }
            | RoomEvent::MsgAcked { .. }
            | RoomEvent::MsgReminded { .. }
            | RoomEvent::MsgPinned { .. }
            | RoomEvent::MsgExpired { .. }
            | RoomEvent::CallStarted { .. }
            | RoomEvent::CallEnded { .. }) => {
                panic!("{other:?}")
            }
        });
        let now = "Привет всем".to_owned();
        assert_eq!(
            bodies.collect::<Vec<_>>(),
            [
                (1, now.clone()),
                (2, second.body.clone()),
                (3, now.clone()),
                (4, now)
            ]
        );
        let versions = s
            .store
            .message_versions(&first.id, &s.anna, 9_000)
            .await
            .unwrap();
        let said = versions.into_iter().map(|version| version.body);
        assert_eq!(said.collect::<Vec<_>>(), ["Превет", "Привет"]);
        let theirs = s
            .store
            .message_versions(&first.id, &s.stranger, 9_000)
            .await;
        assert_eq!(refusal(theirs), ErrorCode::NotFound);
    })
    .await;
}

#[tokio::test]
async fn a_message_is_deleted_by_its_author_or_the_staff_with_its_files() {
    on_both(|store| async move {
        let s = school(store).await;
        let file = Attachment {
            id: FileId::parse("f1").unwrap(),
            name: "фото.png".to_owned(),
            size: 1,
            mime: "image/png".to_owned(),
            sha256: "00".repeat(32),
            preview: None,
            rec: None,
        };
        let new = NewFile {
            room: &s.room,
            owner: &s.misha,
            file: &file,
        };
        s.store.add_file(new, 1).await.unwrap();
        let mut send = text(&s.room, "c1", "смотрите");
        send.att = vec![file.id.clone()];
        send.men = vec![s.anna.clone()];
        let id = s.send(&s.misha, &send).await.message.id;
        let own = s.write(&s.anna, "c2", "не надо").await.message.id;
        let change = |id, by, change| s.store.change_message(id, by, change, 9_000);
        assert_eq!(
            refusal(change(&own, &s.misha, MINE).await),
            ErrorCode::Forbidden
        );
        assert_eq!(
            refusal(change(&own, &s.stranger, STAFF).await),
            ErrorCode::NotFound
        );
        assert!(s.store.file_for(&file.id, &s.anna).await.unwrap().is_some());
        // Files may be all that is left of it.
        change(&id, &s.misha, Change::Edit(""))
            .await
            .unwrap()
            .unwrap();

        let gone = change(&id, &s.anna, STAFF).await.unwrap().unwrap();
        let RoomEvent::MsgChanged { d, .. } = &gone else {
            panic!("{gone:?}")
        };
        assert_eq!((d.body.as_str(), d.att.len()), ("", 0));
        assert_eq!(
            d.deleted.as_ref().and_then(|deleted| deleted.by.as_ref()),
            Some(&s.anna)
        );
        assert_eq!(change(&id, &s.misha, MINE).await.unwrap(), None);
        assert_eq!(
            refusal(change(&id, &s.misha, Change::Edit("и всё же")).await),
            ErrorCode::NotFound
        );
        assert!(s.store.file_for(&file.id, &s.anna).await.unwrap().is_none());
        assert!(
            s.store
                .file_for(&file.id, &s.misha)
                .await
                .unwrap()
                .is_some()
        );
        change(&own, &s.anna, MINE).await.unwrap().unwrap();
        let rooms = s.store.rooms_of(&s.anna).await.unwrap();
        let last = rooms[0].last.as_ref().unwrap();
        assert_eq!(
            (last.no, last.body.as_str(), last.deleted.is_some()),
            (2, "", true)
        );
        let versions = s.store.message_versions(&id, &s.anna, 9_000).await.unwrap();
        assert_eq!(versions.len(), 2);
    })
    .await;
}
