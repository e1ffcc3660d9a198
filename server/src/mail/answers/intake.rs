//! An answer becomes a message: of the person whose address it is, in the room of the mail that it answers, with the rights
//! that they have then.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use futures_util::stream;
use protocol::command::MsgSend;
use protocol::limits::{ATTACHMENTS_MAX, BODY_BYTES_MAX};
use protocol::room::Right;
use protocol::{ClientId, ErrorCode, FileId};
use sha2::{Digest, Sha256};

use super::Turns;
use super::incoming::{Incoming, read};
use super::verdict::Verdict;
use crate::App;
use crate::files::names;
use crate::http::quarantined;
use crate::mail::address::is_same;
use crate::mail::token;
use crate::store::{NewFile, NewMessage, ReplyTo, StoreError};
use crate::time::now_ms;

/// A recipient that takes answers.
pub(in crate::mail) type Answered = ReplyTo;

/// Who gets mails at this address, if anybody does.
///
/// # Errors
/// [`Verdict::Unknown`] for an address that is not ours, not signed, or too old; [`Verdict::Later`].
pub(in crate::mail) async fn recipient(app: &App, address: &str) -> Result<Answered, Verdict> {
    let mail = app.mail.as_ref().ok_or(Verdict::Unknown)?;
    let office = mail.office();
    let (local, domain) = office.reply.as_ref().ok_or(Verdict::Unknown)?;
    let (user, host) = address.rsplit_once('@').ok_or(Verdict::Unknown)?;
    let (base, given) = user.split_once('+').ok_or(Verdict::Unknown)?;
    if !base.eq_ignore_ascii_case(local) || !host.eq_ignore_ascii_case(domain) {
        return Err(Verdict::Unknown);
    }
    signed(app, given).await
}

/// Whose answers a token takes, and to what.
///
/// # Errors
/// [`Verdict::Unknown`] for one that is not signed or too old; [`Verdict::Later`].
pub(in crate::mail) async fn signed(app: &App, given: &str) -> Result<Answered, Verdict> {
    let mail = app.mail.as_ref().ok_or(Verdict::Unknown)?;
    let office = mail.office();
    let (id, signature) = token::parts(given).ok_or(Verdict::Unknown)?;
    let found = app.store.reply_to_mail(&id).await.map_err(failed)?;
    let to = found.ok_or(Verdict::Unknown)?;
    let until = to.expires_at.to_string();
    let (room, message) = (to.room.as_str(), to.message.as_str());
    let parts = ["reply", &*id, to.person.as_str(), room, message, &*until];
    let holds = office.key.accepts(&signature, &parts) && to.expires_at > now_ms();
    if holds { Ok(to) } else { Err(Verdict::Unknown) }
}

/// Makes a message of a mail, once, however often it comes.
pub(in crate::mail) async fn take(
    app: &App,
    turns: &Turns,
    to: &Answered,
    mail: Arc<Vec<u8>>,
    report: bool,
) -> Verdict {
    let verdict = match try_take(app, turns, to, mail, report).await {
        Ok(()) => Verdict::Taken,
        Err(verdict) => verdict,
    };
    note(app, to, verdict);
    verdict
}

/// Tells the log and the figures what became of an answer.
pub(in crate::mail) fn note(app: &App, to: &Answered, verdict: Verdict) {
    let (user, room) = (&to.person, &to.room);
    if verdict.is_refusal() {
        tracing::warn!(%user, %room, ?verdict, "an answer by mail was refused");
        app.metrics.answer_refused();
    } else {
        tracing::info!(%user, %room, ?verdict, "an answer came by mail");
        if verdict == Verdict::Taken {
            app.metrics.answer_taken();
        }
    }
}

