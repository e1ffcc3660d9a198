//! What bots ask: with a token that the staff made, and no cookie. Described for programs at `/api/openapi.json`.

mod body;

use std::time::{Duration, Instant};

use axum::Json;
use axum::Router;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, FromRequestParts, Path, Query, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use protocol::command::MsgSend;
use protocol::limits::{BODY_BYTES_MAX, BOT_WAIT_SECONDS_MAX, PAGE_EVENTS_MAX};
use protocol::{ClientId, ErrorBody, ErrorCode, RoomEvent, RoomId, UserId};
use serde::Deserialize;
use tower_http::timeout::TimeoutLayer;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::ApiError;
use crate::App;
use crate::accounts::{random_token, token_hash};
use crate::bots::Act;
use crate::store::{KnownBot, NewMessage};
use crate::time::now_ms;

use body::{Failure, Messages, Posted, Room, Rooms, Text};

/// A program's own name of what it sends: sent twice, it is stored once.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Longest one.
const KEY_BYTES_MAX: usize = 255;
/// Largest body: a text, escaped.
const JSON_BYTES_MAX: usize = 6 * BODY_BYTES_MAX + 1_024;
/// Between two looks whether something has come.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// For a request, the wait included.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Everything that bots ask. No page of anybody's sends these, and no cookie opens them.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/api/openapi.json", get(description))
        .route("/api/hooks", post(hook))
        .route("/api/hooks/{token}", post(hook_in_path))
        .route("/api/bot/v1/rooms", get(rooms))
        .route("/api/bot/v1/rooms/{room}/messages", get(read).post(send))
        .layer(DefaultBodyLimit::max(JSON_BYTES_MAX))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::SERVICE_UNAVAILABLE,
            TIMEOUT,
        ))
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Parta for bots",
        description = "Write into rooms, and read there. Tokens are made by those who manage a room: «Участники» → «Боты».",
        version = "1"
    ),
    paths(hook, hook_in_path, rooms, read, send),
    components(schemas(Failure)),
    modifiers(&Token)
)]
struct Description;

struct Token;

impl Modify for Token {
    fn modify(&self, description: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        let components = description.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(scheme));
    }
}

/// `GET /api/openapi.json`: for everybody, it tells nothing of this school.
async fn description() -> Result<Response, ApiError> {
    let text = Description::openapi().to_json();
    let text = text.map_err(|_| ErrorCode::Internal)?;
    Ok(([(header::CONTENT_TYPE, "application/json")], text).into_response())
}

/// The bot whose token is in the header `Authorization`.
struct Known(KnownBot);

impl FromRequestParts<App> for Known {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let mut given = parts.headers.get_all(header::AUTHORIZATION).iter();
        let token = match (given.next(), given.next()) {
            (Some(value), None) => value.to_str().ok().and_then(|value| {
                let (scheme, token) = value.split_once(' ')?;
                scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
            }),
            _ => None,
        };
        let known = match token {
            Some(token) => known(app, token).await,
            None => Err(ErrorCode::Unauthorized.into()),
        };
        known.map(Self).map_err(refusal)
    }
}

async fn known(app: &App, token: &str) -> Result<KnownBot, ApiError> {
    let bot = app
        .store
        .bot_with_token(&token_hash(token), now_ms())
        .await?;
    Ok(bot.ok_or(ErrorCode::Unauthorized)?)
}

/// RFC 6750 §3.
fn refusal(error: ApiError) -> Response {
    let mut response = error.into_response();
    if response.status() == StatusCode::UNAUTHORIZED {
        let how = header::HeaderValue::from_static("Bearer");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, how);
    }
    response
}

/// Write into the room of a webhook.
///
/// For a token of one room. With `Idempotency-Key` a request that is repeated is stored once.
#[utoipa::path(
    post, path = "/api/hooks", security(("token" = [])), request_body = Text,
    params(("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, description = "Your own name of this message")),
    responses(
        (status = 200, body = Posted), (status = 400, body = Failure), (status = 401, body = Failure),
        (status = 403, body = Failure), (status = 409, body = Failure), (status = 413, body = Failure),
        (status = 415, body = Failure), (status = 429, body = Failure), (status = 503, body = Failure)
    )
)]
async fn hook(
    State(app): State<App>,
    Known(bot): Known,
    headers: HeaderMap,
    body: Result<Json<Text>, JsonRejection>,
) -> Result<Json<Posted>, ApiError> {
    let room = only_room(&app, &bot.id).await?;
    post_text(&app, &bot.id, room, &headers, body).await
}

