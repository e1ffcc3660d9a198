//! SQLite on a disk that is really full: a file system of a few megabytes, in a name space of the test's own.

use std::path::Path;
use std::process::Command;

use server::store::{NewMessage, Store, StoreError, Stored, Trouble};
use sqlx::{Connection, SqliteConnection};
use tokio::task::JoinSet;

use crate::school::{School, school, text};

/// Names the folder to mount the small disk on, in the process that may mount.
const FOLDER: &str = "PARTA_TEST_SMALL_DISK";
const NAME: &str = "small_disk::a_full_disk_takes_nothing_and_loses_nothing";
const UNSHARE: [&str; 3] = ["--user", "--map-root-user", "--mount"];

#[test]
fn a_full_disk_takes_nothing_and_loses_nothing() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        let folder = Path::new(&folder);
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=6m", "parta"])
            .arg(folder)
            .status();
        assert!(mounted.unwrap().success());
        let runtime = tokio::runtime::Runtime::new().unwrap();
        return runtime.block_on(fill(folder));
    }
    let allowed = Command::new("unshare").args(UNSHARE).arg("true").status();
    if !allowed.is_ok_and(|status| status.success()) {
        eprintln!("this machine gives no name spaces: the full disk was not tested");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let inside = Command::new("unshare")
        .args(UNSHARE)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", NAME, "--nocapture"])
        .env(FOLDER, folder.path())
        .status();
    assert!(inside.unwrap().success());
}

async fn send(s: &School, k: usize) -> Result<Stored, StoreError> {
    let send = text(&s.room, &format!("c{k}"), &"ш".repeat(8_000));
    let new = NewMessage {
        by: &s.anna,
        send: &send,
    };
    s.store.add_message(new, 1).await
}

async fn fill(folder: &Path) {
    let file = folder.join("parta.db");
    let ballast = folder.join("ballast");
    std::fs::write(&ballast, vec![0_u8; 2 << 20]).unwrap();
    let s = school(Store::open_sqlite(&file).await.unwrap()).await;

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
    std::fs::remove_file(&ballast).unwrap();
    for k in 0..10 {
        let answer = send(&s, stored + k).await.unwrap();
        assert_eq!(answer.event.seq(), count + 1 + i64::try_from(k).unwrap());
        assert!(!answer.dup);
    }
    s.store.close().await;
    let url = format!("sqlite://{}", file.display());
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    let (verdict,): (String,) = sqlx::query_as("PRAGMA integrity_check")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(verdict, "ok");
}
