//! Who is responsible for the safety of children, and what they read alone: conversations between learners and adults where both are
//! told so, and nothing else.

use protocol::audit::Act;
use protocol::command::MsgSend;
use protocol::inspection::{Between, Inspection, Stage, Step};
use protocol::limits::{
    INSPECTION_HOURS, INSPECTION_WAIT_HOURS, INSPECTIONS_OPEN_MAX, SAFEGUARDING_RESET_DAYS,
};
use protocol::model::Role;
use protocol::room::{DirectPolicy, LearnerPolicy};
use protocol::{ErrorCode, RoomId, UserId};
use server::rights::DirectRules;
use server::store::{AuditFilter, DAY_MS, ResetPassword, Store, Wished};

use crate::school::{School, on_both, person, refusal, school, text};

const NOW: i64 = 1_000_000;
const HOUR_MS: i64 = 3_600_000;
const WHY: &str = "Миша говорит, что ему пишут ночью";

pub(crate) const fn rules(with_learners: LearnerPolicy) -> DirectRules {
    DirectRules {
        who: DirectPolicy::All,
        with_learners,
    }
}

pub(crate) const VISIBLE: DirectRules = rules(LearnerPolicy::Visible);

pub(crate) async fn add(store: &Store, login: &str, role: Role) -> UserId {
    store.add_person(&person(login, role), 1).await.unwrap().id
}

/// A message whose author was told who may read it.
pub(crate) fn noticed(room: &RoomId, cid: &str, body: &str) -> MsgSend {
    MsgSend {
        noticed: true,
        ..text(room, cid, body)
    }
}

/// A conversation of a teacher and a learner, a director, and somebody who is responsible.
struct Case {
    s: School,
    room: RoomId,
    olga: UserId,
    vera: UserId,
}

async fn case(store: Store, at_first: DirectRules) -> Case {
    let s = school(store).await;
    // A class.
    s.store.add_member(&s.room, &s.stranger).await.unwrap();
    s.store.apply_direct_rules(at_first).await.unwrap();
    let direct = s.store.open_direct(&s.anna, &s.misha, DirectPolicy::All, 1);
    let room = direct.await.unwrap().room;
    s.send(&s.anna, &noticed(&room, "d1", "лично")).await;
    let c = Case {
        olga: add(&s.store, "olga", Role::Administrator).await,
        vera: add(&s.store, "vera", Role::Teacher).await,
        room,
        s,
    };
    c.mark(&c.vera, true).await;
    c
}

impl Case {
    /// By whoever runs the server.
    async fn mark(&self, whose: &UserId, on: bool) {
        let set = self.s.store.set_safeguarding(whose, None, on, NOW).await;
        let became = if on { Wished::Given } else { Wished::Taken };
        assert_eq!(set.unwrap(), became);
    }

    fn between(&self) -> Between {
        Between::People([self.s.misha.clone(), self.s.anna.clone()])
    }

    async fn opens(&self, of: Between, by: &UserId, now: i64) -> Result<RoomId, ErrorCode> {
        let opened = self.s.store.open_alone(&of, by, WHY, now).await;
        match opened {
            Ok(room) => Ok(room),
            refused @ Err(_) => Err(refusal(refused)),
        }
    }

    async fn open(&self, by: &UserId, now: i64) -> Vec<Inspection> {
        self.s.store.inspections(by, now).await.unwrap().open
    }

    /// The numbers that are read, `after < no <= upto`.
    async fn reads(&self, id: &str, by: &UserId, now: i64) -> Option<(i64, i64)> {
        let read = self.s.store.read_inspected(id, by, None, now).await;
        match read {
            Ok((room, after, upto)) => {
                assert_eq!(room, self.room);
                Some((after, upto))
            }
            refused @ Err(_) => {
                assert_eq!(refusal(refused), ErrorCode::NotFound);
                None
            }
        }
    }

    async fn acts(&self, filter: AuditFilter<'_>) -> Vec<Act> {
        let mut entries = self.s.store.audit(filter).await.unwrap();
        entries.reverse();
        entries.into_iter().map(|entry| entry.act).collect()
    }
}

