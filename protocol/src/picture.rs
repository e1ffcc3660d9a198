//! Pictures of people.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::ids::UserId;

/// `GET /picture`: one's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct OwnPicture {
    /// Whether this person may have one, and others see it.
    pub may: bool,
    /// Which one is there, as in [`crate::model::Person::picture`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub picture: Option<String>,
}

/// Somebody has another picture, or none any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct PersonPicture {
    /// Who.
    pub u: UserId,
    /// Which, as in [`crate::model::Person::picture`]; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub picture: Option<String>,
}
