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
