//! Where people get mail, what waits to be sent there, and what they were told.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use protocol::ErrorCode;
use protocol::limits::{
    MAIL_CODE_TRIES, MAIL_CONFIRMS_PER_DAY, MAIL_MESSAGES_MAX, MAIL_NEWS_HOURS,
};
use protocol::mail::{MailLanguage, MailWhen, MailWish};
use protocol::notify::NotifyLevel;
use protocol::{ClientId, RoomId, UserId};
use server::store::{NewAddress, NewMail, NewMessage, NewReply, Proof, Store};

use crate::reminders::rooms;
use crate::school::{School, on_both, refusal, school, text};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
/// Messages of [`School::write`] are of this time.
const WRITTEN: i64 = 5_000;

pub(crate) fn mail<'a>(
    id: &'a str,
    person: &'a UserId,
    event: &'a str,
    address: &'a str,
) -> NewMail<'a> {
    NewMail {
        id,
        person,
        event,
        address,
        letter: "{}",
    }
}

async fn awaits(
    store: &Store,
    person: &UserId,
    address: &str,
    hash: &str,
    now: i64,
) -> Option<ErrorCode> {
    let new = NewAddress {
        person,
        address,
        token_hash: hash,
        code_hash: "code",
        lang: MailLanguage::En,
        zone: "Asia/Yekaterinburg",
    };
    let mail = mail(hash, person, hash, address);
    let asked = store.await_address(new, &mail, now).await.unwrap();
    asked.err().map(|error| error.c)
}

pub(crate) async fn reachable(s: &School, person: &UserId, address: &str, when: MailWhen) {
    s.store
        .set_address(person, address, "Europe/Moscow")
        .await
        .unwrap();
    wish(s, person, when, None).await;
}

pub(crate) async fn wish(s: &School, person: &UserId, when: MailWhen, digest_at: Option<i64>) {
    let wish = MailWish {
        when,
        digest: 480,
        zone: "Europe/Moscow".to_owned(),
        lang: MailLanguage::Ru,
    };
    s.store
        .set_mail_wish(person, &wish, digest_at)
        .await
        .unwrap();
}

#[tokio::test]
async fn an_address_waits_until_it_is_proved_and_then_counts() {
    on_both(|store| async move {
        let s = school(store).await;
        assert_eq!(s.store.mail_of(&s.misha, 1).await.unwrap(), None);
        assert_eq!(
            awaits(&s.store, &s.misha, "m@example.ru", "t1", 1_000).await,
            None
        );
        let waits = s.store.mail_of(&s.misha, 2_000).await.unwrap().unwrap();
        assert_eq!(
            (waits.address, waits.pending.as_deref()),
            (None, Some("m@example.ru"))
        );
        assert_eq!(
            (waits.lang, &*waits.zone),
            (MailLanguage::En, "Asia/Yekaterinburg")
        );
        // Another at once is too soon; later it takes the first one's place.
        let soon = awaits(&s.store, &s.misha, "x@example.ru", "t2", 2_000).await;
        assert_eq!(soon, Some(ErrorCode::RateLimited));
        assert_eq!(
            awaits(&s.store, &s.misha, "n@example.ru", "t3", 70_000).await,
            None
        );
        assert_eq!(
            refusal(s.store.confirm_address(Proof::Token("t1"), 70_001).await),
            ErrorCode::NotFound
        );
        assert_eq!(
            refusal(s.store.confirm_address(Proof::Token("t2"), 70_001).await),
            ErrorCode::NotFound
        );
        let confirmed = s
            .store
            .confirm_address(Proof::Token("t3"), 70_001)
            .await
            .unwrap();
        assert_eq!(confirmed, (s.misha.clone(), "n@example.ru".to_owned()));
        let counts = s.store.mail_of(&s.misha, 70_002).await.unwrap().unwrap();
        assert_eq!(
            (counts.address.as_deref(), counts.pending),
            (Some("n@example.ru"), None)
        );
        assert_eq!(
            counts.when,
            MailWhen::Hour,
            "who gives an address wants mails"
        );
        assert_eq!(
            refusal(s.store.confirm_address(Proof::Token("t3"), 70_003).await),
            ErrorCode::NotFound
        );
        // What waits too long is none any more.
        assert_eq!(
            awaits(&s.store, &s.anna, "a@example.ru", "t4", 1_000).await,
            None
        );
        let late = 1_000 + 24 * HOUR;
        assert_eq!(
            refusal(s.store.confirm_address(Proof::Token("t4"), late).await),
            ErrorCode::NotFound
        );
        assert_eq!(
            s.store
                .mail_of(&s.anna, late)
                .await
                .unwrap()
                .unwrap()
                .pending,
            None
        );
        // No more than so many a day.
        for n in 1..MAIL_CONFIRMS_PER_DAY {
            let hash = format!("d{n}");
            assert_eq!(
                awaits(&s.store, &s.anna, "a@example.ru", &hash, 1_000 + n * HOUR).await,
                None
            );
        }
        let over = awaits(&s.store, &s.anna, "a@example.ru", "d9", 1_000 + 20 * HOUR).await;
        assert_eq!(over, Some(ErrorCode::RateLimited));
        assert_eq!(
            awaits(&s.store, &s.anna, "a@example.ru", "d10", 1_000 + 25 * HOUR).await,
            None
        );
        let nobody = UserId::parse("nobody").unwrap();
        assert_eq!(
            refusal(s.store.set_address(&nobody, "x@y.ru", "UTC").await),
            ErrorCode::NotFound
        );
        assert_eq!(s.store.person(&nobody).await.unwrap(), None);
        assert_eq!(
            s.store.person(&s.anna).await.unwrap().unwrap().name,
            "Имя anna"
        );
    })
    .await;
}

