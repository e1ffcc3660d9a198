//! Acknowledgements of messages.

use jiff::tz::TimeZone;
use protocol::command::MsgSend;
use protocol::limits::{ACKS_TOLD_MAX, REMIND_SECONDS, SEARCH_PAGE_MAX};
use protocol::model::{Ack, Message, Role};
use protocol::room::{DirectPolicy, RoomChange};
use protocol::{ErrorCode, MessageId, RoomEvent, UserId};
use server::store::{Change, NewMessage, Recalled, Store};

use crate::school::{School, on_both, person, refusal, school, text};

const HOUR: i64 = 1_000 * REMIND_SECONDS.cast_signed();
/// The hour at which people are reminded.
const TEN: i64 = 10 * HOUR;

fn asking(s: &School, cid: &str, body: &str) -> MsgSend {
    MsgSend {
        ack: true,
        ..text(&s.room, cid, body)
    }
}

async fn ask(s: &School, cid: &str) -> Message {
    let send = asking(s, cid, "Собрание в четверг");
    s.send(&s.anna, &send).await.message
}

/// A person who becomes a member now.
async fn joins(s: &School, login: &str, role: Role) -> UserId {
    let new = s.store.add_person(&person(login, role), 1).await.unwrap();
    let change = RoomChange {
        add: vec![new.id.clone()],
        ..RoomChange::default()
    };
    let changed = s.store.change_room(&s.room, &s.anna, &change, 6_000).await;
    changed.unwrap();
    new.id
}

async fn leaves(s: &School, who: &UserId) {
    let change = RoomChange {
        remove: vec![who.clone()],
        ..RoomChange::default()
    };
    let changed = s.store.change_room(&s.room, &s.anna, &change, 7_000).await;
    changed.unwrap();
}

/// What is asked of a person in the room, by number.
async fn open(s: &School, who: &UserId) -> Vec<i64> {
    let all = s.store.open_acks(who).await.unwrap();
    let here = all.get(&s.room).into_iter().flatten();
    here.map(|ack| ack.no).collect()
}

async fn shown(s: &School, id: &MessageId) -> Option<Ack> {
    let page = s.store.page_before(&s.room, None, 100).await.unwrap();
    page.events.into_iter().find_map(|event| {
        if let RoomEvent::Msg { d, .. } = event
            && d.id == *id
        {
            Some(d.ack)
        } else {
            None
        }
    })?
}

