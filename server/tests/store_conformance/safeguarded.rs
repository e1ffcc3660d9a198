//! Rooms in which one adult is with learners: what the settings say about them, and that nothing becomes readable by others than its
//! author was told of.

use protocol::later::LaterSet;
use protocol::model::Role;
use protocol::room::{DirectPolicy, LearnerPolicy, RoomChange, RoomKind};
use protocol::{ClientId, ErrorCode, RoomId, UserId};
use server::rights::Writers;
use server::store::{Change, MakeRoom, NewLater, NewMail, NewMessage, NewReply, Store, Told};

use crate::safeguarding::{VISIBLE, add, noticed, rules};
use crate::school::{School, on_both, refusal, school, text};

const OFF: server::rights::DirectRules = rules(LearnerPolicy::Off);
const PRIVATE: server::rights::DirectRules = rules(LearnerPolicy::Private);

async fn class(store: Store) -> School {
    let s = school(store).await;
    s.store.add_member(&s.room, &s.stranger).await.unwrap();
    s
}

async fn make(
    s: &School,
    by: &UserId,
    cid: &str,
    kind: RoomKind,
    people: &[&UserId],
) -> Result<RoomId, ErrorCode> {
    let people: Vec<UserId> = people.iter().map(|one| (*one).clone()).collect();
    let new = MakeRoom {
        kind,
        name: "Поговорим",
        by,
        cid: &ClientId::parse(cid).unwrap(),
        people: &people,
    };
    match s.store.make_room(&new, 7).await {
        Ok(made) => Ok(made.room),
        refused @ Err(_) => Err(refusal(refused)),
    }
}

async fn change(
    s: &School,
    room: &RoomId,
    by: &UserId,
    add: &[&UserId],
    remove: &[&UserId],
) -> Result<(), ErrorCode> {
    let ids = |all: &[&UserId]| all.iter().map(|one| (*one).clone()).collect();
    let change = RoomChange {
        add: ids(add),
        remove: ids(remove),
        ..RoomChange::default()
    };
    match s.store.change_room(room, by, &change, 8).await {
        Ok(_) => Ok(()),
        refused @ Err(_) => Err(refusal(refused)),
    }
}

async fn is_safeguarded(s: &School, room: &RoomId, whose: &UserId) -> bool {
    let rooms = s.store.rooms_of(whose).await.unwrap();
    rooms
        .iter()
        .find(|one| one.id == *room)
        .unwrap()
        .safeguarded
}

async fn writers(s: &School, room: &RoomId, whose: &UserId) -> Writers {
    let access = s.store.access(room, whose).await.unwrap();
    access.unwrap().writers
}

async fn sends(
    s: &School,
    by: &UserId,
    send: &protocol::command::MsgSend,
) -> Result<i64, ErrorCode> {
    match s.store.add_message(NewMessage { by, send }, 5_000).await {
        Ok(stored) => Ok(stored.message.no),
        refused @ Err(_) => Err(refusal(refused.map(|_| ()))),
    }
}

#[tokio::test]
async fn a_group_of_one_adult_and_a_learner_is_no_way_around() {
    on_both(|store| async move {
        let s = class(store).await;
        let (anna, misha, stranger) = (&s.anna, &s.misha, &s.stranger);
        let boris = &add(&s.store, "boris", Role::Teacher).await;
        let mother = &add(&s.store, "mother", Role::Guardian).await;
        let olga = &add(&s.store, "olga", Role::Administrator).await;
        let alone = Err(ErrorCode::AloneWithLearners);
        s.store.apply_direct_rules(OFF).await.unwrap();
        assert_eq!(s.store.learner_policy().await.unwrap(), LearnerPolicy::Off);
        for (cid, kind, people) in [
            ("g1", RoomKind::Group, vec![misha]),
            ("g2", RoomKind::Announcements, vec![misha]),
            // A learner more whom nobody knows makes no class of it.
            ("g3", RoomKind::Group, vec![misha, stranger]),
        ] {
            assert_eq!(make(&s, anna, cid, kind, &people).await, alone, "{cid}");
            assert_eq!(make(&s, anna, cid, kind, &people).await, alone, "{cid}");
        }
        // A second adult, a class by an administrator, and rooms without learners.
        let shared = make(&s, anna, "g4", RoomKind::Group, &[misha, boris]).await;
        let shared = shared.unwrap();
        let family = make(&s, anna, "g5", RoomKind::Group, &[misha, mother]).await;
        family.unwrap();
        make(&s, anna, "g6", RoomKind::Guardians, &[mother])
            .await
            .unwrap();
        make(&s, anna, "g7", RoomKind::Group, &[]).await.unwrap();
        let course = make(&s, olga, "g8", RoomKind::Group, &[anna, misha, stranger]).await;
        let course = course.unwrap();
        assert_eq!(make(&s, olga, "g9", RoomKind::Group, &[misha]).await, alone);
        // Nor do people who leave: by others, and by themselves.
        let alone = Err(ErrorCode::AloneWithLearners);
        assert_eq!(change(&s, &shared, anna, &[], &[boris]).await, alone);
        assert_eq!(change(&s, &shared, boris, &[], &[boris]).await, alone);
        assert_eq!(
            change(&s, &shared, anna, &[stranger], &[boris]).await,
            alone
        );
        change(&s, &shared, anna, &[], &[misha]).await.unwrap();
        change(&s, &course, anna, &[], &[olga]).await.unwrap();
        assert_eq!(change(&s, &course, anna, &[], &[stranger]).await, alone);
        assert_eq!(writers(&s, &course, anna).await, Writers::Members);
        sends(&s, anna, &text(&course, "c1", "Урок в пять"))
            .await
            .unwrap();
    })
    .await;
}

