//! Telling who came and who went.

use std::sync::Weak;
use std::time::{Duration, Instant};

use protocol::event::Presence as PresenceChange;
use protocol::{LiveEvent, RoomId, UserId};

use super::super::frames::{Published, encode};
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
    // `conn` is the connection that brings the person online here.
    pub(super) async fn tell_presence(
        &self,
        user: &UserId,
        conn: Option<ConnId>,
        rooms: &[RoomId],
    ) {
        let on = self.presence().is_online(user);
        let text = encode(&LiveEvent::Presence {
            d: PresenceChange {
                u: user.clone(),
                on,
            },
        });
        for room in rooms {
            let frame = Published::presence(user.clone(), text.clone());
            self.passing(room, frame, conn).await;
        }
    }

    pub(super) async fn tell_presence_of(&self, user: &UserId) {
        match self.store.room_ids_of(user).await {
            Ok(rooms) => self.tell_presence(user, None, &rooms).await,
            Err(error) => tracing::warn!(%user, %error, "rooms could not be read"),
        }
    }
}
