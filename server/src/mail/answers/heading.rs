//! The head of a mail that lies in a mailbox: whether it answers one of ours, before the rest of it is fetched. Pure.

use protocol::limits::LMTP_RECIPIENTS_MAX;
use sha2::{Digest, Sha256};

use super::incoming::read;
use crate::mail::token::{REPLY_CHARS, parts};

/// Where the address stands to which a mail went; what a provider takes away in one is left in another.
const RECIPIENTS: [&str; 5] = ["to", "cc", "delivered-to", "x-original-to", "envelope-to"];

/// What the head says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::mail) struct Heading {
    /// Tokens of what it answers, signed or not.
    pub(in crate::mail) tokens: Vec<String>,
    /// Whether a machine wrote it.
    pub(in crate::mail) automatic: bool,
    /// Whether it is a report about another mail: nobody gets reports about it.
    pub(in crate::mail) report: bool,
    /// What the same mail has whenever it is looked at.
    pub(in crate::mail) mark: String,
}

/// Reads the head of a mail.
#[must_use]
pub(in crate::mail) fn heading(head: &[u8]) -> Heading {
    let text = String::from_utf8_lossy(head);
    let fields = fields(&text);
    let known = read(head).unwrap_or_default();
    let mut hash = Sha256::new();
    match &known.id {
        Some(id) => hash.update(id.as_bytes()),
        None => hash.update(head),
    }
    let mut mark = hex::encode(hash.finalize());
    mark.truncate(40);
    Heading {
        tokens: tokens(&fields),
        automatic: known.automatic,
        report: fields
            .iter()
            .any(|(name, value)| name == "return-path" && value.trim() == "<>"),
        mark,
    }
}

// An address has the token behind a plus (`reply+TOKEN@…`), the Message-ID of ours behind a dot (`<….TOKEN@…>`). Only the mail
// that is answered counts, which is the last one of a thread (RFC 5322 §3.6.4): what answers a person is not for a group.
fn tokens(fields: &[(String, String)]) -> Vec<String> {
    let values = |wanted: &'static str| {
        let named = fields.iter().filter(move |(name, _)| name == wanted);
        named.map(|(_, value)| value.as_str())
    };
    let mut found: Vec<String> = Vec::new();
    for token in RECIPIENTS
        .into_iter()
        .flat_map(values)
        .flat_map(|value| behind(value, '+'))
    {
        if found.len() < LMTP_RECIPIENTS_MAX && !found.contains(&token) {
            found.push(token);
        }
    }
    if found.is_empty() {
        let answered = ["in-reply-to", "references"]
            .into_iter()
            .flat_map(values)
            .find(|value| !value.trim().is_empty());
        let last = answered.and_then(|ids| ids.rsplit('<').next());
        found.extend(last.and_then(|id| behind(id, '.').pop()));
    }
    found
}

// Tokens between this sign and an `@`, which may stand behind a quotation mark.
fn behind(text: &str, sign: char) -> Vec<String> {
    let after = text
        .match_indices(sign)
        .filter_map(|(at, _)| text.get(at + 1..));
    after
        .filter_map(|rest| {
            let token = rest.get(..REPLY_CHARS)?;
            let ends = rest.get(REPLY_CHARS..)?.starts_with(['@', '"']);
            (ends && parts(token).is_some()).then(|| token.to_ascii_lowercase())
        })
        .collect()
}

