//! The judge: were the server's promises kept? Pure; works on what clients saw and on what was acknowledged.
//!
//! Promises (`docs/PROMISES.md`): a room's positions are gap-free; a message, named by its sender and its `cid`, is
//! there at most once; an acknowledged message is in every member's history; the order is the same everywhere.

use std::collections::{BTreeMap, BTreeSet};

use protocol::{ClientId, RoomEvent, RoomId, UserId};
use serde::Serialize;

/// Most faults that are described in words; all are counted.
const EXAMPLES_MAX: usize = 10;

/// What names a message: its sender, and the id that the sender's client gave it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// Sender.
    pub by: UserId,
    /// The client's id of it.
    pub cid: ClientId,
}

/// An event as a client saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Position in the room.
    pub seq: i64,
    /// The message; `None` for an event of another kind.
    pub message: Option<Key>,
}

impl From<&RoomEvent> for Entry {
    fn from(event: &RoomEvent) -> Self {
        let message = match event {
            RoomEvent::Msg { d, .. } => Some(Key {
                by: d.by.clone(),
                cid: d.cid.clone(),
            }),
            RoomEvent::MsgChanged { .. }
            | RoomEvent::MsgReacted { .. }
            | RoomEvent::Poll { .. }
            | RoomEvent::MsgAcked { .. }
            | RoomEvent::MsgReminded { .. }
            | RoomEvent::MsgPinned { .. }
            | RoomEvent::MsgExpired { .. }
            | RoomEvent::CallStarted { .. }
            | RoomEvent::CallEnded { .. } => None,
        };
        Self {
            seq: event.seq(),
            message,
        }
    }
}

/// One client's events of one room, in the order of their arrival.
#[derive(Clone, Debug)]
pub struct View {
    /// Whose view, for the description of faults.
    pub client: String,
    /// Room.
    pub room: RoomId,
    /// The position after which the view begins.
    pub after: i64,
    /// What arrived.
    pub entries: Vec<Entry>,
}

/// An acknowledgement that a sender got.
#[derive(Clone, Debug)]
pub struct Ack {
    /// Room.
    pub room: RoomId,
    /// The message.
    pub key: Key,
    /// The position that the server told.
    pub seq: i64,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Messages that reached a client, summed over all clients.
    pub delivered: usize,
    /// Events that are missing from a client's history, summed over all clients.
    pub lost: usize,
    /// Events or messages that are there more than once, summed over all clients.
    pub duplicated: usize,
    /// Events out of order, or at another position than elsewhere.
    pub reordered: usize,
    /// The first faults in words.
    pub faults: Vec<String>,
}

impl Verdict {
    /// Whether every promise was kept.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.lost == 0 && self.duplicated == 0 && self.reordered == 0
    }

    /// Adds the findings on another run.
    pub fn add(&mut self, other: Self) {
        self.delivered += other.delivered;
        self.lost += other.lost;
        self.duplicated += other.duplicated;
        self.reordered += other.reordered;
        let room = EXAMPLES_MAX.saturating_sub(self.faults.len());
        self.faults.extend(other.faults.into_iter().take(room));
    }

    fn fault(&mut self, text: impl FnOnce() -> String) {
        if self.faults.len() < EXAMPLES_MAX {
            self.faults.push(text());
        }
    }
}

/// Judges the views of every client on every room that it is a member of.
#[must_use]
pub fn check(views: &[View], acks: &[Ack]) -> Verdict {
    let mut verdict = Verdict::default();
    let mut acked: BTreeMap<&RoomId, Vec<&Ack>> = BTreeMap::new();
    for ack in acks {
        acked.entry(&ack.room).or_default().push(ack);
    }
    // What stands at each position: by the acknowledgements first, then by whoever saw it first.
    let mut order: BTreeMap<(&RoomId, i64), Option<&Key>> = BTreeMap::new();
    for ack in acks {
        let before = order.insert((&ack.room, ack.seq), Some(&ack.key));
        if before.flatten().is_some_and(|key| *key != ack.key) {
            verdict.reordered += 1;
            verdict.fault(|| {
                format!(
                    "two messages were acknowledged at {} of {}",
                    ack.seq, ack.room
                )
            });
        }
    }
    for view in views {
        let acks = acked.get(&view.room).map_or(&[][..], Vec::as_slice);
        check_view(&mut verdict, view, acks);
        for entry in &view.entries {
            let first = order
                .entry((&view.room, entry.seq))
                .or_insert(entry.message.as_ref());
            if *first != entry.message.as_ref() {
                verdict.reordered += 1;
                verdict.fault(|| {
                    format!(
                        "{}: another event at {} than elsewhere",
                        view.client, entry.seq
                    )
                });
            }
        }
    }
    verdict
}

fn check_view(verdict: &mut Verdict, view: &View, acks: &[&Ack]) {
    let (mut seen, mut keys) = (BTreeSet::new(), BTreeMap::new());
    let mut last = view.after;
    for entry in &view.entries {
        if !seen.insert(entry.seq) || entry.seq <= view.after {
            verdict.duplicated += 1;
            verdict.fault(|| format!("{}: position {} again", view.client, entry.seq));
            continue;
        }
        if entry.seq < last {
            verdict.reordered += 1;
            verdict.fault(|| format!("{}: position {} after {last}", view.client, entry.seq));
        }
        last = last.max(entry.seq);
        let Some(key) = &entry.message else { continue };
        verdict.delivered += 1;
        if keys.insert(key, entry.seq).is_some() {
            verdict.duplicated += 1;
            verdict.fault(|| {
                format!(
                    "{}: message {} again at {}",
                    view.client, key.cid, entry.seq
                )
            });
        }
    }
    let mut missing: BTreeSet<i64> = (view.after + 1..=last)
        .filter(|s| !seen.contains(s))
        .collect();
    // A message that is there, but not where the acknowledgement said, is found by the check of the order.
    let absent = acks
        .iter()
        .filter(|ack| ack.seq > view.after && !keys.contains_key(&ack.key));
    missing.extend(absent.map(|ack| ack.seq));
    verdict.lost += missing.len();
    for seq in missing {
        verdict.fault(|| {
            format!(
                "{}: position {seq} of {} never came",
                view.client, view.room
            )
        });
    }
}

#[cfg(test)]
mod tests;
