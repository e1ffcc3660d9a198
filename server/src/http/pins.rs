//! The pinned messages of a room over HTTP.

use axum::Json;
use axum::extract::{Path, State};
use protocol::search::Found;
use protocol::{ErrorCode, RoomId};

use super::ApiError;
use super::search::by_id;
use crate::App;
use crate::accounts::SignedIn;

/// `GET /rooms/{room}/pins`.
pub(super) async fn pins(
    State(app): State<App>,
    me: SignedIn,
    Path(room): Path<RoomId>,
) -> Result<Json<Found>, ApiError> {
    if !app.store.is_member(&room, &me.person.id).await? {
        return Err(ErrorCode::Forbidden.into());
    }
    Ok(Json(by_id(app.store.pins(&room).await?)))
}
