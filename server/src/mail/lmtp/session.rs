//! One connection of a mail server. Commands and dots are smtp-proto's; bounds are ours.

use std::io;
use std::slice::Iter;
use std::sync::Arc;
use std::time::Duration;

use protocol::limits::{
    LMTP_FAULTS_MAX, LMTP_MAIL_SECONDS, LMTP_MAILS_MAX, LMTP_RECIPIENTS_MAX, LMTP_SILENCE_SECONDS,
    MAIL_ADDRESS_BYTES_MAX,
};
use smtp_proto::request::receiver::{DataReceiver, DummyDataReceiver, RequestReceiver};
use smtp_proto::{Error, Request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::App;
use crate::mail::answers::Turns;
use crate::mail::answers::intake::{Answered, recipient, take};
use crate::mail::answers::verdict::Verdict;

/// Bytes that are read at once.
const READ_BYTES: usize = 16 * 1_024;
const SILENCE: Duration = Duration::from_secs(LMTP_SILENCE_SECONDS);
const MAIL_TIME: Duration = Duration::from_secs(LMTP_MAIL_SECONDS);

/// What is being read.
enum Reading {
    Commands,
    Mail(DataReceiver, Vec<u8>, Instant),
    /// One that is too large: it is read to its end, and nothing of it is kept.
    Rest(DummyDataReceiver, Instant),
}

/// A connection.
pub(super) struct Session {
    app: App,
    turns: Arc<Turns>,
    bytes_max: usize,
    greeted: bool,
    /// The sender of the mail that is being announced; empty for a report.
    from: Option<String>,
    to: Vec<Answered>,
    mails: usize,
    faults: usize,
}

/// Whether the connection goes on.
enum Next {
    Go,
    Data,
    End,
}

impl Session {
    pub(super) fn new(app: App, turns: Arc<Turns>) -> Self {
        let bytes_max = app.config.mail.reply_bytes_max as usize;
        Self {
            app,
            turns,
            bytes_max,
            greeted: false,
            from: None,
            to: Vec::new(),
            mails: 0,
            faults: 0,
        }
    }

    pub(super) async fn run(mut self, mut stream: TcpStream) -> io::Result<()> {
        say(&mut stream, "220 Parta LMTP\r\n").await?;
        let mut commands = RequestReceiver::default();
        let mut reading = Reading::Commands;
        let mut buffer = vec![0; READ_BYTES];
        loop {
            let read = timeout(SILENCE, stream.read(&mut buffer));
            let read = match read.await {
                Ok(read) => read?,
                Err(_) => return say(&mut stream, "421 4.4.2 Too long a silence\r\n").await,
            };
            if read == 0 {
                return Ok(());
            }
            let mut bytes = buffer[..read].iter();
            loop {
                let goes_on = match &mut reading {
                    Reading::Commands => {
                        match self.command(&mut commands, &mut bytes, &mut stream).await? {
                            None => break,
                            Some(Next::Go) => true,
                            Some(Next::Data) => {
                                let mail = DataReceiver::new();
                                reading = Reading::Mail(mail, Vec::new(), Instant::now());
                                true
                            }
                            Some(Next::End) => false,
                        }
                    }
                    Reading::Mail(_, _, since) | Reading::Rest(_, since)
                        if since.elapsed() > MAIL_TIME =>
                    {
                        return say(&mut stream, "421 4.4.2 The mail takes too long\r\n").await;
                    }
                    Reading::Mail(data, mail, since) => {
                        let whole = data.ingest(&mut bytes, mail);
                        if mail.len() > self.bytes_max {
                            if whole {
                                self.refuse(&mut stream, Verdict::TooLarge).await?;
                                reading = Reading::Commands;
                            } else {
                                reading = Reading::Rest(DummyDataReceiver::new_data(data), *since);
                            }
                        } else if whole {
                            let mail = std::mem::take(mail);
                            self.deliver(&mut stream, mail).await?;
                            reading = Reading::Commands;
                        } else {
                            break;
                        }
                        true
                    }
                    Reading::Rest(rest, _) => {
                        if !rest.ingest(&mut bytes) {
                            break;
                        }
                        self.refuse(&mut stream, Verdict::TooLarge).await?;
                        reading = Reading::Commands;
                        true
                    }
                };
                if !goes_on {
                    return stream.shutdown().await;
                }
            }
        }
    }

    // `None`: more bytes are needed.
    async fn command(
        &mut self,
        commands: &mut RequestReceiver,
        bytes: &mut Iter<'_, u8>,
        stream: &mut TcpStream,
    ) -> io::Result<Option<Next>> {
        let request = match commands.ingest(bytes) {
            Ok(request) => request.into_owned(),
            Err(Error::NeedsMoreData { .. }) => return Ok(None),
            Err(Error::ResponseTooLong) => {
                say(stream, "500 5.5.2 The line is too long\r\n").await?;
                return Ok(Some(Next::End));
            }
            Err(
                Error::UnknownCommand
                | Error::InvalidSenderAddress
                | Error::InvalidRecipientAddress
                | Error::SyntaxError { .. }
                | Error::InvalidParameter { .. }
                | Error::UnsupportedParameter { .. }
                | Error::InvalidResponse { .. },
            ) => {
                return self
                    .fault(stream, "500 5.5.2 Not understood\r\n")
                    .await
                    .map(Some);
            }
        };
        self.answer(request, stream).await.map(Some)
    }

    async fn answer(
        &mut self,
        request: Request<String>,
        stream: &mut TcpStream,
    ) -> io::Result<Next> {
        match request {
            Request::Lhlo { .. } => {
                self.reset();
                self.greeted = true;
                let able = "PIPELINING\r\n250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250-SMTPUTF8";
                let hello = format!("250-Parta\r\n250-{able}\r\n250 SIZE {}\r\n", self.bytes_max);
                say(stream, &hello).await?;
            }
            Request::Mail { from } => {
                if !self.greeted || self.from.is_some() {
                    return self.fault(stream, "503 5.5.1 Not now\r\n").await;
                }
                if self.mails >= LMTP_MAILS_MAX {
                    say(stream, "421 4.7.0 Enough for one connection\r\n").await?;
                    return Ok(Next::End);
                }
                if from.address.len() > MAIL_ADDRESS_BYTES_MAX {
                    return self
                        .fault(stream, "501 5.1.7 Too long an address\r\n")
                        .await;
                }
                if from.size > self.bytes_max {
                    return self.fault(stream, &Verdict::TooLarge.reply()).await;
                }
                self.from = Some(from.address);
                say(stream, "250 2.1.0 Sender is known\r\n").await?;
            }
            Request::Rcpt { to } => {
                if self.from.is_none() {
                    return self.fault(stream, "503 5.5.1 Not now\r\n").await;
                }
                if self.to.len() >= LMTP_RECIPIENTS_MAX {
                    return self
                        .fault(stream, "452 4.5.3 Too many recipients\r\n")
                        .await;
                }
                match recipient(&self.app, &to.address).await {
                    Ok(to) => {
                        self.to.push(to);
                        say(stream, "250 2.1.5 Recipient is known\r\n").await?;
                    }
                    Err(verdict) => return self.fault(stream, &verdict.reply()).await,
                }
            }
            Request::Data => {
                if self.to.is_empty() {
                    return self.fault(stream, "503 5.5.1 No recipient\r\n").await;
                }
                self.mails += 1;
                say(stream, "354 Go on, a dot ends it\r\n").await?;
                return Ok(Next::Data);
            }
            Request::Rset => {
                self.reset();
                say(stream, "250 2.0.0 Begun anew\r\n").await?;
            }
            Request::Noop { .. } => say(stream, "250 2.0.0 Here\r\n").await?,
            Request::Quit => {
                say(stream, "221 2.0.0 Good bye\r\n").await?;
                return Ok(Next::End);
            }
            Request::Ehlo { .. } | Request::Helo { .. } => {
                return self.fault(stream, "500 5.5.1 This is LMTP\r\n").await;
            }
            Request::Bdat { .. }
            | Request::Auth { .. }
            | Request::Vrfy { .. }
            | Request::Expn { .. }
            | Request::Help { .. }
            | Request::Etrn { .. }
            | Request::Atrn { .. }
            | Request::Burl { .. }
            | Request::StartTls => return self.fault(stream, "502 5.5.1 Not here\r\n").await,
        }
        Ok(Next::Go)
    }

    /// Each recipient gets an answer of its own (RFC 2033 §4.2).
    async fn deliver(&mut self, stream: &mut TcpStream, mail: Vec<u8>) -> io::Result<()> {
        let report = self.from.as_deref() == Some("");
        let (mail, to) = (Arc::new(mail), std::mem::take(&mut self.to));
        for to in to {
            let (app, turns, mail) = (self.app.clone(), Arc::clone(&self.turns), Arc::clone(&mail));
            // On its own: a connection that ends keeps no message from being published, and what a broken mail does to its
            // parser ends here.
            let taken = tokio::spawn(async move { take(&app, &turns, &to, mail, report).await });
            let verdict = taken.await.unwrap_or(Verdict::Broken);
            say(stream, &verdict.reply()).await?;
        }
        self.reset();
        Ok(())
    }

    async fn refuse(&mut self, stream: &mut TcpStream, verdict: Verdict) -> io::Result<()> {
        for _ in 0..self.to.len() {
            say(stream, &verdict.reply()).await?;
        }
        self.reset();
        Ok(())
    }

    async fn fault(&mut self, stream: &mut TcpStream, reply: &str) -> io::Result<Next> {
        self.faults += 1;
        if self.faults > LMTP_FAULTS_MAX {
            say(stream, "421 4.7.0 Too many faults\r\n").await?;
            return Ok(Next::End);
        }
        say(stream, reply).await?;
        Ok(Next::Go)
    }

    fn reset(&mut self) {
        self.from = None;
        self.to.clear();
    }
}

async fn say(stream: &mut TcpStream, text: &str) -> io::Result<()> {
    match timeout(SILENCE, stream.write_all(text.as_bytes())).await {
        Ok(said) => said,
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}
