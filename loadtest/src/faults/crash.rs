//! The server dies at a named point: before the commit, between commit and answer, between answer and publication.

use std::time::Duration;

use rand::RngExt;
use tokio::time::timeout;

use super::alone::Alone;
use super::{HEALED_WITHIN, Options, Scenario};
use crate::LoadError;
use crate::server::Launch;

/// In `server/src/crash.rs`'s words.
const POINTS: [&str; 3] = ["before_commit", "after_commit", "before_publish"];
/// Most times that the point is passed before.
const PASSES: u32 = 15;
/// How long the server may take to come to the point.
const CRASHES_WITHIN: Duration = Duration::from_secs(20);
const PEOPLE: usize = 8;

pub(super) async fn run(options: &Options) -> Result<Scenario, LoadError> {
    let mut scenario = Scenario::default();
    let mut rng = options.rng();
    let mut plan = |point| {
        let pass = rng.random_range(1..=PASSES);
        let variable = ("PARTA_CRASH_AT".to_owned(), format!("{point}:{pass}"));
        Launch {
            port: 0,
            variables: vec![variable],
        }
    };
    let points = POINTS
        .iter()
        .cycle()
        .take(POINTS.len() * options.amount(1, 8));
    let mut alone = Alone::start(options, PEOPLE, &Launch::default()).await?;
    let mut company = alone.company("crash").await?;
    for point in points {
        alone.server.kill().await?;
        alone.start_again(&plan(*point)).await?;
        // A server that was built for release has no such points.
        timeout(CRASHES_WITHIN, alone.server.ended())
            .await
            .map_err(|_| LoadError::TimedOut("a crash, which only debug builds have"))??;
        alone.start_again(&Launch::default()).await?;
        company.flow(1, HEALED_WITHIN).await?;
        scenario.happened(point, 1);
    }
    alone.judge(&mut scenario, "a crash", company).await?;
    // Between commit and answer the sender cannot know; the server must recognise what it sends again.
    if scenario.outcome.counts.already_stored == 0 {
        let text = "no repeated message was recognised".to_owned();
        scenario.broken.push(text);
    }
    alone.server.kill().await?;
    Ok(scenario)
}
