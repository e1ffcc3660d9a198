//! WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep-03): a camera publishes into the lessons of a room, a display plays them.
//!
//! Both are one exchange of SDP. Trickled candidates are taken and not needed: the server is ICE-lite and answers whoever
//! proves that it knows the password. ICE restarts are refused as §4.3.1 says; a client that lost its network begins anew.

mod problem;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use protocol::call::RelayLogin;
use protocol::device::DeviceKind;
use protocol::limits::SDP_BYTES_MAX;
use protocol::{ErrorBody, ErrorCode};
use tower_http::timeout::TimeoutLayer;

use super::TIMEOUT;
use crate::App;
use crate::accounts::token_hash;
use crate::lessons::Connected;
use crate::store::KnownDevice;
use crate::ws::commands::to_user;
use problem::{Problem, WithoutToken};

const SDP: HeaderValue = HeaderValue::from_static("application/sdp");
const FRAGMENT: &str = "application/trickle-ice-sdpfrag";
const ACCEPT_POST: HeaderName = HeaderName::from_static("accept-post");
const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");

/// Both endpoints, and their sessions.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/api/v1/whip", endpoint(DeviceKind::Publish))
        .route("/api/v1/whip/{session}", session())
        .route("/api/v1/whep", endpoint(DeviceKind::Play))
        .route("/api/v1/whep/{session}", session())
        .layer(DefaultBodyLimit::max(SDP_BYTES_MAX))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::SERVICE_UNAVAILABLE,
            TIMEOUT,
        ))
}

// Pages of other sites get no word of CORS, so that none of them can use it.
fn endpoint(kind: DeviceKind) -> MethodRouter<App> {
    post(move |app, bearer, headers, body| begin(kind, app, bearer, headers, body))
        .get(nothing)
        .options(|| async { [(ACCEPT_POST, SDP), (header::ALLOW, allowed("POST"))] })
}

fn session() -> MethodRouter<App> {
    let accepted = HeaderValue::from_static(FRAGMENT);
    axum::routing::patch(trickle)
        .delete(end)
        .get(nothing)
        .options(|| async {
            [
                (ACCEPT_PATCH, accepted),
                (header::ALLOW, allowed("PATCH, DELETE")),
            ]
        })
}

const fn allowed(methods: &'static str) -> HeaderValue {
    HeaderValue::from_static(methods)
}

/// There is nothing to see (RFC 9725 §4.1).
async fn nothing() -> StatusCode {
    StatusCode::NO_CONTENT
}

/// A device, by its token (RFC 6750 §2.1).
struct Bearer(KnownDevice);

impl FromRequestParts<App> for Bearer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let token = bearer(&parts.headers).ok_or(WithoutToken::Missing)?;
        let device = app.store.device_with_token(&token_hash(token)).await;
        let device = device.map_err(|error| Problem::from(to_user(error)))?;
        Ok(Self(device.ok_or(WithoutToken::Unknown)?))
    }
}

/// `POST`: the offer, and with the answer a session.
async fn begin(
    kind: DeviceKind,
    State(app): State<App>,
    bearer: Result<Bearer, Problem>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let Bearer(device) = bearer?;
    if device.does != kind {
        let text = "the token is for the other direction";
        return Err(ErrorBody::from(ErrorCode::Forbidden).with_text(text).into());
    }
    if !has_type(&headers, "application/sdp") {
        return Err(Problem::unsupported_media_type("application/sdp"));
    }
    let offer = text(body)?;
    let malformed = |text: &str| ErrorBody::from(ErrorCode::BadRequest).with_text(text);
    if !offer.starts_with("v=0") {
        return Err(malformed("not a session description").into());
    }
    let ufrag = attribute(&offer, "a=ice-ufrag:").ok_or_else(|| malformed("no a=ice-ufrag"))?;
    let ufrag = ufrag.to_owned();
    if app.switchboard.is_draining() {
        return Err(ErrorBody::from(ErrorCode::Overloaded)
            .after_ms(RESTART_MS)
            .into());
    }
    let wait = |after| ErrorBody::from(ErrorCode::Overloaded).after_ms(after);
    app.switchboard.admit().map_err(wait)?;
    let lessons = app.lessons.clone();
    // On its own: a client that goes away meanwhile must not leave a session that nobody can end.
    let connected = tokio::spawn(async move { lessons.connect(device, &offer, &ufrag).await });
    let connected = connected.await.unwrap_or_else(|error| {
        tracing::error!(%error, "letting a device in panicked");
        Err(ErrorCode::Internal.into())
    })?;
    Ok(created(kind, connected, app.config.origins.first()))
}

/// After how long to come again while the server restarts, in milliseconds.
const RESTART_MS: u32 = 5_000;

