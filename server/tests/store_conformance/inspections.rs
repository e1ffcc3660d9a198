//! Reading a conversation of two by two administrators, and holding what is deleted there by rules.

use protocol::audit::{Act, Entry};
use protocol::history::LogKind;
use protocol::inspection::{Between, Stage, Step};
use protocol::limits::{
    INSPECTION_HOURS, INSPECTION_PAGE, INSPECTION_WAIT_HOURS, INSPECTIONS_OPEN_MAX,
};
use protocol::model::Role;
use protocol::report::{NewReport, Reason};
use protocol::room::DirectPolicy;
use protocol::{ErrorCode, RoomId, UserId};
use server::store::{AuditFilter, Store};

use crate::school::{School, on_both, person, refusal, school, text};

const NOW: i64 = 1_000_000;
const HOUR_MS: i64 = 3_600_000;
const WHY: &str = "Мама просит проверить";

/// A conversation of a teacher and a learner, and administrators who are not in it.
struct Case {
    s: School,
    room: RoomId,
    olga: UserId,
    sergey: UserId,
}

async fn administrator(store: &Store, login: &str) -> UserId {
    let new = person(login, Role::Administrator);
    store.add_person(&new, 1).await.unwrap().id
}

async fn case(store: Store) -> Case {
    let s = school(store).await;
    let direct = s
        .store
        .open_direct(&s.anna, &s.misha, DirectPolicy::All, 1)
        .await;
    let room = direct.unwrap().room;
    s.send(&s.anna, &text(&room, "d1", "лично")).await;
    Case {
        olga: administrator(&s.store, "olga").await,
        sergey: administrator(&s.store, "sergey").await,
        room,
        s,
    }
}

impl Case {
    fn between(&self) -> Between {
        Between::People([self.s.misha.clone(), self.s.anna.clone()])
    }

    /// Asks; gives the request's id.
    async fn asked(&self, by: &UserId, now: i64) -> String {
        let of = self.between();
        let asked = self.s.store.ask_inspection(&of, by, WHY, now);
        assert_eq!(asked.await.unwrap(), self.room);
        let open = self.s.store.inspections(by, now).await.unwrap().open;
        let mine = open.into_iter().rfind(|one| one.by.id == *by);
        mine.unwrap().id
    }

    async fn step(&self, id: &str, by: &UserId, step: Step, now: i64) -> Result<(), ErrorCode> {
        let stepped = self.s.store.step_inspection(id, by, step, now).await;
        match stepped {
            Ok(room) => {
                assert_eq!(room, self.room);
                Ok(())
            }
            refused @ Err(_) => Err(refusal(refused)),
        }
    }

    async fn reads(&self, id: &str, by: &UserId, now: i64) -> bool {
        let read = self.s.store.read_inspected(id, by, None, now).await;
        let export = self.s.store.export_inspected(id, by, now).await;
        assert_eq!(read.is_ok(), export.is_ok());
        match read {
            Ok((room, ..)) => room == self.room,
            refused @ Err(_) => {
                assert_eq!(refusal(refused), ErrorCode::NotFound);
                false
            }
        }
    }

    async fn stage(&self, now: i64) -> Stage {
        let all = self.s.store.inspections(&self.olga, now).await.unwrap();
        let [one] = &[all.open, all.past].concat()[..] else {
            panic!("one request")
        };
        one.stage
    }

    /// What was written down about the conversation, in order.
    async fn log(&self) -> Vec<Entry> {
        let filter = AuditFilter {
            room: Some(&self.room),
            ..AuditFilter::default()
        };
        let mut entries = self.s.store.audit(filter).await.unwrap();
        entries.reverse();
        entries
    }

    async fn acts(&self) -> Vec<Act> {
        let log = self.log().await;
        log.into_iter().skip(1).map(|entry| entry.act).collect()
    }
}

