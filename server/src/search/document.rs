//! What the databases keep of a message for the search.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;

use protocol::{RoomId, UserId};

use super::months;
use super::words::{token, words};

/// PostgreSQL keeps so many places of a word in a text; further ones are not found on either database.
const PLACES_MAX: usize = 255;
/// The last place in a text that PostgreSQL tells from others is 16,383. No message of allowed sizes reaches it.
const WORDS_MAX: usize = 16_383;
/// Stands between parts, so that no phrase goes from one into the next. No text has such a word.
const BREAK: &str = "_";
/// That a message has files.
const HAS_FILES: &str = "_f";

/// The words of a message, and what it can be filtered by: written so that no question of a person can name it.
#[derive(Debug)]
pub struct Document(Vec<String>);

impl Document {
    /// Of a message of this time (milliseconds since 1970) with these texts, no phrase of which goes from one into the next,
    /// and with files of these names.
    pub fn new<'n>(
        room: &RoomId,
        by: &UserId,
        at: i64,
        texts: impl IntoIterator<Item = &'n str>,
        files: impl IntoIterator<Item = &'n str>,
    ) -> Self {
        let [year, month] = months::of(at);
        let mut document = Self(vec![in_room(room), by_person(by), year, month]);
        for text in texts {
            document.add(text);
        }
        let mut has_files = false;
        for name in files {
            has_files = true;
            document.add(name);
        }
        if has_files {
            document.0.push(HAS_FILES.to_owned());
        }
        document.0.truncate(WORDS_MAX);
        let mut places: HashMap<String, usize> = HashMap::new();
        for word in &mut document.0 {
            let seen = places.entry(word.clone()).or_default();
            *seen += 1;
            if *seen > PLACES_MAX {
                BREAK.clone_into(word);
            }
        }
        document
    }

    /// Of one that was deleted: nothing of it is left.
    #[must_use]
    pub const fn empty() -> Self {
        Self(Vec::new())
    }

    fn add(&mut self, text: &str) {
        self.0.push(BREAK.to_owned());
        self.0
            .extend(words(text).iter().map(|word| token(&word.stem)));
    }

    /// As SQLite's tokeniser `unicode61` takes it, with `_` as a letter.
    #[must_use]
    pub fn for_sqlite(&self) -> String {
        self.0.join(" ")
    }

    /// As the text of a `tsvector`.
    #[must_use]
    pub fn for_postgres(&self) -> String {
        let mut places: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (at, word) in self.0.iter().enumerate().filter(|(_, word)| *word != BREAK) {
            places.entry(word).or_default().push(at + 1);
        }
        let mut text = String::new();
        for (word, places) in places {
            for (nth, place) in places.iter().enumerate() {
                // Writing to a string cannot fail.
                let _ = if nth == 0 {
                    write!(text, "'{word}':{place}")
                } else {
                    write!(text, ",{place}")
                };
            }
            text.push(' ');
        }
        text
    }
}

/// The word of all messages of a room.
pub(super) fn in_room(room: &RoomId) -> String {
    format!("_r{}", token(room.as_str()))
}

/// The word of all messages of a person.
pub(super) fn by_person(person: &UserId) -> String {
    format!("_s{}", token(person.as_str()))
}

/// The word of all messages with files.
pub(super) const fn with_files() -> &'static str {
    HAS_FILES
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(body: &str, files: &[&str]) -> Document {
        let room = RoomId::parse("r1").unwrap();
        let by = UserId::parse("u1").unwrap();
        Document::new(&room, &by, 1_795_744_696_383, [body], files.iter().copied())
    }

    #[test]
    fn both_databases_get_the_same_words_at_the_same_places() {
        let document = document("Привет, привет мир", &["План.pdf"]);
        assert_eq!(
            document.for_sqlite(),
            "_rr1 _su1 _y2026 _t202611 _ привет привет мир _ план pdf _f"
        );
        assert_eq!(
            document.for_postgres().trim(),
            "'_f':12 '_rr1':1 '_su1':2 '_t202611':4 '_y2026':3 'pdf':11 'мир':8 'план':10 'привет':6,7"
        );
    }

    #[test]
    fn the_longest_message_stays_within_what_postgresql_keeps() {
        let names = vec!["x ".repeat(127); 20];
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let longest = document(&"y ".repeat(8_192), &names);
        assert!(longest.0.len() < WORDS_MAX);
        assert_eq!(
            longest.0.iter().filter(|word| *word == "y").count(),
            PLACES_MAX
        );
    }
}
