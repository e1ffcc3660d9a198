//! A client of the relay over a connection (RFC 8656), as a browser is one where only TCP goes through.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use signalling::relay::Credentials;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use turn_types::attribute::{Data, RequestedTransport, XorPeerAddress, XorRelayedAddress};
use turn_types::message::{ALLOCATE, CREATE_PERMISSION, DATA, SEND};
use turn_types::stun::attribute::{Nonce, Realm, Username};
use turn_types::stun::message::{
    IntegrityAlgorithm, LongTermKeyCredentials, Message, MessageClass, MessageWrite,
    MessageWriteExt, MessageWriteVec, Method,
};

const HEADER: usize = 20;

pub(crate) struct Turn {
    stream: WriteHalf<DuplexStream>,
    messages: mpsc::Receiver<Vec<u8>>,
    credentials: Credentials,
    nonce: String,
    permitted: BTreeSet<IpAddr>,
    pub(crate) relayed: SocketAddr,
}

impl Turn {
    pub(crate) async fn allocate(stream: DuplexStream, credentials: &Credentials) -> Self {
        let (reader, mut stream) = tokio::io::split(stream);
        let (to, mut messages) = mpsc::channel(64);
        tokio::spawn(read(reader, to));
        let bare = Message::builder_request(ALLOCATE, MessageWriteVec::new()).finish();
        stream.write_all(&bare).await.unwrap();
        let refusal = messages.recv().await.unwrap();
        let refusal = Message::from_bytes(&refusal).unwrap();
        let nonce = refusal.attribute::<Nonce>().unwrap().nonce().to_owned();
        let mut turn = Self {
            stream,
            messages,
            credentials: credentials.clone(),
            nonce,
            permitted: BTreeSet::new(),
            relayed: SocketAddr::from(([0, 0, 0, 0], 0)),
        };
        let udp = RequestedTransport::new(RequestedTransport::UDP);
        turn.ask(ALLOCATE, |request| request.add_attribute(&udp).unwrap())
            .await;
        let answer = turn.messages.recv().await.unwrap();
        let answer = Message::from_bytes(&answer).unwrap();
        assert_eq!(answer.class(), MessageClass::Success);
        let relayed = answer.attribute::<XorRelayedAddress>().unwrap();
        turn.relayed = relayed.addr(answer.transaction_id());
        turn
    }

    async fn ask(&mut self, method: Method, add: impl FnOnce(&mut MessageWriteVec)) {
        let mut request = Message::builder_request(method, MessageWriteVec::new());
        add(&mut request);
        let Credentials { username, password } = self.credentials.clone();
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
        self.stream.write_all(&request.finish()).await.unwrap();
    }

    pub(crate) async fn send(&mut self, to: SocketAddr, bytes: &[u8]) {
        if self.permitted.insert(to.ip()) {
            self.ask(CREATE_PERMISSION, |request| add_peer(request, to))
                .await;
        }
        let mut message = Message::builder_indication(SEND, MessageWriteVec::new());
        add_peer(&mut message, to);
        message.add_attribute(&Data::new(bytes)).unwrap();
        self.stream.write_all(&message.finish()).await.unwrap();
    }

    /// The next datagram, and where it comes from.
    pub(crate) async fn recv(&mut self) -> (Vec<u8>, SocketAddr) {
        loop {
            let bytes = self.messages.recv().await.unwrap();
            let message = Message::from_bytes(&bytes).unwrap();
            if message.method() == DATA {
                let peer = message.attribute::<XorPeerAddress>().unwrap();
                let data = message.attribute::<Data<'_>>().unwrap();
                return (data.data().to_vec(), peer.addr(message.transaction_id()));
            }
            assert_eq!(message.class(), MessageClass::Success);
        }
    }
}

fn add_peer(message: &mut MessageWriteVec, peer: SocketAddr) {
    let transaction = message.transaction_id();
    message
        .add_attribute(&XorPeerAddress::new(peer, transaction))
        .unwrap();
}

// In a task of its own: a read that is given up in the middle of a message would lose its begin.
async fn read(mut stream: ReadHalf<DuplexStream>, to: mpsc::Sender<Vec<u8>>) {
    loop {
        let mut message = vec![0; HEADER];
        if stream.read_exact(&mut message).await.is_err() {
            return;
        }
        let length = usize::from(u16::from_be_bytes([message[2], message[3]]));
        message.resize(HEADER + length, 0);
        if stream.read_exact(&mut message[HEADER..]).await.is_err()
            || to.send(message).await.is_err()
        {
            return;
        }
    }
}
