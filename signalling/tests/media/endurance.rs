//! Long lessons and many of them, in virtual time.

use std::time::Duration;

use signalling::sfu::Sfu;
use signalling::sfu::peer::{Candidates, Engine};
use signalling::{PeerKey, Source};

use crate::client::{assert_continuous, made_at};
use crate::net::Net;

/// 70,000 packets are more than 16 bits of sequence numbers; the clients' RTP times begin close before their wrap.
#[test]
fn a_lesson_of_70_000_packets_goes_over_every_wrap_and_is_joined_and_unmuted_after_it() {
    let mut net = Net::new();
    let a = net.join(1, &[Source::Mic, Source::Camera], 1);
    let b = net.join(2, &[Source::Mic], 1);
    net.until("b sees a", |net| {
        net.mid(b, a, Source::Camera)
            .is_some_and(|mid| net.has(b, &mid))
    });
    net.sfu.set_muted(net.now, b, Source::Mic, true);
    let picture = net.mid(b, a, Source::Camera).unwrap();
    let sound = net.mid(b, a, Source::Mic).unwrap();
    net.run(Duration::from_secs(1_450));
    for (mid, count) in [(&picture, 70_000), (&sound, 70_000)] {
        let packets = net.client(b).packets(mid);
        assert!(packets.len() >= count, "{} packets", packets.len());
        assert_continuous(packets);
    }

    let c = net.join(3, &[], 1);
    net.until("one who comes after the wrap sees and hears a", |net| {
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
    assert!(heard(&net)[0] > 1_450_000, "old sound: {:?}", heard(&net));
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
