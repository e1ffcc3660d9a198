//! Answers to mails are fetched from a mailbox (IMAP), for schools that have one at a provider and no mail server of their own.
//! From the moment on at which a mail is here, all is as if a mail server had handed it over ([`super::answers`]).
//!
//! Of several servers one looks into the mailbox at a time, so that they do not get in each other's way. That a mail is one message
//! does not depend on it: its client id is made of the Message-ID and the room, and what a mail became is told to the mailbox last.

#[cfg(test)]
mod hostile;
mod line;
mod meter;
mod patience;
mod progress;
mod visit;

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

use super::settings::{MailSettings, MailTls};
use crate::App;
use crate::push::client_tls;
use crate::store::new_id;
use line::Away;
use visit::{End, Visit};

/// Waits before another try, in seconds; the last one again and again.
const TRIES: [u64; 6] = [5, 15, 30, 60, 120, 300];

/// Why answers cannot be fetched.
#[derive(Debug, thiserror::Error)]
pub enum MailboxError {
    /// The file with the password.
    #[error("mail.imap_password_file: {0}")]
    Password(std::io::Error),
    /// The name of the server.
    #[error("mail.imap_host is no name of a server")]
    Host,
    /// TLS cannot be set up.
    #[error("mail.authorities: {0}")]
    Tls(String),
}

/// A password, which no log shows.
#[derive(Clone)]
struct Password(String);

impl AsRef<str> for Password {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password")
    }
}

/// The way to the mailbox.
pub struct Gate {
    host: String,
    port: u16,
    mode: MailTls,
    name: ServerName<'static>,
    tls: TlsConnector,
    user: String,
    password: Password,
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut about = f.debug_struct("Gate");
        about.field("host", &self.host).field("port", &self.port);
        about.finish_non_exhaustive()
    }
}

impl Gate {
    /// As the settings say; `None` when they name no mailbox.
    ///
    /// # Errors
    /// See [`MailboxError`].
    pub fn of(settings: &MailSettings) -> Result<Option<Self>, MailboxError> {
        if !settings.has_mailbox() {
            return Ok(None);
        }
        let (user, password, file) = match settings.imap_user.as_str() {
            "" => (&settings.user, &settings.password, &settings.password_file),
            own => (
                &own.to_owned(),
                &settings.imap_password,
                &settings.imap_password_file,
            ),
        };
        let password = match file.as_os_str().is_empty() {
            true => password.clone(),
            false => std::fs::read_to_string(file)
                .map_err(MailboxError::Password)?
                .trim_end()
                .to_owned(),
        };
        let tls = client_tls(&settings.authorities);
        let tls = tls.map_err(|error| MailboxError::Tls(error.to_string()))?;
        let name = ServerName::try_from(settings.imap_host.clone());
        Ok(Some(Self {
            host: settings.imap_host.clone(),
            port: settings.mailbox_port(),
            mode: settings.imap_tls,
            name: name.map_err(|_| MailboxError::Host)?,
            tls: TlsConnector::from(Arc::new(tls)),
            user: user.clone(),
            password: Password(password),
        }))
    }
}

/// Looks into the mailbox, if the settings name one, until the task is ended.
///
/// # Errors
/// See [`MailboxError`].
pub fn start(app: &App) -> Result<Option<Fetching>, MailboxError> {
    let Some(mail) = &app.mail else {
        return Ok(None);
    };
    let Some(gate) = Gate::of(mail.settings())? else {
        return Ok(None);
    };
    let folder = &mail.settings().imap_folder;
    let name = format!("{}@{}:{}/{folder}", gate.user, gate.host, gate.port);
    let visit = Visit {
        app: app.clone(),
        gate: Arc::new(gate),
        turns: mail.turns(),
        name: name.into(),
        server: new_id().into(),
        patience: Arc::new(Mutex::default()),
    };
    Ok(Some(Fetching {
        task: tokio::spawn(fetch(visit.clone())),
        visit,
    }))
}

/// The task that fetches.
#[derive(Debug)]
pub struct Fetching {
    task: JoinHandle<()>,
    visit: Visit,
}

impl Fetching {
    /// Ends it, and leaves the mailbox to other servers.
    pub async fn end(self) {
        self.task.abort();
        // Also when it ended by a panic, there is nothing left to do.
        let _ = self.task.await;
        self.visit.leave().await;
    }
}

async fn fetch(visit: Visit) {
    let mut tries = 0;
    loop {
        // On its own: what the library makes of a server that means no good ends here. Dropping the set ends the task.
        let mut tasks = JoinSet::new();
        tasks.spawn(visit.clone().run());
        let end = tasks.join_next().await;
        visit.app.metrics.mailbox(false);
        let (looked, away) = match end {
            Some(Ok(End::Held)) => {
                tries = 0;
                sleep(visit::AGAIN_AFTER).await;
                continue;
            }
            Some(Ok(End::Away { looked, why })) => (looked, why),
            Some(Err(_)) | None => (false, Away::Nonsense),
        };
        if looked {
            tries = 0;
        }
        let after = TRIES[tries.min(TRIES.len() - 1)];
        tries += 1;
        tracing::warn!(why = %away, after, "the mailbox with answers is not to be had; trying again");
        sleep(Duration::from_secs(after)).await;
    }
}
