//! Offers and answers: what of an offer is taken, and which streams the engine is told of.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Instant;

use str0m::change::SdpOffer;
use str0m::format::{Codec as EngineCodec, CodecConfig, FormatParams, PayloadParams};
use str0m::media::{Direction, Frequency, MediaKind, Mid, Pt};
use str0m::net::TcpType;
use str0m::rtp::Extension;
use str0m::{Candidate, Rtc, RtcConfig};

use super::driving::contained;
use super::numbers::Numbers;
use super::offer::{MIXES, has_ports, mixed_as_offered, without_idle_descriptors};
use super::{
    AUDIO_RATE, Down, Engine, InUse, PAYLOAD_TYPES, Peer, Sound, Up, VIDEO_RATE, described, keys,
    numbers, sound,
};
use crate::sfu::clock::CaptureClock;
use crate::sfu::codec::{Codec, Codecs};
use crate::sfu::egress::header::{self, ExtensionIds};
use crate::sfu::egress::{Egress, Format, Formats, SlotSpec};
use crate::sfu::limits::{AUDIO_SLOTS_MAX, LAYERS_MAX, MID_MAX, SDP_MAX, VIDEO_SLOTS_MAX};
use crate::sfu::red::Gaps;
use crate::{MediaError, Offer, Source};

/// The name under which a receiver's streams belong together (RFC 3550 §6.5.1). It says nothing about anybody.
const CNAME: &str = "parta";
/// Why an offer is refused.
const TWO_EXTENSIONS: &str = "one id is for two header extensions";
/// Id of the dependency descriptor until an offer gives it another one.
const DESCRIPTOR_ID: u8 = 12;
/// Payload types of VP9 and of its retransmissions until an offer gives others; likewise for H.264.
const VP9_PTS: (u8, u8) = (98, 99);
const H264_PTS: (u8, u8) = (108, 109);
/// Constrained baseline, level 3.1 (RFC 6184 §8.1): what browsers have in common.
const H264_PROFILE: u32 = 0x42e01f;

