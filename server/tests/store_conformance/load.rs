//! Many at once: what shares a transaction stays as separate as what does not.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures_util::FutureExt;
use protocol::model::Role;
use protocol::{ErrorCode, MessageId, RoomEvent, RoomId, UserId};
use server::store::{NewMessage, Receipts, Store, StoreError, Stored};
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use tokio::task::JoinSet;

use crate::school::{on_both, on_postgres, on_sqlite, person, refusal, school, text};

const ROOMS: usize = 7;
const PEOPLE: usize = 20;
const SENDS: usize = 200;

// Seven rooms; each person is a stranger to every third.
async fn crowd(store: &Store) -> (Vec<RoomId>, Vec<UserId>) {
    let mut people = Vec::new();
    for k in 0..PEOPLE {
        let new = person(&format!("p{k}"), Role::Student);
        people.push(store.add_person(&new, 1).await.unwrap().id);
    }
    let mut rooms = Vec::new();
    for r in 0..ROOMS {
        let members: Vec<UserId> = (0..PEOPLE)
            .filter(|p| is_member(r, *p))
            .map(|p| people[p].clone())
            .collect();
        rooms.push(store.add_room("Группа", &members, 1).await.unwrap());
    }
    (rooms, people)
}

const fn is_member(room: usize, person: usize) -> bool {
    !(room + person).is_multiple_of(3)
}

#[derive(Clone, Copy)]
enum Kind {
    Plain,
    /// The same as the one before.
    Repeated,
    /// An answer to a message that does not exist.
    Dangling,
}

