//! A room's history as a whole: taking it out, and how long it is kept.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::ids::{FileId, RoomId, UserId};

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

/// `GET /rooms/{id}/retention?days=N`: how long a room keeps its messages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Retention {
    /// The room's own rule: days, or 0 for ever; absent when it follows the organisation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub days: Option<u32>,
    /// The organisation's rule: days, or 0 for ever.
    pub default: u32,
    /// Before this time the room's own rule deletes nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub from: Option<String>,
    /// Number of the last message of which nothing is left; 0 when there is none.
    #[ts(type = "number")]
    pub expired: i64,
    /// While it is set nothing is deleted by any rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub held: Option<Held>,
    /// What a rule of the days that were asked for would take at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub takes: Option<Takes>,
}

/// Since when, and by whom, nothing is deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Held {
    /// Who.
    pub by: UserId,
    /// When.
    pub at: String,
}

/// What a rule would take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Takes {
    /// Messages.
    #[ts(type = "number")]
    pub messages: i64,
    /// Files on them.
    #[ts(type = "number")]
    pub files: i64,
    /// When it would begin.
    pub from: String,
}

/// `PATCH /rooms/{id}/retention`. What is left out stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(default, deny_unknown_fields)]
pub struct RetentionChange {
    /// Another rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub keep: Option<Keep>,
    /// Whether all deleting is held. For administrators: also in a conversation of two that a report or an inspection concerns.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub hold: Option<bool>,
}

/// How long a room keeps its messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Keep {
    /// As the organisation's settings say.
    Default,
    /// For ever.
    Ever,
    /// So many days, [`crate::limits::KEEP_DAYS_MAX`] at most.
    Days(u32),
}

/// `GET /retention/log`, and `GET /rooms/{id}/retention/log`: what was deleted by which rule, and who set it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RetentionLog {
    /// The newest first, at most [`crate::limits::LOG_PAGE_MAX`].
    pub entries: Vec<LogEntry>,
    /// Whether there are older ones: `before` is the last one's `id` then.
    pub more: bool,
}

/// What an entry tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum LogKind {
    /// Messages were deleted, with all that belongs to them.
    Deleted,
    /// What hung on no message was deleted: uploads, drafts, messages that could not be sent, files in quarantine.
    Beside,
    /// Somebody set a rule.
    Rule,
    /// Somebody held all deleting.
    Held,
    /// Somebody let it go on.
    Released,
}

/// An entry of the log: counts and ids, no texts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct LogEntry {
    /// Its own id.
    pub id: String,
    /// Room.
    pub r: RoomId,
    /// The room's name now.
    pub room: String,
    /// When.
    pub at: String,
    /// What.
    pub kind: LogKind,
    /// Who, unless it was the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub by: Option<UserId>,
    /// Their name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub name: Option<String>,
    /// The rule: days, 0 for ever; absent for the organisation's where somebody chose that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(as = "Option<i32>", optional)]
    pub days: Option<i64>,
    /// Whether the rule is the organisation's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[ts(as = "Option<bool>", optional)]
    pub inherited: bool,
    /// Number of the first message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(as = "Option<i32>", optional)]
    pub first: Option<i64>,
    /// Number of the last message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(as = "Option<i32>", optional)]
    pub last: Option<i64>,
    /// Messages.
    #[ts(type = "number")]
    pub messages: i64,
    /// Earlier texts of messages.
    #[ts(type = "number")]
    pub versions: i64,
    /// Reactions.
    #[ts(type = "number")]
    pub reactions: i64,
    /// Texts that were begun and not sent.
    #[ts(type = "number")]
    pub drafts: i64,
    /// Messages that could not be sent at their time.
    #[ts(type = "number")]
    pub scheduled: i64,
    /// Files.
    #[ts(type = "number")]
    pub files: i64,
    /// Their bytes.
    #[ts(type = "number")]
    pub bytes: i64,
    /// Which files.
    pub file_ids: Vec<FileId>,
}
