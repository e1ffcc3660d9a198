//! Settings about what was written and sent: in which zone it is shown, how large it may be, how long it is kept.

use jiff::tz::TimeZone;
use protocol::limits::KEEP_DAYS_MAX;

use super::{Config, ConfigError};

impl Config {
    /// The school's time zone.
    #[must_use]
    pub fn zone(&self) -> TimeZone {
        TimeZone::get(&self.time_zone).unwrap_or(TimeZone::UTC)
    }
}

pub(super) fn check(config: &Config) -> Result<(), ConfigError> {
    if TimeZone::get(&config.time_zone).is_err() {
        return Err(ConfigError::Value {
            key: "time_zone",
            reason: "must be a name such as Europe/Moscow".to_owned(),
        });
    }
    if config.retention_days > KEEP_DAYS_MAX {
        return Err(ConfigError::Value {
            key: "retention_days",
            reason: format!("must be at most {KEEP_DAYS_MAX}"),
        });
    }
    let scanner = &config.virus_scanner;
    let has_port = scanner
        .rsplit_once(':')
        .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
    if !scanner.is_empty() && !scanner.starts_with('/') && !has_port {
        return Err(ConfigError::Value {
            key: "virus_scanner",
            reason: "must be the path of a socket, host and port, or empty".to_owned(),
        });
    }
    if config.file_bytes_max == 0 {
        return Err(ConfigError::Value {
            key: "file_bytes_max",
            reason: "must be at least 1".to_owned(),
        });
    }
    Ok(())
}
