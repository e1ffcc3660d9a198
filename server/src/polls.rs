//! Tells rooms of votes. Those of a second are told by one event, so that a class that votes at once costs few; which polls
//! are still to be told stands in the database, so that a server that dies before it has told leaves nothing untold.

use std::sync::Arc;
use std::time::Duration;

use protocol::limits::POLL_TOLD_MILLIS;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use crate::store::{Store, StoreResult};
use crate::time::now_ms;
use crate::ws::Switchboard;

/// How often it looks for votes that another server has stored and not told.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// After a failure of the database.
const AGAIN_AFTER: Duration = Duration::from_secs(5);

/// Wakes the task that tells. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Polls(Arc<Notify>);

impl Polls {
    /// Somebody has voted.
    pub fn noted(&self) {
        self.0.notify_one();
    }

    /// Tells, for as long as the server runs; first what was left untold.
    pub async fn tell(self, store: Store, switchboard: Switchboard) {
        loop {
            let pause = match tell_all(&store, &switchboard).await {
                Ok(()) => {
                    // An error is the end of the time: then it looks, too.
                    let _ = timeout(LOOK_EVERY, self.0.notified()).await;
                    Duration::from_millis(POLL_TOLD_MILLIS)
                }
                Err(error) => {
                    tracing::warn!(%error, "votes could not be told; trying again");
                    AGAIN_AFTER
                }
            };
            sleep(pause).await;
        }
    }
}

async fn tell_all(store: &Store, switchboard: &Switchboard) -> StoreResult<()> {
    for poll in store.untold_polls().await? {
        if let Some(event) = store.tell_poll(&poll, now_ms()).await? {
            switchboard.publish(event).await;
        }
    }
    Ok(())
}
