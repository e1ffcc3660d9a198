//! Being told while the page is closed.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use protocol::push::{PushKey, PushNews, PushTo};
use protocol::{ErrorCode, RoomId};

use super::ApiError;
use crate::App;
use crate::accounts::SignedIn;
use crate::push::{Push, Recipient, seal};
use crate::store::Browser;
use crate::time::now_ms;

/// `GET /push`.
pub(super) async fn key(State(app): State<App>, _: SignedIn) -> Result<Json<PushKey>, ApiError> {
    let key = on(&app)?.key();
    Ok(Json(PushKey { key }))
}

/// `POST /push`.
pub(super) async fn subscribe(
    State(app): State<App>,
    me: SignedIn,
    body: Result<Json<PushTo>, JsonRejection>,
) -> Result<StatusCode, ApiError> {
    let push = on(&app)?;
    let Json(to) = body.map_err(|_| ErrorCode::BadRequest)?;
    let keys = keys(&to).filter(|_| push.knows(&to.endpoint));
    let keys = keys.ok_or(ErrorCode::BadRequest)?;
    let endpoint = to.endpoint;
    let browser = Browser { endpoint, keys };
    let (person, session) = (&me.person.id, &me.session);
    me.acting(&app.store)
        .subscribe(session, person, &browser, now_ms())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /push`.
pub(super) async fn unsubscribe(
    State(app): State<App>,
    me: SignedIn,
) -> Result<StatusCode, ApiError> {
    me.acting(&app.store).unsubscribe(&me.session).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /push/{room}`.
pub(super) async fn news(
    State(app): State<App>,
    me: SignedIn,
    Path(room): Path<RoomId>,
) -> Result<Json<PushNews>, ApiError> {
    let news = app.store.push_news(&room, &me.person.id).await?;
    Ok(Json(news.ok_or(ErrorCode::Forbidden)?))
}

fn on(app: &App) -> Result<&Push, ErrorCode> {
    app.push.as_ref().ok_or(ErrorCode::NotFound)
}

// Keys with which something can be sealed.
fn keys(to: &PushTo) -> Option<Recipient> {
    let point = BASE64.decode(&to.p256dh).ok()?.try_into().ok()?;
    let auth = BASE64.decode(&to.auth).ok()?.try_into().ok()?;
    let keys = Recipient { point, auth };
    seal(&keys, b"").is_ok().then_some(keys)
}
