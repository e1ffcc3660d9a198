//! What the SFU allocates and what it keeps, counted by an allocator that stands in for the system's: a binary of its own,
//! since the allocator is for all that is in it.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[path = "../media/client.rs"]
#[expect(dead_code, reason = "the media tests use the rest")]
mod client;
#[path = "../media/maker.rs"]
mod maker;
#[path = "../media/net.rs"]
#[expect(dead_code, reason = "the media tests use the rest")]
mod net;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use allocation_counter::{AllocationInfo, measure};
use signalling::sfu::egress::srtp::{Keying, Profile, Sealer, contexts};
use signalling::sfu::limits::{PATHS_PER_PEER_MAX, PATHS_PROVED_MAX};
use signalling::sfu::path::Path;
use signalling::sfu::{Output, Sfu};
use signalling::{MediaStats, PeerKey, Source};

use crate::net::Net;

const STEP: Duration = Duration::from_millis(5);
const SECOND: Duration = Duration::from_secs(1);

/// A room in which one sends sound and a picture of many packets, and so many receive it.
struct Lecture {
    net: Net,
    counted: AllocationInfo,
    outputs: Vec<Output>,
}

impl Lecture {
    fn of(receivers: u64) -> Self {
        let mut net = Net::new();
        let teacher = net.join(1, &[Source::Mic, Source::Camera], 1);
        let camera = net.client(teacher).ups.get_mut(&Source::Camera).unwrap();
        (camera.parts, camera.size) = (20, 300);
        for key in 2..2 + receivers {
            net.join(key, &[], 1);
        }
        net.until("all see the teacher", |net| {
            (2..2 + receivers).all(|key| {
                let mid = net.mid(PeerKey(key), teacher, Source::Camera);
                mid.is_some_and(|mid| net.has(PeerKey(key), &mid))
            })
        });
        // Estimates have risen, histories have grown, buffers are as large as they will be.
        net.run(20 * SECOND);
        Self {
            net,
            counted: AllocationInfo::default(),
            outputs: Vec::with_capacity(1 << 16),
        }
    }

    /// Runs without delay on the way, and counts what the SFU does alone.
    fn run(&mut self, time: Duration) {
        let end = self.net.now + time;
        while self.net.now < end {
            self.net.now += STEP;
            let now = self.net.now;
            let mut arrived = Vec::new();
            for client in self.net.clients.values_mut() {
                client.tick(now);
                let from = Path::udp(client.addr);
                arrived.extend(client.out.drain(..).map(|(_, bytes)| (from, bytes)));
            }
            let (sfu, outputs) = (&mut self.net.sfu, &mut self.outputs);
            self.counted += measure(|| turn(sfu, now, &arrived, outputs));
            // What it has sent is given back as the shell does: once it is sent.
            for output in outputs.drain(..) {
                let Output::Send(to, run) = &output else {
                    continue;
                };
                let mut clients = self.net.clients.values_mut();
                if let Some(client) = clients.find(|client| client.addr == to.remote) {
                    let from = self.net.sfu_addr;
                    let datagrams = run.datagrams();
                    datagrams.for_each(|bytes| client.receive(now, from, bytes));
                }
            }
        }
    }

    /// Allocations, and packets that came and that were forwarded, in ten seconds.
    fn measured(receivers: u64) -> (u64, MediaStats) {
        let mut lecture = Self::of(receivers);
        lecture.run(5 * SECOND);
        lecture.counted = AllocationInfo::default();
        let before = lecture.net.sfu.stats();
        lecture.run(10 * SECOND);
        let after = lecture.net.sfu.stats();
        let stats = MediaStats {
            received_packets: after.received_packets - before.received_packets,
            forwarded_packets: after.forwarded_packets - before.forwarded_packets,
            ..after
        };
        (lecture.counted.count_total, stats)
    }
}

