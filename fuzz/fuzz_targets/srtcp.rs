//! SRTCP: nothing that was not sealed with the keys opens, and nothing opens twice.
#![no_main]

use libfuzzer_sys::fuzz_target;
use signalling::sfu::egress::srtp::{Keying, Opener, Profile, contexts};

const PROFILES: [Profile; 3] = [
    Profile::Aes128CmSha1,
    Profile::Aes128Gcm,
    Profile::Aes256Gcm,
];

fn open(opener: &mut Opener, packet: &[u8]) -> Option<(Vec<u8>, bool)> {
    let mut opened = Vec::new();
    let newest = opener.rtcp(packet, &mut opened)?;
    Some((opened, newest))
}

fuzz_target!(|input: (u8, u16, &[u8])| {
    let (how, at, bytes) = input;
    let keying = |client| Keying {
        profile: PROFILES[usize::from(how) % PROFILES.len()],
        material: (0..100).collect(),
        client,
    };
    let (mut theirs, _) = contexts(&keying(true)).expect("keys");
    let (_, mut opener) = contexts(&keying(false)).expect("keys");
    assert_eq!(open(&mut opener, bytes), None);
    let Ok(sealed) = theirs.rtcp(bytes.to_vec()) else {
        assert!(bytes.len() < 8);
        return;
    };
    let mut bent = sealed.clone();
    let place = usize::from(at) % bent.len();
    bent[place] ^= 1 << (how >> 5);
    assert_eq!(open(&mut opener, &bent), None);
    assert_eq!(open(&mut opener, &sealed[..place]), None);
    assert_eq!(open(&mut opener, &sealed), Some((bytes.to_vec(), true)));
    assert_eq!(open(&mut opener, &sealed), None);
});
