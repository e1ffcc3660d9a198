//! SRTP and SRTCP with the keys of a DTLS handshake (RFC 3711, RFC 7714, RFC 5764).

use std::collections::BTreeMap;

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{AES_128, AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hmac;
use aws_lc_rs::iv::FixedLength;

use crate::sfu::limits::{AUDIO_SLOTS_MAX, VIDEO_SLOTS_MAX};

/// Bytes of the tag of the AEAD profiles, and of HMAC-SHA1.
const GCM_TAG: usize = 16;
const SHA1_TAG: usize = 10;
/// Bytes of the index at the end of SRTCP, and of its part that is never encrypted.
const INDEX: usize = 4;
const RTCP_HEAD: usize = 8;
/// Bytes of an RTP header without anything optional.
const RTP_HEAD: usize = 12;
/// Set in the index when the rest is encrypted.
const ENCRYPTED: u32 = 1 << 31;
/// Senders of RTCP whose indices are watched for replays: some browsers report each m-line under a name of its own.
const SENDERS_MAX: usize = 2 * (AUDIO_SLOTS_MAX + VIDEO_SLOTS_MAX);

/// What two parties may agree on (RFC 5764 §4.1.2, RFC 7714 §14.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// AES in counter mode, HMAC-SHA1 of 80 bits.
    Aes128CmSha1,
    /// AES-128 in Galois counter mode.
    Aes128Gcm,
    /// AES-256 in Galois counter mode.
    Aes256Gcm,
}

impl Profile {
    /// Bytes of the master key and of the master salt.
    const fn lengths(self) -> (usize, usize) {
        match self {
            Self::Aes128CmSha1 => (16, 14),
            Self::Aes128Gcm => (16, 12),
            Self::Aes256Gcm => (32, 12),
        }
    }
}

/// What DTLS exported.
#[derive(Clone)]
pub struct Keying {
    /// The agreed profile.
    pub profile: Profile,
    /// Client key, server key, client salt, server salt (RFC 5764 §4.2).
    pub material: Vec<u8>,
    /// Whether we were the DTLS client.
    pub client: bool,
}

impl std::fmt::Debug for Keying {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keying")
            .field("profile", &self.profile)
            .finish_non_exhaustive()
    }
}

impl Keying {
    /// Master key and salt of the client's or the server's direction.
    fn master(&self, client: bool) -> Option<(&[u8], &[u8])> {
        let (key, salt) = self.profile.lengths();
        let nth = usize::from(!client);
        Some((
            self.material.get(nth * key..(nth + 1) * key)?,
            self.material
                .get(2 * key + nth * salt..2 * key + (nth + 1) * salt)?,
        ))
    }
}

enum Cipher {
    Gcm {
        key: Box<LessSafeKey>,
        salt: [u8; 12],
    },
    Cm {
        key: Box<EncryptingKey>,
        salt: [u8; 14],
        auth: Box<hmac::Key>,
    },
}

impl Cipher {
    /// `first` is the label of the encryption key: 0 for RTP, 3 for RTCP (RFC 3711 §4.3.2).
    fn new(
        profile: Profile,
        (master, salt): (&[u8], &[u8]),
        first: u8,
    ) -> Result<Self, Unspecified> {
        let mut key = vec![0; master.len()];
        derive(master, salt, first, &mut key)?;
        match profile {
            Profile::Aes128CmSha1 => {
                let mut auth = [0; 20];
                derive(master, salt, first + 1, &mut auth)?;
                let mut session_salt = [0; 14];
                derive(master, salt, first + 2, &mut session_salt)?;
                Ok(Self::Cm {
                    key: Box::new(EncryptingKey::ctr(UnboundCipherKey::new(&AES_128, &key)?)?),
                    salt: session_salt,
                    auth: Box::new(hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &auth)),
                })
            }
            Profile::Aes128Gcm | Profile::Aes256Gcm => {
                let mut session_salt = [0; 12];
                derive(master, salt, first + 2, &mut session_salt)?;
                let algorithm = if profile == Profile::Aes128Gcm {
                    &AES_128_GCM
                } else {
                    &AES_256_GCM
                };
                Ok(Self::Gcm {
                    key: Box::new(LessSafeKey::new(UnboundKey::new(algorithm, &key)?)),
                    salt: session_salt,
                })
            }
        }
    }
}

