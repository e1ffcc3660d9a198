//! What the branches of a room on different threads say to each other. No thread ever waits for another: each may have so
//! many bytes under way to each, and what comes on top is lost, pictures first. Loss of pictures is told.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::mpsc;

use crate::RoomKey;
use crate::sfu::branch::{Branch, Crossing, Worth};

/// Bytes of pictures under way from one thread to another: about half a second of thirty cameras.
const PICTURES_MAX: usize = 4 << 20;
/// What sound may take beyond that,
const SOUND_MORE: usize = 1 << 20;
/// and how things stand beyond both.
const STATE_MORE: usize = 2 << 20;

/// What one thread tells another at once, so that it is woken once.
#[derive(Debug)]
pub(super) struct Batch {
    from: Branch,
    crossings: Vec<(RoomKey, Crossing)>,
    bytes: usize,
    under_way: Arc<AtomicUsize>,
}

impl Batch {
    /// What it holds, and from which branch.
    pub(super) fn open(self) -> (Branch, Vec<(RoomKey, Crossing)>) {
        self.under_way.fetch_sub(self.bytes, Ordering::Relaxed);
        (self.from, self.crossings)
    }
}

/// The way to one thread.
#[derive(Debug)]
struct Way {
    to: mpsc::UnboundedSender<Batch>,
    under_way: Arc<AtomicUsize>,
    crossings: Vec<(RoomKey, Crossing)>,
    bytes: usize,
    /// Pictures do not go until half of what they may take is free: a trickle of them is of no use.
    full: bool,
    /// Rooms whose pictures were lost since they were last told.
    lost: BTreeSet<RoomKey>,
}

/// The ways from one thread to all.
#[derive(Debug)]
pub(super) struct Seam {
    own: Branch,
    ways: Vec<Way>,
    dropped: u64,
}

/// The ways between so many threads, and where each hears the others.
pub(super) fn seams(workers: u16) -> Vec<(Seam, mpsc::UnboundedReceiver<Batch>)> {
    let (to, heard): (Vec<_>, Vec<_>) = (0..workers).map(|_| mpsc::unbounded_channel()).unzip();
    let way = |to: &mpsc::UnboundedSender<Batch>| Way {
        to: to.clone(),
        under_way: Arc::default(),
        crossings: Vec::new(),
        bytes: 0,
        full: false,
        lost: BTreeSet::new(),
    };
    let seam = |own| Seam {
        own: Branch(own),
        ways: to.iter().map(way).collect(),
        dropped: 0,
    };
    (0..workers).map(seam).zip(heard).collect()
}

impl Seam {
    /// The thread that it leads from.
    pub(super) fn own(&self) -> Branch {
        self.own
    }

    /// What was lost for lack of room.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Takes what is to be said, if there is room. [`send`](Self::send) must follow the last.
    pub(super) fn put(&mut self, to: Branch, room: RoomKey, crossing: Crossing) {
        let taken = self.ways.get_mut(usize::from(to.0));
        if !taken.is_some_and(|way| way.put(room, crossing)) {
            self.dropped += 1;
        }
    }

    /// Sends what was taken.
    pub(super) fn send(&mut self) {
        let own = self.own;
        for way in &mut self.ways {
            if !way.crossings.is_empty() {
                way.send(own);
            }
        }
    }
}

impl Way {
    fn put(&mut self, room: RoomKey, crossing: Crossing) -> bool {
        let bytes = crossing.bytes();
        let waiting = self.under_way.load(Ordering::Relaxed) + self.bytes;
        let worth = crossing.worth();
        let most = match worth {
            Worth::Picture => PICTURES_MAX,
            Worth::Sound => PICTURES_MAX + SOUND_MORE,
            Worth::State => PICTURES_MAX + SOUND_MORE + STATE_MORE,
        };
        let fits = waiting + bytes <= most;
        if worth == Worth::Picture {
            self.full = !fits || (self.full && waiting > PICTURES_MAX / 2);
            if self.full {
                self.lost.insert(room);
                return false;
            }
            if self.lost.remove(&room) {
                self.push(room, Crossing::Lost);
            }
        } else if !fits {
            if matches!(crossing, Crossing::Lost) {
                self.lost.insert(room);
            }
            return false;
        }
        self.push(room, crossing);
        true
    }

