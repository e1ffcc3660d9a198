//! The start of a connection: snapshot, catch-up, `ready`.

use std::collections::BTreeSet;

use protocol::command::Limits;
use protocol::event::ResetTo;
use protocol::limits::{
    ATTACHMENTS_MAX, BACKLOG_EVENTS_MAX, BODY_BYTES_MAX, FOCUS_ROOMS_MAX, FRAME_BYTES_MAX,
    MENTIONS_MAX, PING_SECONDS, PONG_SECONDS, POSITIONS_MAX,
};
use protocol::model::{OpenAck, RoomSummary};
use protocol::{CloseCode, ErrorCode, Hello, HelloOk, LiveEvent, RoomId, UserId, VERSION};

use super::connection::Client;
use super::frames::{encode, reply_ok};
use crate::http::inspections_told;
use crate::store::{StoreError, StoreResult};
use crate::time::{now_ms, rfc3339};

impl Client {
    /// Answers `hello`. `Err` ends the connection.
    pub(super) async fn hello(&mut self, i: Option<u32>, hello: &Hello) -> Result<(), CloseCode> {
        if hello.v != VERSION {
            self.answer_err(i, ErrorCode::UnsupportedVersion.into());
            return Err(CloseCode::ClientTooOld);
        }
        let focused = hello.focus.as_ref().map_or(0, Vec::len);
        if hello.pos.len() > POSITIONS_MAX || focused > FOCUS_ROOMS_MAX {
            self.answer_err(i, ErrorCode::TooLarge.into());
            return Err(CloseCode::BadFrame);
        }
        let failed = |error: StoreError| {
            tracing::error!(conn = self.id.0, %error, "hello failed");
            CloseCode::Overloaded
        };
        // Sessions end with their connections; this one may have ended before the connection could be found.
        let open = self.app.store.session(&self.me.session, now_ms());
        let open = open.await.map_err(failed)?;
        if open.is_none_or(|open| open.choose) {
            return Err(CloseCode::LoggedOut);
        }
        self.greet(i, hello).await.map_err(|error| {
            tracing::error!(conn = self.id.0, %error, "hello failed");
            CloseCode::Overloaded
        })
    }

    async fn greet(&mut self, i: Option<u32>, hello: &Hello) -> StoreResult<()> {
        let app = self.app.clone();
        let me = &self.me.person.id;
        // What changes from here on is looked at afterwards.
        self.connection.stale.take();
        let version = self.rooms_version().await?;
        // First the hub keeps what happens from now on, then the database tells what happened before.
        let rooms = app.store.room_ids_of(me).await?;
        app.switchboard.attach(self.id, &rooms).await;
        let mut summaries = app.store.rooms_of(me).await?;
        summaries.retain(|room| rooms.contains(&room.id));
        let mut people = app.store.acquaintances(me).await?;
        self.add_pictures(&mut people).await?;
        let notify = app.store.notify_of(me, now_ms()).await?;
        let is_staff = self.me.person.role.is_staff();
        let mut reports = app.store.report_news(me, is_staff).await?;
        inspections_told(&app, &self.me.person, &mut reports).await?;
        app.switchboard.came(self.id, me, &people);
        self.said_hello = true;
        self.take_in(&summaries);
        let standings: Vec<Standing> = summaries.iter().map(Standing::from).collect();
        let members: BTreeSet<UserId> = summaries
            .iter()
            .flat_map(|room| room.members.iter().cloned())
            .collect();
        let in_lessons = app.switchboard.in_lessons(members.iter());
        let ok = HelloOk {
            sid: self.id.0.to_string(),
            srv: rfc3339(now_ms()),
            ping: PING_SECONDS,
            pongto: PONG_SECONDS,
            lim: limits(app.config.file_bytes_max),
            me: self.me.person.clone(),
            direct: app.config.direct_messages,
            with_learners: app.store.learner_policy().await?,
            notify,
            reports,
            online: app
                .switchboard
                .online(people.iter().map(|person| &person.id)),
            lessons: in_lessons.iter().cloned().collect(),
            people,
            rooms: summaries,
        };
        if let Some(i) = i {
            self.queue(reply_ok(i, ok));
        }
        let queue = &self.connection.queue;
        app.switchboard
            .tell_lessons_since(queue, members.iter(), &in_lessons);
        let mut budget = i64::from(BACKLOG_EVENTS_MAX);
        for standing in standings {
            let room = standing.room.clone();
            let in_focus = hello
                .focus
                .as_ref()
                .is_none_or(|focus| focus.contains(&room));
            if in_focus {
                self.catch_up(hello.pos.get(&room), &standing, &mut budget)
                    .await?;
                app.switchboard.live(self.id, room, standing.seq).await;
            } else {
                app.switchboard.watch(self.id, room, standing.seq).await;
            }
        }
        self.chooses = hello.focus.is_some();
        self.focus = match &hello.focus {
            Some(focus) => focus
                .iter()
                .filter(|room| rooms.contains(room))
                .cloned()
                .collect(),
            None => rooms.clone(),
        };
        self.rooms = rooms;
        self.connection.stale.knows(version);
        self.queue(encode(&LiveEvent::Ready {}));
        app.lessons.connection_back(&self.me, &hello.dev, self.id);
        self.device = Some(hello.dev.clone());
        Ok(())
    }

    /// Queues what the client lacks of a room between its position and where the room stands, or `reset` when that
    /// is more than the budget.
    pub(super) async fn catch_up(
        &self,
        position: Option<&(String, i64)>,
        room: &Standing,
        budget: &mut i64,
    ) -> Result<(), StoreError> {
        let Some((epoch, position)) = position else {
            return Ok(());
        };
        let missing = room.seq.saturating_sub(*position);
        if *epoch != room.epoch || !(0..=*budget).contains(&missing) || *position < 0 {
            self.queue(encode(&room.reset()));
            return Ok(());
        }
        *budget -= missing;
        let events = self
            .app
            .store
            .events_between(&room.room, *position, room.seq)
            .await?;
        for event in &events {
            self.connection.queue.short().await;
            self.queue(encode(event));
        }
        Ok(())
    }
}

/// Where a room stands, for one of its members.
pub(super) struct Standing {
    pub(super) room: RoomId,
    pub(super) epoch: String,
    pub(super) seq: i64,
    pub(super) no: i64,
    pub(super) read: i64,
    pub(super) men: Vec<i64>,
    pub(super) acks: Vec<OpenAck>,
}

impl From<&RoomSummary> for Standing {
    fn from(room: &RoomSummary) -> Self {
        Self {
            room: room.id.clone(),
            epoch: room.epoch.clone(),
            seq: room.seq,
            no: room.no,
            read: room.read_no,
            men: room.men.clone(),
            acks: room.acks.clone(),
        }
    }
}

impl Standing {
    /// Tells a client to drop what it holds and page.
    pub(super) fn reset(&self) -> LiveEvent {
        LiveEvent::Reset {
            r: self.room.clone(),
            d: ResetTo {
                ep: self.epoch.clone(),
                s: self.seq,
                no: self.no,
                read: self.read,
                men: self.men.clone(),
                acks: self.acks.clone(),
            },
        }
    }
}

fn limits(file_bytes_max: u64) -> Limits {
    // The constants are far below 2^32.
    let small = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Limits {
        frame: small(FRAME_BYTES_MAX),
        body: small(BODY_BYTES_MAX),
        att: small(ATTACHMENTS_MAX),
        men: small(MENTIONS_MAX),
        file: file_bytes_max,
    }
}
