//! Where a browser wants to be told: only at push services that the settings name, so that nobody makes this server knock at
//! addresses inside.

use axum::http::Uri;
use protocol::limits::PUSH_ENDPOINT_BYTES_MAX;

/// The port of a host of the list that names none.
const HTTPS: u16 = 443;

/// An address at a known push service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    uri: Uri,
    origin: String,
    allowed_by: String,
}

impl Endpoint {
    /// Reads an address; none when it is not one of these hosts. A host may be `*.` and an ending, and have a port.
    #[must_use]
    pub fn parse(text: &str, hosts: &[String]) -> Option<Self> {
        if text.len() > PUSH_ENDPOINT_BYTES_MAX {
            return None;
        }
        let uri: Uri = text.parse().ok()?;
        let authority = uri.authority()?;
        if uri.scheme_str() != Some("https") || authority.as_str().contains('@') {
            return None;
        }
        let host = authority.host().to_ascii_lowercase();
        let port = match authority.as_str().rsplit_once(':') {
            // Also of an IPv6 address without a port: it is not on any list then.
            Some((_, port)) => port.parse().ok()?,
            None => HTTPS,
        };
        let allowed_by = hosts.iter().find(|known| fits(known, &host, port, HTTPS))?;
        // As the push service writes it (RFC 8292 §2).
        let origin = if port == HTTPS {
            format!("https://{host}")
        } else {
            format!("https://{host}:{port}")
        };
        Some(Self {
            uri,
            origin,
            allowed_by: allowed_by.clone(),
        })
    }

    /// Whole.
    #[must_use]
    pub const fn uri(&self) -> &Uri {
        &self.uri
    }

    /// Scheme, host and, when it is not the usual one, port.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The host of the list that it is, or whose ending it has.
    #[must_use]
    pub fn allowed_by(&self) -> &str {
        &self.allowed_by
    }
}

/// Whether this can stand in the list of hosts.
#[must_use]
pub fn is_host(text: &str) -> bool {
    let (host, port) = text.rsplit_once(':').unwrap_or((text, "443"));
    let name = host.strip_prefix("*.").unwrap_or(host);
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-".contains(c);
    // An ending of one word would be a whole country.
    let whole = name == host || name.contains('.');
    !name.is_empty() && name.chars().all(plain) && whole && port.parse::<u16>().is_ok()
}

/// Whether a host of the list, whose port is the usual one when it names none, is this one.
pub(crate) fn fits(known: &str, host: &str, port: u16, usual: u16) -> bool {
    let (name, at) = match known.rsplit_once(':') {
        Some((name, at)) => (name, at.parse().ok()),
        None => (known, Some(usual)),
    };
    let named = match name.strip_prefix('*') {
        Some(ending) => host.len() > ending.len() && host.ends_with(ending),
        None => host == name,
    };
    named && at == Some(port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_push_services_are_written_to() {
        let hosts = ["push.example", "*.notify.example.com", "127.0.0.1:8443"].map(str::to_owned);
        for (text, origin) in [
            ("https://push.example/send/abc?x=1", "https://push.example"),
            ("https://PUSH.example:443/a", "https://push.example"),
            (
                "https://am3p.notify.example.com/w",
                "https://am3p.notify.example.com",
            ),
            ("https://127.0.0.1:8443/x", "https://127.0.0.1:8443"),
        ] {
            let endpoint = Endpoint::parse(text, &hosts);
            assert_eq!(
                endpoint.as_ref().map(Endpoint::origin),
                Some(origin),
                "{text}"
            );
        }
        for text in [
            "",
            "push.example",
            "/send",
            "http://push.example/a",
            "https://push.example:8443/a",
            "https://push.example.evil.ru/a",
            "https://evil.ru/push.example",
            "https://push.example@evil.ru/",
            "https://user@push.example/",
            "https://notify.example.com/",
            "https://evilnotify.example.com/",
            "https://127.0.0.1/x",
            "https://[::1]:8443/x",
            "https://[::1]/x",
            "https://localhost:8443/x",
            "https://push.example:/x",
            "file:///etc/passwd",
        ] {
            assert_eq!(Endpoint::parse(text, &hosts), None, "{text}");
        }
        let long = format!(
            "https://push.example/{}",
            "a".repeat(PUSH_ENDPOINT_BYTES_MAX)
        );
        assert_eq!(Endpoint::parse(&long, &hosts), None);
        assert_eq!(Endpoint::parse("https://push.example/a", &[]), None);
    }

    #[test]
    fn a_host_of_the_list_is_a_name_without_anything_around() {
        for good in ["fcm.googleapis.com", "*.push.apple.com", "127.0.0.1:8443"] {
            assert!(is_host(good), "{good}");
        }
        for bad in [
            "",
            "*",
            "*.com",
            "https://a.ru",
            "a.ru/",
            "A.ru",
            "a.ru:x",
            "*:443",
        ] {
            assert!(!is_host(bad), "{bad}");
        }
    }
}