/// The key derivation function with a rate of zero (RFC 3711 §4.3.1, §4.3.3; RFC 7714 §11 for 256 bits).
fn derive(master: &[u8], salt: &[u8], label: u8, out: &mut [u8]) -> Result<(), Unspecified> {
    let mut iv = [0; 16];
    iv[..salt.len()].copy_from_slice(salt);
    iv[7] ^= label;
    let algorithm = if master.len() == 16 {
        &AES_128
    } else {
        &AES_256
    };
    let key = EncryptingKey::ctr(UnboundCipherKey::new(algorithm, master)?)?;
    out.fill(0);
    key.less_safe_encrypt(out, EncryptionContext::Iv128(FixedLength::from(iv)))?;
    Ok(())
}

/// Protects what we send.
pub struct Sealer {
    rtp: Cipher,
    rtcp: Cipher,
    index: u32,
}

/// Opens what the receiver reports. Media is opened by the engine, but for the first packet of each stream.
pub struct Opener {
    rtp: Cipher,
    rtcp: Cipher,
    /// Highest index and a mask of those before it, by sender.
    seen: BTreeMap<u32, (u32, u64)>,
}

/// Both directions of a connection.
///
/// # Errors
/// [`Unspecified`] when the material does not fit the profile.
pub fn contexts(keying: &Keying) -> Result<(Sealer, Opener), Unspecified> {
    let ours = keying.master(keying.client).ok_or(Unspecified)?;
    let theirs = keying.master(!keying.client).ok_or(Unspecified)?;
    let sealer = Sealer {
        rtp: Cipher::new(keying.profile, ours, 0)?,
        rtcp: Cipher::new(keying.profile, ours, 3)?,
        index: 0,
    };
    let opener = Opener {
        rtp: Cipher::new(keying.profile, theirs, 0)?,
        rtcp: Cipher::new(keying.profile, theirs, 3)?,
        seen: BTreeMap::new(),
    };
    Ok((sealer, opener))
}

impl Sealer {
    /// Bytes that [`rtp`](Self::rtp) adds.
    pub fn overhead(&self) -> usize {
        match self.rtp {
            Cipher::Gcm { .. } => GCM_TAG,
            Cipher::Cm { .. } => SHA1_TAG,
        }
    }

    /// Encrypts the packet at the end of `buffer`, from `start`, in place and appends its tag. `head` is the length of
    /// its header, `index` its sequence number extended beyond 16 bits.
    ///
    /// # Errors
    /// [`Unspecified`] when the library refuses; the packet must not be sent then.
    pub fn rtp(
        &self,
        buffer: &mut Vec<u8>,
        start: usize,
        head: usize,
        ssrc: u32,
        index: u64,
    ) -> Result<(), Unspecified> {
        let (header, body) = buffer[start..].split_at_mut(head);
        match &self.rtp {
            Cipher::Gcm { key, salt } => {
                let nonce = rtp_nonce(salt, ssrc, index);
                let tag = key.seal_in_place_separate_tag(nonce, Aad::from(&*header), body)?;
                buffer.extend_from_slice(tag.as_ref());
            }
            Cipher::Cm { key, salt, auth } => {
                key.less_safe_encrypt(body, counter(salt, ssrc, index))?;
                let tag = rtp_tag(auth, &buffer[start..], index);
                buffer.extend_from_slice(&tag);
            }
        }
        Ok(())
    }

    /// Protects a compound RTCP packet.
    ///
    /// # Errors
    /// [`Unspecified`] when it is shorter than its header, or the library refuses.
    pub fn rtcp(&mut self, mut packet: Vec<u8>) -> Result<Vec<u8>, Unspecified> {
        let ssrc = sender(&packet).ok_or(Unspecified)?;
        self.index = (self.index + 1) & !ENCRYPTED;
        let trailer = (self.index | ENCRYPTED).to_be_bytes();
        let (head, body) = packet.split_at_mut(RTCP_HEAD);
        match &self.rtcp {
            Cipher::Gcm { key, salt } => {
                let mut aad = [0; RTCP_HEAD + INDEX];
                aad[..RTCP_HEAD].copy_from_slice(head);
                aad[RTCP_HEAD..].copy_from_slice(&trailer);
                let nonce = rtcp_nonce(salt, ssrc, self.index);
                let tag = key.seal_in_place_separate_tag(nonce, Aad::from(aad), body)?;
                packet.extend_from_slice(tag.as_ref());
                packet.extend_from_slice(&trailer);
            }
            Cipher::Cm { key, salt, auth } => {
                key.less_safe_encrypt(body, counter(salt, ssrc, u64::from(self.index)))?;
                packet.extend_from_slice(&trailer);
                let tag = hmac::sign(auth, &packet);
                packet.extend_from_slice(&tag.as_ref()[..SHA1_TAG]);
            }
        }
        Ok(packet)
    }
}

