//! Passwords that take the place of others.

use protocol::audit::Act;
use protocol::device::DeviceKind;
use protocol::limits::PASSWORD_RESETS_MAX;
use protocol::mail::MailLanguage;
use protocol::model::Role;
use protocol::{ErrorCode, UserId};
use server::store::{
    Account, AuditFilter, ChosenPassword, NewAddress, NewBot, NewDevice, NewMail, NewReply, Proof,
    ResetPassword, Store, Then,
};

use crate::reminders::rooms;
use crate::school::{on_both, person, refusal, school};

async fn account(store: &Store, person: &UserId) -> Account {
    store.account_of(person).await.unwrap().unwrap()
}

fn reset<'a>(person: &'a UserId, by: &'a UserId, hash: &'a str) -> ResetPassword<'a> {
    ResetPassword {
        person,
        by,
        hash,
        until: 9_000,
        keep_keys: false,
    }
}

fn chosen<'a>(
    person: &'a UserId,
    was: &'a str,
    session: &'a str,
    then: Then<'a>,
) -> ChosenPassword<'a> {
    ChosenPassword {
        person,
        was,
        hash: "выбран",
        session,
        then,
    }
}

#[tokio::test]
async fn no_session_begins_with_a_password_that_was_replaced_meanwhile() {
    on_both(|store| async move {
        let s = school(store).await;
        let before = account(&s.store, &s.misha).await;
        assert_eq!((before.login.as_str(), before.once_until), ("misha", None));
        assert!(
            s.store
                .begin_session("t1", &before, 100, 20_000)
                .await
                .unwrap()
        );
        assert_eq!(s.store.sessions_ended().await.unwrap(), 0);
        let new = reset(&s.misha, &s.anna, "разовый");
        let ended = s.store.reset_password(new, 200).await.unwrap();
        assert_eq!(ended.sessions, ["t1"]);
        assert_eq!(s.store.sessions_ended().await.unwrap(), 1);
        assert!(
            !s.store
                .begin_session("t2", &before, 201, 20_000)
                .await
                .unwrap()
        );
        assert_eq!(s.store.session("t2", 201).await.unwrap(), None);

        let now = account(&s.store, &s.misha).await;
        assert_eq!(
            (now.password.as_str(), now.once_until),
            ("разовый", Some(9_000))
        );
        assert!(
            s.store
                .begin_session("t3", &now, 202, 20_000)
                .await
                .unwrap()
        );
        let open = s.store.session("t3", 8_999).await.unwrap().unwrap();
        assert!(open.choose);
        assert_eq!(
            s.store.session("t3", 9_000).await.unwrap(),
            None,
            "no longer than the password"
        );
        let by_name = s.store.account("misha").await.unwrap().unwrap();
        assert_eq!(by_name.once_until, Some(9_000));
    })
    .await;
}

#[tokio::test]
async fn who_chooses_a_password_decides_what_becomes_of_the_other_sessions() {
    on_both(|store| async move {
        let s = school(store).await;
        let before = account(&s.store, &s.misha).await;
        for token in ["t1", "t2", "t3"] {
            s.store
                .begin_session(token, &before, 100, 20_000)
                .await
                .unwrap();
        }
        let anna = account(&s.store, &s.anna).await;
        s.store
            .begin_session("a1", &anna, 100, 20_000)
            .await
            .unwrap();
        for (was, session, now) in [
            ("другой", "t1", 200),
            ("хэш", "none", 200),
            ("хэш", "a1", 200),
            ("хэш", "t1", 20_000),
        ] {
            let new = chosen(&s.misha, was, session, Then::OthersEnd);
            let refused = refusal(s.store.choose_password(new, now).await);
            assert_eq!(refused, ErrorCode::Unauthorized, "{was} {session} {now}");
            assert_eq!(account(&s.store, &s.misha).await.password, "хэш");
        }
        let stay = chosen(&s.misha, "хэш", "t1", Then::Stay);
        assert!(s.store.choose_password(stay, 200).await.unwrap().is_empty());
        assert!(s.store.session("t2", 200).await.unwrap().is_some());
        let others = chosen(&s.misha, "выбран", "t1", Then::OthersEnd);
        let mut ended = s.store.choose_password(others, 200).await.unwrap();
        ended.sort();
        assert_eq!(ended, ["t2", "t3"]);
        let begin = Then::Begin {
            token_hash: "t4",
            expires_at: 30_000,
        };
        let ended = s
            .store
            .choose_password(chosen(&s.misha, "выбран", "t1", begin), 200)
            .await;
        assert_eq!(ended.unwrap(), ["t1"]);
        assert!(s.store.session("t4", 200).await.unwrap().is_some());
        assert!(
            s.store.session("a1", 200).await.unwrap().is_some(),
            "nobody else's"
        );
        let log = s.store.audit(AuditFilter::default()).await.unwrap();
        assert!(log.is_empty(), "one's own password is nobody's business");
    })
    .await;
}