/// The k-th message: where, who, which client id, what about it.
const fn plan(k: usize) -> (usize, usize, usize, Kind) {
    let (kind, key) = match k % 10 {
        8 => (Kind::Repeated, k - 1),
        9 => (Kind::Dangling, k),
        _ => (Kind::Plain, k),
    };
    (key % ROOMS, (key * 13 + key / 7) % PEOPLE, key, kind)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_leaves_no_gap_and_no_double() {
    on_both(|store| async move {
        let (rooms, people) = crowd(&store).await;
        let mut tasks = JoinSet::new();
        for k in 0..SENDS {
            let (room, who, key, kind) = plan(k);
            let (store, by) = (store.clone(), people[who].clone());
            let mut send = text(&rooms[room], &format!("c{key}"), &format!("№ {key}"));
            if let Kind::Dangling = kind {
                send.re = Some(MessageId::parse("nothing").unwrap());
            }
            tasks.spawn(async move {
                let new = NewMessage {
                    by: &by,
                    send: &send,
                };
                (k, store.add_message(new, 1).await)
            });
        }
        let mut answers: BTreeMap<usize, Result<Stored, StoreError>> = BTreeMap::new();
        answers.extend(tasks.join_all().await);

        let mut acknowledged: HashMap<String, Vec<Stored>> = HashMap::new();
        for (k, answer) in answers {
            let (room, who, key, kind) = plan(k);
            match (is_member(room, who), kind) {
                (false, _) => assert_eq!(refusal(answer), ErrorCode::Forbidden, "{k}"),
                (true, Kind::Dangling) => assert_eq!(refusal(answer), ErrorCode::NotFound, "{k}"),
                (true, Kind::Plain | Kind::Repeated) => acknowledged
                    .entry(format!("c{key}"))
                    .or_default()
                    .push(answer.unwrap()),
            }
        }
        for answers in acknowledged.values() {
            let firsts = answers.iter().filter(|stored| !stored.dup).count();
            assert_eq!(firsts, 1);
            assert!(answers.iter().all(|a| a.message == answers[0].message));
        }
        let mut stored = BTreeSet::new();
        for room in &rooms {
            let events = store.events_after(room, 0, 1_000).await.unwrap();
            let mut own: BTreeMap<&UserId, i64> = BTreeMap::new();
            for (place, event) in (1_i64..).zip(&events) {
                let RoomEvent::Msg { s, d, .. } = event else {
                    panic!("a message")
                };
                assert_eq!((*s, d.no), (place, place));
                assert!(
                    stored.insert(d.cid.as_str().to_owned()),
                    "{} twice",
                    d.cid.as_str()
                );
                assert_eq!(&acknowledged[d.cid.as_str()][0].event, event);
                own.insert(&d.by, d.no);
            }
            let count = i64::try_from(events.len()).unwrap();
            let (_, seq, no) = store.position(room).await.unwrap();
            assert_eq!((seq, no), (count, count));
            for (by, no) in own {
                assert_eq!(store.read_no(room, by).await.unwrap(), no);
            }
        }
        assert_eq!(stored.len(), acknowledged.len());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_client_id_in_two_rooms_is_stored_in_one() {
    on_both(|store| async move {
        let s = school(store).await;
        let other = [s.anna.clone()];
        let other = s.store.add_room("Другая", &other, 1).await.unwrap();
        let mut tasks = JoinSet::new();
        for k in 0..40 {
            let (store, by) = (s.store.clone(), s.anna.clone());
            let room = if k % 2 == 0 { &s.room } else { &other };
            let send = text(room, &format!("c{}", k / 2), "туда или сюда");
            tasks.spawn(async move {
                let new = NewMessage {
                    by: &by,
                    send: &send,
                };
                store.add_message(new, 1).await
            });
        }
        let (stored, refused): (Vec<_>, Vec<_>) =
            tasks.join_all().await.into_iter().partition(Result::is_ok);
        assert_eq!((stored.len(), refused.len()), (20, 20));
        for answer in refused {
            assert_eq!(refusal(answer), ErrorCode::BadRequest);
        }
        let (_, here, _) = s.store.position(&s.room).await.unwrap();
        let (_, there, _) = s.store.position(&other).await.unwrap();
        assert_eq!(here + there, 20);
    })
    .await;
}

// Two nodes over one database: an impatient client's tries arrive at both, and both lock the same rooms.
#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_agree_on_numbers_and_doubles() {
    on_postgres(|store, beside| async move {
        let url = beside.connect_options().to_url_lossy();
        let second = Store::open_postgres(url.as_str()).await.unwrap();
        let (rooms, people) = crowd(&store).await;
        let mut tasks = JoinSet::new();
        for k in 0..400 {
            let key = k / 2;
            let node = if k % 2 == 0 { &store } else { &second };
            let (node, room, by) = (node.clone(), key % ROOMS, people[key % PEOPLE].clone());
            let send = text(&rooms[room], &format!("c{key}"), "дважды");
            let member = is_member(room, key % PEOPLE);
            tasks.spawn(async move {
                let new = NewMessage {
                    by: &by,
                    send: &send,
                };
                (key, member, node.add_message(new, 1).await)
            });
        }
        let mut answers: BTreeMap<usize, Vec<Stored>> = BTreeMap::new();
        for (key, member, answer) in tasks.join_all().await {
            if member {
                answers.entry(key).or_default().push(answer.unwrap());
            } else {
                assert_eq!(refusal(answer), ErrorCode::Forbidden);
            }
        }
        for both in answers.values() {
            assert_eq!(both[0].message, both[1].message);
            assert_ne!(both[0].dup, both[1].dup);
        }
        let mut stored = 0;
        for room in &rooms {
            let events = store.events_after(room, 0, 1_000).await.unwrap();
            let seqs = events.iter().map(RoomEvent::seq);
            assert!(seqs.eq(1..=i64::try_from(events.len()).unwrap()));
            stored += events.len();
        }
        assert_eq!(stored, answers.len());
        second.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_message_is_stored_also_when_its_sender_has_gone() {
    on_both(|store| async move {
        let s = school(store).await;
        let send = text(&s.room, "c1", "связь пропала");
        let new = NewMessage {
            by: &s.anna,
            send: &send,
        };
        let gone = s.store.add_message(new, 1).now_or_never();
        assert!(gone.is_none(), "nobody is answered before the commit");
        let again = s.store.add_message(new, 1).await.unwrap();
        assert!(again.dup);
        assert_eq!(s.store.position(&s.room).await.unwrap().1, 1);
    })
    .await;
}

// SQLite takes this text, PostgreSQL does not. Either way the others are not to suffer.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_database_cannot_take_harms_nothing_beside_it() {
    on_both(|store| async move {
        let s = school(store).await;
        let mut tasks = JoinSet::new();
        for k in 0..20 {
            let (store, by) = (s.store.clone(), s.misha.clone());
            let body = if k == 7 { "\0" } else { "обычное" };
            let send = text(&s.room, &format!("c{k}"), body);
            tasks.spawn(async move {
                let new = NewMessage {
                    by: &by,
                    send: &send,
                };
                (k, store.add_message(new, 1).await)
            });
        }
        let mut stored = 0;
        for (k, answer) in tasks.join_all().await {
            assert!(answer.is_ok() || k == 7, "{answer:?}");
            stored += i64::from(answer.is_ok());
        }
        let (_, seq, no) = s.store.position(&s.room).await.unwrap();
        assert_eq!((seq, no), (stored, stored));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn read_pointers_that_move_at_once_end_at_the_farthest() {
    on_both(|store| async move {
        let s = school(store).await;
        for k in 1..=20 {
            s.write(&s.anna, &format!("c{k}"), "текст").await;
        }
        let mut tasks = JoinSet::new();
        for no in 1..=30 {
            let (store, room, who) = (s.store.clone(), s.room.clone(), s.misha.clone());
            tasks.spawn(async move { store.mark_read(&room, &who, no).await.unwrap() });
        }
        let moves = tasks.join_all().await;
        assert_eq!(moves.into_iter().flatten().max(), Some(20));
        assert_eq!(s.store.read_no(&s.room, &s.misha).await.unwrap(), 20);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_and_receipts_at_the_same_time_disturb_each_other_in_nothing() {
    on_both(|store| async move {
        let s = school(store).await;
        let mut people = Vec::new();
        for k in 0..40 {
            let new = person(&format!("p{k}"), Role::Student);
            people.push(s.store.add_person(&new, 1).await.unwrap().id);
        }
        let mut rooms = Vec::new();
        for k in 0..10 {
            rooms.push(s.store.add_room(&k.to_string(), &people, 1).await.unwrap());
        }
        let mut tasks = JoinSet::new();
        // Four nodes, as it were, with receipts of the same people, while everybody writes.
        for (k, by) in people.iter().enumerate() {
            let (store, by, room) = (s.store.clone(), by.clone(), rooms[k % rooms.len()].clone());
            tasks.spawn(async move {
                for no in 0..5 {
                    let send = text(&room, &format!("c{no}"), "толпа");
                    let (by, send) = (&by, &send);
                    store.add_message(NewMessage { by, send }, 1).await.unwrap();
                }
                Receipts::new()
            });
        }
        let all = |no: i64| -> Receipts {
            let of = |room: &RoomId| {
                let room = room.clone();
                people
                    .iter()
                    .map(move |person| ((room.clone(), person.clone()), no))
            };
            rooms.iter().flat_map(of).collect()
        };
        for _ in 0..4 {
            let (store, receipts): (_, Vec<_>) = (s.store.clone(), (1..=30).map(all).collect());
            tasks.spawn(async move {
                let mut news = Receipts::new();
                for receipts in receipts {
                    news.extend(store.mark_received(&receipts).await.unwrap());
                }
                news
            });
        }
        tasks.join_all().await;
        s.store.mark_received(&all(20)).await.unwrap();
        for room in &rooms {
            let marks = s.store.readers(room).await.unwrap();
            assert!(marks.iter().all(|mark| mark.recv == 20), "{marks:?}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_is_full_refuses_and_loses_nothing() {
    on_sqlite(|store, file| async move {
        let s = school(store).await;
        // While another process holds the file, nothing is stored and the queue fills.
        let url = format!("sqlite://{}", file.display());
        let mut holder = SqliteConnection::connect(&url).await.unwrap();
        sqlx::query("BEGIN IMMEDIATE")
            .execute(&mut holder)
            .await
            .unwrap();
        let mut tasks = JoinSet::new();
        for k in 0..5_000 {
            let (store, by) = (s.store.clone(), s.anna.clone());
            let send = text(&s.room, &format!("c{k}"), "толпа");
            tasks.spawn(async move {
                let new = NewMessage {
                    by: &by,
                    send: &send,
                };
                store.add_message(new, 1).await
            });
        }
        let first = tasks.join_next().await.unwrap().unwrap();
        assert_eq!(refusal(first), ErrorCode::Overloaded);
        sqlx::query("ROLLBACK").execute(&mut holder).await.unwrap();
        let mut stored = 0;
        for answer in tasks.join_all().await {
            match answer {
                Ok(_) => stored += 1,
                refused @ Err(_) => assert_eq!(refusal(refused), ErrorCode::Overloaded),
            }
        }
        assert!(stored > 0);
        let (_, seq, no) = s.store.position(&s.room).await.unwrap();
        assert_eq!((seq, no), (stored, stored));
        assert_eq!(s.write(&s.anna, "after", "тихо").await.event.seq(), seq + 1);
    })
    .await;
}
