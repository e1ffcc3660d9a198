//! `msg.ack`, `msg.remind`.

use std::future::Future;

use protocol::command::MsgRef;
use protocol::limits::ACK_DUE_DAYS_MAX;
use protocol::{ErrorBody, ErrorCode};

use super::commands::{Answer, Done, to_user};
use super::connection::Client;
use crate::store::Recalled;
use crate::time::{now_ms, parse};

const DAY_MS: i64 = 24 * 3_600 * 1_000;

impl Client {
    pub(super) async fn acknowledge(&self, which: MsgRef) -> Answer<Done> {
        self.may_write("")?;
        let (app, me) = (self.app.clone(), self.me.person.id.clone());
        on_its_own(async move {
            let acked = app.store.acknowledge(&which.id, &me, now_ms()).await;
            if let Some(event) = acked.map_err(to_user)? {
                app.switchboard.publish(event).await;
            }
            Ok(Done {})
        })
        .await
    }

    pub(super) async fn remind(&self, which: MsgRef) -> Answer<Done> {
        self.may_write("")?;
        let (app, me) = (self.app.clone(), self.me.person.id.clone());
        on_its_own(async move {
            let recalled = app.store.remind(&which.id, &me, now_ms()).await;
            match recalled.map_err(to_user)? {
                Recalled::Now(event) => app.switchboard.publish(*event).await,
                Recalled::Nobody => {}
                Recalled::TooSoon(after) => {
                    return Err(ErrorBody::from(ErrorCode::RateLimited).after_ms(after));
                }
            }
            Ok(Done {})
        })
        .await
    }
}

/// By when a message is to be acknowledged that is sent at `at`, if it says so. Whether that is over is asked when it is stored.
pub(super) fn check_due(ack: bool, due: Option<&str>, at: i64) -> Answer<Option<i64>> {
    let Some(due) = due else { return Ok(None) };
    let wrong = || ErrorBody::from(ErrorCode::BadRequest).with_text("due");
    let due = parse(due).ok_or_else(wrong)?;
    if !ack || due > at + ACK_DUE_DAYS_MAX * DAY_MS {
        return Err(wrong());
    }
    Ok(Some(due))
}

/// As a message that is sent: a connection that ends between the commit and the publication must not keep it from the others.
async fn on_its_own(act: impl Future<Output = Answer<Done>> + Send + 'static) -> Answer<Done> {
    tokio::spawn(act).await.unwrap_or_else(|error| {
        tracing::error!(%error, "an acknowledgement panicked");
        Err(ErrorCode::Internal.into())
    })
}
