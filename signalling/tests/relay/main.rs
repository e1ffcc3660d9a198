//! The TURN server in memory: what it grants, and above all what it does not.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use signalling::relay::{
    ALLOCATIONS_PER_PERSON_MAX, CREDENTIALS_S, Credentials, LIFETIME, Moment, Outcome, Relay,
    Secret,
};
use turn_types::AddressFamily;
use turn_types::attribute::{
    ChannelNumber, Data, EvenPort, Lifetime, RequestedAddressFamily, RequestedTransport,
    XorPeerAddress, XorRelayedAddress,
};
use turn_types::message::{ALLOCATE, CHANNEL_BIND, CONNECT, CREATE_PERMISSION, REFRESH, SEND};
use turn_types::stun::attribute::AttributeStaticType;
use turn_types::stun::attribute::{AttributeWrite, ErrorCode, Nonce, Realm, Software, Username};
use turn_types::stun::message::{
    IntegrityAlgorithm, LongTermKeyCredentials, Message, MessageClass, MessageWrite,
    MessageWriteExt, MessageWriteVec, Method,
};

const UNIX: u64 = 1_800_000_000;
const MEDIA: &str = "203.0.113.7:10000";
const MEDIA_6: &str = "[2001:db8::7]:10000";

struct Bench {
    relay: Relay,
    at: Moment,
    client: SocketAddr,
    given: Credentials,
    nonce: String,
}

impl Bench {
    fn new() -> Self {
        let secret = Secret::new(&[7; 32]);
        let given = secret.credentials(UNIX, "anna");
        let peers = [MEDIA, MEDIA_6, "127.0.0.1:10000"].map(addr).to_vec();
        let mut bench = Self {
            relay: Relay::new(secret, peers),
            at: Moment {
                now: Instant::now(),
                unix: UNIX,
            },
            client: addr("192.0.2.1:50000"),
            given,
            nonce: String::new(),
        };
        bench.greet();
        bench
    }

    /// Asks without a password, and keeps the nonce.
    fn greet(&mut self) {
        let bare = Message::builder_request(ALLOCATE, MessageWriteVec::new()).finish();
        let answer = self.exchange(&bare);
        assert!(
            answer.len() < 200,
            "{} bytes for {}",
            answer.len(),
            bare.len()
        );
        let answer = Message::from_bytes(&answer).unwrap();
        assert_eq!(code(&answer), 401);
        assert!(!answer.has_attribute(Software::TYPE));
        self.nonce = answer.attribute::<Nonce>().unwrap().nonce().to_owned();
    }

    fn exchange(&mut self, request: &[u8]) -> Vec<u8> {
        match self.relay.receive(self.at, self.client, request) {
            Outcome::Answer(answer) => answer,
            other @ (Outcome::Dropped | Outcome::Datagram { .. }) => panic!("{other:?}"),
        }
    }

    /// 0 for success, or the code.
    fn ask(&mut self, method: Method, make: impl Fn(&mut MessageWriteVec)) -> u16 {
        let request = self.signed(method, make);
        code(&Message::from_bytes(&self.exchange(&request)).unwrap())
    }

    fn signed(&self, method: Method, make: impl Fn(&mut MessageWriteVec)) -> Vec<u8> {
        let mut request = Message::builder_request(method, MessageWriteVec::new());
        make(&mut request);
        let Credentials { username, password } = self.given.clone();
        request
            .add_attribute(&Username::new(&username).unwrap())
            .unwrap();
        request
            .add_attribute(&Realm::new("parta").unwrap())
            .unwrap();
        request
            .add_attribute(&Nonce::new(&self.nonce).unwrap())
            .unwrap();
        let key = LongTermKeyCredentials::new(username, password, "parta".to_owned()).into();
        request
            .add_message_integrity(&key, IntegrityAlgorithm::Sha1)
            .unwrap();
        request.finish()
    }

