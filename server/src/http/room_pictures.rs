//! Pictures of rooms.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use protocol::limits::ROOM_PICTURE_BYTES_MAX;
use protocol::room::Right;
use protocol::{ErrorCode, RoomId};
use tokio::time::timeout;

use super::ApiError;
use super::files::guarded;
use super::ids::known;
use super::room_changes::on_its_own;
use crate::App;
use crate::accounts::SignedIn;
use crate::time::now_ms;

/// How long a picture may take to come: a browser sends one of some hundred kilobytes.
const WITHIN: Duration = Duration::from_secs(60);

/// `PUT /rooms/{room}/picture`: a picture of any size, which becomes a small square one.
pub(super) async fn set(
    State(app): State<App>,
    me: SignedIn,
    Path(room): Path<RoomId>,
    body: Body,
) -> Result<StatusCode, ApiError> {
    // Asked again when it is stored; of nobody else anything is read.
    let access = app.store.access(&room, &me.person.id).await?;
    access.ok_or(ErrorCode::Forbidden)?.may(Right::Manage)?;
    let picture = timeout(WITHIN, to_bytes(body, ROOM_PICTURE_BYTES_MAX)).await;
    let picture = picture
        .map_err(|_| ErrorCode::Interrupted)?
        .map_err(|_| ErrorCode::TooLarge)?;
    let jpeg = app.files.square(picture).await?;
    put(app, me, room, Some(jpeg)).await
}

/// `DELETE /rooms/{room}/picture`.
pub(super) async fn remove(
    State(app): State<App>,
    me: SignedIn,
    Path(room): Path<RoomId>,
) -> Result<StatusCode, ApiError> {
    put(app, me, room, None).await
}

async fn put(
    app: App,
    me: SignedIn,
    room: RoomId,
    jpeg: Option<Vec<u8>>,
) -> Result<StatusCode, ApiError> {
    on_its_own(async move {
        let by = &me.person.id;
        let store = me.acting(&app.store);
        let set = store.set_room_picture(&room, by, jpeg.as_deref(), now_ms());
        let people = set.await?;
        tracing::info!(%room, %by, gone = jpeg.is_none(), "a room's picture was set");
        app.switchboard.room_changed(&room, &people);
        Ok(())
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /rooms/{room}/pictures/{picture}`.
pub(super) async fn get(
    State(app): State<App>,
    me: SignedIn,
    Path((room, picture)): Path<(RoomId, String)>,
) -> Result<Response, ApiError> {
    known(&picture)?;
    let found = app.store.room_picture(&room, &picture, &me.person.id);
    Ok(guarded(Body::from(found.await?), "image/jpeg"))
}