#[tokio::test]
async fn groups_of_before_follow_the_settings_and_open_again_with_another_adult() {
    on_both(|store| async move {
        let s = class(store).await;
        let (anna, misha) = (&s.anna, &s.misha);
        let boris = &add(&s.store, "boris", Role::Teacher).await;
        let olga = &add(&s.store, "olga", Role::Administrator).await;
        let pair = make(&s, anna, "g1", RoomKind::Group, &[misha])
            .await
            .unwrap();
        sends(&s, anna, &text(&pair, "c1", "вдвоём")).await.unwrap();
        let changed = s.store.apply_direct_rules(OFF).await.unwrap();
        assert_eq!(changed.len(), 1, "and not the class");
        assert_eq!(
            (&changed[0].0, changed[0].1.len()),
            (&pair, 2),
            "both are told"
        );
        assert!(s.store.apply_direct_rules(OFF).await.unwrap().is_empty());
        for by in [anna, misha] {
            assert_eq!(
                sends(&s, by, &text(&pair, "c2", "ещё")).await,
                Err(ErrorCode::ReadOnly)
            );
        }
        change(&s, &pair, anna, &[boris], &[]).await.unwrap();
        sends(&s, anna, &text(&pair, "c3", "втроём")).await.unwrap();
        let alone = Err(ErrorCode::AloneWithLearners);
        assert_eq!(change(&s, &pair, anna, &[], &[boris]).await, alone);

        // Where it may be read they are told so. What the second adult could read is not left to nobody.
        s.store.apply_direct_rules(VISIBLE).await.unwrap();
        assert!(!is_safeguarded(&s, &pair, misha).await);
        assert_eq!(change(&s, &pair, anna, &[], &[boris]).await, alone);
        assert_eq!(change(&s, &pair, boris, &[], &[boris]).await, alone);
        change(&s, &pair, anna, &[olga], &[]).await.unwrap();
        change(&s, &pair, olga, &[], &[boris, olga]).await.unwrap();
        assert!(is_safeguarded(&s, &pair, misha).await);
        let unseen = Err(ErrorCode::NoticeUnseen);
        assert_eq!(sends(&s, anna, &text(&pair, "c4", "тайком")).await, unseen);
        let no = sends(&s, anna, &noticed(&pair, "c4", "вслух"))
            .await
            .unwrap();
        // Nor does somebody who is added for a moment end it.
        change(&s, &pair, anna, &[boris], &[]).await.unwrap();
        assert_eq!(sends(&s, anna, &text(&pair, "c5", "тайком")).await, unseen);
        assert!(
            s.store
                .apply_direct_rules(VISIBLE)
                .await
                .unwrap()
                .is_empty()
        );
        change(&s, &pair, anna, &[], &[boris]).await.unwrap();
        assert!(is_safeguarded(&s, &pair, misha).await);
        s.store.apply_direct_rules(PRIVATE).await.unwrap();
        sends(&s, anna, &text(&pair, "c5", "вдвоём")).await.unwrap();

        // Who is responsible reads what they were told of, and nothing else; by the group, not by its people.
        let vera = &add(&s.store, "vera", Role::Teacher).await;
        s.store.set_safeguarding(vera, None, true, 9).await.unwrap();
        let groups = s.store.safeguarded_groups(vera).await.unwrap();
        assert_eq!(groups.len(), 1);
        assert_eq!((&groups[0].id, &*groups[0].name), (&pair, "Поговорим"));
        for nobody in [anna, boris, misha] {
            let groups = s.store.safeguarded_groups(nobody).await.unwrap();
            assert!(groups.is_empty());
        }
        let of = protocol::inspection::Between::Room(pair.clone());
        s.store.open_alone(&of, vera, "зачем", 9).await.unwrap();
        let open = s.store.inspections(vera, 9).await.unwrap().open;
        let read = s.store.read_inspected(&open[0].id, vera, None, 9).await;
        assert_eq!(read.unwrap(), (pair.clone(), no - 1, no));
        // Administrators see it and close it.
        assert_eq!(s.store.inspections(olga, 9).await.unwrap().open.len(), 1);
        let end = protocol::inspection::Step::End;
        let ended = s.store.step_inspection(&open[0].id, olga, end, 9).await;
        assert_eq!(ended.unwrap(), pair);
    })
    .await;
}

