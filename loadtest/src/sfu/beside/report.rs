//! What comes of a lesson on both.

use serde::Serialize;

use super::super::floor::Floor;
use super::super::party::Measured;
use super::{Options, Side};
use crate::LoadError;
use crate::chat::{count, round};

/// What came of it. Figures of the peer begin with `peer`.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Which lesson.
    pub scenario: &'static str,
    /// Our server's processor time for each packet that reached a browser, in microseconds.
    pub cpu_us_per_packet: f64,
    /// The peer's.
    pub peer_cpu_us_per_packet: f64,
    /// Ours divided by the peer's.
    pub ratio: f64,
    /// Encrypting a packet of 1,200 B and one `sendto`.
    pub floor_us_per_packet: f64,
    /// Ours divided by that.
    pub floor_ratio: f64,
    /// Of the floor, encrypting.
    pub encrypt_us_per_packet: f64,
    /// The floor with `sendmmsg`.
    pub floor_sendmmsg_us_per_packet: f64,
    /// The floor with segmentation by the kernel (GSO), nine packets at a time.
    pub floor_gso_us_per_packet: f64,
    /// Packets that did not reach browsers, by their numbers.
    pub lost_packets: u64,
    /// The peer's.
    pub peer_lost_packets: u64,
    /// Packets that came again.
    pub repeated_packets: u64,
    /// The peer's.
    pub peer_repeated_packets: u64,
    /// Our server's memory that came with each participant, in bytes.
    pub bytes_per_participant: f64,
    /// The peer's.
    pub peer_bytes_per_participant: f64,
    /// From asking to join to the first whole key frame, which 95 per cent do not pass.
    pub p95_first_frame_ms: Option<f64>,
    /// The peer's.
    pub peer_p95_first_frame_ms: Option<f64>,
    /// Browsers without a picture.
    pub without_picture: usize,
    /// The peer's.
    pub peer_without_picture: usize,
    /// Our browsers that received less than nine tenths of what the best served one did.
    pub held_back: usize,
    /// The peer's.
    pub peer_held_back: usize,
    /// Packets that reached browsers, each second.
    pub packets_per_s: f64,
    /// The peer's.
    pub peer_packets_per_s: f64,
    /// Payload of the mean packet, in bytes.
    pub bytes_per_packet: f64,
    /// The peer's.
    pub peer_bytes_per_packet: f64,
    /// The load's own processor time for each packet that we forwarded.
    pub load_cpu_us_per_packet: f64,
    /// For each that the peer did.
    pub peer_load_cpu_us_per_packet: f64,
    /// Key frames that our server asked for, from the first join on.
    pub key_frame_requests: u64,
    /// The peer.
    pub peer_key_frame_requests: u64,
    /// People.
    pub participants: usize,
    /// As asked for.
    pub rounds: u8,
    /// As asked for: seconds measured in each round.
    pub seconds: u64,
}

impl Report {
    /// Whether everybody saw something on our server.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.without_picture == 0 && self.packets_per_s > 0.0
    }
}

pub(super) fn report(
    options: &Options,
    ours: Side,
    theirs: Side,
    floor: Floor,
) -> Result<Report, LoadError> {
    let (bytes, peer_bytes) = (ours.bytes_each, theirs.bytes_each);
    let nothing = || LoadError::NotReady("no round was run".to_owned());
    let mut ours = ours.measured.ok_or_else(nothing)?;
    let mut theirs = theirs.measured.ok_or_else(nothing)?;
    let packets = |of: &Measured| count(of.sum(|one| one.packets).max(1) as usize);
    let each = |cpu_s: f64, of: &Measured| cpu_s * 1e6 / packets(of);
    let cpu = |of: &Measured| each(of.cpu_s.unwrap_or(0.0), of);
    let length = |of: &Measured| round(count(of.sum(|one| one.bytes) as usize) / packets(of));
    let seconds = count(options.seconds as usize) * f64::from(options.rounds);
    let (own, peer) = (cpu(&ours), cpu(&theirs));
    Ok(Report {
        scenario: options.scenario.name(),
        cpu_us_per_packet: round(own),
        peer_cpu_us_per_packet: round(peer),
        ratio: round(own / peer),
        floor_us_per_packet: floor.sendto_us,
        floor_ratio: round(own / floor.sendto_us),
        encrypt_us_per_packet: floor.encrypt_us,
        floor_sendmmsg_us_per_packet: floor.sendmmsg_us,
        floor_gso_us_per_packet: floor.gso_us,
        lost_packets: ours.sum(|one| one.lost),
        peer_lost_packets: theirs.sum(|one| one.lost),
        repeated_packets: ours.sum(|one| one.repeats),
        peer_repeated_packets: theirs.sum(|one| one.repeats),
        bytes_per_participant: bytes,
        peer_bytes_per_participant: peer_bytes,
        p95_first_frame_ms: ours.first_frame.percentile_ms(95),
        peer_p95_first_frame_ms: theirs.first_frame.percentile_ms(95),
        without_picture: ours.without_picture,
        peer_without_picture: theirs.without_picture,
        held_back: ours.held_back(),
        peer_held_back: theirs.held_back(),
        packets_per_s: round(packets(&ours) / seconds),
        peer_packets_per_s: round(packets(&theirs) / seconds),
        bytes_per_packet: length(&ours),
        peer_bytes_per_packet: length(&theirs),
        load_cpu_us_per_packet: round(each(ours.load_cpu_s, &ours)),
        peer_load_cpu_us_per_packet: round(each(theirs.load_cpu_s, &theirs)),
        key_frame_requests: ours.key_frame_requests.iter().sum(),
        peer_key_frame_requests: theirs.key_frame_requests.iter().sum(),
        participants: options.scenario.lesson(0).people(),
        rounds: options.rounds,
        seconds: options.seconds,
    })
}
