//! The command line's form.

use std::io::Write;
use std::net::Ipv4Addr;
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Parser, Subcommand, ValueEnum};
use loadtest::server::{Installation, sibling_binary};
use serde::Serialize;

/// Load and faults for Parta.
#[derive(Parser)]
#[command(version, about)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) run: Run,
}

#[derive(Subcommand)]
pub(crate) enum Run {
    /// People who write to each other.
    Chat(Chat),
    /// The chat of `--rooms-of` on Parta and on ejabberd in turn; `scripts/with-ejabberd.sh` starts one.
    Beside(Beside),
    /// Browsers in a lesson.
    Sfu(Sfu),
    /// Browsers in a lesson on Parta and on Janus in turn; `scripts/with-janus.sh` starts one.
    SfuBeside(SfuBeside),
    /// Searches in a large school.
    Search(Search),
    /// People who write while the server is killed and started again.
    Kill(Kill),
    /// People who write while servers, databases and networks fail.
    Faults(Faults),
}

#[derive(Args)]
pub(crate) struct Chat {
    #[command(flatten)]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) common: Common,
    /// People, one connection each: 200, or 300 with --rooms-of.
    #[arg(long)]
    pub(crate) users: Option<usize>,
    /// Rooms, when --rooms-of does not say how large they are.
    #[arg(long, default_value_t = 10)]
    pub(crate) rooms: usize,
    /// How long they write; with --rooms-of, how long it is measured.
    #[arg(long, default_value_t = 20)]
    pub(crate) seconds: u64,
    /// Messages of one person per minute, on average: 60. With --rooms-of or --storm, messages per second of all
    /// together: 100.
    #[arg(long, value_parser = positive)]
    pub(crate) rate: Option<f64>,
    /// Rooms of this many people, written to at a fixed rate whatever the server does.
    #[arg(long, requires = "spawn", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) rooms_of: Option<u16>,
    /// How long they write before it is measured, with --rooms-of.
    #[arg(long, default_value_t = 3)]
    pub(crate) warmup: u64,
    /// This many people who are connected and do nothing.
    #[arg(long, requires = "spawn", conflicts_with = "storm", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) idle: Option<u32>,
    /// How long they do nothing before the memory is read, with --idle.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) settle: u64,
    /// This many people, all of whom come back at once after the server was killed and started again.
    #[arg(long, requires = "spawn", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) storm: Option<u32>,
    /// This many people, all of whom sign in with a password at once.
    #[arg(long, requires = "spawn", conflicts_with_all = ["storm", "idle", "rooms_of"], value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) sign_in: Option<u32>,
    /// End the server with SIGTERM instead of SIGKILL, with --storm.
    #[arg(long, requires = "storm")]
    pub(crate) terminate: bool,
}

#[derive(Args)]
pub(crate) struct Beside {
    #[command(flatten)]
    pub(crate) common: Common,
    /// ejabberd's port for clients on 127.0.0.1.
    #[arg(long, env = "PARTA_BENCH_EJABBERD_PORT")]
    pub(crate) peer_port: u16,
    /// ejabberd's process.
    #[arg(long, env = "PARTA_BENCH_EJABBERD_PID")]
    pub(crate) peer_pid: u32,
    /// People, one connection each.
    #[arg(long, default_value_t = 300)]
    pub(crate) users: usize,
    /// People in a room.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) rooms_of: u16,
    /// Messages per second of all together, one load each.
    #[arg(long, value_delimiter = ',', default_value = "33,333,667", value_parser = positive)]
    pub(crate) rates: Vec<f64>,
    /// How often each load is run on both.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..))]
    pub(crate) rounds: u8,
    /// How long they write before it is measured.
    #[arg(long, default_value_t = 3)]
    pub(crate) warmup: u64,
    /// How long each run is measured.
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) seconds: u64,
    /// People who are connected and idle, for the memory; 0 leaves it out.
    #[arg(long, default_value_t = 2_000)]
    pub(crate) idle: usize,
    /// How long they do nothing before the memory is read.
    #[arg(long, default_value_t = 10)]
    pub(crate) settle: u64,
}

#[derive(Args)]
pub(crate) struct Sfu {
    #[command(flatten)]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) common: Common,
    /// Browsers that send sound and pictures.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=16))]
    pub(crate) publishers: u8,
    /// Browsers that watch.
    #[arg(long, default_value_t = 50)]
    pub(crate) subscribers: usize,
    /// Media threads of the server, with --spawn.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) media_workers: u16,
    /// People of the lesson on one of them, before others are put on the next, with --spawn.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) spread_from: u32,
    /// Over how many seconds they join, evenly; all at once otherwise.
    #[arg(long, default_value_t = 0.0, value_parser = seconds)]
    pub(crate) join_within: f64,
    /// How long the server's bandwidth estimates may settle first.
    #[arg(long, default_value_t = 3)]
    pub(crate) warmup: u64,
    /// How long it is measured.
    #[arg(long, default_value_t = 20)]
    pub(crate) seconds: u64,
}

