//! Packets of a real Chromium (156, with its fake camera) as they came in: RTP time, marker, the first bytes of the
//! payload, and the dependency descriptor.

use signalling::sfu::codec::{Coded, Spatial};
use signalling::sfu::descriptor::{self, Reader};
use signalling::sfu::{h264, vp9};

struct Recorded {
    time: u32,
    marker: bool,
    payload: Vec<u8>,
    descriptor: Option<Vec<u8>>,
}

fn bytes(hex: &str) -> Vec<u8> {
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(byte).collect()
}

fn read(text: &str) -> Vec<Recorded> {
    text.lines()
        .map(|line| {
            let parts: Vec<&str> = line.split(' ').collect();
            Recorded {
                time: parts[0].parse().unwrap(),
                marker: parts[1] == "1",
                payload: bytes(parts[2]),
                descriptor: (parts[3] != "-").then(|| bytes(parts[3])),
            }
        })
        .collect()
}

/// The layers of every whole picture: each begins and ends once, in order, and the marker is at the end of the last.
fn assert_layers(packets: &[Recorded], coded: &[Coded], layers: u8) {
    let both: Vec<(&Recorded, &Coded)> = packets.iter().zip(coded).collect();
    let pictures: Vec<_> = both.chunk_by(|a, b| a.0.time == b.0.time).collect();
    assert!(pictures.len() > 3);
    for (nth, picture) in pictures[..pictures.len() - 1].iter().enumerate() {
        let spatial = |coded: &Coded| coded.spatial.unwrap();
        let border = |of: fn(&Spatial) -> bool| -> Vec<u8> {
            let spatials = picture.iter().map(|(_, coded)| spatial(coded));
            spatials.filter(of).map(|spatial| spatial.layer).collect()
        };
        let expected: Vec<u8> = (0..layers).collect();
        assert_eq!(border(|spatial| spatial.starts), expected, "picture {nth}");
        assert_eq!(border(|spatial| spatial.ends), expected, "picture {nth}");
        let marked: Vec<bool> = picture.iter().map(|(packet, _)| packet.marker).collect();
        let last = marked.len() - 1;
        assert!(
            marked
                .iter()
                .enumerate()
                .all(|(at, marker)| *marker == (at == last))
        );
        let key = picture[0].1.key_frame;
        assert!(!picture[1..].iter().any(|(_, coded)| coded.key_frame));
        for (_, coded) in *picture {
            // In these streams no layer begins but with a key picture.
            assert_eq!(spatial(coded).fresh, key, "picture {nth}");
        }
    }
    assert!(
        coded[0].key_frame,
        "the recording begins with a key picture"
    );
    assert!(coded.iter().any(|coded| !coded.key_frame));
}

#[test]
fn layers_of_vp9() {
    let packets = read(include_str!("packets/vp9-l3t3-key.txt"));
    let coded: Vec<Coded> = packets
        .iter()
        .map(|packet| vp9::parse(&packet.payload).unwrap())
        .collect();
    assert_layers(&packets, &coded, 3);
    assert_eq!(coded[0].widths, [320, 640, 1280]);
    for pair in packets.iter().zip(&coded).collect::<Vec<_>>().windows(2) {
        let number = |coded: &Coded| coded.number.unwrap().id;
        let step = u16::from(pair[0].0.time != pair[1].0.time);
        assert_eq!(number(pair[1].1), number(pair[0].1) + step);
    }
}

#[test]
fn layers_of_av1_by_the_descriptor() {
    for (text, layers) in [
        (include_str!("packets/av1-l3t1.txt"), 3),
        (include_str!("packets/av1-l3t3-key.txt"), 3),
        (include_str!("packets/av1-l1t1.txt"), 1),
    ] {
        let packets = read(text);
        let mut reader = Reader::default();
        let coded: Vec<Coded> = packets
            .iter()
            .map(|packet| {
                let descriptor = packet.descriptor.as_ref().unwrap();
                reader.read(descriptor, packet.time).unwrap()
            })
            .collect();
        assert_layers(&packets, &coded, layers);
        if layers == 3 {
            assert_eq!(coded[0].widths, [320, 640, 1280]);
        }
        // The aggregation header says the same of where a decoder can begin.
        for (packet, coded) in packets.iter().zip(&coded) {
            assert_eq!(
                descriptor::begins_sequence(&packet.payload),
                coded.key_frame
            );
        }
    }
}

#[test]
fn key_frames_of_h264() {
    let packets = read(include_str!("packets/h264.txt"));
    let keys: Vec<usize> = (0..packets.len())
        .filter(|at| h264::is_key_frame(&packets[*at].payload))
        .collect();
    // Parameters, then the first fragment of the picture that they are for.
    assert_eq!(keys, [0, 1]);
    assert_eq!(packets[0].time, packets[1].time);
}
