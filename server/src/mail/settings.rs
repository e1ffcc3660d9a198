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
    /// Certificate authorities by which mail servers are known (PEM). Empty: those of the system.
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
    /// machine ("127.0.0.1:2424"). With this and `imap_host` empty mails cannot be answered.
    pub lmtp_listen: String,
    /// Mail server of a mailbox from which answers are fetched (IMAP), by its name. Empty: none are fetched.
    pub imap_host: String,
    /// Its port. 0: 993 with "tls", otherwise 143.
    pub imap_port: u16,
    /// "tls", "starttls", or "off", which is for a server on this machine alone.
    #[schemars(with = "String", extend("enum" = ["starttls", "tls", "off"]))]
    pub imap_tls: MailTls,
    /// User of the mailbox. Empty: `user`, with its password.
    pub imap_user: String,
    /// Password.
    pub imap_password: String,
    /// File with the password, in place of `imap_password`.
    pub imap_password_file: PathBuf,
    /// Folder in which answers arrive. What else lies there is left as it is. Names of folders are as IMAP has them: in ASCII.
    pub imap_folder: String,
    /// How often it is looked into, in seconds.
    pub imap_seconds: u32,
    /// Whether the server may tell of new mails by itself (IDLE), when it can; then they need not wait.
    pub imap_idle: bool,
    /// Folder to which answers go that were taken; it is made when missing. Empty: they stay and are marked as read.
    pub imap_taken: String,
    /// Folder to which answers go that were refused; it is made when missing. Empty: they stay and are marked as read.
    pub imap_refused: String,
    /// Address to which answers go, such as "reply@parta.example.ru": that of the mailbox, or one of which the mail server
    /// hands everything to `lmtp_listen`.
    pub reply: String,
    /// Whether what is sent to "reply+…@parta.example.ru" arrives there too. Otherwise answers are known by the mail that they
    /// answer, which is no help with `lmtp_listen`.
    pub reply_plus: bool,
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
            imap_host: String::new(),
            imap_port: 0,
            imap_tls: MailTls::Tls,
            imap_user: String::new(),
            imap_password: String::new(),
            imap_password_file: PathBuf::new(),
            imap_folder: "INBOX".to_owned(),
            imap_seconds: 60,
            imap_idle: true,
            imap_taken: String::new(),
            imap_refused: "Parta-refused".to_owned(),
            reply: String::new(),
            reply_plus: true,
            reply_bytes_max: 25 * 1_024 * 1_024,
        }
    }
}

