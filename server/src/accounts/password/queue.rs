//! Whose turn it is: round robin over the sources that wait, so that one of them, however many it sends, takes a turn in
//! each round and no more. Pure.

use std::collections::{BTreeMap, VecDeque};

/// Who has a turn, and who waits for one, by where they come from. `T` stands for one who waits.
#[derive(Debug)]
pub(super) struct Queue<S, T> {
    /// Turns that nobody has.
    free: usize,
    /// How many may wait.
    most: usize,
    waiting: usize,
    lines: BTreeMap<S, VecDeque<(u64, T)>>,
    /// Sources with somebody who waits; the next one's turn first.
    round: VecDeque<S>,
    next: u64,
}

/// What becomes of somebody who comes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Joined<T> {
    /// They have a turn.
    Turn,
    /// They wait, under this number. Who is named here had the last place of the longest line and has to go: the queue
    /// was full, and others have a right to a part of it.
    Waits(u64, Option<T>),
    /// There is no place.
    Full,
}

impl<S: Ord + Copy, T> Queue<S, T> {
    pub(super) fn new(turns: usize, most: usize) -> Self {
        Self {
            free: turns,
            most,
            waiting: 0,
            lines: BTreeMap::new(),
            round: VecDeque::new(),
            next: 0,
        }
    }

    /// Somebody comes. A source may have all places while no other wants one.
    pub(super) fn join(&mut self, from: S, who: T) -> Joined<T> {
        if self.free > 0 {
            self.free -= 1;
            return Joined::Turn;
        }
        let mut gone = None;
        if self.waiting >= self.most {
            let own = self.lines.get(&from).map_or(0, VecDeque::len);
            let longest = self.lines.iter().max_by_key(|(_, line)| line.len());
            let Some((source, _)) = longest.filter(|(_, line)| line.len() > own + 1) else {
                return Joined::Full;
            };
            let source = *source;
            gone = self.lines.get_mut(&source).and_then(VecDeque::pop_back);
            self.waiting -= 1;
        }
        let number = self.next;
        self.next += 1;
        let line = self.lines.entry(from).or_default();
        if line.is_empty() {
            self.round.push_back(from);
        }
        line.push_back((number, who));
        self.waiting += 1;
        Joined::Waits(number, gone.map(|(_, who)| who))
    }

    /// Somebody who waited goes away. False when they do not wait any more.
    pub(super) fn leave(&mut self, from: S, number: u64) -> bool {
        let Some(line) = self.lines.get_mut(&from) else {
            return false;
        };
        let before = line.len();
        line.retain(|(waits, _)| *waits != number);
        if line.len() == before {
            return false;
        }
        self.waiting -= 1;
        if line.is_empty() {
            self.lines.remove(&from);
            self.round.retain(|source| *source != from);
        }
        true
    }

    /// A turn is over. Gives whose it is now; without anybody it is free.
    pub(super) fn over(&mut self) -> Option<T> {
        let Some(source) = self.round.pop_front() else {
            self.free += 1;
            return None;
        };
        let line = self.lines.get_mut(&source)?;
        let next = line.pop_front();
        if line.is_empty() {
            self.lines.remove(&source);
        } else {
            self.round.push_back(source);
        }
        self.waiting -= usize::from(next.is_some());
        next.map(|(_, who)| who)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn order(queue: &mut Queue<char, String>) -> Vec<String> {
        std::iter::from_fn(|| queue.over()).collect()
    }

    fn come(queue: &mut Queue<char, String>, names: &[&str]) {
        for name in names {
            let from = name.chars().next().unwrap();
            let joined = queue.join(from, (*name).to_owned());
            assert!(
                matches!(joined, Joined::Waits(_, None)),
                "{name}: {joined:?}"
            );
        }
    }

    #[test]
    fn sources_take_turns_and_within_one_it_goes_by_coming() {
        let mut queue = Queue::new(1, 100);
        assert_eq!(queue.join('x', String::new()), Joined::Turn);
        come(&mut queue, &["a1", "a2", "a3", "a4", "b1", "b2", "c1"]);
        let expected = ["a1", "b1", "c1", "a2", "b2", "a3", "a4"];
        assert_eq!(order(&mut queue), expected);
        assert_eq!(
            queue.join('x', String::new()),
            Joined::Turn,
            "it is free again"
        );
    }

    #[test]
    fn one_source_has_all_places_until_another_comes_and_then_a_share() {
        let mut queue = Queue::new(0, 4);
        come(&mut queue, &["a1", "a2", "a3", "a4"]);
        assert_eq!(queue.join('a', "a5".to_owned()), Joined::Full);
        let mut gone = Vec::new();
        for name in ["b1", "b2", "b3"] {
            match queue.join('b', name.to_owned()) {
                Joined::Waits(_, who) => gone.extend(who),
                Joined::Full => gone.push(format!("not {name}")),
                Joined::Turn => panic!("there are no turns"),
            }
        }
        assert_eq!(
            gone,
            ["a4", "a3", "not b3"],
            "who came last, down to the half"
        );
        assert_eq!(order(&mut queue), ["a1", "b1", "a2", "b2"]);
    }

    #[test]
    fn who_leaves_leaves_no_trace() {
        let mut queue = Queue::new(0, 2);
        let Joined::Waits(first, None) = queue.join('a', "a1".to_owned()) else {
            panic!("no place")
        };
        come(&mut queue, &["b1"]);
        assert!(queue.leave('a', first));
        assert!(!queue.leave('a', first));
        come(&mut queue, &["c1"]);
        assert_eq!(order(&mut queue), ["b1", "c1"]);
        assert!(!queue.leave('b', 1));
    }

    proptest! {
        #[test]
        fn nobody_is_lost_and_no_share_is_taken(ops in prop::collection::vec((0_u8..4, 0_u8..4), 0..200)) {
            let (turns, most) = (2, 6);
            let mut queue = Queue::new(turns, most);
            let mut waiting: Vec<(u8, u64)> = Vec::new();
            let mut busy = 0;
            for (what, from) in ops {
                let count = |waiting: &[(u8, u64)], of: u8| waiting.iter().filter(|(source, _)| *source == of).count();
                match what {
                    0 | 1 => match queue.join(from, from) {
                        Joined::Turn => {
                            prop_assert!(busy < turns && waiting.is_empty());
                            busy += 1;
                        }
                        Joined::Waits(number, gone) => {
                            if let Some(gone) = gone {
                                let last = waiting.iter().rposition(|(source, _)| *source == gone).unwrap();
                                prop_assert!(count(&waiting, gone) > count(&waiting, from) + 1);
                                waiting.remove(last);
                            }
                            waiting.push((from, number));
                            prop_assert!(busy == turns && waiting.len() <= most);
                        }
                        Joined::Full => prop_assert!(waiting.len() == most),
                    },
                    2 if busy > 0 => {
                        let next = queue.over();
                        prop_assert_eq!(next.is_some(), !waiting.is_empty());
                        match next {
                            Some(next) => {
                                let first = waiting.iter().position(|(source, _)| *source == next).unwrap();
                                waiting.remove(first);
                            }
                            None => busy -= 1,
                        }
                    }
                    _ => {
                        if let Some(at) = waiting.iter().position(|(source, _)| *source == from) {
                            let (from, number) = waiting.remove(at);
                            prop_assert!(queue.leave(from, number));
                        }
                    }
                }
            }
        }
    }
}
