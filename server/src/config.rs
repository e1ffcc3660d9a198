//! The configuration: one TOML file, overridden by `PARTA_…` variables and then by the command line. The doc
//! comments here are the comments of the generated example and the descriptions of the generated schema.

mod history;
pub mod people;
mod section;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use protocol::limits::ROOM_MEMBERS_MAX;
use protocol::room::DirectPolicy;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::people::PeopleSettings;
use crate::files::scan::WhileDown;
use crate::mail::settings::MailSettings;
use crate::push;
use crate::webhooks::settings::WebhookSettings;

/// Most threads for media.
const MEDIA_WORKERS_MAX: u16 = 64;

/// The push services of browsers.
const PUSH_HOSTS: [&str; 5] = [
    "fcm.googleapis.com",
    "updates.push.services.mozilla.com",
    "web.push.apple.com",
    "*.push.apple.com",
    "*.notify.windows.com",
];

/// Whether people are told of messages while the page is closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PushMode {
    /// No.
    #[default]
    Off,
    /// Those who want it.
    On,
}

/// Everything that can be set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Name of the school or centre, shown on the sign-in page.
    pub organisation: String,
    /// The school's time zone, a name of the IANA database. Exports show times in it.
    pub time_zone: String,
    /// Address and port of the web server (TCP).
    pub listen: SocketAddr,
    /// Certificate chain (PEM) with which the web server speaks HTTPS. Empty: it speaks HTTP, for a proxy before it. It is
    /// read again when it changes and on SIGHUP.
    pub tls_certificate: PathBuf,
    /// Its private key (PEM).
    pub tls_key: PathBuf,
    /// Port for sound and pictures (UDP) on the same address. 0 takes a free one.
    pub media_port: u16,
    /// Threads for sound and pictures, 1 to 64, each with a port of its own from `media_port` on: with 3 they are 10000,
    /// 10001 and 10002. A lesson is on one of them unless it is large; one fills a processor core with about three lessons
    /// of thirty cameras.
    pub media_workers: u16,
    /// People of one lesson on one of these threads; whoever comes to it then is put on another one, which is
    /// handed what its people see and hear.
    pub media_spread_from: u32,
    /// Most people and devices in one lesson; who comes then is told that it is full.
    pub lesson_people_max: u32,
    /// Addresses at which browsers reach the media port, IPv4 and IPv6. Empty: this machine's own addresses. Behind a
    /// router they are the router's.
    pub media_addresses: Vec<IpAddr>,
    /// Port at which browsers reach the media port (UDP), when a router forwards another one to it; with several workers
    /// the first of as many. 0: the same.
    pub media_public_port: u16,
    /// Port at which browsers reach this server for media by TCP, where UDP is blocked: the web server tells media from
    /// pages by their first bytes. 0: the port of `listen`, and none when that is for this machine alone.
    pub media_tcp_port: u16,
    /// Folder for the embedded database and the files.
    pub data: PathBuf,
    /// PostgreSQL address (postgres://…). Empty: the embedded database in the data folder.
    pub database: String,
    /// Redis address (redis://host:port/) when several servers share one database. Empty: this is the only one.
    /// Chat and files work across servers; in a live lesson only those meet who are on the same one.
    pub redis: String,
    /// Begin of every name in Redis: installations that share a Redis need different ones.
    pub redis_prefix: String,
    /// Addresses under which people open Parta, such as "https://parta.example.ru". Requests from pages of any
    /// other origin are refused. Empty: localhost and 127.0.0.1 with the port above.
    pub origins: Vec<String>,
    /// Addresses of the reverse proxies before this server: what these say in X-Forwarded-For of where a request comes
    /// from is believed. Failed sign-ins are counted by it.
    pub proxies: Vec<IpAddr>,
    /// Who may have conversations of two: "off" nobody, "staff" everybody with the staff, "all" also learners with learners and
    /// guardians with guardians. Existing conversations that it does not allow can only be read. `people.direct_with_learners` says
    /// more of those between learners and adults.
    #[schemars(with = "String", extend("enum" = ["off", "staff", "all"]))]
    pub direct_messages: DirectPolicy,
    /// Telling people of messages while the page is closed (Web Push): "off" or "on". It goes over the servers of the browsers'
    /// makers, abroad for the most part: Google's (Chrome, Edge on Android, Яндекс Браузер), Mozilla's (Firefox), Apple's
    /// (Safari, iPhone), Microsoft's (Edge). They learn that something is new for some browser, and when; they learn no names and
    /// no texts. Everybody who wants it switches it on for a browser. Off, no foreign host is ever called.
    #[schemars(with = "String", extend("enum" = ["off", "on"]))]
    pub push: PushMode,
    /// Whom push services may write to when something goes wrong: "mailto:…" or "https://…". Empty: the first of `origins` that
    /// begins with https.
    pub push_contact: String,
    /// Hosts of push services; no other one is ever called. "*." at the beginning stands for any name before the rest.
    pub push_hosts: Vec<String>,
    /// Certificate authorities by which push services are known (PEM), for a proxy that opens TLS. Empty: those of the system.
    pub push_authorities: PathBuf,
    /// Days for which rooms keep messages and files, unless those who manage a room say otherwise there. What is older is
    /// deleted for good. 0: for ever.
    pub retention_days: u32,
    /// Hours after which a rule that was set in a room begins to delete, so that it can be taken back.
    pub retention_grace_hours: u32,
    /// Largest file that may be uploaded, in bytes.
    pub file_bytes_max: u64,
    /// Virus scanner (clamd): the path of its socket ("/run/clamav/clamd.ctl") or host and port ("127.0.0.1:3310"). Nobody
    /// gets a file before it has looked at it. Its `StreamMaxLength` has to be as large as `file_bytes_max`. Empty: none.
    pub virus_scanner: String,
    /// What happens to files while the scanner does not answer: "hold", they wait with their sender, or "pass", they go
    /// through unseen.
    #[schemars(with = "String", extend("enum" = ["hold", "pass"]))]
    pub virus_scanner_down: WhileDown,
    /// Program that draws the first page of documents: `config/document-preview`, or another one that is called with a document's
    /// path, its kind (MIME) and where to put a PNG or JPEG. Empty: documents have no preview.
    pub document_preview: PathBuf,
    /// New connections per second that are let in, after twice as many at once; further ones are told to come a little
    /// later. 0: 500 for each processor core.
    pub connections_per_second: u32,
    /// Seconds over which connections are closed at a restart, so that people do not all come back at once.
    pub drain_seconds: u32,
    /// Minutes after which a lesson without anybody in it ends by itself.
    pub empty_lesson_minutes: u32,
    /// Address and port at which Prometheus reads figures of this server, at `/metrics`. Nobody signs in there: it is for
    /// this machine ("127.0.0.1:9464") or an inner network. Empty: nowhere.
    pub metrics_listen: String,
    /// Log filter: error, warn, info, debug or trace, or by module ("info,server=debug").
    pub log: String,
    /// Mail: how it is sent, and how answers come in.
    pub mail: MailSettings,
    /// Outgoing webhooks: where the server may send the messages of rooms, when those who manage a room want it.
    pub webhooks: WebhookSettings,
    /// What people tell of themselves, and how adults write to learners.
    pub people: PeopleSettings,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            organisation: "Parta".to_owned(),
            time_zone: "Europe/Moscow".to_owned(),
            listen: SocketAddr::from(([127, 0, 0, 1], 8_080)),
            tls_certificate: PathBuf::new(),
            tls_key: PathBuf::new(),
            media_port: 10_000,
            media_workers: 1,
            media_spread_from: 100,
            lesson_people_max: 500,
            media_addresses: Vec::new(),
            media_public_port: 0,
            media_tcp_port: 0,
            data: PathBuf::from("data"),
            database: String::new(),
            redis: String::new(),
            redis_prefix: "parta".to_owned(),
            origins: Vec::new(),
            proxies: vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
            direct_messages: DirectPolicy::Staff,
            push: PushMode::Off,
            push_contact: String::new(),
            push_hosts: PUSH_HOSTS.map(str::to_owned).to_vec(),
            push_authorities: PathBuf::new(),
            retention_days: 0,
            retention_grace_hours: 24,
            file_bytes_max: 512 * 1_024 * 1_024,
            virus_scanner: String::new(),
            virus_scanner_down: WhileDown::Hold,
            document_preview: PathBuf::new(),
            connections_per_second: 0,
            drain_seconds: 10,
            empty_lesson_minutes: 5,
            metrics_listen: String::new(),
            log: "info".to_owned(),
            mail: MailSettings::default(),
            webhooks: WebhookSettings::default(),
            people: PeopleSettings::default(),
        }
    }
}

