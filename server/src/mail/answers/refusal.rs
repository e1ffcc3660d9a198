//! What was fetched from a mailbox and refused: no mail server is there to tell its writer, so a mail of ours does. It goes to
//! the confirmed address of the person whose answers the token takes, whoever the mail says that it is from: nobody can have
//! mails sent to others by it.

use protocol::ErrorCode;
use protocol::limits::MAIL_REFUSALS_PER_DAY;

use super::intake::Answered;
use super::verdict::Verdict;
use crate::App;
use crate::store::{DAY_MS, NewMail, StoreError, StoreResult, new_id};
use crate::time::now_ms;

/// Tells the person, once for a mail and not more often than the limit; `mark` is the mail's.
pub(in crate::mail) async fn tell(app: &App, to: &Answered, verdict: Verdict, mark: &str) {
    if let Err(error) = try_tell(app, to, verdict, mark).await {
        let user = &to.person;
        tracing::warn!(%error, %user, "nobody is told of an answer that was refused");
    }
}

async fn try_tell(app: &App, to: &Answered, verdict: Verdict, mark: &str) -> StoreResult<()> {
    let Some(mail) = &app.mail else {
        return Ok(());
    };
    let (store, now) = (&app.store, now_ms());
    let known = store.mail_of(&to.person, now).await?;
    let Some(known) = known.filter(|known| !known.failing) else {
        return Ok(());
    };
    let Some(address) = known.address else {
        return Ok(());
    };
    let letter = mail
        .office()
        .refusal(verdict.said(known.lang), &to.room, known.lang);
    let letter =
        serde_json::to_string(&letter).map_err(|_| StoreError::Refused(ErrorCode::Internal))?;
    let new = NewMail {
        id: &new_id(),
        person: &to.person,
        event: &format!("refused/{mark}"),
        address: &address,
        letter: &letter,
    };
    let since = now - DAY_MS;
    if store
        .queue_refusal(&new, since, MAIL_REFUSALS_PER_DAY, now)
        .await?
    {
        mail.queued();
    }
    Ok(())
}