async fn try_take(
    app: &App,
    turns: &Turns,
    to: &Answered,
    mail: Arc<Vec<u8>>,
    report: bool,
) -> Result<(), Verdict> {
    let bytes = Arc::clone(&mail);
    // A mail of many megabytes takes a moment.
    let read = tokio::task::spawn_blocking(move || read(&bytes)).await;
    let read = read.ok().flatten().ok_or(Verdict::Broken)?;
    if report || read.automatic {
        return Err(Verdict::Ignored);
    }
    let own = to.address.as_deref().ok_or(Verdict::Foreign)?;
    let is_own = matches!(read.from.as_slice(), [from] if is_same(from, own));
    if !is_own {
        return Err(Verdict::Foreign);
    }
    let access = app
        .store
        .access(&to.room, &to.person)
        .await
        .map_err(failed)?;
    let may = access.map(|access| access.may(Right::Write));
    if !matches!(may, Some(Ok(()))) {
        return Err(Verdict::MayNot);
    }
    let (cid, before) = client_ids(&read, &mail, to)?;
    for known in [&cid, &before] {
        let sent = app.store.has_sent_to(&to.person, &to.room, known).await;
        if sent.map_err(failed)? {
            return Ok(());
        }
    }
    check(app, &read)?;
    if !turns.take(&to.person, Instant::now()) {
        return Err(Verdict::Later);
    }
    drop(mail);
    let mut send = MsgSend {
        r: to.room.clone(),
        cid,
        body: read.text,
        re: Some(to.message.clone()),
        att: Vec::with_capacity(read.files.len()),
        men: Vec::new(),
        poll: None,
        fwd: None,
        ack: false,
        due: None,
        all: false,
        noticed: to.noticed,
    };
    let mut kept = Ok(());
    for (name, bytes) in read.files {
        match keep(app, to, &name, bytes).await {
            Ok(file) => send.att.push(file),
            Err(verdict) => {
                kept = Err(verdict);
                break;
            }
        }
    }
    let files = send.att.clone();
    let stored = match kept {
        Ok(()) => store(app, to, send).await,
        Err(verdict) => Err(verdict),
    };
    if stored != Ok(IsNew(true)) {
        forget(app, &files).await;
    }
    stored.map(|IsNew(_)| ())
}

/// Whether no earlier try had stored the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct IsNew(bool);

fn check(app: &App, read: &Incoming) -> Result<(), Verdict> {
    if read.text.is_empty() && read.files.is_empty() {
        return Err(Verdict::Empty);
    }
    if read.text.len() > BODY_BYTES_MAX {
        return Err(Verdict::TooLong);
    }
    if read.files.len() > ATTACHMENTS_MAX {
        return Err(Verdict::TooMany);
    }
    let too_large = |bytes: &Vec<u8>| bytes.len() as u64 > app.config.file_bytes_max;
    if read.files.iter().any(|(_, bytes)| too_large(bytes)) {
        return Err(Verdict::TooLarge);
    }
    Ok(())
}

// The same mail is the same message of a room; one without an id is told by its bytes. The second is the id of messages from
// before a mail could answer in several rooms.
fn client_ids(
    read: &Incoming,
    mail: &[u8],
    to: &Answered,
) -> Result<(ClientId, ClientId), Verdict> {
    let mail = read.id.as_ref().map_or(mail, |id| id.as_bytes());
    Ok((
        client_id(&[to.room.as_str().as_bytes(), b"\0", mail])?,
        client_id(&[mail])?,
    ))
}

fn client_id(of: &[&[u8]]) -> Result<ClientId, Verdict> {
    let mut hash = Sha256::new();
    for part in of {
        hash.update(part);
    }
    let mut text = hex::encode(hash.finalize());
    text.truncate(40);
    ClientId::parse(format!("mail-{text}")).map_err(|_| Verdict::Broken)
}

async fn keep(app: &App, to: &Answered, name: &str, bytes: Vec<u8>) -> Result<FileId, Verdict> {
    let bytes = stream::iter([Ok(Bytes::from(bytes))]);
    let name = names::safe(name);
    let kept = app.files.keep(name, app.config.file_bytes_max, bytes).await;
    let (room, owner) = (&to.room, &to.person);
    let file = match kept {
        Ok(file) => file,
        Err(why) => {
            let code = quarantined(app, room, owner, why).await.map_err(failed)?;
            // Other than these it is the scanner or the disk: the mail server comes again.
            let verdicts = [
                (ErrorCode::Infected, Verdict::Infected),
                (ErrorCode::TooLarge, Verdict::TooLarge),
            ];
            let known = verdicts.into_iter().find(|(refused, _)| *refused == code);
            return Err(known.map_or(Verdict::Later, |(_, verdict)| verdict));
        }
    };
    let new = NewFile {
        room,
        owner,
        file: &file,
    };
    app.store.add_file(new, now_ms()).await.map_err(failed)?;
    Ok(file.id)
}

