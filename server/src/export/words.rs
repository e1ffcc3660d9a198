//! What `history.html` says, in both languages.

use jiff::civil::Date;
use serde::Deserialize;

use super::Order;
use super::shown::{from_ms, moment};

/// A language of the page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum Language {
    /// Russian.
    #[default]
    #[serde(rename = "ru")]
    Russian,
    /// English.
    #[serde(rename = "en")]
    English,
}

pub(super) struct Words {
    pub(super) code: &'static str,
    pub(super) history: &'static str,
    pub(super) exported: &'static str,
    pub(super) by: &'static str,
    pub(super) times: &'static str,
    pub(super) count: &'static str,
    pub(super) people: &'static str,
    pub(super) empty: &'static str,
    pub(super) answer: &'static str,
    pub(super) forwarded: &'static str,
    pub(super) edited: &'static str,
    pub(super) deleted: &'static str,
    pub(super) deleted_by: &'static str,
    pub(super) expired: &'static str,
    pub(super) versions: &'static str,
    pub(super) until: &'static str,
    pub(super) poll: &'static str,
    pub(super) anonymous: &'static str,
    pub(super) quiz: &'static str,
    pub(super) closed: &'static str,
    pub(super) right: &'static str,
    pub(super) voted: &'static str,
    pub(super) acknowledged: &'static str,
    pub(super) of: &'static str,
    pub(super) not_yet: &'static str,
    pub(super) lesson: &'static str,
    pub(super) lesson_over: &'static str,
    pub(super) quarantine: &'static str,
    pub(super) quarantine_why: &'static str,
    pub(super) roles: [&'static str; 5],
    pub(super) bytes: [&'static str; 4],
    pub(super) decimal: char,
    months: [&'static str; 12],
}

static RUSSIAN: Words = Words {
    code: "ru",
    history: "История переписки",
    exported: "Выгружено",
    by: "Кто выгрузил",
    times: "Часовой пояс",
    count: "Сообщений",
    people: "Участники, нынешние и бывшие",
    empty: "Здесь ещё ничего не написали.",
    answer: "ответ на сообщение",
    forwarded: "Переслано, автор:",
    edited: "изменено",
    deleted: "Сообщение удалено",
    deleted_by: "Кто удалил:",
    expired: "Удалено по сроку хранения",
    versions: "Прежние тексты",
    until: "до",
    poll: "Опрос",
    anonymous: "анонимный",
    quiz: "викторина",
    closed: "завершён",
    right: "верный ответ",
    voted: "Проголосовали:",
    acknowledged: "Ознакомились:",
    of: "из",
    not_yet: "ещё нет",
    lesson: "Урок начался",
    lesson_over: "закончился в",
    quarantine: "Не выгружено: в карантине",
    quarantine_why: "В этих файлах антивирус нашёл вирусы, поэтому их нет в архиве.",
    roles: [
        "администратор",
        "преподаватель",
        "ученик",
        "родитель",
        "бот",
    ],
    bytes: ["Б", "КБ", "МБ", "ГБ"],
    decimal: ',',
    months: [
        "января",
        "февраля",
        "марта",
        "апреля",
        "мая",
        "июня",
        "июля",
        "августа",
        "сентября",
        "октября",
        "ноября",
        "декабря",
    ],
};

static ENGLISH: Words = Words {
    code: "en",
    history: "Conversation history",
    exported: "Exported",
    by: "Exported by",
    times: "Time zone",
    count: "Messages",
    people: "Members, present and past",
    empty: "Nothing has been written here yet.",
    answer: "reply to a message",
    forwarded: "Forwarded, written by",
    edited: "edited",
    deleted: "Message deleted",
    deleted_by: "Deleted by",
    expired: "Deleted when its retention period ended",
    versions: "Earlier texts",
    until: "until",
    poll: "Poll",
    anonymous: "anonymous",
    quiz: "quiz",
    closed: "closed",
    right: "right answer",
    voted: "Voted:",
    acknowledged: "Acknowledged:",
    of: "of",
    not_yet: "not yet",
    lesson: "A lesson began",
    lesson_over: "ended at",
    quarantine: "Left out: in quarantine",
    quarantine_why: "The virus scanner found viruses in these files, so they are not in the archive.",
    roles: ["administrator", "teacher", "student", "parent", "bot"],
    bytes: ["B", "KB", "MB", "GB"],
    decimal: '.',
    months: [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ],
};

impl Language {
    pub(super) const fn words(self) -> &'static Words {
        match self {
            Self::Russian => &RUSSIAN,
            Self::English => &ENGLISH,
        }
    }

    /// What the archive of a room is called.
    #[must_use]
    pub fn archive_name(self, room: &str, order: &Order) -> String {
        let day = moment(from_ms(order.now), &order.zone).date;
        format!("{} {day} {room}.zip", self.words().history)
    }
}

impl Words {
    pub(super) fn day(&self, date: Date) -> String {
        let month = usize::try_from(date.month()).unwrap_or(1) - 1;
        format!("{} {} {}", date.day(), self.months[month], date.year())
    }
}
