//! One connection of a person.

use std::cmp::Ordering;
use std::time::Duration;

use protocol::command::{MsgSend, MsgSent, Sync};
use protocol::{ClientId, Command, ErrorBody, LiveEvent, RoomEvent, RoomId, UserId};
use serde_json::value::RawValue;
use tokio::time::{Instant, timeout};

use super::{ANSWER_WITHIN, Joined, PAUSE, Writer};
use crate::LoadError;
use crate::history::{Ack, Entry, Key};
use crate::http::{Address, page};
use crate::socket::{Incoming, Socket, read};

/// docs/PROTOCOL.md: how long a client waits for the events before one that it has.
const GAP: Duration = Duration::from_millis(300);

/// A connection on which `hello` was answered.
pub(super) struct Link {
    pub(super) socket: Socket,
    pub(super) heard: Instant,
    pub(super) sending: Option<(u32, Instant)>,
    address: Address,
    room: RoomId,
    me: UserId,
    syncing: Option<(u32, Instant)>,
    /// Since when an event is missing.
    gap: Option<Instant>,
}

impl Link {
    /// When to look at the connection next, if nothing comes.
    pub(super) fn wake(&self) -> Instant {
        let asked = [self.sending, self.syncing].into_iter().flatten();
        let answers = asked.map(|(_, at)| at + ANSWER_WITHIN);
        let gap = self.gap.filter(|_| self.syncing.is_none());
        let gap = gap.map(|since| since + GAP);
        answers
            .chain(gap)
            .min()
            .unwrap_or(self.heard + super::SILENCE)
    }
}

