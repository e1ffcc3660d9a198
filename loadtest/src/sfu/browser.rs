//! A fake browser's WebRTC half: one offer with every section that Parta's web client has, on the `webrtc` crate, which
//! shares no code with the server's engine.

use std::sync::Arc;
use std::time::Duration;

use protocol::call::UpMids;
use rtc::interceptor::{Interceptor, RTPHeaderExtension, Slot, StreamInfo, TwccReceiverBuilder};
use rtc::peer_connection::configuration::interceptor_registry::register_default_interceptors;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodecParameters, RTCRtpHeaderExtensionCapability, RtpCodecKind,
};
use rtc::rtp_transceiver::{RTCRtpTransceiverDirection, RTCRtpTransceiverInit};
use rtc::sdp::extmap::{AUDIO_LEVEL_URI, TRANSPORT_CC_URI};
use tokio::sync::watch;
use tokio::time::timeout;
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::peer_connection::{
    MediaEngine, PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler,
    RTCPeerConnectionState, RTCSessionDescription, Registry,
};

use super::tap::{Received, Tap};
use super::track::{OPUS, Upstream, VP8, media, opus, vp8};
use crate::LoadError;

/// The stack numbers header extensions in the order of their registration; the offer is checked for it.
const TRANSPORT_CC_ID: u8 = 5;
/// Sections that are sent, in order.
const UP: [(&str, RtpCodecKind); 4] = [
    ("mic", RtpCodecKind::Audio),
    ("camera", RtpCodecKind::Video),
    ("screen", RtpCodecKind::Video),
    ("screen_audio", RtpCodecKind::Audio),
];
const CONNECTED_WITHIN: Duration = Duration::from_secs(20);

/// A peer connection with its offer made.
pub(super) struct Browser {
    connection: Box<dyn PeerConnection>,
    state: watch::Receiver<RTCPeerConnectionState>,
    mids: Vec<String>,
    tracks: Vec<Upstream>,
    /// What came.
    pub(super) received: Arc<Received>,
    /// SDP offer.
    pub(super) offer: String,
}

struct Events(watch::Sender<RTCPeerConnectionState>);

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Events {
    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        self.0.send_replace(state);
    }
}

impl Browser {
    /// Makes the offer: four sections up, then `audio` and `video` sections down.
    ///
    /// # Errors
    /// [`LoadError::Media`].
    pub(super) async fn new(audio: usize, video: usize) -> Result<Self, LoadError> {
        let received = Arc::new(Received::default());
        let (told, state) = watch::channel(RTCPeerConnectionState::New);
        let mut engine = media_engine()?;
        let registry = register_default_interceptors(Registry::new(), &mut engine)
            .map_err(media)?
            .with(Slot::TwccReceiver, arrival_reports())
            .with(Slot::from(9_500), Tap::new(Arc::clone(&received)));
        let connection = PeerConnectionBuilder::new()
            .with_media_engine(engine)
            .with_interceptor_registry(registry)
            .with_handler(Arc::new(Events(told)))
            .with_udp_addrs(vec!["127.0.0.1:0"])
            .build()
            .await
            .map_err(media)?;
        let mut tracks = Vec::new();
        for (name, kind) in UP {
            let upstream = Upstream::new(name, kind);
            let track = Arc::clone(&upstream.track) as Arc<dyn TrackLocal>;
            let init = direction(RTCRtpTransceiverDirection::Sendonly);
            connection
                .add_transceiver_from_track(track, Some(init))
                .await
                .map_err(media)?;
            tracks.push(upstream);
        }
        let down = [(RtpCodecKind::Audio, audio), (RtpCodecKind::Video, video)];
        for (kind, count) in down {
            for _ in 0..count {
                let init = direction(RTCRtpTransceiverDirection::Recvonly);
                connection
                    .add_transceiver_from_kind(kind, Some(init))
                    .await
                    .map_err(media)?;
            }
        }
        let offer = connection.create_offer(None).await.map_err(media)?;
        connection
            .set_local_description(offer)
            .await
            .map_err(media)?;
        let offer = connection
            .local_description()
            .await
            .ok_or_else(|| LoadError::Media("no offer".to_owned()))?
            .sdp;
        if !offer.contains(&format!("a=extmap:{TRANSPORT_CC_ID} {TRANSPORT_CC_URI}")) {
            return Err(LoadError::Media(
                "header extensions are numbered otherwise".to_owned(),
            ));
        }
        let mids: Vec<String> = offer
            .lines()
            .filter_map(|line| line.strip_prefix("a=mid:"))
            .map(|mid| mid.trim().to_owned())
            .collect();
        if mids.len() != UP.len() + audio + video {
            return Err(LoadError::Media(format!(
                "{} sections in the offer",
                mids.len()
            )));
        }
        Ok(Self {
            connection: Box::new(connection),
            state,
            mids,
            tracks,
            received,
            offer,
        })
    }

