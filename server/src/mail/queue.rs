//! Sends the mails that wait in the database, one after the other. Of several servers one takes a mail; whatever happens to that
//! one, another takes it up, under the same Message-ID.

use std::time::Duration;

use lettre::Message;
use protocol::limits::MAIL_TRY_DAYS;
use tokio::time::{Instant, sleep, timeout};

use super::Mail;
use super::courier::{Courier, Outcome};
use super::letter::Letter;
use crate::store::{DueMail, StoreResult};
use crate::time::now_ms;

/// How often it looks at the latest.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// After a failure of the database.
const AGAIN_AFTER: Duration = Duration::from_secs(5);
/// How often what is old is thrown away.
const SWEEP_EVERY: Duration = Duration::from_secs(3_600);
/// Waits before another try, in minutes; the last one again and again.
const TRIES: [i64; 7] = [1, 5, 15, 60, 120, 240, 480];
const MINUTE_MS: i64 = 60_000;

/// Sends for as long as the server runs.
pub(super) async fn send(mail: Mail, mut courier: Courier) {
    let mut swept: Option<Instant> = None;
    loop {
        if swept.is_none_or(|at| at.elapsed() >= SWEEP_EVERY) {
            swept = Some(Instant::now());
            sweep(&mail).await;
        }
        match send_next(&mail, &mut courier).await {
            Ok(true) => {}
            Ok(false) => {
                courier.rest().await;
                // An error is the end of the time.
                let _ = timeout(LOOK_EVERY, mail.0.queued.notified()).await;
            }
            Err(error) => {
                tracing::warn!(%error, "mails could not be read; trying again");
                sleep(AGAIN_AFTER).await;
            }
        }
    }
}

async fn sweep(mail: &Mail) {
    match mail.0.store.sweep_mail(now_ms()).await {
        Ok(0) => {}
        Ok(lost) => tracing::warn!(lost, "mails were given up after {MAIL_TRY_DAYS} days"),
        Err(error) => tracing::warn!(%error, "old mails could not be thrown away"),
    }
}

// Whether there was one.
async fn send_next(mail: &Mail, courier: &mut Courier) -> StoreResult<bool> {
    let (store, settings) = (&mail.0.store, &mail.0.settings);
    let Some(due) = store.claim_mail(settings.per_minute, now_ms()).await? else {
        return Ok(false);
    };
    let Some(written) = write(&due, courier) else {
        store.mail_done(&due.id, now_ms()).await?;
        return Ok(true);
    };
    let outcome = courier.send(written.envelope(), &written.formatted()).await;
    crate::crash::at("mail_sent");
    let (id, user) = (&due.id, &due.person);
    match outcome {
        Outcome::Taken => {
            tracing::info!(%id, %user, "a mail was sent");
            store.mail_done(id, now_ms()).await?;
        }
        Outcome::NoAddress(code) => {
            tracing::warn!(%id, %user, code, "an address takes no mail");
            store.address_fails(user, &due.address, now_ms()).await?;
            store.mail_done(id, now_ms()).await?;
        }
        Outcome::NoMail(code) => {
            tracing::error!(%id, %user, code, "the mail server refuses a mail");
            store.mail_done(id, now_ms()).await?;
        }
        Outcome::Later(why) => {
            tracing::warn!(%id, tries = due.tries + 1, why, "a mail could not be sent; trying again");
            store.mail_later(id, now_ms() + wait(due.tries)).await?;
        }
    }
    Ok(true)
}

// One that cannot be written now can never be.
fn write(due: &DueMail, courier: &Courier) -> Option<Message> {
    let letter: Letter = serde_json::from_str(&due.letter)
        .inspect_err(|error| tracing::error!(id = %due.id, %error, "a mail cannot be read"))
        .ok()?;
    letter
        .write(&due.id, due.created_at, courier.from(), &due.address)
        .inspect_err(|_| tracing::error!(id = %due.id, "a mail cannot be written"))
        .ok()
}

fn wait(tries: i64) -> i64 {
    let nth = usize::try_from(tries).unwrap_or(0).min(TRIES.len() - 1);
    TRIES[nth] * MINUTE_MS
}
