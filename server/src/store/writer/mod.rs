//! Group commit. Making a transaction durable costs one flush of the disk, whatever is in it; so whoever wants
//! to write waits in a queue, and a task stores everything that waits in one transaction.
//!
//! Nobody is answered before the commit. A caller that has gone away changes nothing: its message is stored, and
//! its next try finds it.

mod acks;
mod alls;
mod batch;
mod mentions;
mod paces;
mod polls;
mod questions;
mod receipts;
mod reports;
mod rows;
mod search;
mod statements;
mod work;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;

use protocol::command::MsgSend;
use protocol::model::Forwarded;
use protocol::{ErrorCode, RoomId, UserId};
use tokio::sync::{mpsc, oneshot};

use super::messages::{NewMessage, Stored};
use super::pool::Pool;
use super::receipts::Receipts;
use super::rules::RulesKept;
use super::{StoreError, StoreResult};

pub(super) use receipts::{RECEIPTS, Receipt, Row as ReceiptRow, told};
pub(super) use rows::{ROWS_MAX, Rows};
pub(super) use statements::POINTERS;

/// Jobs that may wait for one writer; further ones are told to try later.
const QUEUE_MAX: usize = 4_096;
/// Writers to PostgreSQL, which flushes for several transactions at once. A room always has the same one.
const POSTGRES_WRITERS: usize = 2;

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
    forwarded: Option<Forwarded>,
    now: i64,
    answer: oneshot::Sender<StoreResult<Kept>>,
}

struct Mark {
    room: RoomId,
    person: UserId,
    no: i64,
    answer: oneshot::Sender<StoreResult<Option<i64>>>,
}

struct Receive {
    receipts: Receipts,
    answer: oneshot::Sender<StoreResult<Receipts>>,
}

enum Job {
    Post(Box<Post>),
    Mark(Mark),
    Receive(Receive),
    /// Nothing more comes; answered when everything before is stored.
    Stop(oneshot::Sender<()>),
}

/// The queues of the writers. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Writers {
    queues: Vec<mpsc::Sender<Job>>,
}

impl Writers {
    pub(super) fn start(pool: &Pool, rules: &RulesKept) -> io::Result<Self> {
        let count = match pool {
            Pool::Sqlite { .. } => 1,
            Pool::Postgres(_) => POSTGRES_WRITERS,
        };
        let queues = (0..count).map(|_| {
            let (queue, jobs) = mpsc::channel(QUEUE_MAX);
            work::start(pool.clone(), rules.clone(), jobs)?;
            Ok(queue)
        });
        Ok(Self {
            queues: queues.collect::<io::Result<_>>()?,
        })
    }

    /// Stores a message; returns when it is on disk.
    pub(super) async fn send(
        &self,
        (new, from): (NewMessage<'_>, Option<&Forwarded>),
        now: i64,
    ) -> StoreResult<Kept> {
        let (answer, answered) = oneshot::channel();
        let (by, mut send) = (new.by, new.send.clone());
        // Whoever writes knows of it.
        send.men.retain(|person| person != by);
        send.men.sort();
        send.men.dedup();
        let room = send.r.clone();
        let job = Box::new(Post {
            by: by.clone(),
            send,
            forwarded: from.cloned(),
            now,
            answer,
        });
        self.queue(&room, Job::Post(job))?;
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

    /// Stores receipts, all through one writer, together with whatever else it writes; returns when that is on disk. Gives
    /// those that were news.
    pub(super) async fn receive(&self, receipts: Receipts) -> StoreResult<Receipts> {
        let Some(((room, _), _)) = receipts.first_key_value() else {
            return Ok(receipts);
        };
        let room = room.clone();
        let (answer, answered) = oneshot::channel();
        self.queue(&room, Job::Receive(Receive { receipts, answer }))?;
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
