//! Searches of a time, in an index that knows of months.

use protocol::UserId;
use protocol::command::MsgSend;
use server::search::Query;
use server::store::{Asked, Change, NewMessage};
use sqlx::Connection;

use crate::school::{School, on_both, on_postgres, on_sqlite, school, text};

/// The last millisecond of November 2026 (UTC), and the first of December.
const NOVEMBER: i64 = 1_796_083_199_999;
const DECEMBER: i64 = NOVEMBER + 1;
const DAY: i64 = 86_400_000;

async fn write(s: &School, by: &UserId, send: &MsgSend, at: i64) -> server::store::Stored {
    let new = NewMessage { by, send };
    s.store.add_message(new, at).await.unwrap()
}

/// The numbers of the messages with a word that are between two times.
async fn found(s: &School, from: i64, to: i64) -> Vec<i64> {
    let query = Query::parse("урок");
    let asked = Asked {
        query: &query,
        room: None,
        by: None,
        from,
        to,
        with_files: false,
        after: None,
    };
    let found = s.store.search(&s.misha, asked).await.unwrap();
    found.into_iter().map(|found| found.no).collect()
}

/// Seven messages around the end of a month; one was changed, one deleted.
async fn around_december(s: &School) {
    for (n, at) in [
        (1, NOVEMBER - 400 * DAY),
        (2, NOVEMBER - DAY),
        (3, NOVEMBER),
        (4, DECEMBER),
        (5, DECEMBER + 40 * DAY),
        (6, DECEMBER + 400 * DAY),
    ] {
        write(s, &s.anna, &text(&s.room, &format!("c{n}"), "урок"), at).await;
    }
    let changed = text(&s.room, "c7", "перемена");
    let changed = write(s, &s.anna, &changed, DECEMBER + 2).await.message.id;
    let later = DECEMBER + 500 * DAY;
    let edit = Change::Edit("урок после всего");
    s.store
        .change_message(&changed, &s.anna, edit, later)
        .await
        .unwrap();
    let gone = text(&s.room, "c8", "урок");
    let gone = write(s, &s.anna, &gone, DECEMBER + 2).await.message.id;
    let delete = Change::Delete { is_staff: false };
    s.store
        .change_message(&gone, &s.anna, delete, later)
        .await
        .unwrap();
}

async fn only_what_is_between_is_found(s: &School) {
    for (from, to, expected) in [
        (i64::MIN, i64::MAX, vec![7, 6, 5, 4, 3, 2, 1]),
        (i64::MIN, DECEMBER, vec![3, 2, 1]),
        (DECEMBER, i64::MAX, vec![7, 6, 5, 4]),
        (NOVEMBER, DECEMBER, vec![3]),
        (NOVEMBER - DAY, DECEMBER + 3, vec![7, 4, 3, 2]),
        (
            NOVEMBER - 399 * DAY,
            DECEMBER + 399 * DAY,
            vec![7, 5, 4, 3, 2],
        ),
        (DECEMBER + 3, DECEMBER + 40 * DAY, vec![]),
        (DECEMBER, NOVEMBER, vec![]),
    ] {
        assert_eq!(found(s, from, to).await, expected, "{from}..{to}");
    }
}

#[tokio::test]
async fn what_is_between_two_times_is_found_and_no_more() {
    on_both(|store| async move {
        let s = school(store).await;
        around_december(&s).await;
        only_what_is_between_is_found(&s).await;
    })
    .await;
}

#[tokio::test]
async fn messages_from_before_the_months_get_theirs() {
    on_sqlite(|store, file| async move {
        let s = school(store).await;
        around_december(&s).await;
        let mut own = sqlx::SqliteConnection::connect(&format!("sqlite://{}", file.display()))
            .await
            .unwrap();
        // As they were written then: year and month are the third and fourth word.
        let forget = "UPDATE search SET words = substr(words, 1, instr(words, ' _y')) || substr(words, instr(words, ' _y') + 17)
                      WHERE words <> ''";
        sqlx::raw_sql(forget).execute(&mut own).await.unwrap();
        assert!(found(&s, i64::MIN, DECEMBER).await.is_empty());
        let months = include_str!("../../migrations/sqlite/0033_search_months.sql");
        sqlx::raw_sql(months).execute(&mut own).await.unwrap();
        only_what_is_between_is_found(&s).await;
    })
    .await;
    on_postgres(|store, beside| async move {
        let s = school(store).await;
        around_december(&s).await;
        let forget = "UPDATE search SET words = ts_delete(words,
            ARRAY(SELECT w FROM unnest(tsvector_to_array(words)) AS w WHERE starts_with(w, '_t') OR starts_with(w, '_y')))";
        sqlx::raw_sql(forget).execute(&beside).await.unwrap();
        assert!(found(&s, i64::MIN, DECEMBER).await.is_empty());
        let months = include_str!("../../migrations/postgres/0033_search_months.sql");
        sqlx::raw_sql(months).execute(&beside).await.unwrap();
        only_what_is_between_is_found(&s).await;
    })
    .await;
}
