//! `notify.room`, `notify.hours`, `notify.pause`, `notify.lessons`: what this person wants to be told of, on all their devices.

use protocol::limits::SILENCE_MINUTES_MAX;
use protocol::notify::{NotifyHours, NotifyLessons, NotifyPause, NotifyRoom, SilenceFor};
use protocol::{ErrorCode, LiveEvent};

use super::commands::{Answer, Done, to_user};
use super::connection::Client;
use crate::notify::{FOREVER, are_hours};
use crate::time::now_ms;

impl Client {
    pub(super) async fn notify_room(&self, wish: &NotifyRoom) -> Answer<Done> {
        let until = until(wish.mute, now_ms())?;
        let (store, me) = (&self.app.store, &self.me.person.id);
        let set = store.set_room_notify(me, &wish.r, wish.level, until).await;
        set.map_err(to_user)?;
        self.notify_changed().await
    }

    pub(super) async fn notify_hours(&self, wish: &NotifyHours) -> Answer<Done> {
        if !wish.hours.as_ref().is_none_or(are_hours) {
            return Err(ErrorCode::BadRequest.into());
        }
        let (store, me) = (&self.app.store, &self.me.person.id);
        let set = store.set_quiet_hours(me, wish.hours.as_ref()).await;
        set.map_err(to_user)?;
        self.notify_changed().await
    }

    pub(super) async fn notify_pause(&self, wish: NotifyPause) -> Answer<Done> {
        let until = until(wish.pause, now_ms())?;
        let (store, me) = (&self.app.store, &self.me.person.id);
        store.set_pause(me, until).await.map_err(to_user)?;
        self.notify_changed().await
    }

    pub(super) async fn notify_lessons(&self, wish: NotifyLessons) -> Answer<Done> {
        let (store, me) = (&self.app.store, &self.me.person.id);
        let set = store.set_told_in_lessons(me, wish.on).await;
        set.map_err(to_user)?;
        self.notify_changed().await
    }

    // This connection too: it learns when a silence ends.
    async fn notify_changed(&self) -> Answer<Done> {
        let me = &self.me.person.id;
        let now = self.app.store.notify_of(me, now_ms()).await;
        let d = Box::new(now.map_err(to_user)?);
        let event = LiveEvent::UNotify { d };
        self.app.switchboard.tell_user(me, None, &event);
        Ok(Done {})
    }
}

// Milliseconds since 1970 at which a silence ends that begins now.
fn until(silence: Option<SilenceFor>, now: i64) -> Answer<Option<i64>> {
    let Some(silence) = silence else {
        return Ok(None);
    };
    match silence.minutes {
        None => Ok(Some(FOREVER)),
        Some(minutes) if (1..=SILENCE_MINUTES_MAX).contains(&minutes) => {
            Ok(Some(now + i64::from(minutes) * 60_000))
        }
        Some(_) => Err(ErrorCode::BadRequest.into()),
    }
}
