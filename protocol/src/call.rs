//! Live lessons: the signalling that goes with WebRTC (RFC 8825 family). SDP is exchanged once per join; who
//! is heard and seen changes afterwards by slots alone.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::device::DeviceKind;
use crate::ids::{CallId, DeviceId, PeerId, RoomId, UserId};

/// One of the four things that a browser may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Microphone.
    Mic,
    /// Camera.
    Camera,
    /// Shared screen or window.
    Screen,
    /// Sound of what is shared.
    ScreenAudio,
}

/// A codec of pictures, or of sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub enum Codec {
    /// VP8.
    Vp8,
    /// VP9, profile 0.
    Vp9,
    /// AV1, main profile.
    Av1,
    /// H.264, constrained baseline.
    H264,
    /// Opus.
    Opus,
    /// Opus that repeats in each packet what came before it (RFC 2198).
    Red,
}

/// In which codec to send a source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SourceCodec {
    /// `camera` or `screen`; for `opus` and `red`, `mic` or `screen_audio`.
    pub src: Source,
    /// The codec.
    pub codec: Codec,
}

/// A lesson that is on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct CallSummary {
    /// Which lesson.
    pub id: CallId,
    /// Who started it.
    pub by: UserId,
    /// When.
    pub at: String,
}

/// One participant's state, as the server enforces it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Participant {
    /// Which browser or device.
    pub p: PeerId,
    /// Whose it is.
    #[serde(flatten)]
    pub whose: Whose,
    /// What it sends now. A source that is not listed is muted: the server drops its packets.
    pub on: Vec<Source>,
    /// False while no packet path exists (joining, or the network was lost).
    pub here: bool,
}

/// Who takes part: a person, or a device that is nobody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub enum Whose {
    /// A person's browser.
    #[serde(rename = "u")]
    Person(UserId),
    /// A device of the room.
    #[serde(rename = "device")]
    Device(CallDevice),
}

/// A device in a lesson.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct CallDevice {
    /// Which.
    pub id: DeviceId,
    /// The name that the staff gave it.
    pub name: String,
    /// What it does.
    pub does: DeviceKind,
}

/// `call.start`: begin a lesson in a room, or get the one that is on. Staff only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct CallStart {
    /// Room.
    pub r: RoomId,
}

/// Answer to `call.start`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct CallStarted {
    /// The lesson.
    pub call: CallSummary,
}

/// Answer to `call.ice`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct CallIce {
    /// The relay, when clients can reach it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub relay: Option<RelayLogin>,
}

/// With what to sign in to the server's TURN relay (RFC 8656). It listens at the very host and port of the web server, by
/// TCP, in TLS when the web server speaks TLS: `turns:host:443?transport=tcp`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RelayLogin {
    /// User name; an allocation can be made with it for an hour.
    pub user: String,
    /// Password.
    pub password: String,
}

/// Uplink sections of the offer by their `a=mid` (RFC 8829).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct UpMids {
    /// Microphone.
    pub mic: String,
    /// Camera, simulcast with the rids `q`, `h`, `f` from small to large (RFC 8853).
    pub camera: String,
    /// Shared screen.
    pub screen: String,
    /// Its sound.
    pub screen_audio: String,
}

/// `call.join`: the one SDP offer of this join.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct CallJoin {
    /// Which lesson.
    pub call: CallId,
    /// Offer, at most [`crate::limits::SDP_BYTES_MAX`] bytes.
    pub sdp: String,
    /// What is sent.
    pub up: UpMids,
    /// Receive-only audio sections: exactly [`crate::limits::AUDIO_SLOTS`].
    pub down_audio: Vec<String>,
    /// Receive-only video sections: at most [`crate::limits::VIDEO_SLOTS_MAX`].
    pub down_video: Vec<String>,
    /// Sources that are on from the start; with `back` those that may be.
    pub on: Vec<Source>,
    /// The page was away and is back, as after a reload: of `on` only that is on which was when this browser was here
    /// last. The answer says in `people` what that is. Where the server does not know, everything is off.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[ts(as = "Option<bool>", optional)]
    pub back: bool,
}

/// Answer to `call.join`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct CallJoined {
    /// This browser.
    pub p: PeerId,
    /// SDP answer.
    pub sdp: String,
    /// Everybody in the lesson, this browser included.
    pub people: Vec<Participant>,
    /// The telling of that list which is contained in it. Events with a higher one are newer.
    pub v: u32,
}

/// `call.restart`: an offer with new ICE credentials (RFC 8445 §9) after the network was lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct CallRestart {
    /// Which lesson.
    pub call: CallId,
    /// Offer.
    pub sdp: String,
}

/// Answer to `call.restart`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct CallRestarted {
    /// SDP answer.
    pub sdp: String,
}

/// `call.set`: switch one of one's own sources on or off, or, for staff, one of a device's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct CallSet {
    /// Which lesson.
    pub call: CallId,
    /// Which source.
    pub src: Source,
    /// True to send, false to mute.
    pub on: bool,
    /// The device whose source it is; absent for one's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub p: Option<PeerId>,
}

/// One tile that is on the screen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct View {
    /// Whose picture.
    pub p: PeerId,
    /// [`Source::Camera`] or [`Source::Screen`].
    pub src: Source,
    /// Width of the tile in device pixels.
    pub w: u32,
    /// Whether the reader pinned it: it comes before the others.
    #[serde(default)]
    pub pin: bool,
}

/// `call.view`: the tiles that are visible now, most wanted first. Pictures that are not listed are not sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct CallView {
    /// Which lesson.
    pub call: CallId,
    /// At most [`crate::limits::VIEWS_MAX`].
    pub views: Vec<View>,
}

/// `call.stats`: what this browser saw of its own call since the last one, at most one each
/// [`crate::limits::CALL_STATS_SECONDS`]. Kept in memory for a minute, and forgotten with the lesson.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct CallStats {
    /// Which lesson.
    pub call: CallId,
    /// The time that this tells of, seconds.
    pub seconds: u8,
    /// How often a picture stood still that should have moved.
    pub freezes: u16,
    /// For how long in all, milliseconds.
    pub frozen_ms: u32,
    /// Frames a second of the slowest camera that is shown; absent without any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub fps: Option<u8>,
    /// From asking to join until media could flow, milliseconds; in the first one after a join.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub join_ms: Option<u32>,
    /// The person has chosen to receive sound only.
    #[serde(default)]
    pub sound_only: bool,
}

/// `call.watch`: be told of everybody's link, or no more. Staff only, and only while in the lesson.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct CallWatch {
    /// Which lesson.
    pub call: CallId,
    /// True to be told.
    pub on: bool,
}

/// How media travels between a browser and the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// UDP: the way that suits it.
    Udp,
    /// TCP, because UDP is blocked: what is lost holds up what follows.
    Tcp,
    /// TCP to the relay (TURN), in TLS when the server speaks it.
    Relay,
}

/// `call.ice`, `call.leave` and, for staff, `call.end`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct CallRef {
    /// Which lesson.
    pub call: CallId,
}

/// What a downlink section carries now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Slot {
    /// `a=mid` of the section.
    pub mid: String,
    /// Who is in it; absent when it is empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub from: Option<SlotStream>,
    /// Nothing of it is sent, because this browser's link cannot carry it. It goes on by itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[ts(as = "Option<bool>", optional)]
    pub paused: bool,
}

/// A stream in a slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SlotStream {
    /// Whose.
    pub p: PeerId,
    /// Which of their sources.
    pub src: Source,
}
