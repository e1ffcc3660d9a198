//! Passwords are hashed by a few threads, each in memory of its own that it keeps; who comes while all are at work
//! waits in a queue of bounded length and time, in which the places that people come from take turns. A class signing in
//! at once takes neither all memory nor anybody's session; somebody who sends invented logins takes nobody else's turn.

mod argon;
mod queue;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use protocol::limits::{
    HASHES_AT_ONCE_MAX, SIGN_IN_AFTER_MILLIS, SIGN_IN_WAIT_SECONDS, SIGN_INS_WAITING_PER_HASH,
};
use protocol::{ErrorBody, ErrorCode};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::failures::Source;
use argon::{Memory, decoy};
use queue::{Joined, Queue};

/// Why a password could not be hashed.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// Too many wait already, or it waited too long.
    #[error("too many passwords wait to be hashed")]
    Busy,
    /// The system gives no threads, or the hash that is stored makes no sense.
    #[error("password hashing: {0}")]
    Failed(String),
}

impl HashError {
    #[expect(clippy::needless_pass_by_value, reason = "used with map_err")]
    fn failed(error: impl ToString) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<HashError> for ErrorBody {
    fn from(error: HashError) -> Self {
        match error {
            HashError::Busy => Self::from(ErrorCode::Overloaded).after_ms(SIGN_IN_AFTER_MILLIS),
            HashError::Failed(_) => {
                tracing::error!(%error, "hashing failed");
                ErrorCode::Internal.into()
            }
        }
    }
}

/// How much is hashed at once, and how long others wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HasherLimits {
    /// Threads that hash.
    pub at_once: usize,
    /// Who may wait for them.
    pub waiting: usize,
    /// How long one waits at most.
    pub wait: Duration,
}

impl HasherLimits {
    /// For a machine with so many cores: each hash keeps one busy.
    #[must_use]
    pub fn for_cores(cores: usize) -> Self {
        let at_once = cores.clamp(1, HASHES_AT_ONCE_MAX);
        Self {
            at_once,
            waiting: at_once * SIGN_INS_WAITING_PER_HASH,
            wait: Duration::from_secs(SIGN_IN_WAIT_SECONDS),
        }
    }
}

/// Hashes and checks passwords, a few at a time. Cheap to clone; its threads end with the last clone.
#[derive(Clone, Debug)]
pub struct Hasher(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    limits: HasherLimits,
    /// Who waits is told when it is their turn; the sender is dropped when they have to go.
    queue: Mutex<Queue<Source, oneshot::Sender<()>>>,
    work: mpsc::Sender<Work>,
    /// What an unknown login is checked against, so that it costs the same.
    decoy: String,
}

type Work = Box<dyn FnOnce(&mut Memory) + Send>;

/// The right to hash once, now. Dropping it lets the next one in.
#[derive(Debug)]
pub struct Turn(Hasher);

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.pass_on(&mut self.0.queue());
    }
}

/// A place in the queue. Dropping it gives it up, or the turn that has just come.
struct Place {
    hasher: Hasher,
    from: Source,
    number: u64,
    turn: oneshot::Receiver<()>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut queue = self.hasher.queue();
        // Turns are given under this lock, so there is none between the two questions.
        if !queue.leave(self.from, self.number) && self.turn.try_recv().is_ok() {
            self.hasher.pass_on(&mut queue);
        }
    }
}

impl Hasher {
    /// Starts the threads.
    ///
    /// # Errors
    /// When the system gives none.
    pub fn new(limits: HasherLimits) -> Result<Self, HashError> {
        let (work, orders) = mpsc::channel();
        let orders = Arc::new(Mutex::new(orders));
        for number in 0..limits.at_once {
            let orders = Arc::clone(&orders);
            thread::Builder::new()
                .name(format!("hash-{number}"))
                .spawn(move || carry_out(&orders))
                .map_err(HashError::failed)?;
        }
        Ok(Self(Arc::new(Inner {
            limits,
            queue: Mutex::new(Queue::new(limits.at_once, limits.waiting)),
            work,
            decoy: decoy(),
        })))
    }

