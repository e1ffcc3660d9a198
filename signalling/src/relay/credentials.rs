//! Names and passwords for the relay, good for an hour, and nonces. Nothing is kept about them: all are made from one
//! secret that lives as long as the server.

use std::net::SocketAddr;
use std::sync::Arc;

use aws_lc_rs::hmac;

/// Seconds for which an allocation may be made with credentials; one that is made goes on.
pub const CREDENTIALS_S: u64 = 3_600;
/// Seconds for which a nonce is taken.
const NONCE_S: u64 = 3_600;

/// What a person in a lesson signs in to the relay with. Says nothing about who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The end of its time in Unix seconds, a colon, and a word that is the person's own.
    pub username: String,
    /// Follows from it and the secret.
    pub password: String,
}

/// Makes and checks. A handle: the key itself is more than a kilobyte, and every connection of the server has a few.
#[derive(Clone)]
pub struct Secret(Arc<hmac::Key>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

impl Secret {
    /// From 32 random bytes.
    pub fn new(bytes: &[u8; 32]) -> Self {
        Self(Arc::new(hmac::Key::new(hmac::HMAC_SHA256, bytes)))
    }

    /// For somebody, from now on (Unix seconds).
    pub fn credentials(&self, unix: u64, person: &str) -> Credentials {
        let who = self.word("person", person);
        let username = format!("{}:{}", unix + CREDENTIALS_S, &who[..16]);
        let password = self.word("password", &username);
        Credentials { username, password }
    }

    /// The password and the person's word of a name, if the name was made here; who holds the password proves that.
    pub(super) fn of(&self, username: &str) -> Option<Name> {
        let (until, person) = username.split_once(':')?;
        Some(Name {
            until: until.parse().ok()?,
            person: person.to_owned(),
            password: self.word("password", username),
        })
    }

    pub(super) fn nonce(&self, unix: u64, client: SocketAddr) -> String {
        let until = unix + NONCE_S;
        let seal = self.word("nonce", &format!("{until} {client}"));
        format!("{until}-{}", &seal[..32])
    }

    pub(super) fn accepts(&self, nonce: &str, unix: u64, client: SocketAddr) -> bool {
        let Some((until, _)) = nonce.split_once('-') else {
            return false;
        };
        // A nonce is no secret: it may be compared in any time.
        until.parse::<u64>().is_ok_and(|until| {
            unix <= until && self.nonce(until.saturating_sub(NONCE_S), client) == nonce
        })
    }

    fn word(&self, purpose: &str, text: &str) -> String {
        let tag = hmac::sign(&self.0, format!("{purpose}\0{text}").as_bytes());
        tag.as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

pub(super) struct Name {
    pub(super) until: u64,
    pub(super) person: String,
    pub(super) password: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_and_nonces_are_of_one_secret_and_one_time() {
        let (secret, other) = (Secret::new(&[1; 32]), Secret::new(&[2; 32]));
        let given = secret.credentials(1_000, "anna");
        assert!(given.username.starts_with("4600:") && !given.username.contains("anna"));
        assert_eq!(secret.of(&given.username).unwrap().password, given.password);
        assert_ne!(other.of(&given.username).unwrap().password, given.password);
        assert_ne!(secret.credentials(1_000, "boris").password, given.password);

        let client = SocketAddr::from(([192, 0, 2, 1], 5_000));
        let nonce = secret.nonce(1_000, client);
        assert!(secret.accepts(&nonce, 4_600, client));
        assert!(!secret.accepts(&nonce, 4_601, client));
        assert!(!secret.accepts(&nonce, 1_000, SocketAddr::from(([192, 0, 2, 1], 5_001))));
        assert!(!other.accepts(&nonce, 1_000, client));
        assert!(!secret.accepts(&nonce.replace("4600", "9999"), 1_000, client));
        for nonsense in ["", "-", "4600", "18446744073709551615-", "x-y"] {
            assert!(!secret.accepts(nonsense, 1_000, client));
        }
    }
}