fn turn(sfu: &mut Sfu, now: Instant, arrived: &[(Path, Vec<u8>)], outputs: &mut Vec<Output>) {
    for (from, bytes) in arrived {
        sfu.datagram(now, *from, bytes);
    }
    sfu.flush(now);
    if sfu.next().is_some_and(|at| at <= now) {
        sfu.tick(now);
    }
    while let Some(output) = sfu.poll() {
        outputs.push(output);
    }
}

/// What one receiver more costs is what is done for each packet that is forwarded, and what is done for each receiver a
/// few times a second: reports, budgets, slots.
#[test]
fn a_forwarded_packet_is_not_allocated_for() {
    let (few, fewer) = Lecture::measured(5);
    let (many, more) = Lecture::measured(15);
    let forwarded = more.forwarded_packets - fewer.forwarded_packets;
    let share = (many - few) as f64 / forwarded as f64;
    eprintln!("{share:.4} allocations for each of {forwarded} forwarded packets");
    assert!(forwarded > 40_000, "{forwarded}");
    assert!(
        share < SHARE_MAX,
        "{share:.4} allocations for each forwarded packet"
    );
}

/// Of a packet that comes in, the engine makes a payload of its own, which all receivers share, and little else.
#[test]
fn a_packet_that_comes_in_costs_few_allocations() {
    let (allocations, stats) = Lecture::measured(1);
    let each = allocations as f64 / stats.received_packets as f64;
    eprintln!(
        "{each:.3} allocations for each of {} packets that came",
        stats.received_packets
    );
    assert!(
        each < COMING_MAX,
        "{each:.3} allocations for each packet that comes"
    );
}

/// Of what is allocated for a forwarded packet. The rest are reports, budgets and slots.
const SHARE_MAX: f64 = 0.2;
const COMING_MAX: f64 = 3.6;

#[test]
fn a_thousand_who_come_and_go_leave_nothing_behind() {
    const EACH: usize = 250;
    let mut net = Net::new();
    let stay = net.join(1, &[Source::Mic, Source::Camera], 2);
    net.until("the first is in", Net::all_connected);
    let mut kept = Vec::new();
    for _ in 0..4 {
        let counted = measure(|| {
            for nth in 0..EACH as u64 {
                let guest = net.join(2 + nth % 200, &[Source::Mic], 2);
                net.until("the guest sees", |net| {
                    net.mid(guest, stay, Source::Camera)
                        .is_some_and(|mid| net.has(guest, &mid))
                });
                net.sfu.leave(net.now, guest);
                net.clients.remove(&guest);
                net.collect();
                // Not the SFU's: what the test itself has noted.
                net.events.clear();
                net.client(stay).received.clear();
                net.client(stay)
                    .ups
                    .values_mut()
                    .for_each(|up| up.requested_at.clear());
            }
            net.run(2 * SECOND);
        });
        kept.push((counted.count_current, counted.bytes_current));
    }
    eprintln!("kept after each {EACH}: {kept:?}");
    // Tables that grow once, in the first round, may keep their size.
    for (count, bytes) in &kept[1..] {
        assert!(*count < EACH as i64 / 10, "{kept:?}");
        assert!(*bytes < 100_000, "{kept:?}");
    }
}

/// A participant at `address`, with keys that are not those of its connection.
fn strange_sealer() -> Sealer {
    let keying = Keying {
        profile: Profile::Aes128Gcm,
        material: (0..56).collect(),
        client: true,
    };
    contexts(&keying).unwrap().0
}

/// An SRTP packet of a stream that names its m-line by an extension with this id.
fn packet(sealer: &Sealer, id: u8, mid: &str, ssrc: u32, seq: u16) -> Vec<u8> {
    let mut bytes = vec![0x90, 111];
    bytes.extend(seq.to_be_bytes());
    bytes.extend((u32::from(seq) * 960).to_be_bytes());
    bytes.extend(ssrc.to_be_bytes());
    bytes.extend([0xbe, 0xde, 0, (1 + mid.len()).div_ceil(4) as u8]);
    bytes.push(id << 4 | (mid.len() - 1) as u8);
    bytes.extend(mid.bytes());
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    let head = bytes.len();
    bytes.extend([7; 60]);
    sealer.rtp(&mut bytes, 0, head, ssrc, seq.into()).unwrap();
    bytes
}

