//! A connection to the mailbox. IMAP (RFC 3501) is async-imap's; TLS, times and sizes are ours. Of a mail only its number, its
//! size and its bytes are asked for, so that nothing of what strangers wrote is parsed as IMAP.

use std::collections::HashSet;
use std::future::Future;
use std::io::ErrorKind;
use std::time::Duration;

use async_imap::error::{Error, Result as Said};
use async_imap::extensions::idle::Handle;
use async_imap::imap_proto::{
    AttributeValue, MailboxDatum, MessageSection, Response, SectionPath, Status,
};
use async_imap::types::UnsolicitedResponse;
use async_imap::{Authenticator, Client, Session};
use protocol::limits::{IMAP_STEP_SECONDS, MAIL_HEAD_BYTES_MAX};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::meter::{Meter, Wire};
use super::{Gate, Password};
use crate::mail::settings::MailTls;
use crate::store::StoreError;

const STEP: Duration = Duration::from_secs(IMAP_STEP_SECONDS);
/// Bytes in a second that a mail comes with at least.
const SLOWEST: u64 = 16 * 1_024;
/// Bytes that a server may say to a command besides a mail: a folder's list of numbers is the longest.
const TALK_BYTES: u64 = 1_024 * 1_024;
/// After so long a wait for news a folder is looked into anyway: news may get lost, and servers end a long wait (RFC 2177).
const IDLE: Duration = Duration::from_secs(5 * 60);

