//! Writes mails. Pure, told the time.

use std::collections::HashMap;

use protocol::limits::{MAIL_ROOMS_MAX, MAIL_TEXT_CHARS_MAX};
use protocol::mail::MailLanguage;
use protocol::{RoomId, UserId};

use super::clock::{moment, zone_name};
use super::letter::{Letter, one_line, shorten};
use super::page::{Block, html, text};
use super::token::MailKey;
use super::words::Words;
use crate::store::{Reader, Recall, RoomNews};

/// Characters of a name in a mail.
const NAME_CHARS: usize = 80;
/// People whom a mail names as authors.
const NAMES_MAX: usize = 5;

/// What all mails of a school have in common.
#[derive(Clone, Debug)]
pub struct Office {
    /// Name of the school.
    pub organisation: String,
    /// Address of Parta, without a slash at its end.
    pub address: String,
    /// Whether mails say what was written.
    pub texts: bool,
    /// `reply`, before and after its `@`, when mails can be answered.
    pub reply: Option<(String, String)>,
    /// Whether the token of an answer stands in that address; otherwise it is in the Message-ID.
    pub reply_plus: bool,
    /// What links and addresses are signed with.
    pub key: MailKey,
}

/// A mail that confirms an address.
#[derive(Clone, Copy, Debug)]
pub struct Confirmation<'a> {
    /// Whose, as others see them.
    pub name: &'a str,
    /// Of the link.
    pub token: &'a str,
    /// To be typed.
    pub code: &'a str,
    /// Until when both hold.
    pub until: i64,
    /// Zone.
    pub zone: &'a str,
    /// Language.
    pub lang: MailLanguage,
}

/// How somebody came by another password.
#[derive(Clone, Copy, Debug)]
pub enum PasswordNews<'a> {
    /// They chose it.
    Chosen,
    /// Somebody with this name made a one-time password for them.
    Reset(&'a str),
}

impl Office {
    /// The token of a link that switches mails off: it needs no session and does nothing else.
    #[must_use]
    pub fn stop_token(&self, person: &UserId) -> String {
        format!("{person}.{}", self.key.sign(&["stop", person.as_str()]))
    }

    /// Whose mails a link switches off.
    #[must_use]
    pub fn stops(&self, token: &str) -> Option<UserId> {
        let (person, signature) = token.rsplit_once('.')?;
        let is_signed = self.key.accepts(signature, &["stop", person]);
        UserId::parse(person).ok().filter(|_| is_signed)
    }

    /// The mail to an address that is to be confirmed.
    #[must_use]
    pub fn confirmation(&self, new: Confirmation<'_>) -> Letter {
        let words = Words(new.lang);
        let until = moment(new.until, new.zone, new.lang);
        let until = format!("{until} ({})", zone_name(new.until, new.zone));
        let link = format!("{}/mail#confirm={}", self.address, new.token);
        let blocks = [
            Block::Line(words.confirm_why(&one_line(new.name, NAME_CHARS))),
            Block::Line(String::new()),
            Block::Line(words.confirm_code()),
            Block::Code(new.code.to_owned()),
            Block::Link(words.confirm_link(), link, String::new()),
            Block::Line(words.confirm_until(&until)),
            Block::Line(words.confirm_else()),
        ];
        Letter {
            subject: words.confirm_subject(&one_line(&self.organisation, NAME_CHARS)),
            text: text(&blocks),
            html: html(&blocks),
            ..Letter::default()
        }
    }

    /// The mail that tells somebody of a password that is another one now. The password is not in it.
    #[must_use]
    pub fn password(
        &self,
        news: PasswordNews<'_>,
        (lang, zone): (MailLanguage, &str),
        now: i64,
    ) -> Letter {
        let words = Words(lang);
        let when = format!("{}, {}", moment(now, zone, lang), zone_name(now, zone));
        let mut blocks = Vec::new();
        match news {
            PasswordNews::Chosen => blocks.push(Block::Line(words.password_chosen(&when))),
            PasswordNews::Reset(by) => blocks.extend([
                Block::Line(words.password_reset(&one_line(by, NAME_CHARS), &when)),
                Block::Line(words.password_ask()),
            ]),
        }
        blocks.extend([
            Block::Line(words.password_else()),
            Block::Link(words.open(), self.address.clone(), words.open_link()),
        ]);
        Letter {
            subject: words.password_subject(&one_line(&self.organisation, NAME_CHARS)),
            text: text(&blocks),
            html: html(&blocks),
            ..Letter::default()
        }
    }

