//! What a push service carries and cannot read: one record of RFC 8188, under keys of RFC 8291.

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{ECDH_P256, PrivateKey, UnparsedPublicKey, agree};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};

/// Bytes of a public key: an uncompressed point of P-256.
pub const POINT_BYTES: usize = 65;
/// Bytes of the secret that a browser makes with its key.
pub const AUTH_BYTES: usize = 16;
const SALT_BYTES: usize = 16;
/// Size of records, of which there is one (RFC 8188 §2.1).
const RECORD_BYTES: u32 = 4_096;
/// Ends the plain text of the last record (RFC 8188 §2).
const LAST: u8 = 2;

/// To whom: the keys of a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// The browser's public key.
    pub point: [u8; POINT_BYTES],
    /// What it shares with us beside it.
    pub auth: [u8; AUTH_BYTES],
}

/// Seals a text for a browser, with a new key pair of ours.
///
/// # Errors
/// When the browser's key is not a point of the curve.
pub fn seal(to: &Recipient, plain: &[u8]) -> Result<Vec<u8>, Unspecified> {
    let mut salt = [0; SALT_BYTES];
    aws_lc_rs::rand::fill(&mut salt)?;
    seal_with(&PrivateKey::generate(&ECDH_P256)?, salt, to, plain)
}

fn seal_with(
    ours: &PrivateKey,
    salt: [u8; SALT_BYTES],
    to: &Recipient,
    plain: &[u8],
) -> Result<Vec<u8>, Unspecified> {
    let our_point = ours.compute_public_key()?;
    let theirs = UnparsedPublicKey::new(&ECDH_P256, to.point);
    let (key, nonce) = agree(ours, theirs, Unspecified, |shared| {
        keys(shared, to, our_point.as_ref(), salt)
    })?;
    let mut record = plain.to_vec();
    record.push(LAST);
    let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key)?);
    let nonce = Nonce::assume_unique_for_key(nonce);
    key.seal_in_place_append_tag(nonce, Aad::empty(), &mut record)?;
    let mut sealed = salt.to_vec();
    sealed.extend(RECORD_BYTES.to_be_bytes());
    sealed.push(u8::try_from(our_point.as_ref().len()).map_err(|_| Unspecified)?);
    sealed.extend(our_point.as_ref());
    sealed.append(&mut record);
    Ok(sealed)
}

// RFC 8291 §3.4: the key of the content, and the nonce of its first record.
fn keys(
    shared: &[u8],
    to: &Recipient,
    our_point: &[u8],
    salt: [u8; SALT_BYTES],
) -> Result<([u8; 16], [u8; 12]), Unspecified> {
    let mixed = Salt::new(HKDF_SHA256, &to.auth).extract(shared);
    let input: [u8; 32] = expand(&mixed, &[b"WebPush: info\0", &to.point, our_point])?;
    let secret = Salt::new(HKDF_SHA256, &salt).extract(&input);
    Ok((
        expand(&secret, &[b"Content-Encoding: aes128gcm\0"])?,
        expand(&secret, &[b"Content-Encoding: nonce\0"])?,
    ))
}

struct Bytes(usize);

impl KeyType for Bytes {
    fn len(&self) -> usize {
        self.0
    }
}

fn expand<const N: usize>(from: &Prk, info: &[&[u8]]) -> Result<[u8; N], Unspecified> {
    let mut out = [0; N];
    from.expand(info, Bytes(N))?.fill(&mut out)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;

    use super::*;

    fn bytes<const N: usize>(text: &str) -> [u8; N] {
        BASE64.decode(text).unwrap().try_into().unwrap()
    }

    #[test]
    fn the_example_of_rfc_8291_comes_out_as_printed() {
        let to = Recipient {
            point: bytes(
                "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
            ),
            auth: bytes("BTBZMqHH6r4Tts7J_aSIgg"),
        };
        let ours = bytes::<32>("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw");
        let ours = PrivateKey::from_private_key(&ECDH_P256, &ours).unwrap();
        let salt = bytes("DGv6ra1nlYgDCS1FRnbzlw");
        let plain = b"When I grow up, I want to be a watermelon";
        let sealed = seal_with(&ours, salt, &to, plain).unwrap();
        assert_eq!(
            BASE64.encode(sealed),
            "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6Tlz\
             AC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
        );
    }

    #[test]
    fn two_seals_of_one_text_have_nothing_in_common_and_a_false_key_is_refused() {
        let point = PrivateKey::generate(&ECDH_P256)
            .and_then(|key| key.compute_public_key())
            .unwrap();
        let mut to = Recipient {
            point: point.as_ref().try_into().unwrap(),
            auth: [7; AUTH_BYTES],
        };
        let (one, two) = (seal(&to, b"x").unwrap(), seal(&to, b"x").unwrap());
        assert_ne!(one[..SALT_BYTES], two[..SALT_BYTES]);
        assert_ne!(one[21..], two[21..]);
        to.point[40] ^= 1;
        assert!(seal(&to, b"x").is_err());
    }
}
