//! What went because its time was over, and who decided how long things are kept.

use protocol::history::{LogEntry, LogKind};
use protocol::limits::LOG_PAGE_MAX;
use protocol::{ErrorCode, FileId, RoomId};

use super::audit::room_name;
use super::people::user_id;
use super::rooms::room_id;
use super::{Store, StoreError, StoreResult, read};
use crate::time::rfc3339;

#[derive(sqlx::FromRow)]
struct LogRow {
    id: String,
    room_id: String,
    room_name: String,
    at: i64,
    kind: String,
    by_id: Option<String>,
    by_name: Option<String>,
    keep_days: Option<i64>,
    inherited: i64,
    first_no: Option<i64>,
    last_no: Option<i64>,
    messages: i64,
    versions: i64,
    reactions: i64,
    drafts: i64,
    scheduled: i64,
    files: i64,
    bytes: i64,
    file_ids: String,
}

impl LogRow {
    fn into_entry(self) -> StoreResult<LogEntry> {
        let kind = match self.kind.as_str() {
            "deleted" => LogKind::Deleted,
            "beside" => LogKind::Beside,
            "rule" => LogKind::Rule,
            "held" => LogKind::Held,
            "released" => LogKind::Released,
            _ => return Err(StoreError::Inconsistent("retention_log.kind")),
        };
        let ids = self.file_ids.split_terminator(' ').map(FileId::parse);
        Ok(LogEntry {
            id: self.id,
            r: room_id(self.room_id)?,
            room: self.room_name,
            at: rfc3339(self.at),
            kind,
            by: self.by_id.map(user_id).transpose()?,
            name: self.by_name,
            days: self.keep_days,
            inherited: self.inherited != 0,
            first: self.first_no,
            last: self.last_no,
            messages: self.messages,
            versions: self.versions,
            reactions: self.reactions,
            drafts: self.drafts,
            scheduled: self.scheduled,
            files: self.files,
            bytes: self.bytes,
            file_ids: ids
                .collect::<Result<_, _>>()
                .map_err(|_| StoreError::Inconsistent("retention_log.file_ids"))?,
        })
    }
}

impl Store {
    /// The latest entries, of one room or of all, before the one with this id; the newest first, at most [`LOG_PAGE_MAX`], and
    /// whether there are more.
    ///
    /// # Errors
    /// [`ErrorCode::BadRequest`] for an id that no entry can have.
    pub async fn retention_log(
        &self,
        room: Option<&RoomId>,
        before: Option<&str>,
    ) -> StoreResult<(Vec<LogEntry>, bool)> {
        if before.is_some_and(|id| id.len() > protocol::limits::ID_BYTES_MAX || id.contains('\0')) {
            return Err(ErrorCode::BadRequest.into());
        }
        // Ids are in the order of time, and none of their digits is beyond this letter, in any collation.
        let before = before.unwrap_or("z");
        let limit = i64::from(LOG_PAGE_MAX);
        let mut rows: Vec<LogRow> = read!(self, db => {
            sqlx::query_as(
                concat!("SELECT l.id, l.room_id, ", room_name!(), " AS room_name, l.at, l.kind, l.by_id, p.name AS by_name, l.keep_days, l.inherited,
                        l.first_no, l.last_no, l.messages, l.versions, l.reactions, l.drafts, l.scheduled, l.files, l.bytes,
                        l.file_ids
                 FROM retention_log l JOIN rooms r ON r.id = l.room_id LEFT JOIN people p ON p.id = l.by_id
                 WHERE l.id < $1 AND (CAST($2 AS TEXT) IS NULL OR l.room_id = $2) ORDER BY l.id DESC LIMIT $3"),
            )
            .bind(before).bind(room.map(RoomId::as_str)).bind(limit + 1).fetch_all(db).await
        })?;
        let more = i64::try_from(rows.len()).is_ok_and(|rows| rows > limit);
        rows.truncate(LOG_PAGE_MAX as usize);
        let entries = rows.into_iter().map(LogRow::into_entry);
        Ok((entries.collect::<StoreResult<_>>()?, more))
    }
}
