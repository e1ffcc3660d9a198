//! Sound and pictures that no decoder would like, but that are packed as real ones are (RFC 7587, RFC 7741). Pure.

use bytes::{BufMut, Bytes, BytesMut};
use rand::rngs::StdRng;
use rand::{Rng, RngExt};

/// Frames a second.
pub(super) const FRAME_RATE: u32 = 30;
/// Steps of the 90 kHz clock from one frame to the next.
pub(super) const FRAME_STEP: u32 = 90_000 / FRAME_RATE;
/// Steps of the 48 kHz clock from one Opus packet to the next (20 ms).
pub(super) const SOUND_STEP: u32 = 960;
/// Longest payload of a video packet in bytes, the descriptor included.
pub(super) const PAYLOAD_BYTES: usize = 1_178;
/// A key frame comes by itself after so many frames.
const KEY_EVERY: u32 = 100;
/// A key frame is so many times as large.
const KEY_FACTOR: usize = 4;
const DESCRIPTOR_BYTES: usize = 4;

/// Makes the frames of one camera.
#[derive(Debug)]
pub(super) struct Camera {
    frame_bytes: usize,
    frames: u32,
    since_key: Option<u32>,
}

impl Camera {
    /// A camera of so many kilobits a second.
    pub(super) const fn new(kbps: u32) -> Self {
        Self {
            frame_bytes: (kbps * 1_000 / 8 / FRAME_RATE) as usize,
            frames: 0,
            since_key: None,
        }
    }

    /// The payloads of the next frame, in order, and whether it is a key frame; `asked` makes it one.
    pub(super) fn frame(&mut self, asked: bool, rng: &mut StdRng) -> (Vec<Bytes>, bool) {
        let key = asked || self.since_key.is_none_or(|since| since + 1 >= KEY_EVERY);
        self.since_key = Some(if key {
            0
        } else {
            self.since_key.unwrap_or(0) + 1
        });
        let picture = self.frames as u16 & 0x7FFF;
        self.frames = self.frames.wrapping_add(1);
        let bytes = if key {
            self.frame_bytes * KEY_FACTOR
        } else {
            self.frame_bytes
        };
        let mut body = vec![0; bytes];
        rng.fill_bytes(&mut body);
        if key {
            // RFC 6386 §9.1: key, shown, start code, 1280 × 720.
            body[..10].copy_from_slice(&[0x10, 0, 0, 0x9D, 0x01, 0x2A, 0x00, 0x05, 0xD0, 0x02]);
        } else {
            body[..3].copy_from_slice(&[0x11, 0, 0]);
        }
        let chunks = body.chunks(PAYLOAD_BYTES - DESCRIPTOR_BYTES);
        let payload = |(n, chunk): (usize, &[u8])| {
            let mut payload = BytesMut::with_capacity(DESCRIPTOR_BYTES + chunk.len());
            // Extended, start of the partition on the first; a picture id of 15 bits follows.
            payload.put_slice(&[if n == 0 { 0x90 } else { 0x80 }, 0x80]);
            payload.put_u16(0x8000 | picture);
            payload.put_slice(chunk);
            payload.freeze()
        };
        (chunks.enumerate().map(payload).collect(), key)
    }
}

/// One Opus packet: the byte that tells 20 ms of full band, then noise.
pub(super) fn opus(rng: &mut StdRng) -> Bytes {
    let mut packet = vec![0; rng.random_range(60..=120)];
    rng.fill_bytes(&mut packet);
    packet[0] = 0xFC;
    Bytes::from(packet)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::super::receive::begins_key_frame;
    use super::*;

    #[test]
    fn key_frames_come_first_on_request_and_in_time() {
        let (mut camera, mut rng) = (Camera::new(2_500), StdRng::seed_from_u64(1));
        let mut keys = Vec::new();
        let mut bytes = 0;
        for n in 0..250 {
            let (payloads, key) = camera.frame(n == 20, &mut rng);
            assert_eq!(begins_key_frame(&payloads[0]), key, "frame {n}");
            assert!(
                payloads[1..]
                    .iter()
                    .all(|payload| !begins_key_frame(payload))
            );
            assert!(
                payloads
                    .iter()
                    .all(|payload| payload.len() <= PAYLOAD_BYTES)
            );
            bytes += payloads.iter().map(Bytes::len).sum::<usize>();
            if key {
                keys.push(n);
            }
        }
        assert_eq!(keys, [0, 20, 120, 220]);
        let bits_per_second = bytes * 8 * FRAME_RATE as usize / 250;
        assert!(
            (2_400_000..2_800_000).contains(&bits_per_second),
            "{bits_per_second}"
        );
    }
}
