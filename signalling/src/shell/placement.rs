//! Which worker has which room. A room is on one worker from its first peer to its last.

use std::collections::HashMap;

use crate::{PeerKey, RoomKey};

#[derive(Debug)]
struct Place {
    worker: usize,
    peers: usize,
}

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
    rooms: HashMap<RoomKey, Place>,
    peers: HashMap<PeerKey, Seat>,
    ufrags: HashMap<String, usize>,
}

impl Placement {
    /// For `workers` of them, at least one.
    pub(super) fn new(workers: usize) -> Self {
        Self {
            loads: vec![0; workers.max(1)],
            rooms: HashMap::new(),
            peers: HashMap::new(),
            ufrags: HashMap::new(),
        }
    }

    /// Where a peer's room is, or is to be: on the worker with the fewest peers. Also where the peer was before, if that
    /// is another worker.
    pub(super) fn join(&mut self, room: RoomKey, peer: PeerKey) -> (usize, Option<usize>) {
        let before = self.leave(peer);
        let (rooms, loads) = (&mut self.rooms, &mut self.loads);
        let place = rooms.entry(room).or_insert_with(|| {
            let emptiest = (0..loads.len()).min_by_key(|worker| loads[*worker]);
            let worker = emptiest.unwrap_or_default();
            Place { worker, peers: 0 }
        });
        let worker = place.worker;
        place.peers += 1;
        loads[worker] += 1;
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
        if let Some(place) = self.rooms.get_mut(&room) {
            place.peers -= 1;
            if place.peers == 0 {
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

    #[test]
    fn a_room_stays_together_and_rooms_spread() {
        let mut placement = Placement::new(3);
        let mut join = |room, peer| placement.join(RoomKey(room), PeerKey(peer)).0;
        assert_eq!([join(1, 1), join(2, 2), join(3, 3)], [0, 1, 2]);
        assert_eq!([join(1, 4), join(1, 5), join(2, 6)], [0, 0, 1]);
        // Two are on the second worker, three on the first, one on the third.
        assert_eq!(join(4, 7), 2);
    }

    #[test]
    fn what_is_left_behind_is_forgotten() {
        let mut placement = Placement::new(2);
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
        let mut placement = Placement::new(2);
        placement.join(RoomKey(1), PeerKey(1));
        placement.join(RoomKey(2), PeerKey(2));
        assert_eq!(placement.join(RoomKey(2), PeerKey(1)), (1, Some(0)));
        assert_eq!(placement.join(RoomKey(2), PeerKey(1)), (1, None));
        assert_eq!(placement.loads, [0, 2]);
    }
}
