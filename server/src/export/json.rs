//! `history.json`: the format `parta-history`, version 1. Names and meanings never change within a version; fields may be
//! added. Times are RFC 3339 in UTC.

use std::io::Write;

use protocol::model::{Attachment, Deleted, Message, Person, Reaction, Role};
use protocol::quarantine::QuarantinedFile;
use protocol::recording::Recording;
use protocol::room::RoomKind;
use serde::Serialize;

use super::pass::Pass;
use super::{ExportError, Order, Room, Zip, names};
use crate::store::{ExportedMessage, PastLesson};
use crate::time::rfc3339;

#[derive(Serialize)]
struct Head<'a> {
    format: &'static str,
    version: u32,
    exported_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    exported_by: Option<&'a str>,
    organisation: &'a str,
    zone: &'a str,
    /// Whether earlier texts and acknowledgements are in it.
    details: bool,
    room: RoomJson<'a>,
    people: Vec<PersonJson<'a>>,
    lessons: Vec<LessonJson<'a>>,
    quarantined: &'a [QuarantinedFile],
}

#[derive(Serialize)]
struct RoomJson<'a> {
    id: &'a str,
    name: &'a str,
    kind: RoomKind,
    archived: bool,
    created_at: String,
    messages: i64,
}

#[derive(Serialize)]
struct PersonJson<'a> {
    id: &'a str,
    name: &'a str,
    role: Role,
}

#[derive(Serialize)]
struct LessonJson<'a> {
    id: &'a str,
    by: &'a str,
    started_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<String>,
}

#[derive(Serialize)]
struct MessageJson<'a> {
    no: i64,
    id: &'a str,
    at: &'a str,
    by: &'a str,
    by_name: &'a str,
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_to: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    forwarded_from: Option<PassedOn<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    mentions: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    files: Vec<FileJson<'a>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    reactions: &'a [Reaction],
    #[serde(skip_serializing_if = "Option::is_none")]
    poll: Option<PollJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acknowledgement: Option<AckJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    edited_at: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted: Option<&'a Deleted>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    versions: Vec<VersionJson<'a>>,
}

#[derive(Serialize)]
struct PassedOn<'a> {
    id: &'a str,
    name: &'a str,
}

#[derive(Serialize)]
struct FileJson<'a> {
    path: String,
    name: &'a str,
    size: u64,
    #[serde(rename = "type")]
    mime: &'a str,
    sha256: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    recording: Option<&'a Recording>,
}

#[derive(Serialize)]
struct PollJson<'a> {
    anonymous: bool,
    several: bool,
    quiz: bool,
    voters: u32,
    options: Vec<OptionJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    closed_at: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    right: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'a str>,
}

#[derive(Serialize)]
struct OptionJson<'a> {
    text: &'a str,
    votes: u32,
    /// Absent where the poll is anonymous.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<Vec<&'a str>>,
}

#[derive(Serialize)]
struct AckJson<'a> {
    done: u32,
    of: u32,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    asked: Vec<AskedJson<'a>>,
}

#[derive(Serialize)]
struct AskedJson<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<&'a str>,
}

#[derive(Serialize)]
struct VersionJson<'a> {
    text: &'a str,
    until: &'a str,
}

/// Gives how many messages it wrote.
pub(super) fn write<W: Write>(
    zip: &mut Zip<W>,
    order: &Order,
    room: &Room,
    pass: &Pass<'_>,
) -> Result<u64, ExportError> {
    let head = serde_json::to_string_pretty(&head(order, room)).map_err(std::io::Error::from)?;
    // The messages follow inside the same object, a line each.
    let head = head.trim_end_matches('}').trim_end();
    zip.write_all(head.as_bytes())?;
    zip.write_all(b",\n  \"messages\": [")?;
    let mut count = 0;
    pass.each(order.details, |one| {
        let before: &[u8] = if count == 0 { b"\n" } else { b",\n" };
        zip.write_all(before)?;
        count += 1;
        let line = serde_json::to_vec(&message(room, &one)).map_err(std::io::Error::from)?;
        Ok(zip.write_all(&line)?)
    })?;
    zip.write_all(b"\n  ]\n}\n")?;
    Ok(count)
}

