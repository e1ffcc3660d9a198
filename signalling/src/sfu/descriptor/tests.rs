use proptest::prelude::*;

use super::*;

/// Writes bits, for descriptors by the text of the specification.
#[derive(Default)]
struct Writer {
    bytes: Vec<u8>,
    bits: usize,
}

impl Writer {
    fn put(&mut self, value: u32, bits: usize) -> &mut Self {
        for bit in (0..bits).rev() {
            if self.bits.is_multiple_of(8) {
                self.bytes.push(0);
            }
            let last = self.bytes.last_mut().unwrap();
            *last |= ((value >> bit & 1) as u8) << (7 - self.bits % 8);
            self.bits += 1;
        }
        self
    }
}

/// A key frame's descriptor for two spatial layers of one rate ("L2T1" in the appendix of the W3C's scalability modes):
/// templates 0 and 2 begin layers 0 and 1, templates 1 and 3 carry them on.
fn key(first: bool, frame: u16, template: u32) -> Vec<u8> {
    let mut to = Writer::default();
    to.put(1, 1)
        .put(1, 1)
        .put(template, 6)
        .put(frame.into(), 16);
    to.put(u32::from(first), 1).put(0, 4);
    if first {
        to.put(0, 6).put(1, 5);
        // Template layers: same, next spatial, same, end.
        to.put(0, 2).put(2, 2).put(0, 2).put(3, 2);
        // Indications for both targets: layer 0 is needed for both (switch), layer 1 for the second one.
        for dti in [2, 2, 2, 2, 0, 2, 0, 2] {
            to.put(dti, 2);
        }
        // Frame differences: none; 2; 1; 2 and 1.
        to.put(0, 1);
        to.put(1, 1).put(1, 4).put(0, 1);
        to.put(1, 1).put(0, 4).put(0, 1);
        to.put(1, 1).put(1, 4).put(1, 1).put(0, 4).put(0, 1);
        // Two chains: ns(3) of 2 is two bits "11"; ns(2) for each target is a bit.
        to.put(3, 2).put(0, 1).put(1, 1);
        for _ in 0..4 * 2 {
            to.put(1, 4);
        }
        to.put(1, 1);
        for size in [639, 359, 1279, 719] {
            to.put(size, 16);
        }
    }
    to.bytes
}

fn plain(template: u8, frame: u16) -> Vec<u8> {
    let [high, low] = frame.to_be_bytes();
    vec![0xc0 | template, high, low]
}

#[test]
fn reads_the_layers_of_a_stream_from_its_key_frame_on() {
    let mut reader = Reader::default();
    let before = reader.read(&plain(1, 9), 0).unwrap();
    assert_eq!((before.number.unwrap().id, before.spatial), (9, None));
    let low = reader.read(&key(true, 10, 0), 1_000).unwrap();
    assert!(low.key_frame);
    assert_eq!(low.widths, [640, 1280, 0]);
    let spatial = low.spatial.unwrap();
    assert_eq!((spatial.layer, spatial.fresh), (0, true));
    let high = reader.read(&plain(2, 11), 1_000).unwrap();
    assert!(!high.key_frame);
    let spatial = high.spatial.unwrap();
    assert_eq!((spatial.layer, spatial.fresh), (1, true));
    for (frame, template, layer) in [(12, 1, 0), (13, 3, 1), (14, 1, 0)] {
        let time = 1_000 + 3_000 * u32::from(frame / 2);
        let spatial = reader.read(&plain(template, frame), time).unwrap().spatial;
        let spatial = spatial.unwrap();
        assert_eq!(
            (spatial.layer, spatial.fresh),
            (layer, false),
            "frame {frame}"
        );
    }
    // Layer 1 is added again by a picture of which it needs nothing but layer 0.
    let spatial = |reader: &mut Reader, template, frame| {
        let coded = reader.read(&plain(template, frame), 90_000).unwrap();
        coded.spatial.unwrap()
    };
    assert!(!spatial(&mut reader, 1, 15).fresh);
    assert!(spatial(&mut reader, 2, 16).fresh);
}

#[test]
fn a_frame_whose_picture_began_before_it_was_seen_is_not_fresh() {
    let mut reader = Reader::default();
    reader.read(&key(true, 10, 0), 1_000).unwrap();
    // Layer 0 of this picture was lost.
    let coded = reader.read(&plain(2, 21), 5_000).unwrap();
    assert!(!coded.spatial.unwrap().fresh);
}

#[test]
fn a_late_packet_does_not_bring_an_old_structure_back() {
    let mut reader = Reader::default();
    let old = key(true, 10, 0);
    reader.read(&old, 1_000).unwrap();
    let mut new = key(true, 40, 0);
    // Templates are numbered from 32 on: six bits after 24 and 5.
    new[0] = 0xc0 | 32;
    new[3] |= 0b100;
    assert!(reader.read(&new, 9_000).unwrap().key_frame);
    let known = |coded: Option<Coded>| coded.unwrap().spatial.is_some();
    assert!(known(reader.read(&plain(33, 42), 12_000)));
    reader.read(&old, 1_000);
    assert!(known(reader.read(&plain(33, 44), 15_000)));
    // One from long ago is a sender that has started again.
    assert!(reader.read(&old, 4_000_000_000).unwrap().key_frame);
    assert!(known(reader.read(&plain(1, 12), 4_000_003_000)));
}

#[test]
fn what_is_cut_short_says_no_more_than_its_number() {
    let whole = key(true, 10, 0);
    for len in 0..whole.len() {
        let read = Reader::default().read(&whole[..len], 0);
        assert_eq!(read.is_some(), len >= MANDATORY, "{len} bytes");
        assert!(read.is_none_or(|coded| !coded.key_frame && coded.spatial.is_none()));
        renumber(&mut whole.clone()[..len], 7);
    }
}

#[test]
fn a_sequence_begins_where_the_aggregation_header_says_so() {
    assert!(begins_sequence(&[0x18, 0x0a]));
    assert!(!begins_sequence(&[0x98, 0x0a]));
    assert!(!begins_sequence(&[0x10, 0x32]));
    assert!(!begins_sequence(&[0x18]));
}

proptest! {
    #[test]
    fn anything_is_read_and_only_the_number_changes(
        descriptors in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..80), any::<u32>()), 1..8), frame: u16
    ) {
        let mut reader = Reader::default();
        reader.read(&key(true, 10, 0), 0).unwrap();
        for (mut bytes, time) in descriptors {
            let before = reader.clone().read(&bytes, time);
            let mut fresh = reader.clone();
            renumber(&mut bytes, frame);
            let after = fresh.read(&bytes, time);
            if let (Some(before), Some(after)) = (before, after) {
                prop_assert_eq!(after.number.unwrap().id, frame);
                prop_assert_eq!((after.key_frame, after.widths), (before.key_frame, before.widths));
            }
            reader.read(&bytes, time);
        }
    }
}
