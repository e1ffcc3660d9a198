//! Reminders of messages that are to be acknowledged: whom push and mail tell of them, and how often.

use protocol::command::MsgSend;
use protocol::limits::{MAIL_NEWS_HOURS, REMIND_SECONDS};
use protocol::mail::MailWhen;
use protocol::model::Message;
use protocol::notify::NotifyLevel;
use protocol::{RoomId, UserId};
use server::store::{Recalled, Told};

use crate::mail::{mail, reachable};
use crate::push::subscribed;
use crate::school::{School, on_both, school, text};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const AGAIN: i64 = 1_000 * REMIND_SECONDS.cast_signed();
/// For so long a server has a person to itself, to tell them.
const CLAIMED: i64 = 5 * MINUTE;
/// When the first reminder is.
const REMINDED: i64 = 10_000;

/// A mail that tells of rooms alone.
pub(crate) const fn rooms<'a>(rooms: &'a [(&'a RoomId, i64)]) -> Told<'a> {
    Told { rooms, asks: &[] }
}

async fn ask(s: &School) -> Message {
    let send = MsgSend {
        ack: true,
        due: Some(server::time::rfc3339(100 * HOUR)),
        ..text(&s.room, "c1", "Собрание в четверг")
    };
    s.send(&s.anna, &send).await.message
}

async fn remind(s: &School, message: &Message, now: i64) {
    let recalled = s.store.remind(&message.id, &s.anna, now).await.unwrap();
    assert!(matches!(recalled, Recalled::Now(_)), "{recalled:?}");
}

/// Who may be reminded by push.
async fn told(s: &School, no: i64, now: i64) -> Vec<UserId> {
    let candidates = s.store.push_reminded(&s.room, no, now).await.unwrap();
    assert!(candidates.iter().all(|one| one.mentioned));
    candidates.into_iter().map(|one| one.person).collect()
}

/// What may be told by mail.
async fn mails(s: &School, now: i64) -> Vec<(UserId, i64)> {
    let recalls = s.store.reminders_by_mail(None, now).await.unwrap();
    let each = recalls.into_iter();
    each.map(|one| (one.reader.person, one.no)).collect()
}

#[tokio::test]
async fn who_has_not_acknowledged_is_pushed_once_for_each_reminder() {
    on_both(|store| async move {
        let s = school(store).await;
        s.store.add_member(&s.room, &s.stranger).await.unwrap();
        for (session, person, at) in [
            ("s1", &s.anna, "a"),
            ("s2", &s.misha, "b"),
            ("s3", &s.stranger, "c"),
        ] {
            subscribed(&s, session, person, at, 1).await;
        }
        let message = ask(&s).await;
        assert!(
            told(&s, message.no, REMINDED).await.is_empty(),
            "nobody was reminded"
        );
        s.store
            .acknowledge(&message.id, &s.stranger, 6_000)
            .await
            .unwrap();
        // Also of what they have read.
        s.store
            .mark_read(&s.room, &s.misha, message.no)
            .await
            .unwrap();
        remind(&s, &message, REMINDED).await;
        let misha = std::slice::from_ref(&s.misha);
        assert_eq!(told(&s, message.no, REMINDED).await, misha);
        let news = s.store.push_news(&s.room, &s.misha).await.unwrap().unwrap();
        assert_eq!((news.unread, news.asks), (0, 1));
        let all = [s.anna.clone(), s.misha.clone(), s.stranger.clone()];
        let claim = |now| s.store.claim_reminders(&s.room, message.no, &all, now);
        // Two servers would tell of it.
        let (one, other) = tokio::join!(claim(REMINDED), claim(REMINDED));
        let claimed: Vec<UserId> = one.unwrap().into_iter().chain(other.unwrap()).collect();
        assert_eq!(claimed, misha);
        assert!(told(&s, message.no, REMINDED).await.is_empty());
        // Nobody says that it arrived: the push service was away, or the server died. Then it is tried again.
        let waiting = |now| {
            let store = s.store.clone();
            async move { store.reminders_to_push(now).await.unwrap() }
        };
        assert_eq!(waiting(REMINDED + CLAIMED).await, []);
        let lapsed = REMINDED + CLAIMED + 1;
        assert_eq!(waiting(lapsed).await, [(s.room.clone(), message.no)]);
        assert_eq!(told(&s, message.no, lapsed).await, misha);
        assert_eq!(
            waiting(REMINDED + 24 * HOUR).await,
            [],
            "what is old is no news"
        );
        assert!(told(&s, message.no, REMINDED + 24 * HOUR).await.is_empty());
        assert_eq!(claim(lapsed).await.unwrap(), misha);
        let settle = |claimed| {
            s.store
                .settle_reminder(&s.room, message.no, &s.misha, claimed)
        };
        settle(REMINDED).await.unwrap();
        assert_eq!(
            told(&s, message.no, lapsed + CLAIMED + 1).await,
            misha,
            "of another claim"
        );
        settle(lapsed).await.unwrap();
        assert!(told(&s, message.no, lapsed + CLAIMED + 1).await.is_empty());
        assert_eq!(waiting(lapsed + CLAIMED + 1).await, []);

        let again = lapsed + AGAIN;
        remind(&s, &message, again).await;
        assert_eq!(told(&s, message.no, again).await, misha);
        s.store
            .acknowledge(&message.id, &s.misha, again)
            .await
            .unwrap();
        assert!(claim(again).await.unwrap().is_empty());
        let news = s.store.push_news(&s.room, &s.misha).await.unwrap().unwrap();
        assert_eq!(news.asks, 0);
    })
    .await;
}

#[tokio::test]
async fn who_has_not_acknowledged_is_mailed_once_for_each_reminder() {
    on_both(|store| async move {
        let s = school(store).await;
        reachable(&s, &s.misha, "m@example.ru", MailWhen::Soon).await;
        reachable(&s, &s.anna, "a@example.ru", MailWhen::Soon).await;
        let message = ask(&s).await;
        s.store
            .mark_read(&s.room, &s.misha, message.no)
            .await
            .unwrap();
        assert!(mails(&s, REMINDED).await.is_empty());
        remind(&s, &message, REMINDED).await;
        let recalls = s.store.reminders_by_mail(None, REMINDED).await.unwrap();
        let one = &recalls[0];
        assert_eq!((recalls.len(), &one.reader.person), (1, &s.misha));
        assert_eq!((&*one.name, &*one.by), ("Робототехника", "Имя anna"));
        assert_eq!(
            (&*one.body, one.due),
            ("Собрание в четверг", Some(100 * HOUR))
        );
        assert!(!one.is_due(10, REMINDED + 10 * MINUTE - 1));
        assert!(one.is_due(10, REMINDED + 10 * MINUTE));
        let asks = [(&s.room, message.no)];
        let told = Told {
            rooms: &[],
            asks: &asks,
        };
        for (id, is_news) in [("m1", true), ("m2", false)] {
            let letter = mail(id, &s.misha, id, "m@example.ru");
            let queued = s.store.tell_by_mail(&letter, told, None, REMINDED + MINUTE);
            assert_eq!(queued.await.unwrap(), is_news, "{id}");
        }
        assert!(mails(&s, REMINDED + MINUTE).await.is_empty());

        let again = REMINDED + AGAIN;
        remind(&s, &message, again).await;
        assert_eq!(mails(&s, again).await, [(s.misha.clone(), message.no)]);
        let old = again + MAIL_NEWS_HOURS * HOUR;
        assert!(mails(&s, old).await.is_empty(), "what is old is no news");
        s.store
            .acknowledge(&message.id, &s.misha, again)
            .await
            .unwrap();
        assert!(mails(&s, again).await.is_empty());
        let late = mail("m3", &s.misha, "m3", "m@example.ru");
        let queued = s
            .store
            .tell_by_mail(&late, told, None, again + MINUTE)
            .await;
        assert!(!queued.unwrap(), "acknowledged meanwhile");
    })
    .await;
}

#[tokio::test]
async fn a_reminder_keeps_to_what_one_wants_and_a_mail_about_the_message_is_enough() {
    on_both(|store| async move {
        let s = school(store).await;
        reachable(&s, &s.misha, "m@example.ru", MailWhen::Hour).await;
        let message = ask(&s).await;
        remind(&s, &message, REMINDED).await;
        let due = |now: i64| {
            let store = s.store.clone();
            async move { store.reminders_by_mail(None, now).await.unwrap()[0].is_due(10, now) }
        };
        let hour = REMINDED + HOUR;
        assert!(!due(hour - 1).await && due(hour).await);
        let level = |level| {
            s.store
                .set_room_notify(&s.misha, &s.room, level, Some(i64::MAX))
        };
        for (wish, is_told) in [
            (NotifyLevel::Mentions, true),
            (NotifyLevel::Nothing, false),
            (NotifyLevel::All, true),
        ] {
            level(wish).await.unwrap();
            assert_eq!(due(hour).await, is_told, "{wish:?}");
        }
        s.store.set_pause(&s.misha, Some(hour + 1)).await.unwrap();
        assert!(!due(hour).await && due(hour + 1).await);

        // A mail about what is unread tells of it as well.
        let news = s.store.mail_news(&s.room, &s.misha, false, hour).await;
        let news = news.unwrap().unwrap();
        assert_eq!(news.asks, [message.no]);
        let told = Told {
            rooms: &[(&s.room, news.last_no)],
            asks: &[(&s.room, message.no)],
        };
        let letter = mail("m1", &s.misha, "m1", "m@example.ru");
        let queued = s.store.tell_by_mail(&letter, told, None, hour).await;
        assert!(queued.unwrap());
        assert!(mails(&s, hour).await.is_empty());
        reachable(&s, &s.misha, "m@example.ru", MailWhen::Digest).await;
        remind(&s, &message, REMINDED + AGAIN + 1).await;
        assert!(mails(&s, hour + 2).await.is_empty(), "with the digest");
        let digest = s.store.reminders_by_mail(Some(&s.misha), hour + 2).await;
        assert_eq!(digest.unwrap().len(), 1);
        s.store.stop_mail(&s.misha).await.unwrap();
        assert!(mails(&s, hour + 2).await.is_empty());
    })
    .await;
}
