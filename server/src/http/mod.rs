//! The HTTP interface under `/api/v1`, and the web client's files.

mod acks;
mod audit;
mod bot_api;
mod bots;
mod client;
mod devices;
mod errors;
mod export;
mod files;
mod ids;
mod inspections;
mod later;
mod mail;
mod mutes;
mod opening;
pub mod origin;
mod passwords;
mod person_pictures;
mod pins;
mod polls;
mod push;
mod quarantine;
mod reports;
mod retention;
mod room_changes;
mod room_pictures;
mod rooms;
mod rules;
mod search;
mod serve;
mod session;
mod source;
mod threads;
pub mod tls;
mod unread;
mod uploads;
mod webhooks;
mod whip;
mod whole;

use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware;
use axum::routing::{delete, get, patch, post, put};
use tower_http::compression::CompressionLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::TimeoutLayer;

use protocol::ErrorCode;
use protocol::limits::FRAME_BYTES_MAX;

pub use errors::ApiError;
pub(crate) use inspections::told as inspections_told;
pub(crate) use quarantine::told as quarantined;
pub use serve::{Door, serve};
pub use session::{COOKIE, MaybeSignedIn};

use crate::{App, ws};

/// Largest JSON body.
const JSON_BYTES_MAX: usize = 16 * 1_024;
/// Time for every request but uploads, downloads and WebSockets.
const TIMEOUT: Duration = Duration::from_secs(30);

/// For a year a browser that was here does not come in the clear (RFC 6797).
const HTTPS_ONLY: &str = "max-age=31536000";

