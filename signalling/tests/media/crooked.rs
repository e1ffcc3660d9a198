//! Offers that broke other systems: taken for what they mean, or refused with a reason.

use std::time::Duration;

use signalling::{MediaError, PeerKey, Source};

use crate::negotiation::sections;
use crate::net::{Net, ROOM};
use crate::offers::{CHROMIUM, offer};

fn join(sdp: &str) -> Result<String, MediaError> {
    let mut net = Net::new();
    net.sfu
        .join(net.now, ROOM, PeerKey(1), offer(sdp.to_owned()))
}

/// The offer with `line` in place of the first line that begins with `prefix`.
fn with(prefix: &str, line: &str) -> String {
    let mut found = false;
    let lines = CHROMIUM.lines().map(|old| {
        if !found && old.starts_with(prefix) {
            found = true;
            format!("{line}\r\n")
        } else {
            format!("{old}\r\n")
        }
    });
    let sdp = lines.collect();
    assert!(found, "{prefix}");
    sdp
}

fn lines(sdp: &str) -> Vec<&str> {
    sdp.lines().collect()
}

fn joined(lines: &[&str]) -> String {
    lines.iter().map(|line| format!("{line}\r\n")).collect()
}

/// S2 (pjproject#3382): a port that is no number. Bytes that are no UTF-8 have become U+FFFD before they come here.
#[test]
fn a_port_that_is_no_number_is_refused() {
    for line in [
        "m=au\u{fffd}\u{fffd}\u{fffd}34718 RTP/AVP 0 8 101",
        "m=audio x UDP/TLS/RTP/SAVPF 111",
        "m=audio 99999999999999999999 UDP/TLS/RTP/SAVPF 111",
        "m=audio -1 UDP/TLS/RTP/SAVPF 111",
        "m=",
    ] {
        let refused = join(&with("m=audio", line));
        assert!(
            matches!(refused, Err(MediaError::BadOffer(_))),
            "{line}: {refused:?}"
        );
    }
}

/// S3 (rtpengine#2122): a section that is off, as Cisco writes it, behind those that count.
#[test]
fn a_section_that_is_off_is_left_alone() {
    for section in [
        "m=video 0 RTP/AVP 255\r\n",
        "m=video 0 RTP/AVP 255\r\nc=IN IP4 0.0.0.0\r\na=inactive\r\na=mid:off\r\n",
    ] {
        let answer = join(&format!("{CHROMIUM}{section}")).unwrap();
        let (offered, answered) = (sections(CHROMIUM), sections(&answer));
        assert!(answered.len() >= offered.len(), "{section}");
        for off in &answered[offered.len()..] {
            assert!(off[0].starts_with("m=video 0 "), "{off:?}");
        }
    }
}

/// S4 (owt-deps-webrtc#130, mediasoup-client#317): the attribute has no value, and is answered where it was offered:
/// for the session.
#[test]
fn mixed_extension_heads_are_answered_where_they_were_offered() {
    const MIXES: &str = "a=extmap-allow-mixed";
    let head = |sdp: &str| {
        let head = sdp.split("m=").next();
        head.is_some_and(|head| head.lines().any(|line| line == MIXES))
    };
    assert!(head(CHROMIUM));
    assert!(head(&join(CHROMIUM).unwrap()));
    let without = lines(CHROMIUM).into_iter().filter(|line| *line != MIXES);
    let without = joined(&without.collect::<Vec<_>>());
    let answer = join(&without).unwrap();
    assert!(!answer.contains(MIXES), "what was not offered is answered");
    // In a section alone: it is no news to the session.
    let in_section = without.replacen("a=mid:0", "a=extmap-allow-mixed\r\na=mid:0", 1);
    assert!(join(&in_section).is_ok());
}

/// S7 (sipsorcery#361): static payload types without their `a=rtpmap`.
#[test]
fn static_payload_types_need_no_map() {
    let section = CHROMIUM.lines().find(|line| line.starts_with("m=audio"));
    let fixed = ["9", "0", "8"];
    let words: Vec<&str> = section.unwrap().split(' ').collect();
    let (head, types) = words.split_at(3);
    let others = types.iter().filter(|word| !fixed.contains(word));
    let types: Vec<&str> = head.iter().chain(others).chain(&fixed).copied().collect();
    let mapped = |line: &&str| {
        fixed
            .iter()
            .any(|pt| line.starts_with(&format!("a=rtpmap:{pt} ")))
    };
    let sdp = with("m=audio", &types.join(" "));
    let kept: Vec<&str> = lines(&sdp)
        .into_iter()
        .filter(|line| !mapped(line))
        .collect();
    let answer = join(&joined(&kept)).unwrap();
    assert!(answer.contains(" opus/48000"));
}

