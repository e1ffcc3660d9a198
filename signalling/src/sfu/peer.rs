//! One participant's connection, on `str0m`. The only file that knows the engine.
//!
//! The engine's one rule: after every change, poll until it names its next time. Every public
//! method that changes it therefore leaves the engine *dirty*; the owner calls [`Peer::poll`] until
//! [`Output::Wait`].

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use str0m::bwe::{Bitrate, BweKind};
use str0m::change::SdpOffer;
use str0m::crypto::{CryptoProvider, dtls::DtlsCert};
use str0m::format::Codec;
use str0m::media::{Direction, KeyframeRequestKind, MediaKind, Mid, Pt, Rid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{ExtensionValues, RtpPacket, RtpWrite, Ssrc, Vp8Descriptor};
use str0m::{Candidate, Event, IceConnectionState, Input, Rtc};

use super::clock::CaptureClock;
use super::limits::{
    AUDIO_SLOTS_MAX, INITIAL_BPS, LAYERS_MAX, MID_MAX, PAYLOAD_MAX, QUALITY_INTERVAL, QUEUE_MAX,
    SDP_MAX, VIDEO_SLOTS_MAX,
};
use super::rewrite::{Incoming, Outgoing};
use super::vp8::{self, Vp8};
use crate::{MediaError, Offer, Source};

/// RTP clock of Opus, ticks per second (RFC 7587).
pub const AUDIO_RATE: u32 = 48_000;
/// RTP clock of video, ticks per second.
pub const VIDEO_RATE: u32 = 90_000;
/// Packets kept for retransmission on one video slot: about 3 s at 2.5 Mbit/s.
const RESEND_PACKETS: usize = 1_000;
/// Time between sender reports of sound; the engine's own 5 s would leave lips unsynchronised for
/// as long after every change of speaker.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);
/// Times that the engine may name a time already due before it has to wait a millisecond.
const SPINS_MAX: u8 = 8;

/// What all connections share.
#[derive(Debug)]
pub struct Engine {
    crypto: Arc<CryptoProvider>,
    certificate: DtlsCert,
    /// Announced addresses, not empty.
    candidates: Vec<SocketAddr>,
}

impl Engine {
    /// `candidates` are the announced addresses with their port.
    ///
    /// # Errors
    /// [`MediaError::NoCandidates`] and [`MediaError::Certificate`].
    pub fn new(candidates: Vec<SocketAddr>) -> Result<Self, MediaError> {
        if candidates.is_empty() {
            return Err(MediaError::NoCandidates);
        }
        let crypto = Arc::new(str0m::crypto::from_feature_flags());
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
    /// What its VP8 payload says; default for sound.
    pub vp8: Vp8,
    /// Loudness 0 (silence) to 127, if told (RFC 6464).
    pub loudness: Option<u8>,
    /// When it was captured, on this machine's clock.
    pub captured: Instant,
    payload: Arc<[u8]>,
    marker: bool,
    extensions: ExtensionValues,
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
}

/// What the engine wants done.
#[derive(Debug)]
pub enum Output {
    /// Send a datagram.
    Send(SocketAddr, Vec<u8>),
    /// A packet came in.
    Packet(Box<Packet>),
    /// The receiver asks for a key frame in a video slot.
    KeyFrameWanted(usize),
    /// ICE and DTLS are up.
    Connected,
    /// The ICE path works again (`true`) or is lost.
    Path(bool),
    /// New bandwidth estimate, bits per second.
    Estimate(u64),
    /// Loss in per cent and round trip, since the last one.
    Quality(u8, Option<Duration>),
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
}

#[derive(Debug, Clone, Copy)]
struct Down {
    mid: Mid,
    ssrc: Ssrc,
    /// Retransmissions.
    rtx: Option<Ssrc>,
    pt: Pt,
    /// Something was sent. Streams never used are kept from the engine: it walks through all of
    /// them for every packet, and would send reports about nothing.
    used: bool,
}

/// The slot does not exist, or the payload does not fit its codec.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unfit;

/// One connection.
pub struct Peer {
    rtc: Rtc,
    local: SocketAddr,
    ups: Vec<Up>,
    audio: Vec<Down>,
    video: Vec<Down>,
    clock: CaptureClock,
    now: Instant,
    spins: u8,
}

impl std::fmt::Debug for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Peer")
            .field("ups", &self.ups)
            .finish_non_exhaustive()
    }
}

