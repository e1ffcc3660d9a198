//! Events waiting for the server. The media thread never waits for it: what describes a state is
//! replaced by newer news, so the queue is bounded by the number of peers and rooms, and `Gone`
//! is never lost.

use std::collections::VecDeque;

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::{MediaEvent, PeerKey, RoomKey, Source};

/// What an event is about: at most one of each waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Topic {
    Path(PeerKey),
    Slots(PeerKey),
    Untaken(PeerKey),
    Quality(PeerKey),
    Layers(PeerKey),
    Codec(PeerKey, Source),
    Speaking(RoomKey),
}

/// The queue in front of the server's channel.
#[derive(Debug)]
pub(crate) struct Events {
    to: mpsc::Sender<MediaEvent>,
    waiting: VecDeque<MediaEvent>,
}

impl Events {
    pub(crate) fn new(to: mpsc::Sender<MediaEvent>) -> Self {
        Self {
            to,
            waiting: VecDeque::new(),
        }
    }

    /// Adds an event in place of an older one on the same topic.
    pub(crate) fn push(&mut self, event: MediaEvent) {
        let new = topic(&event);
        match event {
            // Nothing said before about the dead matters any more, except an unheard `Gone`.
            MediaEvent::Gone { peer, .. } => self
                .waiting
                .retain(|old| matches!(old, MediaEvent::Gone { .. }) || !about(topic(old), peer)),
            MediaEvent::Connected { .. }
            | MediaEvent::Disconnected { .. }
            | MediaEvent::Slots { .. }
            | MediaEvent::Untaken { .. }
            | MediaEvent::Speaking { .. }
            | MediaEvent::Layers { .. }
            | MediaEvent::Codec { .. }
            | MediaEvent::Repeat { .. }
            | MediaEvent::Quality { .. } => self
                .waiting
                .retain(|old| matches!(old, MediaEvent::Gone { .. }) || topic(old) != new),
        }
        self.waiting.push_back(event);
    }

    /// Hands over what the server takes now.
    pub(crate) fn flush(&mut self) {
        while let Some(event) = self.waiting.pop_front() {
            match self.to.try_send(event) {
                Ok(()) => {}
                Err(TrySendError::Full(event)) => {
                    self.waiting.push_front(event);
                    return;
                }
                Err(TrySendError::Closed(_)) => self.waiting.clear(),
            }
        }
    }

    /// Whether something waits for room in the channel.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// The channel, to wait for room in it.
    pub(crate) fn channel(&self) -> mpsc::Sender<MediaEvent> {
        self.to.clone()
    }
}

fn topic(event: &MediaEvent) -> Topic {
    match event {
        MediaEvent::Connected { peer, .. }
        | MediaEvent::Disconnected { peer, .. }
        | MediaEvent::Gone { peer, .. } => Topic::Path(*peer),
        MediaEvent::Slots { peer, .. } => Topic::Slots(*peer),
        MediaEvent::Untaken { peer, .. } => Topic::Untaken(*peer),
        MediaEvent::Quality { peer, .. } => Topic::Quality(*peer),
        MediaEvent::Layers { peer, .. } => Topic::Layers(*peer),
        MediaEvent::Codec { peer, source, .. } | MediaEvent::Repeat { peer, source, .. } => {
            Topic::Codec(*peer, *source)
        }
        MediaEvent::Speaking { room, .. } => Topic::Speaking(*room),
    }
}

fn about(topic: Topic, peer: PeerKey) -> bool {
    match topic {
        Topic::Path(about)
        | Topic::Slots(about)
        | Topic::Untaken(about)
        | Topic::Quality(about)
        | Topic::Layers(about)
        | Topic::Codec(about, _) => about == peer,
        Topic::Speaking(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LinkQuality;

    const ROOM: RoomKey = RoomKey(1);

    fn link(down_bps: u64) -> LinkQuality {
        LinkQuality {
            transport: None,
            down_bps,
            sent_bps: 0,
            loss_pct: 0,
            up_bps: 0,
            up_loss_pct: 0,
            rtt_ms: 0,
        }
    }

    fn drain(from: &mut mpsc::Receiver<MediaEvent>) -> Vec<MediaEvent> {
        std::iter::from_fn(|| from.try_recv().ok()).collect()
    }

    #[test]
    fn a_full_server_gets_the_latest_state_and_every_gone() {
        let (to, mut from) = mpsc::channel(2);
        let mut events = Events::new(to);
        for n in 0..1_000 {
            let peer = PeerKey(n % 3);
            events.push(MediaEvent::Quality {
                room: ROOM,
                peer,
                link: link(n),
            });
            events.push(MediaEvent::Connected { room: ROOM, peer });
            events.flush();
        }
        events.push(MediaEvent::Gone {
            room: ROOM,
            peer: PeerKey(0),
        });
        events.push(MediaEvent::Gone {
            room: ROOM,
            peer: PeerKey(1),
        });
        assert!(events.waiting.len() <= 6);
        let mut got = Vec::new();
        while events.is_waiting() {
            got.extend(drain(&mut from));
            events.flush();
        }
        got.extend(drain(&mut from));
        assert_eq!(
            got.iter()
                .filter(|event| matches!(event, MediaEvent::Gone { .. }))
                .count(),
            2
        );
        let last = MediaEvent::Quality {
            room: ROOM,
            peer: PeerKey(2),
            link: link(998),
        };
        assert!(got.contains(&last), "{got:?}");
    }
}
