//! Figures for Prometheus. No names, no ids, no rooms: each tells of the whole server.
//!
//! What happens is counted where it happens; what is the case now is asked for at each scrape.

mod figures;
mod page;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;
use protocol::call::Via;
use protocol::event::Quality;
use signalling::MediaStats;

pub use page::serve;

use crate::lessons::LessonFigures;
use crate::ws::DropCounts;
use figures::{Figures, Way};

/// Everything that is counted. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Metrics(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    registry: Registry,
    figures: Figures,
}

/// What is the case at a scrape.
#[derive(Clone, Copy, Debug)]
pub struct Snapshot {
    /// Open connections.
    pub connections: usize,
    /// What connections that read too slowly were not sent.
    pub drops: DropCounts,
    /// Live lessons.
    pub lessons: LessonFigures,
    /// The media plane.
    pub media: MediaStats,
}

impl Default for Metrics {
    fn default() -> Self {
        let figures = Figures::default();
        let mut registry = Registry::with_prefix("parta");
        figures.register(&mut registry);
        Self(Arc::new(Inner { registry, figures }))
    }
}

impl Metrics {
    /// A message was stored after this long, and is being acknowledged.
    pub fn stored(&self, took: Duration) {
        self.0.figures.acknowledged.inc();
        self.0.figures.store.observe(took.as_secs_f64());
    }

    /// A participant's link was measured.
    pub fn link(&self, quality: &Quality) {
        let figures = &self.0.figures;
        let share = |pct: u8| f64::from(pct) / 100.0;
        let bits = |kbps: u32| f64::from(kbps) * 1_000.0;
        figures.down_loss.observe(share(quality.loss_pct));
        figures.up_loss.observe(share(quality.up_loss_pct));
        figures.down.observe(bits(quality.sent_kbps));
        figures.estimate.observe(bits(quality.down_kbps));
        figures.up.observe(bits(quality.up_kbps));
        if quality.rtt_ms > 0 {
            figures
                .round_trip
                .observe(f64::from(quality.rtt_ms) / 1_000.0);
        }
    }

    /// Media can flow for the first time, this long after the participant asked to join.
    pub fn joined(&self, took: Duration) {
        self.0.figures.join.observe(took.as_secs_f64());
    }

    /// A browser told of pictures that stood still.
    pub fn froze(&self, times: u16, millis: u32) {
        self.0.figures.freezes.inc_by(times.into());
        self.0.figures.frozen.inc_by(f64::from(millis) / 1_000.0);
    }

    /// An answer to a mail is a message now.
    pub fn answer_taken(&self) {
        self.0.figures.answers_taken.inc();
    }

    /// An answer to a mail was refused.
    pub fn answer_refused(&self) {
        self.0.figures.answers_refused.inc();
    }

    /// Whether this server looks into the mailbox with answers.
    pub fn mailbox(&self, connected: bool) {
        self.0.figures.mailbox.set(connected.into());
    }

    /// The page for Prometheus (OpenMetrics text 1.0).
    #[must_use]
    pub fn page(&self, now: &Snapshot) -> String {
        self.0.figures.take(now);
        let mut text = String::new();
        // A `String` takes everything.
        let _ = encode(&mut text, &self.0.registry);
        text
    }
}

impl Figures {
    // Counters of others, as they stand.
    fn take(&self, now: &Snapshot) {
        let (drops, media, lessons) = (now.drops, now.media, now.lessons);
        copy(&self.left_out, drops.left_out);
        copy(&self.lagged, drops.lagged);
        copy(&self.too_slow, drops.too_slow);
        copy(&self.forwarded, media.forwarded_packets);
        copy(&self.received, media.received_packets);
        copy(&self.garbage, media.dropped_garbage);
        copy(&self.unsent, media.dropped_sends);
        copy(&self.key_frames, media.key_frame_requests);
        copy(&self.carried, media.carried_packets);
        copy(&self.uncarried, media.dropped_crossings);
        let set = |gauge: &prometheus_client::metrics::gauge::Gauge, value: u64| {
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        };
        set(&self.connections, now.connections as u64);
        set(&self.streams, media.streams);
        set(&self.peers, media.peers);
        set(&self.lessons, lessons.open);
        set(&self.participants, lessons.participants);
        set(&self.paused, lessons.paused);
        set(&self.sound_only, lessons.sound_only);
        for (via, count) in [Via::Udp, Via::Tcp, Via::Relay].iter().zip(lessons.by_way) {
            set(&self.by_way.get_or_create(&Way::of(*via)), count);
        }
    }
}

fn copy(counter: &Counter<u64, AtomicU64>, value: u64) {
    counter.inner().store(value, Ordering::Relaxed);
}
