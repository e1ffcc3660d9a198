//! What a person asks for: words that must all be there, in any order; phrases in quotes; the last word maybe not
//! written to its end.

use protocol::limits::SEARCH_WORDS_MAX;
use protocol::{RoomId, UserId};

use super::document::{by_person, in_room, with_files};
use super::months::between;
use super::words::{Word, token, words};

/// Shorter beginnings of words are words: too much begins with one letter.
const BEGINNING_CHARS_MIN: usize = 2;
/// Most rooms that the index is asked for by name. In more rooms than that the next hit is near.
const ROOMS_MAX: usize = 100;

/// A question.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    terms: Vec<Term>,
}

/// Words that stand together in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Term {
    pub(super) words: Vec<Word>,
    /// Whether the last of them may be only the beginning of one.
    pub(super) open: bool,
}

/// Which messages are looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Filter<'a> {
    pub(crate) rooms: &'a [RoomId],
    pub(crate) by: Option<&'a UserId>,
    pub(crate) with_files: bool,
    /// Not before, in milliseconds since 1970.
    pub(crate) from: i64,
    /// Before.
    pub(crate) to: i64,
}

impl Query {
    /// Reads what was typed. Words beyond [`SEARCH_WORDS_MAX`] are left out.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut terms = Vec::new();
        let mut left = SEARCH_WORDS_MAX;
        let mut quoted = false;
        let mut parts = text.split(['"', '«', '»', '“', '”', '„']).peekable();
        while let Some(part) = parts.next() {
            let last = parts.peek().is_none();
            if quoted {
                // A phrase that is still being typed has no second quote.
                push(&mut terms, part, last, &mut left);
            } else {
                let mut chunks = part.split_whitespace().peekable();
                while let Some(chunk) = chunks.next() {
                    let open = last && chunks.peek().is_none() && part.ends_with(chunk);
                    push(&mut terms, chunk, open, &mut left);
                }
            }
            quoted = !quoted;
        }
        Self { terms }
    }

    /// Whether no word is asked for.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    pub(super) fn terms(&self) -> &[Term] {
        &self.terms
    }

    /// For SQLite's FTS5 (<https://www.sqlite.org/fts5.html>, "Full-text Query Syntax").
    pub(crate) fn for_sqlite(&self, filter: Filter<'_>) -> String {
        let phrase = |words: &[String]| format!("\"{}\"", words.join(" "));
        let any = |rooms: &[String]| format!("({})", rooms.join(" OR "));
        self.write(
            filter,
            phrase,
            |phrase| format!("{phrase} *"),
            any,
            " OR ",
            " AND ",
        )
    }

    /// For PostgreSQL, as the text of a `tsquery`.
    pub(crate) fn for_postgres(&self, filter: Filter<'_>) -> String {
        let phrase = |words: &[String]| {
            let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
            quoted.join(" <-> ")
        };
        let any = |rooms: &[String]| format!("({})", rooms.join(" | "));
        self.write(
            filter,
            phrase,
            |phrase| format!("{phrase}:*"),
            any,
            " | ",
            " & ",
        )
    }

    fn write(
        &self,
        filter: Filter<'_>,
        phrase: impl Fn(&[String]) -> String,
        open: impl Fn(String) -> String,
        any: impl Fn(&[String]) -> String,
        or: &str,
        and: &str,
    ) -> String {
        let one = |word: String| phrase(&[word]);
        let mut all = Vec::new();
        for term in &self.terms {
            let mut stems: Vec<String> = term.words.iter().map(|word| token(&word.stem)).collect();
            let whole = phrase(&stems);
            let begun = term.words.last().filter(|_| term.open);
            let Some(begun) = begun else {
                all.push(format!("({whole})"));
                continue;
            };
            stems.pop();
            stems.push(token(&begun.raw));
            all.push(format!("({whole}{or}{})", open(phrase(&stems))));
        }
        if let Some(person) = filter.by {
            all.push(one(by_person(person)));
        }
        if filter.with_files {
            all.push(one(with_files().to_owned()));
        }
        if let Some(months) = between(filter.from, filter.to) {
            let months: Vec<String> = months.into_iter().map(one).collect();
            all.push(any(&months));
        }
        if all.is_empty() || filter.rooms.len() <= ROOMS_MAX {
            let rooms: Vec<String> = filter.rooms.iter().map(|room| one(in_room(room))).collect();
            all.push(any(&rooms));
        }
        all.join(and)
    }
}

fn push(terms: &mut Vec<Term>, text: &str, open: bool, left: &mut usize) {
    let mut words = words(text);
    let cut = words.len() > *left;
    words.truncate(*left);
    *left -= words.len();
    if let Some(last) = words.last() {
        let open = open
            && !cut
            && last.at.end == text.len()
            && last.raw.chars().count() >= BEGINNING_CHARS_MIN;
        terms.push(Term { words, open });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERYWHERE: Filter<'_> = Filter {
        rooms: &[],
        by: None,
        with_files: false,
        from: i64::MIN,
        to: i64::MAX,
    };

    #[track_caller]
    fn check(text: &str, sqlite: &str, postgres: &str) {
        let rooms = [RoomId::parse("r1").unwrap()];
        let filter = Filter {
            rooms: &rooms,
            ..EVERYWHERE
        };
        let query = Query::parse(text);
        assert_eq!(
            query.for_sqlite(filter),
            format!("{sqlite}(\"_rr1\")"),
            "{text}"
        );
        assert_eq!(
            query.for_postgres(filter),
            format!("{postgres}('_rr1')"),
            "{text}"
        );
    }

    #[test]
    fn a_question_is_written_for_each_database() {
        check("", "", "");
        check("Контрольная ", r#"("контрольн") AND "#, "('контрольн') & ");
        check(
            "контрольная раб",
            r#"("контрольн") AND ("раб" OR "раб" *) AND "#,
            "('контрольн') & ('раб' | 'раб':*) & ",
        );
        check(
            "«учебный план» ok",
            r#"("учебн план") AND ("ok" OR "ok" *) AND "#,
            "('учебн' <-> 'план') & ('ok' | 'ok':*) & ",
        );
        check(
            "\"веб сер",
            r#"("веб сер" OR "веб сер" *) AND "#,
            "('веб' <-> 'сер' | 'веб' <-> 'сер':*) & ",
        );
        check(
            "a.b@c.ru.",
            r#"("a b c ru") AND "#,
            "('a' <-> 'b' <-> 'c' <-> 'ru') & ",
        );
        // What would be syntax is not.
        check(
            "a\" OR NOT * ^ : ' & | ! \\",
            r#"("a") AND ("or not") AND "#,
            "('a') & ('or' <-> 'not') & ",
        );
    }

    #[test]
    fn filters_are_words_that_nobody_can_type() {
        let (rooms, by) = ([RoomId::parse("R").unwrap()], UserId::parse("u-1").unwrap());
        let filter = Filter {
            rooms: &rooms,
            by: Some(&by),
            with_files: true,
            from: 1_795_744_696_383,
            to: 1_795_744_696_384,
        };
        assert_eq!(
            Query::parse("_f").for_postgres(filter),
            "('f') & '_su_2d_1' & '_f' & ('_t202611') & ('_r_52_')"
        );
    }

    #[test]
    fn no_more_words_are_asked_for_than_allowed() {
        let query = Query::parse(&"раз ".repeat(100));
        assert_eq!(query.terms.len(), SEARCH_WORDS_MAX);
    }
}
