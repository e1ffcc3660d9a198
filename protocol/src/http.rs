//! Bodies of the HTTP interface under `/api/v1`. Failures carry an [`crate::ErrorBody`].

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::event::RoomEvent;
use crate::ids::UserId;
use crate::model::Person;

/// `POST /session`: sign in. The answer sets the session cookie.
#[derive(Clone, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// Login, case does not matter.
    pub login: String,
    /// Password.
    pub password: String,
}

/// `GET /session` and the answer to signing in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Session {
    /// Who is signed in.
    pub me: Person,
    /// Whether they did so with a one-time password: nothing works but `POST /password` and signing out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[ts(as = "Option<bool>", optional)]
    pub choose: bool,
}

/// `GET /start`: what the sign-in page needs to know. Open to everybody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Start {
    /// Name of the organisation.
    pub organisation: String,
    /// True while no account exists: only the setup link works.
    pub setup: bool,
    /// Accounts to try, on a demo server only.
    pub demo: Vec<DemoPerson>,
}

/// An account of the demo.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct DemoPerson {
    /// Shown name.
    pub name: String,
    /// Role.
    pub role: crate::model::Role,
    /// Login.
    pub login: String,
    /// Password, known to all.
    pub password: String,
}

/// `POST /setup`: make the first administrator with the one-time token that the server printed.
#[derive(Clone, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct Setup {
    /// Token from the printed link.
    pub token: String,
    /// Shown name.
    pub name: String,
    /// Login.
    pub login: String,
    /// Password.
    pub password: String,
}

/// `GET /rooms/{id}/readers`: how far each member has read, and what has arrived on a device of theirs. Who read message
/// N: everybody with `no` of N or more; whom it has reached: everybody with `recv` of N or more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Readers {
    /// Every member, in no particular order.
    pub readers: Vec<Marks>,
}

/// How far a member is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Marks {
    /// Who.
    pub u: UserId,
    /// Number of the last message that they have read.
    #[ts(type = "number")]
    pub no: i64,
    /// Number of the last message that has arrived on a device of theirs; `no` or more. Kept in rooms of at most
    /// [`crate::limits::READ_TOLD_MEMBERS_MAX`] members; in others it is `no`.
    #[ts(type = "number")]
    pub recv: i64,
}

/// `GET /messages/{id}/versions`: what a message said before it was changed or deleted. For the staff of its room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Versions {
    /// Oldest first.
    pub versions: Vec<Version>,
}

/// An earlier text of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Version {
    /// The text.
    pub body: String,
    /// Until when it said so.
    pub until: String,
}

/// `GET /messages/{id}/acks`: who has acknowledged a message, and who has not. For the staff of its room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Acks {
    /// Everybody who was asked, in no particular order.
    pub asked: Vec<Asked>,
    /// Members who came after the message was written. They are not asked.
    pub later: Vec<UserId>,
    /// When the staff last reminded of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub reminded: Option<String>,
}

/// Somebody who was asked to acknowledge a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Asked {
    /// Who.
    pub u: UserId,
    /// When they have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub at: Option<String>,
    /// Whether they are not in the room any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[ts(as = "Option<bool>", optional)]
    pub left: bool,
}

/// `GET /rooms/{id}/events?before=S&limit=N` (or `after=S`): a page of history, oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct EventsPage {
    /// The room's epoch.
    pub epoch: String,
    /// Events in order of `s`.
    pub events: Vec<RoomEvent>,
    /// Whether there are more in the direction asked for.
    pub more: bool,
}
