//! H.264 payloads: where a decoder can begin, against a plainer reading of the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use signalling::sfu::h264;

/// Whether a NAL unit of a kind begins a picture, by its kind and the first bit of its body.
fn begins(kind: u8, body: Option<u8>) -> bool {
    kind == 7 || kind == 5 && body.is_some_and(|body| body >= 0x80)
}

fn plainly(payload: &[u8]) -> bool {
    let at = |index: usize| payload.get(index).copied();
    let Some(head) = at(0) else { return false };
    match head % 32 {
        24 => {
            let mut start = 1;
            while let (Some(high), Some(low)) = (at(start), at(start + 1)) {
                let len = usize::from(high) * 256 + usize::from(low);
                start += 2;
                if start + len > payload.len() {
                    return false;
                }
                if len > 0 && begins(payload[start] % 32, at(start + 1).filter(|_| len > 1)) {
                    return true;
                }
                start += len;
            }
            false
        }
        28 => at(1).is_some_and(|head| head >= 0x80 && begins(head % 32, at(2))),
        kind => begins(kind, at(1)),
    }
}

fuzz_target!(|payload: &[u8]| {
    assert_eq!(h264::is_key_frame(payload), plainly(payload));
});
