//! Nodes that are lost, and nodes that are replaced.

use tokio::time::sleep;

use super::cluster::{Cluster, NODES, length};
use super::{HEALED_WITHIN, Options, Scenario};
use crate::LoadError;
use crate::server::Variables;

pub(super) async fn run(cluster: &mut Cluster, options: &Options) -> Result<Scenario, LoadError> {
    let mut all = Scenario::default();
    for round in 0..options.amount(1, NODES) {
        let mut company = cluster.company(&format!("node{round}")).await?;
        cluster.nodes[round].kill().await?;
        // The others carry on, with the people of the lost one.
        company.flow(2, HEALED_WITHIN).await?;
        cluster.start_again(round, &Variables::new()).await?;
        all.add(cluster.judge("node killed", 1, company).await?);
    }
    for round in 0..options.amount(1, 3) {
        let mut company = cluster.company(&format!("rolling{round}")).await?;
        for number in 0..NODES {
            cluster.nodes[number].terminate().await?;
            cluster.start_again(number, &Variables::new()).await?;
            sleep(length(options, 0, 2)).await;
            company.flow(1, HEALED_WITHIN).await?;
        }
        all.add(cluster.judge("rolling restart", 1, company).await?);
    }
    Ok(all)
}
