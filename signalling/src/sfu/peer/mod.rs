//! One participant's connection, on `str0m`. The only folder that knows the engine.
//!
//! The engine does ICE, DTLS and what the participant sends; [`Egress`] does what is sent to the participant, with the
//! keys of the engine's handshake. Both have one rule: after every change, poll until the next time is named. Every
//! public method that changes them therefore leaves the peer *dirty*; the owner calls [`Peer::poll`] until
//! [`Output::Wait`].

pub mod keys;

mod arriving;
mod described;
mod driving;
mod negotiation;
mod numbers;
mod offer;
mod sending;
mod sound;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use str0m::Rtc;
use str0m::crypto::{CryptoProvider, dtls::DtlsCert};
use str0m::media::{Mid, Rid};
use str0m::rtp::Ssrc;

use super::clock::CaptureClock;
use super::codec::{Codec, Codecs, Coded};
use super::descriptor;
use super::egress::header::Extras;
use super::egress::run::Run;
use super::egress::{DownlinkTold, Egress};
use super::h264;
use super::path::{Path, Transport};
use super::payload::Payload;
use super::red::Gaps;
use super::rewrite::Incoming;
use crate::{MediaError, Source};

/// RTP clock of Opus, ticks per second (RFC 7587).
pub const AUDIO_RATE: u32 = 48_000;
/// RTP clock of video, ticks per second.
pub const VIDEO_RATE: u32 = 90_000;

/// Payload types that there are (RFC 3550 §5.1: seven bits).
const PAYLOAD_TYPES: usize = 128;

/// What all connections share.
#[derive(Debug)]
pub struct Engine {
    crypto: Arc<CryptoProvider>,
    certificate: DtlsCert,
    candidates: Candidates,
}

/// Announced addresses with their ports.
#[derive(Debug, Clone, Default)]
pub struct Candidates {
    /// For UDP, not empty.
    pub udp: Vec<SocketAddr>,
    /// For TCP connections that browsers open (RFC 6544 passive candidates).
    pub tcp: Vec<SocketAddr>,
}

impl Engine {
    /// An engine with a certificate of its own.
    ///
    /// # Errors
    /// [`MediaError::NoCandidates`] and [`MediaError::Certificate`].
    pub fn new(candidates: Candidates) -> Result<Self, MediaError> {
        if candidates.udp.is_empty() {
            return Err(MediaError::NoCandidates);
        }
        let mut crypto = str0m::crypto::from_feature_flags();
        keys::listen(&mut crypto);
        let crypto = Arc::new(crypto);
        let certificate = crypto
            .dtls_provider
            .generate_certificate()
            .ok_or(MediaError::Certificate)?;
        Ok(Self {
            crypto,
            certificate,
            candidates,
        })
    }
}

/// A packet from a sender, decrypted.
#[derive(Debug, Clone)]
pub struct Packet {
    /// Which of the sender's streams.
    pub source: Source,
    /// Simulcast layer, low to high; 0 without simulcast.
    pub layer: u8,
    /// Its numbers.
    pub numbers: Incoming,
    /// What it says of the picture; `None` for sound.
    pub coded: Option<Coded>,
    /// Loudness 0 (silence) to 127, if told (RFC 6464).
    pub loudness: Option<u8>,
    /// When it was captured, on this machine's clock.
    pub captured: Instant,
    /// It was lost, and a later packet repeated it.
    pub restored: bool,
    payload: Payload,
    descriptor: Option<Arc<[u8]>>,
    marker: bool,
    extras: Extras,
}

impl Packet {
    /// Payload bytes.
    pub fn len(&self) -> usize {
        self.payload.len()
    }

    /// Whether the payload is empty.
    pub fn is_empty(&self) -> bool {
        self.payload.is_empty()
    }

    /// Of a camera, with so many bytes that mean nothing.
    #[cfg(test)]
    pub(crate) fn picture(bytes: usize) -> Self {
        Self {
            source: Source::Camera,
            layer: 0,
            numbers: Incoming {
                ssrc: 1,
                seq: 1,
                time: 0,
                picture_id: None,
                tl0_pic_idx: None,
            },
            coded: Some(Coded::new(Codec::Vp8)),
            loudness: None,
            captured: Instant::now(),
            restored: false,
            payload: Payload::from(Arc::<[u8]>::from(vec![0; bytes])),
            descriptor: None,
            marker: true,
            extras: Extras::default(),
        }
    }
}

/// What the engine wants done.
#[derive(Debug)]
pub enum Output {
    /// Send datagrams.
    Send(Path, Run),
    /// A packet came in.
    Packet(Packet),
    /// The receiver asks for a key frame in a video slot.
    KeyFrameWanted(usize),
    /// ICE and DTLS are up.
    Connected,
    /// The ICE path works again (`true`) or is lost.
    Path(bool),
    /// New bandwidth estimate, bits per second.
    Estimate(u64),
    /// Loss, round trip and rate of the way down, since the last one.
    Quality(DownlinkTold),
    /// The connection is over: the remote closed it, or the engine failed.
    Closed,
    /// Nothing more until then.
    Wait(Instant),
}

