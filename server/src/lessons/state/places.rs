//! What browsers had on that have left a lesson. Who reloads leaves and comes back: the mute state is the server's, so that it
//! is not for the page to remember.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use protocol::{CallId, ClientId, UserId};
use signalling::{PeerKey, Source};

use super::{Lesson, Peer, State};

/// Browsers that are remembered of one person, the latest: ids of devices are the client's own.
const PER_PERSON: usize = 8;

/// The places of a lesson, until it ends.
#[derive(Debug, Default)]
pub(super) struct Places(BTreeMap<UserId, VecDeque<(ClientId, BTreeSet<Source>)>>);

impl Places {
    fn keep(&mut self, left: Peer) {
        let places = self.0.entry(left.user).or_default();
        places.retain(|(device, _)| *device != left.device);
        if places.len() == PER_PERSON {
            places.pop_front();
        }
        places.push_back((left.device, left.on));
    }

    fn had_on(&self, user: &UserId, device: &ClientId) -> BTreeSet<Source> {
        let mut places = self.0.get(user).into_iter().flatten();
        let place = places.find(|(of, _)| of == device);
        place.map(|(_, on)| on.clone()).unwrap_or_default()
    }
}

impl Lesson {
    /// Takes a browser out; its place is kept.
    pub(super) fn take_out(&mut self, peer: PeerKey) {
        if let Some(left) = self.peers.remove(&peer) {
            self.places.keep(left);
        }
    }
}

impl State {
    /// What a browser had on when it was last in a lesson; nothing when that is not known. Whoever is admitted is not in it.
    pub(in super::super) fn had_on(
        &self,
        call: &CallId,
        user: &UserId,
        device: &ClientId,
    ) -> BTreeSet<Source> {
        let lesson = self.lessons.get(call);
        lesson.map_or_else(BTreeSet::new, |lesson| lesson.places.had_on(user, device))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use protocol::RoomId;

    use super::*;
    use crate::hub::ConnId;

    fn call() -> CallId {
        CallId::parse("C1").unwrap()
    }

    fn anna() -> UserId {
        UserId::parse("anna").unwrap()
    }

    fn device(name: &str) -> ClientId {
        ClientId::parse(name).unwrap()
    }

    fn lesson() -> State {
        let mut state = State::new(10);
        let room = RoomId::parse("R1").unwrap();
        state.open(call(), room, true, Instant::now());
        state
    }

    fn enter(state: &mut State, name: &str, on: &[Source]) -> PeerKey {
        let (_, key, _) = state.admit(&call(), &anna(), &device(name)).unwrap();
        let peer = Peer::new(anna(), device(name), "s".to_owned(), ConnId(1), on.to_vec());
        assert!(state.enter(&call(), key, peer));
        key
    }

    fn had_on(state: &State, name: &str) -> Vec<Source> {
        let on = state.had_on(&call(), &anna(), &device(name));
        on.into_iter().collect()
    }

    #[test]
    fn who_left_finds_what_was_switched_last() {
        let mut state = lesson();
        let peer = enter(&mut state, "phone", &[Source::Mic, Source::Camera]);
        state.set(&call(), peer, Source::Mic, false);
        state.leave(&call(), peer, Instant::now());
        assert_eq!(had_on(&state, "phone"), [Source::Camera]);
        assert_eq!(had_on(&state, "laptop"), []);
    }

    #[test]
    fn who_comes_before_the_old_peer_is_gone_finds_it_too() {
        let mut state = lesson();
        let peer = enter(&mut state, "phone", &[Source::Mic]);
        state.set(&call(), peer, Source::Mic, false);
        state.set(&call(), peer, Source::Camera, true);
        state.admit(&call(), &anna(), &device("phone")).unwrap();
        assert_eq!(had_on(&state, "phone"), [Source::Camera]);
    }

    #[test]
    fn nothing_is_kept_for_the_next_lesson() {
        let mut state = lesson();
        let peer = enter(&mut state, "phone", &[Source::Mic]);
        state.leave(&call(), peer, Instant::now());
        state.close(&call());
        assert_eq!(had_on(&state, "phone"), []);
        let room = RoomId::parse("R1").unwrap();
        state.open(call(), room, true, Instant::now());
        assert_eq!(had_on(&state, "phone"), []);
    }

    #[test]
    fn one_person_fills_no_memory_with_devices() {
        let mut state = lesson();
        for nth in 0..100 {
            let peer = enter(&mut state, &format!("d{nth}"), &[Source::Mic]);
            state.leave(&call(), peer, Instant::now());
        }
        assert_eq!(had_on(&state, "d91"), []);
        assert_eq!(had_on(&state, "d92"), [Source::Mic]);
        let again = enter(&mut state, "d92", &[]);
        state.leave(&call(), again, Instant::now());
        assert_eq!(had_on(&state, "d92"), []);
        assert_eq!(had_on(&state, "d93"), [Source::Mic], "counted once");
    }
}
