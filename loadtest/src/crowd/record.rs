//! What the people of a crowd saw, in little memory, and what it amounts to.

use protocol::RoomId;

use super::names::Names;
use crate::LoadError;
use crate::history::{Ack, Entry, Verdict, View, check};
use crate::latency::Times;

/// A room as one person knows it.
#[derive(Clone, Debug)]
pub(super) struct Room {
    pub(super) id: RoomId,
    pub(super) epoch: String,
    /// The position at which this person came.
    pub(super) after: i64,
    /// The last position that arrived.
    pub(super) last: i64,
    /// The last position that the server was told to have arrived.
    pub(super) told: i64,
    /// Up to here the history was paged over HTTP, and live events are dropped as the protocol asks.
    pub(super) paged_to: i64,
}

/// A durable event that arrived.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    /// Which of the person's rooms.
    pub(super) room: usize,
    pub(super) seq: i64,
    /// The message's number in the run; `None` for anything else.
    pub(super) k: Option<u32>,
}

/// What one person saw.
#[derive(Debug, Default)]
pub(super) struct Record {
    pub(super) person: u32,
    pub(super) rooms: Vec<Room>,
    pub(super) seen: Vec<Seen>,
    /// Acknowledged messages: number, room, position.
    pub(super) acked: Vec<(u32, usize, i64)>,
    pub(super) counts: Counts,
    pub(super) times: Times,
    pub(super) late: Times,
}

/// Counts of a run, summed over its people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages that were acknowledged.
    pub sent: usize,
    /// Messages that were refused for good, or neither acknowledged nor refused.
    pub unsent: usize,
    /// Tries to send beyond the first of each message.
    pub retries: usize,
    /// Tries whose message had been stored before.
    pub already_stored: usize,
    /// Deliveries that arrived within the measured window.
    pub in_window: usize,
    /// Connections that became ready.
    pub connections: usize,
    /// Tries at a connection that the server answered with 503.
    pub busy: usize,
    /// People who were told not to come back.
    pub gone: usize,
}

impl Counts {
    /// Adds those of another person or run.
    pub const fn add(&mut self, other: &Self) {
        self.sent += other.sent;
        self.unsent += other.unsent;
        self.retries += other.retries;
        self.already_stored += other.already_stored;
        self.in_window += other.in_window;
        self.connections += other.connections;
        self.busy += other.busy;
        self.gone += other.gone;
    }
}

/// What a run amounts to.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Its counts.
    pub counts: Counts,
    /// The judge's findings.
    pub verdict: Verdict,
    /// From the moment a message was due to its delivery, for those due within the window.
    pub times: Times,
    /// From the moment a message was due to its first try, for the same.
    pub late: Times,
}

/// Judges what everybody saw.
///
/// # Errors
/// Never for names of [`Names`].
pub(super) fn judge(records: Vec<Record>, names: &Names) -> Result<Outcome, LoadError> {
    let mut outcome = Outcome::default();
    let (mut views, mut acks) = (Vec::new(), Vec::new());
    for mut record in records {
        outcome.counts.add(&record.counts);
        outcome.times.append(std::mem::take(&mut record.times));
        outcome.late.append(std::mem::take(&mut record.late));
        for &(k, room, seq) in &record.acked {
            let room = record.rooms[room].id.clone();
            let key = names.key(k)?;
            acks.push(Ack { room, key, seq });
        }
        views.extend(views_of(&record, names)?);
    }
    outcome.verdict = check(&views, &acks);
    Ok(outcome)
}

fn views_of(record: &Record, names: &Names) -> Result<Vec<View>, LoadError> {
    let empty = |room: &Room| View {
        client: format!("load{}", record.person),
        room: room.id.clone(),
        after: room.after,
        entries: Vec::new(),
    };
    let mut views: Vec<View> = record.rooms.iter().map(empty).collect();
    for seen in &record.seen {
        let message = seen.k.map(|k| names.key(k)).transpose()?;
        let seq = seen.seq;
        views[seen.room].entries.push(Entry { seq, message });
    }
    Ok(views)
}

#[cfg(test)]
mod tests {
    use super::*;

    // Two people in one room; person 1 lacks the second message.
    #[test]
    fn what_one_person_lacks_is_found_and_counts_are_summed() {
        let names = Names::fresh(2);
        let record = |person, seqs: &[i64]| Record {
            person,
            rooms: vec![Room {
                id: RoomId::parse("R").unwrap(),
                epoch: "e".to_owned(),
                after: 4,
                last: 6,
                told: 0,
                paged_to: 0,
            }],
            seen: seqs
                .iter()
                .map(|&seq| Seen {
                    room: 0,
                    seq,
                    k: u32::try_from(seq - 5).ok(),
                })
                .collect(),
            acked: vec![(person, 0, 5 + i64::from(person))],
            counts: Counts {
                sent: 1,
                connections: 1,
                ..Counts::default()
            },
            ..Record::default()
        };
        let outcome = judge(vec![record(0, &[5, 6]), record(1, &[5])], &names).unwrap();
        assert_eq!((outcome.verdict.lost, outcome.verdict.delivered), (1, 3));
        assert_eq!((outcome.counts.sent, outcome.counts.connections), (2, 2));
        let outcome = judge(vec![record(0, &[5, 6]), record(1, &[5, 6])], &names).unwrap();
        assert!(outcome.verdict.is_clean());
    }
}
