//! `parta-load`: the command line. Prints one line of JSON and ends with 1 when a promise was broken.

#![forbid(unsafe_code)]

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use loadtest::http::Address;
use loadtest::server::{Installation, sibling_binary};
use loadtest::{chat, kill, sfu};
use serde::Serialize;

/// Load and faults for Parta.
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    run: Run,
}

#[derive(Subcommand)]
enum Run {
    /// People who write to each other.
    Chat {
        #[command(flatten)]
        target: Target,
        #[command(flatten)]
        common: Common,
        /// People, one connection each.
        #[arg(long, default_value_t = 200)]
        users: usize,
        /// Rooms.
        #[arg(long, default_value_t = 10)]
        rooms: usize,
        /// How long they write.
        #[arg(long, default_value_t = 20)]
        seconds: u64,
        /// Messages of one person per minute, on average.
        #[arg(long, default_value_t = 60.0)]
        rate: f64,
    },
    /// Browsers in a lesson.
    Sfu {
        #[command(flatten)]
        target: Target,
        #[command(flatten)]
        common: Common,
        /// Browsers that send sound and pictures.
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=16))]
        publishers: u8,
        /// Browsers that watch.
        #[arg(long, default_value_t = 50)]
        subscribers: usize,
        /// How long the server's bandwidth estimates may settle first.
        #[arg(long, default_value_t = 3)]
        warmup: u64,
        /// How long it is measured.
        #[arg(long, default_value_t = 20)]
        seconds: u64,
    },
    /// People who write while the server is killed and started again.
    Kill {
        #[command(flatten)]
        common: Common,
        /// People, all in one room.
        #[arg(long, default_value_t = 4)]
        clients: usize,
        /// Messages of each.
        #[arg(long, default_value_t = 200)]
        messages: usize,
        /// How often the server is killed.
        #[arg(long, default_value_t = 5)]
        kills: usize,
    },
}

#[derive(Args)]
#[group(required = true, multiple = false)]
struct Target {
    /// Start a server of our own.
    #[arg(long)]
    spawn: bool,
    /// Use this server, filled by `parta load-seed --password parta-load-2026`.
    #[arg(long)]
    url: Option<String>,
}

#[derive(Args)]
struct Common {
    /// Path of `parta`; otherwise the one beside this binary.
    #[arg(long)]
    server: Option<PathBuf>,
    /// Where the server's log is appended.
    #[arg(long)]
    server_log: Option<PathBuf>,
    /// Seed of everything that looks random.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// One line of JSON instead of many.
    #[arg(long)]
    json: bool,
}

impl Common {
    fn installation(&self, data: &tempfile::TempDir) -> anyhow::Result<Installation> {
        let binary = match &self.server {
            Some(path) => path.clone(),
            None => sibling_binary()?,
        };
        Ok(Installation {
            binary,
            data: data.path().to_owned(),
            log: self.server_log.clone(),
        })
    }

    fn print(&self, report: &impl Serialize) -> anyhow::Result<()> {
        let text = if self.json {
            serde_json::to_string(report)?
        } else {
            serde_json::to_string_pretty(report)?
        };
        writeln!(std::io::stdout(), "{text}").context("cannot print the result")
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let data = tempfile::tempdir()?;
    let clean = match Arguments::parse().run {
        Run::Chat {
            target,
            common,
            users,
            rooms,
            seconds,
            rate,
        } => {
            let seed = common.seed;
            let options = chat::Options {
                users,
                rooms,
                seconds,
                rate,
                seed,
            };
            let report = match target.url {
                Some(url) => chat::run(&Address::parse(&url)?, None, &options).await?,
                None => chat::run_spawned(&common.installation(&data)?, &options).await?,
            };
            common.print(&report)?;
            report.is_clean()
        }
        Run::Sfu {
            target,
            common,
            publishers,
            subscribers,
            warmup,
            seconds,
        } => {
            let options = sfu::Options {
                publishers: publishers.into(),
                subscribers,
                warmup,
                seconds,
                seed: common.seed,
            };
            let report = match target.url {
                Some(url) => sfu::run(&Address::parse(&url)?, None, &options).await?,
                None => sfu::run_spawned(&common.installation(&data)?, &options).await?,
            };
            common.print(&report)?;
            report.is_clean()
        }
        Run::Kill {
            common,
            clients,
            messages,
            kills,
        } => {
            let options = kill::Options {
                installation: common.installation(&data)?,
                clients,
                messages,
                kills,
                seed: common.seed,
            };
            let report = kill::run(&options).await?;
            common.print(&report)?;
            report.is_clean()
        }
    };
    Ok(ExitCode::from(u8::from(!clean)))
}
