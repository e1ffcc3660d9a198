//! `history.html`: what people read. One page without scripts; everything that people wrote is escaped.

use std::io::Write;

use protocol::model::{Attachment, Message, Role};
use protocol::recording::RecordingKind;
use protocol::{MessageId, UserId};

use super::pass::Pass;
use super::shown::{address, escaped, from_ms, moment, parsed, size};
use super::words::Words;
use super::{ExportError, Order, Room, Zip, names};
use crate::store::{ExportedMessage, PastLesson};

const STYLE: &str = include_str!("history.css");
/// Nothing but what lies beside the page is ever loaded, and nothing runs.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' file:; media-src 'self' file:";

struct Page<'a, W: Write> {
    zip: &'a mut Zip<W>,
    order: &'a Order,
    room: &'a Room,
    words: &'static Words,
    /// The heading of the day that was written last.
    day: String,
    /// Lessons that have not been written yet, the next one first.
    lessons: std::slice::Iter<'a, PastLesson>,
}

pub(super) fn write<W: Write>(
    zip: &mut Zip<W>,
    order: &Order,
    room: &Room,
    pass: &Pass<'_>,
) -> Result<(), ExportError> {
    let mut page = Page {
        zip,
        order,
        room,
        words: order.language.words(),
        day: String::new(),
        lessons: room.lessons.iter(),
    };
    page.begin()?;
    pass.each(order.details, |one| page.message(&one))?;
    page.lessons_before(None)?;
    page.end()
}

