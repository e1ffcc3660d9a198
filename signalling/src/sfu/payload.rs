//! The payload of a packet, or a part of it, shared by everybody who gets it.

use std::ops::{Deref, Range};
use std::sync::Arc;

/// Bytes that belong together with others of the same packet, without a copy of their own.
#[derive(Debug, Clone)]
pub struct Payload {
    bytes: Arc<[u8]>,
    part: Range<usize>,
}

impl Payload {
    /// A part of this payload, counted from its beginning; `None` when it reaches beyond the end.
    pub fn part(&self, part: Range<usize>) -> Option<Self> {
        self.get(part.clone())?;
        Some(Self {
            bytes: self.bytes.clone(),
            part: self.part.start + part.start..self.part.start + part.end,
        })
    }
}

impl From<Arc<[u8]>> for Payload {
    fn from(bytes: Arc<[u8]>) -> Self {
        Self {
            part: 0..bytes.len(),
            bytes,
        }
    }
}

impl Deref for Payload {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // `part` made sure that there are so many.
        self.bytes.get(self.part.clone()).unwrap_or_default()
    }
}
