//! How far this person has read, and what has arrived on their devices.

use protocol::command::{Read, Recv};
use protocol::event::{ReadTo, Reader};
use protocol::limits::POSITIONS_MAX;
use protocol::{ErrorCode, LiveEvent};

use super::commands::{Answer, Done, to_user};
use super::connection::Client;

impl Client {
    pub(super) async fn mark_read(&self, read: &Read) -> Answer<Done> {
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
            if self.small.contains(&read.r) {
                let d = Reader { u: me.clone(), no };
                let r = read.r.clone();
                let told = LiveEvent::Read { r, d };
                self.app
                    .switchboard
                    .tell_room(&read.r, &told, Some(self.id))
                    .await;
            }
        }
        Ok(Done {})
    }

    // Answered before it is stored: a server that dies takes the connection with it, and the next `hello` tells how far
    // the database is.
    pub(super) fn received(&self, recv: Recv) -> Answer<Done> {
        if recv.no.len() > POSITIONS_MAX {
            return Err(ErrorCode::TooLarge.into());
        }
        if !recv.no.keys().all(|room| self.rooms.contains(room)) {
            return Err(ErrorCode::Forbidden.into());
        }
        let small = recv
            .no
            .into_iter()
            .filter(|(room, _)| self.small.contains(room));
        self.app.switchboard.received(&self.me.person.id, small)?;
        Ok(Done {})
    }
}
