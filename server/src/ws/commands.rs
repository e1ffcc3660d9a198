//! Commands of a connection that has said hello. Rights are checked here or in the store, for each.

use protocol::call::{CallRestarted, CallStart, CallStarted};
use protocol::command::{MsgSend, MsgSent, Read, Sync, Typing};
use protocol::event::{ReadTo, ResetTo, Who};
use protocol::limits::{ATTACHMENTS_MAX, BACKLOG_EVENTS_MAX, BODY_BYTES_MAX};
use protocol::{Command, ErrorBody, ErrorCode, LiveEvent};
use serde::Serialize;

use super::connection::Client;
use super::frames::{encode, reply_ok};
use crate::lessons::Asker;
use crate::store::{NewMessage, StoreError};
use crate::time::now_ms;

type Answer<T> = Result<T, ErrorBody>;

/// `{}`: done, nothing to tell.
#[derive(Serialize)]
struct Done {}

impl Client {
    pub(super) async fn command(&self, i: Option<u32>, command: Command) {
        match command {
            Command::MsgSend(send) => self.answer(i, self.send(send).await),
            Command::Sync(sync) => self.answer(i, self.sync(&sync).await),
            Command::Read(read) => self.answer(i, self.mark_read(&read).await),
            Command::Typing(typing) => self.answer(i, self.typing(typing).await),
            Command::CallStart(start) => self.answer(i, self.start_call(&start).await),
            Command::CallJoin(join) => {
                let joined = self.app.lessons.join(self.asker(), join).await;
                self.answer(i, joined);
            }
            Command::CallRestart(restart) => {
                let restarted = self
                    .app
                    .lessons
                    .restart(self.id, &restart.call, restart.sdp)
                    .await;
                self.answer(i, restarted.map(|sdp| CallRestarted { sdp }));
            }
            Command::CallSet(set) => {
                let done = self.app.lessons.set(self.id, &set).await;
                self.answer(i, done.map(|()| Done {}));
            }
            Command::CallView(view) => {
                let done = self.app.lessons.view(self.id, view).await;
                self.answer(i, done.map(|()| Done {}));
            }
            Command::CallLeave(which) => {
                let done = self.app.lessons.leave(self.id, &which.call).await;
                self.answer(i, done.map(|()| Done {}));
            }
            Command::CallEnd(which) => {
                let done = self.app.lessons.end(&self.me.person, &which.call).await;
                self.answer(i, done.map(|()| Done {}));
            }
            Command::Hello(_) => self.answer_err(i, ErrorCode::BadRequest.into()),
        }
    }

    fn answer<T: Serialize>(&self, i: Option<u32>, answer: Answer<T>) {
        match (i, answer) {
            (Some(i), Ok(ok)) => self.queue(reply_ok(i, ok)),
            (None, Ok(_)) => {}
            (i, Err(error)) => self.answer_err(i, error),
        }
    }

    fn asker(&self) -> Asker<'_> {
        Asker {
            conn: self.id,
            me: &self.me,
            device: self.device.as_ref(),
        }
    }

    async fn send(&self, mut send: MsgSend) -> Answer<MsgSent> {
        send.body = send.body.trim().to_owned();
        if send.body.is_empty() && send.att.is_empty() {
            return Err(ErrorCode::Empty.into());
        }
        if send.body.len() > BODY_BYTES_MAX || send.att.len() > ATTACHMENTS_MAX {
            return Err(ErrorCode::TooLarge.into());
        }
        // PostgreSQL cannot store it, and no text needs it.
        if send.body.contains('\0') {
            return Err(ErrorCode::BadRequest.into());
        }
        let new = NewMessage {
            by: &self.me.person.id,
            send: &send,
        };
        let stored = self
            .app
            .store
            .add_message(new, now_ms())
            .await
            .map_err(to_user)?;
        // Also after a repeated try: the first may have been committed by a server that died before publishing.
        self.app.switchboard.publish(&stored.event).await;
        Ok(MsgSent {
            id: stored.message.id,
            s: stored.event.seq(),
            no: stored.message.no,
            at: stored.message.at,
            dup: stored.dup,
        })
    }

    async fn sync(&self, sync: &Sync) -> Answer<Done> {
        let read = self
            .app
            .store
            .read_no(&sync.r, &self.me.person.id)
            .await
            .map_err(to_user)?;
        let (ep, s, no) = self.app.store.position(&sync.r).await.map_err(to_user)?;
        if sync.after < 0
            || s.saturating_sub(sync.after) > i64::from(BACKLOG_EVENTS_MAX)
            || sync.after > s
        {
            self.queue(encode(&LiveEvent::Reset {
                r: sync.r.clone(),
                d: ResetTo { ep, s, no, read },
            }));
            return Ok(Done {});
        }
        let events = self
            .app
            .store
            .events_after(&sync.r, sync.after, BACKLOG_EVENTS_MAX)
            .await
            .map_err(to_user)?;
        for event in &events {
            self.queue(encode(event));
        }
        Ok(Done {})
    }

    async fn mark_read(&self, read: &Read) -> Answer<Done> {
        let me = &self.me.person.id;
        let moved = self
            .app
            .store
            .mark_read(&read.r, me, read.no)
            .await
            .map_err(to_user)?;
        if let Some(no) = moved {
            let event = LiveEvent::URead {
                d: ReadTo {
                    r: read.r.clone(),
                    no,
                },
            };
            self.app.switchboard.tell_user(me, Some(self.id), &event);
        }
        Ok(Done {})
    }

    async fn typing(&self, typing: Typing) -> Answer<Done> {
        if !self.rooms.contains(&typing.r) {
            return Err(ErrorCode::Forbidden.into());
        }
        let event = LiveEvent::Typing {
            r: typing.r.clone(),
            d: Who {
                u: self.me.person.id.clone(),
            },
        };
        self.app
            .switchboard
            .tell_room(&typing.r, &event, Some(self.id))
            .await;
        Ok(Done {})
    }

    async fn start_call(&self, start: &CallStart) -> Answer<CallStarted> {
        let call = self.app.lessons.start(&self.me.person, &start.r).await?;
        Ok(CallStarted { call })
    }
}

/// What the user is told of a store's error; the rest goes to the log.
#[expect(clippy::needless_pass_by_value, reason = "used with map_err")]
pub(crate) fn to_user(error: StoreError) -> ErrorBody {
    match error {
        StoreError::Refused(code) => code.into(),
        StoreError::Database(_) | StoreError::Migration(_) | StoreError::Inconsistent(_) => {
            tracing::error!(%error, "the store failed");
            ErrorCode::Internal.into()
        }
    }
}
