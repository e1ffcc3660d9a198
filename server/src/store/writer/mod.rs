//! Group commit. Making a transaction durable costs one flush of the disk, whatever is in it; so whoever wants
//! to write waits in a queue, and a task stores everything that waits in one transaction.
//!
//! Nobody is answered before the commit. A caller that has gone away changes nothing: its message is stored, and
//! its next try finds it.

mod batch;
mod rows;
mod statements;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;
use std::{io, thread};

use protocol::command::MsgSend;
use protocol::{ErrorCode, RoomId, UserId};
use tokio::runtime::Builder;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::messages::Stored;
use super::pool::Pool;
use super::{StoreError, StoreResult};
use batch::Done;

pub(super) use rows::{ROWS_MAX, Rows};
pub(super) use statements::POINTERS;

/// Most jobs of one transaction.
const BATCH_MAX: usize = 64;
/// Jobs that may wait for one writer; further ones are told to try later.
const QUEUE_MAX: usize = 4_096;
/// Time between the starts of two transactions of a writer under load, so that one flush carries what came in it.
const PACE: Duration = Duration::from_millis(10);
/// Transactions that may follow each other without a pause before [`PACE`] holds: a few messages do not wait.
const UNPACED: u32 = 16;
/// Writers to PostgreSQL, which flushes for several transactions at once. A room always has the same one.
const POSTGRES_WRITERS: usize = 4;
/// How long a batch may take on PostgreSQL before its askers are told to try later. The statement timeout ends most
/// of them before; this one is for a network that swallows everything.
const POSTGRES_BATCH_TIMEOUT: Duration = Duration::from_secs(30);

/// What became of a message.
pub(super) enum Kept {
    /// It is stored now.
    Now(Box<Stored>),
    /// An earlier try had stored it.
    Earlier,
}

struct Post {
    by: UserId,
    send: MsgSend,
    now: i64,
    answer: oneshot::Sender<StoreResult<Kept>>,
}

struct Mark {
    room: RoomId,
    person: UserId,
    no: i64,
    answer: oneshot::Sender<StoreResult<Option<i64>>>,
}

enum Job {
    Post(Box<Post>),
    Mark(Mark),
    /// Nothing more comes; answered when everything before is stored.
    Stop(oneshot::Sender<()>),
}

/// The queues of the writers. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Writers {
    queues: Vec<mpsc::Sender<Job>>,
}

impl Writers {
    pub(super) fn start(pool: &Pool) -> io::Result<Self> {
        let count = match pool {
            Pool::Sqlite { .. } => 1,
            Pool::Postgres(_) => POSTGRES_WRITERS,
        };
        let queues = (0..count).map(|_| {
            let (queue, jobs) = mpsc::channel(QUEUE_MAX);
            start_one(pool.clone(), jobs)?;
            Ok(queue)
        });
        Ok(Self {
            queues: queues.collect::<io::Result<_>>()?,
        })
    }

    /// Stores a message; returns when it is on disk.
    pub(super) async fn send(&self, by: &UserId, send: &MsgSend, now: i64) -> StoreResult<Kept> {
        let (answer, answered) = oneshot::channel();
        let job = Box::new(Post {
            by: by.clone(),
            send: send.clone(),
            now,
            answer,
        });
        self.queue(&send.r, Job::Post(job))?;
        answered.await.map_err(|_| stopped())?
    }

    /// Moves a read pointer; returns when that is on disk. `None` when nothing moved.
    pub(super) async fn mark(
        &self,
        room: &RoomId,
        person: &UserId,
        no: i64,
    ) -> StoreResult<Option<i64>> {
        let (answer, answered) = oneshot::channel();
        let job = Mark {
            room: room.clone(),
            person: person.clone(),
            no,
            answer,
        };
        self.queue(room, Job::Mark(job))?;
        answered.await.map_err(|_| stopped())?
    }

    fn queue(&self, room: &RoomId, job: Job) -> StoreResult<()> {
        let mut hasher = DefaultHasher::new();
        room.hash(&mut hasher);
        let writer = hasher.finish() % self.queues.len().max(1) as u64;
        let queue = usize::try_from(writer)
            .ok()
            .and_then(|writer| self.queues.get(writer))
            .ok_or_else(stopped)?;
        queue.try_send(job).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => StoreError::Refused(ErrorCode::Overloaded),
            mpsc::error::TrySendError::Closed(_) => stopped(),
        })
    }

    /// Ends the writers after what is queued.
    pub(super) async fn stop(&self) {
        for queue in &self.queues {
            let (answer, answered) = oneshot::channel();
            if queue.send(Job::Stop(answer)).await.is_ok() {
                // An error means that it has ended already.
                let _ = answered.await;
            }
        }
    }
}

