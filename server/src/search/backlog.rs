//! Makes messages from before there was a search ready for it, beside everything else that the server does.

use std::time::Duration;

use crate::store::Store;

/// After a failure of the database.
const AGAIN_AFTER: Duration = Duration::from_secs(5);

/// Ends when all messages are ready.
pub async fn make_ready(store: Store) {
    let mut batches = 0_u64;
    loop {
        match store.pay_search_debt().await {
            Ok(true) => batches += 1,
            Ok(false) => break,
            Err(error) => {
                tracing::warn!(%error, "messages could not be made ready for the search; trying again");
                tokio::time::sleep(AGAIN_AFTER).await;
            }
        }
    }
    if batches > 0 {
        tracing::info!("all messages are ready for the search");
    }
}
