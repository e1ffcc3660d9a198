//! Which packet had which transport-wide number, so that the receiver's feedback can be understood
//! (draft-holmer-rmcat-transport-wide-cc-extensions-01).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use rtcp_types::{Twcc, TwccPacketStatus};

use crate::sfu::congestion::Ack;
use crate::sfu::congestion::probe::ProbeId;

/// Packets remembered: more than two seconds at 10 Mbit/s.
const KEPT_MAX: usize = 4_096;
/// Packets read of one feedback message; it may claim 65,535 in a few bytes.
const SPAN_MAX: u64 = 8_192;
/// Unit of the reference time, and the point at which its 24 bits wrap.
const REFERENCE: Duration = Duration::from_millis(64);
const REFERENCE_WRAP: u32 = 1 << 24;
const REFERENCE_STEP_MAX: i64 = 1_000;
/// Unit of a delta.
const DELTA_US: i64 = 250;

#[derive(Debug, Clone, Copy)]
struct Entry {
    at: Instant,
    size: u16,
    probe: Option<ProbeId>,
    fate: Fate,
}

/// What the receiver has said of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Unknown,
    Missed,
    Arrived,
}

/// The log.
#[derive(Debug, Default)]
pub(super) struct SendLog {
    /// Number of the first entry, extended beyond 16 bits.
    first: u64,
    entries: VecDeque<Entry>,
    /// The last reference time, extended beyond 24 bits.
    reference: Option<i64>,
    acks: Vec<Ack>,
    /// The number behind the last packet that feedback spoke of, and that of the latest feedback.
    spoken: Option<(u64, u8)>,
}

/// What one feedback message says that was not known.
#[derive(Debug)]
pub(super) struct Told<'a> {
    pub(super) acks: &'a [Ack],
    pub(super) lost: usize,
    /// Packets that arrived although they had been told lost: others overtook them.
    pub(super) found: usize,
    /// Packets of which neither this message speaks nor the one just before it: some receivers leave out what they miss
    /// at the edges, which of a thin stream is much.
    pub(super) between: usize,
    /// From sending the newest of them until now.
    pub(super) round_trip: Duration,
}

impl SendLog {
    /// The number of the next packet.
    pub(super) fn next(&self) -> u16 {
        (self.first + self.entries.len() as u64) as u16
    }

    /// Notes a packet sent with [`next`](Self::next).
    pub(super) fn sent(&mut self, at: Instant, size: usize, probe: Option<ProbeId>) {
        if self.entries.len() >= KEPT_MAX {
            self.entries.pop_front();
            self.first += 1;
        }
        self.entries.push_back(Entry {
            at,
            size: size.min(usize::from(u16::MAX)) as u16,
            probe,
            fate: Fate::Unknown,
        });
    }

