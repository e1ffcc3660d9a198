//! Acknowledgements over HTTP: who has, for the staff; and what is asked of oneself.

use axum::Json;
use axum::extract::{Path, Query as Parameters, State};
use protocol::http::Acks;
use protocol::search::Found;
use protocol::{ErrorCode, MessageId};

use super::ApiError;
use super::search::{Before, by_id, take_turn};
use crate::App;
use crate::accounts::SignedIn;

/// `GET /messages/{message}/acks`.
pub(super) async fn of_message(
    State(app): State<App>,
    me: SignedIn,
    Path(message): Path<MessageId>,
) -> Result<Json<Acks>, ApiError> {
    if !me.person.role.is_staff() {
        return Err(ErrorCode::Forbidden.into());
    }
    Ok(Json(app.store.acks_of(&message, &me.person.id).await?))
}

/// `GET /acks`.
pub(super) async fn open(
    State(app): State<App>,
    me: SignedIn,
    Parameters(before): Parameters<Before>,
) -> Result<Json<Found>, ApiError> {
    take_turn(&app, &me)?;
    let before = before.after.as_ref();
    Ok(Json(by_id(
        app.store.unacknowledged(&me.person.id, before).await?,
    )))
}
