//! Parta and Janus by turns, with the same browsers and the same media, and the floor under both.

mod report;

use std::time::Duration;

use self::report::report;
use super::floor::{self, Floor};
use super::janus::Janus;
use super::party::{Measured, Party};
use super::{Lesson, gather};
use crate::LoadError;
use crate::chat::count;
use crate::chat::idle::OTHER_FILES;
use crate::server::Installation;
use crate::usage::{Usage, raise_open_files};

pub use self::report::Report;

/// What each person of a meeting sees of the others: the last nine who spoke.
const LAST_N: usize = 9;
/// What a camera sends that is seen as a tile, in kilobits per second.
const TILE_KBPS: u32 = 500;

/// A lesson to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
    /// One sends 2.5 Mbit/s, 100 watch.
    OneToHundred,
    /// Ten send 500 kbit/s each; each sees the nine others and hears the loudest three.
    TenByTen,
    /// Thirty send 500 kbit/s each; each sees nine others and hears the loudest three.
    ThirtyByThirty,
}

impl Scenario {
    const fn name(self) -> &'static str {
        match self {
            Self::OneToHundred => "1-to-100",
            Self::TenByTen => "10x10",
            Self::ThirtyByThirty => "30x30",
        }
    }

    const fn lesson(self, seed: u64) -> Lesson {
        match self {
            Self::OneToHundred => Lesson {
                senders: 1,
                senders_see: 0,
                watchers: 100,
                watchers_see: 1,
                watchers_join: Duration::ZERO,
                kbps: 2_500,
                seed,
            },
            Self::TenByTen => meeting(10, seed),
            Self::ThirtyByThirty => meeting(30, seed),
        }
    }
}

const fn meeting(people: usize, seed: u64) -> Lesson {
    Lesson {
        senders: people,
        senders_see: LAST_N,
        watchers: 0,
        watchers_see: 0,
        watchers_join: Duration::ZERO,
        kbps: TILE_KBPS,
        seed,
    }
}

/// What to do.
#[derive(Clone, Debug)]
pub struct Options {
    /// Our server, with an empty data folder.
    pub installation: Installation,
    /// The server to compare with, to which nobody has connected yet.
    pub peer: Janus,
    /// Which lesson.
    pub scenario: Scenario,
    /// How often it is run on both.
    pub rounds: u8,
    /// How long everything may settle after everybody has a picture, in seconds.
    pub warmup: u64,
    /// How long each run is measured.
    pub seconds: u64,
    /// Seed of what is sent.
    pub seed: u64,
}

#[derive(Default)]
struct Side {
    measured: Option<Measured>,
    bytes_each: f64,
}

impl Side {
    async fn take(
        &mut self,
        options: &Options,
        before: Usage,
        party: Party,
        usage: impl Fn() -> Result<Usage, LoadError>,
    ) -> Result<(), LoadError> {
        let measured = party
            .measure(options.warmup, options.seconds, || usage().map(Some))
            .await?;
        let after = usage()?;
        party.close().await;
        match &mut self.measured {
            Some(sum) => sum.add(measured),
            // Only a server that nobody has used yet tells what somebody costs.
            None => {
                let people = options.scenario.lesson(0).people();
                let bytes = (after.rss_mb - before.rss_mb) * 1_048_576.0;
                self.bytes_each = (bytes / count(people)).round();
                self.measured = Some(measured);
            }
        }
        Ok(())
    }
}

/// Runs a lesson on both by turns.
///
/// # Errors
/// When a server cannot be started or refuses people.
pub async fn run(options: &Options) -> Result<Report, LoadError> {
    let lesson = options.scenario.lesson(options.seed);
    raise_open_files(lesson.people() * 6 + OTHER_FILES)?;
    let sessions = options
        .installation
        .seed_sessions(lesson.people(), 1)
        .await?;
    let mut server = options.installation.start().await?;
    let (mut ours, mut theirs, mut floors) = (Side::default(), Side::default(), Vec::new());
    for _ in 0..options.rounds {
        let before = server.usage()?;
        let party = gather(&server.address, &sessions, &lesson).await?;
        ours.take(options, before, party, || server.usage()).await?;
        let before = options.peer.usage()?;
        let party = options.peer.gather(&lesson).await?;
        theirs
            .take(options, before, party, || options.peer.usage())
            .await?;
        floors.push(
            floor::measure(floor::Options {
                receivers: lesson.people() - usize::from(lesson.senders_see == 0) * lesson.senders,
                seconds: (options.seconds / 4).max(1),
            })
            .await?,
        );
    }
    server.kill().await?;
    report(options, ours, theirs, Floor::mean(&floors))
}