// Names in small letters, and values in one line each (RFC 5322 §2.2.3).
fn fields(head: &str) -> Vec<(String, String)> {
    let mut fields: Vec<(String, String)> = Vec::new();
    for line in head.lines() {
        if line.is_empty() {
            break;
        }
        if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = fields.last_mut() {
                value.push_str(line);
            }
        } else {
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            fields.push((name.trim_end().to_ascii_lowercase(), value.to_owned()));
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "abcdefghijklmnopqrstuvwxyz234567abcd";
    const TWO: &str = "bbcdefghijklmnopqrstuvwxyz234567abcd";

    fn found(head: &str) -> Vec<String> {
        heading(head.as_bytes()).tokens
    }

    #[test]
    fn a_token_is_found_wherever_a_provider_leaves_it() {
        for head in [
            format!("To: <reply+{ONE}@school.test>\r\n\r\n"),
            format!("to: =?utf-8?b?0KjQutC+0LvQsA==?=\r\n <reply+{ONE}@school.test>\r\n\r\n"),
            format!("To: \"reply+{}\"@school.test\r\n\r\n", ONE.to_uppercase()),
            format!("To: reply@school.test\r\nDelivered-To: reply+{ONE}@school.test\r\n\r\n"),
            format!("To: a@b.ru\r\nTo: x@y.ru\r\nX-Original-To: reply+{ONE}@s\r\n\r\n"),
            format!("To: a@b.ru\r\nCc: c@d.ru, Школа <reply+{ONE}@s>\r\n\r\n"),
            format!("In-Reply-To: <0197-x.{ONE}@school.test>\r\n\r\n"),
            format!("References: <a@b> <x.{TWO}@s>\r\n\t<y.{ONE}@s>\r\n\r\n"),
            format!("In-Reply-To: \r\nReferences: <a@b> <y.{ONE}@s>\r\n\r\n"),
            format!("In-Reply-To: <y.{ONE}@s>\r\nReferences: <x.{TWO}@s>\r\n\r\n"),
            // What one wrote to is meant, not what one wrote about.
            format!("To: reply+{ONE}@s\r\nIn-Reply-To: <x.{TWO}@s>\r\n\r\n"),
        ] {
            assert_eq!(found(&head), [ONE], "{head}");
        }
        let both = format!("To: reply+{ONE}@s, reply+{TWO}@s\r\nCc: reply+{ONE}@s\r\n\r\n");
        assert_eq!(found(&both), [ONE, TWO]);
    }

    #[test]
    fn what_is_no_answer_has_none() {
        for head in [
            String::new(),
            "\r\n".to_owned(),
            "To: reply@school.test\r\n\r\n".to_owned(),
            format!("To: reply+{}@s\r\n\r\n", &ONE[1..]),
            format!("To: reply+{ONE}a@s\r\n\r\n"),
            format!("To: reply+1{}@s\r\n\r\n", &ONE[1..]),
            format!("To: reply+{}я@s\r\n\r\n", &ONE[1..]),
            format!("Subject: reply+{ONE}@s\r\n\r\n"),
            format!(" To: reply+{ONE}@s\r\n\r\n"),
            // To a person, about a mail of ours.
            format!("In-Reply-To: <c@d>\r\nReferences: <y.{ONE}@s> <c@d>\r\n\r\n"),
            format!("References: <y.{ONE}@s> <c@d>\r\nIn-Reply-To: <c@d>\r\n\r\n"),
            format!("References: <y.{ONE}@s>\r\n <c@d>\r\n\r\n"),
            // The body is not asked.
            format!("Subject: x\r\n\r\nTo: reply+{ONE}@s\r\n"),
        ] {
            assert_eq!(found(&head), Vec::<String>::new(), "{head}");
        }
        let many: Vec<String> = (0..40)
            .map(|n| {
                format!(
                    "reply+{}{}@s",
                    ["a", "b", "c", "d"][n % 4].repeat(n / 4 + 1),
                    &ONE[n / 4 + 1..]
                )
            })
            .collect();
        let many = format!("To: {}\r\n\r\n", many.join(", "));
        assert_eq!(found(&many).len(), LMTP_RECIPIENTS_MAX);
    }

    #[test]
    fn broken_heads_are_read_as_far_as_they_go() {
        for head in [
            &b"\0\xff\xfe:"[..],
            b"To: reply+\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff@s",
            b":::::\r\n:\r\n\t",
            b"To:+++++++++++++++++++++++++++++++++++++++++++++++++++++@",
        ] {
            assert_eq!(heading(head).tokens, Vec::<String>::new());
        }
        assert_eq!(heading(b"a: b").mark.len(), 40);
        assert_ne!(heading(b"a: b").mark, heading(b"a: c").mark);
        let same = [
            &b"Message-ID: <1@x>\r\nReceived: a\r\n\r\n"[..],
            b"Message-ID: <1@x>\r\n\r\n",
        ];
        assert_eq!(heading(same[0]).mark, heading(same[1]).mark);
        let report = heading(b"Return-Path: <>\r\nFrom: a@b.ru\r\n\r\n");
        assert!(report.report && !report.automatic);
        assert!(heading(b"Auto-Submitted: auto-replied\r\n\r\n").automatic);
    }
}
