//! What somebody wrote in an answer, without what they answer and without their signature. Pure.

use crate::mail::words::Words;
use protocol::mail::MailLanguage;

/// How mail programs begin the line before what is quoted, or end it.
const WROTE: [&str; 8] = [
    "wrote:",
    "writes:",
    "пишет:",
    "писал:",
    "писала:",
    "написал:",
    "написала:",
    "писал(а):",
];
/// Lines that stand between an answer and the mail that it answers.
const ORIGINAL: [&str; 6] = [
    "original message",
    "исходное сообщение",
    "оригинальное сообщение",
    "forwarded message",
    "пересылаемое сообщение",
    "пересланное сообщение",
];
/// How the header of a quoted mail goes on.
const HEADER: [[&str; 2]; 4] = [
    ["от:", "from:"],
    ["отправлено:", "sent:"],
    ["дата:", "date:"],
    ["кому:", "to:"],
];

/// The answer itself; empty when nothing is above what is quoted.
#[must_use]
pub(super) fn answer(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let end = (0..lines.len())
        .find(|at| ends(&lines, *at))
        .unwrap_or(lines.len());
    let mut kept = &lines[..end];
    // A quotation at the end, and the line that says whose it is.
    while let Some((last, rest)) = kept.split_last() {
        if !last.trim().is_empty() && !last.trim_start().starts_with('>') {
            break;
        }
        kept = rest;
    }
    let kept = without_attribution(kept);
    kept.join("\n").trim().to_owned()
}

/// Lines that are broken for the way only (RFC 3676 §4.1) are one line again.
#[must_use]
pub(super) fn unflow(text: &str) -> String {
    let mut whole = String::with_capacity(text.len());
    for line in text.lines() {
        let line = line.strip_prefix(' ').unwrap_or(line);
        whole.push_str(line);
        let goes_on = line.ends_with(' ') && line != "-- " && !line.starts_with('>');
        if !goes_on {
            whole.push('\n');
        }
    }
    whole
}

fn ends(lines: &[&str], at: usize) -> bool {
    let line = lines[at].trim();
    let bare = line.trim_start_matches(['>', ' ']);
    let above = [MailLanguage::Ru, MailLanguage::En].map(|lang| Words(lang).above());
    if above.iter().any(|above| bare.contains(above)) {
        return true;
    }
    // `-- ` before a signature; some programs lose its space.
    if line == "--" {
        return true;
    }
    let small = line.to_lowercase();
    let is_rule = small.starts_with("---") || small.starts_with("___");
    if is_rule && (ORIGINAL.iter().any(|words| small.contains(words)) || line.starts_with("_____"))
    {
        return true;
    }
    is_header(lines, at)
}

// `От:`, `Отправлено:`, `Кому:` under each other.
fn is_header(lines: &[&str], at: usize) -> bool {
    let begins = |line: &str, names: &[&str; 2]| {
        let line = line.trim_start_matches(['>', ' ', '*']).to_lowercase();
        names.iter().any(|name| line.starts_with(name))
    };
    if !begins(lines[at], &HEADER[0]) {
        return false;
    }
    let next = &lines[at + 1..lines.len().min(at + 5)];
    let found = HEADER[1..]
        .iter()
        .filter(|names| next.iter().any(|line| begins(line, names)));
    found.count() >= 2
}

// `26 ноября 2026 г., Анна <parta@example.ru> пишет:`, in one line or broken into two.
fn without_attribution<'a>(lines: &'a [&'a str]) -> &'a [&'a str] {
    let Some((last, rest)) = lines.split_last() else {
        return lines;
    };
    let small = last.trim().to_lowercase();
    let is_one = |text: &str| {
        let dated = text.chars().any(|c| c.is_ascii_digit()) || text.contains('@');
        dated && text.ends_with(':')
    };
    let is_named = small.ends_with(':') && small.contains('@');
    let is_said = WROTE.iter().any(|words| small.ends_with(words));
    if !is_named && !is_said {
        return lines;
    }
    if is_one(&small) && (small.contains(',') || small.contains("on ")) {
        return rest;
    }
    match rest.split_last() {
        Some((before, further))
            if is_one(&format!("{} {small}", before.trim())) && !before.trim().is_empty() =>
        {
            further
        }
        _ => lines,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_quoted_is_left_out() {
        for (mail, expected) in [
            ("Да, буду.", "Да, буду."),
            (
                "Да, буду.\n\nПривет\n\n> старое\n> ещё",
                "Да, буду.\n\nПривет",
            ),
            (
                "Да, буду.\n\nчт, 26 нояб. 2026 г. в 14:05, Школа <parta@example.ru>:\n\n> —— Ответ пишите выше этой строки ——\n>\n> Пишут: Анна",
                "Да, буду.",
            ),
            (
                "Sure\n\nOn Thu, Nov 26, 2026 at 2:05 PM School No 5\n<parta@example.ru> wrote:\n\n> —— Write your answer above this line ——\n> x",
                "Sure",
            ),
            ("Спасибо\n\n26.11.2026 14:05, Школа пишет:\n> a", "Спасибо"),
            (
                "Хорошо\n\n-----Исходное сообщение-----\nОт: Школа\nТекст",
                "Хорошо",
            ),
            (
                "Хорошо\n\nОт: Школа <parta@example.ru>\nОтправлено: 26 ноября 2026 г. 14:05\nКому: misha@example.ru\nТема: Робототехника\n\nТекст",
                "Хорошо",
            ),
            (
                "Hello\n________________________________\nFrom: School\nSent: Thursday\nTo: misha\n\nold",
                "Hello",
            ),
            ("Приду\n-- \nМиша, 7Б", "Приду"),
            (
                "Без разметки\n—— Ответ пишите выше этой строки ——\nРобототехника: 1 новое сообщение",
                "Без разметки",
            ),
            ("> только цитата", ""),
            ("", ""),
            // What only looks like it stays.
            ("Вот мои ответы:", "Вот мои ответы:"),
            ("> а вы?\nя приду", "> а вы?\nя приду"),
            ("Он написал:\nпривет", "Он написал:\nпривет"),
            ("Как Пушкин написал:", "Как Пушкин написал:"),
            ("От: меня\nэто не шапка", "От: меня\nэто не шапка"),
            ("1) да\n---\n2) нет", "1) да\n---\n2) нет"),
        ] {
            assert_eq!(answer(mail), expected, "{mail}");
        }
    }

    #[test]
    fn lines_that_were_broken_for_the_way_are_whole_again() {
        let text = "Это длинная \nстрока.\n\nИ вторая.\n-- \nМиша";
        assert_eq!(
            unflow(text),
            "Это длинная строка.\n\nИ вторая.\n-- \nМиша\n"
        );
    }
}
