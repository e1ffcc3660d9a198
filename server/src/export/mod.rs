//! A room's history as an archive (ZIP) that anybody can open without Parta: `history.json` for programs, `history.html` for
//! people, and the files. It is written as it is read: at no time is more of it in memory than a page of messages and a
//! piece of a file, and nothing of it is put on the disk.
//!
//! `docs/EXPORT.md` describes the format.

mod html;
mod json;
mod names;
mod pass;
mod shown;
mod sink;
mod words;

use std::collections::HashMap;
use std::io::Write;

use jiff::tz::TimeZone;
use protocol::UserId;
use protocol::model::Person;
use protocol::quarantine::QuarantinedFile;
use protocol::{ErrorCode, RoomId};
use tokio::runtime::Handle;
use zip::CompressionMethod;
use zip::result::ZipError;
use zip::write::{SimpleFileOptions, StreamWriter, ZipWriter};

use crate::files::Files;
use crate::store::{PastLesson, RoomFacts, Store, StoreError};

pub use sink::{PieceWriter, Pieces, pieces};
pub use words::Language;

/// Name of what programs read.
pub const JSON: &str = "history.json";
/// Name of what people read.
pub const HTML: &str = "history.html";
/// Name of the list of files whose bytes the server has lost; there only when it has.
pub const MISSING: &str = "missing.txt";
/// Messages that are read at once.
const PAGE: i64 = 200;
/// Files from this size on get sizes of 64 bits in the archive.
const LARGE: u64 = 4_000_000_000;

/// What is taken out, and how.
#[derive(Clone, Debug)]
pub struct Order {
    /// Which room.
    pub room: RoomId,
    /// For whom; `None` from the command line.
    pub by: Option<Person>,
    /// Hash of the token of the session in which they asked: with it the writing ends.
    pub session: Option<String>,
    /// Whether earlier texts and acknowledgements go along: only staff of the room may read them.
    pub details: bool,
    /// In which language `history.html` speaks.
    pub language: Language,
    /// The school's, as the settings have it.
    pub organisation: String,
    /// In which times are shown.
    pub zone: TimeZone,
    /// Milliseconds since 1970.
    pub now: i64,
}

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// Messages.
    pub messages: u64,
    /// Files.
    pub files: u64,
    /// Bytes of files.
    pub bytes: u64,
    /// Files whose bytes are lost.
    pub missing: u64,
}

/// Why an archive broke off.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The session in which it was asked for is over.
    #[error("the session is over")]
    Over,
    /// There is no such room.
    #[error("there is no such room")]
    NoRoom,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Whoever it is for has gone away, or the disk is full.
    #[error("it could not be written: {0}")]
    Write(#[from] std::io::Error),
    /// The archive.
    #[error("it could not be packed: {0}")]
    Pack(#[from] ZipError),
    /// A file.
    #[error("a file could not be read: {0:?}")]
    File(ErrorCode),
}

/// What is known before the first message is read.
struct Room {
    facts: RoomFacts,
    people: Vec<Person>,
    names: HashMap<UserId, String>,
    lessons: Vec<PastLesson>,
    quarantined: Vec<QuarantinedFile>,
}

type Zip<W> = ZipWriter<StreamWriter<W>>;

/// Writes an archive. It blocks: call it where that is allowed, with the runtime that reads for it. Messages that are stored
/// meanwhile are not in it.
///
/// # Errors
/// See [`ExportError`]; what was written is no archive then.
pub fn write(
    handle: &Handle,
    store: &Store,
    files: &Files,
    order: &Order,
    out: impl Write,
) -> Result<Exported, ExportError> {
    let room = handle.block_on(know(store, order))?;
    let pass = pass::Pass {
        handle,
        store,
        order,
        upto: room.facts.last_no,
    };
    let (out, shut) = sink::Valve::on(out);
    let mut zip = ZipWriter::new_stream(out);
    let done = fill(&mut zip, files, &room, &pass);
    shut.set(done.is_err());
    let done = done?;
    zip.finish()?.into_inner().flush()?;
    Ok(done)
}

fn fill<W: Write>(
    zip: &mut Zip<W>,
    files: &Files,
    room: &Room,
    pass: &pass::Pass<'_>,
) -> Result<Exported, ExportError> {
    let text = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    zip.start_file(JSON, text.large_file(true))?;
    let messages = json::write(zip, pass.order, room, pass)?;
    zip.start_file(HTML, text.large_file(true))?;
    html::write(zip, pass.order, room, pass)?;
    let mut done = pass::files(zip, files, pass)?;
    done.messages = messages;
    Ok(done)
}

async fn know(store: &Store, order: &Order) -> Result<Room, ExportError> {
    let facts = store.room_facts(&order.room).await?;
    let mut facts = facts.ok_or(ExportError::NoRoom)?;
    let people = store.people_of(&order.room).await?;
    if facts.name.is_empty() {
        let names: Vec<&str> = people.iter().map(|person| &*person.name).collect();
        facts.name = names.join(", ");
    }
    let named = |person: &Person| (person.id.clone(), person.name.clone());
    Ok(Room {
        names: people.iter().map(named).collect(),
        lessons: store.past_lessons(&order.room).await?,
        quarantined: store.quarantined(&order.room).await?,
        facts,
        people,
    })
}
