//! What an organisation's messages may say: words that do not belong, and links.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// To which addresses learners may link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Links {
    /// To all.
    #[default]
    All,
    /// To this server's and to those that are named.
    Named,
    /// To none.
    None,
}

/// What happens with a message that does not fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum RuleAction {
    /// It is not stored, and its author is told why.
    #[default]
    Refuse,
    /// It goes out, and the staff get a report of it.
    Report,
}

/// `GET /rules` and `POST /rules`: everything that is set, for administrators.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// Words and phrases, in any form; at most [`crate::limits::RULE_WORDS_MAX`], each of at most
    /// [`crate::limits::RULE_CHARS_MAX`] characters. They hold for everybody but the staff.
    pub words: Vec<String>,
    /// What happens with messages that have one of them.
    pub on_words: RuleAction,
    /// To which addresses learners may link.
    pub links: Links,
    /// The addresses that are named, with all that are below them; at most [`crate::limits::RULE_HOSTS_MAX`].
    pub hosts: Vec<String>,
    /// What happens with messages that link elsewhere.
    pub on_links: RuleAction,
    /// What the author of a refused message is told, at most [`crate::limits::RULES_TEXT_CHARS_MAX`] characters.
    pub text: String,
}

/// `GET /rules/text`: what the author of a refused message is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RulesText {
    /// In the organisation's own words; none when there are none.
    pub text: String,
}
