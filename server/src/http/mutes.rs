//! People who may not write in a room for a while. For its staff.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use protocol::limits::MUTE_MINUTES_MAX;
use protocol::mute::{Mute, Mutes};
use protocol::{ErrorBody, ErrorCode, RoomId, UserId};

use super::ApiError;
use super::room_changes::on_its_own;
use crate::App;
use crate::accounts::SignedIn;
use crate::store::NewMute;
use crate::time::now_ms;

/// `GET /rooms/{room}/mutes`.
pub(super) async fn list(
    State(app): State<App>,
    me: SignedIn,
    Path(room): Path<RoomId>,
) -> Result<Json<Mutes>, ApiError> {
    let is_member = app.store.is_member(&room, &me.person.id).await?;
    if !me.person.role.is_staff() || !is_member {
        return Err(ErrorCode::Forbidden.into());
    }
    let people = app.store.mutes(&room, now_ms()).await?;
    Ok(Json(Mutes { people }))
}

/// `POST /rooms/{room}/mutes`.
pub(super) async fn add(
    State(app): State<App>,
    me: SignedIn,
    Path(room): Path<RoomId>,
    body: Result<Json<Mute>, JsonRejection>,
) -> Result<StatusCode, ApiError> {
    let Json(mute) = body.map_err(|_| ErrorCode::BadRequest)?;
    minutes(mute.minutes)?;
    let (store, by) = (me.acting(&app.store), me.person.id);
    on_its_own(async move {
        let new = NewMute {
            room: &room,
            person: &mute.u,
            by: &by,
            minutes: mute.minutes,
        };
        store.mute(new, now_ms()).await?;
        tracing::info!(%room, person = %mute.u, %by, minutes = mute.minutes, "somebody may not write for a while");
        app.switchboard.room_changed(&room, &[mute.u]);
        Ok(())
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /rooms/{room}/mutes/{person}`.
pub(super) async fn lift(
    State(app): State<App>,
    me: SignedIn,
    Path((room, person)): Path<(RoomId, UserId)>,
) -> Result<StatusCode, ApiError> {
    let (store, by) = (me.acting(&app.store), me.person.id);
    on_its_own(async move {
        if store.unmute(&room, &person, &by, now_ms()).await? {
            tracing::info!(%room, %person, %by, "somebody may write again");
            app.switchboard.room_changed(&room, &[person]);
        }
        Ok(())
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whether somebody may be kept from writing for so long.
pub(super) fn minutes(minutes: Option<u32>) -> Result<(), ErrorBody> {
    if minutes.is_none_or(|minutes| (1..=MUTE_MINUTES_MAX).contains(&minutes)) {
        return Ok(());
    }
    Err(ErrorBody::from(ErrorCode::BadRequest).with_text("minutes"))
}
