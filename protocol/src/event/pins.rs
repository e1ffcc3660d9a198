//! What events about pinned messages tell.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::ids::{MessageId, UserId};

/// A message that was pinned or taken down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Pinned {
    /// Which message.
    pub id: MessageId,
    /// Its number.
    #[ts(type = "number")]
    pub no: i64,
    /// Who did it.
    pub by: UserId,
    /// When.
    pub at: String,
    /// False when it was taken down.
    pub on: bool,
}