    fn allocate(&mut self) -> u16 {
        self.ask(
            ALLOCATE,
            with(&RequestedTransport::new(RequestedTransport::UDP)),
        )
    }

    fn permit(&mut self, peer: &str) -> u16 {
        self.ask(CREATE_PERMISSION, |request| add_peer(request, addr(peer)))
    }

    fn bind(&mut self, channel: u16, peer: &str) -> u16 {
        self.ask(CHANNEL_BIND, |request| {
            request.add_attribute(&ChannelNumber::new(channel)).unwrap();
            add_peer(request, addr(peer));
        })
    }

    fn send(&mut self, peer: &str, bytes: &[u8]) -> Outcome {
        let mut message = Message::builder_indication(SEND, MessageWriteVec::new());
        add_peer(&mut message, addr(peer));
        message.add_attribute(&Data::new(bytes)).unwrap();
        self.relay.receive(self.at, self.client, &message.finish())
    }

    fn wait(&mut self, time: Duration) {
        self.at.now += time;
        self.at.unix += time.as_secs();
    }
}

fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn add_peer(message: &mut MessageWriteVec, peer: SocketAddr) {
    let transaction = message.transaction_id();
    message
        .add_attribute(&XorPeerAddress::new(peer, transaction))
        .unwrap();
}

fn with(attribute: &dyn AttributeWrite) -> impl Fn(&mut MessageWriteVec) {
    move |request| request.add_attribute(attribute).unwrap()
}

fn code(answer: &Message<'_>) -> u16 {
    match answer.class() {
        MessageClass::Success => 0,
        MessageClass::Request | MessageClass::Indication | MessageClass::Error => {
            answer.attribute::<ErrorCode>().unwrap().code()
        }
    }
}

