//! Percentiles of measured times.

use std::time::Duration;

/// A set of times.
#[derive(Clone, Debug, Default)]
pub struct Times(Vec<Duration>);

impl Times {
    /// Adds one.
    pub fn push(&mut self, time: Duration) {
        self.0.push(time);
    }

    /// Adds all of another set.
    pub fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The time in milliseconds that `percent` per cent of the set do not pass (nearest rank), if there are any.
    ///
    /// # Panics
    /// When `percent` is above 100.
    #[must_use]
    pub fn percentile_ms(&mut self, percent: usize) -> Option<f64> {
        assert!(percent <= 100, "a percentile is 0 to 100");
        self.0.sort_unstable();
        let rank = (self.0.len() * percent).div_ceil(100).max(1);
        self.0
            .get(rank - 1)
            .map(|time| (time.as_secs_f64() * 1e5).round() / 100.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let mut times = Times::default();
        assert_eq!(times.percentile_ms(50), None);
        for ms in (1..=100).rev() {
            times.push(Duration::from_millis(ms));
        }
        assert_eq!(times.percentile_ms(0), Some(1.0));
        assert_eq!(times.percentile_ms(50), Some(50.0));
        assert_eq!(times.percentile_ms(99), Some(99.0));
        assert_eq!(times.percentile_ms(100), Some(100.0));
    }
}