#[tokio::test]
async fn who_is_responsible_opens_it_alone_and_all_of_it_is_written_down() {
    on_both(|store| async move {
        let c = case(store, VISIBLE).await;
        assert_eq!(c.opens(c.between(), &c.vera, NOW).await, Ok(c.room.clone()));
        let again = c.opens(c.between(), &c.vera, NOW).await;
        assert_eq!(again, Err(ErrorCode::Sent));
        let [mine] = &c.open(&c.vera, NOW).await[..] else {
            panic!("one")
        };
        assert_eq!((mine.stage, mine.alone), (Stage::Granted, true));
        assert_eq!(c.reads(&mine.id, &c.vera, NOW).await, Some((0, 1)));
        // The director sees who reads and why, and reads nothing by it.
        let [seen] = &c.open(&c.olga, NOW).await[..] else {
            panic!("one")
        };
        assert_eq!((&seen.id, &*seen.reason), (&mine.id, WHY));
        assert_eq!((&seen.by.id, &seen.decided), (&c.vera, &None));
        assert_eq!(c.reads(&mine.id, &c.olga, NOW).await, None);
        let export = c.s.store.export_inspected(&mine.id, &c.vera, NOW).await;
        assert_eq!(refusal(export), ErrorCode::Forbidden);
        for step in [Step::Grant, Step::Refuse] {
            let own = c.s.store.step_inspection(&mine.id, &c.vera, step, NOW);
            assert_eq!(refusal(own.await), ErrorCode::Forbidden);
            let late = c.s.store.step_inspection(&mine.id, &c.olga, step, NOW);
            assert_eq!(refusal(late.await), ErrorCode::Handled);
        }
        let end = NOW + INSPECTION_HOURS * HOUR_MS;
        assert_eq!(c.reads(&mine.id, &c.vera, end).await, None);
        let members = c.s.store.people_of(&c.room).await.unwrap();
        assert_eq!(members.len(), 2, "who reads is no member");
        // Either closes it.
        for ender in [&c.olga, &c.vera] {
            c.opens(c.between(), &c.vera, end).await.unwrap();
            let id = c.open(&c.vera, end).await[0].id.clone();
            let ended = c.s.store.step_inspection(&id, ender, Step::End, end).await;
            assert_eq!(ended.unwrap(), c.room);
            assert_eq!(c.reads(&id, &c.vera, end + 1).await, None);
        }
        let here = AuditFilter {
            room: Some(&c.room),
            ..AuditFilter::default()
        };
        let (opened, ended) = (Act::InspectionOpened, Act::InspectionEnded);
        assert_eq!(
            c.acts(here).await[1..],
            [opened, Act::InspectionRead, opened, ended, opened, ended]
        );
        let log = c.s.store.audit(here).await.unwrap();
        let first = log.iter().rfind(|entry| entry.act == opened).unwrap();
        assert_eq!(first.facts.words.as_deref(), Some(WHY));
        assert_eq!(first.by.as_ref().unwrap().id, c.vera);
        // The two do not read of it in the log, were one an administrator.
        let hers = AuditFilter {
            reader: Some(&c.s.anna),
            ..here
        };
        assert_eq!(c.acts(hers).await, [Act::RoomMade]);
    })
    .await;
}

