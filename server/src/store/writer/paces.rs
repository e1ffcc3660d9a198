//! Who wrote when in slow rooms.

use super::super::StoreResult;
use super::super::pool::{Tx, within};
use super::statements::NewRow;

/// Writes down that these messages' senders have written now. One statement for each, since slow rooms are rare. False when
/// another node has just stored one of theirs: then the transaction is to be rolled back.
pub(super) async fn insert_paces(
    tx: &mut Tx<'_>,
    messages: &[NewRow<'_>],
    is_paced: impl Fn(&NewRow<'_>) -> bool,
) -> StoreResult<bool> {
    for message in messages.iter().filter(|message| is_paced(message)) {
        let written = within!(tx, db => {
            sqlx::query(
                "INSERT INTO paces (room_id, person_id, at) VALUES ($1, $2, $3)
                 ON CONFLICT (room_id, person_id) DO UPDATE SET at = excluded.at
                 WHERE paces.at + (SELECT slow_seconds FROM rooms WHERE id = $1) * 1000 <= excluded.at",
            )
            .bind(message.room.as_str()).bind(message.by.as_str()).bind(message.at)
            .execute(db).await?.rows_affected()
        });
        if written == 0 {
            return Ok(false);
        }
    }
    Ok(true)
}
