//! Redis stopped and started empty, frozen, wiped, and cut off from one node.

use std::time::Duration;

use tokio::time::sleep;

use super::cluster::{Cluster, length};
use super::sessions::sign_out_reaches;
use super::{HEALED_WITHIN, Options, Scenario};
use crate::LoadError;
use crate::company::{Company, Course};
use crate::relay::Line;

/// Pause between the wipes.
const BETWEEN_WIPES: Duration = Duration::from_millis(300);

pub(super) async fn run(cluster: &mut Cluster, options: &Options) -> Result<Scenario, LoadError> {
    let mut all = Scenario::default();
    sign_out_reaches(cluster, options, &mut all, "with Redis").await?;

    let mut company = cluster.company("stopped").await?;
    cluster.redis.kill().await?;
    sign_out_reaches(cluster, options, &mut all, "just without Redis").await?;
    company.flow(1, HEALED_WITHIN).await?;
    sleep(length(options, 3, 30)).await;
    sign_out_reaches(cluster, options, &mut all, "without Redis").await?;
    level_meanwhile(&mut company, &mut all, "while Redis was stopped").await?;
    cluster.redis.start_again().await?;
    all.add(cluster.judge("Redis stopped", 1, company).await?);

    let mut company = cluster.company("frozen").await?;
    cluster.redis.freeze()?;
    sign_out_reaches(cluster, options, &mut all, "with Redis just frozen").await?;
    company.flow(1, HEALED_WITHIN).await?;
    sleep(length(options, 5, 20)).await;
    level_meanwhile(&mut company, &mut all, "while Redis was frozen").await?;
    cluster.redis.thaw()?;
    all.add(cluster.judge("Redis frozen", 1, company).await?);

    let mut company = cluster.company("wiped").await?;
    let wipes = options.amount(3, 30);
    for _ in 0..wipes {
        cluster.redis.wipe().await?;
        sleep(BETWEEN_WIPES).await;
    }
    company.flow(1, HEALED_WITHIN).await?;
    all.add(cluster.judge("Redis wiped", wipes, company).await?);

    let mut company = cluster.company("cut").await?;
    cluster.relay.set(Line::Cut);
    sign_out_reaches(cluster, options, &mut all, "with a node just cut off").await?;
    company.flow(1, HEALED_WITHIN).await?;
    sleep(length(options, 3, 20)).await;
    level_meanwhile(&mut company, &mut all, "while a node was cut off").await?;
    cluster.relay.set(Line::Up);
    all.add(cluster.judge("node cut off from Redis", 1, company).await?);

    let mut company = cluster.company("silent").await?;
    cluster.relay.set(Line::Silent);
    company.flow(1, HEALED_WITHIN).await?;
    sleep(length(options, 3, 20)).await;
    level_meanwhile(&mut company, &mut all, "while a node heard nothing").await?;
    // As after a firewall that forgot the connection.
    cluster.relay.set(Line::Cut);
    cluster.relay.set(Line::Up);
    all.add(cluster.judge("node deaf to Redis", 1, company).await?);

    let mut company = cluster.company("flaps").await?;
    let flaps = options.amount(3, 30);
    for _ in 0..flaps {
        cluster.relay.set(Line::Cut);
        sleep(length(options, 0, 1)).await;
        cluster.relay.set(Line::Up);
        sleep(length(options, 1, 1)).await;
    }
    company.flow(1, HEALED_WITHIN).await?;
    let flapped = cluster.judge("node cut off from Redis for a moment", flaps, company);
    all.add(flapped.await?);
    sign_out_reaches(cluster, options, &mut all, "after Redis came back").await?;
    Ok(all)
}

// The chat goes on without Redis, also from node to node.
async fn level_meanwhile(
    company: &mut Company,
    all: &mut Scenario,
    when: &str,
) -> Result<(), LoadError> {
    let settled = company.settle(HEALED_WITHIN).await?;
    all.settled(when, settled);
    company.set(Course::Write);
    company.flow(1, HEALED_WITHIN).await
}
