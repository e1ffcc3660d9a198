//! What there is, under its name.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry};
use protocol::call::Via;

/// Seconds: from a fast disk to one at which people write again.
const STORE: [f64; 10] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0, 5.0];
/// Shares of lost packets; from 0.03 on people notice, from 0.1 on they complain.
const LOSS: [f64; 8] = [0.0, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5];
/// Seconds; beyond 0.3 people talk at the same time.
const ROUND_TRIP: [f64; 8] = [0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.6, 1.5];
/// Bits per second, from sound alone to a screen and a class.
const BITS: [f64; 9] = [
    50_000.0,
    100_000.0,
    200_000.0,
    400_000.0,
    800_000.0,
    1_500_000.0,
    3_000_000.0,
    6_000_000.0,
    12_000_000.0,
];
/// Seconds.
const JOIN: [f64; 9] = [0.1, 0.2, 0.4, 0.8, 1.5, 3.0, 6.0, 12.0, 30.0];

/// How media travels.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Way {
    via: &'static str,
}

impl Way {
    pub(super) const fn of(via: Via) -> Self {
        Self {
            via: match via {
                Via::Udp => "udp",
                Via::Tcp => "tcp",
                Via::Relay => "relay",
            },
        }
    }
}

#[derive(Debug)]
pub(super) struct Figures {
    pub(super) connections: Gauge,
    pub(super) acknowledged: Counter,
    pub(super) store: Histogram,
    pub(super) left_out: Counter,
    pub(super) lagged: Counter,
    pub(super) too_slow: Counter,
    pub(super) lessons: Gauge,
    pub(super) participants: Gauge,
    pub(super) by_way: Family<Way, Gauge>,
    pub(super) paused: Gauge,
    pub(super) sound_only: Gauge,
    pub(super) join: Histogram,
    pub(super) down_loss: Histogram,
    pub(super) up_loss: Histogram,
    pub(super) round_trip: Histogram,
    pub(super) down: Histogram,
    pub(super) estimate: Histogram,
    pub(super) up: Histogram,
    pub(super) freezes: Counter,
    pub(super) frozen: Counter<f64, AtomicU64>,
    pub(super) forwarded: Counter,
    pub(super) received: Counter,
    pub(super) garbage: Counter,
    pub(super) unsent: Counter,
    pub(super) key_frames: Counter,
    pub(super) carried: Counter,
    pub(super) uncarried: Counter,
    pub(super) streams: Gauge,
    pub(super) peers: Gauge,
    pub(super) answers_taken: Counter,
    pub(super) answers_refused: Counter,
    pub(super) mailbox: Gauge,
}

impl Default for Figures {
    fn default() -> Self {
        Self {
            connections: Gauge::default(),
            acknowledged: Counter::default(),
            store: Histogram::new(STORE),
            left_out: Counter::default(),
            lagged: Counter::default(),
            too_slow: Counter::default(),
            lessons: Gauge::default(),
            participants: Gauge::default(),
            by_way: Family::default(),
            paused: Gauge::default(),
            sound_only: Gauge::default(),
            join: Histogram::new(JOIN),
            down_loss: Histogram::new(LOSS),
            up_loss: Histogram::new(LOSS),
            round_trip: Histogram::new(ROUND_TRIP),
            down: Histogram::new(BITS),
            estimate: Histogram::new(BITS),
            up: Histogram::new(BITS),
            freezes: Counter::default(),
            frozen: Counter::default(),
            forwarded: Counter::default(),
            received: Counter::default(),
            garbage: Counter::default(),
            unsent: Counter::default(),
            key_frames: Counter::default(),
            carried: Counter::default(),
            uncarried: Counter::default(),
            streams: Gauge::default(),
            peers: Gauge::default(),
            answers_taken: Counter::default(),
            answers_refused: Counter::default(),
            mailbox: Gauge::default(),
        }
    }
}

