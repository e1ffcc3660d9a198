//! Which worker has which room. A room is on one worker, from its first peer to its last, until more are in it than one is
//! to carry: then it has branches on several.

use std::collections::HashMap;

use crate::sfu::branch::Branch;
use crate::{PeerKey, RoomKey};

/// One room's peers by worker, in the order in which the workers came to it. None is without peers.
type Branches = Vec<(usize, usize)>;

#[derive(Debug)]
struct Seat {
    room: RoomKey,
    worker: usize,
    ufrag: Option<String>,
}

/// Rooms, peers, and the names by which STUN finds them.
#[derive(Debug)]
pub(super) struct Placement {
    /// Peers of each worker.
    loads: Vec<usize>,
    /// Peers of a room that a worker takes before the room is spread.
    spread_from: usize,
    rooms: HashMap<RoomKey, Branches>,
    peers: HashMap<PeerKey, Seat>,
    ufrags: HashMap<String, usize>,
}

impl Placement {
    /// For `workers` of them, at least one.
    pub(super) fn new(workers: usize, spread_from: usize) -> Self {
        Self {
            loads: vec![0; workers.max(1)],
            spread_from: spread_from.max(1),
            rooms: HashMap::new(),
            peers: HashMap::new(),
            ufrags: HashMap::new(),
        }
    }

    /// Where a peer is to be: a new room on the worker with the fewest peers; others where the room is, as long as there
    /// is room for them there; then on a worker more, and when the room is on all, on the one with the fewest peers. Also
    /// where the peer was before, if that is another worker.
    pub(super) fn join(&mut self, room: RoomKey, peer: PeerKey) -> (usize, Option<usize>) {
        let before = self.leave(peer);
        let branches = self.rooms.entry(room).or_default();
        let with_room = branches
            .iter()
            .find(|(_, peers)| *peers < self.spread_from)
            .map(|(worker, _)| *worker);
        let loads = &self.loads;
        let emptiest =
            |workers: &mut dyn Iterator<Item = usize>| workers.min_by_key(|worker| loads[*worker]);
        let has = |worker: &usize| branches.iter().any(|(of, _)| of == worker);
        let worker = with_room
            .or_else(|| emptiest(&mut (0..loads.len()).filter(|worker| !has(worker))))
            .or_else(|| emptiest(&mut (0..loads.len())))
            .unwrap_or_default();
        match branches.iter_mut().find(|(of, _)| *of == worker) {
            Some((_, peers)) => *peers += 1,
            None => branches.push((worker, 1)),
        }
        self.loads[worker] += 1;
        let ufrag = None;
        self.peers.insert(
            peer,
            Seat {
                room,
                worker,
                ufrag,
            },
        );
        (worker, before.filter(|before| *before != worker))
    }

    /// The branches of a worker's room on other workers.
    pub(super) fn others(&self, room: RoomKey, worker: usize) -> Vec<Branch> {
        let branches = self.rooms.get(&room).into_iter().flatten();
        let others = branches.filter(|(of, _)| *of != worker);
        others.map(|(of, _)| Branch(*of as u16)).collect()
    }

    /// Returns where the peer was.
    pub(super) fn leave(&mut self, peer: PeerKey) -> Option<usize> {
        let Seat {
            room,
            worker,
            ufrag,
        } = self.peers.remove(&peer)?;
        self.loads[worker] -= 1;
        if let Some(ufrag) = ufrag {
            self.ufrags.remove(&ufrag);
        }
        if let Some(branches) = self.rooms.get_mut(&room) {
            for (_, peers) in branches.iter_mut().filter(|(of, _)| *of == worker) {
                *peers -= 1;
            }
            branches.retain(|(_, peers)| *peers > 0);
            if branches.is_empty() {
                self.rooms.remove(&room);
            }
        }
        Some(worker)
    }

    pub(super) fn of_peer(&self, peer: PeerKey) -> Option<usize> {
        Some(self.peers.get(&peer)?.worker)
    }

