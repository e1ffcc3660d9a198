//! People who write and watch together while something goes wrong, and the judgement on what they saw.

mod judge;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use protocol::RoomId;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

pub use self::judge::{Outcome, judge};
use crate::LoadError;
use crate::person::{Person, Record};

/// What everybody does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Course {
    /// Nobody begins another message; those that are under way are brought to their end.
    Rest,
    /// Who has messages left writes them.
    Write,
    /// Everybody goes.
    Over,
}

/// Where a person stands.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// The person's room, once `hello` was answered.
    pub room: Option<RoomId>,
    /// Messages that were acknowledged.
    pub acked: usize,
    /// Whether one is under way.
    pub owes: bool,
    /// Position of the last acknowledged one.
    pub upto: i64,
    /// Last position that the person holds.
    pub last: i64,
    /// How often it was told that it reads too slowly.
    pub lags: usize,
    /// Connections that it lost for that.
    pub lost_for_lags: usize,
}

/// Where everybody tells how far they are.
#[derive(Debug)]
pub struct Board {
    progress: Mutex<Vec<Progress>>,
    changed: watch::Sender<u64>,
    course: watch::Sender<Course>,
}

impl Board {
    /// What everybody is to do.
    #[must_use]
    pub fn course(&self) -> watch::Receiver<Course> {
        self.course.subscribe()
    }

    /// Tells how far a person is.
    pub fn tell(&self, number: usize, change: impl FnOnce(&mut Progress)) {
        if let Some(progress) = self.lock().get_mut(number) {
            change(progress);
        }
        self.changed.send_modify(|count| *count += 1);
    }

    // The guarded code cannot panic, so a poisoned lock still holds a sound value.
    fn lock(&self) -> MutexGuard<'_, Vec<Progress>> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn until(&self, enough: impl Fn(&[Progress]) -> bool) {
        let mut changed = self.changed.subscribe();
        while !enough(&self.lock()) {
            // Never an error: the sender is in `self`.
            let _ = changed.changed().await;
        }
    }
}

/// People at work. Dropping it ends them.
#[derive(Debug)]
pub struct Company {
    board: Arc<Board>,
    people: JoinSet<Result<Record, LoadError>>,
    /// Who writes, by place on the board.
    writers: Vec<usize>,
}

impl Company {
    /// Has people connect. Nobody writes before everybody is there.
    ///
    /// # Errors
    /// [`LoadError::TimedOut`], or why somebody was refused for good.
    pub async fn gather(people: Vec<Person>, within: Duration) -> Result<Self, LoadError> {
        let board = Arc::new(Board {
            progress: Mutex::new(vec![Progress::default(); people.len()]),
            changed: watch::channel(0).0,
            course: watch::channel(Course::Rest).0,
        });
        let writers = people
            .iter()
            .filter(|person| person.habits.messages > 0)
            .map(|person| person.number)
            .collect();
        let mut running = JoinSet::new();
        for person in people {
            let board = Arc::clone(&board);
            running.spawn(async move { person.run(&board).await });
        }
        let mut company = Self {
            board,
            people: running,
            writers,
        };
        let all_in = |all: &[Progress]| all.iter().all(|one| one.room.is_some());
        company.wait("people to connect", within, all_in).await?;
        company.set(Course::Write);
        Ok(company)
    }

    /// Sets what everybody does.
    pub fn set(&self, course: Course) {
        self.board.course.send_replace(course);
    }

    /// Where everybody stands.
    #[must_use]
    pub fn progress(&self) -> Vec<Progress> {
        self.board.lock().clone()
    }

    /// Waits until so many messages in all were acknowledged.
    ///
    /// # Errors
    /// As for [`Company::flow`].
    pub async fn acked_at_least(
        &mut self,
        count: usize,
        within: Duration,
    ) -> Result<(), LoadError> {
        let enough = |all: &[Progress]| total(all) >= count;
        self.wait("messages to be acknowledged", within, enough)
            .await
    }

