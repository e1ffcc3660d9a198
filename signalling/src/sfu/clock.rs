//! When a packet was captured, on the server's clock (RFC 3550 §6.4.1).
//!
//! All streams of one sender share one offset between the sender's clock and ours, so sound and
//! picture of one person keep their exact distance whatever the path's delay does.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Streams of one sender whose reports are kept.
const REPORTS_MAX: usize = 16;
/// Results further in the past than this are taken for nonsense.
const AGE_MAX: Duration = Duration::from_secs(5);
/// Sender clock jumps above this start afresh.
const JUMP_MAX: Duration = Duration::from_secs(2);
/// How fast the offset may follow a sender's slow clock: per report.
const DRIFT_STEP: Duration = Duration::from_micros(500);

/// One sender's clock as seen from here.
#[derive(Debug, Default)]
pub struct CaptureClock {
    /// A moment on both clocks, at the smallest path delay seen.
    anchor: Option<(Instant, Duration)>,
    /// Latest report by SSRC.
    reports: BTreeMap<u32, (Duration, u32)>,
}

impl CaptureClock {
    /// Takes a sender report of stream `ssrc`: `ntp` since any fixed epoch, `rtp` the matching RTP time.
    pub fn report(&mut self, now: Instant, ssrc: u32, ntp: Duration, rtp: u32) {
        if self.reports.len() >= REPORTS_MAX && !self.reports.contains_key(&ssrc) {
            self.reports.pop_first();
        }
        self.reports.insert(ssrc, (ntp, rtp));
        let Some(predicted) = self.local(ntp) else {
            self.anchor = Some((now, ntp));
            return;
        };
        let late = now.saturating_duration_since(predicted);
        if now < predicted || late > JUMP_MAX {
            self.anchor = Some((now, ntp));
        } else if let Some((at, _)) = &mut self.anchor {
            *at += late.min(DRIFT_STEP);
        }
    }

    /// When the sample with RTP time `rtp` was captured; the arrival time `now` before the stream's
    /// first report.
    pub fn captured(&mut self, now: Instant, ssrc: u32, rtp: u32, rate: u32) -> Instant {
        let Some(&(ntp, base)) = self.reports.get(&ssrc) else {
            return now;
        };
        let ticks = i64::from(rtp.wrapping_sub(base) as i32);
        let micros = ticks.saturating_mul(1_000_000) / i64::from(rate.max(1));
        let distance = Duration::from_micros(micros.unsigned_abs());
        let sample = if micros < 0 {
            ntp.checked_sub(distance)
        } else {
            ntp.checked_add(distance)
        };
        let Some(at) = sample.and_then(|ntp| self.local(ntp)) else {
            return now;
        };
        if at > now {
            // It came sooner than the fastest report: the path is shorter than believed.
            let early = at - now;
            if early <= AGE_MAX
                && let Some((anchor, _)) = &mut self.anchor
            {
                *anchor = anchor.checked_sub(early).unwrap_or(*anchor);
            }
            return now;
        }
        if now - at > AGE_MAX { now } else { at }
    }

    fn local(&self, ntp: Duration) -> Option<Instant> {
        let (at, anchor) = self.anchor?;
        match ntp.checked_sub(anchor) {
            Some(ahead) => at.checked_add(ahead),
            None => at.checked_sub(anchor - ntp),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIC: u32 = 11;
    const CAMERA: u32 = 22;

    #[test]
    fn sound_and_picture_captured_together_map_to_one_moment() {
        let mut clock = CaptureClock::default();
        let t0 = Instant::now();
        let ms = Duration::from_millis;
        clock.report(t0 + ms(40), MIC, ms(1_000), 48_000);
        clock.report(t0 + ms(95), CAMERA, ms(1_020), u32::MAX - 89);
        let now = t0 + ms(400);
        let sound = clock.captured(now, MIC, 48_000 + 4_800, 48_000);
        // 80 ms after the camera's report, across the wrap of its RTP time.
        let picture = clock.captured(now, CAMERA, 7_200 - 90, 90_000);
        assert_eq!(sound, picture);
    }

    #[test]
    fn before_a_report_and_for_nonsense_the_arrival_counts() {
        let mut clock = CaptureClock::default();
        let now = Instant::now();
        assert_eq!(clock.captured(now, MIC, 5, 48_000), now);
        clock.report(now, MIC, Duration::from_secs(9), 0);
        assert_eq!(clock.captured(now, MIC, 48_000 * 60, 48_000), now);
        assert_eq!(
            clock.captured(now, MIC, 0u32.wrapping_sub(48_000 * 60), 48_000),
            now
        );
    }
}
