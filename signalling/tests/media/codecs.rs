//! Other codecs than VP8: who gets what, and layers that are left out without a break.

use std::time::Duration;

use signalling::sfu::limits::CODEC_BETTER_AFTER;
use signalling::{Codec, MediaEvent, PeerKey, Source, View};
use str0m::format::Codec as EngineCodec;
use str0m::rtp::RtpPacket;

use crate::client::{assert_continuous, layer_of};
use crate::coded::{Av1, H264, Vp9};
use crate::maker::{Descriptor, Maker};
use crate::net::Net;

const ALL: [EngineCodec; 4] = [
    EngineCodec::Vp8,
    EngineCodec::Vp9,
    EngineCodec::Av1,
    EngineCodec::H264,
];

fn view(peer: PeerKey, source: Source, width: u32) -> View {
    View {
        peer,
        source,
        width,
        pinned: true,
    }
}

/// What a receiver was last told that it cannot decode.
fn untaken(net: &Net, receiver: PeerKey) -> Option<Vec<(PeerKey, Source)>> {
    let told = net.events.iter().rev().filter_map(|event| match event {
        MediaEvent::Untaken { peer, streams, .. } if *peer == receiver => Some(streams.clone()),
        MediaEvent::Untaken { .. }
        | MediaEvent::Slots { .. }
        | MediaEvent::Connected { .. }
        | MediaEvent::Disconnected { .. }
        | MediaEvent::Gone { .. }
        | MediaEvent::Speaking { .. }
        | MediaEvent::Layers { .. }
        | MediaEvent::Codec { .. }
        | MediaEvent::Repeat { .. }
        | MediaEvent::Quality { .. } => None,
    });
    told.into_iter().next()
}

/// In which codecs a sender was told to send its screen.
fn told(net: &Net, sender: PeerKey) -> Vec<Codec> {
    let mut told = Vec::new();
    for event in &net.events {
        if let MediaEvent::Codec {
            peer,
            source,
            codec,
            ..
        } = event
            && *peer == sender
        {
            assert_eq!(*source, Source::Screen);
            told.push(*codec);
        }
    }
    told
}

fn send(
    net: &mut Net,
    peer: PeerKey,
    source: Source,
    codec: EngineCodec,
    maker: impl Maker + 'static,
) {
    let up = net.client(peer).ups.get_mut(&source).unwrap();
    up.maker = Some((codec, Box::new(maker)));
}

fn pictures(packets: &[RtpPacket]) -> Vec<&[RtpPacket]> {
    packets
        .chunk_by(|a, b| a.header.timestamp == b.header.timestamp)
        .collect()
}

#[test]
fn a_screen_moves_to_the_best_codec_of_all_and_back_when_somebody_lacks_it() {
    let mut net = Net::new();
    let a = net.join_taking(1, &[Source::Screen], 2, &ALL);
    let b = net.join_taking(2, &[], 2, &ALL);
    net.until("connected", Net::all_connected);
    net.run(CODEC_BETTER_AFTER / 2);
    assert_eq!(told(&net, a), []);
    net.run(CODEC_BETTER_AFTER);
    assert_eq!(told(&net, a), [Codec::Av1]);
    send(
        &mut net,
        a,
        Source::Screen,
        EngineCodec::Av1,
        Av1::default(),
    );
    let mid = net.mid(b, a, Source::Screen).unwrap();
    net.run(Duration::from_secs(2));
    let av1 = net.client(b).payload_type(EngineCodec::Av1);
    let packets = net.client(b).packets(&mid);
    assert_continuous(packets);
    let last = packets.last().unwrap();
    assert_eq!(*last.header.payload_type, av1);

    let c = net.join_taking(3, &[], 2, &[EngineCodec::Vp8, EngineCodec::Vp9]);
    net.run(Duration::from_millis(200));
    assert_eq!(told(&net, a), [Codec::Av1, Codec::Vp9]);
    let d = net.join_taking(4, &[], 2, &[EngineCodec::Vp8]);
    net.run(Duration::from_millis(200));
    assert_eq!(told(&net, a), [Codec::Av1, Codec::Vp9, Codec::Vp8]);
    net.run(Duration::from_secs(1));
    // Until the sender changes, those who lack its codec get nothing, and nothing is broken for the other.
    for without in [c, d] {
        assert_eq!(net.mid(without, a, Source::Screen), None);
    }
    net.client(a).ups.get_mut(&Source::Screen).unwrap().maker = None;
    net.run(Duration::from_secs(2));
    for to in [b, c, d] {
        let mid = net.mid(to, a, Source::Screen).unwrap();
        let vp8 = net.client(to).payload_type(EngineCodec::Vp8);
        let packets = net.client(to).packets(&mid);
        assert_continuous(packets);
        assert_eq!(*packets.last().unwrap().header.payload_type, vp8);
    }

    net.sfu.leave(net.now, c);
    net.sfu.leave(net.now, d);
    net.clients.remove(&c);
    net.clients.remove(&d);
    net.run(CODEC_BETTER_AFTER + Duration::from_secs(1));
    assert_eq!(told(&net, a).last(), Some(&Codec::Av1));
}

