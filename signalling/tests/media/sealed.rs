//! RTP and RTCP of a participant who has the keys and means harm, or whose browser has faults.

use std::net::SocketAddr;
use std::time::Duration;

use signalling::sfu::egress::srtp::{Keying, Profile, Sealer, contexts};
use signalling::sfu::limits::STREAMS_PER_PEER_MAX;
use signalling::sfu::path::Path;
use signalling::{MediaEvent, PeerKey, Source};
use str0m::format::Codec;
use str0m::rtp::RtpPacket;

use crate::client::{Dice, assert_continuous};
use crate::net::{Net, ROOM};

const SSRC: u32 = 0x5eed_0001;
/// Of `a=mid`, as clients here offer it (RFC 8843 §15).
const MID: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";
const LEVEL: &str = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";

/// A talks to B, and somebody has A's keys.
struct Talk {
    net: Net,
    a: PeerKey,
    b: PeerKey,
    from: SocketAddr,
    sealer: Sealer,
    /// The payload type of sound.
    opus: u8,
    /// The `a=mid` of A's microphone, and the ids of header extensions.
    mic: String,
    mid_id: u8,
    level_id: u8,
    seq: u16,
}

impl Talk {
    /// A sends a picture of its own; its microphone is left to the one who has the keys.
    fn begin() -> Self {
        let mut net = Net::new();
        let mut client = net.stranger(1);
        client.sending.insert(Source::Camera);
        let offer = client.offer(4, 1);
        let id = |uri: &str| {
            let mut lines = offer.sdp.lines();
            let line = lines.rfind(|line| line.ends_with(uri));
            let id = line.and_then(|line| line.strip_prefix("a=extmap:"));
            let id = id.and_then(|line| line.split_ascii_whitespace().next());
            id.unwrap().parse::<u8>().unwrap()
        };
        let (mid_id, level_id) = (id(MID), id(LEVEL));
        let mic = offer.up.iter().find(|(source, _)| *source == Source::Mic);
        let mic = mic.unwrap().1.clone();
        let a = net.join_client(1, client, offer);
        let b = net.join(2, &[], 2);
        net.until("b sees a", |net| {
            net.mid(b, a, Source::Camera)
                .is_some_and(|mid| net.has(b, &mid))
        });
        let sealer = net.client(a).sealer();
        let (from, opus) = (net.client(a).addr, net.client(a).payload_type(Codec::Opus));
        Self {
            net,
            a,
            b,
            from,
            sealer,
            opus,
            mic,
            mid_id,
            level_id,
            seq: 100,
        }
    }

    /// An extension block of the form with heads of one byte (RFC 8285 §4.2).
    fn block(elements: &[u8]) -> Vec<u8> {
        let mut block = vec![0xbe, 0xde];
        block.extend((elements.len().div_ceil(4) as u16).to_be_bytes());
        block.extend(elements);
        block.resize(4 + elements.len().next_multiple_of(4), 0);
        block
    }

    /// The element that names A's microphone.
    fn names_mic(&self) -> Vec<u8> {
        let mut element = vec![self.mid_id << 4 | (self.mic.len() - 1) as u8];
        element.extend(self.mic.bytes());
        element
    }

    /// The element that tells how loud it is.
    fn level(&self, level: u8) -> [u8; 2] {
        [self.level_id << 4, 0x80 | level]
    }

    fn head(&mut self, first: u8, ssrc: u32) -> Vec<u8> {
        self.seq = self.seq.wrapping_add(1);
        let mut head = vec![0x80 | first, self.opus];
        head.extend(self.seq.to_be_bytes());
        head.extend((u32::from(self.seq) * 960).to_be_bytes());
        head.extend(ssrc.to_be_bytes());
        head
    }

