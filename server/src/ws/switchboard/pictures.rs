//! Telling people that somebody has another picture, or none any more. One task reads which and tells it, so that of two
//! changes the later one is told last.

use std::sync::{PoisonError, Weak};
use std::time::Duration;

use protocol::picture::PersonPicture;
use protocol::{LiveEvent, UserId};
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::super::frames::encode;
use super::{Inner, Switchboard};
use crate::store::StoreResult;

/// Between two tellings: changes meanwhile are told together.
const GATHER: Duration = Duration::from_secs(1);

pub(super) async fn run(inner: Weak<Inner>, mut noted: mpsc::Receiver<()>) {
    while noted.recv().await.is_some() {
        {
            let Some(inner) = inner.upgrade() else { return };
            inner.tell_pictures().await;
        }
        sleep(GATHER).await;
    }
}

impl Switchboard {
    /// A person has another picture, or none, and this was committed: whoever sees it is told soon, on all nodes.
    pub fn picture_changed(&self, user: &UserId) {
        self.0.bus.picture_changed(user);
        self.0.note_picture(user);
    }
}

impl Inner {
    pub(super) fn note_picture(&self, user: &UserId) {
        let mut changed = self.pictures.lock().unwrap_or_else(PoisonError::into_inner);
        changed.insert(user.clone());
        drop(changed);
        // Full when it was told already.
        let _ = self.pictures_noted.try_send(());
    }

    async fn tell_pictures(&self) {
        let changed =
            std::mem::take(&mut *self.pictures.lock().unwrap_or_else(PoisonError::into_inner));
        for user in changed {
            if let Err(error) = self.tell_picture(&user).await {
                // Who comes back reads it; meanwhile the one before is not found, and letters are shown.
                tracing::warn!(%user, %error, "a new picture could not be told");
            }
        }
    }

    async fn tell_picture(&self, user: &UserId) -> StoreResult<()> {
        let viewers = self.store.viewers_of(user).await?;
        let picture = self.store.picture_of(user).await?;
        let u = user.clone();
        let d = PersonPicture { u, picture };
        let text = encode(&LiveEvent::Picture { d });
        for viewer in viewers {
            self.tell_user(&viewer, None, &text);
        }
        Ok(())
    }
}
