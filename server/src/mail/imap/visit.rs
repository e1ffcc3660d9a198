//! One visit to the mailbox: as long as it answers and no other server holds it.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{Timestamp, ToSpan, tz::TimeZone};
use protocol::limits::MAIL_REPLY_DAYS;
use tokio::time::{Instant, sleep_until};

use super::Gate;
use super::line::{Away, Found, Head, Line};
use super::patience::Patience;
use super::progress::Progress;
use crate::App;
use crate::mail::answers::Turns;
use crate::mail::answers::heading::{Heading, heading};
use crate::mail::answers::intake::{Answered, note, signed, take};
use crate::mail::answers::refusal;
use crate::mail::answers::verdict::Verdict;
use crate::store::StoreResult;
use crate::time::now_ms;

/// A server that says nothing for so long leaves the mailbox to another.
const HELD_MS: i64 = 60_000;
/// How often one that holds it says so, and how often the others ask.
pub(super) const AGAIN_AFTER: Duration = Duration::from_secs(20);

/// What a visit needs. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Visit {
    pub(super) app: App,
    pub(super) gate: Arc<Gate>,
    pub(super) turns: Arc<Turns>,
    /// The mailbox, as the database knows it.
    pub(super) name: Arc<str>,
    /// This server, as the database knows it.
    pub(super) server: Arc<str>,
    /// Mails that wait, also for another visit.
    pub(super) patience: Arc<Mutex<Patience>>,
}

/// How a visit ended.
#[derive(Debug)]
pub(super) enum End {
    /// Another server has the mailbox.
    Held,
    /// It is not to be had.
    Away {
        /// Whether it was looked into.
        looked: bool,
        /// Why.
        why: Away,
    },
}

/// What is done with a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It answers nothing of ours: it stays as it is.
    Left,
    /// It was taken, or a machine wrote it.
    Taken,
    /// It was refused.
    Refused,
    /// It is looked at again.
    Again,
}

impl Visit {
    /// Until it ends.
    pub(super) async fn run(self) -> End {
        let mut looked = false;
        match self.look(&mut looked).await {
            Ok(()) => End::Held,
            Err(why) => End::Away { looked, why },
        }
    }

    /// Leaves the mailbox to other servers.
    pub(super) async fn leave(&self) {
        if let Err(error) = self.app.store.leave_mailbox(&self.name, &self.server).await {
            tracing::debug!(%error, "the mailbox is left to other servers later");
        }
    }

    async fn look(&self, looked: &mut bool) -> Result<(), Away> {
        if !self.hold().await? {
            return Ok(());
        }
        let mut held = Instant::now();
        let settings = &self.app.config.mail;
        let opening = Line::open(&self.gate, &settings.imap_folder);
        let Some(line) = self.holding(&mut held, opening).await? else {
            return Ok(());
        };
        let mut line = line?;
        let known = self.app.store.mailbox_read(&self.name).await?;
        let mut progress = Progress::new(line.validity, known);
        self.patience().open(line.validity);
        let every = Duration::from_secs(settings.imap_seconds.into());
        loop {
            let round = self.round(&mut line, &mut progress);
            let Some(done) = self.holding(&mut held, round).await? else {
                return Ok(());
            };
            done?;
            if !*looked {
                *looked = true;
                self.app.metrics.mailbox(true);
                tracing::info!("the mailbox with answers is looked into");
            }
            if line.has_news() {
                continue;
            }
            // Nobody tells when it is time for one that waits.
            let next = self.patience().next();
            let next = next.map(|at| at.saturating_duration_since(Instant::now()));
            let waiting = line.wait(every, settings.imap_idle, next);
            let Some(after) = self.holding(&mut held, waiting).await? else {
                return Ok(());
            };
            line = after?;
        }
    }

    // Whether this server has the mailbox now.
    async fn hold(&self) -> StoreResult<bool> {
        let now = now_ms();
        let (store, until) = (&self.app.store, now + HELD_MS);
        store
            .hold_mailbox(&self.name, &self.server, until, now)
            .await
    }

    // Does something, and says meanwhile that the mailbox is held; `None` when it is lost to another server.
    async fn holding<T>(
        &self,
        held: &mut Instant,
        doing: impl Future<Output = T>,
    ) -> StoreResult<Option<T>> {
        let mut doing = pin!(doing);
        loop {
            tokio::select! {
                done = &mut doing => return Ok(Some(done)),
                () = sleep_until(*held + AGAIN_AFTER) => {
                    if !self.hold().await? {
                        return Ok(None);
                    }
                    *held = Instant::now();
                }
            }
        }
    }

    fn patience(&self) -> MutexGuard<'_, Patience> {
        self.patience.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // Looks at everything that is new. What was done counts also when the mailbox is away in the middle of it.
    async fn round(&self, line: &mut Line, progress: &mut Progress) -> Result<(), Away> {
        let known = progress.known();
        let done = self.go_through(line, progress).await;
        if progress.known() != known {
            let (store, now_known) = (&self.app.store, progress.known());
            store
                .set_mailbox_read(&self.name, &self.server, now_known)
                .await?;
        }
        done
    }

