//! Parta and ejabberd by turns, with the same people, rooms and messages, on the same machine.

use std::time::Duration;

use serde::Serialize;
use tokio::time::sleep;

use crate::LoadError;
use crate::chat::idle::{OTHER_FILES, bytes_each};
use crate::chat::rooms::{self, Measured};
use crate::chat::round;
use crate::crowd::Crowd;
use crate::history::Verdict;
use crate::peer::Peer;
use crate::server::Installation;
use crate::usage::raise_open_files;

/// What to do.
#[derive(Clone, Debug)]
pub struct Options {
    /// Our server, with an empty data folder.
    pub installation: Installation,
    /// The server to compare with.
    pub peer: Peer,
    /// People, one connection each.
    pub users: usize,
    /// People in a room.
    pub rooms_of: usize,
    /// How often each load is run on both.
    pub rounds: u8,
    /// How long people write before it is measured, in seconds.
    pub warmup: u64,
    /// How long each run is measured.
    pub seconds: u64,
    /// Idle people.
    pub idle: usize,
    /// How long they do nothing before the memory is read.
    pub settle: u64,
    /// Seed of the clients' random pauses.
    pub seed: u64,
}

impl Options {
    // Each load has a database of its own.
    fn installation(&self, name: &str) -> Installation {
        Installation {
            data: self.installation.data.join(name),
            ..self.installation.clone()
        }
    }
}

/// Memory of idle people.
#[derive(Clone, Debug, Serialize)]
pub struct IdleReport {
    /// People, connected and in their rooms.
    pub connections: usize,
    /// Our server's memory that came with each, in bytes.
    pub server_bytes_per_connection: f64,
    /// The peer's.
    pub peer_bytes_per_connection: f64,
    /// The peer's before anybody entered a room.
    pub peer_bytes_per_session: f64,
    /// Ours divided by the peer's.
    pub ratio: f64,
    /// Our connections that did not last.
    pub disconnected: usize,
    /// As asked for.
    pub rooms_of: usize,
}

impl IdleReport {
    /// Whether everybody stayed connected.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.disconnected == 0
    }
}

/// One load on both.
#[derive(Clone, Debug, Serialize)]
pub struct LoadReport {
    /// As asked for: messages per second of all together.
    pub rate: f64,
    /// Our server's processor time for each delivery, in microseconds.
    pub server_cpu_us_per_delivery: f64,
    /// The peer's.
    pub peer_cpu_us_per_delivery: f64,
    /// Ours divided by the peer's.
    pub ratio: f64,
    /// Our deliveries per second.
    pub deliveries_per_s: f64,
    /// The peer's.
    pub peer_deliveries_per_s: f64,
    /// Median time from the moment at which a message was due until its delivery by us, in milliseconds.
    pub p50_ms: Option<f64>,
    /// The same at 99 per cent.
    pub p99_ms: Option<f64>,
    /// Median by the peer.
    pub peer_p50_ms: Option<f64>,
    /// The same at 99 per cent.
    pub peer_p99_ms: Option<f64>,
    /// Deliveries by us in the measured windows.
    pub deliveries: usize,
    /// By the peer.
    pub peer_deliveries: usize,
    /// Our messages that were not taken.
    pub unsent: usize,
    /// The judge's findings on us.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Messages that the peer refused.
    pub peer_unsent: usize,
    /// Deliveries that the peer owes.
    pub peer_lost: usize,
    /// How long after they were due our messages were first sent, at 99 per cent, in milliseconds. We wait for the
    /// answer to the same sender's last message; XMPP has no such answer.
    pub p99_late_ms: Option<f64>,
    /// The peer's.
    pub peer_p99_late_ms: Option<f64>,
    /// Our server's resident memory at the end of a window, at most.
    pub server_rss_mb: f64,
    /// The peer's.
    pub peer_rss_mb: f64,
    /// As asked for.
    pub users: usize,
    /// As asked for.
    pub rooms_of: usize,
    /// As asked for.
    pub rounds: u8,
    /// As asked for: seconds measured in each round.
    pub seconds: u64,
}

impl LoadReport {
    /// Whether our server kept every promise.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.verdict.is_clean() && self.unsent == 0
    }
}

