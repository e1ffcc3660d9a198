//! Programs that write into rooms: how often each may ask.

pub(crate) mod told;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use protocol::UserId;
use protocol::limits::{
    BOT_READS_BURST, BOT_READS_PER_SECOND, BOT_SENDS_BURST, BOT_SENDS_PER_SECOND,
};

use crate::ws::rate::Bucket;

/// What a bot does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Writes.
    Send,
    /// Reads.
    Read,
}

/// What each bot may still ask. As many as there are bots that have come since the server began. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct BotTurns(Arc<Mutex<HashMap<UserId, [Bucket; 2]>>>);

impl BotTurns {
    /// Takes a turn.
    ///
    /// # Errors
    /// The milliseconds until there is one again.
    pub fn take(&self, bot: &UserId, act: Act, now: Instant) -> Result<(), u32> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = || {
            [
                Bucket::new(now, BOT_SENDS_PER_SECOND, BOT_SENDS_BURST),
                Bucket::new(now, BOT_READS_PER_SECOND, BOT_READS_BURST),
            ]
        };
        let [sends, reads] = turns.entry(bot.clone()).or_insert_with(fresh);
        match act {
            Act::Send => sends.take(now),
            Act::Read => reads.take(now),
        }
    }

    /// Forgets a bot whose token was revoked.
    pub fn forget(&self, bot: &UserId) {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        turns.remove(bot);
    }
}
