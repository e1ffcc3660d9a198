//! The pace of what a fake browser sends.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use tokio::sync::watch;
use tokio::time::interval;

use super::synth::{Camera, FRAME_RATE, FRAME_STEP, SOUND_STEP, opus};
use super::tap::Received;
use super::track::Upstream;

/// Sends 50 Opus packets a second until `stopped` or the connection ends.
pub(super) async fn sound(
    mic: Upstream,
    mut rng: StdRng,
    sent: Arc<AtomicU64>,
    stopped: watch::Receiver<bool>,
) {
    let (mut seq, mut timestamp): (u16, u32) = (rng.random(), rng.random());
    let mut ticks = interval(Duration::from_millis(20));
    while !*stopped.borrow() {
        ticks.tick().await;
        if mic
            .send(seq, timestamp, false, opus(&mut rng))
            .await
            .is_err()
        {
            return;
        }
        sent.fetch_add(1, Ordering::Relaxed);
        seq = seq.wrapping_add(1);
        timestamp = timestamp.wrapping_add(SOUND_STEP);
    }
}

/// Sends 30 frames a second, key frames when the server asks for them, until `stopped` or the connection ends.
pub(super) async fn pictures(
    track: Upstream,
    received: Arc<Received>,
    kbps: u32,
    mut rng: StdRng,
    sent: Arc<AtomicU64>,
    stopped: watch::Receiver<bool>,
) {
    let mut camera = Camera::new(kbps);
    let (mut seq, mut timestamp): (u16, u32) = (rng.random(), rng.random());
    let mut ticks = interval(Duration::from_secs(1) / FRAME_RATE);
    while !*stopped.borrow() {
        ticks.tick().await;
        let (payloads, _) = camera.frame(received.take_key_wanted(), &mut rng);
        let last = payloads.len() - 1;
        for (n, payload) in payloads.into_iter().enumerate() {
            if track
                .send(seq, timestamp, n == last, payload)
                .await
                .is_err()
            {
                return;
            }
            sent.fetch_add(1, Ordering::Relaxed);
            seq = seq.wrapping_add(1);
        }
        timestamp = timestamp.wrapping_add(FRAME_STEP);
    }
}
