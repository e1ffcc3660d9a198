//! Telling connections that their person's rooms are not what they were. Each looks into the database itself: what is told
//! here is only that it should, so that nothing is lost with a hint.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};

use protocol::{RoomId, UserId};
use tokio::sync::{Notify, oneshot};

use super::{Inner, News, ShardInput, Switchboard};
use crate::hub::{ConnId, Input};
use crate::store::StoreResult;

/// Changed rooms that a connection remembers by name; with more it looks at all.
const ROOMS_MAX: usize = 64;

/// What of a person's rooms changed since a connection was told of them.
#[derive(Debug, Default)]
pub(in crate::ws) struct Stale {
    rooms: Mutex<Rooms>,
    noted: Notify,
    /// One more than the `rooms_version` that the connection knows; 0 before `hello`.
    version: AtomicI64,
}

/// Which rooms to look at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::ws) struct Rooms {
    some: BTreeSet<RoomId>,
    all: bool,
}

impl Rooms {
    pub(in crate::ws) fn contains(&self, room: &RoomId) -> bool {
        self.all || self.some.contains(room)
    }
}

impl Stale {
    /// Completes when something changed, also before it was asked.
    pub(in crate::ws) async fn noted(&self) {
        self.noted.notified().await;
    }

    /// What changed since the last call.
    pub(in crate::ws) fn take(&self) -> Rooms {
        std::mem::take(&mut *self.rooms())
    }

    /// The connection is about to tell the rooms as they are at this version.
    pub(in crate::ws) fn knows(&self, version: i64) {
        self.version
            .store(version.saturating_add(1), Ordering::Release);
    }

    fn note(&self, room: Option<&RoomId>) {
        let mut rooms = self.rooms();
        match room {
            Some(room) if rooms.some.len() < ROOMS_MAX => drop(rooms.some.insert(room.clone())),
            _ => rooms.all = true,
        }
        drop(rooms);
        self.noted.notify_one();
    }

    // The guarded code cannot panic, so a poisoned lock still holds a sound value.
    fn rooms(&self) -> std::sync::MutexGuard<'_, Rooms> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Switchboard {
    /// A room was made or changed, and this was committed: these people's connections look at it, on all nodes.
    pub fn room_changed(&self, room: &RoomId, people: &[UserId]) {
        self.0.bus.room_changed(room, people);
        self.0.room_changed(room, people);
    }

    /// Ends a connection's part in a room. When this returns, nothing more of the room will be queued for it.
    pub(in crate::ws) async fn leave(&self, conn: ConnId, room: RoomId) {
        self.0.tell_others(News::Left(room.clone()));
        let shard = &self.0.shards[self.0.shard_of(&room)];
        let (done, left) = oneshot::channel();
        let input = Input::Leave { conn, room };
        // Both fail only when the server is going down.
        if shard.send(ShardInput::Leave(input, done)).await.is_ok() {
            let _ = left.await;
        }
    }
}

impl Inner {
    pub(super) fn room_changed(&self, room: &RoomId, people: &[UserId]) {
        for person in people {
            for connection in self.connections_of(person, None) {
                connection.stale.note(Some(room));
            }
        }
        self.tell_others(News::Left(room.clone()));
    }

    // Compares what connections know of their person's rooms with the database.
    pub(super) async fn look_for_stale(&self) -> StoreResult<()> {
        let people: Vec<UserId> = self
            .by_user
            .iter()
            .map(|theirs| theirs.key().clone())
            .collect();
        let versions = self.store.rooms_versions(&people).await?;
        for entry in &self.connections {
            let known = entry.stale.version.load(Ordering::Acquire);
            // One that has not said hello reads them yet.
            let behind = |version: &i64| known > 0 && *version >= known;
            if versions.get(&entry.user).is_some_and(behind) {
                entry.stale.note(None);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_changed_is_remembered_until_it_was_looked_at() {
        let stale = Stale::default();
        let room = |n: usize| RoomId::parse(format!("R{n}")).unwrap();
        stale.note(Some(&room(1)));
        stale.noted().await;
        let rooms = stale.take();
        assert!(rooms.contains(&room(1)) && !rooms.contains(&room(2)));
        assert_eq!(stale.take(), Rooms::default());
        for n in 0..=ROOMS_MAX {
            stale.note(Some(&room(n)));
        }
        stale.noted().await;
        assert!(
            stale.take().contains(&room(9_999)),
            "too many to name are all"
        );
    }
}
