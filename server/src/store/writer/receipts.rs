//! What has arrived on whose devices: one statement for many.

use std::sync::LazyLock;

use protocol::{RoomId, UserId};

use super::super::StoreResult;
use super::super::people::user_id;
use super::super::pool::{Tx, within};
use super::super::receipts::Receipts;
use super::super::rooms::room_id;
use super::rows::{ROWS_MAX, Rows};

/// A member and the message number.
pub(crate) type Receipt<'a> = (&'a (RoomId, UserId), &'a i64);

macro_rules! target {
    () => {
        "CASE WHEN input.column3 < rooms.last_no THEN input.column3 ELSE rooms.last_no END"
    };
}

/// Stores receipts that tell more than the read pointer or those before; gives them as they stand.
pub(crate) static RECEIPTS: LazyLock<Rows> = LazyLock::new(|| {
    Rows::new(
        concat!(
            "INSERT INTO receipts (room_id, person_id, no)
             SELECT members.room_id, members.person_id, ",
            target!(),
            " FROM (VALUES "
        ),
        "?, ?, CAST(? AS BIGINT)",
        // In one order, so that PostgreSQL's nodes never wait for each other.
        concat!(
            ") AS input
             JOIN rooms ON rooms.id = input.column1
             JOIN members ON members.room_id = input.column1 AND members.person_id = input.column2
             WHERE members.read_no < ",
            target!(),
            " ORDER BY members.room_id, members.person_id
             ON CONFLICT (room_id, person_id) DO UPDATE SET no = excluded.no WHERE receipts.no < excluded.no
             RETURNING room_id, person_id, no"
        ),
    )
});

/// A row that [`RECEIPTS`] gives.
pub(crate) type Row = (String, String, i64);

/// What these rows tell.
pub(crate) fn told(rows: Vec<Row>) -> StoreResult<Receipts> {
    rows.into_iter()
        .map(|(room, person, no)| Ok(((room_id(room)?, user_id(person)?), no)))
        .collect()
}

/// Stores these; gives those that were news.
pub(super) async fn receive(tx: &mut Tx<'_>, receipts: &Receipts) -> StoreResult<Receipts> {
    let receipts: Vec<Receipt<'_>> = receipts.iter().collect();
    let mut news = Receipts::new();
    for chunk in receipts.chunks(ROWS_MAX) {
        let (text, rows) = RECEIPTS.with(chunk);
        let rows: Vec<Row> = within!(tx, db => {
            let mut query = sqlx::query_as(text);
            for row in rows {
                query = query
                    .bind(row.map(|((room, _), _)| room.as_str()))
                    .bind(row.map(|((_, person), _)| person.as_str()))
                    .bind(row.map(|(_, no)| *no));
            }
            query.fetch_all(db).await?
        });
        news.extend(told(rows)?);
    }
    Ok(news)
}