/// Everything that the web server answers.
pub fn router(app: App) -> Router {
    let rooms = Router::new()
        .route("/rooms", post(room_changes::make))
        .route("/rooms/{room}", patch(room_changes::change))
        .route("/direct", post(room_changes::direct))
        .layer(DefaultBodyLimit::max(room_changes::BODY_BYTES_MAX));
    let rules = Router::new()
        .route("/rules", get(rules::get).post(rules::set))
        .layer(DefaultBodyLimit::max(rules::BODY_BYTES_MAX));
    let others = Router::new()
        .route("/start", get(session::start))
        .route("/setup", post(session::setup))
        .route(
            "/session",
            get(session::current)
                .post(session::sign_in)
                .delete(session::sign_out),
        )
        .route("/password", post(passwords::choose))
        .route("/people/{person}/password", post(passwords::reset))
        .route(
            "/people/{person}/safeguarding",
            put(inspections::set_safeguarding),
        )
        .route("/people", get(room_changes::people))
        .route("/rooms/{room}/events", get(rooms::events))
        .route("/rooms/{room}/readers", get(rooms::readers))
        .route("/rooms/{room}/pins", get(pins::pins))
        .route("/rooms/{room}/position", get(search::position))
        .route("/search", post(search::search))
        .route("/mentions", get(search::mentions))
        .route("/messages/{message}/versions", get(rooms::versions))
        .route("/messages/{message}/poll", get(polls::own))
        .route("/rooms/{room}/later", get(later::list))
        .route("/messages/{message}/voters", get(polls::voters))
        .route("/messages/{message}/thread", get(threads::thread))
        .route("/messages/{message}/acks", get(acks::of_message))
        .route("/acks", get(acks::open))
        .route("/acks/overview", get(acks::overview))
        .route("/acks/overview/{message}", get(acks::overview_of))
        .route(
            "/rooms/{room}/devices",
            get(devices::list).post(devices::make),
        )
        .route("/rooms/{room}/devices/{device}", delete(devices::revoke))
        .route(
            "/push",
            get(push::key)
                .post(push::subscribe)
                .delete(push::unsubscribe),
        )
        .route("/push/{room}", get(push::news))
        .route("/mail", get(mail::state).patch(mail::wish))
        .route("/mail/address", post(mail::address).delete(mail::forget))
        .route("/mail/confirm", post(mail::confirm))
        .route("/mail/stop", post(mail::stop))
        .route("/rooms/{room}/quarantine", get(quarantine::list))
        .route("/rooms/{room}/export/about", get(export::about))
        .route(
            "/rooms/{room}/webhooks",
            get(webhooks::list).post(webhooks::make),
        )
        .route("/rooms/{room}/webhooks/{webhook}", delete(webhooks::remove))
        .route(
            "/rooms/{room}/webhooks/{webhook}/retry",
            post(webhooks::retry),
        )
        .route("/rooms/{room}/bots", get(bots::list).post(bots::make))
        .route(
            "/rooms/{room}/bots/{bot}",
            put(bots::let_in).delete(bots::remove),
        )
        .route(
            "/rooms/{room}/retention",
            get(retention::get).patch(retention::change),
        )
        .route("/rooms/{room}/retention/log", get(retention::room_log))
        .route("/retention/log", get(retention::log))
        .route("/messages/{message}/reports", post(reports::make))
        .route("/reports", get(reports::list))
        .route("/reports/news", get(reports::news))
        .route("/reports/seen", post(reports::seen))
        .route("/reports/{report}", post(reports::decide))
        .route("/reports/{report}/place", get(reports::place))
        .route(
            "/inspections",
            get(inspections::list).post(inspections::ask),
        )
        .route("/inspections/{inspection}", post(inspections::step))
        .route(
            "/inspections/{inspection}/messages",
            get(inspections::messages),
        )
        .route("/rooms/{room}/mutes", get(mutes::list).post(mutes::add))
        .route("/rooms/{room}/mutes/{person}", delete(mutes::lift))
        .route("/rules/text", get(rules::text))
        .route("/audit", get(audit::page))
        .route("/audit/rooms", get(audit::rooms))
        .route("/health", get(health))
        .route("/ready", get(ready));
    // Large bodies are not kept of strangers.
    let short = whole::bodies_first(others, JSON_BYTES_MAX)
        .merge(rooms)
        .merge(rules)
        .layer(TimeoutLayer::with_status_code(
            StatusCode::SERVICE_UNAVAILABLE,
            TIMEOUT,
        ))
        .layer(CompressionLayer::new());
    let long = Router::new()
        .route(
            "/rooms/{room}/files",
            post(files::upload).layer(DefaultBodyLimit::disable()),
        )
        .merge(uploads::routes())
        .route(
            "/rooms/{room}/picture",
            put(room_pictures::set).delete(room_pictures::remove),
        )
        .route("/rooms/{room}/pictures/{picture}", get(room_pictures::get))
        .route(
            "/picture",
            get(person_pictures::own)
                .put(person_pictures::set)
                .delete(person_pictures::remove_own),
        )
        .route("/people/{person}/picture", delete(person_pictures::remove))
        .route(
            "/people/{person}/pictures/{picture}",
            get(person_pictures::get),
        )
        .route("/rooms/{room}/export", get(export::export))
        .route("/inspections/{inspection}/export", get(inspections::export))
        .route("/files/{file}", get(files::download))
        .route("/files/{file}/pdf", get(files::pdf))
        .route("/files/{file}/preview", get(files::preview))
        .route("/ws", get(ws::upgrade))
        .merge(
            Router::new()
                .route("/stream", post(ws::stream::open))
                .route("/stream/{name}", post(ws::stream::command))
                .layer(DefaultBodyLimit::max(FRAME_BYTES_MAX)),
        );
    let api = short.merge(long).fallback(errors::not_found);
    let https_only = app.config.speaks_tls();
    let router = Router::new()
        .nest("/api/v1", api)
        .fallback(client::page)
        .layer(middleware::from_fn_with_state(app.clone(), origin::guard))
        // No page of anybody's sends these, and no cookie opens them.
        .merge(whip::routes())
        .merge(bot_api::routes())
        .merge(mail::one_click())
        .layer(middleware::map_request(unread::hear_out))
        .layer(constant(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(constant(header::REFERRER_POLICY, "no-referrer"))
        .layer(constant(header::X_FRAME_OPTIONS, "DENY"))
        .layer(constant(
            HeaderName::from_static("permissions-policy"),
            "camera=(self), microphone=(self), display-capture=(self), screen-wake-lock=(self), geolocation=()",
        ))
        .with_state(app);
    if https_only {
        router.layer(constant(header::STRICT_TRANSPORT_SECURITY, HTTPS_ONLY))
    } else {
        router
    }
}

fn constant(name: HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
}

/// `GET /health`: the process answers. One that does not is worth a restart.
async fn health() -> &'static str {
    "ok"
}

/// `GET /ready`: people may be sent here. From the moment at which the server is told to stop they go elsewhere, while
/// those who are here are sent away one after the other; without its database it can do nothing for them either.
async fn ready(State(app): State<App>) -> Result<&'static str, ApiError> {
    if app.switchboard.is_draining() || app.store.check().await.is_err() {
        return Err(ErrorCode::Overloaded.into());
    }
    Ok("ok")
}