#[test]
fn a_sender_alone_or_without_better_codecs_is_left_alone() {
    let mut net = Net::new();
    let a = net.join(1, &[Source::Screen], 1);
    let b = net.join_taking(2, &[], 1, &ALL);
    net.run(Duration::from_secs(8));
    assert_eq!((told(&net, a), told(&net, b)), (vec![], vec![]));
}

#[test]
fn a_camera_in_h264_goes_to_who_takes_it_and_its_layers_change_at_key_frames() {
    let mut net = Net::new();
    let a = net.join_taking(1, &[Source::Camera], 1, &ALL);
    send(
        &mut net,
        a,
        Source::Camera,
        EngineCodec::H264,
        H264 { rids: 3 },
    );
    let b = net.join_taking(2, &[], 1, &ALL);
    let c = net.join(3, &[], 1);
    net.sfu.view(net.now, b, vec![view(a, Source::Camera, 300)]);
    net.until("b sees a", |net| {
        net.mid(b, a, Source::Camera)
            .is_some_and(|mid| net.has(b, &mid))
    });
    let mid = net.mid(b, a, Source::Camera).unwrap();
    let mut expected = vec![0];
    for (width, layer) in [(1280, 2), (600, 1), (200, 0)] {
        net.run(Duration::from_secs(2));
        net.sfu
            .view(net.now, b, vec![view(a, Source::Camera, width)]);
        expected.push(layer);
    }
    net.run(Duration::from_secs(2));
    assert_eq!(net.mid(c, a, Source::Camera), None);
    // Who takes no H.264 is told why there is nothing, and nobody else is.
    assert_eq!(untaken(&net, b), None);
    assert_eq!(untaken(&net, c), Some(vec![(a, Source::Camera)]));
    let packets = net.client(b).packets(&mid);
    assert_continuous(packets);
    assert_eq!(packets[0].payload[0], 0x78, "begins with parameters");
    let mut seen = vec![layer_of(&packets[0])];
    for pair in packets.windows(2) {
        if layer_of(&pair[0]) != layer_of(&pair[1]) {
            seen.push(layer_of(&pair[1]));
            assert_eq!(pair[1].payload[0], 0x78, "a switch without a key frame");
        }
    }
    assert_eq!(seen, expected);
    // Also that it is so no more.
    net.client(a).ups.get_mut(&Source::Camera).unwrap().maker = None;
    net.run(Duration::from_secs(1));
    assert_eq!(untaken(&net, c), Some(vec![]));
    assert!(net.mid(c, a, Source::Camera).is_some());
}