/// Why a mailbox is not to be had. Says nothing that the server said: addresses and mails could be in it.
#[derive(Debug, thiserror::Error)]
pub(super) enum Away {
    #[error("it cannot be reached: {0}")]
    Connect(std::io::Error),
    #[error("no TLS with it: {0}")]
    Tls(std::io::Error),
    #[error("it refuses the user or the password")]
    SignIn,
    #[error("it refuses a command: {0}")]
    Refused(&'static str),
    #[error("it takes too long")]
    Slow,
    #[error("the connection broke off")]
    Lost,
    #[error("it cannot be understood")]
    Nonsense,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Away {
    fn of(error: &Error, what: &'static str) -> Self {
        match error {
            Error::No(_) | Error::Bad(_) => Self::Refused(what),
            Error::ConnectionLost => Self::Lost,
            // The library's own are of no kind.
            Error::Io(error)
                if !matches!(error.kind(), ErrorKind::Other | ErrorKind::FileTooLarge) =>
            {
                Self::Lost
            }
            Error::Io(_) | Error::Parse(_) | Error::Validate(_) | Error::Append => Self::Nonsense,
            _ => Self::Nonsense,
        }
    }
}

/// A mail, before it is fetched.
#[derive(Debug)]
pub(super) struct Head {
    /// Its size, as the server says.
    pub(super) size: u64,
    /// Its head, or the beginning of one that is too long.
    pub(super) bytes: Vec<u8>,
}

/// What the server has of a mail.
#[derive(Debug)]
pub(super) enum Found<T> {
    /// This.
    Here(T),
    /// Nothing: it is not there any more.
    Gone,
    /// The mail, and it does not give it out now.
    Kept,
}

/// How many mails there are, as was told last, and whether that were more than before.
#[derive(Debug)]
struct Count {
    exists: u32,
    news: bool,
}

impl Count {
    // Some servers tell the number at every command.
    const fn exists(&mut self, exists: u32) {
        self.news |= exists > self.exists;
        self.exists = exists;
    }

    const fn expunged(&mut self) {
        self.exists = self.exists.saturating_sub(1);
    }

    fn heed(&mut self, told: &UnsolicitedResponse) {
        if let UnsolicitedResponse::Exists(exists) = told {
            self.exists(*exists);
        } else if matches!(told, UnsolicitedResponse::Expunge(_)) {
            self.expunged();
        }
    }
}

type Talk = Session<Meter<Box<dyn Wire>>>;

/// A connection that has signed in and selected the folder.
#[derive(Debug)]
pub(super) struct Line {
    talk: Talk,
    /// UIDVALIDITY of the folder.
    pub(super) validity: u32,
    count: Count,
    can_idle: bool,
    can_move: bool,
    /// Folders that are known to be there.
    made: HashSet<String>,
}

impl Line {
    /// Signs in and selects the folder.
    pub(super) async fn open(gate: &Gate, folder: &str) -> Result<Self, Away> {
        let mut talk = sign_in(gate, connect(gate).await?).await?;
        let able = step("CAPABILITY", talk.capabilities()).await?;
        let selected = step("SELECT", talk.select(folder)).await?;
        Ok(Self {
            talk,
            // Without one numbers mean nothing.
            validity: selected.uid_validity.ok_or(Away::Nonsense)?,
            count: Count {
                exists: selected.exists,
                news: false,
            },
            can_idle: able.has_str("IDLE"),
            can_move: able.has_str("MOVE"),
            made: HashSet::new(),
        })
    }

    /// Numbers of the mails from this one on, that came since that day (`27-Nov-2026`).
    pub(super) async fn numbers(&mut self, from: u32, since: &str) -> Result<HashSet<u32>, Away> {
        // New mails are told of at a command (RFC 3501 §5.2): what is told from here on came after the search.
        self.noop().await?;
        self.has_news();
        self.search(&format!("UID {from}:* SINCE {since}")).await
    }

    async fn search(&mut self, query: &str) -> Result<HashSet<u32>, Away> {
        let mut found = HashSet::new();
        let told = |response: &Response<'_>| {
            if let Response::MailboxData(MailboxDatum::Search(numbers)) = response {
                found.extend(numbers.iter().copied());
            }
        };
        let command = format!("UID SEARCH {query}");
        self.ask("SEARCH", &command, (TALK_BYTES, STEP), told)
            .await?;
        Ok(found)
    }

    /// Whether mails came since the last search.
    pub(super) fn has_news(&mut self) -> bool {
        self.heed();
        std::mem::take(&mut self.count.news)
    }

    fn heed(&mut self) {
        while let Ok(told) = self.talk.unsolicited_responses.try_recv() {
            self.count.heed(&told);
        }
    }

    /// The head of a mail.
    pub(super) async fn head(&mut self, uid: u32) -> Result<Found<Head>, Away> {
        let query = format!("(UID RFC822.SIZE BODY.PEEK[HEADER]<0.{MAIL_HEAD_BYTES_MAX}>)");
        let bytes = MAIL_HEAD_BYTES_MAX + TALK_BYTES;
        let head = |told: &[AttributeValue<'_>]| {
            let size = told.iter().find_map(|one| {
                if let AttributeValue::Rfc822Size(size) = one {
                    Some(*size)
                } else {
                    None
                }
            });
            Some(Head {
                size: size?.into(),
                bytes: section(told, Some(&SectionPath::Full(MessageSection::Header)))?,
            })
        };
        self.fetch(uid, &query, (bytes, STEP), head).await
    }

    /// A whole mail of at most so many bytes, which is of this size, as the server says.
    pub(super) async fn mail(
        &mut self,
        uid: u32,
        size: u64,
        bytes_max: u64,
    ) -> Result<Found<Vec<u8>>, Away> {
        // One byte more tells of one that is larger than the server said.
        let bytes = bytes_max + 1;
        let query = format!("(UID BODY.PEEK[]<0.{bytes}>)");
        let most = (
            bytes + TALK_BYTES,
            STEP + Duration::from_secs(size / SLOWEST),
        );
        let whole = |told: &[AttributeValue<'_>]| section(told, None);
        self.fetch(uid, &query, most, whole).await
    }

    async fn fetch<T: Send>(
        &mut self,
        uid: u32,
        query: &str,
        most: (u64, Duration),
        part: impl Fn(&[AttributeValue<'_>]) -> Option<T> + Send + Sync,
    ) -> Result<Found<T>, Away> {
        let mut found = None;
        let told = |response: &Response<'_>| {
            // Servers tell of other mails in between, and of flags alone.
            if let Response::Fetch(_, told) = response
                && told.contains(&AttributeValue::Uid(uid))
                && found.is_none()
            {
                found = part(told);
            }
        };
        let command = format!("UID FETCH {uid} {query}");
        accepted(self.ask("FETCH", &command, most, told).await)?;
        if let Some(found) = found {
            return Ok(Found::Here(found));
        }
        // Refused or nothing: that may be for a moment, or the mail is damaged. Gone is what is not listed.
        let listed = self.search(&format!("UID {uid}")).await?;
        Ok(if listed.contains(&uid) {
            Found::Kept
        } else {
            Found::Gone
        })
    }

    /// Marks a mail as read.
    pub(super) async fn mark(&mut self, uid: u32) -> Result<(), Away> {
        let command = format!("UID STORE {uid} +FLAGS.SILENT (\\Seen)");
        self.command("STORE", &command).await
    }

    /// Moves a mail, marked as read. Gives what the server cannot or does not do of that, if anything.
    pub(super) async fn put(
        &mut self,
        uid: u32,
        folder: &str,
    ) -> Result<Option<&'static str>, Away> {
        let is_marked = accepted(self.mark(uid).await)?;
        let is_moved = folder.is_empty() || self.move_to(uid, folder).await?;
        Ok(match (is_marked, is_moved) {
            (true, true) => None,
            (true, false) => Some("MOVE"),
            (false, true) => Some("STORE"),
            (false, false) => Some("STORE, MOVE"),
        })
    }

    async fn move_to(&mut self, uid: u32, folder: &str) -> Result<bool, Away> {
        if !self.can_move {
            return Ok(false);
        }
        if self.made.insert(folder.to_owned()) {
            self.allow(TALK_BYTES);
            // Refused when it is there already, or must not be made: moving tells.
            accepted(step("CREATE", self.talk.create(folder)).await)?;
        }
        self.allow(TALK_BYTES);
        let moved = step("MOVE", self.talk.uid_mv(uid.to_string(), folder)).await;
        // The library has room for so much only.
        self.heed();
        accepted(moved)
    }

    /// Waits until the server tells of something, or for so long where it cannot (or is not to); not longer than `most`.
    pub(super) async fn wait(
        mut self,
        every: Duration,
        idle: bool,
        most: Option<Duration>,
    ) -> Result<Self, Away> {
        let most = |long: Duration| most.map_or(long, |most| most.min(long));
        if !idle || !self.can_idle {
            sleep(most(every)).await;
            return Ok(self);
        }
        self.allow(TALK_BYTES);
        let before = self.talk.unsolicited_responses.clone();
        let mut handle: Handle<_> = self.talk.idle();
        step("IDLE", handle.init()).await?;
        // What comes before the server says that it tells now.
        while let Ok(told) = before.try_recv() {
            self.count.heed(&told);
        }
        if !self.count.news {
            let (telling, stop) = handle.wait_with_timeout(IDLE);
            // The library's own time begins anew whenever the server says that it is there.
            let told = timeout(most(IDLE), telling).await;
            drop(stop);
            if let Ok(told) = told {
                told.map_err(|error| Away::of(&error, "IDLE"))?;
            }
        }
        let talk = step("DONE", handle.done()).await?;
        Ok(Self { talk, ..self })
    }

    async fn noop(&mut self) -> Result<(), Away> {
        self.command("NOOP", "NOOP").await
    }

    async fn command(&mut self, what: &'static str, command: &str) -> Result<(), Away> {
        self.ask(what, command, (TALK_BYTES, STEP), |_| {}).await
    }

    // Gives what is told in answer to a command of at most so many bytes and so long. The library's own ways to ask take a
    // refusal and the end of a connection for an answer that says nothing.
    async fn ask(
        &mut self,
        what: &'static str,
        command: &str,
        (bytes, long): (u64, Duration),
        told: impl FnMut(&Response<'_>) + Send,
    ) -> Result<(), Away> {
        self.allow(bytes);
        within(long, what, self.hear(command, told)).await
    }

    async fn hear(
        &mut self,
        command: &str,
        mut told: impl FnMut(&Response<'_>) + Send,
    ) -> Said<()> {
        let asked = self.talk.run_command(command).await?;
        while let Some(read) = self.talk.read_response().await? {
            let response = read.parsed();
            if let Response::Done { tag, status, .. } = response
                && *tag == asked
            {
                return match status {
                    Status::Ok => Ok(()),
                    Status::No => Err(Error::No(String::new())),
                    Status::Bad | Status::PreAuth | Status::Bye => Err(Error::Bad(String::new())),
                };
            }
            if let Response::MailboxData(MailboxDatum::Exists(exists)) = response {
                self.count.exists(*exists);
            } else if matches!(response, Response::Expunge(_)) {
                self.count.expunged();
            } else {
                told(response);
            }
        }
        Err(Error::ConnectionLost)
    }

    fn allow(&mut self, bytes: u64) {
        self.talk.get_mut().allow(bytes);
    }
}

// The bytes of a part of a mail.
fn section(told: &[AttributeValue<'_>], wanted: Option<&SectionPath>) -> Option<Vec<u8>> {
    told.iter().find_map(|one| {
        if let AttributeValue::BodySection {
            section,
            data: Some(data),
            ..
        } = one
            && section.as_ref() == wanted
        {
            Some(data.to_vec())
        } else {
            None
        }
    })
}

/// Whether the server did it; a refusal is no reason to go.
fn accepted(done: Result<(), Away>) -> Result<bool, Away> {
    match done {
        Ok(()) => Ok(true),
        Err(Away::Refused(_)) => Ok(false),
        Err(away) => Err(away),
    }
}

async fn step<T>(what: &'static str, doing: impl Future<Output = Said<T>>) -> Result<T, Away> {
    within(STEP, what, doing).await
}

async fn within<T>(
    long: Duration,
    what: &'static str,
    doing: impl Future<Output = Said<T>>,
) -> Result<T, Away> {
    match timeout(long, doing).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(Away::of(&error, what)),
        Err(_) => Err(Away::Slow),
    }
}

async fn connect(gate: &Gate) -> Result<Client<Meter<Box<dyn Wire>>>, Away> {
    let connecting = TcpStream::connect((gate.host.as_str(), gate.port));
    let stream = timeout(STEP, connecting).await.map_err(|_| Away::Slow)?;
    let stream = stream.map_err(Away::Connect)?;
    if gate.mode == MailTls::Tls {
        let mut client = Client::new(Meter::new(tls(gate, stream).await?, TALK_BYTES));
        greeting(&mut client).await?;
        return Ok(client);
    }
    let wire: Box<dyn Wire> = Box::new(stream);
    let mut client = Client::new(Meter::new(wire, TALK_BYTES));
    greeting(&mut client).await?;
    if gate.mode == MailTls::Off {
        return Ok(client);
    }
    step(
        "STARTTLS",
        client.run_command_and_check_ok("STARTTLS", None),
    )
    .await?;
    // What came in the clear behind the answer is thrown away with the client.
    let wire = client.into_inner().into_inner();
    Ok(Client::new(Meter::new(tls(gate, wire).await?, TALK_BYTES)))
}

async fn tls(gate: &Gate, stream: impl Wire + 'static) -> Result<Box<dyn Wire>, Away> {
    let shaking = gate.tls.connect(gate.name.clone(), stream);
    let stream = timeout(STEP, shaking).await.map_err(|_| Away::Slow)?;
    Ok(Box::new(stream.map_err(Away::Tls)?))
}

async fn greeting(client: &mut Client<Meter<Box<dyn Wire>>>) -> Result<(), Away> {
    let greeted = timeout(STEP, client.read_response()).await;
    match greeted.map_err(|_| Away::Slow)? {
        Ok(Some(_)) => Ok(()),
        Ok(None) => Err(Away::Lost),
        Err(_) => Err(Away::Nonsense),
    }
}

async fn sign_in(gate: &Gate, client: Client<Meter<Box<dyn Wire>>>) -> Result<Talk, Away> {
    let plain = Plain(&gate.user, &gate.password);
    let signing = timeout(STEP, client.authenticate("PLAIN", plain)).await;
    match signing.map_err(|_| Away::Slow)? {
        Ok(talk) => Ok(talk),
        // It does not know the way (RFC 3501 §6.2.2); the older one has no letters but those of ASCII.
        Err((Error::Bad(_), client)) => {
            let signing = client.login(&gate.user, &gate.password.0);
            match timeout(STEP, signing).await.map_err(|_| Away::Slow)? {
                Ok(talk) => Ok(talk),
                Err((error, _)) => Err(denied(&error)),
            }
        }
        Err((error, _)) => Err(denied(&error)),
    }
}

fn denied(error: &Error) -> Away {
    let away = Away::of(error, "LOGIN");
    if matches!(away, Away::Refused(_)) {
        Away::SignIn
    } else {
        away
    }
}

/// User and password in one (RFC 4616).
struct Plain<'a>(&'a str, &'a Password);

impl Authenticator for Plain<'_> {
    type Response = String;

    fn process(&mut self, _challenge: &[u8]) -> String {
        format!("\0{}\0{}", self.0, self.1.0)
    }
}
