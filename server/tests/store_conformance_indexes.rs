//! No statement of a hot path walks a table. The statements are those that the store really ran: the driver tells
//! of each, and the database is then asked for its plan.

#![expect(clippy::unwrap_used, reason = "what is not there fails the test")]

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex};

use protocol::command::MsgSend;
use protocol::model::{Attachment, Role};
use protocol::{ClientId, FileId};
use server::search::Query;
use server::store::{Asked, Change, NewFile, NewMessage, NewPerson, Receipts, Store};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row, SqliteConnection};
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use crate::database::Database;

#[path = "support/database.rs"]
mod database;

/// A statement that has to walk, to see that the tests would notice.
const WALKS: &str = "SELECT id FROM people WHERE name = $1";

#[derive(Clone, Default)]
struct Statements(Arc<Mutex<BTreeSet<String>>>);

impl<S: tracing::Subscriber> Layer<S> for Statements {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() != "sqlx::query" {
            return;
        }
        let mut text = Text::default();
        event.record(&mut text);
        // The whole statement is given only when it is longer than its summary.
        let statement = if text.statement.trim().is_empty() {
            text.summary
        } else {
            text.statement
        };
        self.0.lock().unwrap().insert(statement.trim().to_owned());
    }
}

#[derive(Default)]
struct Text {
    summary: String,
    statement: String,
}

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "summary" => value.clone_into(&mut self.summary),
            "db.statement" => value.clone_into(&mut self.statement),
            _ => {}
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}

impl Statements {
    /// What was run since the last call, beginnings and ends of transactions left out.
    fn take(&self) -> BTreeSet<String> {
        let mut all = std::mem::take(&mut *self.0.lock().unwrap());
        all.retain(|text| {
            ["SELECT", "INSERT", "UPDATE", "DELETE"]
                .iter()
                .any(|word| text.starts_with(word))
        });
        all
    }
}

