//! From where answers are fetched, and who was told that theirs was refused.

use crate::mail::mail;
use crate::school::{on_both, school};

#[tokio::test]
async fn one_server_has_a_mailbox_at_a_time_and_knows_how_far_it_was_read() {
    on_both(|store| async move {
        let (name, a, b) = ("reply@x.ru:993/INBOX", "a", "b");
        assert_eq!(store.mailbox_read(name).await.unwrap(), (0, 0));
        assert!(store.hold_mailbox(name, a, 1_000, 0).await.unwrap());
        assert!(store.hold_mailbox(name, a, 2_000, 500).await.unwrap());
        assert!(!store.hold_mailbox(name, b, 9_000, 1_999).await.unwrap());
        store.set_mailbox_read(name, a, (7, 40)).await.unwrap();
        // Whoever does not have it has nothing to say about it.
        store.set_mailbox_read(name, b, (7, 90)).await.unwrap();
        store.leave_mailbox(name, b).await.unwrap();
        assert!(!store.hold_mailbox(name, b, 9_000, 1_999).await.unwrap());
        assert!(store.hold_mailbox(name, b, 9_000, 2_000).await.unwrap());
        assert_eq!(store.mailbox_read(name).await.unwrap(), (7, 40));
        store.leave_mailbox(name, b).await.unwrap();
        assert!(store.hold_mailbox(name, a, 9_000, 2_001).await.unwrap());
        assert!(store.hold_mailbox("other", b, 9_000, 2_001).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn people_are_told_of_refused_answers_once_each_and_so_often_a_day() {
    on_both(|store| async move {
        let s = school(store).await;
        for (id, event, at, most, queued) in [
            ("1", "refused/a", 1_000, 2, 1),
            ("2", "refused/a", 1_001, 2, 1),
            ("3", "refused/b", 1_002, 2, 2),
            ("4", "refused/c", 1_003, 2, 2),
            ("5", "refused/d", 1_004, 3, 3),
        ] {
            let mail = mail(id, &s.misha, event, "m@example.ru");
            s.store.queue_refusal(&mail, 0, most, at).await.unwrap();
            assert_eq!(s.store.mails_waiting().await.unwrap(), queued, "{id}");
        }
        // Others are others, what is older does not count, and neither do other mails.
        let other = mail("6", &s.anna, "refused/a", "a@example.ru");
        assert!(s.store.queue_refusal(&other, 0, 1, 1_005).await.unwrap());
        let later = mail("7", &s.misha, "refused/e", "m@example.ru");
        assert!(
            s.store
                .queue_refusal(&later, 1_004, 1, 2_000)
                .await
                .unwrap()
        );
        let plain = mail("8", &s.stranger, "unread/R/1", "t@example.ru");
        s.store.queue_mail(&plain, 2_000).await.unwrap();
        let first = mail("9", &s.stranger, "refused/a", "t@example.ru");
        assert!(s.store.queue_refusal(&first, 0, 1, 2_001).await.unwrap());
    })
    .await;
}