// Files of an answer that is no message: it may come again, with files of its own.
async fn forget(app: &App, files: &[FileId]) {
    if files.is_empty() {
        return;
    }
    match app.store.forget_uploads(files).await {
        Ok(gone) => app.files.remove_all(&gone).await,
        Err(error) => tracing::warn!(%error, "files of an answer that is no message are left"),
    }
}

async fn store(app: &App, to: &Answered, mut send: MsgSend) -> Result<IsNew, Verdict> {
    loop {
        let new = NewMessage {
            by: &to.person,
            send: &send,
        };
        match app.store.add_message(new, now_ms()).await {
            Ok(stored) => {
                crate::crash::at("before_publish");
                app.switchboard.publish(stored.event).await;
                return Ok(IsNew(!stored.dup));
            }
            // What it answers is gone.
            Err(StoreError::Refused(ErrorCode::NotFound)) if send.re.is_some() => send.re = None,
            Err(StoreError::Refused(code)) => return Err(refused(code)),
            Err(error) => return Err(failed(error)),
        }
    }
}

// Only what passes by itself is worth another try.
fn refused(code: ErrorCode) -> Verdict {
    let verdict = verdict_of(code);
    if verdict == Verdict::Later {
        tracing::warn!(?code, "an answer by mail has to come again");
    }
    verdict
}

const fn verdict_of(code: ErrorCode) -> Verdict {
    if matches!(
        code,
        ErrorCode::Forbidden | ErrorCode::ReadOnly | ErrorCode::Archived | ErrorCode::Muted
    ) {
        Verdict::MayNot
    } else if matches!(code, ErrorCode::NoticeUnseen) {
        Verdict::NotTold
    } else if matches!(code, ErrorCode::BadWords) {
        Verdict::BadWords
    } else if matches!(code, ErrorCode::BadLinks) {
        Verdict::BadLinks
    } else if matches!(
        code,
        ErrorCode::Slow | ErrorCode::Overloaded | ErrorCode::RateLimited
    ) {
        Verdict::Later
    } else {
        Verdict::NotTaken
    }
}

#[expect(clippy::needless_pass_by_value, reason = "used with map_err")]
fn failed(error: StoreError) -> Verdict {
    tracing::warn!(%error, "an answer by mail has to come again");
    Verdict::Later
}

#[cfg(test)]
mod tests {
    use protocol::{MessageId, RoomId, UserId};

    use super::*;

    fn to(room: &str) -> Answered {
        Answered {
            person: UserId::parse("p1").unwrap(),
            address: None,
            room: RoomId::parse(room).unwrap(),
            message: MessageId::parse("m1").unwrap(),
            expires_at: 0,
            noticed: false,
        }
    }

    #[test]
    fn a_mail_is_a_message_of_its_own_in_each_room() {
        let with_id = Incoming {
            id: Some("1@x".to_owned()),
            ..Incoming::default()
        };
        for read in [&with_id, &Incoming::default()] {
            let (one, before) = client_ids(read, b"mail", &to("r1")).unwrap();
            let (same, _) = client_ids(read, b"mail", &to("r1")).unwrap();
            let (other, as_before) = client_ids(read, b"mail", &to("r2")).unwrap();
            assert_eq!((&one, &before), (&same, &as_before));
            assert!(one != other && one != before);
        }
    }

    #[test]
    fn only_what_passes_by_itself_comes_again() {
        use ErrorCode::{
            Archived, BadLinks, BadRequest, BadWords, Forbidden, Muted, NotFound, Overloaded,
            RateLimited, ReadOnly, Slow,
        };
        for code in [Slow, Overloaded, RateLimited] {
            assert_eq!(verdict_of(code), Verdict::Later, "{code:?}");
        }
        for code in [Forbidden, ReadOnly, Archived, Muted] {
            assert_eq!(verdict_of(code), Verdict::MayNot, "{code:?}");
        }
        assert_eq!(verdict_of(ErrorCode::NoticeUnseen), Verdict::NotTold);
        assert_eq!(verdict_of(BadWords), Verdict::BadWords);
        assert_eq!(verdict_of(BadLinks), Verdict::BadLinks);
        for code in [BadRequest, NotFound] {
            assert!(verdict_of(code).is_refusal(), "{code:?}");
        }
    }
}
