//! Bits, read from the highest on.

/// Reads a slice; `None` at its end, and nothing after that.
#[derive(Debug, Clone)]
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Bits<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// An unsigned number of up to 32 bits.
    pub(super) fn number(&mut self, bits: usize) -> Option<u32> {
        let mut number = 0;
        for _ in 0..bits {
            let byte = self.bytes.get(self.at / 8)?;
            number = number << 1 | u32::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Some(number)
    }

    pub(super) fn flag(&mut self) -> Option<bool> {
        self.number(1).map(|bit| bit == 1)
    }

    /// A number below `count`, in as few bits as it needs: `ns(n)` of the AV1 specification, §4.10.7.
    pub(super) fn below(&mut self, count: u32) -> Option<u32> {
        let width = (u32::BITS - count.leading_zeros()) as usize;
        let short = (1u32 << width) - count;
        let number = self.number(width.saturating_sub(1))?;
        if number < short {
            return Some(number);
        }
        Some((number << 1 | self.number(1)?) - short)
    }
}
