//! Ports for servers that must be found at the same one again after they were down.

use std::net::TcpListener;

use rand::RngExt;

use crate::LoadError;

/// Ports below those that the system gives to outgoing connections. A client that knocks at a port where nobody
/// listens could otherwise be given the very same one, and be connected to itself.
const PORTS: std::ops::Range<u16> = 20_000..30_000;

/// A port on which nobody listens.
///
/// # Errors
/// [`LoadError::NotReady`] when all are taken.
pub(crate) fn free_port() -> Result<u16, LoadError> {
    let first = rand::rng().random_range(PORTS);
    (first..PORTS.end)
        .chain(PORTS.start..first)
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .ok_or_else(|| LoadError::NotReady("no free port".to_owned()))
}
