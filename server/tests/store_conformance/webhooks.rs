//! Outgoing webhooks: who sends, how far it came, and when it is given up.

use protocol::ErrorCode;
use protocol::limits::WEBHOOKS_PER_ROOM_MAX;
use protocol::webhook::WebhookFault;
use server::store::{Failed, NewWebhook, Store};

use crate::school::{School, on_both, refusal, school};

const fn new<'a>(s: &'a School, url: &'a str) -> NewWebhook<'a> {
    NewWebhook {
        room: &s.room,
        by: &s.anna,
        url,
        secret: "whsec_eA==",
    }
}

#[tokio::test]
async fn a_webhook_is_claimed_by_one_and_goes_on_where_it_stood() {
    on_both(|store: Store| async move {
        let s = school(store).await;
        s.write(&s.anna, "c0", "до").await;
        let made = s
            .store
            .add_webhook(new(&s, "https://a.lan/"), 7_000)
            .await
            .unwrap();
        assert_eq!(
            s.store.claim_webhook(8_000).await.unwrap(),
            None,
            "nothing was written since"
        );
        s.write(&s.misha, "c1", "раз").await;
        assert_eq!(
            s.store.claim_webhook(6_999).await.unwrap(),
            None,
            "its time has not come"
        );
        let due = s.store.claim_webhook(8_000).await.unwrap().unwrap();
        assert_eq!(
            (&due.id, due.position, due.tries, &*due.room_name),
            (&made.id, 1, 0, "Робототехника")
        );
        assert_eq!(
            s.store.claim_webhook(68_000).await.unwrap(),
            None,
            "another one has it"
        );
        // The other one was silent for a minute; what it says now is too late.
        let taken = s.store.claim_webhook(68_001).await.unwrap().unwrap();
        assert!(!s.store.move_webhook(&due, 2, true, 68_002).await.unwrap());
        let failed = Failed {
            fault: WebhookFault::Status,
            status: Some(500),
            again: Some(80_000),
        };
        s.store.fail_webhook(&taken, failed, 70_000).await.unwrap();
        assert_eq!(s.store.claim_webhook(79_999).await.unwrap(), None);
        let again = s.store.claim_webhook(80_000).await.unwrap().unwrap();
        assert_eq!(
            (again.position, again.tries, again.failing_since),
            (1, 1, Some(70_000))
        );
        let gone = Failed {
            fault: WebhookFault::Gone,
            status: None,
            again: None,
        };
        s.store.fail_webhook(&again, gone, 81_000).await.unwrap();
        let list = s.store.webhooks(&s.room).await.unwrap();
        assert_eq!(
            (list[0].off, list[0].fault, list[0].status),
            (true, Some(WebhookFault::Gone), None)
        );
        assert_eq!(list[0].since.as_deref(), Some("1970-01-01T00:01:10.000Z"));
        assert_eq!(s.store.claim_webhook(999_000).await.unwrap(), None);
        assert!(
            s.store
                .retry_webhook(&s.room, &made.id, 90_000)
                .await
                .unwrap()
        );
        let due = s.store.claim_webhook(90_000).await.unwrap().unwrap();
        assert!(s.store.move_webhook(&due, 2, true, 91_000).await.unwrap());
        s.store.release_webhook(&due).await.unwrap();
        let list = s.store.webhooks(&s.room).await.unwrap();
        assert_eq!(
            (list[0].sent.as_deref(), list[0].fault, list[0].off),
            (Some("1970-01-01T00:01:31.000Z"), None, false)
        );
        assert_eq!(s.store.claim_webhook(999_000).await.unwrap(), None);

        for k in 1..WEBHOOKS_PER_ROOM_MAX {
            s.store
                .add_webhook(new(&s, &format!("https://a.lan/{k}")), 7_000)
                .await
                .unwrap();
        }
        assert_eq!(
            refusal(s.store.add_webhook(new(&s, "https://b.lan/"), 7_000).await),
            ErrorCode::TooLarge
        );
        let other = s
            .store
            .add_room("Другая", std::slice::from_ref(&s.anna), 1)
            .await
            .unwrap();
        let elsewhere = s.store.remove_webhook(&other, &made.id, &s.anna, 1);
        assert!(!elsewhere.await.unwrap());
        let by_pupil = s.store.remove_webhook(&s.room, &made.id, &s.misha, 1);
        assert_eq!(refusal(by_pupil.await), ErrorCode::Forbidden);
        assert!(!s.store.retry_webhook(&other, &made.id, 1).await.unwrap());
        let removed = s.store.remove_webhook(&s.room, &made.id, &s.anna, 1);
        assert!(removed.await.unwrap());
    })
    .await;
}
