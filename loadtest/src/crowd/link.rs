//! A person's connection: `hello`, commands and their answers.

use std::collections::BTreeMap;
use std::time::Duration;

use protocol::command::{MsgSend, MsgSent, Recv};
use protocol::limits::RECV_SECONDS;
use protocol::{Command, ErrorBody, RoomId};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::line::{self, Line};
use super::member::{Member, Told};
use super::record::Room;
use crate::LoadError;
use crate::socket::wire::Wire;
use crate::socket::{hello, read};

/// Length of a message's text in bytes.
pub const BODY_BYTES: usize = 300;
/// Request id of `hello`; those of messages follow.
const HELLO: u32 = 1;

/// A connection on which `hello` was said.
pub(super) struct Link {
    pub(super) wire: Wire,
    /// Since when it is ready.
    pub(super) ready: Option<Instant>,
    next_id: u32,
    /// Request id, number and room of the message on its way.
    sending: Option<(u32, u32, usize)>,
    /// Request id of the last `recv`, while it is not answered.
    telling: Option<u32>,
    /// When the last one was sent.
    told: Instant,
}

// What a client needs of the answer to `hello`; the rest stays unread.
#[derive(Deserialize)]
struct Greeting {
    rooms: Vec<GreetingRoom>,
}

#[derive(Deserialize)]
struct GreetingRoom {
    id: RoomId,
    epoch: String,
    seq: i64,
}

impl Link {
    /// Connects and says `hello` with the person's positions.
    pub(super) async fn open(member: &Member) -> Result<Self, LoadError> {
        let mut wire = Wire::open(&member.address, &member.session).await?;
        let rooms = &member.record.rooms;
        let position = |room: &Room| (room.id.clone(), (room.epoch.clone(), room.last));
        let device = member.names.device(member.record.person)?;
        let hello = hello(device, rooms.iter().map(position).collect());
        wire.send(HELLO, &hello).await?;
        Ok(Self {
            wire,
            ready: None,
            next_id: HELLO + 1,
            sending: None,
            telling: None,
            told: Instant::now(),
        })
    }

    /// Whether the connection is ready and no message is on its way: the author's order is kept that way.
    pub(super) const fn may_send(&self) -> bool {
        self.ready.is_some() && self.sending.is_none()
    }
}

impl Member {
    pub(super) async fn say(&mut self, link: &mut Link) -> Result<(), LoadError> {
        let Some((k, first)) = self.outbox.take() else {
            return Ok(());
        };
        let Some(schedule) = self.outbox.schedule() else {
            return Ok(());
        };
        let due = schedule.due(k);
        if !first {
            self.record.counts.retries += 1;
        } else if schedule.measures(due) {
            self.record.late.push(due.elapsed());
        }
        // A person in several rooms writes to one after another.
        let round = k.checked_div(schedule.people).unwrap_or_default() as usize;
        let Some(room) = round.checked_rem(self.record.rooms.len()) else {
            return Err(LoadError::Protocol("a person without a room".to_owned()));
        };
        let send = Command::MsgSend(MsgSend {
            r: self.record.rooms[room].id.clone(),
            cid: self.names.cid(k)?,
            body: ".".repeat(BODY_BYTES),
            re: None,
            att: Vec::new(),
            men: Vec::new(),
            poll: None,
            fwd: None,
            ack: false,
            due: None,
            all: false,
            noticed: false,
        });
        let id = link.next_id;
        link.next_id += 1;
        link.sending = Some((id, k, room));
        link.wire.send(id, &send).await
    }

    /// Tells what has arrived, as a browser does: now and then, of all rooms at once.
    async fn receive(&mut self, link: &mut Link, now: Instant) -> Result<(), LoadError> {
        let wait = Duration::from_secs(RECV_SECONDS);
        if link.ready.is_none() || link.telling.is_some() || now < link.told + wait {
            return Ok(());
        }
        let rooms = self.record.rooms.iter_mut();
        let news = rooms.filter(|room| room.told < room.last).map(|room| {
            room.told = room.last;
            // No message has a number beyond its position, and the server takes none beyond the last.
            (room.id.clone(), room.last)
        });
        let no = news.collect::<BTreeMap<_, _>>();
        if no.is_empty() {
            return Ok(());
        }
        let id = link.next_id;
        link.next_id += 1;
        (link.telling, link.told) = (Some(id), now);
        link.wire.send(id, &Command::Recv(Recv { no })).await
    }

    pub(super) async fn frame(&mut self, link: &mut Link, text: &str) -> Result<(), LoadError> {
        let now = Instant::now();
        for line in text.split('\n').filter(|line| !line.is_empty()) {
            match line::read(line)? {
                Line::Message { room, seq, cid } => {
                    self.see(&room, seq, self.names.number(&cid), now);
                }
                Line::Event { room, seq } => self.see(&room, seq, None, now),
                Line::Ping => link.wire.owe_pong(),
                Line::Ready => {
                    link.ready = Some(now);
                    self.record.counts.connections += 1;
                    self.tell(Told::Ready {
                        person: self.record.person,
                        at: now,
                    });
                }
                Line::Reset { room } => self.page(&room).await?,
                Line::Bye { after } => self.bye = Some(after),
                Line::Reply(HELLO, answer) => self.greeted(answer)?,
                Line::Reply(i, answer) => self.answered(link, i, answer, now)?,
                Line::Other => {}
            }
        }
        self.receive(link, now).await
    }

    fn greeted(&mut self, answer: Result<&RawValue, ErrorBody>) -> Result<(), LoadError> {
        let greeting: Greeting = read("hello", answer)?;
        let rooms = &mut self.record.rooms;
        let first = rooms.is_empty();
        for GreetingRoom { id, epoch, seq } in greeting.rooms {
            if first {
                let (after, last, told, paged_to) = (seq, seq, seq, i64::MIN);
                rooms.push(Room {
                    id,
                    epoch,
                    after,
                    last,
                    told,
                    paged_to,
                });
            } else if !rooms
                .iter()
                .any(|room| room.id == id && room.epoch == epoch)
            {
                return Err(LoadError::Protocol(format!("{id} has another epoch")));
            }
        }
        Ok(())
    }

    fn answered(
        &mut self,
        link: &mut Link,
        i: u32,
        answer: Result<&RawValue, ErrorBody>,
        now: Instant,
    ) -> Result<(), LoadError> {
        if link.telling.take_if(|id| *id == i).is_some() {
            // Refused when too much waits: told with the next.
            return Ok(());
        }
        let Some((_, k, room)) = link.sending.take_if(|(id, ..)| *id == i) else {
            return Err(LoadError::Protocol(format!(
                "an answer to {i}, which was not asked"
            )));
        };
        match read::<MsgSent>("msg.send", answer) {
            Ok(sent) => {
                self.record.counts.sent += 1;
                self.record.counts.already_stored += usize::from(sent.dup);
                self.record.acked.push((k, room, sent.s));
                self.outbox.answered();
                self.tell_when_done();
            }
            Err(LoadError::Refused { body, .. }) if body.tmp => {
                let wait = Duration::from_millis(body.after.unwrap_or_default().into());
                self.outbox.put_off(now + wait);
            }
            Err(LoadError::Refused { .. }) => {
                self.record.counts.unsent += 1;
                self.outbox.answered();
                self.tell_when_done();
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }
}
