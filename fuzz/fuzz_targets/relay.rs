//! The TURN server: messages and ChannelData from two clients, of which some know a password.
//!
//! Of a part's five bits the first says whether it comes from the second client, the second whether the media plane sends
//! it back to that client instead, the third whether it is signed, and the last two how much time passes before it.
#![no_main]

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use fuzz::parts;
use libfuzzer_sys::fuzz_target;
use signalling::relay::{Credentials, Moment, Outcome, Relay, Secret};
use signalling::sfu::path::is_relayed;
use turn_types::message::ALLOCATE;
use turn_types::stun::attribute::{
    Attribute, AttributeStaticType, Fingerprint, MessageIntegrity, MessageIntegritySha256, Nonce,
    Realm, Username,
};
use turn_types::stun::message::{
    IntegrityAlgorithm, LongTermKeyCredentials, Message, MessageWrite, MessageWriteExt,
    MessageWriteVec,
};

const PARTS_MAX: usize = 64;
const UNIX: u64 = 1_800_000_000;
const REALM: &str = "parta";
const MEDIA: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), 5_000);
/// Longer than a permission lives, and than an allocation.
const GAPS_S: [u64; 4] = [0, 1, 301, 601];

fn client(how: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1 + (how >> 4)], 7_000))
}

/// Asks without a password. Returns the nonce.
fn greet(relay: &mut Relay, at: Moment, client: SocketAddr) -> String {
    let bare = Message::builder_request(ALLOCATE, MessageWriteVec::new()).finish();
    let Outcome::Answer(answer) = relay.receive(at, client, &bare) else {
        panic!("no answer");
    };
    let answer = Message::from_bytes(&answer).expect("a message");
    let nonce = answer.attribute::<Nonce>().expect("a nonce");
    nonce.nonce().to_owned()
}

/// The message as one writes it who has the credentials; `None` when it is none.
fn sign(bytes: &[u8], given: &Credentials, nonce: &str) -> Option<Vec<u8>> {
    let message = Message::from_bytes(bytes).ok()?;
    let (kind, transaction) = (message.get_type(), message.transaction_id());
    let mut signed = Message::builder(kind, transaction, MessageWriteVec::new());
    let ours = [
        Username::TYPE,
        Realm::TYPE,
        Nonce::TYPE,
        MessageIntegrity::TYPE,
        MessageIntegritySha256::TYPE,
        Fingerprint::TYPE,
    ];
    for (_, attribute) in message.iter_attributes() {
        if !ours.contains(&attribute.get_type()) {
            signed.add_attribute(&attribute).ok()?;
        }
    }
    signed
        .add_attribute(&Username::new(&given.username).ok()?)
        .ok()?;
    signed.add_attribute(&Realm::new(REALM).ok()?).ok()?;
    signed.add_attribute(&Nonce::new(nonce).ok()?).ok()?;
    let (name, password) = (given.username.clone(), given.password.clone());
    let key = LongTermKeyCredentials::new(name, password, REALM.to_owned()).into();
    signed
        .add_message_integrity(&key, IntegrityAlgorithm::Sha1)
        .ok()?;
    Some(signed.finish())
}

fuzz_target!(|data: &[u8]| {
    let secret = Secret::new(&[7; 32]);
    let given = ["anna", "boris"].map(|person| secret.credentials(UNIX, person));
    let mut relay = Relay::new(secret, vec![MEDIA]);
    let mut at = Moment {
        now: Instant::now(),
        unix: UNIX,
    };
    let mut has_proved = [false; 2];
    for (how, bytes) in parts(data).take(PARTS_MAX) {
        let gap = GAPS_S[usize::from(how & 3)];
        at.now += Duration::from_secs(gap);
        at.unix += gap;
        let (from, who) = (client(how), usize::from(how >> 4));
        if how & 8 != 0 {
            if let Some((to, wrapped)) = relay
                .relayed(from)
                .and_then(|relayed| relay.wrap(at.now, relayed, None, bytes))
            {
                assert!(to == from && wrapped.len() > bytes.len());
            }
            continue;
        }
        let mut signed = None;
        if how & 4 != 0 {
            let nonce = greet(&mut relay, at, from);
            signed = sign(bytes, &given[who], &nonce);
        }
        has_proved[who] |= signed.is_some();
        match relay.receive(at, from, signed.as_deref().unwrap_or(bytes)) {
            Outcome::Dropped => {}
            Outcome::Answer(answer) => {
                assert!(
                    Message::from_bytes(&answer).is_ok(),
                    "an answer that nobody can read"
                );
            }
            Outcome::Datagram {
                from: relayed,
                bytes: datagram,
                ..
            } => {
                assert!(has_proved[who], "a stranger's datagram was taken");
                assert!(is_relayed(relayed.ip()) && relay.relayed(from) == Some(relayed));
                assert!(datagram.len() < bytes.len());
            }
        }
        assert!(has_proved[who] || relay.relayed(from).is_none());
    }
});