    /// The mail about one room. With `reply`, the id of an answer, it can be answered.
    #[must_use]
    pub fn room(&self, to: &Reader, news: &RoomNews, reply: Option<&str>, now: i64) -> Letter {
        let words = Words(to.lang);
        let name = one_line(&news.name, NAME_CHARS);
        let token = reply.filter(|_| !self.reply_plus).map(str::to_owned);
        let reply = reply
            .zip(self.reply.as_ref())
            .map(|(token, (local, domain))| match self.reply_plus {
                true => format!("{local}+{token}@{domain}"),
                false => format!("{local}@{domain}"),
            });
        let mut blocks = Vec::new();
        if reply.is_some() {
            blocks.push(Block::Above(words.above()));
        }
        self.tell(&mut blocks, to, news);
        if reply.is_some() {
            blocks.push(Block::Line(words.answer()));
        }
        let stop = self.end(&mut blocks, to, now);
        Letter {
            subject: words.room_subject(&name),
            text: text(&blocks),
            html: html(&blocks),
            // Nobody else's mails belong to it, though they are of the same room.
            thread: Some(format!(
                "room.{}",
                self.key
                    .sign(&["thread", news.room.as_str(), to.person.as_str()])
            )),
            reply,
            token,
            stop: Some(stop),
        }
    }

    /// The mail that tells somebody that their answer did not get into the room, and why.
    #[must_use]
    pub fn refusal(&self, why: &str, room: &RoomId, lang: MailLanguage) -> Letter {
        let words = Words(lang);
        let link = format!("{}/room/{room}", self.address);
        let blocks = [
            Block::Line(words.refused()),
            Block::Line(why.to_owned()),
            Block::Link(words.open(), link, words.open_link()),
        ];
        Letter {
            subject: words.refused_subject(&one_line(&self.organisation, NAME_CHARS)),
            text: text(&blocks),
            html: html(&blocks),
            ..Letter::default()
        }
    }

    /// The mail about several rooms, and about what the person was reminded to acknowledge.
    #[must_use]
    pub fn rooms(&self, to: &Reader, all: &[RoomNews], recalls: &[Recall], now: i64) -> Letter {
        let words = Words(to.lang);
        let mut blocks = Vec::new();
        for recall in recalls.iter().take(MAIL_ROOMS_MAX) {
            self.recall(&mut blocks, to, recall);
        }
        if recalls.len() > MAIL_ROOMS_MAX {
            blocks.push(Block::Line(words.more_asks(recalls.len() - MAIL_ROOMS_MAX)));
        }
        for news in all.iter().take(MAIL_ROOMS_MAX) {
            self.tell(&mut blocks, to, news);
        }
        if all.len() > MAIL_ROOMS_MAX {
            blocks.push(Block::Line(words.more_rooms(all.len() - MAIL_ROOMS_MAX)));
        }
        let stop = self.end(&mut blocks, to, now);
        let organisation = one_line(&self.organisation, NAME_CHARS);
        Letter {
            subject: match recalls.is_empty() {
                true => words.rooms_subject(&organisation),
                false => words.reminder_subject(&organisation),
            },
            text: text(&blocks),
            html: html(&blocks),
            thread: Some(format!(
                "all.{}",
                self.key.sign(&["thread", to.person.as_str()])
            )),
            reply: None,
            token: None,
            stop: Some(stop),
        }
    }

    fn tell(&self, blocks: &mut Vec<Block>, to: &Reader, news: &RoomNews) {
        let words = Words(to.lang);
        let name = one_line(&news.name, NAME_CHARS);
        blocks.push(Block::Title(format!("{name}: {}", words.count(news.count))));
        blocks.push(Block::Line(words.from(&names(news))));
        if let Some(last) = news.messages.last() {
            let when = moment(last.at, &to.zone, to.lang);
            blocks.push(Block::Line(words.last(&when)));
        }
        if news.mentioned {
            blocks.push(Block::Line(words.mentioned()));
        }
        if !news.asks.is_empty() {
            blocks.push(Block::Line(words.asks(news.asks.len())));
        }
        if self.texts {
            let shown = i64::try_from(news.messages.len()).unwrap_or(i64::MAX);
            if news.count > shown {
                blocks.push(Block::Line(words.more(news.count - shown)));
            }
            for said in &news.messages {
                let who = one_line(&said.by, NAME_CHARS);
                let who = format!("{who}, {}", moment(said.at, &to.zone, to.lang));
                let mut what = shorten(&said.body, MAIL_TEXT_CHARS_MAX);
                if said.files > 0 {
                    what = format!("{what}\n[{}]", words.files(said.files));
                }
                blocks.push(Block::Said(who, what.trim().to_owned()));
            }
        }
        if news.safeguarded {
            blocks.push(Block::Line(words.safeguarded()));
        }
        let link = format!("{}/room/{}", self.address, news.room);
        blocks.push(Block::Link(words.open(), link, words.open_link()));
    }

