//! Which mails are looked at again, and when: what cannot be finished keeps no later mail waiting. It outlives a connection. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

/// So often the connection may fail over a mail before others go before it.
const FAILURES_MAX: u32 = 3;
/// The longest wait.
const LONGEST: Duration = Duration::from_secs(60 * 60);

#[derive(Clone, Copy, Debug)]
struct Wait {
    due: Instant,
    long: Duration,
}

/// The mails of a folder that wait.
#[derive(Debug, Default)]
pub(super) struct Patience {
    validity: u32,
    waits: BTreeMap<u32, Wait>,
    /// The mail that is being looked at, and how often that was begun without an end.
    begun: Option<(u32, u32)>,
}

impl Patience {
    /// Of a folder that is `validity` now: numbers of another mean nothing.
    pub(super) fn open(&mut self, validity: u32) {
        if self.validity != validity {
            *self = Self {
                validity,
                ..Self::default()
            };
        }
    }

    /// Only these are still there.
    pub(super) fn keep(&mut self, numbers: &BTreeSet<u32>) {
        self.waits.retain(|uid, _| numbers.contains(uid));
    }

    /// Whether a mail is to be looked at now. Unless [`Patience::end`] or [`Patience::put_off`] follow, that has failed.
    pub(super) fn begin(&mut self, uid: u32, first: Duration, now: Instant) -> bool {
        let wait = self.waits.get(&uid);
        if wait.is_some_and(|wait| wait.due > now) {
            return false;
        }
        // One that has waited has failed before.
        let may_fail = if wait.is_some() { 1 } else { FAILURES_MAX };
        let failed = self
            .begun
            .filter(|(begun, _)| *begun == uid)
            .map_or(0, |(_, times)| times);
        if failed >= may_fail {
            self.put_off(uid, first, now);
            return false;
        }
        self.begun = Some((uid, failed + 1));
        true
    }

    /// A mail is finished.
    pub(super) fn end(&mut self, uid: u32) {
        self.begun = None;
        self.waits.remove(&uid);
    }

    /// A mail waits: `first` at the first time, then twice as long each time.
    pub(super) fn put_off(&mut self, uid: u32, first: Duration, now: Instant) {
        self.begun = None;
        let before = self.waits.get(&uid);
        let long = before.map_or(first, |wait| wait.long.saturating_mul(2).min(LONGEST));
        let due = now + long;
        self.waits.insert(uid, Wait { due, long });
    }

    /// When one of them is to be looked at again.
    pub(super) fn next(&self) -> Option<Instant> {
        self.waits.values().map(|wait| wait.due).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Duration = Duration::from_secs(60);

    #[test]
    fn waits_grow_to_an_hour() {
        let mut now = Instant::now();
        let mut patience = Patience::default();
        patience.open(7);
        for minutes in [1, 2, 4, 8, 16, 32, 60, 60] {
            assert!(patience.begin(5, FIRST, now));
            patience.put_off(5, FIRST, now);
            let due = now + Duration::from_secs(minutes * 60);
            assert_eq!(patience.next(), Some(due), "{minutes}");
            assert!(!patience.begin(5, FIRST, due - Duration::from_secs(1)));
            now = due;
        }
        assert!(patience.begin(5, FIRST, now));
        patience.end(5);
        assert_eq!(patience.next(), None);
    }

    #[test]
    fn a_mail_over_which_the_connection_fails_lets_others_go_first() {
        let now = Instant::now();
        let mut patience = Patience::default();
        for _ in 0..3 {
            patience.open(7);
            assert!(patience.begin(5, FIRST, now));
        }
        patience.open(7);
        assert!(!patience.begin(5, FIRST, now));
        assert!(patience.begin(6, FIRST, now));
        patience.end(6);
        // Then it has one try each time.
        assert!(patience.begin(5, FIRST, now + FIRST));
        assert!(!patience.begin(5, FIRST, now + FIRST));
        assert_eq!(patience.next(), Some(now + FIRST * 3));
        // One that is gone waits no longer, and neither do those of another folder.
        patience.keep(&BTreeSet::from([6]));
        assert_eq!(patience.next(), None);
        patience.put_off(9, FIRST, now);
        patience.open(8);
        assert_eq!(patience.next(), None);
    }
}
