//! The whole path in virtual time: join, ICE, DTLS, SRTP, slots, forwarding.

use std::time::Duration;

use signalling::Source;

use crate::client::assert_continuous;
use crate::net::Net;

#[test]
fn two_peers_hear_and_see_each_other() {
    let mut net = Net::new();
    let a = net.join(1, &[Source::Mic, Source::Camera], 4);
    let b = net.join(2, &[Source::Mic, Source::Camera], 4);
    net.until("both connected", Net::all_connected);
    net.run(Duration::from_secs(5));
    for (to, from) in [(a, b), (b, a)] {
        let sound = net.mid(to, from, Source::Mic).unwrap();
        let picture = net.mid(to, from, Source::Camera).unwrap();
        let client = net.client(to);
        let (sound, picture) = (client.packets(&sound), client.packets(&picture));
        assert!(sound.len() > 200, "{} sound packets", sound.len());
        assert!(picture.len() > 200, "{} video packets", picture.len());
        assert_continuous(sound);
        assert_continuous(picture);
        assert_eq!(picture[0].payload[6] & 1, 0, "starts with a key frame");
        assert!(sound[0].header.ext_vals.audio_level.is_some());
    }
}