    /// Takes a feedback message; `None` when it says nothing new or is nonsense.
    pub(super) fn feedback(&mut self, now: Instant, twcc: &Twcc<'_>) -> Option<Told<'_>> {
        self.acks.clear();
        let reference = self.extend_reference(twcc.reference_time());
        let mut arrived_us = reference * REFERENCE.as_micros() as i64;
        let base = self.extend(twcc.base_sequence_number())?;
        let next = self.first + self.entries.len() as u64;
        let span = next.saturating_sub(base).min(SPAN_MAX) as usize;
        let (mut lost, mut found, mut end) = (0, 0, base);
        let mut newest: Option<Instant> = None;
        for (nth, packet) in twcc.packets().take(span).enumerate() {
            // What came before a broken part stands.
            let Ok((_, status)) = packet else { break };
            end = base + nth as u64 + 1;
            if let TwccPacketStatus::Received { delta } = status {
                arrived_us += i64::from(delta) * DELTA_US;
            }
            let entry = (base + nth as u64)
                .checked_sub(self.first)
                .and_then(|at| self.entries.get_mut(at as usize));
            let Some(entry) = entry else { continue };
            match (status, entry.fate) {
                (TwccPacketStatus::NotReceived, Fate::Unknown) => {
                    entry.fate = Fate::Missed;
                    lost += 1;
                }
                (TwccPacketStatus::Received { .. }, Fate::Unknown | Fate::Missed) => {
                    found += usize::from(entry.fate == Fate::Missed);
                    entry.fate = Fate::Arrived;
                    newest = newest.max(Some(entry.at));
                    self.acks.push(Ack {
                        sent: entry.at,
                        arrived: Duration::from_micros(arrived_us.max(0) as u64),
                        size: usize::from(entry.size),
                        probe: entry.probe,
                    });
                }
                (TwccPacketStatus::NotReceived, Fate::Missed)
                | (
                    TwccPacketStatus::NotReceived | TwccPacketStatus::Received { .. },
                    Fate::Arrived,
                ) => {}
            }
        }
        let between = self.between(base, end, twcc.feedback_packet_count());
        if self.acks.is_empty() && lost + between == 0 {
            return None;
        }
        let round_trip = newest.map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        Some(Told {
            acks: &self.acks,
            lost,
            found,
            between,
            round_trip,
        })
    }

    /// Packets before `base` that were not spoken of, when the message from `base` to `end` is the very next one.
    fn between(&mut self, base: u64, end: u64, count: u8) -> usize {
        let last = self.spoken;
        let spoken = last.map_or(end, |(spoken, _)| spoken.max(end));
        self.spoken = Some((spoken, count));
        let Some((from, _)) = last.filter(|(_, last)| count == last.wrapping_add(1)) else {
            return 0;
        };
        let entry = |at: u64| self.entries.get(at.checked_sub(self.first)? as usize);
        let span = from.max(self.first)..base;
        span.filter_map(entry)
            .filter(|entry| entry.fate == Fate::Unknown)
            .count()
    }

    /// The full number nearest to what was sent.
    fn extend(&self, short: u16) -> Option<u64> {
        let next = self.first + self.entries.len() as u64;
        let back = (next as u16).wrapping_sub(short);
        next.checked_sub(u64::from(back))
    }

    fn extend_reference(&mut self, short: u32) -> i64 {
        let wrap = i64::from(REFERENCE_WRAP);
        // Kept away from zero, so that a first packet from before the reference has a time too.
        let last = self.reference.unwrap_or_else(|| i64::from(short) + wrap);
        let mut step = (i64::from(short) - last).rem_euclid(wrap);
        if step > wrap / 2 {
            step -= wrap;
        }
        // A step over more than a minute is another clock.
        let reference = if step.abs() > REFERENCE_STEP_MAX {
            i64::from(short) + wrap
        } else {
            last + step
        };
        self.reference = Some(reference);
        reference
    }
}

#[cfg(test)]
mod tests {
    use rtcp_types::prelude::*;
    use rtcp_types::{Packet, TransportFeedback};

    use super::*;

    /// Feedback by hand: header of the FCI, then chunks and deltas.
    fn message(base: u16, count: u16, reference: u32, rest: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0x8f, 205, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2];
        bytes.extend(base.to_be_bytes());
        bytes.extend(count.to_be_bytes());
        bytes.extend(&(reference << 8).to_be_bytes()[..3]);
        bytes.push(0);
        bytes.extend(rest);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        let words = (bytes.len() / 4 - 1) as u16;
        bytes[2..4].copy_from_slice(&words.to_be_bytes());
        bytes
    }

    fn told(log: &mut SendLog, now: Instant, bytes: &[u8]) -> Option<(Vec<Duration>, usize)> {
        let feedback = TransportFeedback::parse(bytes).unwrap();
        let twcc = feedback.parse_fci::<Twcc>().unwrap();
        let told = log.feedback(now, &twcc)?;
        let arrived = told.acks.iter().map(|ack| ack.arrived).collect();
        Some((arrived, told.lost))
    }

    fn log(packets: usize) -> (SendLog, Instant) {
        let (mut log, start) = (SendLog::default(), Instant::now());
        for _ in 0..packets {
            log.sent(start, 1_000, None);
        }
        (log, start)
    }

    #[test]
    fn arrivals_and_losses_are_told_once() {
        let (mut log, now) = log(5);
        // Two-bit vector: small, none, large, small; deltas 4, -8, 8 of 250 us.
        let rest = [0b1101_0010, 0b0100_0000, 4, 0xff, 0xf8, 8];
        let bytes = message(0, 4, 100, &rest);
        let (arrived, lost) = told(&mut log, now, &bytes).unwrap();
        assert_eq!(lost, 1);
        let us = |from: usize, to: usize| {
            arrived[to].as_micros() as i64 - arrived[from].as_micros() as i64
        };
        assert_eq!((us(0, 1), us(0, 2)), (-2_000, 0));
        assert_eq!(told(&mut log, now, &bytes), None);
    }

