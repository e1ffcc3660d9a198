//! A mail as it waits in the queue, and as it is sent (RFC 5322).

use std::time::{Duration, SystemTime};

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::{Address, Message};
use serde::{Deserialize, Serialize};

/// What a mail says, and what of it is not text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// Subject.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// HTML.
    pub html: String,
    /// What it belongs to: mails with the same one are shown together. A part of a Message-ID.
    pub thread: Option<String>,
    /// Address to which answers go.
    pub reply: Option<String>,
    /// Stands in its Message-ID, by which an answer is known that comes without it in its address.
    #[serde(default)]
    pub token: Option<String>,
    /// Address that switches mails off by one request (RFC 8058).
    pub stop: Option<String>,
}

/// Why a mail cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("a mail cannot be written: {0}")]
pub struct Unwritable(String);

impl Letter {
    /// The mail. The same letter under the same id is the same mail, whenever it is sent.
    ///
    /// # Errors
    /// When an address is none or a header cannot be written.
    pub fn write(
        &self,
        id: &str,
        created_at: i64,
        from: &Mailbox,
        to: &str,
    ) -> Result<Message, Unwritable> {
        let wrong = |what: &dyn std::fmt::Display| Unwritable(what.to_string());
        let to = to.parse::<Address>().map_err(|error| wrong(&error))?;
        let host = from.email.domain().to_owned();
        let own = match &self.token {
            Some(token) => format!("<{id}.{token}@{host}>"),
            None => format!("<{id}@{host}>"),
        };
        let at = Duration::from_millis(u64::try_from(created_at).unwrap_or(0));
        let mut mail = Message::builder()
            .from(from.clone())
            .to(Mailbox::new(None, to))
            .subject(&self.subject)
            .date(SystemTime::UNIX_EPOCH + at)
            .message_id(Some(own));
        if let Some(thread) = &self.thread {
            let thread = format!("<{thread}@{host}>");
            mail = mail.in_reply_to(thread.clone()).references(thread);
        }
        if let Some(reply) = &self.reply {
            let reply = reply.parse::<Address>().map_err(|error| wrong(&error))?;
            mail = mail.reply_to(Mailbox::new(from.name.clone(), reply));
        }
        // Nobody's answering machine answers this (RFC 3834 §5, and what came before it).
        let mut headers = vec![
            ("Auto-Submitted", "auto-generated".to_owned()),
            ("Precedence", "bulk".to_owned()),
            ("X-Auto-Response-Suppress", "All".to_owned()),
        ];
        if let Some(stop) = &self.stop {
            headers.push(("List-Unsubscribe", format!("<{stop}>")));
            let by_post = "List-Unsubscribe=One-Click".to_owned();
            headers.push(("List-Unsubscribe-Post", by_post));
        }
        for (name, value) in headers {
            let name =
                HeaderName::new_from_ascii(name.to_owned()).map_err(|error| wrong(&error))?;
            mail = mail.raw_header(HeaderValue::new(name, value));
        }
        let both = MultiPart::alternative()
            .boundary(format!("parta-{id}"))
            .singlepart(SinglePart::plain(self.text.clone()))
            .singlepart(SinglePart::html(self.html.clone()));
        mail.multipart(both).map_err(|error| wrong(&error))
    }
}

/// Text as HTML has it.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

/// A text that fits into one line of a header or a list: names of rooms may have anything in them.
#[must_use]
pub fn one_line(text: &str, chars: usize) -> String {
    let flat: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    shorten(flat.trim(), chars)
}

/// At most so many characters, with an ellipsis in place of the rest.
#[must_use]
pub fn shorten(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_is_a_mail_that_no_machine_answers() {
        let letter = Letter {
            subject: "Робототехника: новые сообщения".to_owned(),
            text: "Пишут: Анна".to_owned(),
            html: "<p>Пишут: Анна</p>".to_owned(),
            thread: Some("room.abc".to_owned()),
            reply: Some("reply+abc@parta.example.ru".to_owned()),
            token: None,
            stop: Some("https://parta.example.ru/api/v1/mail/stop/x".to_owned()),
        };
        let from: Mailbox = "Школа № 5 <parta@example.ru>".parse().unwrap();
        let mail = letter
            .write("id1", 1_000, &from, "misha@example.ru")
            .unwrap();
        let again = letter
            .write("id1", 1_000, &from, "misha@example.ru")
            .unwrap();
        assert_eq!(again.headers().to_string(), mail.headers().to_string());
        let bytes = mail.formatted();
        let mail = mail_parser::MessageParser::default().parse(&bytes).unwrap();
        assert_eq!(mail.subject(), Some("Робототехника: новые сообщения"));
        assert_eq!(mail.message_id(), Some("id1@example.ru"));
        assert_eq!(mail.in_reply_to().as_text(), Some("room.abc@example.ru"));
        assert_eq!(mail.references().as_text(), Some("room.abc@example.ru"));
        let reply = mail.reply_to().unwrap().first().unwrap();
        assert_eq!(reply.address(), Some("reply+abc@parta.example.ru"));
        assert_eq!(
            mail.header_raw("Auto-Submitted").map(str::trim),
            Some("auto-generated")
        );
        assert_eq!(mail.header_raw("Precedence").map(str::trim), Some("bulk"));
        assert!(
            mail.header_raw("List-Unsubscribe")
                .unwrap()
                .contains("/mail/stop/x>")
        );
        assert_eq!(mail.body_text(0).unwrap().trim(), "Пишут: Анна");
        assert!(bytes.is_ascii(), "any server takes it");
        let marked = Letter {
            token: Some("abc".to_owned()),
            ..letter
        };
        let bytes = marked
            .write("id1", 1_000, &from, "misha@example.ru")
            .unwrap()
            .formatted();
        let mail = mail_parser::MessageParser::default().parse(&bytes).unwrap();
        assert_eq!(mail.message_id(), Some("id1.abc@example.ru"));
    }

    #[test]
    fn nothing_that_people_wrote_is_a_header_or_html() {
        let letter = Letter {
            subject: one_line("Группа\r\nBcc: evil@example.ru", 80),
            ..Letter::default()
        };
        let from: Mailbox = "parta@example.ru".parse().unwrap();
        let bytes = letter
            .write("id", 0, &from, "misha@example.ru")
            .unwrap()
            .formatted();
        let mail = mail_parser::MessageParser::default().parse(&bytes).unwrap();
        assert!(mail.bcc().is_none());
        assert_eq!(escape("<b a='1'>&\""), "&lt;b a=&#39;1&#39;&gt;&amp;&quot;");
        assert_eq!(shorten("абвгд", 3), "абв…");
        assert_eq!(shorten("абв", 3), "абв");
        assert!(letter.write("id", 0, &from, "not an address").is_err());
    }
}
