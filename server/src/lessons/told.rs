//! Tells the others who is in a lesson. What the database says of this server's lessons is made to agree with who is there, and
//! what this server's pages were told with what the database says of all servers', again and again.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use protocol::UserId;
use tokio::time::MissedTickBehavior;

use super::{Lessons, TICK};
use crate::store::{StoreResult, new_id};
use crate::time::now_ms;

/// For so long it holds that somebody is in a lesson unless it is said again, in milliseconds: a server may die.
const HOLDS_MS: i64 = 90_000;
/// How often it is said again.
const AGAIN: Duration = Duration::from_secs(30);

/// What this server said.
struct Said {
    /// By which name: a server that begins anew is another one.
    node: String,
    people: BTreeSet<UserId>,
    at: Instant,
}

impl Lessons {
    /// Does so for as long as the server runs, beside what looks after lessons: a slow database holds those up by nothing.
    pub(super) async fn tell_who_is_in(self) {
        let mut said = Said {
            node: new_id(),
            people: BTreeSet::new(),
            at: Instant::now(),
        };
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Err(error) = self.say(&mut said).await {
                tracing::warn!(%error, "who is in a lesson could not be noted; trying again");
            }
            let told = match self.store.in_lessons(now_ms()).await {
                Ok(people) => self.switchboard.tell_lessons(&people).await,
                Err(error) => Err(error),
            };
            if let Err(error) = told {
                tracing::warn!(%error, "who is in a lesson could not be told; trying again");
            }
        }
    }

    /// Says who is in a lesson here, as far as it was not said.
    async fn say(&self, said: &mut Said) -> StoreResult<()> {
        let here = self.lock().everybody();
        let is_old = said.at.elapsed() >= AGAIN;
        let fresh: Vec<UserId> = here
            .iter()
            .filter(|person| is_old || !said.people.contains(*person))
            .cloned()
            .collect();
        let left: Vec<UserId> = said.people.difference(&here).cloned().collect();
        if !fresh.is_empty() {
            let now = now_ms();
            self.store
                .keep_in_lessons(&said.node, &fresh, now, now + HOLDS_MS)
                .await?;
        }
        if !left.is_empty() {
            self.store.left_lessons(&said.node, &left).await?;
        }
        if is_old {
            said.at = Instant::now();
        }
        said.people = here;
        Ok(())
    }
}
