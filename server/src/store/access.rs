//! What a person may do in a room, and whether a connection knows their rooms as they are.

use std::collections::HashMap;
use std::sync::LazyLock;

use protocol::room::{Right, RoomKind};
use protocol::{ErrorCode, RoomId, UserId};

use super::people::{role_from, user_id};
use super::pool::{Tx, within};
use super::writer::{ROWS_MAX, Rows};
use super::{Store, StoreError, StoreResult, read};
use crate::rights::{Access, Writers};

/// The columns of [`AccessRow`], of tables `r` (rooms) and `p` (the member).
macro_rules! access_columns {
    () => {
        "r.kind, r.writers, r.archived_at, p.role"
    };
}
pub(super) use access_columns;

#[derive(sqlx::FromRow)]
pub(super) struct AccessRow {
    pub(super) kind: String,
    writers: String,
    archived_at: Option<i64>,
    role: String,
}

impl AccessRow {
    pub(super) fn access(&self) -> StoreResult<Access> {
        Ok(Access {
            kind: kind_from(&self.kind)?,
            writers: writers_from(&self.writers)?,
            archived: self.archived_at.is_some(),
            role: role_from(&self.role)?,
        })
    }
}

static VERSIONS: LazyLock<Rows> = LazyLock::new(|| {
    Rows::new(
        "SELECT id, rooms_version FROM people WHERE id IN (",
        "?",
        ")",
    )
});

impl Store {
    /// This member's situation in a room; `None` for a stranger.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn access(&self, room: &RoomId, person: &UserId) -> StoreResult<Option<Access>> {
        let row: Option<AccessRow> = read!(self, db => {
            sqlx::query_as(concat!(
                "SELECT ", access_columns!(), " FROM members m
                 JOIN rooms r ON r.id = m.room_id JOIN people p ON p.id = m.person_id
                 WHERE m.room_id = $1 AND m.person_id = $2",
            ))
            .bind(room.as_str()).bind(person.as_str()).fetch_optional(db).await
        })?;
        row.map(|row| row.access()).transpose()
    }

    /// A number for each of these people that grows when their rooms change.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn rooms_versions(&self, people: &[UserId]) -> StoreResult<HashMap<UserId, i64>> {
        let mut versions = HashMap::with_capacity(people.len());
        for chunk in people.chunks(ROWS_MAX) {
            let (text, ids) = VERSIONS.with(chunk);
            let found: Vec<(String, i64)> = read!(self, db => {
                let mut query = sqlx::query_as(text);
                for id in ids {
                    query = query.bind(id.map(UserId::as_str));
                }
                query.fetch_all(db).await
            })?;
            for (id, version) in found {
                versions.insert(user_id(id)?, version);
            }
        }
        Ok(versions)
    }
}

/// Locks a room, so that changes of it have an order, and asks whether this person may manage it.
pub(super) async fn lock_to_manage(tx: &mut Tx<'_>, room: &RoomId, by: &UserId) -> StoreResult<()> {
    lock_for(tx, room, by, Right::Manage).await
}

/// The same for another right.
pub(super) async fn lock_for(
    tx: &mut Tx<'_>,
    room: &RoomId,
    by: &UserId,
    right: Right,
) -> StoreResult<()> {
    within!(tx, db => {
        sqlx::query("UPDATE rooms SET last_seq = last_seq WHERE id = $1").bind(room.as_str()).execute(db).await?;
    });
    let access: Option<AccessRow> = within!(tx, db => {
        sqlx::query_as(concat!(
            "SELECT ", access_columns!(), " FROM members m
             JOIN rooms r ON r.id = m.room_id JOIN people p ON p.id = m.person_id
             WHERE m.room_id = $1 AND m.person_id = $2",
        ))
        .bind(room.as_str()).bind(by.as_str()).fetch_optional(db).await?
    });
    let access = access.ok_or(StoreError::Refused(ErrorCode::Forbidden))?;
    access.access()?.may(right).map_err(StoreError::Refused)
}

pub(super) const fn kind_text(kind: RoomKind) -> &'static str {
    match kind {
        RoomKind::Group => "group",
        RoomKind::Direct => "direct",
        RoomKind::Announcements => "announcements",
        RoomKind::Guardians => "guardians",
    }
}

pub(super) fn kind_from(text: &str) -> StoreResult<RoomKind> {
    match text {
        "group" => Ok(RoomKind::Group),
        "direct" => Ok(RoomKind::Direct),
        "announcements" => Ok(RoomKind::Announcements),
        "guardians" => Ok(RoomKind::Guardians),
        _ => Err(StoreError::Inconsistent("rooms.kind")),
    }
}

pub(super) const fn writers_text(writers: Writers) -> &'static str {
    match writers {
        Writers::Members => "members",
        Writers::Staff => "staff",
        Writers::Nobody => "nobody",
    }
}

fn writers_from(text: &str) -> StoreResult<Writers> {
    match text {
        "members" => Ok(Writers::Members),
        "staff" => Ok(Writers::Staff),
        "nobody" => Ok(Writers::Nobody),
        _ => Err(StoreError::Inconsistent("rooms.writers")),
    }
}
