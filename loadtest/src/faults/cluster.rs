//! Three servers on one PostgreSQL and one Redis, and people spread over them.

use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::watch;

use super::alone::{ROOMS, WATCHES, WRITES};
use super::{GATHERED_WITHIN, HEALED_WITHIN, Options, Scenario};
use crate::LoadError;
use crate::company::{Company, judge};
use crate::http::{Address, Session};
use crate::person::Person;
use crate::relay::Relay;
use crate::server::{Installation, Launch, Server, Variables};
use crate::services::postgres::Postgres;
use crate::services::redis::Redis;

/// Servers.
pub(super) const NODES: usize = 3;
/// The one that reaches Redis through a relay.
pub(super) const REMOTE: usize = 2;
/// People; the first half of them write.
const PEOPLE: usize = 12;

/// Everything that runs.
pub(super) struct Cluster {
    pub(super) postgres: Postgres,
    pub(super) redis: Redis,
    /// Between the remote node and Redis.
    pub(super) relay: Relay,
    pub(super) nodes: Vec<Server>,
    pub(super) sessions: Vec<Session>,
    places: watch::Sender<Vec<Address>>,
    installation: Installation,
    settings: Variables,
    _folder: TempDir,
}

impl Cluster {
    pub(super) async fn start(options: &Options) -> Result<Self, LoadError> {
        let (folder, installation) = options.fresh()?;
        let (postgres, redis) = (Postgres::start().await?, Redis::start().await?);
        let relay = Relay::to(redis.authority.clone()).await?;
        let setting = |name: &str, value: &str| (format!("PARTA_{name}"), value.to_owned());
        let settings = vec![
            setting("DATABASE", &postgres.url()),
            setting("REDIS_PREFIX", "faults"),
            setting("DRAIN_SECONDS", "1"),
        ];
        let sessions = installation
            .seed_sessions_as(PEOPLE, ROOMS, &settings)
            .await?;
        let (places, _) = watch::channel(Vec::new());
        let mut cluster = Self {
            postgres,
            redis,
            relay,
            nodes: Vec::new(),
            sessions,
            places,
            installation,
            settings,
            _folder: folder,
        };
        for number in 0..NODES {
            let node = cluster.launch(number, &Variables::new()).await?;
            cluster.nodes.push(node);
        }
        cluster.tell_places();
        Ok(cluster)
    }

    async fn launch(&self, number: usize, more: &Variables) -> Result<Server, LoadError> {
        let authority = if number == REMOTE {
            &self.relay.authority
        } else {
            &self.redis.authority
        };
        let mut variables = self.settings.clone();
        variables.push(("PARTA_REDIS".to_owned(), format!("redis://{authority}/")));
        variables.extend_from_slice(more);
        self.installation
            .launch(&Launch { port: 0, variables })
            .await
    }

    /// Starts a node again that has ended, with these environment variables besides.
    pub(super) async fn start_again(
        &mut self,
        number: usize,
        more: &Variables,
    ) -> Result<(), LoadError> {
        self.nodes[number] = self.launch(number, more).await?;
        self.tell_places();
        Ok(())
    }

    fn tell_places(&self) {
        let places = self.nodes.iter().map(|node| node.address.clone());
        self.places.send_replace(places.collect());
    }

    /// People on all nodes, half of whom write. Each goes to the next node when its own is lost.
    pub(super) async fn company(&self, tag: &str) -> Result<Company, LoadError> {
        let person = |(number, session): (usize, &Session)| Person {
            number,
            tag: tag.to_owned(),
            session: session.clone(),
            addresses: self.places.subscribe(),
            at: number / ROOMS,
            habits: if number < PEOPLE / 2 { WRITES } else { WATCHES },
        };
        let people = self.sessions.iter().enumerate().map(person);
        let mut company = Company::gather(people.collect(), GATHERED_WITHIN).await?;
        company.flow(1, HEALED_WITHIN).await?;
        Ok(company)
    }

    /// After a fault: everybody writes again, then holds everything; judged by what all nodes tell.
    pub(super) async fn judge(
        &self,
        what: &'static str,
        times: usize,
        mut company: Company,
    ) -> Result<Scenario, LoadError> {
        let mut scenario = Scenario::default();
        company.flow(1, HEALED_WITHIN).await?;
        scenario.settled(what, company.settle(HEALED_WITHIN).await?);
        let records = company.part().await?;
        let places = self.places.borrow().clone();
        scenario.outcome = judge(&places, &records).await?;
        scenario.happened(what, times);
        Ok(scenario)
    }

    /// Ends everything.
    pub(super) async fn stop(mut self) -> Result<(), LoadError> {
        for node in &mut self.nodes {
            node.kill().await?;
        }
        self.redis.kill().await?;
        self.postgres.stop_immediately().await
    }
}

/// How long a fault lasts.
pub(super) fn length(options: &Options, short: u64, long: u64) -> Duration {
    Duration::from_secs(options.amount(short, long))
}