    fn seal(&self, head: &[u8], body: &[u8]) -> Vec<u8> {
        let mut packet = [head, body].concat();
        let ssrc = u32::from_be_bytes(head[8..12].try_into().unwrap());
        let index = u16::from_be_bytes([head[2], head[3]]).into();
        self.sealer
            .rtp(&mut packet, 0, head.len(), ssrc, index)
            .unwrap();
        packet
    }

    /// A sealed packet of any shape.
    fn any(&mut self, dice: &mut Dice) -> Vec<u8> {
        let first = dice.roll(64) as u8;
        let ssrc = SSRC + dice.roll(4) as u32;
        let mut head = self.head(first, ssrc);
        if dice.roll(4) == 0 {
            // Whatever is not RTCP.
            head[1] = [0, 224][dice.roll(2)] | dice.roll(32) as u8;
        }
        let any = |dice: &mut Dice, len| -> Vec<u8> {
            (0..dice.roll(len)).map(|_| dice.roll(256) as u8).collect()
        };
        head.extend((0..4 * (first & 15)).map(|_| dice.roll(256) as u8));
        if first & 0x10 != 0 {
            let mut elements = if dice.roll(2) == 0 {
                self.names_mic()
            } else {
                Vec::new()
            };
            elements.extend(any(dice, 40));
            let mut block = Self::block(&elements);
            if dice.roll(4) == 0 {
                // Heads of two bytes, or no form that there is.
                block[0] = [0x10, 0x55][dice.roll(2)];
            }
            head.extend(block);
        }
        let body = any(dice, 1_300);
        self.seal(&head, &body)
    }

    fn give(&mut self, datagram: &[u8]) {
        let now = self.net.now;
        self.net.sfu.datagram(now, Path::udp(self.from), datagram);
        self.net.sfu.flush(now);
        self.net.collect();
    }

    /// Sends sound of the microphone with these extension elements and these bits of the first byte.
    fn sound(&mut self, elements: &[u8], first: u8, body: &[u8]) {
        let mut head = self.head(first | 0x10, SSRC);
        head.extend(Self::block(elements));
        let datagram = self.seal(&head, body);
        self.give(&datagram);
    }

    /// Begins a stream of the microphone. What names it is sent once; the packet itself comes before anybody has a slot
    /// for it.
    fn open(&mut self) {
        let mic = self.names_mic();
        self.sound(&mic, 0, &[0]);
        self.net.run(Duration::from_millis(100));
    }

    /// Packets of the microphone that B has got, once all are there.
    fn heard(&mut self) -> &[RtpPacket] {
        self.net.run(Duration::from_millis(100));
        let mid = self.net.mid(self.b, self.a, Source::Mic).unwrap();
        self.net.client(self.b).packets(&mid)
    }

    /// What B was told of the loudness of the last packet.
    fn last_level(&mut self) -> Option<i8> {
        self.net.run(Duration::from_millis(100));
        let mid = self.net.mid(self.b, self.a, Source::Mic).unwrap();
        let packets = self.net.client(self.b).packets(&mid);
        packets.last().unwrap().header.ext_vals.audio_level
    }

    /// The picture goes on, and nobody is gone.
    fn assert_goes_on(&mut self) {
        let mid = self.net.mid(self.b, self.a, Source::Camera).unwrap();
        let before = self.net.client(self.b).packets(&mid).len();
        self.net.run(Duration::from_secs(2));
        let packets = self.net.client(self.b).packets(&mid);
        assert!(packets.len() > before + 80, "the picture does not go on");
        assert_continuous(&packets[before..]);
        let gone = |event: &MediaEvent| matches!(event, MediaEvent::Gone { .. });
        assert!(!self.net.events.iter().any(gone));
    }
}