/// What a receiver sees of a stream with three layers in it, while its tile changes.
fn watch_layers(
    codec: EngineCodec,
    maker: impl Maker + 'static,
    loss_every: Option<usize>,
) -> Vec<RtpPacket> {
    let mut net = Net::new();
    let a = net.join_taking(1, &[Source::Screen], 1, &ALL);
    send(&mut net, a, Source::Screen, codec, maker);
    let b = net.join_taking(2, &[], 1, &ALL);
    net.until("b sees a", |net| {
        net.mid(b, a, Source::Screen)
            .is_some_and(|mid| net.has(b, &mid))
    });
    let mid = net.mid(b, a, Source::Screen).unwrap();
    net.loss_every = loss_every;
    for (width, layer) in [(1280, 2), (600, 1), (200, 0), (1280, 2)] {
        net.sfu
            .view(net.now, b, vec![view(a, Source::Screen, width)]);
        net.run(Duration::from_secs(2));
        let packets = net.client(b).packets(&mid);
        let highest = packets[packets.len() - 40..].iter().map(layer_of).max();
        assert_eq!(highest, Some(layer), "at a width of {width}");
    }
    net.client(b).received.remove(&mid).unwrap()
}

/// Every picture is whole, ends with a marker, and has no layer without those below it.
fn assert_whole(packets: &[RtpPacket]) {
    assert_continuous(packets);
    let pictures = pictures(packets);
    let (last, whole) = pictures.split_last().unwrap();
    for picture in whole {
        let layers: Vec<u8> = picture.iter().map(layer_of).collect();
        let expected: Vec<u8> = (0..layers.len() as u8).map(|nth| nth / 2).collect();
        assert_eq!(layers, expected);
        let markers: Vec<bool> = picture.iter().map(|packet| packet.header.marker).collect();
        assert!(markers.last().unwrap(), "no end: {layers:?}");
        assert_eq!(markers.iter().filter(|marker| **marker).count(), 1);
    }
    assert!(last.len() <= 6);
}

#[test]
fn spatial_layers_of_vp9_are_left_out_without_a_gap_and_added_at_key_pictures() {
    let packets = watch_layers(EngineCodec::Vp9, Vp9 { picture: 32_700 }, None);
    assert_whole(&packets);
    let mut before: Option<(u16, u8)> = None;
    for picture in pictures(&packets) {
        let payload = &picture[0].payload;
        let id = u16::from_be_bytes([payload[1], payload[2]]) & 0x7fff;
        let highest = picture.iter().map(layer_of).max().unwrap();
        if let Some((last, layer)) = before {
            assert_eq!(id, (last + 1) & 0x7fff, "picture numbers run on");
            let key = payload[0] & 0x40 == 0;
            assert!(
                highest <= layer || key,
                "a layer was added without a key picture"
            );
        }
        before = Some((id, highest));
    }
}

#[test]
fn spatial_layers_of_av1_are_left_out_by_the_descriptor_whose_numbers_run_on() {
    let packets = watch_layers(EngineCodec::Av1, Av1::default(), None);
    assert_whole(&packets);
    let descriptor = |packet: &RtpPacket| {
        let values = &packet.header.ext_vals.user_values;
        values.get::<Descriptor>().unwrap().0.clone()
    };
    assert!(packets.iter().any(|packet| descriptor(packet).len() > 16));
    let number =
        |packet: &RtpPacket| u16::from_be_bytes([descriptor(packet)[1], descriptor(packet)[2]]);
    for pair in packets.windows(2) {
        let step = number(&pair[1]).wrapping_sub(number(&pair[0]));
        // Frames that were left out keep their numbers: others are told by their distance from them.
        assert!(step <= 3, "{step} frames at once");
    }
}

#[test]
fn loss_does_not_mix_layers_up() {
    for packets in [
        watch_layers(EngineCodec::Vp9, Vp9 { picture: 0 }, Some(23)),
        watch_layers(EngineCodec::Av1, Av1::default(), Some(23)),
    ] {
        let mut numbers: Vec<u64> = packets.iter().map(|packet| *packet.seq_no).collect();
        numbers.sort_unstable();
        let count = numbers.len();
        numbers.dedup();
        assert_eq!(numbers.len(), count, "a number came twice");
    }
}
