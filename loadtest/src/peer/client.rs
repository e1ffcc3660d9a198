//! One XMPP client: SASL PLAIN over plain TCP, a resource, one room of XEP-0045.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};

use super::stanzas::{Stanza, Stanzas};
use crate::LoadError;
use crate::crowd::{BODY_BYTES, Schedule};
use crate::latency::Times;

/// The peer's host name, and its rooms' (`scripts/with-ejabberd.sh`).
const HOST: &str = "localhost";
const ROOMS: &str = "conference.localhost";
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// How long deliveries may lag behind the schedule.
const DELIVERED_WITHIN: Duration = Duration::from_secs(30);
/// Room for what is read at once; the same as of our own clients.
const BUFFER_BYTES: usize = 4_096;

/// A client.
pub(super) struct Client {
    person: u32,
    stream: TcpStream,
    stanzas: Stanzas,
    /// Tells this run's people and rooms from those of a run before, whom the peer may still be seeing off.
    tag: u32,
    room: String,
}

/// What it saw.
#[derive(Debug, Default)]
pub(super) struct Record {
    pub(super) person: u32,
    /// Numbers of the messages that arrived, in order.
    pub(super) seen: Vec<u32>,
    pub(super) sent: usize,
    pub(super) refused: usize,
    pub(super) in_window: usize,
    pub(super) times: Times,
    pub(super) late: Times,
}

impl Client {
    /// Opens a stream, signs in and binds a resource.
    pub(super) async fn connect(port: u16, tag: u32, person: u32) -> Result<Self, LoadError> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        let mut client = Self {
            person,
            stream,
            stanzas: Stanzas::default(),
            tag,
            room: String::new(),
        };
        let features = client.open().await?;
        if !features.contains("<mechanism>PLAIN</mechanism>") {
            return Err(LoadError::Protocol(format!("no SASL PLAIN: {features}")));
        }
        // RFC 4616; the peer admits everybody by any password.
        let plain = STANDARD.encode(format!("\0load{tag}-{person}\0parta-load"));
        let xmlns = "urn:ietf:params:xml:ns:xmpp-sasl";
        let auth = format!("<auth xmlns='{xmlns}' mechanism='PLAIN'>{plain}</auth>");
        let answer = client.ask(&auth, "/>").await?;
        if !answer.contains("<success") {
            return Err(LoadError::Protocol(answer));
        }
        client.open().await?;
        let bind = "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>\
            <resource>r</resource></bind></iq>";
        let answer = client.ask(bind, "</iq>").await?;
        if !answer.contains("type='result'") {
            return Err(LoadError::Protocol(answer));
        }
        Ok(client)
    }

    /// Enters a room and waits until the room says so.
    pub(super) async fn join(&mut self, room: usize) -> Result<(), LoadError> {
        self.room = format!("room{}-{room}@{ROOMS}", self.tag);
        let join = format!(
            "<presence to='{}/load{}'><x xmlns='http://jabber.org/protocol/muc'>\
             <history maxstanzas='0'/></x></presence>",
            self.room, self.person
        );
        // Status 110 is one's own presence (XEP-0045 §7.2.2), the last that a newcomer gets.
        self.ask(&join, "code='110'").await?;
        Ok(())
    }

    /// Sends what is due and reads until the room's `expected` messages have come, or long enough.
    pub(super) async fn stay(mut self, schedule: Schedule, expected: usize) -> Record {
        let mut record = Record {
            person: self.person,
            ..Record::default()
        };
        // A stream that broke is found by what is missing.
        let _ = self.send_and_read(&schedule, expected, &mut record).await;
        record
    }

    async fn send_and_read(
        &mut self,
        schedule: &Schedule,
        expected: usize,
        record: &mut Record,
    ) -> Result<(), LoadError> {
        let deadline = schedule.due(schedule.count) + DELIVERED_WITHIN;
        let mut next = schedule.first_of(self.person);
        let due = sleep_until(next.map_or(deadline, |k| schedule.due(k)));
        tokio::pin!(due);
        while record.seen.len() < expected || next.is_some() {
            self.stanzas.buffer.reserve(BUFFER_BYTES);
            tokio::select! {
                biased;
                () = &mut due => {
                    let Some(k) = next else { return Ok(()) };
                    self.say(k).await?;
                    record.sent += 1;
                    if schedule.measures(schedule.due(k)) {
                        record.late.push(schedule.due(k).elapsed());
                    }
                    next = schedule.next_after(k);
                    due.as_mut().reset(next.map_or(deadline, |k| schedule.due(k)));
                }
                read = self.stream.read_buf(&mut self.stanzas.buffer) => {
                    if read? == 0 {
                        return Err(LoadError::Closed(None));
                    }
                    self.take(schedule, record);
                }
            }
        }
        Ok(())
    }

    fn take(&mut self, schedule: &Schedule, record: &mut Record) {
        let now = Instant::now();
        while let Some(stanza) = self.stanzas.next_message() {
            match stanza {
                Stanza::Message(k) => {
                    record.seen.push(k);
                    record.in_window += usize::from(schedule.measures(now));
                    let due = schedule.due(k);
                    if schedule.measures(due) {
                        record.times.push(now.saturating_duration_since(due));
                    }
                }
                Stanza::Refused => record.refused += 1,
                Stanza::Other => {}
            }
        }
    }

    async fn say(&mut self, k: u32) -> Result<(), LoadError> {
        let message = format!(
            "<message to='{}' type='groupchat' id='{k}'><body>{}</body></message>",
            self.room,
            ".".repeat(BODY_BYTES)
        );
        Ok(self.stream.write_all(message.as_bytes()).await?)
    }

    async fn open(&mut self) -> Result<String, LoadError> {
        let open = format!(
            "<?xml version='1.0'?><stream:stream to='{HOST}' xmlns='jabber:client' \
             xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>"
        );
        self.ask(&open, "</stream:features>").await
    }

    async fn ask(&mut self, text: &str, until: &str) -> Result<String, LoadError> {
        self.stream.write_all(text.as_bytes()).await?;
        let answer = timeout(ANSWER_WITHIN, async {
            loop {
                if let Some(answer) = self.stanzas.take_through(until) {
                    return Ok(answer);
                }
                if self.stream.read_buf(&mut self.stanzas.buffer).await? == 0 {
                    return Err(LoadError::Closed(None));
                }
            }
        });
        answer
            .await
            .map_err(|_| LoadError::TimedOut("the peer's answer"))?
    }
}
