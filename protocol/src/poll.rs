//! Polls: messages that ask, with answers to choose from. The question is the message's text.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::ids::{MessageId, UserId};

/// A poll that is made with `msg.send`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct NewPoll {
    /// The answers, [`crate::limits::POLL_OPTIONS_MIN`] to [`crate::limits::POLL_OPTIONS_MAX`], no two the same, each at most
    /// [`crate::limits::POLL_OPTION_CHARS_MAX`] characters.
    pub options: Vec<String>,
    /// Whether several may be chosen.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[ts(as = "Option<bool>", optional)]
    pub many: bool,
    /// Whether nobody can see who chose what.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[ts(as = "Option<bool>", optional)]
    pub anon: bool,
    /// Of a quiz, which has one right answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub quiz: Option<Quiz>,
}

/// What makes a poll a quiz.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct Quiz {
    /// The right answer, counted from 0.
    pub right: u8,
    /// Why, at most [`crate::limits::POLL_WHY_CHARS_MAX`] characters. Shown after one's answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub why: Option<String>,
}

/// A poll as everybody in its room sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Poll {
    /// The answers. They never change.
    pub options: Vec<String>,
    /// Whether several may be chosen.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[ts(as = "Option<bool>", optional)]
    pub many: bool,
    /// Whether nobody can see who chose what.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[ts(as = "Option<bool>", optional)]
    pub anon: bool,
    /// Whether it is a quiz: one answer each, which stays.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[ts(as = "Option<bool>", optional)]
    pub quiz: bool,
    /// How it stands.
    pub tally: Tally,
}

/// How a poll stands. Of two the one with the greater `v` is the later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Tally {
    /// Grows with each vote.
    #[ts(type = "number")]
    pub v: i64,
    /// How many people have voted.
    pub voters: u32,
    /// How many of them chose each answer.
    pub counts: Vec<u32>,
    /// By whom and when it was closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub closed: Option<Closed>,
    /// The right answer of a quiz that is closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub right: Option<u8>,
    /// Why, as [`Quiz::why`], likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub why: Option<String>,
}

/// Who closed a poll, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Closed {
    /// Who.
    pub by: UserId,
    /// When.
    pub at: String,
}

/// What the event `poll` tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct PollTold {
    /// The message.
    pub id: MessageId,
    /// How it stands now. Who catches up may be told of a later state than this event made.
    pub tally: Tally,
}

/// `poll.vote`: choose, choose otherwise, or, with no answer, take one's vote back. Safe to repeat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct PollVote {
    /// The message.
    pub id: MessageId,
    /// The answers, counted from 0, each once; at most one unless several may be chosen.
    pub opts: Vec<u8>,
}

/// Answer to `poll.vote`, and `GET /messages/{id}/poll`: what this person alone is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct OwnVote {
    /// What they chose, ascending; empty when they have not voted.
    pub mine: Vec<u8>,
    /// The right answer of a quiz, once they have answered; its author is told at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub right: Option<u8>,
    /// Why, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub why: Option<String>,
    /// How the poll stands; maybe ahead of the room's events.
    pub tally: Tally,
}

/// `GET /messages/{id}/voters`: who chose what, of a poll that is not anonymous.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Voters {
    /// The people of each answer.
    pub options: Vec<Vec<UserId>>,
}
