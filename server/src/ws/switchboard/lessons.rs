//! Telling who is in a lesson.

use std::collections::BTreeSet;
use std::sync::{MutexGuard, PoisonError};

use protocol::event::Presence;
use protocol::{LiveEvent, UserId};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::super::frames::encode;
use super::super::queue::Queue;
use super::{Inner, Switchboard};
use crate::store::StoreResult;

impl Switchboard {
    /// These people are in a lesson, on whichever node, and nobody else is: of whom that is news it is told, on this node, to
    /// themselves and to those who share a room with them. For one caller.
    ///
    /// # Errors
    /// When the database fails: nothing was told.
    pub async fn tell_lessons(&self, people: &BTreeSet<UserId>) -> StoreResult<()> {
        // First what is given to who comes, then what is told to who is there: whoever got the list from before hears of it.
        let before = std::mem::replace(&mut *self.lessons(), people.clone());
        let news: Vec<UserId> = before.symmetric_difference(people).cloned().collect();
        if news.is_empty() {
            return Ok(());
        }
        let roommates = match self.0.store.roommates(&news).await {
            Ok(roommates) => roommates,
            Err(error) => {
                *self.lessons() = before;
                return Err(error);
            }
        };
        for user in news {
            let others = roommates.get(&user).map_or(&[][..], Vec::as_slice);
            self.0.tell_lesson(&user, people.contains(&user), others);
        }
        Ok(())
    }

    /// Which of these people are in a lesson, as connections are told.
    #[must_use]
    pub fn in_lessons<'a>(&self, people: impl Iterator<Item = &'a UserId>) -> BTreeSet<UserId> {
        let lessons = self.lessons();
        people
            .filter(|person| lessons.contains(*person))
            .cloned()
            .collect()
    }

    /// Queues what became other since the connection's answer was begun, in which `given` of these people are in a lesson.
    /// What is told from then on is queued after it.
    pub fn tell_lessons_since<'a>(
        &self,
        queue: &Queue,
        people: impl Iterator<Item = &'a UserId>,
        given: &BTreeSet<UserId>,
    ) {
        let lessons = self.lessons();
        for person in people {
            let on = lessons.contains(person);
            if on != given.contains(person) {
                queue.push_lesson(person, lesson(person, on));
            }
        }
    }

    fn lessons(&self) -> MutexGuard<'_, BTreeSet<UserId>> {
        // The guarded code cannot panic, so a poisoned lock still holds a sound value.
        self.0
            .lessons
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn lesson(user: &UserId, on: bool) -> Utf8Bytes {
    let u = user.clone();
    encode(&LiveEvent::Lesson {
        d: Presence { u, on },
    })
}

impl Inner {
    fn tell_lesson(&self, user: &UserId, on: bool, roommates: &[UserId]) {
        let text = lesson(user, on);
        let others = roommates.iter().filter(|known| *known != user);
        for known in std::iter::once(user).chain(others) {
            for connection in self.connections_of(known, None) {
                connection.queue.push_lesson(user, text.clone());
            }
        }
    }
}
