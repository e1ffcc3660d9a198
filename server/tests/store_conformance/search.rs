//! The search: what is found, by whom, and that both databases find the same.

use std::future::Future;
use std::sync::{Arc, Mutex};

use protocol::limits::SEARCH_PAGE_MAX;
use protocol::model::Attachment;
use protocol::{ErrorCode, FileId, MessageId, RoomId, UserId};
use server::search::Query;
use server::store::{Asked, Change, NewFile, NewMessage, Store};
use sqlx::Connection;

use crate::school::{School, on_both, on_postgres, on_sqlite, refusal, school, text};

/// Everything, from everybody, of all times.
fn asked(query: &Query) -> Asked<'_> {
    Asked {
        query,
        room: None,
        by: None,
        from: i64::MIN,
        to: i64::MAX,
        with_files: false,
        after: None,
    }
}

/// The numbers of the messages that are found, in the order of the answer.
async fn found(s: &School, by: &UserId, query: &str) -> Vec<i64> {
    let query = Query::parse(query);
    let found = s.store.search(by, asked(&query)).await.unwrap();
    found.into_iter().map(|found| found.no).collect()
}

async fn attach(s: &School, by: &UserId, name: &str, body: &str) -> MessageId {
    let file = Attachment {
        id: FileId::parse(uuid::Uuid::new_v4().to_string()).unwrap(),
        name: name.to_owned(),
        size: 1,
        mime: "application/pdf".to_owned(),
        sha256: "00".repeat(32),
        preview: None,
        rec: None,
    };
    let new = NewFile {
        room: &s.room,
        owner: by,
        file: &file,
    };
    s.store.add_file(new, 1).await.unwrap();
    let mut send = text(&s.room, file.id.as_str(), body);
    send.att = vec![file.id.clone()];
    s.send(by, &send).await.message.id
}

#[tokio::test]
async fn words_are_found_in_all_their_forms() {
    on_both(|store| async move {
        let s = school(store).await;
        let say = async |cid, body| s.write(&s.anna, cid, body).await;
        say("c1", "Контрольная по математике будет в пятницу").await;
        say("c2", "Перенесём контрольную? Ёлка ещё стоит").await;
        say(
            "c3",
            "The lessons of mathematics: e-mail me at a.b@school.ru",
        )
        .await;
        say("c4", "ПРИВЕТ, при\u{ad}вет; 漢字 и 🙂").await;
        for (query, expected) in [
            ("контрольной", vec![2, 1]),
            ("КОНТРОЛЬНЫЕ пятница", vec![1]),
            ("елка", vec![2]),
            ("ёлки", vec![2]),
            ("lesson", vec![3]),
            ("матем", vec![1]),
            // A space after it: the word is whole.
            ("матем ", vec![]),
            ("прив", vec![4]),
            ("漢字", vec![4]),
            ("漢", vec![]),
            ("a.b@school.ru", vec![3]),
            ("school.com", vec![]),
            ("\"контрольная по математике\"", vec![1]),
            ("\"математике контрольная\"", vec![]),
            ("математике контрольная", vec![1]),
            ("\"по матем", vec![1]),
            ("нет такого", vec![]),
            // Not what it is for the database.
            ("контрольная OR lesson", vec![]),
            ("контрольная*", vec![2, 1]),
            ("'контрольная' & !", vec![2, 1]),
        ] {
            assert_eq!(found(&s, &s.misha, query).await, expected, "{query}");
        }
    })
    .await;
}

