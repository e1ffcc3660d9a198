//! `parta-load`: the command line. Prints a line of JSON for each result and ends with 1 when a promise was broken.

#![forbid(unsafe_code)]

mod arguments;

use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use loadtest::http::Address;
use loadtest::peer::Peer;
use loadtest::sfu::beside::Scenario;
use loadtest::sfu::janus::Janus;
use loadtest::{beside, chat, faults, kill, search, sfu};
use tokio::runtime::Builder;

use arguments::{Arguments, Beside, Chat, Faults, Kill, Run, ScenarioName, Search, Sfu, SfuBeside};

/// People in a room when the command line does not say.
const ROOM_OF: u16 = 30;

fn main() -> anyhow::Result<ExitCode> {
    let run = Arguments::parse().run;
    let mut runtime = if run.is_crowd() {
        Builder::new_current_thread()
    } else {
        Builder::new_multi_thread()
    };
    let runtime = runtime.enable_all().build().context("no runtime")?;
    let clean = runtime.block_on(async {
        match run {
            Run::Chat(options) => run_chat(options).await,
            Run::Beside(options) => run_beside(options).await,
            Run::Sfu(options) => run_sfu(options).await,
            Run::SfuBeside(options) => run_sfu_beside(options).await,
            Run::Search(options) => run_search(options).await,
            Run::Kill(options) => run_kill(options).await,
            Run::Faults(options) => run_faults(options).await,
        }
    })?;
    Ok(ExitCode::from(u8::from(!clean)))
}

async fn run_chat(options: Chat) -> anyhow::Result<bool> {
    let common = &options.common;
    let data = tempfile::tempdir()?;
    let installation = common.installation(&data)?;
    let seed = common.seed;
    let room_of = usize::from(options.rooms_of.unwrap_or(ROOM_OF));
    if let Some(connections) = options.idle {
        let idle = chat::idle::Options {
            connections: connections as usize,
            rooms_of: room_of,
            settle: options.settle,
            seed,
        };
        let report = chat::idle::run_spawned(&installation, &idle).await?;
        common.print(&report)?;
        return Ok(report.is_clean());
    }
    if let Some(people) = options.sign_in {
        let arrivals = chat::sign_in::Options { people, seed };
        let report = chat::sign_in::run_spawned(&installation, &arrivals).await?;
        common.print(&report)?;
        return Ok(report.is_clean());
    }
    if let Some(clients) = options.storm {
        let storm = chat::storm::Options {
            clients: clients as usize,
            rooms_of: room_of,
            rate: options.rate.unwrap_or(100.0),
            terminate: options.terminate,
            seed,
        };
        let report = chat::storm::run_spawned(&installation, &storm).await?;
        common.print(&report)?;
        return Ok(report.is_clean());
    }
    if let Some(rooms_of) = options.rooms_of {
        let rooms = chat::rooms::Options {
            users: options.users.unwrap_or(300),
            rooms_of: rooms_of.into(),
            rate: options.rate.unwrap_or(100.0),
            warmup: options.warmup,
            seconds: options.seconds,
            seed,
        };
        let report = chat::rooms::run_spawned(&installation, &rooms).await?;
        common.print(&report)?;
        return Ok(report.is_clean());
    }
    let people = chat::Options {
        users: options.users.unwrap_or(200),
        rooms: options.rooms,
        seconds: options.seconds,
        rate: options.rate.unwrap_or(60.0),
        seed,
    };
    let report = match &options.target.url {
        Some(url) => chat::run(&Address::parse(url)?, None, &people).await?,
        None => chat::run_spawned(&installation, &people).await?,
    };
    common.print(&report)?;
    Ok(report.is_clean())
}

async fn run_beside(options: Beside) -> anyhow::Result<bool> {
    let common = &options.common;
    let data = tempfile::tempdir()?;
    let beside = beside::Options {
        installation: common.installation(&data)?,
        peer: Peer {
            port: options.peer_port,
            pid: options.peer_pid,
        },
        users: options.users,
        rooms_of: options.rooms_of.into(),
        rounds: options.rounds,
        warmup: options.warmup,
        seconds: options.seconds,
        idle: options.idle,
        settle: options.settle,
        seed: common.seed,
    };
    let mut clean = true;
    if beside.idle > 0 {
        let report = beside::idle(&beside).await?;
        common.print(&report)?;
        clean &= report.is_clean();
    }
    for rate in options.rates {
        let report = beside::load(&beside, rate).await?;
        common.print(&report)?;
        clean &= report.is_clean();
    }
    Ok(clean)
}

async fn run_sfu(options: Sfu) -> anyhow::Result<bool> {
    let data = tempfile::tempdir()?;
    let common = &options.common;
    let lesson = sfu::Options {
        publishers: options.publishers.into(),
        subscribers: options.subscribers,
        join_within: options.join_within,
        warmup: options.warmup,
        seconds: options.seconds,
        seed: common.seed,
        threads: sfu::Threads {
            media_workers: options.media_workers,
            spread_from: options.spread_from,
        },
    };
    let report = match &options.target.url {
        Some(url) => sfu::run(&Address::parse(url)?, None, &lesson).await?,
        None => sfu::run_spawned(&common.installation(&data)?, &lesson).await?,
    };
    common.print(&report)?;
    Ok(report.is_clean())
}

async fn run_sfu_beside(options: SfuBeside) -> anyhow::Result<bool> {
    let data = tempfile::tempdir()?;
    let common = &options.common;
    let report = sfu::beside::run(&sfu::beside::Options {
        installation: common.installation(&data)?,
        peer: Janus {
            port: options.peer_port,
            address: options.peer_address,
            pid: options.peer_pid,
        },
        scenario: match options.scenario {
            ScenarioName::OneToHundred => Scenario::OneToHundred,
            ScenarioName::TenByTen => Scenario::TenByTen,
            ScenarioName::ThirtyByThirty => Scenario::ThirtyByThirty,
        },
        rounds: options.rounds,
        warmup: options.warmup,
        seconds: options.seconds,
        seed: common.seed,
    })
    .await?;
    common.print(&report)?;
    Ok(report.is_clean())
}

async fn run_search(options: Search) -> anyhow::Result<bool> {
    let data = tempfile::tempdir()?;
    let common = &options.common;
    let school = search::Options {
        rooms: options.rooms,
        messages: options.messages,
    };
    let report = search::run_spawned(&common.installation(&data)?, &school).await?;
    common.print(&report)?;
    Ok(report.is_clean())
}

async fn run_kill(options: Kill) -> anyhow::Result<bool> {
    let data = tempfile::tempdir()?;
    let common = &options.common;
    let report = kill::run(&kill::Options {
        installation: common.installation(&data)?,
        clients: options.clients,
        messages: options.messages,
        kills: options.kills,
        seed: common.seed,
    })
    .await?;
    common.print(&report)?;
    Ok(report.is_clean())
}

async fn run_faults(options: Faults) -> anyhow::Result<bool> {
    let data = tempfile::tempdir()?;
    let common = &options.common;
    let report = Box::pin(faults::run(&faults::Options {
        installation: common.installation(&data)?,
        short: options.short,
        seed: common.seed,
    }))
    .await;
    common.print(&report)?;
    Ok(report.is_clean())
}
