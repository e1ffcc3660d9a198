//! Whether queues on the way grow: the slope of one-way delay over the last groups of packets (draft-ietf-rmcat-gcc-02
//! §5, with the trendline that browsers use in place of its Kalman filter).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Packets sent within this of each other are one group.
const GROUP: Duration = Duration::from_millis(5);
/// Groups over which the slope is taken.
const WINDOW: usize = 20;
/// Weight of the past in the smoothed delay.
const SMOOTHING: f64 = 0.9;
/// The slope is multiplied by it, and by the number of groups up to [`GROUPS_MAX`], before it meets the threshold.
const GAIN: f64 = 4.0;
const GROUPS_MAX: usize = 60;
/// How long the slope must be above the threshold, ms.
const OVERUSE_MS: f64 = 10.0;
/// The threshold follows the slope: slowly up, so that competing flows do not starve us, faster down.
const UP: f64 = 0.0087;
const DOWN: f64 = 0.039;
const THRESHOLD_MIN: f64 = 6.0;
const THRESHOLD_MAX: f64 = 600.0;
/// The threshold is raised by this share of the jitter between groups: on Wi-Fi delay wanders by itself. A steady growth
/// is no jitter.
const JITTER_SHARE: f64 = 0.5;
/// Weight of a new group in the jitter.
const JITTER_WEIGHT: f64 = 0.05;
/// Steps of the receiver's clock above this begin anew.
const JUMP: Duration = Duration::from_secs(3);

/// What the slope says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Usage {
    /// Delay is steady.
    #[default]
    Normal,
    /// Queues grow.
    Over,
    /// Queues drain.
    Under,
}

#[derive(Debug, Clone, Copy)]
struct Group {
    first_sent: Instant,
    sent: Instant,
    first_arrived: Duration,
    arrived: Duration,
}

/// The detector.
#[derive(Debug)]
pub(super) struct Trend {
    current: Option<Group>,
    previous: Option<Group>,
    groups: usize,
    origin: Duration,
    accumulated: f64,
    smoothed: f64,
    points: VecDeque<(f64, f64)>,
    slope: f64,
    threshold: f64,
    /// Mean change of delay between groups and its mean deviation, ms.
    step: f64,
    jitter: f64,
    adapted: Option<Duration>,
    over_ms: Option<f64>,
    over_count: usize,
    usage: Usage,
}

impl Default for Trend {
    fn default() -> Self {
        Self {
            current: None,
            previous: None,
            groups: 0,
            origin: Duration::ZERO,
            accumulated: 0.0,
            smoothed: 0.0,
            points: VecDeque::with_capacity(WINDOW + 1),
            slope: 0.0,
            threshold: 12.5,
            step: 0.0,
            jitter: 0.0,
            adapted: None,
            over_ms: None,
            over_count: 0,
            usage: Usage::Normal,
        }
    }
}

impl Trend {
    pub(super) fn usage(&self) -> Usage {
        self.usage
    }

    pub(super) fn is_overused(&self) -> bool {
        self.usage == Usage::Over
    }

    /// Takes one packet, in the order of sending.
    pub(super) fn take(&mut self, sent: Instant, arrived: Duration) {
        let Some(group) = &mut self.current else {
            self.begin(sent, arrived);
            return;
        };
        if sent < group.first_sent {
            return;
        }
        if arrived.abs_diff(group.arrived) > JUMP {
            *self = Self {
                threshold: self.threshold,
                ..Self::default()
            };
            self.begin(sent, arrived);
            return;
        }
        // Packets that came in one burst after waiting for each other belong together, whenever they were sent.
        let burst = arrived >= group.arrived
            && arrived - group.arrived <= GROUP
            && ms(arrived) - ms(group.arrived) < ms(sent.saturating_duration_since(group.sent))
            && arrived.saturating_sub(group.first_arrived) < Duration::from_millis(100);
        if sent.saturating_duration_since(group.first_sent) <= GROUP || burst {
            group.sent = group.sent.max(sent);
            group.arrived = group.arrived.max(arrived);
            return;
        }
        let ended = *group;
        if let Some(previous) = self.previous {
            let sent_ms = ms(ended.sent.saturating_duration_since(previous.sent));
            let arrived_ms = ms(ended.arrived) - ms(previous.arrived);
            self.delta(sent_ms, arrived_ms, ended.arrived);
        }
        self.previous = Some(ended);
        self.begin(sent, arrived);
    }

    fn begin(&mut self, sent: Instant, arrived: Duration) {
        self.current = Some(Group {
            first_sent: sent,
            sent,
            first_arrived: arrived,
            arrived,
        });
    }

