//! Addresses in a text, as a reader could follow them: with a scheme, or a host whose last part is one of those in use here.
//! A sentence without a space after its full stop is no address.

use unicode_normalization::UnicodeNormalization;

/// Last parts by which a host is known when no scheme stands before it.
const ENDS: [&str; 44] = [
    "ru",
    "su",
    "рф",
    "рус",
    "дети",
    "москва",
    "com",
    "net",
    "org",
    "info",
    "biz",
    "me",
    "io",
    "tv",
    "cc",
    "gg",
    "ly",
    "to",
    "co",
    "ai",
    "app",
    "dev",
    "site",
    "online",
    "club",
    "shop",
    "store",
    "xyz",
    "top",
    "link",
    "live",
    "pro",
    "space",
    "fun",
    "world",
    "page",
    "chat",
    "by",
    "kz",
    "ua",
    "uz",
    "de",
    "eu",
    "uk",
];

/// The hosts of all addresses in a text, lower case.
#[must_use]
pub fn hosts(text: &str) -> Vec<String> {
    let visible: String = text
        .nfkc()
        .filter(|letter| !is_invisible(*letter))
        .collect();
    visible
        .to_lowercase()
        .split(ends_a_word)
        .filter_map(of_word)
        .collect()
}

/// The host of an address or of what somebody typed for one.
#[must_use]
pub fn host(text: &str) -> Option<String> {
    let text = text.trim().to_lowercase();
    let rest = text
        .split_once("://")
        .map_or(text.as_str(), |(_, rest)| rest);
    host_of(rest)
}

fn of_word(word: &str) -> Option<String> {
    if let Some((_, rest)) = word.split_once("://") {
        return host_of(rest);
    }
    let word = word.trim_start_matches(|letter: char| !letter.is_alphanumeric());
    let host = host_of(word)?;
    let (rest, end) = host.rsplit_once('.')?;
    // An address for mail is no link.
    let is_mail = word.find('@').is_some_and(|at| !word[..at].contains('/'));
    let known = ENDS.contains(&end) || end.starts_with("xn--");
    (!is_mail && !rest.is_empty() && (known || host.starts_with("www."))).then_some(host)
}

// Up to the path; what stands before the last `@` is a name (RFC 3986 §3.2).
fn host_of(rest: &str) -> Option<String> {
    let authority = rest.split(['/', '?', '#', '\\']).next()?;
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    let host = host.split(':').next()?;
    let host = host.trim_matches(|letter: char| !letter.is_alphanumeric());
    let is_label = |label: &str| {
        !label.is_empty()
            && label
                .chars()
                .all(|letter| letter.is_alphanumeric() || letter == '-')
    };
    host.split('.').all(is_label).then(|| host.to_owned())
}

fn ends_a_word(letter: char) -> bool {
    letter.is_whitespace() || "<>\"«»“”„()[]{}|`,;!*_~".contains(letter)
}

fn is_invisible(letter: char) -> bool {
    matches!(
        letter,
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_as_people_write_them() {
        for (text, host) in [
            ("Смотри https://Example.COM:8443/a?b#c!", "example.com"),
            ("(www.школа.дети)", "www.школа.дети"),
            ("t.me/x", "t.me"),
            ("пример.рф.", "пример.рф"),
            ("[тут](http://a.b/)", "a.b"),
            ("ｅｖｉｌ．ｃｏｍ", "evil.com"),
            ("evil\u{200b}.com", "evil.com"),
            ("http://1.2.3.4/", "1.2.3.4"),
            ("http://good.ru@evil.com/", "evil.com"),
            ("xn--e1afmkfd.xn--p1ai", "xn--e1afmkfd.xn--p1ai"),
        ] {
            assert_eq!(hosts(text), [host], "{text}");
        }
    }

    #[test]
    fn sentences_files_and_mail_are_no_addresses() {
        for text in [
            "и т.д.",
            "Да.Нет",
            "3.14",
            "отчёт.pdf",
            "robot.py",
            "anna@school.ru",
            "А.С. Пушкин",
            "...",
            "://",
            "http://",
            "в 9.30",
        ] {
            assert_eq!(hosts(text), [""; 0], "{text}");
        }
    }
}