/// Write into the room of a webhook, with the token in the address.
///
/// For services that send no header of one's own. Addresses stand in logs of proxies: prefer the header.
#[utoipa::path(
    post, path = "/api/hooks/{token}", request_body = Text,
    params(
        ("token" = String, Path, description = "The token"),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, description = "Your own name of this message")
    ),
    responses(
        (status = 200, body = Posted), (status = 400, body = Failure), (status = 401, body = Failure),
        (status = 403, body = Failure), (status = 409, body = Failure), (status = 413, body = Failure),
        (status = 415, body = Failure), (status = 429, body = Failure), (status = 503, body = Failure)
    )
)]
async fn hook_in_path(
    State(app): State<App>,
    token: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Result<Json<Text>, JsonRejection>,
) -> Result<Json<Posted>, Response> {
    let Path(token) = token.map_err(|_| refusal(ErrorCode::Unauthorized.into()))?;
    let bot = known(&app, &token).await.map_err(refusal)?;
    let posted = async {
        let room = only_room(&app, &bot.id).await?;
        post_text(&app, &bot.id, room, &headers, body).await
    };
    posted.await.map_err(IntoResponse::into_response)
}

async fn only_room(app: &App, bot: &UserId) -> Result<RoomId, ApiError> {
    let mut rooms = app.store.bot_rooms(bot).await?;
    match (rooms.pop(), rooms.is_empty()) {
        (Some(room), true) => Ok(room.id),
        _ => {
            let text = "this token is for several rooms: say which";
            Err(ErrorBody::from(ErrorCode::BadRequest)
                .with_text(text)
                .into())
        }
    }
}

/// The rooms of the bot.
#[utoipa::path(
    get, path = "/api/bot/v1/rooms", security(("token" = [])),
    responses((status = 200, body = Rooms), (status = 401, body = Failure), (status = 429, body = Failure), (status = 503, body = Failure))
)]
async fn rooms(State(app): State<App>, Known(bot): Known) -> Result<Json<Rooms>, ApiError> {
    turn(&app, &bot.id, Act::Read)?;
    let rooms = app.store.bot_rooms(&bot.id).await?;
    let rooms = rooms.into_iter().map(Room::from).collect();
    Ok(Json(Rooms { rooms }))
}

/// Write into a room.
#[utoipa::path(
    post, path = "/api/bot/v1/rooms/{room}/messages", security(("token" = [])), request_body = Text,
    params(
        ("room" = String, Path, description = "The room's id"),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, description = "Your own name of this message")
    ),
    responses(
        (status = 200, body = Posted), (status = 400, body = Failure), (status = 401, body = Failure),
        (status = 403, body = Failure), (status = 409, body = Failure), (status = 413, body = Failure),
        (status = 415, body = Failure), (status = 429, body = Failure), (status = 503, body = Failure)
    )
)]
async fn send(
    State(app): State<App>,
    Known(bot): Known,
    room: Result<Path<RoomId>, PathRejection>,
    headers: HeaderMap,
    body: Result<Json<Text>, JsonRejection>,
) -> Result<Json<Posted>, ApiError> {
    let Path(room) = room.map_err(|_| ErrorCode::Forbidden)?;
    post_text(&app, &bot.id, room, &headers, body).await
}

async fn post_text(
    app: &App,
    bot: &UserId,
    r: RoomId,
    headers: &HeaderMap,
    body: Result<Json<Text>, JsonRejection>,
) -> Result<Json<Posted>, ApiError> {
    let cid = name_of(headers)?;
    let Json(Text { text }) = body.map_err(|error| malformed(&error))?;
    let body = text.trim().to_owned();
    if body.is_empty() {
        return Err(ErrorCode::Empty.into());
    }
    if body.len() > BODY_BYTES_MAX {
        return Err(ErrorCode::TooLarge.into());
    }
    // PostgreSQL cannot store it, and no text needs it.
    if body.contains('\0') {
        return Err(ErrorCode::BadRequest.into());
    }
    turn(app, bot, Act::Send)?;
    let send = MsgSend {
        r,
        cid,
        body,
        re: None,
        att: Vec::new(),
        men: Vec::new(),
        poll: None,
        fwd: None,
        ack: false,
        due: None,
        all: false,
        noticed: true,
    };
    let (app, by) = (app.clone(), bot.clone());
    // On its own: a program that goes away between the commit and the publication must not keep it from the others.
    let stored = tokio::spawn(async move {
        let new = NewMessage {
            by: &by,
            send: &send,
        };
        let stored = app.store.add_message(new, now_ms()).await?;
        tracing::info!(bot = %by, room = %send.r, message = %stored.message.id, repeated = stored.dup, "a bot wrote");
        let posted = Posted {
            id: stored.message.id.to_string(),
            number: stored.message.no,
            position: stored.event.seq(),
            repeated: stored.dup,
        };
        if !stored.dup {
            app.switchboard.publish(stored.event).await;
        }
        Ok(Json(posted))
    });
    stored.await.unwrap_or_else(|error| {
        tracing::error!(%error, "storing a bot's message panicked");
        Err(ErrorCode::Internal.into())
    })
}

