//! How much arrives: bytes over the receiver's clock, smoothed so that a burst does not pass for a fast link.

use std::time::Duration;

/// The first window is longer: there is nothing yet to weigh it against.
const FIRST: Duration = Duration::from_millis(500);
const WINDOW: Duration = Duration::from_millis(150);
/// A pause longer than this ends the window unused.
const PAUSE: Duration = Duration::from_secs(2);
/// Uncertainty of a sample, as a multiple of its distance from the estimate.
const DOUBT: f64 = 10.0;
/// Growth of the estimate's own uncertainty per window, (kbit/s)².
const FORGETTING: f64 = 5.0;

/// The throughput estimate: a Bayesian average in kbit/s.
#[derive(Debug)]
pub(super) struct Delivered {
    window: Option<(Duration, usize)>,
    kbps: Option<f64>,
    variance: f64,
    newest: Duration,
}

impl Default for Delivered {
    fn default() -> Self {
        Self {
            window: None,
            kbps: None,
            variance: 50.0,
            newest: Duration::ZERO,
        }
    }
}

impl Delivered {
    /// Bits per second, once known.
    pub(super) fn bps(&self) -> Option<u64> {
        self.kbps.map(|kbps| (kbps * 1_000.0) as u64)
    }

    /// Takes one packet.
    pub(super) fn take(&mut self, arrived: Duration, size: usize) {
        let paused = arrived.abs_diff(self.newest) > PAUSE;
        self.newest = if paused {
            arrived
        } else {
            self.newest.max(arrived)
        };
        let Some((from, bytes)) = self.window.filter(|_| !paused) else {
            self.window = Some((arrived, size));
            return;
        };
        let length = if self.kbps.is_some() { WINDOW } else { FIRST };
        let elapsed = arrived.saturating_sub(from);
        if elapsed < length {
            self.window = Some((from, bytes + size));
            return;
        }
        // The packet that begins a window marks its time and is counted in the next.
        self.sample(bytes as f64 * 8.0 / (elapsed.as_secs_f64() * 1_000.0));
        self.window = Some((arrived, size));
    }

    fn sample(&mut self, sample: f64) {
        let Some(kbps) = self.kbps else {
            self.kbps = Some(sample);
            return;
        };
        let doubt = DOUBT * (kbps - sample).abs() / kbps.max(1.0);
        let doubt = (doubt * doubt).max(1e-6);
        let variance = self.variance + FORGETTING;
        self.kbps = Some((doubt * kbps + variance * sample) / (doubt + variance));
        self.variance = doubt * variance / (doubt + variance);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_stream_is_told_within_a_tenth_and_followed() {
        let mut delivered = Delivered::default();
        let mut at = Duration::from_secs(9);
        let mut run = |delivered: &mut Delivered, gap: u64, packets: u32| {
            for _ in 0..packets {
                at += Duration::from_millis(gap);
                delivered.take(at, 1_000);
            }
            delivered.bps().unwrap()
        };
        let fast = run(&mut delivered, 8, 300);
        assert!((900_000..1_100_000).contains(&fast), "{fast}");
        let slow = run(&mut delivered, 32, 200);
        assert!((225_000..275_000).contains(&slow), "{slow}");
    }
}
