//! Somebody in a lesson, on whichever server.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::sync::watch;
use tokio::time::Instant;

use super::browser::Browser;
use super::publish;
use crate::LoadError;

/// A browser whose media flows.
pub(super) struct Seat {
    pub(super) browser: Browser,
    /// When joining was asked for.
    pub(super) asked: Instant,
    /// From then until ICE and DTLS were done.
    pub(super) connecting: Duration,
    sent: Arc<AtomicU64>,
    down_kbps: Arc<AtomicU32>,
    stopped: watch::Receiver<bool>,
}

impl Seat {
    /// Somebody who has just connected; `down_kbps` is what the server tells of the link.
    pub(super) fn new(
        browser: Browser,
        asked: Instant,
        down_kbps: Arc<AtomicU32>,
        stopped: watch::Receiver<bool>,
    ) -> Self {
        Self {
            browser,
            asked,
            connecting: asked.elapsed(),
            sent: Arc::default(),
            down_kbps,
            stopped,
        }
    }

    /// Begins to send sound, and pictures of so many kilobits a second.
    ///
    /// # Errors
    /// [`LoadError::Media`].
    pub(super) async fn publish(&self, kbps: u32, seed: u64) -> Result<(), LoadError> {
        let (mic, camera) = self.browser.mic_and_camera().await?;
        let rng = || StdRng::seed_from_u64(seed);
        let sent = || Arc::clone(&self.sent);
        tokio::spawn(publish::sound(mic, rng(), sent(), self.stopped.clone()));
        let received = Arc::clone(&self.browser.received);
        tokio::spawn(publish::pictures(
            camera,
            received,
            kbps,
            rng(),
            sent(),
            self.stopped.clone(),
        ));
        Ok(())
    }

    /// What the server last told of this link, in kilobits per second; 0 before it told anything.
    pub(super) fn down_kbps(&self) -> u32 {
        self.down_kbps.load(Ordering::Relaxed)
    }

    /// Packets sent so far.
    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }
}
