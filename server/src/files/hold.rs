//! Which request is at work on which upload: one at a time, and the newest wins.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use protocol::FileId;
use tokio_util::sync::CancellationToken;

/// The uploads that requests of this server are at work on. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Holds(Arc<Mutex<Table>>);

#[derive(Debug, Default)]
struct Table {
    next: u64,
    held: HashMap<FileId, (u64, CancellationToken)>,
}

/// An upload that is one request's until it is dropped.
#[derive(Debug)]
pub struct Held {
    holds: Holds,
    id: FileId,
    nth: u64,
    wanted: CancellationToken,
    /// Locked for as long as it is open.
    lock: Option<std::fs::File>,
}

impl Holds {
    /// Tells whoever has it to let go.
    pub(super) fn take(&self, id: &FileId) -> Held {
        let wanted = CancellationToken::new();
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        table.next += 1;
        let nth = table.next;
        if let Some((_, before)) = table.held.insert(id.clone(), (nth, wanted.clone())) {
            before.cancel();
        }
        drop(table);
        Held {
            holds: self.clone(),
            id: id.clone(),
            nth,
            wanted,
            lock: None,
        }
    }
}

impl Held {
    pub(super) fn with(mut self, lock: std::fs::File) -> Self {
        self.lock = Some(lock);
        self
    }

    /// Which.
    pub fn id(&self) -> &FileId {
        &self.id
    }

    /// Ends when a newer request wants it.
    pub(super) async fn wanted_elsewhere(&self) {
        self.wanted.cancelled().await;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut table = self.holds.0.lock().unwrap_or_else(PoisonError::into_inner);
        if table
            .held
            .get(&self.id)
            .is_some_and(|(nth, _)| *nth == self.nth)
        {
            table.held.remove(&self.id);
        }
    }
}
