//! The remote end of a way for datagrams: how they travel, and from where.

use std::net::SocketAddr;

/// How datagrams travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// UDP.
    Udp,
    /// A TCP connection that the other end opened, with framed datagrams (RFC 6544, RFC 4571).
    Tcp,
}

/// The remote end of a way for datagrams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path {
    /// How datagrams travel.
    pub transport: Transport,
    /// Where they come from and go to.
    pub remote: SocketAddr,
}

impl Path {
    /// By UDP.
    pub const fn udp(remote: SocketAddr) -> Self {
        Self {
            transport: Transport::Udp,
            remote,
        }
    }

    /// By the TCP connection from there.
    pub const fn tcp(remote: SocketAddr) -> Self {
        Self {
            transport: Transport::Tcp,
            remote,
        }
    }
}