    fn recall(&self, blocks: &mut Vec<Block>, to: &Reader, recall: &Recall) {
        let words = Words(to.lang);
        let name = one_line(&recall.name, NAME_CHARS);
        blocks.push(Block::Title(words.reminder(&name)));
        blocks.push(Block::Line(words.from(&one_line(&recall.by, NAME_CHARS))));
        if let Some(due) = recall.due {
            let when = moment(due, &to.zone, to.lang);
            blocks.push(Block::Line(words.due(&when)));
        }
        if self.texts {
            let what = shorten(&recall.body, MAIL_TEXT_CHARS_MAX);
            let who = one_line(&recall.by, NAME_CHARS);
            blocks.push(Block::Said(who, what.trim().to_owned()));
        }
        let link = format!("{}/room/{}", self.address, recall.room);
        blocks.push(Block::Link(words.open(), link, words.open_link()));
    }

    // The address that switches mails off by one request.
    fn end(&self, blocks: &mut Vec<Block>, to: &Reader, now: i64) -> String {
        let words = Words(to.lang);
        let token = self.stop_token(&to.person);
        blocks.push(Block::Small);
        blocks.push(Block::Line(words.zone(&zone_name(now, &to.zone))));
        let link = format!("{}/mail#stop={token}", self.address);
        blocks.push(Block::Line(String::new()));
        blocks.push(Block::Link(words.why(), link, words.stop_link()));
        format!("{}/api/v1/mail/stop/{token}", self.address)
    }
}

