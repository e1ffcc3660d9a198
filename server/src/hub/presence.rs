//! Who is online. Pure; a person is online while any of their connections is, and for a grace time after the
//! last one ended, so that a reload or a short loss of network does not flicker.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long a person without a connection still counts as online.
pub const GRACE: Duration = Duration::from_secs(8);

#[derive(Clone, Copy, Debug)]
enum State {
    Connected(u32),
    Leaving(Instant),
}

/// Everybody who is online. `U` names a person.
#[derive(Debug)]
pub struct Presence<U> {
    people: BTreeMap<U, State>,
}

impl<U> Default for Presence<U> {
    fn default() -> Self {
        Self {
            people: BTreeMap::new(),
        }
    }
}

impl<U: Ord + Clone> Presence<U> {
    /// A connection of this person opened. True when that brings them online.
    pub fn connected(&mut self, person: &U) -> bool {
        match self.people.get_mut(person) {
            Some(State::Connected(count)) => {
                *count += 1;
                false
            }
            Some(leaving @ State::Leaving(_)) => {
                *leaving = State::Connected(1);
                false
            }
            None => {
                self.people.insert(person.clone(), State::Connected(1));
                true
            }
        }
    }

    /// A connection of this person ended.
    pub fn disconnected(&mut self, now: Instant, person: &U) {
        match self.people.get_mut(person) {
            Some(State::Connected(count)) if *count > 1 => *count -= 1,
            Some(state @ State::Connected(_)) => *state = State::Leaving(now + GRACE),
            Some(State::Leaving(_)) | None => {}
        }
    }

    /// Those whose grace is over: they are offline now.
    pub fn timeout(&mut self, now: Instant) -> Vec<U> {
        let gone: Vec<U> = self
            .people
            .iter()
            .filter(|(_, state)| matches!(state, State::Leaving(until) if *until <= now))
            .map(|(person, _)| person.clone())
            .collect();
        for person in &gone {
            self.people.remove(person);
        }
        gone
    }

    /// Whether the person is online.
    #[must_use]
    pub fn is_online(&self, person: &U) -> bool {
        self.people.contains_key(person)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reload_does_not_flicker_and_two_devices_count_once() {
        let mut presence = Presence::default();
        let start = Instant::now();
        assert!(presence.connected(&"anna"));
        assert!(!presence.connected(&"anna"));
        presence.disconnected(start, &"anna");
        assert!(
            presence.timeout(start + GRACE * 2).is_empty(),
            "one device is left"
        );
        presence.disconnected(start, &"anna");
        assert!(!presence.connected(&"anna"), "back within the grace time");
        presence.disconnected(start, &"anna");
        assert!(presence.timeout(start + GRACE / 2).is_empty());
        assert!(presence.is_online(&"anna"));
        assert_eq!(presence.timeout(start + GRACE), ["anna"]);
        assert!(!presence.is_online(&"anna"));
    }
}
