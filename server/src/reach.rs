//! Where browsers reach the media plane.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use signalling::MediaConfig;

use crate::config::Config;

/// Most addresses of this machine that are announced by themselves; browsers try every one.
const OWN_ADDRESSES_MAX: usize = 8;

/// `web` is the address that the web server got.
pub(crate) fn media_config(config: &Config, web: SocketAddr) -> MediaConfig {
    media_config_of(config, web, own_addresses)
}

// Media goes over every interface also when the web server is for this machine alone: Firefox offers no loopback
// address, so the two meet at another one of the machine's own. The port answers nobody without a lesson's
// credentials.
fn media_config_of(config: &Config, web: SocketAddr, own: impl Fn() -> Vec<IpAddr>) -> MediaConfig {
    let everywhere = web.ip().is_loopback() || web.ip().is_unspecified();
    let listen = if everywhere {
        Ipv6Addr::UNSPECIFIED.into()
    } else {
        web.ip()
    };
    let candidates = match (config.media_addresses.as_slice(), everywhere) {
        ([], true) => own(),
        ([], false) => vec![web.ip()],
        (given, _) => given.to_vec(),
    };
    let tcp_candidates = candidates
        .iter()
        .filter_map(|ip| Some(SocketAddr::new(*ip, tcp_port(config, web, *ip)?)))
        .collect();
    MediaConfig {
        listen: SocketAddr::new(listen, config.media_port),
        workers: config.media_workers,
        spread_from: config.media_spread_from as usize,
        candidates,
        announced_port: (config.media_public_port != 0).then_some(config.media_public_port),
        tcp_candidates,
    }
}

/// Whether browsers reach the relay, which listens where the web server does. A proxy with TLS before it understands
/// nothing but HTTP.
pub(crate) fn has_relay(config: &Config) -> bool {
    config.speaks_tls() || !config.is_https()
}

// At which port browsers reach the web server itself under an address that they reach media at.
fn tcp_port(config: &Config, web: SocketAddr, ip: IpAddr) -> Option<u16> {
    if config.media_tcp_port != 0 {
        return Some(config.media_tcp_port);
    }
    // For this machine alone, perhaps behind a proxy; the proxy understands no media.
    (!web.ip().is_loopback() || ip == web.ip()).then_some(web.port())
}

// The addresses at which this machine can be reached, loopback last: some browsers on the same machine need it.
fn own_addresses() -> Vec<IpAddr> {
    let mut own: Vec<IpAddr> = if_addrs::get_if_addrs()
        .unwrap_or_default()
        .into_iter()
        .filter(|interface| !interface.is_loopback())
        .map(|interface| interface.ip())
        .filter(|ip| match ip {
            IpAddr::V4(ip) => !ip.is_link_local(),
            IpAddr::V6(ip) => !ip.is_unicast_link_local(),
        })
        .collect();
    own.sort_by_key(IpAddr::is_ipv6);
    own.truncate(OWN_ADDRESSES_MAX);
    own.push(Ipv4Addr::LOCALHOST.into());
    own
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(change: impl FnOnce(&mut Config), web: &str) -> Vec<String> {
        let mut config = Config::default();
        change(&mut config);
        let own = || vec!["192.0.2.1".parse().unwrap(), Ipv4Addr::LOCALHOST.into()];
        let media = media_config_of(&config, web.parse().unwrap(), own);
        media
            .tcp_candidates
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn tcp_is_announced_where_the_web_server_itself_is_reached() {
        assert_eq!(tcp(|_| {}, "127.0.0.1:8080"), ["127.0.0.1:8080"]);
        assert_eq!(tcp(|_| {}, "[::]:443"), ["192.0.2.1:443", "127.0.0.1:443"]);
        assert_eq!(tcp(|_| {}, "192.0.2.9:443"), ["192.0.2.9:443"]);
        let public = |config: &mut Config| {
            config.media_addresses = vec![
                "203.0.113.7".parse().unwrap(),
                "2001:db8::7".parse().unwrap(),
            ];
        };
        assert_eq!(
            tcp(public, "0.0.0.0:8443"),
            ["203.0.113.7:8443", "[2001:db8::7]:8443"]
        );
        // Behind a proxy on this machine.
        assert_eq!(tcp(public, "127.0.0.1:8080"), [""; 0]);
        // Behind something that passes connections on as they are.
        let passed_on = |config: &mut Config| {
            public(config);
            config.media_tcp_port = 443;
        };
        assert_eq!(
            tcp(passed_on, "127.0.0.1:8080"),
            ["203.0.113.7:443", "[2001:db8::7]:443"]
        );
    }
}