// Who wrote, the latest first, each with how often.
fn names(news: &RoomNews) -> String {
    let mut order: Vec<&str> = Vec::new();
    let mut counts: HashMap<&str, u32> = HashMap::new();
    for said in news.messages.iter().rev() {
        let count = counts.entry(&said.by).or_default();
        *count += 1;
        if *count == 1 {
            order.push(&said.by);
        }
    }
    let mut names: Vec<String> = order
        .iter()
        .take(NAMES_MAX)
        .map(|name| match counts.get(name) {
            Some(count) if *count > 1 => format!("{} ({count})", one_line(name, NAME_CHARS)),
            _ => one_line(name, NAME_CHARS),
        })
        .collect();
    if order.len() > NAMES_MAX {
        names.push("…".to_owned());
    }
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use protocol::MessageId;
    use protocol::mail::MailWhen;

    use super::*;
    use crate::files::KEY_BYTES;
    use crate::store::Said;

    fn office(texts: bool) -> Office {
        Office {
            organisation: "Школа № 5".to_owned(),
            address: "https://parta.example.ru".to_owned(),
            texts,
            reply: Some(("reply".to_owned(), "parta.example.ru".to_owned())),
            reply_plus: true,
            key: MailKey::new([1; KEY_BYTES]),
        }
    }

    fn reader(lang: MailLanguage) -> Reader {
        Reader {
            person: UserId::parse("U4").unwrap(),
            address: "misha@example.ru".to_owned(),
            lang,
            zone: "Asia/Yekaterinburg".to_owned(),
            when: MailWhen::Soon,
            digest: 0,
        }
    }

    fn news() -> RoomNews {
        let said = |by: &str, at: i64, body: &str| Said {
            by: by.to_owned(),
            at,
            body: body.to_owned(),
            files: i64::from(body.is_empty()),
        };
        let at = 1_795_680_300_000;
        RoomNews {
            room: RoomId::parse("R7").unwrap(),
            name: "Робототехника <3>".to_owned(),
            count: 3,
            mentioned: true,
            last_no: 9,
            last: MessageId::parse("M9").unwrap(),
            messages: vec![
                said("Анна", at, "Секрет: <b>контрольная</b>"),
                said("Тимур", at + 1_000, ""),
                said("Анна", at + 2_000, "в среду"),
            ],
            asks: vec![9],
            safeguarded: false,
        }
    }

    #[test]
    fn a_mail_says_who_and_where_and_what_only_where_that_is_allowed() {
        let to = reader(MailLanguage::Ru);
        let plain = office(false).room(&to, &news(), Some("abc"), 0);
        let text = &plain.text;
        for part in [
            "—— Ответ пишите выше этой строки ——",
            "Робототехника <3>: 3 новых сообщения",
            "Пишут: Анна (2), Тимур",
            "26 ноября, 13:05",
            "Вас упомянули.",
            "Ждёт ознакомления: 1.",
            "https://parta.example.ru/room/R7",
            "Время: Asia/Yekaterinburg, UTC+5.",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        for form in [&plain.text, &plain.html, &plain.subject] {
            assert!(
                !form.contains("Секрет") && !form.contains("среду"),
                "{form}"
            );
        }
        assert_eq!(plain.reply.as_deref(), Some("reply+abc@parta.example.ru"));

        let bare = Office {
            reply_plus: false,
            ..office(false)
        };
        let bare = bare.room(&to, &news(), Some("abc"), 0);
        assert_eq!(bare.reply.as_deref(), Some("reply@parta.example.ru"));
        assert_eq!((bare.token.as_deref(), plain.token), (Some("abc"), None));

        let told = office(true).room(&to, &news(), None, 0);
        assert!(told.text.contains("    Секрет: <b>контрольная</b>\n"));
        assert!(told.text.contains("    [файлов: 1]\n"));
        assert!(told.html.contains("Секрет: &lt;b&gt;контрольная&lt;/b&gt;"));
        assert!(told.reply.is_none() && !told.text.contains("Ответ пишите"));
        assert_eq!(told.thread, plain.thread);
        assert_eq!(told.subject, plain.subject);
    }

    #[test]
    fn a_mail_of_a_safeguarded_conversation_says_so() {
        let to = reader(MailLanguage::Ru);
        let told = RoomNews {
            safeguarded: true,
            ..news()
        };
        let said = "может прочитать тот, кто отвечает здесь за безопасность детей";
        for texts in [false, true] {
            let office = office(texts);
            for letter in [
                office.room(&to, &told, Some("abc"), 0),
                office.rooms(&to, std::slice::from_ref(&told), &[], 0),
            ] {
                assert!(letter.text.contains(said), "{}", letter.text);
                assert!(letter.html.contains(said));
            }
            assert!(
                !office
                    .room(&to, &news(), Some("abc"), 0)
                    .text
                    .contains(said)
            );
        }
    }

    #[test]
    fn english_is_for_who_wants_it() {
        let letter = office(false).rooms(&reader(MailLanguage::En), &[news()], &[], 0);
        assert_eq!(letter.subject, "Школа № 5: unread messages");
        assert!(letter.text.contains("3 new messages"));
        assert!(letter.text.contains("26 November, 13:05"));
    }

    #[test]
    fn a_reminder_says_of_what_and_until_when_and_the_text_only_where_that_is_allowed() {
        let to = reader(MailLanguage::Ru);
        let recall = Recall {
            reader: to.clone(),
            wishes: crate::notify::Wishes::default(),
            room: RoomId::parse("R7").unwrap(),
            name: "Объявления".to_owned(),
            no: 9,
            by: "Анна".to_owned(),
            body: "Секрет: собрание".to_owned(),
            due: Some(1_795_680_300_000),
            at: 0,
        };
        let letter = office(false).rooms(&to, &[], std::slice::from_ref(&recall), 0);
        assert_eq!(letter.subject, "Школа № 5: вам напоминают");
        for part in [
            "Объявления: ждёт ознакомления",
            "Пишут: Анна",
            "Ознакомиться до: 26 ноября, 13:05",
            "https://parta.example.ru/room/R7",
        ] {
            assert!(letter.text.contains(part), "{part}: {}", letter.text);
        }
        assert!(!letter.text.contains("Секрет") && letter.stop.is_some());
        let told = office(true).rooms(&to, &[news()], &[recall], 0);
        assert!(told.text.contains("Секрет: собрание") && told.text.contains("3 новых сообщения"));
    }

    #[test]
    fn a_link_that_switches_off_is_of_one_person() {
        let office = office(false);
        let (one, other) = (UserId::parse("U4").unwrap(), UserId::parse("U5").unwrap());
        let token = office.stop_token(&one);
        assert_eq!(office.stops(&token), Some(one.clone()));
        let (_, signature) = token.rsplit_once('.').unwrap();
        for wrong in [
            format!("{other}.{signature}"),
            format!("{one}."),
            String::new(),
        ] {
            assert_eq!(office.stops(&wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_confirmation_has_the_code_the_link_and_no_address() {
        let letter = office(false).confirmation(Confirmation {
            name: "Миша",
            token: "t0k3n",
            code: "483920",
            until: 1_795_680_300_000,
            zone: "Europe/Moscow",
            lang: MailLanguage::Ru,
        });
        for part in [
            "483920",
            "https://parta.example.ru/mail#confirm=t0k3n",
            "26 ноября, 11:05 (Europe/Moscow, UTC+3)",
        ] {
            assert!(
                letter.text.contains(part) && letter.html.contains(part),
                "{part}: {}",
                letter.text
            );
        }
        assert!(!letter.text.contains('@'));
    }
}
