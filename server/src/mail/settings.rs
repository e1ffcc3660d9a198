//! `[mail]` of the settings.

use std::net::SocketAddr;
use std::path::PathBuf;

use lettre::message::Mailbox;
use protocol::mail::MailLanguage;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the connection to the mail server is secured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailTls {
    /// It begins in the clear and must become TLS (RFC 3207).
    #[default]
    Starttls,
    /// TLS from the first byte (RFC 8314).
    Tls,
    /// Never: for a server on this machine.
    Off,
}

/// Mail: how it is sent, and how answers come in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MailSettings {
    /// Mail server that takes mails (SMTP), by its name. Empty: no mail is sent.
    pub host: String,
    /// Its port. 0: 587 with "starttls", 465 with "tls", 25 with "off".
    pub port: u16,
    /// "starttls", "tls", or "off", which is for a server on this machine alone.
    #[schemars(with = "String", extend("enum" = ["starttls", "tls", "off"]))]
    pub tls: MailTls,
    /// Certificate authorities by which the mail server is known (PEM). Empty: those of the system.
    pub authorities: PathBuf,
    /// User at the mail server. Empty: nobody signs in there.
    pub user: String,
    /// Password.
    pub password: String,
    /// File with the password, in place of `password`.
    pub password_file: PathBuf,
    /// Sender of all mails, such as "Школа № 5 <parta@example.ru>".
    pub from: String,
    /// Address of Parta in links. Empty: the first of `origins`.
    pub address: String,
    /// Whether mails say what was written. Otherwise they say who wrote in which room and how many messages there are, and
    /// nothing of what a school's people say to each other lies in mailboxes elsewhere.
    pub texts: bool,
    /// After how many minutes without being read messages are told of, for those who choose the shorter time.
    pub soon_minutes: u32,
    /// Most mails a minute to one domain, such as mail.ru; further ones wait.
    pub per_minute: u32,
    /// Address and port at which a mail server hands over answers to mails (LMTP). Nobody signs in there: it is for this
    /// machine ("127.0.0.1:2424"). Empty: mails cannot be answered.
    pub lmtp_listen: String,
    /// Address to which answers go, such as "reply@parta.example.ru". The mail server must take "reply+…@parta.example.ru" too
    /// and hand all of it to `lmtp_listen`.
    pub reply: String,
    /// Largest answer that is taken, with its files, in bytes.
    pub reply_bytes_max: u32,
}

impl Default for MailSettings {
    fn default() -> Self {
        Self {
            host: String::new(),
            port: 0,
            tls: MailTls::Starttls,
            authorities: PathBuf::new(),
            user: String::new(),
            password: String::new(),
            password_file: PathBuf::new(),
            from: String::new(),
            address: String::new(),
            texts: false,
            soon_minutes: 10,
            per_minute: 60,
            lmtp_listen: String::new(),
            reply: String::new(),
            reply_bytes_max: 25 * 1_024 * 1_024,
        }
    }
}

/// In the order of the example.
pub const ORDER: [&str; 15] = [
    "host",
    "port",
    "tls",
    "authorities",
    "user",
    "password",
    "password_file",
    "from",
    "address",
    "texts",
    "soon_minutes",
    "per_minute",
    "lmtp_listen",
    "reply",
    "reply_bytes_max",
];

/// Longest part of `reply` before the `@`: the rest of the 64 bytes that there may be (RFC 5321 §4.5.3.1.1) is the token's.
const REPLY_LOCAL_BYTES_MAX: usize = 64 - 1 - super::token::REPLY_CHARS;

impl MailSettings {
    /// Whether mail is on.
    #[must_use]
    pub fn is_on(&self) -> bool {
        !self.host.is_empty()
    }

    /// Whether mails can be answered.
    #[must_use]
    pub fn has_replies(&self) -> bool {
        self.is_on() && !self.lmtp_listen.is_empty()
    }

    /// The port of the mail server.
    #[must_use]
    pub fn smtp_port(&self) -> u16 {
        match (self.port, self.tls) {
            (0, MailTls::Starttls) => 587,
            (0, MailTls::Tls) => 465,
            (0, MailTls::Off) => 25,
            (port, _) => port,
        }
    }