#[tokio::test]
async fn a_password_that_is_chosen_is_no_one_time_password() {
    on_both(|store| async move {
        let s = school(store).await;
        s.store
            .reset_password(reset(&s.misha, &s.anna, "разовый"), 100)
            .await
            .unwrap();
        let once = account(&s.store, &s.misha).await;
        s.store
            .begin_session("t1", &once, 100, 20_000)
            .await
            .unwrap();
        let begin = Then::Begin {
            token_hash: "t2",
            expires_at: 20_000,
        };
        // While it was hashed, another one was made.
        s.store
            .reset_password(reset(&s.misha, &s.anna, "второй"), 101)
            .await
            .unwrap();
        for was in ["разовый", "второй"] {
            let late = s
                .store
                .choose_password(chosen(&s.misha, was, "t1", begin), 102)
                .await;
            assert_eq!(refusal(late), ErrorCode::Unauthorized);
        }
        let once = account(&s.store, &s.misha).await;
        s.store
            .begin_session("t1", &once, 102, 20_000)
            .await
            .unwrap();
        s.store
            .choose_password(chosen(&s.misha, "второй", "t1", begin), 103)
            .await
            .unwrap();
        let open = s.store.session("t2", 10_000).await.unwrap().unwrap();
        assert!(!open.choose);
        assert_eq!(account(&s.store, &s.misha).await.once_until, None);
    })
    .await;
}

#[tokio::test]
async fn resets_are_written_down_and_bounded() {
    on_both(|store| async move {
        let s = school(store).await;
        let stranger = s.store.may_reset_password(&s.stranger, &s.anna, 100).await;
        assert_eq!(refusal(stranger), ErrorCode::NotFound);
        let own = s.store.may_reset_password(&s.anna, &s.anna, 100).await;
        assert_eq!(refusal(own), ErrorCode::Forbidden);
        for at in 0..PASSWORD_RESETS_MAX {
            s.store
                .may_reset_password(&s.misha, &s.anna, at)
                .await
                .unwrap();
            s.store
                .reset_password(reset(&s.misha, &s.anna, "разовый"), at)
                .await
                .unwrap();
        }
        let more = s.store.may_reset_password(&s.misha, &s.anna, 100).await;
        assert_eq!(refusal(more), ErrorCode::RateLimited);
        let more = s
            .store
            .reset_password(reset(&s.misha, &s.anna, "лишний"), 100)
            .await;
        assert_eq!(refusal(more), ErrorCode::RateLimited);
        assert_eq!(account(&s.store, &s.misha).await.password, "разовый");
        let later = 3_600_000 + PASSWORD_RESETS_MAX;
        s.store
            .may_reset_password(&s.misha, &s.anna, later)
            .await
            .unwrap();

        s.store
            .set_password(&s.misha, "поставлен", false, later)
            .await
            .unwrap();
        let nobody = UserId::parse("nobody").unwrap();
        let refused = s
            .store
            .set_password(&nobody, "поставлен", false, later)
            .await;
        assert_eq!(refusal(refused), ErrorCode::NotFound);
        assert_eq!(account(&s.store, &s.misha).await.once_until, None);
        let log = s.store.audit(AuditFilter::default()).await.unwrap();
        assert_eq!((log[0].act, log[0].by.as_ref()), (Act::PasswordSet, None));
        assert_eq!(log[0].about.as_ref().map(|who| &who.id), Some(&s.misha));
        assert!(log[1..].iter().all(|entry| entry.act == Act::PasswordReset));
        assert_eq!(log[1].by.as_ref().map(|who| &who.id), Some(&s.anna));
    })
    .await;
}

