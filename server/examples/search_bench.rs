//! What a search takes in a large school: `cargo run --release --example search_bench [folder]`. 200 rooms and 100,000
//! messages; a person who is in all rooms, and one who is in a single one. Prints one JSON object per question. With
//! `PARTA_TEST_POSTGRES` it measures PostgreSQL in place of SQLite. Fails when a question takes 100 ms or more in the
//! middle of its tries.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement ends at the first fault and prints what it measured"
)]

use std::process::ExitCode;
use std::time::{Duration, Instant};

use protocol::command::MsgSend;
use protocol::model::Role;
use protocol::{ClientId, RoomId, UserId};
use server::search::Query;
use server::store::{Asked, NewMessage, NewPerson, Store};
use tokio::task::JoinSet;

const ROOMS: usize = 200;
const MESSAGES: usize = 100_000;
/// Messages on their way at once while the school is filled.
const AT_ONCE: usize = 256;
const TRIES: usize = 15;
const ALLOWED: Duration = Duration::from_millis(100);
/// Milliseconds between two messages.
const STEP_MS: i64 = 60_000;

/// Words of which texts are made: those in front come far more often.
const WORDS: [&str; 32] = [
    "и",
    "урок",
    "завтра",
    "контрольная",
    "задание",
    "группа",
    "можно",
    "пожалуйста",
    "учебник",
    "страница",
    "задача",
    "ответ",
    "вопрос",
    "робот",
    "датчик",
    "модель",
    "печать",
    "проект",
    "отчёт",
    "схема",
    "видео",
    "камера",
    "lesson",
    "homework",
    "teacher",
    "arduino",
    "python",
    "функция",
    "переменная",
    "олимпиада",
    "расписание",
    "каникулы",
];

#[tokio::main]
async fn main() -> ExitCode {
    let folder = std::env::args().nth(1).unwrap_or_else(|| ".".to_owned());
    let folder = tempfile::tempdir_in(folder).unwrap();
    let (kind, store) = match std::env::var("PARTA_TEST_POSTGRES") {
        Ok(url) => ("postgres", Store::open_postgres(&url).await.unwrap()),
        Err(_) => {
            let file = folder.path().join("parta.db");
            ("sqlite", Store::open_sqlite(&file).await.unwrap())
        }
    };
    let started = Instant::now();
    let (rooms, director, pupil) = fill(&store).await;
    println!(
        "{}",
        serde_json::json!({"database": kind, "messages": MESSAGES, "filled_in_s": started.elapsed().as_secs()})
    );
    let quiet = &rooms[0];
    let far = STEP_MS * 100;
    let all = (i64::MIN, i64::MAX);
    let questions = [
        ("a common word", "урок ", &director, None, None, all),
        (
            "a common word, one room",
            "урок ",
            &director,
            Some(quiet),
            None,
            all,
        ),
        (
            "a common word, a member of one room",
            "урок ",
            &pupil,
            None,
            None,
            all,
        ),
        (
            "two common words",
            "урок завтра ",
            &director,
            None,
            None,
            all,
        ),
        (
            "a word that is nowhere",
            "синхрофазотрон ",
            &director,
            None,
            None,
            all,
        ),
        ("one message", "особенное", &director, None, None, all),
        (
            "one message, the other way round",
            "ghbdtn",
            &director,
            None,
            None,
            all,
        ),
        ("two letters", "ко", &director, None, None, all),
        (
            "two letters, a member of one room",
            "ко",
            &pupil,
            None,
            None,
            all,
        ),
        (
            "a phrase",
            "\"контрольная завтра\"",
            &director,
            None,
            None,
            all,
        ),
        (
            "a common word by one person",
            "урок ",
            &director,
            None,
            Some(&pupil),
            all,
        ),
        (
            "a common word, long ago",
            "урок ",
            &director,
            None,
            None,
            (0, far),
        ),
        (
            "a rare word, long ago",
            "каникулы ",
            &director,
            None,
            None,
            (0, far),
        ),
    ];
    let mut slow = false;
    for (name, text, person, room, by, (from, to)) in questions {
        let query = Query::parse(text);
        let mut took = Vec::new();
        let mut hits = 0;
        for _ in 0..TRIES {
            let asked = Asked {
                query: &query,
                room,
                by,
                from,
                to,
                with_files: false,
                after: None,
            };
            let asked_at = Instant::now();
            hits = store.search(person, asked).await.unwrap().len();
            took.push(asked_at.elapsed());
        }
        took.sort_unstable();
        let median = took[TRIES / 2];
        slow |= median >= ALLOWED;
        let ms = |took: Duration| (took.as_secs_f64() * 1e4).round() / 10.0;
        println!(
            "{}",
            serde_json::json!({"database": kind, "question": name, "hits": hits, "ms": {"p50": ms(median), "max": ms(took[TRIES - 1])}})
        );
    }
    store.close().await;
    if slow {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

async fn fill(store: &Store) -> (Vec<RoomId>, UserId, UserId) {
    let run = uuid::Uuid::new_v4().simple().to_string();
    let person = async |login: &str| {
        let new = NewPerson {
            login: format!("{run}-{login}"),
            name: login.to_owned(),
            role: Role::Teacher,
            password: String::new(),
        };
        store.add_person(&new, 0).await.unwrap().id
    };
    let (director, pupil) = (person("director").await, person("pupil").await);
    let mut rooms = Vec::new();
    for k in 0..ROOMS {
        let both = [director.clone(), pupil.clone()];
        let members = if k == 0 { &both[..] } else { &both[..1] };
        rooms.push(
            store
                .add_room(&format!("Room {k}"), members, 0)
                .await
                .unwrap(),
        );
    }
    let mut under_way = JoinSet::new();
    let mut state = 1_u64;
    let mut next = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        usize::try_from(state >> 40).unwrap()
    };
    for k in 0..MESSAGES {
        if under_way.len() >= AT_ONCE {
            under_way.join_next().await;
        }
        let mut body: Vec<&str> = (0..4 + next() % 16)
            // The smaller of three: words in front come more often.
            .map(|_| {
                WORDS[(next() % WORDS.len())
                    .min(next() % WORDS.len())
                    .min(next() % WORDS.len())]
            })
            .collect();
        if k == MESSAGES / 3 {
            body.push("особенный привет");
        }
        let send = MsgSend {
            r: rooms[k % ROOMS].clone(),
            cid: ClientId::parse(uuid::Uuid::now_v7().to_string()).unwrap(),
            body: body.join(" "),
            re: None,
            att: Vec::new(),
            men: Vec::new(),
            poll: None,
            fwd: None,
            ack: false,
            due: None,
            all: false,
        };
        let by = if k % (ROOMS * 10) == 0 {
            pupil.clone()
        } else {
            director.clone()
        };
        let store = store.clone();
        let at = i64::try_from(k).unwrap() * STEP_MS;
        under_way.spawn(async move {
            let new = NewMessage {
                by: &by,
                send: &send,
            };
            store.add_message(new, at).await.unwrap();
        });
    }
    under_way.join_all().await;
    (rooms, director, pupil)
}
