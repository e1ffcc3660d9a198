//! A fake browser's socket. Once the browser has seen its first picture, media is counted here and goes no further:
//! the stack above would decrypt it, and on a machine that the server shares that would be measured as well. STUN,
//! DTLS and RTCP always go up.

use std::future::Future;
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::io::ReadBuf;
use tokio::net::UdpSocket;
use webrtc::runtime::{
    AsyncInterval, AsyncTcpListener, AsyncTcpStream, AsyncUdpSocket, JoinHandle, RecvMeta, Runtime,
    TokioRuntime, Transmit,
};

use super::tap::Received;
use super::wire::open;

/// Tokio, with sockets that count.
#[derive(Clone, Debug)]
pub(super) struct Sieve {
    /// Where to.
    pub(super) received: Arc<Received>,
    /// The number of the header extension that numbers all packets of the transport, when there is one.
    pub(super) transport_cc: Option<u8>,
}

#[derive(Debug)]
struct Socket {
    io: UdpSocket,
    sieve: Sieve,
}

impl Socket {
    /// Counts a packet of media; false when it is something else.
    fn counts(&self, datagram: &[u8]) -> bool {
        open(datagram, self.sieve.transport_cc).is_some_and(|packet| {
            self.sieve.received.open(packet, Instant::now());
            true
        })
    }
}

impl Runtime for Sieve {
    fn spawn(&self, future: Pin<Box<dyn Future<Output = ()> + Send>>) -> Box<dyn JoinHandle> {
        TokioRuntime.spawn(future)
    }

    fn wrap_udp_socket(&self, socket: std::net::UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        socket.set_nonblocking(true)?;
        Ok(Arc::new(Socket {
            io: UdpSocket::from_std(socket)?,
            sieve: self.clone(),
        }))
    }

    fn wrap_tcp_listener(
        &self,
        listener: std::net::TcpListener,
    ) -> io::Result<Arc<dyn AsyncTcpListener>> {
        TokioRuntime.wrap_tcp_listener(listener)
    }

    fn connect_tcp<'a>(
        &'a self,
        remote: SocketAddr,
    ) -> Pin<Box<dyn Future<Output = io::Result<Arc<dyn AsyncTcpStream>>> + Send + 'a>> {
        TokioRuntime.connect_tcp(remote)
    }

    fn resolve_host<'a>(
        &'a self,
        host: &'a str,
    ) -> Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'a>> {
        TokioRuntime.resolve_host(host)
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        TokioRuntime.sleep(duration)
    }

    fn interval(&self, period: Duration) -> Box<dyn AsyncInterval> {
        TokioRuntime.interval(period)
    }

    fn block_on(&self, future: Pin<Box<dyn Future<Output = ()> + '_>>) {
        TokioRuntime.block_on(future);
    }
}

impl AsyncUdpSocket for Socket {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.local_addr()
    }

    fn poll_send(&self, cx: &mut Context<'_>, transmit: &Transmit<'_>) -> Poll<io::Result<usize>> {
        self.io
            .poll_send_to(cx, transmit.contents, transmit.destination)
    }

    // No coalesced receiving (GRO): on the loopback it would spare the server the work that a network card or its
    // driver does for real peers.
    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let (Some(buffer), Some(meta)) = (bufs.first_mut(), meta.first_mut()) else {
            return Poll::Ready(Ok(0));
        };
        loop {
            let mut read = ReadBuf::new(buffer);
            let from = ready!(self.io.poll_recv_from(cx, &mut read))?;
            let datagram = read.filled();
            let len = datagram.len();
            if self.sieve.received.sees() && self.counts(datagram) {
                continue;
            }
            *meta = RecvMeta::default();
            (meta.addr, meta.len, meta.stride) = (from, len, len.max(1));
            return Poll::Ready(Ok(1));
        }
    }
}
