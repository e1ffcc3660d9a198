//! Tokens for cameras and displays. For the staff of a room.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use protocol::device::{Devices, MadeDevice, NewDevice};
use protocol::room::Right;
use protocol::{DeviceId, ErrorBody, ErrorCode, RoomId};

use super::ApiError;
use crate::App;
use crate::accounts::{SignedIn, names, random_token, token_hash};
use crate::store;
use crate::time::now_ms;

/// `GET /rooms/{room}/devices`.
pub(super) async fn list(
    State(app): State<App>,
    me: SignedIn,
    Path(room): Path<RoomId>,
) -> Result<Json<Devices>, ApiError> {
    allow(&app, &me, &room).await?;
    let mut devices = app.store.devices(&room).await?;
    for device in &mut devices {
        device.here = app.lessons.is_device_here(&device.id);
    }
    Ok(Json(Devices { devices }))
}

/// `POST /rooms/{room}/devices`: the answer is the only one with the token.
pub(super) async fn make(
    State(app): State<App>,
    me: SignedIn,
    Path(room): Path<RoomId>,
    body: Result<Json<NewDevice>, JsonRejection>,
) -> Result<Json<MadeDevice>, ApiError> {
    let access = app.store.access(&room, &me.person.id).await?;
    access.ok_or(ErrorCode::Forbidden)?.may(Right::Lesson)?;
    let Json(new) = body.map_err(|_| ErrorCode::BadRequest)?;
    let name = names::shown(&new.name)
        .ok_or_else(|| ErrorBody::from(ErrorCode::BadRequest).with_text("name"))?;
    let token = random_token();
    let new = store::NewDevice {
        room: &room,
        by: &me.person.id,
        name: &name,
        does: new.does,
        token_hash: &token_hash(&token),
    };
    let device = me.acting(&app.store).add_device(new, now_ms()).await?;
    tracing::info!(device = %device.id, %room, does = ?device.does, by = %me.person.id, "a device's token was made");
    Ok(Json(MadeDevice { device, token }))
}

/// `DELETE /rooms/{room}/devices/{device}`: what the device sends or gets ends, too.
pub(super) async fn revoke(
    State(app): State<App>,
    me: SignedIn,
    Path((room, device)): Path<(RoomId, DeviceId)>,
) -> Result<StatusCode, ApiError> {
    allow(&app, &me, &room).await?;
    let by = &me.person.id;
    if !me
        .acting(&app.store)
        .remove_device(&room, &device, by, now_ms())
        .await?
    {
        return Err(ErrorCode::NotFound.into());
    }
    tracing::info!(%device, %room, by = %me.person.id, "a device's token was revoked");
    app.lessons.device_revoked(&device).await;
    Ok(StatusCode::NO_CONTENT)
}

async fn allow(app: &App, me: &SignedIn, room: &RoomId) -> Result<(), ApiError> {
    let is_member = app.store.is_member(room, &me.person.id).await?;
    if me.person.role.is_staff() && is_member {
        return Ok(());
    }
    Err(ErrorCode::Forbidden.into())
}
