//! Reminds of messages that are to be acknowledged by a time, a day before it.

use std::time::Duration;

use crate::store::Store;
use crate::time::now_ms;
use crate::ws::Switchboard;

/// How often it looks; a reminder a day before is no matter of seconds.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// Does so for as long as the server runs.
pub(crate) async fn watch(store: Store, switchboard: Switchboard) {
    let mut times = tokio::time::interval(LOOK_EVERY);
    loop {
        times.tick().await;
        match store.remind_of_deadlines(now_ms()).await {
            Ok(events) => {
                for event in events {
                    switchboard.publish(event).await;
                }
            }
            Err(error) => tracing::warn!(%error, "reminders could not be sent; trying again"),
        }
    }
}
