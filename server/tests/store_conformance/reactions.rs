//! Emoji with which messages are answered.

use protocol::http::EventsPage;
use protocol::limits::{REACTION_KINDS_MAX, REACTIONS_BY_PERSON_MAX, REACTIONS_PER_MESSAGE_MAX};
use protocol::model::{Message, Role};
use protocol::{ErrorCode, RoomEvent};
use server::store::Change;

use crate::school::{on_both, person, refusal, school};

/// What the message has, as `emoji: who who`.
fn shown(message: &Message) -> Vec<String> {
    let one = |kind: &protocol::model::Reaction| {
        let by: Vec<&str> = kind.by.iter().map(protocol::UserId::as_str).collect();
        format!("{}: {}", kind.emoji, by.join(" "))
    };
    message.react.iter().map(one).collect()
}

fn first_message(page: &EventsPage) -> &Message {
    let found = page.events.iter().find_map(|event| match event {
        RoomEvent::Msg { d, .. } => Some(d),
        RoomEvent::MsgChanged { .. }
        | RoomEvent::MsgReacted { .. }
        | RoomEvent::Poll { .. }
        | RoomEvent::MsgAcked { .. }
        | RoomEvent::MsgReminded { .. }
        | RoomEvent::MsgPinned { .. }
        | RoomEvent::MsgExpired { .. }
        | RoomEvent::CallStarted { .. }
        | RoomEvent::CallEnded { .. } => None,
    });
    found.expect("a message")
}

#[tokio::test]
async fn reactions_are_events_and_the_message_carries_what_they_come_to() {
    on_both(|store| async move {
        let s = school(store).await;
        let (anna, misha) = (s.anna.as_str(), s.misha.as_str());
        let id = s.write(&s.misha, "c1", "Готово").await.message.id;
        let react = |by, emoji, on| s.store.react(&id, by, emoji, on, 9_000);
        let set = react(&s.misha, "🔥", true).await.unwrap().unwrap();
        let RoomEvent::MsgReacted { s: 2, d, .. } = &set else {
            panic!("{set:?}")
        };
        assert_eq!((d.by.as_str(), d.emoji.as_str(), d.on), (misha, "🔥", true));
        // Again, because the answer was lost; and taking back what was not there.
        assert_eq!(react(&s.misha, "🔥", true).await.unwrap(), None);
        assert_eq!(react(&s.misha, "👍", false).await.unwrap(), None);
        for (by, emoji, on) in [
            (&s.anna, "👍", true),
            (&s.misha, "👍", true),
            (&s.anna, "🔥", true),
            (&s.misha, "🔥", false),
        ] {
            react(by, emoji, on).await.unwrap().unwrap();
        }
        // Neither repeats nor refusals took positions, and nothing became unread.
        let rooms = s.store.rooms_of(&s.anna).await.unwrap();
        assert_eq!((rooms[0].seq, rooms[0].no, rooms[0].read_no), (6, 1, 0));
        assert!(rooms[0].last.as_ref().unwrap().react.is_empty());

        let page = s.store.page_before(&s.room, None, 9).await.unwrap();
        let expected = [format!("👍: {anna} {misha}"), format!("🔥: {anna}")];
        assert_eq!(shown(first_message(&page)), expected);
        let done = page.events.iter().filter_map(|event| match event {
            RoomEvent::MsgReacted { s, d, .. } => Some((*s, d.emoji.as_str(), d.on)),
            RoomEvent::Msg { .. }
            | RoomEvent::MsgChanged { .. }
            | RoomEvent::Poll { .. }
            | RoomEvent::MsgAcked { .. }
            | RoomEvent::MsgReminded { .. }
            | RoomEvent::MsgPinned { .. }
            | RoomEvent::MsgExpired { .. }
            | RoomEvent::CallStarted { .. }
            | RoomEvent::CallEnded { .. } => None,
        });
        let order = [
            (2, "🔥", true),
            (3, "👍", true),
            (4, "👍", true),
            (5, "🔥", true),
            (6, "🔥", false),
        ];
        assert_eq!(done.collect::<Vec<_>>(), order);

        // A change keeps them and tells them along; a deletion takes them, and there is nothing left to react to.
        let edit = Change::Edit("Готово!");
        let changed = s.store.change_message(&id, &s.misha, edit, 1).await;
        let Some(RoomEvent::MsgChanged { d, .. }) = changed.unwrap() else {
            panic!("a change")
        };
        assert_eq!(shown(&d), expected);
        let delete = Change::Delete { is_staff: false };
        let gone = s.store.change_message(&id, &s.misha, delete, 1).await;
        let Some(RoomEvent::MsgChanged { d, .. }) = gone.unwrap() else {
            panic!("a deletion")
        };
        assert!(d.react.is_empty());
        assert_eq!(
            refusal(react(&s.anna, "👍", true).await),
            ErrorCode::NotFound
        );
        assert_eq!(
            refusal(react(&s.anna, "👍", false).await),
            ErrorCode::NotFound
        );
        assert_eq!(s.store.rooms_of(&s.anna).await.unwrap()[0].seq, 8);
    })
    .await;
}

