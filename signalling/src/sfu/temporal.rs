//! How much of a stream's frame rate is sent. A picture of a higher temporal layer can be left out at any time; one can be
//! taken up again only where it needs nothing that was left out.

use super::codec::{TEMPORAL_MAX, Temporal};

/// The highest temporal layer of a stream that tells of none: all that there are.
pub(super) const ALL: u8 = TEMPORAL_MAX as u8 - 1;

/// The temporal layers of one outgoing stream.
#[derive(Debug)]
pub struct Ladder {
    target: u8,
    current: u8,
    /// The packet from which on `current` holds, and what held before: for packets that come late.
    changed: Option<(u64, u8)>,
}

impl Default for Ladder {
    fn default() -> Self {
        Self::new()
    }
}

impl Ladder {
    /// A stream of which all is sent.
    pub const fn new() -> Self {
        Self {
            target: ALL,
            current: ALL,
            changed: None,
        }
    }

    /// The highest layer being sent.
    pub const fn current(&self) -> u8 {
        self.current
    }

    /// Sets the highest layer to send, from the next picture at which that can be.
    pub fn aim(&mut self, target: u8) {
        self.target = target;
    }

    /// A key frame begins the stream: everything after it can be decoded.
    pub fn begin(&mut self) {
        self.current = self.target;
        self.changed = None;
    }

    /// Whether a packet belongs to what is being sent. `seq` is its extended sequence number, `ahead` whether it is above
    /// all so far.
    ///
    /// ## Sending all up to a layer => (that | a lower one, at any picture | a higher one, where it opens)
    pub fn takes(&mut self, seq: u64, ahead: bool, picture: Option<Temporal>) -> bool {
        let Some(picture) = picture else { return true };
        if picture.starts && ahead {
            let next = self.next(picture);
            if next != self.current {
                self.changed = Some((seq, self.current));
                self.current = next;
            }
        }
        let holds = match self.changed {
            Some((from, before)) if seq < from => before,
            Some(_) | None => self.current,
        };
        picture.layer <= holds
    }

    fn next(&self, picture: Temporal) -> u8 {
        if self.target <= self.current {
            return self.target;
        }
        if picture.layer <= self.current {
            return picture.opens.min(self.target).max(self.current);
        }
        let adds = picture.sync && picture.layer == self.current + 1;
        if adds { picture.layer } else { self.current }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(layer: u8, sync: bool, opens: u8) -> Temporal {
        Temporal {
            layer,
            starts: true,
            sync,
            opens,
        }
    }

    /// Which of these pictures are sent, each one packet.
    fn sent(ladder: &mut Ladder, first: u64, pictures: &[Temporal]) -> Vec<bool> {
        let pictures = (first..).zip(pictures);
        pictures
            .map(|(seq, picture)| ladder.takes(seq, true, Some(*picture)))
            .collect()
    }

    /// As Chromium sends VP8: the first picture of a layer after one of the lowest needs that alone.
    fn vp8() -> [Temporal; 4] {
        [
            picture(0, false, 0),
            picture(2, true, 2),
            picture(1, true, 1),
            picture(2, false, 2),
        ]
    }

    /// As AV1's descriptors and VP9's switching points tell: pictures of the lowest layer open all others.
    fn described() -> [Temporal; 4] {
        [
            picture(0, false, 2),
            picture(2, false, 2),
            picture(1, false, 2),
            picture(2, false, 2),
        ]
    }

    #[test]
    fn falls_with_any_picture_and_rises_where_it_may() {
        let mut ladder = Ladder::new();
        ladder.begin();
        assert_eq!(sent(&mut ladder, 0, &vp8()), [true; 4]);
        ladder.aim(0);
        assert_eq!(sent(&mut ladder, 4, &vp8()), [true, false, false, false]);
        ladder.aim(2);
        // The layer below the highest comes first: the highest may need it.
        assert_eq!(sent(&mut ladder, 8, &vp8()), [true, false, true, false]);
        assert_eq!(sent(&mut ladder, 12, &vp8()), [true; 4]);
        ladder.aim(1);
        assert_eq!(
            sent(&mut ladder, 16, &described()),
            [true, false, true, false]
        );
        ladder.aim(2);
        assert_eq!(sent(&mut ladder, 20, &described()), [true; 4]);
    }

    #[test]
    fn does_not_rise_at_a_picture_that_was_not_sent() {
        let mut ladder = Ladder::new();
        ladder.aim(0);
        ladder.begin();
        ladder.aim(2);
        let opens_all = picture(1, false, 2);
        assert_eq!(sent(&mut ladder, 0, &[opens_all]), [false]);
        assert_eq!(ladder.current(), 0);
    }

    #[test]
    fn later_packets_of_a_picture_follow_the_first_and_late_ones_what_held_then() {
        let mut ladder = Ladder::new();
        ladder.begin();
        let high = picture(2, false, 2);
        let rest = Temporal {
            starts: false,
            ..high
        };
        assert!(ladder.takes(10, true, Some(high)));
        ladder.aim(0);
        assert!(ladder.takes(12, true, Some(rest)), "the picture was begun");
        assert!(ladder.takes(13, true, Some(picture(0, false, 0))));
        assert!(ladder.takes(11, false, Some(rest)), "late, of that picture");
        assert!(!ladder.takes(14, true, Some(high)));
        assert!(!ladder.takes(15, true, Some(rest)));
    }

    #[test]
    fn a_stream_without_layers_is_sent_whole() {
        let mut ladder = Ladder::new();
        ladder.aim(0);
        ladder.begin();
        assert!(ladder.takes(0, true, None));
    }
}
