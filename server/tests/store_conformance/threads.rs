//! Threads.

use protocol::event::RoomEvent;
use protocol::limits::THREAD_PAGE_MAX;
use protocol::model::{Message, Thread};
use protocol::{ErrorCode, MessageId, UserId};
use server::store::{Change, Store};

use crate::school::{School, on_both, on_postgres, on_sqlite, refusal, school, text};

impl School {
    async fn answer(&self, by: &UserId, cid: &str, to: &MessageId) -> Message {
        let mut send = text(&self.room, cid, cid);
        send.re = Some(to.clone());
        self.send(by, &send).await.message
    }

    async fn thread_at(&self, id: &MessageId, before: Option<i64>) -> (Vec<Message>, bool) {
        let page = self.store.thread(id, &self.misha, before).await.unwrap();
        let message = |event| {
            let RoomEvent::Msg { d, .. } = event else {
                panic!("a message")
            };
            d
        };
        (page.events.into_iter().map(message).collect(), page.more)
    }
}

fn numbers(messages: &[Message]) -> Vec<i64> {
    messages.iter().map(|one| one.no).collect()
}

#[tokio::test]
async fn every_answer_belongs_to_the_thread_under_the_first_message() {
    on_both(|store: Store| async move {
        let s = school(store).await;
        let root = s.write(&s.anna, "c1", "Вопрос").await.message;
        assert_eq!((&root.root, &root.thread), (&None, &None));
        let one = s.answer(&s.misha, "c2", &root.id).await;
        s.write(&s.anna, "c3", "о другом").await;
        // An answer to an answer, and one to that.
        let two = s.answer(&s.anna, "c4", &one.id).await;
        let three = s.answer(&s.misha, "c5", &two.id).await;
        for answer in [&one, &two, &three] {
            assert_eq!(answer.root.as_ref(), Some(&root.id));
        }
        assert_eq!(three.re.as_ref(), Some(&two.id), "what it answers stays");

        let asked_of = [&root.id, &three.id];
        for id in asked_of {
            let (messages, more) = s.thread_at(id, None).await;
            assert_eq!((numbers(&messages), more), (vec![1, 2, 4, 5], false));
            let thread = Thread {
                n: 3,
                no: 5,
                by: s.misha.clone(),
            };
            assert_eq!(messages[0].thread, Some(thread));
            assert!(messages[1..].iter().all(|one| one.thread.is_none()));
        }
        // The log says the same, and an answer that was deleted stays one.
        let delete = Change::Delete { is_staff: true };
        let gone = s.store.change_message(&two.id, &s.anna, delete, 9).await;
        assert!(gone.unwrap().is_some());
        let log = s.store.events_after(&s.room, 0, 9).await.unwrap();
        let RoomEvent::Msg { d, .. } = &log[0] else {
            panic!("a message")
        };
        assert_eq!(d.thread.as_ref().map(|thread| thread.n), Some(3));
        let edit = Change::Edit("Вопросы");
        let edited = s.store.change_message(&root.id, &s.anna, edit, 9).await;
        let Some(RoomEvent::MsgChanged { d, .. }) = edited.unwrap() else {
            panic!("a change")
        };
        assert_eq!(d.thread.map(|thread| thread.no), Some(5));

        let again = s.answer(&s.misha, "c5", &two.id).await;
        assert_eq!((again.id, again.root), (three.id, Some(root.id)), "a retry");
    })
    .await;
}

#[tokio::test]
async fn a_thread_is_read_by_members_in_pages() {
    on_both(|store: Store| async move {
        let s = school(store).await;
        let root = s.write(&s.anna, "c0", "Вопрос").await.message.id;
        let page = i64::from(THREAD_PAGE_MAX);
        for k in 1..=page + 10 {
            s.answer(&s.misha, &format!("c{k}"), &root).await;
        }
        let (latest, more) = s.thread_at(&root, None).await;
        assert!(more);
        let mut expected = vec![1];
        expected.extend(12..=page + 11);
        assert_eq!(numbers(&latest), expected);
        let (earlier, more) = s.thread_at(&root, Some(12)).await;
        assert!(!more);
        assert_eq!(numbers(&earlier), (1..=11).collect::<Vec<_>>());
        let denied = s.store.thread(&root, &s.stranger, None).await;
        assert_eq!(refusal(denied), ErrorCode::NotFound);
        let none = MessageId::parse("none").unwrap();
        let denied = s.store.thread(&none, &s.anna, None).await;
        assert_eq!(refusal(denied), ErrorCode::NotFound);
    })
    .await;
}

/// What the migration does, run over answers that have no root yet.
fn filling(migration: &str) -> String {
    let (_, rest) = migration.split_once("WITH RECURSIVE").unwrap();
    let (statement, _) = rest.split_once(';').unwrap();
    format!("WITH RECURSIVE{statement}")
}

async fn deep(s: &School) -> (MessageId, Vec<MessageId>) {
    let root = s.write(&s.anna, "c0", "Вопрос").await.message.id;
    let mut answers = vec![s.answer(&s.misha, "c1", &root).await.id];
    for k in 2..=6 {
        let to = if k % 3 == 0 {
            root.clone()
        } else {
            answers[k - 2].clone()
        };
        answers.push(s.answer(&s.misha, &format!("c{k}"), &to).await.id);
    }
    s.write(&s.anna, "c9", "о другом").await;
    (root, answers)
}

#[tokio::test]
async fn answers_from_before_there_were_threads_are_in_them() {
    let forget = "UPDATE messages SET root_id = NULL";
    on_sqlite(|store, file| async move {
        let s = school(store).await;
        let (root, _) = deep(&s).await;
        let url = format!("sqlite://{}", file.display());
        let beside = sqlx::SqlitePool::connect(&url).await.unwrap();
        let fill = filling(include_str!(
            "../../migrations/sqlite/0023_threads_and_deadlines.sql"
        ));
        sqlx::raw_sql(forget).execute(&beside).await.unwrap();
        assert_eq!(s.thread_at(&root, None).await.0.len(), 1);
        sqlx::raw_sql(sqlx::AssertSqlSafe(fill))
            .execute(&beside)
            .await
            .unwrap();
        beside.close().await;
        let (messages, _) = s.thread_at(&root, None).await;
        assert_eq!(numbers(&messages), [1, 2, 3, 4, 5, 6, 7]);
    })
    .await;
    on_postgres(|store, beside| async move {
        let s = school(store).await;
        let (root, _) = deep(&s).await;
        let fill = filling(include_str!(
            "../../migrations/postgres/0023_threads_and_deadlines.sql"
        ));
        sqlx::raw_sql(forget).execute(&beside).await.unwrap();
        assert_eq!(s.thread_at(&root, None).await.0.len(), 1);
        sqlx::raw_sql(sqlx::AssertSqlSafe(fill))
            .execute(&beside)
            .await
            .unwrap();
        let (messages, _) = s.thread_at(&root, None).await;
        assert_eq!(numbers(&messages), [1, 2, 3, 4, 5, 6, 7]);
    })
    .await;
}
