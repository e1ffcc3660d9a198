//! A lesson under load: fake browsers publish sound and pictures, others watch, and the server's work for each packet
//! is measured.

mod browser;
mod guest;
mod publish;
mod receive;
mod synth;
mod tap;
mod track;

use std::time::Duration;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use self::guest::{Guest, Joined};
use self::tap::Sums;
use crate::LoadError;
use crate::http::{Address, Session, sign_in};
use crate::latency::Times;
use crate::server::{Installation, PASSWORD, Server};
use crate::usage::Usage;

/// Signing in costs the server a slow hash each; more at once would only wait.
const SIGN_INS_AT_ONCE: usize = 8;
/// How long the measurement waits for the last subscriber's first picture.
const PICTURES_WITHIN: Duration = Duration::from_secs(15);
const POLL: Duration = Duration::from_millis(20);

/// What to do.
#[derive(Clone, Debug)]
pub struct Options {
    /// Browsers that send sound and pictures.
    pub publishers: usize,
    /// Browsers that watch all of them; they join at once.
    pub subscribers: usize,
    /// How long the bandwidth estimates may settle after everybody has a picture, in seconds.
    pub warmup: u64,
    /// Length of the measurement, after that.
    pub seconds: u64,
    /// Seed of what is sent.
    pub seed: u64,
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// As asked for.
    pub publishers: usize,
    /// As asked for.
    pub subscribers: usize,
    /// As asked for.
    pub seconds: u64,
    /// Packets that publishers sent during the measurement.
    pub sent_packets: u64,
    /// Packets that subscribers received during the measurement, summed.
    pub forwarded_packets: u64,
    /// Packets that by their numbers should have come, and did not.
    pub lost_packets: u64,
    /// Packets that came again, or too late to tell.
    pub repeated_packets: u64,
    /// Received by each subscriber, on average, in kilobits of payload per second.
    pub kbps_per_subscriber: f64,
    /// The server's processor time during the measurement.
    pub server_cpu_s: Option<f64>,
    /// The same for each forwarded packet, in microseconds.
    pub cpu_us_per_packet: Option<f64>,
    /// The server's resident memory at the end.
    pub server_rss_mb: Option<f64>,
    /// The time from sending `call.join` until media can flow, which 95 per cent do not pass.
    pub p95_connected_ms: Option<f64>,
    /// Median time from sending `call.join` to the first whole key frame.
    pub p50_first_frame_ms: Option<f64>,
    /// The same at 95 per cent.
    pub p95_first_frame_ms: Option<f64>,
    /// Subscribers that never saw a whole key frame.
    pub without_picture: usize,
    /// Subscribers that received less than nine tenths of what the best served one did: their bandwidth estimate
    /// held them back.
    pub held_back: usize,
    /// The lowest of the server's last estimates of the subscribers' links, in kilobits per second.
    pub estimate_kbps_min: u32,
    /// Key frames that the server asked of the publishers, from the first join on.
    pub key_frame_requests: u64,
    /// As asked for.
    pub seed: u64,
}

impl Report {
    /// Whether everybody saw something.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.without_picture == 0 && self.forwarded_packets > 0
    }
}

/// Starts a server of our own, fills it, and runs.
///
/// # Errors
/// When the server cannot be started, or browsers cannot sign in, join or connect.
pub async fn run_spawned(
    installation: &Installation,
    options: &Options,
) -> Result<Report, LoadError> {
    let people = options.publishers + options.subscribers;
    installation.seed(people, 1).await?;
    let mut server = installation.start().await?;
    let report = run(&server.address, Some(&server), options).await?;
    server.kill().await?;
    Ok(report)
}

