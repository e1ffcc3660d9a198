//! Passwords that take the place of others.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum_extra::extract::CookieJar;
use protocol::password::{ChoosePassword, GivePassword, OneTimePassword};
use protocol::{ErrorCode, UserId};

use super::ApiError;
use super::room_changes::on_its_own;
use super::session::welcome;
use crate::App;
use crate::accounts::failures::Source;
use crate::accounts::{MayChoose, SignedIn};
use crate::mail::PasswordNews;
use crate::store::{MailPerson, Over};
use crate::time::now_ms;

/// `POST /password`: another one of one's own.
pub(super) async fn choose(
    State(app): State<App>,
    me: MayChoose,
    source: Source,
    jar: CookieJar,
    body: Result<Json<ChoosePassword>, JsonRejection>,
) -> Result<Response, ApiError> {
    let Json(new) = body.map_err(|_| ErrorCode::BadRequest)?;
    let (handle, person) = (app.clone(), me.me.person.id.clone());
    let changed = on_its_own(async move {
        let known = address(&handle, &person).await?;
        let changed = handle.sign_ins.choose(&me, &new, source).await?;
        end(&handle, &changed.ended).await;
        tell(&handle, &person, known, PasswordNews::Chosen).await;
        Ok(changed)
    })
    .await?;
    Ok(match changed.now {
        // The token of a session in which somebody could do little is not that of one in which they can do everything.
        Some(session) => {
            let (jar, _) = welcome(&app, jar, session);
            (StatusCode::NO_CONTENT, jar).into_response()
        }
        None => StatusCode::NO_CONTENT.into_response(),
    })
}

/// `POST /people/{person}/password`: a one-time password for somebody who forgot theirs.
pub(super) async fn reset(
    State(app): State<App>,
    me: SignedIn,
    source: Source,
    Path(person): Path<UserId>,
    body: Result<Json<GivePassword>, JsonRejection>,
) -> Result<([(HeaderName, HeaderValue); 1], Json<OneTimePassword>), ApiError> {
    let Json(GivePassword { keep_keys }) = body.map_err(|_| ErrorCode::BadRequest)?;
    let made = on_its_own(async move {
        // Of before: it may be forgotten with the password, and whose it is may still be who wants to know.
        let known = address(&app, &person).await?;
        let changed = app.sign_ins.reset(&person, &me, keep_keys, source);
        let changed = changed.await?;
        end(&app, &changed.ended).await;
        tell(&app, &person, known, PasswordNews::Reset(&me.person.name)).await;
        Ok(changed.now)
    })
    .await?;
    let never = (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(([never], Json(made)))
}

async fn end(app: &App, ended: &Over) {
    for session in &ended.sessions {
        app.switchboard.end_session(session);
    }
    for device in &ended.devices {
        app.lessons.device_revoked(device).await;
    }
    for bot in &ended.bots {
        app.bot_turns.forget(bot);
    }
}

async fn address(app: &App, person: &UserId) -> Result<Option<MailPerson>, ApiError> {
    if app.mail.is_none() {
        return Ok(None);
    }
    Ok(app.store.mail_of(person, now_ms()).await?)
}

async fn tell(app: &App, person: &UserId, known: Option<MailPerson>, news: PasswordNews<'_>) {
    if let (Some(mail), Some(known)) = (&app.mail, known) {
        mail.tell_of_password(person, known, news).await;
    }
}
