//! A mail as it comes (RFC 5322, MIME): what matters of it. Pure; charsets and transfer encodings are mail-parser's.

use mail_parser::{Message, MessageParser, MimeHeaders, PartType};

use super::quoted::{answer, unflow};

/// Headers that only machines set.
const MACHINES: [&str; 5] = [
    "X-Autoreply",
    "X-Autorespond",
    "X-Auto-Response-From",
    "X-Failed-Recipients",
    "List-Id",
];
/// Senders that are machines.
const MACHINE_NAMES: [&str; 4] = ["mailer-daemon", "postmaster", "noreply", "no-reply"];

/// What a mail says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Incoming {
    /// Who it says that it is from.
    pub(super) from: Vec<String>,
    /// Its Message-ID, if it has one.
    pub(super) id: Option<String>,
    /// Whether a machine wrote it: an answering machine, a list, a report that a mail did not arrive.
    pub(super) automatic: bool,
    /// The answer, without what it answers.
    pub(super) text: String,
    /// Files: names as they were given, and bytes.
    pub(super) files: Vec<(String, Vec<u8>)>,
}

/// Reads a mail; `None` when it is none.
#[must_use]
pub(super) fn read(bytes: &[u8]) -> Option<Incoming> {
    let mail = MessageParser::default().parse(bytes)?;
    let from: Vec<String> = mail
        .from()
        .into_iter()
        .flat_map(|from| from.iter())
        .filter_map(|one| one.address().map(str::to_owned))
        .collect();
    let text: Vec<String> = (0..mail.text_body_count())
        .filter_map(|at| mail.body_text(at))
        .map(|text| clean(&text))
        .collect();
    let text = text.join("\n");
    let text = if is_flowed(&mail) {
        unflow(&text)
    } else {
        text
    };
    Some(Incoming {
        automatic: is_automatic(&mail, &from),
        from,
        id: mail.message_id().map(str::to_owned),
        text: answer(&text),
        files: files(&mail),
    })
}

// Signs that a database or a page cannot have, and those that turn what follows around.
fn clean(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control() || matches!(c, '\n' | '\t'))
        .map(|c| if c == '\u{A0}' { ' ' } else { c })
        .collect()
}

fn is_flowed(mail: &Message<'_>) -> bool {
    let first = mail.text_part(0).and_then(|part| part.content_type());
    first
        .and_then(|kind| kind.attribute("format"))
        .is_some_and(|format| format.eq_ignore_ascii_case("flowed"))
}

fn is_automatic(mail: &Message<'_>, from: &[String]) -> bool {
    let header = |name: &'static str| mail.header_raw(name).map(|raw| raw.trim().to_lowercase());
    let submitted = header("Auto-Submitted").is_some_and(|how| how != "no");
    let precedence = header("Precedence")
        .is_some_and(|how| matches!(&*how, "bulk" | "junk" | "list" | "auto_reply"));
    let machine = MACHINES.iter().any(|name| mail.header_raw(*name).is_some());
    let named = from.iter().any(|address| {
        let (user, _) = address.split_once('@').unwrap_or((address, ""));
        MACHINE_NAMES.contains(&&*user.to_lowercase())
    });
    let report = mail.is_content_type("multipart", "report");
    submitted || precedence || machine || named || report
}

