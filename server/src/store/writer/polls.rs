//! What makes some of a batch's messages polls.

use std::sync::LazyLock;

use protocol::poll::NewPoll;

use super::super::StoreResult;
use super::super::polls::options_text;
use super::super::pool::{Tx, within};
use super::rows::{ROWS_MAX, Rows};
use super::statements::NewRow;

static POLLS: LazyLock<Rows> = LazyLock::new(|| {
    Rows::new(
        "INSERT INTO polls (message_id, options, many, anonymous, right_option, why, version, told)
         SELECT column1, column2, column3, column4, column5, column6, 1, 1 FROM (VALUES ",
        "?, ?, CAST(? AS BIGINT), CAST(? AS BIGINT), CAST(? AS BIGINT), ?",
        ") AS input WHERE column1 IS NOT NULL",
    )
});

/// Writes the polls among these messages.
pub(super) async fn insert_polls(tx: &mut Tx<'_>, messages: &[NewRow<'_>]) -> StoreResult<()> {
    let polls: Vec<(&str, &NewPoll)> = messages
        .iter()
        .filter_map(|m| Some((m.id.as_str(), m.poll?)))
        .collect();
    for chunk in polls.chunks(ROWS_MAX) {
        let (text, rows) = POLLS.with(chunk);
        within!(tx, db => {
            let mut query = sqlx::query(text);
            for row in rows {
                let quiz = row.and_then(|(_, poll)| poll.quiz.as_ref());
                query = query
                    .bind(row.map(|(id, _)| *id))
                    .bind(row.map(|(_, poll)| options_text(&poll.options)))
                    .bind(row.map(|(_, poll)| i64::from(poll.many)))
                    .bind(row.map(|(_, poll)| i64::from(poll.anon)))
                    .bind(quiz.map(|quiz| i64::from(quiz.right)))
                    .bind(row.map(|_| quiz.and_then(|quiz| quiz.why.as_deref()).unwrap_or_default()));
            }
            query.execute(db).await?;
        });
    }
    Ok(())
}
