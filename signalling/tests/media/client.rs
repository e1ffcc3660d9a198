//! A browser in a nutshell: a `str0m` client that sends sound and simulcast VP8, answers key frame
//! requests and keeps what it receives.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use signalling::sfu::egress::srtp::{Sealer, contexts};
use signalling::sfu::peer::keys;
use signalling::{Offer, Source};
use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::format::{Codec, PayloadParams};
use str0m::ice::{StunMessage, TransId};
use str0m::media::{Direction, MediaKind, Mid, Pt, Rid, Simulcast, SimulcastLayer};
use str0m::net::{Protocol, Receive, TcpType};
use str0m::rtp::{ExtensionValues, RedEncoder, RedundantBlock, RtpPacket, RtpWrite};
use str0m::{Candidate, Event, Input, Output, Rtc};

use crate::maker::{self, Maker};

pub(crate) const RIDS: [&str; 3] = ["q", "h", "f"];
/// Width written into the key frames of each layer.
pub(crate) const WIDTHS: [u16; 3] = [320, 640, 1280];
/// Other than the server's own first choice.
const DESCRIPTOR_ID: u8 = 7;
const SOUND_EVERY: Duration = Duration::from_millis(20);
const FRAME_EVERY: Duration = Duration::from_millis(40);

pub(crate) struct Sending {
    mid: Mid,
    rids: Vec<Option<Rid>>,
    seq: Vec<u64>,
    time: u32,
    next: Instant,
    /// Time between pictures, or packets of sound.
    pub(crate) every: Duration,
    picture: u16,
    wants_key: BTreeSet<usize>,
    pub(crate) key_frame_requests: usize,
    /// Requests seen with their time.
    pub(crate) requested_at: Vec<Instant>,
    /// Bytes of filler in each packet; doubled with each layer of simulcast.
    pub(crate) size: usize,
    /// Packets of a picture, in each layer.
    pub(crate) parts: usize,
    /// What happens to the first packet of a key frame.
    pub(crate) first: First,
    /// Makes pictures in another way than VP8 in every layer.
    pub(crate) maker: Option<(Codec, Box<dyn Maker>)>,
    /// Packets of sound that are repeated with the next one (RFC 2198), and the last ones, the oldest first.
    pub(crate) repeats: usize,
    last: VecDeque<(u32, Vec<u8>)>,
}

impl Sending {
    /// Lets RTP time pass until the next picture, in ticks for each millisecond.
    fn pass(&mut self, ticks: u32) {
        let ticks = self.every.as_millis() as u32 * ticks;
        self.time = self.time.wrapping_add(ticks);
    }
}

/// What happens to the first packet of a key frame on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum First {
    /// It goes first.
    InOrder,
    /// So many packets overtake it.
    After(usize),
    /// It is lost.
    Lost,
}

/// A small generator, so that a failure can be repeated.
#[derive(Clone, Copy)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides as u64) as usize
    }
}

pub(crate) struct Client {
    pub(crate) rtc: Rtc,
    keys: keys::Keys,
    pub(crate) addr: SocketAddr,
    transport: Protocol,
    pub(crate) ups: BTreeMap<Source, Sending>,
    pub(crate) sending: BTreeSet<Source>,
    pub(crate) loudness: i8,
    pub(crate) down_audio: Vec<String>,
    pub(crate) down_video: Vec<String>,
    pub(crate) received: BTreeMap<String, Vec<RtpPacket>>,
    pub(crate) out: VecDeque<(SocketAddr, Vec<u8>)>,
    pub(crate) connected: bool,
    /// The engine gave up, as a browser's would.
    failed: bool,
    /// The latest sender report in each slot: its wall clock and RTP time.
    pub(crate) reports: BTreeMap<String, (SystemTime, u32)>,
    /// Layers of the camera that are sent, from the lowest.
    pub(crate) layers: usize,
    /// Seed of random payloads to send in place of pictures.
    pub(crate) garbage: Option<u64>,
    pending: Option<SdpPendingOffer>,
    /// The SFU's last ICE password.
    password: String,
    start: Instant,
    now: Instant,
    wait: Instant,
}

impl Client {
    pub(crate) fn new(now: Instant, addr: SocketAddr) -> Self {
        Self::taking(now, addr, &[Codec::Vp8])
    }