    /// STUN requests for a peer bear this name from now on (RFC 8445 §7.2.2), and none that it had before.
    pub(super) fn name(&mut self, peer: PeerKey, ufrag: &str) {
        let Some(seat) = self.peers.get_mut(&peer) else {
            return;
        };
        if let Some(old) = seat.ufrag.replace(ufrag.to_owned()) {
            self.ufrags.remove(&old);
        }
        self.ufrags.insert(ufrag.to_owned(), seat.worker);
    }

    pub(super) fn of_ufrag(&self, ufrag: &str) -> Option<usize> {
        self.ufrags.get(ufrag).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEVER: usize = usize::MAX;

    #[test]
    fn a_room_stays_together_and_rooms_spread() {
        let mut placement = Placement::new(3, NEVER);
        let mut join = |room, peer| placement.join(RoomKey(room), PeerKey(peer)).0;
        assert_eq!([join(1, 1), join(2, 2), join(3, 3)], [0, 1, 2]);
        assert_eq!([join(1, 4), join(1, 5), join(2, 6)], [0, 0, 1]);
        // Two are on the second worker, three on the first, one on the third.
        assert_eq!(join(4, 7), 2);
    }

    #[test]
    fn a_large_room_fills_one_worker_after_the_other_and_then_all_alike() {
        let mut placement = Placement::new(3, 2);
        // Another room is on the second worker, so that the third comes before it.
        placement.join(RoomKey(1), PeerKey(1));
        placement.join(RoomKey(2), PeerKey(2));
        let mut join = |peer| {
            let (worker, _) = placement.join(RoomKey(1), PeerKey(peer));
            let others = placement.others(RoomKey(1), worker).into_iter();
            (worker, others.map(|branch| branch.0).collect::<Vec<_>>())
        };
        assert_eq!(join(3), (0, vec![]));
        assert_eq!(join(4), (2, vec![0]));
        assert_eq!(join(5), (2, vec![0]));
        assert_eq!(join(6), (1, vec![0, 2]));
        assert_eq!(join(7), (1, vec![0, 2]));
        // Two are on the first and the third, three on the second.
        assert_eq!(join(8), (0, vec![2, 1]));
        assert_eq!(join(9), (2, vec![0, 1]));
        // A place that gets free is filled before others.
        placement.leave(PeerKey(4));
        placement.leave(PeerKey(5));
        assert_eq!(placement.join(RoomKey(1), PeerKey(10)).0, 2);
    }

    #[test]
    fn with_one_worker_nothing_is_spread() {
        let mut placement = Placement::new(1, 2);
        for peer in 0..10 {
            assert_eq!(placement.join(RoomKey(1), PeerKey(peer)).0, 0);
            assert_eq!(placement.others(RoomKey(1), 0), []);
        }
    }

    #[test]
    fn what_is_left_behind_is_forgotten() {
        let mut placement = Placement::new(2, NEVER);
        for peer in 0..100 {
            placement.join(RoomKey(peer % 10), PeerKey(peer));
            placement.name(PeerKey(peer), &format!("first{peer}"));
            placement.name(PeerKey(peer), &format!("second{peer}"));
        }
        assert_eq!(placement.of_ufrag("first7"), None);
        assert_eq!(placement.of_ufrag("second7"), placement.of_peer(PeerKey(7)));
        for peer in 0..100 {
            assert!(placement.leave(PeerKey(peer)).is_some());
            assert_eq!(placement.leave(PeerKey(peer)), None);
        }
        assert!(placement.rooms.is_empty() && placement.ufrags.is_empty());
        assert_eq!(placement.loads, [0, 0]);
    }

    #[test]
    fn one_who_changes_rooms_is_told_to_leave_the_old_worker() {
        let mut placement = Placement::new(2, NEVER);
        placement.join(RoomKey(1), PeerKey(1));
        placement.join(RoomKey(2), PeerKey(2));
        assert_eq!(placement.join(RoomKey(2), PeerKey(1)), (1, Some(0)));
        assert_eq!(placement.join(RoomKey(2), PeerKey(1)), (1, None));
        assert_eq!(placement.loads, [0, 2]);
    }
}
