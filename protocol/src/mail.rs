//! Bodies of `/api/v1/mail`: being told by e-mail.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// When a person is told of unread messages by e-mail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum MailWhen {
    /// Never.
    #[default]
    Off,
    /// When something is unread for [`Mail::soon`] minutes.
    Soon,
    /// When something is unread for an hour.
    Hour,
    /// Once a day, at a time of the person's choice.
    Digest,
}

/// The language of mails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum MailLanguage {
    /// Russian.
    #[default]
    Ru,
    /// English.
    En,
}

/// `GET /mail`: mail is on here; what a person has set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Mail {
    /// The address to which mails go. It is confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub address: Option<String>,
    /// An address that waits to be confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub pending: Option<String>,
    /// Whether the mail server of `address`, or of the first one that was to be confirmed, refused it for good: nothing is sent
    /// there until one is confirmed anew.
    pub failing: bool,
    /// When mails come.
    pub when: MailWhen,
    /// Minutes of [`MailWhen::Soon`].
    pub soon: u32,
    /// Minutes after midnight of [`MailWhen::Digest`], 0 to 1439.
    pub digest: u16,
    /// Where that is, and in which zone mails tell times: a name of the IANA time zone database.
    pub zone: String,
    /// Language of the mails.
    pub lang: MailLanguage,
    /// Whether mails say what was written, and not only who wrote where.
    pub texts: bool,
    /// Whether they can be answered.
    pub replies: bool,
}

/// `POST /mail/address`: the address is mine, or, with [`MailAddress::person`], somebody's; a mail goes there to confirm it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct MailAddress {
    /// Address, at most [`crate::limits::MAIL_ADDRESS_BYTES_MAX`] bytes.
    pub address: String,
    /// Whose, when an administrator asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub person: Option<crate::ids::UserId>,
    /// Language of the mails.
    pub lang: MailLanguage,
    /// A name of the IANA time zone database.
    pub zone: String,
}

/// `POST /mail/confirm`: what the mail said. Its link needs no session, its code does.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum MailProof {
    /// From the link.
    Token(String),
    /// Typed by the person.
    Code(String),
}

/// `POST /mail/stop`: no more mails, by a link that was in one of them. It needs no session.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct MailStop {
    /// From the link.
    pub token: String,
}

/// `PATCH /mail`: when mails come. Takes the place of what was set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct MailWish {
    /// When.
    pub when: MailWhen,
    /// Minutes after midnight of [`MailWhen::Digest`], 0 to 1439.
    pub digest: u16,
    /// A name of the IANA time zone database.
    pub zone: String,
    /// Language of the mails.
    pub lang: MailLanguage,
}
