//! Offers and answers: what of an offer is taken, and which streams the engine is told of.

use std::time::Instant;

use str0m::change::SdpOffer;
use str0m::format::Codec;
use str0m::media::{Direction, MediaKind, Mid, Pt};
use str0m::net::TcpType;
use str0m::rtp::Extension;
use str0m::{Candidate, Rtc};

use super::driving::contained;
use super::{AUDIO_RATE, Down, Engine, InUse, Peer, Up, VIDEO_RATE, keys};
use crate::sfu::clock::CaptureClock;
use crate::sfu::egress::header::{self, ExtensionIds};
use crate::sfu::egress::{Egress, SlotSpec};
use crate::sfu::limits::{AUDIO_SLOTS_MAX, LAYERS_MAX, MID_MAX, SDP_MAX, VIDEO_SLOTS_MAX};
use crate::{MediaError, Offer, Source};

/// The name under which a receiver's streams belong together (RFC 3550 §6.5.1). It says nothing about anybody.
const CNAME: &str = "parta";

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
            .build(now);
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
        let mut peer = Self {
            rtc,
            local: (udp[0], tcp.first().copied()),
            ups: Vec::new(),
            audio: Vec::new(),
            video: Vec::new(),
            egress: Egress::new(now, CNAME.to_owned()),
            keys,
            crypto: engine.crypto.clone(),
            in_use: InUse {
                path: None,
                heard: now,
            },
            clock: CaptureClock::default(),
            now,
            spins: 0,
            engine_wait: None,
            egress_waits: true,
        };
        peer.read_ups(&offer.up)?;
        peer.audio = peer.downs(&offer.down_audio, MediaKind::Audio, AUDIO_SLOTS_MAX)?;
        peer.video = peer.downs(&offer.down_video, MediaKind::Video, VIDEO_SLOTS_MAX)?;
        peer.hide_downs();
        Ok((peer, answer))
    }

    /// Answers a new offer on the same connection: an ICE restart (RFC 8445 §9).
    ///
    /// # Errors
    /// [`MediaError::BadOffer`].
    pub fn restart(&mut self, sdp: &str) -> Result<String, MediaError> {
        // The answer must declare the same senders as the first one.
        for down in self.audio.iter().chain(&self.video) {
            if self.rtc.media(down.mid).is_some() {
                self.rtc
                    .direct_api()
                    .declare_stream_tx(down.ssrc, down.rtx, down.mid, None);
            }
        }
        let answer = answer(&mut self.rtc, sdp);
        self.hide_downs();
        self.engine_wait = None;
        answer
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
            let spec = self.spec(mid, kind, codec)?;
            let stream = |rtx: Option<(u32, u8)>| rtx.map(|(ssrc, _)| ssrc.into());
            downs.push(Down {
                mid,
                ssrc: spec.ssrc.into(),
                rtx: stream(spec.rtx),
            });
            self.egress.add(spec);
        }
        Ok(downs)
    }

    fn spec(&mut self, mid: Mid, kind: MediaKind, codec: Codec) -> Result<SlotSpec, MediaError> {
        let media = self.rtc.media(mid);
        let pts: Vec<Pt> = media.map_or_else(Vec::new, |media| media.remote_pts().to_vec());
        let id = |extension| {
            let id = media.and_then(|media| media.remote_extmap().id_of(extension));
            id.filter(|id| *id <= header::ID_MAX)
        };
        let ids = ExtensionIds {
            transport_cc: id(Extension::TransportSequenceNumber),
            audio_level: id(Extension::AudioLevel),
            orientation: id(Extension::VideoOrientation),
        };
        let params = self.rtc.codec_config();
        let params = params.find(|param| param.spec().codec == codec && pts.contains(&param.pt()));
        let Some((pt, resend)) = params.map(|params| (params.pt(), params.resend())) else {
            return Err(MediaError::BadOffer(format!("mid {mid} lacks {codec:?}")));
        };
        let mut api = self.rtc.direct_api();
        let Some(stream) = api.stream_tx_by_mid(mid, None) else {
            return Err(MediaError::BadOffer(format!("mid {mid} cannot be sent to")));
        };
        let audio = kind == MediaKind::Audio;
        Ok(SlotSpec {
            ssrc: *stream.ssrc(),
            payload_type: *pt,
            rtx: stream.rtx().zip(resend).map(|(ssrc, pt)| (*ssrc, *pt)),
            ids,
            rate: if audio { AUDIO_RATE } else { VIDEO_RATE },
            paced: !audio,
        })
    }

    /// The engine declares the outgoing streams in answers and otherwise knows nothing of them: it would walk through
    /// all of them at every turn, and report on them.
    fn hide_downs(&mut self) {
        for down in self.audio.iter().chain(&self.video) {
            self.rtc.direct_api().remove_stream_tx(down.ssrc);
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