impl Peer {
    /// Accepts an offer. Returns the connection and the answer.
    ///
    /// # Errors
    /// [`MediaError::BadOffer`].
    pub fn accept(
        now: Instant,
        engine: &Engine,
        offer: &Offer,
    ) -> Result<(Self, String), MediaError> {
        let mut rtc = Rtc::builder()
            .set_crypto_provider(engine.crypto.clone())
            .set_dtls_cert(engine.certificate.clone())
            .set_ice_lite(true)
            .set_rtp_mode(true)
            .clear_codecs()
            .enable_opus(true, false)
            .enable_vp8(true)
            .enable_bwe(Some(Bitrate::bps(INITIAL_BPS)))
            .set_stats_interval(Some(QUALITY_INTERVAL))
            .set_send_buffer_video(RESEND_PACKETS)
            .set_rtcp_report_interval_audio(REPORT_INTERVAL)
            .build(now);
        for candidate in &engine.candidates {
            let candidate = Candidate::host(*candidate, "udp").map_err(bad)?;
            rtc.add_local_candidate(candidate);
        }
        let answer = answer(&mut rtc, &offer.sdp)?;
        let mut peer = Self {
            rtc,
            local: engine.candidates[0],
            ups: Vec::new(),
            audio: Vec::new(),
            video: Vec::new(),
            clock: CaptureClock::default(),
            now,
            spins: 0,
        };
        peer.read_ups(&offer.up)?;
        peer.audio = peer.downs(&offer.down_audio, MediaKind::Audio, AUDIO_SLOTS_MAX)?;
        peer.video = peer.downs(&offer.down_video, MediaKind::Video, VIDEO_SLOTS_MAX)?;
        peer.hide_unused();
        Ok((peer, answer))
    }

    /// Answers a new offer on the same connection: an ICE restart (RFC 8445 §9).
    ///
    /// # Errors
    /// [`MediaError::BadOffer`].
    pub fn restart(&mut self, sdp: &str) -> Result<String, MediaError> {
        // The answer must declare the same senders as the first one.
        for down in self.audio.iter().chain(&self.video) {
            declare(&mut self.rtc, down);
        }
        let answer = answer(&mut self.rtc, sdp);
        self.hide_unused();
        answer
    }

    /// The local ICE user name fragment, by which STUN requests find this connection.
    pub fn ufrag(&mut self) -> String {
        self.rtc.direct_api().local_ice_credentials().ufrag
    }

    /// Whether a datagram from an address not seen before belongs here: only STUN whose integrity
    /// proves knowledge of this connection's password (RFC 8445 §7.3).
    pub fn admits(&self, now: Instant, from: SocketAddr, bytes: &[u8]) -> bool {
        let admits = || match Receive::new(Protocol::Udp, from, self.local, bytes) {
            Ok(receive) => self.rtc.accepts(&Input::Receive(now, receive)),
            Err(_) => false,
        };
        contained(admits).unwrap_or(false)
    }

    /// Takes a datagram from an address that [`admits`](Self::admits) let in. Returns whether it
    /// could be read; a bad one changes nothing.
    pub fn receive(&mut self, now: Instant, from: SocketAddr, bytes: &[u8]) -> bool {
        self.advance(now);
        let (rtc, local) = (&mut self.rtc, self.local);
        let read = contained(|| match Receive::new(Protocol::Udp, from, local, bytes) {
            Ok(receive) => rtc.handle_input(Input::Receive(now, receive)).is_ok(),
            Err(_) => false,
        });
        if read.is_none() {
            self.rtc.disconnect();
        }
        read.unwrap_or(false)
    }

    /// Notes the time for what follows, without work.
    pub fn advance(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }

    /// Begins an orderly end: RTCP BYE and a DTLS alert.
    pub fn close(&mut self, now: Instant) {
        self.tick(now);
        if self.rtc.close().is_err() {
            self.rtc.disconnect();
        }
    }

    /// Lets time pass.
    pub fn tick(&mut self, now: Instant) {
        self.advance(now);
        // An error here leaves the engine closed, which `poll` reports.
        let rtc = &mut self.rtc;
        if contained(|| rtc.handle_input(Input::Timeout(now)).is_ok()).is_none() {
            self.rtc.disconnect();
        }
    }