#[tokio::test]
async fn a_code_is_its_persons_and_can_be_tried_a_few_times() {
    on_both(|store| async move {
        let s = school(store).await;
        assert_eq!(
            awaits(&s.store, &s.misha, "m@example.ru", "t1", 1_000).await,
            None
        );
        let confirm = |person: UserId, code: &'static str| {
            let store = s.store.clone();
            async move {
                store
                    .confirm_address(Proof::Code(&person, code), 2_000)
                    .await
            }
        };
        assert_eq!(
            refusal(confirm(s.anna.clone(), "code").await),
            ErrorCode::NotFound
        );
        for _ in 0..MAIL_CODE_TRIES {
            assert_eq!(
                refusal(confirm(s.misha.clone(), "other").await),
                ErrorCode::NotFound
            );
        }
        assert_eq!(
            refusal(confirm(s.misha.clone(), "code").await),
            ErrorCode::NotFound
        );
        assert_eq!(
            awaits(&s.store, &s.misha, "m@example.ru", "t2", 70_000).await,
            None
        );
        let confirmed = s
            .store
            .confirm_address(Proof::Code(&s.misha, "code"), 70_001)
            .await;
        assert_eq!(confirmed.unwrap().1, "m@example.ru");
    })
    .await;
}

#[tokio::test]
async fn a_mail_is_one_servers_at_a_time_and_a_domain_gets_no_more_than_it_bears() {
    on_both(|store| async move {
        let s = school(store).await;
        let (one, other) = ("a@one.ru", "b@other.ru");
        for (id, event, address) in [
            ("m1", "e1", one),
            ("m2", "e2", one),
            ("m3", "e3", other),
            ("m4", "e1", one),
        ] {
            s.store
                .queue_mail(&mail(id, &s.misha, event, address), 1_000)
                .await
                .unwrap();
        }
        assert_eq!(
            s.store.mails_waiting().await.unwrap(),
            3,
            "what was told is not told again"
        );
        let claim = |now: i64| {
            let store = s.store.clone();
            async move { store.claim_mail(1, now).await.unwrap().map(|due| due.id) }
        };
        assert_eq!(claim(999).await, None);
        assert_eq!(claim(1_000).await.as_deref(), Some("m1"));
        assert_eq!(
            claim(1_000).await.as_deref(),
            Some("m3"),
            "one a minute for a domain"
        );
        assert_eq!(claim(1_000).await, None);
        s.store.mail_done("m1", 2_000).await.unwrap();
        assert_eq!(claim(61_999).await, None);
        assert_eq!(claim(62_001).await.as_deref(), Some("m2"));
        // It could not be sent: later, and it knows how often.
        s.store.mail_later("m2", 200_000).await.unwrap();
        assert_eq!(claim(199_000).await, None);
        let again = s.store.claim_mail(1, 200_000).await.unwrap().unwrap();
        assert_eq!(
            (again.id.as_str(), again.tries, again.created_at),
            ("m2", 1, 1_000)
        );
        assert_eq!(
            (again.address.as_str(), again.person),
            (one, s.misha.clone())
        );
        // The server that had m3 died over it.
        assert_eq!(claim(301_001).await.as_deref(), Some("m3"));
        s.store
            .queue_mail(&mail("m5", &s.misha, "e1", one), 3_000)
            .await
            .unwrap();
        assert_eq!(
            s.store.mails_waiting().await.unwrap(),
            2,
            "also after it was sent"
        );
        assert_eq!(s.store.sweep_mail(1_000).await.unwrap(), 0);
        assert_eq!(
            s.store.sweep_mail(4 * 24 * HOUR).await.unwrap(),
            2,
            "given up"
        );
        assert_eq!(s.store.mails_waiting().await.unwrap(), 0);
        s.store.sweep_mail(40 * 24 * HOUR).await.unwrap();
        s.store
            .queue_mail(&mail("m6", &s.misha, "e1", one), 3_000)
            .await
            .unwrap();
        assert_eq!(
            s.store.mails_waiting().await.unwrap(),
            1,
            "long ago is forgotten"
        );
    })
    .await;
}

