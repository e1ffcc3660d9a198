//! Errors that a user or a peer sees. Internal detail never travels.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Stable, machine-readable reason. The client turns it into the reader's language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The request does not have the form that the protocol names.
    BadRequest,
    /// No such command.
    UnknownMethod,
    /// The protocol version is not spoken here.
    UnsupportedVersion,
    /// Not signed in, or the session has ended.
    Unauthorized,
    /// Login or password is wrong (the answer does not tell which).
    BadCredentials,
    /// The password is right, but was a one-time password and holds no longer.
    PasswordExpired,
    /// The new password is one of the most common ones, the login, or the one-time password itself.
    WeakPassword,
    /// Signed in with a one-time password: nothing works but choosing another and signing out.
    ChoosePassword,
    /// Signed in, but this is not allowed. Also the answer for things that the asker may not know to exist.
    Forbidden,
    /// The person may read in this room and not write.
    ReadOnly,
    /// The staff keep the person from writing in the room, for a while or until they say otherwise.
    Muted,
    /// The room is slow, and the person has just written; see `after`.
    Slow,
    /// The message has words that the organisation does not allow.
    BadWords,
    /// The message links to where learners may not.
    BadLinks,
    /// The room is in the archive.
    Archived,
    /// Nobody of the staff would be left in the room.
    NoStaff,
    /// One adult would be alone with learners in the room, where the organisation does not allow that.
    AloneWithLearners,
    /// Others may read on in the conversation than its author was told of when they wrote this.
    NoticeUnseen,
    /// The message was written when others could read on in the conversation than can now: it is not edited any more.
    RulesChanged,
    /// Somebody else gave the person a one-time password not long ago.
    RecentlyReset,
    /// No such thing.
    NotFound,
    /// The page that sent the request does not belong to this server.
    ForeignOrigin,
    /// A limit on size was passed.
    TooLarge,
    /// The text or file is empty.
    Empty,
    /// Too many requests; see `after`.
    RateLimited,
    /// The server has too much to do; see `after`.
    Overloaded,
    /// The name is taken.
    Taken,
    /// It was sent already.
    Sent,
    /// The message would be to be acknowledged by a time before it is sent.
    DueOver,
    /// Somebody has decided about the report already.
    Handled,
    /// The poll is closed.
    PollClosed,
    /// The quiz was answered already, and otherwise.
    Voted,
    /// This person has written to everybody in the room as often as they may for now.
    AllLimit,
    /// The lesson is over or was never there.
    CallEnded,
    /// The lesson has no free place.
    CallFull,
    /// The browser's media offer could not be accepted.
    MediaRefused,
    /// The upload broke off.
    Interrupted,
    /// A virus was found in the file: it is in quarantine.
    Infected,
    /// The file was not looked at for viruses yet, since the scanner does not answer: it waits.
    Unscanned,
    /// A fault of the server's. Details are in its log.
    Internal,
}

/// The error part of a reply, and the body of every failed HTTP request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ErrorBody {
    /// The reason.
    pub c: ErrorCode,
    /// Whether the same request may succeed later.
    #[serde(default, skip_serializing_if = "is_false")]
    #[ts(as = "Option<bool>", optional)]
    pub tmp: bool,
    /// Milliseconds to wait before another try.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub after: Option<u32>,
    /// English detail for developers, never shown to users and free of personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub text: Option<String>,
}

impl From<ErrorCode> for ErrorBody {
    fn from(c: ErrorCode) -> Self {
        let tmp = matches!(
            c,
            ErrorCode::RateLimited
                | ErrorCode::Slow
                | ErrorCode::Overloaded
                | ErrorCode::Internal
                | ErrorCode::Interrupted
                | ErrorCode::Unscanned
        );
        Self {
            c,
            tmp,
            after: None,
            text: None,
        }
    }
}

impl ErrorBody {
    /// Adds detail for developers.
    #[must_use]
    pub fn with_text(mut self, text: impl Into<String>) -> Self {
        self.text = Some(text.into());
        self
    }

    /// Adds the time to wait, in milliseconds.
    #[must_use]
    pub const fn after_ms(mut self, after: u32) -> Self {
        self.after = Some(after);
        self
    }
}

// serde's `skip_serializing_if` passes a reference.
const fn is_false(value: &bool) -> bool {
    !*value
}