/// What an offer says that the engine does not tell.
struct Says {
    mixes: bool,
    /// Sections with sound that may repeat earlier packets (RFC 2198).
    repeats: Vec<Mid>,
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
        let mut numbers = Numbers::default();
        if !numbers.learn(&offer.sdp) {
            return Err(bad(TWO_EXTENSIONS));
        }
        let mut config = Rtc::builder()
            .set_crypto_provider(engine.crypto.clone())
            .set_dtls_cert(engine.certificate.clone())
            .set_ice_lite(true)
            .set_rtp_mode(true)
            .set_extension(DESCRIPTOR_ID, described::extension());
        if !numbers.are_offered() {
            config = config.set_extension(numbers::DEFAULT_ID, described::nothing());
        }
        let mut rtc = with_codecs(config).build(now);
        let keys = keys::of_last_built();
        let (udp, tcp) = (&engine.candidates.udp, &engine.candidates.tcp);
        for address in udp {
            let candidate = Candidate::builder().udp().host(*address).build();
            rtc.add_local_candidate(candidate.map_err(bad)?);
        }
        for address in tcp {
            let passive = Candidate::builder().tcp().host(*address);
            let candidate = passive.tcptype(TcpType::Passive).build();
            rtc.add_local_candidate(candidate.map_err(bad)?);
        }
        let answer = answer(&mut rtc, &offer.sdp)?;
        let says = Says {
            mixes: offer.sdp.contains(MIXES),
            repeats: sound::repeating(&offer.sdp),
        };
        let mut peer = Self {
            rtc,
            local: (udp[0], tcp.first().copied()),
            ups: Vec::new(),
            audio: Vec::new(),
            video: Vec::new(),
            formats: [None; PAYLOAD_TYPES],
            sound: Sound::default(),
            restored: VecDeque::new(),
            takes: Codecs::ALL,
            egress: Egress::new(now, CNAME.to_owned()),
            streams: BTreeSet::new(),
            numbers,
            checks: VecDeque::new(),
            keys,
            crypto: engine.crypto.clone(),
            in_use: InUse {
                path: None,
                heard: now,
            },
            clock: CaptureClock::default(),
            now,
            heard: now,
            spins: 0,
            engine_wait: None,
            egress_waits: true,
        };
        peer.read_ups(&offer.up, &says)?;
        peer.audio = peer.downs(&offer.down_audio, MediaKind::Audio, AUDIO_SLOTS_MAX, &says)?;
        peer.video = peer.downs(&offer.down_video, MediaKind::Video, VIDEO_SLOTS_MAX, &says)?;
        peer.note_formats();
        peer.hide_downs();
        Ok((peer, answer))
    }

    /// Answers a new offer on the same connection: an ICE restart (RFC 8445 §9).
    ///
    /// # Errors
    /// [`MediaError::BadOffer`].
    pub fn restart(&mut self, sdp: &str) -> Result<String, MediaError> {
        if !self.numbers.learn(sdp) {
            return Err(bad(TWO_EXTENSIONS));
        }
        // The answer must declare the same senders as the first one.
        for down in self.audio.iter().chain(&self.video) {
            if self.rtc.media(down.mid).is_some() {
                self.rtc
                    .direct_api()
                    .declare_stream_tx(down.ssrc, down.rtx, down.mid, None);
            }
        }
        let answer = answer(&mut self.rtc, sdp);
        self.note_formats();
        self.hide_downs();
        self.engine_wait = None;
        answer
    }

    fn read_ups(&mut self, ups: &[(Source, String)], says: &Says) -> Result<(), MediaError> {
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
            self.check_codec(mid)?;
            let rids = self
                .rtc
                .media(mid)
                .map_or_else(Vec::new, |media| match media.rids_rx() {
                    str0m::media::Rids::Specific(rids) => {
                        rids.iter().copied().take(LAYERS_MAX).collect()
                    }
                    str0m::media::Rids::Any | str0m::media::Rids::None => Vec::new(),
                });
            let codecs = self.agreed(mid).filter_map(known);
            let codecs = codecs.collect();
            let repeats = self.agreed(mid).any(|params| params.red().is_some());
            self.ups.push(Up {
                source: *source,
                mid,
                rids,
                codecs,
                descriptors: BTreeMap::new(),
                arrivals: BTreeMap::new(),
                repeats: repeats && says.repeats.contains(&mid),
                gaps: Gaps::default(),
            });
        }
        Ok(())
    }

    fn downs(
        &mut self,
        mids: &[String],
        kind: MediaKind,
        max: usize,
        says: &Says,
    ) -> Result<Vec<Down>, MediaError> {
        if mids.len() > max {
            return Err(MediaError::BadOffer(format!(
                "more than {max} slots of one kind"
            )));
        }
        let mut downs: Vec<Down> = Vec::with_capacity(mids.len());
        for name in mids {
            let mid = checked(name)?;
            self.check(mid, kind, Direction::SendOnly)?;
            if downs.iter().any(|down| down.mid == mid) {
                return Err(MediaError::BadOffer(format!("mid {name} is named twice")));
            }
            let spec = self.spec(mid, kind, says)?;
            downs.push(Down {
                mid,
                ssrc: spec.ssrc.into(),
                rtx: spec.rtx.map(Into::into),
            });
            if kind == MediaKind::Video {
                self.takes = self.takes.and(spec.formats.codecs());
            }
            self.egress.add(spec);
        }
        Ok(downs)
    }

    fn spec(&mut self, mid: Mid, kind: MediaKind, says: &Says) -> Result<SlotSpec, MediaError> {
        let media = self.rtc.media(mid);
        let id = |extension| {
            let id = media.and_then(|media| media.remote_extmap().id_of(extension));
            id.filter(|id| *id <= header::ID_MAX)
        };
        let ids = ExtensionIds {
            transport_cc: id(Extension::TransportSequenceNumber),
            audio_level: id(Extension::AudioLevel),
            orientation: id(Extension::VideoOrientation),
            descriptor: id(described::extension()).filter(|_| says.mixes),
        };
        let audio = kind == MediaKind::Audio;
        let formats = if audio {
            let opus = |params: &&PayloadParams| params.spec().codec == EngineCodec::Opus;
            let repeats = says.repeats.contains(&mid);
            let sound = |params: &PayloadParams| Formats::Sound {
                opus: format(params),
                red: params.red().filter(|_| repeats).map(|pt| *pt),
            };
            self.agreed(mid).find(opus).map(sound)
        } else {
            let mut formats = [None; Codec::COUNT];
            for params in self.agreed(mid) {
                if let Some(codec) = known(params) {
                    formats[codec as usize].get_or_insert_with(|| format(params));
                }
            }
            // What a sender falls back to.
            formats[Codec::Vp8 as usize].map(|_| Formats::Pictures(formats))
        };
        let Some(formats) = formats else {
            let lacks = if audio { "Opus" } else { "VP8" };
            return Err(MediaError::BadOffer(format!("mid {mid} lacks {lacks}")));
        };
        let mut api = self.rtc.direct_api();
        let Some(stream) = api.stream_tx_by_mid(mid, None) else {
            return Err(MediaError::BadOffer(format!("mid {mid} cannot be sent to")));
        };
        Ok(SlotSpec {
            ssrc: *stream.ssrc(),
            rtx: stream.rtx().map(|ssrc| *ssrc),
            formats,
            ids,
            rate: if audio { AUDIO_RATE } else { VIDEO_RATE },
            paced: !audio,
        })
    }

    /// What both sides know of an m-line's payload types.
    fn agreed(&self, mid: Mid) -> impl Iterator<Item = &PayloadParams> {
        let pts: &[Pt] = self.rtc.media(mid).map_or(&[], |media| media.remote_pts());
        let config: &[PayloadParams] = self.rtc.codec_config();
        config.iter().filter(|params| pts.contains(&params.pt()))
    }

    /// Notes in which codec a packet of each payload type is.
    fn note_formats(&mut self) {
        self.formats = [None; PAYLOAD_TYPES];
        let config: &[PayloadParams] = self.rtc.codec_config();
        for params in config {
            if params.spec().codec == EngineCodec::Opus {
                self.sound = Sound {
                    opus: *params.pt(),
                    red: params.red().map(|pt| *pt),
                };
            }
            self.formats[usize::from(*params.pt()) % PAYLOAD_TYPES] = known(params);
        }
    }

    /// The engine declares the outgoing streams in answers and otherwise knows nothing of them: it would walk through
    /// all of them at every turn, and report on them.
    fn hide_downs(&mut self) {
        for down in self.audio.iter().chain(&self.video) {
            self.rtc.direct_api().remove_stream_tx(down.ssrc);
        }
    }

    /// Whether the client can send anything that is taken here. The answer would not say so by itself: it would have a
    /// section in which nothing can come.
    fn check_codec(&self, mid: Mid) -> Result<(), MediaError> {
        let media = self.rtc.media(mid);
        let pts = media.map_or(&[][..], |media| media.remote_pts());
        let taken = |pt| self.rtc.codec_config().find(|params| params.pt() == pt);
        if pts.iter().any(|pt| taken(*pt).is_some()) {
            return Ok(());
        }
        Err(MediaError::BadOffer(format!(
            "mid {mid} has no codec that is taken here"
        )))
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
}