    /// One that has these codecs.
    pub(crate) fn taking(now: Instant, addr: SocketAddr, codecs: &[Codec]) -> Self {
        let host = Candidate::builder().udp().host(addr).build();
        Self::at(now, addr, host.unwrap(), codecs)
    }

    /// One that has no UDP, and opens a TCP connection from `addr`.
    pub(crate) fn over_tcp(now: Instant, addr: SocketAddr) -> Self {
        let host = Candidate::builder().tcp().host(addr);
        let host = host.tcptype(TcpType::Active).build().unwrap();
        Self::at(now, addr, host, &[Codec::Vp8])
    }

    fn at(now: Instant, addr: SocketAddr, host: Candidate, codecs: &[Codec]) -> Self {
        let transport = host.proto();
        let mut crypto = str0m::crypto::from_feature_flags();
        keys::listen(&mut crypto);
        let mut config = Rtc::builder()
            .set_crypto_provider(std::sync::Arc::new(crypto))
            .set_rtp_mode(true)
            .clear_codecs()
            .enable_opus(true, codecs.contains(&Codec::Red))
            .enable_vp8(codecs.contains(&Codec::Vp8))
            .enable_vp9(codecs.contains(&Codec::Vp9))
            .enable_av1(codecs.contains(&Codec::Av1))
            .set_extension(DESCRIPTOR_ID, maker::extension());
        if codecs.contains(&Codec::H264) {
            let known = config.codec_config();
            known.add_h264(102.into(), Some(103.into()), true, 0x42_e01f);
        }
        let mut rtc = config.build(now);
        let keys = keys::of_last_built();
        rtc.add_local_candidate(host);
        Self {
            rtc,
            keys,
            addr,
            transport,
            ups: BTreeMap::new(),
            sending: BTreeSet::new(),
            loudness: -20,
            down_audio: Vec::new(),
            down_video: Vec::new(),
            received: BTreeMap::new(),
            out: VecDeque::new(),
            connected: false,
            failed: false,
            reports: BTreeMap::new(),
            layers: RIDS.len(),
            garbage: None,
            pending: None,
            password: String::new(),
            start: now,
            now,
            wait: now,
        }
    }

    /// The one offer of a call.
    pub(crate) fn offer(&mut self, audio: usize, video: usize) -> Offer {
        let mut api = self.rtc.sdp_api();
        let mut up = Vec::new();
        for source in [
            Source::Mic,
            Source::Camera,
            Source::Screen,
            Source::ScreenAudio,
        ] {
            let kind = if source.is_audio() {
                MediaKind::Audio
            } else {
                MediaKind::Video
            };
            let simulcast = (source == Source::Camera).then(|| {
                let mut simulcast = Simulcast::new();
                for rid in RIDS {
                    simulcast.add_send_layer(SimulcastLayer::new(rid));
                }
                simulcast
            });
            let rids: Vec<Option<Rid>> = match source {
                Source::Camera => RIDS.iter().map(|rid| Some(Rid::from(*rid))).collect(),
                Source::Mic | Source::Screen | Source::ScreenAudio => vec![None],
            };
            let mid = api.add_media(kind, Direction::SendOnly, None, None, simulcast);
            up.push((source, mid.to_string()));
            let sending = Sending {
                mid,
                seq: (0..rids.len() as u64)
                    .map(|layer| 65_000 + layer * 100)
                    .collect(),
                rids,
                time: u32::MAX - 20_000,
                next: self.now,
                every: if source.is_audio() {
                    SOUND_EVERY
                } else {
                    FRAME_EVERY
                },
                picture: 32_700,
                wants_key: BTreeSet::new(),
                key_frame_requests: 0,
                requested_at: Vec::new(),
                size: 40,
                parts: 2,
                first: First::InOrder,
                maker: None,
                repeats: 0,
                last: VecDeque::new(),
            };
            self.ups.insert(source, sending);
        }
        let mut down = |kind| {
            let mid = api.add_media(kind, Direction::RecvOnly, None, None, None);
            mid.to_string()
        };
        self.down_audio = (0..audio).map(|_| down(MediaKind::Audio)).collect();
        self.down_video = (0..video).map(|_| down(MediaKind::Video)).collect();
        let (offer, pending) = api.apply().unwrap();
        self.pending = Some(pending);
        Offer {
            sdp: offer.to_sdp_string(),
            up,
            down_audio: self.down_audio.clone(),
            down_video: self.down_video.clone(),
        }
    }

