//! How a push service knows us from others: a signed word with every request (RFC 8292). The key is made once and kept in
//! the database; browsers tie their subscriptions to it.

use aws_lc_rs::error::{KeyRejected, Unspecified};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use serde_json::json;

/// Seconds that a word holds; a day is the most (RFC 8292 §2).
const HOLDS_SECONDS: i64 = 12 * 60 * 60;

/// Our key, and whom a push service may write to.
pub struct Vapid {
    pair: EcdsaKeyPair,
    contact: String,
}

impl Vapid {
    /// A new key, to be kept (PKCS #8).
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn fresh() -> Result<Vec<u8>, Unspecified> {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?;
        Ok(key.to_pkcs8v1()?.as_ref().to_vec())
    }

    /// # Errors
    /// When it is not such a key.
    pub fn new(pkcs8: &[u8], contact: String) -> Result<Self, KeyRejected> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8)?;
        Ok(Self { pair, contact })
    }

    /// The public key, as browsers want it: `applicationServerKey`.
    #[must_use]
    pub fn public(&self) -> String {
        BASE64.encode(self.pair.public_key().as_ref())
    }

    /// `Authorization` for a push service at this origin.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn authorization(&self, origin: &str, now_ms: i64) -> Result<String, Unspecified> {
        let header = json!({"typ": "JWT", "alg": "ES256"});
        let exp = now_ms / 1_000 + HOLDS_SECONDS;
        let claims = json!({"aud": origin, "exp": exp, "sub": self.contact});
        let part = |value: serde_json::Value| BASE64.encode(value.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        let signature = self.pair.sign(&SystemRandom::new(), signed.as_bytes())?;
        let signature = BASE64.encode(signature.as_ref());
        Ok(format!("vapid t={signed}.{signature}, k={}", self.public()))
    }
}

impl std::fmt::Debug for Vapid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vapid").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

    use super::*;

    #[test]
    fn the_word_is_signed_with_the_key_that_it_names() {
        let vapid =
            Vapid::new(&Vapid::fresh().unwrap(), "mailto:it@example.ru".to_owned()).unwrap();
        let word = vapid
            .authorization("https://push.example", 1_000_000)
            .unwrap();
        let (token, key) = word
            .strip_prefix("vapid t=")
            .unwrap()
            .split_once(", k=")
            .unwrap();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, BASE64.decode(key).unwrap());
        let signature = BASE64.decode(signature).unwrap();
        key.verify(signed.as_bytes(), &signature).unwrap();
        let claims = BASE64.decode(signed.split_once('.').unwrap().1).unwrap();
        let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
        let expected =
            json!({"aud": "https://push.example", "exp": 44_200, "sub": "mailto:it@example.ru"});
        assert_eq!(claims, expected);
    }
}