    fn push(&mut self, room: RoomKey, crossing: Crossing) {
        self.bytes += crossing.bytes();
        self.crossings.push((room, crossing));
    }

    fn send(&mut self, from: Branch) {
        let bytes = std::mem::take(&mut self.bytes);
        self.under_way.fetch_add(bytes, Ordering::Relaxed);
        // As many again, as a rule.
        let next = Vec::with_capacity(self.crossings.len());
        let batch = Batch {
            from,
            crossings: std::mem::replace(&mut self.crossings, next),
            bytes,
            under_way: Arc::clone(&self.under_way),
        };
        // An error means that the thread has ended, and everybody there with it.
        let _ = self.to.send(batch);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PeerKey;
    use crate::sfu::peer::Packet;

    const ROOM: RoomKey = RoomKey(1);
    const THERE: Branch = Branch(1);

    fn picture() -> Crossing {
        Crossing::Packet(PeerKey(1), Arc::new(Packet::picture(1_200)))
    }

    fn pictures(crossings: &[(RoomKey, Crossing)]) -> usize {
        let is_picture = |(_, one): &&(RoomKey, Crossing)| one.worth() == Worth::Picture;
        crossings.iter().filter(is_picture).count()
    }

    #[test]
    fn what_waits_is_bounded_and_loss_of_pictures_is_told_before_the_next() {
        let mut both = seams(2).into_iter();
        let ((mut seam, _heard_here), (_, mut heard)) =
            (both.next().unwrap(), both.next().unwrap());
        let put = |seam: &mut Seam, crossing: Crossing| {
            let before = seam.dropped();
            seam.put(THERE, ROOM, crossing);
            seam.send();
            seam.dropped() == before
        };
        let mut taken = 0;
        while put(&mut seam, picture()) {
            taken += 1;
        }
        let each = picture().bytes();
        assert_eq!(taken, PICTURES_MAX / each);
        // Sound and news still go, and are bounded too.
        let mut levels = 0;
        while put(&mut seam, Crossing::Level(PeerKey(1), None)) {
            levels += 1;
        }
        assert!(levels > 1_000, "{levels}");
        assert!(put(&mut seam, Crossing::Bye));

        // Half of the pictures are read: from then on they go again.
        let mut read = 0;
        while read < taken / 2 {
            assert!(!put(&mut seam, picture()), "after {read} of {taken}");
            let (from, crossings) = heard.try_recv().unwrap().open();
            assert_eq!(from, Branch(0));
            read += pictures(&crossings);
        }
        while heard.try_recv().map(Batch::open).is_ok() {}
        for _ in 0..2 {
            assert!(put(&mut seam, picture()));
        }
        let (_, crossings) = heard.try_recv().unwrap().open();
        assert!(
            matches!(
                crossings[..],
                [(ROOM, Crossing::Lost), (ROOM, Crossing::Packet(..))]
            ),
            "{crossings:?}"
        );
        let (_, crossings) = heard.try_recv().unwrap().open();
        assert!(matches!(crossings[..], [(ROOM, Crossing::Packet(..))]));
        assert_eq!(seam.ways[1].under_way.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn what_is_said_together_wakes_the_other_once() {
        let mut both = seams(2).into_iter();
        let ((mut seam, _heard_here), (_, mut heard)) =
            (both.next().unwrap(), both.next().unwrap());
        for _ in 0..10 {
            seam.put(THERE, ROOM, picture());
        }
        seam.send();
        seam.send();
        assert_eq!(heard.try_recv().unwrap().open().1.len(), 10);
        assert!(heard.try_recv().is_err());
    }
}
