//! Pictures that people give themselves lie in memory until they are small. How many may, one of each person, and how often.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use protocol::limits::{PERSON_PICTURES_PER_MINUTE_MAX, PICTURES_TAKEN_IN_BYTES_MAX};
use protocol::{ErrorCode, UserId};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes of one permit.
const UNIT: usize = 1_024;

const MINUTE: Duration = Duration::from_secs(60);

/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct Intake {
    places: Arc<Semaphore>,
    people: Arc<Mutex<BTreeSet<UserId>>>,
    /// When those got another one who did within a minute.
    lately: Arc<Mutex<BTreeMap<UserId, Vec<Instant>>>>,
}

/// Of this person nothing else is taken in while it lives.
#[derive(Debug)]
pub struct Alone {
    people: Arc<Mutex<BTreeSet<UserId>>>,
    person: UserId,
}

impl Default for Intake {
    fn default() -> Self {
        Self {
            places: Arc::new(Semaphore::new(PICTURES_TAKEN_IN_BYTES_MAX / UNIT)),
            people: Arc::default(),
            lately: Arc::default(),
        }
    }
}

impl Intake {
    /// Begins to take in a picture of this person.
    ///
    /// # Errors
    /// [`ErrorCode::RateLimited`] while another one of theirs is, and after [`PERSON_PICTURES_PER_MINUTE_MAX`] within a minute.
    pub fn alone(&self, person: &UserId, now: Instant) -> Result<Alone, ErrorCode> {
        let mut lately = lock(&self.lately);
        lately.retain(|_, times| {
            times.retain(|at| now.duration_since(*at) < MINUTE);
            !times.is_empty()
        });
        if lately.get(person).map_or(0, Vec::len) >= PERSON_PICTURES_PER_MINUTE_MAX {
            return Err(ErrorCode::RateLimited);
        }
        drop(lately);
        if !lock(&self.people).insert(person.clone()) {
            return Err(ErrorCode::RateLimited);
        }
        Ok(Alone {
            people: Arc::clone(&self.people),
            person: person.clone(),
        })
    }

    /// This person has another picture now.
    pub fn taken(&self, person: &UserId, now: Instant) {
        let mut lately = lock(&self.lately);
        lately.entry(person.clone()).or_default().push(now);
    }

    /// Waits until so many bytes may lie in memory; they may while the permit lives.
    ///
    /// # Errors
    /// [`ErrorCode::TooLarge`] when they never may.
    pub async fn place(&self, bytes: usize) -> Result<OwnedSemaphorePermit, ErrorCode> {
        if bytes > PICTURES_TAKEN_IN_BYTES_MAX {
            return Err(ErrorCode::TooLarge);
        }
        let units = u32::try_from(bytes.div_ceil(UNIT)).map_err(|_| ErrorCode::TooLarge)?;
        let permit = Arc::clone(&self.places).acquire_many_owned(units).await;
        permit.map_err(|_| ErrorCode::Internal)
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        lock(&self.people).remove(&self.person);
    }
}

// The guarded code cannot panic, so a poisoned lock still holds a sound value.
fn lock<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn one_of_each_person_and_so_many_bytes_in_all() {
        let intake = Intake::default();
        let [anna, misha] = ["U1", "U2"].map(|id| UserId::parse(id).unwrap());
        let now = Instant::now();
        let first = intake.alone(&anna, now).unwrap();
        let second = intake.alone(&anna, now).map(drop);
        assert_eq!(second, Err(ErrorCode::RateLimited));
        assert!(intake.alone(&misha, now).is_ok());
        drop(first);
        assert!(intake.alone(&anna, now).is_ok());

        let most = PICTURES_TAKEN_IN_BYTES_MAX;
        let all = intake.place(most).now_or_never().unwrap().unwrap();
        assert!(intake.place(1).now_or_never().is_none(), "it waits");
        drop(all);
        let some = intake.place(1).now_or_never().unwrap().unwrap();
        assert!(intake.place(most).now_or_never().is_none());
        drop(some);
        let never = intake.place(most + 1).now_or_never().unwrap().map(drop);
        assert_eq!(never, Err(ErrorCode::TooLarge));
    }

    #[test]
    fn so_many_within_a_minute() {
        let intake = Intake::default();
        let [anna, misha] = ["U1", "U2"].map(|id| UserId::parse(id).unwrap());
        let now = Instant::now();
        for _ in 0..PERSON_PICTURES_PER_MINUTE_MAX {
            assert!(intake.alone(&anna, now).is_ok());
            intake.taken(&anna, now);
        }
        let one_more = intake.alone(&anna, now + MINUTE / 2).map(drop);
        assert_eq!(one_more, Err(ErrorCode::RateLimited));
        assert!(intake.alone(&misha, now).is_ok());
        assert!(intake.alone(&anna, now + MINUTE).is_ok());
    }
}
