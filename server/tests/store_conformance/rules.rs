//! Rules of words and links, as messages are stored.

use protocol::audit::Act;
use protocol::poll::NewPoll;
use protocol::report::Reason;
use protocol::rules::{Links, RuleAction, Rules};
use protocol::{ErrorCode, UserId};
use server::store::{AuditFilter, NewMessage, Store};

use crate::school::{School, on_both, refusal, school, text};

fn rules(on_words: RuleAction) -> Rules {
    Rules {
        words: vec!["дурак".to_owned()],
        on_words,
        links: Links::Named,
        hosts: vec!["rutube.ru".to_owned()],
        ..Rules::default()
    }
}

impl School {
    async fn says(&self, by: &UserId, cid: &str, body: &str) -> Result<bool, ErrorCode> {
        let send = text(&self.room, cid, body);
        let stored = self
            .store
            .add_message(NewMessage { by, send: &send }, 5_000)
            .await;
        match stored {
            Ok(stored) => Ok(stored.is_reported),
            refused @ Err(_) => Err(refusal(refused)),
        }
    }
}

#[tokio::test]
async fn what_does_not_fit_is_refused_from_the_next_message_on() {
    on_both(|store| async move {
        let s = school(store).await;
        assert_eq!(s.store.rules().await.unwrap(), Rules::default());
        assert_eq!(s.says(&s.misha, "c0", "дураки evil.com").await, Ok(false));
        s.store
            .set_rules(&rules(RuleAction::Refuse), &s.anna, 1)
            .await
            .unwrap();
        let bad = Err(ErrorCode::BadWords);
        assert_eq!(s.says(&s.misha, "c1", "Дураки!").await, bad);
        assert_eq!(
            s.says(&s.misha, "c2", "evil.com").await,
            Err(ErrorCode::BadLinks)
        );
        assert_eq!(s.says(&s.misha, "c3", "rutube.ru/x").await, Ok(false));
        assert_eq!(s.says(&s.anna, "c4", "дураки evil.com").await, Ok(false));
        let mut poll = text(&s.room, "c5", "Кто?");
        poll.poll = Some(NewPoll {
            options: vec!["Я".to_owned(), "дурак".to_owned()],
            many: false,
            anon: false,
            quiz: None,
        });
        let new = NewMessage {
            by: &s.misha,
            send: &poll,
        };
        assert_eq!(
            refusal(s.store.add_message(new, 1).await),
            ErrorCode::BadWords
        );
        assert_eq!(
            s.says(&s.misha, "c0", "дураки evil.com").await,
            Ok(false),
            "it is there"
        );
        let none = Rules::default();
        s.store.set_rules(&none, &s.anna, 2).await.unwrap();
        assert_eq!(s.says(&s.misha, "c1", "Дураки!").await, Ok(false));
        let entries = s.store.audit(AuditFilter::default()).await.unwrap();
        assert!(entries.iter().all(|entry| entry.act == Act::RulesSet));
        assert_eq!(entries.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn what_is_reported_goes_out_with_a_report_of_the_servers_own() {
    on_both(|store| async move {
        let s = school(store).await;
        let report = rules(RuleAction::Report);
        s.store.set_rules(&report, &s.anna, 1).await.unwrap();
        assert_eq!(s.says(&s.misha, "c1", "с дураком").await, Ok(true));
        assert_eq!(s.says(&s.misha, "c2", "с умным").await, Ok(false));
        let open = s.store.reports(&s.anna).await.unwrap().open;
        let [report] = open.as_slice() else {
            panic!("{open:?}")
        };
        assert_eq!((&*report.body, report.reason), ("с дураком", Reason::Words));
        assert_eq!((&report.by, &report.about.id), (&None, &s.misha));
        let again = s
            .store
            .report_by_rule(&report.msg, Reason::Links, 9_000)
            .await;
        assert!(again.unwrap().is_none(), "one of the server's own");
        let fault = s
            .store
            .fault_of(protocol::model::Role::Student, "дурак")
            .await;
        assert_eq!(fault.unwrap().unwrap().reason, Reason::Words);
    })
    .await;
}

#[tokio::test]
async fn links_to_the_servers_own_address_are_named() {
    on_both(|store: Store| async move {
        store.knows_hosts(vec!["school.example.ru".to_owned()]);
        let s = school(store).await;
        let named = rules(RuleAction::Refuse);
        s.store.set_rules(&named, &s.anna, 1).await.unwrap();
        let own = "https://school.example.ru/room/1";
        assert_eq!(s.says(&s.misha, "c1", own).await, Ok(false));
        let other = "https://school.example.com/";
        assert_eq!(
            s.says(&s.misha, "c2", other).await,
            Err(ErrorCode::BadLinks)
        );
    })
    .await;
}
