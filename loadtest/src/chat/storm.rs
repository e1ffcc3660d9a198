//! The server goes and comes back, and everybody returns at once: how long until all are ready, and did anybody miss
//! anything?

use std::time::Duration;

use serde::Serialize;
use tokio::time::{Instant, sleep};

use super::idle::OTHER_FILES;
use super::round;
use crate::LoadError;
use crate::crowd::{Crowd, Schedule};
use crate::history::Verdict;
use crate::latency::Times;
use crate::ports::free_port;
use crate::server::Installation;
use crate::usage::raise_open_files;

/// How long people write before the server goes, and again after everybody has come back.
const WRITE_FOR: Duration = Duration::from_secs(5);
/// How long coming back may take.
const READY_WITHIN: Duration = Duration::from_secs(120);

/// What to do.
#[derive(Clone, Debug)]
pub struct Options {
    /// People, one connection each.
    pub clients: usize,
    /// People in a room.
    pub rooms_of: usize,
    /// Messages per second of all people together, also while the server is away.
    pub rate: f64,
    /// Whether the server is ended with SIGTERM instead of SIGKILL.
    pub terminate: bool,
    /// Seed of the clients' random pauses.
    pub seed: u64,
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// As asked for.
    pub clients: usize,
    /// From the server's being up again until the last client was ready, in seconds; absent when one never was.
    pub ready_s: Option<f64>,
    /// The same for the median client.
    pub p50_ready_s: Option<f64>,
    /// The same at 99 per cent.
    pub p99_ready_s: Option<f64>,
    /// Clients that were not ready in time.
    pub unready: usize,
    /// From the end of the server, or the signal to it, until it was up again, in seconds.
    pub down_s: f64,
    /// Messages that were acknowledged.
    pub sent: usize,
    /// Messages that were refused, or neither acknowledged nor refused.
    pub unsent: usize,
    /// The judge's findings on everything that arrived, before and after.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Tries to send that were repeated because no answer had come.
    pub retries: usize,
    /// Repeated tries whose first had been stored.
    pub already_stored: usize,
    /// Connections that became ready: twice the clients, when none was lost on the way.
    pub connections: usize,
    /// Tries at a connection that were answered with 503.
    pub busy: usize,
    /// Clients that were told not to come back.
    pub gone: usize,
    /// As asked for.
    pub rooms_of: usize,
    /// As asked for.
    pub rate: f64,
    /// As asked for.
    pub terminate: bool,
    /// As asked for.
    pub seed: u64,
}

impl Report {
    /// Whether everybody came back and every promise was kept.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.verdict.is_clean() && self.unsent == 0 && self.unready == 0
    }
}

/// Starts a server of our own, fills it, ends it and starts it again.
///
/// # Errors
/// When the server cannot be started or refuses people in the beginning.
pub async fn run_spawned(
    installation: &Installation,
    options: &Options,
) -> Result<Report, LoadError> {
    raise_open_files(options.clients + OTHER_FILES)?;
    let rooms = options.clients.div_ceil(options.rooms_of);
    let sessions = installation.seed_sessions(options.clients, rooms).await?;
    let port = free_port()?;
    let mut server = installation.start_at(port).await?;
    let mut crowd = Crowd::gather(&server.address, &sessions, options.seed).await?;
    let schedule = endless(sessions.len(), options.rate)?;
    crowd.send(schedule.clone());
    sleep(WRITE_FOR).await;
    let gone = Instant::now();
    if options.terminate {
        server.terminate().await?;
    } else {
        server.kill().await?;
    }
    let ended = Instant::now();
    server = installation.start_at(port).await?;
    let up = Instant::now();
    let ready = crowd.ready_again(ended, up + READY_WITHIN).await;
    sleep(WRITE_FOR).await;
    crowd.send(schedule.until(Instant::now()));
    let outcome = crowd.finish().await?;
    server.kill().await?;
    let unready = ready.iter().filter(|at| at.is_none()).count();
    let mut times = Times::default();
    for at in ready.into_iter().flatten() {
        times.push(at.saturating_duration_since(up));
    }
    let mut seconds = |percent| times.percentile_ms(percent).map(|ms| round(ms / 1e3));
    Ok(Report {
        clients: options.clients,
        ready_s: seconds(100).filter(|_| unready == 0),
        p50_ready_s: seconds(50),
        p99_ready_s: seconds(99),
        unready,
        down_s: round((up - gone).as_secs_f64()),
        sent: outcome.counts.sent,
        unsent: outcome.counts.unsent,
        verdict: outcome.verdict,
        retries: outcome.counts.retries,
        already_stored: outcome.counts.already_stored,
        connections: outcome.counts.connections,
        busy: outcome.counts.busy,
        gone: outcome.counts.gone,
        rooms_of: options.rooms_of,
        rate: options.rate,
        terminate: options.terminate,
        seed: options.seed,
    })
}

// Nothing is timed here: what is measured is the way back.
fn endless(people: usize, per_second: f64) -> Result<Schedule, LoadError> {
    let begin = Instant::now();
    Ok(Schedule {
        begin,
        per_second,
        people: u32::try_from(people)
            .map_err(|_| LoadError::NotReady("too many people".to_owned()))?,
        count: u32::MAX,
        window: (begin, begin),
    })
}
