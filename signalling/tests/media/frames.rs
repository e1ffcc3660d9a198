//! A shared screen on a link that is too narrow for it, in virtual time: it loses frames, and nothing else.

use std::time::{Duration, Instant};

use signalling::{MediaEvent, PeerKey, Source, View};
use str0m::format::Codec;
use str0m::rtp::RtpPacket;

use crate::coded::Vp8;
use crate::net::{Link, Net};

const SECOND: Duration = Duration::from_secs(1);
/// All of the screen takes about 245 kbit/s with the headers, the two lower layers 145, the lowest 95.
const TWO_LAYERS_BPS: u64 = 200_000;
const ONE_LAYER_BPS: u64 = 120_000;

struct Watch {
    net: Net,
    from: PeerKey,
    by: PeerKey,
}

impl Watch {
    fn begin() -> Self {
        let mut net = Net::new();
        let from = net.join(1, &[Source::Screen], 1);
        let by = net.join(2, &[], 1);
        let up = net.client(from).ups.get_mut(&Source::Screen).unwrap();
        // Just before the numbers begin anew.
        up.maker = Some((Codec::Vp8, Box::new(Vp8 { picture: 0x7f00 })));
        let view = View {
            peer: from,
            source: Source::Screen,
            width: 1920,
            pinned: true,
        };
        net.sfu.view(net.now, by, vec![view]);
        net.until("the screen", |net| {
            let mid = net.mid(by, from, Source::Screen);
            mid.is_some_and(|mid| net.has(by, &mid))
        });
        net.run(10 * SECOND);
        Self { net, from, by }
    }

    fn link(&mut self, bps: u64) {
        self.net.links.insert(self.by, Link::of(bps));
    }

    fn packets(&self, since: Instant) -> Vec<&RtpPacket> {
        let mid = self.net.mid(self.by, self.from, Source::Screen).unwrap();
        let packets = self.net.clients[&self.by].packets(&mid).iter();
        packets.filter(|packet| packet.timestamp >= since).collect()
    }

    /// The temporal layers of which more than a sixth of what comes in the next ten seconds is. Nothing that has come has a
    /// gap in its numbers but for what the link dropped.
    fn layers(&mut self) -> Vec<u8> {
        let since = self.net.now;
        self.net.run(10 * SECOND);
        let mut packets = self.packets(since);
        for pair in packets.windows(2) {
            let late = pair[1].timestamp - pair[0].timestamp;
            assert!(late < SECOND / 2, "nothing came for {late:?}");
        }
        // A lost packet comes again, later.
        packets.sort_by_key(|packet| packet.seq_no);
        packets.dedup_by_key(|packet| packet.seq_no);
        let mut lost = 0;
        for pair in packets.windows(2) {
            let step = picture(pair[1]).wrapping_sub(picture(pair[0])) & 0x7fff;
            match *pair[1].seq_no - *pair[0].seq_no {
                1 => assert!(step <= 1, "a gap in the pictures"),
                // The link dropped some.
                more => lost += more - 1,
            }
        }
        assert!(lost * 50 < packets.len() as u64, "{lost} packets lost");
        // More may be tried for a moment.
        let count = |layer: u8| {
            let of = packets.iter().filter(|one| one.payload[5] >> 6 == layer);
            of.count()
        };
        let matters = |layer: &u8| count(*layer) * 6 > packets.len();
        (0..3).filter(matters).collect()
    }
}

fn picture(packet: &RtpPacket) -> u16 {
    u16::from_be_bytes([packet.payload[2], packet.payload[3]]) & 0x7fff
}

#[test]
fn a_screen_loses_frames_on_a_narrow_link_and_gets_them_back() {
    let mut watch = Watch::begin();
    assert_eq!(watch.layers(), [0, 1, 2]);
    for (bps, expected) in [
        (TWO_LAYERS_BPS, vec![0, 1]),
        (ONE_LAYER_BPS, vec![0]),
        (1_000_000, vec![0, 1, 2]),
    ] {
        watch.link(bps);
        watch.net.run(30 * SECOND);
        assert_eq!(watch.layers(), expected, "at {bps} bit/s");
    }
    let paused = watch.net.events.iter().any(|event| match event {
        MediaEvent::Slots { slots, .. } => slots.iter().any(|slot| slot.paused),
        MediaEvent::Untaken { .. }
        | MediaEvent::Connected { .. }
        | MediaEvent::Disconnected { .. }
        | MediaEvent::Gone { .. }
        | MediaEvent::Speaking { .. }
        | MediaEvent::Layers { .. }
        | MediaEvent::Codec { .. }
        | MediaEvent::Repeat { .. }
        | MediaEvent::Quality { .. } => false,
    });
    assert!(!paused, "the screen was paused");
}
