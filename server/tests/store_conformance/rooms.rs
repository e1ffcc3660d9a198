//! Rooms that are made and changed, and who may write in them.

use protocol::model::Role;
use protocol::room::{DirectPolicy, Right, RoomChange, RoomKind};
use protocol::{ClientId, ErrorCode, RoomId, UserId};
use server::store::{Change, MakeRoom, NewMessage, Store};

use crate::school::{School, on_both, person, refusal, school, text};

const KINDS: [RoomKind; 3] = [
    RoomKind::Group,
    RoomKind::Announcements,
    RoomKind::Guardians,
];

async fn add(store: &Store, login: &str, role: Role) -> UserId {
    store.add_person(&person(login, role), 1).await.unwrap().id
}

async fn make(s: &School, cid: &str, kind: RoomKind, people: &[UserId]) -> RoomId {
    let cid = ClientId::parse(cid).unwrap();
    let new = MakeRoom {
        kind,
        name: "Новая",
        by: &s.anna,
        cid: &cid,
        people,
    };
    s.store.make_room(&new, 7).await.unwrap().room
}

async fn change(s: &School, room: &RoomId, change: RoomChange) {
    s.store
        .change_room(room, &s.anna, &change, 9)
        .await
        .unwrap();
}

fn archived(archived: bool) -> RoomChange {
    RoomChange {
        archived: Some(archived),
        ..RoomChange::default()
    }
}

fn moves(add: &[&UserId], remove: &[&UserId]) -> RoomChange {
    let owned = |people: &[&UserId]| people.iter().map(|one| (*one).clone()).collect();
    RoomChange {
        add: owned(add),
        remove: owned(remove),
        ..RoomChange::default()
    }
}

#[tokio::test]
async fn a_room_is_made_once_for_each_wish() {
    on_both(|store| async move {
        let s = school(store).await;
        let cid = ClientId::parse("wish").unwrap();
        let people = [s.misha.clone(), s.misha.clone(), s.anna.clone()];
        let new = MakeRoom {
            kind: RoomKind::Announcements,
            name: "Объявления",
            by: &s.anna,
            cid: &cid,
            people: &people,
        };
        let mut both = vec![s.anna.clone(), s.misha.clone()];
        both.sort();
        let wishes = (0..8).map(|_| s.store.make_room(&new, 7));
        let made: Vec<_> = futures_util::future::join_all(wishes).await;
        let made: Vec<_> = made.into_iter().map(Result::unwrap).collect();
        assert!(made.iter().all(|one| one.room == made[0].room));
        assert_eq!(made.iter().filter(|one| !one.people.is_empty()).count(), 1);
        assert!(made.iter().any(|one| one.people == both));
        let rooms = s.store.rooms_of(&s.misha).await.unwrap();
        let one = rooms.iter().find(|room| room.id == made[0].room).unwrap();
        assert_eq!(
            (one.name.as_str(), one.kind),
            ("Объявления", RoomKind::Announcements)
        );
        assert_eq!(one.members, both);
        assert!(one.can.is_empty() && !one.archived);

        let nobody = UserId::parse("nobody").unwrap();
        let other = ClientId::parse("other").unwrap();
        for (kind, people, code) in [
            (RoomKind::Group, vec![nobody], ErrorCode::NotFound),
            (
                RoomKind::Guardians,
                vec![s.misha.clone()],
                ErrorCode::BadRequest,
            ),
        ] {
            let new = MakeRoom {
                kind,
                cid: &other,
                people: &people,
                ..new
            };
            assert_eq!(refusal(s.store.make_room(&new, 7).await), code);
        }
        assert_eq!(s.store.rooms_of(&s.anna).await.unwrap().len(), 2);
    })
    .await;
}