    /// Waits until every writer has had this many further messages acknowledged.
    ///
    /// # Errors
    /// [`LoadError::TimedOut`], or why somebody was refused for good.
    pub async fn flow(&mut self, count: usize, within: Duration) -> Result<(), LoadError> {
        let before: Vec<usize> = self.board.lock().iter().map(|one| one.acked).collect();
        let writers = self.writers.clone();
        let enough = move |all: &[Progress]| {
            let further = |one: &usize| Some(all.get(*one)?.acked - before.get(*one)?);
            writers.iter().all(|one| further(one) >= Some(count))
        };
        self.wait("every writer's messages to be acknowledged", within, enough)
            .await
    }

    /// Has everybody rest and waits until all hold everything that was acknowledged. Gives the time that it took,
    /// and the names of those who do not hold it by then.
    ///
    /// # Errors
    /// Why somebody was refused for good.
    pub async fn settle(&mut self, within: Duration) -> Result<(Duration, Vec<String>), LoadError> {
        self.set(Course::Rest);
        let begin = Instant::now();
        let settled = |all: &[Progress]| behind(all).is_empty();
        let lacking = match self.wait("everybody to be level", within, settled).await {
            Ok(()) => Vec::new(),
            Err(LoadError::TimedOut(_)) => behind(&self.board.lock()),
            Err(error) => return Err(error),
        };
        Ok((begin.elapsed(), lacking))
    }

    /// Has everybody go and gives what they saw, in the order of the board.
    ///
    /// # Errors
    /// Why somebody was refused for good.
    pub async fn part(mut self) -> Result<Vec<Record>, LoadError> {
        self.set(Course::Over);
        let mut records = Vec::new();
        while let Some(record) = self.people.join_next().await {
            records.push(record.map_err(|e| LoadError::Protocol(e.to_string()))??);
        }
        records.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(records)
    }

    // Whoever ends before the course is over was refused for good.
    async fn wait(
        &mut self,
        what: &'static str,
        within: Duration,
        enough: impl Fn(&[Progress]) -> bool,
    ) -> Result<(), LoadError> {
        tokio::select! {
            waited = timeout(within, self.board.until(enough)) => {
                waited.map_err(|_| LoadError::TimedOut(what))
            }
            Some(ended) = self.people.join_next() => match ended {
                Ok(Err(error)) => Err(error),
                Ok(Ok(record)) => Err(LoadError::Protocol(format!("{} has gone", record.name))),
                Err(error) => Err(LoadError::Protocol(error.to_string())),
            }
        }
    }
}

fn total(all: &[Progress]) -> usize {
    all.iter().map(|one| one.acked).sum()
}

// Those who lack an acknowledgement, or an event that was acknowledged to anybody in their room.
fn behind(all: &[Progress]) -> Vec<String> {
    let mut upto: BTreeMap<&RoomId, i64> = BTreeMap::new();
    for one in all {
        if let Some(room) = &one.room {
            let far = upto.entry(room).or_default();
            *far = one.upto.max(*far);
        }
    }
    let lacks = |one: &Progress| {
        let level = one.room.as_ref().and_then(|room| upto.get(room));
        one.owes || level.is_none_or(|level| one.last < *level)
    };
    let lacking = all.iter().enumerate().filter(|(_, one)| lacks(one));
    lacking
        .map(|(number, one)| format!("load{number} at {}, owing: {}", one.last, one.owes))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_lacks_something_of_their_room_is_behind() {
        let one = |room: &str, owes, upto, last| Progress {
            room: Some(RoomId::parse(room).unwrap()),
            acked: 1,
            owes,
            upto,
            last,
            ..Progress::default()
        };
        let mut all = vec![
            one("R", false, 7, 7),
            one("R", false, 5, 7),
            one("S", false, 9, 9),
        ];
        assert!(behind(&all).is_empty());
        all.push(one("R", false, 0, 6));
        all.push(one("S", true, 9, 9));
        assert_eq!(
            behind(&all),
            ["load3 at 6, owing: false", "load4 at 9, owing: true"]
        );
        assert_eq!(behind(&[Progress::default()]).len(), 1, "never connected");
    }
}
