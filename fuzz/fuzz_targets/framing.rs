//! Datagrams in a TCP stream (RFC 4571, and RFC 8656 for TURN), and the look at how a connection begins.
#![no_main]

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use libfuzzer_sys::fuzz_target;
use signalling::{Opening, Wire};

/// The next datagram. A slice never makes its reader wait.
fn next(wire: Wire, stream: &mut &[u8], datagram: &mut Vec<u8>) -> std::io::Result<()> {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(wire.read(stream, datagram)).poll(&mut context) {
        Poll::Ready(read) => read,
        Poll::Pending => panic!("a slice made its reader wait"),
    }
}

/// What was read is what is written, but for the padding.
fn read_all(wire: Wire, data: &[u8]) {
    let (mut stream, mut datagram) = (data, Vec::new());
    loop {
        let before = stream;
        if next(wire, &mut stream, &mut datagram).is_err() {
            return;
        }
        let taken = &before[..before.len() - stream.len()];
        let mut written = Vec::new();
        wire.write(&datagram, &mut written);
        assert!(!datagram.is_empty() && written.len() == taken.len());
        let padding = match wire {
            Wire::Framed => 0,
            Wire::Turn => written.len() - datagram.len(),
        };
        assert!(padding < 4);
        let whole = written.len() - padding;
        assert_eq!(written[..whole], taken[..whole]);
    }
}

fuzz_target!(|data: &[u8]| {
    let _ = Opening::of(data);
    read_all(Wire::Framed, data);
    read_all(Wire::Turn, data);
});