#[derive(Args)]
pub(crate) struct SfuBeside {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Which lesson. Janus's memory can be told only by the first one that is run on it.
    #[arg(long, value_enum)]
    pub(crate) scenario: ScenarioName,
    /// Janus's WebSocket port on 127.0.0.1.
    #[arg(long, env = "PARTA_BENCH_JANUS_PORT")]
    pub(crate) peer_port: u16,
    /// Janus's address for media, this machine's.
    #[arg(long, env = "PARTA_BENCH_JANUS_ADDRESS")]
    pub(crate) peer_address: Ipv4Addr,
    /// Janus's process.
    #[arg(long, env = "PARTA_BENCH_JANUS_PID")]
    pub(crate) peer_pid: u32,
    /// How often it is run on both.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..))]
    pub(crate) rounds: u8,
    /// How long bandwidth estimates may settle first.
    #[arg(long, default_value_t = 20)]
    pub(crate) warmup: u64,
    /// How long each run is measured.
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) seconds: u64,
}

/// The lessons of `sfu-beside`.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum ScenarioName {
    /// One sends 2.5 Mbit/s, 100 watch.
    #[value(name = "1-to-100")]
    OneToHundred,
    /// Ten send 500 kbit/s each; each sees the nine others and hears the loudest three.
    #[value(name = "10x10")]
    TenByTen,
    /// Thirty send 500 kbit/s each; each sees nine others and hears the loudest three.
    #[value(name = "30x30")]
    ThirtyByThirty,
}

#[derive(Args)]
pub(crate) struct Kill {
    #[command(flatten)]
    pub(crate) common: Common,
    /// People, all in one room.
    #[arg(long, default_value_t = 4)]
    pub(crate) clients: usize,
    /// Messages of each.
    #[arg(long, default_value_t = 200)]
    pub(crate) messages: usize,
    /// How often the server is killed.
    #[arg(long, default_value_t = 5)]
    pub(crate) kills: usize,
}

#[derive(Args)]
pub(crate) struct Search {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Rooms.
    #[arg(long, default_value_t = 200)]
    pub(crate) rooms: usize,
    /// Messages in all of them.
    #[arg(long, default_value_t = 100_000)]
    pub(crate) messages: usize,
}

#[derive(Args)]
pub(crate) struct Faults {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Fewer and shorter faults.
    #[arg(long)]
    pub(crate) short: bool,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Target {
    /// Start a server of our own.
    #[arg(long)]
    spawn: bool,
    /// Use this server, filled by `parta load-seed --password parta-load-2026`.
    #[arg(long)]
    pub(crate) url: Option<String>,
}

#[derive(Args)]
pub(crate) struct Common {
    /// Path of `parta`; otherwise the one beside this binary.
    #[arg(long)]
    server: Option<PathBuf>,
    /// Where the server's log is appended.
    #[arg(long)]
    server_log: Option<PathBuf>,
    /// Seed of everything that looks random.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// One line of JSON instead of many.
    #[arg(long)]
    json: bool,
}

impl Common {
    pub(crate) fn installation(&self, data: &tempfile::TempDir) -> anyhow::Result<Installation> {
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

    pub(crate) fn print(&self, report: &impl Serialize) -> anyhow::Result<()> {
        let text = if self.json {
            serde_json::to_string(report)?
        } else {
            serde_json::to_string_pretty(report)?
        };
        writeln!(std::io::stdout(), "{text}").context("cannot print the result")
    }
}

impl Run {
    /// Whether many light clients take part. One thread serves them at the least cost; it leaves the other processors to
    /// the server.
    pub(crate) const fn is_crowd(&self) -> bool {
        match self {
            Self::Chat(chat) => {
                chat.idle.is_some()
                    || chat.storm.is_some()
                    || chat.sign_in.is_some()
                    || chat.rooms_of.is_some()
            }
            Self::Beside(_) | Self::Sfu(_) | Self::SfuBeside(_) => true,
            Self::Search(_) | Self::Kill(_) | Self::Faults(_) => false,
        }
    }
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if number > 0.0 && f64::is_finite(number) => Ok(number),
        _ => Err("not a number above 0".to_owned()),
    }
}

/// A minute at most: longer is no crowd.
fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if (0.0..=60.0).contains(&number) => Ok(number),
        _ => Err("not a number from 0 to 60".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_has_no_contradictions() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn rates_are_above_zero() {
        assert_eq!(positive("0.5"), Ok(0.5));
        for bad in ["0", "-1", "inf", "NaN", "", "many"] {
            assert!(positive(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_crowd_joins_within_a_minute() {
        assert_eq!((seconds("0"), seconds("2.5")), (Ok(0.0), Ok(2.5)));
        for bad in ["61", "-1", "NaN", ""] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }
}
