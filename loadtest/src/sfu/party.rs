//! Everybody in a lesson, and what is measured while they are.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use super::seat::Seat;
use super::tap::Sums;
use crate::LoadError;
use crate::latency::Times;
use crate::usage::Usage;

/// How long the measurement waits for the last one's first picture.
const PICTURES_WITHIN: Duration = Duration::from_secs(15);
const POLL: Duration = Duration::from_millis(20);

/// A lesson's people.
pub(super) struct Party {
    /// Browsers that send.
    pub(super) senders: Vec<Seat>,
    /// Browsers that only watch.
    pub(super) watchers: Vec<Seat>,
    /// Whether those that send watch too.
    pub(super) senders_watch: bool,
    /// People who did not get in in time.
    pub(super) missing: usize,
    /// Ends everything that runs beside.
    pub(super) stop: watch::Sender<bool>,
}

/// What was measured.
#[derive(Debug, Default)]
pub(super) struct Measured {
    /// Packets that were sent to the server.
    pub(super) sent: u64,
    /// What each watching browser received.
    pub(super) each: Vec<Sums>,
    /// The server's processor time, in seconds.
    pub(super) cpu_s: Option<f64>,
    /// That of the load, in seconds.
    pub(super) load_cpu_s: f64,
    /// The server's resident memory at the end.
    pub(super) rss_mb: Option<f64>,
    /// From asking to join until media could flow.
    pub(super) connecting: Times,
    /// From asking to join to the first whole key frame.
    pub(super) first_frame: Times,
    /// Browsers that never saw one.
    pub(super) without_picture: usize,
    /// The server's lowest estimate of a link, in kilobits per second.
    pub(super) estimate_kbps_min: u32,
    /// Key frames that the server asked each sender for, from the first join on.
    pub(super) key_frame_requests: Vec<u64>,
    /// The least time between two of them from one sender.
    pub(super) key_frame_gap: Option<Duration>,
}

/// Lets people in at once. A server that is too busy for somebody is a result, not an error: who does not get in in time
/// is counted.
///
/// # Errors
/// When one is refused.
pub(super) async fn arrive(
    joins: impl Iterator<Item = impl Future<Output = Result<Seat, LoadError>>>,
) -> Result<(Vec<Seat>, usize), LoadError> {
    let (mut seats, mut missing) = (Vec::new(), 0);
    for joined in join_all(joins).await {
        match joined {
            Ok(seat) => seats.push(seat),
            Err(LoadError::TimedOut(_)) => missing += 1,
            Err(error) => return Err(error),
        }
    }
    Ok((seats, missing))
}

struct Snapshot {
    sent: u64,
    received: Vec<Sums>,
    usage: Option<Usage>,
    load: Usage,
}

impl Party {
    fn watching(&self) -> impl Iterator<Item = &Seat> {
        let senders = self.senders.iter().filter(|_| self.senders_watch);
        senders.chain(&self.watchers)
    }

    fn everybody(&self) -> impl Iterator<Item = &Seat> {
        self.senders.iter().chain(&self.watchers)
    }

    /// Waits until everybody has a picture, but not for ever; then `warmup` seconds more, then measures for `seconds`.
    ///
    /// # Errors
    /// Those of `usage`, which tells what the server has used.
    pub(super) async fn measure(
        &self,
        warmup: u64,
        seconds: u64,
        usage: impl Fn() -> Result<Option<Usage>, LoadError>,
    ) -> Result<Measured, LoadError> {
        self.pictures().await;
        sleep(Duration::from_secs(warmup)).await;
        let before = self.snapshot(&usage)?;
        sleep(Duration::from_secs(seconds)).await;
        let after = self.snapshot(&usage)?;
        let pairs = after.received.iter().zip(&before.received);
        let mut measured = Measured {
            sent: after.sent - before.sent,
            each: pairs.map(|(after, before)| after.since(*before)).collect(),
            cpu_s: before
                .usage
                .zip(after.usage)
                .map(|(b, a)| a.cpu_s - b.cpu_s),
            load_cpu_s: after.load.cpu_s - before.load.cpu_s,
            rss_mb: after.usage.map(|usage| usage.rss_mb),
            without_picture: self.missing,
            estimate_kbps_min: self.watching().map(Seat::down_kbps).min().unwrap_or(0),
            key_frame_requests: self
                .senders
                .iter()
                .map(|seat| seat.browser.received.key_requests())
                .collect(),
            key_frame_gap: self
                .senders
                .iter()
                .filter_map(|seat| seat.browser.received.key_requests_gap())
                .min(),
            ..Measured::default()
        };
        for seat in self.watching() {
            measured.connecting.push(seat.connecting);
            match seat.browser.received.first_frame() {
                Some(at) => measured
                    .first_frame
                    .push(at.saturating_duration_since(seat.asked.into_std())),
                None => measured.without_picture += 1,
            }
        }
        Ok(measured)
    }

    /// Ends all connections.
    pub(super) async fn close(self) {
        self.stop.send_replace(true);
        for seat in self.everybody() {
            seat.browser.close().await;
        }
    }

    async fn pictures(&self) {
        let deadline = Instant::now() + PICTURES_WITHIN;
        while !self.watching().all(|seat| seat.browser.received.sees()) && Instant::now() < deadline
        {
            sleep_until(Instant::now() + POLL).await;
        }
    }

    fn snapshot(
        &self,
        usage: &impl Fn() -> Result<Option<Usage>, LoadError>,
    ) -> Result<Snapshot, LoadError> {
        Ok(Snapshot {
            sent: self.senders.iter().map(Seat::sent).sum(),
            received: self
                .watching()
                .map(|seat| seat.browser.received.sums())
                .collect(),
            usage: usage()?,
            load: Usage::of(std::process::id())?,
        })
    }
}

impl Measured {
    /// A sum over all browsers.
    pub(super) fn sum(&self, of: fn(&Sums) -> u64) -> u64 {
        self.each.iter().map(of).sum()
    }

    /// Browsers that received less than nine tenths of what the best served one did.
    pub(super) fn held_back(&self) -> usize {
        let most = self.each.iter().map(|one| one.packets).max().unwrap_or(0);
        let less = |one: &&Sums| one.packets * 10 < most * 9;
        self.each.iter().filter(less).count()
    }

    /// Takes in what was measured in another round.
    pub(super) fn add(&mut self, other: Self) {
        self.sent += other.sent;
        self.each.extend(other.each);
        self.cpu_s = match (self.cpu_s, other.cpu_s) {
            (Some(one), Some(another)) => Some(one + another),
            (one, another) => one.or(another),
        };
        self.load_cpu_s += other.load_cpu_s;
        self.rss_mb = self.rss_mb.or(other.rss_mb);
        self.connecting.append(other.connecting);
        self.first_frame.append(other.first_frame);
        self.without_picture += other.without_picture;
        self.estimate_kbps_min = self.estimate_kbps_min.min(other.estimate_kbps_min);
        self.key_frame_requests.extend(other.key_frame_requests);
        self.key_frame_gap = self
            .key_frame_gap
            .into_iter()
            .chain(other.key_frame_gap)
            .min();
    }
}
