//! Many people with sessions on one server, each on one connection, who send by a common schedule. They cost the
//! machine little, so that thousands of them and the server fit on it; runs differ in what they let them do.

mod arrivals;
mod line;
mod link;
mod member;
mod names;
mod outbox;
mod record;
mod schedule;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};

use self::member::{Member, Plan, Targets, Told};
use self::names::Names;
use self::record::{Record, judge};
use crate::LoadError;
use crate::http::{Address, Session};

pub use link::BODY_BYTES;
pub use record::{Counts, Outcome};
pub use schedule::Schedule;

/// Connections that are opened at once in the beginning; the run that measures a rush makes one later.
const OPENED_AT_ONCE: usize = 64;
/// How long the next of them may take to be ready.
const NEXT_READY_WITHIN: Duration = Duration::from_secs(60);
/// How long acknowledgements may lag behind the schedule.
const ACKED_WITHIN: Duration = Duration::from_secs(60);
/// How long deliveries may lag behind the acknowledgements.
const DELIVERED_WITHIN: Duration = Duration::from_secs(30);

/// People who are connected.
pub struct Crowd {
    people: usize,
    names: Arc<Names>,
    plan: watch::Sender<Plan>,
    told: mpsc::UnboundedReceiver<Told>,
    members: JoinSet<Record>,
}

impl Crowd {
    /// Connects one person for each session and waits until all are ready.
    ///
    /// # Errors
    /// When one is refused, or no further one becomes ready in time.
    pub async fn gather(
        address: &Address,
        sessions: &[Session],
        seed: u64,
    ) -> Result<Self, LoadError> {
        let people = u32::try_from(sessions.len())
            .map_err(|_| LoadError::NotReady("too many people".to_owned()))?;
        let names = Arc::new(Names::fresh(people));
        let (plan, plans) = watch::channel(Plan::Listen);
        let (tell, told) = mpsc::unbounded_channel();
        let mut crowd = Self {
            people: sessions.len(),
            names: Arc::clone(&names),
            plan,
            told,
            members: JoinSet::new(),
        };
        let mut waiting = (0..people).zip(sessions);
        let mut ready = BTreeSet::new();
        while ready.len() < crowd.people {
            let opening = crowd.members.len() - ready.len();
            for (person, session) in waiting.by_ref().take(OPENED_AT_ONCE - opening) {
                let account = (session.clone(), address.clone());
                let (names, plans) = (Arc::clone(&names), plans.clone());
                let member = Member::new(person, account, names, seed, plans, tell.clone());
                crowd.members.spawn(member.run());
            }
            match timeout(NEXT_READY_WITHIN, crowd.told.recv()).await {
                Ok(Some(Told::Ready { person, .. })) => {
                    ready.insert(person);
                }
                Ok(Some(Told::Done(_))) => {}
                Ok(Some(Told::Gone(why))) => return Err(LoadError::NotReady(why)),
                Ok(None) | Err(_) => return Err(LoadError::TimedOut("a person's connection")),
            }
        }
        Ok(crowd)
    }

    /// Has everybody send, or shortens what they send.
    pub fn send(&self, schedule: Schedule) {
        self.plan.send_replace(Plan::Send(schedule));
    }

    /// When each person's connection became ready again, `None` for those who were not until `deadline`. Only
    /// connections that became ready at `since` or later count.
    pub async fn ready_again(&mut self, since: Instant, deadline: Instant) -> Vec<Option<Instant>> {
        let mut ready = vec![None; self.people];
        let mut missing = self.people;
        while missing > 0
            && let Ok(Some(told)) = timeout_at(deadline, self.told.recv()).await
        {
            if let Told::Ready { person, at } = told
                && at >= since
                && let Some(slot) = ready.get_mut(person as usize)
            {
                missing -= usize::from(slot.is_none());
                slot.get_or_insert(at);
            }
        }
        ready
    }

    /// Waits until everything that was sent has been acknowledged and delivered to everybody, or long enough; then
    /// all leave and what they saw is judged. The schedule must have an end.
    ///
    /// # Errors
    /// When a person's task failed, which is a fault of the load's own.
    pub async fn finish(mut self) -> Result<Outcome, LoadError> {
        let targets = if matches!(*self.plan.borrow(), Plan::Send(_)) {
            self.acknowledged().await
        } else {
            Targets::new()
        };
        self.plan.send_replace(Plan::Finish(Arc::new(targets)));
        let mut records = Vec::new();
        let deadline = Instant::now() + DELIVERED_WITHIN;
        loop {
            match timeout_at(deadline, self.members.join_next()).await {
                Ok(Some(record)) => records.push(joined(record)?),
                Ok(None) => break,
                Err(_) => {
                    self.plan.send_replace(Plan::Stop);
                    while let Some(record) = self.members.join_next().await {
                        records.push(joined(record)?);
                    }
                }
            }
        }
        judge(records, &self.names)
    }

    // How far each room went, by the acknowledgements.
    async fn acknowledged(&mut self) -> Targets {
        let deadline = Instant::now() + ACKED_WITHIN;
        let mut targets = BTreeMap::new();
        let mut missing = self.people;
        while missing > 0
            && let Ok(Some(told)) = timeout_at(deadline, self.told.recv()).await
        {
            match told {
                Told::Done(acked) => {
                    missing -= 1;
                    for (room, seq) in acked {
                        let to = targets.entry(room).or_insert(seq);
                        *to = seq.max(*to);
                    }
                }
                Told::Gone(_) => missing -= 1,
                Told::Ready { .. } => {}
            }
        }
        targets
    }
}

fn joined(record: Result<Record, tokio::task::JoinError>) -> Result<Record, LoadError> {
    record.map_err(|error| LoadError::Protocol(error.to_string()))
}