fn created(kind: DeviceKind, connected: Connected, origin: Option<&String>) -> Response {
    let protocol = match kind {
        DeviceKind::Publish => "whip",
        DeviceKind::Play => "whep",
    };
    let session = connected.session;
    let mut response = (StatusCode::CREATED, connected.sdp).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, SDP);
    headers.insert(ACCEPT_PATCH, HeaderValue::from_static(FRAGMENT));
    let relay = connected.relay.as_ref().zip(origin);
    let link = relay.and_then(|(relay, origin)| link_to(relay, origin));
    for (name, value) in [
        (
            header::LOCATION,
            Some(format!("/api/v1/{protocol}/{session}")),
        ),
        (header::ETAG, Some(etag(&session))),
        (header::LINK, link),
    ] {
        if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
            headers.insert(name, value);
        }
    }
    response
}

/// The ICE session never changes, so neither does its tag.
fn etag(session: &str) -> String {
    format!("\"{session}\"")
}

/// The relay as RFC 9725 §4.6 writes it; where it listens, see [`RelayLogin`].
fn link_to(relay: &RelayLogin, origin: &str) -> Option<String> {
    let (scheme, host) = origin.split_once("://")?;
    let (scheme, port) = match scheme {
        "https" => ("turns", 443),
        _ => ("turn", 80),
    };
    let after_address = host.rsplit_once(']').map_or(host, |(_, port)| port);
    let host = if after_address.contains(':') {
        host.to_owned()
    } else {
        format!("{host}:{port}")
    };
    let RelayLogin { user, password } = relay;
    Some(format!(
        "<{scheme}:{host}?transport=tcp>; rel=\"ice-server\"; username=\"{user}\"; credential=\"{password}\"; \
         credential-type=\"password\""
    ))
}

/// `PATCH`: candidates, which are not needed, or an ICE restart, which is refused.
async fn trickle(
    State(app): State<App>,
    bearer: Result<Bearer, Problem>,
    Path(session): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<StatusCode, Problem> {
    let Bearer(device) = bearer?;
    let ufrag = app.lessons.ufrag_of_device(&device.id, &session);
    let ufrag = ufrag.ok_or_else(|| ErrorBody::from(ErrorCode::NotFound))?;
    if !has_type(&headers, FRAGMENT) {
        return Err(Problem::unsupported_media_type(FRAGMENT));
    }
    let fragment = text(body)?;
    let given = attribute(&fragment, "a=ice-ufrag:")
        .ok_or_else(|| ErrorBody::from(ErrorCode::BadRequest).with_text("no a=ice-ufrag"))?;
    let wanted = headers.get(header::IF_MATCH).map(HeaderValue::as_bytes);
    match wanted {
        None => Err(Problem::precondition_required()),
        Some(tag) if tag != b"*" && tag != etag(&session).as_bytes() => {
            Err(Problem::precondition_failed())
        }
        Some(_) if given != ufrag => {
            let text = "no ICE restarts here: begin a new session";
            Err(ErrorBody::from(ErrorCode::MediaRefused)
                .with_text(text)
                .into())
        }
        Some(_) => Ok(StatusCode::NO_CONTENT),
    }
}

/// `DELETE`: the session is over.
async fn end(
    State(app): State<App>,
    bearer: Result<Bearer, Problem>,
    Path(session): Path<String>,
) -> Result<StatusCode, Problem> {
    let Bearer(device) = bearer?;
    app.lessons.disconnect(&device.id, &session).await?;
    Ok(StatusCode::OK)
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let given = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = given.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn has_type(headers: &HeaderMap, wanted: &str) -> bool {
    let given = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let given = given.and_then(|given| given.split(';').next());
    given.is_some_and(|given| given.trim().eq_ignore_ascii_case(wanted))
}

fn text(body: Result<Bytes, BytesRejection>) -> Result<String, Problem> {
    let body = body.map_err(|rejection| {
        let code = match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => ErrorCode::TooLarge,
            _ => ErrorCode::BadRequest,
        };
        Problem::from(ErrorBody::from(code))
    })?;
    String::from_utf8(body.into()).map_err(|_| {
        ErrorBody::from(ErrorCode::BadRequest)
            .with_text("not UTF-8")
            .into()
    })
}

/// The value of the first line that begins so.
fn attribute<'a>(sdp: &'a str, name: &str) -> Option<&'a str> {
    let value = sdp.lines().find_map(|line| line.strip_prefix(name))?.trim();
    (!value.is_empty()).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_relay_is_told_where_the_pages_come_from() {
        let relay = RelayLogin {
            user: "1:ab".to_owned(),
            password: "cd".to_owned(),
        };
        for (origin, uri) in [
            ("https://parta.ru", "<turns:parta.ru:443?transport=tcp>"),
            (
                "http://127.0.0.1:8080",
                "<turn:127.0.0.1:8080?transport=tcp>",
            ),
            ("http://[::1]", "<turn:[::1]:80?transport=tcp>"),
        ] {
            let link = link_to(&relay, origin).unwrap();
            assert!(link.starts_with(uri), "{link}");
            assert!(link.contains(r#"rel="ice-server"; username="1:ab"; credential="cd""#));
        }
    }
}