impl Opener {
    /// Whether an RTP packet that is the first of its stream was made with the keys. Its roll-over counter is zero
    /// (RFC 3711 §3.3.1).
    pub fn is_authentic_first(&self, packet: &[u8]) -> bool {
        let authentic = || {
            let (head, ssrc) = (rtp_head(packet)?, word(packet.get(8..RTP_HEAD)?)?);
            let index = u64::from(u16::from_be_bytes([packet[2], packet[3]]));
            match &self.rtp {
                Cipher::Gcm { key, salt } => {
                    let mut body = packet.get(head..)?.to_vec();
                    let nonce = rtp_nonce(salt, ssrc, index);
                    key.open_in_place(nonce, Aad::from(&packet[..head]), &mut body)
                        .ok()?;
                }
                Cipher::Cm { auth, .. } => {
                    let end = packet
                        .len()
                        .checked_sub(SHA1_TAG)
                        .filter(|end| *end >= head)?;
                    let tag = rtp_tag(auth, &packet[..end], index);
                    aws_lc_rs::constant_time::verify_slices_are_equal(&tag, &packet[end..]).ok()?;
                }
            }
            Some(())
        };
        authentic().is_some()
    }

    /// Opens an SRTCP packet into `opened`, and tells whether none newer of its sender came before; `None` when it is not
    /// authentic, not encrypted, or was opened before.
    pub fn rtcp(&mut self, packet: &[u8], opened: &mut Vec<u8>) -> Option<bool> {
        let ssrc = sender(packet)?;
        opened.clear();
        let index = match &self.rtcp {
            Cipher::Gcm { key, salt } => {
                let at = packet.len().checked_sub(INDEX)?;
                let trailer = word(packet.get(at..)?)?;
                let index = trailer & !ENCRYPTED;
                if at < RTCP_HEAD + GCM_TAG || trailer & ENCRYPTED == 0 {
                    return None;
                }
                let mut aad = [0; RTCP_HEAD + INDEX];
                aad[..RTCP_HEAD].copy_from_slice(&packet[..RTCP_HEAD]);
                aad[RTCP_HEAD..].copy_from_slice(&packet[at..]);
                opened.extend_from_slice(&packet[..at]);
                let nonce = rtcp_nonce(salt, ssrc, index);
                key.open_in_place(nonce, Aad::from(aad), &mut opened[RTCP_HEAD..])
                    .ok()?;
                opened.truncate(at - GCM_TAG);
                index
            }
            Cipher::Cm { key, salt, auth } => {
                let end = packet.len().checked_sub(SHA1_TAG)?;
                let at = end.checked_sub(INDEX).filter(|at| *at >= RTCP_HEAD)?;
                let tag = hmac::sign(auth, &packet[..end]);
                aws_lc_rs::constant_time::verify_slices_are_equal(
                    &tag.as_ref()[..SHA1_TAG],
                    &packet[end..],
                )
                .ok()?;
                let trailer = word(&packet[at..end])?;
                let index = trailer & !ENCRYPTED;
                if trailer & ENCRYPTED == 0 {
                    return None;
                }
                opened.extend_from_slice(&packet[..at]);
                // Counter mode undoes itself.
                let iv = counter(salt, ssrc, u64::from(index));
                key.less_safe_encrypt(&mut opened[RTCP_HEAD..], iv).ok()?;
                index
            }
        };
        self.is_newest(ssrc, index)
    }

    /// Replay protection (RFC 3711 §3.3.2), for what has proved authentic: `None` for what was seen before, else whether
    /// it is the newest.
    fn is_newest(&mut self, ssrc: u32, index: u32) -> Option<bool> {
        if self.seen.len() >= SENDERS_MAX && !self.seen.contains_key(&ssrc) {
            return None;
        }
        let Some((highest, mask)) = self.seen.get_mut(&ssrc) else {
            self.seen.insert(ssrc, (index, 1));
            return Some(true);
        };
        if index > *highest {
            let ahead = index - *highest;
            *mask = mask.checked_shl(ahead).unwrap_or(0) | 1;
            *highest = index;
            return Some(true);
        }
        let bit = 1u64.checked_shl(*highest - index).unwrap_or(0);
        let new = bit != 0 && *mask & bit == 0;
        *mask |= bit;
        new.then_some(false)
    }
}

fn sender(rtcp: &[u8]) -> Option<u32> {
    word(rtcp.get(4..RTCP_HEAD)?)
}

fn word(bytes: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.try_into().ok()?))
}

