//! The task that empties a queue, batch by batch.

use std::time::Duration;
use std::{io, thread};

use tokio::runtime::Builder;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::super::pool::Pool;
use super::super::rules::RulesKept;
use super::super::{StoreError, StoreResult};
use super::Job;
use super::batch::{self, Done, Jobs};

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
pub(super) fn start(pool: Pool, rules: RulesKept, jobs: mpsc::Receiver<Job>) -> io::Result<()> {
    match pool {
        Pool::Sqlite { .. } => {
            let own = Builder::new_current_thread().enable_time().build()?;
            thread::Builder::new()
                .name("store-writer".to_owned())
                .spawn(move || own.block_on(work(pool, rules, jobs)))?;
        }
        Pool::Postgres(_) => drop(tokio::spawn(work(pool, rules, jobs))),
    }
    Ok(())
}

async fn work(pool: Pool, rules: RulesKept, mut jobs: mpsc::Receiver<Job>) {
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
        let mut now_due = Jobs::default();
        for job in batch.drain(..) {
            match job {
                Job::Post(post) => now_due.posts.push(*post),
                Job::Mark(mark) => now_due.marks.push(mark),
                Job::Receive(receive) => now_due.receives.push(receive),
                Job::Stop(answer) => {
                    jobs.close();
                    stops.push(answer);
                }
            }
        }
        if now_due.len() > 0 {
            run(&pool, &rules, now_due).await;
        }
    }
    for stop in stops {
        let _ = stop.send(());
    }
}

async fn run(pool: &Pool, rules: &RulesKept, jobs: Jobs) {
    match store_in_time(pool, rules, &jobs).await {
        Ok(done) => answer(jobs, done),
        // Something in the batch is more than the database can take. It must not take the others with it.
        Err(error) if error.trouble().is_none() && jobs.len() > 1 => {
            tracing::error!(%error, "a batch failed; its parts are tried one by one");
            for job in one_by_one(jobs) {
                match store_in_time(pool, rules, &job).await {
                    Ok(done) => answer(job, done),
                    Err(error) => fail(job, &error),
                }
            }
        }
        Err(error) => {
            tracing::error!(%error, jobs = jobs.len(), "a batch could not be stored");
            fail(jobs, &error);
        }
    }
}

fn one_by_one(jobs: Jobs) -> impl Iterator<Item = Jobs> {
    let posts = jobs.posts.into_iter().map(|post| Jobs {
        posts: vec![post],
        ..Jobs::default()
    });
    let marks = jobs.marks.into_iter().map(|mark| Jobs {
        marks: vec![mark],
        ..Jobs::default()
    });
    let receives = jobs.receives.into_iter().map(|receive| Jobs {
        receives: vec![receive],
        ..Jobs::default()
    });
    posts.chain(marks).chain(receives)
}

async fn store_in_time(pool: &Pool, rules: &RulesKept, jobs: &Jobs) -> StoreResult<Done> {
    let stored = Box::pin(batch::store(pool, rules, jobs));
    match pool {
        // A local disk that hangs gives no answer that could be waited for less.
        Pool::Sqlite { .. } => stored.await,
        Pool::Postgres(_) => tokio::time::timeout(POSTGRES_BATCH_TIMEOUT, stored)
            .await
            .unwrap_or_else(|_| Err(sqlx::Error::PoolTimedOut.into())),
    }
}

// Whoever has gone away is not told.
fn answer(jobs: Jobs, done: Done) {
    for (job, kept) in jobs.posts.into_iter().zip(done.posts) {
        let _ = job.answer.send(kept.map_err(StoreError::Refused));
    }
    for (job, moved) in jobs.marks.into_iter().zip(done.marks) {
        let _ = job.answer.send(Ok(moved));
    }
    for (job, moved) in jobs.receives.into_iter().zip(done.received) {
        let _ = job.answer.send(Ok(moved));
    }
}

fn fail(jobs: Jobs, error: &StoreError) {
    for job in jobs.posts {
        let _ = job.answer.send(Err(error.again()));
    }
    for job in jobs.marks {
        let _ = job.answer.send(Err(error.again()));
    }
    for job in jobs.receives {
        let _ = job.answer.send(Err(error.again()));
    }
}
