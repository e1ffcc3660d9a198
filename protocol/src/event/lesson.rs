//! What events of a lesson tell.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::call::{Participant, Via};
use crate::ids::PeerId;

/// What `call.changed` tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct PeopleChange {
    /// Who came, or is otherwise than before.
    pub set: Vec<Participant>,
    /// Who left.
    pub gone: Vec<PeerId>,
}

/// The loudest voices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Speaking {
    /// At most three, loudest first.
    pub speakers: Vec<PeerId>,
    /// Who holds the floor; stays through pauses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub active: Option<PeerId>,
}

/// A link, measured by the server over two seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Quality {
    /// How media travels; absent before it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub via: Option<Via>,
    /// Estimated downlink, kilobits per second.
    pub down_kbps: u32,
    /// Sent to the browser, kilobits per second.
    pub sent_kbps: u32,
    /// Packets lost on the way to the browser, per cent.
    pub loss_pct: u8,
    /// Received from the browser, kilobits per second.
    pub up_kbps: u32,
    /// Packets lost on the way from the browser, per cent.
    pub up_loss_pct: u8,
    /// Round trip, milliseconds.
    pub rtt_ms: u32,
}

/// A participant's link, for the staff of the lesson.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct PeerLink {
    /// Which browser.
    pub p: PeerId,
    /// As measured by the server; absent until it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub q: Option<Quality>,
    /// Pictures that are not sent to it because its link cannot carry them.
    pub paused: u8,
    /// How often a picture stood still there within the last minute.
    pub freezes: u16,
    /// For how long in all, milliseconds.
    pub frozen_ms: u32,
    /// See [`crate::call::CallStats::fps`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub fps: Option<u8>,
    /// See [`crate::call::CallStats::join_ms`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub join_ms: Option<u32>,
    /// The person has chosen to receive sound only.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[ts(as = "Option<bool>", optional)]
    pub sound_only: bool,
}