fn xor(into: &mut [u8], with: &[u8]) {
    for (byte, with) in into.iter_mut().zip(with) {
        *byte ^= with;
    }
}

/// Bytes of an RTP header with all that belongs to it (RFC 3550 §5.1, §5.3.1).
fn rtp_head(packet: &[u8]) -> Option<usize> {
    let first = *packet.first()?;
    let mut head = RTP_HEAD + 4 * usize::from(first & 0x0f);
    if first & 0x10 != 0 {
        let words = packet.get(head + 2..head + 4)?;
        head += 4 + 4 * usize::from(u16::from_be_bytes([words[0], words[1]]));
    }
    (head <= packet.len()).then_some(head)
}

/// RFC 7714 §8.1.
fn rtp_nonce(salt: &[u8; 12], ssrc: u32, index: u64) -> Nonce {
    let mut iv = *salt;
    xor(&mut iv[2..6], &ssrc.to_be_bytes());
    xor(&mut iv[6..12], &index.to_be_bytes()[2..]);
    Nonce::assume_unique_for_key(iv)
}

/// RFC 3711 §4.2: the roll-over counter is signed too.
fn rtp_tag(auth: &hmac::Key, packet: &[u8], index: u64) -> [u8; SHA1_TAG] {
    let mut sign = hmac::Context::with_key(auth);
    sign.update(packet);
    sign.update(&((index >> 16) as u32).to_be_bytes());
    let mut tag = [0; SHA1_TAG];
    tag.copy_from_slice(&sign.sign().as_ref()[..SHA1_TAG]);
    tag
}

/// RFC 7714 §9.1.
fn rtcp_nonce(salt: &[u8; 12], ssrc: u32, index: u32) -> Nonce {
    let mut iv = *salt;
    xor(&mut iv[2..6], &ssrc.to_be_bytes());
    xor(&mut iv[8..12], &index.to_be_bytes());
    Nonce::assume_unique_for_key(iv)
}

