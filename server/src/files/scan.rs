//! A look for viruses before anybody else can have a file: clamd, or whatever speaks its protocol (`INSTREAM`).

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clamav_client::tokio::{Socket, Tcp, scan_file};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

/// Bytes that go to the scanner at once.
const PIECE_BYTES: usize = 64 * 1_024;
/// A scanner that has not answered by then is as good as none: a large archive takes it a minute.
const PATIENCE: Duration = Duration::from_secs(180);
/// Longest name of a virus that is kept, in characters.
const NAME_CHARS_MAX: usize = 128;

/// What happens to files while the scanner does not answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhileDown {
    /// They wait with their sender, who is told.
    #[default]
    Hold,
    /// They go through unseen.
    Pass,
}

/// What a scanner says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing was found.
    Clean,
    /// There is a virus of this name.
    Found(String),
}

/// Why there is no verdict.
#[derive(Debug, thiserror::Error)]
pub enum Unscanned {
    /// It cannot be reached, or broke off: also when a file is larger than it takes.
    #[error("the scanner cannot be reached: {0}")]
    Away(#[from] io::Error),
    /// It did not answer in time.
    #[error("the scanner did not answer within {} s", PATIENCE.as_secs())]
    Late,
    /// It answered, and with no verdict. In its settings `StreamMaxLength` has to be as large as `file_bytes_max` here.
    #[error("the scanner says: {0}")]
    Unable(String),
}

/// Where the scanner is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scanner {
    place: Place,
    while_down: WhileDown,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Socket(PathBuf),
    Tcp(String),
}

impl Scanner {
    /// The scanner at a socket's path or `host:port`; `None` when the address is empty.
    #[must_use]
    pub fn at(address: &str, while_down: WhileDown) -> Option<Self> {
        let place = match address {
            "" => return None,
            path if path.starts_with('/') => Place::Socket(path.into()),
            address => Place::Tcp(address.to_owned()),
        };
        Some(Self { place, while_down })
    }

    /// What happens while it does not answer.
    #[must_use]
    pub const fn while_down(&self) -> WhileDown {
        self.while_down
    }

    /// Looks at a file.
    ///
    /// # Errors
    /// See [`Unscanned`].
    pub async fn look(&self, file: &Path) -> Result<Verdict, Unscanned> {
        let answer = match &self.place {
            Place::Socket(path) => {
                let socket_path = path.clone();
                let scan = scan_file(file, Socket { socket_path }, Some(PIECE_BYTES));
                timeout(PATIENCE, scan).await
            }
            Place::Tcp(address) => {
                let host_address = address.clone();
                let scan = scan_file(file, Tcp { host_address }, Some(PIECE_BYTES));
                timeout(PATIENCE, scan).await
            }
        };
        verdict(&answer.map_err(|_| Unscanned::Late)??)
    }
}

// clamd(8), INSTREAM: `stream: OK`, `stream: NAME FOUND`, `… ERROR`.
fn verdict(answer: &[u8]) -> Result<Verdict, Unscanned> {
    let text = String::from_utf8_lossy(answer);
    let text = text.trim_end_matches('\0').trim();
    if text == "stream: OK" {
        return Ok(Verdict::Clean);
    }
    let found = text
        .strip_prefix("stream: ")
        .and_then(|rest| rest.strip_suffix(" FOUND"));
    match found {
        Some(name) => Ok(Verdict::Found(shown(name))),
        None => Err(Unscanned::Unable(shown(text))),
    }
}

fn shown(text: &str) -> String {
    let plain = text.chars().filter(|c| !c.is_control());
    plain.take(NAME_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ok_is_clean() {
        let found = |name: &str| Verdict::Found(name.to_owned());
        assert_eq!(verdict(b"stream: OK\0").unwrap(), Verdict::Clean);
        assert_eq!(
            verdict(b"stream: Eicar-Test-Signature FOUND\0").unwrap(),
            found("Eicar-Test-Signature")
        );
        for none in [
            &b""[..],
            b"OK",
            b"stream: OK FOUND OK",
            b"INSTREAM size limit exceeded. ERROR\0",
            b"UNKNOWN COMMAND",
            b"\xff\xfe",
        ] {
            assert!(verdict(none).is_err(), "{none:?}");
        }
        let long = format!("stream: {} FOUND", "x".repeat(1_000));
        assert_eq!(verdict(long.as_bytes()).unwrap(), found(&"x".repeat(128)));
    }

    #[test]
    fn an_address_is_a_path_or_a_port() {
        assert_eq!(Scanner::at("", WhileDown::Hold), None);
        let place = |address| Scanner::at(address, WhileDown::Hold).unwrap().place;
        assert_eq!(
            place("/run/clamav/clamd.ctl"),
            Place::Socket("/run/clamav/clamd.ctl".into())
        );
        assert_eq!(place("127.0.0.1:3310"), Place::Tcp("127.0.0.1:3310".into()));
    }
}
