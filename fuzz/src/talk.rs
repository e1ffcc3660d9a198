//! Two participants that are connected to the SFU, one of which may say whatever it likes.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use signalling::sfu::egress::srtp::{Sealer, contexts};
use signalling::sfu::path::Path;
use signalling::sfu::peer::keys;
use signalling::sfu::{Output, Sfu};
use signalling::{Offer, PeerKey, RoomKey, Source};
use str0m::crypto::dtls::DtlsCert;
use str0m::media::{Direction, MediaKind};
use str0m::net::{Protocol, Receive};
use str0m::{Candidate, Event, Input, Rtc};

const ROOM: RoomKey = RoomKey(1);
const SFU: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), 5_000);
const STEP: Duration = Duration::from_millis(10);
/// More than a handshake takes.
const STEPS_MAX: usize = 500;
const MID: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";

/// Made once: it costs more than an input does.
static CERTIFICATE: LazyLock<DtlsCert> = LazyLock::new(|| {
    let crypto = str0m::crypto::from_feature_flags();
    let certificate = crypto.dtls_provider.generate_certificate();
    certificate.expect("a certificate")
});

/// The one who has the keys.
pub struct Talk {
    /// Seals what it sends.
    pub sealer: Sealer,
    /// Where it is.
    pub path: Path,
    /// The `a=mid` of its microphone and of its camera, with their payload types.
    lanes: [(String, u8); 2],
    /// The id of the extension that names an m-line.
    mid_id: u8,
}

struct Client {
    rtc: Rtc,
    keys: keys::Keys,
    address: SocketAddr,
    connected: bool,
}

impl Talk {
    /// Connects both. The second has a slot for each kind of the first one's streams.
    pub fn connect(sfu: &mut Sfu, now: &mut Instant) -> Self {
        let (mut first, offer) = Client::join(sfu, *now, PeerKey(1));
        let (mut second, _) = Client::join(sfu, *now, PeerKey(2));
        for _ in 0..STEPS_MAX {
            if first.connected && second.connected {
                break;
            }
            *now += STEP;
            for client in [&mut first, &mut second] {
                client.rtc.handle_input(Input::Timeout(*now)).expect("time");
                client.drain(sfu, *now);
            }
            sfu.flush(*now);
            sfu.tick(*now);
            while let Some(output) = sfu.poll() {
                let Output::Send(to, run) = output else {
                    continue;
                };
                for client in [&mut first, &mut second] {
                    if client.address == to.remote {
                        run.datagrams()
                            .for_each(|bytes| client.receive(*now, bytes));
                    }
                }
            }
        }
        assert!(first.connected && second.connected);
        let keying = first.keys.get().expect("keys");
        let number = |line: &str| line.split_ascii_whitespace().next()?.parse().ok();
        let extension = offer.sdp.lines().find(|line| line.ends_with(MID));
        let mid_id = extension
            .and_then(|line| line.strip_prefix("a=extmap:"))
            .and_then(number)
            .expect("an extension for a=mid");
        let format = |codec: &str| {
            let mut lines = offer.sdp.lines();
            let line = lines.find(|line| line.starts_with("a=rtpmap:") && line.contains(codec));
            let number = line.and_then(|line| number(line.strip_prefix("a=rtpmap:")?));
            number.expect("a payload type")
        };
        let mids = offer.up.iter().map(|(_, mid)| mid.clone());
        let types = [format("opus"), format("VP8")];
        let mut lanes = mids.zip(types);
        let mut lane = || lanes.next().expect("two streams");
        Self {
            sealer: contexts(keying).expect("keys that fit").0,
            path: Path::udp(first.address),
            lanes: [lane(), lane()],
            mid_id,
        }
    }

    /// The head of a packet of sound or of a picture.
    pub fn head(&self, picture: bool, named: bool, seq: u16) -> Vec<u8> {
        let (mid, payload_type) = &self.lanes[usize::from(picture)];
        let mut head = vec![0x80 | u8::from(named) << 4, *payload_type];
        head.extend(seq.to_be_bytes());
        head.extend((u32::from(seq) * 960).to_be_bytes());
        head.extend([0, 0, 1, u8::from(picture)]);
        if named {
            let size = 1 + mid.len();
            head.extend([0xbe, 0xde, 0, size.div_ceil(4) as u8]);
            head.push(self.mid_id << 4 | (mid.len() - 1) as u8);
            head.extend(mid.bytes());
            head.extend(std::iter::repeat_n(0, size.next_multiple_of(4) - size));
        }
        head
    }
}

impl std::fmt::Debug for Talk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Talk").finish_non_exhaustive()
    }
}

impl Client {
    fn join(sfu: &mut Sfu, now: Instant, key: PeerKey) -> (Self, Offer) {
        let address = SocketAddr::from(([192, 0, 2, key.0 as u8], 7_000));
        let mut crypto = str0m::crypto::from_feature_flags();
        keys::listen(&mut crypto);
        let mut rtc = Rtc::builder()
            .set_crypto_provider(Arc::new(crypto))
            .set_dtls_cert(CERTIFICATE.clone())
            .set_rtp_mode(true)
            .clear_codecs()
            .enable_opus(true, true)
            .enable_vp8(true)
            .build(now);
        let keys = keys::of_last_built();
        let host = Candidate::builder().udp().host(address).build();
        rtc.add_local_candidate(host.expect("a candidate"));
        let mut api = rtc.sdp_api();
        let mut add = |kind, direction| {
            let mid = api.add_media(kind, direction, None, None, None);
            mid.to_string()
        };
        let up = vec![
            (Source::Mic, add(MediaKind::Audio, Direction::SendOnly)),
            (Source::Camera, add(MediaKind::Video, Direction::SendOnly)),
        ];
        let down_audio = vec![add(MediaKind::Audio, Direction::RecvOnly)];
        let down_video = vec![add(MediaKind::Video, Direction::RecvOnly)];
        let (sdp, pending) = api.apply().expect("an offer");
        let offer = Offer {
            sdp: sdp.to_sdp_string(),
            up,
            down_audio,
            down_video,
        };
        let answer = sfu.join(now, ROOM, key, offer.clone()).expect("an answer");
        let answer = str0m::change::SdpAnswer::from_sdp_string(&answer).expect("an answer");
        rtc.sdp_api()
            .accept_answer(pending, answer)
            .expect("it fits");
        let client = Self {
            rtc,
            keys,
            address,
            connected: false,
        };
        (client, offer)
    }

    fn receive(&mut self, now: Instant, bytes: &[u8]) {
        if let Ok(receive) = Receive::new(Protocol::Udp, SFU, self.address, bytes) {
            let input = Input::Receive(now, receive);
            self.rtc.handle_input(input).expect("a datagram of ours");
        }
    }

    fn drain(&mut self, sfu: &mut Sfu, now: Instant) {
        loop {
            match self.rtc.poll_output().expect("the client lives") {
                str0m::Output::Timeout(_) => return,
                str0m::Output::Transmit(send) => {
                    sfu.datagram(now, Path::udp(self.address), &send.contents);
                }
                str0m::Output::Event(event) => self.connected |= matches!(event, Event::Connected),
            }
        }
    }
}
