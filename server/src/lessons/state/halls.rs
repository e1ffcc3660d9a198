//! Devices that are connected, by the room whose token they have. They may come before a lesson and stay after it; without
//! one nothing of theirs goes anywhere.

use std::collections::{BTreeMap, BTreeSet};

use protocol::call::{CallDevice, Participant, Whose};
use protocol::{CallId, DeviceId, RoomId};
use signalling::{PeerKey, RoomKey, Source};

use super::super::media;
use super::{Lesson, State};

/// The devices of a room.
#[derive(Debug)]
pub(super) struct Hall {
    /// The media plane's room: that of the lesson, when one is on.
    pub(super) key: RoomKey,
    devices: BTreeMap<PeerKey, Present>,
}

/// A device that is connected.
#[derive(Clone, Debug)]
pub(in super::super) struct Present {
    /// Which.
    pub(in super::super) device: CallDevice,
    /// The name of its session in addresses: random.
    pub(in super::super) session: String,
    /// User name fragment of its ICE agent (RFC 8839 §5.4).
    pub(in super::super) ufrag: String,
    /// What it offers to send.
    pub(in super::super) sources: BTreeSet<Source>,
    /// Whether media can flow.
    pub(in super::super) here: bool,
}

impl State {
    /// Takes a device in. Gives the room and the key of its new peer, and the peers of the same device that it replaces,
    /// which are out from now on. `None` when there is no place.
    pub(in super::super) fn admit_device(
        &mut self,
        room: &RoomId,
        present: Present,
    ) -> Option<(RoomKey, PeerKey, Vec<PeerKey>)> {
        let peer = PeerKey(self.fresh_key());
        let fresh = RoomKey(self.fresh_key());
        let lesson = self.lesson_in(room).map(|(_, lesson)| lesson);
        let (key, people) = lesson.map_or((fresh, 0), |lesson| (lesson.key, lesson.peers.len()));
        let known = self.halls.get(room).into_iter();
        let of_device = |(_, known): &(&PeerKey, &Present)| known.device.id == present.device.id;
        let before: Vec<PeerKey> = known
            .flat_map(|hall| &hall.devices)
            .filter(of_device)
            .map(|(peer, _)| *peer)
            .collect();
        if people + self.count_devices(room) - before.len() >= self.people_max {
            return None;
        }
        let hall = self.halls.entry(room.clone()).or_insert_with(|| Hall {
            key,
            devices: BTreeMap::new(),
        });
        for old in &before {
            hall.devices.remove(old);
        }
        hall.devices.insert(peer, present);
        Some((hall.key, peer, before))
    }

    /// Takes a device out; gives the lesson that it was in. The hall goes with the last one.
    pub(in super::super) fn leave_device(&mut self, peer: PeerKey) -> Option<CallId> {
        let call = self.call_of_device(peer);
        for hall in self.halls.values_mut() {
            hall.devices.remove(&peer);
        }
        self.halls.retain(|_, hall| !hall.devices.is_empty());
        call
    }

    /// A device's session, when it is that device's.
    pub(in super::super) fn session_of_device(
        &self,
        device: &DeviceId,
        session: &str,
    ) -> Option<(PeerKey, &Present)> {
        let fits = |present: &Present| present.device.id == *device && present.session == session;
        self.devices().find(|(_, present)| fits(present))
    }

    pub(in super::super) fn peers_of_device(&self, device: &DeviceId) -> Vec<PeerKey> {
        self.devices()
            .filter(|(_, present)| present.device.id == *device)
            .map(|(peer, _)| peer)
            .collect()
    }

    /// Every device that is connected, each once.
    pub(in super::super) fn connected_devices(&self) -> BTreeSet<DeviceId> {
        self.devices()
            .map(|(_, present)| present.device.id.clone())
            .collect()
    }

    pub(in super::super) fn is_device(&self, peer: PeerKey) -> bool {
        self.devices().any(|(known, _)| known == peer)
    }

    pub(in super::super) fn set_device_here(&mut self, peer: PeerKey, here: bool) {
        for hall in self.halls.values_mut() {
            if let Some(present) = hall.devices.get_mut(&peer) {
                present.here = here;
            }
        }
    }

    /// The lesson that is on in a device's room.
    pub(super) fn call_of_device(&self, peer: PeerKey) -> Option<CallId> {
        let mut halls = self.halls.iter();
        let (room, _) = halls.find(|(_, hall)| hall.devices.contains_key(&peer))?;
        self.lesson_in(room).map(|(call, _)| call.clone())
    }

    /// What the devices of a room offer to send, and whether it is to be dropped.
    pub(in super::super) fn device_mutes(&self, room: &RoomId) -> Vec<(PeerKey, Source, bool)> {
        let Some(hall) = self.halls.get(room) else {
            return Vec::new();
        };
        let lesson = self.lesson_in(room).map(|(_, lesson)| lesson);
        let mut mutes = Vec::new();
        for (peer, present) in &hall.devices {
            let on = lesson
                .map(|lesson| sends(lesson, present))
                .unwrap_or_default();
            for source in &present.sources {
                mutes.push((*peer, *source, !on.contains(source)));
            }
        }
        mutes
    }

    /// Rooms with devices.
    pub(in super::super) fn halls(&self) -> Vec<RoomId> {
        self.halls.keys().cloned().collect()
    }

    /// Switches a source of a device for the rest of a lesson, also when it comes back in between. Gives the room; `None`
    /// when the lesson has no such device.
    pub(in super::super) fn switch_device(
        &mut self,
        call: &CallId,
        peer: PeerKey,
        source: Source,
        on: bool,
    ) -> Option<RoomId> {
        let lesson = self.lessons.get_mut(call)?;
        let present = self.halls.get(&lesson.room)?.devices.get(&peer)?;
        let off = lesson.off.entry(present.device.id.clone()).or_default();
        if on {
            off.remove(&source);
        } else {
            off.insert(source);
        }
        Some(lesson.room.clone())
    }

