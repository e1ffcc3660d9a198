//! Many people who are connected and do nothing: what does a connection cost in memory?

use std::time::Duration;

use serde::Serialize;
use tokio::time::{Instant, sleep};

use super::round;
use crate::LoadError;
use crate::crowd::Crowd;
use crate::server::Installation;
use crate::usage::{Usage, raise_open_files};

/// Files that a process has open besides its connections.
pub(crate) const OTHER_FILES: usize = 200;

/// What to do.
#[derive(Clone, Debug)]
pub struct Options {
    /// People, one connection each.
    pub connections: usize,
    /// People in a room.
    pub rooms_of: usize,
    /// How long everybody is ready and quiet before the memory is read, in seconds.
    pub settle: u64,
    /// Seed of the clients' random pauses.
    pub seed: u64,
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Connections that were ready.
    pub connections: usize,
    /// The server's resident memory with them, less that without, divided by their number.
    pub server_bytes_per_connection: f64,
    /// The server's resident memory with sessions and rooms, before the first connection.
    pub server_rss_before_mb: f64,
    /// The same with all connections.
    pub server_rss_mb: f64,
    /// From the first connection's opening until the last was ready, in seconds.
    pub ready_s: f64,
    /// The server's processor time during the settling, for each second.
    pub server_cpu_idle: f64,
    /// Connections that did not last.
    pub disconnected: usize,
    /// As asked for.
    pub rooms_of: usize,
    /// As asked for.
    pub settle: u64,
}

impl Report {
    /// Whether everybody stayed connected.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.disconnected == 0
    }
}

/// Starts a server of our own and fills it with idle people.
///
/// # Errors
/// When the server cannot be started or refuses people.
pub async fn run_spawned(
    installation: &Installation,
    options: &Options,
) -> Result<Report, LoadError> {
    raise_open_files(options.connections + OTHER_FILES)?;
    let rooms = options.connections.div_ceil(options.rooms_of);
    let sessions = installation
        .seed_sessions(options.connections, rooms)
        .await?;
    let mut server = installation.start().await?;
    let before = server.usage()?;
    let begin = Instant::now();
    let crowd = Crowd::gather(&server.address, &sessions, options.seed).await?;
    let ready_s = begin.elapsed().as_secs_f64();
    let quiet = server.usage()?;
    sleep(Duration::from_secs(options.settle)).await;
    let after = server.usage()?;
    let counts = crowd.finish().await?.counts;
    server.kill().await?;
    Ok(Report {
        connections: options.connections,
        server_bytes_per_connection: bytes_each(&before, &after, options.connections),
        server_rss_before_mb: round(before.rss_mb),
        server_rss_mb: round(after.rss_mb),
        ready_s: round(ready_s),
        server_cpu_idle: round(
            (after.cpu_s - quiet.cpu_s) / Duration::from_secs(options.settle).as_secs_f64(),
        ),
        disconnected: counts.connections - options.connections + counts.gone,
        rooms_of: options.rooms_of,
        settle: options.settle,
    })
}

/// Memory that came with each of so many connections, in bytes.
pub(crate) fn bytes_each(before: &Usage, after: &Usage, connections: usize) -> f64 {
    let bytes = (after.rss_mb - before.rss_mb) * 1_048_576.0;
    (bytes / super::count(connections)).round()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_divided_among_the_connections() {
        let usage = |rss_mb| Usage {
            cpu_s: 0.0,
            rss_mb,
            peak_mb: rss_mb,
        };
        assert!((bytes_each(&usage(10.0), &usage(20.0), 1_024) - 10_240.0).abs() < 0.1);
    }
}