#[test]
fn a_flood_of_srtp_takes_no_memory() {
    const FLOOD: u32 = 50_000;
    let mut net = Net::new();
    let mut client = net.stranger(1);
    client.sending.insert(Source::Camera);
    let offer = client.offer(4, 1);
    let uri = "urn:ietf:params:rtp-hdrext:sdes:mid";
    let line = offer.sdp.lines().find(|line| line.ends_with(uri));
    let id = line.and_then(|line| line.strip_prefix("a=extmap:"));
    let id: u8 = id
        .and_then(|line| line.split_ascii_whitespace().next())
        .unwrap()
        .parse()
        .unwrap();
    let mic = offer.up.iter().find(|(source, _)| *source == Source::Mic);
    let mic = mic.unwrap().1.clone();
    let a = net.join_client(1, client, offer);
    net.until("a is in", Net::all_connected);
    net.run(SECOND);
    let (own, strange) = (net.client(a).sealer(), strange_sealer());
    let from = Path::udp(net.client(a).addr);
    let replayed = packet(&own, id, &mic, 7, 7);
    let mut flood = |what: &str, datagram: &dyn Fn(u32) -> Vec<u8>| {
        let mut kept = 0;
        for nth in 0..FLOOD {
            let bytes = datagram(nth);
            let counted = measure(|| {
                net.sfu.datagram(net.now, from, &bytes);
                net.sfu.flush(net.now);
                while let Some(output) = net.sfu.poll() {
                    drop(output);
                }
            });
            kept += counted.bytes_current;
        }
        assert!(kept < 300_000, "{what}: {kept} bytes are kept");
        eprintln!("{what}: {kept} bytes are kept");
    };
    flood("wrong keys", &|nth| {
        packet(&strange, id, &mic, 100 + nth, nth as u16)
    });
    flood("replayed", &|_| replayed.clone());
    flood("many streams", &|nth| {
        packet(&own, id, &mic, 1_000_000 + nth, 1)
    });
}

#[test]
fn paths_beyond_the_last_few_are_forgotten() {
    let mut net = Net::new();
    let a = net.join(1, &[Source::Mic], 1);
    net.until("a is in", Net::all_connected);
    net.record();
    net.run(10 * SECOND);
    let check = net.recorded_where(|bytes| bytes.starts_with(&[0, 1]));
    let from = |nth: u16| Path::udp(SocketAddr::from(([192, 0, 2, 1], 10_000 + nth)));
    let many = 10_000;
    net.sfu.datagram(net.now, from(many), &check);
    assert!(!net.sfu.knows(from(many)), "a check is one of its own path");
    let mut kept = 0;
    for nth in 0..many {
        let check = net.client(a).check_like(&check);
        let counted = measure(|| {
            net.sfu.datagram(net.now, from(nth), &check);
            net.sfu.flush(net.now);
            while let Some(output) = net.sfu.poll() {
                drop(output);
            }
        });
        kept += counted.bytes_current;
    }
    let known = (0..many).filter(|nth| net.sfu.knows(from(*nth))).count();
    assert_eq!(known, PATHS_PER_PEER_MAX);
    // Another one is taken no more, until ICE is restarted.
    let refused = net.sfu.stats().dropped_garbage;
    assert!(refused >= u64::from(many) - PATHS_PROVED_MAX as u64);
    eprintln!("paths: {kept} bytes are kept");
    assert!(kept < 1_000_000, "{kept} bytes are kept of {many} paths");
    // Pushed out of its own path, it comes back with its next check.
    let before = net.sfu.stats().received_packets;
    net.run(10 * SECOND);
    assert!(
        net.sfu.stats().received_packets > before + 200,
        "{a:?} is not heard"
    );
}