#[tokio::test]
async fn keys_go_with_the_password_unless_it_was_only_forgotten() {
    on_both(|store| async move {
        let s = school(store).await;
        let olga = s
            .store
            .add_person(&person("olga", Role::Administrator), 1)
            .await
            .unwrap()
            .id;
        s.store.add_member(&s.room, &olga).await.unwrap();
        let other = s
            .store
            .add_room("Черчение", std::slice::from_ref(&s.anna), 1)
            .await
            .unwrap();
        let mut mine = Vec::new();
        for (by, token) in [(&s.anna, "anna"), (&olga, "olga")] {
            let new = NewBot {
                room: &s.room,
                name: "Сторож",
                reads: false,
                token_hash: token,
                by,
            };
            mine.push(s.store.add_bot(new, 2).await.unwrap().id);
            let camera = NewDevice {
                room: &s.room,
                name: "Камера",
                does: DeviceKind::Publish,
                token_hash: token,
                by,
            };
            s.store.add_device(camera, 2).await.unwrap();
        }
        s.store
            .let_bot_in(&other, &mine[0], &s.anna, 3)
            .await
            .unwrap();
        let forgot = ResetPassword {
            keep_keys: true,
            ..reset(&s.anna, &olga, "разовый")
        };
        let ended = s.store.reset_password(forgot, 4).await.unwrap();
        assert!(ended.bots.is_empty() && ended.devices.is_empty());
        let device = s.store.device_with_token("anna").await.unwrap().unwrap();

        let ended = s
            .store
            .reset_password(reset(&s.anna, &olga, "второй"), 5)
            .await
            .unwrap();
        assert_eq!(
            ended.bots,
            [mine[0].clone(), mine[0].clone()],
            "in both rooms"
        );
        assert_eq!(ended.devices, [device.id]);
        assert!(s.store.device_with_token("anna").await.unwrap().is_none());
        assert!(s.store.bot_with_token("anna", 6).await.unwrap().is_none());
        assert!(
            s.store.device_with_token("olga").await.unwrap().is_some(),
            "nobody else's"
        );
        assert!(s.store.bot_with_token("olga", 6).await.unwrap().is_some());
        let log = s.store.audit(AuditFilter::default()).await.unwrap();
        let gone = [Act::BotRemoved, Act::DeviceRevoked];
        let gone: Vec<_> = log
            .iter()
            .filter(|entry| gone.contains(&entry.act))
            .collect();
        assert_eq!(gone.len(), 3);
        assert!(
            gone.iter()
                .all(|entry| entry.by.as_ref().is_some_and(|by| by.id == olga))
        );
    })
    .await;
}

#[tokio::test]
async fn with_a_password_go_an_unconfirmed_address_and_the_ways_to_answer_by_mail() {
    on_both(|store| async move {
        let s = school(store).await;
        s.store
            .set_address(&s.misha, "misha@example.ru", "Europe/Moscow")
            .await
            .unwrap();
        s.write(&s.anna, "c1", "раз").await;
        let news = s.store.mail_news(&s.room, &s.misha, false, 6_000).await;
        let news = news.unwrap().unwrap();
        let letter = |id| NewMail {
            id,
            person: &s.misha,
            event: id,
            address: "misha@example.ru",
            letter: "{}",
        };
        let reply = NewReply {
            id: "reply",
            room: &s.room,
            message: &news.last,
            expires_at: 90_000_000,
            noticed: false,
        };
        let told = [(&s.room, news.last_no)];
        let unread = letter("m1");
        let queued = s
            .store
            .tell_by_mail(&unread, rooms(&told), Some(&reply), 6_000)
            .await;
        assert!(queued.unwrap());
        let new = NewAddress {
            person: &s.misha,
            address: "other@example.ru",
            token_hash: "token",
            code_hash: "code",
            lang: MailLanguage::Ru,
            zone: "Europe/Moscow",
        };
        let asked = s.store.await_address(new, &letter("m2"), 100_000_000).await;
        assert!(asked.unwrap().is_ok());
        assert!(s.store.reply_to_mail("reply").await.unwrap().is_some());

        let forgot = ResetPassword {
            keep_keys: true,
            ..reset(&s.misha, &s.anna, "разовый")
        };
        s.store.reset_password(forgot, 100_000_001).await.unwrap();
        for proof in [Proof::Token("token"), Proof::Code(&s.misha, "code")] {
            let confirmed = s.store.confirm_address(proof, 100_000_002).await;
            assert_eq!(refusal(confirmed), ErrorCode::NotFound);
        }
        assert_eq!(s.store.reply_to_mail("reply").await.unwrap(), None);
        let mail = s.store.mail_of(&s.misha, 100_000_002).await.unwrap();
        let mail = mail.unwrap();
        assert_eq!(
            (mail.address.as_deref(), mail.pending),
            (Some("misha@example.ru"), None)
        );
    })
    .await;
}
