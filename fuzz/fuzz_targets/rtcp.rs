//! RTCP of a receiver that has the keys: reports, requests and transport-wide feedback, on a receiver that is being sent
//! sound and pictures. A part's five bits say how long after the one before it comes, in steps of 25 ms.
#![no_main]

use std::sync::Arc;
use std::time::{Duration, Instant};

use fuzz::parts;
use libfuzzer_sys::fuzz_target;
use signalling::sfu::codec::Codec;
use signalling::sfu::congestion::{BPS_MAX, BPS_MIN};
use signalling::sfu::egress::header::{ExtensionIds, Extras};
use signalling::sfu::egress::srtp::{Keying, Profile, Sealer, contexts};
use signalling::sfu::egress::{Egress, Format, Formats, News, SlotSpec, Taken, Write};
use signalling::sfu::payload::Payload;
use signalling::sfu::rewrite::Outgoing;

/// Fewer than senders are known at once, so that every part is taken.
const PARTS_MAX: usize = 48;
const STEP: Duration = Duration::from_millis(25);
const SLOTS: usize = 3;
/// What the highest estimate allows in one turn of the media thread, and more.
const TURN_BYTES_MAX: usize = 1 << 20;

fn keying(client: bool) -> Keying {
    Keying {
        profile: Profile::Aes128Gcm,
        material: (0..56).collect(),
        client,
    }
}

const fn format(payload_type: u8, resend: Option<u8>) -> Format {
    Format {
        payload_type,
        resend,
    }
}

/// A slot of sound that is repeated, a picture with retransmissions and one without.
fn slot(at: usize) -> SlotSpec {
    SlotSpec {
        ssrc: 1 + at as u32,
        rtx: (at == 1).then_some(9),
        formats: if at == 0 {
            Formats::Sound {
                opus: format(111, None),
                red: Some(63),
            }
        } else {
            let vp8 = format(96, (at == 1).then_some(97));
            Formats::Pictures(std::array::from_fn(|nth| (nth == 0).then_some(vp8)))
        },
        ids: ExtensionIds {
            transport_cc: (at > 0).then_some(3),
            ..ExtensionIds::default()
        },
        rate: if at == 0 { 48_000 } else { 90_000 },
        paced: at > 0,
    }
}

struct Receiver {
    egress: Egress,
    sealer: Sealer,
    now: Instant,
    payload: Payload,
    seq: u64,
}

impl Receiver {
    fn new() -> Self {
        let now = Instant::now();
        let mut egress = Egress::new(now, "fuzz".to_owned());
        (0..SLOTS).for_each(|at| egress.add(slot(at)));
        assert!(egress.set_keys(&keying(false)));
        egress.set_desired(5_000_000);
        egress.set_redundancy(2);
        Self {
            egress,
            sealer: contexts(&keying(true)).expect("keys").0,
            now,
            payload: Payload::from(Arc::from(
                [0x90, 0xe0, 0x81, 0x02, 7, 0x20, 0x10, 1].repeat(40),
            )),
            seq: 1_000,
        }
    }

    /// One packet into every slot.
    fn write(&mut self) {
        for slot in 0..SLOTS {
            let write = Write {
                numbers: Outgoing {
                    seq: self.seq,
                    time: self.seq as u32 * 3_000,
                    picture_id: Some(self.seq as u16 & 0x7fff),
                    tl0_pic_idx: Some(self.seq as u8),
                },
                marker: true,
                payload: self.payload.clone(),
                codec: (slot > 0).then_some(Codec::Vp8),
                descriptor: None,
                extras: Extras::default(),
                captured: self.now,
            };
            assert!(self.egress.write(self.now, slot, write));
        }
        self.seq += 1;
    }

    /// Wakes as often as it is asked to until then.
    fn wait(&mut self, until: Instant) {
        self.turn();
        while self.egress.next(self.now) <= until {
            let soonest = self.now + Duration::from_millis(1);
            self.now = self.egress.next(self.now).max(soonest);
            self.turn();
        }
        self.now = self.now.max(until);
    }

    fn turn(&mut self) {
        self.egress.pump(self.now);
        let mut bytes = 0;
        while let Some(run) = self.egress.poll_run() {
            for datagram in run.datagrams() {
                assert!((12..1_500).contains(&datagram.len()));
                bytes += datagram.len();
            }
        }
        assert!(bytes < TURN_BYTES_MAX, "{bytes} bytes at once");
        while let Some(news) = self.egress.poll_news() {
            match news {
                News::KeyFrameWanted(slot) => assert!(slot < SLOTS),
                News::Estimate(bps) => assert!((BPS_MIN..=BPS_MAX).contains(&bps), "{bps}"),
                News::Quality(told) => assert!(told.loss_pct.is_none_or(|loss| loss <= 100)),
            }
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let mut receiver = Receiver::new();
    for _ in 0..8 {
        receiver.write();
        receiver.wait(receiver.now + STEP);
    }
    for (how, plain) in parts(data).take(PARTS_MAX) {
        receiver.write();
        receiver.wait(receiver.now + STEP * u32::from(how));
        let Ok(sealed) = receiver.sealer.rtcp(plain.to_vec()) else {
            continue;
        };
        let taken = receiver.egress.rtcp(receiver.now, &sealed);
        assert_ne!(taken, Taken::No, "authentic feedback was refused");
    }
    receiver.wait(receiver.now + Duration::from_secs(3));
});
