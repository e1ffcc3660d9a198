//! Messages of a batch that mention everybody: how many of them somebody has written in a room, and the mark on them.
//! One statement for each, since they are rare.

use std::collections::HashMap;

use protocol::limits::{ALLS_PER_HOUR_MAX, ALLS_SECONDS};
use protocol::{RoomId, UserId};

use super::super::StoreResult;
use super::super::pool::{Tx, within};
use super::Post;
use super::statements::NewRow;

/// How many each author has written in each room within the last [`ALLS_SECONDS`], those of the batch so far too.
pub(super) struct Alls<'a>(HashMap<(&'a RoomId, &'a UserId), i64>);

impl<'a> Alls<'a> {
    /// Counts one more, if there may be.
    pub(super) fn take(&mut self, job: &'a Post) -> bool {
        let Some(count) = self.0.get_mut(&(&job.send.r, &job.by)) else {
            return false;
        };
        let may = *count < i64::from(ALLS_PER_HOUR_MAX);
        *count += i64::from(may);
        may
    }
}

/// Asks that for the authors of these that mention everybody.
pub(super) async fn alls<'a>(tx: &mut Tx<'_>, posts: &'a [Post]) -> StoreResult<Alls<'a>> {
    let mut alls = HashMap::new();
    for job in posts.iter().filter(|job| job.send.all) {
        let key = (&job.send.r, &job.by);
        if alls.contains_key(&key) {
            continue;
        }
        let since = job.now - i64::try_from(ALLS_SECONDS * 1_000).unwrap_or(i64::MAX);
        let (count,): (i64,) = within!(tx, db => {
            sqlx::query_as("SELECT COUNT(*) FROM messages WHERE room_id = $1 AND to_all = 1 AND sender_id = $2 AND at > $3")
                .bind(key.0.as_str()).bind(key.1.as_str()).bind(since).fetch_one(db).await?
        });
        alls.insert(key, count);
    }
    Ok(Alls(alls))
}

/// Marks the messages that mention everybody.
pub(super) async fn mark_alls(tx: &mut Tx<'_>, messages: &[NewRow<'_>]) -> StoreResult<()> {
    for message in messages.iter().filter(|message| message.all) {
        within!(tx, db => {
            sqlx::query("UPDATE messages SET to_all = 1 WHERE id = $1")
                .bind(message.id.as_str()).execute(db).await?;
        });
    }
    Ok(())
}
