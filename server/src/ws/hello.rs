//! The start of a connection: snapshot, catch-up, `ready`.

use protocol::command::Limits;
use protocol::event::ResetTo;
use protocol::limits::{
    ATTACHMENTS_MAX, BACKLOG_EVENTS_MAX, BODY_BYTES_MAX, FRAME_BYTES_MAX, PING_SECONDS,
    PONG_SECONDS, POSITIONS_MAX,
};
use protocol::model::RoomSummary;
use protocol::{CloseCode, ErrorCode, Hello, HelloOk, LiveEvent, VERSION};

use super::connection::Client;
use super::frames::{encode, reply_ok};
use crate::store::{StoreError, StoreResult};
use crate::time::{now_ms, rfc3339};

impl Client {
    /// Answers `hello`. `Err` ends the connection.
    pub(super) async fn hello(&mut self, i: Option<u32>, hello: &Hello) -> Result<(), CloseCode> {
        if hello.v != VERSION {
            self.answer_err(i, ErrorCode::UnsupportedVersion.into());
            return Err(CloseCode::ClientTooOld);
        }
        if hello.pos.len() > POSITIONS_MAX {
            self.answer_err(i, ErrorCode::TooLarge.into());
            return Err(CloseCode::BadFrame);
        }
        self.greet(i, hello).await.map_err(|error| {
            tracing::error!(conn = self.id.0, %error, "hello failed");
            CloseCode::Overloaded
        })
    }

    async fn greet(&mut self, i: Option<u32>, hello: &Hello) -> StoreResult<()> {
        let app = self.app.clone();
        let me = &self.me.person.id;
        // First the hub keeps what happens from now on, then the database tells what happened before.
        let rooms = app
            .store
            .rooms_of(me)
            .await?
            .into_iter()
            .map(|room| room.id)
            .collect::<Vec<_>>();
        app.switchboard.attach(self.id, &rooms).await;
        app.switchboard.came(self.id, me, &rooms).await;
        self.said_hello = true;
        let mut summaries = app.store.rooms_of(me).await?;
        summaries.retain(|room| rooms.contains(&room.id));
        let people = app.store.acquaintances(me).await?;
        let ok = HelloOk {
            sid: self.id.0.to_string(),
            srv: rfc3339(now_ms()),
            ping: PING_SECONDS,
            pongto: PONG_SECONDS,
            lim: limits(app.config.file_bytes_max),
            me: self.me.person.clone(),
            online: app
                .switchboard
                .online(people.iter().map(|person| &person.id)),
            people,
            rooms: summaries.clone(),
        };
        if let Some(i) = i {
            self.queue(reply_ok(i, ok));
        }
        self.rooms = rooms;
        let mut budget = i64::from(BACKLOG_EVENTS_MAX);
        for room in &summaries {
            self.catch_up(hello, room, &mut budget).await?;
            app.switchboard
                .live(self.id, room.id.clone(), room.seq)
                .await;
        }
        self.queue(encode(&LiveEvent::Ready {}));
        app.lessons.connection_back(&self.me, &hello.dev, self.id);
        self.device = Some(hello.dev.clone());
        Ok(())
    }

    // What the client lacks of a room between its position and the snapshot.
    async fn catch_up(
        &self,
        hello: &Hello,
        room: &RoomSummary,
        budget: &mut i64,
    ) -> Result<(), StoreError> {
        let Some((epoch, position)) = hello.pos.get(&room.id) else {
            return Ok(());
        };
        let missing = room.seq.saturating_sub(*position);
        if *epoch != room.epoch || !(0..=*budget).contains(&missing) || *position < 0 {
            let d = ResetTo {
                ep: room.epoch.clone(),
                s: room.seq,
                no: room.no,
                read: room.read_no,
            };
            self.queue(encode(&LiveEvent::Reset {
                r: room.id.clone(),
                d,
            }));
            return Ok(());
        }
        *budget -= missing;
        for event in self
            .app
            .store
            .events_between(&room.id, *position, room.seq)
            .await?
        {
            self.queue(encode(&event));
        }
        Ok(())
    }
}

fn limits(file_bytes_max: u64) -> Limits {
    // The constants are far below 2^32.
    let small = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Limits {
        frame: small(FRAME_BYTES_MAX),
        body: small(BODY_BYTES_MAX),
        att: small(ATTACHMENTS_MAX),
        file: file_bytes_max,
    }
}
