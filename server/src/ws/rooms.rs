//! A person's rooms change while a connection is open: they are taken into a room or out of it, its name, its members or
//! the rights in it become others. The connection looks into the database and tells what it finds.

use protocol::event::{NewRoom, RoomLeft};
use protocol::limits::READ_TOLD_MEMBERS_MAX;
use protocol::model::RoomSummary;
use protocol::room::Right;
use protocol::{CloseCode, LiveEvent, RoomId, UserId};

use super::connection::Client;
use super::frames::encode;
use super::switchboard::Rooms;
use crate::store::StoreResult;

impl Client {
    /// Takes up what has changed, if it has. `Err` ends the connection.
    pub(super) async fn look_at_rooms(&mut self) -> Result<(), CloseCode> {
        let stale = self.connection.stale.take();
        if stale == Rooms::default() {
            return Ok(());
        }
        self.renew(&stale).await.map_err(|error| {
            tracing::error!(conn = self.id.0, %error, "changed rooms could not be read");
            CloseCode::Overloaded
        })
    }

    async fn renew(&mut self, stale: &Rooms) -> StoreResult<()> {
        let app = self.app.clone();
        let me = self.me.person.id.clone();
        let version = self.rooms_version().await?;
        let mut rooms = app.store.room_ids_of(&me).await?;
        let gone: Vec<RoomId> = self
            .rooms
            .extract_if(.., |room| !rooms.contains(room))
            .collect();
        self.focus.retain(|room| !gone.contains(room));
        for r in gone {
            // When this is done nothing more of the room is queued.
            app.switchboard.leave(self.id, r.clone()).await;
            self.queue(encode(&LiveEvent::ULeft { d: RoomLeft { r } }));
        }
        let fresh: Vec<RoomId> = rooms
            .iter()
            .filter(|room| !self.rooms.contains(room))
            .cloned()
            .collect();
        // First the hub keeps what happens, then the database is read: as with `hello`.
        app.switchboard.attach(self.id, &fresh).await;
        let summaries = app.store.rooms_of(&me).await?;
        for room in fresh
            .iter()
            .filter(|room| summaries.iter().all(|one| one.id != **room))
        {
            app.switchboard.leave(self.id, room.clone()).await;
        }
        rooms.retain(|room| summaries.iter().any(|one| one.id == *room));
        self.take_in(&summaries);
        for room in summaries {
            let is_new = fresh.contains(&room.id);
            if !rooms.contains(&room.id) || !(is_new || stale.contains(&room.id)) {
                continue;
            }
            let (id, seq) = (room.id.clone(), room.seq);
            self.tell_of(room).await?;
            if !is_new {
                continue;
            }
            if self.chooses {
                app.switchboard.watch(self.id, id, seq).await;
            } else {
                self.focus.push(id.clone());
                app.switchboard.live(self.id, id, seq).await;
            }
        }
        self.rooms = rooms;
        self.connection.stale.knows(version);
        Ok(())
    }

    async fn tell_of(&self, room: RoomSummary) -> StoreResult<()> {
        let mut people = self.app.store.people_of(&room.id).await?;
        self.add_pictures_in(&room.id, &mut people).await?;
        let online = self.app.switchboard.online(room.members.iter());
        let members = room.members.clone();
        let switchboard = &self.app.switchboard;
        let in_lessons = switchboard.in_lessons(members.iter());
        let d = Box::new(NewRoom {
            lessons: in_lessons.iter().cloned().collect(),
            room,
            people,
            online,
        });
        let queue = &self.connection.queue;
        queue.short().await;
        self.queue(encode(&LiveEvent::URoom { d }));
        switchboard.tell_lessons_since(queue, members.iter(), &in_lessons);
        Ok(())
    }

    /// Remembers what commands ask of rooms, so that they need not ask the database.
    pub(super) fn take_in(&mut self, summaries: &[RoomSummary]) {
        let which = |fits: &dyn Fn(&RoomSummary) -> bool| -> Vec<RoomId> {
            let fitting = summaries.iter().filter(|room| fits(room));
            fitting.map(|room| room.id.clone()).collect()
        };
        self.small = which(&|room| room.members.len() <= READ_TOLD_MEMBERS_MAX);
        self.silent = which(&|room| !room.can.contains(&Right::Write));
    }

    /// The number that tells later whether these rooms are still what they are.
    pub(super) async fn rooms_version(&self) -> StoreResult<i64> {
        let me: &UserId = &self.me.person.id;
        let versions = self
            .app
            .store
            .rooms_versions(std::slice::from_ref(me))
            .await?;
        Ok(versions.get(me).copied().unwrap_or_default())
    }
}