    /// A new offer for the same m-lines with new ICE credentials.
    pub(crate) fn restart_offer(&mut self) -> String {
        let mut api = self.rtc.sdp_api();
        api.ice_restart(true);
        let (offer, pending) = api.apply().unwrap();
        self.pending = Some(pending);
        offer.to_sdp_string()
    }

    pub(crate) fn answer(&mut self, sdp: &str) {
        let answer = SdpAnswer::from_sdp_string(sdp).unwrap();
        let pending = self.pending.take().unwrap();
        self.rtc.sdp_api().accept_answer(pending, answer).unwrap();
        let password = sdp.lines().find_map(|line| line.strip_prefix("a=ice-pwd:"));
        self.password = password.unwrap().trim_end().to_owned();
        self.drain();
    }

    /// A check as one that was recorded, in a transaction of its own.
    pub(crate) fn check_like(&self, recorded: &[u8]) -> Vec<u8> {
        let like = StunMessage::parse(recorded).unwrap();
        let (name, prio) = (like.username().unwrap(), like.prio().unwrap());
        let check = StunMessage::binding_request(name, TransId::new(), true, 1, prio, false);
        let crypto = str0m::crypto::from_feature_flags();
        let mut bytes = vec![0; 300];
        let hmac = |key: &[u8], parts: &[&[u8]]| crypto.sha1_hmac_provider.sha1_hmac(key, parts);
        let len = check.to_bytes(Some(self.password.as_bytes()), &mut bytes, hmac);
        bytes.truncate(len.unwrap());
        bytes
    }

    pub(crate) fn receive(&mut self, now: Instant, from: SocketAddr, bytes: &[u8]) {
        self.now = self.now.max(now);
        if self.failed {
            return;
        }
        let Ok(receive) = Receive::new(self.transport, from, self.addr, bytes) else {
            return;
        };
        self.rtc.handle_input(Input::Receive(now, receive)).unwrap();
        self.drain();
    }

    /// Lets time pass: sends what is due.
    pub(crate) fn tick(&mut self, now: Instant) {
        self.now = self.now.max(now);
        if self.failed {
            return;
        }
        if self.wait <= now {
            self.rtc.handle_input(Input::Timeout(now)).unwrap();
            self.drain();
        }
        if !self.connected {
            return;
        }
        for source in self.sending.clone() {
            let up = self.ups.get_mut(&source).unwrap();
            if up.next > now {
                continue;
            }
            up.next = now + up.every;
            if source.is_audio() {
                self.sound(now, source);
            } else {
                self.frame(now, source);
            }
        }
    }

    pub(crate) fn wait(&self) -> Instant {
        let sends = self
            .sending
            .iter()
            .filter_map(|source| self.ups.get(source))
            .map(|up| up.next);
        sends.min().map_or(self.wait, |next| next.min(self.wait))
    }

    /// Seals whatever is to be sent in this client's name, once it is connected.
    pub(crate) fn sealer(&self) -> Sealer {
        contexts(self.keys.get().unwrap()).unwrap().0
    }

    pub(crate) fn packets(&self, mid: &str) -> &[RtpPacket] {
        self.received.get(mid).map_or(&[], |packets| packets)
    }

    fn pt(&self, codec: Codec) -> Pt {
        self.rtc
            .codec_config()
            .find(|params| params.spec().codec == codec)
            .unwrap()
            .pt()
    }

    fn sound(&mut self, now: Instant, source: Source) {
        let millis = (now - self.start).as_millis() as u64;
        let pt = self.pt(Codec::Opus);
        let red = self.red();
        let up = self.ups.get_mut(&source).unwrap();
        up.pass(48);
        up.seq[0] += 1;
        let exts = ExtensionValues {
            audio_level: Some(self.loudness),
            voice_activity: Some(true),
            ..ExtensionValues::default()
        };
        let mut payload = vec![0x55; up.size];
        payload.extend(millis.to_be_bytes());
        let (pt, payload) = match red {
            Some(red) if up.repeats > 0 => {
                let earlier = up.last.iter().map(|(time, payload)| RedundantBlock {
                    pt: *pt,
                    timestamp_offset: up.time.wrapping_sub(*time),
                    payload: payload.clone(),
                });
                let earlier: Vec<RedundantBlock> = earlier.collect();
                up.last.push_back((up.time, payload.clone()));
                while up.last.len() > up.repeats {
                    up.last.pop_front();
                }
                (red, RedEncoder::encode(*pt, &payload, &earlier))
            }
            _ => (pt, payload),
        };
        let write =
            RtpWrite::new(pt, (up.seq[0] - 65_000).into(), up.time, now, payload).ext_vals(exts);
        let mid = up.mid;
        self.write(now, mid, None, write);
    }

