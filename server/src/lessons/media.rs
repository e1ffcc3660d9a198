//! Between the wire's words and the media plane's.

use std::time::Instant;

use protocol::call::{
    Codec as WireCodec, Slot, SlotStream, Source as WireSource, SourceCodec, Via,
};
use protocol::event::{Quality, Speaking};
use protocol::{CallId, LiveEvent, PeerId};
use signalling::{Codec, LinkQuality, MediaEvent, PeerKey, Source, Transport};

use super::Lessons;
use super::state::State;
use crate::hub::ConnId;
use crate::ws::{Class, encode};

impl Lessons {
    pub(super) fn media_event(&self, event: MediaEvent) {
        match event {
            MediaEvent::Connected { peer, .. } => self.here(peer, true),
            MediaEvent::Disconnected { peer, .. } => self.here(peer, false),
            MediaEvent::Gone { peer, .. } => self.gone(peer),
            MediaEvent::Slots { peer, slots, .. } => self.slots(peer, &slots),
            MediaEvent::Untaken { peer, streams, .. } => self.untaken(peer, &streams),
            MediaEvent::Layers { peer, count, .. } => self.layers(peer, count),
            MediaEvent::Codec {
                peer,
                source,
                codec,
                ..
            } => {
                let codec = match codec {
                    Codec::Vp8 => WireCodec::Vp8,
                    Codec::Vp9 => WireCodec::Vp9,
                    Codec::Av1 => WireCodec::Av1,
                    Codec::H264 => WireCodec::H264,
                };
                self.codec(peer, source, codec);
            }
            MediaEvent::Repeat {
                peer,
                source,
                repeats,
                ..
            } => {
                let codec = if repeats {
                    WireCodec::Red
                } else {
                    WireCodec::Opus
                };
                self.codec(peer, source, codec);
            }
            MediaEvent::Speaking {
                room,
                speakers,
                active,
            } => {
                let Some(call) = self.lock().call_with_key(room) else {
                    return;
                };
                let speakers = speakers.into_iter().map(peer_id).collect();
                let d = Speaking {
                    speakers,
                    active: active.map(peer_id),
                };
                self.tell_all(
                    &call.clone(),
                    Class::Passing,
                    &LiveEvent::CallSpeaking { call, d },
                );
            }
            MediaEvent::Quality { peer, link, .. } => self.quality(peer, &link),
        }
    }

    /// Tells everybody in the lesson who is in it: at once, or soon when many are.
    pub(super) fn tell_people(&self, call: &CallId) {
        let mut state = self.lock();
        let event = state.people_changed(call);
        self.tell_in_order(&state, call, event);
    }

    /// Tells what waited in lessons of many.
    pub(super) fn tell_changes(&self) {
        let mut state = self.lock();
        for call in state.with_changes() {
            let event = state.changes(&call);
            self.tell_in_order(&state, &call, event);
        }
    }

    // With the state in hand, so that what was told first also arrives first.
    fn tell_in_order(&self, state: &State, call: &CallId, event: Option<LiveEvent>) {
        let Some(event) = event else { return };
        let frame = encode(&event);
        for conn in state.conns(call) {
            self.switchboard.tell(conn, Class::Kept, frame.clone());
        }
    }

    /// Tells a connection that came back who is here, what its slots carry, which layers of its camera are of use, and in
    /// which codecs to send.
    pub(super) fn tell_again(&self, call: &CallId, conn: ConnId) {
        {
            let mut state = self.lock();
            let (d, v) = state.give_people(call);
            let call = call.clone();
            self.tell_conn(
                Some(conn),
                Class::Kept,
                &LiveEvent::CallPeople { call, v, d },
            );
        }
        let told = self.lock().told(call, conn);
        if let Some(told) = told {
            let d = told.slots;
            self.tell_conn(
                Some(conn),
                Class::Kept,
                &LiveEvent::CallSlots {
                    call: call.clone(),
                    d,
                },
            );
            if !told.untaken.is_empty() {
                let (call, d) = (call.clone(), told.untaken);
                self.tell_conn(Some(conn), Class::Kept, &LiveEvent::CallUntaken { call, d });
            }
            if let Some(d) = told.layers {
                let call = call.clone();
                self.tell_conn(Some(conn), Class::Kept, &LiveEvent::CallLayers { call, d });
            }
            for d in told.codecs {
                let call = call.clone();
                self.tell_conn(Some(conn), Class::Kept, &LiveEvent::CallCodec { call, d });
            }
        }
    }

