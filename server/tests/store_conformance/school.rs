//! A database of each kind, and a small school in it.

use std::future::Future;
use std::path::PathBuf;

use protocol::command::MsgSend;
use protocol::model::Role;
use protocol::{ClientId, ErrorCode, RoomId, UserId};
use server::store::{NewMessage, NewPerson, Store, StoreError};
use sqlx::PgPool;

use crate::database::Database;

/// Runs a test on both databases.
pub(crate) async fn on_both<F: Future<Output = ()>>(test: impl Fn(Store) -> F) {
    on_sqlite(|store, _| test(store)).await;
    on_postgres(|store, _| test(store)).await;
}

/// Runs a test on SQLite, with the database's file.
pub(crate) async fn on_sqlite<F: Future<Output = ()>>(test: impl Fn(Store, PathBuf) -> F) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("parta.db");
    let store = Store::open_sqlite(&file).await.unwrap();
    test(store.clone(), file).await;
    store.close().await;
}

/// Runs a test on PostgreSQL, if there is one, with connections of its own to the same database.
pub(crate) async fn on_postgres<F: Future<Output = ()>>(test: impl Fn(Store, PgPool) -> F) {
    let Some(database) = Database::create("PostgreSQL").await else {
        return;
    };
    let url = database.url();
    let store = Store::open_postgres(&url).await.unwrap();
    let beside = PgPool::connect(&url).await.unwrap();
    test(store.clone(), beside.clone()).await;
    store.close().await;
    beside.close().await;
}

#[derive(Clone)]
pub(crate) struct School {
    pub(crate) store: Store,
    pub(crate) anna: UserId,
    pub(crate) misha: UserId,
    pub(crate) stranger: UserId,
    pub(crate) room: RoomId,
}

pub(crate) async fn school(store: Store) -> School {
    let mut ids = Vec::new();
    for (login, role) in [
        ("anna", Role::Teacher),
        ("misha", Role::Student),
        ("stranger", Role::Student),
    ] {
        ids.push(
            store
                .add_person(&person(login, role), 1_000)
                .await
                .unwrap()
                .id,
        );
    }
    let room = store
        .add_room("Робототехника", &ids[..2], 2_000)
        .await
        .unwrap();
    let [anna, misha, stranger] = ids.try_into().unwrap();
    School {
        store,
        anna,
        misha,
        stranger,
        room,
    }
}

pub(crate) fn person(login: &str, role: Role) -> NewPerson {
    NewPerson {
        login: login.to_owned(),
        name: format!("Имя {login}"),
        role,
        password: "хэш".to_owned(),
    }
}

pub(crate) fn text(room: &RoomId, cid: &str, body: &str) -> MsgSend {
    let cid = ClientId::parse(cid).unwrap();
    MsgSend {
        r: room.clone(),
        cid,
        body: body.to_owned(),
        re: None,
        att: Vec::new(),
        men: Vec::new(),
        poll: None,
        fwd: None,
        ack: false,
        due: None,
        all: false,
        noticed: false,
    }
}

pub(crate) fn refusal<T: std::fmt::Debug>(result: Result<T, StoreError>) -> ErrorCode {
    match result.unwrap_err() {
        StoreError::Refused(code) => code,
        other @ (StoreError::Database(_)
        | StoreError::Migration(_)
        | StoreError::Inconsistent(_)) => panic!("{other}"),
    }
}

impl School {
    pub(crate) async fn write(&self, by: &UserId, cid: &str, body: &str) -> server::store::Stored {
        self.send(by, &text(&self.room, cid, body)).await
    }

    pub(crate) async fn send(&self, by: &UserId, send: &MsgSend) -> server::store::Stored {
        self.store
            .add_message(NewMessage { by, send }, 5_000)
            .await
            .unwrap()
    }
}
