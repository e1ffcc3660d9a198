//! Where one is told by e-mail, and when. Addresses travel in bodies; links carry signed tokens.

use axum::Json;
use axum::Router;
use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use protocol::mail::{Mail as MailBody, MailAddress, MailProof, MailStop, MailWhen, MailWish};
use protocol::model::Role;
use protocol::{ErrorBody, ErrorCode};

use super::{ApiError, MaybeSignedIn};
use crate::App;
use crate::accounts::{SignedIn, token_hash};
use crate::mail::{Mail, clock, code_hash};
use crate::store::{DIGEST_MINUTE, Proof};
use crate::time::now_ms;

/// What mail programs call to switch mails off (RFC 8058): they send no `Origin`, and the address is the proof.
pub(super) fn one_click() -> Router<App> {
    Router::new()
        .route(
            "/api/v1/mail/stop/{token}",
            get(stop_page).post(stop_at_once),
        )
        .layer(DefaultBodyLimit::max(1_024))
}

/// `GET /mail`.
pub(super) async fn state(
    State(app): State<App>,
    me: SignedIn,
) -> Result<Json<MailBody>, ApiError> {
    let settings = on(&app)?.settings();
    let person = app.store.mail_of(&me.person.id, now_ms()).await?;
    let mut body = MailBody {
        address: None,
        pending: None,
        failing: false,
        when: MailWhen::Off,
        soon: settings.soon_minutes,
        digest: u16::try_from(DIGEST_MINUTE).unwrap_or_default(),
        zone: app.config.time_zone.clone(),
        lang: settings.language(),
        texts: settings.texts,
        replies: settings.has_replies(),
    };
    if let Some(person) = person {
        body.address = person.address;
        body.pending = person.pending;
        body.failing = person.failing;
        body.when = person.when;
        body.digest = person.digest;
        body.zone = person.zone;
        body.lang = person.lang;
    }
    Ok(Json(body))
}

/// `POST /mail/address`.
pub(super) async fn address(
    State(app): State<App>,
    me: SignedIn,
    body: Result<Json<MailAddress>, JsonRejection>,
) -> Result<StatusCode, ApiError> {
    let mail = on(&app)?;
    let Json(new) = body.map_err(|_| ErrorCode::BadRequest)?;
    let whose = match &new.person {
        None => me.person.clone(),
        Some(id) if *id == me.person.id => me.person.clone(),
        Some(_) if me.person.role != Role::Administrator => return Err(ErrorCode::Forbidden.into()),
        Some(id) => app.store.person(id).await?.ok_or(ErrorCode::NotFound)?,
    };
    let how = (new.lang, new.zone.as_str());
    let store = me.acting(&app.store);
    mail.await_address(&store, &whose, &new.address, how)
        .await?;
    tracing::info!(user = %whose.id, by = %me.person.id, "an address is to be confirmed");
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /mail/address`.
pub(super) async fn forget(State(app): State<App>, me: SignedIn) -> Result<StatusCode, ApiError> {
    on(&app)?;
    me.acting(&app.store).forget_address(&me.person.id).await?;
    tracing::info!(user = %me.person.id, "an address was taken back");
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /mail/confirm`.
pub(super) async fn confirm(
    State(app): State<App>,
    MaybeSignedIn(me): MaybeSignedIn,
    body: Result<Json<MailProof>, JsonRejection>,
) -> Result<StatusCode, ApiError> {
    on(&app)?;
    let Json(proof) = body.map_err(|_| ErrorCode::BadRequest)?;
    let now = now_ms();
    let (user, _) = match (proof, me) {
        (MailProof::Token(token), _) => {
            let hash = token_hash(&token);
            let proof = Proof::Token(&hash);
            app.store.confirm_address(proof, now).await?
        }
        (MailProof::Code(code), Some(me)) => {
            let digits: String = code.chars().filter(char::is_ascii_digit).collect();
            let hash = code_hash(&me.person.id, &digits);
            let proof = Proof::Code(&me.person.id, &hash);
            me.acting(&app.store).confirm_address(proof, now).await?
        }
        (MailProof::Code(_), None) => return Err(ErrorCode::Unauthorized.into()),
    };
    tracing::info!(%user, "an address was confirmed");
    Ok(StatusCode::NO_CONTENT)
}

/// `PATCH /mail`.
pub(super) async fn wish(
    State(app): State<App>,
    me: SignedIn,
    body: Result<Json<MailWish>, JsonRejection>,
) -> Result<StatusCode, ApiError> {
    on(&app)?;
    let Json(wish) = body.map_err(|_| ErrorCode::BadRequest)?;
    let wrong = |what: &str| ErrorBody::from(ErrorCode::BadRequest).with_text(what);
    if !clock::is_zone(&wish.zone) {
        return Err(wrong("zone").into());
    }
    if wish.digest >= 24 * 60 {
        return Err(wrong("digest").into());
    }
    let next = (wish.when == MailWhen::Digest)
        .then(|| clock::next_digest(wish.digest, &wish.zone, now_ms()));
    me.acting(&app.store)
        .set_mail_wish(&me.person.id, &wish, next)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /mail/stop`.
pub(super) async fn stop(
    State(app): State<App>,
    body: Result<Json<MailStop>, JsonRejection>,
) -> Result<StatusCode, ApiError> {
    let Json(MailStop { token }) = body.map_err(|_| ErrorCode::BadRequest)?;
    stop_by(&app, &token).await
}

/// `POST /mail/stop/{token}`.
async fn stop_at_once(
    State(app): State<App>,
    Path(token): Path<String>,
) -> Result<StatusCode, ApiError> {
    stop_by(&app, &token).await
}

/// `GET /mail/stop/{token}`: a mail program that opens it in a browser. Looking at a link changes nothing.
async fn stop_page(Path(token): Path<String>) -> Response {
    let plain = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
    let token: String = token.chars().filter(|c| plain(*c)).collect();
    match HeaderValue::try_from(format!("/mail#stop={token}")) {
        Ok(to) => (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response(),
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn stop_by(app: &App, token: &str) -> Result<StatusCode, ApiError> {
    let person = on(app)?.office().stops(token).ok_or(ErrorCode::NotFound)?;
    app.store.stop_mail(&person).await?;
    tracing::info!(user = %person, "mails were switched off by a link");
    Ok(StatusCode::NO_CONTENT)
}

fn on(app: &App) -> Result<&Mail, ErrorCode> {
    app.mail.as_ref().ok_or(ErrorCode::NotFound)
}