    /// Waits for a turn, behind those who came before from the same source; the sources take turns. Whoever drops the
    /// future gives the place in the queue up.
    ///
    /// # Errors
    /// [`HashError::Busy`]: at once when the queue is full, after the longest wait, or when this source has more than its
    /// share of a full queue and somebody from another one comes.
    pub async fn turn(&self, from: Source) -> Result<Turn, HashError> {
        let (tell, turn) = oneshot::channel();
        // Whoever has to go is told by that their sender is dropped.
        let number = match self.queue().join(from, tell) {
            Joined::Turn => return Ok(Turn(self.clone())),
            Joined::Full => return Err(HashError::Busy),
            Joined::Waits(number, _) => number,
        };
        let mut place = Place {
            hasher: self.clone(),
            from,
            number,
            turn,
        };
        match timeout(self.0.limits.wait, &mut place.turn).await {
            Ok(Ok(())) => Ok(Turn(self.clone())),
            Ok(Err(_)) | Err(_) => Err(HashError::Busy),
        }
    }

    fn pass_on(&self, queue: &mut Queue<Source, oneshot::Sender<()>>) {
        // A place leaves the queue before its receiver goes, so the next one is there.
        if let Some(next) = queue.over() {
            let _ = next.send(());
        }
    }

    // The guarded code cannot panic, so a poisoned lock still holds a sound value.
    fn queue(&self) -> MutexGuard<'_, Queue<Source, oneshot::Sender<()>>> {
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn {
    /// Hashes a password into its PHC string.
    ///
    /// # Errors
    /// [`HashError::Failed`].
    pub async fn hash(self, password: String) -> Result<String, HashError> {
        self.run(move |memory, _| memory.hash(&password)).await
    }

    /// Whether the password fits the hash. Without a hash it never does, after the same work.
    ///
    /// # Errors
    /// [`HashError::Failed`] when the stored hash makes no sense.
    pub async fn verify(self, password: String, hash: Option<String>) -> Result<bool, HashError> {
        self.run(move |memory, decoy| {
            let fits = memory.verify(&password, hash.as_deref().unwrap_or(decoy))?;
            Ok(fits && hash.is_some())
        })
        .await
    }

    // The turn goes along with the work: it ends when the thread is free again, also when nobody waits any longer.
    async fn run<T: Send + 'static>(
        self,
        work: impl FnOnce(&mut Memory, &str) -> Result<T, HashError> + Send + 'static,
    ) -> Result<T, HashError> {
        let (tell, told) = oneshot::channel();
        let orders = self.0.0.work.clone();
        let order: Work = Box::new(move |memory| {
            let result = work(memory, &self.0.0.decoy);
            drop(self);
            // Who asked may have gone.
            let _ = tell.send(result);
        });
        orders.send(order).map_err(HashError::failed)?;
        told.await.map_err(HashError::failed)?
    }
}