#[tokio::test]
async fn who_may_write_is_the_same_in_the_snapshot_and_in_a_messages_transaction() {
    on_both(|store| async move {
        let s = school(store).await;
        let guardian = add(&s.store, "guardian", Role::Guardian).await;
        let admin = add(&s.store, "admin", Role::Administrator).await;
        let mut written = 0;
        for kind in KINDS {
            let mut people = vec![guardian.clone(), admin.clone()];
            if kind != RoomKind::Guardians {
                people.push(s.misha.clone());
            }
            let room = make(&s, &format!("{kind:?}"), kind, &people).await;
            people.push(s.anna.clone());
            for closed in [false, true] {
                change(&s, &room, archived(closed)).await;
                for by in &people {
                    let rooms = s.store.rooms_of(by).await.unwrap();
                    let summary = rooms.iter().find(|one| one.id == room).unwrap();
                    assert_eq!(summary.archived, closed);
                    let access = s.store.access(&room, by).await.unwrap().unwrap();
                    assert_eq!(access.rights(), summary.can);
                    let may = access.may(Right::Write);
                    let send = text(&room, &format!("{kind:?}{closed}"), "здесь");
                    let sent = s.store.add_message(NewMessage { by, send: &send }, 1).await;
                    match may {
                        Ok(()) => {
                            sent.unwrap();
                            written += 1;
                        }
                        Err(code) => assert_eq!(refusal(sent), code, "{kind:?} {closed}"),
                    }
                }
            }
        }
        // Four of a group, two of the staff with announcements, three of a guardians' room.
        assert_eq!(written, 9);
        assert!(
            s.store
                .access(&s.room, &s.stranger)
                .await
                .unwrap()
                .is_none()
        );
    })
    .await;
}

#[tokio::test]
async fn a_message_that_was_stored_before_the_archive_is_acknowledged_after_it() {
    on_both(|store| async move {
        let s = school(store).await;
        let first = s.write(&s.misha, "c1", "успел").await;
        change(&s, &s.room, archived(true)).await;
        let again = s.write(&s.misha, "c1", "успел").await;
        assert!(again.dup);
        let (id, misha) = (&first.message.id, &s.misha);
        for what in [Change::Edit("иначе"), Change::Delete { is_staff: false }] {
            let changed = s.store.change_message(id, misha, what, 1).await;
            assert_eq!(refusal(changed), ErrorCode::Archived);
        }
        let lesson = s.store.start_call(&s.room, &s.anna, 1).await;
        assert_eq!(refusal(lesson), ErrorCode::Archived);
        let moderated = Change::Delete { is_staff: true };
        let gone = s.store.change_message(id, &s.anna, moderated, 1).await;
        assert!(gone.unwrap().is_some());
        change(&s, &s.room, archived(false)).await;
        s.write(&s.misha, "c2", "снова можно").await;
    })
    .await;
}

