//! RTP and RTCP with the keys of a connected participant, in any shape, while another one is there to be sent it.
//!
//! Of a part's five bits the first says whether it is RTCP, the second whether the head is the part's own or a likely one,
//! the third of which of two streams a likely head is, the fourth whether it names its m-line, and the last how much time
//! passes before it.
#![no_main]

use std::time::{Duration, Instant};

use fuzz::{Talk, contain_engine, drain, parts, wait, with_sfu};
use libfuzzer_sys::fuzz_target;
use signalling::PeerKey;
use signalling::sfu::egress::srtp::Sealer;

const PARTS_MAX: usize = 64;
const GAPS: [Duration; 2] = [Duration::ZERO, Duration::from_millis(40)];
/// Bytes of an RTP header without anything optional.
const HEAD: usize = 12;

/// Bytes of the header that an RTP packet begins with, as far as it has one.
fn head(packet: &[u8]) -> Option<usize> {
    let first = *packet.first()?;
    let mut head = HEAD + 4 * usize::from(first & 15);
    if first & 16 != 0 {
        let words = packet.get(head + 2..head + 4)?;
        head += 4 + 4 * usize::from(u16::from_be_bytes([words[0], words[1]]));
    }
    (head <= packet.len()).then_some(head)
}

fn rtp(sealer: &Sealer, mut packet: Vec<u8>) -> Option<Vec<u8>> {
    let first = packet.first_mut()?;
    *first = *first & 0x3f | 0x80;
    let head = head(&packet)?;
    let ssrc = u32::from_be_bytes(packet[8..12].try_into().ok()?);
    let index = u16::from_be_bytes([packet[2], packet[3]]).into();
    sealer.rtp(&mut packet, 0, head, ssrc, index).ok()?;
    Some(packet)
}

fuzz_target!(init: contain_engine(), |data: &[u8]| {
    with_sfu(|sfu| {
        let mut now = Instant::now();
        let mut talk = Talk::connect(sfu, &mut now);
        let mut seq = 100u16;
        for (how, bytes) in parts(data).take(PARTS_MAX) {
            let until = now + GAPS[usize::from(how & 1)];
            wait(sfu, &mut now, until);
            let sealed = if how & 16 != 0 {
                talk.sealer.rtcp(bytes.to_vec()).ok()
            } else {
                let mut packet = if how & 8 != 0 {
                    Vec::new()
                } else {
                    seq = seq.wrapping_add(1);
                    talk.head(how & 4 != 0, how & 2 != 0, seq)
                };
                packet.extend(bytes);
                rtp(&talk.sealer, packet)
            };
            if let Some(sealed) = sealed {
                sfu.datagram(now, talk.path, &sealed);
                sfu.flush(now);
                drain(sfu, |_| false);
            }
        }
        for peer in [PeerKey(1), PeerKey(2)] {
            sfu.leave(now, peer);
        }
        drain(sfu, |_| false);
        assert_eq!((sfu.stats().peers, sfu.stats().rooms), (0, 0));
    });
});