#[tokio::test]
async fn whoever_was_there_is_asked_and_acknowledges_once_and_for_all() {
    on_both(|store: Store| async move {
        let s = school(store).await;
        let dasha = joins(&s, "dasha", Role::Student).await;
        let message = ask(&s, "c1").await;
        assert_eq!(message.ack, Some(Ack { done: 0, of: 2 }));
        let late = joins(&s, "late", Role::Student).await;
        for (who, asked) in [(&s.anna, 0), (&s.misha, 1), (&dasha, 1), (&late, 0)] {
            assert_eq!(open(&s, who).await.len(), asked, "{who}");
        }
        let ack = |who: &UserId, now| {
            let (store, id, who) = (s.store.clone(), message.id.clone(), who.clone());
            async move { store.acknowledge(&id, &who, now).await }
        };
        let Some(RoomEvent::MsgAcked { s: 2, d, .. }) = ack(&s.misha, 9_000).await.unwrap() else {
            panic!("an event")
        };
        assert_eq!((d.no, &d.by, d.done), (1, &s.misha, 1));
        // Again, because the answer was lost; and by people who are not asked.
        assert_eq!(ack(&s.misha, 10_000).await.unwrap(), None);
        assert_eq!(refusal(ack(&s.anna, 1).await), ErrorCode::Forbidden);
        assert_eq!(refusal(ack(&late, 1).await), ErrorCode::Forbidden);
        assert_eq!(refusal(ack(&s.stranger, 1).await), ErrorCode::NotFound);
        let rooms = s.store.rooms_of(&s.misha).await.unwrap();
        assert_eq!((rooms[0].seq, rooms[0].no, rooms[0].acks.len()), (2, 1, 0));
        assert_eq!(rooms[0].last.as_ref().unwrap().ack, None);
        assert_eq!(shown(&s, &message.id).await, Some(Ack { done: 1, of: 2 }));

        // Who left without it stays one of those who have not; coming back, they are still asked.
        leaves(&s, &dasha).await;
        assert!(open(&s, &dasha).await.is_empty());
        assert!(
            s.store
                .unacknowledged(&dasha, None)
                .await
                .unwrap()
                .is_empty()
        );
        let acks = s.store.acks_of(&message.id, &s.anna).await.unwrap();
        let mut asked: Vec<_> = acks
            .asked
            .iter()
            .map(|one| (&one.u, one.at.as_deref(), one.left))
            .collect();
        asked.sort_by_key(|(_, at, _)| at.is_none());
        let at = Some("1970-01-01T00:00:09.000Z");
        assert_eq!(asked, [(&s.misha, at, false), (&dasha, None, true)]);
        assert_eq!((&acks.later, &acks.reminded), (&vec![late], &None));
        let change = RoomChange {
            add: vec![dasha.clone()],
            ..RoomChange::default()
        };
        s.store
            .change_room(&s.room, &s.anna, &change, 8_000)
            .await
            .unwrap();
        assert_eq!(open(&s, &dasha).await, [1]);
        assert_eq!(
            s.store.unacknowledged(&dasha, None).await.unwrap()[0].id,
            message.id
        );
        ack(&dasha, 11_000).await.unwrap().unwrap();

        // Another text keeps them. Who catches up hears of each, and how many there are by now.
        let edit = Change::Edit("Собрание в пятницу");
        let changed = s
            .store
            .change_message(&message.id, &s.anna, edit, 1)
            .await
            .unwrap();
        let Some(RoomEvent::MsgChanged { d, .. }) = changed else {
            panic!("a change")
        };
        assert_eq!(d.ack, Some(Ack { done: 2, of: 2 }));
        let events = s.store.events_after(&s.room, 1, 9).await.unwrap();
        let done = events.iter().filter_map(|event| {
            if let RoomEvent::MsgAcked { s, d, .. } = event {
                Some((*s, &d.by, d.done))
            } else {
                None
            }
        });
        assert_eq!(done.collect::<Vec<_>>(), [(2, &s.misha, 2), (3, &dasha, 2)]);
    })
    .await;
}

#[tokio::test]
async fn only_the_staff_ask_and_never_in_a_conversation_of_two() {
    on_both(|store: Store| async move {
        let s = school(store).await;
        let send = |by: &UserId, send: MsgSend| {
            let (store, by) = (s.store.clone(), by.clone());
            async move {
                store
                    .add_message(
                        NewMessage {
                            by: &by,
                            send: &send,
                        },
                        1,
                    )
                    .await
            }
        };
        let refused = send(&s.misha, asking(&s, "c1", "x")).await;
        assert_eq!(refusal(refused), ErrorCode::Forbidden);
        let policy = DirectPolicy::All;
        let two = s
            .store
            .open_direct(&s.anna, &s.misha, policy, 1)
            .await
            .unwrap()
            .room;
        let direct = MsgSend {
            r: two,
            ..asking(&s, "c2", "x")
        };
        assert_eq!(refusal(send(&s.anna, direct).await), ErrorCode::Forbidden);
        let message = ask(&s, "c3").await;
        // A retry gets the stored row, and nobody is asked twice.
        let again = s
            .send(&s.anna, &asking(&s, "c3", "Собрание в четверг"))
            .await;
        assert_eq!((again.dup, again.message.ack), (true, message.ack));
        assert_eq!(open(&s, &s.misha).await, [1]);
        let archive = RoomChange {
            archived: Some(true),
            ..RoomChange::default()
        };
        s.store
            .change_room(&s.room, &s.anna, &archive, 1)
            .await
            .unwrap();
        let ack = s.store.acknowledge(&message.id, &s.misha, 1).await;
        assert_eq!(refusal(ack), ErrorCode::Archived);
        assert!(
            s.store
                .unacknowledged(&s.misha, None)
                .await
                .unwrap()
                .is_empty()
        );
        let remind = s.store.remind(&message.id, &s.anna, 1).await;
        assert_eq!(refusal(remind), ErrorCode::Archived);
    })
    .await;
}