#[tokio::test]
async fn people_come_and_go_and_keep_their_names() {
    on_both(|store| async move {
        let s = school(store).await;
        s.write(&s.misha, "c1", "до").await;
        let before = s
            .store
            .rooms_versions(&[s.misha.clone(), s.stranger.clone()])
            .await
            .unwrap();
        let named = RoomChange {
            name: Some("Новое имя".to_owned()),
            ..moves(&[&s.stranger, &s.anna], &[&s.misha])
        };
        let changed = s
            .store
            .change_room(&s.room, &s.anna, &named, 9)
            .await
            .unwrap();
        let mut all = vec![s.anna.clone(), s.misha.clone(), s.stranger.clone()];
        all.sort();
        assert_eq!(changed.people, all);
        assert_eq!(
            (changed.joined, changed.left),
            (vec![s.stranger.clone()], vec![s.misha.clone()])
        );
        let after = s.store.rooms_versions(&all).await.unwrap();
        for one in [&s.misha, &s.stranger] {
            assert!(after[one] > before[one], "{one} is to look again");
        }

        assert!(!s.store.is_member(&s.room, &s.misha).await.unwrap());
        assert!(s.store.rooms_of(&s.misha).await.unwrap().is_empty());
        assert!(s.store.acquaintances(&s.misha).await.unwrap().is_empty());
        let rooms = s.store.rooms_of(&s.stranger).await.unwrap();
        assert_eq!((rooms[0].name.as_str(), rooms[0].read_no), ("Новое имя", 1));
        let names = |people: Vec<protocol::model::Person>| -> Vec<_> {
            people.into_iter().map(|one| one.name).collect()
        };
        let known = ["Имя anna", "Имя misha", "Имя stranger"];
        assert_eq!(
            names(s.store.acquaintances(&s.stranger).await.unwrap()),
            known
        );
        assert_eq!(names(s.store.people_of(&s.room).await.unwrap()), known);
        assert_eq!(
            names(s.store.members(&s.room).await.unwrap()),
            ["Имя anna", "Имя stranger"]
        );
        let send = text(&s.room, "c2", "после");
        let sent = s
            .store
            .add_message(
                NewMessage {
                    by: &s.misha,
                    send: &send,
                },
                1,
            )
            .await;
        assert_eq!(refusal(sent), ErrorCode::Forbidden);

        // Twice is as once, also with receipts and mentions behind.
        let back = moves(&[&s.misha], &[]);
        change(&s, &s.room, back.clone()).await;
        change(&s, &s.room, back).await;
        assert_eq!(s.store.rooms_of(&s.misha).await.unwrap()[0].read_no, 1);
        assert_eq!(names(s.store.members(&s.room).await.unwrap()), known);
        let everybody = s.store.everybody(2).await.unwrap();
        assert_eq!(names(everybody), ["Имя anna", "Имя misha"]);
    })
    .await;
}

