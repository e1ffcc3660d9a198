//! Mentions of a batch's messages: whether they may be, and their rows.

use std::collections::HashSet;
use std::sync::LazyLock;

use protocol::{RoomId, UserId};

use super::super::pool::{Tx, within};
use super::super::{StoreError, StoreResult};
use super::rows::{ROWS_MAX, Rows};
use super::statements::NewRow;

/// Somebody in a room.
pub(super) type Member<'a> = (&'a RoomId, &'a UserId);

// One row for all, as with the batch's other questions.
static MEMBERS: LazyLock<Rows> = LazyLock::new(|| {
    Rows::new(
        "SELECT string_agg(CAST(input.column1 AS TEXT), ' ') FROM (VALUES ",
        "CAST(# AS BIGINT), ?, ?",
        ") AS input
         JOIN members ON members.room_id = input.column2 AND members.person_id = input.column3",
    )
});

/// Those of these who are members.
pub(super) async fn members<'a>(
    tx: &mut Tx<'_>,
    asked: &[Member<'a>],
) -> StoreResult<HashSet<Member<'a>>> {
    let mut members = HashSet::new();
    for chunk in asked.chunks(ROWS_MAX) {
        let (text, rows) = MEMBERS.with(chunk);
        let (found,): (Option<String>,) = within!(tx, db => {
            let mut query = sqlx::query_as(text);
            for row in rows {
                query = query.bind(row.map(|m| m.0.as_str())).bind(row.map(|m| m.1.as_str()));
            }
            query.fetch_one(db).await?
        });
        for place in found.iter().flat_map(|found| found.split(' ')) {
            let member = place.parse().ok().and_then(|place: usize| chunk.get(place));
            members.insert(*member.ok_or(StoreError::Inconsistent("an answer"))?);
        }
    }
    Ok(members)
}

static MENTIONS: LazyLock<Rows> = LazyLock::new(|| {
    Rows::new(
        "INSERT INTO mentions (person_id, room_id, no) SELECT column1, column2, column3 FROM (VALUES ",
        "?, ?, CAST(? AS BIGINT)",
        ") AS input WHERE column1 IS NOT NULL",
    )
});

/// Writes who is mentioned in these messages.
pub(super) async fn insert_mentions(tx: &mut Tx<'_>, messages: &[NewRow<'_>]) -> StoreResult<()> {
    let mentions: Vec<(&UserId, &RoomId, i64)> = messages
        .iter()
        .flat_map(|m| m.men.iter().map(|person| (person, m.room, m.no)))
        .collect();
    for chunk in mentions.chunks(ROWS_MAX) {
        let (text, rows) = MENTIONS.with(chunk);
        within!(tx, db => {
            let mut query = sqlx::query(text);
            for row in rows {
                query = query
                    .bind(row.map(|m| m.0.as_str()))
                    .bind(row.map(|m| m.1.as_str()))
                    .bind(row.map(|m| m.2));
            }
            query.execute(db).await?;
        });
    }
    Ok(())
}
