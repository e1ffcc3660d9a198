//! What comes from the engine: its events, and packets in the form that the rest of the SFU knows.

use std::time::{Duration, SystemTime};

use str0m::media::{Mid, Rid};
use str0m::rtp::{RtpPacket, Ssrc, VideoOrientation};
use str0m::{Event, IceConnectionState};

use super::described::Described;
use super::{AUDIO_RATE, Output, PAYLOAD_TYPES, Packet, Peer, Up, VIDEO_RATE};
use crate::sfu::codec::{Codec, Coded, Number, SPATIAL_MAX, Temporal};
use crate::sfu::egress::header::Extras;
use crate::sfu::limits::PAYLOAD_MAX;
use crate::sfu::rewrite::Incoming;
use crate::sfu::{descriptor, h264, red, vp8, vp9};

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
            Event::RtpPacket(packet) => {
                self.heard = self.now;
                if let Some(number) = packet.header.ext_vals.transport_cc {
                    self.numbers.came(number);
                }
                let payload_type = *packet.header.payload_type;
                let packet = self.packet(packet)?;
                let packet = self.unfold(payload_type, packet)?;
                Some(Output::Packet(packet))
            }
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
        let (at, layer) = self.lane(mid, rid)?;
        let up = &mut self.ups[at];
        let source = up.source;
        let codec = self.formats[usize::from(*packet.header.payload_type) % PAYLOAD_TYPES];
        let described = packet.header.ext_vals.user_values.get();
        let descriptor = described
            .filter(|_| codec == Some(Codec::Av1))
            .map(|Described(bytes)| bytes.clone());
        let size = packet.payload.len() + descriptor.as_ref().map_or(0, |bytes| bytes.len());
        if packet.payload.is_empty() || size > PAYLOAD_MAX {
            return None;
        }
        let time = packet.header.timestamp;
        let coded = if source.is_audio() {
            None
        } else {
            let payload = &packet.payload;
            let place = (ssrc, *packet.seq_no, time);
            let coded = up.coded(codec?, layer, place, payload, descriptor.as_deref());
            Some(coded?)
        };
        let layer = coded
            .and_then(|coded| coded.spatial)
            .map_or(layer, |spatial| spatial.layer);
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
            picture_id: coded.and_then(|coded| coded.number),
            tl0_pic_idx: coded.and_then(|coded| coded.tl0_pic_idx),
        };
        let marker = packet.header.marker;
        Some(Packet {
            source,
            layer,
            numbers,
            coded,
            loudness,
            captured,
            restored: false,
            payload: packet.payload.into(),
            descriptor,
            marker,
            extras,
        })
    }

    /// Takes sound that repeats earlier packets apart. What of them was lost comes first, and the rest waits in `restored`.
    /// `None` when it is broken.
    fn unfold(&mut self, payload_type: u8, packet: Packet) -> Option<Packet> {
        if !packet.source.is_audio() {
            return Some(packet);
        }
        let up = self.ups.iter_mut().find(|up| up.source == packet.source)?;
        let Incoming {
            ssrc, seq, time, ..
        } = packet.numbers;
        up.gaps.came(ssrc, seq, time);
        if self.sound.red != Some(payload_type) {
            return Some(packet);
        }
        let opus = self.sound.opus;
        let blocks = red::parse(&packet.payload).filter(|blocks| blocks.payload_type == opus)?;
        for (place, block) in blocks.latest_first().enumerate().take(red::TAKEN_MAX) {
            let time = time.wrapping_sub(block.offset);
            let payload = packet.payload.part(block.part.clone());
            let payload = payload.filter(|payload| !payload.is_empty());
            if block.payload_type == opus
                && let Some(seq) = up.gaps.missing(seq, place, time)
                && let Some(payload) = payload
            {
                up.gaps.came(ssrc, seq, time);
                let earlier = Duration::from_secs(block.offset.into()) / AUDIO_RATE;
                self.restored.push_front(Packet {
                    numbers: Incoming {
                        seq,
                        time,
                        ..packet.numbers
                    },
                    captured: packet
                        .captured
                        .checked_sub(earlier)
                        .unwrap_or(packet.captured),
                    loudness: None,
                    restored: true,
                    payload,
                    marker: false,
                    ..packet.clone()
                });
            }
        }
        let payload = packet.payload.part(blocks.primary)?;
        self.restored.push_back(Packet { payload, ..packet });
        self.restored.pop_front()
    }

    /// The place of an m-line among those on which the participant sends, and the layer.
    fn lane(&self, mid: Mid, rid: Option<Rid>) -> Option<(usize, u8)> {
        let at = self.ups.iter().position(|up| up.mid == mid)?;
        let layer = match rid {
            Some(rid) => self.ups[at].rids.iter().position(|known| *known == rid)?,
            None => 0,
        };
        Some((at, layer as u8))
    }
}

impl Up {
    /// What a packet of a picture says. `None` when it is broken.
    fn coded(
        &mut self,
        codec: Codec,
        layer: u8,
        (ssrc, seq, time): (Ssrc, u64, u32),
        payload: &[u8],
        descriptor: Option<&[u8]>,
    ) -> Option<Coded> {
        let mut coded = match (codec, descriptor) {
            (Codec::Vp8, _) => {
                let read = vp8::parse(payload)?;
                let number = |(id, wide)| Number {
                    id,
                    mask: if wide { 0x7fff } else { 0x7f },
                };
                let temporal = |(layer, sync)| Temporal {
                    sync,
                    ..Temporal::of(layer, read.starts)
                };
                let mut widths = [0; SPATIAL_MAX];
                widths[0] = read.width.unwrap_or(0);
                Coded {
                    number: read.picture_id.map(number),
                    tl0_pic_idx: read.tl0_pic_idx,
                    key_frame: read.key_frame,
                    temporal: read.temporal.map(temporal),
                    widths,
                    ..Coded::new(codec)
                }
            }
            (Codec::Vp9, _) => vp9::parse(payload)?,
            (Codec::H264, _) => {
                let fresh = || (ssrc, h264::Arrivals::default());
                let (of, arrivals) = self.arrivals.entry(layer).or_insert_with(fresh);
                if *of != ssrc {
                    (*of, *arrivals) = fresh();
                }
                Coded {
                    key_frame: arrivals.begins(seq, time, payload),
                    ..Coded::new(codec)
                }
            }
            (Codec::Av1, None) => Coded {
                key_frame: descriptor::begins_sequence(payload),
                ..Coded::new(codec)
            },
            (Codec::Av1, Some(bytes)) => {
                let fresh = || (ssrc, descriptor::Reader::default());
                let (of, reader) = self.descriptors.entry(layer).or_insert_with(fresh);
                if *of != ssrc {
                    (*of, *reader) = fresh();
                }
                reader.read(bytes, time)?
            }
        };
        // Layers of simulcast are streams of their own; what is inside them stays together.
        if self.rids.len() > 1 {
            coded.spatial = None;
        }
        Some(coded)
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