/// Says hello, sends, syncs and reads, and gives the statements which that took.
async fn use_it(store: &Store, statements: &Statements) -> BTreeSet<String> {
    let mut people = Vec::new();
    for (login, role) in [("anna", Role::Teacher), ("misha", Role::Student)] {
        let new = NewPerson {
            login: login.to_owned(),
            name: login.to_owned(),
            role,
            password: String::new(),
        };
        people.push(store.add_person(&new, 1).await.unwrap().id);
    }
    let (anna, misha) = (&people[0], &people[1]);
    let room = store.add_room("Группа", &people, 1).await.unwrap();
    let file = Attachment {
        id: FileId::parse("f1").unwrap(),
        name: "f".to_owned(),
        size: 1,
        mime: "text/plain".to_owned(),
        sha256: String::new(),
        preview: None,
        rec: None,
    };
    let new_file = NewFile {
        room: &room,
        owner: anna,
        file: &file,
    };
    store.add_file(new_file, 1).await.unwrap();
    store.add_session("t", anna, 1, 100).await.unwrap();
    store.start_call(&room, anna, 1).await.unwrap();

    statements.take();
    let mut send = MsgSend {
        r: room.clone(),
        cid: ClientId::parse("c1").unwrap(),
        body: "раз".to_owned(),
        re: None,
        att: vec![file.id.clone()],
        men: vec![misha.clone()],
        poll: None,
        fwd: None,
        ack: false,
        due: None,
        all: false,
        noticed: false,
    };
    let new = NewMessage {
        by: anna,
        send: &send,
    };
    let first = store.add_message(new, 1).await.unwrap();
    assert!(store.add_message(new, 1).await.unwrap().dup);
    send.re = Some(first.message.id);
    send.cid = ClientId::parse("c2").unwrap();
    send.att.clear();
    let new = NewMessage {
        by: anna,
        send: &send,
    };
    let id = store.add_message(new, 1).await.unwrap().message.id;
    let edit = Change::Edit("иначе");
    let changed = store.change_message(&id, anna, edit, 1).await.unwrap();
    assert!(changed.is_some());
    for on in [true, false, true] {
        let reacted = store.react(&id, misha, "👍", on, 1).await.unwrap();
        assert!(reacted.is_some());
    }
    assert!(store.pins(&room).await.unwrap().is_empty());
    assert!(!store.thread(&id, misha, Some(9)).await.unwrap().more);
    assert!(store.open_acks(misha).await.unwrap().is_empty());
    assert!(store.unacknowledged(misha, None).await.unwrap().is_empty());
    assert_eq!(
        store
            .message_versions(&id, anna, 9_000)
            .await
            .unwrap()
            .len(),
        1
    );
    assert!(store.session("t", 2).await.unwrap().is_some());
    assert!(store.is_member(&room, misha).await.unwrap());
    assert_eq!(store.rooms_of(misha).await.unwrap()[0].men, [1, 2]);
    assert_eq!(store.unread_mentions(&room, misha).await.unwrap(), [1, 2]);
    assert_eq!(store.acquaintances(misha).await.unwrap().len(), 2);
    store.set_person_picture(anna, b"jpeg").await.unwrap();
    let picture = store.pictures_for(misha).await.unwrap().remove(anna);
    let picture = picture.unwrap();
    store.person_picture(anna, &picture, misha).await.unwrap();
    assert_eq!(store.picture_of(anna).await.unwrap(), Some(picture));
    assert_eq!(store.viewers_of(anna).await.unwrap().len(), 2);
    assert_eq!(store.events_between(&room, 0, 4).await.unwrap().len(), 4);
    assert_eq!(store.events_after(&room, 0, 9).await.unwrap().len(), 7);
    store.page_before(&room, None, 9).await.unwrap();
    store.page_after(&room, 0, 9).await.unwrap();
    assert_eq!(store.read_no(&room, misha).await.unwrap(), 0);
    assert_eq!(store.mark_read(&room, misha, 1).await.unwrap(), Some(1));
    assert_eq!(store.mark_read(&room, misha, 1).await.unwrap(), None);
    let receipts = Receipts::from([((room.clone(), misha.clone()), 2)]);
    assert_eq!(store.mark_received(&receipts).await.unwrap(), receipts);
    assert_eq!(store.readers(&room).await.unwrap().len(), 2);
    let query = Query::parse("раз");
    let asked = Asked {
        query: &query,
        room: Some(&room),
        by: Some(anna),
        from: 0,
        to: 9,
        with_files: true,
        after: None,
    };
    assert_eq!(store.search(misha, asked).await.unwrap().len(), 1);
    assert_eq!(store.mentions_of(misha, None).await.unwrap().len(), 2);
    assert_eq!(store.position_of(&room, 1).await.unwrap(), 2);
    assert_eq!(store.position_at(&room, 0).await.unwrap(), 1);
    assert_eq!(store.members(&room).await.unwrap().len(), 2);
    assert!(store.file_for(&file.id, misha).await.unwrap().is_some());
    assert_eq!(store.positions_of(&[room]).await.unwrap().len(), 1);
    let live = store.live_sessions(&["t".to_owned()], 2).await.unwrap();
    assert_eq!(live.len(), 1);
    store.may_reset_password(misha, anna, 2).await.unwrap();
    store
        .in_session(anna, "t2")
        .forget_address(anna)
        .await
        .unwrap_err();
    let run = statements.take();
    assert!(run.len() > 15, "the driver told of too little: {run:#?}");
    run
}

#[tokio::test]
async fn hot_statements_find_their_rows_by_an_index() {
    let statements = Statements::default();
    let listening = tracing_subscriber::registry().with(statements.clone());
    tracing::subscriber::set_global_default(listening).unwrap();

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("parta.db");
    let store = Store::open_sqlite(&file).await.unwrap();
    let run = use_it(&store, &statements).await;
    let url = format!("sqlite://{}", file.display());
    let mut sqlite = SqliteConnection::connect(&url).await.unwrap();
    // With keys enforced, the plan of an insertion also shows the search for rows that lacked the new one. It is
    // jumped over (opcode FkIfZero) unless the statement has just written such rows, which ours never do.
    sqlx::raw_sql("PRAGMA foreign_keys = OFF")
        .execute(&mut sqlite)
        .await
        .unwrap();
    assert!(!sqlite_walks(&mut sqlite, WALKS).await.is_empty());
    let counts = counted(&run);
    let steps = sqlite_steps(&mut sqlite, counts).await.join(" ");
    assert!(steps.contains(COUNTED_BY), "{steps}");
    for text in run {
        let walks = sqlite_walks(&mut sqlite, &text).await;
        assert!(walks.is_empty(), "{walks:#?} in {text}");
    }
    store.close().await;

    let Some(database) = Database::create("PostgreSQL").await else {
        return;
    };
    let url = database.url();
    let store = Store::open_postgres(&url).await.unwrap();
    let run = use_it(&store, &statements).await;
    let mut postgres = PgConnection::connect(&url).await.unwrap();
    // In tables of a few rows PostgreSQL rightly prefers to walk. Forbidden to, it does so only where no index serves.
    let settings = "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off;
                    SET enable_hashjoin = off; SET enable_mergejoin = off";
    sqlx::raw_sql(settings)
        .execute(&mut postgres)
        .await
        .unwrap();
    assert!(!postgres_walks(&mut postgres, WALKS).await.is_empty());
    let counts = counted(&run);
    let plan = postgres_plan(&mut postgres, counts).await.to_string();
    assert!(plan.contains(COUNTED_BY), "{plan}");
    for text in run {
        let walks = postgres_walks(&mut postgres, &text).await;
        assert!(walks.is_empty(), "{walks:#?} in {text}");
    }
    store.close().await;
}