#[tokio::test]
async fn reactions_are_for_members_and_bounded() {
    on_both(|store| async move {
        let s = school(store).await;
        let id = s.write(&s.misha, "c1", "Кто за?").await.message.id;
        let react = |by: protocol::UserId, emoji: String| {
            let (store, id) = (s.store.clone(), id.clone());
            async move { store.react(&id, &by, &emoji, true, 1).await }
        };
        let stranger = react(s.stranger.clone(), "👍".to_owned()).await;
        assert_eq!(refusal(stranger), ErrorCode::NotFound);
        let kind = |n: usize| {
            char::from_u32(0x1F400 + u32::try_from(n).unwrap())
                .unwrap()
                .to_string()
        };
        for n in 0..REACTIONS_BY_PERSON_MAX {
            react(s.anna.clone(), kind(n)).await.unwrap().unwrap();
        }
        let more = react(s.anna.clone(), kind(REACTIONS_BY_PERSON_MAX)).await;
        assert_eq!(refusal(more), ErrorCode::TooLarge);
        // What was set may be set again, and taken back for another.
        assert_eq!(react(s.anna.clone(), kind(0)).await.unwrap(), None);
        s.store
            .react(&id, &s.anna, &kind(0), false, 1)
            .await
            .unwrap()
            .unwrap();
        react(s.anna.clone(), kind(REACTIONS_BY_PERSON_MAX))
            .await
            .unwrap()
            .unwrap();

        let mut count = REACTIONS_BY_PERSON_MAX;
        let mut kinds = REACTIONS_BY_PERSON_MAX;
        for n in 0.. {
            let new = person(&format!("p{n}"), Role::Student);
            let one = s.store.add_person(&new, 1).await.unwrap().id;
            s.store.add_member(&s.room, &one).await.unwrap();
            if count >= REACTIONS_PER_MESSAGE_MAX {
                assert_eq!(refusal(react(one, kind(1)).await), ErrorCode::TooLarge);
                break;
            }
            if kinds < REACTION_KINDS_MAX {
                react(one, kind(100 + n)).await.unwrap().unwrap();
                (kinds, count) = (kinds + 1, count + 1);
                continue;
            }
            assert_eq!(
                refusal(react(one.clone(), kind(90)).await),
                ErrorCode::TooLarge
            );
            for known in 1..=REACTIONS_BY_PERSON_MAX {
                if count < REACTIONS_PER_MESSAGE_MAX {
                    react(one.clone(), kind(known)).await.unwrap().unwrap();
                    count += 1;
                }
            }
        }
        let page = s.store.page_after(&s.room, 0, 1).await.unwrap();
        let message = first_message(&page);
        assert_eq!(message.react.len(), REACTION_KINDS_MAX);
        let all: usize = message.react.iter().map(|kind| kind.by.len()).sum();
        assert_eq!(all, REACTIONS_PER_MESSAGE_MAX);
    })
    .await;
}