    /// Sends any payload in the place of sound that repeats earlier packets.
    pub(crate) fn send_red(&mut self, payload: Vec<u8>) {
        let (now, red) = (self.now, self.red().unwrap());
        let up = self.ups.get_mut(&Source::Mic).unwrap();
        up.pass(48);
        up.seq[0] += 1;
        let (seq, mid) = ((up.seq[0] - 65_000).into(), up.mid);
        let write = RtpWrite::new(red, seq, up.time, now, payload);
        self.write(now, mid, None, write);
    }

    /// Pictures as the source's maker makes them.
    fn made(&mut self, now: Instant, source: Source) {
        let up = self.ups.get_mut(&source).unwrap();
        up.pass(90);
        let (codec, maker) = up.maker.as_mut().unwrap();
        let key = !std::mem::take(&mut up.wants_key).is_empty();
        let (made, codec, mid, time) = (maker.make(key), *codec, up.mid, up.time);
        let mut begun = BTreeSet::new();
        let mut writes = Vec::new();
        for made in made {
            let is_first = key && begun.insert(made.rid);
            let up = self.ups.get_mut(&source).unwrap();
            let (seq, rid) = (up.seq[made.rid], up.rids[made.rid]);
            let first = if is_first { up.first } else { First::InOrder };
            up.seq[made.rid] += 1;
            let seq = (seq - 65_000 + 1).into();
            let mut exts = ExtensionValues::default();
            if let Some(descriptor) = made.descriptor {
                exts.user_values.set(maker::Descriptor(descriptor));
            }
            let write = RtpWrite::new(self.pt(codec), seq, time, now, made.payload)
                .marker(made.marker)
                .nackable(true)
                .ext_vals(exts);
            writes.push((mid, rid, write, first));
        }
        self.write_picture(now, writes);
    }

    /// The payload type of Opus that repeats earlier packets, if it was agreed.
    pub(crate) fn red(&self) -> Option<Pt> {
        let config: &[PayloadParams] = self.rtc.codec_config();
        config.iter().find_map(PayloadParams::red)
    }

    /// The payload type of a codec.
    pub(crate) fn payload_type(&self, codec: Codec) -> u8 {
        *self.pt(codec)
    }

    /// A picture in every layer.
    fn frame(&mut self, now: Instant, source: Source) {
        if self.ups[&source].maker.is_some() {
            return self.made(now, source);
        }
        let millis = (now - self.start).as_millis() as u64;
        let pt = self.pt(Codec::Vp8);
        let up = self.ups.get_mut(&source).unwrap();
        up.pass(90);
        up.picture = (up.picture + 1) & 0x7fff;
        let mut writes = Vec::new();
        for (layer, rid) in up.rids.iter().enumerate().take(self.layers) {
            let key = up.wants_key.remove(&layer);
            for part in 0..up.parts {
                let mut payload = vp8(up.picture, key, part == 0, WIDTHS[layer], up.size << layer);
                payload.extend(millis.to_be_bytes());
                payload.push(layer as u8);
                if let Some(seed) = &mut self.garbage {
                    let mut dice = Dice(*seed);
                    let len = dice.roll(1_300) >> dice.roll(11);
                    payload = (0..=len).map(|_| dice.roll(256) as u8).collect();
                    *seed = dice.0;
                }
                let seq = up.seq[layer];
                up.seq[layer] += 1;
                let write = RtpWrite::new(pt, (seq - 65_000 + 1).into(), up.time, now, payload)
                    .marker(part + 1 == up.parts)
                    .nackable(true);
                let first = if key && part == 0 {
                    up.first
                } else {
                    First::InOrder
                };
                writes.push((up.mid, *rid, write, first));
            }
        }
        self.write_picture(now, writes);
    }

