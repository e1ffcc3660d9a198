//! Telling who came and who went.

use std::sync::Weak;
use std::time::{Duration, Instant};

use protocol::event::Presence as PresenceChange;
use protocol::{LiveEvent, UserId};

use super::super::frames::encode;
use super::Inner;
use crate::hub::ConnId;

/// How often presence looks for people whose grace is over.
const TICK: Duration = Duration::from_secs(1);

pub(super) async fn run(inner: Weak<Inner>) {
    let mut ticks = tokio::time::interval(TICK);
    loop {
        ticks.tick().await;
        let Some(inner) = inner.upgrade() else { return };
        let changes = inner.presence().timeout(Instant::now());
        for (user, change) in changes {
            if change.here {
                inner.bus.presence(&user, false);
            }
            if change.anywhere {
                inner.tell_presence_of(&user).await;
            }
        }
    }
}

impl Inner {
    /// Tells those whom the person knows, on this node. `conn` is the connection that brings the person online here.
    pub(super) fn tell_presence<'a>(
        &self,
        user: &UserId,
        conn: Option<ConnId>,
        knows: impl Iterator<Item = &'a UserId>,
    ) {
        let d = PresenceChange {
            u: user.clone(),
            on: self.presence().is_online(user),
        };
        let text = encode(&LiveEvent::Presence { d });
        for known in knows {
            for connection in self.connections_of(known, conn) {
                connection.queue.push_presence(user, text.clone());
            }
        }
    }

    pub(super) async fn tell_presence_of(&self, user: &UserId) {
        match self.store.acquaintances(user).await {
            Ok(people) => self.tell_presence(user, None, people.iter().map(|person| &person.id)),
            Err(error) => tracing::warn!(%user, %error, "acquaintances could not be read"),
        }
    }
}
