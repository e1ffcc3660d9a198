//! E-mail addresses as people type them.

use lettre::Address;
use protocol::limits::MAIL_ADDRESS_BYTES_MAX;

/// An address in the form in which it is kept: without spaces around it, the domain in small letters. Only ASCII: a domain in
/// Cyrillic is typed in its other form (`xn--…`).
#[must_use]
pub fn parse(text: &str) -> Option<String> {
    let text = text.trim();
    if text.len() > MAIL_ADDRESS_BYTES_MAX || !text.is_ascii() {
        return None;
    }
    let address: Address = text.parse().ok()?;
    let (user, domain) = (address.user(), address.domain().to_ascii_lowercase());
    // No mail leaves for an address that is a number or a name of this network.
    let is_name = domain.contains('.') && !domain.starts_with('[');
    is_name.then(|| format!("{user}@{domain}"))
}

/// Whether two addresses are one: in practice nobody tells capitals apart.
#[must_use]
pub fn is_same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

/// What is behind the `@`.
#[must_use]
pub fn domain(address: &str) -> &str {
    address.rsplit_once('@').map_or("", |(_, domain)| domain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_kept_in_one_form() {
        assert_eq!(
            parse("  Anna.Ivanova+1@Example.RU ").as_deref(),
            Some("Anna.Ivanova+1@example.ru")
        );
        let long = format!("{}@example.ru", "a".repeat(250));
        for wrong in [
            "",
            "anna",
            "anna@",
            "@example.ru",
            "anna@localhost",
            "anna@[127.0.0.1]",
            "a b@example.ru",
            "анна@example.ru",
            "anna@example.ru\r\nBcc: x@y.ru",
            "Anna <anna@example.ru>",
            "a@b.ru, c@d.ru",
            &long,
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
        assert_eq!(domain("a@b@example.ru"), "example.ru");
        assert!(is_same("A@x.ru", "a@x.ru") && !is_same("a@x.ru", "b@x.ru"));
    }
}
