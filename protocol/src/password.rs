//! Passwords that are replaced: by their owner, or by another person with one that holds for a few days and for nothing but
//! choosing the next.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// `POST /password`: another password of one's own.
#[derive(Clone, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct ChoosePassword {
    /// The present one; not needed in a session that may only choose ([`crate::http::Session::choose`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub old: Option<String>,
    /// The new one.
    pub password: String,
    /// Whether the person's other sessions go on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[ts(as = "Option<bool>", optional)]
    pub stay: bool,
}

/// `POST /people/{id}/password`: a one-time password for somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct GivePassword {
    /// Whether what was set up in the account goes on, as the person only forgot the password: keys of bots, devices and webhooks,
    /// one-time passwords for others, the address for mails, and messages for later.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[ts(as = "Option<bool>", optional)]
    pub keep_keys: bool,
}

/// Answer to `POST /people/{id}/password`: a password that the server made and tells this once.
#[derive(Clone, Serialize, Deserialize, TS)]
pub struct OneTimePassword {
    /// The person's login, which is forgotten as well.
    pub login: String,
    /// The password, in groups. Capitals, hyphens and spaces do not matter when it is typed.
    pub password: String,
    /// Until when it signs in.
    pub until: String,
}