/// Why a configuration was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("{path}: {source}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The text is not a configuration; the message names line and key.
    #[error("{0}")]
    Parse(#[from] toml::de::Error),
    /// A value has the right type and makes no sense.
    #[error("{key}: {reason}")]
    Value {
        /// Which setting.
        key: &'static str,
        /// What is wrong.
        reason: String,
    },
}

impl Config {
    /// Reads a file, or the defaults when there is none, and applies `PARTA_…` variables.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn load(
        file: Option<&Path>,
        variables: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let text = match file {
            Some(path) => std::fs::read_to_string(path).map_err(|source| ConfigError::Read {
                path: path.to_owned(),
                source,
            })?,
            None => String::new(),
        };
        let mut table: toml::Table = toml::from_str(&text)?;
        for (name, value) in variables {
            let Some(key) = name.strip_prefix("PARTA_").map(str::to_lowercase) else {
                continue;
            };
            section::set(&mut table, &key, &value);
        }
        let config: Self = toml::Value::Table(table).try_into()?;
        config.check()?;
        Ok(config)
    }

    /// Where Prometheus reads, if anywhere.
    #[must_use]
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics_listen.parse().ok()
    }

    /// Whether the values make sense.
    ///
    /// # Errors
    /// [`ConfigError::Value`].
    pub fn check(&self) -> Result<(), ConfigError> {
        for origin in &self.origins {
            let host = origin
                .strip_prefix("https://")
                .or_else(|| origin.strip_prefix("http://"));
            let plain = host.is_some_and(|host| {
                !host.is_empty()
                    && host
                        .chars()
                        .all(|c| c.is_ascii_alphanumeric() || ".-:[]".contains(c))
            });
            if !plain || origin.chars().any(|c| c.is_ascii_uppercase()) {
                let reason = format!(
                    "{origin:?} is not of the form https://host or https://host:port in small letters"
                );
                return Err(ConfigError::Value {
                    key: "origins",
                    reason,
                });
            }
        }
        if !self.database.is_empty() && !self.database.starts_with("postgres") {
            let reason = "must begin with postgres:// or be empty".to_owned();
            return Err(ConfigError::Value {
                key: "database",
                reason,
            });
        }
        if !self.redis.is_empty() && !self.redis.starts_with("redis://") {
            let reason = "must begin with redis:// or be empty".to_owned();
            return Err(ConfigError::Value {
                key: "redis",
                reason,
            });
        }
        if !self.redis.is_empty() && self.database.is_empty() {
            let reason = "several servers need one PostgreSQL: set `database` too".to_owned();
            return Err(ConfigError::Value {
                key: "redis",
                reason,
            });
        }
        if !self.metrics_listen.is_empty() && self.metrics_address().is_none() {
            return Err(ConfigError::Value {
                key: "metrics_listen",
                reason: "must be an address with a port, or empty".to_owned(),
            });
        }
        if self.tls_certificate.as_os_str().is_empty() != self.tls_key.as_os_str().is_empty() {
            return Err(ConfigError::Value {
                key: "tls_key",
                reason: "certificate and key go together".to_owned(),
            });
        }
        let is_plain = |origin: &String| origin.starts_with("http://");
        if self.speaks_tls() && self.origins.iter().any(is_plain) {
            return Err(ConfigError::Value {
                key: "origins",
                reason: "with a certificate they begin with https://".to_owned(),
            });
        }
        let first = self.media_port.max(self.media_public_port);
        let fits = first
            .checked_add(self.media_workers.saturating_sub(1))
            .is_some();
        if !(1..=MEDIA_WORKERS_MAX).contains(&self.media_workers) || !fits {
            return Err(ConfigError::Value {
                key: "media_workers",
                reason: format!(
                    "must be 1 to {MEDIA_WORKERS_MAX}, with as many ports from `media_port` on"
                ),
            });
        }
        if self.media_spread_from == 0 {
            return Err(ConfigError::Value {
                key: "media_spread_from",
                reason: "must be at least 1".to_owned(),
            });
        }
        if !(2..=ROOM_MEMBERS_MAX).contains(&(self.lesson_people_max as usize)) {
            return Err(ConfigError::Value {
                key: "lesson_people_max",
                reason: format!("must be from 2 to {ROOM_MEMBERS_MAX}"),
            });
        }
        if let Some(host) = self.push_hosts.iter().find(|host| !push::is_host(host)) {
            return Err(ConfigError::Value {
                key: "push_hosts",
                reason: format!("{host:?} is not a host such as push.example.ru or *.example.ru"),
            });
        }
        let sender = self.push_sender();
        if self.push == PushMode::On
            && !sender.starts_with("https://")
            && !sender.starts_with("mailto:")
        {
            return Err(ConfigError::Value {
                key: "push_contact",
                reason: "push needs an address that begins with mailto: or https://".to_owned(),
            });
        }
        if self.empty_lesson_minutes == 0 {
            return Err(ConfigError::Value {
                key: "empty_lesson_minutes",
                reason: "must be at least 1".to_owned(),
            });
        }
        if let Some((key, reason)) = self.mail.fault() {
            let reason = reason.to_owned();
            return Err(ConfigError::Value { key, reason });
        }
        if let Some((key, reason)) = self.webhooks.fault() {
            return Err(ConfigError::Value { key, reason });
        }
        history::check(self)
    }

    /// Fills in the origins that the address in use implies.
    #[must_use]
    pub fn with_default_origins(mut self, listening: SocketAddr) -> Self {
        if self.origins.is_empty() {
            let scheme = if self.speaks_tls() { "https" } else { "http" };
            let port = listening.port();
            self.origins = vec![
                format!("{scheme}://localhost:{port}"),
                format!("{scheme}://127.0.0.1:{port}"),
            ];
        }
        self
    }

    /// Whom push services may write to.
    #[must_use]
    pub fn push_sender(&self) -> String {
        if !self.push_contact.is_empty() {
            return self.push_contact.clone();
        }
        let secure = |origin: &&String| origin.starts_with("https://");
        self.origins
            .iter()
            .find(secure)
            .cloned()
            .unwrap_or_default()
    }

    /// Whether the web server itself speaks TLS.
    #[must_use]
    pub fn speaks_tls(&self) -> bool {
        !self.tls_certificate.as_os_str().is_empty()
    }

    /// Whether people come over HTTPS, so that cookies must not travel otherwise.
    #[must_use]
    pub fn is_https(&self) -> bool {
        !self.origins.is_empty()
            && self
                .origins
                .iter()
                .all(|origin| origin.starts_with("https://"))
    }

    /// An example file: every setting with its default and its meaning.
    #[must_use]
    pub fn example() -> String {
        let defaults = toml::Table::try_from(Self::default()).unwrap_or_default();
        let schema = schema();
        let mut text = "# Parta's settings, with their defaults. Every setting can also be given as an environment\n\
                        # variable: PARTA_LISTEN=…\n"
            .to_owned();
        for key in SETTINGS {
            let about = schema["properties"][key]["description"]
                .as_str()
                .unwrap_or_default();
            text.push('\n');
            for line in about.lines() {
                text.push_str(&format!("# {line}\n"));
            }
            if let Some(value) = defaults.get(key) {
                text.push_str(&format!("{key} = {value}\n"));
            }
        }
        text + &section::examples(&schema)
    }
}

