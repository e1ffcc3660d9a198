//! The UDP socket, in the system's batches: many datagrams read in one call (`recvmmsg`, `UDP_GRO`), several to one
//! receiver sent in one (`UDP_SEGMENT`). One that listens on `::` serves IPv4 too; only here are its addresses seen in
//! their IPv6 form.

use std::io::{ErrorKind, IoSliceMut, Result};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket as StdSocket};

use quinn_udp::{RecvMeta, Transmit, UdpSocketState};
use tokio::io::Interest;
use tokio::net::UdpSocket;

use super::DATAGRAM_MAX;
use crate::sfu::egress::run::Run;

/// Reads joined into one call, each of which may hold several datagrams of one sender.
const READS: usize = 16;
/// Bytes of the socket's buffers, each way.
const BUFFER: usize = 4 * 1024 * 1024;
/// What the system joins at most.
const READ_MAX: usize = 65_535;

/// Binds; where the system has no IPv6, `0.0.0.0` in place of `::`.
pub(super) fn bind(listen: SocketAddr) -> Result<StdSocket> {
    let socket = match StdSocket::bind(listen) {
        Err(error)
            if listen.ip() == Ipv6Addr::UNSPECIFIED && error.kind() != ErrorKind::AddrInUse =>
        {
            StdSocket::bind((Ipv4Addr::UNSPECIFIED, listen.port()))?
        }
        bound => bound?,
    };
    socket.set_nonblocking(true)?;
    Ok(socket)
}

#[derive(Debug)]
pub(super) struct Udp {
    socket: UdpSocket,
    state: UdpSocketState,
    is_v6: bool,
    buffer: Vec<u8>,
}

impl Udp {
    pub(super) fn from_std(socket: StdSocket) -> Result<Self> {
        let is_v6 = socket.local_addr()?.is_ipv6();
        let state = UdpSocketState::new((&socket).into())?;
        // A key frame for a whole class is sent within a millisecond. The system may grant less, see OPERATIONS.md.
        for granted in [
            state.set_send_buffer_size((&socket).into(), BUFFER),
            state.set_recv_buffer_size((&socket).into(), BUFFER),
        ] {
            if let Err(error) = granted {
                tracing::warn!(%error, "the media socket's buffers stay as they are");
            }
        }
        let socket = UdpSocket::from_std(socket)?;
        Ok(Self {
            socket,
            state,
            is_v6,
            buffer: vec![0; READS * READ_MAX],
        })
    }

    pub(super) async fn readable(&self) {
        // An error shows at the next read.
        let _ = self.socket.readable().await;
    }

    /// Reads what one call gives. Returns whether there may be more.
    pub(super) fn read(&mut self, mut each: impl FnMut(SocketAddr, &[u8])) -> bool {
        let mut metas = [RecvMeta::default(); READS];
        let (socket, state) = (&self.socket, &self.state);
        let mut chunks = self.buffer.chunks_mut(READ_MAX);
        let mut slices: [IoSliceMut<'_>; READS] =
            std::array::from_fn(|_| IoSliceMut::new(chunks.next().unwrap_or_default()));
        let read = socket.try_io(Interest::READABLE, || {
            state.recv(socket.into(), &mut slices, &mut metas)
        });
        let count = match read {
            Ok(count) => count,
            // An ICMP error of an earlier send; nothing to read in this one.
            Err(error) => return error.kind() == ErrorKind::ConnectionRefused,
        };
        for (meta, bytes) in metas[..count].iter().zip(self.buffer.chunks(READ_MAX)) {
            let from = SocketAddr::new(meta.addr.ip().to_canonical(), meta.addr.port());
            for datagram in bytes[..meta.len].chunks(meta.stride.max(1)) {
                if datagram.len() <= DATAGRAM_MAX {
                    each(from, datagram);
                }
            }
        }
        count == READS
    }

    /// Sends datagrams to one receiver. Returns how many the system did not take.
    pub(super) fn send(&self, to: SocketAddr, run: &Run) -> u64 {
        let to = match to.ip() {
            IpAddr::V4(ip) if self.is_v6 => SocketAddr::new(ip.to_ipv6_mapped().into(), to.port()),
            IpAddr::V4(_) | IpAddr::V6(_) => to,
        };
        let at_once = self.state.max_gso_segments().max(1) * run.segment;
        let mut dropped = 0;
        for part in run.bytes.chunks(at_once) {
            if self.send_part(to, part, run.segment).is_ok() {
                continue;
            }
            let count = part.len().div_ceil(run.segment);
            // A network card that cannot divide a batch refuses one; from then on none is made.
            if count > 1 && self.state.max_gso_segments() == 1 {
                let one_by_one = part.chunks(run.segment);
                dropped += one_by_one
                    .map(|datagram| u64::from(self.send_part(to, datagram, run.segment).is_err()))
                    .sum::<u64>();
            } else {
                dropped += count as u64;
            }
        }
        dropped
    }

    fn send_part(&self, destination: SocketAddr, contents: &[u8], segment: usize) -> Result<()> {
        let transmit = Transmit {
            destination,
            ecn: None,
            contents,
            segment_size: (contents.len() > segment).then_some(segment),
            src_ip: None,
        };
        // Nobody waits until it can be written: what a full buffer refuses is lost.
        self.state.try_send((&self.socket).into(), &transmit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything that has come, once `count` datagrams are there.
    async fn receive(udp: &mut Udp, count: usize) -> Vec<Vec<u8>> {
        let mut got = Vec::new();
        while got.len() < count {
            udp.readable().await;
            while udp.read(|_, bytes| got.push(bytes.to_vec())) {}
        }
        got
    }

    #[tokio::test]
    async fn a_run_arrives_as_the_datagrams_that_it_is_made_of() {
        let local = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let sender = Udp::from_std(bind(local).unwrap()).unwrap();
        let mut receiver = Udp::from_std(bind(local).unwrap()).unwrap();
        let to = receiver.socket.local_addr().unwrap();
        let mut sent: Vec<Vec<u8>> = (0..130).map(|nth| vec![nth; 400]).collect();
        sent.push(vec![255; 7]);
        let run = Run {
            bytes: sent.concat(),
            segment: 400,
        };
        assert_eq!(sender.send(to, &run), 0);
        assert_eq!(receive(&mut receiver, sent.len()).await, sent);
    }

    #[tokio::test]
    async fn a_socket_for_both_families_names_ipv4_addresses_as_such() {
        let Ok(socket) = bind(SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0))) else {
            panic!("no socket")
        };
        let mut both = Udp::from_std(socket).unwrap();
        let port = both.socket.local_addr().unwrap().port();
        let mut four =
            Udp::from_std(bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap()).unwrap();
        let home = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        assert_eq!(four.send(home, &Run::single(vec![1])), 0);
        let mut seen = None;
        while seen.is_none() {
            both.readable().await;
            both.read(|from, _| seen = Some(from));
        }
        let from = seen.unwrap();
        assert_eq!(from, four.socket.local_addr().unwrap());
        assert_eq!(both.send(from, &Run::single(vec![2])), 0);
        assert_eq!(receive(&mut four, 1).await, [vec![2]]);
    }
}