impl Writer<'_> {
    pub(super) async fn open(&mut self) -> Result<Link, LoadError> {
        let address = {
            let addresses = self.person.addresses.borrow_and_update();
            let at = self.person.at.checked_rem(addresses.len());
            let address = at.and_then(|at| addresses.get(at)).cloned();
            address.ok_or_else(|| LoadError::Address("none".to_owned()))?
        };
        let mut socket = if self.person.habits.over_http {
            Socket::over_http(&address, &self.person.session)
        } else {
            Socket::open(&address, &self.person.session).await?
        };
        let device = name(&format!("device-{}", self.name))?;
        let position = |room: &Joined| (room.id.clone(), (room.epoch.clone(), self.last()));
        let positions = self.room.iter().map(position).collect();
        let mut ok = socket.hello(device, positions).await?;
        let (Some(room), true) = (ok.rooms.pop(), ok.rooms.is_empty()) else {
            return Err(LoadError::Protocol("not exactly one room".to_owned()));
        };
        let joined = self.room.get_or_insert_with(|| Joined {
            id: room.id.clone(),
            epoch: room.epoch.clone(),
            after: room.seq,
        });
        if (&joined.id, &joined.epoch) != (&room.id, &room.epoch) {
            let text = "the room or its epoch has changed".to_owned();
            return Err(LoadError::Protocol(text));
        }
        self.counts.connections += 1;
        self.held.clear();
        Ok(Link {
            socket,
            heard: Instant::now(),
            sending: None,
            address,
            room: room.id,
            me: ok.me.id,
            syncing: None,
            gap: None,
        })
    }

    pub(super) async fn say(&mut self, link: &mut Link) -> Result<(), LoadError> {
        // A second try of the same message.
        self.counts.retries += usize::from(self.owes());
        self.tries += 1;
        let number = self.acks.len();
        let mut body = format!("Message {number} of {}", self.name);
        let more = self.person.habits.body_bytes.saturating_sub(body.len());
        body.push_str(&".".repeat(more));
        let send = MsgSend {
            r: link.room.clone(),
            body,
            cid: self.cid(number)?,
            re: None,
            att: Vec::new(),
            men: Vec::new(),
            poll: None,
            fwd: None,
            ack: false,
            due: None,
            all: false,
            noticed: false,
        };
        let id = link.socket.send(&Command::MsgSend(send)).await?;
        link.sending = Some((id, Instant::now()));
        Ok(())
    }

    fn cid(&self, number: usize) -> Result<ClientId, LoadError> {
        name(&format!("{}-{}-{number}", self.person.tag, self.name))
    }

    pub(super) async fn take(
        &mut self,
        link: &mut Link,
        incoming: Incoming,
    ) -> Result<(), LoadError> {
        match incoming {
            Incoming::Reply(i, answer) => self.answered(link, i, answer)?,
            Incoming::Room(event) => self.see(link, &event),
            Incoming::Live(LiveEvent::Reset { .. }) => self.page(link).await?,
            Incoming::Live(LiveEvent::Lag { .. }) => {
                self.counts.lags += 1;
                self.sync(link).await?;
            }
            Incoming::Live(LiveEvent::Bye { d }) => {
                self.bye = Some(Duration::from_millis(d.after.into()));
            }
            Incoming::Live(_) => {}
        }
        Ok(())
    }

    fn answered(
        &mut self,
        link: &mut Link,
        i: u32,
        answer: Result<Box<RawValue>, ErrorBody>,
    ) -> Result<(), LoadError> {
        if link.syncing.take_if(|(id, _)| *id == i).is_some() {
            // What came during the answer and continues it was held.
            link.gap = (!self.held.is_empty()).then(Instant::now);
            let refused = |body| LoadError::Refused {
                command: "sync",
                body,
            };
            return answer.map(drop).map_err(refused);
        }
        if link.sending.take_if(|(id, _)| *id == i).is_none() {
            let text = format!("an answer to {i}, which was not asked");
            return Err(LoadError::Protocol(text));
        }
        match read::<MsgSent>("msg.send", answer) {
            Ok(sent) => {
                self.counts.already_stored += usize::from(sent.dup);
                let cid = self.cid(self.acks.len())?;
                let key = Key {
                    by: link.me.clone(),
                    cid,
                };
                let (room, seq) = (link.room.clone(), sent.s);
                self.acks.push(Ack { room, key, seq });
                self.not_before = Instant::now() + self.person.habits.pause;
            }
            Err(LoadError::Refused { body, .. }) if body.tmp => {
                let asked = body.after.map(|ms| Duration::from_millis(ms.into()));
                self.not_before = Instant::now() + asked.unwrap_or(PAUSE);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    // The rule of docs/PROTOCOL.md: the next position is taken, an old one dropped, a gap waited for and asked for.
    fn see(&mut self, link: &mut Link, event: &RoomEvent) {
        if *event.room() != link.room {
            self.counts.strangers += 1;
            return;
        }
        if event.seq() > self.last() {
            self.held.insert(event.seq(), Entry::from(event));
        }
        self.fit(link);
    }

    fn fit(&mut self, link: &mut Link) {
        loop {
            let next = self.last() + 1;
            let Some(first) = self.held.first_entry() else {
                break;
            };
            match first.key().cmp(&next) {
                Ordering::Less => drop(first.remove()),
                Ordering::Equal => self.live.push(first.remove()),
                Ordering::Greater => {
                    link.gap.get_or_insert_with(Instant::now);
                    return;
                }
            }
        }
        link.gap = None;
    }

    /// Something is due: a gap to ask for, or an answer that did not come.
    pub(super) async fn look(&mut self, link: &mut Link) -> Result<(), LoadError> {
        let now = Instant::now();
        let late =
            |asked: Option<(u32, Instant)>| asked.is_some_and(|(_, at)| now >= at + ANSWER_WITHIN);
        if late(link.sending) || late(link.syncing) || now >= link.heard + super::SILENCE {
            return Err(LoadError::TimedOut("an answer"));
        }
        if link.syncing.is_none() && link.gap.is_some_and(|since| now >= since + GAP) {
            self.sync(link).await?;
        }
        Ok(())
    }

    async fn sync(&mut self, link: &mut Link) -> Result<(), LoadError> {
        if link.syncing.is_none() {
            let (r, after) = (link.room.clone(), self.last());
            let id = link.socket.send(&Command::Sync(Sync { r, after })).await?;
            link.syncing = Some((id, Instant::now()));
        }
        Ok(())
    }

    async fn page(&mut self, link: &mut Link) -> Result<(), LoadError> {
        let mut more = true;
        while more {
            let asked = page(&link.address, &self.person.session, &link.room, self.last());
            let answer = timeout(ANSWER_WITHIN, asked).await;
            let (events, left) = answer.map_err(|_| LoadError::TimedOut("a page"))??;
            // What was read stays, also when the next page does not come.
            self.live.extend(events.iter().map(Entry::from));
            more = left;
        }
        self.fit(link);
        Ok(())
    }
}

fn name(text: &str) -> Result<ClientId, LoadError> {
    ClientId::parse(text).map_err(|kind| LoadError::Protocol(kind.to_owned()))
}
