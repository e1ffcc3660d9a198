//! Who is in a lesson, as it is told. Pure. While few are in it everybody is told the whole list whenever it changes. When
//! many are, they are told once a second what changed: the whole list of some hundred, told to each whenever one comes,
//! would take more of a weak link than their sound.

use std::collections::BTreeMap;

use protocol::call::Participant;
use protocol::event::PeopleChange;
use protocol::limits::CALL_PEOPLE_WHOLE_MAX;
use protocol::{CallId, LiveEvent, PeerId};

/// What of a lesson's list has been told.
#[derive(Debug, Default)]
pub(super) struct Roll {
    version: u32,
    told: Vec<Participant>,
    waits: bool,
    /// Those whom somebody was given with the list otherwise than they were told last: they may be gone before the next
    /// telling, or as they were.
    given: BTreeMap<PeerId, Participant>,
}

impl Roll {
    /// Which telling was the latest: whoever gets the list another way knows by it which further ones are newer.
    pub(super) const fn version(&self) -> u32 {
        self.version
    }

    /// Somebody is given the list. What they see of it that is not told yet is corrected with the next telling.
    pub(super) fn give(&mut self, people: &[Participant]) {
        if !self.waits {
            return;
        }
        let told = |one: &&Participant| !self.told.contains(one);
        let fresh: Vec<&Participant> = people.iter().filter(told).collect();
        for one in fresh {
            self.given.insert(one.p.clone(), one.clone());
        }
    }

    /// The list has changed: what to tell everybody at once, or nothing when that waits for [`Self::tell_waiting`].
    pub(super) fn changed(&mut self, call: &CallId, people: Vec<Participant>) -> Option<LiveEvent> {
        if people.len() > CALL_PEOPLE_WHOLE_MAX {
            self.waits = true;
            return None;
        }
        self.version += 1;
        self.waits = false;
        self.given.clear();
        self.told.clone_from(&people);
        let (call, v) = (call.clone(), self.version);
        Some(LiveEvent::CallPeople { call, v, d: people })
    }

    /// Whether something waits to be told.
    pub(super) const fn waits(&self) -> bool {
        self.waits
    }

    /// What changed since it was told last.
    pub(super) fn tell_waiting(
        &mut self,
        call: &CallId,
        people: Vec<Participant>,
    ) -> Option<LiveEvent> {
        self.waits = false;
        let mut d = change(&self.told, &people);
        for (p, given) in std::mem::take(&mut self.given) {
            match people.iter().find(|one| one.p == p) {
                Some(one) if *one != given && !d.set.contains(one) => d.set.push(one.clone()),
                Some(_) => {}
                None if !d.gone.contains(&p) => d.gone.push(p),
                None => {}
            }
        }
        self.told = people;
        if d.set.is_empty() && d.gone.is_empty() {
            return None;
        }
        self.version += 1;
        let (call, v) = (call.clone(), self.version);
        Some(LiveEvent::CallChanged { call, v, d })
    }
}

fn change(before: &[Participant], now: &[Participant]) -> PeopleChange {
    let mut left: BTreeMap<_, _> = before.iter().map(|one| (&one.p, one)).collect();
    let set = now
        .iter()
        .filter(|one| left.remove(&one.p) != Some(one))
        .cloned()
        .collect();
    let gone = left.into_keys().cloned().collect();
    PeopleChange { set, gone }
}

#[cfg(test)]
mod tests {
    use protocol::UserId;
    use protocol::call::Whose;

    use super::*;

    fn call() -> CallId {
        CallId::parse("C1").unwrap()
    }

    fn one(key: usize, here: bool) -> Participant {
        Participant {
            p: PeerId::parse(key.to_string()).unwrap(),
            whose: Whose::Person(UserId::parse(format!("U{key}")).unwrap()),
            on: Vec::new(),
            here,
        }
    }

    fn people(count: usize) -> Vec<Participant> {
        (0..count).map(|key| one(key, true)).collect()
    }

    #[test]
    fn few_are_told_the_whole_list_at_once() {
        let mut roll = Roll::default();
        for (version, count) in [(1, 1), (2, CALL_PEOPLE_WHOLE_MAX), (3, 2)] {
            let told = roll.changed(&call(), people(count));
            let (call, d) = (call(), people(count));
            assert_eq!(
                told,
                Some(LiveEvent::CallPeople {
                    call,
                    v: version,
                    d
                })
            );
            assert!(!roll.waits());
        }
    }

    #[test]
    fn many_are_told_what_changed() {
        let mut roll = Roll::default();
        roll.changed(&call(), people(CALL_PEOPLE_WHOLE_MAX));
        let mut now = people(CALL_PEOPLE_WHOLE_MAX + 2);
        assert_eq!(roll.changed(&call(), now.clone()), None);
        now[3].here = false;
        now.remove(0);
        assert_eq!(roll.changed(&call(), now.clone()), None);
        assert!(roll.waits());
        let Some(LiveEvent::CallChanged { v: 2, d, .. }) = roll.tell_waiting(&call(), now.clone())
        else {
            panic!("nothing was told");
        };
        let new = [
            one(3, false),
            one(CALL_PEOPLE_WHOLE_MAX, true),
            one(CALL_PEOPLE_WHOLE_MAX + 1, true),
        ];
        assert_eq!(d.set, new);
        assert_eq!(d.gone, [PeerId::parse("0").unwrap()]);
        assert_eq!(roll.tell_waiting(&call(), now), None, "it was told");
    }

    #[test]
    fn who_came_and_went_between_two_tellings_is_not_told() {
        let mut roll = Roll::default();
        let all = people(CALL_PEOPLE_WHOLE_MAX + 1);
        roll.changed(&call(), all.clone());
        roll.tell_waiting(&call(), all.clone());
        let mut more = all.clone();
        more.push(one(900, true));
        roll.changed(&call(), more);
        roll.changed(&call(), all.clone());
        assert_eq!(roll.tell_waiting(&call(), all), None);
        assert_eq!(roll.version(), 1);
    }

    #[test]
    fn who_was_given_a_list_in_between_is_told_what_became_of_it() {
        let mut roll = Roll::default();
        let all = people(CALL_PEOPLE_WHOLE_MAX + 1);
        roll.changed(&call(), all.clone());
        roll.tell_waiting(&call(), all.clone());
        // One comes and another's link is lost, which somebody sees who joins now.
        let mut more = all.clone();
        more.push(one(900, true));
        more[3].here = false;
        roll.changed(&call(), more.clone());
        roll.give(&more);
        // Both are as before when it is told.
        roll.changed(&call(), all.clone());
        let Some(LiveEvent::CallChanged { d, .. }) = roll.tell_waiting(&call(), all) else {
            panic!("nothing was told");
        };
        assert_eq!(d.set, [one(3, true)]);
        assert_eq!(d.gone, [PeerId::parse("900").unwrap()]);
    }
}
