//! Packets of pictures that come in another order than they were sent.

use std::time::Duration;

use signalling::{PeerKey, Source, View};
use str0m::format::Codec;

use crate::client::{First, assert_continuous};
use crate::coded::H264;
use crate::net::Net;

const PARTS: usize = 6;

/// B begins to see A, whose key frames have so many packets, of which something happens to the first.
fn begin(first: First) -> (Net, PeerKey, PeerKey, String) {
    let mut net = Net::new();
    let a = net.join(1, &[Source::Camera], 1);
    let camera = net.client(a).ups.get_mut(&Source::Camera).unwrap();
    (camera.parts, camera.first) = (PARTS, first);
    net.until("a is in", Net::all_connected);
    net.run(Duration::from_secs(2));
    let b = net.join(2, &[], 1);
    let view = View {
        peer: a,
        source: Source::Camera,
        width: 300,
        pinned: false,
    };
    net.sfu.view(net.now, b, vec![view]);
    net.until("b sees a", |net| {
        net.mid(b, a, Source::Camera)
            .is_some_and(|mid| net.has(b, &mid))
    });
    let mid = net.mid(b, a, Source::Camera).unwrap();
    (net, a, b, mid)
}

/// The key frame arrived whole, everything after it too, and none was asked for again.
fn assert_whole((mut net, a, b, mid): (Net, PeerKey, PeerKey, String)) {
    net.run(Duration::from_secs(1));
    let mut packets = net.client(b).received.remove(&mid).unwrap();
    assert_eq!(packets[0].payload[6] & 1, 0, "it begins with a key frame");
    let of_first =
        |packet: &&str0m::rtp::RtpPacket| packet.header.timestamp == packets[0].header.timestamp;
    assert_eq!(packets.iter().filter(of_first).count(), PARTS);
    assert!(packets.len() > 100);
    packets.sort_by_key(|packet| packet.seq_no);
    assert_continuous(&packets);
    let camera = &net.client(a).ups[&Source::Camera];
    assert_eq!(camera.key_frame_requests, 1);
}

/// R16 (mediasoup#1547): the second packet of a key frame before the first.
#[test]
fn a_key_frame_whose_first_packet_is_overtaken_arrives_whole() {
    for overtaking in [1, 3, PARTS - 1] {
        assert_whole(begin(First::After(overtaking)));
    }
}

#[test]
fn a_key_frame_whose_first_packet_is_lost_and_sent_again_arrives_whole() {
    assert_whole(begin(First::Lost));
}

/// R16, as it was reported: what overtook the first packet is lost on the way to the receiver, who asks for it.
#[test]
fn what_overtook_the_first_packet_can_be_sent_again() {
    for nth in 1..=PARTS {
        let mut net = Net::new();
        let a = net.join(1, &[Source::Camera], 1);
        let camera = net.client(a).ups.get_mut(&Source::Camera).unwrap();
        (camera.parts, camera.first) = (PARTS, First::After(3));
        net.until("a is in", Net::all_connected);
        net.run(Duration::from_secs(2));
        let b = net.join(2, &[], 1);
        net.until("b is in", Net::all_connected);
        net.lose_nth_media(b, nth);
        net.run(Duration::from_secs(2));
        let mid = net.mid(b, a, Source::Camera).unwrap();
        let mut packets = net.client(b).received.remove(&mid).unwrap();
        packets.sort_by_key(|packet| packet.seq_no);
        assert!(packets.len() > 100);
        assert_continuous(&packets);
        // The very first has nothing before it that would show that it is missing.
        let first = if nth == 1 { 1_001 } else { 1_000 };
        assert_eq!(*packets[0].seq_no, first);
    }
}

/// A receiver that began with the slices would never get what they need to be decoded.
#[test]
fn parameters_of_h264_that_the_slices_of_their_picture_overtook_come_before_them() {
    for first in [
        First::InOrder,
        First::After(1),
        First::After(2),
        First::Lost,
    ] {
        let mut net = Net::new();
        let codecs = [Codec::Vp8, Codec::H264];
        let a = net.join_taking(1, &[Source::Camera], 1, &codecs);
        let camera = net.client(a).ups.get_mut(&Source::Camera).unwrap();
        camera.maker = Some((Codec::H264, Box::new(H264 { rids: 1 })));
        camera.first = first;
        net.until("a is in", Net::all_connected);
        net.run(Duration::from_secs(2));
        let b = net.join_taking(2, &[], 1, &codecs);
        net.until("b sees a", |net| {
            net.mid(b, a, Source::Camera)
                .is_some_and(|mid| net.has(b, &mid))
        });
        net.run(Duration::from_secs(1));
        let mid = net.mid(b, a, Source::Camera).unwrap();
        let packets = net.client(b).received.remove(&mid).unwrap();
        let kinds: Vec<u8> = packets.iter().map(|packet| packet.payload[0]).collect();
        assert_eq!(kinds[..3], [0x78, 0x7c, 0x7c], "{first:?}");
        assert_eq!(packets[1].payload[1], 0x85, "{first:?}");
        assert!(packets.len() > 40, "{first:?}");
        assert_continuous(&packets);
        let camera = &net.client(a).ups[&Source::Camera];
        assert_eq!(camera.key_frame_requests, 1, "{first:?}");
    }
}
