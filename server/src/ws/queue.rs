//! Frames waiting for one connection, bounded in bytes.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use protocol::limits::{LAG_SECONDS, QUEUE_BYTES_MAX, QUEUE_BYTES_SOFT};
use protocol::{CloseCode, LiveEvent, RoomId, UserId};
use tokio::sync::Notify;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::frames::{Published, encode};

/// Most news of people that are remembered for a connection that does not read.
const LATE_MAX: usize = 1_024;

/// How a long queue treats a frame that is not durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Replies and what cannot be asked for again: when there is no room the connection ends.
    Kept,
    /// Left out when the queue is long: typing, who speaks.
    Passing,
}

/// What is told of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Of {
    Presence,
    Lesson,
}

/// What the writer of a connection does next.
#[derive(Debug)]
pub enum Next {
    /// Write these, then flush.
    Frames(Vec<Utf8Bytes>),
    /// Close with this code.
    Close(CloseCode),
}

/// What was not sent to connections that read too slowly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DropCounts {
    /// Passing events left out.
    pub left_out: u64,
    /// Times that durable events were left out, to be asked for again.
    pub lagged: u64,
    /// Connections closed.
    pub too_slow: u64,
}

/// Counts for all queues together.
#[derive(Debug, Default)]
pub(super) struct Drops {
    left_out: AtomicU64,
    lagged: AtomicU64,
    too_slow: AtomicU64,
}

impl Drops {
    pub(super) fn counts(&self) -> DropCounts {
        DropCounts {
            left_out: self.left_out.load(Ordering::Relaxed),
            lagged: self.lagged.load(Ordering::Relaxed),
            too_slow: self.too_slow.load(Ordering::Relaxed),
        }
    }
}

/// One connection's queue. The hub pushes and never waits; the connection's writer takes.
#[derive(Debug, Default)]
pub struct Queue {
    state: Mutex<State>,
    changed: Notify,
    drained: Notify,
}

#[derive(Debug, Default)]
struct State {
    frames: VecDeque<Published>,
    bytes: usize,
    /// Something was queued, and whoever did so will wake the writer.
    to_wake: bool,
    closing: Option<CloseCode>,
    late: BTreeMap<(UserId, Of), Utf8Bytes>,
    /// Rooms of which durable events were left out, with the first of them.
    lag: BTreeMap<RoomId, i64>,
    lagged: Option<Instant>,
    drops: Arc<Drops>,
}

impl Queue {
    /// An empty queue that counts what it drops.
    pub(super) fn counting(drops: Arc<Drops>) -> Self {
        Self {
            state: Mutex::new(State {
                drops,
                ..State::default()
            }),
            ..Self::default()
        }
    }

    /// Queues a durable event without telling the writer, since more may come. Whether [`Self::wake`] has to be called
    /// for it afterwards; of several events for the first only.
    ///
    /// When the queue is full, the durable events in it are left out, which `lag` tells the client once it has read the
    /// rest; a client that falls behind again soon loses the connection instead.
    #[must_use]
    pub fn push_durable(&self, now: Instant, frame: Published) -> bool {
        let mut state = self.lock();
        if state.closing.is_some() {
            return false;
        }
        let Some(event) = frame.event.clone() else {
            return false;
        };
        if state.lag.contains_key(event.room()) {
            return false;
        }
        if state.bytes + frame.text.len() > QUEUE_BYTES_MAX {
            state.shed(now);
            if state.closing.is_none() {
                state
                    .lag
                    .entry(event.room().clone())
                    .or_insert_with(|| event.seq());
            }
        } else {
            state.push(frame);
        }
        !std::mem::replace(&mut state.to_wake, true)
    }

    /// Has what is queued written.
    pub fn wake(&self) {
        self.changed.notify_one();
    }

