//! What came of the faults.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use crate::LoadError;
use crate::company::Outcome;
use crate::history::Verdict;

/// One scenario's outcome.
#[derive(Debug, Default)]
pub(super) struct Scenario {
    pub(super) outcome: Outcome,
    /// Faults by kind.
    pub(super) faults: BTreeMap<&'static str, usize>,
    /// Promises that were broken and are not about histories.
    pub(super) broken: Vec<String>,
    /// The longest time until everybody held everything, after a fault was over.
    pub(super) level: Duration,
    /// By how much the server grew because of those who read badly, in mebibytes.
    pub(super) memory_mb: f64,
}

impl Scenario {
    pub(super) fn happened(&mut self, kind: &'static str, times: usize) {
        *self.faults.entry(kind).or_default() += times;
    }

    /// Notes how long people took to hold everything, and who does not.
    pub(super) fn settled(&mut self, after: &str, (took, lacking): (Duration, Vec<String>)) {
        self.level = self.level.max(took);
        let lacking = lacking.into_iter();
        self.broken
            .extend(lacking.map(|who| format!("after {after}: {who}")));
    }

    pub(super) fn add(&mut self, other: Self) {
        self.outcome.verdict.add(other.outcome.verdict);
        self.outcome.acked += other.outcome.acked;
        self.outcome.counts.add(&other.outcome.counts);
        for (kind, times) in other.faults {
            self.happened(kind, times);
        }
        self.broken.extend(other.broken);
        self.level = self.level.max(other.level);
        self.memory_mb = self.memory_mb.max(other.memory_mb);
    }
}

/// What came of all.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Messages that were acknowledged.
    pub acked: usize,
    /// The judge's findings on what everybody saw live and was told afterwards by every server.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Events of rooms that a client is not in.
    pub strangers: usize,
    /// Faults by kind.
    pub injected: BTreeMap<&'static str, usize>,
    /// Other promises that were broken: who did not come level in time, and the like.
    pub broken: Vec<String>,
    /// Scenarios that could not be carried out to their end, and why.
    pub failed: Vec<String>,
    /// What was left out, and why.
    pub left_out: Vec<String>,
    /// Tries to send that were repeated.
    pub retries: usize,
    /// Repeated tries whose first had been stored.
    pub already_stored: usize,
    /// Connections opened.
    pub connections: usize,
    /// `lag` events.
    pub lags: usize,
    /// Connections that the server closed, by its code.
    pub closed: BTreeMap<u16, usize>,
    /// Longest time from a rest of all writers until everybody held everything, in milliseconds.
    pub level_ms_max: u128,
    /// By how much the server's memory grew because of those who read badly, in mebibytes.
    pub slow_readers_mb: f64,
    /// Length of each scenario in seconds.
    pub scenarios: BTreeMap<&'static str, f64>,
    /// Length of the run in seconds.
    pub seconds: f64,
    /// As asked for.
    pub seed: u64,
    #[serde(skip)]
    begin: Instant,
    #[serde(skip)]
    lap: Instant,
}

impl Report {
    pub(super) fn new(seed: u64) -> Self {
        let begin = Instant::now();
        Self {
            acked: 0,
            verdict: Verdict::default(),
            strangers: 0,
            injected: BTreeMap::new(),
            broken: Vec::new(),
            failed: Vec::new(),
            left_out: Vec::new(),
            retries: 0,
            already_stored: 0,
            connections: 0,
            lags: 0,
            closed: BTreeMap::new(),
            level_ms_max: 0,
            slow_readers_mb: 0.0,
            scenarios: BTreeMap::new(),
            seconds: 0.0,
            seed,
            begin,
            lap: begin,
        }
    }

    pub(super) fn add(&mut self, name: &'static str, scenario: Result<Scenario, LoadError>) {
        self.scenarios.insert(name, round(self.lap.elapsed()));
        self.lap = Instant::now();
        let scenario = match scenario {
            Ok(scenario) => scenario,
            Err(error) => return self.failed.push(format!("{name}: {error}")),
        };
        let broken = scenario.broken.into_iter();
        self.broken
            .extend(broken.map(|text| format!("{name}: {text}")));
        let mut verdict = scenario.outcome.verdict;
        for fault in &mut verdict.faults {
            *fault = format!("{name}: {fault}");
        }
        self.verdict.add(verdict);
        self.acked += scenario.outcome.acked;
        let counts = scenario.outcome.counts;
        self.strangers += counts.strangers;
        self.retries += counts.retries;
        self.already_stored += counts.already_stored;
        self.connections += counts.connections;
        self.lags += counts.lags;
        for (code, times) in counts.closed {
            *self.closed.entry(code).or_default() += times;
        }
        for (kind, times) in scenario.faults {
            *self.injected.entry(kind).or_default() += times;
        }
        self.level_ms_max = self.level_ms_max.max(scenario.level.as_millis());
        self.slow_readers_mb = self.slow_readers_mb.max(scenario.memory_mb.round());
    }

    pub(super) fn finish(mut self) -> Self {
        self.seconds = round(self.begin.elapsed());
        self
    }

    /// Whether every scenario was carried out and every promise was kept.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.verdict.is_clean()
            && self.strangers == 0
            && self.broken.is_empty()
            && self.failed.is_empty()
    }
}

fn round(time: Duration) -> f64 {
    (time.as_secs_f64() * 10.0).round() / 10.0
}
