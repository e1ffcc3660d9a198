//! What real browsers offer, in the shape of our client's offer with one audio and two video slots, and what is answered.
//!
//! `offers/chromium-156.sdp` and `offers/firefox-esr-153.sdp` were taken from those browsers. No Safari was at hand: its
//! offer is put together from its published list of codecs (iOS 16) and proves no more than that.

use signalling::{Offer, PeerKey, Source};

use crate::negotiation::{extensions, sections};
use crate::net::{Net, ROOM};

pub(crate) const CHROMIUM: &str = include_str!("offers/chromium-156.sdp");
const FIREFOX: &str = include_str!("offers/firefox-esr-153.sdp");
/// Sections by `a=mid`.
const CAMERA: usize = 1;
const SCREEN: usize = 2;
const SLOTS: [usize; 2] = [5, 6];

pub(crate) fn offer(sdp: String) -> Offer {
    let mid = |at: usize| at.to_string();
    let sources = [
        Source::Mic,
        Source::Camera,
        Source::Screen,
        Source::ScreenAudio,
    ];
    Offer {
        sdp,
        up: sources.into_iter().zip((0..).map(mid)).collect(),
        down_audio: vec![mid(4)],
        down_video: SLOTS.map(mid).to_vec(),
    }
}

/// The answer to an offer, and whether every extension in it was offered in its section.
fn answer(sdp: &str) -> String {
    let mut net = Net::new();
    let answer = net
        .sfu
        .join(net.now, ROOM, PeerKey(1), offer(sdp.to_owned()))
        .unwrap();
    let (offered, answered) = (sections(sdp), sections(&answer));
    assert_eq!(offered.len(), answered.len());
    // `a=extmap:8/sendonly uri` is answered by `a=extmap:8 uri`.
    let plain = |line: &str| {
        let (head, uri) = line.split_once(' ').unwrap();
        format!("{} {uri}", head.split('/').next().unwrap())
    };
    for (offered, answered) in offered.iter().zip(&answered) {
        let offered: Vec<String> = extensions(offered).into_iter().map(plain).collect();
        for line in extensions(answered) {
            assert!(
                offered.contains(&plain(line)),
                "{line} was not offered there"
            );
        }
    }
    // The same again, with new ICE credentials.
    net.sfu.restart(net.now, PeerKey(1), sdp).unwrap();
    answer
}

/// Payload types and codecs of a section, in order, without those of retransmissions.
fn codecs(sdp: &str, section: usize) -> Vec<(String, String)> {
    let sections = sections(sdp);
    let lines = &sections[section];
    let order = lines[0].split(' ').skip(3);
    let name = |pt: &str| {
        let prefix = format!("a=rtpmap:{pt} ");
        let rest = lines.iter().find_map(|line| line.strip_prefix(&*prefix));
        rest.unwrap().split('/').next().unwrap().to_owned()
    };
    order
        .map(|pt| (pt.to_owned(), name(pt)))
        .filter(|(_, name)| name != "rtx")
        .collect()
}

fn names(sdp: &str, section: usize) -> Vec<String> {
    let codecs = codecs(sdp, section).into_iter();
    codecs.map(|(_, name)| name).collect()
}

fn has_descriptor(sdp: &str, section: usize) -> bool {
    let sections = sections(sdp);
    let mut lines = sections[section].iter();
    lines.any(|line| line.contains("#dependency-descriptor"))
}

/// Every codec of a section is answered with the payload types of the offer, and with retransmissions.
fn assert_types(offer: &str, answer: &str, section: usize) {
    let offered = codecs(offer, section);
    let sections = sections(answer);
    for codec in codecs(answer, section) {
        assert!(offered.contains(&codec), "{codec:?} was offered otherwise");
        let apt = format!(" apt={}", codec.0);
        let mut lines = sections[section].iter();
        assert!(
            lines.any(|line| line.ends_with(&apt)),
            "{codec:?} is not sent again"
        );
    }
}

/// What is answered in every section with sound.
fn assert_sound(answer: &str, expected: &[&str]) {
    for section in [0, 3, 4] {
        assert_eq!(names(answer, section), expected);
        let lines = &sections(answer)[section];
        let says = |wanted: &str| lines.iter().any(|line| line.contains(wanted));
        assert!(says("usedtx=1") && says("useinbandfec=1"));
    }
}

#[test]
fn chromium() {
    let answer = answer(CHROMIUM);
    // Named second, it is sent when it is asked for.
    assert_sound(&answer, &["opus", "red"]);
    assert_eq!(names(&answer, CAMERA), ["VP8"]);
    assert_eq!(names(&answer, SCREEN), ["VP8", "VP9", "AV1"]);
    for slot in SLOTS {
        assert_eq!(names(&answer, slot), ["VP8", "VP9", "AV1", "H264"]);
    }
    for section in [CAMERA, SCREEN, SLOTS[0], SLOTS[1]] {
        assert_types(CHROMIUM, &answer, section);
        // In the camera's section it would make every packet of VP8 longer.
        assert!(has_descriptor(CHROMIUM, section));
        assert_eq!(has_descriptor(&answer, section), section != CAMERA);
    }
}