/// In the order of the example.
const SETTINGS: [&str; 34] = [
    "organisation",
    "time_zone",
    "listen",
    "tls_certificate",
    "tls_key",
    "media_port",
    "media_workers",
    "media_spread_from",
    "lesson_people_max",
    "media_addresses",
    "media_public_port",
    "media_tcp_port",
    "data",
    "database",
    "redis",
    "redis_prefix",
    "origins",
    "proxies",
    "direct_messages",
    "push",
    "push_contact",
    "push_hosts",
    "push_authorities",
    "retention_days",
    "retention_grace_hours",
    "file_bytes_max",
    "virus_scanner",
    "virus_scanner_down",
    "document_preview",
    "connections_per_second",
    "drain_seconds",
    "empty_lesson_minutes",
    "metrics_listen",
    "log",
];

/// JSON Schema of the file (draft 2020-12).
#[must_use]
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Config).to_value()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("parta.toml");
        std::fs::write(&file, text).unwrap();
        Config::load(
            Some(&file),
            variables
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned())),
        )
    }

    #[test]
    fn the_example_is_the_default() {
        assert_eq!(load(&Config::example(), &[]).unwrap(), Config::default());
    }

    #[test]
    fn the_committed_example_and_schema_are_fresh() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config");
        let schema = format!("{:#}\n", schema());
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(folder.join("parta.example.toml"), Config::example()).unwrap();
            std::fs::write(folder.join("parta.schema.json"), &schema).unwrap();
        }
        let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap_or_default();
        assert_eq!(
            read("parta.example.toml"),
            Config::example(),
            "run `make types`"
        );
        assert_eq!(read("parta.schema.json"), schema, "run `make types`");
    }

    #[test]
    fn variables_win_over_the_file() {
        let config = load(
            "media_port = 1\norganisation = 'A'",
            &[
                ("PARTA_MEDIA_PORT", "2"),
                ("PARTA_ORIGINS", "https://a.ru, https://b.ru"),
                ("HOME", "/"),
            ],
        )
        .unwrap();
        assert_eq!((config.media_port, config.organisation.as_str()), (2, "A"));
        assert_eq!(config.origins, ["https://a.ru", "https://b.ru"]);
    }

    #[test]
    fn the_last_port_may_be_used() {
        for text in [
            "media_port = 65535",
            "media_port = 65530\nmedia_workers = 6",
        ] {
            assert!(load(text, &[]).is_ok(), "{text}");
        }
        assert!(load("media_port = 65530\nmedia_workers = 7", &[]).is_err());
    }

    #[test]
    fn mistakes_are_named() {
        for (text, named) in [
            ("organization = 'x'", "organization"),
            ("media_port = 'x'", "media_port"),
            ("media_port = 70000", "media_port"),
            ("media_workers = 0", "media_workers"),
            ("media_workers = 65", "media_workers"),
            ("media_spread_from = 0", "media_spread_from"),
            ("lesson_people_max = 1", "lesson_people_max"),
            ("lesson_people_max = 1001", "lesson_people_max"),
            ("media_port = 65530\nmedia_workers = 8", "media_workers"),
            ("origins = ['parta.ru']", "origins"),
            ("origins = ['https://parta.ru/']", "origins"),
            ("database = 'mysql://x'", "database"),
            ("file_bytes_max = 0", "file_bytes_max"),
            ("virus_scanner = 'clamd'", "virus_scanner"),
            ("virus_scanner_down = 'x'", "hold"),
            ("[people]\npictures = 'x'", "staff"),
            ("[people]\ndirect_with_learners = 'x'", "visible"),
            ("redis = 'localhost'", "redis"),
            ("redis = 'redis://localhost/'", "database"),
            ("metrics_listen = '9464'", "metrics_listen"),
            ("push = 'maybe'", "push"),
            ("push = 'on'", "push_contact"),
            (
                "push = 'on'\npush_contact = 'it@example.ru'",
                "push_contact",
            ),
            ("push_hosts = ['https://push.ru/']", "push_hosts"),
            ("push_hosts = ['*']", "push_hosts"),
            (
                "[webhooks]\nallowed_hosts = ['https://a.ru']",
                "webhooks.allowed_hosts",
            ),
            ("empty_lesson_minutes = 0", "empty_lesson_minutes"),
            ("tls_key = '/key.pem'", "tls_key"),
            (
                "tls_certificate = 'a'\ntls_key = 'b'\norigins = ['http://parta.ru']",
                "origins",
            ),
        ] {
            let error = load(text, &[]).unwrap_err().to_string();
            assert!(error.contains(named), "{text}: {error}");
        }
    }
}
