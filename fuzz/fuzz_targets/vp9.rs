//! VP9 payload descriptors: read, and written with other numbers.
#![no_main]

use libfuzzer_sys::fuzz_target;
use signalling::sfu::codec::{Coded, Number};
use signalling::sfu::vp9;

fuzz_target!(|input: (u16, u8, &[u8])| {
    let (id, tl0, payload) = input;
    let mut written = payload.to_vec();
    vp9::renumber(&mut written, Some(id), Some(tl0));
    assert_eq!(written.len(), payload.len());
    let Some(before) = vp9::parse(payload) else {
        return;
    };
    if let Some(spatial) = before.spatial {
        assert!(spatial.layer < 8);
        assert!(!before.key_frame || spatial.fresh && spatial.starts && spatial.layer == 0);
    }
    let number = |number: Number| Number {
        id: id & number.mask,
        ..number
    };
    let expected = Coded {
        number: before.number.map(number),
        tl0_pic_idx: before.tl0_pic_idx.map(|_| tl0),
        ..before
    };
    assert_eq!(vp9::parse(&written), Some(expected));
    // Nothing but the numbers has changed.
    vp9::renumber(
        &mut written,
        before.number.map(|number| number.id),
        before.tl0_pic_idx,
    );
    assert_eq!(written, payload);
});
