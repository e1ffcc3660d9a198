//! Signing in and out, and the first account.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use protocol::ErrorCode;
use protocol::http::{Login, Session, Setup, Start};
use protocol::model::Role;

use super::ApiError;
use crate::accounts::failures::Source;
use crate::accounts::{self, MayChoose, NewSession, SESSION_MS, SignedIn, token_hash};
use crate::store::OpenSession;
use crate::time::now_ms;
use crate::{App, demo};

/// Name of the session cookie.
pub const COOKIE: &str = "parta_session";

impl FromRequestParts<App> for MayChoose {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let found = open_session(parts, app).await?;
        found.ok_or_else(|| ErrorCode::Unauthorized.into())
    }
}

impl FromRequestParts<App> for SignedIn {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        match open_session(parts, app).await? {
            Some(MayChoose { me, choose: false }) => Ok(me),
            Some(_) => Err(ErrorCode::ChoosePassword.into()),
            None => Err(ErrorCode::Unauthorized.into()),
        }
    }
}

/// The person with a valid session, if any. One in which they can only choose a password is none.
pub struct MaybeSignedIn(pub Option<SignedIn>);

impl FromRequestParts<App> for MaybeSignedIn {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let found = open_session(parts, app).await?;
        Ok(Self(
            found.filter(|found| !found.choose).map(|found| found.me),
        ))
    }
}

async fn open_session(parts: &Parts, app: &App) -> Result<Option<MayChoose>, ApiError> {
    let jar = CookieJar::from_headers(&parts.headers);
    let Some(cookie) = jar.get(COOKIE) else {
        return Ok(None);
    };
    let session = token_hash(cookie.value());
    let open = app.store.session(&session, now_ms()).await?;
    Ok(open.map(|OpenSession { person, choose }| MayChoose {
        me: SignedIn { person, session },
        choose,
    }))
}

/// `GET /start`.
pub(super) async fn start(State(app): State<App>) -> Result<Json<Start>, ApiError> {
    Ok(Json(Start {
        organisation: app.config.organisation.clone(),
        setup: !app.store.has_people().await?,
        demo: if app.demo { demo::people() } else { Vec::new() },
    }))
}

/// `POST /setup`.
pub(super) async fn setup(
    State(app): State<App>,
    jar: CookieJar,
    body: Result<Json<Setup>, JsonRejection>,
) -> Result<(CookieJar, Json<Session>), ApiError> {
    let Json(setup) = body.map_err(|_| ErrorCode::BadRequest)?;
    if !app.setup.accepts(&setup.token) || app.store.has_people().await? {
        return Err(ErrorCode::Forbidden.into());
    }
    let person = accounts::add_person(
        &app.store,
        &app.hasher,
        &setup.login,
        &setup.name,
        Role::Administrator,
        &setup.password,
    )
    .await?;
    app.setup.spend();
    tracing::info!(user = %person.id, "the first administrator was made");
    let session = accounts::begin_session(&app.store, person).await?;
    Ok(welcome(&app, jar, session))
}

/// `POST /session`.
pub(super) async fn sign_in(
    State(app): State<App>,
    source: Source,
    jar: CookieJar,
    body: Result<Json<Login>, JsonRejection>,
) -> Result<(CookieJar, Json<Session>), ApiError> {
    let Json(login) = body.map_err(|_| ErrorCode::BadRequest)?;
    let session = app.sign_ins.sign_in(&login, source).await?;
    Ok(welcome(&app, jar, session))
}

/// `GET /session`.
pub(super) async fn current(MayChoose { me, choose }: MayChoose) -> Json<Session> {
    Json(Session {
        me: me.person,
        choose,
    })
}

/// `DELETE /session`.
pub(super) async fn sign_out(
    State(app): State<App>,
    MayChoose { me, .. }: MayChoose,
    jar: CookieJar,
) -> Result<(axum::http::StatusCode, CookieJar), ApiError> {
    app.store.end_session(&me.session).await?;
    app.switchboard.end_session(&me.session);
    tracing::info!(user = %me.person.id, "signed out");
    Ok((
        axum::http::StatusCode::NO_CONTENT,
        jar.remove(Cookie::build(COOKIE).path("/")),
    ))
}

pub(super) fn welcome(
    app: &App,
    jar: CookieJar,
    session: NewSession,
) -> (CookieJar, Json<Session>) {
    let NewSession {
        person,
        token,
        choose,
    } = session;
    let cookie = Cookie::build((COOKIE, token))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(app.config.is_https())
        .max_age(time::Duration::milliseconds(SESSION_MS));
    (jar.add(cookie), Json(Session { me: person, choose }))
}
