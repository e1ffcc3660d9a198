//! Which hints of the bus arrived. Pure: the shell tells what it heard and what the counters say.
//!
//! Rooms are spread over a fixed number of partitions, each with a counter that grows by one with every durable hint,
//! and a random epoch that a Redis that lost its memory makes anew.

use protocol::RoomId;

/// Partitions. All nodes must agree, so it is not a setting.
pub(super) const PARTITIONS: usize = 16;

/// A partition's counter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Position {
    /// Changes when Redis lost its memory.
    pub(super) epoch: String,
    /// Durable hints so far.
    pub(super) n: u64,
}

/// What is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// Hints `after < n <= upto`, which the partition's log may still have.
    Range {
        /// Last one that arrived.
        after: u64,
        /// Last one that is missing.
        upto: u64,
    },
    /// Nobody knows what: compare with the database.
    Unknown,
}

/// Where this node stands in every partition.
#[derive(Debug, Default)]
pub(super) struct Partitions {
    seen: [Option<Position>; PARTITIONS],
    /// What the counter said last time, when this node was behind it.
    behind: [Option<u64>; PARTITIONS],
}

impl Partitions {
    /// The partition of a room: FNV-1a, which is the same on every node and in every version.
    pub(super) fn of(room: &RoomId) -> usize {
        let hash = room
            .as_str()
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
            });
        usize::try_from(hash % PARTITIONS as u64).unwrap_or_default()
    }

    /// A hint arrived.
    pub(super) fn heard(&mut self, partition: usize, at: Position) -> Option<Missing> {
        let seen = self.seen.get_mut(partition)?;
        let missing = match seen {
            None => None,
            Some(before) if before.epoch != at.epoch => Some(Missing::Unknown),
            Some(before) if at.n <= before.n => return None,
            Some(before) if at.n == before.n + 1 => None,
            Some(before) => Some(Missing::Range {
                after: before.n,
                upto: at.n - 1,
            }),
        };
        *seen = Some(at);
        missing
    }

    /// The counter was read. A hint that it counts may still be on its way: it is missing when it has not come by
    /// the next time.
    pub(super) fn counted(&mut self, partition: usize, at: Position) -> Option<Missing> {
        let (seen, behind) = (
            self.seen.get_mut(partition)?,
            self.behind.get_mut(partition)?,
        );
        let (missing, next_behind) = match seen {
            // What came before is caught up from the database when the node joins.
            None => (None, None),
            Some(before) if before.epoch != at.epoch => (Some(Missing::Unknown), None),
            Some(before) if at.n <= before.n => (None, None),
            Some(before) => match *behind {
                Some(then) if then > before.n => (
                    Some(Missing::Range {
                        after: before.n,
                        upto: at.n,
                    }),
                    None,
                ),
                _ => {
                    *behind = Some(at.n);
                    return None;
                }
            },
        };
        *behind = next_behind;
        if missing.is_some() || seen.is_none() {
            *seen = Some(at);
        }
        missing
    }

    /// The subscription was lost: what comes next continues nothing.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(epoch: &str, n: u64) -> Position {
        Position {
            epoch: epoch.to_owned(),
            n,
        }
    }

    #[test]
    fn a_gap_is_told_once() {
        let mut partitions = Partitions::default();
        assert_eq!(partitions.heard(3, at("a", 7)), None);
        assert_eq!(partitions.heard(3, at("a", 8)), None);
        let missing = Some(Missing::Range { after: 8, upto: 10 });
        assert_eq!(partitions.heard(3, at("a", 11)), missing);
        assert_eq!(partitions.heard(3, at("a", 12)), None);
        assert_eq!(partitions.heard(3, at("a", 12)), None, "twice");
        assert_eq!(
            partitions.heard(PARTITIONS, at("a", 1)),
            None,
            "no such partition"
        );
    }

    #[test]
    fn a_lost_tail_is_found_by_the_counter() {
        let mut partitions = Partitions::default();
        assert_eq!(partitions.counted(0, at("a", 5)), None, "where it joins");
        assert_eq!(partitions.counted(0, at("a", 6)), None, "may be under way");
        assert_eq!(partitions.heard(0, at("a", 6)), None, "and was");
        assert_eq!(partitions.counted(0, at("a", 7)), None);
        let missing = Some(Missing::Range { after: 6, upto: 9 });
        assert_eq!(partitions.counted(0, at("a", 9)), missing);
        assert_eq!(partitions.counted(0, at("a", 9)), None);
    }

    #[test]
    fn a_redis_that_lost_its_memory_is_noticed() {
        let mut partitions = Partitions::default();
        partitions.counted(0, at("a", 500));
        assert_eq!(partitions.counted(0, at("b", 1)), Some(Missing::Unknown));
        assert_eq!(partitions.counted(0, at("b", 1)), None);
        assert_eq!(partitions.heard(0, at("c", 9)), Some(Missing::Unknown));
        assert_eq!(partitions.heard(0, at("c", 10)), None);
    }

    #[test]
    fn rooms_are_spread_over_the_partitions() {
        let mut used = [false; PARTITIONS];
        for k in 0..200 {
            let room = RoomId::parse(format!("0192f0c3-2b00-7d22-9a00-{k:012}")).unwrap();
            used[Partitions::of(&room)] = true;
        }
        assert_eq!(used, [true; PARTITIONS]);
    }
}