    async fn go_through(&self, line: &mut Line, progress: &mut Progress) -> Result<(), Away> {
        let found = line.numbers(progress.next(), &first_day(now_ms())).await?;
        let numbers = progress.left(found);
        let mut open: BTreeSet<u32> = numbers.iter().copied().collect();
        self.patience().keep(&open);
        // One that waited and is gone holds nothing up.
        progress.done(&[], &open);
        let first = Duration::from_secs(self.app.config.mail.imap_seconds.into());
        for uid in numbers {
            if !self.patience().begin(uid, first, Instant::now()) {
                continue;
            }
            let fate = self.judge(line, uid).await?;
            // As if the server were killed here: the message is there, the mailbox does not know it.
            crate::crash::at("answer_fetched");
            if fate == Fate::Again {
                self.patience().put_off(uid, first, Instant::now());
                continue;
            }
            self.tidy(line, uid, fate).await?;
            self.patience().end(uid);
            open.remove(&uid);
            progress.done(&[uid], &open);
        }
        Ok(())
    }

    async fn judge(&self, line: &mut Line, uid: u32) -> Result<Fate, Away> {
        let Head { size, bytes } = match line.head(uid).await? {
            Found::Here(head) => head,
            Found::Gone => return Ok(Fate::Left),
            Found::Kept => return Ok(Fate::Again),
        };
        // On its own, as everything that strangers wrote.
        let head = tokio::task::spawn_blocking(move || heading(&bytes)).await;
        let Ok(head) = head else {
            tracing::warn!(verdict = ?Verdict::Broken, "a mail in the mailbox was refused");
            return Ok(Fate::Refused);
        };
        if head.tokens.is_empty() {
            return Ok(Fate::Left);
        }
        let mut to = Vec::new();
        for token in &head.tokens {
            match signed(&self.app, token).await {
                Ok(answered) => to.push(answered),
                Err(Verdict::Later) => return Ok(Fate::Again),
                Err(_) => {}
            }
        }
        if to.is_empty() {
            tracing::warn!(verdict = ?Verdict::Unknown, "a mail in the mailbox was refused");
            self.app.metrics.answer_refused();
            return Ok(Fate::Refused);
        }
        let bytes_max = u64::from(self.app.config.mail.reply_bytes_max);
        let mail = match size <= bytes_max {
            true => match line.mail(uid, size, bytes_max).await? {
                Found::Here(mail) => Some(mail).filter(|mail| mail.len() as u64 <= bytes_max),
                Found::Gone => return Ok(Fate::Left),
                Found::Kept => return Ok(Fate::Again),
            },
            false => None,
        };
        let mail = mail.map(Arc::new);
        let mut verdicts = Vec::new();
        for to in to {
            verdicts.push(self.deliver(to, &head, mail.clone()).await);
        }
        Ok(fate(&verdicts))
    }

    // As a mail server would, that tells the writer of what was refused.
    async fn deliver(&self, to: Answered, head: &Heading, mail: Option<Arc<Vec<u8>>>) -> Verdict {
        let (app, turns, head) = (self.app.clone(), Arc::clone(&self.turns), head.clone());
        let taking = async move {
            let verdict = match mail {
                Some(mail) => take(&app, &turns, &to, mail, head.report).await,
                None => {
                    let machine = head.automatic || head.report;
                    let verdict = if machine {
                        Verdict::Ignored
                    } else {
                        Verdict::TooLarge
                    };
                    note(&app, &to, verdict);
                    verdict
                }
            };
            if verdict.is_refusal() {
                refusal::tell(&app, &to, verdict, &head.mark).await;
            }
            verdict
        };
        // On its own: a visit that ends keeps no message from being published.
        tokio::spawn(taking).await.unwrap_or(Verdict::Broken)
    }

    async fn tidy(&self, line: &mut Line, uid: u32, fate: Fate) -> Result<(), Away> {
        let settings = &self.app.config.mail;
        let folder = match fate {
            Fate::Left | Fate::Again => return Ok(()),
            Fate::Taken => &settings.imap_taken,
            Fate::Refused => &settings.imap_refused,
        };
        if let Some(refused) = line.put(uid, folder).await? {
            tracing::warn!(
                folder,
                refused,
                "the mailbox refuses to mark or to move a mail"
            );
        }
        Ok(())
    }
}

// A mail of several answers is looked at again as long as one of them waits; what was done is not done twice.
fn fate(verdicts: &[Verdict]) -> Fate {
    if verdicts.contains(&Verdict::Later) {
        Fate::Again
    } else if verdicts.contains(&Verdict::Taken) {
        Fate::Taken
    } else if verdicts.iter().any(|verdict| verdict.is_refusal()) {
        Fate::Refused
    } else {
        Fate::Taken
    }
}

// The day before which no mail can be an answer that is taken, with one more for zones, as a search has it.
fn first_day(now: i64) -> String {
    let now = Timestamp::from_millisecond(now).unwrap_or(Timestamp::UNIX_EPOCH);
    let today = TimeZone::UTC.to_datetime(now).date();
    let first = today.saturating_sub((MAIL_REPLY_DAYS + 1).days());
    first.strftime("%d-%b-%Y").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_written_as_imap_has_them() {
        let at: Timestamp = "2026-11-27T23:30:00Z".parse().unwrap();
        assert_eq!(first_day(at.as_millisecond()), "27-Oct-2026");
        assert_eq!(first_day(i64::MAX), "01-Dec-1969");
    }

    #[test]
    fn a_mail_waits_with_the_last_of_its_answers() {
        use Verdict::{Foreign, Ignored, Later, Taken};
        for (verdicts, expected) in [
            (&[Taken][..], Fate::Taken),
            (&[Ignored], Fate::Taken),
            (&[Foreign], Fate::Refused),
            (&[Foreign, Ignored], Fate::Refused),
            (&[Taken, Foreign], Fate::Taken),
            (&[Taken, Later, Foreign], Fate::Again),
        ] {
            assert_eq!(fate(verdicts), expected, "{verdicts:?}");
        }
    }
}