    /// Queues a frame that is not durable.
    pub fn push(&self, class: Class, text: Utf8Bytes) {
        let mut state = self.lock();
        if state.closing.is_some() {
            return;
        }
        let bytes = state.bytes + text.len();
        match class {
            Class::Passing if bytes > QUEUE_BYTES_SOFT => {
                state.drops.left_out.fetch_add(1, Ordering::Relaxed);
                return;
            }
            Class::Kept if bytes > QUEUE_BYTES_MAX => {
                state.shed(Instant::now());
                if state.bytes + text.len() > QUEUE_BYTES_MAX {
                    state.end_slow();
                }
                if state.closing.is_none() {
                    state.push(Published::passing(text));
                }
            }
            Class::Kept | Class::Passing => {
                state.push(Published::passing(text));
            }
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Queues who came or went. In a long queue only the latest of each person waits, and behind the rest.
    pub fn push_presence(&self, of: &UserId, text: Utf8Bytes) {
        self.push_late((of.clone(), Of::Presence), text);
    }

    /// Queues who is in a lesson, or is not any more; likewise.
    pub fn push_lesson(&self, of: &UserId, text: Utf8Bytes) {
        self.push_late((of.clone(), Of::Lesson), text);
    }

    fn push_late(&self, of: (UserId, Of), text: Utf8Bytes) {
        let mut state = self.lock();
        if state.closing.is_some() {
            return;
        }
        if state.bytes + text.len() <= QUEUE_BYTES_SOFT {
            state.push(Published::passing(text));
        } else if state.late.len() < LATE_MAX || state.late.contains_key(&of) {
            state.late.insert(of, text);
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Waits until the queue is short, so that a long answer does not fill it. For the connection's own reader.
    pub async fn short(&self) {
        loop {
            let drained = self.drained.notified();
            {
                let state = self.lock();
                if state.bytes <= QUEUE_BYTES_SOFT || state.closing.is_some() {
                    return;
                }
            }
            drained.await;
        }
    }

    /// Ends the connection after what is queued.
    pub fn close(&self, code: CloseCode) {
        self.lock().closing.get_or_insert(code);
        self.changed.notify_one();
        self.drained.notify_waiters();
    }

    /// With which code the connection ends, once that is settled: nothing more is queued, and nothing is done for it.
    pub fn closing(&self) -> Option<CloseCode> {
        self.lock().closing
    }

    /// Waits for something to do.
    pub async fn next(&self) -> Next {
        loop {
            if let Some(next) = self.take() {
                self.drained.notify_waiters();
                return next;
            }
            self.changed.notified().await;
        }
    }

    fn take(&self) -> Option<Next> {
        let mut state = self.lock();
        state.to_wake = false;
        if state.frames.is_empty() {
            let late = std::mem::take(&mut state.late).into_values();
            let mut frames: Vec<Utf8Bytes> = late.collect();
            let lag = std::mem::take(&mut state.lag);
            frames.extend(
                lag.into_iter()
                    .map(|(r, s)| encode(&LiveEvent::Lag { r, s })),
            );
            if frames.is_empty() {
                return state.closing.map(Next::Close);
            }
            return Some(Next::Frames(frames));
        }
        state.bytes = 0;
        let frames = state.frames.drain(..).map(|frame| frame.text).collect();
        Some(Next::Frames(frames))
    }

    // The guarded code cannot panic, so a poisoned lock still holds a sound value.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn push(&mut self, frame: Published) {
        self.bytes += frame.text.len();
        self.frames.push_back(frame);
    }

    // Leaves out what the database has, and remembers where.
    fn shed(&mut self, now: Instant) {
        let soon = |at: Instant| now.duration_since(at) < Duration::from_secs(LAG_SECONDS);
        if self.lagged.is_some_and(soon) {
            return self.end_slow();
        }
        self.lagged = Some(now);
        self.drops.lagged.fetch_add(1, Ordering::Relaxed);
        for frame in std::mem::take(&mut self.frames) {
            match &frame.event {
                Some(event) => {
                    self.lag
                        .entry(event.room().clone())
                        .or_insert_with(|| event.seq());
                }
                None => self.frames.push_back(frame),
            }
        }
        self.bytes = self.frames.iter().map(|frame| frame.text.len()).sum();
    }

    // What waits is in the database; sending it would only take longer.
    fn end_slow(&mut self) {
        self.closing = Some(CloseCode::Slow);
        self.drops.too_slow.fetch_add(1, Ordering::Relaxed);
        self.frames.clear();
        self.lag.clear();
        self.late.clear();
        self.bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use protocol::event::CallOver;
    use protocol::{CallId, RoomEvent};

    use super::*;

    fn text(bytes: usize) -> Utf8Bytes {
        "x".repeat(bytes).into()
    }

    fn durable(seq: i64, bytes: usize) -> Published {
        let d = CallOver {
            id: CallId::parse("C1").unwrap(),
            at: String::new(),
            seconds: 0,
        };
        let event = RoomEvent::CallEnded {
            r: RoomId::parse("R1").unwrap(),
            s: seq,
            d,
        };
        Published {
            text: text(bytes),
            ..Published::durable(event)
        }
    }

    async fn frames(queue: &Queue) -> Vec<String> {
        match queue.next().await {
            Next::Frames(frames) => frames.iter().map(ToString::to_string).collect(),
            Next::Close(code) => panic!("closed with {code:?}"),
        }
    }

    #[tokio::test]
    async fn who_reads_slowly_loses_typing_then_events_then_the_connection() {
        let (queue, now) = (Queue::default(), Instant::now());
        assert!(queue.push_durable(now, durable(1, QUEUE_BYTES_SOFT)));
        queue.push(Class::Passing, "typing".into());
        let anna = UserId::parse("anna").unwrap();
        queue.push_presence(&anna, "anna came".into());
        queue.push_presence(&anna, "anna went".into());
        queue.push_lesson(&anna, "anna in a lesson".into());
        queue.push_lesson(&anna, "anna in none".into());
        queue.push(Class::Kept, "reply".into());
        for seq in 2..=5 {
            assert!(!queue.push_durable(now, durable(seq, QUEUE_BYTES_SOFT)));
        }
        assert_eq!(frames(&queue).await, ["reply"]);
        assert_eq!(
            frames(&queue).await,
            ["anna went", "anna in none", r#"{"e":"lag","r":"R1","s":1}"#]
        );
        assert!(queue.push_durable(now, durable(6, 1)));
        assert_eq!(frames(&queue).await, ["x"], "and on");

        for seq in 7..=11 {
            let _ = queue.push_durable(now, durable(seq, QUEUE_BYTES_SOFT));
        }
        assert!(matches!(queue.next().await, Next::Close(CloseCode::Slow)));
    }

    #[tokio::test]
    async fn a_long_answer_waits_for_its_reader() {
        let queue = Queue::default();
        queue.push(Class::Kept, text(QUEUE_BYTES_SOFT + 1));
        let mut short = Box::pin(queue.short());
        assert!(futures_util::poll!(short.as_mut()).is_pending());
        assert_eq!(frames(&queue).await.len(), 1);
        short.await;
    }

    #[tokio::test]
    async fn what_is_queued_is_written_before_a_close() {
        let queue = Queue::default();
        queue.push(Class::Kept, "bye".into());
        assert_eq!(queue.closing(), None);
        queue.close(CloseCode::Restart);
        assert_eq!(queue.closing(), Some(CloseCode::Restart));
        assert_eq!(frames(&queue).await, ["bye"]);
        assert!(matches!(
            queue.next().await,
            Next::Close(CloseCode::Restart)
        ));
    }
}
