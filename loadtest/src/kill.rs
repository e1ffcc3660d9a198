//! `kill -9` under load: people with an outbox write to one room while the server is killed and started again at
//! seeded points; afterwards everybody's history must hold every message exactly once, in one order.

use std::collections::BTreeSet;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use crate::LoadError;
use crate::company::{Company, judge};
use crate::history::Verdict;
use crate::person::{Habits, Person};
use crate::server::Installation;

/// A run that is not over by then hangs.
const WITHIN: Duration = Duration::from_secs(900);
/// How long people may take after the last answer until they hold everything.
const SETTLE_WITHIN: Duration = Duration::from_secs(10);

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
    let installation = &options.installation;
    let sessions = installation.seed_sessions(options.clients, 1).await?;
    let mut server = installation.start().await?;
    let begin = Instant::now();
    let (place, addresses) = watch::channel(vec![server.address.clone()]);
    let people = sessions.into_iter().enumerate();
    let people = people.map(|(number, session)| Person {
        number,
        tag: "kill".to_owned(),
        session,
        addresses: addresses.clone(),
        at: 0,
        habits: Habits {
            messages: options.messages,
            pause: Duration::ZERO,
            body_bytes: 0,
            over_http: false,
        },
    });
    let mut company = Company::gather(people.collect(), WITHIN).await?;
    let (mut killed, mut restart_ms_max) = (0, 0);
    for point in kill_points(options) {
        company.acked_at_least(point, WITHIN).await?;
        let at = Instant::now();
        server.kill().await?;
        server = installation.start().await?;
        killed += 1;
        restart_ms_max = at.elapsed().as_millis().max(restart_ms_max);
        place.send_replace(vec![server.address.clone()]);
    }
    let all = options.clients * options.messages;
    company.acked_at_least(all, WITHIN).await?;
    // What somebody lacks even then, the judge finds.
    company.settle(SETTLE_WITHIN).await?;
    let records = company.part().await?;
    let outcome = judge(std::slice::from_ref(&server.address), &records).await?;
    server.kill().await?;
    Ok(Report {
        acked: outcome.acked,
        retries: outcome.counts.retries,
        already_stored: outcome.counts.already_stored,
        killed,
        connections: outcome.counts.connections,
        verdict: outcome.verdict,
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
