//! A disk that is really full: a file system of a few megabytes. For PostgreSQL it holds the tables and not its log: when
//! that finds no place, PostgreSQL itself ends, and its clients see it go away.

use std::path::{Path, PathBuf};
use std::process::Command;

use server::store::{NewMessage, Store, StoreError, Stored, Trouble};
use sqlx::{Connection, PgConnection, SqliteConnection};
use tokio::task::JoinSet;

use crate::apart::{As, apart, mount_small};
use crate::school::{School, school, text};

#[test]
fn a_full_disk_takes_nothing_and_loses_nothing() {
    let name = "small_disk::a_full_disk_takes_nothing_and_loses_nothing";
    apart(name, As::Root, on_sqlite);
}

#[test]
fn a_full_disk_under_postgresql_takes_nothing_and_loses_nothing() {
    let name = "small_disk::a_full_disk_under_postgresql_takes_nothing_and_loses_nothing";
    apart(name, As::Somebody, on_postgres);
}

async fn on_sqlite(folder: PathBuf) {
    mount_small(&folder, 6);
    let ballast = Ballast::in_folder(&folder);
    let file = folder.join("parta.db");
    let store = Store::open_sqlite(&file).await.unwrap();
    fill(&store, ballast).await;
    store.close().await;
    let url = format!("sqlite://{}", file.display());
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    let (verdict,): (String,) = sqlx::query_as("PRAGMA integrity_check")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(verdict, "ok");
}

async fn on_postgres(folder: PathBuf) {
    let Some(postgres) = Postgres::start(&folder) else {
        assert!(std::env::var_os("CI").is_none(), "PostgreSQL is missing");
        eprintln!("PostgreSQL is missing: its full disk was not tested");
        return;
    };
    let small = folder.join("small");
    std::fs::create_dir(&small).unwrap();
    mount_small(&small, 20);
    let mut admin = PgConnection::connect(&postgres.url("postgres"))
        .await
        .unwrap();
    for statement in [
        format!("CREATE TABLESPACE small LOCATION '{}'", small.display()),
        "CREATE DATABASE parta TABLESPACE small".to_owned(),
    ] {
        let statement = sqlx::AssertSqlSafe(statement);
        sqlx::query(statement).execute(&mut admin).await.unwrap();
    }
    let ballast = Ballast::in_folder(&small);
    let store = Store::open_postgres(&postgres.url("parta")).await.unwrap();
    fill(&store, ballast).await;
    store.close().await;
}

/// What takes away room until it is removed.
struct Ballast(PathBuf);

impl Ballast {
    fn in_folder(folder: &Path) -> Self {
        let file = folder.join("ballast");
        std::fs::write(&file, vec![0_u8; 2 << 20]).unwrap();
        Self(file)
    }
}

/// A PostgreSQL that is reached in the file system.
struct Postgres {
    programs: PathBuf,
    folder: PathBuf,
}

impl Postgres {
    fn start(folder: &Path) -> Option<Self> {
        let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
        let newest = versions
            .filter_map(|entry| Some(entry.ok()?.path()))
            .max()?;
        let postgres = Self {
            programs: newest.join("bin"),
            folder: folder.to_owned(),
        };
        postgres.run(
            "initdb",
            &[
                "--username=parta",
                "--auth=trust",
                "--no-sync",
                "--encoding=UTF8",
                "--locale=C",
            ],
        );
        let options = format!("-c listen_addresses= -k {} -c fsync=off", folder.display());
        let log = folder.join("log").display().to_string();
        postgres.run(
            "pg_ctl",
            &["start", "--wait", "--log", &log, "--options", &options],
        );
        Some(postgres)
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let done = Command::new(self.programs.join(program))
            .arg("--pgdata")
            .arg(self.folder.join("data"))
            .args(arguments)
            .stdout(std::process::Stdio::null())
            .status();
        assert!(done.unwrap().success(), "{program}");
    }

    fn url(&self, database: &str) -> String {
        format!(
            "postgres://parta@localhost/{database}?host={}",
            self.folder.display()
        )
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.run("pg_ctl", &["stop", "--mode=immediate"]);
    }
}

// Nothing that a database could store in less room.
fn noise(k: usize) -> String {
    let mut state = u64::try_from(k).unwrap() + 1;
    let letters = (0..5_000).map(|_| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let letter = u32::try_from(state >> 54).unwrap();
        char::from_u32(0x4e00 + letter).unwrap()
    });
    letters.collect()
}

async fn send(s: &School, k: usize) -> Result<Stored, StoreError> {
    let send = text(&s.room, &format!("c{k}"), &noise(k));
    let new = NewMessage {
        by: &s.anna,
        send: &send,
    };
    s.store.add_message(new, 1).await
}

async fn fill(store: &Store, ballast: Ballast) {
    let s = school(store.clone()).await;
    let mut stored = 0;
    let error = loop {
        match send(&s, stored).await {
            Ok(_) => stored += 1,
            Err(error) => break error,
        }
    };
    assert!(stored > 10, "{error}");
    assert_eq!(error.trouble(), Some(Trouble::DiskFull), "{error}");
    // It stays full, for everybody; and everything is still read.
    let mut tasks = JoinSet::new();
    for k in 0..20 {
        let s = s.clone();
        tasks.spawn(async move { send(&s, stored + k).await });
    }
    for answer in tasks.join_all().await {
        let error = answer.unwrap_err();
        assert_eq!(error.trouble(), Some(Trouble::DiskFull), "{error}");
    }
    let count = i64::try_from(stored).unwrap();
    assert_eq!(s.store.position(&s.room).await.unwrap().1, count);
    assert_eq!(s.store.rooms_of(&s.misha).await.unwrap()[0].no, count);
    let events = s.store.events_after(&s.room, 0, 1_000).await.unwrap();
    assert_eq!(events.len(), stored);

    // With space the same store goes on, without a restart and without a gap.
    std::fs::remove_file(&ballast.0).unwrap();
    for k in 0..10 {
        let answer = send(&s, stored + k).await.unwrap();
        assert_eq!(answer.event.seq(), count + 1 + i64::try_from(k).unwrap());
        assert!(!answer.dup);
    }
}