    fn write_picture(&mut self, now: Instant, writes: Vec<(Mid, Option<Rid>, RtpWrite, First)>) {
        let mut late = None;
        for (mid, rid, write, first) in writes {
            let before = self.out.len();
            self.write(now, mid, rid, write);
            match (first, &mut late) {
                (First::InOrder, Some((0, _))) | (First::InOrder, None) => {}
                (First::InOrder, Some((after, _))) => *after -= 1,
                (First::Lost, _) => drop(self.out.remove(before)),
                (First::After(count), _) => {
                    late = self.out.remove(before).map(|datagram| (count, datagram));
                }
            }
            if let Some((_, datagram)) = late.take_if(|(after, _)| *after == 0) {
                self.out.push_back(datagram);
            }
        }
    }

    fn write(&mut self, now: Instant, mid: Mid, rid: Option<Rid>, write: RtpWrite) {
        self.rtc
            .direct_api()
            .stream_tx_by_mid(mid, rid)
            .unwrap()
            .write_rtp(write);
        self.drain();
        self.rtc.handle_input(Input::Timeout(now)).unwrap();
        self.drain();
    }

    fn drain(&mut self) {
        while let Ok(output) = self.rtc.poll_output() {
            match output {
                Output::Timeout(at) => {
                    self.wait = at;
                    return;
                }
                Output::Transmit(send) => self
                    .out
                    .push_back((send.destination, send.contents.to_vec())),
                Output::Event(event) => self.event(event),
            }
        }
        self.failed = true;
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the engine's enum is open")]
    fn event(&mut self, event: Event) {
        match event {
            Event::Connected => self.connected = true,
            Event::RtpPacket(packet) => {
                let mid = self
                    .rtc
                    .direct_api()
                    .stream_rx(&packet.header.ssrc)
                    .unwrap()
                    .mid();
                self.received
                    .entry(mid.to_string())
                    .or_default()
                    .push(packet);
            }
            Event::SenderFeedback(report) => {
                let info = report.sender_info;
                let time = info.rtp_time.numer() as u32;
                self.reports
                    .insert(report.mid.to_string(), (info.ntp_time, time));
            }
            Event::KeyframeRequest(request) => {
                let now = self.now;
                let up = self
                    .ups
                    .values_mut()
                    .find(|up| up.mid == request.mid)
                    .unwrap();
                up.key_frame_requests += 1;
                up.requested_at.push(now);
                let layer = up.rids.iter().position(|rid| *rid == request.rid).unwrap();
                up.wants_key.insert(layer);
            }
            _ => {}
        }
    }
}

/// A VP8 payload with picture number and base-layer number.
fn vp8(picture: u16, key: bool, first: bool, width: u16, size: usize) -> Vec<u8> {
    let start = if first { 0x90 } else { 0x80 };
    let [high, low] = (picture | 0x8000).to_be_bytes();
    let mut payload = vec![start, 0xe0, high, low, picture as u8, 0x00];
    payload.push(u8::from(!key));
    payload.extend([0, 0, 0x9d, 0x01, 0x2a]);
    payload.extend(width.to_le_bytes());
    payload.extend([0, 0]);
    payload.extend(vec![0xaa; size]);
    payload
}

/// Layer that a received picture came from.
pub(crate) fn layer_of(packet: &RtpPacket) -> u8 {
    *packet.payload.last().unwrap()
}

/// When the sender made a packet, milliseconds since its start.
pub(crate) fn made_at(packet: &RtpPacket, is_audio: bool) -> u64 {
    let end = packet.payload.len() - usize::from(!is_audio);
    u64::from_be_bytes(packet.payload[end - 8..end].try_into().unwrap())
}

/// Checks that a stream's numbers run on without a gap.
pub(crate) fn assert_continuous(packets: &[RtpPacket]) {
    for pair in packets.windows(2) {
        assert_eq!(
            *pair[1].seq_no,
            *pair[0].seq_no + 1,
            "gap in sequence numbers"
        );
        let step = pair[1]
            .header
            .timestamp
            .wrapping_sub(pair[0].header.timestamp);
        assert!(step < 90_000 * 60, "time ran backwards: {step}");
    }
}
