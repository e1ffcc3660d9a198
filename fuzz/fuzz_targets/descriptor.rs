//! Dependency descriptors of one stream, one after the other, with the RTP time of each.
#![no_main]

use fuzz::parts;
use libfuzzer_sys::fuzz_target;
use signalling::sfu::descriptor::{self, Reader};

fuzz_target!(|data: &[u8]| {
    let mut reader = Reader::default();
    let mut time = 0u32;
    for (how, part) in parts(data) {
        // Mostly on with the picture or to the next one; sometimes back, and far away.
        time = match how & 3 {
            0 => time,
            1 | 2 => time.wrapping_add(3_000),
            _ => time.wrapping_sub(u32::from(how) << 16),
        };
        let mut twin = reader.clone();
        let Some(read) = reader.read(part, time) else {
            assert!(part.len() < 3);
            continue;
        };
        let number = read.number.expect("every descriptor has a number");
        assert_eq!(number.id.to_be_bytes(), part[1..3]);
        assert_eq!(twin.read(part, time), Some(read), "the same again");
        match read.spatial {
            Some(spatial) => assert!(!read.key_frame || spatial.starts),
            None => assert!(!read.key_frame),
        }
        // The number is where it is written, whatever else is there.
        let mut written = part.to_vec();
        descriptor::renumber(&mut written, 0xbeef);
        assert_eq!(written[1..3], [0xbe, 0xef]);
        assert_eq!((written[0], &written[3..]), (part[0], &part[3..]));
        descriptor::begins_sequence(part);
    }
});
