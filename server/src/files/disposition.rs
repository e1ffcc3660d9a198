//! `Content-Disposition` (RFC 6266) for names in any script.

use axum::http::HeaderValue;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What RFC 8187's `attr-char` leaves as it is.
const ATTR_CHAR: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// A download with this name: in ASCII for old clients, in full for the rest.
#[must_use]
pub fn attachment(name: &str) -> HeaderValue {
    named("attachment", name)
}

/// What the browser shows, and keeps under this name when somebody wants it.
#[must_use]
pub fn inline(name: &str) -> HeaderValue {
    named("inline", name)
}

fn named(how: &'static str, name: &str) -> HeaderValue {
    let plain: String = name
        .chars()
        .map(|c| {
            if (c.is_ascii_graphic() || c == ' ') && !"\"\\%".contains(c) {
                c
            } else {
                '_'
            }
        })
        .collect();
    let full = utf8_percent_encode(name, ATTR_CHAR);
    let value = format!("{how}; filename=\"{plain}\"; filename*=UTF-8''{full}");
    // Only printable ASCII is left.
    HeaderValue::from_str(&value).unwrap_or_else(|_| HeaderValue::from_static(how))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_any_script_survive() {
        assert_eq!(
            attachment("Отчёт №1 (финал).pdf"),
            "attachment; filename=\"_____ _1 (_____).pdf\"; \
             filename*=UTF-8''%D0%9E%D1%82%D1%87%D1%91%D1%82%20%E2%84%961%20%28%D1%84%D0%B8%D0%BD%D0%B0%D0%BB%29.pdf"
        );
        assert_eq!(
            inline("🤖.png"),
            "inline; filename=\"_.png\"; filename*=UTF-8''%F0%9F%A4%96.png"
        );
        assert_eq!(
            attachment("a\"; x=\\\r\nb"),
            "attachment; filename=\"a_; x=___b\"; filename*=UTF-8''a%22%3B%20x%3D%5C%0D%0Ab"
        );
    }
}