#[tokio::test]
async fn one_asks_another_grants_and_all_of_it_is_written_down() {
    on_both(|store| async move {
        let c = case(store).await;
        let id = c.asked(&c.olga, NOW).await;
        assert!(!c.reads(&id, &c.olga, NOW).await, "nobody has granted it");
        for step in [Step::Grant, Step::Refuse] {
            let own = c.step(&id, &c.olga, step, NOW).await;
            assert_eq!(own, Err(ErrorCode::Forbidden), "never one's own");
        }
        assert_eq!(
            c.s.store.inspections_asked(&c.sergey, NOW).await.unwrap(),
            1
        );
        assert_eq!(c.s.store.inspections_asked(&c.olga, NOW).await.unwrap(), 0);
        c.step(&id, &c.sergey, Step::Grant, NOW).await.unwrap();
        assert_eq!(
            c.s.store.inspections_asked(&c.sergey, NOW).await.unwrap(),
            0
        );
        let again = c.step(&id, &c.sergey, Step::Refuse, NOW).await;
        assert_eq!(again, Err(ErrorCode::Handled));
        let of = c.between();
        let twice = c.s.store.ask_inspection(&of, &c.olga, WHY, NOW);
        assert_eq!(refusal(twice.await), ErrorCode::Sent);
        assert!(c.reads(&id, &c.olga, NOW).await);
        assert!(
            !c.reads(&id, &c.sergey, NOW).await,
            "whoever grants does not read"
        );
        let own = Between::Room(c.room.clone());
        let theirs = c.s.store.ask_inspection(&own, &c.sergey, WHY, NOW).await;
        assert_eq!(theirs.unwrap(), c.room, "they ask for themselves");

        let log = c.log().await;
        let acts: Vec<Act> = log.iter().skip(1).map(|entry| entry.act).collect();
        let (asked, granted) = (Act::InspectionAsked, Act::InspectionGranted);
        let (read, exported) = (Act::InspectionRead, Act::InspectionExported);
        assert_eq!(acts, [asked, granted, read, exported, asked]);
        assert_eq!(log[1].by.as_ref().unwrap().id, c.olga);
        assert_eq!(log[1].facts.words.as_deref(), Some(WHY));
        assert_eq!(log[2].by.as_ref().unwrap().id, c.sergey);
        assert_eq!(log[2].about.as_ref().unwrap().id, c.olga);
        assert_eq!(log[2].facts.hours.map(i64::from), Some(INSPECTION_HOURS));
        assert_eq!((log[3].facts.first, log[3].facts.last), (Some(1), Some(1)));
        let members = c.s.store.people_of(&c.room).await.unwrap();
        assert_eq!(members.len(), 2, "who reads is no member");
        assert!(c.s.store.access(&c.room, &c.olga).await.unwrap().is_none());
    })
    .await;
}

#[tokio::test]
async fn who_has_nothing_to_do_with_it_is_told_that_there_is_nothing() {
    on_both(|store| async move {
        let c = case(store).await;
        let third = administrator(&c.s.store, "third").await;
        let id = c.asked(&c.olga, NOW).await;
        // One of the two is an administrator herself: then it is not hers to ask about or to decide.
        let direct = c.s.store.add_member(&c.s.room, &third).await;
        direct.unwrap();
        let with =
            c.s.store
                .open_direct(&third, &c.s.misha, DirectPolicy::All, 1);
        let hers = with.await.unwrap().room;
        let missing = RoomId::parse("missing").unwrap();
        for (room, by) in [
            (&missing, &c.olga),
            (&c.s.room, &c.olga),
            (&hers, &third),
            (&c.room, &c.s.anna),
            (&c.room, &c.s.stranger),
        ] {
            let of = Between::Room(room.clone());
            let asked = c.s.store.ask_inspection(&of, by, WHY, NOW);
            assert_eq!(refusal(asked.await), ErrorCode::NotFound, "{room} {by}");
        }
        for pair in [
            [c.s.misha.clone(), c.s.misha.clone()],
            [c.s.misha.clone(), c.s.stranger.clone()],
        ] {
            let of = Between::People(pair);
            let asked = c.s.store.ask_inspection(&of, &c.olga, WHY, NOW);
            assert_eq!(refusal(asked.await), ErrorCode::NotFound);
        }
        let of = Between::Room(hers);
        let asked = c.s.store.ask_inspection(&of, &c.olga, WHY, NOW).await;
        let about_her = asked.unwrap();
        let told = c.s.store.inspections(&third, NOW).await.unwrap();
        assert_eq!(told.open.len(), 1, "{told:?}");
        assert_eq!(told.open[0].id, id, "not the one about herself");
        assert_eq!(told.others, 2);
        assert!(
            !c.s.store
                .inspectors(&about_her)
                .await
                .unwrap()
                .contains(&third)
        );
        let all = c.s.store.inspections(&c.sergey, NOW).await.unwrap().open;
        let about_her = all
            .into_iter()
            .find(|one| one.room.id == about_her)
            .unwrap()
            .id;
        for (id, nobody) in [(&about_her, &third), (&id, &c.s.anna), (&id, &c.s.stranger)] {
            let stepped = c.s.store.step_inspection(id, nobody, Step::Grant, NOW);
            assert_eq!(refusal(stepped.await), ErrorCode::NotFound);
        }
        for nobody in [&c.s.anna, &c.s.misha, &c.s.stranger] {
            let told = c.s.store.inspections(nobody, NOW).await.unwrap();
            assert!(told.open.is_empty() && told.past.is_empty());
        }
        c.step(&id, &c.sergey, Step::Grant, NOW).await.unwrap();
        let ended = c.step(&id, &third, Step::End, NOW).await;
        assert_eq!(ended, Err(ErrorCode::Forbidden), "what two others do");
        assert!(c.reads(&id, &c.olga, NOW).await);
    })
    .await;
}

