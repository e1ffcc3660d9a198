//! What was typed with the other keyboard layout on: `ghbdtn` for `привет`.

const LATIN: &str = "`qwertyuiop[]asdfghjkl;'zxcvbnm,.~QWERTYUIOP{}ASDFGHJKL:ZXCVBNM<>";
const RUSSIAN: &str = "ёйцукенгшщзхъфывапролджэячсмитьбюЁЙЦУКЕНГШЩЗХЪФЫВАПРОЛДЖЯЧСМИТЬБЮ";

/// The text as the same keys give it in the other layout. `None` when it has letters of both, or of neither. Quotes stay:
/// they are what they are in a question.
#[must_use]
pub fn other_layout(text: &str) -> Option<String> {
    let latin = text.chars().any(|letter| letter.is_ascii_alphabetic());
    let russian = text
        .chars()
        .any(|letter| letter.is_alphabetic() && RUSSIAN.contains(letter));
    let (from, to) = match (latin, russian) {
        (true, false) => (LATIN, RUSSIAN),
        (false, true) => (RUSSIAN, LATIN),
        (true, true) | (false, false) => return None,
    };
    let swap = |letter: char| {
        let pairs = from.chars().zip(to.chars());
        pairs
            .into_iter()
            .find(|(key, _)| *key == letter)
            .map_or(letter, |(_, other)| other)
    };
    Some(text.chars().map(swap).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_one_layout_become_letters_of_the_other() {
        assert_eq!(LATIN.chars().count(), RUSSIAN.chars().count());
        for (typed, meant) in [
            ("ghbdtn", "привет"),
            ("Ghbdtn? vbh", "Привет? мир"),
            ("j,]zdktybt", "объявление"),
            ("дуыыщт", "lesson"),
        ] {
            assert_eq!(other_layout(typed).as_deref(), Some(meant));
        }
        assert_eq!(other_layout("3D-модель"), None);
        assert_eq!(other_layout("2026"), None);
    }
}
