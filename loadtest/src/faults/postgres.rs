//! PostgreSQL restarted, read-only, without a free connection, and with its connections ended under the servers.

use std::time::Duration;

use rand::RngExt;
use tokio::time::sleep;

use super::cluster::{Cluster, length};
use super::{HEALED_WITHIN, Options, Scenario};
use crate::LoadError;

/// Longest time between two ends of all connections.
const BETWEEN_ENDS_MS: u64 = 250;
/// How often connections are taken until nobody else has one.
const TAKES: usize = 20;

pub(super) async fn run(cluster: &mut Cluster, options: &Options) -> Result<Scenario, LoadError> {
    let mut all = Scenario::default();
    let mut rng = options.rng();

    for round in 0..options.amount(1, 5) {
        let mut company = cluster.company(&format!("restart{round}")).await?;
        cluster.postgres.stop_immediately().await?;
        sleep(length(options, 1, 3)).await;
        cluster.postgres.start_again().await?;
        company.flow(1, HEALED_WITHIN).await?;
        all.add(cluster.judge("PostgreSQL restarted", 1, company).await?);
    }

    let company = cluster.company("readonly").await?;
    let mut session = cluster.postgres.connect().await?;
    for (value, pause) in [("on", length(options, 3, 15)), ("off", Duration::ZERO)] {
        session
            .run(&format!(
                "ALTER SYSTEM SET default_transaction_read_only = {value}"
            ))
            .await?;
        session.run("SELECT pg_reload_conf()").await?;
        sleep(pause).await;
    }
    all.add(cluster.judge("PostgreSQL read-only", 1, company).await?);

    let company = cluster.company("full").await?;
    let mut held = Vec::new();
    for _ in 0..TAKES {
        while let Ok(another) = cluster.postgres.connect().await {
            held.push(another);
        }
        session.end_the_others().await?;
    }
    sleep(length(options, 3, 15)).await;
    drop(held);
    let full = cluster.judge("PostgreSQL without connections", 1, company);
    all.add(full.await?);

    let company = cluster.company("ended").await?;
    let ends = options.amount(20, 200);
    for _ in 0..ends {
        session.end_the_others().await?;
        let pause = rng.random_range(0..BETWEEN_ENDS_MS);
        sleep(Duration::from_millis(pause)).await;
    }
    let ended = cluster.judge("PostgreSQL's connections ended", ends, company);
    all.add(ended.await?);
    Ok(all)
}
