//! Faults: something breaks while people write, heals, and then everybody must hold everything that was acknowledged,
//! once and in one order: on their screens, and in what every server tells afterwards.

mod alone;
mod clocks;
mod cluster;
mod crash;
mod line;
mod nodes;
mod postgres;
mod redis;
mod report;
mod sessions;
mod slow;
mod upload;

use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use tempfile::TempDir;

use self::cluster::Cluster;
pub use self::report::Report;
use self::report::Scenario;
use crate::LoadError;
use crate::kill;
use crate::server::Installation;

/// How long a service may take after a fault until every writer gets answers again, and everybody holds everything.
const HEALED_WITHIN: Duration = Duration::from_secs(30);
/// How long people may take to connect in the beginning.
const GATHERED_WITHIN: Duration = Duration::from_secs(30);

/// What to do.
#[derive(Debug)]
pub struct Options {
    /// The server's binary and log. Every scenario has a data folder of its own.
    pub installation: Installation,
    /// Fewer and shorter faults, for every day.
    pub short: bool,
    /// Seed of everything that looks random.
    pub seed: u64,
}

impl Options {
    /// One of two amounts.
    const fn amount<T: Copy>(&self, short: T, long: T) -> T {
        if self.short { short } else { long }
    }

    fn rng(&self) -> StdRng {
        StdRng::seed_from_u64(self.seed)
    }

    /// The installation over a new folder.
    fn fresh(&self) -> Result<(TempDir, Installation), LoadError> {
        let folder = tempfile::tempdir()?;
        let installation = Installation {
            data: folder.path().to_owned(),
            ..self.installation.clone()
        };
        Ok((folder, installation))
    }
}

/// Carries out all scenarios. One that cannot be carried out is told in the report and does not keep the others from
/// being run.
pub async fn run(options: &Options) -> Report {
    let mut report = Report::new(options.seed);
    alone(options, &mut report).await;
    if let Err(error) = together(options, &mut report).await {
        report.failed.push(format!("several servers: {error}"));
    }
    report.finish()
}

// A server alone, on SQLite.
async fn alone(options: &Options, report: &mut Report) {
    report.add("crash", Box::pin(crash::run(options)).await);
    report.add("upload", Box::pin(upload::run(options)).await);
    report.add("kill", Box::pin(kills(options)).await);
    report.add("slow", Box::pin(slow::run(options)).await);
    report.add("line", Box::pin(line::run(options)).await);
}

// Three servers on one PostgreSQL and one Redis.
async fn together(options: &Options, report: &mut Report) -> Result<(), LoadError> {
    let mut cluster = Box::pin(Cluster::start(options)).await?;
    report.add("nodes", Box::pin(nodes::run(&mut cluster, options)).await);
    report.add("redis", Box::pin(redis::run(&mut cluster, options)).await);
    let postgres = Box::pin(postgres::run(&mut cluster, options)).await;
    report.add("postgres", postgres);
    match clocks::library() {
        Some(library) => {
            let clocks = Box::pin(clocks::run(&mut cluster, &library)).await;
            report.add("clocks", clocks);
        }
        None => report
            .left_out
            .push("clocks apart: the Debian package faketime is not installed".to_owned()),
    }
    cluster.stop().await
}

async fn kills(options: &Options) -> Result<Scenario, LoadError> {
    let (_folder, installation) = options.fresh()?;
    let kills = options.amount(5, 200);
    let report = kill::run(&kill::Options {
        installation,
        clients: 4,
        messages: options.amount(25, 200),
        kills,
        seed: options.seed,
    })
    .await?;
    let mut scenario = Scenario::default();
    scenario.outcome.counts.retries = report.retries;
    scenario.outcome.counts.already_stored = report.already_stored;
    scenario.outcome.counts.connections = report.connections;
    scenario.outcome.acked = report.acked;
    scenario.outcome.verdict = report.verdict;
    scenario.happened("kill", report.killed);
    Ok(scenario)
}