    fn quality(&self, peer: PeerKey, link: &LinkQuality) {
        let d = link_to_wire(link);
        self.metrics.link(&d);
        let mut state = self.lock();
        let Some(call) = state.call_of(peer) else {
            return;
        };
        let conn = state.set_quality(&call, peer, d.clone());
        drop(state);
        self.tell_conn(conn, Class::Passing, &LiveEvent::CallQuality { call, d });
    }

    /// Tells staff who asked how everybody's link does.
    pub(super) fn tell_links(&self) {
        let all = self.lock().links(Instant::now());
        for (call, conns, d) in all {
            let frame = encode(&LiveEvent::CallLinks { call, d });
            for conn in conns {
                self.switchboard.tell(conn, Class::Passing, frame.clone());
            }
        }
    }

    fn here(&self, peer: PeerKey, here: bool) {
        let mut state = self.lock();
        state.set_device_here(peer, here);
        let Some(call) = state.call_of(peer) else {
            return;
        };
        let asked = state.set_here(&call, peer, here);
        drop(state);
        if let Some(asked) = asked {
            self.metrics.joined(asked.elapsed());
        }
        self.tell_people(&call);
    }

    fn gone(&self, peer: PeerKey) {
        if self.lock().is_device(peer) {
            return self.device_gone(peer);
        }
        let mut state = self.lock();
        let Some(call) = state.call_of(peer) else {
            return;
        };
        let conn = state.conn_of(&call, peer);
        state.leave(&call, peer, Instant::now());
        drop(state);
        tracing::info!(%call, peer = peer.0, "a peer's media is gone");
        self.tell_conn(
            conn,
            Class::Kept,
            &LiveEvent::CallGone { call: call.clone() },
        );
        self.tell_people(&call);
    }

    fn slots(&self, peer: PeerKey, slots: &[signalling::Slot]) {
        let d: Vec<Slot> = slots
            .iter()
            .map(|slot| Slot {
                mid: slot.mid.clone(),
                from: slot.stream.map(|(peer, source)| SlotStream {
                    p: peer_id(peer),
                    src: to_wire(source),
                }),
                paused: slot.paused,
            })
            .collect();
        let mut state = self.lock();
        let Some(call) = state.call_of(peer) else {
            return;
        };
        let conn = state.set_slots(&call, peer, d.clone());
        drop(state);
        self.tell_conn(conn, Class::Kept, &LiveEvent::CallSlots { call, d });
    }

    fn untaken(&self, peer: PeerKey, streams: &[(PeerKey, Source)]) {
        let stream = |(peer, source): &(PeerKey, Source)| SlotStream {
            p: peer_id(*peer),
            src: to_wire(*source),
        };
        let d: Vec<SlotStream> = streams.iter().map(stream).collect();
        let mut state = self.lock();
        let Some(call) = state.call_of(peer) else {
            return;
        };
        let conn = state.set_untaken(&call, peer, d.clone());
        drop(state);
        self.tell_conn(conn, Class::Kept, &LiveEvent::CallUntaken { call, d });
    }

    fn layers(&self, peer: PeerKey, count: u8) {
        let mut state = self.lock();
        let Some(call) = state.call_of(peer) else {
            return;
        };
        let conn = state.set_layers(&call, peer, count);
        drop(state);
        let d = count;
        self.tell_conn(conn, Class::Kept, &LiveEvent::CallLayers { call, d });
    }

    fn codec(&self, peer: PeerKey, source: Source, codec: WireCodec) {
        let mut state = self.lock();
        let Some(call) = state.call_of(peer) else {
            return;
        };
        let d = SourceCodec {
            src: to_wire(source),
            codec,
        };
        let conn = state.set_codec(&call, peer, &d);
        drop(state);
        self.tell_conn(conn, Class::Kept, &LiveEvent::CallCodec { call, d });
    }

    fn tell_all(&self, call: &CallId, class: Class, event: &LiveEvent) {
        let frame = encode(event);
        let conns = self.lock().conns(call);
        for conn in conns {
            self.switchboard.tell(conn, class, frame.clone());
        }
    }

    fn tell_conn(&self, conn: Option<ConnId>, class: Class, event: &LiveEvent) {
        if let Some(conn) = conn {
            self.switchboard.tell(conn, class, encode(event));
        }
    }
}

pub(super) fn peer_id(key: PeerKey) -> PeerId {
    // Digits are always a valid id.
    PeerId::parse(key.0.to_string()).unwrap_or_else(|_| unreachable!("digits are an id"))
}

pub(super) fn peer_key(id: &PeerId) -> Option<PeerKey> {
    id.as_str().parse().ok().map(PeerKey)
}

