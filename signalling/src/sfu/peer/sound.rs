//! What answers say of sound, beyond what the engine says.
//!
//! Browsers are asked (RFC 7587 §6.1) for next to nothing in a pause: one packet in 400 ms instead of twenty. Opus is named
//! before Opus that repeats earlier packets (RFC 2198), so that a browser sends it so until it is asked for more: Chromium
//! repeats from the beginning where that is named first.

use std::fmt::Write as _;

use str0m::media::Mid;

use super::offer::parts;
use crate::sfu::limits::MID_MAX;

const PAUSES: &str = "usedtx=1";

/// The sections of an offer in which sound may repeat earlier packets.
pub(super) fn repeating(offer: &str) -> Vec<Mid> {
    let sections = parts(offer).filter(|section| of_sound(section, "red").is_some());
    let mid = |section: &str| {
        let mid = section.lines().find_map(|line| line.strip_prefix("a=mid:"));
        let is_mid = |mid: &&str| mid.len() <= MID_MAX && mid.is_ascii();
        mid.map(str::trim_end).filter(is_mid).map(Mid::from)
    };
    sections.filter_map(mid).collect()
}

/// An answer as it goes out. The engine agrees on payload types for all sections together: what was not offered in one is
/// not answered there.
pub(super) fn answered(offer: &str, answer: &str) -> String {
    let mut out = String::with_capacity(answer.len() + 128);
    let offered = parts(offer).map(Some).chain(std::iter::repeat(None));
    for (section, offered) in parts(answer).zip(offered) {
        let Some(opus) = of_sound(section, "opus") else {
            out += section;
            continue;
        };
        let red = of_sound(section, "red");
        let keeps = offered.is_some_and(|offered| of_sound(offered, "red").is_some());
        for line in section.split_inclusive('\n') {
            let text = line.trim_end();
            if text.starts_with("m=") {
                let types = text.split(' ').filter(|word| Some(*word) != red);
                let types: Vec<&str> = types.chain(red.filter(|_| keeps)).collect();
                let _ = write!(out, "{}\r\n", types.join(" "));
            } else if !keeps && red.is_some_and(|red| describes(text, red)) {
                continue;
            } else if text.starts_with("a=fmtp:") && describes(text, opus) {
                let _ = write!(out, "{text};{PAUSES}\r\n");
            } else {
                out += line;
            }
        }
    }
    out
}

/// Payload type of a codec of 48 kHz in a section with sound.
fn of_sound<'a>(section: &'a str, codec: &str) -> Option<&'a str> {
    if !section.starts_with("m=audio ") {
        return None;
    }
    section.lines().find_map(|line| {
        let (payload_type, name) = line.strip_prefix("a=rtpmap:")?.split_once(' ')?;
        let (name, rate) = name.trim_end().split_once('/')?;
        let is_it = name.eq_ignore_ascii_case(codec) && rate == "48000/2";
        is_it.then_some(payload_type)
    })
}

/// Whether a line is about a payload type.
fn describes(line: &str, payload_type: &str) -> bool {
    let about = ["a=rtpmap:", "a=fmtp:", "a=rtcp-fb:"];
    let rest = about.iter().find_map(|prefix| line.strip_prefix(prefix));
    rest.and_then(|rest| rest.split(' ').next()) == Some(payload_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = "v=0\r\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 63 111\r\na=mid:0\r\na=rtpmap:111 opus/48000/2\r\n\
        a=fmtp:111 minptime=10;useinbandfec=1\r\na=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n\
        m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na=rtpmap:96 VP8/90000\r\n";

    #[test]
    fn opus_comes_first_and_pauses_are_asked_for() {
        let answer = answered(ANSWER, ANSWER);
        let expected = ANSWER
            .replace("SAVPF 63 111", "SAVPF 111 63")
            .replace("useinbandfec=1", "useinbandfec=1;usedtx=1");
        assert_eq!(answer, expected);
        assert_eq!(repeating(&answer), [Mid::from("0")]);
    }

    #[test]
    fn what_was_not_offered_in_a_section_is_not_answered_there() {
        let offer = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=rtpmap:111 opus/48000/2\r\n\
            m=video 9 UDP/TLS/RTP/SAVPF 96 63\r\na=mid:1\r\na=rtpmap:63 red/90000\r\n";
        let answer = answered(offer, ANSWER);
        assert!(answer.contains("m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"));
        assert!(!answer.contains(":63 ") && answer.contains("a=rtpmap:96 VP8/90000\r\n"));
        assert!(repeating(offer).is_empty());
    }
}