#[tokio::test]
async fn two_servers_do_not_send_one_mail() {
    on_both(|store| async move {
        let s = school(store).await;
        for n in 0..20 {
            let (id, event) = (format!("m{n:02}"), format!("e{n}"));
            s.store
                .queue_mail(&mail(&id, &s.misha, &event, "a@one.ru"), 1_000)
                .await
                .unwrap();
        }
        let left = Arc::new(AtomicUsize::new(20));
        let mut servers = Vec::new();
        for _ in 0..4 {
            let (store, left) = (s.store.clone(), Arc::clone(&left));
            servers.push(tokio::spawn(async move {
                let mut got = Vec::new();
                // One that was after the same mail as another comes again.
                while left.load(Ordering::SeqCst) > 0 {
                    if let Some(due) = store.claim_mail(100, 2_000).await.unwrap() {
                        left.fetch_sub(1, Ordering::SeqCst);
                        got.push(due.id);
                    }
                }
                got
            }));
        }
        let mut all = Vec::new();
        for server in servers {
            all.extend(server.await.unwrap());
        }
        all.sort();
        let once: Vec<String> = (0..20).map(|n| format!("m{n:02}")).collect();
        assert_eq!(all, once);
    })
    .await;
}

#[tokio::test]
async fn what_is_unread_is_told_once() {
    on_both(|store| async move {
        let s = school(store).await;
        reachable(&s, &s.misha, "m@example.ru", MailWhen::Soon).await;
        reachable(&s, &s.anna, "a@example.ru", MailWhen::Soon).await;
        s.write(&s.anna, "c1", "раз").await;
        let mut two = text(&s.room, "c2", "Миша!");
        two.men = vec![s.misha.clone()];
        s.send(&s.anna, &two).await;
        let now = WRITTEN + 10 * MINUTE;
        let unread = s.store.unread_by_mail(None, now).await.unwrap();
        let [one] = unread.as_slice() else {
            panic!("of one's own messages nobody is told: {unread:?}")
        };
        assert_eq!((&one.reader.person, &one.room), (&s.misha, &s.room));
        assert_eq!(
            (one.since, one.mentioned_since, one.told_at),
            (WRITTEN, Some(WRITTEN), None)
        );
        assert_eq!(one.is_due(10, now - 1), None);
        assert_eq!(one.is_due(10, now), Some(false));

        let news = s
            .store
            .mail_news(&s.room, &s.misha, false, now)
            .await
            .unwrap()
            .unwrap();
        assert_eq!((news.count, news.mentioned, news.last_no), (2, true, 2));
        assert_eq!(news.name, "Робототехника");
        let bodies: Vec<&str> = news.messages.iter().map(|said| &*said.body).collect();
        assert_eq!(bodies, ["раз", "Миша!"]);
        assert_eq!(news.messages[0].by, "Имя anna");
        let mentions = s
            .store
            .mail_news(&s.room, &s.misha, true, now)
            .await
            .unwrap()
            .unwrap();
        assert_eq!((mentions.count, mentions.messages.len()), (1, 1));

        let told = [(&s.room, news.last_no)];
        let reply = NewReply {
            id: "reply1",
            room: &s.room,
            message: &news.last,
            expires_at: 9,
            noticed: false,
        };
        let letter = mail("m1", &s.misha, "unread", "m@example.ru");
        assert!(
            s.store
                .tell_by_mail(&letter, rooms(&told), Some(&reply), now)
                .await
                .unwrap()
        );
        let again = mail("m2", &s.misha, "unread2", "m@example.ru");
        assert!(
            !s.store
                .tell_by_mail(&again, rooms(&told), None, now)
                .await
                .unwrap()
        );
        assert_eq!(s.store.mails_waiting().await.unwrap(), 1);
        assert!(s.store.unread_by_mail(None, now).await.unwrap().is_empty());
        let answers = s.store.reply_to_mail("reply1").await.unwrap().unwrap();
        assert_eq!(
            (answers.person, answers.room),
            (s.misha.clone(), s.room.clone())
        );
        assert_eq!(
            (answers.address.as_deref(), answers.expires_at),
            (Some("m@example.ru"), 9)
        );
        assert_eq!(s.store.reply_to_mail("reply2").await.unwrap(), None);

        // Something more, while nothing was read: not before an hour, but for a mention.
        s.write(&s.anna, "c3", "три").await;
        let unread = s.store.unread_by_mail(None, now).await.unwrap();
        assert_eq!(unread[0].told_at, Some(now));
        assert_eq!(unread[0].is_due(10, now + 59 * MINUTE), None);
        assert_eq!(unread[0].is_due(10, now + 60 * MINUTE), Some(false));
        // Read, it is no news.
        s.store.mark_read(&s.room, &s.misha, 3).await.unwrap();
        assert!(s.store.unread_by_mail(None, now).await.unwrap().is_empty());
        assert!(
            s.store
                .mail_news(&s.room, &s.misha, false, now)
                .await
                .unwrap()
                .is_none()
        );
        let late = mail("m3", &s.misha, "unread3", "m@example.ru");
        assert!(
            !s.store
                .tell_by_mail(&late, rooms(&[(&s.room, 3)]), None, now)
                .await
                .unwrap()
        );
        // Nor what is old.
        s.write(&s.anna, "c4", "четыре").await;
        let old = WRITTEN + MAIL_NEWS_HOURS * HOUR;
        assert!(s.store.unread_by_mail(None, old).await.unwrap().is_empty());
        assert_eq!(
            s.store.unread_by_mail(None, old - 1).await.unwrap().len(),
            1
        );
        assert!(
            s.store
                .has_sent(&s.anna, &ClientId::parse("c4").unwrap())
                .await
                .unwrap()
        );
        assert!(
            !s.store
                .has_sent(&s.misha, &ClientId::parse("c4").unwrap())
                .await
                .unwrap()
        );
    })
    .await;
}