    /// The next thing to do. Timeouts that are due already are handled inside.
    pub fn poll(&mut self) -> Output {
        loop {
            if !self.rtc.is_alive() {
                return Output::Closed;
            }
            let rtc = &mut self.rtc;
            let Some(output) = contained(|| rtc.poll_output()) else {
                self.rtc.disconnect();
                return Output::Closed;
            };
            match output {
                Ok(str0m::Output::Transmit(send)) => {
                    return Output::Send(send.destination, send.contents.into());
                }
                Ok(str0m::Output::Event(event)) => {
                    if let Some(output) = self.event(event) {
                        return output;
                    }
                }
                Ok(str0m::Output::Timeout(at)) if at <= self.now && self.spins < SPINS_MAX => {
                    self.spins += 1;
                    let now = self.now;
                    self.tick(now);
                }
                Ok(str0m::Output::Timeout(at)) => {
                    self.spins = 0;
                    return Output::Wait(at.max(self.now + Duration::from_millis(1)));
                }
                Err(error) => self.fail(&error),
            }
        }
    }

    /// Whether media can flow.
    pub fn is_connected(&self) -> bool {
        self.rtc.is_connected()
    }

    /// Numbers of audio and video slots.
    pub fn slots(&self) -> (usize, usize) {
        (self.audio.len(), self.video.len())
    }

    /// Sends a packet in an audio or video slot, by its kind.
    pub fn write(
        &mut self,
        now: Instant,
        slot: usize,
        packet: &Packet,
        numbers: Outgoing,
    ) -> Result<(), Unfit> {
        self.advance(now);
        let downs = if packet.source.is_audio() {
            &mut self.audio
        } else {
            &mut self.video
        };
        let down = downs.get_mut(slot).ok_or(Unfit)?;
        if !down.used {
            declare(&mut self.rtc, down);
            down.used = true;
        }
        let mut write = RtpWrite::new(
            down.pt,
            numbers.seq.into(),
            numbers.time,
            packet.captured.min(self.now),
            packet.payload.clone(),
        )
        .marker(packet.marker)
        .nackable(!packet.source.is_audio())
        .ext_vals(packet.extensions.clone());
        if let Some(patch) = patch(&packet.payload, numbers)? {
            write = write.vp8_patch(patch);
        }
        self.rtc
            .direct_api()
            .stream_tx(&down.ssrc)
            .ok_or(Unfit)?
            .write_rtp(write);
        Ok(())
    }

    /// Whether a video slot's paced queue is too old to add to. The engine cannot empty a queue,
    /// so after a fall of the estimate the slot pauses until it has drained.
    pub fn is_congested(&mut self, slot: usize) -> bool {
        let Some(ssrc) = self.video.get(slot).map(|down| down.ssrc) else {
            return false;
        };
        let now = self.now;
        let mut api = self.rtc.direct_api();
        let oldest = api
            .stream_tx(&ssrc)
            .and_then(|stream| stream.queue_info().and_then(|queue| queue.first_unsent()));
        oldest.is_some_and(|oldest| now.saturating_duration_since(oldest) > QUEUE_MAX)
    }

    /// Asks the sender for a key frame (PLI, RFC 4585 §6.3.1). Returns whether there is such a layer.
    pub fn request_key_frame(&mut self, source: Source, layer: u8) -> bool {
        let Some(up) = self.ups.iter().find(|up| up.source == source) else {
            return false;
        };
        let (mid, rid) = (up.mid, up.rids.get(usize::from(layer)).copied());
        let mut api = self.rtc.direct_api();
        let Some(stream) = api.stream_rx_by_mid(mid, rid) else {
            return false;
        };
        stream.request_keyframe(KeyframeRequestKind::Pli);
        true
    }

    /// Tells the estimator what would be sent if it could: `next` is filled up with padding as far
    /// as the estimate allows, `desired` is probed for. Bits per second.
    pub fn set_demand(&mut self, next: u64, desired: u64) {
        self.rtc
            .bwe()
            .set_bitrate(Bitrate::bps(next), Bitrate::bps(desired));
    }

    fn read_ups(&mut self, ups: &[(Source, String)]) -> Result<(), MediaError> {
        for (source, mid) in ups {
            if self.ups.iter().any(|up| up.source == *source) {
                return Err(MediaError::BadOffer(format!("two m-lines for {source:?}")));
            }
            let mid = checked(mid)?;
            let kind = if source.is_audio() {
                MediaKind::Audio
            } else {
                MediaKind::Video
            };
            self.check(mid, kind, Direction::RecvOnly)?;
            let rids = self
                .rtc
                .media(mid)
                .map_or_else(Vec::new, |media| match media.rids_rx() {
                    str0m::media::Rids::Specific(rids) => {
                        rids.iter().copied().take(LAYERS_MAX).collect()
                    }
                    str0m::media::Rids::Any | str0m::media::Rids::None => Vec::new(),
                });
            self.ups.push(Up {
                source: *source,
                mid,
                rids,
            });
        }
        Ok(())
    }

