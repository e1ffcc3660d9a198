//! A PostgreSQL and a Redis of our own, in temporary folders, on free ports: to be ill-treated.

pub mod postgres;
pub mod redis;

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Child;

use crate::LoadError;

/// How long a service may take to answer after its start.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// Between looks whether it does.
const LOOK: Duration = Duration::from_millis(50);

fn signal(child: &Child, signal: Signal) -> Result<(), LoadError> {
    let pid = child.id().and_then(|pid| i32::try_from(pid).ok());
    let pid = pid.and_then(Pid::from_raw);
    let pid = pid.ok_or_else(|| LoadError::NotReady("a service has ended".to_owned()))?;
    Ok(kill_process(pid, signal).map_err(std::io::Error::from)?)
}