/// Runs against a server that `parta load-seed` has filled; `server` when it is a process of ours.
///
/// # Errors
/// As for [`run_spawned`].
pub async fn run(
    address: &Address,
    server: Option<&Server>,
    options: &Options,
) -> Result<Report, LoadError> {
    let people = options.publishers + options.subscribers;
    let sessions: Vec<Session> = stream::iter(0..people)
        .map(async |number| sign_in(address, &format!("load{number}"), PASSWORD).await)
        .buffered(SIGN_INS_AT_ONCE)
        .try_collect()
        .await?;
    let (stop, stopped) = watch::channel(false);
    let (sending, watching) = sessions.split_at(options.publishers);
    let mut publishers = Vec::new();
    for (number, session) in sending.iter().enumerate() {
        let guest = Guest::prepare(address, session, options.publishers).await?;
        let mut joined = guest.join(true, stopped.clone()).await?;
        joined
            .publish(options.seed.wrapping_add(number as u64))
            .await?;
        publishers.push(joined);
    }
    let guests: Vec<Guest> = stream::iter(watching)
        .map(|session| Guest::prepare(address, session, options.publishers))
        .buffered(SIGN_INS_AT_ONCE)
        .try_collect()
        .await?;
    let joins = guests
        .into_iter()
        .map(|guest| guest.join(false, stopped.clone()));
    let subscribers: Vec<Joined> = futures_util::future::try_join_all(joins).await?;
    pictures(&subscribers).await;
    sleep(Duration::from_secs(options.warmup)).await;
    let before = Snapshot::take(&publishers, &subscribers, server)?;
    sleep(Duration::from_secs(options.seconds)).await;
    let after = Snapshot::take(&publishers, &subscribers, server)?;
    stop.send_replace(true);
    for joined in publishers.iter().chain(&subscribers) {
        joined.browser.close().await;
    }
    Ok(report(options, &publishers, &subscribers, &before, &after))
}

async fn pictures(subscribers: &[Joined]) {
    let deadline = Instant::now() + PICTURES_WITHIN;
    let waits = |joined: &Joined| joined.browser.received.first_frame().is_none();
    while subscribers.iter().any(waits) && Instant::now() < deadline {
        sleep_until(Instant::now() + POLL).await;
    }
}

struct Snapshot {
    sent: u64,
    received: Vec<Sums>,
    usage: Option<Usage>,
}

impl Snapshot {
    fn take(
        publishers: &[Joined],
        subscribers: &[Joined],
        server: Option<&Server>,
    ) -> Result<Self, LoadError> {
        let sums = subscribers
            .iter()
            .map(|joined| joined.browser.received.sums());
        Ok(Self {
            sent: publishers.iter().map(Joined::sent).sum(),
            received: sums.collect(),
            usage: server.map(Server::usage).transpose()?,
        })
    }
}

fn report(
    options: &Options,
    publishers: &[Joined],
    subscribers: &[Joined],
    before: &Snapshot,
    after: &Snapshot,
) -> Report {
    let (mut times, mut connecting) = (Times::default(), Times::default());
    for joined in subscribers {
        connecting.push(joined.connecting);
        if let Some(at) = joined.browser.received.first_frame() {
            times.push(at.saturating_duration_since(joined.asked.into_std()));
        }
    }
    let pairs = after.received.iter().zip(&before.received);
    let each: Vec<Sums> = pairs.map(|(after, before)| after.since(*before)).collect();
    let most = each.iter().map(|one| one.packets).max().unwrap_or(0);
    let sum = |of: fn(&Sums) -> u64| each.iter().map(of).sum::<u64>();
    let forwarded = sum(|one| one.packets);
    let cpu_s = before
        .usage
        .zip(after.usage)
        .map(|(b, a)| a.cpu_s - b.cpu_s);
    let seen = subscribers
        .iter()
        .filter(|joined| joined.browser.received.first_frame().is_some());
    let watched_s = count(options.seconds) * count(options.subscribers as u64);
    Report {
        publishers: options.publishers,
        subscribers: options.subscribers,
        seconds: options.seconds,
        sent_packets: after.sent - before.sent,
        forwarded_packets: forwarded,
        lost_packets: sum(|one| one.lost),
        repeated_packets: sum(|one| one.repeats),
        kbps_per_subscriber: round(count(sum(|one| one.bytes)) * 8.0 / 1e3 / watched_s.max(1.0)),
        server_cpu_s: cpu_s.map(round),
        cpu_us_per_packet: cpu_s.map(|cpu_s| round(cpu_s * 1e6 / count(forwarded.max(1)))),
        server_rss_mb: after.usage.map(|usage| round(usage.rss_mb)),
        p95_connected_ms: connecting.percentile_ms(95),
        p50_first_frame_ms: times.percentile_ms(50),
        p95_first_frame_ms: times.percentile_ms(95),
        without_picture: subscribers.len() - seen.count(),
        held_back: each
            .iter()
            .filter(|one| one.packets * 10 < most * 9)
            .count(),
        estimate_kbps_min: subscribers.iter().map(Joined::down_kbps).min().unwrap_or(0),
        key_frame_requests: publishers
            .iter()
            .map(|joined| joined.browser.received.key_requests())
            .sum(),
        seed: options.seed,
    }
}

fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn count(n: u64) -> f64 {
    n as f64
}
