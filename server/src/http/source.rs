//! Where a request comes from, also behind a proxy.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};

use crate::App;
use crate::accounts::failures::Source;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

impl FromRequestParts<App> for Source {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        // The server always knows it; a router that is used without one does not.
        let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |info| info.0.ip());
        Ok(origin_of(peer, &parts.headers, &app.config.proxies).into())
    }
}

// Every proxy adds at the end the address that it got the request from, so only what our own proxies added is true:
// from the end on up to the first address that is none of theirs. What stands before it anybody may have written.
fn origin_of(peer: IpAddr, headers: &HeaderMap, proxies: &[IpAddr]) -> IpAddr {
    let told: Vec<&str> = headers
        .get_all(FORWARDED_FOR)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    let mut told = told.into_iter().rev();
    let mut address = peer.to_canonical();
    while proxies.iter().any(|proxy| proxy.to_canonical() == address) {
        match told
            .next()
            .and_then(|next| next.trim().parse::<IpAddr>().ok())
        {
            Some(next) => address = next.to_canonical(),
            None => break,
        }
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn origin(peer: &str, told: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in told {
            headers.append(FORWARDED_FOR, value.parse().unwrap());
        }
        let proxies = [ip("127.0.0.1"), ip("192.0.2.80"), ip("2001:db8::80")];
        origin_of(ip(peer), &headers, &proxies).to_string()
    }

    #[test]
    fn a_proxy_of_ours_is_believed() {
        assert_eq!(origin("127.0.0.1", &["203.0.113.7"]), "203.0.113.7");
        assert_eq!(
            origin("::ffff:127.0.0.1", &["::ffff:203.0.113.7"]),
            "203.0.113.7"
        );
        assert_eq!(origin("2001:db8::80", &["2001:db8:1::7"]), "2001:db8:1::7");
    }

    #[test]
    fn two_proxies_in_a_row_are_passed() {
        assert_eq!(
            origin("127.0.0.1", &["203.0.113.7, 192.0.2.80"]),
            "203.0.113.7"
        );
        assert_eq!(
            origin("127.0.0.1", &["203.0.113.7", "192.0.2.80"]),
            "203.0.113.7"
        );
    }

    #[test]
    fn what_a_stranger_writes_is_not_believed() {
        assert_eq!(origin("203.0.113.7", &["10.0.0.1"]), "203.0.113.7");
        assert_eq!(
            origin("127.0.0.1", &["10.0.0.1, 203.0.113.7"]),
            "203.0.113.7"
        );
        assert_eq!(
            origin("127.0.0.1", &["10.0.0.1", "203.0.113.7"]),
            "203.0.113.7"
        );
        assert_eq!(origin("127.0.0.1", &["203.0.113.7, nonsense"]), "127.0.0.1");
    }

    #[test]
    fn without_a_word_the_proxy_itself_counts() {
        assert_eq!(origin("127.0.0.1", &[]), "127.0.0.1");
        assert_eq!(origin("127.0.0.1", &[""]), "127.0.0.1");
        assert_eq!(origin("127.0.0.1", &["192.0.2.80"]), "192.0.2.80");
    }
}
