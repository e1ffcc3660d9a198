//! Commands of a connection that has said hello. Rights are checked here or in the store, for each.

use std::time::{Duration, Instant};

use protocol::call::{CallRestarted, CallStart, CallStarted};
use protocol::command::{Focus, MsgEdit, MsgSend, MsgSent, Sync, Typing};
use protocol::event::{ReadTo, Who};
use protocol::limits::{
    ATTACHMENTS_MAX, BACKLOG_EVENTS_MAX, BODY_BYTES_MAX, FOCUS_ROOMS_MAX, MENTIONS_MAX,
    TYPING_SECONDS,
};
use protocol::model::Forwarded;
use protocol::rules::RuleAction;
use protocol::{Command, ErrorBody, ErrorCode, LiveEvent, MessageId, RoomId, UserId};
use serde::Serialize;

use super::acks::check_due;
use super::connection::Client;
use super::frames::{encode, reply_ok};
use super::hello::Standing;
use super::polls;
use crate::App;
use crate::crash;
use crate::hub::ConnId;
use crate::lessons::Asker;
use crate::reports;
use crate::rules::refusal;
use crate::store::{Change, Concerned, NewMessage, StoreError};
use crate::time::now_ms;

/// How long a client is asked to wait when the database has a full disk, is away or the like.
const AFTER_TROUBLE_MS: u32 = 2_000;

pub(super) type Answer<T> = Result<T, ErrorBody>;

/// `{}`: done, nothing to tell.
#[derive(Serialize)]
pub(super) struct Done {}

