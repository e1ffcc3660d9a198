//! One room's part of the hub.

use std::collections::BTreeMap;
use std::time::Instant;

use super::{ConnId, REORDER_WINDOW, ROOM_EVENTS_MAX};

/// `last` is what has been passed on, in order. Before the first catch-up ends it is unknown and events only
/// gather.
#[derive(Debug)]
pub(super) struct Room<F> {
    last: Option<i64>,
    /// Events beyond `last`, waiting for the ones before them.
    ahead: BTreeMap<i64, F>,
    /// Events up to `last` that connections in catch-up may still need.
    recent: BTreeMap<i64, F>,
    conns: BTreeMap<ConnId, Phase>,
    gap_deadline: Option<Instant>,
}

/// ## Catching up => Live
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    CatchingUp,
    /// Holds everything up to here; beyond it, live events follow.
    Live(i64),
}

impl<F> Default for Room<F> {
    fn default() -> Self {
        Self {
            last: None,
            ahead: BTreeMap::new(),
            recent: BTreeMap::new(),
            conns: BTreeMap::new(),
            gap_deadline: None,
        }
    }
}

type Deliveries<F> = Vec<(Vec<ConnId>, F)>;

impl<F: Clone> Room<F> {
    pub(super) fn attach(&mut self, conn: ConnId) {
        self.conns.insert(conn, Phase::CatchingUp);
    }

    pub(super) fn detach(&mut self, conn: ConnId) {
        self.conns.remove(&conn);
        self.forget_recent();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.conns.is_empty()
    }

    pub(super) fn conns(&self) -> impl Iterator<Item = ConnId> {
        self.conns.keys().copied()
    }

    /// Ends a catch-up at `upto`. `Err` means that events after it have passed by unseen: read on from there.
    pub(super) fn live(
        &mut self,
        now: Instant,
        conn: ConnId,
        upto: i64,
    ) -> Result<Deliveries<F>, ()> {
        if !self.conns.contains_key(&conn) {
            return Ok(Vec::new());
        }
        let last = self.last.unwrap_or_else(|| self.begin_at(upto));
        let missed: Vec<F> = self
            .recent
            .range(upto.saturating_add(1)..)
            .map(|(_, frame)| frame.clone())
            .collect();
        if i64::try_from(missed.len()).unwrap_or(i64::MAX) < last - upto {
            return Err(());
        }
        self.conns.insert(conn, Phase::Live(upto));
        let mut deliveries: Deliveries<F> = missed
            .into_iter()
            .map(|frame| (vec![conn], frame))
            .collect();
        self.forget_recent();
        deliveries.extend(self.advance(now));
        Ok(deliveries)
    }

    pub(super) fn event(&mut self, now: Instant, seq: i64, frame: F) -> Deliveries<F> {
        if self.last.is_some_and(|last| seq <= last) {
            return Vec::new();
        }
        self.ahead.insert(seq, frame);
        if self.last.is_none() {
            return Vec::new();
        }
        self.advance(now)
    }

    pub(super) fn gap_deadline(&self) -> Option<Instant> {
        self.gap_deadline
    }

    /// The range to read, once per window, when an event has waited too long for its predecessors.
    pub(super) fn gap_overdue(&mut self, now: Instant) -> Option<(i64, i64)> {
        if self.gap_deadline.is_none_or(|deadline| now < deadline) {
            return None;
        }
        self.gap_deadline = Some(now + REORDER_WINDOW);
        let upto = *self.ahead.last_key_value()?.0;
        Some((self.last?, upto))
    }

    /// Keeps the buffers bounded. What is dropped here is read from the database again.
    pub(super) fn shed(&mut self) {
        while self.ahead.len() > ROOM_EVENTS_MAX {
            self.ahead.pop_last();
        }
        while self.recent.len() > ROOM_EVENTS_MAX {
            self.recent.pop_first();
        }
    }

    // The first catch-up tells where the room stands. Earlier events stay at hand for the other catch-ups, which
    // may have read the database before them.
    fn begin_at(&mut self, upto: i64) -> i64 {
        self.last = Some(upto);
        let beyond = self.ahead.split_off(&upto.saturating_add(1));
        self.recent = std::mem::replace(&mut self.ahead, beyond);
        upto
    }

    fn advance(&mut self, now: Instant) -> Deliveries<F> {
        let mut deliveries = Vec::new();
        while let Some(seq) = self.last.map(|last| last + 1) {
            let Some(frame) = self.ahead.remove(&seq) else {
                break;
            };
            self.pass_on(seq, frame, &mut deliveries);
        }
        self.gap_deadline = if self.ahead.is_empty() {
            None
        } else {
            self.gap_deadline.or(Some(now + REORDER_WINDOW))
        };
        deliveries
    }

    fn pass_on(&mut self, seq: i64, frame: F, deliveries: &mut Deliveries<F>) {
        let to = self
            .conns
            .iter()
            .filter(|(_, phase)| matches!(phase, Phase::Live(upto) if *upto < seq))
            .map(|(conn, _)| *conn)
            .collect();
        if self.someone_catches_up() {
            self.recent.insert(seq, frame.clone());
        }
        self.last = Some(seq);
        deliveries.push((to, frame));
    }

    fn someone_catches_up(&self) -> bool {
        self.conns.values().any(|phase| *phase == Phase::CatchingUp)
    }

    fn forget_recent(&mut self) {
        if !self.someone_catches_up() {
            self.recent.clear();
        }
    }
}
