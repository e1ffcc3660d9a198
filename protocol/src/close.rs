//! WebSocket close codes (RFC 6455 §7.4.2, private range).

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Why the server ends a connection. 4000–4499 invite the client to come back by itself, 4500–4999 do not;
/// a client treats codes that it does not know by that range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[repr(u16)]
pub enum CloseCode {
    /// The server is restarting.
    Restart = 4000,
    /// Too many commands; wait at least 30 s.
    RateLimited = 4008,
    /// No answer to a ping in time.
    NoPong = 4012,
    /// The client reads too slowly; it resumes from its positions.
    Slow = 4013,
    /// No `hello` in time.
    HelloTimeout = 4017,
    /// The server has no room for another connection just now.
    Overloaded = 4018,
    /// A frame broke the protocol.
    BadFrame = 4500,
    /// No valid session.
    Unauthorized = 4501,
    /// The session was ended elsewhere.
    LoggedOut = 4503,
    /// The person opened too many connections; this was the oldest.
    TooManyConnections = 4504,
    /// The client speaks a version that the server does not; reload the page.
    ClientTooOld = 4510,
}

impl CloseCode {
    /// Every code, in order.
    pub const ALL: [Self; 11] = [
        Self::Restart,
        Self::RateLimited,
        Self::NoPong,
        Self::Slow,
        Self::HelloTimeout,
        Self::Overloaded,
        Self::BadFrame,
        Self::Unauthorized,
        Self::LoggedOut,
        Self::TooManyConnections,
        Self::ClientTooOld,
    ];

    /// The number on the wire.
    #[must_use]
    pub const fn code(self) -> u16 {
        self as u16
    }

    /// Whether the client should connect again by itself.
    #[must_use]
    pub const fn reconnects(self) -> bool {
        self.code() < 4500
    }
}