impl Client {
    pub(super) async fn command(&mut self, i: Option<u32>, command: Command) {
        match command {
            Command::MsgSend(send) => self.answer(i, self.send(send).await),
            Command::MsgEdit(edit) => self.answer(i, self.edit(edit).await),
            Command::MsgDelete(which) => self.answer(i, self.change(which.id, None).await),
            Command::MsgReact(react) => self.answer(i, self.react(react).await),
            Command::PollVote(vote) => self.answer(i, self.vote(vote).await),
            Command::PollClose(which) => self.answer(i, self.close_poll(which.id).await),
            Command::MsgAck(which) => self.answer(i, self.acknowledge(which).await),
            Command::MsgRemind(which) => self.answer(i, self.remind(which).await),
            Command::MsgPin(pin) => self.answer(i, self.pin(pin).await),
            Command::Sync(sync) => self.answer(i, self.sync(&sync).await),
            Command::Focus(focus) => {
                let focused = self.focus_on(focus).await;
                self.answer(i, focused);
            }
            Command::Read(read) => self.answer(i, self.mark_read(&read).await),
            Command::Recv(recv) => self.answer(i, self.received(recv)),
            Command::Typing(typing) => {
                let told = self.typing(typing).await;
                self.answer(i, told);
            }
            Command::DraftSet(draft) => self.answer(i, self.keep_draft(draft).await),
            Command::LaterSet(later) => self.answer(i, self.keep_for_later(later).await),
            Command::LaterDelete(which) => self.answer(i, self.forget_later(which).await),
            Command::LaterNow(which) => self.answer(i, self.send_now(which).await),
            Command::Visible(visible) => {
                self.connection.seen(visible.on);
                self.answer(i, Ok(Done {}));
            }
            Command::NotifyRoom(wish) => self.answer(i, self.notify_room(&wish).await),
            Command::NotifyHours(wish) => self.answer(i, self.notify_hours(&wish).await),
            Command::NotifyPause(wish) => self.answer(i, self.notify_pause(wish).await),
            Command::NotifyLessons(wish) => self.answer(i, self.notify_lessons(wish).await),
            Command::CallStart(start) => self.answer(i, self.start_call(&start).await),
            Command::CallIce(which) => {
                let ice = self.app.lessons.ice(&self.me.person, &which.call).await;
                self.answer(i, ice);
            }
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
                let done = self.app.lessons.set(&self.me.person, self.id, &set).await;
                self.answer(i, done.map(|()| Done {}));
            }
            Command::CallView(view) => {
                let done = self.app.lessons.view(self.id, view).await;
                self.answer(i, done.map(|()| Done {}));
            }
            Command::CallStats(stats) => {
                let done = self.app.lessons.stats(self.id, &stats);
                self.answer(i, done.map(|()| Done {}));
            }
            Command::CallWatch(watch) => {
                let me = &self.me.person;
                let done = self.app.lessons.watch(me, self.id, &watch).await;
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
        if send.fwd.is_some() {
            return self.forward(send).await;
        }
        if send.body.is_empty() && send.att.is_empty() {
            return Err(ErrorCode::Empty.into());
        }
        if send.body.len() > BODY_BYTES_MAX
            || send.att.len() > ATTACHMENTS_MAX
            || send.men.len() > MENTIONS_MAX
        {
            return Err(ErrorCode::TooLarge.into());
        }
        check_due(send.ack, send.due.as_deref(), now_ms())?;
        if let Some(poll) = &mut send.poll {
            polls::check(poll, &send.body)?;
            if !send.att.is_empty() {
                return Err(ErrorCode::BadRequest.into());
            }
        }
        self.may_write(&send.body)?;
        let (app, me, conn) = (self.app.clone(), self.me.person.id.clone(), self.id);
        // On its own: a connection that ends between the commit and the publication must not keep it from the others.
        let sent =
            tokio::spawn(async move { store_and_publish(&app, &me, conn, (&send, None)).await });
        sent.await.unwrap_or_else(|error| {
            tracing::error!(%error, "storing a message panicked");
            Err(ErrorCode::Internal.into())
        })
    }

    /// Whether a text may be stored, now.
    pub(super) fn may_write(&self, body: &str) -> Answer<()> {
        // PostgreSQL cannot store it, and no text needs it.
        if body.contains('\0') {
            return Err(ErrorCode::BadRequest.into());
        }
        self.app
            .switchboard
            .may_send(&self.me.person.id)
            .map_err(|after| ErrorBody::from(ErrorCode::RateLimited).after_ms(after))
    }

    async fn edit(&self, edit: MsgEdit) -> Answer<Done> {
        let body = edit.body.trim();
        if body.len() > BODY_BYTES_MAX {
            return Err(ErrorCode::TooLarge.into());
        }
        self.may_write(body)?;
        self.change(edit.id, Some(body.to_owned())).await
    }

    /// Gives a message another text, or deletes it.
    async fn change(&self, id: MessageId, body: Option<String>) -> Answer<Done> {
        let (app, me) = (self.app.clone(), self.me.person.clone());
        // On its own, as a message that is sent.
        let changed = tokio::spawn(async move {
            let is_staff = me.role.is_staff();
            let fault = match &body {
                Some(body) => app.store.fault_of(me.role, body).await.map_err(to_user)?,
                None => None,
            };
            if let Some(fault) = fault
                && fault.action == RuleAction::Refuse
            {
                return Err(refusal(fault.reason).into());
            }
            let change = body
                .as_deref()
                .map_or(Change::Delete { is_staff }, Change::Edit);
            let changed = app
                .store
                .change_message(&id, &me.id, change, now_ms())
                .await;
            let changed = changed.map_err(to_user)?;
            // Also after a repeated try: the first may have been stored by a server that died then.
            if let Some(fault) = fault {
                let reported = app.store.report_by_rule(&id, fault.reason, now_ms()).await;
                if let Some(about) = reported.map_err(to_user)? {
                    let told = reports::tell(&app.store, &app.switchboard, &about).await;
                    told.map_err(to_user)?;
                }
            }
            let Some(event) = changed else {
                return Ok(Done {});
            };
            if body.is_none() {
                tracing::info!(message = %id, by = %me.id, "a message was deleted");
            }
            app.switchboard.publish(event).await;
            Ok(Done {})
        });
        changed.await.unwrap_or_else(|error| {
            tracing::error!(%error, "changing a message panicked");
            Err(ErrorCode::Internal.into())
        })
    }

    async fn sync(&self, sync: &Sync) -> Answer<Done> {
        let standing = self.standing(&sync.r).await?;
        let behind = standing.seq.saturating_sub(sync.after);
        if sync.after < 0 || !(0..=i64::from(BACKLOG_EVENTS_MAX)).contains(&behind) {
            self.queue(encode(&standing.reset()));
            return Ok(Done {});
        }
        let position = (standing.epoch.clone(), sync.after);
        let mut budget = behind;
        self.catch_up(Some(&position), &standing, &mut budget)
            .await
            .map_err(to_user)?;
        Ok(Done {})
    }

    async fn focus_on(&mut self, mut focus: Focus) -> Answer<Done> {
        if focus.r.len() > FOCUS_ROOMS_MAX {
            return Err(ErrorCode::TooLarge.into());
        }
        focus.r.sort();
        focus.r.dedup();
        if !focus.r.iter().all(|room| self.rooms.contains(room)) {
            return Err(ErrorCode::Forbidden.into());
        }
        let app = self.app.clone();
        let mut budget = i64::from(BACKLOG_EVENTS_MAX);
        for room in focus.r.iter().filter(|room| !self.focus.contains(room)) {
            app.switchboard
                .attach(self.id, std::slice::from_ref(room))
                .await;
            let standing = self.standing(room).await?;
            self.catch_up(focus.pos.get(room), &standing, &mut budget)
                .await
                .map_err(to_user)?;
            app.switchboard
                .live(self.id, room.clone(), standing.seq)
                .await;
        }
        for room in self.focus.iter().filter(|room| !focus.r.contains(room)) {
            let (_, seq, _) = app.store.position(room).await.map_err(to_user)?;
            app.switchboard.watch(self.id, room.clone(), seq).await;
        }
        self.focus = focus.r;
        self.chooses = true;
        Ok(Done {})
    }

    // Also tells whether this person is a member still.
    async fn standing(&self, room: &RoomId) -> Answer<Standing> {
        let (store, me) = (&self.app.store, &self.me.person.id);
        let read = store.read_no(room, me).await.map_err(to_user)?;
        let (epoch, seq, no) = store.position(room).await.map_err(to_user)?;
        // After the position: of what is before it none is missing.
        let men = store.unread_mentions(room, me).await.map_err(to_user)?;
        let acks = store.open_acks(me).await.map_err(to_user)?.remove(room);
        Ok(Standing {
            room: room.clone(),
            epoch,
            seq,
            no,
            read,
            men,
            acks: acks.unwrap_or_default(),
        })
    }

    async fn typing(&mut self, typing: Typing) -> Answer<Done> {
        if !self.rooms.contains(&typing.r) {
            return Err(ErrorCode::Forbidden.into());
        }
        if self.silent.contains(&typing.r) {
            return Err(ErrorCode::ReadOnly.into());
        }
        let now = Instant::now();
        let soon = |at: &Instant| now.duration_since(*at) < Duration::from_secs(TYPING_SECONDS);
        if self.typed.get(&typing.r).is_some_and(soon) {
            return Ok(Done {});
        }
        self.typed.insert(typing.r.clone(), now);
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

pub(super) async fn store_and_publish(
    app: &App,
    me: &UserId,
    conn: ConnId,
    (send, forwarded): (&MsgSend, Option<&Forwarded>),
) -> Answer<MsgSent> {
    let new = NewMessage { by: me, send };
    let asked = Instant::now();
    let stored = match forwarded {
        Some(from) => app.store.add_forward(new, from, now_ms()).await,
        None => app.store.add_message(new, now_ms()).await,
    };
    let stored = match stored {
        Err(StoreError::Refused(ErrorCode::Slow)) => return Err(slow(app, me, &send.r).await),
        other => other.map_err(to_user)?,
    };
    app.metrics.stored(asked.elapsed());
    let sent = MsgSent {
        id: stored.message.id,
        s: stored.event.seq(),
        no: stored.message.no,
        at: stored.message.at,
        dup: stored.dup,
    };
    let read = ReadTo {
        r: send.r.clone(),
        no: sent.no,
    };
    crash::at("before_publish");
    // Also after a repeated try: the first may have been committed by a server that died before publishing.
    app.switchboard.publish(stored.event).await;
    if stored.is_reported {
        let about = Concerned {
            room: send.r.clone(),
            about: me.clone(),
            reporters: Vec::new(),
        };
        reports::tell(&app.store, &app.switchboard, &about)
            .await
            .map_err(to_user)?;
    }
    app.switchboard
        .tell_user(me, Some(conn), &LiveEvent::URead { d: read });
    Ok(sent)
}

// Until when a slow room is closed to them.
async fn slow(app: &App, me: &UserId, room: &RoomId) -> ErrorBody {
    let over = app.store.pace_over(room, me).await.ok().flatten();
    let wait = over.map_or(0, |over| over.saturating_sub(now_ms()));
    let wait = u32::try_from(wait.max(0)).unwrap_or(u32::MAX);
    ErrorBody::from(ErrorCode::Slow).after_ms(wait)
}

/// What the user is told of a store's error; the rest goes to the log.
#[expect(clippy::needless_pass_by_value, reason = "used with map_err")]
pub(crate) fn to_user(error: StoreError) -> ErrorBody {
    match error {
        StoreError::Refused(code) => code.into(),
        StoreError::Database(_) | StoreError::Migration(_) | StoreError::Inconsistent(_) => {
            tracing::error!(%error, trouble = ?error.trouble(), "the store failed");
            if error.trouble().is_some() {
                return ErrorBody::from(ErrorCode::Overloaded).after_ms(AFTER_TROUBLE_MS);
            }
            ErrorCode::Internal.into()
        }
    }
}