fn stopped() -> StoreError {
    sqlx::Error::PoolClosed.into()
}

// SQLite's driver runs each statement on a thread of its own. Waiting for it on one thread costs far less than
// waking the runtime's workers for every statement. PostgreSQL's sockets belong to the runtime.
fn start_one(pool: Pool, jobs: mpsc::Receiver<Job>) -> io::Result<()> {
    match pool {
        Pool::Sqlite { .. } => {
            let own = Builder::new_current_thread().enable_time().build()?;
            thread::Builder::new()
                .name("store-writer".to_owned())
                .spawn(move || own.block_on(work(pool, jobs)))?;
        }
        Pool::Postgres(_) => drop(tokio::spawn(work(pool, jobs))),
    }
    Ok(())
}

async fn work(pool: Pool, mut jobs: mpsc::Receiver<Job>) {
    let mut batch = Vec::with_capacity(BATCH_MAX);
    let mut stops = Vec::new();
    let mut paced = Instant::now();
    while jobs.recv_many(&mut batch, BATCH_MAX).await > 0 {
        if batch.len() < BATCH_MAX && Instant::now() < paced {
            tokio::time::sleep_until(paced).await;
            while batch.len() < BATCH_MAX {
                let Ok(job) = jobs.try_recv() else { break };
                batch.push(job);
            }
        }
        // In steps of a pace, but at most so many behind the clock.
        let now = Instant::now();
        paced = paced.max(now.checked_sub(PACE * UNPACED).unwrap_or(now)) + PACE;
        let (mut posts, mut marks) = (Vec::new(), Vec::new());
        for job in batch.drain(..) {
            match job {
                Job::Post(post) => posts.push(*post),
                Job::Mark(mark) => marks.push(mark),
                Job::Stop(answer) => {
                    jobs.close();
                    stops.push(answer);
                }
            }
        }
        if !posts.is_empty() || !marks.is_empty() {
            run(&pool, posts, marks).await;
        }
    }
    for stop in stops {
        let _ = stop.send(());
    }
}

async fn run(pool: &Pool, posts: Vec<Post>, marks: Vec<Mark>) {
    match store_in_time(pool, &posts, &marks).await {
        Ok(done) => answer(posts, marks, done),
        // Something in the batch is more than the database can take. It must not take the others with it.
        Err(error) if error.trouble().is_none() && posts.len() + marks.len() > 1 => {
            tracing::error!(%error, "a batch failed; its parts are tried one by one");
            for post in posts {
                let alone = [post];
                let done = store_in_time(pool, &alone, &[]).await;
                let [post] = alone;
                answer_alone(vec![post], Vec::new(), done);
            }
            for mark in marks {
                let alone = [mark];
                let done = store_in_time(pool, &[], &alone).await;
                let [mark] = alone;
                answer_alone(Vec::new(), vec![mark], done);
            }
        }
        Err(error) => {
            tracing::error!(%error, jobs = posts.len() + marks.len(), "a batch could not be stored");
            fail(posts, marks, &error);
        }
    }
}

async fn store_in_time(pool: &Pool, posts: &[Post], marks: &[Mark]) -> StoreResult<Done> {
    let stored = Box::pin(batch::store(pool, posts, marks));
    match pool {
        // A local disk that hangs gives no answer that could be waited for less.
        Pool::Sqlite { .. } => stored.await,
        Pool::Postgres(_) => tokio::time::timeout(POSTGRES_BATCH_TIMEOUT, stored)
            .await
            .unwrap_or_else(|_| Err(sqlx::Error::PoolTimedOut.into())),
    }
}

fn answer_alone(posts: Vec<Post>, marks: Vec<Mark>, done: StoreResult<Done>) {
    match done {
        Ok(done) => answer(posts, marks, done),
        Err(error) => fail(posts, marks, &error),
    }
}

// Whoever has gone away is not told.
fn answer(posts: Vec<Post>, marks: Vec<Mark>, done: Done) {
    for (job, kept) in posts.into_iter().zip(done.posts) {
        let _ = job.answer.send(kept.map_err(StoreError::Refused));
    }
    for (job, moved) in marks.into_iter().zip(done.marks) {
        let _ = job.answer.send(Ok(moved));
    }
}

fn fail(posts: Vec<Post>, marks: Vec<Mark>, error: &StoreError) {
    for job in posts {
        let _ = job.answer.send(Err(error.again()));
    }
    for job in marks {
        let _ = job.answer.send(Err(error.again()));
    }
}
