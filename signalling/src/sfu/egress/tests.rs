use std::collections::BTreeMap;
use std::sync::Arc;

use rtcp_types::prelude::*;
use rtcp_types::{Nack, TransportFeedback};

use super::header::{ExtensionIds, Extras};
use super::srtp::{Keying, Profile, contexts};
use super::*;
use crate::sfu::codec::Codec;
use crate::sfu::payload::Payload;
use crate::sfu::rewrite::Outgoing;

const SSRC: u32 = 11;
const RTX: u32 = 12;

/// An egress with one video slot, and the receiver's end of its connection.
fn connected(start: Instant) -> (Egress, Sealer) {
    let mut egress = Egress::new(start, "test".to_owned());
    egress.add(SlotSpec {
        ssrc: SSRC,
        rtx: Some(RTX),
        formats: Formats::Pictures(std::array::from_fn(|nth| {
            (nth == Codec::Vp8 as usize).then_some(Format {
                payload_type: 96,
                resend: Some(97),
            })
        })),
        ids: ExtensionIds::default(),
        rate: 90_000,
        paced: true,
    });
    let keying = |client| Keying {
        profile: Profile::Aes128Gcm,
        material: (0..56).collect(),
        client,
    };
    assert!(egress.set_keys(&keying(false)));
    let (receiver, _) = contexts(&keying(true)).unwrap();
    (egress, receiver)
}

fn picture(seq: u64, time: u32, start: Instant) -> Write {
    Write {
        numbers: Outgoing {
            seq,
            time,
            picture_id: None,
            tl0_pic_idx: None,
        },
        marker: false,
        payload: Payload::from(Arc::from(vec![0x10; 1_000])),
        codec: Some(Codec::Vp8),
        descriptor: None,
        extras: Extras::default(),
        captured: start,
    }
}

/// Lets time pass. Returns the datagrams of each stream: sequence number and RTP time.
fn run(egress: &mut Egress, from: Instant, time: Duration) -> BTreeMap<u32, Vec<(u16, u32)>> {
    let mut sent: BTreeMap<u32, Vec<(u16, u32)>> = BTreeMap::new();
    let mut now = from;
    while now <= from + time {
        egress.pump(now);
        while let Some(run) = egress.poll_run() {
            for datagram in run.datagrams().filter(|datagram| datagram[1] & 0x7f < 98) {
                let word = |at: usize| u32::from_be_bytes(datagram[at..at + 4].try_into().unwrap());
                let seq = u16::from_be_bytes([datagram[2], datagram[3]]);
                sent.entry(word(8)).or_default().push((seq, word(4)));
            }
        }
        now = egress.next(now).max(now + Duration::from_millis(1));
    }
    sent
}

fn nack(receiver: &mut Sealer, missing: impl Iterator<Item = u16>) -> Vec<u8> {
    let nack = missing.fold(Nack::builder(), |nack, seq| nack.add_rtp_sequence(seq));
    let feedback = TransportFeedback::builder(&nack)
        .sender_ssrc(1)
        .media_ssrc(SSRC);
    let mut bytes = vec![0; feedback.calculate_size().unwrap()];
    feedback.write_into(&mut bytes).unwrap();
    receiver.rtcp(bytes).unwrap()
}

#[test]
fn before_the_handshake_nothing_is_due_soon() {
    let start = Instant::now();
    let mut egress = Egress::new(start, "test".to_owned());
    let now = start + Duration::from_secs(30);
    egress.pump(now);
    assert!(egress.next(now) > now + Duration::from_millis(100));
}