#[tokio::test]
async fn rooms_are_changed_by_their_staff_alone_and_never_left_without() {
    on_both(|store| async move {
        let s = school(store).await;
        let other = add(&s.store, "other", Role::Teacher).await;
        let ask = async |by: &UserId, change: RoomChange| {
            s.store.change_room(&s.room, by, &change, 9).await
        };
        for by in [&s.misha, &s.stranger, &other] {
            let renamed = RoomChange {
                name: Some("Моё".to_owned()),
                ..RoomChange::default()
            };
            assert_eq!(refusal(ask(by, renamed).await), ErrorCode::Forbidden);
        }
        let none = RoomId::parse("none").unwrap();
        let nowhere = s
            .store
            .change_room(&none, &s.anna, &archived(true), 9)
            .await;
        assert_eq!(refusal(nowhere), ErrorCode::Forbidden);
        let alone = moves(&[], &[&s.anna]);
        assert_eq!(refusal(ask(&s.anna, alone).await), ErrorCode::NoStaff);
        let both = moves(&[&other], &[&other]);
        assert_eq!(refusal(ask(&s.anna, both).await), ErrorCode::BadRequest);
        let nobody = UserId::parse("nobody").unwrap();
        assert_eq!(
            refusal(ask(&s.anna, moves(&[&nobody], &[])).await),
            ErrorCode::NotFound
        );
        let summary = s.store.rooms_of(&s.anna).await.unwrap().remove(0);
        assert_eq!(
            (summary.name.as_str(), summary.members.len()),
            ("Робототехника", 2)
        );
        // Who hands the room over may go.
        ask(&s.anna, moves(&[&other], &[&s.anna])).await.unwrap();
        assert_eq!(
            refusal(ask(&s.anna, archived(true)).await),
            ErrorCode::Forbidden
        );
        ask(&other, archived(true)).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn two_people_have_one_conversation_if_the_policy_allows_it() {
    on_both(|store| async move {
        let s = school(store).await;
        let (anna, misha, staff) = (&s.anna, &s.misha, DirectPolicy::Staff);
        let asking = (0..8).map(|n| {
            let (me, other) = if n % 2 == 0 {
                (anna, misha)
            } else {
                (misha, anna)
            };
            s.store.open_direct(me, other, staff, 3)
        });
        let made: Vec<_> = futures_util::future::join_all(asking).await;
        let made: Vec<_> = made.into_iter().map(Result::unwrap).collect();
        assert!(made.iter().all(|one| one.room == made[0].room));
        assert_eq!(made.iter().filter(|one| !one.people.is_empty()).count(), 1);
        let direct = &made[0].room;
        for (me, name) in [(anna, "Имя misha"), (misha, "Имя anna")] {
            let rooms = s.store.rooms_of(me).await.unwrap();
            let room = rooms.iter().find(|room| room.id == *direct).unwrap();
            assert_eq!((room.name.as_str(), room.kind), (name, RoomKind::Direct));
            assert!(room.can.contains(&Right::Write) && !room.can.contains(&Right::Manage));
        }
        let third = moves(&[&s.stranger], &[]);
        let third = s.store.change_room(direct, anna, &third, 9).await;
        assert_eq!(refusal(third), ErrorCode::Forbidden, "nobody else comes in");

        change(&s, &s.room, moves(&[&s.stranger], &[])).await;
        let open = async |one, other, policy| s.store.open_direct(one, other, policy, 3).await;
        assert_eq!(
            refusal(open(misha, &s.stranger, staff).await),
            ErrorCode::Forbidden
        );
        assert_eq!(
            refusal(open(anna, misha, DirectPolicy::Off).await),
            ErrorCode::Forbidden
        );
        assert_eq!(
            refusal(open(anna, anna, staff).await),
            ErrorCode::BadRequest
        );
        let far = add(&s.store, "far", Role::Teacher).await;
        assert_eq!(
            refusal(open(anna, &far, staff).await),
            ErrorCode::Forbidden,
            "they share no room"
        );
        let learners = open(misha, &s.stranger, DirectPolicy::All)
            .await
            .unwrap()
            .room;

        // Another policy holds for what was begun under the former.
        let changed = s.store.apply_direct_rules(staff).await.unwrap();
        assert_eq!(
            changed
                .into_iter()
                .map(|(room, _)| room)
                .collect::<Vec<_>>(),
            std::slice::from_ref(&learners)
        );
        assert!(s.store.apply_direct_rules(staff).await.unwrap().is_empty());
        let send = text(&learners, "c1", "тайком");
        let sent = s
            .store
            .add_message(
                NewMessage {
                    by: misha,
                    send: &send,
                },
                1,
            )
            .await;
        assert_eq!(refusal(sent), ErrorCode::ReadOnly);
        assert_eq!(
            s.store
                .apply_direct_rules(DirectPolicy::Off)
                .await
                .unwrap()
                .len(),
            1
        );
        assert_eq!(
            s.store
                .apply_direct_rules(DirectPolicy::All)
                .await
                .unwrap()
                .len(),
            2
        );
        s.store
            .add_message(
                NewMessage {
                    by: misha,
                    send: &send,
                },
                1,
            )
            .await
            .unwrap();
    })
    .await;
}

#[tokio::test]
async fn changes_of_rooms_with_the_same_people_do_not_wait_for_each_other_for_good() {
    on_both(|store| async move {
        let s = school(store).await;
        let mut people = Vec::new();
        for n in 0..20 {
            people.push(add(&s.store, &format!("p{n}"), Role::Student).await);
        }
        let mut rooms = Vec::new();
        for n in 0..4 {
            rooms.push(make(&s, &format!("r{n}"), RoomKind::Group, &people).await);
        }
        let changes = (0..40).map(|n| {
            let (s, room) = (s.clone(), rooms[n % 4].clone());
            tokio::spawn(async move {
                let change = RoomChange {
                    name: Some(format!("Имя {n}")),
                    ..RoomChange::default()
                };
                s.store
                    .change_room(&room, &s.anna, &change, 1)
                    .await
                    .unwrap();
            })
        });
        for change in changes.collect::<Vec<_>>() {
            change.await.unwrap();
        }
        let versions = s.store.rooms_versions(&people).await.unwrap();
        assert_eq!(versions.len(), 20);
        assert!(
            versions.values().all(|version| *version == 44),
            "4 made, 40 changed"
        );
    })
    .await;
}