#[tokio::test]
async fn reading_ends_by_itself_and_by_either_of_the_two() {
    on_both(|store| async move {
        let c = case(store).await;
        let id = c.asked(&c.olga, NOW).await;
        c.step(&id, &c.sergey, Step::Grant, NOW).await.unwrap();
        let end = NOW + INSPECTION_HOURS * HOUR_MS;
        assert!(c.reads(&id, &c.olga, end - 1).await);
        assert_eq!(c.stage(end - 1).await, Stage::Granted);
        assert!(!c.reads(&id, &c.olga, end).await);
        assert_eq!(c.stage(end).await, Stage::Over);
        let late = c.step(&id, &c.olga, Step::End, end).await;
        assert_eq!(late, Err(ErrorCode::Handled));
        for ender in [&c.olga, &c.sergey] {
            let id = c.asked(&c.olga, end).await;
            c.step(&id, &c.sergey, Step::Grant, end).await.unwrap();
            c.step(&id, ender, Step::End, end + 1).await.unwrap();
            assert!(!c.reads(&id, &c.olga, end + 2).await);
            let past = c.s.store.inspections(&c.olga, end + 2).await.unwrap().past;
            let one = past.into_iter().find(|one| one.id == id).unwrap();
            assert_eq!(
                (one.stage, one.ended.unwrap().by.id),
                (Stage::Ended, ender.clone())
            );
        }
        let refused = c.asked(&c.olga, end).await;
        c.step(&refused, &c.sergey, Step::Refuse, end)
            .await
            .unwrap();
        assert!(!c.reads(&refused, &c.olga, end).await);
        let ended = c.step(&refused, &c.olga, Step::End, end).await;
        assert_eq!(ended, Err(ErrorCode::Handled), "it never began");
        let acts = c.acts().await;
        let ended = acts.iter().filter(|act| **act == Act::InspectionEnded);
        assert_eq!(ended.count(), 2);
        assert_eq!(acts.last(), Some(&Act::InspectionRefused));
    })
    .await;
}

