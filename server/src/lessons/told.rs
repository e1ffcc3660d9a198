//! Tells the others who is in a lesson: what it says is made to agree with who is there, again and again.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use protocol::UserId;

use super::Lessons;
use crate::store::StoreResult;
use crate::time::now_ms;

/// For so long it holds that somebody is in a lesson unless it is said again, in milliseconds: a server may die.
const HOLDS_MS: i64 = 90_000;
/// How often it is said again.
const AGAIN: Duration = Duration::from_secs(30);

/// What was said.
#[derive(Debug)]
pub(super) struct Told {
    people: BTreeSet<UserId>,
    at: Instant,
}

impl Told {
    pub(super) const fn nobody(at: Instant) -> Self {
        let people = BTreeSet::new();
        Self { people, at }
    }
}

impl Lessons {
    /// Says who is in a lesson here, as far as it was not said.
    pub(super) async fn tell_who_is_in(&self, told: &mut Told) {
        let here = self.lock().everybody();
        let is_old = told.at.elapsed() >= AGAIN;
        if here == told.people && !(is_old && !here.is_empty()) {
            return;
        }
        let came: Vec<UserId> = here.difference(&told.people).cloned().collect();
        let left: Vec<UserId> = told.people.difference(&here).cloned().collect();
        let all: Vec<UserId> = here.iter().cloned().collect();
        if let Err(error) = self
            .note_who_is_in(if is_old { &all } else { &came }, &left)
            .await
        {
            tracing::warn!(%error, "who is in a lesson could not be noted; trying again");
            return;
        }
        if is_old {
            told.at = Instant::now();
        }
        told.people = here;
        for (people, on) in [(came, true), (left, false)] {
            for person in people {
                self.switchboard.tell_lesson(&person, on).await;
            }
        }
    }

    async fn note_who_is_in(&self, here: &[UserId], left: &[UserId]) -> StoreResult<()> {
        if !here.is_empty() {
            self.store
                .keep_in_lessons(here, now_ms() + HOLDS_MS)
                .await?;
        }
        if !left.is_empty() {
            self.store.left_lessons(left).await?;
        }
        Ok(())
    }
}
