//! Deletes what rooms keep no longer. How far it came stands in the database: whatever happens to a server in the middle of it,
//! the next one goes on there, and bytes of files that it left are swept away ([`crate::files::sweep`]).

use std::sync::Arc;
use std::time::Duration;

use protocol::event::DraftIn;
use protocol::model::Draft;
use protocol::{LiveEvent, RoomId};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use crate::files::Files;
use crate::later;
use crate::store::{GoneBeside, Rule, Store, StoreResult};
use crate::time::now_ms;
use crate::ws::Switchboard;

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(60 * 60);
/// After a failure of the database.
const AGAIN_AFTER: Duration = Duration::from_secs(60);
/// Between two transactions of a room, so that those who write there come in between.
const BREATH: Duration = Duration::from_millis(50);

/// Wakes the task that deletes. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Retention(Arc<Notify>);

/// What it works with.
#[derive(Debug)]
pub struct Tools {
    /// The database.
    pub store: Store,
    /// Files' bytes.
    pub files: Files,
    /// Whom it tells.
    pub switchboard: Switchboard,
    /// The organisation's rule in days, 0 when it has none.
    pub default_days: i64,
}

impl Retention {
    /// A rule was set, or a hold ended.
    pub fn noted(&self) {
        self.0.notify_one();
    }

    /// Deletes, for as long as the server runs.
    pub async fn work(self, tools: Tools) {
        loop {
            match tools.run().await {
                Ok(()) => {
                    // An error is the end of the time: then it looks, too.
                    let _ = timeout(LOOK_EVERY, self.0.notified()).await;
                }
                Err(error) => {
                    tracing::warn!(%error, "what is kept no longer could not be deleted; trying again");
                    sleep(AGAIN_AFTER).await;
                }
            }
        }
    }
}

impl Tools {
    async fn run(&self) -> StoreResult<()> {
        let mut run = Ok(());
        let rules = self.store.retention_rules(self.default_days, now_ms());
        for rule in rules.await? {
            // What goes wrong in one room is no reason for the others to keep what they should not.
            if let Err(error) = self.keep(&rule).await {
                tracing::warn!(room = %rule.room, %error, "a rule could not be kept");
                run = Err(error);
            }
        }
        run
    }

    async fn keep(&self, rule: &Rule) -> StoreResult<()> {
        while let Some(gone) = self.store.expire_some(rule, now_ms()).await? {
            tracing::info!(
                room = %rule.room, days = rule.days, inherited = rule.inherited, messages = gone.messages,
                files = gone.files.len(), "messages were deleted by a rule"
            );
            self.files.remove_all(&gone.files).await;
            self.switchboard.publish(gone.event).await;
            sleep(BREATH).await;
        }
        loop {
            let beside = self.store.expire_beside(rule, now_ms()).await?;
            let more = !beside.files.is_empty();
            self.tell(rule, beside).await?;
            if !more {
                return Ok(());
            }
            sleep(BREATH).await;
        }
    }

    async fn tell(&self, rule: &Rule, beside: GoneBeside) -> StoreResult<()> {
        self.files.remove_all(&beside.files).await;
        self.files.remove_quarantined(&beside.quarantined).await;
        for (person, v) in beside.drafts {
            let (body, men) = (String::new(), Vec::new());
            let draft = Draft { v, body, men };
            let r: RoomId = rule.room.clone();
            let d = DraftIn { r, draft };
            self.switchboard
                .tell_user(&person, None, &LiveEvent::UDraft { d });
        }
        for person in beside.scheduled {
            later::tell(&self.store, &self.switchboard, &person, &rule.room, None).await?;
        }
        Ok(())
    }
}