fn link_to_wire(link: &LinkQuality) -> Quality {
    let kbps = |bps: u64| u32::try_from(bps / 1_000).unwrap_or(u32::MAX);
    Quality {
        via: link.transport.map(|transport| match transport {
            Transport::Udp => Via::Udp,
            Transport::Tcp => Via::Tcp,
            Transport::Relay => Via::Relay,
        }),
        down_kbps: kbps(link.down_bps),
        sent_kbps: kbps(link.sent_bps),
        loss_pct: link.loss_pct,
        up_kbps: kbps(link.up_bps),
        up_loss_pct: link.up_loss_pct,
        rtt_ms: link.rtt_ms,
    }
}

pub(super) const fn from_wire(source: WireSource) -> Source {
    match source {
        WireSource::Mic => Source::Mic,
        WireSource::Camera => Source::Camera,
        WireSource::Screen => Source::Screen,
        WireSource::ScreenAudio => Source::ScreenAudio,
    }
}

pub(super) const fn to_wire(source: Source) -> WireSource {
    match source {
        Source::Mic => WireSource::Mic,
        Source::Camera => WireSource::Camera,
        Source::Screen => WireSource::Screen,
        Source::ScreenAudio => WireSource::ScreenAudio,
    }
}

#[cfg(test)]
mod tests {
    use protocol::call::Source::{Camera, Mic};
    use protocol::{ClientId, RoomId, UserId};
    use signalling::MediaStats;

    use super::super::LessonFigures;
    use super::super::state::Peer;
    use super::*;
    use crate::metrics::{Metrics, Snapshot};
    use crate::ws::DropCounts;

    const POOR: LinkQuality = LinkQuality {
        transport: Some(Transport::Udp),
        down_bps: 800_000,
        sent_bps: 400_999,
        loss_pct: 12,
        up_bps: 64_000,
        up_loss_pct: 30,
        rtt_ms: 420,
    };

    #[test]
    fn what_was_lost_of_a_link_is_told_to_who_watches() {
        let mut state = State::new(10);
        let call = CallId::parse("C1").unwrap();
        let room = RoomId::parse("R1").unwrap();
        state.open(call.clone(), room, true, Instant::now());
        let mut enter = |name: &str, conn: u64| {
            let (user, device) = (UserId::parse(name).unwrap(), ClientId::parse(name).unwrap());
            let (_, key, _) = state.admit(&call, &user, &device).unwrap();
            let on = vec![from_wire(Mic), from_wire(Camera)];
            let peer = Peer::new(user, device, name.to_owned(), ConnId(conn), on);
            assert!(state.enter(&call, key, peer));
            key
        };
        let (teacher, student) = (enter("teacher", 1), enter("student", 2));
        state.set_watches(&call, teacher, true);
        let told = state.set_quality(&call, student, link_to_wire(&POOR));
        assert_eq!(told, Some(ConnId(2)));
        let all = state.links(Instant::now());
        let [(_, watchers, links)] = &all[..] else {
            panic!("one lesson: {all:?}");
        };
        assert_eq!(watchers[..], [ConnId(1)]);
        let of = |key| links.iter().find(|link| link.p == peer_id(key)).unwrap();
        assert_eq!(of(teacher).q, None);
        let quality = of(student).q.as_ref().unwrap();
        assert_eq!((quality.loss_pct, quality.up_loss_pct), (12, 30));
        assert_eq!((quality.down_kbps, quality.sent_kbps), (800, 400));
        assert_eq!((quality.up_kbps, quality.rtt_ms), (64, 420));
    }

    #[test]
    fn what_was_lost_of_links_is_in_the_figures_by_its_share() {
        let metrics = Metrics::default();
        for (down, up) in [(12, 30), (0, 0), (3, 0)] {
            metrics.link(&link_to_wire(&LinkQuality {
                loss_pct: down,
                up_loss_pct: up,
                ..POOR
            }));
        }
        let page = metrics.page(&Snapshot {
            connections: 0,
            drops: DropCounts::default(),
            lessons: LessonFigures::default(),
            media: MediaStats::default(),
        });
        for line in [
            "parta_link_down_loss_ratio_sum 0.15",
            "parta_link_down_loss_ratio_bucket{le=\"0.0\"} 1",
            "parta_link_down_loss_ratio_bucket{le=\"0.05\"} 2",
            "parta_link_down_loss_ratio_bucket{le=\"0.1\"} 2",
            "parta_link_down_loss_ratio_bucket{le=\"0.2\"} 3",
            "parta_link_up_loss_ratio_sum 0.3",
            "parta_link_up_loss_ratio_bucket{le=\"0.2\"} 2",
            "parta_link_up_loss_ratio_bucket{le=\"0.5\"} 3",
        ] {
            assert!(page.lines().any(|known| known == line), "{line}:\n{page}");
        }
    }
}