#[test]
fn twenty_thousand_sealed_packets_of_any_shape_end_no_call_but_their_senders() {
    let mut dice = Dice(0x5eed);
    for _ in 0..20 {
        let mut talk = Talk::begin();
        let c = talk.net.join(3, &[Source::Mic, Source::Camera], 1);
        talk.net.until("b sees c", |net| {
            net.mid(talk.b, c, Source::Camera)
                .is_some_and(|mid| net.has(talk.b, &mid))
        });
        for nth in 0..1_000 {
            if nth % 50 == 0 {
                talk.net.step();
            }
            let datagram = talk.any(&mut dice);
            talk.give(&datagram);
        }
        // The engine may have given up whoever sent that, and nobody else.
        let gone = |event: &&MediaEvent| matches!(event, MediaEvent::Gone { .. });
        let mut gone = talk.net.events.iter().filter(gone);
        let a = talk.a;
        assert!(gone.all(|event| *event
            == MediaEvent::Gone {
                room: ROOM,
                peer: a
            }));
        let mid = talk.net.mid(talk.b, c, Source::Camera).unwrap();
        let before = talk.net.client(talk.b).packets(&mid).len();
        talk.net.run(Duration::from_secs(1));
        let packets = talk.net.client(talk.b).packets(&mid);
        assert!(packets.len() > before + 40, "the picture does not go on");
        assert_continuous(&packets[before..]);
    }
}

/// R1 (pion/webrtc#3148, CVE-2025-49140): padding that is said to be longer than the payload. What is said to be no
/// bytes long is none.
#[test]
fn padding_that_cannot_be_is_dropped() {
    let mut talk = Talk::begin();
    talk.open();
    talk.sound(&[], 0, &[1, 2, 3]);
    for length in [4, 5, 200, 255] {
        talk.sound(&[], 0x20, &[1, 2, length]);
    }
    assert_eq!(talk.heard().len(), 1);
    talk.sound(&[], 0x20, &[1, 2, 0]);
    talk.sound(&[], 0x20, &[1, 2, 1]);
    talk.sound(&[], 0, &[4]);
    let packets = talk.heard();
    let bodies: Vec<&[u8]> = packets.iter().map(|packet| &*packet.payload).collect();
    assert_eq!(bodies, [&[1, 2, 3][..], &[1, 2, 0], &[1, 2], &[4]]);
    assert!(packets.iter().all(|packet| !packet.header.has_padding));
    talk.assert_goes_on();
}

/// R2 (str0m#212): the padding bit and nothing behind the header; and nothing but padding.
#[test]
fn padding_without_a_payload_is_no_packet_of_sound() {
    let mut talk = Talk::begin();
    talk.open();
    talk.sound(&[], 0, &[1]);
    talk.sound(&[], 0x20, &[]);
    talk.sound(&[], 0x20, &[1]);
    talk.sound(&[], 0x20, &[0, 0, 3]);
    talk.sound(&[], 0, &[2]);
    assert_eq!(talk.heard().len(), 2);
    talk.assert_goes_on();
}

/// R4 (OvenMediaEngine#2312, licode#2046): an id of 15 ends the elements, one zero byte is padding, an id of 0 with a
/// length is no element. What came before counts.
#[test]
fn extension_elements_that_cannot_be_leave_those_before_them() {
    let mut talk = Talk::begin();
    let mic = talk.names_mic();
    talk.open();
    let with = |talk: &Talk, level: u8, rest: &[u8]| [&mic, &talk.level(level)[..], rest].concat();
    for (level, rest) in [
        (10, &[0xf0][..]),
        (20, &[0xf0, 1, 2, 3]),
        (30, &[0x01]),
        (40, &[0x01, 0xff, 0xff]),
        (50, &[0x0f]),
        (60, &[0x1f]),
        (70, &[0xff; 9]),
    ] {
        let elements = with(&talk, level, rest);
        talk.sound(&elements, 0, &[1]);
        assert_eq!(talk.last_level(), Some(-(level as i8)), "{rest:x?}");
    }
    // Nothing after an id of 15.
    let after = with(&talk, 10, &[0xf0, talk.level_id << 4, 99]);
    talk.sound(&after, 0, &[1]);
    assert_eq!(talk.last_level(), Some(-10));
    // Padding between two.
    let padded = [&mic[..], &[0, 0, 0], &talk.level(33)].concat();
    talk.sound(&padded, 0, &[1]);
    assert_eq!(talk.last_level(), Some(-33));
    talk.assert_goes_on();
}