    /// The sender.
    #[must_use]
    pub fn sender(&self) -> Option<Mailbox> {
        self.from.parse().ok()
    }

    /// `reply`, before and after its `@`.
    #[must_use]
    pub fn reply_parts(&self) -> Option<(&str, &str)> {
        let (local, domain) = self.reply.rsplit_once('@')?;
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let fits = !local.is_empty()
            && local.len() <= REPLY_LOCAL_BYTES_MAX
            && local.chars().all(plain)
            && domain.chars().all(plain)
            && !domain.is_empty();
        fits.then_some((local, domain))
    }

    /// The language of people who have told none.
    #[must_use]
    pub const fn language(&self) -> MailLanguage {
        MailLanguage::Ru
    }

    /// The first thing that makes no sense: which setting, and why.
    #[must_use]
    pub fn fault(&self) -> Option<(&'static str, &'static str)> {
        if self.per_minute == 0 {
            return Some(("mail.per_minute", "must be at least 1"));
        }
        if !self.is_on() {
            let is_lone = !self.lmtp_listen.is_empty();
            return is_lone.then_some(("mail.host", "answers need a mail server to send by"));
        }
        if self.sender().is_none() {
            return Some((
                "mail.from",
                "must be an address such as \"Школа <parta@example.ru>\"",
            ));
        }
        if !self.password.is_empty() && !self.password_file.as_os_str().is_empty() {
            return Some(("mail.password_file", "is in place of `password`"));
        }
        if !self.user.is_empty() && self.tls == MailTls::Off && !is_local(&self.host) {
            return Some(("mail.tls", "a password goes to another machine by TLS only"));
        }
        let is_web = |text: &str| text.starts_with("https://") || text.starts_with("http://");
        if !self.address.is_empty() && (!is_web(&self.address) || self.address.ends_with('/')) {
            return Some(("mail.address", "must be of the form https://host"));
        }
        if self.lmtp_listen.is_empty() {
            return None;
        }
        if self.lmtp_listen.parse::<SocketAddr>().is_err() {
            return Some((
                "mail.lmtp_listen",
                "must be an address with a port, or empty",
            ));
        }
        if self.reply_parts().is_none() {
            return Some((
                "mail.reply",
                "must be an address with a short name, such as reply@parta.example.ru",
            ));
        }
        None
    }
}

fn is_local(host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1" | "::1")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on() -> MailSettings {
        MailSettings {
            host: "localhost".to_owned(),
            from: "Школа № 5 <parta@example.ru>".to_owned(),
            lmtp_listen: "127.0.0.1:2424".to_owned(),
            reply: "reply@parta.example.ru".to_owned(),
            ..MailSettings::default()
        }
    }

    #[test]
    fn the_example_has_every_setting() {
        let all = toml::Table::try_from(MailSettings::default()).unwrap();
        assert_eq!(all.len(), ORDER.len());
        assert!(ORDER.iter().all(|key| all.contains_key(*key)));
    }

    #[test]
    fn mistakes_are_named() {
        assert_eq!(MailSettings::default().fault(), None);
        assert_eq!(on().fault(), None);
        let text = |text: &str| text.to_owned();
        type Change = fn(&mut MailSettings, String);
        let cases: [(&str, Change, &str); 8] = [
            ("mail.from", |s, v| s.from = v, "Школа"),
            ("mail.from", |s, v| s.from = v, ""),
            ("mail.address", |s, v| s.address = v, "parta.ru"),
            ("mail.lmtp_listen", |s, v| s.lmtp_listen = v, "2424"),
            ("mail.reply", |s, v| s.reply = v, "reply"),
            (
                "mail.reply",
                |s, v| s.reply = v,
                "a-name-that-leaves-no-room-at-all@x.ru",
            ),
            ("mail.host", |s, v| s.host = v, ""),
            (
                "mail.tls",
                |s, v| {
                    s.user = v;
                    s.tls = MailTls::Off;
                    s.host = "mail.ru".to_owned();
                },
                "parta",
            ),
        ];
        for (named, change, value) in cases {
            let mut settings = on();
            change(&mut settings, text(value));
            assert_eq!(settings.fault().map(|(key, _)| key), Some(named), "{value}");
        }
    }
}
