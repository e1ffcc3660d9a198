//! Who is mentioned in a message, by name or as one of all, and which unread messages mention a person. Unread is what lies beyond the read
//! pointer; nothing is counted anywhere.

use protocol::limits::MENTIONS_TOLD_MAX;
use protocol::{RoomId, UserId};

use super::people::user_id;
use super::{Store, StoreError, StoreResult, read};

/// Whom a message of this table mentions: their ids, with spaces between.
macro_rules! men_of {
    ($messages:literal) => {
        concat!(
            "(SELECT string_agg(person_id, ' ') FROM mentions
              WHERE mentions.room_id = ",
            $messages,
            ".room_id AND mentions.no = ",
            $messages,
            ".no)"
        )
    };
}

/// The unread messages that mention the member `mine`, by name or as one of all: their numbers, with spaces between, some
/// maybe twice. Of either kind they begin with the `$2`-th before the last, or with the first.
macro_rules! unread_mentions {
    () => {
        "NULLIF(concat_ws(' ',
         (SELECT string_agg(CAST(x.no AS TEXT), ' ') FROM mentions x
          WHERE x.person_id = mine.person_id AND x.room_id = mine.room_id AND x.no >= COALESCE((
              SELECT y.no FROM mentions y
              WHERE y.person_id = mine.person_id AND y.room_id = mine.room_id AND y.no > mine.read_no
              ORDER BY y.no DESC LIMIT 1 OFFSET $2), mine.read_no + 1)),
         (SELECT string_agg(CAST(x.no AS TEXT), ' ') FROM messages x
          WHERE x.room_id = mine.room_id AND x.to_all = 1 AND x.sender_id <> mine.person_id AND x.no >= COALESCE((
              SELECT y.no FROM messages y
              WHERE y.room_id = mine.room_id AND y.to_all = 1 AND y.sender_id <> mine.person_id AND y.no > mine.read_no
              ORDER BY y.no DESC LIMIT 1 OFFSET $2), mine.read_no + 1))), '')"
    };
}

pub(super) use {men_of, unread_mentions};

/// `$2` of [`unread_mentions`], so that it gives at most [`MENTIONS_TOLD_MAX`] of either kind.
pub(super) fn before_last() -> i64 {
    i64::try_from(MENTIONS_TOLD_MAX - 1).unwrap_or(i64::MAX)
}

/// Reads what [`men_of`] gives.
pub(super) fn people(text: Option<&str>) -> StoreResult<Vec<UserId>> {
    let ids = text.into_iter().flat_map(|text| text.split(' '));
    let mut people: Vec<UserId> = ids
        .map(|id| user_id(id.to_owned()))
        .collect::<StoreResult<_>>()?;
    people.sort();
    Ok(people)
}

/// Reads what [`unread_mentions`] gives: each once, ascending, at most [`MENTIONS_TOLD_MAX`].
pub(super) fn numbers(text: Option<&str>) -> StoreResult<Vec<i64>> {
    let words = text.into_iter().flat_map(|text| text.split(' '));
    let mut numbers: Vec<i64> = words
        .map(str::parse)
        .collect::<Result<_, _>>()
        .map_err(|_| StoreError::Inconsistent("mentions.no"))?;
    numbers.sort_unstable();
    numbers.dedup();
    let more = numbers.len().saturating_sub(MENTIONS_TOLD_MAX);
    Ok(numbers.split_off(more))
}

impl Store {
    /// The unread messages of a room that mention this person, ascending; of more than [`MENTIONS_TOLD_MAX`] the
    /// newest. None for a stranger.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn unread_mentions(&self, room: &RoomId, person: &UserId) -> StoreResult<Vec<i64>> {
        let row: Option<(Option<String>,)> = read!(self, db => {
            sqlx::query_as(concat!(
                "SELECT ", unread_mentions!(), " FROM members mine WHERE mine.room_id = $1 AND mine.person_id = $3",
            ))
            .bind(room.as_str()).bind(before_last()).bind(person.as_str()).fetch_optional(db).await
        })?;
        numbers(row.and_then(|(text,)| text).as_deref())
    }
}
