//! Messages that the server reports by itself, by the rules of the organisation.

use super::super::pool::{Tx, within};
use super::super::reports::{ADD, word};
use super::super::{StoreResult, new_id, polls};
use super::statements::NewRow;

/// Opens the reports, one statement for each, since they are rare.
pub(super) async fn insert_reports(tx: &mut Tx<'_>, messages: &[NewRow<'_>]) -> StoreResult<()> {
    for message in messages {
        let Some(reason) = message.reported else {
            continue;
        };
        let reason = word(reason)?;
        let poll = message.poll.map(|poll| polls::options_text(&poll.options));
        let said = polls::said(message.body, poll.as_deref())?;
        within!(tx, db => {
            sqlx::query(ADD)
                .bind(new_id()).bind(message.id.as_str()).bind(message.room.as_str()).bind(None::<&str>)
                .bind(message.by.as_str()).bind(&reason).bind("").bind(&said).bind("[]").bind(message.at)
                .execute(db).await?;
        });
    }
    Ok(())
}