#[tokio::test]
async fn a_class_is_one_by_an_administrator_and_until_the_others_have_taken_it_apart() {
    on_both(|store| async move {
        let s = class(store).await;
        let (anna, misha, stranger) = (&s.anna, &s.misha, &s.stranger);
        let katya = &add(&s.store, "katya", Role::Student).await;
        let olga = &add(&s.store, "olga", Role::Administrator).await;
        s.store.apply_direct_rules(VISIBLE).await.unwrap();
        let few = make(&s, anna, "g1", RoomKind::Group, &[misha, stranger]).await;
        let few = few.unwrap();
        assert!(is_safeguarded(&s, &few, misha).await);
        // An administrator knows whom they add.
        change(&s, &few, anna, &[olga], &[]).await.unwrap();
        assert!(is_safeguarded(&s, &few, misha).await);
        change(&s, &few, olga, &[katya], &[]).await.unwrap();
        assert!(!is_safeguarded(&s, &few, misha).await, "a class");
        change(&s, &few, olga, &[], &[olga]).await.unwrap();
        assert!(!is_safeguarded(&s, &few, misha).await);
        change(&s, &few, anna, &[], &[stranger]).await.unwrap();
        assert!(is_safeguarded(&s, &few, misha).await, "two are left");
        // It is none again because others come.
        change(&s, &few, anna, &[stranger], &[]).await.unwrap();
        assert!(is_safeguarded(&s, &few, misha).await);
    })
    .await;
}

#[tokio::test]
async fn what_is_made_by_whoever_runs_the_server_follows_them_too() {
    on_both(|store| async move {
        let s = class(store).await;
        s.store.apply_direct_rules(VISIBLE).await.unwrap();
        let people = [s.anna.clone(), s.misha.clone()];
        let pair = s.store.add_room("Вдвоём", &people, 1).await.unwrap();
        assert!(is_safeguarded(&s, &pair, &s.misha).await);
        s.store.add_member(&pair, &s.stranger).await.unwrap();
        assert!(!is_safeguarded(&s, &pair, &s.misha).await, "a class");
    })
    .await;
}