/// RFC 3711 §4.1.1.
fn counter(salt: &[u8; 14], ssrc: u32, index: u64) -> EncryptionContext {
    let mut iv = [0; 16];
    iv[..14].copy_from_slice(salt);
    xor(&mut iv[4..8], &ssrc.to_be_bytes());
    xor(&mut iv[6..14], &index.to_be_bytes());
    EncryptionContext::Iv128(FixedLength::from(iv))
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sealer").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Opener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opener").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sfu::limits::LAYERS_MAX;

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<u8> = hex
            .chars()
            .filter_map(|digit| digit.to_digit(16))
            .map(|digit| digit as u8)
            .collect();
        digits
            .chunks(2)
            .map(|pair| pair[0] << 4 | pair[1])
            .collect()
    }

    /// Firefox reports on every stream, sent or received, under an SSRC of its own.
    #[test]
    fn every_stream_of_a_browser_reports_under_its_own_name_and_their_number_is_bounded() {
        let (mut sealer, mut opener) = pair(Profile::Aes128Gcm);
        let mut opens = |ssrc: u32| {
            let mut report = bytes("80c90001");
            report.extend(ssrc.to_be_bytes());
            open(&mut opener, &sealer.rtcp(report).unwrap()).is_some()
        };
        let received = AUDIO_SLOTS_MAX + VIDEO_SLOTS_MAX;
        let sent = 4 * LAYERS_MAX;
        let streams = (received + sent) as u32;
        assert_eq!((0..streams).find(|ssrc| !opens(*ssrc)), None);
        assert!(!(streams..1_000).all(&mut opens));
        assert!(opens(0), "who is known is heard on");
    }

    #[test]
    fn keys_are_derived_as_rfc_3711_appendix_b_3_shows() {
        let master = bytes("E1F97A0D3E018BE0D64FA32C06DE4139");
        let salt = bytes("0EC675AD498AFEEBB6960B3AABE6");
        let derived = |label, len| {
            let mut out = vec![0; len];
            derive(&master, &salt, label, &mut out).unwrap();
            out
        };
        assert_eq!(derived(0, 16), bytes("C61E7A93744F39EE10734AFE3FF7A087"));
        assert_eq!(derived(2, 14), bytes("30CBBC08863D8C85D49DB34A9AE1"));
        let auth = "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4";
        assert_eq!(derived(1, 20), bytes(auth));
    }

    #[test]
    fn a_packet_is_sealed_as_rfc_7714_section_16_1_1_shows() {
        let key = bytes("000102030405060708090a0b0c0d0e0f");
        let cipher = || Cipher::Gcm {
            key: Box::new(LessSafeKey::new(
                UnboundKey::new(&AES_128_GCM, &key).unwrap(),
            )),
            salt: bytes("517569642070726f2071756f").try_into().unwrap(),
        };
        let sealer = Sealer {
            rtp: cipher(),
            rtcp: cipher(),
            index: 0,
        };
        let mut packet = bytes("8040f17b 8041f8d3 5501a0b2");
        packet.extend(b"Gallia est omnis divisa in partes tres");
        sealer.rtp(&mut packet, 0, 12, 0x5501_a0b2, 0xf17b).unwrap();
        let sealed = "8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a
            51c7d19b 36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce";
        assert_eq!(packet, bytes(sealed));
    }

    fn open(opener: &mut Opener, packet: &[u8]) -> Option<(Vec<u8>, bool)> {
        let mut opened = Vec::new();
        let newest = opener.rtcp(packet, &mut opened)?;
        Some((opened, newest))
    }

    fn pair(profile: Profile) -> (Sealer, Opener) {
        let (key, salt) = profile.lengths();
        let material: Vec<u8> = (0..2 * (key + salt)).map(|at| at as u8).collect();
        let keying = |client| Keying {
            profile,
            material: material.clone(),
            client,
        };
        let (sealer, _) = contexts(&keying(true)).unwrap();
        let (_, opener) = contexts(&keying(false)).unwrap();
        (sealer, opener)
    }

    #[test]
    fn reports_open_once_and_only_untouched() {
        for profile in [
            Profile::Aes128CmSha1,
            Profile::Aes128Gcm,
            Profile::Aes256Gcm,
        ] {
            let (mut sealer, mut opener) = pair(profile);
            let report = bytes("80c90001 01020304 80ce0002 01020304 0a0b0c0d");
            let sealed = sealer.rtcp(report.clone()).unwrap();
            assert_ne!(sealed[RTCP_HEAD..report.len()], report[RTCP_HEAD..]);
            for at in 0..sealed.len() {
                let mut touched = sealed.clone();
                touched[at] ^= 1;
                assert_eq!(open(&mut opener, &touched), None, "{profile:?}, byte {at}");
                assert_eq!(
                    open(&mut opener, &sealed[..at]),
                    None,
                    "{profile:?}, {at} bytes"
                );
            }
            assert_eq!(open(&mut opener, &sealed), Some((report.clone(), true)));
            assert_eq!(
                open(&mut opener, &sealed),
                None,
                "a replay with {profile:?}"
            );
            let (third, second) = (sealer.rtcp(report.clone()), sealer.rtcp(report.clone()));
            assert!(open(&mut opener, &second.unwrap()).is_some());
            assert!(
                open(&mut opener, &third.unwrap()).is_some(),
                "late is not replayed"
            );
        }
    }

    #[test]
    fn the_first_packet_of_a_stream_is_told_from_any_other() {
        for profile in [
            Profile::Aes128CmSha1,
            Profile::Aes128Gcm,
            Profile::Aes256Gcm,
        ] {
            let (sealer, opener) = pair(profile);
            // With two contributors and an extension of one word.
            let head = bytes("92e0f17b 00000001 01020304 00000005 00000006 bede0001 10ff0000");
            let mut packet = head.clone();
            packet.extend([7; 40]);
            sealer
                .rtp(&mut packet, 0, head.len(), 0x0102_0304, 0xf17b)
                .unwrap();
            assert!(opener.is_authentic_first(&packet), "{profile:?}");
            for at in 0..packet.len() {
                let mut touched = packet.clone();
                touched[at] ^= 1;
                assert!(
                    !opener.is_authentic_first(&touched),
                    "{profile:?}, byte {at}"
                );
                assert!(
                    !opener.is_authentic_first(&packet[..at]),
                    "{profile:?}, {at} bytes"
                );
            }
            let mut rolled = head.clone();
            rolled.extend([7; 40]);
            let index = 0x1_f17b;
            sealer
                .rtp(&mut rolled, 0, head.len(), 0x0102_0304, index)
                .unwrap();
            assert!(!opener.is_authentic_first(&rolled));
        }
    }

    #[test]
    fn a_browser_that_reports_every_m_line_under_its_own_name_is_heard() {
        let (mut sealer, mut opener) = pair(Profile::Aes128Gcm);
        for ssrc in 0..20u8 {
            let sealed = sealer.rtcp(vec![0x80, 201, 0, 1, 0, 0, 0, ssrc]).unwrap();
            assert!(open(&mut opener, &sealed).is_some(), "sender {ssrc}");
        }
    }
}
