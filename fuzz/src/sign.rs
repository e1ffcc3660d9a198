//! STUN as somebody writes it who knows the password: a participant.

use aws_lc_rs::hmac;

const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const FINGERPRINT: u16 = 0x8028;
const HEAD: usize = 20;
const UFRAG: &str = "a=ice-ufrag:";

/// ICE credentials of one connection, as far as its client writes them.
#[derive(Debug)]
pub struct Credentials {
    /// The SFU's fragment and the client's.
    user: String,
    key: hmac::Key,
}

impl Credentials {
    /// Those that an offer and its answer tell.
    pub fn of(offer: &str, answer: &str) -> Option<Self> {
        let password = value(answer, "a=ice-pwd:")?.as_bytes();
        let (ours, theirs) = (value(answer, UFRAG)?, value(offer, UFRAG)?);
        Some(Self {
            user: format!("{ours}:{theirs}"),
            key: hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, password),
        })
    }

    /// The message with our user name in place of its own, and the integrity that belongs to it (RFC 8489 §14.5).
    /// Other attributes stay as they are.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        let Some((head, mut rest)) = message.split_at_checked(HEAD) else {
            return message.to_vec();
        };
        let mut signed = head.to_vec();
        add(&mut signed, USERNAME, self.user.as_bytes());
        while let [a, b, c, d, more @ ..] = rest {
            let (kind, len) = (u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d]));
            let Some(value) = more.get(..usize::from(len)) else {
                break;
            };
            if ![USERNAME, MESSAGE_INTEGRITY, FINGERPRINT].contains(&kind) {
                add(&mut signed, kind, value);
            }
            rest = more
                .get(usize::from(len).next_multiple_of(4)..)
                .unwrap_or_default();
        }
        // The integrity covers a length that counts itself.
        set_length(&mut signed, 24);
        let tag = hmac::sign(&self.key, &signed);
        add(&mut signed, MESSAGE_INTEGRITY, tag.as_ref());
        signed
    }
}

fn value<'a>(sdp: &'a str, name: &str) -> Option<&'a str> {
    sdp.lines().find_map(|line| line.strip_prefix(name))
}

fn add(to: &mut Vec<u8>, kind: u16, value: &[u8]) {
    to.extend(kind.to_be_bytes());
    to.extend((value.len() as u16).to_be_bytes());
    to.extend(value);
    to.resize(to.len().next_multiple_of(4), 0);
}

fn set_length(message: &mut [u8], more: usize) {
    let length = (message.len() - HEAD + more) as u16;
    message[2..4].copy_from_slice(&length.to_be_bytes());
}
