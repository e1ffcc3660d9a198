//! What one person has to send, one message at a time: the next is not sent before the last was answered.

use tokio::time::Instant;

use super::schedule::Schedule;

/// A person's part of the schedule and how far they are with it.
#[derive(Clone, Debug)]
pub(super) struct Outbox {
    person: u32,
    schedule: Option<Schedule>,
    /// The message that is to be sent next, or was sent and not answered yet.
    next: Option<u32>,
    tried: bool,
    /// The server asked not to send before.
    not_before: Option<Instant>,
}

impl Outbox {
    /// Nothing to send yet.
    pub(super) const fn of(person: u32) -> Self {
        Self {
            person,
            schedule: None,
            next: None,
            tried: false,
            not_before: None,
        }
    }

    /// Follows a schedule, or one that was shortened. What was sent and not answered stays, also beyond the new end.
    pub(super) fn follow(&mut self, schedule: Schedule) {
        self.next = if self.schedule.is_none() {
            schedule.first_of(self.person)
        } else {
            let tried = self.tried;
            self.next.filter(|k| tried || *k < schedule.count)
        };
        self.schedule = Some(schedule);
    }

    /// The schedule that is followed.
    pub(super) const fn schedule(&self) -> Option<&Schedule> {
        self.schedule.as_ref()
    }

    /// When the next try is due.
    pub(super) fn due(&self) -> Option<Instant> {
        let due = self.schedule.as_ref()?.due(self.next?);
        Some(self.not_before.map_or(due, |at| due.max(at)))
    }

    /// Takes the next message for a try; tells whether it is the first.
    pub(super) const fn take(&mut self) -> Option<(u32, bool)> {
        let Some(k) = self.next else { return None };
        let first = !self.tried;
        self.tried = true;
        Some((k, first))
    }

    /// The message on its way was stored, or refused for good.
    pub(super) fn answered(&mut self) {
        let all = self.schedule.as_ref();
        self.next = self.next.and_then(|k| all?.next_after(k));
        self.tried = false;
        self.not_before = None;
    }

    /// The server asks to try again later.
    pub(super) const fn put_off(&mut self, until: Instant) {
        self.not_before = Some(until);
    }

    /// Whether everything of a schedule that has an end was answered.
    pub(super) fn is_done(&self) -> bool {
        self.next.is_none() && self.schedule.as_ref().is_some_and(Schedule::has_an_end)
    }

    /// How many messages of a schedule that has an end are left.
    pub(super) fn left(&self) -> usize {
        let Some(all) = self.schedule.as_ref().filter(|all| all.has_an_end()) else {
            return 0;
        };
        std::iter::successors(self.next, |k| all.next_after(*k)).count()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn schedule(count: u32) -> Schedule {
        let begin = Instant::now();
        Schedule {
            begin,
            per_second: 10.0,
            people: 2,
            count,
            window: (begin, begin),
        }
    }

    #[test]
    fn messages_go_one_after_another_until_the_end() {
        let mut outbox = Outbox::of(1);
        assert_eq!(
            (outbox.due(), outbox.take(), outbox.is_done()),
            (None, None, false)
        );
        let all = schedule(4);
        outbox.follow(all.clone());
        assert_eq!((outbox.due(), outbox.left()), (Some(all.due(1)), 2));
        assert_eq!(outbox.take(), Some((1, true)));
        assert_eq!(outbox.take(), Some((1, false)));
        outbox.answered();
        assert_eq!(
            (outbox.due(), outbox.take()),
            (Some(all.due(3)), Some((3, true)))
        );
        assert!(!outbox.is_done());
        outbox.answered();
        assert!(outbox.is_done() && outbox.left() == 0 && outbox.due().is_none());
    }

    #[test]
    fn a_message_on_its_way_outlives_a_shortened_schedule() {
        let mut outbox = Outbox::of(0);
        outbox.follow(schedule(u32::MAX));
        outbox.take();
        outbox.answered();
        let mut waiting = outbox.clone();
        assert_eq!(outbox.take(), Some((2, true)));
        outbox.follow(schedule(1));
        assert!(!outbox.is_done());
        outbox.answered();
        assert!(outbox.is_done());
        // One that was not sent yet is left out.
        waiting.follow(schedule(1));
        assert!(waiting.is_done());
    }

    #[test]
    fn a_message_that_was_put_off_is_due_later_and_the_next_is_not() {
        let mut outbox = Outbox::of(0);
        let all = schedule(8);
        outbox.follow(all.clone());
        outbox.take();
        let later = all.due(0) + Duration::from_secs(9);
        outbox.put_off(later);
        assert_eq!(outbox.due(), Some(later));
        outbox.answered();
        assert_eq!(outbox.due(), Some(all.due(2)));
    }
}