#[test]
fn datagrams_go_to_the_media_plane_and_back_by_indication_and_by_channel() {
    let mut bench = Bench::new();
    let request = bench.signed(
        ALLOCATE,
        with(&RequestedTransport::new(RequestedTransport::UDP)),
    );
    let answer = bench.exchange(&request);
    let answer = Message::from_bytes(&answer).unwrap();
    assert_eq!(answer.attribute::<Lifetime>().unwrap().seconds(), 600);
    let relayed = answer
        .attribute::<XorRelayedAddress>()
        .unwrap()
        .addr(answer.transaction_id());
    assert_eq!(bench.relay.relayed(bench.client), Some(relayed));

    assert_eq!(bench.send(MEDIA, b"\x16early"), Outcome::Dropped);
    assert_eq!(bench.permit(MEDIA), 0);
    assert_eq!(
        bench.send(MEDIA, b"\x16dtls"),
        Outcome::Datagram {
            from: relayed,
            to: addr(MEDIA),
            bytes: b"\x16dtls".to_vec()
        }
    );
    let (client, data) = bench
        .relay
        .wrap(bench.at.now, relayed, None, b"\x16back")
        .unwrap();
    assert_eq!(client, bench.client);
    let data = Message::from_bytes(&data).unwrap();
    assert_eq!(data.attribute::<Data<'_>>().unwrap().data(), b"\x16back");
    let from = data
        .attribute::<XorPeerAddress>()
        .unwrap()
        .addr(data.transaction_id());
    assert_eq!(from, addr(MEDIA));

    assert_eq!(bench.bind(0x4001, MEDIA), 0);
    let sent = b"\x40\x01\x00\x03\x80ab";
    let (at, client) = (bench.at, bench.client);
    assert_eq!(
        bench.relay.receive(at, client, sent),
        Outcome::Datagram {
            from: relayed,
            to: addr(MEDIA),
            bytes: b"\x80ab".to_vec()
        }
    );
    let (_, wrapped) = bench.relay.wrap(at.now, relayed, None, b"\x80ab").unwrap();
    assert_eq!(wrapped, sent);
    // Another channel for the same address, and another address for the same channel.
    assert_eq!(bench.bind(0x4002, MEDIA), 400);
    assert_eq!(bench.bind(0x3fff, MEDIA), 400);
    assert_eq!(bench.bind(0x5000, MEDIA), 400);
}

#[test]
fn nothing_but_the_media_plane_is_reached() {
    let mut bench = Bench::new();
    assert_eq!(bench.allocate(), 0);
    for peer in [
        "127.0.0.1:10000",
        "127.0.0.1:5432",
        "0.0.0.0:10000",
        "169.254.169.254:80",
        "10.0.0.1:6379",
        "198.51.100.1:10000",
        "[::1]:10000",
        "[::]:10000",
        "[::ffff:127.0.0.1]:10000",
        "[::ffff:203.0.113.7]:10000",
        "[64:ff9b::7f00:1]:10000",
        "[64:ff9b::cb00:7107]:10000",
        "[fe80::1]:10000",
    ] {
        assert_eq!(bench.permit(peer), 403, "{peer}");
        assert_eq!(bench.bind(0x4000, peer), 403, "{peer}");
        assert_eq!(bench.send(peer, b"x"), Outcome::Dropped, "{peer}");
    }
    // The right machine at the wrong port.
    assert_eq!(bench.permit(MEDIA), 0);
    assert_eq!(bench.bind(0x4000, "203.0.113.7:5432"), 403);
    assert_eq!(bench.send("203.0.113.7:5432", b"x"), Outcome::Dropped);
    // One allowed address does not carry another one in.
    let both = bench.ask(CREATE_PERMISSION, |request| {
        add_peer(request, addr(MEDIA));
        add_peer(request, addr("127.0.0.1:10000"));
    });
    assert!(both == 403 || both == 400, "{both}");
    assert_eq!(bench.permit(MEDIA_6), 443);
}

#[test]
fn there_are_no_tcp_allocations_and_no_second_ports() {
    let mut bench = Bench::new();
    for transport in [6, 1, 0, 255] {
        assert_eq!(
            bench.ask(ALLOCATE, with(&RequestedTransport::new(transport))),
            442
        );
    }
    assert_eq!(bench.ask(ALLOCATE, |_| {}), 400);
    let pair = bench.ask(ALLOCATE, |request| {
        let udp = RequestedTransport::new(RequestedTransport::UDP);
        request.add_attribute(&udp).unwrap();
        request.add_attribute(&EvenPort::new(true)).unwrap();
    });
    assert_eq!(pair, 508);
    assert_eq!(bench.allocate(), 0);
    assert_eq!(
        bench.ask(CONNECT, |request| add_peer(request, addr(MEDIA))),
        400
    );
    assert_eq!(bench.allocate(), 437);
}

#[test]
fn an_ipv6_allocation_reaches_the_ipv6_address() {
    let mut bench = Bench::new();
    let six = bench.ask(ALLOCATE, |request| {
        let udp = RequestedTransport::new(RequestedTransport::UDP);
        request.add_attribute(&udp).unwrap();
        let family = RequestedAddressFamily::new(AddressFamily::IPV6);
        request.add_attribute(&family).unwrap();
    });
    assert_eq!(six, 0);
    assert_eq!(bench.permit(MEDIA_6), 0);
    assert_eq!(bench.permit(MEDIA), 443);
}

#[test]
fn without_the_right_password_nothing_is_kept() {
    let mut bench = Bench::new();
    let good = bench.given.clone();
    for bad in [
        Credentials {
            password: "guess".to_owned(),
            ..good.clone()
        },
        Credentials {
            username: format!("{}:0123456789abcdef", UNIX + 99_999),
            ..good.clone()
        },
        Credentials {
            username: "anna".to_owned(),
            ..good.clone()
        },
        Credentials {
            username: format!("{}:", u64::MAX),
            ..good.clone()
        },
    ] {
        bench.given = bad;
        assert_eq!(bench.allocate(), 401);
        assert_eq!(bench.relay.relayed(bench.client), None);
    }
    bench.given = good;
    bench.nonce = "1-2".to_owned();
    assert_eq!(bench.allocate(), 438);
    bench.greet();
    assert_eq!(bench.permit(MEDIA), 437);
    assert_eq!(bench.ask(REFRESH, |_| {}), 437);
    assert_eq!(bench.allocate(), 0);
    // Another one with a password of their own at the same connection.
    bench.given = Secret::new(&[7; 32]).credentials(UNIX, "boris");
    assert_eq!(bench.permit(MEDIA), 441);
}

#[test]
fn credentials_end_and_allocations_that_are_refreshed_go_on() {
    let mut bench = Bench::new();
    assert_eq!(bench.allocate(), 0);
    for _ in 0..=CREDENTIALS_S / 500 {
        bench.wait(Duration::from_secs(500));
        bench.greet();
        assert_eq!(bench.ask(REFRESH, with(&Lifetime::new(9_999))), 0);
    }
    assert_eq!(bench.permit(MEDIA), 0);
    assert_eq!(bench.ask(REFRESH, with(&Lifetime::new(0))), 0);
    assert_eq!(bench.relay.relayed(bench.client), None);
    // The time of the credentials is over.
    assert_eq!(bench.allocate(), 401);
}

#[test]
fn what_is_not_refreshed_ends() {
    let mut bench = Bench::new();
    assert_eq!((bench.allocate(), bench.permit(MEDIA)), (0, 0));
    let relayed = bench.relay.relayed(bench.client).unwrap();
    bench.send(MEDIA, b"\x16x");
    bench.wait(Duration::from_secs(301));
    assert_eq!(
        bench.send(MEDIA, b"\x16x"),
        Outcome::Dropped,
        "the permission"
    );
    assert_eq!(
        bench.relay.wrap(bench.at.now, relayed, None, b"\x16x"),
        None
    );
    assert_eq!(bench.permit(MEDIA), 0);
    bench.wait(LIFETIME);
    assert_eq!(bench.permit(MEDIA), 437);
}

#[test]
fn one_person_has_a_share_of_the_relay_and_no_more() {
    let mut bench = Bench::new();
    for port in 1..=ALLOCATIONS_PER_PERSON_MAX as u16 + 1 {
        bench.client = addr(&format!("192.0.2.1:{port}"));
        bench.greet();
        let full = usize::from(port) > ALLOCATIONS_PER_PERSON_MAX;
        assert_eq!(bench.allocate(), if full { 486 } else { 0 });
    }
    bench.given = Secret::new(&[7; 32]).credentials(UNIX, "boris");
    assert_eq!(bench.allocate(), 0);
    // One that goes makes room.
    let first = addr("192.0.2.1:1");
    assert!(bench.relay.close(first).is_some());
    bench.given = Secret::new(&[7; 32]).credentials(UNIX, "anna");
    bench.client = first;
    bench.greet();
    assert_eq!(bench.allocate(), 0);
}

#[test]
fn broken_messages_change_nothing() {
    let mut bench = Bench::new();
    assert_eq!((bench.allocate(), bench.permit(MEDIA)), (0, 0));
    let request = bench.signed(CREATE_PERMISSION, |request| add_peer(request, addr(MEDIA)));
    let mut seed = 1_u64;
    for round in 0..20_000_usize {
        let mut bytes = request.clone();
        bytes.truncate(round % (request.len() + 1));
        for _ in 0..round % 4 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            if let Some(at) = (seed as usize).checked_rem(bytes.len()) {
                bytes[at] = (seed >> 32) as u8;
            }
        }
        let (at, client) = (bench.at, bench.client);
        let outcome = bench.relay.receive(at, client, &bytes);
        assert!(!matches!(outcome, Outcome::Datagram { .. }), "{bytes:?}");
    }
    assert!(bench.relay.relayed(bench.client).is_some());
}