    /// The sections that are sent.
    pub(super) fn up(&self) -> UpMids {
        UpMids {
            mic: self.mids[0].clone(),
            camera: self.mids[1].clone(),
            screen: self.mids[2].clone(),
            screen_audio: self.mids[3].clone(),
        }
    }

    /// The sections that are received: sound, then pictures.
    pub(super) fn down(&self, audio: usize) -> (Vec<String>, Vec<String>) {
        let (audio, video) = self.mids[UP.len()..].split_at(audio);
        (audio.to_vec(), video.to_vec())
    }

    /// Takes the answer and waits until media can flow.
    ///
    /// # Errors
    /// [`LoadError::Media`], [`LoadError::TimedOut`].
    pub(super) async fn connect(&mut self, answer: String) -> Result<(), LoadError> {
        let answer = RTCSessionDescription::answer(answer).map_err(media)?;
        self.connection
            .set_remote_description(answer)
            .await
            .map_err(media)?;
        let reached = self.state.wait_for(|state| {
            matches!(
                state,
                RTCPeerConnectionState::Connected | RTCPeerConnectionState::Failed
            )
        });
        let state = timeout(CONNECTED_WITHIN, reached)
            .await
            .map_err(|_| LoadError::TimedOut("the media connection"))?
            .map_err(|e| LoadError::Media(e.to_string()))?;
        if *state == RTCPeerConnectionState::Connected {
            return Ok(());
        }
        Err(LoadError::Media("the connection failed".to_owned()))
    }

    /// Microphone and camera, ready to send on.
    ///
    /// # Errors
    /// [`LoadError::Media`].
    pub(super) async fn mic_and_camera(&self) -> Result<(Upstream, Upstream), LoadError> {
        let mut mic = self.tracks[0].clone();
        for sender in self.connection.get_senders().await {
            if sender.track().kind().await == RtpCodecKind::Audio {
                let parameters = sender.get_parameters().await.map_err(media)?;
                let extensions = parameters.rtp_parameters.header_extensions;
                let level = extensions.iter().find(|ext| ext.uri == AUDIO_LEVEL_URI);
                mic.audio_level_id = level.and_then(|ext| u8::try_from(ext.id).ok());
            }
        }
        Ok((mic, self.tracks[1].clone()))
    }

    /// Ends the connection.
    pub(super) async fn close(&self) {
        // It ends with the process anyway.
        let _ = self.connection.close().await;
    }
}

// The stack reports arrivals only once it knows a stream. A server that probes the network before its first media
// packet, as browsers let it, would find all of that lost and hold its estimate down for many seconds. SSRC 0 is
// what such probes carry.
fn arrival_reports() -> impl Interceptor + 'static {
    let mut reports = TwccReceiverBuilder::new().build();
    reports.bind_remote_stream(&StreamInfo {
        rtp_header_extensions: vec![RTPHeaderExtension {
            uri: TRANSPORT_CC_URI.to_owned(),
            id: TRANSPORT_CC_ID.into(),
        }],
        ..Default::default()
    });
    reports
}

fn media_engine() -> Result<MediaEngine, LoadError> {
    let mut engine = MediaEngine::default();
    let codecs = [
        (opus(), OPUS, RtpCodecKind::Audio),
        (vp8(), VP8, RtpCodecKind::Video),
    ];
    for (rtp_codec, payload_type, kind) in codecs {
        let codec = RTCRtpCodecParameters {
            rtp_codec,
            payload_type,
        };
        engine.register_codec(codec, kind).map_err(media)?;
    }
    let level = RTCRtpHeaderExtensionCapability {
        uri: AUDIO_LEVEL_URI.to_owned(),
    };
    engine
        .register_header_extension(level, RtpCodecKind::Audio, None)
        .map_err(media)?;
    Ok(engine)
}

fn direction(direction: RTCRtpTransceiverDirection) -> RTCRtpTransceiverInit {
    RTCRtpTransceiverInit {
        direction,
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_offer_has_the_sections_of_the_web_client_in_order() {
        let browser = Browser::new(4, 2).await.unwrap();
        let media = |line: &&str| line.starts_with("m=");
        let kinds: Vec<&str> = browser
            .offer
            .lines()
            .filter(media)
            .map(|line| &line[2..7])
            .collect();
        assert_eq!(
            kinds.join(" "),
            "audio video video audio audio audio audio audio video video"
        );
        let (audio, video) = browser.down(4);
        assert_eq!((audio.len(), video.len()), (4, 2));
        assert!(browser.offer.len() < protocol::limits::SDP_BYTES_MAX);
    }
}