fn head<'a>(order: &'a Order, room: &'a Room) -> Head<'a> {
    let facts = &room.facts;
    Head {
        format: "parta-history",
        version: 1,
        exported_at: rfc3339(order.now),
        exported_by: order.by.as_ref().map(|person| &*person.name),
        organisation: &order.organisation,
        zone: order.zone.iana_name().unwrap_or("UTC"),
        details: order.details,
        room: RoomJson {
            id: facts.id.as_str(),
            name: &facts.name,
            kind: facts.kind,
            archived: facts.archived,
            created_at: rfc3339(facts.created_at),
            messages: facts.last_no,
        },
        people: room.people.iter().map(person).collect(),
        lessons: room.lessons.iter().map(lesson).collect(),
        quarantined: &room.quarantined,
    }
}

fn person(person: &Person) -> PersonJson<'_> {
    PersonJson {
        id: person.id.as_str(),
        name: &person.name,
        role: person.role,
    }
}

fn lesson(lesson: &PastLesson) -> LessonJson<'_> {
    LessonJson {
        id: lesson.id.as_str(),
        by: lesson.by.as_str(),
        started_at: rfc3339(lesson.started_at),
        ended_at: lesson.ended_at.map(rfc3339),
    }
}

fn message<'a>(room: &'a Room, one: &'a ExportedMessage) -> MessageJson<'a> {
    let Message {
        id,
        no,
        by,
        at,
        body,
        ..
    } = &one.message;
    let message = &one.message;
    MessageJson {
        no: *no,
        id: id.as_str(),
        at,
        by: by.as_str(),
        by_name: room.name(by),
        text: body,
        reply_to: message.re.as_ref().map(protocol::MessageId::as_str),
        forwarded_from: message.fwd.as_ref().map(|from| PassedOn {
            id: from.by.as_str(),
            name: &from.name,
        }),
        mentions: message.men.iter().map(protocol::UserId::as_str).collect(),
        files: message
            .att
            .iter()
            .enumerate()
            .map(|(place, of)| file(*no, place, of))
            .collect(),
        reactions: &message.react,
        poll: poll(one),
        acknowledgement: message.ack.map(|ack| AckJson {
            done: ack.done,
            of: ack.of,
            asked: one
                .asked
                .iter()
                .map(|asked| AskedJson {
                    id: asked.u.as_str(),
                    at: asked.at.as_deref(),
                })
                .collect(),
        }),
        edited_at: message.edited.as_deref(),
        deleted: message.deleted.as_ref(),
        versions: one
            .versions
            .iter()
            .map(|version| VersionJson {
                text: &version.body,
                until: &version.until,
            })
            .collect(),
    }
}

fn file(no: i64, place: usize, file: &Attachment) -> FileJson<'_> {
    FileJson {
        path: names::path(no, place, &file.name),
        name: &file.name,
        size: file.size,
        mime: &file.mime,
        sha256: &file.sha256,
        recording: file.rec.as_ref(),
    }
}

fn poll(one: &ExportedMessage) -> Option<PollJson<'_>> {
    let poll = one.message.poll.as_ref()?;
    let by = |place: usize| {
        let people = one.voters.as_ref()?.options.get(place)?;
        Some(people.iter().map(protocol::UserId::as_str).collect())
    };
    let votes = poll
        .tally
        .counts
        .iter()
        .copied()
        .chain(std::iter::repeat(0));
    let options = poll.options.iter().zip(votes).enumerate();
    Some(PollJson {
        anonymous: poll.anon,
        several: poll.many,
        quiz: poll.quiz,
        voters: poll.tally.voters,
        options: options
            .map(|(place, (text, votes))| OptionJson {
                text,
                votes,
                by: by(place),
            })
            .collect(),
        closed_at: poll.tally.closed.as_ref().map(|closed| &*closed.at),
        right: poll.tally.right,
        why: poll.tally.why.as_deref(),
    })
}