// One thread's life: it ends when the last `Hasher` is gone.
fn carry_out(orders: &Mutex<mpsc::Receiver<Work>>) {
    let mut memory = Memory::default();
    loop {
        let order = orders.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match order {
            Ok(work) => work(&mut memory),
            Err(mpsc::RecvError) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn hasher(at_once: usize, waiting: usize, wait: Duration) -> Hasher {
        Hasher::new(HasherLimits {
            at_once,
            waiting,
            wait,
        })
        .unwrap()
    }

    fn source(last: u8) -> Source {
        Source::from(IpAddr::from([203, 0, 113, last]))
    }

    const PATIENT: Duration = Duration::from_secs(600);

    #[test]
    fn cores_are_used_but_not_without_end() {
        let at_once = |cores| HasherLimits::for_cores(cores).at_once;
        assert_eq!([0, 1, 2, 8, 64].map(at_once), [1, 1, 2, 8, 8]);
        assert!(HasherLimits::for_cores(2).waiting >= 300);
    }

    #[tokio::test]
    async fn only_the_right_password_fits() {
        let hasher = hasher(1, 0, PATIENT);
        let hash = hasher.turn(source(1)).await.unwrap();
        let hash = hash.hash("парта и доска".to_owned()).await.unwrap();
        for (password, hash, fits) in [
            ("парта и доска", Some(hash.clone()), true),
            ("парта и мел", Some(hash), false),
            ("парта и доска", None, false),
        ] {
            let turn = hasher.turn(source(1)).await.unwrap();
            assert_eq!(turn.verify(password.to_owned(), hash).await.unwrap(), fits);
        }
    }

    #[tokio::test]
    async fn who_comes_when_the_queue_is_full_is_sent_away_at_once() {
        let hasher = hasher(1, 1, PATIENT);
        let first = hasher.turn(source(1)).await.unwrap();
        let mut second = Box::pin(hasher.turn(source(1)));
        assert!(futures_util::poll!(&mut second).is_pending(), "waits");
        assert!(matches!(hasher.turn(source(1)).await, Err(HashError::Busy)));
        drop(first);
        let second = second.await.unwrap();
        let mut third = Box::pin(hasher.turn(source(1)));
        assert!(
            futures_util::poll!(&mut third).is_pending(),
            "there is a place again"
        );
        drop((second, third));
    }

    #[tokio::test]
    async fn who_goes_away_leaves_the_place_to_another() {
        let hasher = hasher(1, 1, PATIENT);
        let first = hasher.turn(source(1)).await.unwrap();
        let mut gone = Box::pin(hasher.turn(source(1)));
        assert!(futures_util::poll!(&mut gone).is_pending());
        drop(gone);
        let mut next = Box::pin(hasher.turn(source(1)));
        assert!(futures_util::poll!(&mut next).is_pending());
        drop(first);
        next.await.unwrap();
    }

    #[tokio::test]
    async fn who_fills_the_queue_from_one_place_keeps_nobody_out_who_comes_from_another() {
        let hasher = hasher(1, 4, PATIENT);
        let first = hasher.turn(source(1)).await.unwrap();
        let mut crowd: Vec<_> = (0..4).map(|_| Box::pin(hasher.turn(source(1)))).collect();
        for one in &mut crowd {
            assert!(futures_util::poll!(one).is_pending());
        }
        let mut other = Box::pin(hasher.turn(source(2)));
        assert!(futures_util::poll!(&mut other).is_pending(), "waits");
        let last = crowd.pop().unwrap();
        assert!(matches!(last.await, Err(HashError::Busy)));
        drop(first);
        let turn = crowd.remove(0).await.unwrap();
        assert!(futures_util::poll!(&mut other).is_pending(), "one of each");
        drop(turn);
        other.await.unwrap();
    }

    #[tokio::test]
    async fn a_turn_that_comes_when_its_owner_goes_is_passed_on() {
        let hasher = hasher(1, 2, PATIENT);
        let first = hasher.turn(source(1)).await.unwrap();
        let mut gone = Box::pin(hasher.turn(source(1)));
        let mut next = Box::pin(hasher.turn(source(2)));
        assert!(futures_util::poll!(&mut gone).is_pending());
        assert!(futures_util::poll!(&mut next).is_pending());
        drop(first);
        // It is theirs, and they do not look.
        drop(gone);
        next.await.unwrap();
    }

    #[tokio::test]
    async fn nobody_waits_longer_than_the_limit() {
        let hasher = hasher(1, 1, Duration::ZERO);
        let _first = hasher.turn(source(1)).await.unwrap();
        assert!(matches!(hasher.turn(source(1)).await, Err(HashError::Busy)));
    }

    #[tokio::test]
    async fn a_turn_whose_owner_goes_away_while_it_is_hashed_comes_back() {
        let hasher = hasher(1, 1, PATIENT);
        let turn = hasher.turn(source(1)).await.unwrap();
        let mut abandoned = Box::pin(turn.hash("password".to_owned()));
        let _ = futures_util::poll!(&mut abandoned);
        drop(abandoned);
        let turn = hasher.turn(source(1)).await.unwrap();
        assert!(turn.hash("password".to_owned()).await.is_ok());
    }

    #[test]
    fn busy_is_told_with_a_time_to_wait() {
        let told = ErrorBody::from(HashError::Busy);
        assert_eq!(
            (told.c, told.tmp, told.after),
            (ErrorCode::Overloaded, true, Some(SIGN_IN_AFTER_MILLIS))
        );
    }
}
