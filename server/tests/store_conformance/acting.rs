//! What is done in a session that ends meanwhile, and what whoever was in an account has set up there.

use protocol::later::LaterSet;
use protocol::limits::PASSWORD_RESETS_MAX;
use protocol::model::Role;
use protocol::{ClientId, ErrorCode, UserId};
use server::store::{Account, NewBot, NewLater, NewMail, ResetPassword, Store};
use sqlx::PgPool;
use tokio::task::JoinSet;

use crate::school::{School, on_both, on_postgres, person, refusal, school};

const FOR_EVER: i64 = i64::MAX;

fn reset<'a>(person: &'a UserId, by: &'a UserId, keep_keys: bool) -> ResetPassword<'a> {
    ResetPassword {
        person,
        by,
        hash: "разовый",
        until: FOR_EVER,
        keep_keys,
    }
}

fn bot<'a>(s: &'a School, by: &'a UserId, token_hash: &'a str) -> NewBot<'a> {
    NewBot {
        room: &s.room,
        by,
        name: token_hash,
        reads: false,
        token_hash,
    }
}

async fn administrator(s: &School) -> UserId {
    let olga = person("olga", Role::Administrator);
    s.store.add_person(&olga, 1).await.unwrap().id
}

async fn account(store: &Store, person: &UserId) -> Account {
    store.account_of(person).await.unwrap().unwrap()
}

async fn signed_in(s: &School, person: &UserId, session: &str) -> Store {
    let account = account(&s.store, person).await;
    let begun = s.store.begin_session(session, &account, 1, FOR_EVER);
    assert!(begun.await.unwrap());
    s.store.in_session(person, session)
}

fn later(s: &School, by: &UserId, cid: &str) -> LaterSet {
    assert_eq!(by, &s.anna);
    LaterSet {
        r: s.room.clone(),
        cid: ClientId::parse(cid).unwrap(),
        at: String::new(),
        body: cid.to_owned(),
        re: None,
        att: Vec::new(),
        men: Vec::new(),
        all: false,
        ack: false,
        due: None,
        noticed: false,
    }
}

