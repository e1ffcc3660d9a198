//! What a person of a crowd gets to see, over the connection and over HTTP.

use protocol::RoomEvent;
use tokio::time::Instant;

use super::member::Member;
use super::record::Seen;
use crate::LoadError;
use crate::http::history;

impl Member {
    /// Notes a durable event.
    pub(super) fn see(&mut self, room: &str, seq: i64, k: Option<u32>, now: Instant) {
        let rooms = &mut self.record.rooms;
        let Some(index) = rooms.iter().position(|known| known.id.as_str() == room) else {
            return;
        };
        let known = &mut rooms[index];
        if seq <= known.paged_to {
            return;
        }
        known.last = known.last.max(seq);
        self.record.seen.push(Seen {
            room: index,
            seq,
            k,
        });
        if let (Some(k), Some(schedule)) = (k, self.outbox.schedule()) {
            self.record.counts.in_window += usize::from(schedule.measures(now));
            let due = schedule.due(k);
            if schedule.measures(due) {
                self.record.times.push(now.saturating_duration_since(due));
            }
        }
    }

    /// Reads over HTTP what was too much for the connection.
    pub(super) async fn page(&mut self, room: &str) -> Result<(), LoadError> {
        let rooms = &self.record.rooms;
        let Some(index) = rooms.iter().position(|known| known.id.as_str() == room) else {
            return Ok(());
        };
        let known = &rooms[index];
        let (id, after) = (known.id.clone(), known.last);
        let events = history(&self.address, &self.session, &id, after).await?;
        for event in &events {
            let k = match event {
                RoomEvent::Msg { d, .. } => self.names.number(d.cid.as_str()),
                RoomEvent::MsgChanged { .. }
                | RoomEvent::MsgReacted { .. }
                | RoomEvent::Poll { .. }
                | RoomEvent::MsgAcked { .. }
                | RoomEvent::MsgReminded { .. }
                | RoomEvent::MsgPinned { .. }
                | RoomEvent::MsgExpired { .. }
                | RoomEvent::CallStarted { .. }
                | RoomEvent::CallEnded { .. } => None,
            };
            self.see(id.as_str(), event.seq(), k, Instant::now());
        }
        let known = &mut self.record.rooms[index];
        known.paged_to = known.last;
        Ok(())
    }
}
