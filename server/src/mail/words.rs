//! What mails say, in the language of whoever gets them.

use protocol::mail::MailLanguage;

/// One of the forms of a number in Russian: 1 сообщение, 2 сообщения, 5 сообщений.
fn plural<'a>(n: i64, one: &'a str, few: &'a str, many: &'a str) -> &'a str {
    match (n % 10, n % 100) {
        (_, 11..=14) => many,
        (1, _) => one,
        (2..=4, _) => few,
        _ => many,
    }
}

/// The words of a language.
#[derive(Clone, Copy, Debug)]
pub struct Words(pub MailLanguage);

macro_rules! words {
    ($($(#[$about:meta])* $name:ident($($arg:ident: $type:ty),*) => $ru:expr, $en:expr;)*) => {
        impl Words {
            $($(#[$about])* #[must_use] pub fn $name(self, $($arg: $type),*) -> String {
                match self.0 {
                    MailLanguage::Ru => $ru.into(),
                    MailLanguage::En => $en.into(),
                }
            })*
        }
    };
}

words! {
    /// Of a mail that confirms an address.
    confirm_subject(school: &str) => format!("{school}: подтвердите адрес почты"), format!("{school}: confirm your e-mail address");
    /// Why it came.
    confirm_why(name: &str) =>
        format!("Здравствуйте! В Parta для человека «{name}» указали этот адрес, чтобы сообщать о непрочитанном."),
        format!("Hello! In Parta this address was given for “{name}”, to tell of what is unread.");
    /// Before the code.
    confirm_code() => "Код, чтобы ввести в настройках:", "The code, to be typed in the settings:";
    /// Before the link.
    confirm_link() => "Или откройте ссылку:", "Or open the link:";
    /// How long it holds.
    confirm_until(until: &str) => format!("Код и ссылка действуют до {until}."), format!("Code and link hold until {until}.");
    /// What to do otherwise.
    confirm_else() =>
        "Если это были не вы, ничего не делайте: без подтверждения писем не будет.",
        "If it was not you, do nothing: without it no mails will come.";
    /// Of a mail about a password that is another one now.
    password_subject(school: &str) => format!("{school}: у вас новый пароль"), format!("{school}: you have a new password");
    /// That somebody made one for the person.
    password_reset(by: &str, when: &str) =>
        format!("Вам выдали новый пароль от Parta ({by}, {when}). Прежний больше не подходит, и на всех устройствах нужно войти заново."),
        format!("You were given a new password for Parta ({by}, {when}). The one before does not fit any more, and you have to sign in on all devices anew.");
    /// Where it is to be had.
    password_ask() =>
        "Новый пароль скажет тот, кто его выдал: в письмах паролей не бывает.",
        "Whoever made it tells you the new password: it is never in a mail.";
    /// That the person chose one.
    password_chosen(when: &str) => format!("Ваш пароль от Parta сменили: {when}."), format!("Your password for Parta was changed: {when}.");
    /// What to do otherwise.
    password_else() =>
        "Если вы этого не просили и не делали, скажите администратору: он выдаст другой пароль.",
        "If you neither asked for this nor did it, tell an administrator, who can give you another password.";
    /// Of a mail about a room. The same for all of them, so that mail programs keep them together.
    room_subject(room: &str) => format!("{room}: новые сообщения"), format!("{room}: new messages");
    /// Of a mail about several rooms.
    rooms_subject(school: &str) => format!("{school}: непрочитанное"), format!("{school}: unread messages");
    /// How many.
    count(n: i64) => format!("{n} {}", plural(n, "новое сообщение", "новых сообщения", "новых сообщений")),
        format!("{n} new {}", if n == 1 { "message" } else { "messages" });
    /// Who wrote.
    from(names: &str) => format!("Пишут: {names}"), format!("From: {names}");
    /// When.
    last(when: &str) => format!("Последнее: {when}"), format!("The last one: {when}");
    /// That the person is mentioned.
    mentioned() => "Вас упомянули.", "You were mentioned.";
    /// How many of the messages are to be acknowledged.
    asks(n: usize) => format!("Ждёт ознакомления: {n}."), format!("To be acknowledged: {n}.");
    /// Of a mail with reminders.
    reminder_subject(school: &str) => format!("{school}: вам напоминают"), format!("{school}: a reminder");
    /// Of one message.
    reminder(room: &str) => format!("{room}: ждёт ознакомления"), format!("{room}: to be acknowledged");
    /// By when.
    due(when: &str) => format!("Ознакомиться до: {when}"), format!("To be acknowledged by {when}");
    /// How many reminders are not shown.
    more_asks(n: usize) => format!("И ещё ждёт ознакомления: {n}"), format!("And to be acknowledged besides: {n}");
    /// How many messages are not shown.
    more(n: i64) => format!("и ещё {n} раньше"), format!("and {n} before them");
    /// How many rooms are not shown.
    more_rooms(n: usize) => format!("И в других группах: {n}"), format!("And in other groups: {n}");
    /// Files on a message.
    files(n: i64) => format!("файлов: {n}"), format!("files: {n}");
    /// Before the address of the room.
    open() => "Открыть в Parta:", "Open in Parta:";
    /// Of a link.
    open_link() => "Открыть в Parta", "Open in Parta";
    /// The line above which an answer is written.
    above() => "Ответ пишите выше этой строки", "Write your answer above this line";
    /// How an answer gets into the room.
    answer() =>
        "На это письмо можно ответить: ответ с файлами придёт в группу от вашего имени.",
        "You can answer this mail: the answer goes to the group under your name, with its files.";
    /// Of a conversation that may be read.
    safeguarded() =>
        "Эту беседу, и ответ на это письмо, может прочитать тот, кто отвечает здесь за безопасность детей. Каждый раз это остаётся в журнале.",
        "Whoever is responsible for the safety of children here may read this conversation, and an answer to this mail. It is logged each time.";
    /// Of a mail about an answer that was refused.
    refused_subject(school: &str) => format!("{school}: ваш ответ не принят"), format!("{school}: your answer was not taken");
    /// That it was.
    refused() => "Ваш ответ на письмо не попал в группу.", "Your answer to a mail did not get into its group.";
    /// Zone of all times.
    zone(zone: &str) => format!("Время: {zone}."), format!("Times: {zone}.");
    /// Why the mail came.
    why() =>
        "Письма о непрочитанном включены в настройках Parta. Отключить:",
        "Mails about unread messages are switched on in the settings of Parta. Switch them off:";
    /// Of a link.
    stop_link() => "Отключить письма", "Switch mails off";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_agree_with_their_words() {
        let (ru, en) = (Words(MailLanguage::Ru), Words(MailLanguage::En));
        for (n, text) in [
            (1, "1 новое сообщение"),
            (3, "3 новых сообщения"),
            (5, "5 новых сообщений"),
            (11, "11 новых сообщений"),
            (21, "21 новое сообщение"),
            (112, "112 новых сообщений"),
        ] {
            assert_eq!(ru.count(n), text);
        }
        assert_eq!(
            (en.count(1), en.count(2)),
            ("1 new message".to_owned(), "2 new messages".to_owned())
        );
    }
}
