//! What happens with an upload in which a virus was found, and what the staff are told of it.

use axum::Json;
use axum::extract::{Path, State};
use protocol::quarantine::Quarantine;
use protocol::{ErrorCode, RoomId, UserId};

use super::ApiError;
use crate::App;
use crate::accounts::SignedIn;
use crate::files::quarantine::NotMade;
use crate::store::StoreError;
use crate::time::now_ms;

/// `GET /rooms/{room}/quarantine`: for the staff of the room.
pub(super) async fn list(
    State(app): State<App>,
    me: SignedIn,
    Path(room): Path<RoomId>,
) -> Result<Json<Quarantine>, ApiError> {
    let is_member = app.store.is_member(&room, &me.person.id).await?;
    if !me.person.role.is_staff() || !is_member {
        return Err(ErrorCode::Forbidden.into());
    }
    let files = app.store.quarantined(&room).await?;
    Ok(Json(Quarantine { files }))
}

/// Writes an infected file down; gives what its sender is told.
pub(crate) async fn told(
    app: &App,
    room: &RoomId,
    owner: &UserId,
    why: NotMade,
) -> Result<ErrorCode, StoreError> {
    match why {
        NotMade::Failed(code) => Ok(code),
        NotMade::Infected(file) => {
            app.store
                .add_quarantined(room, owner, &file, now_ms())
                .await?;
            tracing::warn!(user = %owner, %room, file = %file.id, virus = file.virus, "a virus was found");
            Ok(ErrorCode::Infected)
        }
    }
}
