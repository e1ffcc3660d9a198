//! What a fake browser sends on: a track, its codec, its packets.

use std::sync::Arc;

use bytes::Bytes;
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::configuration::media_engine::{MIME_TYPE_OPUS, MIME_TYPE_VP8};
use rtc::rtp_transceiver::rtp_sender::{
    RTCPFeedback, RTCRtpCodec, RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind,
};
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;

use crate::LoadError;

/// Payload type of VP8 in every offer.
pub(super) const VP8: u8 = 96;
/// Payload type of Opus in every offer.
pub(super) const OPUS: u8 = 111;
/// A track that is sent.
#[derive(Clone)]
pub(super) struct Upstream {
    pub(super) track: Arc<TrackLocalStaticRTP>,
    ssrc: u32,
    payload_type: u8,
    pub(super) audio_level_id: Option<u8>,
}

impl Upstream {
    /// A track of Opus or VP8, named in the offer.
    pub(super) fn new(name: &str, kind: RtpCodecKind) -> Self {
        let ssrc = rand::random();
        let (codec, payload_type) = if kind == RtpCodecKind::Audio {
            (opus(), OPUS)
        } else {
            (vp8(), VP8)
        };
        let encoding = RTCRtpEncodingParameters {
            rtp_coding_parameters: RTCRtpCodingParameters {
                ssrc: Some(ssrc),
                ..Default::default()
            },
            active: true,
            codec,
            ..Default::default()
        };
        let track = MediaStreamTrack::new(
            "parta-load".to_owned(),
            name.to_owned(),
            name.to_owned(),
            kind,
            vec![encoding],
        );
        Self {
            track: Arc::new(TrackLocalStaticRTP::new(track)),
            ssrc,
            payload_type,
            audio_level_id: None,
        }
    }

    /// Sends a packet.
    ///
    /// # Errors
    /// [`LoadError::Media`] when the connection is over.
    pub(super) async fn send(
        &self,
        seq: u16,
        timestamp: u32,
        marker: bool,
        payload: Bytes,
    ) -> Result<(), LoadError> {
        let mut header = rtc::rtp::Header {
            version: 2,
            marker,
            payload_type: self.payload_type,
            sequence_number: seq,
            timestamp,
            ssrc: self.ssrc,
            ..Default::default()
        };
        if let Some(id) = self.audio_level_id {
            // RFC 6464: voice, 30 dB below the loudest.
            let level = Bytes::from_static(&[0x80 | 30]);
            header.set_extension(id, level).map_err(media)?;
        }
        let packet = rtc::rtp::Packet { header, payload };
        self.track.write_rtp(packet).await.map_err(media)
    }
}

/// Opus as browsers offer it.
pub(super) fn opus() -> RTCRtpCodec {
    RTCRtpCodec {
        mime_type: MIME_TYPE_OPUS.to_owned(),
        clock_rate: 48_000,
        channels: 2,
        sdp_fmtp_line: "minptime=10;useinbandfec=1".to_owned(),
        rtcp_feedback: Vec::new(),
    }
}

/// VP8 as browsers offer it, without retransmission streams: the stack drops those.
pub(super) fn vp8() -> RTCRtpCodec {
    let feedback = [("ccm", "fir"), ("nack", ""), ("nack", "pli")];
    let feedback = feedback.map(|(typ, parameter)| RTCPFeedback {
        typ: typ.to_owned(),
        parameter: parameter.to_owned(),
    });
    RTCRtpCodec {
        mime_type: MIME_TYPE_VP8.to_owned(),
        clock_rate: 90_000,
        channels: 0,
        sdp_fmtp_line: String::new(),
        rtcp_feedback: feedback.to_vec(),
    }
}

/// An error of the stack.
#[expect(clippy::needless_pass_by_value, reason = "the form that map_err takes")]
pub(super) fn media(error: webrtc::error::Error) -> LoadError {
    LoadError::Media(error.to_string())
}
