//! `draft.set`.

use protocol::command::{DraftKept, DraftSet};
use protocol::event::DraftIn;
use protocol::limits::{BODY_BYTES_MAX, MENTIONS_MAX};
use protocol::model::Draft;
use protocol::{ErrorCode, LiveEvent};

use super::commands::{Answer, to_user};
use super::connection::Client;
use crate::time::now_ms;

impl Client {
    pub(super) async fn keep_draft(&self, draft: DraftSet) -> Answer<DraftKept> {
        let DraftSet { r, mut body, men } = draft;
        if body.len() > BODY_BYTES_MAX || men.len() > MENTIONS_MAX {
            return Err(ErrorCode::TooLarge.into());
        }
        // PostgreSQL cannot store it, and no text needs it.
        if body.contains('\0') {
            return Err(ErrorCode::BadRequest.into());
        }
        if body.trim().is_empty() {
            body.clear();
        }
        let (store, me) = (&self.app.store, &self.me.person.id);
        let kept = store.keep_draft(&r, me, &body, &men, now_ms()).await;
        let Some(v) = kept.map_err(to_user)? else {
            let v = store.draft_version(&r, me).await.map_err(to_user)?;
            return Ok(DraftKept { v });
        };
        let draft = Draft { v, body, men };
        let event = LiveEvent::UDraft {
            d: DraftIn { r, draft },
        };
        self.app.switchboard.tell_user(me, Some(self.id), &event);
        Ok(DraftKept { v })
    }
}
