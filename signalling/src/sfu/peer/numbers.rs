//! Transport-wide numbers of packets that come, read before the engine reads them
//! (draft-holmer-rmcat-transport-wide-cc-extensions-01).
//!
//! The engine extends each number beyond its 16 bits from the highest so far. One that lies before zero becomes the highest
//! that there is, and the next report is to speak of everything between: it takes all memory. A few packets in another order
//! at the beginning suffice for that.

use std::collections::BTreeMap;

/// The name under which the extension is negotiated.
const URI: &str = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
/// The engine's own id for it. Where an offer does not have it, nothing may be read there.
pub(super) const DEFAULT_ID: u8 = 3;
/// Bytes of an RTP header without anything optional.
const HEAD: usize = 12;

/// The numbers of one connection.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    /// Ids under which the engine may read a number, a bit for each.
    ids: u32,
    /// What each id was offered for.
    names: BTreeMap<u8, String>,
    /// Whether the engine was given any number, authentic or not.
    given: bool,
    /// The highest number that the engine told of, extended.
    newest: Option<u64>,
}

impl Numbers {
    /// Notes the ids of another offer. Returns whether each is for one extension only, as it must be in a bundle
    /// (RFC 8843 §9.2, RFC 8285 §6): the engine would move the extension to an id that nobody named.
    pub(super) fn learn(&mut self, sdp: &str) -> bool {
        for line in sdp.lines() {
            let Some((id, rest)) = line
                .strip_prefix("a=extmap:")
                .and_then(|of| of.split_once(' '))
            else {
                continue;
            };
            let id = id.split('/').next().and_then(|id| id.parse::<u8>().ok());
            let (Some(id), Some(uri)) = (id, rest.split_whitespace().next()) else {
                continue;
            };
            if self.names.entry(id).or_insert_with(|| uri.to_owned()) != uri {
                return false;
            }
            if uri == URI {
                self.ids |= bit(id);
            }
        }
        true
    }

    /// Whether an offer has the extension.
    pub(super) fn are_offered(&self) -> bool {
        self.ids != 0
    }

    /// Whether the engine can take an RTP packet, authentic or not. If it is said that it can, it must be given it.
    pub(super) fn admits(&mut self, packet: &[u8]) -> bool {
        let mut given = self.given;
        let admits = self.read(packet).all(|number| {
            let fits = match self.newest {
                // The engine may be ahead of what it told, which makes no number lie before zero.
                Some(newest) => extended(newest, number).is_some(),
                // From below the half it counts right in any case.
                None => !given || number <= u16::MAX / 2,
            };
            given = true;
            fits
        });
        self.given = given;
        admits
    }

    /// The number of a packet that the engine took. What it threw away counts for nothing here either: it may not have
    /// counted it.
    pub(super) fn came(&mut self, number: u16) {
        self.newest = Some(match self.newest {
            Some(newest) => extended(newest, number).map_or(newest, |number| number.max(newest)),
            None => number.into(),
        });
    }

    /// Everything in a packet's header that may be a number.
    fn read<'a>(&self, packet: &'a [u8]) -> impl Iterator<Item = u16> + use<'a> {
        let ids = self.ids;
        let (form, mut rest) = elements(packet).unwrap_or((Form::OneByte, &[]));
        std::iter::from_fn(move || {
            loop {
                let (&first, after) = rest.split_first()?;
                rest = after;
                if first == 0 {
                    continue;
                }
                let (id, len) = match form {
                    Form::OneByte if first >> 4 == 15 => return None,
                    Form::OneByte => (first >> 4, usize::from(first & 15) + 1),
                    Form::TwoByte => {
                        let (&len, after) = rest.split_first()?;
                        rest = after;
                        (first, len.into())
                    }
                };
                let (value, after) = rest.split_at_checked(len)?;
                rest = after;
                if let [high, low, ..] = value
                    && bit(id) & ids != 0
                {
                    return Some(u16::from_be_bytes([*high, *low]));
                }
            }
        })
    }
}

/// How elements begin (RFC 8285 §4.2, §4.3).
#[derive(Debug, Clone, Copy)]
enum Form {
    OneByte,
    TwoByte,
}

