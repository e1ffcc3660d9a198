//! What other nodes say, and what is looked up in the database when they cannot be heard.

use std::collections::BTreeSet;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use protocol::{CloseCode, RoomEvent, RoomId};
use tokio::sync::{oneshot, watch};
use tokio::time::sleep;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::super::frames::Published;
use super::{Inner, News, ShardInput};
use crate::bus::{Health, Hint, Hints};
use crate::hub::Input;
use crate::store::StoreResult;
use crate::time::now_ms;

/// Between comparisons of rooms with the database while hints travel: finds what was committed by a server that died
/// before it could tell.
const NET: Duration = Duration::from_secs(5);
/// The same while they do not.
const POLL: Duration = Duration::from_secs(1);

pub(super) async fn run(inner: Weak<Inner>, mut hints: Hints) {
    while let Some(hint) = hints.recv().await {
        let Some(inner) = inner.upgrade() else { return };
        take(&inner, hint).await;
    }
}

async fn take(inner: &Arc<Inner>, hint: Hint) {
    match hint {
        Hint::Event { room, seq, text } => match serde_json::from_str::<RoomEvent>(&text) {
            Ok(event) => {
                inner
                    .deliver(Published {
                        event: Some(Arc::new(event)),
                        ..Published::passing(text.into())
                    })
                    .await;
            }
            // Too long for the bus, or of a newer version.
            Err(_) => inner.send(Input::Known { room, seq }).await,
        },
        Hint::Passing { room, text } => {
            inner
                .passing(&room, Published::passing(text.into()), None)
                .await
        }
        Hint::User { user, text } => inner.tell_user(&user, None, &Utf8Bytes::from(text)),
        Hint::RoomChanged { room, people } => inner.room_changed(&room, &people),
        Hint::PictureChanged { user } => inner.note_picture(&user),
        Hint::SessionEnded { session } => inner.end_session(&session),
        Hint::Presence { node, user, on } => {
            let news = inner.presence().elsewhere(&node, &user, on);
            if news {
                inner.tell_presence_of(&user).await;
            }
        }
        Hint::PresenceAll { node, users } => {
            let users = users.into_iter().collect::<BTreeSet<_>>();
            let news = inner.presence().all_elsewhere(&node, users);
            for (user, _) in news {
                inner.tell_presence_of(&user).await;
            }
        }
        Hint::NodeLost { node } => inner.presence().lost(Instant::now(), &node),
        Hint::Resync => {
            let inner = Arc::clone(inner);
            tokio::spawn(async move { inner.resync().await });
        }
        Hint::Reintroduce => {
            let here = inner.presence().here().cloned().collect();
            inner.bus.everybody(here);
        }
    }
}

pub(super) async fn keep_in_step(inner: Weak<Inner>, mut health: watch::Receiver<Health>) {
    loop {
        let wait = match *health.borrow_and_update() {
            // Whatever is committed is published by this very server.
            Health::Alone => return,
            Health::Connected => NET,
            Health::Degraded => POLL,
        };
        // A change is looked at without delay.
        tokio::select! {
            () = sleep(wait) => {}
            changed = health.changed() => match changed {
                Ok(()) => {}
                Err(_) => return,
            }
        }
        let Some(inner) = inner.upgrade() else { return };
        inner.resync().await;
        if *health.borrow() == Health::Degraded
            && let Err(error) = inner.end_dead_sessions().await
        {
            tracing::warn!(%error, "sessions could not be compared with the database");
        }
    }
}

/// Closes what is open of sessions that were ended at once, by whomever: the command line tells nobody, and a hint may be lost.
pub(super) async fn end_with_sessions(inner: Weak<Inner>) {
    let (mut known, mut away) = (None, false);
    loop {
        let Some(inner) = inner.upgrade() else { return };
        match inner.end_if_more(&mut known).await {
            Ok(()) if away => {
                away = false;
                tracing::info!("ended sessions are looked up again");
            }
            // Every second the same line would hide others.
            Err(error) if !away => {
                away = true;
                tracing::warn!(%error, "ended sessions could not be looked up");
            }
            Ok(()) | Err(_) => {}
        }
        drop(inner);
        sleep(POLL).await;
    }
}

impl Inner {
    async fn end_if_more(&self, known: &mut Option<i64>) -> StoreResult<()> {
        let times = self.store.sessions_ended().await?;
        // The first time, too: sessions may have ended between the sign-ins of what is open and this.
        if *known != Some(times) {
            self.end_dead_sessions().await?;
        }
        *known = Some(times);
        Ok(())
    }

    // Compares every room that somebody here is in with the database.
    async fn resync(&self) {
        let mut rooms: Vec<RoomId> = Vec::new();
        for shard in &self.shards {
            let (answer, answered) = oneshot::channel();
            // Both fail only when the server is going down.
            if shard.send(ShardInput::Rooms(answer)).await.is_ok() {
                rooms.extend(answered.await.unwrap_or_default());
            }
        }
        match self.store.positions_of(&rooms).await {
            Ok(positions) => {
                for (room, seq) in positions {
                    self.send(Input::Known { room, seq }).await;
                }
            }
            Err(error) => tracing::warn!(%error, "rooms could not be compared with the database"),
        }
        if let Err(error) = self.look_for_stale().await {
            tracing::warn!(%error, "members could not be compared with the database");
        }
    }

    // A session that was ended elsewhere must not outlive the bus.
    async fn end_dead_sessions(&self) -> StoreResult<()> {
        let open: BTreeSet<String> = self
            .connections
            .iter()
            .map(|entry| entry.session.clone())
            .collect();
        let open: Vec<String> = open.into_iter().collect();
        let live = self.store.live_sessions(&open, now_ms()).await?;
        for entry in &self.connections {
            // Sessions that began since are not on the list.
            if open.binary_search(&entry.session).is_ok() && !live.contains(&entry.session) {
                entry.queue.close(CloseCode::LoggedOut);
                self.tell_others(News::SessionEnded(entry.session.clone()));
            }
        }
        Ok(())
    }
}