impl Figures {
    /// Counters get `_total` behind their name.
    pub(super) fn register(&self, to: &mut Registry) {
        let mut put = |name: &str, help: &str, metric: &dyn Registered| metric.put(name, help, to);
        put(
            "connections",
            "Open connections of clients",
            &self.connections,
        );
        put(
            "messages_acknowledged",
            "Messages stored and acknowledged",
            &self.acknowledged,
        );
        put(
            "message_store_seconds",
            "From taking a message until it is on disk",
            &self.store,
        );
        put(
            "queue_left_out",
            "Passing events left out because a connection reads too slowly",
            &self.left_out,
        );
        put(
            "queue_lagged",
            "Times that a connection was told to ask the database for what it missed",
            &self.lagged,
        );
        put(
            "queue_too_slow",
            "Connections closed because they read too slowly",
            &self.too_slow,
        );
        put("lessons", "Live lessons", &self.lessons);
        put(
            "lesson_participants",
            "Browsers in live lessons",
            &self.participants,
        );
        put(
            "lesson_participants_by_way",
            "Browsers in live lessons whose media travels this way",
            &self.by_way,
        );
        put(
            "lesson_pictures_paused",
            "Pictures not sent because a link cannot carry them",
            &self.paused,
        );
        put(
            "lesson_sound_only",
            "Browsers that chose to receive sound only",
            &self.sound_only,
        );
        put(
            "lesson_join_seconds",
            "From asking to join until media can flow",
            &self.join,
        );
        put(
            "link_down_loss_ratio",
            "Packets lost to a browser, each 2 s",
            &self.down_loss,
        );
        put(
            "link_up_loss_ratio",
            "Packets lost from a browser, each 2 s",
            &self.up_loss,
        );
        put(
            "link_round_trip_seconds",
            "Round trip to a browser, each 2 s",
            &self.round_trip,
        );
        put(
            "link_down_bits_per_second",
            "Sent to a browser, each 2 s",
            &self.down,
        );
        put(
            "link_estimate_bits_per_second",
            "Bandwidth to a browser as estimated, each 2 s",
            &self.estimate,
        );
        put(
            "link_up_bits_per_second",
            "Received from a browser, each 2 s",
            &self.up,
        );
        put(
            "video_freezes",
            "Pictures that stood still, as told by browsers",
            &self.freezes,
        );
        put(
            "video_frozen_seconds",
            "For how long they did",
            &self.frozen,
        );
        put(
            "media_packets_forwarded",
            "RTP packets written to receivers",
            &self.forwarded,
        );
        put(
            "media_packets_received",
            "RTP packets taken from senders",
            &self.received,
        );
        put(
            "media_datagrams_garbage",
            "Datagrams dropped unread",
            &self.garbage,
        );
        put(
            "media_datagrams_unsent",
            "Datagrams that the socket or a slow connection did not take",
            &self.unsent,
        );
        put(
            "media_key_frame_requests",
            "Key frames asked of senders",
            &self.key_frames,
        );
        put(
            "media_packets_carried",
            "RTP packets that one media thread handed to another, for a large lesson",
            &self.carried,
        );
        put(
            "media_crossings_dropped",
            "Packets and news that a media thread had no room for",
            &self.uncarried,
        );
        put(
            "media_tcp_connections",
            "TCP connections with media",
            &self.streams,
        );
        put("media_peers", "Connections of the media plane", &self.peers);
        put(
            "mail_answers_taken",
            "Answers by mail that are messages now",
            &self.answers_taken,
        );
        put(
            "mail_answers_refused",
            "Answers by mail that were refused",
            &self.answers_refused,
        );
        put(
            "mailbox_connected",
            "Whether this server looks into the mailbox with answers, which one does at a time",
            &self.mailbox,
        );
    }
}

trait Registered {
    fn put(&self, name: &str, help: &str, to: &mut Registry);
}

impl<M: Metric + Clone> Registered for M {
    fn put(&self, name: &str, help: &str, to: &mut Registry) {
        to.register(name, help, self.clone());
    }
}
