//! Long lessons and many of them, in virtual time.

use std::time::Duration;

use signalling::sfu::Sfu;
use signalling::sfu::peer::{Candidates, Engine};
use signalling::{PeerKey, Source, View};
use str0m::rtp::RtpPacket;

use crate::client::{assert_continuous, made_at};
use crate::net::Net;

const HOURS: u64 = 4;
const MINUTE: Duration = Duration::from_secs(60);

/// What a receiver got, looked at and forgotten every minute.
#[derive(Default)]
struct Looked {
    last: Option<RtpPacket>,
    count: usize,
    /// How often the sequence numbers began anew.
    wraps: usize,
}

impl Looked {
    fn at(&mut self, packets: Vec<RtpPacket>) {
        let packets: Vec<RtpPacket> = self.last.take().into_iter().chain(packets).collect();
        assert_continuous(&packets);
        for pair in packets.windows(2) {
            let [before, after] = [&pair[0], &pair[1]].map(|packet| packet.header.sequence_number);
            self.wraps += usize::from(after < before);
            self.count += 1;
        }
        self.last = packets.into_iter().next_back();
    }
}

/// Four hours of sound in packets of 60 ms and of five pictures a second: sequence numbers begin anew two and three times,
/// on both legs, and RTP times once, as the client's begin close before that.
#[test]
fn a_lesson_of_four_hours_goes_over_every_wrap_and_is_joined_and_unmuted_after_it() {
    let mut net = Net::new();
    let a = net.join(1, &[Source::Mic, Source::Camera], 1);
    let b = net.join(2, &[Source::Mic], 1);
    for (key, source, every) in [
        (a, Source::Mic, 60),
        (a, Source::Camera, 200),
        (b, Source::Mic, 60),
    ] {
        let up = net.client(key).ups.get_mut(&source).unwrap();
        up.every = Duration::from_millis(every);
    }
    let small = View {
        peer: a,
        source: Source::Camera,
        width: 300,
        pinned: false,
    };
    net.sfu.view(net.now, b, vec![small]);
    net.until("b sees a", |net| {
        net.mid(b, a, Source::Camera)
            .is_some_and(|mid| net.has(b, &mid))
    });
    net.sfu.set_muted(net.now, b, Source::Mic, true);
    net.step = Duration::from_millis(20);
    let mids = [Source::Camera, Source::Mic].map(|source| net.mid(b, a, source).unwrap());
    let mut looked = mids.map(|mid| (mid, Looked::default()));
    for _ in 0..HOURS * 60 {
        net.run(MINUTE);
        for (mid, looked) in &mut looked {
            looked.at(net.client(b).received.remove(mid).unwrap());
        }
        net.events.clear();
    }
    let [(_, picture), (_, sound)] = looked;
    assert!(picture.count >= 140_000, "{} packets", picture.count);
    assert_eq!(picture.wraps, 2);
    assert!(sound.count >= 235_000, "{} packets", sound.count);
    assert_eq!(sound.wraps, 3);

    let c = net.join(3, &[], 1);
    net.until("one who comes after the wraps sees and hears a", |net| {
        [Source::Mic, Source::Camera]
            .iter()
            .all(|source| net.mid(c, a, *source).is_some_and(|mid| net.has(c, &mid)))
    });
    net.sfu.set_muted(net.now, b, Source::Mic, false);
    let unmuted = net.now;
    let heard = |net: &Net| -> Vec<u64> {
        let Some(mid) = net.mid(a, b, Source::Mic) else {
            return Vec::new();
        };
        let packets = net.clients[&a].packets(&mid).iter();
        let fresh = packets.filter(|packet| packet.timestamp > unmuted);
        fresh.map(|packet| made_at(packet, true)).collect()
    };
    net.until("a hears b after a long silence", |net| {
        heard(net).len() > 20
    });
    let old = HOURS * 3_600_000;
    assert!(heard(&net)[0] >= old, "old sound: {:?}", heard(&net));
}

#[test]
fn a_thousand_who_come_and_go_leave_nothing_behind() {
    let mut net = Net::new();
    let stay = net.join(1, &[Source::Mic, Source::Camera], 2);
    net.until("the first is in", Net::all_connected);
    let mut size = None;
    for nth in 0..1_000 {
        let key = 2 + nth % 200;
        let guest = net.join(key, &[Source::Mic], 2);
        net.until("the guest sees", |net| {
            net.mid(guest, stay, Source::Camera)
                .is_some_and(|mid| net.has(guest, &mid))
        });
        net.sfu.leave(net.now, guest);
        net.clients.remove(&guest);
        net.collect();
        if nth == 100 {
            size = Some(format!("{:?}", net.sfu).len());
        }
    }
    // Everything that the SFU holds is in its debug form.
    let (before, after) = (size.unwrap(), format!("{:?}", net.sfu).len());
    assert!(after < before + before / 10, "{before} grew to {after}");
    net.sfu.leave(net.now, PeerKey(1));
    net.collect();
    assert_eq!((net.sfu.stats().peers, net.sfu.stats().rooms), (0, 0));
    let candidates = Candidates {
        udp: vec![net.sfu_addr],
        tcp: Vec::new(),
    };
    let empty = Sfu::new(Engine::new(candidates).unwrap());
    let held = |sfu: &Sfu| format!("{sfu:?}").matches("PeerKey").count();
    assert_eq!(held(&net.sfu), held(&empty));
}