    fn downs(
        &mut self,
        mids: &[String],
        kind: MediaKind,
        max: usize,
    ) -> Result<Vec<Down>, MediaError> {
        if mids.len() > max {
            return Err(MediaError::BadOffer(format!(
                "more than {max} slots of one kind"
            )));
        }
        let codec = if kind == MediaKind::Audio {
            Codec::Opus
        } else {
            Codec::Vp8
        };
        let mut downs: Vec<Down> = Vec::with_capacity(mids.len());
        for name in mids {
            let mid = checked(name)?;
            self.check(mid, kind, Direction::SendOnly)?;
            if downs.iter().any(|down| down.mid == mid) {
                return Err(MediaError::BadOffer(format!("mid {name} is named twice")));
            }
            let pts: Vec<Pt> = self
                .rtc
                .media(mid)
                .map_or_else(Vec::new, |media| media.remote_pts().to_vec());
            let params = self.rtc.codec_config();
            let pt = params.find(|param| param.spec().codec == codec && pts.contains(&param.pt()));
            let Some(pt) = pt.map(|param| param.pt()) else {
                return Err(MediaError::BadOffer(format!("mid {name} lacks {codec:?}")));
            };
            let ssrc = self
                .rtc
                .direct_api()
                .stream_tx_by_mid(mid, None)
                .map(|stream| (stream.ssrc(), stream.rtx()));
            let Some((ssrc, rtx)) = ssrc else {
                return Err(MediaError::BadOffer(format!(
                    "mid {name} cannot be sent to"
                )));
            };
            downs.push(Down {
                mid,
                ssrc,
                rtx,
                pt,
                used: false,
            });
        }
        Ok(downs)
    }

    fn hide_unused(&mut self) {
        for down in self.audio.iter().chain(&self.video) {
            if !down.used {
                self.rtc.direct_api().remove_stream_tx(down.ssrc);
            }
        }
    }

