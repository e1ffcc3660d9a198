//! `msg.pin`.

use protocol::ErrorCode;
use protocol::command::MsgPin;

use super::commands::{Answer, Done, to_user};
use super::connection::Client;
use crate::time::now_ms;

impl Client {
    pub(super) async fn pin(&self, pin: MsgPin) -> Answer<Done> {
        self.may_write("")?;
        let (app, me) = (self.app.clone(), self.me.person.id.clone());
        // On its own, as a message that is sent.
        let pinned = tokio::spawn(async move {
            let pinned = app.store.pin(&pin.id, &me, pin.on, now_ms()).await;
            if let Some(event) = pinned.map_err(to_user)? {
                app.switchboard.publish(event).await;
            }
            Ok(Done {})
        });
        pinned.await.unwrap_or_else(|error| {
            tracing::error!(%error, "pinning a message panicked");
            Err(ErrorCode::Internal.into())
        })
    }
}
