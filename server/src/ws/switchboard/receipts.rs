//! What has arrived for whom is gathered for a while: it is stored together with whatever else is written, and a room is
//! told once of all its members.

use std::collections::BTreeMap;
use std::sync::{PoisonError, Weak};
use std::time::Duration;

use protocol::event::Reader;
use protocol::limits::RECEIPTS_WAITING_MAX;
use protocol::{ErrorCode, LiveEvent, RoomId, UserId};
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::super::frames::{Published, encode};
use super::{Inner, Switchboard};
use crate::store::Receipts;

/// How long receipts gather.
const GATHER: Duration = Duration::from_secs(1);

pub(super) async fn run(inner: Weak<Inner>, mut noted: mpsc::Receiver<()>) {
    while noted.recv().await.is_some() {
        sleep(GATHER).await;
        let Some(inner) = inner.upgrade() else { return };
        inner.store_receipts().await;
    }
}

impl Switchboard {
    /// Takes note that these rooms' messages have arrived for a person, up to these numbers: it is stored and told soon.
    ///
    /// # Errors
    /// [`ErrorCode::Overloaded`] when too much waits already.
    pub fn received(
        &self,
        user: &UserId,
        upto: impl Iterator<Item = (RoomId, i64)>,
    ) -> Result<(), ErrorCode> {
        let upto = upto.map(|(room, no)| ((room, user.clone()), no));
        self.0.note_receipts(upto)
    }
}

impl Inner {
    fn note_receipts(
        &self,
        receipts: impl Iterator<Item = ((RoomId, UserId), i64)>,
    ) -> Result<(), ErrorCode> {
        let mut waiting = self.receipts.lock().unwrap_or_else(PoisonError::into_inner);
        for (member, no) in receipts {
            if let Some(known) = waiting.get_mut(&member) {
                *known = no.max(*known);
            } else if waiting.len() < RECEIPTS_WAITING_MAX {
                waiting.insert(member, no);
            } else {
                return Err(ErrorCode::Overloaded);
            }
        }
        if !waiting.is_empty() {
            // Full when it was told already.
            let _ = self.receipts_noted.try_send(());
        }
        Ok(())
    }

    async fn store_receipts(&self) {
        let receipts =
            std::mem::take(&mut *self.receipts.lock().unwrap_or_else(PoisonError::into_inner));
        match self.store.mark_received(&receipts).await {
            Ok(moved) => self.tell_receipts(moved).await,
            Err(error) => {
                tracing::warn!(%error, "what has arrived could not be stored");
                // Again later. What finds no place is told anew by whoever comes back.
                let _ = self.note_receipts(receipts.into_iter());
            }
        }
    }

    async fn tell_receipts(&self, moved: Receipts) {
        let mut rooms: BTreeMap<RoomId, Vec<Reader>> = BTreeMap::new();
        for ((room, u), no) in moved {
            rooms.entry(room).or_default().push(Reader { u, no });
        }
        for (room, d) in rooms {
            let r = room.clone();
            let text = encode(&LiveEvent::Recv { r, d });
            self.bus.passing(&room, &text);
            self.passing(&room, Published::passing(text), None).await;
        }
    }
}
