//! Which stream is in which of a receiver's slots. Streams that stay wanted stay where they are.

use super::Stream;

/// The slots of one kind of one receiver.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SlotMap {
    slots: Vec<Option<Stream>>,
}

impl SlotMap {
    /// A map of `len` empty slots.
    pub fn new(len: usize) -> Self {
        Self {
            slots: vec![None; len],
        }
    }

    /// Makes the map hold the first `len` of `wanted`, most important first. Returns whether
    /// anything moved.
    ///
    /// ## Slot: Empty => Stream => (Stream | Empty)
    pub fn assign(&mut self, wanted: &[Stream]) -> bool {
        let mut missing: Vec<Stream> = Vec::new();
        for stream in wanted {
            if missing.len() == self.slots.len() {
                break;
            }
            if !missing.contains(stream) {
                missing.push(*stream);
            }
        }
        let mut changed = false;
        for slot in &mut self.slots {
            let Some(stream) = *slot else { continue };
            match missing.iter().position(|wanted| *wanted == stream) {
                Some(at) => drop(missing.remove(at)),
                None => {
                    *slot = None;
                    changed = true;
                }
            }
        }
        let mut missing = missing.into_iter();
        for slot in self.slots.iter_mut().filter(|slot| slot.is_none()) {
            let Some(stream) = missing.next() else { break };
            *slot = Some(stream);
            changed = true;
        }
        changed
    }

    /// The slots in offer order.
    pub fn iter(&self) -> impl Iterator<Item = Option<Stream>> + '_ {
        self.slots.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PeerKey, Source};

    fn stream(peer: u64) -> Stream {
        Stream {
            peer: PeerKey(peer),
            source: Source::Camera,
        }
    }

    fn streams(peers: &[u64]) -> Vec<Stream> {
        peers.iter().map(|peer| stream(*peer)).collect()
    }

    fn held(map: &SlotMap) -> Vec<u64> {
        map.iter()
            .map(|slot| slot.map_or(0, |stream| stream.peer.0))
            .collect()
    }

    #[test]
    fn streams_that_stay_wanted_stay_where_they_are() {
        let mut map = SlotMap::new(4);
        assert!(map.assign(&streams(&[1, 2, 3])));
        assert_eq!(held(&map), [1, 2, 3, 0]);
        assert!(
            !map.assign(&streams(&[3, 1, 2])),
            "order alone moves nothing"
        );
        assert!(map.assign(&streams(&[3, 1])));
        assert_eq!(held(&map), [1, 0, 3, 0]);
        assert!(map.assign(&streams(&[4, 5, 3, 1])));
        assert_eq!(held(&map), [1, 4, 3, 5]);
    }

    #[test]
    fn the_most_important_get_the_slots_there_are() {
        let mut map = SlotMap::new(2);
        map.assign(&streams(&[1, 2, 3]));
        assert_eq!(held(&map), [1, 2]);
        map.assign(&streams(&[3, 2, 1]));
        assert_eq!(held(&map), [3, 2]);
        assert!(!SlotMap::new(0).assign(&streams(&[1])));
    }

    #[test]
    fn a_stream_named_twice_has_one_slot() {
        let mut map = SlotMap::new(3);
        map.assign(&streams(&[1, 1, 2]));
        assert_eq!(held(&map), [1, 2, 0]);
    }
}