/// The header extension of an RTP packet, if it has one of a known form.
fn elements(packet: &[u8]) -> Option<(Form, &[u8])> {
    let first = *packet.first()?;
    if first & 0x10 == 0 {
        return None;
    }
    let at = HEAD + 4 * usize::from(first & 15);
    let (head, rest) = packet.get(at..)?.split_first_chunk::<4>()?;
    let form = match u16::from_be_bytes([head[0], head[1]]) {
        0xbede => Form::OneByte,
        form if form & 0xfff0 == 0x1000 => Form::TwoByte,
        _ => return None,
    };
    let words = u16::from_be_bytes([head[2], head[3]]);
    Some((form, rest.get(..4 * usize::from(words))?))
}

fn bit(id: u8) -> u32 {
    1u32.checked_shl(id.into()).unwrap_or(0)
}

/// A number near the newest, extended beyond 16 bits; `None` when that lies before zero.
fn extended(newest: u64, number: u16) -> Option<u64> {
    let ahead = i64::from(number.wrapping_sub(newest as u16) as i16);
    newest.checked_add_signed(ahead)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(sdp: &str) -> Numbers {
        let mut numbers = Numbers::default();
        assert!(numbers.learn(sdp));
        numbers
    }

    fn packet(form: [u8; 2], elements: &[u8]) -> Vec<u8> {
        let mut packet = vec![0x90; 12];
        packet.extend(form);
        packet.extend([0, elements.len().div_ceil(4) as u8]);
        packet.extend(elements);
        packet.resize(packet.len().next_multiple_of(4), 0);
        packet
    }

    fn numbered(number: u16) -> Vec<u8> {
        let [high, low] = number.to_be_bytes();
        packet([0xbe, 0xde], &[0x10, 1, 0, 0x51, high, low])
    }

    #[test]
    fn the_number_is_found_in_both_forms_and_behind_others() {
        let of = numbers(&format!("a=extmap:5/sendonly {URI}\r\n"));
        assert_eq!(of.read(&numbered(0x1234)).collect::<Vec<_>>(), [0x1234]);
        let wide = packet([0x10, 0], &[1, 1, 9, 0, 5, 2, 0x12, 0x34]);
        assert_eq!(of.read(&wide).collect::<Vec<_>>(), [0x1234]);
        for elements in [
            &[0xf0, 0x51, 1, 2][..],
            &[0x41, 1, 2],
            &[0x50, 1],
            &[0x5f, 1],
        ] {
            assert_eq!(of.read(&packet([0xbe, 0xde], elements)).next(), None);
        }
        assert_eq!(of.read(&[0x90; 13]).next(), None);
        let unsaid = numbers("a=extmap:3 urn:other\r\n");
        assert!(of.are_offered() && !unsaid.are_offered());
        let other = packet([0xbe, 0xde], &[0x31, 0, 7]);
        assert_eq!(unsaid.read(&other).next(), None);
    }

    #[test]
    fn an_id_is_for_one_extension_in_all_offers() {
        let mut of = numbers(&format!(
            "a=extmap:5 {URI}\r\na=extmap:5/sendonly {URI}\r\n"
        ));
        assert!(of.learn("a=extmap:6 urn:other\r\n"));
        assert!(!of.learn("a=extmap:5 urn:other\r\n"));
    }

    #[test]
    fn what_lies_before_zero_is_refused_until_the_numbers_have_wrapped() {
        let mut of = numbers(&format!("a=extmap:5 {URI}"));
        assert!(of.admits(&numbered(10)), "the engine has none");
        assert!(!of.admits(&numbered(40_000)), "the engine may have counted");
        of.came(10);
        assert!(of.admits(&numbered(0)) && of.admits(&numbered(32_777)));
        assert!(!of.admits(&numbered(65_535)) && !of.admits(&numbered(40_000)));
        for number in [30_000, 60_000, 10_000] {
            assert!(of.admits(&numbered(number)));
            of.came(number);
        }
        assert!(of.admits(&numbered(65_535)));
        assert_eq!(of.newest, Some(65_536 + 10_000));
        of.came(65_535);
        assert_eq!(of.newest, Some(65_536 + 10_000));
    }

    #[test]
    fn the_first_number_is_any_and_what_the_engine_threw_away_counts_for_nothing() {
        let mut of = numbers(&format!("a=extmap:5 {URI}"));
        assert!(of.admits(&numbered(40_000)));
        // The engine did not take that one, but this.
        assert!(of.admits(&numbered(5)));
        assert!(!of.admits(&numbered(60_000)));
        of.came(5);
        assert!(!of.admits(&numbered(60_000)));
    }
}
