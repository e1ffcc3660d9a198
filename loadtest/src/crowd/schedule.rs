//! An open loop: when each message is due was decided before the run, whatever the server does. A time is measured
//! from then, not from the moment at which a message could be sent: a server that stalls cannot hide it by making
//! its clients wait.

use std::time::Duration;

use tokio::time::Instant;

/// When which person has a message to send. Message `k` is person `k mod people`'s.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// When message 0 is due.
    pub begin: Instant,
    /// Messages per second of all people together, evenly spaced.
    pub per_second: f64,
    /// People.
    pub people: u32,
    /// Messages in all; [`u32::MAX`] for as long as it takes.
    pub count: u32,
    /// What is measured: messages due, and deliveries arriving, from the first moment until before the second.
    pub window: (Instant, Instant),
}

impl Schedule {
    /// When a message is due.
    #[must_use]
    pub fn due(&self, k: u32) -> Instant {
        self.begin + Duration::from_secs_f64(f64::from(k) / self.per_second)
    }

    /// A person's first message.
    #[must_use]
    pub fn first_of(&self, person: u32) -> Option<u32> {
        (person < self.people.min(self.count)).then_some(person)
    }

    /// The same person's next message.
    #[must_use]
    pub fn next_after(&self, k: u32) -> Option<u32> {
        k.checked_add(self.people).filter(|next| *next < self.count)
    }

    /// The same schedule, ending before the first message that is due at `end` or later.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a run has far fewer messages than 2^32, and the cast saturates"
    )]
    pub fn until(mut self, end: Instant) -> Self {
        let seconds = end.saturating_duration_since(self.begin).as_secs_f64();
        self.count = ((seconds * self.per_second).ceil() as u32).min(self.count);
        self
    }

    /// Whether there is a last message.
    #[must_use]
    pub const fn has_an_end(&self) -> bool {
        self.count < u32::MAX
    }

    /// Whether a moment is measured.
    #[must_use]
    pub fn measures(&self, at: Instant) -> bool {
        (self.window.0..self.window.1).contains(&at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(per_second: f64, people: u32) -> Schedule {
        let begin = Instant::now();
        Schedule {
            begin,
            per_second,
            people,
            count: u32::MAX,
            window: (
                begin + Duration::from_secs(1),
                begin + Duration::from_secs(2),
            ),
        }
    }

    #[test]
    fn messages_are_evenly_spaced_and_go_round() {
        let schedule = schedule(100.0, 3).until(Instant::now() + Duration::from_secs(3_600));
        assert_eq!(
            schedule.due(250) - schedule.begin,
            Duration::from_millis(2_500)
        );
        assert_eq!(schedule.first_of(2), Some(2));
        assert_eq!(schedule.next_after(2), Some(5));
        assert_eq!(schedule.first_of(3), None);
    }

    #[test]
    fn the_end_is_exclusive_and_everything_before_it_is_sent_once() {
        let schedule = schedule(100.0, 3);
        let end = schedule.begin + Duration::from_millis(100);
        let schedule = schedule.until(end);
        assert_eq!(schedule.count, 10);
        assert!(schedule.due(9) < end && schedule.due(10) >= end);
        let mut sent: Vec<u32> = (0..3)
            .flat_map(|person| {
                std::iter::successors(schedule.first_of(person), |k| schedule.next_after(*k))
            })
            .collect();
        sent.sort_unstable();
        assert_eq!(sent, (0..10).collect::<Vec<_>>());
        // A later end adds nothing.
        assert_eq!(schedule.until(end + Duration::from_secs(9)).count, 10);
    }

    #[test]
    fn people_without_a_message_have_none() {
        let schedule = schedule(1.0, 5);
        let begin = schedule.begin;
        let schedule = schedule.until(begin + Duration::from_secs(2));
        assert_eq!(schedule.first_of(1), Some(1));
        assert_eq!(schedule.first_of(2), None);
        assert_eq!(schedule.until(begin).first_of(0), None);
    }

    #[test]
    fn the_window_is_half_open() {
        let schedule = schedule(1.0, 1);
        let (from, to) = schedule.window;
        assert!(schedule.measures(from) && !schedule.measures(to));
        assert!(!schedule.measures(schedule.begin));
    }
}