#[tokio::test]
async fn nothing_is_changed_in_a_session_that_is_over_or_may_only_choose_a_password() {
    on_both(|store| async move {
        let s = school(store).await;
        let olga = administrator(&s).await;
        let (here, there) = (
            signed_in(&s, &s.anna, "s1").await,
            signed_in(&s, &s.misha, "s2").await,
        );
        here.add_bot(bot(&s, &s.anna, "b1"), 2).await.unwrap();
        // A session is its person's own.
        let foreign = s.store.in_session(&olga, "s2");
        let refused = foreign.forget_address(&olga).await;
        assert_eq!(refusal(refused), ErrorCode::Unauthorized);
        let over = s.store.in_session(&s.anna, "none");
        let refused = over.add_bot(bot(&s, &s.anna, "b2"), 2).await;
        assert_eq!(refusal(refused), ErrorCode::Unauthorized);

        s.store
            .reset_password(reset(&s.anna, &olga, true), 3)
            .await
            .unwrap();
        let refused = here.add_bot(bot(&s, &s.anna, "b3"), 4).await;
        assert_eq!(refusal(refused), ErrorCode::Unauthorized);
        let refused = here.reset_password(reset(&s.misha, &s.anna, false), 4);
        assert_eq!(refusal(refused.await), ErrorCode::Unauthorized);
        let set = later(&s, &s.anna, "c1");
        let new = NewLater {
            by: &s.anna,
            set: &set,
            due: 9,
            ack_due: None,
        };
        assert_eq!(
            refusal(here.keep_for_later(new).await),
            ErrorCode::Unauthorized
        );
        let once = signed_in(&s, &s.anna, "s3").await;
        let refused = once.add_bot(bot(&s, &s.anna, "b4"), 5).await;
        assert_eq!(refusal(refused), ErrorCode::ChoosePassword);
        let bots = s.store.bots(&s.room).await.unwrap();
        assert_eq!(bots.len(), 1);
        // Others go on, and it is still read.
        there.forget_address(&s.misha).await.unwrap();
        assert!(here.is_member(&s.room, &s.anna).await.unwrap());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_key_and_a_reset_at_once_no_key_is_left() {
    on_both(|store| async move {
        let s = school(store).await;
        for k in 0..20 {
            let (session, token) = (format!("s{k}"), format!("b{k}"));
            let here = signed_in(&s, &s.anna, &session).await;
            let (made, ended) = tokio::join!(
                here.add_bot(bot(&s, &s.anna, &token), 2),
                s.store.set_password(&s.anna, "хэш", false, 2)
            );
            assert_eq!(ended.unwrap().sessions, [session]);
            if made.is_err() {
                assert_eq!(refusal(made), ErrorCode::Unauthorized);
            }
            let left = s.store.bot_with_token(&token, 3).await.unwrap();
            assert_eq!(left, None, "round {k}");
        }
    })
    .await;
}

/// Waits until so many wait for locks.
async fn waiting(beside: &PgPool, wanted: i64) {
    loop {
        let (now,): (i64,) = sqlx::query_as(
            "SELECT COUNT(*) FROM pg_stat_activity
             WHERE datname = current_database() AND wait_event_type = 'Lock'",
        )
        .fetch_one(beside)
        .await
        .unwrap();
        if now >= wanted {
            return;
        }
        tokio::task::yield_now().await;
    }
}

// The key's session was looked at, and then it waits for the room.
#[tokio::test(flavor = "multi_thread")]
async fn a_reset_waits_for_a_key_whose_session_was_looked_at_already() {
    on_postgres(|store, beside| async move {
        let s = school(store).await;
        let olga = administrator(&s).await;
        let here = signed_in(&s, &s.anna, "s1").await;
        let mut room = beside.begin().await.unwrap();
        sqlx::query("SELECT 1 FROM rooms FOR UPDATE")
            .execute(&mut *room)
            .await
            .unwrap();
        let making = tokio::spawn({
            let s = s.clone();
            async move { here.add_bot(bot(&s, &s.anna, "b1"), 2).await }
        });
        waiting(&beside, 1).await;
        let resetting = tokio::spawn({
            let (s, olga) = (s.clone(), olga.clone());
            async move {
                let new = reset(&s.anna, &olga, false);
                s.store.reset_password(new, 3).await
            }
        });
        waiting(&beside, 2).await;
        room.commit().await.unwrap();
        let made = making.await.unwrap().unwrap();
        let ended = resetting.await.unwrap().unwrap();
        assert_eq!(ended.bots, [made.id]);
        assert_eq!(s.store.bot_with_token("b1", 4).await.unwrap(), None);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_resets_at_once_no_more_are_made_than_one_after_the_other() {
    on_both(|store| async move {
        let s = school(store).await;
        let mut resets = JoinSet::new();
        for _ in 0..PASSWORD_RESETS_MAX + 12 {
            let s = s.clone();
            resets.spawn(async move {
                let new = reset(&s.misha, &s.anna, false);
                s.store.reset_password(new, 100).await.map(drop)
            });
        }
        let (mut made, mut refused) = (0, 0);
        while let Some(done) = resets.join_next().await {
            match done.unwrap() {
                Ok(()) => made += 1,
                error => {
                    assert_eq!(refusal(error), ErrorCode::RateLimited);
                    refused += 1;
                }
            }
        }
        assert_eq!((made, refused), (PASSWORD_RESETS_MAX, 12));
    })
    .await;
}

#[tokio::test]
async fn nothing_that_was_set_up_in_the_account_acts_on_unless_the_password_was_only_forgotten() {
    on_both(|store| async move {
        let s = school(store).await;
        let olga = administrator(&s).await;
        s.store
            .set_address(&s.anna, "anna@example.ru", "Europe/Moscow")
            .await
            .unwrap();
        for cid in ["c1", "c2"] {
            let set = later(&s, &s.anna, cid);
            let new = NewLater {
                by: &s.anna,
                set: &set,
                due: 500,
                ack_due: None,
            };
            s.store.keep_for_later(new).await.unwrap();
        }
        let mail = NewMail {
            id: "m1",
            person: &s.anna,
            event: "e1",
            address: "anna@example.ru",
            letter: "{}",
        };
        s.store.queue_mail(&mail, 1).await.unwrap();
        // She may know what signs in as him.
        s.store
            .reset_password(reset(&s.misha, &s.anna, true), 2)
            .await
            .unwrap();
        let misha = signed_in(&s, &s.misha, "once").await;

        s.store
            .reset_password(reset(&s.anna, &olga, true), 3)
            .await
            .unwrap();
        let known = s.store.mail_of(&s.anna, 4).await.unwrap().unwrap();
        assert_eq!(known.address.as_deref(), Some("anna@example.ru"));
        assert_eq!(s.store.next_due().await.unwrap(), Some(500));
        let once = account(&s.store, &s.misha).await.once_until;
        assert_eq!(once, Some(FOR_EVER));

        // One is just being sent, and cannot be.
        assert_eq!(s.store.claim_due(500).await.unwrap().len(), 2);
        s.store
            .reset_password(reset(&s.anna, &olga, false), 5)
            .await
            .unwrap();
        let known = s.store.mail_of(&s.anna, 6).await.unwrap().unwrap();
        assert_eq!((known.address, known.pending), (None, None));
        assert_eq!(s.store.mails_waiting().await.unwrap(), 0);
        let cid = ClientId::parse("c1").unwrap();
        s.store.unclaim(&s.anna, &cid, None).await.unwrap();
        let cid = ClientId::parse("c2").unwrap();
        s.store.postpone(&s.anna, &cid, 600).await.unwrap();
        assert_eq!(s.store.next_due().await.unwrap(), None);
        assert!(s.store.claim_due(100_000).await.unwrap().is_empty());
        let held = s.store.later_in(&s.room, &s.anna).await.unwrap();
        let why: Vec<_> = held.iter().map(|one| one.refused).collect();
        assert_eq!(why, [Some(ErrorCode::Unauthorized); 2]);
        // Their author decides.
        s.store.make_due(&s.anna, &cid, false, 700).await.unwrap();
        assert_eq!(s.store.next_due().await.unwrap(), Some(700));

        assert_eq!(account(&s.store, &s.misha).await.once_until, Some(5));
        assert_eq!(s.store.session("once", 6).await.unwrap(), None);
        let refused = misha.forget_address(&s.misha).await;
        assert_eq!(refusal(refused), ErrorCode::Unauthorized);
    })
    .await;
}

#[tokio::test]
async fn a_one_time_password_that_another_made_since_then_holds() {
    on_both(|store| async move {
        let s = school(store).await;
        let olga = administrator(&s).await;
        for (by, now) in [(&s.anna, 2), (&olga, 3)] {
            let new = reset(&s.misha, by, true);
            s.store.reset_password(new, now).await.unwrap();
        }
        s.store
            .reset_password(reset(&s.anna, &olga, false), 4)
            .await
            .unwrap();
        let once = account(&s.store, &s.misha).await.once_until;
        assert_eq!(once, Some(FOR_EVER));
    })
    .await;
}