#[tokio::test]
async fn a_request_waits_so_long_and_a_person_has_so_many() {
    on_both(|store| async move {
        let c = case(store).await;
        let id = c.asked(&c.olga, NOW).await;
        let over = NOW + INSPECTION_WAIT_HOURS * HOUR_MS;
        assert_eq!(c.stage(over - 1).await, Stage::Waiting);
        assert_eq!(c.stage(over).await, Stage::Over);
        let late = c.step(&id, &c.sergey, Step::Grant, over).await;
        assert_eq!(late, Err(ErrorCode::Handled));
        assert_eq!(
            c.s.store.inspections_asked(&c.sergey, over).await.unwrap(),
            0
        );
        let again = c.asked(&c.olga, over).await;
        assert_ne!(again, id);
        c.step(&again, &c.olga, Step::End, over).await.unwrap();

        for k in 0..=INSPECTIONS_OPEN_MAX {
            let pupil = person(&format!("pupil{k}"), Role::Student);
            let pupil = c.s.store.add_person(&pupil, 1).await.unwrap().id;
            c.s.store.add_member(&c.s.room, &pupil).await.unwrap();
            let direct =
                c.s.store
                    .open_direct(&c.s.anna, &pupil, DirectPolicy::All, 1);
            let of = Between::Room(direct.await.unwrap().room);
            let asked = c.s.store.ask_inspection(&of, &c.olga, WHY, over).await;
            if k < INSPECTIONS_OPEN_MAX {
                asked.unwrap();
            } else {
                assert_eq!(refusal(asked), ErrorCode::RateLimited);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn one_administrator_alone_reads_nothing() {
    on_both(|store| async move {
        let s = school(store).await;
        let direct = s.store.open_direct(&s.anna, &s.misha, DirectPolicy::All, 1);
        let of = Between::Room(direct.await.unwrap().room);
        let olga = administrator(&s.store, "olga").await;
        assert_eq!(s.store.inspections(&olga, NOW).await.unwrap().others, 0);
        let asked = s.store.ask_inspection(&of, &olga, WHY, NOW).await;
        assert_eq!(refusal(asked), ErrorCode::Forbidden);
    })
    .await;
}

#[tokio::test]
async fn whoever_is_inspected_does_not_read_of_it_in_the_log() {
    on_both(|store| async move {
        let c = case(store).await;
        c.asked(&c.olga, 1_000).await;
        let acts = async |reader: &UserId| -> Vec<Act> {
            let filter = AuditFilter {
                reader: Some(reader),
                room: Some(&c.room),
                ..AuditFilter::default()
            };
            let entries = c.s.store.audit(filter).await.unwrap();
            entries.into_iter().map(|entry| entry.act).collect()
        };
        assert!(acts(&c.sergey).await.contains(&Act::InspectionAsked));
        // As if Anna were an administrator: she is in the conversation.
        let hers = acts(&c.s.anna).await;
        assert!(hers.contains(&Act::RoomMade) && !hers.contains(&Act::InspectionAsked));
    })
    .await;
}

#[tokio::test]
async fn two_answers_at_once_are_one_answer() {
    on_both(|store| async move {
        let c = case(store).await;
        let third = administrator(&c.s.store, "third").await;
        let id = c.asked(&c.olga, NOW).await;
        let (one, two) = tokio::join!(
            c.step(&id, &c.sergey, Step::Grant, NOW),
            c.step(&id, &third, Step::Refuse, NOW)
        );
        assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
        assert_eq!(c.acts().await.len(), 2);
        assert_eq!(c.reads(&id, &c.olga, NOW).await, one.is_ok());
    })
    .await;
}

#[tokio::test]
async fn pages_go_back_to_the_first_message() {
    on_both(|store| async move {
        let c = case(store).await;
        let page = i64::from(INSPECTION_PAGE);
        for k in 0..page {
            let send = text(&c.room, &format!("p{k}"), "ещё");
            c.s.send(&c.s.misha, &send).await;
        }
        let id = c.asked(&c.olga, NOW).await;
        c.step(&id, &c.sergey, Step::Grant, NOW).await.unwrap();
        let read = async |before| {
            let read = c.s.store.read_inspected(&id, &c.olga, before, NOW).await;
            let (_, after, upto) = read.unwrap();
            (after, upto)
        };
        assert_eq!(read(None).await, (1, page + 1));
        assert_eq!(read(Some(2)).await, (0, 1));
        assert_eq!(read(Some(1)).await, (0, 0));
        assert_eq!(read(Some(i64::MIN)).await, (0, 0));
        assert_eq!(read(Some(i64::MAX)).await, (1, page + 1));
    })
    .await;
}

#[tokio::test]
async fn administrators_hold_what_a_report_or_a_request_concerns() {
    on_both(|store| async move {
        let c = case(store).await;
        let hold = async |by: &UserId, on| c.s.store.hold(&c.room, by, on, NOW).await;
        assert_eq!(
            refusal(hold(&c.olga, true).await),
            ErrorCode::Forbidden,
            "nothing concerns it"
        );
        let id = c.asked(&c.olga, NOW).await;
        hold(&c.sergey, true).await.unwrap();
        assert!(c.s.store.inspections(&c.olga, NOW).await.unwrap().open[0].held);
        let (entries, _) = c.s.store.retention_log(Some(&c.room), None).await.unwrap();
        assert_eq!((entries.len(), entries[0].kind), (1, LogKind::Held));
        assert_eq!(entries[0].room, "Имя anna, Имя misha");
        c.step(&id, &c.olga, Step::End, NOW).await.unwrap();
        hold(&c.olga, false).await.unwrap();
        for nobody in [&c.s.anna, &c.s.misha, &c.s.stranger] {
            assert_eq!(refusal(hold(nobody, true).await), ErrorCode::Forbidden);
        }
        let missing = RoomId::parse("missing").unwrap();
        let held = c.s.store.hold(&missing, &c.olga, true, NOW).await;
        assert_eq!(refusal(held), ErrorCode::Forbidden);
        // A group of which one is no member.
        c.s.store.hold(&c.s.room, &c.olga, true, NOW).await.unwrap();

        c.s.store.add_member(&c.s.room, &c.olga).await.unwrap();
        let with =
            c.s.store
                .open_direct(&c.olga, &c.s.misha, DirectPolicy::All, 1);
        let room = with.await.unwrap().room;
        let message =
            c.s.send(&c.olga, &text(&room, "o1", "обидное"))
                .await
                .message
                .id;
        let new = NewReport {
            reason: Reason::Insult,
            words: String::new(),
        };
        let made = c.s.store.report(&message, &c.s.misha, &new, NOW).await;
        made.unwrap().unwrap();
        let own = c.s.store.hold(&room, &c.olga, true, NOW).await;
        assert_eq!(refusal(own), ErrorCode::Forbidden, "it is about her");
        c.s.store.hold(&room, &c.sergey, true, NOW).await.unwrap();
        assert!(c.s.store.reports(&c.sergey).await.unwrap().open[0].held);
    })
    .await;
}
