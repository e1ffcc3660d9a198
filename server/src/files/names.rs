//! Names of files: shown and offered at download, never used on the server's disk.

use protocol::limits::FILE_NAME_BYTES_MAX;
use unicode_normalization::UnicodeNormalization;

use crate::accounts::names::is_shown;

/// What a file without a usable name is called.
const NAMELESS: &str = "file";
/// Names that Windows reserves for devices, whatever the extension.
const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];

/// Makes a name safe: the last path component, NFC, without control, direction and zero-width characters and what
/// Windows refuses, at most [`FILE_NAME_BYTES_MAX`] bytes with the extension kept.
#[must_use]
pub fn safe(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let clean: String = last
        .nfc()
        // The joiner and the variation selector make one picture of several emoji.
        .filter(|c| is_shown(*c) || matches!(c, '\u{200D}' | '\u{FE0F}'))
        .map(|c| if "<>:\"|?*".contains(c) { '_' } else { c })
        .collect();
    let clean = clean
        .trim_start()
        .trim_end_matches(|c: char| c == '.' || c.is_whitespace());
    if clean.is_empty() || clean.chars().all(|c| c == '.') {
        return NAMELESS.to_owned();
    }
    let stem = clean
        .split('.')
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    let clean = if is_device(&stem) {
        format!("_{clean}")
    } else {
        clean.to_owned()
    };
    within(&clean, FILE_NAME_BYTES_MAX)
}

fn is_device(stem: &str) -> bool {
    let numbered = ["com", "lpt"].iter().any(|device| {
        stem.strip_prefix(device)
            .is_some_and(|n| n.len() == 1 && n.chars().all(|c| c.is_ascii_digit()))
    });
    numbered || DEVICES.contains(&stem)
}

/// A name of at most so many bytes, 17 or more, its extension kept.
#[must_use]
pub fn within(name: &str, bytes_max: usize) -> String {
    if name.len() <= bytes_max {
        return name.to_owned();
    }
    let extension = name.rfind('.').map_or("", |dot| &name[dot..]);
    let extension = if extension.len() <= 16 { extension } else { "" };
    let mut end = bytes_max - extension.len();
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{extension}", &name[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_names_stay() {
        for name in [
            "Отчёт №1 (финал).pdf",
            "🤖 робот 👩‍🚀.png",
            "a.tar.gz",
            "Ёж-2.jpg",
        ] {
            assert_eq!(safe(name), name);
        }
        assert_eq!(safe("Отче\u{0308}т.pdf"), "Отчёт.pdf", "composed");
    }

    #[test]
    fn bad_names_become_harmless() {
        for (name, expected) in [
            ("../../etc/passwd", "passwd"),
            ("C:\\Users\\a\\b.txt", "b.txt"),
            ("..", "file"),
            ("", "file"),
            ("  ", "file"),
            ("a\0b.txt", "ab.txt"),
            ("CON", "_CON"),
            ("com1.txt", "_com1.txt"),
            ("photo\u{202E}gpj.exe", "photogpj.exe"),
            ("a\"b<c>.html", "a_b_c_.html"),
            ("name. . ", "name"),
        ] {
            assert_eq!(safe(name), expected, "{name:?}");
        }
    }

    #[test]
    fn long_names_keep_their_extension() {
        let name = safe(&format!("{}.pdf", "я".repeat(300)));
        assert!(name.len() <= FILE_NAME_BYTES_MAX);
        assert!(name.ends_with("я.pdf"));
    }
}
