//! Which mails of a folder are done. Numbers (UIDs) of a folder only grow as long as its UIDVALIDITY is the same. Pure.

use std::collections::BTreeSet;

/// How far a folder has been looked through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Progress {
    validity: u32,
    /// All up to this one are done.
    read: u32,
    /// Done beyond it: a mail before them has to be looked at again.
    beyond: BTreeSet<u32>,
}

impl Progress {
    /// Of a folder that is `validity` now, of which the database knows `(validity, uid)`.
    pub(super) fn new(validity: u32, known: (i64, i64)) -> Self {
        let is_same = known.0 == i64::from(validity);
        Self {
            validity,
            read: if is_same {
                u32::try_from(known.1).unwrap_or(0)
            } else {
                0
            },
            beyond: BTreeSet::new(),
        }
    }

    /// What the database is to know.
    pub(super) fn known(&self) -> (i64, i64) {
        (self.validity.into(), self.read.into())
    }

    /// The first number that is not done for sure.
    pub(super) const fn next(&self) -> u32 {
        self.read.saturating_add(1)
    }

    /// Those that are still to be looked at, in their order.
    pub(super) fn left(&self, found: impl IntoIterator<Item = u32>) -> Vec<u32> {
        let found: BTreeSet<u32> = found.into_iter().collect();
        let is_left = |uid: &u32| *uid > self.read && !self.beyond.contains(uid);
        found.into_iter().filter(is_left).collect()
    }

    /// A round over these is over, of which those in `again` wait for another.
    pub(super) fn done(&mut self, round: &[u32], again: &BTreeSet<u32>) {
        self.beyond
            .extend(round.iter().filter(|uid| !again.contains(uid)));
        let stuck = again.first().copied().unwrap_or(u32::MAX);
        while let Some(first) = self.beyond.first().copied().filter(|uid| *uid < stuck) {
            self.read = self.read.max(first);
            self.beyond.remove(&first);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_that_waits_is_not_passed_and_others_are_not_looked_at_twice() {
        let mut progress = Progress::new(7, (7, 3));
        assert_eq!(progress.next(), 4);
        // `n:*` finds the last one even if it is before n (RFC 3501 §6.4.8).
        let round = progress.left([9, 3, 5, 6]);
        assert_eq!(round, [5, 6, 9]);
        progress.done(&round, &BTreeSet::from([6]));
        assert_eq!((progress.known(), progress.next()), ((7, 5), 6));
        let round = progress.left([6, 9, 10]);
        assert_eq!(round, [6, 10]);
        progress.done(&round, &BTreeSet::new());
        assert_eq!(progress.known(), (7, 10));
        assert_eq!(progress.left([10]), [0; 0]);
    }

    #[test]
    fn one_that_waited_and_is_gone_holds_nothing_up() {
        let mut progress = Progress::new(7, (7, 0));
        progress.done(&[1, 2], &BTreeSet::from([1]));
        assert_eq!(progress.known(), (7, 0));
        let round = progress.left([2, 3]);
        assert_eq!(round, [3]);
        progress.done(&round, &BTreeSet::new());
        assert_eq!(progress.known(), (7, 3));
    }

    #[test]
    fn numbers_of_another_folder_mean_nothing() {
        assert_eq!(Progress::new(8, (7, 300)).known(), (8, 0));
        assert_eq!(Progress::new(8, (8, -1)).next(), 1);
        assert_eq!(Progress::new(8, (8, i64::from(u32::MAX))).next(), u32::MAX);
    }
}
