//! One mail to the mail server (RFC 5321), with lettre and rustls. What it says is taken step by step, so that it is known
//! whether it refuses the address, the mail, or ourselves.

use std::path::Path;
use std::time::Duration;

use lettre::address::Envelope;
use lettre::message::Mailbox;
use lettre::transport::smtp;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{
    AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters,
};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use tokio::time::timeout;

use super::settings::{MailSettings, MailTls};

/// How long the mail server may take for each step.
const STEP: Duration = Duration::from_secs(60);
/// How long one mail may take in all.
const WHOLE: Duration = Duration::from_secs(300);
/// Mails over one connection.
const MAILS_MAX: u32 = 50;

/// Why mail cannot be on.
#[derive(Debug, thiserror::Error)]
pub enum CourierError {
    /// The file with the password.
    #[error("mail.password_file: {0}")]
    Password(std::io::Error),
    /// The file of authorities.
    #[error("mail.authorities: {0}")]
    Authorities(String),
    /// TLS cannot be set up.
    #[error("mail: {0}")]
    Tls(smtp::Error),
    /// The sender.
    #[error("mail.from is no address")]
    Sender,
}

/// What became of a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The mail server has it.
    Taken,
    /// It refuses the address for good; the code.
    NoAddress(u16),
    /// It refuses the mail for good; the code.
    NoMail(u16),
    /// Not now: why, without anybody's address.
    Later(String),
}

/// Speaks to the mail server.
pub struct Courier {
    host: String,
    port: u16,
    mode: MailTls,
    tls: Option<TlsParameters>,
    credentials: Option<Credentials>,
    hello: ClientId,
    from: Mailbox,
    line: Option<Line>,
}

struct Line {
    connection: AsyncSmtpConnection,
    mails: u32,
}

impl std::fmt::Debug for Courier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut about = f.debug_struct("Courier");
        about.field("host", &self.host).field("port", &self.port);
        about.finish_non_exhaustive()
    }
}

impl Courier {
    /// As the settings say.
    ///
    /// # Errors
    /// See [`CourierError`].
    pub fn new(settings: &MailSettings) -> Result<Self, CourierError> {
        let from = settings.sender().ok_or(CourierError::Sender)?;
        let password = match settings.password_file.as_os_str().is_empty() {
            true => settings.password.clone(),
            false => std::fs::read_to_string(&settings.password_file)
                .map_err(CourierError::Password)?
                .trim_end()
                .to_owned(),
        };
        let credentials =
            (!settings.user.is_empty()).then(|| Credentials::new(settings.user.clone(), password));
        let tls = match settings.tls {
            MailTls::Off => None,
            MailTls::Starttls | MailTls::Tls => Some(trust(&settings.host, &settings.authorities)?),
        };
        Ok(Self {
            host: settings.host.clone(),
            port: settings.smtp_port(),
            mode: settings.tls,
            tls,
            credentials,
            hello: ClientId::Domain(from.email.domain().to_owned()),
            from,
            line: None,
        })
    }

    /// The sender of all mails.
    #[must_use]
    pub fn from(&self) -> &Mailbox {
        &self.from
    }

    /// Sends one.
    pub async fn send(&mut self, envelope: &Envelope, mail: &[u8]) -> Outcome {
        match timeout(WHOLE, self.hand_over(envelope, mail)).await {
            Ok(outcome) => outcome,
            Err(_) => {
                self.line = None;
                Outcome::Later("the mail server takes too long".to_owned())
            }
        }
    }

    /// Nothing is to be sent for a while.
    pub async fn rest(&mut self) {
        if let Some(mut line) = self.line.take() {
            // Said out of courtesy.
            let _ = timeout(Duration::from_secs(2), line.connection.quit()).await;
        }
    }

    async fn hand_over(&mut self, envelope: &Envelope, mail: &[u8]) -> Outcome {
        let mut kept = self.line.take().filter(|line| line.mails < MAILS_MAX);
        if let Some(line) = &mut kept
            && !line.connection.test_connected().await
        {
            kept = None;
        }
        let mut line = match kept {
            Some(line) => line,
            None => match self.connect().await {
                Ok(connection) => Line {
                    connection,
                    mails: 0,
                },
                // Also when it refuses the password: that is not the mail's fault.
                Err(error) => return Outcome::Later(said(&error)),
            },
        };
        line.mails += 1;
        let outcome = step_by_step(&mut line.connection, envelope, mail).await;
        if outcome == Outcome::Taken {
            self.line = Some(line);
        } else {
            // A connection in the middle of a mail is not used for another.
            let _ = timeout(Duration::from_secs(2), line.connection.quit()).await;
        }
        outcome
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, smtp::Error> {
        let at = (self.host.as_str(), self.port);
        let first = self.tls.clone().filter(|_| self.mode == MailTls::Tls);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(at, Some(STEP), &self.hello, first, None).await?;
        if let Some(tls) = self.tls.clone().filter(|_| self.mode == MailTls::Starttls) {
            connection.starttls(tls, &self.hello).await?;
        }
        if let Some(credentials) = &self.credentials {
            let ways = [Mechanism::Plain, Mechanism::Login];
            connection.auth(&ways, credentials).await?;
        }
        Ok(connection)
    }
}

async fn step_by_step(
    connection: &mut AsyncSmtpConnection,
    envelope: &Envelope,
    mail: &[u8],
) -> Outcome {
    let from = Mail::new(envelope.from().cloned(), Vec::new());
    // Who may not send at all has to be set right, and no mail is lost by it.
    if let Err(error) = connection.command(from).await {
        return Outcome::Later(said(&error));
    }
    for to in envelope.to() {
        if let Err(error) = connection.command(Rcpt::new(to.clone(), Vec::new())).await {
            return refused(&error, Outcome::NoAddress);
        }
    }
    if let Err(error) = connection.command(Data).await {
        return refused(&error, Outcome::NoMail);
    }
    match connection.message(mail).await {
        Ok(_) => Outcome::Taken,
        Err(error) => refused(&error, Outcome::NoMail),
    }
}

fn refused(error: &smtp::Error, for_good: impl Fn(u16) -> Outcome) -> Outcome {
    match error.status() {
        Some(code) if error.is_permanent() => for_good(u16::from(code)),
        _ => Outcome::Later(said(error)),
    }
}

// What a server says may have the address in it, so only its code is told.
fn said(error: &smtp::Error) -> String {
    match error.status() {
        Some(code) => format!("the mail server says {code}"),
        None => error.to_string(),
    }
}

fn trust(host: &str, authorities: &Path) -> Result<TlsParameters, CourierError> {
    let mut tls = TlsParameters::builder(host.to_owned());
    if !authorities.as_os_str().is_empty() {
        let wrong = |error: &dyn std::fmt::Display| CourierError::Authorities(error.to_string());
        let pem = std::fs::read(authorities).map_err(|error| wrong(&error))?;
        let certificate = Certificate::from_pem(&pem).map_err(|error| wrong(&error))?;
        tls = tls
            .certificate_store(CertificateStore::None)
            .add_root_certificate(certificate);
    }
    tls.build_rustls().map_err(CourierError::Tls)
}