impl<W: Write> Page<'_, W> {
    fn put(&mut self, html: &str) -> Result<(), ExportError> {
        Ok(self.zip.write_all(html.as_bytes())?)
    }

    fn begin(&mut self) -> Result<(), ExportError> {
        let (w, order, facts) = (self.words, self.order, &self.room.facts);
        let (code, name) = (w.code, escaped(&facts.name));
        let title = format!("{name}: {}", w.history);
        self.put(&format!(
            "<!doctype html>\n<html lang=\"{code}\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
             <meta name=\"referrer\" content=\"no-referrer\">\n\
             <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n\
             <h1><bdi>{name}</bdi></h1>\n<p class=\"what\">{}, {}</p>\n<dl>\n",
            w.history,
            escaped(&order.organisation),
        ))?;
        let at = moment(from_ms(order.now), &order.zone);
        let at = format!("{}, {}", w.day(at.date), at.clock);
        let zone = order.zone.iana_name().unwrap_or("UTC").to_owned();
        let by = order.by.as_ref().map(|person| person.name.clone());
        let count = facts.last_no.to_string();
        for (term, said) in [
            (w.exported, Some(at)),
            (w.by, by),
            (w.times, Some(zone)),
            (w.count, Some(count)),
        ] {
            if let Some(said) = said {
                self.put(&format!(
                    "<div><dt>{term}</dt><dd><bdi>{}</bdi></dd></div>\n",
                    escaped(&said)
                ))?;
            }
        }
        self.put(&format!(
            "</dl>\n<details><summary>{}</summary>\n<ul>\n",
            w.people
        ))?;
        for person in &self.room.people {
            let role = w.roles[role_place(person.role)];
            let name = escaped(&person.name);
            self.put(&format!(
                "<li><bdi>{name}</bdi> <span class=\"soft\">{role}</span></li>\n"
            ))?;
        }
        self.put("</ul>\n</details>\n")?;
        if facts.last_no == 0 {
            self.put(&format!("<p class=\"soft\">{}</p>\n", w.empty))?;
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), ExportError> {
        let w = self.words;
        if !self.room.quarantined.is_empty() {
            self.put(&format!(
                "<h2>{}</h2>\n<p>{}</p>\n<ul class=\"quarantine\">\n",
                w.quarantine, w.quarantine_why
            ))?;
            for file in &self.room.quarantined {
                let at = moment(parsed(&file.at), &self.order.zone);
                self.put(&format!(
                    "<li><bdi>{}</bdi> <span class=\"soft\">{}, <bdi>{}</bdi>, {}, {}, <bdi>{}</bdi></span></li>\n",
                    escaped(&file.name),
                    size(file.size, w),
                    escaped(self.room.name(&file.by)),
                    w.day(at.date),
                    at.clock,
                    escaped(&file.virus),
                ))?;
            }
            self.put("</ul>\n")?;
        }
        self.put("</main>\n</body>\n</html>\n")
    }

    fn day(&mut self, day: String) -> Result<(), ExportError> {
        if day == self.day {
            return Ok(());
        }
        self.put(&format!("<h2>{day}</h2>\n"))?;
        self.day = day;
        Ok(())
    }

    /// Writes the lessons that began before this time; without one, all.
    fn lessons_before(&mut self, at: Option<jiff::Timestamp>) -> Result<(), ExportError> {
        while let Some(lesson) = self.lessons.as_slice().first() {
            let began = from_ms(lesson.started_at);
            if at.is_some_and(|at| began > at) {
                return Ok(());
            }
            self.lessons.next();
            let (w, zone) = (self.words, &self.order.zone);
            let start = moment(began, zone);
            let over = lesson.ended_at.map(|at| moment(from_ms(at), zone).clock);
            let over =
                over.map_or_else(String::new, |clock| format!(", {} {clock}", w.lesson_over));
            self.day(w.day(start.date))?;
            let by = escaped(self.room.name(&lesson.by));
            self.put(&format!(
                "<p class=\"lesson\">{}: {}{over} <span class=\"soft\"><bdi>{by}</bdi></span></p>\n",
                w.lesson, start.clock
            ))?;
        }
        Ok(())
    }

    fn message(&mut self, one: &ExportedMessage) -> Result<(), ExportError> {
        let (w, message) = (self.words, &one.message);
        let at = parsed(&message.at);
        self.lessons_before(Some(at))?;
        let when = moment(at, &self.order.zone);
        self.day(w.day(when.date))?;
        let edited = match (&message.edited, &message.deleted) {
            (Some(_), None) => format!(" <span class=\"soft\">{}</span>", w.edited),
            _ => String::new(),
        };
        self.put(&format!(
            "<article id=\"{id}\">\n<header><b><bdi>{by}</bdi></b> <a class=\"soft\" href=\"#{id}\"><time datetime=\"{at}\">{clock}</time></a>{edited}</header>\n",
            id = anchor(&message.id),
            by = escaped(self.room.name(&message.by)),
            at = escaped(&message.at),
            clock = when.clock,
        ))?;
        if let Some(re) = &message.re {
            self.put(&format!(
                "<p class=\"soft\"><a href=\"#{}\">{}</a></p>\n",
                anchor(re),
                w.answer
            ))?;
        }
        if let Some(from) = &message.fwd {
            self.put(&format!(
                "<p class=\"soft\">{} <bdi>{}</bdi></p>\n",
                w.forwarded,
                escaped(&from.name)
            ))?;
        }
        self.gone(message)?;
        if !message.body.is_empty() {
            self.put(&format!(
                "<p class=\"text\" dir=\"auto\">{}</p>\n",
                escaped(&message.body)
            ))?;
        }
        for (place, file) in message.att.iter().enumerate() {
            self.file(&names::path(message.no, place, &file.name), file)?;
        }
        self.poll(one)?;
        self.acks(one)?;
        self.reactions(message)?;
        self.versions(one)?;
        self.put("</article>\n")
    }

    fn gone(&mut self, message: &Message) -> Result<(), ExportError> {
        let Some(deleted) = &message.deleted else {
            return Ok(());
        };
        let w = self.words;
        let at = moment(parsed(&deleted.at), &self.order.zone);
        let at = format!("{}, {}", w.day(at.date), at.clock);
        let Some(by) = &deleted.by else {
            return self.put(&format!("<p class=\"gone\">{}, {at}</p>\n", w.expired));
        };
        let by = escaped(self.room.name(by));
        self.put(&format!(
            "<p class=\"gone\">{}. {} <bdi>{by}</bdi>, {at}</p>\n",
            w.deleted, w.deleted_by
        ))
    }

    fn file(&mut self, path: &str, file: &Attachment) -> Result<(), ExportError> {
        let href = address(path);
        let name = escaped(&file.name);
        let size = size(file.size, self.words);
        let shown = match (&file.rec, &file.preview) {
            (Some(rec), _) if rec.kind == RecordingKind::Voice => {
                format!("<audio controls preload=\"none\" src=\"{href}\"></audio>")
            }
            (Some(_), _) => format!("<video controls preload=\"none\" src=\"{href}\"></video>"),
            (None, Some(of)) if file.mime.starts_with("image/") => format!(
                "<a href=\"{href}\"><img loading=\"lazy\" alt=\"{name}\" width=\"{}\" height=\"{}\" src=\"{href}\"></a>",
                of.w, of.h
            ),
            (None, _) => String::new(),
        };
        self.put(&format!(
            "<div class=\"file\">{shown}<a href=\"{href}\"><bdi>{name}</bdi></a> <span class=\"soft\">{size}</span></div>\n"
        ))
    }

    fn poll(&mut self, one: &ExportedMessage) -> Result<(), ExportError> {
        let Some(poll) = &one.message.poll else {
            return Ok(());
        };
        let w = self.words;
        let kinds = [
            (true, if poll.quiz { w.quiz } else { w.poll }),
            (poll.anon, w.anonymous),
            (poll.tally.closed.is_some(), w.closed),
        ];
        let kinds: Vec<&str> = kinds
            .iter()
            .filter(|(is, _)| *is)
            .map(|(_, word)| *word)
            .collect();
        self.put(&format!(
            "<p class=\"soft\">{}. {} {}</p>\n<ul class=\"poll\">\n",
            kinds.join(", "),
            w.voted,
            poll.tally.voters
        ))?;
        for (place, text) in poll.options.iter().enumerate() {
            let votes = poll.tally.counts.get(place).copied().unwrap_or(0);
            let right = poll
                .tally
                .right
                .is_some_and(|right| usize::from(right) == place);
            let right = if right {
                format!(" <b>{}</b>", w.right)
            } else {
                String::new()
            };
            let by = one
                .voters
                .as_ref()
                .and_then(|voters| voters.options.get(place));
            let by = by.map_or_else(String::new, |by| self.names(by));
            self.put(&format!(
                "<li><bdi>{}</bdi>: {votes}{right}{by}</li>\n",
                escaped(text)
            ))?;
        }
        self.put("</ul>\n")?;
        if let Some(why) = &poll.tally.why {
            self.put(&format!(
                "<p class=\"text soft\" dir=\"auto\">{}</p>\n",
                escaped(why)
            ))?;
        }
        Ok(())
    }

    fn acks(&mut self, one: &ExportedMessage) -> Result<(), ExportError> {
        let Some(ack) = &one.message.ack else {
            return Ok(());
        };
        let w = self.words;
        self.put(&format!(
            "<p class=\"soft\">{} {} {} {}",
            w.acknowledged, ack.done, w.of, ack.of
        ))?;
        let waiting: Vec<UserId> = one
            .asked
            .iter()
            .filter(|asked| asked.at.is_none())
            .map(|asked| asked.u.clone())
            .collect();
        if !waiting.is_empty() {
            let names = self.names(&waiting);
            self.put(&format!("; {}{names}", w.not_yet))?;
        }
        self.put("</p>\n")
    }

    fn reactions(&mut self, message: &Message) -> Result<(), ExportError> {
        if message.react.is_empty() {
            return Ok(());
        }
        self.put("<p class=\"reactions\">")?;
        for reaction in &message.react {
            let names = self.names(&reaction.by);
            self.put(&format!(
                "<span>{}{names}</span> ",
                escaped(&reaction.emoji)
            ))?;
        }
        self.put("</p>\n")
    }

    fn versions(&mut self, one: &ExportedMessage) -> Result<(), ExportError> {
        if one.versions.is_empty() {
            return Ok(());
        }
        let w = self.words;
        self.put(&format!("<details><summary>{}</summary>\n", w.versions))?;
        for version in &one.versions {
            let until = moment(parsed(&version.until), &self.order.zone);
            self.put(&format!(
                "<p class=\"soft\">{} {}, {}</p>\n<p class=\"text\" dir=\"auto\">{}</p>\n",
                w.until,
                w.day(until.date),
                until.clock,
                escaped(&version.body),
            ))?;
        }
        self.put("</details>\n")
    }

    fn names(&self, people: &[UserId]) -> String {
        if people.is_empty() {
            return String::new();
        }
        let names: Vec<String> = people
            .iter()
            .map(|id| format!("<bdi>{}</bdi>", escaped(self.room.name(id))))
            .collect();
        format!(" <span class=\"soft\">{}</span>", names.join(", "))
    }
}

fn anchor(id: &MessageId) -> String {
    format!("m-{id}")
}

const fn role_place(role: Role) -> usize {
    match role {
        Role::Administrator => 0,
        Role::Teacher => 1,
        Role::Student => 2,
        Role::Guardian => 3,
        Role::Bot => 4,
    }
}
