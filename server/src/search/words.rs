//! The words of a text: Unicode letters and digits, in NFKC and lower case, ё as е, without accents over Russian letters
//! and other marks that no single character exists for; then their stems.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::LazyLock;

use rust_stemmers::{Algorithm, Stemmer};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Longest word that is told apart, in characters; what follows is left out, in texts and in questions.
const WORD_CHARS_MAX: usize = 64;

// `Stemmer` holds no state.
static RUSSIAN: LazyLock<Stemmer> = LazyLock::new(|| Stemmer::create(Algorithm::Russian));
static ENGLISH: LazyLock<Stemmer> = LazyLock::new(|| Stemmer::create(Algorithm::English));

/// A word of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    /// Where it stands, in bytes.
    pub(super) at: Range<usize>,
    /// As it is written, folded.
    pub(super) raw: String,
    /// Its stem.
    pub(super) stem: String,
}

/// The words of a text in order.
pub(super) fn words(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut begun: Option<Range<usize>> = None;
    for (at, letter) in text.char_indices() {
        let end = at + letter.len_utf8();
        match (&mut begun, kind(letter)) {
            (Some(word), Kind::Letter | Kind::Mark) => word.end = end,
            (None, Kind::Letter) => begun = Some(at..end),
            (Some(_), Kind::Nothing) | (None, Kind::Mark | Kind::Nothing | Kind::Other) => {}
            (Some(_), Kind::Other) => words.extend(begun.take().and_then(|at| word(text, at))),
        }
    }
    words.extend(begun.and_then(|at| word(text, at)));
    words
}

/// The stems of a text's words in order.
pub(crate) fn stems(text: &str) -> Vec<String> {
    words(text).into_iter().map(|word| word.stem).collect()
}

fn word(text: &str, at: Range<usize>) -> Option<Word> {
    let raw = fold(text.get(at.clone())?);
    let stem = stem(&raw).into_owned();
    (!raw.is_empty()).then_some(Word { at, raw, stem })
}

enum Kind {
    Letter,
    /// Belongs to the letter before it.
    Mark,
    /// Not seen: a soft hyphen, spaces of no width.
    Nothing,
    Other,
}

fn kind(letter: char) -> Kind {
    match letter {
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' => Kind::Nothing,
        _ if letter.is_alphanumeric() => Kind::Letter,
        _ if is_combining_mark(letter) => Kind::Mark,
        _ => Kind::Other,
    }
}

fn fold(word: &str) -> String {
    let lower = word.nfkc().flat_map(char::to_lowercase);
    let letters = lower.filter(|letter| letter.is_alphanumeric());
    let folded = letters.map(|letter| if letter == 'ё' { 'е' } else { letter });
    folded.take(WORD_CHARS_MAX).collect()
}

fn stem(word: &str) -> Cow<'_, str> {
    if word.chars().all(|letter| matches!(letter, 'а'..='я')) {
        RUSSIAN.stem(word)
    } else if word.bytes().all(|letter| letter.is_ascii_lowercase()) {
        ENGLISH.stem(word)
    } else {
        word.into()
    }
}

/// A word as the databases are given it: letters that every version of them takes for such, and all others, and capitals
/// of ids, by their number between two `_`.
pub(super) fn token(word: &str) -> String {
    let mut token = String::with_capacity(word.len());
    for letter in word.chars() {
        if matches!(letter, 'a'..='z' | '0'..='9' | 'а'..='я' | 'ß'..='ö' | 'ø'..='ÿ') {
            token.push(letter);
        } else {
            token.push_str(&format!("_{:x}_", u32::from(letter)));
        }
    }
    token
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn forms_of_a_word_have_one_stem() {
        for (forms, different) in [
            (
                "контрольная контрольной Контрольные КОНТРОЛЬНУЮ",
                "контроль",
            ),
            ("учёба учебы учебу учебой", "учитель"),
            ("lesson lessons LESSON", "lecture"),
            ("за\u{301}мок замок", "замена"),
            ("й\u{438}\u{306} \u{438}\u{306}й", "и"),
        ] {
            let stems = stems(forms);
            assert!(stems.iter().all(|stem| *stem == stems[0]), "{stems:?}");
            assert_ne!(words(different)[0].stem, stems[0]);
        }
    }

    #[test]
    fn what_is_not_seen_does_not_part_a_word() {
        assert_eq!(
            stems("при\u{ad}вет при\u{200b}вет ｐａｒｔａ"),
            stems("привет привет parta")
        );
        assert_eq!(stems("-- \u{301} \u{200b} 🙂 ₽"), Vec::<String>::new());
        assert_eq!(
            stems("e-mail: a.b@c.ru, 3,14"),
            ["e", "mail", "a", "b", "c", "ru", "3", "14"]
        );
    }

    #[test]
    fn long_words_are_cut_and_strange_letters_written_as_numbers() {
        assert_eq!(
            words(&"ж".repeat(9_000))[0].raw.chars().count(),
            WORD_CHARS_MAX
        );
        assert_eq!(token("漢b"), "_6f22_b");
        assert_eq!(token("R-7"), "_52__2d_7");
    }

    proptest! {
        #[test]
        fn words_stand_where_they_say(text in "\\PC{0,80}") {
            let mut end = 0;
            for word in words(&text) {
                prop_assert!(word.at.start >= end && word.at.end > word.at.start);
                prop_assert!(text.is_char_boundary(word.at.start) && text.is_char_boundary(word.at.end));
                prop_assert!(token(&word.stem).chars().all(|c| c == '_' || c.is_alphanumeric()));
                end = word.at.end;
            }
        }

        #[test]
        fn stemming_takes_whatever_comes(text in "[а-яё ]{0,60}|[a-z ]{0,60}") {
            prop_assert!(words(&text).iter().all(|word| !word.raw.is_empty()));
        }
    }
}
