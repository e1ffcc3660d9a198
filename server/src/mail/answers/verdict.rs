//! What the mail server is told of an answer. Whoever wrote it reads these words in a mail: of the mail server's, or of ours
//! when the answer was fetched from a mailbox.

use protocol::mail::MailLanguage;

/// What becomes of an answer, for one recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::mail) enum Verdict {
    /// It is a message.
    Taken,
    /// A machine wrote it: it goes nowhere, and nobody is told, lest two machines talk to each other.
    Ignored,
    /// Nobody gets answers at this address.
    Unknown,
    /// It came from another address than the one that was told.
    Foreign,
    /// The person may not write there.
    MayNot,
    /// It answers a mail that did not tell who may read on.
    NotTold,
    /// It has words that are not allowed.
    BadWords,
    /// It links to where learners may not.
    BadLinks,
    /// It cannot be a message, for a reason that has no words of its own.
    NotTaken,
    /// It says nothing.
    Empty,
    /// Its text is too long.
    TooLong,
    /// It or one of its files is too large.
    TooLarge,
    /// It has too many files.
    TooMany,
    /// A virus was found in it.
    Infected,
    /// It is no mail.
    Broken,
    /// Not now.
    Later,
}

impl Verdict {
    /// Whether it is refused for good.
    #[must_use]
    pub(in crate::mail) fn is_refusal(self) -> bool {
        !matches!(self, Self::Taken | Self::Ignored | Self::Later)
    }

    /// Code, status (RFC 3463), and what it means in English and in Russian.
    const fn words(self) -> (u16, &'static str, &'static str, &'static str) {
        match self {
            Self::Taken => (250, "2.0.0", "Stored", ""),
            Self::Ignored => (250, "2.0.0", "Ignored: written by a machine", ""),
            Self::Unknown => (
                550,
                "5.1.1",
                "This address takes no answers: it is wrong or too old. Write in Parta itself.",
                "Ответы на этот адрес не принимаются: он неверный или устарел. Напишите в самой Parta.",
            ),
            Self::Foreign => (
                550,
                "5.7.1",
                "Answer from the address to which the mail was sent.",
                "Отвечайте с того адреса, на который пришло письмо.",
            ),
            Self::MayNot => (
                550,
                "5.7.1",
                "You may not write in this group now.",
                "Писать в эту группу вам сейчас нельзя.",
            ),
            Self::NotTold => (
                550,
                "5.7.1",
                "Who may read this conversation has changed since the mail was sent. Open it in Parta and write there.",
                "После того письма изменилось, кто может читать эту беседу. Откройте её в Parta и напишите там.",
            ),
            Self::BadWords => (
                550,
                "5.7.1",
                "The answer has words that are not allowed.",
                "В ответе есть недопустимые слова.",
            ),
            Self::BadLinks => (
                550,
                "5.7.1",
                "The answer has a link that is not allowed.",
                "В ответе есть недопустимая ссылка.",
            ),
            Self::NotTaken => (
                550,
                "5.7.1",
                "This answer cannot be taken. Write in Parta itself.",
                "Этот ответ принять нельзя. Напишите в самой Parta.",
            ),
            Self::Empty => (
                550,
                "5.6.0",
                "There is no answer in the mail. Write it above what is quoted.",
                "В письме нет ответа. Пишите его выше цитаты.",
            ),
            Self::TooLong => (
                552,
                "5.3.4",
                "The text is too long for a message.",
                "Текст слишком длинный для сообщения.",
            ),
            Self::TooLarge => (
                552,
                "5.3.4",
                "The mail or a file in it is too large. Send the file in Parta itself.",
                "Письмо или файл в нём слишком большие. Отправьте файл в самой Parta.",
            ),
            Self::TooMany => (
                552,
                "5.3.4",
                "There are too many files in the mail.",
                "В письме слишком много файлов.",
            ),
            Self::Infected => (
                550,
                "5.7.1",
                "A virus was found in a file of the mail.",
                "В файле из письма найден вирус.",
            ),
            Self::Broken => (
                550,
                "5.6.0",
                "The mail cannot be read.",
                "Письмо не удалось прочитать.",
            ),
            Self::Later => (451, "4.3.0", "Not now; try again later.", ""),
        }
    }

    /// What it means, for whoever wrote the answer.
    #[must_use]
    pub(in crate::mail) fn said(self, lang: MailLanguage) -> &'static str {
        let (_, _, english, russian) = self.words();
        match lang {
            MailLanguage::Ru if !russian.is_empty() => russian,
            MailLanguage::Ru | MailLanguage::En => english,
        }
    }

    /// As LMTP says it (RFC 2033): every line with its code.
    #[must_use]
    pub(in crate::mail) fn reply(self) -> String {
        let (code, status, english, russian) = self.words();
        if russian.is_empty() {
            return format!("{code} {status} {english}\r\n");
        }
        format!("{code}-{status} {english}\r\n{code} {status} {russian}\r\n")
    }
}
