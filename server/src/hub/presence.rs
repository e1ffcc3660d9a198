//! Who is online. Pure; a person is online while any of their connections is, on any node, and for a grace time after
//! the last one ended, so that a reload, a short loss of network or the loss of a node does not flicker.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// How long a person without a connection still counts as online.
pub const GRACE: Duration = Duration::from_secs(8);
/// How long the people of a node that is not heard of any more still count as online: they are coming to another.
pub const NODE_GRACE: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug)]
enum State {
    Connected(u32),
    Leaving(Instant),
}

#[derive(Debug)]
struct Peer<U> {
    people: BTreeSet<U>,
    lost: Option<Instant>,
}

/// Everybody who is online. `U` names a person, `N` another node.
#[derive(Debug)]
pub struct Presence<U, N> {
    here: BTreeMap<U, State>,
    peers: BTreeMap<N, Peer<U>>,
}

/// What a connection's coming or going changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// Whether the person is on this node now and was not, or the reverse.
    pub here: bool,
    /// The same over all nodes: others want to know.
    pub anywhere: bool,
}

impl<U, N> Default for Presence<U, N> {
    fn default() -> Self {
        Self {
            here: BTreeMap::new(),
            peers: BTreeMap::new(),
        }
    }
}

impl<U: Ord + Clone, N: Ord + Clone> Presence<U, N> {
    /// A connection of this person opened on this node.
    pub fn connected(&mut self, person: &U) -> Change {
        let anywhere = !self.is_online(person);
        match self.here.get_mut(person) {
            Some(State::Connected(count)) => *count += 1,
            Some(leaving @ State::Leaving(_)) => *leaving = State::Connected(1),
            None => {
                self.here.insert(person.clone(), State::Connected(1));
                return Change {
                    here: true,
                    anywhere,
                };
            }
        }
        Change {
            here: false,
            anywhere: false,
        }
    }

    /// A connection of this person on this node ended.
    pub fn disconnected(&mut self, now: Instant, person: &U) {
        match self.here.get_mut(person) {
            Some(State::Connected(count)) if *count > 1 => *count -= 1,
            Some(state @ State::Connected(_)) => *state = State::Leaving(now + GRACE),
            Some(State::Leaving(_)) | None => {}
        }
    }

    /// Those whose grace is over, with what that changed.
    pub fn timeout(&mut self, now: Instant) -> Vec<(U, Change)> {
        let gone: Vec<U> = self
            .here
            .iter()
            .filter(|(_, state)| matches!(state, State::Leaving(until) if *until <= now))
            .map(|(person, _)| person.clone())
            .collect();
        for person in &gone {
            self.here.remove(person);
        }
        let mut changes: Vec<(U, Change)> = gone
            .into_iter()
            .map(|person| {
                let anywhere = !self.is_online(&person);
                let change = Change {
                    here: true,
                    anywhere,
                };
                (person, change)
            })
            .collect();
        let lost: Vec<N> = self
            .peers
            .iter()
            .filter(|(_, peer)| peer.lost.is_some_and(|at| at + NODE_GRACE <= now))
            .map(|(node, _)| node.clone())
            .collect();
        for node in lost {
            let people = self.peers.remove(&node).map(|peer| peer.people);
            for person in people.into_iter().flatten() {
                let anywhere = !self.is_online(&person);
                changes.push((
                    person,
                    Change {
                        here: false,
                        anywhere,
                    },
                ));
            }
        }
        changes
    }

    /// Another node says that a person came to it or left it. True when that is news.
    pub fn elsewhere(&mut self, node: &N, person: &U, on: bool) -> bool {
        let before = self.is_online(person);
        let peer = self.peer(node);
        if on {
            peer.people.insert(person.clone());
        } else {
            peer.people.remove(person);
        }
        before != self.is_online(person)
    }

