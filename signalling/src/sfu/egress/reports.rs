//! What receivers report and what we report to them (RFC 3550 §6, RFC 4585).

use std::time::{Duration, Instant};

use rtcp_types::prelude::*;
use rtcp_types::{
    Compound, Fir, Nack, Packet, Pli, ReportBlock, Sdes, SdesChunk, SdesItem, SenderReport, Twcc,
};

/// Seconds between 1900 and 1970, so that the times look like wall-clock times (RFC 3550 §4).
const EPOCH: u64 = 2_208_988_800;
/// Messages about arrivals read of one compound packet; browsers send one.
const ARRIVALS_MAX: usize = 4;
/// Longest round trip believed.
const ROUND_TRIP_MAX: Duration = Duration::from_secs(10);

/// One thing that a receiver reports.
#[derive(Debug)]
pub(super) enum Reported<'a> {
    /// Share of one stream's packets lost, of 256, and the round trip if it can be told.
    Received(u32, u8, Option<Duration>),
    /// Packets of a stream wanted again.
    Missing(u32, Nack<'a>),
    /// A key frame of a stream is wanted.
    KeyFrame(u32),
    /// When packets arrived.
    Arrivals(Twcc<'a>),
}

/// Reads a compound packet: tells what it reports, and returns whether there is anything in it that is not feedback for a
/// sender of media.
pub(super) fn read<'a>(bytes: &'a [u8], now: Ntp, mut tell: impl FnMut(Reported<'a>)) -> bool {
    let (mut others, mut arrivals) = (false, 0);
    let Ok(compound) = Compound::parse(bytes) else {
        return true;
    };
    let received = |block: ReportBlock<'_>| {
        let round_trip = round_trip(&block, now);
        Reported::Received(block.ssrc(), block.fraction_lost(), round_trip)
    };
    for packet in compound.flatten() {
        match packet {
            Packet::Rr(report) => report.report_blocks().map(received).for_each(&mut tell),
            Packet::Sr(report) => {
                others = true;
                report.report_blocks().map(received).for_each(&mut tell);
            }
            Packet::TransportFeedback(feedback) => {
                if let Ok(twcc) = feedback.parse_fci::<Twcc<'_>>() {
                    arrivals += 1;
                    if arrivals <= ARRIVALS_MAX {
                        tell(Reported::Arrivals(twcc));
                    }
                } else if let Ok(nack) = feedback.parse_fci::<Nack<'_>>() {
                    tell(Reported::Missing(feedback.media_ssrc(), nack));
                }
            }
            Packet::PayloadFeedback(feedback) => {
                if feedback.parse_fci::<Pli<'_>>().is_ok() {
                    tell(Reported::KeyFrame(feedback.media_ssrc()));
                } else if let Ok(fir) = feedback.parse_fci::<Fir<'_>>() {
                    let wanted = fir.entries().map(|entry| Reported::KeyFrame(entry.ssrc()));
                    wanted.for_each(&mut tell);
                }
            }
            Packet::App(_)
            | Packet::Bye(_)
            | Packet::Sdes(_)
            | Packet::Xr(_)
            | Packet::Unknown(_) => others = true,
        }
    }
    others
}

/// A time on the clock of our sender reports: seconds and their 2⁻³² parts since 1900.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ntp(u64);

impl Ntp {
    /// The clock of a connection starts at `start`. It only has to be the same for all streams of one connection
    /// (RFC 3550 §6.4.1 allows any common clock).
    pub(super) fn at(start: Instant, now: Instant) -> Self {
        let since = now.saturating_duration_since(start);
        let fraction = (u64::from(since.subsec_nanos()) << 32) / 1_000_000_000;
        Self(((EPOCH + since.as_secs()) << 32) | fraction)
    }

    /// The middle 32 bits.
    fn middle(self) -> u32 {
        (self.0 >> 16) as u32
    }
}

/// RFC 3550 §6.4.1, "delay since last SR".
fn round_trip(block: &ReportBlock<'_>, now: Ntp) -> Option<Duration> {
    let (last, delay) = (
        block.last_sender_report_timestamp(),
        block.delay_since_last_sender_report_timestamp(),
    );
    if last == 0 {
        return None;
    }
    let units = now.middle().wrapping_sub(last).wrapping_sub(delay);
    let time = Duration::from_micros((u64::from(units) * 1_000_000) >> 16);
    (time <= ROUND_TRIP_MAX).then_some(time)
}

/// What a sender report says of a stream.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sender<'a> {
    pub(super) ssrc: u32,
    pub(super) now: Ntp,
    /// RTP time at that moment.
    pub(super) time: u32,
    pub(super) packets: u32,
    pub(super) bytes: u32,
    pub(super) cname: &'a str,
}

/// Writes a sender report with its source description; `None` when the name is too long.
pub(super) fn write(sender: &Sender<'_>) -> Option<Vec<u8>> {
    let report = SenderReport::builder(sender.ssrc)
        .ntp_timestamp(sender.now.0)
        .rtp_timestamp(sender.time)
        .packet_count(sender.packets)
        .octet_count(sender.bytes);
    let name = SdesItem::builder(SdesItem::CNAME, sender.cname);
    let description = Sdes::builder().add_chunk(SdesChunk::builder(sender.ssrc).add_item(name));
    let compound = Compound::builder()
        .add_packet(report)
        .add_packet(description);
    let mut bytes = vec![0; compound.calculate_size().ok()?];
    compound.write_into(&mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_tells_the_clock_and_the_answer_tells_the_round_trip() {
        let start = Instant::now();
        let sent = Ntp::at(start, start + Duration::from_millis(61_500));
        let bytes = write(&Sender {
            ssrc: 7,
            now: sent,
            time: 99,
            packets: 3,
            bytes: 300,
            cname: "parta",
        })
        .unwrap();
        let mut packets = Compound::parse(&bytes).unwrap();
        let Some(Ok(Packet::Sr(report))) = packets.next() else {
            panic!("no sender report")
        };
        assert_eq!((report.ssrc(), report.rtp_timestamp()), (7, 99));
        assert_eq!(report.ntp_timestamp() & 0xffff_ffff, 1 << 31);
        assert!(matches!(packets.next(), Some(Ok(Packet::Sdes(_)))));

        // 250 ms at the receiver, 80 ms on the way.
        let block = ReportBlock::builder(7)
            .fraction_lost(64)
            .last_sender_report_timestamp(sent.middle())
            .delay_since_last_sender_report_timestamp(65_536 / 4);
        let answer = rtcp_types::ReceiverReport::builder(1).add_report_block(block);
        let mut bytes = vec![0; answer.calculate_size().unwrap()];
        answer.write_into(&mut bytes).unwrap();
        let now = Ntp::at(start, start + Duration::from_millis(61_830));
        let mut reported = Vec::new();
        let others = read(&bytes, now, |one| reported.push(one));
        assert!(!others);
        let [Reported::Received(7, 64, Some(time))] = reported[..] else {
            panic!("{reported:?}")
        };
        assert!((79..=81).contains(&time.as_millis()), "{time:?}");
    }
}
