//! Where messages may be sent: only to hosts that the settings name, and never to where a name of theirs must not lead.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use axum::http::Uri;
use protocol::limits::WEBHOOK_URL_BYTES_MAX;

use crate::push::fits;

/// An address that may be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    uri: Uri,
    host: String,
    secure: bool,
}

impl Target {
    /// Reads an address; none when it is not at one of these hosts, or may never be called.
    pub(super) fn parse(text: &str, hosts: &[String]) -> Option<Self> {
        if text.len() > WEBHOOK_URL_BYTES_MAX {
            return None;
        }
        let uri: Uri = text.parse().ok()?;
        let authority = uri.authority()?;
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return None,
        };
        if authority.as_str().contains('@') {
            return None;
        }
        let host = authority.host().to_ascii_lowercase();
        let usual = if secure { 443 } else { 80 };
        let port = match authority.as_str().rsplit_once(':') {
            // Also of an IPv6 address: it is not on any list.
            Some((_, port)) => port.parse().ok()?,
            None => usual,
        };
        let literal: Option<Ipv4Addr> = host.parse().ok();
        let known = |known: &&String| {
            fits(known, &host, port, usual) && (literal.is_none() || !known.starts_with('*'))
        };
        hosts.iter().find(known)?;
        // An address that the settings name is meant; some are never anybody's.
        if let Some(address) = literal
            && !(address.is_loopback() || may_call(address.into(), secure))
        {
            return None;
        }
        Some(Self { uri, host, secure })
    }

    /// Whole.
    pub(super) const fn uri(&self) -> &Uri {
        &self.uri
    }

    /// The host's name, for the log: the rest may be secret.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// Whether it is called by TLS.
    pub(super) const fn is_secure(&self) -> bool {
        self.secure
    }
}

/// Whether a name may lead there: not to this machine, not to neighbours without an address of their own (where clouds tell secrets)
/// and not to many; in the clear only within the own network.
pub(super) fn may_call(address: IpAddr, secure: bool) -> bool {
    match address {
        IpAddr::V4(address) => may_call_v4(address, secure),
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(inner) => may_call_v4(inner, secure),
            None => may_call_v6(address, secure),
        },
    }
}

fn may_call_v4(address: Ipv4Addr, secure: bool) -> bool {
    let [first, second, ..] = address.octets();
    let is_shared = first == 100 && (64..128).contains(&second);
    let never = address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || is_shared
        || first == 0
        || first >= 240;
    !never && (secure || address.is_private())
}

fn may_call_v6(address: Ipv6Addr, secure: bool) -> bool {
    let [first, second, .., last] = address.segments();
    // Where an IPv4 address is inside: translated (RFC 6052), 6to4, Teredo, and the form that is out of use.
    let has_v4 = (first, second) == (0x64, 0xff9b)
        || first == 0x2002
        || (first, second) == (0x2001, 0)
        || first == 0;
    // Where one cloud tells secrets.
    let is_metadata = (first, second) == (0xfd00, 0xec2) && last == 0x254;
    let never = address.is_loopback()
        || address.is_unspecified()
        || address.is_multicast()
        || address.is_unicast_link_local()
        || has_v4
        || is_metadata;
    !never && (secure || address.is_unique_local())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hosts_of_the_list_are_called() {
        let hosts = [
            "bots.lan:8443",
            "*.example.ru",
            "127.0.0.1:9000",
            "169.254.169.254",
            "*.0.0.1",
            "8.8.8.8",
        ]
        .map(str::to_owned);
        for good in [
            "https://bots.lan:8443/in?x=1",
            "http://BOTS.lan:8443/in",
            "https://a.example.ru/",
            "http://a.example.ru/",
            "http://127.0.0.1:9000/",
            "https://8.8.8.8/",
        ] {
            assert!(Target::parse(good, &hosts).is_some(), "{good}");
            assert!(Target::parse(good, &[]).is_none(), "{good}");
        }
        for bad in [
            "",
            "bots.lan:8443",
            "ftp://bots.lan:8443/",
            "https://bots.lan/",
            "https://bots.lan:8443@evil.ru/",
            "https://user@bots.lan:8443/",
            "https://example.ru/",
            "https://evilexample.ru/",
            "https://a.example.ru.evil.ru/",
            "https://127.0.0.1/",
            "http://127.0.0.1:9001/",
            "https://[::1]:9000/",
            "http://2130706433:9000/",
            "https://169.254.169.254/",
            "https://10.0.0.1/",
            "http://8.8.8.8/",
        ] {
            assert!(Target::parse(bad, &hosts).is_none(), "{bad}");
        }
        let long = format!("https://a.example.ru/{}", "a".repeat(WEBHOOK_URL_BYTES_MAX));
        assert!(Target::parse(&long, &hosts).is_none());
    }

    #[test]
    fn no_name_leads_to_this_machine_or_its_neighbours() {
        let may = |text: &str, secure| may_call(text.parse().unwrap(), secure);
        for (address, in_the_clear) in [
            ("10.1.2.3", true),
            ("192.168.0.9", true),
            ("fd12::1", true),
            ("93.184.216.34", false),
            ("2a00::1", false),
        ] {
            assert!(may(address, true), "{address}");
            assert_eq!(may(address, false), in_the_clear, "{address}");
        }
        for never in [
            "127.0.0.1",
            "127.9.9.9",
            "0.0.0.0",
            "169.254.169.254",
            "224.0.0.1",
            "255.255.255.255",
            "100.100.100.200",
            "::1",
            "::",
            "fe80::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "fd00:ec2::254",
        ] {
            assert!(!may(never, true), "{never}");
            assert!(!may(never, false), "{never}");
        }
    }
}
