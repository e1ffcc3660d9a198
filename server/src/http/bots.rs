//! Bots of a room: for those who manage it.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use protocol::bot::{Bots, MadeBot, NewBot};
use protocol::room::Right;
use protocol::{ErrorBody, ErrorCode, RoomId, UserId};

use super::ApiError;
use crate::App;
use crate::accounts::{SignedIn, names, random_token, token_hash};
use crate::store;
use crate::time::now_ms;

/// `GET /rooms/{room}/bots`.
pub(super) async fn list(
    State(app): State<App>,
    me: SignedIn,
    Path(room): Path<RoomId>,
) -> Result<Json<Bots>, ApiError> {
    allow(&app, &me, &room).await?;
    Ok(Json(Bots {
        bots: app.store.bots(&room).await?,
        mine: app.store.bots_elsewhere(&room, &me.person.id).await?,
    }))
}

/// `POST /rooms/{room}/bots`: the answer is the only one with the token.
pub(super) async fn make(
    State(app): State<App>,
    me: SignedIn,
    Path(room): Path<RoomId>,
    body: Result<Json<NewBot>, JsonRejection>,
) -> Result<Json<MadeBot>, ApiError> {
    allow(&app, &me, &room).await?;
    let Json(new) = body.map_err(|_| ErrorCode::BadRequest)?;
    let name = names::shown(&new.name)
        .ok_or_else(|| ErrorBody::from(ErrorCode::BadRequest).with_text("name"))?;
    let token = random_token();
    let new = store::NewBot {
        room: &room,
        by: &me.person.id,
        name: &name,
        reads: new.reads,
        token_hash: &token_hash(&token),
    };
    let bot = me.acting(&app.store).add_bot(new, now_ms()).await?;
    tracing::info!(bot = %bot.id, %room, reads = bot.reads, by = %me.person.id, "a bot was made");
    tell(&app, &room).await?;
    Ok(Json(MadeBot { bot, token }))
}

/// `PUT /rooms/{room}/bots/{bot}`: lets a bot of one's own into one more room.
pub(super) async fn let_in(
    State(app): State<App>,
    me: SignedIn,
    Path((room, bot)): Path<(RoomId, UserId)>,
) -> Result<StatusCode, ApiError> {
    allow(&app, &me, &room).await?;
    let by = &me.person.id;
    me.acting(&app.store)
        .let_bot_in(&room, &bot, by, now_ms())
        .await?;
    tracing::info!(%bot, %room, %by, "a bot was let into a room");
    tell(&app, &room).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /rooms/{room}/bots/{bot}`: with its last room a bot loses its token.
pub(super) async fn remove(
    State(app): State<App>,
    me: SignedIn,
    Path((room, bot)): Path<(RoomId, UserId)>,
) -> Result<StatusCode, ApiError> {
    allow(&app, &me, &room).await?;
    let by = &me.person.id;
    if !me
        .acting(&app.store)
        .remove_bot(&room, &bot, by, now_ms())
        .await?
    {
        return Err(ErrorCode::NotFound.into());
    }
    app.bot_turns.forget(&bot);
    tracing::info!(%bot, %room, %by, "a bot was taken out of a room");
    Ok(StatusCode::NO_CONTENT)
}

// Pages that are open learn the bot's name before it writes.
async fn tell(app: &App, room: &RoomId) -> Result<(), ApiError> {
    let people = app.store.members(room).await?;
    let people: Vec<UserId> = people.into_iter().map(|person| person.id).collect();
    app.switchboard.room_changed(room, &people);
    Ok(())
}

async fn allow(app: &App, me: &SignedIn, room: &RoomId) -> Result<(), ApiError> {
    let access = app.store.access(room, &me.person.id).await?;
    access.ok_or(ErrorCode::Forbidden)?.may(Right::Manage)?;
    Ok(())
}
