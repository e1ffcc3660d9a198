//! Files in which a virus was found. Nobody gets them; the staff of their room are told of them.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::ids::{FileId, UserId};

/// A file in quarantine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct QuarantinedFile {
    /// Under which it lies in the server's folder `quarantine`; there is no address for it.
    pub id: FileId,
    /// Who wanted to send it.
    pub by: UserId,
    /// The name that they gave it, made safe to show.
    pub name: String,
    /// Bytes.
    #[ts(type = "number")]
    pub size: u64,
    /// SHA-256 of the content, lower-case hexadecimal.
    pub sha256: String,
    /// What the scanner calls the virus.
    pub virus: String,
    /// When it was found.
    pub at: String,
}

/// `GET /rooms/{id}/quarantine`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Quarantine {
    /// The newest first, at most [`crate::limits::QUARANTINE_TOLD_MAX`].
    pub files: Vec<QuarantinedFile>,
}
