//! A lesson under load: fake browsers publish sound and pictures, others watch, and the server's work for each packet
//! is measured.

pub mod beside;
mod browser;
pub mod floor;
mod guest;
pub mod janus;
mod party;
mod publish;
mod receive;
mod reports;
mod seat;
mod sieve;
mod synth;
mod tap;
mod track;
mod wire;

use std::time::Duration;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use self::guest::{Guest, Role};
use self::party::{Measured, Party, arrive};
use crate::LoadError;
use crate::chat::{count, round};
use crate::http::{Address, Session, figure, sign_in};
use crate::ports::free_port;
use crate::server::{Installation, Launch, PASSWORD, Server};

/// Signing in costs the server a slow hash each; more at once would only wait.
const SIGN_INS_AT_ONCE: usize = 8;
/// What a camera sends when nothing else is asked for, in kilobits per second.
const CAMERA_KBPS: u32 = 2_500;

/// A lesson's people and what they send.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lesson {
    /// Browsers that send sound and pictures.
    pub(crate) senders: usize,
    /// So many cameras of the others does each of them see.
    pub(crate) senders_see: usize,
    /// Browsers that only watch.
    pub(crate) watchers: usize,
    /// So many cameras does each of them see.
    pub(crate) watchers_see: usize,
    /// Over how long a time they join, evenly; zero: all at once.
    pub(crate) watchers_join: Duration,
    /// What a camera sends, in kilobits per second.
    pub(crate) kbps: u32,
    /// Seed of what is sent.
    pub(crate) seed: u64,
}

impl Lesson {
    /// People, each of them one participant.
    pub(crate) const fn people(&self) -> usize {
        self.senders + self.watchers
    }
}

/// What to do.
#[derive(Clone, Debug)]
pub struct Options {
    /// Browsers that send sound and pictures.
    pub publishers: usize,
    /// Browsers that watch all of them.
    pub subscribers: usize,
    /// Over how long a time they join, evenly, in seconds; 0: all at once.
    pub join_within: f64,
    /// How long the bandwidth estimates may settle after everybody has a picture, in seconds.
    pub warmup: u64,
    /// Length of the measurement, after that.
    pub seconds: u64,
    /// Seed of what is sent.
    pub seed: u64,
    /// How a server of our own has its media threads.
    pub threads: Threads,
}

/// A server's media threads.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Threads {
    /// So many (`media_workers`).
    pub media_workers: u16,
    /// So many of a lesson's people on one, before others are put on the next (`media_spread_from`).
    pub spread_from: u32,
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// As asked for.
    pub publishers: usize,
    /// As asked for.
    pub subscribers: usize,
    /// As asked for.
    pub join_within_s: f64,
    /// As asked for.
    pub seconds: u64,
    /// As asked for, of a server of our own.
    #[serde(flatten)]
    pub threads: Option<Threads>,
    /// Packets that one media thread handed to another, from the first join on; of a server of our own.
    pub carried_packets: Option<u64>,
    /// What a media thread had no room for of that.
    pub dropped_crossings: Option<u64>,
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
    /// The load's own processor time for each of them.
    pub load_cpu_us_per_packet: f64,
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
    /// The same of each publisher.
    pub key_frame_requests_by_source: Vec<u64>,
    /// The least time between two requests to one publisher, when it was asked twice.
    pub key_frame_gap_ms: Option<f64>,
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
    let Threads {
        media_workers,
        spread_from,
    } = options.threads;
    let metrics = format!("127.0.0.1:{}", free_port()?);
    let variable = |name: &str, value: String| (format!("PARTA_{name}"), value);
    let variables = vec![
        variable("MEDIA_WORKERS", media_workers.to_string()),
        variable("MEDIA_SPREAD_FROM", spread_from.to_string()),
        variable("METRICS_LISTEN", metrics.clone()),
    ];
    let port = 0;
    let mut server = installation.launch(&Launch { port, variables }).await?;
    let mut report = Box::pin(run(&server.address, Some(&server), options)).await?;
    let metrics = Address::parse(&format!("http://{metrics}"))?;
    let carried = figure(&metrics, "parta_media_packets_carried_total").await?;
    let dropped = figure(&metrics, "parta_media_crossings_dropped_total").await?;
    report.threads = Some(options.threads);
    report.carried_packets = Some(carried);
    report.dropped_crossings = Some(dropped);
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
    let lesson = Lesson {
        senders: options.publishers,
        senders_see: 0,
        watchers: options.subscribers,
        watchers_see: options.publishers,
        watchers_join: Duration::from_secs_f64(options.join_within),
        kbps: CAMERA_KBPS,
        seed: options.seed,
    };
    let sessions = stream::iter(0..lesson.people())
        .map(async |number| sign_in(address, &format!("load{number}"), PASSWORD).await)
        .buffered(SIGN_INS_AT_ONCE)
        .try_collect::<Vec<_>>()
        .await?;
    let party = gather(address, &sessions, &lesson).await?;
    let usage = || server.map(Server::usage).transpose();
    let measured = party
        .measure(options.warmup, options.seconds, usage)
        .await?;
    party.close().await;
    Ok(report(options, measured))
}