    #[test]
    fn what_two_messages_in_a_row_leave_out_between_them_is_lost() {
        let (mut log, now) = log(9);
        let mut between = |base, count| {
            let mut bytes = message(base, 1, 0, &[0x20, 1, 4]);
            bytes[19] = count;
            let feedback = TransportFeedback::parse(&bytes).unwrap();
            let twcc = feedback.parse_fci::<Twcc<'_>>().unwrap();
            log.feedback(now, &twcc).map(|told| told.between)
        };
        assert_eq!(between(1, 255), Some(0));
        assert_eq!(between(4, 0), Some(2));
        // A message may have been lost between these; and one that comes late speaks of nothing new.
        assert_eq!(between(7, 2), Some(0));
        assert_eq!(between(5, 1), Some(0));
        assert_eq!(between(8, 2), Some(0));
    }

    #[test]
    fn a_packet_that_was_overtaken_is_found_again() {
        let (mut log, now) = log(2);
        // Not received, received; then, from the first again, received.
        let missing = message(0, 2, 0, &[0b1001_0000, 0, 4]);
        assert_eq!(told(&mut log, now, &missing).unwrap().1, 1);
        let late = message(0, 1, 0, &[0x20, 1, 9]);
        let bytes = TransportFeedback::parse(&late).unwrap();
        let twcc = bytes.parse_fci::<Twcc<'_>>().unwrap();
        let told = log.feedback(now, &twcc).unwrap();
        assert_eq!((told.acks.len(), told.lost, told.found), (1, 0, 1));
    }

    #[test]
    fn numbers_that_were_never_sent_or_are_forgotten_count_for_nothing() {
        let (mut log, now) = log(70_000);
        let all = |base| message(base, 8_191, 0, &[0x1f, 0xff]);
        // 8,191 packets not received, of which the last 4,096 are remembered.
        let (_, lost) = told(&mut log, now, &all((70_000 - 8_191) as u16)).unwrap();
        assert_eq!(lost, KEPT_MAX);
        assert_eq!(told(&mut log, now, &all(70_000u32 as u16)), None);
        assert_eq!(told(&mut log, now, &all((70_000 - 40_000) as u16)), None);
    }

    /// R9: feedback that begins before what is remembered (str0m#51), and that has nothing of its own base on
    /// (mediasoup#1522).
    #[test]
    fn feedback_whose_base_is_missing_tells_of_the_others() {
        let (mut log, now) = log(KEPT_MAX + 1_200);
        // 1,199 is forgotten, 1,200 is the oldest: both arrived.
        let (arrived, lost) = told(&mut log, now, &message(1_199, 2, 0, &[0x20, 2, 4, 4])).unwrap();
        assert_eq!((arrived.len(), lost), (1, 0));
        // Not received, not received, received.
        let without = message(1_201, 3, 0, &[0b1000_1000, 0, 9]);
        let (arrived, lost) = told(&mut log, now, &without).unwrap();
        assert_eq!((arrived.len(), lost), (1, 2));
    }

    #[test]
    fn the_receivers_clock_runs_on_over_the_wrap_of_its_24_bits() {
        let (mut log, now) = log(3);
        let one = |base, reference| message(base, 1, reference, &[0x20, 1, 0]);
        let (first, _) = told(&mut log, now, &one(0, REFERENCE_WRAP - 1)).unwrap();
        let (second, _) = told(&mut log, now, &one(1, 1)).unwrap();
        assert_eq!(second[0] - first[0], REFERENCE * 2);
        let (earlier, _) = told(&mut log, now, &one(2, REFERENCE_WRAP - 2)).unwrap();
        assert_eq!(first[0] - earlier[0], REFERENCE);
    }

    #[test]
    fn a_status_count_of_65535_in_a_short_message_does_no_harm() {
        let (mut log, now) = log(10);
        let bytes = message(0, 65_535, 5, &[0x3f, 0xff]);
        assert!(told(&mut log, now, &bytes).is_none());
        assert!(matches!(
            Packet::parse(&bytes),
            Ok(Packet::TransportFeedback(_))
        ));
    }
}
