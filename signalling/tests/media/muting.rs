use std::time::Duration;

use signalling::Source;

use crate::client::assert_continuous;
use crate::net::Net;

#[test]
fn a_muted_source_is_dropped_and_its_slot_emptied_without_renegotiation() {
    let mut net = Net::new();
    let a = net.join(1, &[Source::Mic, Source::Camera], 2);
    let b = net.join(2, &[], 2);
    net.until("b sees a", |net| {
        net.mid(b, a, Source::Camera)
            .is_some_and(|mid| net.has(b, &mid))
    });
    let sound = net.mid(b, a, Source::Mic).unwrap();
    let picture = net.mid(b, a, Source::Camera).unwrap();

    for source in [Source::Mic, Source::Camera] {
        net.sfu.set_muted(net.now, a, source, true);
    }
    net.collect();
    assert!(net.slots(b).iter().all(|slot| slot.stream.is_none()));
    // What was on the wire already arrives; after that, nothing although the client sends on.
    net.run(Duration::from_millis(100));
    let before = (
        net.client(b).packets(&sound).len(),
        net.client(b).packets(&picture).len(),
    );
    net.run(Duration::from_secs(3));
    let after = (
        net.client(b).packets(&sound).len(),
        net.client(b).packets(&picture).len(),
    );
    assert_eq!(before, after);

    for source in [Source::Mic, Source::Camera] {
        net.sfu.set_muted(net.now, a, source, false);
    }
    net.run(Duration::from_secs(2));
    assert_eq!(net.mid(b, a, Source::Camera).as_ref(), Some(&picture));
    let packets = net.client(b).packets(&picture);
    assert!(packets.len() > after.1 + 20);
    assert_continuous(packets);
    assert_eq!(
        packets[after.1].payload[6] & 1,
        0,
        "goes on with a key frame"
    );
    assert_continuous(net.client(b).packets(&sound));
}
