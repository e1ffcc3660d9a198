//! Names that people type: made safe to show and hard to imitate.

use protocol::limits::{LOGIN_BYTES_MAX, NAME_BYTES_MAX};
use unicode_normalization::UnicodeNormalization;
use unicode_security::{MixedScript, skeleton};

/// A login: lower case, NFKC, letters, digits and `. _ - @ +`, at most [`LOGIN_BYTES_MAX`] bytes.
#[must_use]
pub fn login(text: &str) -> Option<String> {
    let login: String = text.trim().nfkc().flat_map(char::to_lowercase).collect();
    let fits = (1..=LOGIN_BYTES_MAX).contains(&login.len());
    let plain = login
        .chars()
        .all(|c| c.is_alphanumeric() || "._-@+".contains(c));
    (fits && plain).then_some(login)
}

/// Whether each part of a login, between its marks, is written in one alphabet (UTS #39): `иванова@school` is, and `usеr` with a
/// Cyrillic letter is not.
#[must_use]
pub fn is_of_one_alphabet(login: &str) -> bool {
    login
        .split(|c: char| !c.is_alphanumeric())
        .all(MixedScript::is_single_script)
}

/// Whether people would take one of these logins for the other: they differ in letters that look the same, or in ё and е. Marks count:
/// `ivanov.a` is not `ivanova`.
#[must_use]
pub fn logins_look_alike(one: &str, other: &str) -> bool {
    let drawn = |login: &str| letter_by_letter(&login.replace('ё', "е"));
    drawn(one) == drawn(other)
}

/// A shown name: NFKC, single spaces, no control, direction or zero-width characters, something visible, at most
/// [`NAME_BYTES_MAX`] bytes.
#[must_use]
pub fn shown(text: &str) -> Option<String> {
    let clean: String = text
        .nfkc()
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .filter(|c| is_shown(*c))
        .collect();
    let name = clean
        .split(' ')
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    let visible = name.chars().any(char::is_alphanumeric);
    (visible && name.len() <= NAME_BYTES_MAX).then_some(name)
}

/// Whether a character may stand in a name: not a control, a direction mark or a character without width
/// (Unicode categories Cc and Cf, and the blank Hangul fillers).
#[must_use]
pub fn is_shown(c: char) -> bool {
    !c.is_control()
        && !matches!(c,
            '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}'
            | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}'
            | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E0FFF}')
}

/// Whether people would take one of these names for the other: they differ in case, in ё and е, in spaces and marks between letters,
/// or in letters of different alphabets that look the same (UTS #39).
#[must_use]
pub fn look_alike(one: &str, other: &str) -> bool {
    // Of some letters only the small ones look alike (а), of others only the capitals (М).
    let small = |name: &str| drawn(name.chars().flat_map(char::to_lowercase));
    let capital = |name: &str| drawn(name.chars().flat_map(char::to_uppercase));
    small(one) == small(other) || capital(one) == capital(other)
}

/// Whether a name looks like another one and is spelled with other letters, which nobody has by chance. Two people of the same name are
/// none of this.
#[must_use]
pub fn imitates(one: &str, other: &str) -> bool {
    let spelled = |name: &str| -> String {
        let small = name.chars().flat_map(char::to_lowercase);
        let letters = small.filter(|c| c.is_alphanumeric());
        letters.map(|c| if c == 'ё' { 'е' } else { c }).collect()
    };
    look_alike(one, other) && spelled(one) != spelled(other)
}

fn drawn(name: impl Iterator<Item = char>) -> String {
    let letters: String = name
        .filter(|c| c.is_alphanumeric())
        .map(|c| match c {
            'ё' => 'е',
            'Ё' => 'Е',
            other => other,
        })
        .collect();
    letter_by_letter(&letters)
}