#[tokio::test]
async fn conversations_of_others_and_ones_own_do_not_exist_for_them() {
    on_both(|store| async move {
        let c = case(store, VISIBLE).await;
        let store = &c.s.store;
        let mother = add(store, "mother", Role::Guardian).await;
        let colleague = add(store, "colleague", Role::Teacher).await;
        for one in [&mother, &colleague, &c.vera, &c.olga] {
            store.add_member(&c.s.room, one).await.unwrap();
        }
        let (anna, misha, stranger) = (&c.s.anna, &c.s.misha, &c.s.stranger);
        for (one, other, why) in [
            (anna, &colleague, "colleagues"),
            (anna, &mother, "the staff and a guardian"),
            (misha, stranger, "two learners"),
            (&c.vera, misha, "their own"),
        ] {
            let room = store
                .open_direct(one, other, DirectPolicy::All, 1)
                .await
                .unwrap()
                .room;
            let both = Between::People([one.clone(), other.clone()]);
            for of in [Between::Room(room), both] {
                let opened = c.opens(of, &c.vera, NOW).await;
                assert_eq!(opened, Err(ErrorCode::NotFound), "{why}");
            }
        }
        for of in [
            Between::Room(c.s.room.clone()),
            Between::Room(RoomId::parse("missing").unwrap()),
        ] {
            assert_eq!(c.opens(of, &c.vera, NOW).await, Err(ErrorCode::NotFound));
        }
        // Nobody else opens what they may: not administrators, not the others of the staff, not the two.
        for nobody in [&c.olga, &colleague, &mother, stranger, anna, misha] {
            let opened = c.opens(c.between(), nobody, NOW).await;
            assert_eq!(opened, Err(ErrorCode::NotFound), "{nobody}");
        }
        // What two administrators do is nothing of theirs.
        let sergey = add(store, "sergey", Role::Administrator).await;
        let asked = store.ask_inspection(&c.between(), &c.olga, WHY, NOW).await;
        asked.unwrap();
        assert!(c.open(&c.vera, NOW).await.is_empty());
        let id = c.open(&sergey, NOW).await[0].id.clone();
        for step in [Step::Grant, Step::Refuse, Step::End] {
            let stepped = store.step_inspection(&id, &c.vera, step, NOW).await;
            assert_eq!(refusal(stepped), ErrorCode::NotFound);
        }
        // An administrator who is responsible asks for the rest as before.
        c.mark(&sergey, true).await;
        c.opens(c.between(), &sergey, NOW).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn what_was_written_before_both_were_told_is_not_read() {
    on_both(|store| async move {
        let c = case(store, rules(LearnerPolicy::Private)).await;
        let store = &c.s.store;
        let safeguarded = async || {
            let rooms = store.rooms_of(&c.s.misha).await.unwrap();
            let room = rooms.into_iter().find(|room| room.id == c.room);
            room.unwrap().safeguarded
        };
        assert!(!safeguarded().await);
        assert_eq!(
            c.opens(c.between(), &c.vera, NOW).await,
            Err(ErrorCode::NotFound)
        );
        assert_eq!(store.apply_direct_rules(VISIBLE).await.unwrap().len(), 1);
        assert!(store.apply_direct_rules(VISIBLE).await.unwrap().is_empty());
        assert!(safeguarded().await);
        c.s.send(&c.s.misha, &noticed(&c.room, "d2", "уже сказано"))
            .await;
        c.opens(c.between(), &c.vera, NOW).await.unwrap();
        let id = c.open(&c.vera, NOW).await[0].id.clone();
        assert_eq!(c.reads(&id, &c.vera, NOW).await, Some((1, 2)));
        let back = store.read_inspected(&id, &c.vera, Some(2), NOW).await;
        assert_eq!(
            back.unwrap(),
            (c.room.clone(), 1, 1),
            "nothing is before it"
        );

        // What both knew of stays readable under another policy, and nothing else becomes so.
        for (k, policy) in [(1, LearnerPolicy::Private), (2, LearnerPolicy::Off)] {
            store.apply_direct_rules(rules(policy)).await.unwrap();
            assert!(!safeguarded().await);
            assert_eq!(c.reads(&id, &c.vera, NOW).await, Some((1, 2)), "{k}");
        }
        let late = store.open_direct(&c.s.anna, &c.s.misha, DirectPolicy::All, 1);
        assert_eq!(refusal(late.await), ErrorCode::Forbidden);
        store
            .apply_direct_rules(rules(LearnerPolicy::Private))
            .await
            .unwrap();
        c.s.send(&c.s.misha, &text(&c.room, "d3", "снова вдвоём"))
            .await;
        assert_eq!(c.reads(&id, &c.vera, NOW).await, Some((1, 2)));
        store.apply_direct_rules(VISIBLE).await.unwrap();
        assert_eq!(c.reads(&id, &c.vera, NOW).await, Some((1, 2)));
        c.s.send(&c.s.misha, &noticed(&c.room, "d4", "и опять"))
            .await;
        assert_eq!(
            c.reads(&id, &c.vera, NOW).await,
            Some((3, 4)),
            "what was private in between stays so"
        );
        for before in [3, 4] {
            let earlier = store.read_inspected(&id, &c.vera, Some(before), NOW).await;
            assert_eq!(earlier.unwrap(), (c.room.clone(), 1, 2), "{before}");
        }
        // Times in which nothing was written leave nothing behind.
        for policy in [LearnerPolicy::Private, LearnerPolicy::Visible].repeat(2) {
            store.apply_direct_rules(rules(policy)).await.unwrap();
        }
        assert_eq!(c.reads(&id, &c.vera, NOW).await, Some((3, 4)));
    })
    .await;
}

#[tokio::test]
async fn two_administrators_say_who_is_responsible_and_the_log_has_it() {
    on_both(|store| async move {
        let c = case(store, VISIBLE).await;
        let set = async |whose: &UserId, by: Option<&UserId>, on, now| {
            let set = c.s.store.set_safeguarding(whose, by, on, now).await;
            set.map_err(|error| refusal(Err::<Wished, _>(error)))
        };
        let anna = &c.s.anna;
        // The only administrator names nobody.
        assert_eq!(
            set(anna, Some(&c.olga), true, NOW).await,
            Err(ErrorCode::Forbidden)
        );
        let sergey = add(&c.s.store, "sergey", Role::Administrator).await;
        let (olga, second) = (Some(&c.olga), Some(&sergey));
        assert_eq!(
            set(&c.vera, olga, true, NOW).await,
            Ok(Wished::Already),
            "they are already"
        );
        for own in [&c.olga, &sergey] {
            let own = set(own, Some(own), true, NOW).await;
            assert_eq!(own, Err(ErrorCode::Forbidden));
        }
        for by in [&c.s.anna, &c.s.misha, &c.vera] {
            let refused = set(anna, Some(by), true, NOW).await;
            assert_eq!(refused, Err(ErrorCode::Forbidden), "{by}");
        }
        for by in [olga, None] {
            let learner = set(&c.s.misha, by, true, NOW).await;
            assert_eq!(learner, Err(ErrorCode::BadRequest));
            let missing = UserId::parse("missing").unwrap();
            assert_eq!(set(&missing, by, true, NOW).await, Err(ErrorCode::NotFound));
        }
        // One wants it and wants it again; another confirms, in time.
        assert_eq!(set(anna, olga, true, NOW).await, Ok(Wished::Asked));
        assert_eq!(set(anna, olga, true, NOW).await, Ok(Wished::Already));
        assert!(!c.s.store.is_responsible(anna).await.unwrap());
        let proposed = c.s.store.proposed(NOW).await.unwrap();
        assert_eq!(
            (&proposed[0].who.id, &proposed[0].by.id, proposed.len()),
            (anna, &c.olga, 1)
        );
        let late = NOW + INSPECTION_WAIT_HOURS * HOUR_MS;
        assert!(c.s.store.proposed(late).await.unwrap().is_empty());
        assert_eq!(set(anna, second, true, late).await, Ok(Wished::Asked));
        assert_eq!(set(anna, olga, true, late).await, Ok(Wished::Given));
        assert!(c.s.store.is_responsible(anna).await.unwrap());
        assert!(c.s.store.proposed(late).await.unwrap().is_empty());
        // One is enough to take it back, and a wish as well.
        assert_eq!(set(anna, second, false, late).await, Ok(Wished::Taken));
        assert_eq!(set(anna, second, false, late).await, Ok(Wished::Already));
        assert_eq!(set(anna, olga, true, late).await, Ok(Wished::Asked));
        assert_eq!(set(anna, olga, false, late).await, Ok(Wished::Taken));
        assert!(c.s.store.proposed(late).await.unwrap().is_empty());
        // Whoever runs the server may name an administrator: the log has that, too.
        assert_eq!(set(&c.olga, None, true, NOW).await, Ok(Wished::Given));
        let named = c.s.store.responsible().await.unwrap();
        let named: Vec<UserId> = named.into_iter().map(|person| person.id).collect();
        assert_eq!(named, [c.olga.clone(), c.vera.clone()]);

        c.opens(c.between(), &c.vera, NOW).await.unwrap();
        let id = c.open(&c.vera, NOW).await[0].id.clone();
        c.mark(&c.vera, false).await;
        assert!(!c.s.store.is_responsible(&c.vera).await.unwrap());
        assert_eq!(c.reads(&id, &c.vera, NOW).await, None);
        assert!(c.open(&c.vera, NOW).await.is_empty());

        let about = |person| AuditFilter {
            person: Some(person),
            ..AuditFilter::default()
        };
        let (asked, given, taken) = (
            Act::SafeguardingAsked,
            Act::SafeguardingGiven,
            Act::SafeguardingTaken,
        );
        assert_eq!(
            c.acts(about(&c.vera)).await,
            [given, Act::InspectionOpened, taken]
        );
        let log = c.s.store.audit(about(anna)).await.unwrap();
        let of_anna = log.iter().rev().filter(|entry| entry.room.is_none());
        let of_anna: Vec<(Act, &UserId)> = of_anna
            .map(|entry| (entry.act, &entry.by.as_ref().unwrap().id))
            .collect();
        let (o, s) = (&c.olga, &sergey);
        assert_eq!(
            of_anna,
            [
                (asked, o),
                (asked, s),
                (given, o),
                (taken, s),
                (asked, o),
                (taken, o)
            ]
        );
        let log = c.s.store.audit(about(&c.olga)).await.unwrap();
        let own = log
            .iter()
            .find(|entry| entry.about.as_ref().is_some_and(|one| one.id == c.olga));
        let own = own.unwrap();
        assert_eq!((own.act, &own.by), (given, &None));
    })
    .await;
}

#[tokio::test]
async fn nobody_gets_into_the_account_of_who_is_responsible() {
    on_both(|store| async move {
        let c = case(store, VISIBLE).await;
        let store = &c.s.store;
        let sergey = add(store, "sergey", Role::Administrator).await;
        let reset = async |person: &UserId, now| {
            let new = ResetPassword {
                person,
                by: &c.olga,
                hash: "разовый",
                until: now + DAY_MS,
                keep_keys: true,
            };
            match store.reset_password(new, now).await {
                Ok(_) => Ok(()),
                refused @ Err(_) => Err(refusal(refused.map(|_| ()))),
            }
        };
        let password = async |person: &UserId| {
            let account = store.account_of(person).await.unwrap();
            account.unwrap().password
        };
        // Who bears the mark is not reset by the page, and is not told to be possible.
        let before = password(&c.vera).await;
        let may = store.may_reset_password(&c.vera, &c.olga, NOW).await;
        assert_eq!(refusal(may), ErrorCode::Forbidden);
        assert_eq!(reset(&c.vera, NOW).await, Err(ErrorCode::Forbidden));
        assert_eq!(password(&c.vera).await, before);
        // Who was reset does not get it, also when the wish was there before.
        let anna = &c.s.anna;
        let wish = async |by: &UserId, now| {
            let wished = store.set_safeguarding(anna, Some(by), true, now).await;
            wished.map_err(|error| refusal(Err::<Wished, _>(error)))
        };
        assert_eq!(wish(&c.olga, NOW).await, Ok(Wished::Asked));
        assert_eq!(reset(anna, NOW + 1).await, Ok(()));
        let recent = Err(ErrorCode::RecentlyReset);
        for by in [&c.olga, &sergey] {
            assert_eq!(wish(by, NOW + 2).await, recent);
        }
        // As long as the one-time password is there, and for days after another was chosen.
        let later = NOW + 1 + SAFEGUARDING_RESET_DAYS * DAY_MS;
        assert_eq!(wish(&sergey, later).await, recent);
        store
            .set_password(anna, "свой", true, NOW + 3)
            .await
            .unwrap();
        assert_eq!(wish(&sergey, later - 1).await, recent);
        assert_eq!(wish(&sergey, later).await, Ok(Wished::Asked));
        assert_eq!(wish(&c.olga, later).await, Ok(Wished::Given));
        assert_eq!(reset(anna, later).await, Err(ErrorCode::Forbidden));
        // Without the mark it is as before.
        c.mark(&c.vera, false).await;
        assert_eq!(reset(&c.vera, later).await, Ok(()));
    })
    .await;
}

/// Both at the same moment: one of them comes first, and then the other is refused.
#[tokio::test]
async fn a_mark_and_a_reset_at_once_are_one_of_them() {
    on_both(|store| async move {
        let c = case(store, VISIBLE).await;
        let sergey = add(&c.s.store, "sergey", Role::Administrator).await;
        for k in 0..8 {
            let whose = add(&c.s.store, &format!("teacher{k}"), Role::Teacher).await;
            let store = &c.s.store;
            let asked = store.set_safeguarding(&whose, Some(&sergey), true, NOW);
            asked.await.unwrap();
            let new = ResetPassword {
                person: &whose,
                by: &c.olga,
                hash: "разовый",
                until: NOW + DAY_MS,
                keep_keys: true,
            };
            let (reset, given) = tokio::join!(
                store.reset_password(new, NOW),
                store.set_safeguarding(&whose, Some(&c.olga), true, NOW),
            );
            match (reset, given) {
                (Ok(_), given @ Err(_)) => assert_eq!(refusal(given), ErrorCode::RecentlyReset),
                (reset @ Err(_), Ok(Wished::Given)) => {
                    assert_eq!(refusal(reset.map(|_| ())), ErrorCode::Forbidden);
                }
                both => panic!("{both:?}"),
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_person_opens_so_many_at_once() {
    on_both(|store| async move {
        let c = case(store, VISIBLE).await;
        for k in 0..=INSPECTIONS_OPEN_MAX {
            let pupil = add(&c.s.store, &format!("pupil{k}"), Role::Student).await;
            c.s.store.add_member(&c.s.room, &pupil).await.unwrap();
            let direct =
                c.s.store
                    .open_direct(&c.s.anna, &pupil, DirectPolicy::All, 1);
            let room = direct.await.unwrap().room;
            let opened = c.opens(Between::Room(room.clone()), &c.vera, NOW).await;
            let expected = if k < INSPECTIONS_OPEN_MAX {
                Ok(room)
            } else {
                Err(ErrorCode::RateLimited)
            };
            assert_eq!(opened, expected);
        }
    })
    .await;
}
