//! How names, times and sizes are shown to people.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use protocol::UserId;

use super::Room;
use super::words::Words;

/// What a name in a relative link may not have as it is (RFC 3986 §3.3).
const IN_PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'&')
    .add(b'\'')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

impl Room {
    /// A person's name, or what is left to tell them by.
    pub(super) fn name<'a>(&'a self, id: &'a UserId) -> &'a str {
        self.names.get(id).map_or(id.as_str(), String::as_str)
    }
}

/// Text in HTML, also inside an attribute in double quotes.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            // What HTML does not allow in a text at all.
            c if c.is_control() && !matches!(c, '\n' | '\t') => safe.push('\u{FFFD}'),
            c => safe.push(c),
        }
    }
    safe
}

/// A path in the archive as the address of a link.
pub(super) fn address(path: &str) -> String {
    utf8_percent_encode(path, IN_PATH).to_string()
}

/// A time (RFC 3339, or milliseconds since 1970) on somebody's calendar and clock.
pub(super) struct Moment {
    pub(super) date: Date,
    pub(super) clock: String,
}

pub(super) fn moment(at: Timestamp, zone: &TimeZone) -> Moment {
    let local = zone.to_datetime(at);
    Moment {
        date: local.date(),
        clock: format!("{:02}:{:02}", local.hour(), local.minute()),
    }
}

pub(super) fn parsed(at: &str) -> Timestamp {
    at.parse().unwrap_or(Timestamp::UNIX_EPOCH)
}

pub(super) fn from_ms(at: i64) -> Timestamp {
    Timestamp::from_millisecond(at).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Bytes in a unit that is easy to read.
pub(super) fn size(bytes: u64, words: &Words) -> String {
    let mut unit = 0;
    // Tenths, so that no floating point is needed.
    let mut tenths = bytes.saturating_mul(10);
    while tenths >= 10_240 && unit + 1 < words.bytes.len() {
        tenths /= 1_024;
        unit += 1;
    }
    let (whole, rest) = (tenths / 10, tenths % 10);
    let unit_name = words.bytes[unit];
    if unit == 0 || whole >= 10 || rest == 0 {
        format!("{whole} {unit_name}")
    } else {
        format!("{whole}{}{rest} {unit_name}", words.decimal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::words::Language;

    #[test]
    fn hostile_text_stays_text() {
        let text = "<script>alert(\"1\")</script>&amp;'\u{1}\n";
        assert_eq!(
            escaped(text),
            "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;amp;&#39;\u{FFFD}\n"
        );
        assert_eq!(
            address("files/000001-01 a#b?c%20\"<ё>.txt"),
            "files/000001-01%20a%23b%3Fc%2520%22%3C%D1%91%3E.txt"
        );
    }

    #[test]
    fn sizes_are_short() {
        let words = Language::Russian.words();
        for (bytes, shown) in [
            (0, "0 Б"),
            (1_023, "1023 Б"),
            (1_536, "1,5 КБ"),
            (50 * 1_024 * 1_024, "50 МБ"),
        ] {
            assert_eq!(size(bytes, words), shown);
        }
    }
}
