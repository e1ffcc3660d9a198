//! One room's part of the hub.

use std::collections::BTreeMap;
use std::time::Instant;

use super::{BUMP_WINDOW, ConnId, FETCH_RETRY, Frame, REORDER_WINDOW, ROOM_EVENTS_MAX};

/// `last` is what has been passed on, in order. Before the first catch-up ends it is unknown and events only
/// gather.
#[derive(Debug)]
pub(super) struct Room<F: Frame> {
    last: Option<i64>,
    /// Events beyond `last`, waiting for the ones before them.
    ahead: BTreeMap<i64, F>,
    /// Events up to `last` that connections in catch-up may still need.
    recent: BTreeMap<i64, F>,
    conns: BTreeMap<ConnId, Phase>,
    /// The furthest position that the room is known to have reached.
    known: i64,
    /// Events after the first of these, up to the second, passed by unseen while a summary was read: they are read
    /// once more. Until then nobody is told any news, so that a bump holds everything up to its position.
    unseen: Option<(i64, i64)>,
    gap_deadline: Option<Instant>,
    /// What those who show a summary have not been told yet.
    news: Option<F::News>,
    /// When they may be told next.
    bump_from: Option<Instant>,
}

/// ## Catching up => Live or Watching => Catching up …
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    CatchingUp,
    /// Holds everything up to here; beyond it, live events follow.
    Live(i64),
    /// Shows a summary.
    Watching,
}

impl<F: Frame> Default for Room<F> {
    fn default() -> Self {
        Self {
            last: None,
            ahead: BTreeMap::new(),
            recent: BTreeMap::new(),
            conns: BTreeMap::new(),
            known: 0,
            unseen: None,
            gap_deadline: None,
            news: None,
            bump_from: None,
        }
    }
}

type Deliveries<F> = Vec<(Vec<ConnId>, F)>;

impl<F: Frame> Room<F> {
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

    pub(super) fn listeners(&self) -> impl Iterator<Item = ConnId> {
        self.conns
            .iter()
            .filter(|(_, phase)| **phase != Phase::Watching)
            .map(|(conn, _)| *conn)
    }

    /// From here on the connection shows a summary, which holds everything up to `upto`.
    ///
    /// Gives what others may now have, and the range to read for this one.
    pub(super) fn watch(
        &mut self,
        now: Instant,
        conn: ConnId,
        upto: i64,
    ) -> (Deliveries<F>, Option<(i64, i64)>) {
        let Some(phase) = self.conns.get_mut(&conn) else {
            return (Vec::new(), None);
        };
        let caught_up = *phase != Phase::CatchingUp;
        *phase = Phase::Watching;
        let last = self.last.unwrap_or_else(|| self.begin_at(upto));
        let mut fetch = None;
        if !caught_up {
            let missed = self.since(upto);
            if i64::try_from(missed.len()).unwrap_or(i64::MAX) < last - upto {
                let from = self.unseen.map_or(upto, |(from, _)| from.min(upto));
                self.unseen = Some((from, last));
                self.gap_deadline = Some(now + FETCH_RETRY);
                fetch = Some((from, last));
            }
            for (seq, frame) in missed {
                self.note(seq, &frame);
            }
        }
        self.forget_recent();
        (self.advance(now), fetch)
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
        let missed = self.since(upto);
        if i64::try_from(missed.len()).unwrap_or(i64::MAX) < last - upto {
            return Err(());
        }
        self.conns.insert(conn, Phase::Live(upto));
        let mut deliveries: Deliveries<F> = missed
            .into_iter()
            .map(|(_, frame)| (vec![conn], frame))
            .collect();
        self.forget_recent();
        deliveries.extend(self.advance(now));
        Ok(deliveries)
    }

    pub(super) fn event(&mut self, now: Instant, seq: i64, frame: F) -> Deliveries<F> {
        if self.last.is_some_and(|last| seq <= last) {
            self.passed(seq, &frame);
            return Vec::new();
        }
        self.ahead.insert(seq, frame);
        if self.last.is_none() {
            return Vec::new();
        }
        self.advance(now)
    }

    /// The range to read when the database is further than what was passed on. Read at once: whoever says so has
    /// lost publications or fears it.
    pub(super) fn known(&mut self, now: Instant, seq: i64) -> Option<(i64, i64)> {
        self.known = self.known.max(seq);
        let last = self.last?;
        if seq <= last {
            return None;
        }
        self.gap_deadline = Some(now + FETCH_RETRY);
        Some((last, self.furthest()))
    }

    /// When the room wants to be looked at.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let news = self.news.is_some() && self.unseen.is_none();
        let bump = self.bump_from.filter(|_| news);
        [self.gap_deadline, bump].into_iter().flatten().min()
    }

    /// The range to read when an event has waited too long for its predecessors.
    pub(super) fn gap_overdue(&mut self, now: Instant) -> Option<(i64, i64)> {
        if self.gap_deadline.is_none_or(|deadline| now < deadline) {
            return None;
        }
        self.gap_deadline = Some(now + FETCH_RETRY);
        let last = self.last?;
        let behind = self.unseen.is_some() || last < self.furthest();
        if !behind {
            self.gap_deadline = None;
            return None;
        }
        let from = self.unseen.map_or(last, |(from, _)| from);
        Some((from, self.furthest().max(last)))
    }

    /// Whom to tell what news, when the time for it has come.
    pub(super) fn bump_due(&mut self, now: Instant) -> Option<(Vec<ConnId>, i64, F::News)> {
        if self.unseen.is_some() || self.bump_from.is_some_and(|from| now < from) {
            return None;
        }
        let news = self.news.take()?;
        self.bump_from = Some(now + BUMP_WINDOW);
        let to = self.watchers();
        self.last.map(|last| (to, last, news))
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
        let behind = self.last.is_some_and(|last| last < self.furthest());
        self.gap_deadline = if behind || self.unseen.is_some() {
            self.gap_deadline.or(Some(now + REORDER_WINDOW))
        } else {
            None
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
        if self.someone_is(Phase::CatchingUp) {
            self.recent.insert(seq, frame.clone());
        }
        if self.someone_is(Phase::Watching) {
            self.note(seq, &frame);
        }
        self.last = Some(seq);
        deliveries.push((to, frame));
    }

    fn note(&mut self, seq: i64, frame: &F) {
        frame.note(seq, self.news.get_or_insert_default());
    }

    // An event that was passed on before. They are read in order, but only so many at once.
    fn passed(&mut self, seq: i64, frame: &F) {
        let Some((from, upto)) = self
            .unseen
            .filter(|(from, upto)| *from < seq && seq <= *upto)
        else {
            return;
        };
        self.note(seq, frame);
        if seq == from + 1 {
            self.unseen = (seq < upto).then_some((seq, upto));
        }
    }

    fn since(&self, upto: i64) -> Vec<(i64, F)> {
        self.recent
            .range(upto.saturating_add(1)..)
            .map(|(seq, frame)| (*seq, frame.clone()))
            .collect()
    }

    fn furthest(&self) -> i64 {
        let ahead = self.ahead.last_key_value().map_or(0, |(seq, _)| *seq);
        self.known.max(ahead)
    }

    fn watchers(&self) -> Vec<ConnId> {
        self.conns
            .iter()
            .filter(|(_, phase)| **phase == Phase::Watching)
            .map(|(conn, _)| *conn)
            .collect()
    }

    fn someone_is(&self, phase: Phase) -> bool {
        self.conns.values().any(|one| *one == phase)
    }

    fn forget_recent(&mut self) {
        if !self.someone_is(Phase::CatchingUp) {
            self.recent.clear();
        }
    }
}
