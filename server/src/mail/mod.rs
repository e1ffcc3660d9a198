//! E-mail: addresses that people have confirmed are told of what is unread, and answers become messages. Off unless the
//! settings name a mail server.

pub mod address;
mod answers;
pub mod clock;
pub mod compose;
pub mod courier;
pub mod imap;
pub mod letter;
pub mod lmtp;
pub mod page;
mod queue;
pub mod settings;
pub mod token;
mod unread;
pub mod words;

use std::sync::Arc;

use protocol::mail::MailLanguage;
use protocol::model::Person;
use protocol::{ErrorBody, ErrorCode, UserId};
use rand::RngExt;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::accounts::{random_token, token_hash};
use crate::config::Config;
use crate::files::Files;
use crate::store::{MailPerson, NewAddress, NewMail, Store, StoreError, StoreResult, new_id};
use crate::time::now_ms;
use crate::ws::Switchboard;
use answers::Turns;
pub use compose::PasswordNews;
use compose::{Confirmation, Office};
use courier::{Courier, CourierError};
use settings::MailSettings;
use token::MailKey;

const HOUR_MS: i64 = 3_600_000;

/// Why mail cannot be on.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// The mail server's settings.
    #[error(transparent)]
    Courier(#[from] CourierError),
    /// The key beside the files.
    #[error("mail: the key {} can neither be read nor made", MailKey::PLACE)]
    Key,
    /// The mailbox with answers.
    #[error(transparent)]
    Mailbox(#[from] imap::MailboxError),
}

/// Mail, where it is on. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Mail(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    store: Store,
    settings: MailSettings,
    office: Office,
    queued: Notify,
    turns: Arc<Turns>,
}

impl Mail {
    /// Mail as the settings say; `None` when they name no mail server.
    ///
    /// # Errors
    /// See [`MailError`].
    pub async fn open(
        config: &Config,
        store: Store,
        files: &Files,
    ) -> Result<Option<Self>, MailError> {
        if !config.mail.is_on() {
            return Ok(None);
        }
        // What would fail later is to be known at the start.
        Courier::new(&config.mail)?;
        imap::Gate::of(&config.mail)?;
        let key = files.kept_key(MailKey::PLACE).await;
        let key = MailKey::new(key.map_err(|_| MailError::Key)?);
        Ok(Some(Self(Arc::new(Parts {
            store,
            settings: config.mail.clone(),
            office: office(config, key),
            queued: Notify::new(),
            turns: Arc::default(),
        }))))
    }

    /// Sends what waits, and writes mails about what is unread, until the tasks are ended.
    ///
    /// # Errors
    /// See [`MailError`].
    pub fn start(&self, switchboard: Switchboard) -> Result<[JoinHandle<()>; 2], MailError> {
        let courier = Courier::new(&self.0.settings)?;
        Ok([
            tokio::spawn(queue::send(self.clone(), courier)),
            tokio::spawn(unread::watch(self.clone(), switchboard)),
        ])
    }

    /// The settings in force.
    #[must_use]
    pub fn settings(&self) -> &MailSettings {
        &self.0.settings
    }

    /// What signs and writes.
    #[must_use]
    pub fn office(&self) -> &Office {
        &self.0.office
    }

    /// How often answers of a person are taken, whichever way they come.
    fn turns(&self) -> Arc<Turns> {
        Arc::clone(&self.0.turns)
    }

    /// Something waits to be sent.
    pub(crate) fn queued(&self) {
        self.0.queued.notify_one();
    }

