//! Messages that go when their time is over.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Messages of which nothing is left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Expired {
    /// All up to this number.
    #[ts(type = "number")]
    pub no: i64,
    /// Since when.
    pub at: String,
}
