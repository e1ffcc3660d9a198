//! What is taken out of an offer before the engine reads it, and out of an answer after the engine wrote it.

use std::borrow::Cow;

use crate::sfu::descriptor::URI;

/// Whoever offers this takes header extensions of one and of two bytes, packet by packet (RFC 8285 §4.1.2).
pub(super) const MIXES: &str = "a=extmap-allow-mixed";

/// Takes the dependency descriptor out of sections that have no AV1, where it would only make every packet longer, and
/// out of those whose direction it does not go in: Firefox writes and does not read it (RFC 8285 §5).
pub(super) fn without_idle_descriptors(sdp: &str) -> Cow<'_, str> {
    if !sdp.contains(URI) {
        return Cow::Borrowed(sdp);
    }
    let mut kept = String::with_capacity(sdp.len());
    for section in parts(sdp) {
        let idle = !section.contains(" AV1/90000");
        let gone = |line: &str| line.contains(URI) && (idle || is_against(section, line));
        kept.extend(section.split_inclusive('\n').filter(|line| !gone(line)));
    }
    Cow::Owned(kept)
}

/// What stands before the first section, and the sections.
pub(super) fn parts(sdp: &str) -> impl Iterator<Item = &str> {
    let mut rest = sdp;
    std::iter::from_fn(move || {
        let end = rest.get(1..).and_then(|after| after.find("\nm="));
        let (part, after) = rest.split_at(end.map_or(rest.len(), |end| end + 2));
        rest = after;
        (!part.is_empty()).then_some(part)
    })
}

/// Whether a section goes one way only, and an extension of it the other.
fn is_against(section: &str, extension: &str) -> bool {
    let name = extension.split_whitespace().next().unwrap_or_default();
    let is_line = |wanted: &str| section.lines().any(|line| line.trim_end() == wanted);
    name.ends_with("/inactive")
        || name.ends_with("/sendonly") && is_line("a=recvonly")
        || name.ends_with("/recvonly") && is_line("a=sendonly")
}

/// Whether every m-line has a port that is a number (RFC 8866 §5.14). The engine looks at none.
pub(super) fn has_ports(sdp: &str) -> bool {
    let mut sections = sdp.lines().filter_map(|line| line.strip_prefix("m="));
    sections.all(|section| {
        let port = section.split(' ').nth(1);
        port.is_some_and(|port| port.parse::<u16>().is_ok())
    })
}

/// The answer without [`MIXES`], where the offer does not have it: the engine always writes it, and an answer must not
/// have what was not offered (RFC 8285 §6).
pub(super) fn mixed_as_offered(offer: &str, answer: String) -> String {
    if offer.contains(MIXES) {
        return answer;
    }
    let others = answer.split_inclusive('\n');
    others.filter(|line| line.trim_end() != MIXES).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_stay_where_av1_may_come_with_them() {
        let section = |codec: &str, way: &str, suffix: &str| {
            format!(
                "m=video 9 X 96\r\na=rtpmap:96 {codec}/90000\r\na={way}\r\na=extmap:5{suffix} {URI}\r\n"
            )
        };
        let kept = |codec, way, suffix| {
            let sdp = format!(
                "v=0\r\na=extmap-allow-mixed\r\n{}",
                section(codec, way, suffix)
            );
            // Another section beside it changes nothing.
            let sdp = sdp + &section("AV1", "sendonly", "");
            let read = without_idle_descriptors(&sdp).into_owned();
            assert!(read.starts_with("v=0\r\na=extmap-allow-mixed\r\nm=video"));
            assert_eq!(read.matches("m=video").count(), 2);
            read.matches(URI).count() == 2
        };
        assert!(kept("AV1", "recvonly", ""));
        assert!(kept("AV1", "sendonly", "/sendonly"));
        assert!(!kept("VP8", "sendonly", ""));
        assert!(!kept("AV1", "recvonly", "/sendonly"));
        assert!(!kept("AV1", "sendonly", "/recvonly"));
        assert!(!kept("AV1", "recvonly", "/inactive"));
        assert_eq!(without_idle_descriptors("m=\u{fffd}\nm="), "m=\u{fffd}\nm=");
    }
}
