//! What is sent is signed (Standard Webhooks 1.0, "Signature scheme"): whoever has the secret knows it from what others send, and
//! an old request from a new one.

use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

/// Begins every secret.
const PREFIX: &str = "whsec_";
/// Random bytes of one.
const SECRET_BYTES: usize = 32;

/// A new secret.
pub(crate) fn new_secret() -> String {
    let bytes = rand::random::<[u8; SECRET_BYTES]>();
    format!("{PREFIX}{}", BASE64.encode(bytes))
}

/// `webhook-signature` of a body; none when the secret is none. `timestamp` is in seconds since 1970.
pub(super) fn signature(secret: &str, id: &str, timestamp: i64, body: &str) -> Option<String> {
    let secret = BASE64.decode(secret.strip_prefix(PREFIX)?).ok()?;
    let key = Key::new(HMAC_SHA256, &secret);
    let tag = sign(&key, format!("{id}.{timestamp}.{body}").as_bytes());
    Some(format!("v1,{}", BASE64.encode(tag.as_ref())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_known_example_comes_out() {
        let body = r#"{"event_type":"ping","data":{"success":true}}"#;
        let made = signature(
            "whsec_plJ3nmyCDGBKInavdOK15jsl",
            "msg_loFOjxBNrRLzqYUf",
            1_731_705_121,
            body,
        );
        assert_eq!(
            made.as_deref(),
            Some("v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=")
        );
        assert!(signature(&new_secret(), "a", 1, "").is_some());
        assert_ne!(new_secret(), new_secret());
    }
}
