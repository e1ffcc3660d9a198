//! How well a receiver is reached, from its reports.

use std::time::Duration;

/// What the receiver's reports and our own counters say of the time since they were last told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DownlinkTold {
    /// Packets lost, per cent, 0 to 100; `None` when the receiver said nothing.
    pub loss_pct: Option<u8>,
    /// The last round trip.
    pub round_trip: Option<Duration>,
    /// Bytes sent, as bits per second.
    pub sent_bps: u64,
}

/// Loss and round trip since they were last told.
#[derive(Debug, Default)]
pub(super) struct Quality {
    got: usize,
    lost: usize,
    /// Largest loss of a stream, of 256.
    reported: u8,
    round_trip: Option<Duration>,
    heard: bool,
    sent: u64,
}

impl Quality {
    /// The receiver told of packets by their transport-wide numbers.
    pub(super) fn arrived(&mut self, got: usize, lost: usize, found: usize) {
        self.got += got;
        self.lost = (self.lost + lost).saturating_sub(found);
        self.heard = true;
    }

    /// The receiver reported on a stream.
    pub(super) fn reported(&mut self, lost: u8, round_trip: Option<Duration>) {
        self.reported = self.reported.max(lost);
        self.round_trip = round_trip.or(self.round_trip);
        self.heard = true;
    }

    /// Bytes were sent.
    pub(super) fn sent(&mut self, bytes: usize) {
        self.sent += bytes as u64;
    }

    /// The last round trip; zero before it is known.
    pub(super) fn round_trip(&self) -> Duration {
        self.round_trip.unwrap_or_default()
    }

    /// What is to be told of so much time; begins anew.
    pub(super) fn tell(&mut self, time: Duration) -> DownlinkTold {
        let told = std::mem::take(self);
        self.round_trip = told.round_trip;
        // Without transport-wide feedback there are only the reports of the streams.
        let loss = (told.lost * 100)
            .checked_div(told.got + told.lost)
            .unwrap_or_else(|| usize::from(told.reported) * 100 / 256);
        DownlinkTold {
            loss_pct: told.heard.then_some(loss.min(100) as u8),
            round_trip: told.round_trip,
            sent_bps: told.sent * 8 * 1_000 / (time.as_millis() as u64).max(1),
        }
    }
}
