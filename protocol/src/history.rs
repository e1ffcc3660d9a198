//! A room's history as a whole: taking it out, and how long it is kept.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// `GET /rooms/{id}/export/about`: what an export would carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ExportAbout {
    /// Messages.
    #[ts(type = "number")]
    pub messages: i64,
    /// Files on them.
    #[ts(type = "number")]
    pub files: i64,
    /// Bytes of these.
    #[ts(type = "number")]
    pub bytes: i64,
}