#[tokio::test]
async fn a_reminder_is_for_those_who_have_not_and_not_too_often() {
    on_both(|store: Store| async move {
        let s = school(store).await;
        let message = ask(&s, "c1").await;
        let plain = s.write(&s.anna, "c2", "просто так").await.message;
        let remind = |id: &MessageId, who: &UserId, now| {
            let (store, id, who) = (s.store.clone(), id.clone(), who.clone());
            async move { store.remind(&id, &who, now).await }
        };
        assert_eq!(
            refusal(remind(&message.id, &s.misha, 1).await),
            ErrorCode::Forbidden
        );
        assert_eq!(
            refusal(remind(&message.id, &s.stranger, 1).await),
            ErrorCode::NotFound
        );
        assert_eq!(
            refusal(remind(&plain.id, &s.anna, 1).await),
            ErrorCode::NotFound
        );
        assert_eq!(
            refusal(s.store.acks_of(&plain.id, &s.anna).await),
            ErrorCode::NotFound
        );
        let Recalled::Now(event) = remind(&message.id, &s.anna, 1_000).await.unwrap() else {
            panic!("an event")
        };
        let RoomEvent::MsgReminded { s: 3, d, .. } = *event else {
            panic!("another event")
        };
        assert_eq!((d.no, &d.by), (1, &s.anna));
        let told = &s.store.rooms_of(&s.misha).await.unwrap()[0].acks;
        assert_eq!((told[0].no, told[0].at.as_ref()), (1, Some(&d.at)));
        let soon = remind(&message.id, &s.anna, HOUR + 400).await.unwrap();
        assert_eq!(soon, Recalled::TooSoon(600));
        let later = remind(&message.id, &s.anna, HOUR + 1_000).await.unwrap();
        assert!(matches!(&later, Recalled::Now(event) if event.seq() == 4));
        let events = s.store.events_after(&s.room, 2, 9).await.unwrap();
        assert!(matches!(&events[0], RoomEvent::MsgReminded { d: told, .. } if *told == d));
        s.store
            .acknowledge(&message.id, &s.misha, 1)
            .await
            .unwrap()
            .unwrap();
        let all = remind(&message.id, &s.anna, 9 * HOUR).await.unwrap();
        assert_eq!(all, Recalled::Nobody);
        assert_eq!(s.store.rooms_of(&s.anna).await.unwrap()[0].seq, 5);
    })
    .await;
}

#[tokio::test]
async fn of_a_deleted_message_nothing_is_asked() {
    on_both(|store: Store| async move {
        let s = school(store).await;
        let message = ask(&s, "c1").await;
        let delete = Change::Delete { is_staff: true };
        let gone = s
            .store
            .change_message(&message.id, &s.anna, delete, 1)
            .await
            .unwrap();
        let Some(RoomEvent::MsgChanged { d, .. }) = gone else {
            panic!("a deletion")
        };
        assert_eq!(d.ack, None);
        assert!(open(&s, &s.misha).await.is_empty());
        let ack = s.store.acknowledge(&message.id, &s.misha, 1).await;
        assert_eq!(refusal(ack), ErrorCode::NotFound);
        assert_eq!(
            refusal(s.store.remind(&message.id, &s.anna, 1).await),
            ErrorCode::NotFound
        );
        assert_eq!(
            refusal(s.store.acks_of(&message.id, &s.anna).await),
            ErrorCode::NotFound
        );
    })
    .await;
}

