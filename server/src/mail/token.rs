//! What a link or an address in a mail proves: signed with a key that lies beside the files and not in the database (HMAC-SHA-256,
//! RFC 2104). Small letters and digits alone: mail servers may change the case of an address.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use rand::RngExt;
use sha2::Sha256;

use crate::files::KEY_BYTES;

/// Letters of base 32 (RFC 4648 §6), small.
const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
/// Characters of a signature: 100 bits.
const SIGNATURE_CHARS: usize = 20;
/// Characters of an id: 80 bits.
const ID_CHARS: usize = 16;
/// Characters of a token in an address for answers.
pub const REPLY_CHARS: usize = ID_CHARS + SIGNATURE_CHARS;

/// The key.
#[derive(Clone)]
pub struct MailKey([u8; KEY_BYTES]);

impl fmt::Debug for MailKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MailKey")
    }
}

impl MailKey {
    /// The place beside the files.
    pub const PLACE: &str = "keys.d/mail";

    /// The key of these bytes.
    #[must_use]
    pub const fn new(bytes: [u8; KEY_BYTES]) -> Self {
        Self(bytes)
    }

    /// A signature over these parts, none of which has a line break.
    #[must_use]
    pub fn sign(&self, parts: &[&str]) -> String {
        // A key of any length is one.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else {
            return String::new();
        };
        for part in parts {
            mac.update(part.as_bytes());
            mac.update(b"\n");
        }
        let bytes = mac.finalize().into_bytes();
        let mut text = base32(&bytes);
        text.truncate(SIGNATURE_CHARS);
        text
    }

    /// Whether this is the signature. The time taken tells nothing about it.
    #[must_use]
    pub fn accepts(&self, signature: &str, parts: &[&str]) -> bool {
        let wanted = self.sign(parts);
        let given = signature.to_ascii_lowercase();
        let differing = wanted.bytes().zip(given.bytes());
        let differing = differing.fold(0, |sum, (a, b)| sum | (a ^ b));
        !wanted.is_empty() && wanted.len() == given.len() && differing == 0
    }
}

/// A random id.
#[must_use]
pub fn fresh_id() -> String {
    let mut bytes = [0_u8; 10];
    rand::rng().fill(&mut bytes);
    base32(&bytes)
}

/// An id and its signature, apart.
#[must_use]
pub fn parts(token: &str) -> Option<(String, String)> {
    let token = token.to_ascii_lowercase();
    if token.len() != REPLY_CHARS || !token.bytes().all(|byte| LETTERS.contains(&byte)) {
        return None;
    }
    let (id, signature) = token.split_at(ID_CHARS);
    Some((id.to_owned(), signature.to_owned()))
}

fn base32(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 8 / 5 + 1);
    let (mut kept, mut bits) = (0_u32, 0);
    for byte in bytes {
        kept = (kept << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(char::from(LETTERS[(kept >> bits) as usize & 31]));
            kept &= (1 << bits) - 1;
        }
    }
    if bits > 0 {
        text.push(char::from(LETTERS[(kept << (5 - bits)) as usize & 31]));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_those_of_the_standard() {
        for (bytes, text) in [
            ("", ""),
            ("f", "my"),
            ("foo", "mzxw6"),
            ("foobar", "mzxw6ytboi"),
        ] {
            assert_eq!(base32(bytes.as_bytes()), text);
        }
        assert_eq!(fresh_id().len(), ID_CHARS);
        assert_ne!(fresh_id(), fresh_id());
    }

    #[test]
    fn a_signature_is_of_one_key_and_one_text() {
        let key = MailKey::new([7; KEY_BYTES]);
        let signature = key.sign(&["reply", "U1", "R1"]);
        assert_eq!(signature.len(), SIGNATURE_CHARS);
        assert!(key.accepts(&signature, &["reply", "U1", "R1"]));
        assert!(key.accepts(&signature.to_uppercase(), &["reply", "U1", "R1"]));
        for parts in [
            ["reply", "U2", "R1"],
            ["reply", "U1R", "1"],
            ["stop", "U1", "R1"],
        ] {
            assert!(!key.accepts(&signature, &parts), "{parts:?}");
        }
        assert!(!MailKey::new([8; KEY_BYTES]).accepts(&signature, &["reply", "U1", "R1"]));
        for wrong in ["", &signature[1..], &format!("{signature}a")] {
            assert!(!key.accepts(wrong, &["reply", "U1", "R1"]), "{wrong}");
        }
        let token = format!("{}{signature}", fresh_id());
        assert_eq!(parts(&token.to_uppercase()).unwrap().1, signature);
        assert!(parts(&token[1..]).is_none());
        assert!(parts(&format!("1{}", &token[1..])).is_none());
    }
}
