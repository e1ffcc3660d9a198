//! SQLite where it may not write: a file system that is mounted read-only, as after a fault of the disk.

use std::path::PathBuf;

use server::store::{NewMessage, Store, StoreError, Stored, Trouble};
use sqlx::{Connection, SqliteConnection};

use crate::apart::{As, apart, mount_read_only, unmount};
use crate::school::{School, school, text};

#[test]
fn a_read_only_disk_is_read_and_takes_changes_again_without_a_restart() {
    let name = "read_only::a_read_only_disk_is_read_and_takes_changes_again_without_a_restart";
    apart(name, As::Root, after_a_crash);
}

#[test]
fn a_start_on_a_read_only_disk_says_so_and_harms_nothing() {
    let name = "read_only::a_start_on_a_read_only_disk_says_so_and_harms_nothing";
    apart(name, As::Root, after_a_clean_end);
}

async fn send(s: &School, cid: &str) -> Result<Stored, StoreError> {
    let send = text(&s.room, cid, "текст");
    let new = NewMessage {
        by: &s.anna,
        send: &send,
    };
    s.store.add_message(new, 1).await
}

// A crash leaves SQLite's log beside the database, so that it can be read without writing.
async fn after_a_crash(folder: PathBuf) {
    let file = folder.join("parta.db");
    let before = school(Store::open_sqlite(&file).await.unwrap()).await;
    send(&before, "c1").await.unwrap();
    // Whoever else has it open keeps the log where it is.
    let url = format!("sqlite://{}", file.display());
    let mut holder = SqliteConnection::connect(&url).await.unwrap();
    let _: (i64,) = sqlx::query_as("SELECT count(*) FROM messages")
        .fetch_one(&mut holder)
        .await
        .unwrap();
    before.store.close().await;

    mount_read_only(&folder);
    let store = Store::open_sqlite(&file).await.unwrap();
    let s = School { store, ..before };
    for _ in 0..2 {
        let error = send(&s, "c2").await.unwrap_err();
        assert_eq!(error.trouble(), Some(Trouble::ReadOnly), "{error}");
        assert_eq!(s.store.rooms_of(&s.misha).await.unwrap()[0].no, 1);
    }
    let error = s.store.add_session("t", &s.anna, 1, 100).await.unwrap_err();
    assert_eq!(error.trouble(), Some(Trouble::ReadOnly), "{error}");

    unmount(&folder);
    assert_eq!(send(&s, "c2").await.unwrap().event.seq(), 2);
    s.store.add_session("t", &s.anna, 1, 100).await.unwrap();
    assert_eq!(s.store.rooms_of(&s.misha).await.unwrap()[0].no, 2);
    s.store.close().await;
}

async fn after_a_clean_end(folder: PathBuf) {
    let file = folder.join("parta.db");
    let before = school(Store::open_sqlite(&file).await.unwrap()).await;
    send(&before, "c1").await.unwrap();
    before.store.close().await;

    mount_read_only(&folder);
    let error = Store::open_sqlite(&file).await.unwrap_err();
    assert!(error.trouble().is_some(), "{error}");

    unmount(&folder);
    let store = Store::open_sqlite(&file).await.unwrap();
    let s = School { store, ..before };
    assert_eq!(send(&s, "c2").await.unwrap().event.seq(), 2);
    s.store.close().await;
}
