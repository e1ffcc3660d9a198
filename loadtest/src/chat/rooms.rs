//! Rooms of one size at a fixed rate: what does a delivery cost, and how long does it take?

use std::time::Duration;

use serde::Serialize;
use tokio::time::{Instant, sleep_until};

use super::{count, round};
use crate::LoadError;
use crate::crowd::{Crowd, Outcome, Schedule};
use crate::history::Verdict;
use crate::http::Session;
use crate::server::{Installation, Server};
use crate::usage::Usage;

/// The first message is due this long after everybody knows the schedule.
const LEAD: Duration = Duration::from_millis(200);

/// What to do.
#[derive(Clone, Debug)]
pub struct Options {
    /// People, one connection each.
    pub users: usize,
    /// People in a room.
    pub rooms_of: usize,
    /// Messages per second of all people together.
    pub rate: f64,
    /// How long they send before it is measured, in seconds.
    pub warmup: u64,
    /// How long it is measured.
    pub seconds: u64,
    /// Seed of the clients' random pauses.
    pub seed: u64,
}

impl Options {
    /// The schedule, from now on.
    pub(crate) fn schedule(&self) -> Result<Schedule, LoadError> {
        let begin = Instant::now() + LEAD;
        let from = begin + Duration::from_secs(self.warmup);
        let to = from + Duration::from_secs(self.seconds);
        let schedule = Schedule {
            begin,
            per_second: self.rate,
            people: u32::try_from(self.users)
                .map_err(|_| LoadError::NotReady("too many people".to_owned()))?,
            count: u32::MAX,
            window: (from, to),
        };
        Ok(schedule.until(to))
    }
}

/// What was measured, of one run or of several with the same options.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    /// What the people saw.
    pub(crate) outcome: Outcome,
    /// The server's processor time within the window.
    pub(crate) cpu_s: f64,
    /// The load generator's own.
    pub(crate) load_cpu_s: f64,
    /// The server's resident memory at the end.
    pub(crate) rss_mb: f64,
    /// Length of the windows.
    pub(crate) seconds: f64,
}

impl Measured {
    /// Adds another run.
    pub(crate) fn add(&mut self, mut other: Self) {
        let (mine, theirs) = (&mut self.outcome, &mut other.outcome);
        mine.counts.add(&theirs.counts);
        mine.times.append(std::mem::take(&mut theirs.times));
        mine.late.append(std::mem::take(&mut theirs.late));
        mine.verdict.add(std::mem::take(&mut theirs.verdict));
        self.cpu_s += other.cpu_s;
        self.load_cpu_s += other.load_cpu_s;
        self.rss_mb = self.rss_mb.max(other.rss_mb);
        self.seconds += other.seconds;
    }

    /// Processor time of the server for each delivery, in microseconds.
    pub(crate) fn cpu_us_per_delivery(&self) -> f64 {
        round(self.cpu_s * 1e6 / count(self.outcome.counts.in_window.max(1)))
    }

    /// Deliveries in each second of the window.
    pub(crate) fn deliveries_per_s(&self) -> f64 {
        round(count(self.outcome.counts.in_window) / self.seconds)
    }
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The server's processor time within the measured window, for each delivery in it, in microseconds.
    pub server_cpu_us_per_delivery: f64,
    /// Deliveries per second of the window; a message to a room of 30 is 30 deliveries, the sender's own among them.
    pub deliveries_per_s: f64,
    /// Median time from the moment at which a message was due until its delivery, in milliseconds.
    pub p50_ms: Option<f64>,
    /// The same at 99 per cent.
    pub p99_ms: Option<f64>,
    /// Messages that were acknowledged, in the whole run.
    pub sent: usize,
    /// Messages that were refused, or neither acknowledged nor refused.
    pub unsent: usize,
    /// The judge's findings on the whole run.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Connections that did not last.
    pub disconnected: usize,
    /// The server's processor time within the window, in seconds.
    pub server_cpu_s: f64,
    /// The server's resident memory at the end of the window.
    pub server_rss_mb: f64,
    /// How long after they were due messages were first sent, at 99 per cent, in milliseconds: the load generator's
    /// own delay, and its waiting for the answer to the same sender's last message. Contained in the times above.
    pub p99_late_ms: Option<f64>,
    /// The load generator's processor time within the window, in seconds.
    pub load_cpu_s: f64,
    /// As asked for.
    pub users: usize,
    /// As asked for.
    pub rooms_of: usize,
    /// As asked for.
    pub rate: f64,
    /// As asked for.
    pub seconds: u64,
}

impl Report {
    /// Whether every message went through and every promise was kept.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.verdict.is_clean() && self.unsent == 0 && self.disconnected == 0
    }
}

/// Starts a server of our own and runs.
///
/// # Errors
/// When the server cannot be started or refuses people.
pub async fn run_spawned(
    installation: &Installation,
    options: &Options,
) -> Result<Report, LoadError> {
    let rooms = options.users.div_ceil(options.rooms_of);
    let sessions = installation.seed_sessions(options.users, rooms).await?;
    let mut server = installation.start().await?;
    let measured = measure(&server, &sessions, options).await?;
    server.kill().await?;
    let (server_cpu_us_per_delivery, deliveries_per_s) =
        (measured.cpu_us_per_delivery(), measured.deliveries_per_s());
    let mut outcome = measured.outcome;
    Ok(Report {
        p50_ms: outcome.times.percentile_ms(50),
        p99_ms: outcome.times.percentile_ms(99),
        p99_late_ms: outcome.late.percentile_ms(99),
        server_cpu_us_per_delivery,
        deliveries_per_s,
        sent: outcome.counts.sent,
        unsent: outcome.counts.unsent,
        disconnected: outcome.counts.connections - options.users + outcome.counts.gone,
        verdict: outcome.verdict,
        server_cpu_s: round(measured.cpu_s),
        server_rss_mb: round(measured.rss_mb),
        load_cpu_s: round(measured.load_cpu_s),
        users: options.users,
        rooms_of: options.rooms_of,
        rate: options.rate,
        seconds: options.seconds,
    })
}

/// Runs once against a running server.
pub(crate) async fn measure(
    server: &Server,
    sessions: &[Session],
    options: &Options,
) -> Result<Measured, LoadError> {
    let crowd = Crowd::gather(&server.address, sessions, options.seed).await?;
    let schedule = options.schedule()?;
    crowd.send(schedule.clone());
    let mut measured = watch_window(schedule.window, || server.usage()).await?;
    measured.outcome = crowd.finish().await?;
    Ok(measured)
}

/// Reads at both ends of the window what the server and this process have used.
pub(crate) async fn watch_window(
    (from, to): (Instant, Instant),
    usage: impl Fn() -> Result<Usage, LoadError>,
) -> Result<Measured, LoadError> {
    let own = || Usage::of(std::process::id());
    sleep_until(from).await;
    let (before, own_before) = (usage()?, own()?);
    sleep_until(to).await;
    let (after, own_after) = (usage()?, own()?);
    Ok(Measured {
        outcome: Outcome::default(),
        cpu_s: after.cpu_s - before.cpu_s,
        load_cpu_s: own_after.cpu_s - own_before.cpu_s,
        rss_mb: after.rss_mb,
        seconds: (to - from).as_secs_f64(),
    })
}