/// In the order of the example.
pub const ORDER: [&str; 27] = [
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
    "imap_host",
    "imap_port",
    "imap_tls",
    "imap_user",
    "imap_password",
    "imap_password_file",
    "imap_folder",
    "imap_seconds",
    "imap_idle",
    "imap_taken",
    "imap_refused",
    "reply",
    "reply_plus",
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
        self.is_on() && (!self.lmtp_listen.is_empty() || self.has_mailbox())
    }

    /// Whether answers are fetched from a mailbox.
    #[must_use]
    pub fn has_mailbox(&self) -> bool {
        self.is_on() && !self.imap_host.is_empty()
    }

    /// The port of the mailbox.
    #[must_use]
    pub fn mailbox_port(&self) -> u16 {
        match (self.imap_port, self.imap_tls) {
            (0, MailTls::Tls) => 993,
            (0, MailTls::Starttls | MailTls::Off) => 143,
            (port, _) => port,
        }
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
        let bytes_max = if self.reply_plus {
            REPLY_LOCAL_BYTES_MAX
        } else {
            64
        };
        let fits = !local.is_empty()
            && local.len() <= bytes_max
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
            let is_lone = !self.lmtp_listen.is_empty() || !self.imap_host.is_empty();
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
        if !self.has_replies() {
            return None;
        }
        if !self.lmtp_listen.is_empty() && self.lmtp_listen.parse::<SocketAddr>().is_err() {
            return Some((
                "mail.lmtp_listen",
                "must be an address with a port, or empty",
            ));
        }
        if !self.reply_plus && !self.lmtp_listen.is_empty() {
            return Some(("mail.reply_plus", "lmtp_listen needs it"));
        }
        if self.has_mailbox()
            && let Some(fault) = self.mailbox_fault()
        {
            return Some(fault);
        }
        if self.reply_parts().is_none() {
            return Some((
                "mail.reply",
                "must be an address with a short name, such as reply@parta.example.ru",
            ));
        }
        None
    }

    fn mailbox_fault(&self) -> Option<(&'static str, &'static str)> {
        let has_own = !self.imap_user.is_empty();
        if !has_own && self.user.is_empty() {
            return Some(("mail.imap_user", "must be the user of the mailbox"));
        }
        if !self.imap_password.is_empty() && !self.imap_password_file.as_os_str().is_empty() {
            return Some(("mail.imap_password_file", "is in place of `imap_password`"));
        }
        if self.imap_tls == MailTls::Off && !is_local(&self.imap_host) {
            return Some((
                "mail.imap_tls",
                "a password goes to another machine by TLS only",
            ));
        }
        if self.imap_seconds == 0 {
            return Some(("mail.imap_seconds", "must be at least 1"));
        }
        let folders = [
            ("mail.imap_folder", &self.imap_folder),
            ("mail.imap_taken", &self.imap_taken),
            ("mail.imap_refused", &self.imap_refused),
        ];
        let is_name = |name: &str| name.chars().all(|c| c == ' ' || c.is_ascii_graphic());
        if let Some((key, _)) = folders.iter().find(|(_, name)| !is_name(name)) {
            return Some((
                key,
                "is written as IMAP has it, such as &BB4EQgQyBDUEQgRL- (RFC 3501)",
            ));
        }
        if self.imap_folder.is_empty() {
            return Some(("mail.imap_folder", "must be the name of a folder"));
        }
        let is_same = |name: &String| *name == self.imap_folder;
        if let Some((key, _)) = folders[1..].iter().find(|(_, name)| is_same(name)) {
            return Some((key, "must be another folder than imap_folder"));
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

    fn mailbox(settings: &mut MailSettings) {
        settings.imap_host = "imap.example.ru".to_owned();
        settings.imap_user = "reply@parta.example.ru".to_owned();
        settings.imap_password = "secret".to_owned();
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
        let mut fetched = on();
        mailbox(&mut fetched);
        assert_eq!(fetched.fault(), None);
        fetched.lmtp_listen = String::new();
        fetched.reply_plus = false;
        fetched.reply = "a-name-that-leaves-no-room-at-all@x.ru".to_owned();
        assert_eq!((fetched.fault(), fetched.mailbox_port()), (None, 993));
        let text = |text: &str| text.to_owned();
        type Change = fn(&mut MailSettings, String);
        let cases: [(&str, Change, &str); 16] = [
            (
                "mail.host",
                |s, v| {
                    s.lmtp_listen = String::new();
                    s.host = String::new();
                    s.imap_host = v
                },
                "imap.x.ru",
            ),
            ("mail.imap_user", |s, v| s.imap_host = v, "imap.x.ru"),
            (
                "mail.reply_plus",
                |s, v| {
                    mailbox(s);
                    s.reply_plus = v.is_empty()
                },
                "no",
            ),
            (
                "mail.imap_password_file",
                |s, v| {
                    mailbox(s);
                    s.imap_password_file = v.into()
                },
                "x",
            ),
            (
                "mail.imap_tls",
                |s, v| {
                    mailbox(s);
                    s.imap_tls = MailTls::Off;
                    s.imap_host = v
                },
                "imap.x.ru",
            ),
            (
                "mail.imap_folder",
                |s, v| {
                    mailbox(s);
                    s.imap_folder = v
                },
                "Ответы",
            ),
            (
                "mail.imap_refused",
                |s, v| {
                    mailbox(s);
                    s.imap_refused = v
                },
                "a\r\nb",
            ),
            (
                "mail.imap_taken",
                |s, v| {
                    mailbox(s);
                    s.imap_taken = v
                },
                "INBOX",
            ),
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