    fn check(&self, mid: Mid, kind: MediaKind, direction: Direction) -> Result<(), MediaError> {
        let Some(media) = self.rtc.media(mid) else {
            return Err(MediaError::BadOffer(format!("no m-line with mid {mid}")));
        };
        if media.kind() != kind || media.direction() != direction {
            return Err(MediaError::BadOffer(format!(
                "mid {mid} has the wrong kind or direction"
            )));
        }
        Ok(())
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the engine's enum is open")]
    fn event(&mut self, event: Event) -> Option<Output> {
        match event {
            Event::Connected => Some(Output::Connected),
            Event::IceConnectionStateChange(state) => match state {
                IceConnectionState::Connected | IceConnectionState::Completed => {
                    Some(Output::Path(true))
                }
                IceConnectionState::Disconnected => Some(Output::Path(false)),
                IceConnectionState::New | IceConnectionState::Checking => None,
            },
            Event::RtpPacket(packet) => self.packet(packet).map(Box::new).map(Output::Packet),
            Event::KeyframeRequest(request) => {
                let slot = self.video.iter().position(|down| down.mid == request.mid)?;
                Some(Output::KeyFrameWanted(slot))
            }
            Event::SenderFeedback(report) => {
                let info = report.sender_info;
                let ntp = info.ntp_time.duration_since(SystemTime::UNIX_EPOCH).ok()?;
                let rtp = info.rtp_time.numer() as u32;
                self.clock.report(report.received_at, *info.ssrc, ntp, rtp);
                None
            }
            Event::EgressBitrateEstimate(BweKind::Twcc {
                estimate,
                can_probe: true,
            })
            | Event::EgressBitrateEstimate(BweKind::Remb { estimate, .. }) => {
                Some(Output::Estimate(estimate.as_u64()))
            }
            Event::PeerStats(stats) => {
                let loss = stats.egress_loss_fraction.unwrap_or(0.0).clamp(0.0, 1.0);
                Some(Output::Quality((loss * 100.0).round() as u8, stats.rtt))
            }
            Event::Closed => Some(Output::Closed),
            _ => None,
        }
    }

    fn packet(&mut self, packet: RtpPacket) -> Option<Packet> {
        let ssrc = packet.header.ssrc;
        let (mid, rid) = {
            let mut api = self.rtc.direct_api();
            let stream = api.stream_rx(&ssrc)?;
            (stream.mid(), stream.rid())
        };
        let (source, layer) = self.lane(mid, rid)?;
        if packet.payload.is_empty() || packet.payload.len() > PAYLOAD_MAX {
            return None;
        }
        let vp8 = if source.is_audio() {
            Vp8::default()
        } else {
            vp8::parse(&packet.payload)?
        };
        let time = packet.header.timestamp;
        let rate = if source.is_audio() {
            AUDIO_RATE
        } else {
            VIDEO_RATE
        };
        let captured = self.clock.captured(packet.timestamp, *ssrc, time, rate);
        let from = &packet.header.ext_vals;
        let loudness = from
            .audio_level
            .map(|level| (127 + i16::from(level)).clamp(0, 127) as u8);
        let extensions = ExtensionValues {
            audio_level: from.audio_level,
            voice_activity: from.voice_activity,
            video_orientation: from.video_orientation,
            ..ExtensionValues::default()
        };
        let numbers = Incoming {
            ssrc: *ssrc,
            seq: *packet.seq_no,
            time,
            picture_id: vp8.picture_id,
            tl0_pic_idx: vp8.tl0_pic_idx,
        };
        let marker = packet.header.marker;
        Some(Packet {
            source,
            layer,
            numbers,
            vp8,
            loudness,
            captured,
            payload: packet.payload,
            marker,
            extensions,
        })
    }

    fn lane(&self, mid: Mid, rid: Option<Rid>) -> Option<(Source, u8)> {
        let up = self.ups.iter().find(|up| up.mid == mid)?;
        let layer = match rid {
            Some(rid) => up.rids.iter().position(|known| *known == rid)?,
            None => 0,
        };
        Some((up.source, layer as u8))
    }

    fn fail(&mut self, error: &str0m::RtcError) {
        tracing::debug!(%error, "media connection failed");
        self.rtc.disconnect();
    }
}

/// Makes the engine know a stream; nothing if it does, or if a later offer took the m-line away.
fn declare(rtc: &mut Rtc, down: &Down) {
    if rtc.media(down.mid).is_some() {
        rtc.direct_api()
            .declare_stream_tx(down.ssrc, down.rtx, down.mid, None);
    }
}

fn answer(rtc: &mut Rtc, sdp: &str) -> Result<String, MediaError> {
    if sdp.len() > SDP_MAX {
        return Err(MediaError::BadOffer(format!("longer than {SDP_MAX} bytes")));
    }
    let accept = || {
        let offer = SdpOffer::from_sdp_string(sdp).map_err(bad)?;
        Ok(rtc
            .sdp_api()
            .accept_offer(offer)
            .map_err(bad)?
            .to_sdp_string())
    };
    contained(accept).unwrap_or_else(|| Err(bad("the engine failed on it")))
}

/// Runs the engine on bytes from outside; `None` if it panicked. The connection must not be used
/// after that, but a bug in the engine then costs one participant the call, not everyone.
fn contained<T>(run: impl FnOnce() -> T) -> Option<T> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).ok()
}

fn checked(mid: &str) -> Result<Mid, MediaError> {
    if mid.is_empty() || mid.len() > MID_MAX || !mid.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(MediaError::BadOffer(
            "an a=mid is empty, too long or not a token".to_owned(),
        ));
    }
    Ok(Mid::from(mid))
}

fn patch(payload: &[u8], numbers: Outgoing) -> Result<Option<str0m::rtp::Vp8Patch>, Unfit> {
    if numbers.picture_id.is_none() && numbers.tl0_pic_idx.is_none() {
        return Ok(None);
    }
    let descriptor = Vp8Descriptor::parse(payload).map_err(|_| Unfit)?;
    let mut patch = descriptor.patch();
    if let Some(id) = numbers.picture_id {
        patch = patch.picture_id(id);
    }
    if let Some(id) = numbers.tl0_pic_idx {
        patch = patch.tl0_pic_idx(id);
    }
    patch.build().map(Some).map_err(|_| Unfit)
}

fn bad(error: impl std::fmt::Display) -> MediaError {
    MediaError::BadOffer(error.to_string())
}
