//! VP8 payload descriptors: read, and written with other numbers.
#![no_main]

use libfuzzer_sys::fuzz_target;
use signalling::sfu::vp8;

fuzz_target!(|input: (u16, u8, &[u8])| {
    let (id, tl0, payload) = input;
    let mut written = payload.to_vec();
    vp8::renumber(&mut written, Some(id), Some(tl0));
    assert_eq!(written.len(), payload.len());
    let Some(before) = vp8::parse(payload) else {
        return;
    };
    let after = vp8::parse(&written).expect("readable as before");
    let mask = |wide| if wide { 0x7fff } else { 0x7f };
    let numbers = (
        before.picture_id.map(|(_, wide)| (id & mask(wide), wide)),
        before.tl0_pic_idx.map(|_| tl0),
    );
    assert_eq!((after.picture_id, after.tl0_pic_idx), numbers);
    assert_eq!(
        (after.key_frame, after.width),
        (before.key_frame, before.width)
    );
    // Nothing but the numbers has changed.
    vp8::renumber(
        &mut written,
        before.picture_id.map(|(id, _)| id),
        before.tl0_pic_idx,
    );
    assert_eq!(written, payload);
});