#[derive(Debug)]
struct Up {
    source: Source,
    mid: Mid,
    /// Simulcast layers, low to high; empty without simulcast.
    rids: Vec<Rid>,
    /// In which codecs it may come.
    codecs: Codecs,
    /// By layer: the stream, and what its dependency descriptors mean.
    descriptors: BTreeMap<u8, (Ssrc, descriptor::Reader)>,
    /// The same of H.264: the stream, and what came of it.
    arrivals: BTreeMap<u8, (Ssrc, h264::Arrivals)>,
    /// Whether sound may come with what came before it.
    repeats: bool,
    /// What is missing of the sound.
    gaps: Gaps,
}

/// Payload types of sound.
#[derive(Debug, Clone, Copy, Default)]
struct Sound {
    /// Of Opus.
    opus: u8,
    /// Of Opus with what came before it (RFC 2198), if that was agreed.
    red: Option<u8>,
}

/// An outgoing m-line. The engine answers for its streams and does not send on them.
#[derive(Debug, Clone, Copy)]
struct Down {
    mid: Mid,
    ssrc: Ssrc,
    /// Retransmissions.
    rtx: Option<Ssrc>,
}

/// The slot does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unfit;

/// One connection.
pub struct Peer {
    rtc: Rtc,
    /// The local ends that the engine knows, of UDP and of TCP. Which of the announced addresses a datagram came to
    /// does not matter.
    local: (SocketAddr, Option<SocketAddr>),
    ups: Vec<Up>,
    audio: Vec<Down>,
    video: Vec<Down>,
    /// In which codecs pictures may come, by payload type.
    formats: [Option<Codec>; PAYLOAD_TYPES],
    /// Payload types of sound.
    sound: Sound,
    /// Packets of sound that came as one.
    restored: VecDeque<Packet>,
    /// In which codecs every video slot takes pictures.
    takes: Codecs,
    egress: Egress,
    /// Streams that came with a packet made with the keys, by SSRC.
    streams: BTreeSet<u32>,
    /// Transport-wide numbers of what comes.
    numbers: numbers::Numbers,
    /// Transactions of the last checks, oldest first (RFC 8489 §5).
    checks: VecDeque<[u8; 12]>,
    /// Where the keys of the handshake appear.
    keys: keys::Keys,
    crypto: Arc<CryptoProvider>,
    in_use: InUse,
    clock: CaptureClock,
    now: Instant,
    heard: Instant,
    spins: u8,
    /// When the engine wants to be called; `None` while it must be polled.
    engine_wait: Option<Instant>,
    /// Whether something for [`Egress`] to do has come up.
    egress_waits: bool,
}

/// The path on which media goes, and when anything last came on it.
#[derive(Debug, Clone, Copy)]
struct InUse {
    path: Option<Path>,
    heard: Instant,
}

impl std::fmt::Debug for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Peer")
            .field("ups", &self.ups)
            .finish_non_exhaustive()
    }
}

impl Peer {
    /// The local ICE user name fragment, by which STUN requests find this connection.
    pub fn ufrag(&mut self) -> String {
        self.rtc.direct_api().local_ice_credentials().ufrag
    }

    /// When something last came that nobody else can have made: a check with our password, or what was sealed with the
    /// keys and not sent before. Only that is consent to be sent to (RFC 7675).
    pub fn heard(&self) -> Instant {
        self.heard
    }

    /// Whether media can flow.
    pub fn is_connected(&self) -> bool {
        self.rtc.is_connected()
    }

    /// How media travels; `None` before it does.
    pub fn transport(&self) -> Option<Transport> {
        self.in_use.path.map(|path| path.transport)
    }

    /// Layers that a source may have: 1 without simulcast.
    pub fn layers(&self, source: Source) -> u8 {
        let up = self.ups.iter().find(|up| up.source == source);
        up.map_or(1, |up| up.rids.len().max(1) as u8)
    }

    /// In which codecs a source may come.
    pub fn sends(&self, source: Source) -> Codecs {
        let up = self.ups.iter().find(|up| up.source == source);
        up.map_or_else(Codecs::default, |up| up.codecs)
    }

    /// Whether a source of sound may come with what came before it.
    pub fn repeats(&self, source: Source) -> bool {
        let up = self.ups.iter().find(|up| up.source == source);
        up.is_some_and(|up| up.repeats)
    }

    /// In which codecs pictures may go out, in any slot.
    pub fn takes(&self) -> Codecs {
        self.takes
    }

    /// Numbers of audio and video slots.
    pub fn slots(&self) -> (usize, usize) {
        (self.audio.len(), self.video.len())
    }
}
