//! What is known of files in quarantine.

use protocol::limits::QUARANTINE_TOLD_MAX;
use protocol::quarantine::QuarantinedFile;
use protocol::{FileId, RoomId, UserId};

use super::people::user_id;
use super::{Store, StoreError, StoreResult, read, write};
use crate::time::rfc3339;

/// A file in quarantine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Infected {
    /// Under which its bytes lie there.
    pub id: FileId,
    /// The name that its owner gave it, made safe to show.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// SHA-256 of the content, lower-case hexadecimal.
    pub sha256: String,
    /// What the scanner calls the virus.
    pub virus: String,
}

#[derive(sqlx::FromRow)]
struct QuarantinedRow {
    file_id: String,
    owner_id: String,
    name: String,
    size: i64,
    sha256: String,
    virus: String,
    found_at: i64,
}

impl QuarantinedRow {
    fn into_file(self) -> StoreResult<QuarantinedFile> {
        let wrong = StoreError::Inconsistent;
        Ok(QuarantinedFile {
            id: FileId::parse(self.file_id).map_err(|_| wrong("quarantine.file_id"))?,
            by: user_id(self.owner_id)?,
            name: self.name,
            size: u64::try_from(self.size).map_err(|_| wrong("quarantine.size"))?,
            sha256: self.sha256,
            virus: self.virus,
            at: rfc3339(self.found_at),
        })
    }
}

impl Store {
    /// Records a file that went into quarantine.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_quarantined(
        &self,
        room: &RoomId,
        owner: &UserId,
        file: &Infected,
        now: i64,
    ) -> StoreResult<()> {
        let size = i64::try_from(file.size);
        let size = size.map_err(|_| StoreError::Inconsistent("quarantine.size"))?;
        write!(self, tx => {
            sqlx::query(
                "INSERT INTO quarantine (file_id, room_id, owner_id, name, size, sha256, virus, found_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            )
            .bind(file.id.as_str()).bind(room.as_str()).bind(owner.as_str()).bind(&file.name).bind(size)
            .bind(&file.sha256).bind(&file.virus).bind(now).execute(&mut *tx).await?;
        });
        Ok(())
    }

    /// The latest files of a room in quarantine, the newest first; at most [`QUARANTINE_TOLD_MAX`].
    ///
    /// # Errors
    /// When the database fails.
    pub async fn quarantined(&self, room: &RoomId) -> StoreResult<Vec<QuarantinedFile>> {
        let rows: Vec<QuarantinedRow> = read!(self, db => {
            sqlx::query_as(
                "SELECT file_id, owner_id, name, size, sha256, virus, found_at FROM quarantine
                 WHERE room_id = $1 ORDER BY found_at DESC, file_id DESC LIMIT $2",
            )
            .bind(room.as_str()).bind(i64::from(QUARANTINE_TOLD_MAX)).fetch_all(db).await
        })?;
        rows.into_iter().map(QuarantinedRow::into_file).collect()
    }
}