    /// Tells somebody of a password that is another one now, if they have an address. That it did not work is no reason to keep
    /// the password before.
    pub async fn tell_of_password(
        &self,
        person: &UserId,
        known: MailPerson,
        news: PasswordNews<'_>,
    ) {
        match self.queue_password(person, known, news).await {
            Ok(true) => self.queued(),
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, %person, "nobody is mailed about a password"),
        }
    }

    async fn queue_password(
        &self,
        person: &UserId,
        known: MailPerson,
        news: PasswordNews<'_>,
    ) -> StoreResult<bool> {
        let Some(address) = known.address.filter(|_| !known.failing) else {
            return Ok(false);
        };
        let now = now_ms();
        let how = (known.lang, known.zone.as_str());
        let letter = self.0.office.password(news, how, now);
        let letter =
            serde_json::to_string(&letter).map_err(|_| StoreError::Refused(ErrorCode::Internal))?;
        let id = new_id();
        let mail = NewMail {
            id: &id,
            person,
            event: &format!("password/{id}"),
            address: &address,
            letter: &letter,
        };
        self.0.store.queue_mail(&mail, now).await?;
        Ok(true)
    }

    /// An address waits to be confirmed; the mail with link and code is on its way. `store` acts for whoever asks for it.
    ///
    /// # Errors
    /// `BadRequest` for what is no address or zone, `RateLimited` with the wait, `NotFound`, `Overloaded`.
    pub async fn await_address(
        &self,
        store: &Store,
        person: &Person,
        given: &str,
        (lang, zone): (MailLanguage, &str),
    ) -> Result<(), ErrorBody> {
        let wrong = |what: &str| ErrorBody::from(ErrorCode::BadRequest).with_text(what);
        let address = address::parse(given).ok_or_else(|| wrong("address"))?;
        if !clock::is_zone(zone) {
            return Err(wrong("zone"));
        }
        let asked = await_address(
            store,
            &self.0.office,
            &person.id,
            &person.name,
            &address,
            (lang, zone),
        );
        asked.await?;
        self.queued();
        Ok(())
    }
}

/// What all mails have in common.
#[must_use]
pub fn office(config: &Config, key: MailKey) -> Office {
    let address = match config.mail.address.as_str() {
        "" => config.origins.first().cloned().unwrap_or_default(),
        given => given.to_owned(),
    };
    let reply = config
        .mail
        .reply_parts()
        .filter(|_| config.mail.has_replies());
    Office {
        organisation: config.organisation.clone(),
        address,
        texts: config.mail.texts,
        reply: reply.map(|(local, domain)| (local.to_owned(), domain.to_owned())),
        reply_plus: config.mail.reply_plus,
        key,
    }
}

/// The hash of a code: of one person, so that the codes of all cannot be tried at once.
#[must_use]
pub fn code_hash(person: &UserId, code: &str) -> String {
    token_hash(&format!("{person} {code}"))
}

/// See [`Mail::await_address`]; also for the command line, which has a database and no server.
///
/// # Errors
/// The same, but for what is no address.
pub async fn await_address(
    store: &Store,
    office: &Office,
    person: &UserId,
    name: &str,
    address: &str,
    (lang, zone): (MailLanguage, &str),
) -> Result<(), ErrorBody> {
    let now = now_ms();
    let token = random_token();
    let code = format!("{:06}", rand::rng().random_range(0..1_000_000));
    let hash = token_hash(&token);
    let letter = office.confirmation(Confirmation {
        name,
        token: &token,
        code: &code,
        until: now + protocol::limits::MAIL_CONFIRM_HOURS * HOUR_MS,
        zone,
        lang,
    });
    let letter = serde_json::to_string(&letter).map_err(|_| ErrorCode::Internal)?;
    let new = NewAddress {
        person,
        address,
        token_hash: &hash,
        code_hash: &code_hash(person, &code),
        lang,
        zone,
    };
    let mail = NewMail {
        id: &new_id(),
        person,
        event: &format!("confirm/{hash}"),
        address,
        letter: &letter,
    };
    let awaited = store.await_address(new, &mail, now).await;
    awaited.map_err(to_user)?
}

fn to_user(error: StoreError) -> ErrorBody {
    crate::ws::commands::to_user(error)
}
