//! Files' records. The bytes are in `files`.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use protocol::model::{Attachment, Preview};
use protocol::{FileId, RoomId, UserId};

use super::recordings::RecordedRow;
use super::writer::{ROWS_MAX, Rows};
use super::{Store, StoreError, StoreResult, read, write};

/// A file whose bytes are in place.
#[derive(Clone, Debug)]
pub struct NewFile<'a> {
    /// The room that it was uploaded to.
    pub room: &'a RoomId,
    /// Who uploaded it.
    pub owner: &'a UserId,
    /// The rest.
    pub file: &'a Attachment,
}

/// A file, for somebody who may have it.
#[derive(Clone, Debug)]
pub struct FileAccess {
    /// The record.
    pub file: Attachment,
    /// Who uploaded it.
    pub owner: UserId,
}

#[derive(Clone, sqlx::FromRow)]
pub(super) struct AttachmentRow {
    message_id: String,
    id: String,
    name: String,
    size: i64,
    mime: String,
    sha256: String,
    preview_w: i64,
    preview_h: i64,
    #[sqlx(flatten)]
    recorded: RecordedRow,
}

impl AttachmentRow {
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn into_name(self) -> String {
        self.name
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn into_attachment(self) -> StoreResult<Attachment> {
        let preview = match (u32::try_from(self.preview_w), u32::try_from(self.preview_h)) {
            (Ok(w), Ok(h)) if w > 0 && h > 0 => Some(Preview { w, h }),
            _ => None,
        };
        Ok(Attachment {
            id: FileId::parse(self.id).map_err(|_| StoreError::Inconsistent("files.id"))?,
            name: self.name,
            size: u64::try_from(self.size).map_err(|_| StoreError::Inconsistent("files.size"))?,
            mime: self.mime,
            sha256: self.sha256,
            preview,
            rec: self.recorded.into_recording()?,
        })
    }
}

static KNOWN: LazyLock<Rows> =
    LazyLock::new(|| Rows::new("SELECT id FROM files WHERE id IN (", "?", ")"));

impl Store {
    /// Those of these files that were recorded.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn known_files(&self, ids: &[FileId]) -> StoreResult<HashSet<String>> {
        let mut known = HashSet::new();
        for chunk in ids.chunks(ROWS_MAX) {
            let (text, rows) = KNOWN.with(chunk);
            let found: Vec<(String,)> = read!(self, db => {
                let mut query = sqlx::query_as(text);
                for id in rows {
                    query = query.bind(id.map(FileId::as_str));
                }
                query.fetch_all(db).await
            })?;
            known.extend(found.into_iter().map(|(id,)| id));
        }
        Ok(known)
    }

