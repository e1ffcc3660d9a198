//! What a batch asks before it writes, once for all its messages.

use std::collections::HashMap;
use std::sync::LazyLock;

use protocol::model::Role;
use protocol::{FileId, MessageId};

use super::super::files::AttachmentRow;
use super::super::pool::{Tx, within};
use super::super::{StoreError, StoreResult};
use super::rows::{ROWS_MAX, Rows};

/// What is known of a message before it is stored.
pub(super) struct Question<'a> {
    pub(super) room: &'a str,
    pub(super) by: &'a str,
    pub(super) cid: &'a str,
    pub(super) re: Option<&'a str>,
    /// Whether it is for everybody in a way that only staff may use: asks to be acknowledged, or mentions all.
    pub(super) calls: bool,
    /// Whether its author was told that it may be read by who is responsible for the safety of children.
    pub(super) noticed: bool,
    /// In milliseconds since 1970.
    pub(super) now: i64,
}

/// What the database says to a [`Question`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    Stranger,
    /// Reads here, and does not write.
    Reader,
    /// The room is in the archive.
    Archived,
    /// Was not told who may read on here.
    Unaware,
    /// Is kept from writing here.
    Muted,
    /// Wrote in this slow room just now.
    TooSoon,
    /// An earlier try was stored in this room.
    Earlier,
    /// The client id was used in another room.
    Elsewhere,
    /// May not ask for acknowledgements here, or mention all.
    NotCaller,
    /// The room has no such message to reply to.
    NoTarget,
    Fine {
        /// The author's, a teacher's for all of the staff.
        role: Role,
        /// In a slow room.
        is_paced: bool,
    },
}

/// The answer to a [`Question`].
pub(super) struct Answer {
    pub(super) known: Known,
    /// Of a reply that is fine: the message at which its thread began.
    pub(super) root: Option<MessageId>,
}

// One row for all: with SQLite's driver each row of an answer wakes this thread.
static QUESTIONS: LazyLock<Rows> = LazyLock::new(|| {
    Rows::new(
        "SELECT string_agg(CAST(input.column1 AS TEXT) || CASE
                WHEN mine.person_id IS NULL AND NOT EXISTS (
                    SELECT 1 FROM bot_rooms b WHERE b.person_id = input.column3 AND b.room_id = input.column2) THEN 's'
                WHEN earlier.room_id = input.column2 THEN 'e'
                WHEN earlier.room_id IS NOT NULL THEN 'o'
                WHEN room.archived_at IS NOT NULL THEN 'a'
                WHEN room.writers <> 'members' AND NOT (
                    room.writers = 'staff' AND author.role IN ('administrator', 'teacher', 'bot')) THEN 'w'
                WHEN room.safeguarded_after IS NOT NULL AND input.column8 = 0 THEN 'n'
                WHEN mute.until_at > input.column7 AND author.role NOT IN ('administrator', 'teacher') THEN 'm'
                WHEN pace.at + room.slow_seconds * 1000 > input.column7 AND room.slow_seconds > 0
                    AND author.role NOT IN ('administrator', 'teacher') THEN 't'
                WHEN input.column6 = 1 AND (
                    room.kind = 'direct' OR author.role NOT IN ('administrator', 'teacher')) THEN 'k'
                WHEN input.column5 IS NOT NULL AND target.id IS NULL THEN 'r'
                ELSE CASE
                    WHEN author.role = 'student' THEN CASE WHEN room.slow_seconds > 0 THEN 'L' ELSE 'l' END
                    WHEN author.role = 'guardian' THEN CASE WHEN room.slow_seconds > 0 THEN 'G' ELSE 'g' END
                    ELSE 'f' END || COALESCE(target.root_id, target.id, '')
                END, ' '), (SELECT version FROM rules WHERE one = 1)
         FROM (VALUES ",
        "CAST(# AS BIGINT), ?, ?, ?, ?, CAST(? AS BIGINT), CAST(? AS BIGINT), CAST(? AS BIGINT)",
        ") AS input
         LEFT JOIN members mine ON mine.room_id = input.column2 AND mine.person_id = input.column3
         LEFT JOIN rooms room ON room.id = input.column2
         LEFT JOIN people author ON author.id = input.column3
         LEFT JOIN messages earlier ON earlier.sender_id = input.column3 AND earlier.client_id = input.column4
         LEFT JOIN mutes mute ON mute.room_id = input.column2 AND mute.person_id = input.column3
         LEFT JOIN paces pace ON pace.room_id = input.column2 AND pace.person_id = input.column3
         LEFT JOIN messages target ON target.id = input.column5 AND target.room_id = input.column2
         WHERE input.column2 IS NOT NULL",
    )
});