/// Measures idle connections, on a peer to which nobody has connected yet.
///
/// # Errors
/// When a server cannot be started or refuses people.
pub async fn idle(options: &Options) -> Result<IdleReport, LoadError> {
    raise_open_files(options.idle + OTHER_FILES)?;
    let settle = || sleep(Duration::from_secs(options.settle));
    let rooms = options.idle.div_ceil(options.rooms_of);
    let installation = options.installation("idle");
    let sessions = installation.seed_sessions(options.idle, rooms).await?;
    let mut server = installation.start().await?;
    let before = server.usage()?;
    let crowd = Crowd::gather(&server.address, &sessions, options.seed).await?;
    settle().await;
    let after = server.usage()?;
    let counts = crowd.finish().await?.counts;
    server.kill().await?;

    let peer = &options.peer;
    let peer_before = peer.usage()?;
    let people = u32::try_from(options.idle)
        .map_err(|_| LoadError::NotReady("too many people".to_owned()))?;
    let mut crowd = peer.sign_in(people).await?;
    settle().await;
    let signed_in = peer.usage()?;
    crowd.join(rooms).await?;
    settle().await;
    let joined = peer.usage()?;
    drop(crowd);

    let server_bytes = bytes_each(&before, &after, options.idle);
    let peer_bytes = bytes_each(&peer_before, &joined, options.idle);
    Ok(IdleReport {
        connections: options.idle,
        server_bytes_per_connection: server_bytes,
        peer_bytes_per_connection: peer_bytes,
        peer_bytes_per_session: bytes_each(&peer_before, &signed_in, options.idle),
        ratio: round(server_bytes / peer_bytes),
        disconnected: counts.connections - options.idle + counts.gone,
        rooms_of: options.rooms_of,
    })
}

/// Runs one load on both by turns.
///
/// # Errors
/// When a server cannot be started or refuses people.
pub async fn load(options: &Options, rate: f64) -> Result<LoadReport, LoadError> {
    raise_open_files(options.users + OTHER_FILES)?;
    let load = rooms::Options {
        users: options.users,
        rooms_of: options.rooms_of,
        rate,
        warmup: options.warmup,
        seconds: options.seconds,
        seed: options.seed,
    };
    let rooms = options.users.div_ceil(options.rooms_of);
    let installation = options.installation(&format!("load-{rate}"));
    let sessions = installation.seed_sessions(options.users, rooms).await?;
    let mut server = installation.start().await?;
    let (mut ours, mut theirs) = (Measured::default(), Measured::default());
    for _ in 0..options.rounds {
        ours.add(rooms::measure(&server, &sessions, &load).await?);
        theirs.add(options.peer.measure(&load).await?);
    }
    server.kill().await?;
    Ok(report(options, rate, ours, theirs))
}

fn report(options: &Options, rate: f64, ours: Measured, theirs: Measured) -> LoadReport {
    let server_cpu = ours.cpu_us_per_delivery();
    let peer_cpu = theirs.cpu_us_per_delivery();
    let (deliveries_per_s, peer_deliveries_per_s) =
        (ours.deliveries_per_s(), theirs.deliveries_per_s());
    let (server_rss_mb, peer_rss_mb) = (round(ours.rss_mb), round(theirs.rss_mb));
    let (mut ours, mut theirs) = (ours.outcome, theirs.outcome);
    LoadReport {
        rate,
        server_cpu_us_per_delivery: server_cpu,
        peer_cpu_us_per_delivery: peer_cpu,
        ratio: round(server_cpu / peer_cpu),
        deliveries_per_s,
        peer_deliveries_per_s,
        p50_ms: ours.times.percentile_ms(50),
        p99_ms: ours.times.percentile_ms(99),
        peer_p50_ms: theirs.times.percentile_ms(50),
        peer_p99_ms: theirs.times.percentile_ms(99),
        deliveries: ours.counts.in_window,
        peer_deliveries: theirs.counts.in_window,
        unsent: ours.counts.unsent,
        verdict: ours.verdict,
        peer_unsent: theirs.counts.unsent,
        peer_lost: theirs.verdict.lost,
        p99_late_ms: ours.late.percentile_ms(99),
        peer_p99_late_ms: theirs.late.percentile_ms(99),
        server_rss_mb,
        peer_rss_mb,
        users: options.users,
        rooms_of: options.rooms_of,
        rounds: options.rounds,
        seconds: options.seconds,
    }
}
