//! Texts that people have begun and not sent.

use std::collections::HashMap;

use protocol::limits::{DRAFTS_CHARS_MAX, DRAFTS_MAX};
use protocol::model::Draft;
use protocol::room::Right;
use protocol::{ErrorCode, RoomId, UserId};

use super::mentions::people;
use super::rooms::room_id;
use super::{Store, StoreError, StoreResult, read, write};

impl Store {
    /// Keeps what a person has written in a room, in the place of what was kept before; with an empty text nothing. `None`
    /// when it is that way already; otherwise the new version. That the text is not too long is the caller's to see to.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] for a stranger, [`ErrorCode::Archived`] and [`ErrorCode::ReadOnly`] where they may not write,
    /// [`ErrorCode::TooLarge`] when they have begun as many as [`DRAFTS_MAX`] elsewhere, or [`DRAFTS_CHARS_MAX`] in all.
    pub async fn keep_draft(
        &self,
        room: &RoomId,
        person: &UserId,
        body: &str,
        men: &[UserId],
        now: i64,
    ) -> StoreResult<Option<i64>> {
        let access = self.access(room, person).await?;
        let access = access.ok_or(StoreError::Refused(ErrorCode::Forbidden))?;
        if !body.is_empty() {
            access.may(Right::Write).map_err(StoreError::Refused)?;
        }
        let men: Vec<&str> = men.iter().map(UserId::as_str).collect();
        let men = men.join(" ");
        let version = write!(self, tx => {
            let (others, chars): (i64, i64) = sqlx::query_as(
                "SELECT COUNT(*), CAST(COALESCE(SUM(LENGTH(body)), 0) AS BIGINT) FROM drafts
                 WHERE person_id = $1 AND room_id <> $2 AND body <> ''",
            )
            .bind(person.as_str()).bind(room.as_str()).fetch_one(&mut *tx).await?;
            if !body.is_empty() && is_too_much(others, chars, body) {
                return Err(ErrorCode::TooLarge.into());
            }
            let version: Option<(i64,)> = sqlx::query_as(
                "INSERT INTO drafts (person_id, room_id, body, men, version, changed_at)
                 SELECT $1, $2, $3, $4, CAST(1 AS BIGINT), CAST($5 AS BIGINT)
                 WHERE $3 <> '' OR EXISTS (SELECT 1 FROM drafts d WHERE d.person_id = $1 AND d.room_id = $2)
                 ON CONFLICT (person_id, room_id) DO UPDATE
                 SET body = excluded.body, men = excluded.men, version = drafts.version + 1, changed_at = excluded.changed_at
                 WHERE drafts.body <> excluded.body OR drafts.men <> excluded.men
                 RETURNING version",
            )
            .bind(person.as_str()).bind(room.as_str()).bind(body).bind(&men).bind(now).fetch_optional(&mut *tx).await?;
            version
        });
        Ok(version.map(|(version,)| version))
    }

    /// The version of what is kept of a person in a room; 0 when nothing ever was.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn draft_version(&self, room: &RoomId, person: &UserId) -> StoreResult<i64> {
        let row: Option<(i64,)> = read!(self, db => {
            sqlx::query_as("SELECT version FROM drafts WHERE person_id = $1 AND room_id = $2")
                .bind(person.as_str()).bind(room.as_str()).fetch_optional(db).await
        })?;
        Ok(row.map_or(0, |(version,)| version))
    }

    /// What a person has begun, by room.
    pub(super) async fn drafts_of(&self, person: &UserId) -> StoreResult<HashMap<RoomId, Draft>> {
        let rows: Vec<(String, String, String, i64)> = read!(self, db => {
            sqlx::query_as("SELECT room_id, body, men, version FROM drafts WHERE person_id = $1 AND body <> ''")
                .bind(person.as_str()).fetch_all(db).await
        })?;
        rows.into_iter()
            .map(|(room, body, men, v)| {
                let men = people(Some(men.as_str()).filter(|men| !men.is_empty()))?;
                Ok((room_id(room)?, Draft { v, body, men }))
            })
            .collect()
    }
}

/// Whether this text is one too many beside so many others, of so many characters.
fn is_too_much(others: i64, chars: i64, body: &str) -> bool {
    let is_at_most = |n: i64, most: usize| usize::try_from(n).is_ok_and(|n| n <= most);
    let chars =
        i64::try_from(body.chars().count()).map_or(i64::MAX, |own| chars.saturating_add(own));
    !is_at_most(others.saturating_add(1), DRAFTS_MAX) || !is_at_most(chars, DRAFTS_CHARS_MAX)
}