    /// Everybody who is on another node. Gives those for whom that is news, and whether they are online now.
    pub fn all_elsewhere(&mut self, node: &N, people: BTreeSet<U>) -> Vec<(U, bool)> {
        let before = std::mem::take(&mut self.peer(node).people);
        let touched: BTreeSet<U> = before.symmetric_difference(&people).cloned().collect();
        let peer = self.peer(node);
        peer.people = before;
        let was: Vec<(U, bool)> = touched
            .into_iter()
            .map(|person| {
                let on = self.is_online(&person);
                (person, on)
            })
            .collect();
        self.peer(node).people = people;
        was.into_iter()
            .filter(|(person, on)| self.is_online(person) != *on)
            .map(|(person, on)| (person, !on))
            .collect()
    }

    /// Nothing is heard of another node: its people go offline unless it, or they, come back in time.
    pub fn lost(&mut self, now: Instant, node: &N) {
        if let Some(peer) = self.peers.get_mut(node) {
            peer.lost.get_or_insert(now);
        }
    }

    /// Whether the person is online.
    #[must_use]
    pub fn is_online(&self, person: &U) -> bool {
        self.here.contains_key(person)
            || self.peers.values().any(|peer| peer.people.contains(person))
    }

    /// Everybody on this node.
    pub fn here(&self) -> impl Iterator<Item = &U> {
        self.here.keys()
    }

    // Whoever speaks is not lost.
    fn peer(&mut self, node: &N) -> &mut Peer<U> {
        let peer = self.peers.entry(node.clone()).or_insert_with(|| Peer {
            people: BTreeSet::new(),
            lost: None,
        });
        peer.lost = None;
        peer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEWS: Change = Change {
        here: true,
        anywhere: true,
    };
    const NO_NEWS: Change = Change {
        here: false,
        anywhere: false,
    };

    #[test]
    fn a_reload_does_not_flicker_and_two_devices_count_once() {
        let mut presence: Presence<&str, u8> = Presence::default();
        let start = Instant::now();
        assert_eq!(presence.connected(&"anna"), NEWS);
        assert_eq!(presence.connected(&"anna"), NO_NEWS);
        presence.disconnected(start, &"anna");
        assert!(
            presence.timeout(start + GRACE * 2).is_empty(),
            "one device is left"
        );
        presence.disconnected(start, &"anna");
        assert_eq!(
            presence.connected(&"anna"),
            NO_NEWS,
            "back within the grace"
        );
        presence.disconnected(start, &"anna");
        assert!(presence.timeout(start + GRACE / 2).is_empty());
        assert!(presence.is_online(&"anna"));
        assert_eq!(presence.timeout(start + GRACE), [("anna", NEWS)]);
        assert!(!presence.is_online(&"anna"));
    }

    #[test]
    fn a_person_on_two_nodes_leaves_only_with_the_last() {
        let mut presence: Presence<&str, u8> = Presence::default();
        let start = Instant::now();
        assert!(presence.elsewhere(&1, &"anna", true));
        let change = presence.connected(&"anna");
        assert!(change.here && !change.anywhere);
        assert!(!presence.elsewhere(&1, &"anna", false));
        presence.disconnected(start, &"anna");
        assert_eq!(presence.timeout(start + GRACE), [("anna", NEWS)]);
    }

    #[test]
    fn a_lost_node_takes_its_people_along_after_a_while() {
        let mut presence: Presence<&str, u8> = Presence::default();
        let start = Instant::now();
        let both = BTreeSet::from(["anna", "boris"]);
        assert_eq!(
            presence.all_elsewhere(&1, both.clone()),
            [("anna", true), ("boris", true)]
        );
        presence.lost(start, &1);
        assert!(presence.timeout(start + NODE_GRACE / 2).is_empty());
        assert!(
            presence.all_elsewhere(&1, both.clone()).is_empty(),
            "it is back"
        );
        assert!(presence.timeout(start + NODE_GRACE).is_empty());
        presence.lost(start, &1);
        assert!(!presence.connected(&"anna").anywhere, "she moved here");
        let gone: Vec<&str> = presence
            .timeout(start + NODE_GRACE)
            .into_iter()
            .filter(|(_, change)| change.anywhere)
            .map(|(person, _)| person)
            .collect();
        assert_eq!(gone, ["boris"]);
        assert_eq!(
            presence.all_elsewhere(&2, BTreeSet::from(["boris"])),
            [("boris", true)]
        );
        assert_eq!(
            presence.all_elsewhere(&2, BTreeSet::new()),
            [("boris", false)]
        );
    }
}
