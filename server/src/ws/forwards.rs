//! `msg.send` that passes a message on.

use protocol::ErrorCode;
use protocol::command::{MsgSend, MsgSent};

use super::commands::{Answer, store_and_publish, to_user};
use super::connection::Client;
use crate::store::StoreError;

impl Client {
    pub(super) async fn forward(&self, send: MsgSend) -> Answer<MsgSent> {
        let only = send.body.is_empty()
            && send.att.is_empty()
            && send.men.is_empty()
            && !send.all
            && send.due.is_none()
            && send.re.is_none()
            && send.poll.is_none();
        let Some(source) = send.fwd.clone().filter(|_| only) else {
            return Err(ErrorCode::BadRequest.into());
        };
        self.may_write("")?;
        let (app, me, conn) = (self.app.clone(), self.me.person.id.clone(), self.id);
        // On its own, as a message that is sent.
        let sent = tokio::spawn(async move {
            let what = match app.store.forwarding(&source, &me).await {
                // Sent before, and its source deleted since: whoever asks again is told of what was stored then.
                Err(StoreError::Refused(ErrorCode::NotFound))
                    if app.store.has_sent(&me, &send.cid).await.map_err(to_user)? =>
                {
                    return store_and_publish(&app, &me, conn, (&send, None)).await;
                }
                what => what.map_err(to_user)?,
            };
            let send = MsgSend {
                body: what.body,
                att: what.files,
                ..send
            };
            store_and_publish(&app, &me, conn, (&send, Some(&what.from))).await
        });
        sent.await.unwrap_or_else(|error| {
            tracing::error!(%error, "passing a message on panicked");
            Err(ErrorCode::Internal.into())
        })
    }
}
