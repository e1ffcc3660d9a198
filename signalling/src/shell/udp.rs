//! The UDP socket. One that listens on `::` serves IPv4 too; only here are its addresses seen in their IPv6 form.

use std::io::{ErrorKind, Result};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket as StdSocket};

use tokio::net::UdpSocket;

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
    is_v6: bool,
}

impl Udp {
    pub(super) fn from_std(socket: StdSocket) -> Result<Self> {
        let is_v6 = socket.local_addr()?.is_ipv6();
        let socket = UdpSocket::from_std(socket)?;
        Ok(Self { socket, is_v6 })
    }

    pub(super) async fn readable(&self) {
        // An error shows at the next read.
        let _ = self.socket.readable().await;
    }

    /// Reads a datagram; `None` for an ICMP error of an earlier send.
    pub(super) fn read(&self, buffer: &mut [u8]) -> Result<Option<(usize, SocketAddr)>> {
        match self.socket.try_recv_from(buffer) {
            Ok((length, from)) => {
                let from = SocketAddr::new(from.ip().to_canonical(), from.port());
                Ok(Some((length, from)))
            }
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether the system took the datagram.
    pub(super) fn send(&self, to: SocketAddr, bytes: &[u8]) -> bool {
        let to = match to.ip() {
            IpAddr::V4(ip) if self.is_v6 => SocketAddr::new(ip.to_ipv6_mapped().into(), to.port()),
            IpAddr::V4(_) | IpAddr::V6(_) => to,
        };
        self.socket.try_send_to(bytes, to).is_ok()
    }
}