/// S8 (str0m#164): lines in another order, a connection for the session alone, and every character that a user name
/// fragment may have, and some that it may not.
#[test]
fn an_odd_order_and_odd_fragments_are_read_or_refused_with_a_reason() {
    let connection = |line: &&str| !line.starts_with("c=");
    let mut order: Vec<&str> = lines(CHROMIUM).into_iter().filter(connection).collect();
    let times = order
        .iter()
        .position(|line| line.starts_with("t="))
        .unwrap();
    order.insert(times, "c=IN IP4 0.0.0.0");
    let refused = |result: Result<String, MediaError>| match result {
        Ok(_) => false,
        Err(MediaError::BadOffer(why)) => !why.is_empty(),
        Err(error) => panic!("{error:?}"),
    };
    let result = join(&joined(&order));
    assert!(result.is_ok() || refused(result));
    for (fragment, valid) in [("ab+/", true), ("ab:c", false), ("+/+/+/+/", true)] {
        let old = CHROMIUM
            .lines()
            .find(|line| line.starts_with("a=ice-ufrag:"));
        let sdp = CHROMIUM.replace(old.unwrap(), &format!("a=ice-ufrag:{fragment}"));
        let result = join(&sdp);
        assert!(result.is_ok() || !valid && refused(result), "{fragment}");
    }
}

/// S9 (FreeSWITCH GHSA-gjj5-79p2-9g3q, GHSA-7mwp-86fv-hcg3): a second offer that names codecs twice, and a candidate of a
/// component that there is not.
#[test]
fn codecs_named_twice_and_unknown_components_in_a_second_offer_harm_nobody() {
    let twice: Vec<&str> = CHROMIUM
        .lines()
        .flat_map(|line| {
            let times = if line.starts_with("a=rtpmap:") { 3 } else { 1 };
            std::iter::repeat_n(line, times)
        })
        .collect();
    let types = CHROMIUM.replace(
        "a=rtpmap:111 opus/48000/2",
        "a=rtpmap:111 opus/48000/2\r\na=rtpmap:9 opus/48000/2",
    );
    let component = |id: &str| {
        let candidate =
            format!("a=candidate:1 {id} udp 2130706431 192.0.2.1 4444 typ host\r\na=mid:0");
        CHROMIUM.replacen("a=mid:0", &candidate, 1)
    };
    let offers = [
        joined(&twice),
        types,
        component("0"),
        component("3"),
        component("256"),
        component("65536"),
        component("99999999999999999999"),
        component("x"),
    ];
    let mut net = Net::new();
    let a = net.join(1, &[Source::Camera], 1);
    let b = net.join(2, &[], 1);
    let c = PeerKey(3);
    let first = offer(CHROMIUM.to_owned());
    net.sfu.join(net.now, ROOM, c, first).unwrap();
    for sdp in &offers {
        let again = net.sfu.restart(net.now, c, sdp);
        assert!(
            matches!(again, Ok(_) | Err(MediaError::BadOffer(_))),
            "{again:?}"
        );
    }
    net.until("b sees a", |net| {
        net.mid(b, a, Source::Camera)
            .is_some_and(|mid| net.has(b, &mid))
    });
    net.run(Duration::from_secs(1));
    assert_eq!(net.sfu.stats().peers, 3);
    for sdp in offers {
        let result = join(&sdp);
        assert!(
            matches!(result, Ok(_) | Err(MediaError::BadOffer(_))),
            "{result:?}"
        );
    }
}

/// The engine would read one extension under the id of another, for one under an id that was not offered at all.
#[test]
fn an_id_for_two_header_extensions_is_refused() {
    let line = CHROMIUM
        .lines()
        .find(|line| line.starts_with("a=extmap:3 "));
    let twice = CHROMIUM.replacen(line.unwrap(), "a=extmap:3 urn:other", 1);
    let refused = join(&twice);
    assert!(
        matches!(refused, Err(MediaError::BadOffer(_))),
        "{refused:?}"
    );
    // For another one alone, the offer is as good as any; so is one without the extension.
    assert!(join(&CHROMIUM.replace(line.unwrap(), "a=extmap:3 urn:other")).is_ok());
    let rest = lines(CHROMIUM)
        .into_iter()
        .filter(|of| *of != line.unwrap());
    let answer = join(&joined(&rest.collect::<Vec<_>>())).unwrap();
    assert!(!answer.contains("a=extmap:3 "));

    let mut net = Net::new();
    let peer = PeerKey(1);
    let first = offer(CHROMIUM.to_owned());
    net.sfu.join(net.now, ROOM, peer, first).unwrap();
    let moved = CHROMIUM.replace(line.unwrap(), "a=extmap:3 urn:other");
    let refused = net.sfu.restart(net.now, peer, &moved);
    assert!(
        matches!(refused, Err(MediaError::BadOffer(_))),
        "{refused:?}"
    );
}