    /// The devices in a lesson, as participants.
    pub(super) fn devices_in<'a>(
        &'a self,
        lesson: &'a Lesson,
    ) -> impl Iterator<Item = Participant> + 'a {
        let hall = self.halls.get(&lesson.room);
        let devices = hall.into_iter().flat_map(|hall| &hall.devices);
        devices.map(|(peer, present)| Participant {
            p: media::peer_id(*peer),
            whose: Whose::Device(present.device.clone()),
            on: sends(lesson, present)
                .into_iter()
                .map(media::to_wire)
                .collect(),
            here: present.here,
        })
    }

    pub(super) fn count_devices(&self, room: &RoomId) -> usize {
        self.halls.get(room).map_or(0, |hall| hall.devices.len())
    }

    // The latest, should the end of an earlier one not have been heard of.
    fn lesson_in(&self, room: &RoomId) -> Option<(&CallId, &Lesson)> {
        let mut lessons = self.lessons.iter().rev();
        lessons.find(|(_, lesson)| lesson.room == *room)
    }

    fn devices(&self) -> impl Iterator<Item = (PeerKey, &Present)> {
        let devices = self.halls.values().flat_map(|hall| &hall.devices);
        devices.map(|(peer, present)| (*peer, present))
    }
}

fn sends(lesson: &Lesson, present: &Present) -> BTreeSet<Source> {
    let off = lesson.off.get(&present.device.id);
    let is_off = |source: &Source| off.is_some_and(|off| off.contains(source));
    let sources = present.sources.iter().copied();
    sources.filter(|source| !is_off(source)).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use protocol::device::DeviceKind;

    use super::*;

    fn room() -> RoomId {
        RoomId::parse("R1").unwrap()
    }

    fn call(id: &str) -> CallId {
        CallId::parse(id).unwrap()
    }

    fn camera(id: &str) -> Present {
        Present {
            device: CallDevice {
                id: DeviceId::parse(id).unwrap(),
                name: "Камера".to_owned(),
                does: DeviceKind::Publish,
            },
            session: "s".to_owned(),
            ufrag: "u".to_owned(),
            sources: BTreeSet::from([Source::Camera]),
            here: true,
        }
    }

    fn enter(state: &mut State, device: Present) -> (RoomKey, PeerKey) {
        let (key, peer, _) = state.admit_device(&room(), device).unwrap();
        (key, peer)
    }

    #[test]
    fn a_device_that_comes_again_stays_when_its_old_peer_is_told_to_be_gone() {
        let mut state = State::new(10);
        let (key, old) = enter(&mut state, camera("D1"));
        let (again, peer, before) = state.admit_device(&room(), camera("D1")).unwrap();
        assert_eq!((again, before), (key, vec![old]));
        state.leave_device(old);
        let device = DeviceId::parse("D1").unwrap();
        assert_eq!(state.peers_of_device(&device), [peer]);
        assert_eq!(state.device_mutes(&room()), [(peer, Source::Camera, true)]);
    }

    #[test]
    fn a_device_that_waits_is_in_the_lesson_when_it_begins_and_waits_again_afterwards() {
        let mut state = State::new(10);
        let (key, peer) = enter(&mut state, camera("D1"));
        assert_eq!(state.device_mutes(&room()), [(peer, Source::Camera, true)]);
        state.open(call("C1"), room(), true, Instant::now());
        assert_eq!(state.device_mutes(&room()), [(peer, Source::Camera, false)]);
        assert_eq!(state.call_with_key(key), Some(call("C1")));
        assert_eq!(state.people(&call("C1")).0.len(), 1);
        assert!(state.close(&call("C1")).is_empty(), "the device stays");
        assert_eq!(state.device_mutes(&room()), [(peer, Source::Camera, true)]);
        assert_eq!(state.call_of(peer), None);
    }

    #[test]
    fn a_device_that_comes_later_meets_the_lesson() {
        let mut state = State::new(10);
        state.open(call("C1"), room(), true, Instant::now());
        let (key, peer) = enter(&mut state, camera("D1"));
        assert_eq!(state.call_with_key(key), Some(call("C1")));
        assert_eq!(state.leave_device(peer), Some(call("C1")));
        assert!(state.people(&call("C1")).0.is_empty() && state.halls().is_empty());
    }

    #[test]
    fn a_device_alone_does_not_keep_a_lesson_going() {
        let mut state = State::new(10);
        let begin = Instant::now();
        state.open(call("C1"), room(), true, begin);
        enter(&mut state, camera("D1"));
        let minute = std::time::Duration::from_secs(60);
        assert_eq!(state.empty_for(begin + minute, minute), [call("C1")]);
    }

    #[test]
    fn what_the_staff_switched_off_stays_off_when_the_device_comes_back() {
        let mut state = State::new(10);
        state.open(call("C1"), room(), true, Instant::now());
        let (_, peer) = enter(&mut state, camera("D1"));
        let switched = state.switch_device(&call("C1"), peer, Source::Camera, false);
        assert_eq!(switched, Some(room()));
        let (_, again) = enter(&mut state, camera("D1"));
        assert_ne!(peer, again);
        assert_eq!(state.device_mutes(&room()), [(again, Source::Camera, true)]);
        assert!(
            state
                .switch_device(&call("C1"), peer, Source::Camera, true)
                .is_none()
        );
    }
}