/// Opus and the codecs of pictures, in the order in which answers name them.
fn with_codecs(config: RtcConfig) -> RtcConfig {
    let mut config = config.clear_codecs();
    let codecs = config.codec_config();
    codecs.enable_opus(true, true);
    codecs.enable_vp8(true);
    let video = |codecs: &mut CodecConfig, (pt, resend): (u8, u8), codec, format| {
        let rate = Frequency::NINETY_KHZ;
        codecs.add_config(pt.into(), Some(resend.into()), codec, rate, None, format);
    };
    let format = FormatParams {
        profile_id: Some(0),
        ..FormatParams::default()
    };
    video(codecs, VP9_PTS, EngineCodec::Vp9, format);
    codecs.enable_av1(true);
    let (pt, resend) = H264_PTS;
    codecs.add_h264(pt.into(), Some(resend.into()), true, H264_PROFILE);
    config
}

fn known(params: &PayloadParams) -> Option<Codec> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the engine's enum is open")]
    match params.spec().codec {
        EngineCodec::Vp8 => Some(Codec::Vp8),
        EngineCodec::Vp9 => Some(Codec::Vp9),
        EngineCodec::Av1 => Some(Codec::Av1),
        EngineCodec::H264 => Some(Codec::H264),
        _ => None,
    }
}

fn format(params: &PayloadParams) -> Format {
    Format {
        payload_type: *params.pt(),
        resend: params.resend().map(|pt| *pt),
    }
}

fn answer(rtc: &mut Rtc, sdp: &str) -> Result<String, MediaError> {
    if sdp.len() > SDP_MAX {
        return Err(MediaError::BadOffer(format!("longer than {SDP_MAX} bytes")));
    }
    if !has_ports(sdp) {
        return Err(bad("a port is no number"));
    }
    let accept = || {
        let offer = SdpOffer::from_sdp_string(&without_idle_descriptors(sdp)).map_err(bad)?;
        let answer = rtc.sdp_api().accept_offer(offer).map_err(bad)?;
        let answer = sound::answered(sdp, &answer.to_sdp_string());
        Ok(mixed_as_offered(sdp, answer))
    };
    contained(accept).unwrap_or_else(|| Err(bad("the engine failed on it")))
}

fn checked(mid: &str) -> Result<Mid, MediaError> {
    if mid.is_empty() || mid.len() > MID_MAX || !mid.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(MediaError::BadOffer(
            "an a=mid is empty, too long or not a token".to_owned(),
        ));
    }
    Ok(Mid::from(mid))
}

fn bad(error: impl std::fmt::Display) -> MediaError {
    MediaError::BadOffer(error.to_string())
}