/// Answers in the questions' order, and which version the rules of messages have.
pub(super) async fn ask(
    tx: &mut Tx<'_>,
    questions: &[Question<'_>],
) -> StoreResult<(Vec<Answer>, i64)> {
    let mut version = 0;
    let stranger = |_: &Question<'_>| Answer {
        known: Known::Stranger,
        root: None,
    };
    let mut known: Vec<Answer> = questions.iter().map(stranger).collect();
    for (chunk, answers) in questions.chunks(ROWS_MAX).zip(known.chunks_mut(ROWS_MAX)) {
        let (text, rows) = QUESTIONS.with(chunk);
        let (found, rules): (String, Option<i64>) = within!(tx, db => {
            let mut query = sqlx::query_as(text);
            for row in rows {
                query = query
                    .bind(row.map(|q| q.room))
                    .bind(row.map(|q| q.by))
                    .bind(row.map(|q| q.cid))
                    .bind(row.and_then(|q| q.re))
                    .bind(row.map(|q| i64::from(q.calls)))
                    .bind(row.map(|q| q.now))
                    .bind(row.map(|q| i64::from(q.noticed)));
            }
            query.fetch_one(db).await?
        });
        version = rules.unwrap_or(0);
        for word in found.split(' ') {
            let (place, answer) = answered(word).ok_or(StoreError::Inconsistent("an answer"))?;
            if let Some(slot) = answers.get_mut(place) {
                *slot = answer;
            }
        }
    }
    Ok((known, version))
}

// A place, a letter, and maybe an id.
fn answered(word: &str) -> Option<(usize, Answer)> {
    let (place, rest) = word.split_at(word.find(|c: char| !c.is_ascii_digit())?);
    let (letter, root) = rest.split_at_checked(1)?;
    let fine = |role, is_paced| Known::Fine { role, is_paced };
    let known = match letter {
        "s" => Known::Stranger,
        "a" => Known::Archived,
        "w" => Known::Reader,
        "e" => Known::Earlier,
        "o" => Known::Elsewhere,
        "k" => Known::NotCaller,
        "r" => Known::NoTarget,
        "n" => Known::Unaware,
        "m" => Known::Muted,
        "t" => Known::TooSoon,
        "f" => fine(Role::Teacher, false),
        "l" => fine(Role::Student, false),
        "L" => fine(Role::Student, true),
        "g" => fine(Role::Guardian, false),
        "G" => fine(Role::Guardian, true),
        _ => return None,
    };
    let root = (!root.is_empty()).then(|| MessageId::parse(root));
    let root = root.transpose().ok()?;
    Some((place.parse().ok()?, Answer { known, root }))
}

#[derive(sqlx::FromRow)]
pub(super) struct FileRow {
    pub(super) room_id: String,
    pub(super) owner_id: String,
    #[sqlx(flatten)]
    pub(super) attachment: AttachmentRow,
}

static FILES: LazyLock<Rows> = LazyLock::new(|| {
    Rows::new(
        "SELECT '' AS message_id, id, room_id, owner_id, name, size, mime, sha256, preview_w, preview_h,
                recorded, recorded_ms, wave
         FROM files WHERE id IN (",
        "?",
        ")",
    )
});

/// The files with these ids; those that do not exist are left out.
pub(super) async fn files(
    tx: &mut Tx<'_>,
    ids: &[&FileId],
) -> StoreResult<HashMap<String, FileRow>> {
    let mut files = HashMap::new();
    for chunk in ids.chunks(ROWS_MAX) {
        let (text, rows) = FILES.with(chunk);
        let found: Vec<FileRow> = within!(tx, db => {
            let mut query = sqlx::query_as(text);
            for id in rows {
                query = query.bind(id.map(|id| id.as_str()));
            }
            query.fetch_all(db).await?
        });
        files.extend(
            found
                .into_iter()
                .map(|file| (file.attachment.id().to_owned(), file)),
        );
    }
    Ok(files)
}
