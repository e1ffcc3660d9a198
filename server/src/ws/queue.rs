//! Frames waiting for one connection, bounded in bytes.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::extract::ws::Utf8Bytes;
use protocol::CloseCode;
use protocol::limits::{QUEUE_BYTES_MAX, QUEUE_BYTES_SOFT};
use tokio::sync::Notify;

/// How a full queue treats a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Replies and durable events: when there is no room the connection ends, and the client resumes by position.
    Kept,
    /// Typing, presence and the like: left out when the queue is long.
    Passing,
}

/// What the writer of a connection does next.
#[derive(Debug)]
pub enum Next {
    /// Write these, then flush.
    Frames(Vec<Utf8Bytes>),
    /// Close with this code.
    Close(CloseCode),
}

/// One connection's queue. The hub pushes and never waits; the connection's writer takes.
#[derive(Debug, Default)]
pub struct Queue {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    frames: VecDeque<Utf8Bytes>,
    bytes: usize,
    closing: Option<CloseCode>,
}

impl Queue {
    /// Queues a frame, or ends the connection when a kept frame has no room.
    pub fn push(&self, class: Class, frame: Utf8Bytes) {
        let mut state = self.lock();
        if state.closing.is_some() {
            return;
        }
        let bytes = state.bytes + frame.len();
        match class {
            Class::Passing if bytes > QUEUE_BYTES_SOFT => return,
            Class::Kept if bytes > QUEUE_BYTES_MAX => {
                state.closing = Some(CloseCode::Slow);
                // What waits is in the database; sending it would only take longer.
                state.frames.clear();
                state.bytes = 0;
            }
            Class::Kept | Class::Passing => {
                state.bytes = bytes;
                state.frames.push_back(frame);
            }
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Ends the connection after what is queued.
    pub fn close(&self, code: CloseCode) {
        self.lock().closing.get_or_insert(code);
        self.changed.notify_one();
    }

    /// Waits for something to do.
    pub async fn next(&self) -> Next {
        loop {
            if let Some(next) = self.take() {
                return next;
            }
            self.changed.notified().await;
        }
    }

    fn take(&self) -> Option<Next> {
        let mut state = self.lock();
        if !state.frames.is_empty() {
            state.bytes = 0;
            return Some(Next::Frames(state.frames.drain(..).collect()));
        }
        state.closing.map(Next::Close)
    }

    // The guarded code cannot panic, so a poisoned lock still holds a sound value.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_reader_that_stops_loses_typing_first_and_then_the_connection() {
        let queue = Queue::default();
        let big = Utf8Bytes::from("x".repeat(QUEUE_BYTES_SOFT));
        queue.push(Class::Kept, big.clone());
        queue.push(Class::Passing, Utf8Bytes::from_static("typing"));
        queue.push(Class::Kept, Utf8Bytes::from_static("message"));
        let Next::Frames(frames) = queue.next().await else {
            panic!("frames wait")
        };
        assert_eq!(frames, [big.clone(), Utf8Bytes::from_static("message")]);

        for _ in 0..5 {
            queue.push(Class::Kept, big.clone());
        }
        assert!(matches!(queue.next().await, Next::Close(CloseCode::Slow)));
    }

    #[tokio::test]
    async fn what_is_queued_is_written_before_a_close() {
        let queue = Queue::default();
        queue.push(Class::Kept, Utf8Bytes::from_static("bye"));
        queue.close(CloseCode::Restart);
        assert!(matches!(queue.next().await, Next::Frames(frames) if frames.len() == 1));
        assert!(matches!(
            queue.next().await,
            Next::Close(CloseCode::Restart)
        ));
    }
}
