//! What is shown of a found message: the text around the first hit, in pieces, so that nobody has to count letters or to
//! write markup.

use std::ops::Range;

use protocol::search::Piece;

use super::query::Query;
use super::words::{Word, words};

/// Longest text that is shown, in characters.
const SHOWN_CHARS_MAX: usize = 200;
/// Of them before the first hit.
const BEFORE_CHARS: usize = 60;

/// The text around the first hit; its beginning when nothing in it was asked for.
#[must_use]
pub fn snippet(text: &str, query: &Query) -> Vec<Piece> {
    let hits = hits(text, query);
    let first = hits.first().map_or(0, |hit| hit.start);
    let shown = around(text, first);
    let mut pieces = Vec::new();
    if shown.start > 0 {
        push(&mut pieces, "…", false);
    }
    mark(&mut pieces, text, &hits, &shown);
    if shown.end < text.len() {
        push(&mut pieces, "…", false);
    }
    pieces
}

/// A file's name, whole, when it has hits.
#[must_use]
pub fn name_pieces(name: &str, query: &Query) -> Option<Vec<Piece>> {
    let hits = hits(name, query);
    if hits.is_empty() {
        return None;
    }
    let mut pieces = Vec::new();
    mark(&mut pieces, name, &hits, &(0..name.len()));
    Some(pieces)
}

fn mark(pieces: &mut Vec<Piece>, text: &str, hits: &[Range<usize>], shown: &Range<usize>) {
    let mut at = shown.start;
    let seen = hits
        .iter()
        .filter(|hit| hit.start < shown.end && hit.end > shown.start);
    for hit in seen {
        let (start, end) = (hit.start.max(shown.start), hit.end.min(shown.end));
        push(pieces, text.get(at..start).unwrap_or_default(), false);
        push(pieces, text.get(start..end).unwrap_or_default(), true);
        at = end;
    }
    push(pieces, text.get(at..shown.end).unwrap_or_default(), false);
}

fn push(pieces: &mut Vec<Piece>, text: &str, hit: bool) {
    if text.is_empty() {
        return;
    }
    match pieces.last_mut() {
        Some(last) if last.hit == hit => last.t.push_str(text),
        Some(_) | None => pieces.push(Piece {
            t: text.to_owned(),
            hit,
        }),
    }
}

// The words that answer a term of the question, whole phrases at a time.
fn hits(text: &str, query: &Query) -> Vec<Range<usize>> {
    let words = words(text);
    let mut hit = vec![false; words.len()];
    for term in query.terms() {
        for at in 0..words.len() {
            let Some(found) = words.get(at..at + term.words.len()) else {
                break;
            };
            let answers = |nth: usize, word: &Word, asked: &Word| {
                let may_go_on = term.open && nth + 1 == term.words.len();
                word.stem == asked.stem || may_go_on && word.raw.starts_with(&asked.raw)
            };
            let mut pairs = found.iter().zip(&term.words).enumerate();
            if pairs.all(|(nth, (word, asked))| answers(nth, word, asked)) {
                hit[at..at + term.words.len()].fill(true);
            }
        }
    }
    let marked = words.into_iter().zip(hit).filter(|(_, hit)| *hit);
    marked.map(|(word, _)| word.at).collect()
}

// Whole words at the beginning, where there are spaces.
fn around(text: &str, first: usize) -> Range<usize> {
    if text.chars().nth(SHOWN_CHARS_MAX).is_none() {
        return 0..text.len();
    }
    let before = text.get(..first).unwrap_or_default();
    let start = match before.char_indices().rev().nth(BEFORE_CHARS) {
        None => 0,
        Some((cut, letter)) => {
            let rest = text.get(cut..first).unwrap_or_default();
            rest.find(char::is_whitespace)
                .map_or_else(|| cut + letter.len_utf8(), |space| cut + space + 1)
        }
    };
    let start = (start..=first)
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(first);
    let rest = text.get(start..).unwrap_or_default();
    let end = rest.char_indices().nth(SHOWN_CHARS_MAX);
    start..end.map_or(text.len(), |(at, _)| start + at)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // Hits in brackets.
    fn shown(text: &str, query: &str) -> String {
        let pieces = snippet(text, &Query::parse(query));
        let show = |piece: Piece| {
            if piece.hit {
                format!("[{}]", piece.t)
            } else {
                piece.t
            }
        };
        pieces.into_iter().map(show).collect()
    }

    #[test]
    fn hits_are_marked_in_the_text_as_it_was_written() {
        assert_eq!(
            shown("Ко́нтрольной не будет 🙂", "контрольная"),
            "[Ко́нтрольной] не будет 🙂"
        );
        assert_eq!(
            shown("план, планы и Планета", "план"),
            "[план], [планы] и [Планета]"
        );
        assert_eq!(
            shown("план, планы и Планета", "план "),
            "[план], [планы] и Планета"
        );
        assert_eq!(
            shown("учебный год и учебный план", "\"учебный план\""),
            "учебный год и [учебный] [план]"
        );
        assert_eq!(shown("<b>тег</b>", "b"), "<[b]>тег</[b]>");
    }

    #[test]
    fn the_first_hit_of_a_long_text_is_in_what_is_shown() {
        let long = format!("{}ёлка {}", "слово ".repeat(500), "и ещё ".repeat(500));
        let shown = shown(&long, "елки");
        assert!(
            shown.starts_with("…слово") && shown.contains("[ёлка]") && shown.ends_with('…'),
            "{shown}"
        );
        assert!(shown.chars().count() < SHOWN_CHARS_MAX + 10);
        assert_eq!(name_pieces("отчёт.pdf", &Query::parse("план")), None);
    }

    proptest! {
        #[test]
        fn pieces_are_the_text(text in "\\PC{0,150}", query in "\\PC{0,20}") {
            let whole: String = snippet(&text, &Query::parse(&query)).into_iter().map(|piece| piece.t).collect();
            prop_assert_eq!(whole, text);
        }

        #[test]
        fn long_texts_are_cut_without_harm(text in "([а-яё🙂\u{301}]{1,9}[ \u{3000}]?){0,400}", at in 0usize..4_000) {
            let word: String = text.chars().skip(at).take(5).collect();
            let pieces = snippet(&text, &Query::parse(&word));
            let whole: String = pieces.into_iter().map(|piece| piece.t).collect();
            prop_assert!(text.contains(whole.trim_matches('…')));
        }
    }
}