#[tokio::test]
async fn of_many_the_newest_are_told_and_all_are_paged() {
    on_both(|store: Store| async move {
        let s = school(store).await;
        let many = i64::try_from(ACKS_TOLD_MAX).unwrap() + 3;
        for k in 1..=many {
            ask(&s, &format!("c{k}")).await;
        }
        let told = open(&s, &s.misha).await;
        assert_eq!((told[0], told.len()), (4, ACKS_TOLD_MAX));
        let page = usize::try_from(SEARCH_PAGE_MAX).unwrap();
        let first = s.store.unacknowledged(&s.misha, None).await.unwrap();
        assert_eq!((first.len(), first[0].no), (page + 1, many));
        let rest = s
            .store
            .unacknowledged(&s.misha, Some(&first[page - 1].id))
            .await
            .unwrap();
        assert_eq!(rest.len() + page, usize::try_from(many).unwrap());
    })
    .await;
}

#[tokio::test]
async fn a_deadline_reminds_once_a_day_before_those_who_have_not() {
    const DAY: i64 = 24 * 3_600 * 1_000;
    on_both(|store: Store| async move {
        let s = school(store).await;
        let ask = async |cid: &str, due: i64, at: i64| {
            let mut send = asking(&s, cid, "Согласие родителей");
            send.due = Some(server::time::rfc3339(due));
            let new = NewMessage {
                by: &s.anna,
                send: &send,
            };
            s.store.add_message(new, at).await.unwrap().message
        };
        let one = ask("c1", 5 * DAY + TEN, 1_000).await;
        assert_eq!(one.due.as_deref(), Some("1970-01-06T10:00:00.000Z"));
        // Written shortly before, acknowledged, deleted: nobody is reminded of these.
        ask("c2", 5 * DAY + TEN, 4 * DAY + 4 * HOUR).await;
        let done = ask("c3", 5 * DAY + TEN, 1_000).await;
        s.store
            .acknowledge(&done.id, &s.misha, 2_000)
            .await
            .unwrap();
        let gone = ask("c4", 5 * DAY + TEN, 1_000).await;
        let delete = Change::Delete { is_staff: true };
        let changed = s.store.change_message(&gone.id, &s.anna, delete, 1).await;
        let Some(RoomEvent::MsgChanged { d, .. }) = changed.unwrap() else {
            panic!("a change")
        };
        assert_eq!(d.due, None);
        let plain = asking(&s, "c5", "без срока");
        assert_eq!(s.send(&s.anna, &plain).await.message.due, None);
        let seq = s.store.position(&s.room).await.unwrap().1;

        let remind = |now| {
            let store = s.store.clone();
            async move {
                store
                    .remind_of_deadlines(&TimeZone::UTC, now)
                    .await
                    .unwrap()
            }
        };
        assert_eq!(remind(4 * DAY + TEN - 1).await, []);
        assert_eq!(remind(4 * DAY + 21 * HOUR).await, [], "not at night");
        let events = remind(4 * DAY + TEN).await;
        let [RoomEvent::MsgReminded { s: at, d, .. }] = &events[..] else {
            panic!("one reminder: {events:?}")
        };
        assert_eq!((*at, &d.id, &d.by), (seq + 1, &one.id, &s.anna));
        for now in [4 * DAY, 6 * DAY] {
            assert_eq!(remind(now + TEN).await, []);
        }
        assert_eq!(s.store.position(&s.room).await.unwrap().1, seq + 1);
        let open = s.store.open_acks(&s.misha).await.unwrap();
        let recalled = open[&s.room].iter().find(|ack| ack.no == one.no).unwrap();
        assert_eq!(recalled.at.as_deref(), Some("1970-01-05T10:00:00.000Z"));
        // A server that was away over the time does not remind of what is over.
        ask("c6", 9 * DAY + TEN, 6 * DAY).await;
        assert_eq!(remind(9 * DAY + TEN).await, []);
    })
    .await;
}
