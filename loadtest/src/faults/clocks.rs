//! A node whose clock is wrong: order comes from positions, sessions from a clock that is not far off.

use std::path::{Path, PathBuf};

use super::cluster::Cluster;
use super::{HEALED_WITHIN, Scenario};
use crate::LoadError;
use crate::server::Variables;

/// Which node it is.
const NODE: usize = 1;
/// How wrong it is, in the words of libfaketime.
const OFFSETS: [(&str, &str); 2] = [("back", "-2h"), ("ahead", "+1d")];

/// The library of the Debian package `faketime`, if it is installed. The program of that name would stand between this
/// process and the server.
pub(super) fn library() -> Option<PathBuf> {
    let arch = std::env::consts::ARCH;
    let path = format!("/usr/lib/{arch}-linux-gnu/faketime/libfaketimeMT.so.1");
    Some(PathBuf::from(path)).filter(|path| path.exists())
}

pub(super) async fn run(cluster: &mut Cluster, library: &Path) -> Result<Scenario, LoadError> {
    let mut all = Scenario::default();
    for (tag, offset) in OFFSETS {
        let mut company = cluster.company(tag).await?;
        let variables = [
            ("LD_PRELOAD", library.to_string_lossy().as_ref()),
            ("FAKETIME", offset),
            // Pauses are measured by a clock that nobody sets.
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        cluster.nodes[NODE].kill().await?;
        cluster.start_again(NODE, &variables.to_vec()).await?;
        company.flow(2, HEALED_WITHIN).await?;
        // Again: those who fled from the killed node come to the one with the wrong clock.
        cluster.nodes[NODE + 1].terminate().await?;
        cluster.nodes[0].terminate().await?;
        company.flow(1, HEALED_WITHIN).await?;
        for number in [0, NODE + 1] {
            cluster.start_again(number, &Variables::new()).await?;
        }
        company.flow(2, HEALED_WITHIN).await?;
        all.add(cluster.judge("clock apart", 1, company).await?);
    }
    Ok(all)
}
