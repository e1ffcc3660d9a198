//! The database goes away, comes back, or takes no changes.

use server::store::{NewMessage, Trouble};
use sqlx::PgPool;
use tokio::task::JoinSet;

use crate::school::{on_both, on_postgres, school, text};

async fn cut_everybody_off(beside: &PgPool) {
    sqlx::query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )
    .execute(beside)
    .await
    .unwrap();
}

// A restart of PostgreSQL, as its clients see it, again and again in the middle of transactions. Whoever is told of
// trouble tries again, like the web client.
#[tokio::test(flavor = "multi_thread")]
async fn connections_that_break_lose_and_double_nothing() {
    on_postgres(|store, beside| async move {
        let s = school(store).await;
        let mut tasks = JoinSet::new();
        for k in 0..200 {
            let (store, by) = (s.store.clone(), s.anna.clone());
            let send = text(&s.room, &format!("c{k}"), "до последнего");
            tasks.spawn(async move {
                loop {
                    let new = NewMessage {
                        by: &by,
                        send: &send,
                    };
                    match store.add_message(new, 1).await {
                        Ok(stored) => return stored.event,
                        Err(error) => assert!(error.trouble().is_some(), "{error}"),
                    }
                }
            });
        }
        let mut acknowledged = Vec::new();
        while let Some(event) = tasks.join_next().await {
            acknowledged.push(event.unwrap());
            if acknowledged.len() % 20 == 1 {
                cut_everybody_off(&beside).await;
            }
        }
        acknowledged.sort_by_key(protocol::RoomEvent::seq);
        let events = s.store.events_after(&s.room, 0, 1_000).await.unwrap();
        assert_eq!(events.len(), 200);
        assert_eq!(acknowledged, events);
        assert_eq!(s.store.position(&s.room).await.unwrap().1, 200);
    })
    .await;
}

#[tokio::test]
async fn a_database_that_takes_no_changes_is_still_read() {
    on_postgres(|store, beside| async move {
        let s = school(store).await;
        s.write(&s.anna, "c1", "пока можно").await;
        let (name,): (String,) = sqlx::query_as("SELECT current_database()::text")
            .fetch_one(&beside)
            .await
            .unwrap();
        let set = |what: &str| {
            sqlx::AssertSqlSafe(format!(
                "ALTER DATABASE {name} SET default_transaction_read_only = {what}"
            ))
        };
        sqlx::query(set("on")).execute(&beside).await.unwrap();
        cut_everybody_off(&beside).await;
        let send = text(&s.room, "c2", "теперь нельзя");
        let new = NewMessage {
            by: &s.anna,
            send: &send,
        };
        let error = s.store.add_message(new, 1).await.unwrap_err();
        assert_eq!(error.trouble(), Some(Trouble::ReadOnly), "{error}");
        assert_eq!(s.store.rooms_of(&s.misha).await.unwrap()[0].seq, 1);
        let mut writable = beside.begin().await.unwrap();
        sqlx::query("SET TRANSACTION READ WRITE")
            .execute(&mut *writable)
            .await
            .unwrap();
        sqlx::query(set("off"))
            .execute(&mut *writable)
            .await
            .unwrap();
        writable.commit().await.unwrap();
        cut_everybody_off(&beside).await;
        assert_eq!(s.store.add_message(new, 1).await.unwrap().event.seq(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_closed_store_asks_to_come_again() {
    on_both(|store| async move {
        let s = school(store).await;
        s.store.close().await;
        let send = text(&s.room, "c1", "поздно");
        let new = NewMessage {
            by: &s.anna,
            send: &send,
        };
        let error = s.store.add_message(new, 1).await.unwrap_err();
        assert_eq!(error.trouble(), Some(Trouble::Unreachable));
        let error = s.store.rooms_of(&s.anna).await.unwrap_err();
        assert_eq!(error.trouble(), Some(Trouble::Unreachable));
    })
    .await;
}
