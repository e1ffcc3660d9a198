//! One-time passwords: read aloud, copied from a slip of paper, typed on phones by children.

use protocol::limits::{PASSWORD_ONCE_GROUP_CHARS, PASSWORD_ONCE_GROUPS};
use rand::RngExt;

/// Signs that nobody takes for another one of them, seen or heard: no vowels, so no words either; no `l` and 1, `s` and 5, `b` and 6
/// and 8, `z` and 2, `g` and `q` and 9, `n` beside `m`. Cyrillic signs that look like these count as these.
const SIGNS: &[u8; 18] = b"dfhjkmrtvw23456789";

/// A fresh one, in groups: `k7m-4wd-h9t`.
#[must_use]
pub fn fresh() -> String {
    let mut rng = rand::rng();
    let mut group = || -> String {
        (0..PASSWORD_ONCE_GROUP_CHARS)
            .map(|_| char::from(SIGNS[rng.random_range(0..SIGNS.len())]))
            .collect()
    };
    let groups: Vec<String> = (0..PASSWORD_ONCE_GROUPS).map(|_| group()).collect();
    groups.join("-")
}

/// What is hashed of one, however it was typed: phones begin with a capital and may have a Russian keyboard open, and the hyphens are
/// there for the eye.
#[must_use]
pub fn typed(given: &str) -> String {
    given
        .chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .map(latin)
        .collect()
}

// The sign that a Cyrillic one, small or capital, looks like.
const fn latin(sign: char) -> char {
    match sign {
        'к' => 'k',
        'м' => 'm',
        'н' => 'h',
        'т' => 't',
        'г' => 'r',
        'ш' => 'w',
        'з' => '3',
        'б' => '6',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_is_another_one_and_has_nothing_to_mistake() {
        let many: BTreeSet<String> = (0..1_000).map(|_| fresh()).collect();
        assert_eq!(many.len(), 1_000);
        for one in many {
            assert_eq!(one.len(), 11);
            let groups: Vec<&str> = one.split('-').collect();
            assert_eq!(groups.len(), PASSWORD_ONCE_GROUPS, "{one}");
            assert!(groups.iter().all(|group| group.len() == 3), "{one}");
            assert!(
                !one.contains(|c| "aeiouylso01bpcxzqgn".contains(c)),
                "{one}"
            );
        }
    }

    #[test]
    fn how_it_is_typed_does_not_matter() {
        for given in [
            "k7m-4wd-h9t",
            " K7M 4wd h9t",
            "K7m4wdh9T",
            "k7m–4wd–h9t\n",
            "к7м-4шd-н9т",
            "К7М 4ШD Н9Т",
        ] {
            assert_eq!(typed(given), "k7m4wdh9t");
        }
        assert_eq!(typed("гзб-ГЗБ"), "r36r36");
        assert_ne!(typed("k7m-4wd-h9d"), "k7m4wdh9t");
    }
}