#[test]
fn the_first_request_for_a_packet_is_answered_at_once_and_a_repeated_one_after_a_while() {
    let start = Instant::now();
    let (mut egress, mut receiver) = connected(start);
    egress.write(start, 0, picture(100, 0, start));
    run(&mut egress, start, Duration::ZERO);
    let now = start + Duration::from_millis(1);
    for expected in [1, 0] {
        egress.rtcp(now, &nack(&mut receiver, 100..=100));
        let sent = run(&mut egress, now, Duration::ZERO);
        assert_eq!(sent.get(&RTX).map_or(0, Vec::len), expected);
    }
    let later = now + Duration::from_millis(20);
    egress.rtcp(later, &nack(&mut receiver, 100..=100));
    assert_eq!(run(&mut egress, later, Duration::ZERO)[&RTX].len(), 1);
}

#[test]
fn who_asks_for_everything_again_and_again_gets_ten_copies_at_most() {
    let start = Instant::now();
    let (mut egress, mut receiver) = connected(start);
    for seq in 0..200 {
        egress.write(start, 0, picture(1_000 + seq, 0, start));
    }
    let sent = run(&mut egress, start, Duration::from_secs(5));
    assert_eq!(sent[&SSRC].len(), 200);
    let mut copies = 0;
    for round in 0..2_000 {
        let now = start + Duration::from_secs(6) + Duration::from_millis(20) * round;
        let taken = egress.rtcp(now, &nack(&mut receiver, 1_000..1_200));
        assert!(matches!(taken, Taken::Yes { others: false, .. }));
        let again = run(&mut egress, now, Duration::ZERO);
        copies += again.get(&RTX).map_or(0, Vec::len);
    }
    assert!((1_000..=2_000).contains(&copies), "{copies} copies");
}

#[test]
fn a_frame_that_has_begun_is_finished_when_the_link_is_too_slow_for_what_follows() {
    let start = Instant::now();
    let (mut egress, _) = connected(start);
    for seq in 0..900 {
        egress.write(start, 0, picture(1_000 + seq, 5_000, start));
    }
    let mut sent = run(&mut egress, start, QUEUE_MAX / 2);
    let later = start + QUEUE_MAX + Duration::from_millis(1);
    egress.write(later, 0, picture(1_900, 8_000, later));
    assert!(egress.is_congested(later));
    egress.drop_queued(0);
    for (ssrc, more) in run(&mut egress, later, Duration::from_secs(20)) {
        sent.entry(ssrc).or_default().extend(more);
    }
    assert_eq!(sent[&SSRC].len(), 900);
    assert!(sent[&SSRC].iter().all(|(_, time)| *time == 5_000));
}

#[test]
fn no_number_is_sealed_twice() {
    let start = Instant::now();
    let (mut egress, _) = connected(start);
    for seq in [70_000, 70_002, 70_001, 70_002, 70_001, 69_000, 70_003] {
        egress.write(start, 0, picture(seq, 0, start));
    }
    let sent = run(&mut egress, start, Duration::from_secs(1));
    let numbers: Vec<u64> = sent[&SSRC]
        .iter()
        .map(|(seq, _)| u64::from(*seq) + 65_536)
        .collect();
    assert_eq!(numbers, [70_000, 70_002, 70_001, 70_003]);
}

/// R5 (str0m#633): a description of a source that a single byte ends, before the request that counts.
#[test]
fn a_request_behind_an_odd_description_is_taken() {
    let start = Instant::now();
    let (mut egress, mut receiver) = connected(start);
    let mut plain = vec![0x80, 201, 0, 1, 0xa5, 0x30, 0xda, 0x33];
    plain.extend([0x81, 202, 0, 4, 0xa5, 0x30, 0xda, 0x33, 1, 9]);
    plain.extend(b"sfu-video\0");
    plain.extend([0x81, 206, 0, 2, 0, 0, 0, 1]);
    plain.extend(SSRC.to_be_bytes());
    let sealed = receiver.rtcp(plain).unwrap();
    let taken = egress.rtcp(start, &sealed);
    assert!(
        matches!(taken, Taken::Yes { others: true, .. }),
        "{taken:?}"
    );
    assert_eq!(egress.poll_news(), Some(News::KeyFrameWanted(0)));
}
