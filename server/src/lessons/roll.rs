//! Who is in a lesson, as it is told. Pure. While few are in it everybody is told the whole list whenever it changes. When
//! many are, they are told once a second what changed: the whole list of some hundred, told to each whenever one comes,
//! would take more of a weak link than their sound.

use std::collections::BTreeMap;

use protocol::call::Participant;
use protocol::event::PeopleChange;
use protocol::limits::CALL_PEOPLE_WHOLE_MAX;
use protocol::{CallId, LiveEvent};

/// What of a lesson's list has been told.
#[derive(Debug, Default)]
pub(super) struct Roll {
    version: u32,
    told: Vec<Participant>,
    waits: bool,
}

impl Roll {
    /// Which telling was the latest: whoever gets the list another way knows by it which further ones are newer.
    pub(super) const fn version(&self) -> u32 {
        self.version
    }

    /// The list has changed: what to tell everybody at once, or nothing when that waits for [`Self::tell_waiting`].
    pub(super) fn changed(&mut self, call: &CallId, people: Vec<Participant>) -> Option<LiveEvent> {
        if people.len() > CALL_PEOPLE_WHOLE_MAX {
            self.waits = true;
            return None;
        }
        self.version += 1;
        self.waits = false;
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
        let d = change(&self.told, &people);
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
    use protocol::call::Whose;
    use protocol::{PeerId, UserId};

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
}
