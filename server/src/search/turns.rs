//! How often a person may ask.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use protocol::UserId;
use protocol::limits::{SEARCHERS_REMEMBERED, SEARCHES_BURST, SEARCHES_PER_SECOND};

use crate::ws::rate::Bucket;

/// What each person may still ask. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Turns(Arc<Mutex<HashMap<UserId, Bucket>>>);

impl Turns {
    /// Takes a turn.
    ///
    /// # Errors
    /// The milliseconds until there is one again.
    pub fn take(&self, person: &UserId, now: Instant) -> Result<(), u32> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if turns.len() >= SEARCHERS_REMEMBERED && !turns.contains_key(person) {
            turns.retain(|_, bucket| !bucket.is_full(now));
            if turns.len() >= SEARCHERS_REMEMBERED {
                return Err(1_000);
            }
        }
        let fresh = || Bucket::new(now, SEARCHES_PER_SECOND, SEARCHES_BURST);
        turns.entry(person.clone()).or_insert_with(fresh).take(now)
    }
}
