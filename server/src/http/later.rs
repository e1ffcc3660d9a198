//! What waits to be sent later.

use axum::Json;
use axum::extract::{Path, State};
use protocol::later::Laters;
use protocol::{ErrorCode, RoomId};

use super::ApiError;
use crate::App;
use crate::accounts::SignedIn;

/// `GET /rooms/{room}/later`: one's own.
pub(super) async fn list(
    State(app): State<App>,
    me: SignedIn,
    Path(room): Path<RoomId>,
) -> Result<Json<Laters>, ApiError> {
    if !app.store.is_member(&room, &me.person.id).await? {
        return Err(ErrorCode::Forbidden.into());
    }
    let later = app.store.later_in(&room, &me.person.id).await?;
    Ok(Json(Laters { later }))
}
