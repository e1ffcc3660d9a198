//! Sends messages at the time that their authors chose. What is to be sent stands in the database; of several servers one
//! claims it, and whatever happens to that one, a message is stored once, by its sender and client id.

use std::sync::Arc;
use std::time::Duration;

use protocol::ErrorCode;
use protocol::later::LaterTold;
use protocol::{LiveEvent, RoomId, UserId};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use crate::reports;
use crate::store::{Concerned, Due, NewMessage, Store, StoreError, StoreResult};
use crate::time::now_ms;
use crate::ws::Switchboard;

/// How often it looks at the latest: another server may have taken one in, or have died over one.
const LOOK_EVERY: Duration = Duration::from_secs(20);
/// Least time until the next try in a slow room, in milliseconds.
const SLOW_MS: i64 = 1_000;
/// After a failure of the database.
const AGAIN_AFTER: Duration = Duration::from_secs(5);

/// Wakes the task that sends. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Sender(Arc<Notify>);

impl Sender {
    /// Something is to be sent earlier than was known.
    pub fn noted(&self) {
        self.0.notify_one();
    }

    /// Sends, for as long as the server runs.
    pub async fn send(self, store: Store, switchboard: Switchboard) {
        loop {
            let wait = match send_due(&store, &switchboard).await {
                Ok(next) => until(next),
                Err(error) => {
                    tracing::warn!(%error, "messages could not be sent at their time; trying again");
                    sleep(AGAIN_AFTER).await;
                    continue;
                }
            };
            // An error is the end of the time.
            let _ = timeout(wait, self.0.notified()).await;
        }
    }
}

fn until(due: Option<i64>) -> Duration {
    let wait = due.map_or(i64::MAX, |due| due.saturating_sub(now_ms()));
    Duration::from_millis(u64::try_from(wait).unwrap_or(0)).min(LOOK_EVERY)
}

async fn send_due(store: &Store, switchboard: &Switchboard) -> StoreResult<Option<i64>> {
    let mut failed = None;
    for due in store.claim_due(now_ms()).await? {
        // What goes wrong with one is no reason for the others to wait.
        if let Err(error) = send_one(store, switchboard, &due).await {
            failed = failed.or(Some(error));
        }
    }
    match failed {
        Some(error) => Err(error),
        None => store.next_due().await,
    }
}

async fn send_one(store: &Store, switchboard: &Switchboard, due: &Due) -> StoreResult<()> {
    let Due { by, send } = due;
    let new = NewMessage { by, send };
    let refused = match store.add_message(new, now_ms()).await {
        Ok(stored) => {
            crate::crash::at("before_publish");
            switchboard.publish(stored.event).await;
            if stored.is_reported {
                let about = Concerned {
                    room: send.r.clone(),
                    about: by.clone(),
                    reporters: Vec::new(),
                };
                reports::tell(store, switchboard, &about).await?;
            }
            store.sent_later(by, &send.cid).await?;
            None
        }
        Err(StoreError::Refused(ErrorCode::Overloaded)) => {
            store.unclaim(by, &send.cid, None).await?;
            return Err(ErrorCode::Overloaded.into());
        }
        // It waits a little longer.
        Err(StoreError::Refused(ErrorCode::Slow)) => {
            let over = store.pace_over(&send.r, by).await?;
            let over = over.unwrap_or_else(now_ms).max(now_ms() + SLOW_MS);
            return store.postpone(by, &send.cid, over).await;
        }
        Err(StoreError::Refused(code)) => {
            store.unclaim(by, &send.cid, Some(code)).await?;
            Some(code)
        }
        // Whether it was stored or not: sent once more, it is stored once.
        Err(error) => {
            store.unclaim(by, &send.cid, None).await?;
            return Err(error);
        }
    };
    tell(store, switchboard, by, &send.r, refused).await
}

/// Tells a person how many of their messages wait in a room.
///
/// # Errors
/// When the database fails.
pub(crate) async fn tell(
    store: &Store,
    switchboard: &Switchboard,
    by: &UserId,
    room: &RoomId,
    refused: Option<ErrorCode>,
) -> StoreResult<()> {
    let waiting = store.waiting_of(by).await?;
    let d = LaterTold {
        r: room.clone(),
        n: waiting.get(room).copied().unwrap_or_default(),
        refused,
    };
    switchboard.tell_user(by, None, &LiveEvent::ULater { d });
    Ok(())
}