#[test]
fn red_is_answered_only_where_it_is_offered() {
    // The microphone's section alone keeps it.
    let (first, rest) = CHROMIUM.split_once("a=mid:0\r\n").unwrap();
    let (mic, others) = rest.split_once("\nm=").unwrap();
    let others = others.replace("SAVPF 111 63 ", "SAVPF 111 ");
    let others = others.replace("a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n", "");
    let answer = answer(&format!("{first}a=mid:0\r\n{mic}\nm={others}"));
    assert_eq!(names(&answer, 0), ["opus", "red"]);
    for section in [3, 4] {
        assert_eq!(names(&answer, section), ["opus"]);
        assert!(
            !sections(&answer)[section]
                .iter()
                .any(|line| line.contains(":63 "))
        );
    }
}

#[test]
fn firefox() {
    let answer = answer(FIREFOX);
    assert_sound(&answer, &["opus"]);
    assert_eq!(names(&answer, CAMERA), ["VP8"]);
    for section in [SCREEN, SLOTS[0], SLOTS[1]] {
        assert_eq!(names(&answer, section), ["VP8", "VP9", "AV1"]);
        assert_types(FIREFOX, &answer, section);
        // It writes descriptors and does not read them, and says so in every section.
        assert!(has_descriptor(FIREFOX, section));
        assert_eq!(has_descriptor(&answer, section), section == SCREEN);
    }
}

/// An offer with other codecs in the sections with pictures: name, payload type and parameters.
fn with_codecs(sdp: &str, codecs: &[(&str, u8, &str)]) -> String {
    let types = codecs.iter().flat_map(|(_, pt, _)| [*pt, pt + 1]);
    let types: Vec<String> = types.map(|pt| pt.to_string()).collect();
    let mut described = String::new();
    for (name, pt, parameters) in codecs {
        let rtx = pt + 1;
        described += &format!("a=rtpmap:{pt} {name}/90000\r\na=rtcp-fb:{pt} nack pli\r\n");
        if !parameters.is_empty() {
            described += &format!("a=fmtp:{pt} {parameters}\r\n");
        }
        described += &format!("a=rtpmap:{rtx} rtx/90000\r\na=fmtp:{rtx} apt={pt}\r\n");
    }
    let mut out = String::new();
    let mut pictures = false;
    for line in sdp.lines() {
        if line.starts_with("m=") {
            pictures = line.starts_with("m=video");
        }
        let of_codecs = ["a=rtpmap:", "a=rtcp-fb:", "a=fmtp:"];
        let descriptor = line.contains("#dependency-descriptor");
        match line {
            _ if !pictures => out += line,
            _ if descriptor || of_codecs.iter().any(|prefix| line.starts_with(prefix)) => continue,
            _ if line.starts_with("m=") => {
                out += &format!("m=video 9 UDP/TLS/RTP/SAVPF {}", types.join(" "));
            }
            "a=rtcp-mux" => out += &format!("{described}{line}"),
            _ => out += line,
        }
        out += "\r\n";
    }
    out
}

#[test]
fn safari_by_its_published_codecs() {
    let high = |mode| {
        format!("level-asymmetry-allowed=1;packetization-mode={mode};profile-level-id=640c1f")
    };
    let base = |mode| {
        format!("level-asymmetry-allowed=1;packetization-mode={mode};profile-level-id=42e01f")
    };
    let safari = with_codecs(
        CHROMIUM,
        &[
            ("H264", 96, &high(1)),
            ("H264", 98, &base(1)),
            ("H264", 100, &high(0)),
            ("H264", 102, &base(0)),
            ("VP8", 104, ""),
            ("VP9", 106, "profile-id=0"),
        ],
    );
    let answer = answer(&safari);
    for section in [CAMERA, SCREEN, SLOTS[0], SLOTS[1]] {
        // What it would rather send comes last: what comes first is what everybody sees.
        let codec = |pt: &str, name: &str| (pt.to_owned(), name.to_owned());
        let expected = [
            codec("104", "VP8"),
            codec("106", "VP9"),
            codec("98", "H264"),
        ];
        assert_eq!(codecs(&answer, section), expected);
        assert_types(&safari, &answer, section);
        assert!(!has_descriptor(&answer, section));
    }
}

#[test]
fn a_slot_without_vp8_is_refused_and_a_camera_with_nothing_but_h264_is_not() {
    let base = "packetization-mode=1;profile-level-id=42e01f";
    let h264 = with_codecs(CHROMIUM, &[("H264", 96, base)]);
    let mut net = Net::new();
    let refused = net.sfu.join(net.now, ROOM, PeerKey(1), offer(h264.clone()));
    assert!(refused.is_err());
    let mut camera = offer(h264);
    camera.down_video.clear();
    let answer = net.sfu.join(net.now, ROOM, PeerKey(1), camera).unwrap();
    assert_eq!(names(&answer, CAMERA), ["H264"]);
}