#[tokio::test]
async fn nothing_becomes_readable_that_was_written_before_its_author_was_told() {
    on_both(|store| async move {
        let s = class(store).await;
        let (anna, misha) = (&s.anna, &s.misha);
        let direct = s.store.open_direct(anna, misha, DirectPolicy::All, 1);
        let room = direct.await.unwrap().room;
        let edit = async |id, body| {
            let changed = s.store.change_message(id, anna, Change::Edit(body), 2);
            match changed.await {
                Ok(changed) => Ok(changed.is_some()),
                refused @ Err(_) => Err(refusal(refused)),
            }
        };
        let first = s.send(anna, &text(&room, "d1", "раз")).await.message.id;
        assert_eq!(edit(&first, "раз!").await, Ok(true));

        // Messages for later wait for their author.
        let later = async |cid: &str, at, noticed| {
            let set = LaterSet {
                r: room.clone(),
                cid: ClientId::parse(cid).unwrap(),
                at: String::new(),
                body: "потом".to_owned(),
                re: None,
                att: Vec::new(),
                men: Vec::new(),
                all: false,
                ack: false,
                due: None,
                noticed,
            };
            let new = NewLater {
                by: anna,
                set: &set,
                due: at,
                ack_due: None,
            };
            s.store.keep_for_later(new).await.unwrap();
        };
        later("l1", 100, false).await;
        later("l2", 200, false).await;
        s.store.claim_due(100).await.unwrap();
        s.store.apply_direct_rules(VISIBLE).await.unwrap();
        let waits = s.store.later_in(&room, anna).await.unwrap();
        assert_eq!(
            waits.iter().map(|one| one.refused).collect::<Vec<_>>(),
            [None, Some(ErrorCode::NoticeUnseen)],
            "one is on its way, and is refused then"
        );
        assert!(s.store.claim_due(300).await.unwrap().is_empty());
        let held = ClientId::parse("l2").unwrap();
        s.store.make_due(anna, &held, false, 300).await.unwrap();
        let due = s.store.claim_due(300).await.unwrap();
        assert_eq!(
            sends(&s, anna, &due[0].send).await,
            Err(ErrorCode::NoticeUnseen)
        );
        let unseen = Some(ErrorCode::NoticeUnseen);
        s.store.unclaim(anna, &held, unseen).await.unwrap();
        s.store.make_due(anna, &held, true, 300).await.unwrap();
        let due = s.store.claim_due(300).await.unwrap();
        assert_eq!(sends(&s, anna, &due[0].send).await, Ok(2));
        later("l3", 400, true).await;
        let due = s.store.claim_due(400).await.unwrap();
        assert_eq!(sends(&s, anna, &due[0].send).await, Ok(3));

        // So do an outbox and a page of before; a retry of what was stored is what it was.
        assert_eq!(
            sends(&s, misha, &text(&room, "d2", "из поезда")).await,
            Err(ErrorCode::NoticeUnseen)
        );
        assert_eq!(sends(&s, anna, &text(&room, "d1", "раз")).await, Ok(1));
        let told = s.send(anna, &noticed(&room, "d3", "два")).await.message.id;
        // The class is not asked.
        sends(&s, anna, &text(&s.room, "c1", "всем")).await.unwrap();

        // What was there before is not edited into what nobody sees; what came after is.
        let settled = Err(ErrorCode::RulesChanged);
        assert_eq!(edit(&first, "новое").await, settled);
        assert_eq!(edit(&told, "два!").await, Ok(true));
        s.store.apply_direct_rules(PRIVATE).await.unwrap();
        for id in [&first, &told] {
            assert_eq!(edit(id, "иначе").await, settled);
        }
        let after = s.send(anna, &text(&room, "d4", "три")).await.message.id;
        assert_eq!(edit(&after, "три!").await, Ok(true));
        s.store.apply_direct_rules(VISIBLE).await.unwrap();
        assert_eq!(edit(&after, "четыре").await, settled);
        // It can still be deleted.
        let delete = Change::Delete { is_staff: false };
        let gone = s.store.change_message(&after, anna, delete, 3).await;
        assert!(gone.unwrap().is_some());
    })
    .await;
}

#[tokio::test]
async fn answers_by_mail_are_told_of_by_the_mail() {
    on_both(|store| async move {
        let s = class(store).await;
        let (anna, misha) = (&s.anna, &s.misha);
        let direct = s.store.open_direct(anna, misha, DirectPolicy::All, 1);
        let room = direct.await.unwrap().room;
        let news = async || {
            let news = s.store.mail_news(&room, misha, false, 6_000).await;
            news.unwrap().unwrap()
        };
        s.send(anna, &text(&room, "d1", "раз")).await;
        let before = news().await;
        assert!(!before.safeguarded);
        s.store.apply_direct_rules(VISIBLE).await.unwrap();
        assert!(news().await.safeguarded);
        for (id, safeguarded) in [("before", false), ("after", true)] {
            s.send(anna, &noticed(&room, id, "ещё")).await;
            let told = news().await;
            let reply = NewReply {
                id,
                room: &room,
                message: &told.last,
                expires_at: 9,
                noticed: safeguarded,
            };
            let mail = NewMail {
                id,
                person: misha,
                event: id,
                address: "m@example.ru",
                letter: "{}",
            };
            let rooms = [(&room, told.last_no)];
            let told = Told {
                rooms: &rooms,
                asks: &[],
            };
            let queued = s.store.tell_by_mail(&mail, told, Some(&reply), 6_000);
            assert!(queued.await.unwrap());
            let to = s.store.reply_to_mail(id).await.unwrap().unwrap();
            assert_eq!(to.noticed, safeguarded);
        }
    })
    .await;
}