/// What names a message for the store: made of the program's own key, if it has one.
fn name_of(headers: &HeaderMap) -> Result<ClientId, ApiError> {
    let name = match headers.get(IDEMPOTENCY_KEY) {
        None => random_token(),
        Some(key) if (1..=KEY_BYTES_MAX).contains(&key.len()) => {
            let hash = token_hash(&hex::encode(key.as_bytes()));
            format!("key-{}", &hash[..48])
        }
        Some(_) => {
            let text = "Idempotency-Key";
            return Err(ErrorBody::from(ErrorCode::BadRequest)
                .with_text(text)
                .into());
        }
    };
    Ok(ClientId::parse(name).map_err(|_| ErrorCode::Internal)?)
}

fn malformed(error: &JsonRejection) -> ApiError {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return ErrorCode::TooLarge.into();
    }
    ErrorBody::from(ErrorCode::BadRequest)
        .with_text("a JSON object with `text`")
        .into()
}

/// From where to read, and how long to wait, in seconds.
#[derive(Deserialize)]
struct Since {
    #[serde(default)]
    after: i64,
    #[serde(default)]
    wait: u64,
}

/// Read what was written in a room after a position.
///
/// Also what was changed or deleted, as it is now, and what happened to messages: reactions, votes, and that their time is
/// over. Ask again after `after`.
#[utoipa::path(
    get, path = "/api/bot/v1/rooms/{room}/messages", security(("token" = [])),
    params(
        ("room" = String, Path, description = "The room's id"),
        ("after" = Option<i64>, Query, minimum = 0, description = "The position after which to read; 0, the default, is the beginning"),
        ("wait" = Option<u64>, Query, minimum = 0, maximum = 25, description = "Seconds to wait when there is nothing yet")
    ),
    responses(
        (status = 200, body = Messages), (status = 400, body = Failure), (status = 401, body = Failure),
        (status = 403, body = Failure), (status = 429, body = Failure), (status = 503, body = Failure)
    )
)]
async fn read(
    State(app): State<App>,
    Known(bot): Known,
    room: Result<Path<RoomId>, PathRejection>,
    from: Result<Query<Since>, QueryRejection>,
) -> Result<Json<Messages>, ApiError> {
    let Path(room) = room.map_err(|_| ErrorCode::Forbidden)?;
    let Query(Since { after, wait }) = from.map_err(|_| ErrorCode::BadRequest)?;
    if after < 0 || wait > BOT_WAIT_SECONDS_MAX {
        return Err(ErrorCode::BadRequest.into());
    }
    turn(&app, &bot.id, Act::Read)?;
    let late = Instant::now() + Duration::from_secs(wait);
    let mut after = after;
    loop {
        // Asked each time: whoever takes the bot out of the room ends the waiting, too.
        let rooms = app.store.bot_rooms(&bot.id).await?;
        let found = rooms.iter().find(|one| one.id == room);
        let head = found.filter(|_| bot.reads).ok_or(ErrorCode::Forbidden)?.seq;
        let mut events = Vec::new();
        if head > after {
            events = app
                .store
                .events_after(&room, after, PAGE_EVENTS_MAX)
                .await?;
            after = events.last().map_or(head, RoomEvent::seq);
        }
        let page = Messages::of(events, after, head);
        let is_late = Instant::now() >= late || app.switchboard.is_draining();
        if page.more || is_late || !page.is_empty() {
            return Ok(Json(page));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn turn(app: &App, bot: &UserId, act: Act) -> Result<(), ErrorBody> {
    let took = app.bot_turns.take(bot, act, Instant::now());
    took.map_err(|after| ErrorBody::from(ErrorCode::RateLimited).after_ms(after))
}
