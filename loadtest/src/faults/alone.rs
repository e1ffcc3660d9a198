//! A server alone, and people who write to it.

use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::watch;

use super::{GATHERED_WITHIN, HEALED_WITHIN, Options, Scenario};
use crate::LoadError;
use crate::company::{Company, judge};
use crate::http::{Address, Session};
use crate::person::{Habits, Person};
use crate::server::{Installation, Launch, Server};

/// Rooms; a person is in one of them, which shows whether anybody hears from the other.
pub(super) const ROOMS: usize = 2;
/// How people write when nothing else is asked: below the limit of a person's rate.
pub(super) const WRITES: Habits = Habits {
    messages: usize::MAX,
    pause: Duration::from_millis(250),
    body_bytes: 100,
    over_http: false,
};
/// How they watch.
pub(super) const WATCHES: Habits = Habits {
    messages: 0,
    ..WRITES
};

/// A running server, its people's sessions, and where it is now.
pub(super) struct Alone {
    pub(super) installation: Installation,
    pub(super) server: Server,
    pub(super) sessions: Vec<Session>,
    place: watch::Sender<Vec<Address>>,
    _folder: TempDir,
}

impl Alone {
    pub(super) async fn start(
        options: &Options,
        people: usize,
        launch: &Launch,
    ) -> Result<Self, LoadError> {
        let (folder, installation) = options.fresh()?;
        let sessions = installation.seed_sessions(people, ROOMS).await?;
        let server = installation.launch(launch).await?;
        let (place, _) = watch::channel(vec![server.address.clone()]);
        Ok(Self {
            installation,
            server,
            sessions,
            place,
            _folder: folder,
        })
    }

    /// Starts it again after it has ended.
    pub(super) async fn start_again(&mut self, launch: &Launch) -> Result<(), LoadError> {
        self.server = self.installation.launch(launch).await?;
        self.place.send_replace(vec![self.server.address.clone()]);
        Ok(())
    }

    /// Person number `number`, who goes straight to the server.
    pub(super) fn person(&self, number: usize, tag: &str, habits: Habits) -> Person {
        Person {
            number,
            tag: tag.to_owned(),
            session: self.sessions[number].clone(),
            addresses: self.place.subscribe(),
            at: 0,
            habits,
        }
    }

    /// Where somebody finds the server behind a relay.
    pub(super) fn behind(&self, authority: &str) -> watch::Receiver<Vec<Address>> {
        let address = Address {
            authority: authority.to_owned(),
            origin: self.server.address.origin.clone(),
        };
        watch::channel(vec![address]).1
    }

    /// Half of them write, the others watch.
    pub(super) async fn company(&self, tag: &str) -> Result<Company, LoadError> {
        let half = self.sessions.len() / 2;
        let habits = |number| if number < half { WRITES } else { WATCHES };
        let people =
            (0..self.sessions.len()).map(|number| self.person(number, tag, habits(number)));
        Company::gather(people.collect(), GATHERED_WITHIN).await
    }

    /// Waits until everybody is level after a fault, and judges what they saw.
    pub(super) async fn judge(
        &self,
        scenario: &mut Scenario,
        what: &str,
        mut company: Company,
    ) -> Result<(), LoadError> {
        scenario.settled(what, company.settle(HEALED_WITHIN).await?);
        let records = company.part().await?;
        let addresses = self.place.borrow().clone();
        scenario.outcome = judge(&addresses, &records).await?;
        Ok(())
    }
}
