//! What has arrived on whose devices.

use std::collections::BTreeMap;

use protocol::{RoomId, UserId};

use super::pool::Pool;
use super::writer::{RECEIPTS, ROWS_MAX, Receipt, ReceiptRow, told};
use super::{Store, StoreResult};

/// Up to which message number a room's messages have arrived on a device of a person.
pub type Receipts = BTreeMap<(RoomId, UserId), i64>;

/// Most receipts in one transaction: messages wait for it.
const RECEIPTS_AT_ONCE: usize = 8 * ROWS_MAX;

impl Store {
    /// Moves the pointers of what has arrived forward, never past the last message. Gives those that moved beyond what
    /// was read, with where they stand now. Who is no member is left out.
    ///
    /// # Errors
    /// When the database fails: what was written until then stays. [`ErrorCode::Overloaded`] when too many wait.
    ///
    /// [`ErrorCode::Overloaded`]: protocol::ErrorCode::Overloaded
    pub async fn mark_received(&self, receipts: &Receipts) -> StoreResult<Receipts> {
        let receipts: Vec<Receipt<'_>> = receipts.iter().collect();
        let mut news = Receipts::new();
        match &self.pool {
            // Shares its flush with the messages.
            Pool::Sqlite { .. } => {
                for some in receipts.chunks(RECEIPTS_AT_ONCE) {
                    let own = |(member, no): &Receipt<'_>| ((*member).clone(), **no);
                    news.extend(self.writers.receive(some.iter().map(own).collect()).await?);
                }
            }
            Pool::Postgres(postgres) => {
                for some in receipts.chunks(ROWS_MAX) {
                    let (text, rows) = RECEIPTS.with(some);
                    let mut query = sqlx::query_as(text);
                    for row in rows {
                        query = query
                            .bind(row.map(|((room, _), _)| room.as_str()))
                            .bind(row.map(|((_, person), _)| person.as_str()))
                            .bind(row.map(|(_, no)| *no));
                    }
                    let rows: Vec<ReceiptRow> = query.fetch_all(&postgres.pool).await?;
                    news.extend(told(rows)?);
                }
            }
        }
        Ok(news)
    }
}
