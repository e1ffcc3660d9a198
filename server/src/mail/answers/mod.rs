//! What becomes of an answer to a mail, however it came in: handed over by a mail server ([`super::lmtp`]) or fetched from a
//! mailbox ([`super::imap`]).

pub(super) mod heading;
mod incoming;
pub(super) mod intake;
mod quoted;
pub(super) mod refusal;
pub(super) mod verdict;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use protocol::UserId;
use protocol::limits::{MAIL_REPLIERS_REMEMBERED, MAIL_REPLIES_BURST, MAIL_REPLIES_PER_SECOND};

use crate::ws::rate::Bucket;

/// How often answers of a person are taken.
#[derive(Debug, Default)]
pub(super) struct Turns(Mutex<HashMap<UserId, Bucket>>);

impl Turns {
    fn take(&self, person: &UserId, now: Instant) -> bool {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if turns.len() >= MAIL_REPLIERS_REMEMBERED && !turns.contains_key(person) {
            turns.retain(|_, bucket| !bucket.is_full(now));
            if turns.len() >= MAIL_REPLIERS_REMEMBERED {
                return false;
            }
        }
        let fresh = || Bucket::new(now, MAIL_REPLIES_PER_SECOND, MAIL_REPLIES_BURST);
        let turn = turns.entry(person.clone()).or_insert_with(fresh);
        turn.take(now).is_ok()
    }
}
