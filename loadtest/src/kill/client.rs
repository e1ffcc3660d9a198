//! A person with an outbox: a message is repeated under its name until the server takes it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use protocol::command::{MsgSend, MsgSent, Sync};
use protocol::{ClientId, Command, ErrorBody, LiveEvent, RoomEvent, RoomId};
use serde_json::value::RawValue;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::LoadError;
use crate::history::{Ack, Entry, Key};
use crate::http::{Address, Session, history};
use crate::socket::{Incoming, Socket, read};

/// Silence after which a connection counts as dead, and, once a person has nothing to send, the run as over.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// Pause before another try at a server that is not there or too busy.
const PAUSE: Duration = Duration::from_millis(20);

/// What the person saw and was told.
pub(super) struct Record {
    pub(super) name: String,
    pub(super) session: Session,
    pub(super) room: RoomId,
    /// Events as the client's rule let them through: the next position only.
    pub(super) live: Vec<Entry>,
    pub(super) acks: Vec<Ack>,
    pub(super) retries: usize,
    pub(super) already_stored: usize,
    pub(super) connections: usize,
}

/// A signed-in person.
pub(super) struct Client {
    name: String,
    session: Session,
    addresses: watch::Receiver<Address>,
    acked: Arc<watch::Sender<usize>>,
    /// Room and its epoch, known after the first `hello`.
    room: Option<(RoomId, String)>,
    live: Vec<Entry>,
    acks: Vec<Ack>,
    tries: usize,
    already_stored: usize,
    connections: usize,
}

/// A connection on which `hello` was answered.
struct Link {
    socket: Socket,
    room: RoomId,
    me: protocol::UserId,
    sending: Option<(u32, Key)>,
    syncing: Option<u32>,
}

impl Client {
    /// A person who writes to their only room.
    pub(super) fn new(
        number: usize,
        session: Session,
        addresses: watch::Receiver<Address>,
        acked: Arc<watch::Sender<usize>>,
    ) -> Self {
        Self {
            name: format!("load{number}"),
            session,
            addresses,
            acked,
            room: None,
            live: Vec::new(),
            acks: Vec::new(),
            tries: 0,
            already_stored: 0,
            connections: 0,
        }
    }

    /// Sends its messages one after another, over as many connections as it takes, and stays until it has seen
    /// everybody's.
    pub(super) async fn run(
        mut self,
        messages: usize,
        clients: usize,
    ) -> Result<Record, LoadError> {
        while let Err(error) = self.connection(messages, clients).await {
            if !error.may_pass() {
                return Err(error);
            }
            sleep(pause(&error)).await;
        }
        let (room, _) = self
            .room
            .ok_or_else(|| LoadError::Protocol("no room".to_owned()))?;
        Ok(Record {
            name: self.name,
            session: self.session,
            room,
            live: self.live,
            retries: self.tries - self.acks.len(),
            acks: self.acks,
            already_stored: self.already_stored,
            connections: self.connections,
        })
    }

    async fn connection(&mut self, messages: usize, clients: usize) -> Result<(), LoadError> {
        let mut link = self.open().await?;
        while self.acks.len() < messages || self.last() < as_seq(messages * clients) {
            if link.sending.is_none() && self.acks.len() < messages {
                self.say(&mut link).await?;
            }
            let Ok(incoming) = timeout(ANSWER_WITHIN, link.socket.next()).await else {
                if self.acks.len() == messages {
                    return Ok(());
                }
                return Err(LoadError::TimedOut("an answer"));
            };
            match incoming? {
                Incoming::Reply(i, answer) => self.answered(&mut link, i, answer).await?,
                Incoming::Room(event) => self.see(&mut link, &event).await?,
                Incoming::Live(LiveEvent::Reset { .. }) => self.page(&link.room).await?,
                Incoming::Live(_) => {}
            }
        }
        Ok(())
    }