/// The index by which what somebody did lately is counted: by another one it would be all that they ever did.
const COUNTED_BY: &str = "audit_by_act";

/// The statement that counts it.
fn counted(run: &BTreeSet<String>) -> &str {
    let counts = |text: &&String| text.starts_with("SELECT COUNT(*) FROM audit ");
    run.iter().find(counts).unwrap()
}

async fn sqlite_steps(connection: &mut SqliteConnection, text: &str) -> Vec<String> {
    let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {text}"));
    let steps = sqlx::raw_sql(explain).fetch_all(connection).await.unwrap();
    let steps = steps.iter().map(|row| row.get::<String, _>("detail"));
    steps.collect()
}

/// The steps of a plan that go through a whole table, or build an index of their own because there is none.
async fn sqlite_walks(connection: &mut SqliteConnection, text: &str) -> Vec<String> {
    let steps = sqlite_steps(connection, text).await;
    // `input` is the list of values that came with the statement.
    let own_input = |step: &str| step.starts_with("SCAN input") || step.contains("CONSTANT ROW");
    // The words of the search: with a condition on them, or on their ids.
    let by_words = |step: &str| {
        step.starts_with("SCAN search_words VIRTUAL TABLE INDEX") && !step.ends_with("INDEX 0:")
    };
    steps
        .into_iter()
        .filter(|step| {
            step.contains("AUTOMATIC")
                || (step.starts_with("SCAN") && !own_input(step) && !by_words(step))
        })
        .collect()
}

/// The nodes of a plan that read a table without a condition on an index.
async fn postgres_walks(connection: &mut PgConnection, text: &str) -> Vec<String> {
    let plan = postgres_plan(connection, text).await;
    let mut walks = Vec::new();
    walk_through(&plan[0]["Plan"], &mut walks);
    walks
}

async fn postgres_plan(connection: &mut PgConnection, text: &str) -> serde_json::Value {
    let places = (1..)
        .take_while(|n| text.contains(&format!("${n}")))
        .count();
    let nulls = if places == 0 {
        String::new()
    } else {
        format!("({})", vec!["NULL"; places].join(", "))
    };
    let prepare = AssertSqlSafe(format!("PREPARE asked AS {text}"));
    sqlx::raw_sql(prepare)
        .execute(&mut *connection)
        .await
        .unwrap_or_else(|error| panic!("{error} in {text}"));
    let explain = AssertSqlSafe(format!("EXPLAIN (FORMAT JSON) EXECUTE asked {nulls}"));
    let row = sqlx::raw_sql(explain)
        .fetch_one(&mut *connection)
        .await
        .unwrap();
    sqlx::raw_sql("DEALLOCATE asked")
        .execute(connection)
        .await
        .unwrap();
    serde_json::from_str(&row.get_unchecked::<String, _>(0)).unwrap()
}

fn walk_through(node: &serde_json::Value, walks: &mut Vec<String>) {
    let kind = node["Node Type"].as_str().unwrap();
    let by_index = kind.contains("Index");
    if kind == "Seq Scan" || (by_index && node["Index Cond"].is_null()) {
        walks.push(format!("{kind} on {}", node["Relation Name"]));
    }
    for below in node["Plans"].as_array().into_iter().flatten() {
        walk_through(below, walks);
    }
}
