//! Whom a batch's messages ask to acknowledge them.

use super::super::StoreResult;
use super::super::pool::{Tx, within};
use super::statements::NewRow;

/// Writes down who is asked, for the messages that ask: whoever is a member at this moment, when their rooms are locked. One
/// statement for each, since they are rare.
pub(super) async fn insert_acks(tx: &mut Tx<'_>, messages: &mut [NewRow<'_>]) -> StoreResult<()> {
    for message in messages.iter_mut().filter(|message| message.ack.is_some()) {
        let asked = within!(tx, db => {
            sqlx::query(
                "INSERT INTO acks (message_id, person_id, room_id, no)
                 SELECT $1, person_id, room_id, $4 FROM members WHERE room_id = $2 AND person_id <> $3",
            )
            .bind(message.id.as_str()).bind(message.room.as_str()).bind(message.by.as_str()).bind(message.no)
            .execute(db).await?.rows_affected()
        });
        message.ack = Some(u32::try_from(asked).unwrap_or(u32::MAX));
        within!(tx, db => {
            sqlx::query("UPDATE messages SET ack_of = $2, ack_due = $3 WHERE id = $1")
                .bind(message.id.as_str()).bind(i64::try_from(asked).unwrap_or(i64::MAX)).bind(message.due)
                .execute(db).await?;
        });
    }
    Ok(())
}
