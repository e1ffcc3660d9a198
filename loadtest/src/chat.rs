//! Chat under load: many people in several rooms send at seeded times, and every delivery is checked and timed.

mod client;
pub mod idle;
pub mod rooms;
pub mod sign_in;
pub mod storm;

use std::collections::BTreeMap;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use protocol::RoomId;
use serde::Serialize;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use self::client::{Client, Record};
use crate::LoadError;
use crate::history::{Verdict, check};
use crate::http::Address;
use crate::latency::Times;
use crate::server::{Installation, Server};

/// Signing in costs the server a slow hash each; more at once would only wait.
const SIGN_INS_AT_ONCE: usize = 8;

/// What to do.
#[derive(Clone, Debug)]
pub struct Options {
    /// People, one connection each.
    pub users: usize,
    /// Rooms; person k is a member of room k mod `rooms`.
    pub rooms: usize,
    /// How long they send.
    pub seconds: u64,
    /// Messages of one person per minute, on average.
    pub rate: f64,
    /// Seed of the times and rooms.
    pub seed: u64,
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Messages that were acknowledged.
    pub sent: usize,
    /// Messages that were refused, or neither acknowledged nor refused.
    pub unsent: usize,
    /// Connections that the server ended.
    pub disconnected: usize,
    /// The judge's findings.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Median time from sending to the delivery at another member, in milliseconds.
    pub p50_ms: Option<f64>,
    /// The same at 99 per cent.
    pub p99_ms: Option<f64>,
    /// Deliveries per second of the run.
    pub deliveries_per_s: f64,
    /// The server's processor time during the run; absent when it is not ours.
    pub server_cpu_s: Option<f64>,
    /// The same for each delivery, in microseconds.
    pub cpu_us_per_delivery: Option<f64>,
    /// The server's resident memory at the end.
    pub server_rss_mb: Option<f64>,
    /// As asked for.
    pub users: usize,
    /// As asked for.
    pub rooms: usize,
    /// As asked for.
    pub seconds: u64,
    /// As asked for.
    pub seed: u64,
}

impl Report {
    /// Whether every message went through and every promise was kept.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.verdict.is_clean() && self.unsent == 0 && self.disconnected == 0
    }
}

/// Starts a server of our own, fills it, and runs.
///
/// # Errors
/// When the server cannot be started or people cannot sign in.
pub async fn run_spawned(
    installation: &Installation,
    options: &Options,
) -> Result<Report, LoadError> {
    installation.seed(options.users, options.rooms).await?;
    let mut server = installation.start().await?;
    let report = run(&server.address, Some(&server), options).await?;
    server.kill().await?;
    Ok(report)
}

/// Runs against a server that `parta load-seed` has filled; `server` when it is a process of ours.
///
/// # Errors
/// When people cannot sign in.
pub async fn run(
    address: &Address,
    server: Option<&Server>,
    options: &Options,
) -> Result<Report, LoadError> {
    let clients: Vec<Client> = stream::iter(0..options.users)
        .map(|number| Client::connect(address, number, options.seed))
        .buffer_unordered(SIGN_INS_AT_ONCE)
        .try_collect()
        .await?;
    let before = server.map(Server::usage).transpose()?;
    let begin = Instant::now();
    let (told, mut ends) = mpsc::unbounded_channel();
    let (target, targets) = watch::channel(None);
    let runs: Vec<_> = clients
        .into_iter()
        .map(|client| {
            let (told, targets) = (told.clone(), targets.clone());
            tokio::spawn(client.run(begin, options.clone(), told, targets))
        })
        .collect();
    drop((told, targets));
    // Everybody tells how far their acknowledgements went and reads on; then all learn how far the rooms went.
    let mut last: BTreeMap<RoomId, i64> = BTreeMap::new();
    while let Some((room, seq)) = ends.recv().await {
        let known = last.entry(room).or_insert(seq);
        *known = seq.max(*known);
    }
    target.send_replace(Some(last));
    let mut records = Vec::new();
    for run in runs {
        let record = run.await;
        records.push(record.map_err(|e| LoadError::Protocol(e.to_string()))?);
    }
    let seconds = begin.elapsed().as_secs_f64();
    let after = server.map(Server::usage).transpose()?;
    let mut report = judge(records, options, seconds);
    report.server_rss_mb = after.map(|usage| round(usage.rss_mb));
    if let Some((before, after)) = before.zip(after) {
        let cpu_s = after.cpu_s - before.cpu_s;
        report.server_cpu_s = Some(round(cpu_s));
        report.cpu_us_per_delivery = Some(round(cpu_s * 1e6 / count(report.verdict.delivered)));
    }
    Ok(report)
}

fn judge(records: Vec<Record>, options: &Options, seconds: f64) -> Report {
    let (mut views, mut acks, mut times) = (Vec::new(), Vec::new(), Times::default());
    let (mut unsent, mut disconnected) = (0, 0);
    for record in records {
        unsent += record.unsent;
        disconnected += usize::from(record.disconnected);
        times.append(record.times);
        acks.extend(record.acks);
        views.extend(record.views.into_values());
    }
    let verdict = check(&views, &acks);
    Report {
        sent: acks.len(),
        unsent,
        disconnected,
        p50_ms: times.percentile_ms(50),
        p99_ms: times.percentile_ms(99),
        deliveries_per_s: round(count(verdict.delivered) / seconds),
        verdict,
        server_cpu_s: None,
        cpu_us_per_delivery: None,
        server_rss_mb: None,
        users: options.users,
        rooms: options.rooms,
        seconds: options.seconds,
        seed: options.seed,
    }
}

pub(crate) fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
pub(crate) fn count(n: usize) -> f64 {
    n as f64
}