fn files(mail: &Message<'_>) -> Vec<(String, Vec<u8>)> {
    let is_signature = |part: &mail_parser::MessagePart<'_>| {
        part.is_content_type("application", "pkcs7-signature")
            || part.is_content_type("application", "x-pkcs7-signature")
            || part.is_content_type("application", "pgp-signature")
    };
    mail.attachments()
        .filter(|part| !is_signature(part))
        .filter_map(|part| {
            let name = part.attachment_name().unwrap_or_default();
            let (name, bytes) = match &part.body {
                PartType::Message(inner) => {
                    let name = if name.is_empty() { "message.eml" } else { name };
                    (name, inner.raw_message().to_vec())
                }
                PartType::Multipart(_) => return None,
                PartType::Text(_)
                | PartType::Html(_)
                | PartType::Binary(_)
                | PartType::InlineBinary(_) => (name, part.contents().to_vec()),
            };
            (!bytes.is_empty()).then(|| (name.to_owned(), bytes))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(headers: &str, body: &[u8]) -> Vec<u8> {
        let mut mail = format!("From: misha@example.ru\r\nMessage-ID: <1@x>\r\n{headers}\r\n\r\n")
            .into_bytes();
        mail.extend_from_slice(body);
        mail
    }

    /// `Да, приду` and a quotation, in two charsets of Russian mail.
    const CP1251: &[u8] = b"\xc4\xe0, \xef\xf0\xe8\xe4\xf3\r\n\r\n> \xf1\xf2\xe0\xf0\xee\xe5\r\n";
    const KOI8: &[u8] = b"\xe4\xc1, \xd0\xd2\xc9\xc4\xd5\r\n";

    #[test]
    fn charsets_of_russian_mail_are_read() {
        for (kind, body) in [
            (
                "text/plain; charset=windows-1251\r\nContent-Transfer-Encoding: 8bit",
                CP1251,
            ),
            (
                "text/plain; charset=koi8-r\r\nContent-Transfer-Encoding: 8bit",
                KOI8,
            ),
            (
                "text/plain; charset=\"KOI8-R\"\r\nContent-Transfer-Encoding: quoted-printable",
                b"=E4=C1, =D0=D2=C9=C4=D5",
            ),
            (
                "text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64",
                b"0JTQsCwg0L/RgNC40LTRgw==",
            ),
            (
                "text/html; charset=windows-1251",
                b"<html><body><p>\xc4\xe0, <b>\xef\xf0\xe8\xe4\xf3</b></p></body></html>",
            ),
        ] {
            let read = read(&mail(&format!("Content-Type: {kind}"), body)).unwrap();
            assert_eq!(read.text, "Да, приду", "{kind}");
            assert_eq!(read.from, ["misha@example.ru"]);
            assert_eq!(read.id.as_deref(), Some("1@x"));
            assert!(!read.automatic);
        }
    }

    #[test]
    fn files_come_with_their_names() {
        let body = "--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nвот\r\n--b\r\n\
            Content-Type: application/octet-stream; name=\"=?koi8-r?B?79TXxdTZ?=.bin\"\r\n\
            Content-Disposition: attachment; filename*=UTF-8''%D0%9E%D1%82%D0%B2%D0%B5%D1%82%D1%8B.bin\r\n\
            Content-Transfer-Encoding: base64\r\n\r\nAAECAw==\r\n--b--\r\n";
        let read = read(&mail(
            "Content-Type: multipart/mixed; boundary=b",
            body.as_bytes(),
        ))
        .unwrap();
        assert_eq!(read.text, "вот");
        assert_eq!(read.files, [("Ответы.bin".to_owned(), vec![0, 1, 2, 3])]);
    }

    #[test]
    fn machines_are_known() {
        for headers in [
            "Auto-Submitted: auto-replied",
            "auto-submitted: auto-generated (vacation)",
            "Precedence: bulk",
            "X-Autoreply: yes",
            "List-Id: <x.y>",
            "Content-Type: multipart/report; report-type=delivery-status; boundary=b",
            "X-Failed-Recipients: a@b.ru",
        ] {
            assert!(read(&mail(headers, b"x")).unwrap().automatic, "{headers}");
        }
        let daemon = b"From: Mail <MAILER-DAEMON@x.ru>\r\n\r\nx";
        assert!(read(daemon).unwrap().automatic);
        assert!(!read(&mail("Auto-Submitted: no", b"x")).unwrap().automatic);
    }

    #[test]
    fn broken_mails_are_read_as_far_as_they_go() {
        let deep = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n".repeat(2_000);
        let many = "--b\r\nContent-Type: image/png\r\n\r\nx\r\n".repeat(5_000);
        let many = mail("Content-Type: multipart/mixed; boundary=b", many.as_bytes());
        for bytes in [
            &b""[..],
            b"\r\n\r\n",
            b"\0\0\0\0",
            b"Content-Type: multipart/mixed; boundary=\r\n\r\n--\r\n",
            b"Content-Type: text/plain; charset=nonsense\r\n\r\n\xff\xfe",
            b"Content-Transfer-Encoding: base64\r\n\r\n!!!!",
            deep.as_bytes(),
            &many,
        ] {
            if let Some(read) = read(bytes) {
                assert!(!read.text.contains('\0'));
            }
        }
    }
}
