//! Datagrams to one receiver, joined to runs that the system can take in one call. A run that was sent leaves its buffer to
//! the next one of its thread: in the steady state nothing is allocated for what is sent.

use std::cell::RefCell;
use std::collections::VecDeque;

/// Most bytes and most datagrams in a run: what Linux takes with `UDP_SEGMENT`.
const BYTES_MAX: usize = 60_000;
const DATAGRAMS_MAX: usize = 60;
/// Buffers kept by a thread, and the largest that is: one for each receiver of a class that is sent a frame.
const SPARE_MAX: usize = 128;
const SPARE_BYTES_MAX: usize = 1 << 16;

thread_local! {
    static SPARE: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// An empty buffer, if possible one that was used before.
fn spare() -> Vec<u8> {
    SPARE.with_borrow_mut(Vec::pop).unwrap_or_default()
}

/// Datagrams for one destination, one after the other: all but the last are `segment` bytes long, the last is not
/// longer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// All bytes.
    pub bytes: Vec<u8>,
    /// Bytes of each datagram but the last; not zero.
    pub segment: usize,
}

impl Run {
    /// A single datagram.
    pub fn single(bytes: Vec<u8>) -> Self {
        let segment = bytes.len().max(1);
        Self { bytes, segment }
    }

    /// The datagrams.
    pub fn datagrams(&self) -> impl Iterator<Item = &[u8]> {
        self.bytes.chunks(self.segment)
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let mut bytes = std::mem::take(&mut self.bytes);
        if (1..=SPARE_BYTES_MAX).contains(&bytes.capacity()) {
            bytes.clear();
            // At the end of the thread there is nothing left to keep it in.
            let _ = SPARE.try_with(|spare| {
                let mut spare = spare.borrow_mut();
                if spare.len() < SPARE_MAX {
                    spare.push(bytes);
                }
            });
        }
    }
}

/// Joins datagrams as they are written.
#[derive(Debug, Default)]
pub(super) struct Runs {
    done: VecDeque<Run>,
    bytes: Vec<u8>,
    /// Length of the datagrams in `bytes`; 0 when there is none.
    segment: usize,
    count: usize,
    closed: bool,
}

impl Runs {
    /// Where the next datagram is to be appended, and from which byte. It must then be ended by
    /// [`end`](Self::end) or [`undo`](Self::undo).
    pub(super) fn begin(&mut self) -> (&mut Vec<u8>, usize) {
        if self.closed || self.count >= DATAGRAMS_MAX || self.bytes.len() + self.segment > BYTES_MAX
        {
            self.close();
        }
        if self.bytes.capacity() == 0 {
            self.bytes = spare();
        }
        let start = self.bytes.len();
        (&mut self.bytes, start)
    }

    /// Ends the datagram that began at `start`.
    pub(super) fn end(&mut self, start: usize) {
        let len = self.bytes.len() - start;
        if self.count == 0 {
            self.segment = len;
            self.count = 1;
            return;
        }
        if len > self.segment {
            let mut alone = spare();
            alone.extend_from_slice(&self.bytes[start..]);
            self.bytes.truncate(start);
            self.close();
            self.bytes = alone;
            self.segment = len;
            self.count = 1;
            return;
        }
        self.count += 1;
        self.closed = len < self.segment;
    }

    /// Takes back the datagram that began at `start`.
    pub(super) fn undo(&mut self, start: usize) {
        self.bytes.truncate(start);
    }

    /// Adds a datagram that is ready.
    pub(super) fn push(&mut self, datagram: Vec<u8>) {
        self.close();
        self.done.push_back(Run::single(datagram));
    }

    /// The next run.
    pub(super) fn pop(&mut self) -> Option<Run> {
        if self.done.is_empty() {
            self.close();
        }
        self.done.pop_front()
    }

    fn close(&mut self) {
        if self.count > 0 {
            self.done.push_back(Run {
                bytes: std::mem::take(&mut self.bytes),
                segment: self.segment,
            });
        }
        self.count = 0;
        self.closed = false;
        self.segment = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(lengths: &[usize]) -> Vec<Vec<usize>> {
        let mut runs = Runs::default();
        for (nth, len) in lengths.iter().enumerate() {
            let (buffer, start) = runs.begin();
            buffer.resize(start + len, nth as u8);
            runs.end(start);
        }
        let mut all = Vec::new();
        let mut nth = 0;
        while let Some(run) = runs.pop() {
            for datagram in run.datagrams() {
                assert!(datagram.iter().all(|byte| *byte == nth), "datagram {nth}");
                nth += 1;
            }
            all.push(run.datagrams().map(<[u8]>::len).collect());
        }
        all
    }

    #[test]
    fn equal_lengths_are_joined_and_a_shorter_one_ends_the_run() {
        assert_eq!(runs(&[5, 5, 5, 3, 5]), [vec![5, 5, 5, 3], vec![5]]);
        assert_eq!(runs(&[5, 6, 6]), [vec![5], vec![6, 6]]);
        assert_eq!(runs(&[5, 3, 3]), [vec![5, 3], vec![3]]);
        assert_eq!(runs(&[]), Vec::<Vec<usize>>::new());
    }

    #[test]
    fn buffers_of_runs_that_were_sent_are_used_again_and_few_are_kept() {
        let held: Vec<Run> = (0..SPARE_MAX + 10)
            .map(|_| Run::single(vec![1; 100]))
            .collect();
        drop(held);
        drop(Run::single(vec![1; SPARE_BYTES_MAX + 1]));
        assert_eq!(SPARE.with_borrow(Vec::len), SPARE_MAX);
        let mut runs = Runs::default();
        let (buffer, start) = runs.begin();
        assert!(buffer.is_empty() && buffer.capacity() == 100);
        buffer.push(7);
        runs.end(start);
        assert_eq!(runs.pop().unwrap().bytes, [7]);
        assert_eq!(SPARE.with_borrow(Vec::len), SPARE_MAX);
    }

    #[test]
    fn no_run_is_longer_than_the_system_takes() {
        let small: Vec<usize> = runs(&[100; 200]).iter().map(Vec::len).collect();
        assert_eq!(small, [60, 60, 60, 20]);
        let large = runs(&[1_200; 120]);
        assert!(
            large
                .iter()
                .all(|run| run.iter().sum::<usize>() <= BYTES_MAX + 1_200)
        );
    }
}