/// R19 (pion/webrtc#3142): who it is, is said on the very first packet of a stream alone.
#[test]
fn a_stream_that_names_its_section_only_once_is_taken() {
    let mut talk = Talk::begin();
    talk.open();
    for _ in 0..50 {
        let head = talk.head(0, SSRC);
        let datagram = talk.seal(&head, &[2]);
        talk.give(&datagram);
    }
    assert_eq!(talk.heard().len(), 50);
}

#[test]
fn forged_packets_do_not_take_the_place_of_a_stream() {
    let mut talk = Talk::begin();
    let mic = talk.names_mic();
    talk.open();
    let keying = Keying {
        profile: Profile::Aes128Gcm,
        material: (0..56).collect(),
        client: true,
    };
    let own = std::mem::replace(&mut talk.sealer, contexts(&keying).unwrap().0);
    for nth in 0..2_000 {
        let mut head = talk.head(0x10, SSRC + 1 + nth);
        head.extend(Talk::block(&mic));
        let forged = talk.seal(&head, &[6; 40]);
        let garbage = talk.net.sfu.stats().dropped_garbage;
        talk.give(&forged);
        assert_eq!(talk.net.sfu.stats().dropped_garbage, garbage + 1);
    }
    talk.sealer = own;
    for _ in 0..50 {
        let head = talk.head(0, SSRC);
        let datagram = talk.seal(&head, &[2]);
        talk.give(&datagram);
    }
    assert_eq!(talk.heard().len(), 50, "the stream was forgotten");
    talk.assert_goes_on();
}

#[test]
fn a_participant_has_so_many_streams_and_no_more() {
    let mut talk = Talk::begin();
    let mic = talk.names_mic();
    let known = |talk: &Talk| talk.net.sfu.stats().dropped_garbage;
    let before = known(&talk);
    for nth in 0..10_000 {
        let mut head = talk.head(0x10, SSRC + nth);
        head.extend(Talk::block(&mic));
        let datagram = talk.seal(&head, &[1]);
        talk.give(&datagram);
    }
    let refused = known(&talk) - before;
    let taken = 10_000 - refused as usize;
    // Those of its picture are among them.
    assert!(
        (STREAMS_PER_PEER_MAX - 12..=STREAMS_PER_PEER_MAX).contains(&taken),
        "{taken}"
    );
    talk.assert_goes_on();
}

#[test]
fn sealed_packets_sent_again_reach_nobody_twice() {
    let mut talk = Talk::begin();
    talk.open();
    let old: Vec<Vec<u8>> = (0..400)
        .map(|_| {
            let head = talk.head(0, SSRC);
            talk.seal(&head, &[2])
        })
        .collect();
    for _ in 0..3 {
        for datagram in &old {
            talk.give(datagram);
        }
        talk.net.run(Duration::from_millis(200));
    }
    assert_eq!(talk.heard().len(), 400);
    talk.assert_goes_on();
}

/// R5 (str0m#633), R6 (str0m#988): descriptions of sources in odd forms, and reports that are cut short, through all that
/// reads RTCP here. What stands behind them in the same packet may be lost, the connection not.
#[test]
fn odd_reports_do_not_end_a_call() {
    let mut talk = Talk::begin();
    for plain in odd_reports() {
        let sealed = talk.sealer.rtcp(plain).unwrap();
        talk.give(&sealed);
    }
    talk.assert_goes_on();
}

