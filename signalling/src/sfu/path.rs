//! The remote end of a way for datagrams: how they travel, and from where.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// How datagrams travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// UDP.
    Udp,
    /// A TCP connection that the other end opened, with framed datagrams (RFC 6544, RFC 4571).
    Tcp,
    /// Through the relay: no network knows the address.
    Relay,
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

    /// As UDP or through the relay: the address tells.
    pub fn of_datagram(remote: SocketAddr) -> Self {
        let transport = if is_relayed(remote.ip()) {
            Transport::Relay
        } else {
            Transport::Udp
        };
        Self { transport, remote }
    }

    /// By the TCP connection from there.
    pub const fn tcp(remote: SocketAddr) -> Self {
        Self {
            transport: Transport::Tcp,
            remote,
        }
    }
}

/// Even, and none that needs rights.
const RELAYED_PORT: u16 = 10_000;
/// Hosts in 198.18.0.0/15.
const RELAYED_V4: u32 = 1 << 17;

/// The relay's address number `number`. Out of the ranges for benchmarks (RFC 2544 §C.2.2, RFC 5180 §8), which nobody on
/// a real network has, so that it can be mistaken for no other path.
pub fn relayed_address(number: u32, is_v6: bool) -> SocketAddr {
    let ip = if is_v6 {
        let [high, low] = [(number >> 16) as u16, number as u16];
        Ipv6Addr::new(0x2001, 2, 0, 0, 0, 0, high, low).into()
    } else {
        IpAddr::from(Ipv4Addr::from(0xc612_0000 | (number % RELAYED_V4)))
    };
    SocketAddr::new(ip, RELAYED_PORT)
}

/// Whether an address is the relay's.
pub fn is_relayed(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.octets()[0] == 198 && ip.octets()[1] & 0xfe == 18,
        IpAddr::V6(ip) => ip.segments()[..3] == [0x2001, 2, 0],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_relays_addresses_are_its_own() {
        for number in [0, 1, RELAYED_V4 - 1, RELAYED_V4, u32::MAX] {
            assert!(is_relayed(relayed_address(number, false).ip()));
            assert!(is_relayed(relayed_address(number, true).ip()));
        }
        for other in [
            "198.17.255.255",
            "198.20.0.0",
            "2001:2:1::",
            "2001:db8::1",
            "::1",
        ] {
            assert!(!is_relayed(other.parse().unwrap()), "{other}");
        }
    }
}
