//! What comes from the engine: its events, and packets in the form that the rest of the SFU knows.

use std::time::SystemTime;

use str0m::media::{Mid, Rid};
use str0m::rtp::{RtpPacket, VideoOrientation};
use str0m::{Event, IceConnectionState};

use super::{AUDIO_RATE, Output, Packet, Peer, VIDEO_RATE};
use crate::Source;
use crate::sfu::egress::header::Extras;
use crate::sfu::limits::PAYLOAD_MAX;
use crate::sfu::rewrite::Incoming;
use crate::sfu::vp8::{self, Vp8};

impl Peer {
    /// What an event of the engine's means for the owner, if anything.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the engine's enum is open")]
    pub(super) fn event(&mut self, event: Event) -> Option<Output> {
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
            Event::SenderFeedback(report) => {
                let info = report.sender_info;
                let ntp = info.ntp_time.duration_since(SystemTime::UNIX_EPOCH).ok()?;
                let rtp = info.rtp_time.numer() as u32;
                self.clock.report(report.received_at, *info.ssrc, ntp, rtp);
                None
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
        let extras = Extras {
            audio_level: from.audio_level.map(|level| {
                let voice = from.voice_activity.unwrap_or(false);
                level.unsigned_abs().min(127) | u8::from(voice) << 7
            }),
            orientation: from.video_orientation.map(rotation),
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
            extras,
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
}

/// Quarter turns, as the header extension holds them (3GPP TS 26.114 §7.4.5).
fn rotation(orientation: VideoOrientation) -> u8 {
    match orientation {
        VideoOrientation::Deg0 => 0,
        VideoOrientation::Deg90 => 1,
        VideoOrientation::Deg180 => 2,
        VideoOrientation::Deg270 => 3,
    }
}
