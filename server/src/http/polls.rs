//! What is asked of polls over HTTP.

use axum::Json;
use axum::extract::{Path, State};
use protocol::MessageId;
use protocol::poll::{OwnVote, Voters};

use super::ApiError;
use crate::App;
use crate::accounts::SignedIn;
use crate::store::Voter;

/// `GET /messages/{message}/poll`: one's own vote, and nobody else's.
pub(super) async fn own(
    State(app): State<App>,
    me: SignedIn,
    Path(message): Path<MessageId>,
) -> Result<Json<OwnVote>, ApiError> {
    let ballot = app.files.ballot(&message, &me.person.id).await?;
    let voter = Voter {
        person: &me.person.id,
        ballot: &ballot,
    };
    Ok(Json(app.store.own_vote(&message, voter).await?))
}

/// `GET /messages/{message}/voters`.
pub(super) async fn voters(
    State(app): State<App>,
    me: SignedIn,
    Path(message): Path<MessageId>,
) -> Result<Json<Voters>, ApiError> {
    Ok(Json(app.store.voters(&message, &me.person.id).await?))
}