fn odd_reports() -> Vec<Vec<u8>> {
    let packet = |first: u8, kind: u8, body: &[u8]| {
        let mut bytes = vec![first, kind];
        bytes.extend((body.len().div_ceil(4) as u16).to_be_bytes());
        bytes.extend(body);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    };
    let ssrc = [0xa5, 0x30, 0xda, 0x33];
    let report = packet(0x80, 201, &ssrc);
    // The very chunk: a name of nine letters and a single byte that ends it.
    let exact = [&ssrc[..], &[1, 9], b"sfu-video", &[0]].concat();
    // Forty items in one chunk, and forty in each of 31.
    let items = [1, 1, b'x'].repeat(40);
    let many = [&ssrc[..], &items, &[0, 0, 0, 0]].concat();
    let cut = |block: &[u8]| packet(0x80, 207, &[&ssrc[..], block].concat());
    let odd = [
        packet(0x81, 202, &exact),
        packet(0x81, 202, &many),
        packet(0x9f, 202, &many.repeat(31)),
        packet(0x9f, 202, &ssrc),
        // DLRR (RFC 3611 §4.5) of which a part is missing, of no length, and longer than all.
        cut(&[5, 0, 0, 3, 1, 2, 3, 4]),
        cut(&[5, 0, 0, 0]),
        cut(&[5, 0, 0xff, 0xff]),
        cut(&[5, 0, 0, 2, 1, 2, 3, 4, 1, 2, 3, 4]),
        cut(&[4, 0, 0, 2, 1, 2]),
        cut(&[5, 0]),
    ];
    odd.into_iter()
        .map(|odd| [&report[..], &odd].concat())
        .collect()
}

/// R9 (pion/interceptor#416): one that spans thousands of packets goes out in parts that every path takes, or not at all.
#[test]
fn feedback_on_a_huge_gap_fits_every_path() {
    const NUMBERS: &str = "transport-wide-cc-extensions-01";
    let mut talk = Talk::begin();
    let offer = talk.net.stranger(9).offer(4, 1);
    let line = offer.sdp.lines().find(|line| line.ends_with(NUMBERS));
    let id = line.and_then(|line| line.strip_prefix("a=extmap:"));
    let id: u8 = id
        .and_then(|line| line.split_ascii_whitespace().next())
        .unwrap()
        .parse()
        .unwrap();
    let mic = talk.names_mic();
    let mut longest = 0;
    for number in [0u16, 1, 2_666, 2_667, 5_400, 40_000, 100] {
        let [high, low] = number.to_be_bytes();
        let elements = [&mic[..], &[id << 4 | 1, high, low]].concat();
        talk.sound(&elements, 0, &[1]);
        for _ in 0..40 {
            talk.net.step();
            let lengths = talk.net.under_way(talk.from).map(<[u8]>::len);
            longest = longest.max(lengths.max().unwrap_or(0));
        }
    }
    assert!(longest <= 1_200, "{longest} bytes");
    talk.assert_goes_on();
}

/// A sequence number before zero: the packet before the first one of a stream, as its roll-over counter has it.
#[test]
fn a_sequence_number_before_zero_ends_nobody_elses_call() {
    let mut talk = Talk::begin();
    talk.open();
    for (before, times) in [(1, 3), (36, 3), (30_000, 3)] {
        for nth in 0..times {
            let index = u64::from(talk.seq).wrapping_sub(u64::from(talk.seq) + before + nth);
            let mut head = talk.head(0, SSRC);
            head[2..4].copy_from_slice(&(index as u16).to_be_bytes());
            let mut packet = [&head[..], &[1]].concat();
            let sealed = talk.sealer.rtp(&mut packet, 0, head.len(), SSRC, index);
            sealed.unwrap();
            talk.give(&packet);
            talk.net.step();
        }
    }
    talk.net.run(Duration::from_secs(1));
    let c = talk.net.join(3, &[Source::Mic], 1);
    let b = talk.b;
    talk.net.until("b hears c", |net| {
        net.mid(b, c, Source::Mic)
            .is_some_and(|mid| net.has(b, &mid))
    });
}