#[tokio::test]
async fn a_muted_room_tells_of_mentions_and_a_silent_one_of_nothing() {
    on_both(|store| async move {
        let s = school(store).await;
        reachable(&s, &s.misha, "m@example.ru", MailWhen::Hour).await;
        let level = |level| s.store.set_room_notify(&s.misha, &s.room, level, None);
        level(NotifyLevel::Mentions).await.unwrap();
        s.write(&s.anna, "c1", "раз").await;
        let now = WRITTEN + HOUR;
        let due = |now: i64| {
            let store = s.store.clone();
            async move { store.unread_by_mail(None, now).await.unwrap()[0].is_due(10, now) }
        };
        assert_eq!(due(now).await, None);
        let mut two = text(&s.room, "c2", "Миша!");
        two.men = vec![s.misha.clone()];
        s.send(&s.anna, &two).await;
        assert_eq!(due(now).await, Some(true), "only the mention");
        assert_eq!(due(now - 1).await, None);
        level(NotifyLevel::Nothing).await.unwrap();
        assert_eq!(due(now).await, None);
        level(NotifyLevel::All).await.unwrap();
        s.store.set_pause(&s.misha, Some(now + 1)).await.unwrap();
        assert_eq!(due(now).await, None);
        assert_eq!(due(now + 1).await, Some(false));
        // An address that fails, and one that is taken back, are told nothing.
        s.store
            .address_fails(&s.misha, "other@example.ru", now)
            .await
            .unwrap();
        assert_eq!(s.store.unread_by_mail(None, now).await.unwrap().len(), 1);
        s.store
            .address_fails(&s.misha, "m@example.ru", now)
            .await
            .unwrap();
        assert!(
            s.store
                .mail_of(&s.misha, now)
                .await
                .unwrap()
                .unwrap()
                .failing
        );
        assert!(s.store.unread_by_mail(None, now).await.unwrap().is_empty());
        s.store
            .set_address(&s.misha, "m@example.ru", "UTC")
            .await
            .unwrap();
        assert_eq!(s.store.unread_by_mail(None, now).await.unwrap().len(), 1);
        s.store.stop_mail(&s.misha).await.unwrap();
        assert!(s.store.unread_by_mail(None, now).await.unwrap().is_empty());
        s.store
            .queue_mail(&mail("m1", &s.misha, "e", "m@example.ru"), now)
            .await
            .unwrap();
        s.store.forget_address(&s.misha).await.unwrap();
        assert_eq!(s.store.mails_waiting().await.unwrap(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_digest_is_due_once() {
    on_both(|store| async move {
        let s = school(store).await;
        reachable(&s, &s.misha, "m@example.ru", MailWhen::Digest).await;
        assert!(s.store.digests_due(i64::MAX).await.unwrap().is_empty());
        wish(&s, &s.misha, MailWhen::Digest, Some(1_000)).await;
        assert!(s.store.digests_due(999).await.unwrap().is_empty());
        let due = s.store.digests_due(1_000).await.unwrap();
        assert_eq!(
            (&due[0].0.person, due[0].0.digest, due[0].1),
            (&s.misha, 480, 1_000)
        );
        s.write(&s.anna, "c1", "раз").await;
        assert!(
            s.store
                .unread_by_mail(None, WRITTEN + HOUR)
                .await
                .unwrap()
                .is_empty()
        );
        let all = s
            .store
            .unread_by_mail(Some(&s.misha), WRITTEN + HOUR)
            .await
            .unwrap();
        assert_eq!((all.len(), all[0].is_due(10, WRITTEN + HOUR)), (1, None));
        assert!(s.store.claim_digest(&s.misha, 1_000, 2_000).await.unwrap());
        assert!(!s.store.claim_digest(&s.misha, 1_000, 2_000).await.unwrap());
        assert!(s.store.digests_due(1_999).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_mail_shows_so_many_messages_and_counts_all() {
    on_both(|store| async move {
        let s = school(store).await;
        reachable(&s, &s.misha, "m@example.ru", MailWhen::Soon).await;
        let other: RoomId = s
            .store
            .add_room("Другая", &[s.anna.clone(), s.misha.clone()], 1)
            .await
            .unwrap();
        for n in 0..MAIL_MESSAGES_MAX + 5 {
            let send = text(&other, &format!("c{n}"), &n.to_string());
            let new = NewMessage {
                by: &s.anna,
                send: &send,
            };
            s.store.add_message(new, WRITTEN).await.unwrap();
        }
        let news = s
            .store
            .mail_news(&other, &s.misha, false, WRITTEN + 1)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(news.count, MAIL_MESSAGES_MAX + 5);
        assert_eq!(news.messages.len() as i64, MAIL_MESSAGES_MAX);
        assert_eq!(
            news.messages.last().unwrap().body,
            (MAIL_MESSAGES_MAX + 4).to_string()
        );
        assert!(
            s.store
                .mail_news(&other, &s.stranger, false, WRITTEN + 1)
                .await
                .unwrap()
                .is_none()
        );
    })
    .await;
}