    fn delta(&mut self, sent_ms: f64, arrived_ms: f64, at: Duration) {
        if self.groups == 0 {
            self.origin = at;
        }
        self.groups += 1;
        let step = arrived_ms - sent_ms;
        self.step += JITTER_WEIGHT * (step - self.step);
        self.jitter += JITTER_WEIGHT * ((step - self.step).abs() - self.jitter);
        self.accumulated += step;
        self.smoothed = SMOOTHING * self.smoothed + (1.0 - SMOOTHING) * self.accumulated;
        self.points
            .push_back((ms(at) - ms(self.origin), self.smoothed));
        if self.points.len() > WINDOW {
            self.points.pop_front();
        }
        let slope = if self.points.len() == WINDOW {
            fit(&self.points).unwrap_or(self.slope)
        } else {
            self.slope
        };
        self.detect(slope, sent_ms, at);
    }

    fn detect(&mut self, slope: f64, sent_ms: f64, at: Duration) {
        if self.groups < 2 {
            return;
        }
        let scaled = self.groups.min(GROUPS_MAX) as f64 * slope * GAIN;
        if scaled > self.line() {
            let over = self.over_ms.map_or(sent_ms / 2.0, |over| over + sent_ms);
            self.over_ms = Some(over);
            self.over_count += 1;
            if over > OVERUSE_MS && self.over_count > 1 && slope >= self.slope {
                self.over_ms = Some(0.0);
                self.over_count = 0;
                self.usage = Usage::Over;
            }
        } else {
            self.over_ms = None;
            self.over_count = 0;
            self.usage = if scaled < -self.threshold {
                Usage::Under
            } else {
                Usage::Normal
            };
        }
        self.slope = slope;
        self.adapt(scaled, at);
    }

    fn adapt(&mut self, scaled: f64, at: Duration) {
        let since = self
            .adapted
            .map_or(0.0, |before| (ms(at) - ms(before)).clamp(0.0, 100.0));
        self.adapted = Some(at);
        // A sudden large spike, as of a lost link, says nothing about the usual delay.
        let distance = scaled.abs() - self.line();
        if distance > 15.0 {
            return;
        }
        // Not before the line is crossed: it would run ahead of a slope that grows with a slow stream's queue.
        let speed = if distance < 0.0 { DOWN } else { UP };
        self.threshold =
            (self.threshold + speed * distance * since).clamp(THRESHOLD_MIN, THRESHOLD_MAX);
    }

    /// What the slope must exceed.
    fn line(&self) -> f64 {
        self.threshold + JITTER_SHARE * self.jitter
    }
}

/// Slope of the least-squares line.
fn fit(points: &VecDeque<(f64, f64)>) -> Option<f64> {
    let count = points.len() as f64;
    let (x, y) = points
        .iter()
        .fold((0.0, 0.0), |(x, y), point| (x + point.0, y + point.1));
    let (x, y) = (x / count, y / count);
    let (top, bottom) = points.iter().fold((0.0, 0.0), |(top, bottom), point| {
        let dx = point.0 - x;
        (top + dx * (point.1 - y), bottom + dx * dx)
    });
    (bottom > 0.0).then(|| top / bottom)
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Groups every 20 ms, each `step` later than the one before.
    fn after(groups: u32, step_us: i64) -> Usage {
        let start = Instant::now();
        let mut trend = Trend::default();
        for nth in 0..groups {
            let sent = start + Duration::from_millis(20) * nth;
            let late = 1_000_000 + 20_000 * i64::from(nth) + step_us * i64::from(nth);
            trend.take(sent, Duration::from_micros(late as u64));
        }
        trend.usage()
    }

    #[test]
    fn steady_delay_is_normal_and_growing_delay_is_not() {
        assert_eq!(after(60, 0), Usage::Normal);
        assert_eq!(after(60, 3_000), Usage::Over);
        assert_eq!(after(60, -3_000), Usage::Under);
    }

    #[test]
    fn jitter_without_a_slope_is_no_overuse() {
        let start = Instant::now();
        let mut trend = Trend::default();
        for nth in 0..300u32 {
            let sent = start + Duration::from_millis(20) * nth;
            let jitter = [0, 9, 3, 14, 6, 11][nth as usize % 6];
            trend.take(sent, Duration::from_millis(u64::from(20 * nth + jitter)));
            assert_ne!(trend.usage(), Usage::Over, "after {nth}");
        }
    }

    #[test]
    fn a_jump_of_the_receivers_clock_begins_anew() {
        let start = Instant::now();
        let mut trend = Trend::default();
        for nth in 0..40u32 {
            let jump = if nth < 20 { 0 } else { 60_000 };
            let sent = start + Duration::from_millis(20) * nth;
            trend.take(sent, Duration::from_millis(u64::from(20 * nth + jump)));
            assert_eq!(trend.usage(), Usage::Normal);
        }
    }
}
