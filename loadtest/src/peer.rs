//! The same people, rooms and messages on an XMPP server, to compare with.

mod client;
mod stanzas;

use std::collections::BTreeMap;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use tokio::task::JoinSet;

use self::client::{Client, Record};
use crate::LoadError;
use crate::chat::rooms::{Measured, Options, watch_window};
use crate::crowd::{Outcome, Schedule};
use crate::history::Verdict;
use crate::usage::Usage;

/// Connections that are opened at once.
const OPENED_AT_ONCE: usize = 64;

/// A running XMPP server.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    /// Its port for clients on 127.0.0.1.
    pub port: u16,
    /// Its process.
    pub pid: u32,
}

/// People who are connected to the peer.
pub(crate) struct PeerCrowd(Vec<Client>);

impl Peer {
    /// What it has used so far.
    ///
    /// # Errors
    /// [`LoadError::Io`] when it has ended.
    pub(crate) fn usage(&self) -> Result<Usage, LoadError> {
        Usage::of_tree(self.pid)
    }

    /// Signs people in.
    ///
    /// # Errors
    /// When one is refused.
    pub(crate) async fn sign_in(&self, people: u32) -> Result<PeerCrowd, LoadError> {
        let tag = rand::random();
        let clients = stream::iter(0..people)
            .map(|person| Client::connect(self.port, tag, person))
            .buffered(OPENED_AT_ONCE)
            .try_collect()
            .await?;
        Ok(PeerCrowd(clients))
    }

    /// Runs once.
    ///
    /// # Errors
    /// When people cannot sign in or enter their rooms.
    pub(crate) async fn measure(&self, options: &Options) -> Result<Measured, LoadError> {
        let people = options.schedule()?.people;
        let rooms = options.users.div_ceil(options.rooms_of);
        let mut crowd = self.sign_in(people).await?;
        crowd.join(rooms).await?;
        let schedule = options.schedule()?;
        let mut running = JoinSet::new();
        for (person, client) in crowd.0.into_iter().enumerate() {
            let expected = messages_of(person % rooms, rooms, &schedule).count();
            running.spawn(client.stay(schedule.clone(), expected));
        }
        let mut measured = watch_window(schedule.window, || self.usage()).await?;
        let mut records = Vec::new();
        while let Some(record) = running.join_next().await {
            records.push(record.map_err(|e| LoadError::Protocol(e.to_string()))?);
        }
        measured.outcome = judge(records, rooms, &schedule);
        Ok(measured)
    }
}

impl PeerCrowd {
    /// Person k enters room k mod `rooms`, as on our own server.
    ///
    /// # Errors
    /// When one is refused.
    pub(crate) async fn join(&mut self, rooms: usize) -> Result<(), LoadError> {
        stream::iter(self.0.iter_mut().enumerate())
            .map(|(person, client)| client.join(person % rooms))
            .buffer_unordered(OPENED_AT_ONCE)
            .try_collect()
            .await
    }
}

fn messages_of(room: usize, rooms: usize, schedule: &Schedule) -> impl Iterator<Item = u32> {
    let people = schedule.people;
    (0..schedule.count).filter(move |k| (k % people) as usize % rooms == room)
}

// The peer's messages have no positions; what is missing and what is there twice can be told all the same.
fn judge(records: Vec<Record>, rooms: usize, schedule: &Schedule) -> Outcome {
    let mut outcome = Outcome::default();
    for record in records {
        outcome.counts.sent += record.sent - record.refused;
        outcome.counts.unsent += record.refused;
        outcome.counts.in_window += record.in_window;
        outcome.times.append(record.times);
        outcome.late.append(record.late);
        let room = record.person as usize % rooms;
        let missed = missed(&record.seen, messages_of(room, rooms, schedule));
        outcome.verdict.add(missed);
    }
    outcome
}

fn missed(seen: &[u32], expected: impl Iterator<Item = u32>) -> Verdict {
    let mut times: BTreeMap<u32, usize> = BTreeMap::new();
    for k in seen {
        *times.entry(*k).or_default() += 1;
    }
    Verdict {
        delivered: seen.len(),
        lost: expected.filter(|k| !times.contains_key(k)).count(),
        duplicated: times.values().map(|times| times - 1).sum(),
        ..Verdict::default()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::*;

    #[test]
    fn people_expect_the_messages_of_their_own_room() {
        let begin = Instant::now();
        let schedule = Schedule {
            begin,
            per_second: 1.0,
            people: 5,
            count: 12,
            window: (begin, begin + Duration::from_secs(1)),
        };
        // Persons 0, 2 and 4 are in room 0; message k is person k mod 5's.
        let messages: Vec<u32> = messages_of(0, 2, &schedule).collect();
        assert_eq!(messages, [0, 2, 4, 5, 7, 9, 10]);
    }

    #[test]
    fn what_is_missing_and_what_came_twice_is_counted() {
        let verdict = missed(&[0, 2, 2, 2], [0, 2, 4].into_iter());
        assert_eq!(
            (verdict.delivered, verdict.lost, verdict.duplicated),
            (4, 1, 2)
        );
    }
}
