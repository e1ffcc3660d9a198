//! Everybody signs in with a password at once: how long does it take, what does it cost in memory, and does a person
//! who has a session notice?

use std::time::Duration;

use futures_util::future::join_all;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::round;
use crate::LoadError;
use crate::chat::idle::OTHER_FILES;
use crate::http::{Address, Session, session_is_good, sign_in};
use crate::latency::Times;
use crate::reconnect::pause;
use crate::server::{Installation, PASSWORD};
use crate::usage::raise_open_files;

/// Time between two requests of the person who has a session.
const WATCH_EVERY: Duration = Duration::from_millis(20);

/// What to do.
#[derive(Clone, Debug)]
pub struct Options {
    /// People, each with an account of their own.
    pub people: u32,
    /// Seed of the pauses of those who are asked to come again.
    pub seed: u64,
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// People who got a session.
    pub signed_in: usize,
    /// Median time from the common beginning until one was signed in, the waits in between included.
    pub p50_ms: Option<f64>,
    /// The same at 95 per cent.
    pub p95_ms: Option<f64>,
    /// The same for the last.
    pub last_ms: Option<f64>,
    /// Answers that asked to come again.
    pub sent_away: usize,
    /// Requests of a person who had a session before, one every 20 ms.
    pub session_requests: usize,
    /// Median time of those.
    pub session_p50_ms: Option<f64>,
    /// The same at 99 per cent.
    pub session_p99_ms: Option<f64>,
    /// The server's resident memory before.
    pub server_rss_before_mb: f64,
    /// The same when everybody was signed in.
    pub server_rss_mb: f64,
    /// The server's processor time, divided by the people.
    pub server_cpu_ms_each: f64,
    /// As asked for.
    pub people: u32,
    /// As asked for.
    pub seed: u64,
}

impl Report {
    /// Whether everybody was signed in.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        u32::try_from(self.signed_in) == Ok(self.people)
    }
}

/// Starts a server of our own, fills it, and runs.
///
/// # Errors
/// When the server cannot be started, refuses somebody for good, or the network fails.
pub async fn run_spawned(
    installation: &Installation,
    options: &Options,
) -> Result<Report, LoadError> {
    let people = options.people as usize;
    raise_open_files(people + OTHER_FILES)?;
    // One more, who is signed in already.
    let sessions = installation.seed_sessions(people + 1, 1).await?;
    let watcher = sessions
        .last()
        .ok_or_else(|| LoadError::NotReady("nobody has a session".to_owned()))?;
    let mut server = installation.start().await?;
    session_is_good(&server.address, watcher).await?;
    let before = server.usage()?;
    let begin = Instant::now();
    let (over, ended) = watch::channel(false);
    let crowd = async {
        let arrivals = (0..people).map(|number| arrive(&server.address, number, options.seed));
        let arrived = join_all(arrivals).await;
        over.send_replace(true);
        arrived
    };
    let (arrived, watched) = tokio::join!(crowd, watch_session(&server.address, watcher, &ended));
    let after = server.usage()?;
    server.kill().await?;
    let (mut times, mut sent_away) = (Times::default(), 0);
    for arrival in arrived {
        let (at, tries) = arrival?;
        times.push(at.duration_since(begin));
        sent_away += tries as usize;
    }
    let mut watched = watched?;
    Ok(Report {
        signed_in: times.len(),
        p50_ms: times.percentile_ms(50),
        p95_ms: times.percentile_ms(95),
        last_ms: times.percentile_ms(100),
        sent_away,
        session_requests: watched.len(),
        session_p50_ms: watched.percentile_ms(50),
        session_p99_ms: watched.percentile_ms(99),
        server_rss_before_mb: round(before.rss_mb),
        server_rss_mb: round(after.rss_mb),
        server_cpu_ms_each: round((after.cpu_s - before.cpu_s) * 1e3 / f64::from(options.people)),
        people: options.people,
        seed: options.seed,
    })
}

// Comes again when asked to, as the page does. Gives when and how often that was.
async fn arrive(address: &Address, number: usize, seed: u64) -> Result<(Instant, u32), LoadError> {
    let mut rng = StdRng::seed_from_u64(seed.wrapping_mul(1_000_003).wrapping_add(number as u64));
    let login = format!("load{number}");
    let mut tries = 0;
    loop {
        let error = match sign_in(address, &login, PASSWORD).await {
            Ok(_) => return Ok((Instant::now(), tries)),
            Err(error @ LoadError::Busy(_)) => error,
            Err(error) => return Err(error),
        };
        sleep(pause(&error, None, tries, rng.random()).unwrap_or_default()).await;
        tries += 1;
    }
}

async fn watch_session(
    address: &Address,
    session: &Session,
    over: &watch::Receiver<bool>,
) -> Result<Times, LoadError> {
    let mut times = Times::default();
    let mut ticks = interval(WATCH_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !*over.borrow() {
        ticks.tick().await;
        let begin = Instant::now();
        session_is_good(address, session).await?;
        times.push(begin.elapsed());
    }
    Ok(times)
}
