//! `later.set`, `later.delete`, `later.now`.

use jiff::Timestamp;
use protocol::later::{LaterRef, LaterSet};
use protocol::limits::{ATTACHMENTS_MAX, BODY_BYTES_MAX, LATER_DAYS_MAX, MENTIONS_MAX};
use protocol::{ErrorBody, ErrorCode, RoomId};

use super::acks::check_due;
use super::commands::{Answer, Done, to_user};
use super::connection::Client;
use crate::later;
use crate::store::NewLater;
use crate::time::now_ms;

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

impl Client {
    pub(super) async fn keep_for_later(&self, mut set: LaterSet) -> Answer<Done> {
        set.body = set.body.trim().to_owned();
        if set.body.is_empty() && set.att.is_empty() {
            return Err(ErrorCode::Empty.into());
        }
        if set.body.len() > BODY_BYTES_MAX
            || set.att.len() > ATTACHMENTS_MAX
            || set.men.len() > MENTIONS_MAX
        {
            return Err(ErrorCode::TooLarge.into());
        }
        let wrong = || ErrorBody::from(ErrorCode::BadRequest).with_text("at");
        let due: Timestamp = set.at.parse().map_err(|_| wrong())?;
        let due = due.as_millisecond();
        if due > now_ms() + LATER_DAYS_MAX * DAY_MS {
            return Err(wrong());
        }
        // What is past is sent now.
        let sent = due.max(now_ms());
        let ack_due = check_due(set.ack, set.due.as_deref(), sent)?;
        if ack_due.is_some_and(|ack_due| ack_due <= sent) {
            return Err(ErrorCode::DueOver.into());
        }
        self.may_write(&set.body)?;
        let new = NewLater {
            by: &self.me.person.id,
            set: &set,
            due,
            ack_due,
        };
        let store = self.me.acting(&self.app.store);
        store.keep_for_later(new).await.map_err(to_user)?;
        self.tell_later(&set.r).await
    }

    pub(super) async fn forget_later(&self, which: LaterRef) -> Answer<Done> {
        let me = &self.me.person.id;
        let store = self.me.acting(&self.app.store);
        let room = store.forget_later(me, &which.cid).await;
        self.tell_later(&room.map_err(to_user)?).await
    }

    pub(super) async fn send_now(&self, which: LaterRef) -> Answer<Done> {
        self.may_write("")?;
        let me = &self.me.person.id;
        let store = self.me.acting(&self.app.store);
        let room = store
            .make_due(me, &which.cid, which.noticed, now_ms())
            .await;
        self.tell_later(&room.map_err(to_user)?).await
    }

    async fn tell_later(&self, room: &RoomId) -> Answer<Done> {
        self.app.later.noted();
        let (store, me) = (&self.app.store, &self.me.person.id);
        later::tell(store, &self.app.switchboard, me, room, None)
            .await
            .map_err(to_user)?;
        Ok(Done {})
    }
}
