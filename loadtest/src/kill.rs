//! `kill -9` under load: people with an outbox write to one room while the server is killed and started again at
//! seeded points; afterwards everybody's history must hold every message exactly once, in one order.

mod client;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use protocol::RoomId;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::Serialize;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use self::client::{Client, Record};
use crate::LoadError;
use crate::history::{Entry, Verdict, View, check};
use crate::http::{Address, history, sign_in};
use crate::server::{Installation, PASSWORD};

/// A run that is not over by then hangs.
const WITHIN: Duration = Duration::from_secs(300);

/// What to do.
#[derive(Clone, Debug)]
pub struct Options {
    /// The server to run, with an empty data folder.
    pub installation: Installation,
    /// People, all in one room.
    pub clients: usize,
    /// Messages of each.
    pub messages: usize,
    /// How often the server is killed; fewer when there are not as many messages.
    pub kills: usize,
    /// Seed of the points at which it is killed.
    pub seed: u64,
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Messages that were acknowledged.
    pub acked: usize,
    /// Tries to send that were repeated because no answer had come.
    pub retries: usize,
    /// Repeated tries whose first had been stored.
    pub already_stored: usize,
    /// Times that the server was killed.
    pub killed: usize,
    /// Connections opened, over all people.
    pub connections: usize,
    /// The judge's findings on what everybody saw live and reads afterwards.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Longest time from a kill until the server took requests again, in milliseconds.
    pub restart_ms_max: u128,
    /// As asked for.
    pub clients: usize,
    /// As asked for.
    pub messages: usize,
    /// Length of the run.
    pub seconds: f64,
    /// As asked for.
    pub seed: u64,
}

impl Report {
    /// Whether every message went through and every promise was kept.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.verdict.is_clean() && self.acked == self.clients * self.messages
    }
}

/// Carries out the run.
///
/// # Errors
/// When the server does not start again, refuses a client for good, or the run does not end in time.
pub async fn run(options: &Options) -> Result<Report, LoadError> {
    timeout(WITHIN, kill_and_judge(options))
        .await
        .map_err(|_| LoadError::TimedOut("the run, which hangs"))?
}

async fn kill_and_judge(options: &Options) -> Result<Report, LoadError> {
    options.installation.seed(options.clients, 1).await?;
    let mut server = options.installation.start().await?;
    let begin = Instant::now();
    let (address, addresses) = watch::channel(server.address.clone());
    let (acked, mut acks) = watch::channel(0);
    let acked = Arc::new(acked);
    let mut running = JoinSet::new();
    for number in 0..options.clients {
        let session = sign_in(&server.address, &format!("load{number}"), PASSWORD).await?;
        let client = Client::new(number, session, addresses.clone(), Arc::clone(&acked));
        running.spawn(client.run(options.messages, options.clients));
    }
    let (mut killed, mut restart_ms_max) = (0, 0);
    let points = kill_points(options);
    let mut supervise = async || {
        for point in &points {
            // Never an error: this function owns a sender.
            let _ = acks.wait_for(|acked| acked >= point).await;
            let at = Instant::now();
            server.kill().await?;
            server = options.installation.start().await?;
            killed += 1;
            restart_ms_max = at.elapsed().as_millis().max(restart_ms_max);
            address.send_replace(server.address.clone());
        }
        Ok::<_, LoadError>(())
    };
    let mut records = Vec::new();
    let gather = async {
        while let Some(record) = running.join_next().await {
            records.push(record.map_err(|e| LoadError::Protocol(e.to_string()))??);
        }
        Ok(())
    };
    tokio::try_join!(supervise(), gather)?;
    let verdict = judge(&server.address, &records).await?;
    server.kill().await?;
    let sum = |of: fn(&Record) -> usize| records.iter().map(of).sum();
    Ok(Report {
        acked: sum(|record| record.acks.len()),
        retries: sum(|record| record.retries),
        already_stored: sum(|record| record.already_stored),
        killed,
        connections: sum(|record| record.connections),
        verdict,
        restart_ms_max,
        clients: options.clients,
        messages: options.messages,
        seconds: begin.elapsed().as_secs_f64(),
        seed: options.seed,
    })
}

// Numbers of acknowledged messages, so that the run does not depend on the machine's speed.
fn kill_points(options: &Options) -> BTreeSet<usize> {
    let all = options.clients * options.messages;
    let mut rng = StdRng::seed_from_u64(options.seed);
    let mut points = BTreeSet::new();
    while points.len() < options.kills.min(all.saturating_sub(1)) {
        points.insert(rng.random_range(1..all));
    }
    points
}

// Two views of each person: what came over the socket, and what the server tells afterwards.
async fn judge(address: &Address, records: &[Record]) -> Result<Verdict, LoadError> {
    let (mut views, mut acks) = (Vec::new(), Vec::new());
    for record in records {
        let events = history(address, &record.session, &record.room, 0).await?;
        let entries = events.iter().map(Entry::from).collect();
        views.push(view(
            format!("{} afterwards", record.name),
            &record.room,
            entries,
        ));
        views.push(view(
            format!("{} live", record.name),
            &record.room,
            record.live.clone(),
        ));
        acks.extend_from_slice(&record.acks);
    }
    Ok(check(&views, &acks))
}

fn view(client: String, room: &RoomId, entries: Vec<Entry>) -> View {
    View {
        client,
        room: room.clone(),
        after: 0,
        entries,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kill_points_are_seeded_distinct_and_within_the_run() {
        let options = |kills, seed| Options {
            installation: Installation {
                binary: "parta".into(),
                data: "data".into(),
                log: None,
            },
            clients: 2,
            messages: 10,
            kills,
            seed,
        };
        let points = kill_points(&options(5, 1));
        assert_eq!(points.len(), 5);
        assert!(points.iter().all(|point| (1..20).contains(point)));
        assert_eq!(points, kill_points(&options(5, 1)));
        assert_ne!(points, kill_points(&options(5, 2)));
        assert_eq!(kill_points(&options(1_000, 1)).len(), 19);
    }
}