    async fn open(&mut self) -> Result<Link, LoadError> {
        let address = self.addresses.borrow_and_update().clone();
        let mut socket = Socket::open(&address, &self.session).await?;
        let device = name(&format!("device-{}", self.name))?;
        let position =
            |(room, epoch): &(RoomId, String)| (room.clone(), (epoch.clone(), self.last()));
        let positions: BTreeMap<_, _> = self.room.iter().map(position).collect();
        let mut ok = timeout(ANSWER_WITHIN, socket.hello(device, positions))
            .await
            .map_err(|_| LoadError::TimedOut("the answer to hello"))??;
        self.connections += 1;
        let (Some(room), true) = (ok.rooms.pop(), ok.rooms.is_empty()) else {
            return Err(LoadError::Protocol("not exactly one room".to_owned()));
        };
        if self.room.is_none() && room.seq > 0 {
            self.page(&room.id).await?;
        }
        let found = (room.id.clone(), room.epoch);
        if self.room.get_or_insert_with(|| found.clone()) != &found {
            return Err(LoadError::Protocol(
                "the room or its epoch has changed".to_owned(),
            ));
        }
        Ok(Link {
            socket,
            room: room.id,
            me: ok.me.id,
            sending: None,
            syncing: None,
        })
    }

    async fn say(&mut self, link: &mut Link) -> Result<(), LoadError> {
        let cid = name(&format!("{}-{}", self.name, self.acks.len()))?;
        let key = Key {
            by: link.me.clone(),
            cid: cid.clone(),
        };
        let send = MsgSend {
            r: link.room.clone(),
            body: format!("Message {} of {}", self.acks.len(), self.name),
            cid,
            re: None,
            att: Vec::new(),
        };
        self.tries += 1;
        let id = link.socket.send(&Command::MsgSend(send)).await?;
        link.sending = Some((id, key));
        Ok(())
    }

    async fn answered(
        &mut self,
        link: &mut Link,
        i: u32,
        answer: Result<Box<RawValue>, ErrorBody>,
    ) -> Result<(), LoadError> {
        if link.syncing == Some(i) {
            link.syncing = None;
            answer.map_err(|body| LoadError::Refused {
                command: "sync",
                body,
            })?;
            return Ok(());
        }
        let Some((_, key)) = link.sending.take_if(|(id, _)| *id == i) else {
            return Err(LoadError::Protocol(format!(
                "an answer to {i}, which was not asked"
            )));
        };
        match read::<MsgSent>("msg.send", answer) {
            Ok(sent) => {
                self.already_stored += usize::from(sent.dup);
                let (room, seq) = (link.room.clone(), sent.s);
                self.acks.push(Ack { room, key, seq });
                self.acked.send_modify(|acked| *acked += 1);
            }
            Err(LoadError::Refused { body, .. }) if body.tmp => {
                sleep(
                    body.after
                        .map_or(PAUSE, |ms| Duration::from_millis(ms.into())),
                )
                .await;
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    // The rule of docs/PROTOCOL.md: the next position is taken, an old one dropped, a gap asked for.
    async fn see(&mut self, link: &mut Link, event: &RoomEvent) -> Result<(), LoadError> {
        let next = self.last() + 1;
        if event.seq() == next {
            self.live.push(Entry::from(event));
        } else if event.seq() > next && link.syncing.is_none() {
            let (r, after) = (link.room.clone(), self.last());
            link.syncing = Some(link.socket.send(&Command::Sync(Sync { r, after })).await?);
        }
        Ok(())
    }

    async fn page(&mut self, room: &RoomId) -> Result<(), LoadError> {
        let address = self.addresses.borrow().clone();
        let events = history(&address, &self.session, room, self.last()).await?;
        self.live.extend(events.iter().map(Entry::from));
        Ok(())
    }

    fn last(&self) -> i64 {
        self.live.last().map_or(0, |entry| entry.seq)
    }
}

fn pause(error: &LoadError) -> Duration {
    if let LoadError::Busy(wait) = error {
        *wait
    } else {
        PAUSE
    }
}

fn name(text: &str) -> Result<ClientId, LoadError> {
    ClientId::parse(text).map_err(|kind| LoadError::Protocol(kind.to_owned()))
}

fn as_seq(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