    /// Records a file.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_file(&self, new: NewFile<'_>, now: i64) -> StoreResult<()> {
        let size =
            i64::try_from(new.file.size).map_err(|_| StoreError::Inconsistent("files.size"))?;
        let (w, h) = new
            .file
            .preview
            .map_or((0, 0), |p| (i64::from(p.w), i64::from(p.h)));
        let recorded = RecordedRow::of(new.file.rec.as_ref());
        let (kind, ms, wave) = recorded.columns();
        write!(self, tx => {
            sqlx::query(
                "INSERT INTO files (id, room_id, owner_id, name, size, mime, sha256, preview_w, preview_h, created_at,
                                    recorded, recorded_ms, wave)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
            )
            .bind(new.file.id.as_str()).bind(new.room.as_str()).bind(new.owner.as_str()).bind(&new.file.name)
            .bind(size).bind(&new.file.mime).bind(&new.file.sha256).bind(w).bind(h).bind(now)
            .bind(kind).bind(ms).bind(wave)
            .execute(&mut *tx).await?;
        });
        Ok(())
    }

    /// The file, when this person may have it: its owner while they are in its room, or a member of the room of a message that
    /// it hangs on.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn file_for(&self, id: &FileId, person: &UserId) -> StoreResult<Option<FileAccess>> {
        let row: Option<OwnedRow> = read!(self, db => {
            sqlx::query_as(concat!(
                "SELECT f.owner_id, '' AS message_id, f.id, f.name, f.size, f.mime, f.sha256, f.preview_w, f.preview_h,
                    f.recorded, f.recorded_ms, f.wave
                 FROM files f
                 WHERE f.id = $1
                   AND ((f.owner_id = $2 AND EXISTS (
                       SELECT 1 FROM members m WHERE m.room_id = f.room_id AND m.person_id = $2))
                     OR EXISTS (
                       SELECT 1 FROM attachments a JOIN messages x ON x.id = a.message_id AND x.deleted_at IS NULL
                       JOIN members m ON m.room_id = x.room_id AND m.person_id = $2
                       WHERE a.file_id = f.id)
                     OR EXISTS (
                       SELECT 1 FROM attachments a JOIN reports x ON x.message_id = a.message_id
                       JOIN rooms r ON r.id = x.room_id
                       WHERE a.file_id = f.id AND ", super::reports::handles!("$2"), "))",
            ))
            .bind(id.as_str()).bind(person.as_str()).fetch_optional(db).await
        })?;
        row.map(|row| {
            Ok(FileAccess {
                file: row.file.into_attachment()?,
                owner: UserId::parse(row.owner_id)
                    .map_err(|_| StoreError::Inconsistent("files.owner_id"))?,
            })
        })
        .transpose()
    }
}

#[derive(sqlx::FromRow)]
struct OwnedRow {
    owner_id: String,
    #[sqlx(flatten)]
    file: AttachmentRow,
}

/// Attachments of a room's messages with `first <= seq <= last`, by message id, in order.
pub(super) async fn attachments_by_message(
    store: &Store,
    room: &RoomId,
    first: i64,
    last: i64,
) -> StoreResult<HashMap<String, Vec<AttachmentRow>>> {
    let rows: Vec<AttachmentRow> = read!(store, db => {
        sqlx::query_as(
            "SELECT a.message_id, f.id, f.name, f.size, f.mime, f.sha256, f.preview_w, f.preview_h,
                    f.recorded, f.recorded_ms, f.wave
             FROM messages m JOIN attachments a ON a.message_id = m.id JOIN files f ON f.id = a.file_id
             WHERE m.room_id = $1 AND m.seq >= $2 AND m.seq <= $3 ORDER BY m.seq, a.position",
        )
        .bind(room.as_str()).bind(first).bind(last).fetch_all(db).await
    })?;
    let mut files: HashMap<String, Vec<AttachmentRow>> = HashMap::new();
    for row in rows {
        files.entry(row.message_id.clone()).or_default().push(row);
    }
    Ok(files)
}

static ATTACHMENTS_OF: LazyLock<Rows> = LazyLock::new(|| {
    Rows::new(
        "SELECT a.message_id, f.id, f.name, f.size, f.mime, f.sha256, f.preview_w, f.preview_h,
                    f.recorded, f.recorded_ms, f.wave
         FROM attachments a JOIN files f ON f.id = a.file_id WHERE a.message_id IN (",
        "?",
        ") ORDER BY a.message_id, a.position",
    )
});

/// Attachments of these messages, by message id, in order.
pub(super) async fn attachments_of(
    store: &Store,
    messages: &[&str],
) -> StoreResult<HashMap<String, Vec<AttachmentRow>>> {
    let mut files: HashMap<String, Vec<AttachmentRow>> = HashMap::new();
    for chunk in messages.chunks(ROWS_MAX) {
        let (text, ids) = ATTACHMENTS_OF.with(chunk);
        let rows: Vec<AttachmentRow> = read!(store, db => {
            let mut query = sqlx::query_as(text);
            for id in ids {
                query = query.bind(id.copied());
            }
            query.fetch_all(db).await
        })?;
        for row in rows {
            files.entry(row.message_id.clone()).or_default().push(row);
        }
    }
    Ok(files)
}
