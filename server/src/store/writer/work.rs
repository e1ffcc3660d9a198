//! The task that empties a queue, batch by batch.

use std::time::Duration;
use std::{io, thread};

use tokio::runtime::Builder;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::super::pool::Pool;
use super::super::{StoreError, StoreResult};
use super::batch::{self, Done};
use super::{Job, Mark, Post};

/// Most jobs of one transaction.
const BATCH_MAX: usize = 64;
/// Time between the starts of two transactions of a writer under load, so that one flush carries what came in it, and
/// one write to each reader what it brought.
const PACE: Duration = Duration::from_millis(30);
/// Transactions that may follow each other without a pause before [`PACE`] holds: a few messages do not wait.
const UNPACED: u32 = 16;
/// How long a batch may take on PostgreSQL before its askers are told to try later. The statement timeout ends most
/// of them before; this one is for a network that swallows everything.
const POSTGRES_BATCH_TIMEOUT: Duration = Duration::from_secs(30);

// SQLite's driver runs each statement on a thread of its own. Waiting for it on one thread costs far less than
// waking the runtime's workers for every statement. PostgreSQL's sockets belong to the runtime.
pub(super) fn start(pool: Pool, jobs: mpsc::Receiver<Job>) -> io::Result<()> {
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
