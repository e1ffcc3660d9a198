//! A connection to the mailbox. IMAP (RFC 3501) is async-imap's; TLS, times and sizes are ours. Of a mail only its number, its
//! size and its bytes are asked for, so that nothing of what strangers wrote is parsed as IMAP.

use std::collections::HashSet;
use std::future::Future;
use std::io::ErrorKind;
use std::time::Duration;

use async_imap::error::{Error, Result as Said};
use async_imap::extensions::idle::Handle;
use async_imap::types::{Fetch, UnsolicitedResponse};
use async_imap::{Authenticator, Client, Session};
use futures_util::StreamExt;
use protocol::limits::{IMAP_STEP_SECONDS, MAIL_HEAD_BYTES_MAX};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::meter::{Meter, Wire};
use super::{Gate, Password};
use crate::mail::settings::MailTls;
use crate::store::StoreError;

const STEP: Duration = Duration::from_secs(IMAP_STEP_SECONDS);
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

type Talk = Session<Meter<Box<dyn Wire>>>;

/// A connection that has signed in and selected the folder.
#[derive(Debug)]
pub(super) struct Line {
    talk: Talk,
    /// UIDVALIDITY of the folder.
    pub(super) validity: u32,
    /// How many mails are in it, as was told last.
    exists: u32,
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
            exists: selected.exists,
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
        self.allow(TALK_BYTES);
        let query = format!("UID {from}:* SINCE {since}");
        let found = step("SEARCH", self.talk.uid_search(query)).await?;
        if found.is_empty() {
            // The library takes the end of a connection for the end of an answer.
            self.noop().await?;
        }
        Ok(found)
    }

    /// Whether mails came since the last search.
    pub(super) fn has_news(&mut self) -> bool {
        let mut news = false;
        while let Ok(told) = self.talk.unsolicited_responses.try_recv() {
            // Some servers tell the number at every command.
            if let UnsolicitedResponse::Exists(exists) = told {
                news |= exists > self.exists;
                self.exists = exists;
            } else if matches!(told, UnsolicitedResponse::Expunge(_)) {
                self.exists = self.exists.saturating_sub(1);
            }
        }
        news
    }

    /// The head of a mail; `None` when it is not there any more.
    pub(super) async fn head(&mut self, uid: u32) -> Result<Option<Head>, Away> {
        let query = format!("(UID RFC822.SIZE BODY.PEEK[HEADER]<0.{MAIL_HEAD_BYTES_MAX}>)");
        let bytes = MAIL_HEAD_BYTES_MAX + TALK_BYTES;
        let head = |fetch: &Fetch| {
            Some(Head {
                size: fetch.size?.into(),
                bytes: fetch.header()?.to_vec(),
            })
        };
        self.fetch(uid, &query, bytes, head).await
    }

    /// A whole mail of at most so many bytes; `None` when it is not there any more.
    pub(super) async fn mail(&mut self, uid: u32, bytes_max: u64) -> Result<Option<Vec<u8>>, Away> {
        // One byte more tells of one that is larger than the server said.
        let bytes = bytes_max + 1;
        let query = format!("(UID BODY.PEEK[]<0.{bytes}>)");
        let whole = |fetch: &Fetch| fetch.body().map(<[u8]>::to_vec);
        self.fetch(uid, &query, bytes + TALK_BYTES, whole).await
    }

    async fn fetch<T>(
        &mut self,
        uid: u32,
        query: &str,
        bytes: u64,
        part: impl Fn(&Fetch) -> Option<T> + Send + Sync,
    ) -> Result<Option<T>, Away> {
        self.allow(bytes);
        let fetching = async {
            let mut told = self.talk.uid_fetch(uid.to_string(), query).await?;
            let mut found = None;
            while let Some(fetch) = told.next().await {
                let fetch = fetch?;
                // Servers tell of other mails in between, and of flags alone.
                if fetch.uid == Some(uid) {
                    found = found.or_else(|| part(&fetch));
                }
            }
            Ok::<_, Error>(found)
        };
        let found = step("FETCH", fetching).await?;
        if found.is_none() {
            // Gone, or the connection is.
            self.noop().await?;
        }
        Ok(found)
    }

    /// Marks a mail as read.
    pub(super) async fn mark(&mut self, uid: u32) -> Result<(), Away> {
        let command = format!("UID STORE {uid} +FLAGS.SILENT (\\Seen)");
        self.command("STORE", &command).await
    }

    /// Moves a mail, marked as read. `false` when the server cannot do so: then it is only marked.
    pub(super) async fn put(&mut self, uid: u32, folder: &str) -> Result<bool, Away> {
        self.mark(uid).await?;
        if folder.is_empty() || !self.can_move {
            return Ok(folder.is_empty());
        }
        if self.made.insert(folder.to_owned()) {
            self.allow(TALK_BYTES);
            match step("CREATE", self.talk.create(folder)).await {
                // There already, or it must not be made: moving tells.
                Ok(()) | Err(Away::Refused(_)) => {}
                Err(away) => return Err(away),
            }
        }
        self.allow(TALK_BYTES);
        match step("MOVE", self.talk.uid_mv(uid.to_string(), folder)).await {
            Ok(()) => Ok(true),
            Err(Away::Refused(_)) => Ok(false),
            Err(away) => Err(away),
        }
    }

    /// Waits until the server tells of something, or for so long where it cannot (or is not to).
    pub(super) async fn wait(mut self, every: Duration, idle: bool) -> Result<Self, Away> {
        if !idle || !self.can_idle {
            sleep(every).await;
            return Ok(self);
        }
        self.allow(TALK_BYTES);
        let mut handle: Handle<_> = self.talk.idle();
        step("IDLE", handle.init()).await?;
        let (telling, stop) = handle.wait_with_timeout(IDLE);
        let told = telling.await;
        // Dropping it ends the wait.
        drop(stop);
        told.map_err(|error| Away::of(&error, "IDLE"))?;
        let talk = step("DONE", handle.done()).await?;
        Ok(Self { talk, ..self })
    }

    async fn noop(&mut self) -> Result<(), Away> {
        self.command("NOOP", "NOOP").await
    }

    async fn command(&mut self, what: &'static str, command: &str) -> Result<(), Away> {
        self.allow(TALK_BYTES);
        step(what, self.talk.run_command_and_check_ok(command)).await
    }

    fn allow(&mut self, bytes: u64) {
        self.talk.get_mut().allow(bytes);
    }
}

async fn step<T>(what: &'static str, doing: impl Future<Output = Said<T>>) -> Result<T, Away> {
    match timeout(STEP, doing).await {
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
    match Away::of(error, "LOGIN") {
        Away::Refused(_) => Away::SignIn,
        away => away,
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
