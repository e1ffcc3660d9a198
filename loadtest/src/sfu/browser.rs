//! A fake browser's WebRTC half, on the `webrtc` crate, which shares no code with the server's engine.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use protocol::call::UpMids;
use rtc::interceptor::Slot;
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
    RTCIceGatheringState, RTCPeerConnectionState, RTCSessionDescription, Registry,
};

use super::reports::Reports;
use super::sieve::Sieve;
use super::tap::{Received, Tap};
use super::track::{OPUS, Upstream, VP8, media, opus, vp8};
use crate::LoadError;

/// The stack numbers header extensions in the order of their registration; the offer is checked for it.
pub(super) const TRANSPORT_CC_ID: u8 = 5;
/// Sections that Parta's web client sends, in order.
const UP: [(&str, RtpCodecKind); 4] = [
    ("mic", RtpCodecKind::Audio),
    ("camera", RtpCodecKind::Video),
    ("screen", RtpCodecKind::Video),
    ("screen_audio", RtpCodecKind::Audio),
];
const CONNECTED_WITHIN: Duration = Duration::from_secs(20);

/// A peer connection with its offer, or its answer, made.
pub(super) struct Browser {
    connection: Box<dyn PeerConnection>,
    state: watch::Receiver<RTCPeerConnectionState>,
    gathering: watch::Receiver<RTCIceGatheringState>,
    mids: Vec<String>,
    tracks: Vec<Upstream>,
    /// What came.
    pub(super) received: Arc<Received>,
    /// SDP offer, or answer.
    pub(super) sdp: String,
}

struct Events {
    state: watch::Sender<RTCPeerConnectionState>,
    gathering: watch::Sender<RTCIceGatheringState>,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Events {
    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        self.state.send_replace(state);
    }

    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        self.gathering.send_replace(state);
    }
}

impl Browser {
    /// Makes the offer of Parta's web client: four sections up, then `audio` and `video` sections down.
    ///
    /// # Errors
    /// [`LoadError::Media`].
    pub(super) async fn new(audio: usize, video: usize) -> Result<Self, LoadError> {
        Self::offering(Ipv4Addr::LOCALHOST, &UP, audio, video).await
    }

    /// Makes an offer of a microphone and a camera and nothing else, with this side's address.
    ///
    /// # Errors
    /// [`LoadError::Media`], [`LoadError::TimedOut`].
    pub(super) async fn sending(own: Ipv4Addr) -> Result<Self, LoadError> {
        let mut browser = Self::offering(own, &UP[..2], 0, 0).await?;
        browser.gathered().await?;
        Ok(browser)
    }

    async fn offering(
        own: Ipv4Addr,
        up: &[(&str, RtpCodecKind)],
        audio: usize,
        video: usize,
    ) -> Result<Self, LoadError> {
        let mut browser = Self::idle(own, true).await?;
        let connection = &browser.connection;
        for (name, kind) in up {
            let upstream = Upstream::new(name, *kind);
            let track = Arc::clone(&upstream.track) as Arc<dyn TrackLocal>;
            let init = direction(RTCRtpTransceiverDirection::Sendonly);
            connection
                .add_transceiver_from_track(track, Some(init))
                .await
                .map_err(media)?;
            browser.tracks.push(upstream);
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
        browser.describe(offer).await?;
        let numbered = format!("a=extmap:{TRANSPORT_CC_ID} {TRANSPORT_CC_URI}");
        if !browser.sdp.contains(&numbered) {
            return Err(LoadError::Media(
                "header extensions are numbered otherwise".to_owned(),
            ));
        }
        if browser.mids.len() != up.len() + audio + video {
            let sections = browser.mids.len();
            return Err(LoadError::Media(format!(
                "{sections} sections in the offer"
            )));
        }
        Ok(browser)
    }

    /// Answers an offer of a server that numbers no packets for the whole transport, with this side's address.
    ///
    /// # Errors
    /// [`LoadError::Media`], [`LoadError::TimedOut`].
    pub(super) async fn answering(own: Ipv4Addr, offer: String) -> Result<Self, LoadError> {
        let mut browser = Self::idle(own, false).await?;
        let connection = &browser.connection;
        let offer = RTCSessionDescription::offer(offer).map_err(media)?;
        connection
            .set_remote_description(offer)
            .await
            .map_err(media)?;
        let answer = connection.create_answer(None).await.map_err(media)?;
        browser.describe(answer).await?;
        browser.gathered().await?;
        Ok(browser)
    }

    async fn gathered(&mut self) -> Result<(), LoadError> {
        let complete = self
            .gathering
            .wait_for(|state| *state == RTCIceGatheringState::Complete);
        timeout(CONNECTED_WITHIN, complete)
            .await
            .map_err(|_| LoadError::TimedOut("this side's addresses"))?
            .map_err(|e| LoadError::Media(e.to_string()))?;
        self.described().await
    }

    async fn idle(own: Ipv4Addr, reports: bool) -> Result<Self, LoadError> {
        let received = Arc::new(Received::default());
        let (told, state) = watch::channel(RTCPeerConnectionState::New);
        let (gathers, gathering) = watch::channel(RTCIceGatheringState::New);
        let mut engine = media_engine()?;
        let mut registry =
            register_default_interceptors(Registry::new(), &mut engine).map_err(media)?;
        if reports {
            registry = registry.with(Slot::TwccReceiver, Reports::new(Arc::clone(&received)));
        }
        let connection = PeerConnectionBuilder::new()
            .with_media_engine(engine)
            .with_interceptor_registry(
                registry.with(Slot::from(9_500), Tap::new(Arc::clone(&received))),
            )
            .with_runtime(Arc::new(Sieve {
                received: Arc::clone(&received),
                transport_cc: reports.then_some(TRANSPORT_CC_ID),
            }))
            .with_handler(Arc::new(Events {
                state: told,
                gathering: gathers,
            }))
            .with_udp_addrs(vec![(own, 0)])
            .build()
            .await
            .map_err(media)?;
        Ok(Self {
            connection: Box::new(connection),
            state,
            gathering,
            mids: Vec::new(),
            tracks: Vec::new(),
            received,
            sdp: String::new(),
        })
    }

    async fn describe(&mut self, description: RTCSessionDescription) -> Result<(), LoadError> {
        self.connection
            .set_local_description(description)
            .await
            .map_err(media)?;
        self.described().await
    }

    async fn described(&mut self) -> Result<(), LoadError> {
        let local = self.connection.local_description().await;
        self.sdp = local
            .ok_or_else(|| LoadError::Media("no description".to_owned()))?
            .sdp;
        self.mids = self
            .sdp
            .lines()
            .filter_map(|line| line.strip_prefix("a=mid:"))
            .map(|mid| mid.trim().to_owned())
            .collect();
        Ok(())
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

    /// The microphone's section and the camera's.
    pub(super) fn mic_and_camera_mids(&self) -> (&str, &str) {
        (&self.mids[0], &self.mids[1])
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
        self.connected().await
    }

    /// Waits until media can flow.
    ///
    /// # Errors
    /// [`LoadError::Media`], [`LoadError::TimedOut`].
    pub(super) async fn connected(&mut self) -> Result<(), LoadError> {
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
            .sdp
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
        assert!(browser.sdp.len() < protocol::limits::SDP_BYTES_MAX);
    }
}