/// Lets everybody into a lesson: first those who send, at once, then those who watch, each in their turn.
async fn gather(
    address: &Address,
    sessions: &[Session],
    lesson: &Lesson,
) -> Result<Party, LoadError> {
    let (stop, stopped) = watch::channel(false);
    let prepare = async |sessions: &[Session], role: Role| {
        stream::iter(sessions)
            .map(|session| Guest::prepare(address, session, role))
            .buffered(SIGN_INS_AT_ONCE)
            .try_collect::<Vec<_>>()
            .await
    };
    let (sending, watching) = sessions.split_at(lesson.senders);
    let sees = lesson.senders_see;
    let senders = prepare(sending, Role { sends: true, sees }).await?;
    let senders = senders.into_iter().enumerate().map(|(number, guest)| {
        let stopped = stopped.clone();
        async move {
            let seat = guest.join(stopped).await?;
            let seed = lesson.seed.wrapping_add(number as u64);
            seat.publish(lesson.kbps, seed).await?;
            Ok::<_, LoadError>(seat)
        }
    });
    let (senders, away) = arrive(senders).await?;
    let sees = lesson.watchers_see;
    let watchers = prepare(watching, Role { sends: false, sees }).await?;
    let start = Instant::now();
    let apart = lesson.watchers_join / lesson.watchers.max(1) as u32;
    let watchers = (0..).zip(watchers).map(|(nth, guest)| {
        let stopped = stopped.clone();
        async move {
            sleep_until(start + apart * nth).await;
            guest.join(stopped).await
        }
    });
    let (watchers, missing) = arrive(watchers).await?;
    Ok(Party {
        senders,
        watchers,
        senders_watch: lesson.senders_see > 0,
        missing: missing + away,
        stop,
    })
}

fn report(options: &Options, mut measured: Measured) -> Report {
    let forwarded = measured.sum(|one| one.packets);
    let watched_s = count(options.seconds as usize) * count(options.subscribers);
    let kbits = count(measured.sum(|one| one.bytes) as usize) * 8.0 / 1e3;
    let each = |cpu_s: f64| round(cpu_s * 1e6 / count(forwarded.max(1) as usize));
    Report {
        publishers: options.publishers,
        subscribers: options.subscribers,
        join_within_s: options.join_within,
        seconds: options.seconds,
        threads: None,
        carried_packets: None,
        dropped_crossings: None,
        sent_packets: measured.sent,
        forwarded_packets: forwarded,
        lost_packets: measured.sum(|one| one.lost),
        repeated_packets: measured.sum(|one| one.repeats),
        kbps_per_subscriber: round(kbits / watched_s.max(1.0)),
        server_cpu_s: measured.cpu_s.map(round),
        cpu_us_per_packet: measured.cpu_s.map(each),
        load_cpu_us_per_packet: each(measured.load_cpu_s),
        server_rss_mb: measured.rss_mb.map(round),
        p95_connected_ms: measured.connecting.percentile_ms(95),
        p50_first_frame_ms: measured.first_frame.percentile_ms(50),
        p95_first_frame_ms: measured.first_frame.percentile_ms(95),
        without_picture: measured.without_picture,
        held_back: measured.held_back(),
        estimate_kbps_min: measured.estimate_kbps_min,
        key_frame_requests: measured.key_frame_requests.iter().sum(),
        key_frame_requests_by_source: measured.key_frame_requests,
        key_frame_gap_ms: measured
            .key_frame_gap
            .map(|gap| round(gap.as_secs_f64() * 1e3)),
        seed: options.seed,
    }
}