#[tokio::test]
async fn only_members_find_and_nobody_what_is_no_more() {
    on_both(|store| async move {
        let s = school(store).await;
        let first = s.write(&s.misha, "c1", "тайное слово").await.message.id;
        let second = s.write(&s.anna, "c2", "другое слово").await.message.id;
        let both = [s.anna.clone(), s.stranger.clone()];
        let other = s.store.add_room("Другая", &both, 1).await.unwrap();
        s.send(&s.stranger, &text(&other, "c3", "чужое слово"))
            .await;

        assert_eq!(found(&s, &s.misha, "слово").await, [2, 1]);
        assert_eq!(found(&s, &s.anna, "слово").await, [1, 2, 1]);
        assert_eq!(found(&s, &s.stranger, "слово").await, [1]);
        let query = Query::parse("слово");
        let of_room = Asked {
            room: Some(&s.room),
            ..asked(&query)
        };
        assert_eq!(s.store.search(&s.anna, of_room).await.unwrap().len(), 2);
        let stranger = s.store.search(&s.stranger, of_room).await;
        assert_eq!(refusal(stranger), ErrorCode::Forbidden);

        let edit = Change::Edit("явная речь");
        s.store
            .change_message(&first, &s.misha, edit, 9)
            .await
            .unwrap();
        assert_eq!(found(&s, &s.misha, "слово").await, [2]);
        assert_eq!(found(&s, &s.misha, "речи").await, [1]);
        let delete = Change::Delete { is_staff: false };
        s.store
            .change_message(&second, &s.anna, delete, 9)
            .await
            .unwrap();
        assert_eq!(found(&s, &s.misha, "слово").await, [0; 0]);
        assert_eq!(found(&s, &s.anna, "слово").await, [1]);
        let nothing = Query::parse("");
        let by = Asked {
            by: Some(&s.anna),
            ..asked(&nothing)
        };
        assert_eq!(s.store.search(&s.misha, by).await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn filters_narrow_and_names_of_files_are_found() {
    on_both(|store| async move {
        let s = school(store).await;
        let write = async |by: &UserId, cid, body, at| {
            let send = text(&s.room, cid, body);
            s.store
                .add_message(NewMessage { by, send: &send }, at)
                .await
                .unwrap();
        };
        write(&s.anna, "c1", "план урока", 1_000).await;
        write(&s.misha, "c2", "план побега", 2_000).await;
        let file = attach(&s, &s.misha, "Учебный план (2026).pdf", "").await;
        let query = Query::parse("планы");
        let numbers = async |asked: Asked<'_>| -> Vec<i64> {
            let found = s.store.search(&s.anna, asked).await.unwrap();
            found.into_iter().map(|found| found.no).collect()
        };
        let all = asked(&query);
        assert_eq!(numbers(all).await, [3, 2, 1]);
        let by = Some(&s.misha);
        assert_eq!(numbers(Asked { by, ..all }).await, [3, 2]);
        let with_files = true;
        assert_eq!(numbers(Asked { with_files, ..all }).await, [3]);
        assert_eq!(numbers(Asked { from: 2_000, ..all }).await, [3, 2]);
        assert_eq!(numbers(Asked { to: 2_000, ..all }).await, [1]);
        // Filters alone.
        let nothing = Query::parse(" ");
        let files = Asked {
            with_files,
            ..asked(&nothing)
        };
        let hits = s.store.search(&s.anna, files).await.unwrap();
        assert_eq!((hits[0].id.clone(), hits.len()), (file.clone(), 1));
        assert_eq!(hits[0].files, ["Учебный план (2026).pdf"]);
        // No phrase goes over from the text into a name.
        let edit = Change::Edit("смотри");
        s.store
            .change_message(&file, &s.misha, edit, 9)
            .await
            .unwrap();
        assert_eq!(found(&s, &s.anna, "\"смотри учебный\"").await, [0; 0]);
        assert_eq!(found(&s, &s.anna, "смотри 2026").await, [3]);
    })
    .await;
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_repetition() {
    on_both(|store| async move {
        let s = school(store).await;
        let count = i64::from(SEARCH_PAGE_MAX) * 2 + 5;
        for k in 0..count {
            s.write(&s.anna, &format!("c{k}"), &format!("слово {k}"))
                .await;
        }
        let query = Query::parse("слово");
        let mut numbers = Vec::new();
        let mut after = None;
        loop {
            let page = s
                .store
                .search(
                    &s.anna,
                    Asked {
                        after,
                        ..asked(&query)
                    },
                )
                .await
                .unwrap();
            let shown = page.len().min(usize::try_from(SEARCH_PAGE_MAX).unwrap());
            numbers.extend(page[..shown].iter().map(|found| found.no));
            if page.len() == shown {
                break;
            }
            after = Some(page[shown - 1].place);
        }
        assert_eq!(numbers, (1..=count).rev().collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test]
async fn mentions_of_a_person_are_listed_while_they_are_members() {
    on_both(|store| async move {
        let s = school(store).await;
        let mut ids = Vec::new();
        for k in 0..3 {
            let mut send = text(&s.room, &format!("c{k}"), "@Имя misha, ответь");
            send.men = vec![s.misha.clone()];
            ids.push(s.send(&s.anna, &send).await.message.id);
        }
        let delete = Change::Delete { is_staff: true };
        s.store
            .change_message(&ids[1], &s.anna, delete, 9)
            .await
            .unwrap();
        let list = |before| s.store.mentions_of(&s.misha, before);
        let numbers: Vec<i64> = list(None)
            .await
            .unwrap()
            .iter()
            .map(|found| found.no)
            .collect();
        assert_eq!(numbers, [3, 1]);
        assert_eq!(list(Some(&ids[2])).await.unwrap()[0].no, 1);
        assert_eq!(list(Some(&ids[0])).await.unwrap(), []);
        assert_eq!(s.store.mentions_of(&s.anna, None).await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn places_in_a_log_are_found_by_number_and_by_time() {
    on_both(|store| async move {
        let s = school(store).await;
        let empty = s.store.add_room("Пусто", &[], 1).await.unwrap();
        assert_eq!(s.store.position_at(&empty, 5).await.unwrap(), 0);
        for k in 1..=9 {
            let send = text(&s.room, &format!("c{k}"), "…");
            let new = NewMessage {
                by: &s.anna,
                send: &send,
            };
            s.store.add_message(new, k * 10).await.unwrap();
        }
        assert_eq!(s.store.position_of(&s.room, 4).await.unwrap(), 4);
        assert_eq!(
            refusal(s.store.position_of(&s.room, 10).await),
            ErrorCode::NotFound
        );
        for (time, expected) in [(0, 1), (10, 1), (11, 2), (55, 6), (90, 9), (1_000, 9)] {
            assert_eq!(
                s.store.position_at(&s.room, time).await.unwrap(),
                expected,
                "{time}"
            );
        }
        let never = RoomId::parse("never").unwrap();
        assert_eq!(
            refusal(s.store.position_at(&never, 1).await),
            ErrorCode::NotFound
        );
    })
    .await;
}

/// Texts of many kinds, the same each time.
fn texts() -> Vec<String> {
    const WORDS: [&str; 40] = [
        "контрольная",
        "контрольной",
        "учебник",
        "учёба",
        "ёлка",
        "елкой",
        "задача",
        "задачи",
        "урок",
        "урока",
        "школа",
        "школьный",
        "робот",
        "роботы",
        "3D-модель",
        "схема.pdf",
        "email@school.ru",
        "https://parta.ru/a?b=c",
        "lesson",
        "lessons",
        "running",
        "run",
        "teacher's",
        "Ünïcödé",
        "naïve",
        "½",
        "Ⅳ",
        "ＦＵＬＬ",
        "за\u{301}мок",
        "漢字",
        "العربية",
        "हिन्दी",
        "🙂",
        "№5",
        "C++",
        "don't",
        "_f",
        "_rr1",
        "'; DROP",
        "İstanbul",
    ];
    let mut state = 7_u64;
    let mut next = move |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        usize::try_from(state >> 33).unwrap() % below
    };
    let text = |_| {
        let words: Vec<&str> = (0..1 + next(8)).map(|_| WORDS[next(WORDS.len())]).collect();
        words.join([" ", ", ", " — ", "\n"][next(4)])
    };
    let mut texts: Vec<String> = (0..400).map(text).collect();
    texts.push("да ".repeat(600) + "конец");
    texts.push("ж".repeat(8_000));
    texts
}

#[tokio::test]
async fn both_databases_find_the_same() {
    let answers: Arc<Mutex<Vec<Vec<Vec<i64>>>>> = Arc::default();
    on_both(|store| {
        let answers = Arc::clone(&answers);
        async move {
            let s = school(store).await;
            let texts = texts();
            for (k, body) in texts.iter().enumerate() {
                s.write(&s.anna, &format!("c{k}"), body).await;
            }
            let mut mine = Vec::new();
            for body in &texts {
                mine.push(found(&s, &s.misha, body).await);
                let part: String = body.chars().take(6).collect();
                mine.push(found(&s, &s.misha, &part).await);
                mine.push(found(&s, &s.misha, &format!("\"{}\"", body.replace('"', ""))).await);
                mine.push(found(&s, &s.misha, body.split_whitespace().last().unwrap()).await);
            }
            mine.push(found(&s, &s.misha, "\"да конец\"").await);
            answers.lock().unwrap().push(mine);
        }
    })
    .await;
    let answers = answers.lock().unwrap();
    let some = answers[0].iter().filter(|found| !found.is_empty()).count();
    assert!(
        some * 10 > answers[0].len() * 9,
        "most questions have answers: {some} of {}",
        answers[0].len()
    );
    if let Some(other) = answers.get(1) {
        for (at, (sqlite, postgres)) in answers[0].iter().zip(other).enumerate() {
            assert_eq!(sqlite, postgres, "question {at}");
        }
    }
}

/// As a database that is older than the search, and what has been made ready until the server died.
async fn made_ready_in_parts<F: Future<Output = ()>>(s: School, forget: F) {
    let gone = s.write(&s.anna, "gone", "слово").await.message.id;
    for k in 0..300 {
        s.write(&s.anna, &format!("c{k}"), &format!("слово {k}"))
            .await;
    }
    let delete = Change::Delete { is_staff: false };
    s.store
        .change_message(&gone, &s.anna, delete, 9)
        .await
        .unwrap();
    forget.await;
    assert_eq!(found(&s, &s.misha, "слово").await, [0; 0]);
    // New ones come first, also while older ones are missing.
    s.write(&s.anna, "new", "новое слово").await;
    assert!(s.store.has_search_debt().await.unwrap());
    assert!(s.store.pay_search_debt().await.unwrap());
    assert_eq!(found(&s, &s.misha, "слово").await[..3], [302, 301, 300]);
    // Two servers at once, each of which may die after any batch.
    let (a, b) = tokio::join!(pay(&s.store), pay(&s.store));
    assert!(a + b >= 2);
    assert!(!s.store.has_search_debt().await.unwrap());
    assert!(!s.store.pay_search_debt().await.unwrap());
    let query = Query::parse("слово");
    let mut count = 0;
    let mut asking = asked(&query);
    loop {
        let page = s.store.search(&s.misha, asking).await.unwrap();
        let Some(last) = page.last() else { break };
        count += page.len();
        asking.after = Some(last.place);
    }
    assert_eq!(count, 301);
    assert_eq!(found(&s, &s.misha, "299").await, [301]);
}

async fn pay(store: &Store) -> u32 {
    let mut batches = 0;
    while store.pay_search_debt().await.unwrap() {
        batches += 1;
    }
    batches
}

#[tokio::test]
async fn messages_from_before_the_search_are_made_ready() {
    const FORGET: &str =
        "DELETE FROM search; INSERT INTO search_debt SELECT MAX(id) FROM messages;";
    on_sqlite(|store, file| async move {
        let forget = async {
            let url = format!("sqlite://{}", file.display());
            let mut own = sqlx::SqliteConnection::connect(&url).await.unwrap();
            sqlx::raw_sql(FORGET).execute(&mut own).await.unwrap();
        };
        made_ready_in_parts(school(store).await, forget).await;
    })
    .await;
    on_postgres(|store, beside| async move {
        let forget = async {
            sqlx::raw_sql(FORGET).execute(&beside).await.unwrap();
        };
        made_ready_in_parts(school(store).await, forget).await;
    })
    .await;
}
