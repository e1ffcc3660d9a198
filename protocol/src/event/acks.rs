//! What events about acknowledgements tell.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::ids::{MessageId, UserId};

/// An acknowledgement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Acked {
    /// Which message.
    pub id: MessageId,
    /// Its number.
    #[ts(type = "number")]
    pub no: i64,
    /// Who.
    pub by: UserId,
    /// How many have by then, or by a later time.
    pub done: u32,
}

/// A reminder of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Reminded {
    /// Which message.
    pub id: MessageId,
    /// Its number.
    #[ts(type = "number")]
    pub no: i64,
    /// Who reminds.
    pub by: UserId,
    /// When.
    pub at: String,
}
