//! The whole path in virtual time: join, ICE, DTLS, SRTP, slots, forwarding.

use std::time::{Duration, SystemTime};

use signalling::Source;

use crate::client::{assert_continuous, made_at};
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

#[test]
fn sender_reports_keep_sound_and_picture_together_though_pictures_take_longer() {
    let mut net = Net::new();
    net.slow_above = Some(200);
    let a = net.join(1, &[Source::Mic, Source::Camera], 1);
    net.client(a).ups.get_mut(&Source::Camera).unwrap().size = 200;
    let b = net.join(2, &[], 1);
    net.until("connected", Net::all_connected);
    net.run(Duration::from_secs(20));
    // Where each stream's report puts a packet on the wall clock, less when it was made.
    let mut offset = |source: Source, rate: i64| {
        let mid = net.mid(b, a, source).unwrap();
        let client = net.client(b);
        let (wall, time) = client.reports[&mid];
        let packet = client.packets(&mid).last().unwrap();
        let ticks = i64::from(packet.header.timestamp.wrapping_sub(time) as i32);
        let wall = wall
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap()
            .as_millis() as i64;
        wall + ticks * 1_000 / rate - made_at(packet, source.is_audio()) as i64
    };
    let apart = offset(Source::Mic, 48_000) - offset(Source::Camera, 90_000);
    assert!(apart.abs() <= 3, "{apart} ms apart");
}