/// How a text looks (UTS #39 §4), but that no letter looks like two: `komilov` and `kornilov` are two people.
fn letter_by_letter(text: &str) -> String {
    let one = |c: char| {
        let text = c.to_string();
        let mut drawn = skeleton(&text);
        match (drawn.next(), drawn.next()) {
            (Some(looks), None) => looks,
            (_, Some(_)) | (None, None) => c,
        }
    };
    text.chars().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_look_alike_are_taken_for_one_another() {
        for (one, other) in [
            ("Анна Иванова", "анна  ИВАНОВА"),
            ("Анна Иванова", "АннаИванова"),
            ("Анна-Мария", "Анна Мария"),
            ("Пётр Щёлоков", "Петр Щелоков"),
            // Latin: a, then M, then both, and a digit in place of a letter.
            ("Анна", "Aннa"),
            ("Миша", "Mиша"),
            ("Мария Сомова", "Mapия Coмoвa"),
            ("Ольга", "0льга"),
        ] {
            assert!(look_alike(one, other), "{one} {other}");
        }
        for (one, other) in [
            ("Анна Иванова", "Анна Петрова"),
            ("Расписание", "Расписание 7Б"),
            ("Миша", "Маша"),
            ("Бот", "Кот"),
        ] {
            assert!(!look_alike(one, other), "{one} {other}");
        }
    }

    #[test]
    fn a_name_imitates_another_one_by_its_letters_alone() {
        for (one, other) in [
            ("Aннa Иванова", "Анна Иванова"),
            ("Bepa", "Вера"),
            ("0льга", "Ольга"),
        ] {
            assert!(imitates(one, other), "{one} {other}");
        }
        for (one, other) in [
            ("Анна Иванова", "Анна Иванова"),
            ("анна  ИВАНОВА", "Анна Иванова"),
            ("Пётр", "Петр"),
            ("Анна-Мария", "Анна Мария"),
            ("Анна Петрова", "Анна Иванова"),
        ] {
            assert!(!imitates(one, other), "{one} {other}");
        }
    }

    #[test]
    fn logins_are_of_one_alphabet_and_do_not_look_alike() {
        for good in [
            "user",
            "иванова.а",
            "иванова@school",
            "7б-ivanov",
            "ivanov2",
            "2026",
            "анна_anna",
        ] {
            assert!(is_of_one_alphabet(good), "{good}");
        }
        // A Cyrillic е, а Latin a, a Greek ο.
        for bad in ["usеr", "иванoва", "a.иванoва", "dοmain"] {
            assert!(!is_of_one_alphabet(bad), "{bad}");
        }
        for (one, other) in [
            ("соха", "coxa"),
            ("артём", "артем"),
            ("user1", "userl"),
            ("user", "user"),
        ] {
            assert!(logins_look_alike(one, other), "{one} {other}");
        }
        for (one, other) in [
            ("ivanov.a", "ivanova"),
            ("ivanov", "ivanova"),
            ("student1", "student2"),
            ("komilov", "kornilov"),
            ("мама", "mama"),
        ] {
            assert!(!logins_look_alike(one, other), "{one} {other}");
        }
    }

    #[test]
    fn names_keep_what_is_visible() {
        assert_eq!(
            shown("  Анна\u{202E}  Ивановна \n").as_deref(),
            Some("Анна Ивановна")
        );
        assert_eq!(shown("\u{200F}Пётр").as_deref(), Some("Пётр"));
        assert_eq!(
            shown("Ёлкин-Щукин О’Брайен").as_deref(),
            Some("Ёлкин-Щукин О’Брайен")
        );
    }

    #[test]
    fn names_without_anything_visible_are_refused() {
        for bad in [
            "",
            "   ",
            &"\u{200B}".repeat(15),
            "\u{3164}",
            "\0",
            "…",
            &"я".repeat(65),
        ] {
            assert_eq!(shown(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn logins_are_folded() {
        assert_eq!(login(" Teacher@School ").as_deref(), Some("teacher@school"));
        assert_eq!(
            login("Ｔeacher").as_deref(),
            Some("teacher"),
            "full-width letters"
        );
        assert_eq!(login("иванова.а").as_deref(), Some("иванова.а"));
        for bad in ["", "a b", "a/b", "<x>", "a\u{200B}b", &"x".repeat(65)] {
            assert_eq!(login(bad), None, "{bad:?}");
        }
    }
}
